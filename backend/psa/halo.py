"""HaloPSA: REST API with OAuth client credentials.

Notes are actions. `hiddenfromuser` keeps one from customers; `sendemail` stays false. An outcome may show or mail an
action by a rule of its own, which is why a note is read back after it is written.
"""

from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from backend.psa import values
from backend.psa.calls import Calls, Reply
from backend.psa.port import InternalNote, Limits, Note, RefusedError, RemoteNote, Ticket, Visibility

LIMITS: Final = Limits(pause_s=1.0, most=250, window_s=300.0)
_PAGE: Final = 100
_MOST_PAGES: Final = 50
_EARLY_S: Final = 60.0
"""A token is renewed this long before it ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`url` is the instance, such as https://shop.halopsa.com; `outcome` is what a note is called there."""

    url: str
    client_id: str
    client_secret: str
    scope: str = "read:tickets edit:tickets read:customers"
    outcome: str = "Private Note"


def _errors(document: Any) -> str | None:
    if isinstance(document, str):
        return document
    said = (document.get(name) for name in ("Message", "message", "error_description", "error", "title"))
    return next(filter(None, map(values.words, said)), None)


class Halo:
    """See backend.psa.port.Psa."""

    def __init__(self, access: Access, calls: Calls) -> None:
        self._access = access
        self._calls = calls
        self._site = access.url.rstrip("/")
        self._token = ""
        self._token_until = 0.0

    async def check(self) -> str:
        """Sign in, and see that the outcome of notes exists."""
        me = values.record((await self._ask("GET", "/Agent/me")).json)
        outcomes = values.records((await self._ask("GET", "/Outcome")).json)
        if not any(values.words(one.get("outcome")) == self._access.outcome for one in outcomes):
            raise RefusedError(
                f"HaloPSA has no outcome “{self._access.outcome}”.",
                remedy="Enter the name of an outcome that is hidden from end users.",
                about="connector",
            )
        return f"Signed in to HaloPSA as {values.words(me.get('name')) or 'the application'}."

    async def get_ticket(self, ticket: str) -> Ticket:
        number = values.ticket_number(ticket, self._calls.name)
        query = {"includedetails": "true"}
        found = values.record((await self._ask("GET", f"/Tickets/{number}", query=query, about="ticket")).json)
        return Ticket(
            id=number,
            title=values.words(found.get("summary")) or f"Ticket {number}",
            customer=values.words(found.get("client_name")),
            description=values.words(found.get("details")),
            status=values.words(values.record(found.get("status")).get("name") or found.get("status_name")),
            url=f"{self._site}/ticket?id={number}",
        )

    async def notes(self, ticket: str) -> list[RemoteNote]:
        number = values.ticket_number(ticket, self._calls.name)
        found: list[RemoteNote] = []
        for page in range(1, _MOST_PAGES + 1):
            paged = {"pageinate": "true", "page_size": _PAGE, "page_no": page}
            query = {"ticket_id": number, "excludesys": "true", **paged}
            answer = values.record((await self._ask("GET", "/Actions", query=query, about="ticket")).json)
            actions = values.records(answer.get("actions"))
            found += map(_note, actions)
            count = answer.get("record_count")
            if len(actions) < _PAGE or (isinstance(count, int) and page * _PAGE >= count):
                break
        return found

    async def add_note(self, ticket: str, note: Note) -> str:
        action = {
            "ticket_id": int(values.ticket_number(ticket, self._calls.name)),
            "outcome": self._access.outcome if isinstance(note, InternalNote) else "Email User",
            "note": note.text,
            "hiddenfromuser": isinstance(note, InternalNote),
            "sendemail": False,
        }
        made = (await self._ask("POST", "/Actions", json=[action], about="ticket")).json
        first = made[0] if isinstance(made, list) and made else made
        return str(values.record(first).get("id") or "")

    async def read_note(self, ticket: str, note_id: str) -> RemoteNote | None:
        return next((one for one in await self.notes(ticket) if one.id == note_id), None)

    async def hide_note(self, ticket: str, note_id: str) -> None:
        number = int(values.ticket_number(ticket, self._calls.name))
        action = {"id": int(note_id), "ticket_id": number, "hiddenfromuser": True, "sendemail": False}
        await self._ask("POST", "/Actions", json=[action], about="ticket")

    async def remove_note(self, ticket: str, note_id: str) -> None:
        query = {"ticket_id": values.ticket_number(ticket, self._calls.name)}
        await self._ask("DELETE", f"/Actions/{values.segment(note_id)}", query=query, about="ticket")

    async def member_email(self, member: str) -> str | None:
        found = values.record((await self._ask("GET", f"/Agent/{values.segment(member)}")).json)
        return values.words(found.get("email"))

    async def set_status(self, ticket: str, label: str) -> None:
        statuses = values.records((await self._ask("GET", "/Status", query={"type": "ticket"})).json)
        found = next((one for one in statuses if values.words(one.get("name")) == label), None)
        if found is None:
            raise RefusedError(
                f"HaloPSA has no status “{label}”.",
                remedy="Enter a status of tickets as HaloPSA has it.",
                about="ticket",
            )
        await self._change(ticket, status_id=found.get("id"))

    async def assign(self, ticket: str, email: str) -> None:
        agents = values.records((await self._ask("GET", "/Agent", query={"search": email})).json)
        found = [one for one in agents if (values.words(one.get("email")) or "").lower() == email.lower()]
        if len(found) != 1:
            raise RefusedError(
                f"{len(found) or 'No'} agents of HaloPSA have the address {email}.",
                remedy="Give the agent the address that the person has in FlowPilot.",
                about="ticket",
            )
        await self._change(ticket, agent_id=found[0].get("id"))

    async def _change(self, ticket: str, **fields: object) -> None:
        change = {"id": int(values.ticket_number(ticket, self._calls.name)), **fields}
        await self._ask("POST", "/Tickets", json=[change], about="ticket")

    async def _ask(self, method: str, path: str, *, about: str = "connector", **more: Any) -> Reply:
        """With a token; one that they have taken back early is renewed once."""
        fresh = monotonic() >= self._token_until
        if fresh:
            await self._sign_in()
        try:
            return await self._send(method, path, about, more)
        except RefusedError as error:
            if fresh or " answered 401" not in error.text:
                raise
        await self._sign_in()
        return await self._send(method, path, about, more)

    async def _send(self, method: str, path: str, about: str, more: dict[str, Any]) -> Reply:
        headers = {"Authorization": f"Bearer {self._token}"}
        return await self._calls(
            method, f"{self._site}/api{path}", headers=headers, about=about, errors=_errors, **more
        )

    async def _sign_in(self) -> None:
        info = values.record((await self._calls("GET", f"{self._site}/api/authinfo", headers={}, errors=_errors)).json)
        where = values.words(info.get("auth_url")) or f"{self._site}/auth"
        if not values.same_house(self._site, where):
            raise RefusedError(
                "HaloPSA names a sign-in address of another domain; the secret was not sent there.",
                remedy="Enter the instance's own address.",
                about="connector",
            )
        tenant = values.words(info.get("tenant_id"))
        reply = await self._calls(
            "POST",
            f"{where.rstrip('/')}/token",
            headers={},
            query={"tenant": tenant} if tenant else None,
            form={
                "grant_type": "client_credentials",
                "client_id": self._access.client_id,
                "client_secret": self._access.client_secret,
                "scope": self._access.scope,
            },
            errors=_errors,
        )
        answer = values.record(reply.json)
        self._token = values.words(answer.get("access_token")) or ""
        lasts = answer.get("expires_in")
        self._token_until = monotonic() + (float(lasts) if isinstance(lasts, int | float) else 600.0) - _EARLY_S


def _note(one: dict[str, Any]) -> RemoteNote:
    """Internal is what is hidden from end users and nothing else."""
    return RemoteNote(
        id=str(one.get("id")),
        text=values.words(one.get("note")) or values.words(one.get("note_html")) or "",
        visibility=Visibility.INTERNAL if one.get("hiddenfromuser") is True else Visibility.PUBLIC,
        author=values.words(one.get("who_agentid") or one.get("actionby_agent_id")),
        at=values.moment(one.get("datetime") or one.get("actiondatecreated")),
    )
