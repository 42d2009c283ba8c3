"""ConnectWise PSA (Manage): REST API 3.0 with a member's API keys.

Notes: `internalAnalysisFlag` is the internal part of a ticket; `detailDescriptionFlag` and `resolutionFlag` are read by
the customer. `processNotifications` and `customerUpdatedFlag` stay false, so that no mail goes out.
"""

import base64
import re
from dataclasses import dataclass
from typing import Any, Final

from backend.psa import values
from backend.psa.calls import Calls, Reply
from backend.psa.port import InternalNote, Limits, Note, RefusedError, RemoteNote, Ticket, Visibility

LIMITS: Final = Limits(pause_s=1.0, most=3_000, window_s=3_600.0)
_ACCEPT: Final = "application/vnd.connectwise.com+json; version=2024.1"
_PAGE: Final = 100
_MOST_PAGES: Final = 50
_CODEBASE: Final = re.compile(r"[A-Za-z0-9_.]+(/[A-Za-z0-9_.]+)*")
_LINK_NEXT: Final = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')
_PUBLIC_FLAGS: Final = ("detailDescriptionFlag", "resolutionFlag", "externalFlag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`url` is the site, such as https://api-na.myconnectwise.net."""

    url: str
    company: str
    client_id: str
    public_key: str
    private_key: str


def _errors(document: Any) -> str | None:
    said = [values.words(document.get("message"))]
    said += [values.words(one.get("message")) for one in values.records(document.get("errors"))]
    return " ".join(filter(None, said)) or None


class ConnectWise:
    """See backend.psa.port.Psa."""

    def __init__(self, access: Access, calls: Calls) -> None:
        self._access = access
        self._calls = calls
        self._found: str | None = None
        pair = f"{access.company}+{access.public_key}:{access.private_key}"
        self._headers = {
            "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
            "clientId": access.client_id,
            "Accept": _ACCEPT,
        }

    async def check(self) -> str:
        """System information needs no more than to be signed in."""
        info = values.record((await self._ask("GET", "/system/info")).json)
        return f"Signed in to ConnectWise {values.words(info.get('version')) or ''} as {self._access.company}."

    async def get_ticket(self, ticket: str) -> Ticket:
        number = values.ticket_number(ticket, self._calls.name)
        found = values.record((await self._ask("GET", f"/service/tickets/{number}", about="ticket")).json)
        company = values.record(found.get("company"))
        description = values.words(found.get("initialDescription")) or await self._first_words(number)
        return Ticket(
            id=number,
            title=values.words(found.get("summary")) or f"Ticket {number}",
            customer=values.words(company.get("name")) or values.words(company.get("identifier")),
            description=description,
            status=values.words(values.record(found.get("status")).get("name")),
            url=None,
        )

    async def notes(self, ticket: str) -> list[RemoteNote]:
        number = values.ticket_number(ticket, self._calls.name)
        return [_note(one) for one in await self._all_notes(number)]

    async def add_note(self, ticket: str, note: Note) -> str:
        internal = isinstance(note, InternalNote)
        body = {
            "text": note.text,
            "internalAnalysisFlag": internal,
            "detailDescriptionFlag": not internal,
            "resolutionFlag": False,
            "customerUpdatedFlag": False,
            "processNotifications": False,
        }
        made = (await self._ask("POST", self._path(ticket), json=body, about="ticket")).json
        return str(values.record(made).get("id") or "")

    async def read_note(self, ticket: str, note_id: str) -> RemoteNote | None:
        return next((one for one in await self.notes(ticket) if one.id == note_id), None)

    async def hide_note(self, ticket: str, note_id: str) -> None:
        flags = {"detailDescriptionFlag": False, "resolutionFlag": False, "internalAnalysisFlag": True}
        patch = [{"op": "replace", "path": name, "value": value} for name, value in flags.items()]
        await self._ask("PATCH", f"{self._path(ticket)}/{values.segment(note_id)}", json=patch, about="ticket")

    async def remove_note(self, ticket: str, note_id: str) -> None:
        await self._ask("DELETE", f"{self._path(ticket)}/{values.segment(note_id)}", about="ticket")

    async def member_email(self, member: str) -> str | None:
        found = values.record((await self._ask("GET", f"/system/members/{values.segment(member)}")).json)
        addresses = (found.get(name) for name in ("officeEmail", "primaryEmail", "homeEmail"))
        return next(filter(None, map(values.words, addresses)), None)

    async def set_status(self, ticket: str, label: str) -> None:
        await self._patch(ticket, "status/name", label)

    async def assign(self, ticket: str, email: str) -> None:
        quoted = email.replace('"', "")
        query = {"conditions": f'officeEmail="{quoted}" and inactiveFlag=false', "pageSize": 2}
        found = values.records((await self._ask("GET", "/system/members", query=query)).json)
        if len(found) != 1:
            raise RefusedError(
                f"{len(found) or 'No'} members of ConnectWise have the address {email}.",
                remedy="Give the member the address that the person has in FlowPilot.",
                about="ticket",
            )
        await self._patch(ticket, "owner/id", found[0].get("id"))

    async def _patch(self, ticket: str, path: str, value: object) -> None:
        number = values.ticket_number(ticket, self._calls.name)
        body = [{"op": "replace", "path": path, "value": value}]
        await self._ask("PATCH", f"/service/tickets/{number}", json=body, about="ticket")

    def _path(self, ticket: str) -> str:
        return f"/service/tickets/{values.ticket_number(ticket, self._calls.name)}/notes"

    async def _first_words(self, number: str) -> str | None:
        """The description of a ticket is its first discussion note."""
        discussion = [one for one in await self._all_notes(number) if one.get("detailDescriptionFlag")]
        return values.words(discussion[-1].get("text")) if discussion else None

    async def _all_notes(self, number: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(1, _MOST_PAGES + 1):
            query = {"orderBy": "id desc", "page": page, "pageSize": _PAGE}
            reply = await self._ask("GET", f"/service/tickets/{number}/notes", query=query, about="ticket")
            found += values.records(reply.json)
            if not _LINK_NEXT.search(reply.headers.get("link", "")):
                break
        return found

    async def _ask(self, method: str, path: str, *, about: str = "connector", **more: Any) -> Reply:
        base = await self._base()
        return await self._calls(method, f"{base}{path}", headers=self._headers, about=about, errors=_errors, **more)

    async def _base(self) -> str:
        """The version's part of the address is asked of the site itself."""
        if self._found is None:
            site = self._access.url.rstrip("/")
            where = f"{site}/login/companyinfo/{values.segment(self._access.company)}"
            info = values.record((await self._calls("GET", where, headers={}, errors=_errors)).json)
            codebase = (values.words(info.get("Codebase")) or "").strip("/")
            if not _CODEBASE.fullmatch(codebase) or ".." in codebase:
                raise RefusedError(
                    f"ConnectWise knows no company “{self._access.company}”.",
                    remedy="Enter the company id that is typed at ConnectWise's sign-in.",
                    about="connector",
                )
            self._found = f"{site}/{codebase}/apis/3.0"
        return self._found


def _note(one: dict[str, Any]) -> RemoteNote:
    """Internal is what is flagged so and nothing else."""
    public = any(one.get(flag) for flag in _PUBLIC_FLAGS) or not one.get("internalAnalysisFlag")
    return RemoteNote(
        id=str(one.get("id")),
        text=values.words(one.get("text")) or "",
        visibility=Visibility.PUBLIC if public else Visibility.INTERNAL,
        author=values.words(values.record(one.get("member")).get("id")),
        at=values.moment(one.get("dateCreated") or values.record(one.get("_info")).get("dateEntered")),
    )
