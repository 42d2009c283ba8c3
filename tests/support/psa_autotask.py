"""A local Autotask PSA: zone information, header credentials, picklists, `item` and `items`, pages by address."""

import re
from typing import Any

from tests.support.psa_server import Asked, PsaServer, Stored, StoredTicket, Told

SECRET = "autotask-secret-hush"
_REST = "/ATServicesRest"
_PUBLIC, _INTERNAL, _CO_MANAGED = 1, 2, 4


class AutotaskServer(PsaServer):
    system = "autotask"
    page = 50

    def access(self) -> dict[str, str]:
        return {
            "url": self.url,
            "user_name": "api@northwind.example",
            "secret": SECRET,
            "integration_code": "ATCODE1234567890",
        }

    def refusal(self, status: int, words: str, headers: tuple[tuple[str, str], ...] = ()) -> Told:
        return Told(status, {"errors": [words]}, headers)

    async def answer(self, asked: Asked) -> Told:
        if asked.path == "/atservicesrest/v1.0/zoneInformation":
            if asked.query.get("user") != "api@northwind.example":
                return self.refusal(500, "No zone was found for this user.")
            zone = {"zoneName": "Local", "url": f"{self.url}{_REST}/", "webUrl": self.url, "ci": 1}
            return Told(200, zone)
        if not asked.path.startswith(f"{_REST}/V1.0"):
            return Told(404, raw=("text/html", b"<h1>404</h1>"))
        given = tuple(asked.headers.get(name) for name in ("username", "secret", "apiintegrationcode"))
        if given != ("api@northwind.example", SECRET, "ATCODE1234567890"):
            return Told(401, raw=("text/html", b"<h1>401 - Unauthorized</h1>"))
        return await self._route(asked, asked.path.removeprefix(f"{_REST}/V1.0"))

    async def _route(self, asked: Asked, path: str) -> Told:  # noqa: PLR0911 - a table of routes
        if path.endswith("/entityInformation/fields"):
            return Told(200, {"fields": _fields(self.statuses)})
        if found := re.fullmatch(r"/Resources/(\d+)", path):
            return Told(200, {"item": {"id": int(found[1]), "email": self.members.get(int(found[1]))}})
        if path == "/Companies/2":
            return Told(200, {"item": {"id": 2, "companyName": "Contoso"}})
        if path.endswith("/query"):
            return self._query(path, asked.json["filter"][0])
        if path == "/Tickets" and asked.method == "PATCH":
            return self._change(asked.json)
        found = re.fullmatch(r"/Tickets/(\d+)(/Notes(?:/(\d+))?)?", path)
        if found is None:
            return Told(404, raw=("text/html", b"<h1>404</h1>"))
        ticket = self.tickets.get(int(found[1]))
        if not found[2]:
            return Told(200, {"item": _ticket(ticket, self.statuses) if ticket else None})
        number = int(found[3]) if found[3] else None
        return await self.with_fault(asked, lambda: self._notes(asked, ticket, number))

    def _query(self, path: str, wanted: dict[str, Any]) -> Told:
        if path.startswith("/ResourceRoles"):
            return Told(200, {"items": [{"id": 1, "resourceID": wanted["value"], "roleID": 29}], "pageDetails": {}})
        found = [{"id": n, "email": e} for n, e in self.members.items() if e == wanted["value"]]
        return Told(200, {"items": found, "pageDetails": {}})

    def _change(self, given: dict[str, Any]) -> Told:
        ticket = self.tickets[given["id"]]
        if ("assignedResourceID" in given) != ("assignedResourceRoleID" in given):
            return self.refusal(500, "Both assignedResourceID and assignedResourceRoleID must have a value")
        ticket.owner = given.get("assignedResourceID", ticket.owner)
        ticket.status = self.statuses.get(int(given.get("status") or 0), ticket.status)
        return Told(200, {"itemId": ticket.id})

    def _notes(self, asked: Asked, ticket: StoredTicket | None, number: int | None) -> Told:
        if asked.method == "POST":
            return self._post(asked.json, ticket)
        notes = ticket.notes if ticket else []
        if asked.method == "PATCH":
            given = asked.json
            one = next(n for n in notes if n.id == given["id"])
            if "publish" in given and not self.hiding_fails:
                one.public = given["publish"] != _INTERNAL
            if "description" in given:
                if self.removing_fails:
                    return self.refusal(500, "The logged in user does not have permission to edit this note")
                one.text = given["description"]
            return Told(200, {"itemId": one.id})
        if number is not None:
            found = next((n for n in notes if n.id == number), None)
            return Told(200, {"item": _shown(ticket, found) if ticket and found else None})
        start = int(asked.query.get("start", 0))
        shown, more = notes[start : start + self.page], start + self.page < len(notes)
        address = f"{self.url}{asked.path}?start={start + self.page}" if more else None
        details = {"count": len(shown), "requestCount": self.page, "prevPageUrl": None, "nextPageUrl": address}
        return Told(200, {"items": [_shown(ticket, one) for one in shown if ticket], "pageDetails": details})

    def _post(self, given: dict[str, Any], ticket: StoredTicket | None) -> Told:
        missing = [name for name in ("title", "description", "noteType", "publish") if not given.get(name)]
        if ticket is None or given.get("ticketID") != ticket.id:
            return self.refusal(500, "ticketID: the referenced ticket does not exist")
        if missing or len(given["title"]) > 250:
            return self.refusal(500, f"Missing Required Field: {', '.join(missing)}")
        one = self.save(ticket, given["description"], public=given["publish"] != _INTERNAL, title=given["title"])
        return Told(200, {"itemId": one.id})


def _fields(statuses: dict[int, str]) -> list[dict[str, Any]]:
    def listed(*pairs: tuple[int, str]) -> list[dict[str, Any]]:
        return [{"value": str(value), "label": label, "isActive": True} for value, label in pairs]

    publish = listed(
        (_CO_MANAGED, "Internal & Co-Managed"), (_PUBLIC, "All Autotask Users"), (_INTERNAL, "Internal Only")
    )
    return [
        {"name": "publish", "dataType": "integer", "isPickList": True, "picklistValues": publish},
        {"name": "noteType", "isPickList": True, "picklistValues": listed((13, "Workflow Rule"), (1, "Task Notes"))},
        {"name": "status", "isPickList": True, "picklistValues": listed(*statuses.items())},
    ]


def _ticket(one: StoredTicket, statuses: dict[int, str]) -> dict[str, Any]:
    status = next(value for value, label in statuses.items() if label == one.status)
    return {"id": one.id, "title": one.title, "description": one.description, "companyID": 2, "status": status}


def _shown(ticket: StoredTicket, one: Stored) -> dict[str, Any]:
    return {
        "id": one.id,
        "ticketID": ticket.id,
        "title": one.title,
        "description": one.text,
        "publish": _PUBLIC if one.public else _INTERNAL,
        "noteType": 1,
        "creatorResourceID": one.author,
        "createDateTime": one.at.isoformat().replace("+00:00", "Z"),
    }
