"""A local HaloPSA: authinfo, client credentials per tenant, tokens that end, arrays of actions, pages by number."""

import re
from typing import Any
from urllib.parse import parse_qs

from tests.support.psa_server import Asked, PsaServer, Stored, StoredTicket, Told

CLIENT_SECRET = "halo-client-secret-hush"


class HaloServer(PsaServer):
    system = "halo"

    def __init__(self) -> None:
        super().__init__()
        self.tokens: list[str] = []

    def access(self) -> dict[str, str]:
        return {"url": self.url, "client_id": "halo-client", "client_secret": CLIENT_SECRET}

    def take_tokens_back(self) -> None:
        self.tokens = [f"{one}-gone" for one in self.tokens]

    def refusal(self, status: int, words: str, headers: tuple[tuple[str, str], ...] = ()) -> Told:
        return Told(status, {"ClassName": "System.Exception", "Message": words}, headers)

    async def answer(self, asked: Asked) -> Told:
        if asked.path == "/api/authinfo":
            return Told(200, {"auth_url": f"{self.url}/auth", "tenant_id": "northwind"})
        if asked.path == "/auth/token":
            return self._token(asked)
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return Told(401, raw=("text/plain", b"Unauthorized"))
        return await self._route(asked, asked.path.removeprefix("/api"))

    def _token(self, asked: Asked) -> Told:
        form = {name: given[0] for name, given in parse_qs(asked.body.decode()).items()}
        right = (form.get("client_id"), form.get("client_secret")) == ("halo-client", CLIENT_SECRET)
        if asked.query.get("tenant") != "northwind" or form.get("grant_type") != "client_credentials" or not right:
            return Told(400, {"error": "invalid_client", "error_description": "The client credentials are invalid."})
        if "tickets" not in form.get("scope", ""):
            return Told(400, {"error": "invalid_scope"})
        self.tokens.append(f"halo-token-{len(self.tokens)}")
        return Told(200, {"access_token": self.tokens[-1], "token_type": "Bearer", "expires_in": 3600})

    async def _route(self, asked: Asked, path: str) -> Told:  # noqa: PLR0911 - a table of routes
        if path == "/Agent/me":
            return Told(200, {"id": 7, "name": "FlowPilot"})
        if found := re.fullmatch(r"/Agent/(\d+)", path):
            return Told(200, {"id": int(found[1]), "email": self.members.get(int(found[1]))})
        if path == "/Agent":
            return Told(200, [{"id": n, "email": e} for n, e in self.members.items() if asked.query["search"] in e])
        if path == "/Outcome":
            return Told(200, [{"id": 1, "outcome": "Email User"}, {"id": 4, "outcome": "Private Note"}])
        if path == "/Status":
            return Told(200, [{"id": n, "name": name} for n, name in self.statuses.items()])
        if path.startswith("/Actions"):
            return await self.with_fault(asked, lambda: self._actions(asked, path))
        if found := re.fullmatch(r"/Tickets(?:/(\d+))?", path):
            return self._tickets(asked, int(found[1]) if found[1] else None)
        return Told(404, raw=("text/html", b"<h1>404</h1>"))

    def _tickets(self, asked: Asked, number: int | None) -> Told:
        if asked.method == "POST":
            (given,) = asked.json
            number = given["id"]
            ticket = self.tickets[int(number or 0)]
            ticket.status = self.statuses.get(given.get("status_id"), ticket.status)
            ticket.owner = given.get("agent_id", ticket.owner)
        found = self.tickets.get(number or 0)
        if found is None:
            return self.refusal(404, "Ticket not found")
        shown = {"id": found.id, "summary": found.title, "details": found.description, "client_name": found.customer}
        return Told(200, {**shown, "status_name": found.status})

    def _actions(self, asked: Asked, path: str) -> Told:
        if asked.method == "POST":
            return self._post(asked.json)
        ticket = self.tickets.get(int(asked.query["ticket_id"]))
        if ticket is None:
            return self.refusal(404, "Ticket not found")
        if asked.method == "DELETE":
            if self.removing_fails:
                return Told(403, raw=("text/plain", b"You do not have permission"))
            ticket.notes = [one for one in ticket.notes if one.id != int(path.rpartition("/")[2])]
            return Told(200, {})
        size, page = int(asked.query.get("page_size", 50)), int(asked.query.get("page_no", 1))
        found = sorted(ticket.notes, key=lambda one: one.id, reverse=True)
        shown = found[(page - 1) * size : page * size] if asked.query.get("pageinate") == "true" else found[:50]
        return Told(200, {"record_count": len(found), "actions": [_shown(ticket, one) for one in shown]})

    def _post(self, given: Any) -> Told:
        if not isinstance(given, list):
            return self.refusal(400, "Cannot deserialize the current JSON object into type 'List`1[Faults_Actions]'")
        action = given[0]
        ticket = self.tickets.get(action["ticket_id"])
        if ticket is None:
            return self.refusal(404, "Ticket not found")
        if "id" in action:
            one = next(n for n in ticket.notes if n.id == action["id"])
            if not self.hiding_fails and action.get("hiddenfromuser"):
                one.public = False
            return Told(201, _shown(ticket, one))
        if "outcome" not in action and "outcome_id" not in action:
            return self.refusal(400, "Please select an outcome")
        one = self.save(ticket, action["note"], public=not action.get("hiddenfromuser", False))
        one.mailed = bool(action.get("sendemail"))
        return Told(201, _shown(ticket, one))


def _shown(ticket: StoredTicket, one: Stored) -> dict[str, Any]:
    return {
        "id": one.id,
        "ticket_id": ticket.id,
        "note": one.text,
        "hiddenfromuser": not one.public,
        "who_agentid": one.author or 0,
        "datetime": one.at.strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "outcome": "Private Note",
    }
