"""Autotask PSA: REST API 1.0 of an API-only user, in whichever zone the user's database lives.

Notes: `publish` says who reads one; its values are asked of the tenant and told apart by label, never assumed. Notes
cannot be deleted by API: one that must go is hidden, and its words are taken out.
"""

from dataclasses import dataclass
from typing import Any, Final

from backend.psa import values
from backend.psa.calls import Calls, Reply
from backend.psa.port import InternalNote, Limits, Note, RefusedError, RemoteNote, Ticket, Visibility

LIMITS: Final = Limits(pause_s=0.5, most=200, window_s=3_600.0)
"""The database's 10,000 requests an hour belong to all its integrations: our share is small and serial."""
_MOST_PAGES: Final = 50
_LONGEST_TITLE: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`url` is where the zone is asked for; `zone` is the zone's address, given by hand where that answers nothing."""

    user_name: str
    secret: str
    integration_code: str
    url: str = "https://webservices.autotask.net"
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class _Lists:
    """What the tenant calls things: values of `publish` that only staff reads, one for everybody, the type of notes."""

    internal: frozenset[str]
    everybody: str | None
    note_type: str


def _errors(document: Any) -> str | None:
    return " ".join(filter(None, map(values.words, document["errors"]))) or None


class Autotask:
    """See backend.psa.port.Psa."""

    def __init__(self, access: Access, calls: Calls) -> None:
        self._access = access
        self._calls = calls
        self._base = f"{access.zone.rstrip('/')}/V1.0" if access.zone else ""
        self._lists: _Lists | None = None
        self._headers = {
            "ApiIntegrationCode": access.integration_code,
            "UserName": access.user_name,
            "Secret": access.secret,
        }

    async def check(self) -> str:
        """Find the zone, sign in, and see that notes can be internal."""
        await self._known_lists()
        return f"Signed in to Autotask as {self._access.user_name}."

    async def get_ticket(self, ticket: str) -> Ticket:
        number = values.ticket_number(ticket, self._calls.name)
        found = await self._item(f"/Tickets/{number}", about="ticket")
        if not found:
            raise _no_ticket(number)
        company = found.get("companyID")
        customer = await self._item(f"/Companies/{values.segment(str(company))}") if company is not None else {}
        statuses = await self._picklist("Tickets", "status")
        return Ticket(
            id=number,
            title=values.words(found.get("title")) or f"Ticket {number}",
            customer=values.words(customer.get("companyName")),
            description=values.words(found.get("description")),
            status=next((label for label, value in statuses if value == str(found.get("status"))), None),
            url=None,
        )

    async def notes(self, ticket: str) -> list[RemoteNote]:
        number = values.ticket_number(ticket, self._calls.name)
        lists = await self._known_lists()
        await self._must_exist(number)
        base = await self._zone()
        url: str | None = f"{base}/Tickets/{number}/Notes"
        found: list[dict[str, Any]] = []
        for _ in range(_MOST_PAGES):
            if url is None:
                break
            if not values.same_house(base, url):
                raise RefusedError(
                    "Autotask names a further page at another domain; nothing was asked there.",
                    remedy="Report it to Autotask.",
                    about="connector",
                )
            answer = values.record((await self._send("GET", url, about="ticket")).json)
            found += values.records(answer.get("items"))
            url = values.words(values.record(answer.get("pageDetails")).get("nextPageUrl"))
        found.sort(key=lambda one: one.get("id") or 0, reverse=True)
        return [_note(one, lists) for one in found]

    async def add_note(self, ticket: str, note: Note) -> str:
        number = values.ticket_number(ticket, self._calls.name)
        lists = await self._known_lists()
        publish = min(lists.internal) if isinstance(note, InternalNote) else lists.everybody
        body = {
            "ticketID": int(number),
            "title": values.first_line(note.title, _LONGEST_TITLE),
            "description": note.text,
            "noteType": int(lists.note_type),
            "publish": int(publish or min(lists.internal)),
        }
        made = values.record((await self._ask("POST", f"/Tickets/{number}/Notes", json=body, about="ticket")).json)
        return str(made.get("itemId") or "")

    async def read_note(self, ticket: str, note_id: str) -> RemoteNote | None:
        number = values.ticket_number(ticket, self._calls.name)
        found = await self._item(f"/Tickets/{number}/Notes/{values.segment(note_id)}", about="ticket")
        return _note(found, await self._known_lists()) if found else None

    async def hide_note(self, ticket: str, note_id: str) -> None:
        lists = await self._known_lists()
        await self._change_note(ticket, note_id, publish=int(min(lists.internal)))

    async def remove_note(self, ticket: str, note_id: str) -> None:
        await self._change_note(ticket, note_id, title="Removed", description="Removed by FlowPilot.")

    async def member_email(self, member: str) -> str | None:
        return values.words((await self._item(f"/Resources/{values.segment(member)}")).get("email"))

    async def set_status(self, ticket: str, label: str) -> None:
        found = [value for name, value in await self._picklist("Tickets", "status") if name == label]
        if not found:
            raise RefusedError(
                f"Autotask has no ticket status “{label}”.",
                remedy="Enter a status of tickets as Autotask has it.",
                about="ticket",
            )
        await self._change(ticket, status=int(found[0]))

    async def assign(self, ticket: str, email: str) -> None:
        people = await self._query("Resources", "email", email)
        if len(people) != 1:
            raise RefusedError(
                f"{len(people) or 'No'} resources of Autotask have the address {email}.",
                remedy="Give the resource the address that the person has in FlowPilot.",
                about="ticket",
            )
        resource = people[0].get("id")
        roles = await self._query("ResourceRoles", "resourceID", resource)
        if not roles:
            raise RefusedError(
                f"{email} has no role in Autotask.", remedy="Give the resource a role there.", about="ticket"
            )
        await self._change(ticket, assignedResourceID=resource, assignedResourceRoleID=roles[0].get("roleID"))

    async def _change(self, ticket: str, **fields: object) -> None:
        body = {"id": int(values.ticket_number(ticket, self._calls.name)), **fields}
        await self._ask("PATCH", "/Tickets", json=body, about="ticket")

    async def _change_note(self, ticket: str, note_id: str, **fields: object) -> None:
        number = values.ticket_number(ticket, self._calls.name)
        body = {"id": int(note_id), **fields}
        await self._ask("PATCH", f"/Tickets/{number}/Notes", json=body, about="ticket")

    async def _query(self, entity: str, field: str, value: object) -> list[dict[str, Any]]:
        body = {"filter": [{"op": "eq", "field": field, "value": value}]}
        answer = values.record((await self._ask("POST", f"/{entity}/query", json=body)).json)
        return values.records(answer.get("items"))

    async def _must_exist(self, number: str) -> None:
        """The notes of a ticket that is not there are an empty list and no error."""
        if not await self._item(f"/Tickets/{number}", about="ticket"):
            raise _no_ticket(number)

    async def _item(self, path: str, *, about: str = "connector") -> dict[str, Any]:
        """One thing; empty where there is none, which Autotask answers with 200."""
        return values.record(values.record((await self._ask("GET", path, about=about)).json).get("item"))

    async def _picklist(self, entity: str, field: str) -> list[tuple[str, str]]:
        """Labels and values of a list, active ones only."""
        answer = values.record((await self._ask("GET", f"/{entity}/entityInformation/fields")).json)
        for one in values.records(answer.get("fields")):
            if one.get("name") == field:
                listed = values.records(one.get("picklistValues"))
                return [(str(v.get("label")), str(v.get("value"))) for v in listed if v.get("isActive") is not False]
        return []

    async def _known_lists(self) -> _Lists:
        if self._lists is None:
            publish = await self._picklist("TicketNotes", "publish")
            kinds = await self._picklist("TicketNotes", "noteType")
            internal = frozenset(value for label, value in publish if value.isdigit() and _staff_only(label))
            if not internal or not kinds:
                raise RefusedError(
                    "Autotask lists no way to publish a note internally, or no type of notes.",
                    remedy="Let the API user's security level see ticket notes and their lists.",
                    about="connector",
                )
            preferred = [value for label, value in kinds if "note" in label.lower()]
            everybody = next((value for label, value in publish if label.lower().startswith("all")), None)
            self._lists = _Lists(internal, everybody, (preferred or [kinds[0][1]])[0])
        return self._lists

    async def _ask(self, method: str, path: str, **more: Any) -> Reply:
        return await self._send(method, f"{await self._zone()}{path}", **more)

    async def _send(self, method: str, url: str, **more: Any) -> Reply:
        return await self._calls(method, url, headers=self._headers, errors=_errors, **more)

    async def _zone(self) -> str:
        if not self._base:
            where = f"{self._access.url.rstrip('/')}/atservicesrest/v1.0/zoneInformation"
            query = {"user": self._access.user_name}
            info = values.record((await self._calls("GET", where, headers={}, query=query, errors=_errors)).json)
            url = values.words(info.get("url"))
            if url is None or not values.same_house(self._access.url, url):
                raise RefusedError(
                    f"Autotask names no zone for {self._access.user_name}.",
                    remedy="Correct the user name, or enter the zone's address by hand.",
                    about="connector",
                )
            self._base = f"{url.rstrip('/')}/V1.0"
        return self._base


def _staff_only(label: str) -> bool:
    """Co-managed users are people of the customer."""
    words = label.lower()
    return "internal" in words and "managed" not in words


def _no_ticket(number: str) -> RefusedError:
    return RefusedError(
        f"Autotask has no ticket {number}, or the API user may not see it.",
        remedy="See whether the ticket still exists and whether the connector's user may see it.",
        about="ticket",
    )


def _note(one: dict[str, Any], lists: _Lists) -> RemoteNote:
    """Internal is what is published to staff only and nothing else."""
    return RemoteNote(
        id=str(one.get("id")),
        text=values.words(one.get("description")) or "",
        visibility=Visibility.INTERNAL if str(one.get("publish")) in lists.internal else Visibility.PUBLIC,
        author=values.words(one.get("creatorResourceID")),
        at=values.moment(one.get("createDateTime")),
    )
