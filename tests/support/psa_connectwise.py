"""A local ConnectWise PSA: companyinfo, Basic keys with clientId and versioned Accept, Link pages, JSON patches."""

import base64
import re
from typing import Any

from tests.support.psa_server import Asked, PsaServer, Stored, StoredTicket, Told

CODEBASE = "v2024_1/"
_BASE = "/v2024_1/apis/3.0"
CLIENT_ID = "0f6a2f4e-8f0a-4a6f-9a57-2f8f7c0a1b11"
PRIVATE_KEY = "cw-private-key-hush"
SIGNING_KEY = "cw-signing-key"


class ConnectWiseServer(PsaServer):
    system = "connectwise"

    def access(self) -> dict[str, str]:
        return {
            "url": self.url,
            "company": "northwind",
            "client_id": CLIENT_ID,
            "public_key": "cw-public",
            "private_key": PRIVATE_KEY,
        }

    def refusal(self, status: int, words: str, headers: tuple[tuple[str, str], ...] = ()) -> Told:
        return Told(status, {"code": "Error", "message": words, "errors": None}, headers)

    async def answer(self, asked: Asked) -> Told:
        if asked.path.startswith("/login/companyinfo/"):
            known = asked.path.endswith("/northwind")
            return Told(200, {"CompanyName": "Northwind", "Codebase": CODEBASE} if known else None)
        if asked.path == "/v2024_1/auth/key-1":
            return Told(200, {"signing_key": SIGNING_KEY})
        if not asked.path.startswith(_BASE):
            return Told(404, raw=("text/html", b"<h1>404</h1>"))
        pair = base64.b64encode(f"northwind+cw-public:{PRIVATE_KEY}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {pair}" or asked.headers.get("clientid") != CLIENT_ID:
            return Told(401, {"code": "Unauthorized", "message": "Cannot route. Codebase/company is invalid."})
        if "application/vnd.connectwise.com+json" not in asked.headers.get("accept", ""):
            return self.refusal(406, "Accept")
        return await self._route(asked, asked.path.removeprefix(_BASE))

    async def _route(self, asked: Asked, path: str) -> Told:
        if path == "/system/info":
            return Told(200, {"version": "v2024.1", "isCloud": True})
        if found := re.fullmatch(r"/system/members/(\d+)", path):
            who = int(found[1])
            return Told(200, {"id": who, "identifier": f"m{who}", "officeEmail": self.members.get(who)})
        if path == "/system/members":
            wanted = re.search(r'officeEmail="([^"]*)"', asked.query.get("conditions", ""))
            email = wanted[1] if wanted else ""
            return Told(200, [{"id": n, "officeEmail": e} for n, e in self.members.items() if e == email])
        found = re.fullmatch(r"/service/tickets/(\d+)(/notes(?:/(\d+))?)?", path)
        ticket = self.tickets.get(int(found[1])) if found else None
        if found is None or ticket is None:
            return Told(404, {"code": "NotFound", "message": "Ticket not found", "errors": []})
        if found[2]:
            number = int(found[3]) if found[3] else None
            return await self.with_fault(asked, lambda: self._notes(asked, ticket, number))
        return self._ticket(asked, ticket)

    def _ticket(self, asked: Asked, ticket: StoredTicket) -> Told:
        for one in asked.json or []:
            assert one["op"] == "replace"
            if one["path"] == "status/name":
                if one["value"] not in self.statuses.values():
                    return self.refusal(400, f"Status {one['value']} is not valid for this board")
                ticket.status = one["value"]
            elif one["path"] == "owner/id":
                ticket.owner = one["value"]
        company = {"id": 2, "identifier": "contoso", "name": ticket.customer}
        status = {"id": 1, "name": ticket.status}
        document = {"id": ticket.id, "summary": ticket.title, "company": company, "status": status}
        return Told(200, {**document, "initialDescription": ticket.description})

    def _notes(self, asked: Asked, ticket: StoredTicket, number: int | None) -> Told:  # noqa: PLR0911 - one per case
        if asked.method == "POST":
            given = asked.json
            flags = (given.get("detailDescriptionFlag"), given.get("internalAnalysisFlag"), given.get("resolutionFlag"))
            if not given.get("text") or not any(flags):
                return self.refusal(400, "note object is invalid")
            one = self.save(ticket, given["text"], public=bool(flags[0] or flags[2] or not flags[1]))
            one.mailed = bool(given.get("processNotifications"))
            return Told(201, _shown(ticket, one))
        if asked.method == "GET":
            return self._page(asked, ticket)
        kept = next((n for n in ticket.notes if n.id == number), None)
        if kept is None:
            return self.refusal(404, "Note not found")
        if asked.method == "DELETE":
            if self.removing_fails:
                return self.refusal(403, "You do not have rights to delete notes")
            ticket.notes.remove(kept)
            return Told(204)
        wanted = {change["path"]: change["value"] for change in asked.json}
        if not self.hiding_fails and wanted.get("internalAnalysisFlag") and not wanted.get("detailDescriptionFlag"):
            kept.public = False
        return Told(200, _shown(ticket, kept))

    def _page(self, asked: Asked, ticket: StoredTicket) -> Told:
        size, page = min(int(asked.query.get("pageSize", 25)), 1_000), int(asked.query.get("page", 1))
        found = sorted(ticket.notes, key=lambda n: n.id, reverse="desc" in asked.query.get("orderBy", ""))
        shown = found[(page - 1) * size : page * size]
        more = page * size < len(found)
        address = f"{self.url}{asked.path}?page={page + 1}&pageSize={size}"
        link = (("Link", f'<{address}>; rel="next"'),) if more else ()
        return Told(200, [_shown(ticket, one) for one in shown], link)


def _shown(ticket: StoredTicket, one: Stored) -> dict[str, Any]:
    return {
        "id": one.id,
        "ticketId": ticket.id,
        "text": one.text,
        "detailDescriptionFlag": one.public,
        "internalAnalysisFlag": not one.public,
        "resolutionFlag": False,
        "member": {"id": one.author, "identifier": f"m{one.author}"} if one.author else None,
        "dateCreated": one.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "internalFlag": not one.public,
        "externalFlag": one.public,
    }
