"""Every route of the server with what it expects: who may use it, and what a right request to it looks like.

The generators under `tests/trust` and `tests/integration/test_tenancy.py` read this table. A route that the application
serves and that is not in it fails the build: say here who may use it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from fastapi import FastAPI

from backend.contract.vocabulary import Role

API: Final = "/api/v1"
REASON: Final = "The tunnel drops again after every key change."
Verb = Literal["get", "post", "put", "patch", "delete"]
Who = Role | Literal["anyone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """`who` is the lowest role that may; `anyone` needs no sign-in, and `why` says what protects it instead.

    `json` or `form` is a request that its own account would send; `{user_id}` in it stands for a senior. `query` goes
    behind the address. `world` names another thing than the usual one for an id of the path. An `unfinished` request
    passes the guard and is refused for what it says: one that were right would reach for another system.
    """

    who: Who
    json: Any = None
    form: dict[str, str] | None = None
    query: dict[str, str] = field(default_factory=dict)
    world: dict[str, str] = field(default_factory=dict)
    why: str = ""
    unfinished: bool = False


def _may(who: Who, json: Any = None, **world: str) -> Expected:
    return Expected(who=who, json=json, world=world)


def _form(who: Who, form: dict[str, str] | None = None, **world: str) -> Expected:
    return Expected(who=who, form=form or {}, world=world)


def _unfinished(who: Who, form: dict[str, str], **world: str) -> Expected:
    return Expected(who=who, form=form, world=world, unfinished=True)


def _open(why: str, form: dict[str, str] | None = None) -> Expected:
    return Expected(who="anyone", form=form, why=why)


_HELD: Final = {"handoff_id": "held_id", "session_id": "held_session_id"}
_WAITING: Final = {"session_id": "waiting_session_id"}

_SESSIONS: Final[dict[tuple[Verb, str], Expected]] = {
    ("get", ""): _may("viewer"),
    ("post", ""): _may("technician", {"title": "VPN drops", "problem": "It drops"}),
    ("get", "/{session_id}"): _may("viewer"),
    ("post", "/{session_id}/messages"): _may("technician", {"content": "Hello"}),
    ("post", "/{session_id}/steps"): _may("technician", {"action": "Restarted it", "outcome": "helped"}),
    ("post", "/{session_id}/facts"): _may("technician", {"label": "Firmware", "value": "7.2"}),
    ("get", "/{session_id}/stream"): _may("viewer"),
    ("patch", "/{session_id}/steps/{step_id}"): _may("technician", {"outcome": "worked"}),
    ("delete", "/{session_id}/steps/{step_id}"): _may("technician"),
    ("post", "/{session_id}/steps/{step_id}/restore"): _may("technician"),
    ("patch", "/{session_id}/facts/{fact_id}"): _may("technician", {"value": "7.4"}),
    ("delete", "/{session_id}/facts/{fact_id}"): _may("technician"),
    ("post", "/{session_id}/facts/{fact_id}/restore"): _may("technician"),
    ("post", "/{session_id}/tasks"): _may("technician", {"text": "Call them back"}),
    ("patch", "/{session_id}/tasks/{task_id}"): _may("technician", {"done": True}),
    ("delete", "/{session_id}/tasks/{task_id}"): _may("technician"),
    ("post", "/{session_id}/tasks/{task_id}/restore"): _may("technician"),
    ("put", "/{session_id}/active-fix"): _may("technician", {"action": "Raise the lifetime"}),
    ("patch", "/{session_id}/active-fix"): _may("technician", {"outcome": "worked"}),
    ("delete", "/{session_id}/active-fix"): _may("technician"),
    ("get", "/{session_id}/assistant"): _may("viewer"),
    ("post", "/{session_id}/reply/stop"): _may("technician"),
    ("post", "/{session_id}/messages/{message_id}/reply"): _may("technician"),
    ("get", "/{session_id}/proposals"): _may("viewer"),
    ("post", "/{session_id}/proposals/{proposal_id}/accept"): _may("technician"),
    ("post", "/{session_id}/proposals/{proposal_id}/dismiss"): _may("technician"),
    ("get", "/{session_id}/psa-notes"): _may("viewer"),
    ("post", "/{session_id}/psa-notes"): _may("technician", {"text": "Written by the matrix"}),
    ("post", "/{session_id}/handoff"): _may("technician", {"reason": REASON}),
    ("post", "/{session_id}/resolve"): _may("technician", {}, session_id="spare_session_id"),
}
_HANDOFFS: Final[dict[tuple[Verb, str], Expected]] = {
    ("get", ""): _may("viewer"),
    ("get", "/{handoff_id}"): _may("viewer"),
    ("patch", "/{handoff_id}"): _may("technician", {"priority": "urgent"}),
    ("post", "/{handoff_id}/briefing"): _may("technician", None, **_HELD),
    ("post", "/{handoff_id}/receipts"): _may("engineer", {"state": "shown", "rung": 0}),
    ("post", "/{handoff_id}/assessment/reject"): _may("engineer", {"why": "The log says otherwise"}, **_HELD),
    ("post", "/{handoff_id}/opened"): _may("engineer", None, **_HELD),
    ("post", "/{handoff_id}/reassign"): _may("engineer", {"user_id": "{user_id}"}, **_HELD),
    ("post", "/{handoff_id}/release"): _may("engineer", None, handoff_id="released_id"),
    ("post", "/{handoff_id}/resolve"): _may("engineer", {"note": "Done"}, handoff_id="solved_id"),
    ("post", "/{handoff_id}/claim"): _may("engineer"),
    ("post", "/{handoff_id}/withdraw"): _may("technician", None, handoff_id="taken_back_id"),
}
_HALO: Final = {"url": "https://1.1.1.1", "client_id": "ours", "client_secret": "Halo's secret"}
_ACCOUNT: Final[dict[tuple[Verb, str], Expected]] = {
    ("get", "/me"): _may("viewer"),
    ("get", "/events"): _may("viewer"),
    ("get", "/account/settings"): _may("viewer"),
    ("patch", "/account/settings"): _may("admin", {"timezone": "Europe/Berlin"}),
    ("get", "/account/alarms"): _may("admin"),
    ("post", "/devices/test-notification"): _may("viewer", {"device": ""}),
    ("post", "/devices/test-notification/receipts"): _may(
        "viewer", {"id": "01a21fdb-1c32-729e-a423-0d01aac7eb60", "state": "shown"}
    ),
    ("get", "/analytics/escalation-metrics"): _may("engineer"),
    ("get", "/analytics/escalations"): _may("engineer"),
    ("get", "/analytics/baselines"): _may("engineer"),
    ("post", "/analytics/baselines"): _may("admin", {"minutes": 12}),
    ("get", "/account/runbooks"): _may("viewer"),
    ("post", "/account/runbooks"): _may("engineer", {"title": "VPN", "body": "1. Ping both ends"}),
    ("get", "/account/runbooks/{runbook_id}"): _may("viewer"),
    ("put", "/account/runbooks/{runbook_id}"): _may("engineer", {"title": "Ours now", "body": "1. Nothing"}),
    ("delete", "/account/runbooks/{runbook_id}"): _may("engineer", None, runbook_id="spare_runbook_id"),
    ("post", "/secrets"): _may("technician", {"content": "Winter2026!"}),
    ("post", "/secrets/check"): _may("technician", {"text": "Nothing in it"}),
    ("get", "/secrets/{secret_id}"): _may("viewer"),
    ("post", "/secrets/{secret_id}/view"): _may("technician"),
    ("get", "/account/webhooks"): _may("admin"),
    ("post", "/account/webhooks"): _may("admin", {"name": "Hook", "url": "https://1.1.1.1/"}),
    ("get", "/account/webhooks/{webhook_id}"): _may("admin"),
    ("patch", "/account/webhooks/{webhook_id}"): _may("admin", {"active": False}),
    ("post", "/account/webhooks/{webhook_id}/test"): _may("admin"),
    ("get", "/account/webhooks/{webhook_id}/deliveries"): _may("admin"),
    ("post", "/account/webhooks/{webhook_id}/deliveries/{delivery_id}/retry"): _may("admin"),
    ("delete", "/account/webhooks/{webhook_id}"): _may("admin", None, webhook_id="spare_webhook_id"),
    ("get", "/account/psa-connectors"): _may("admin"),
    ("post", "/account/psa-connectors"): _may("admin", {"system": "halo", "fields": _HALO}),
    ("get", "/account/psa-connectors/{connector_id}"): _may("admin"),
    ("patch", "/account/psa-connectors/{connector_id}"): _may("admin", {"active": False}),
    ("post", "/account/psa-connectors/{connector_id}/check"): _may("admin"),
    ("post", "/account/psa-connectors/{connector_id}/hook-secret"): _may("admin"),
    ("get", "/account/psa-connectors/{connector_id}/notes"): _may("admin"),
    ("post", "/account/psa-connectors/{connector_id}/notes/replay"): _may("admin"),
    ("post", "/account/psa-connectors/{connector_id}/notes/{note_id}/replay"): _may("admin"),
    ("delete", "/account/psa-connectors/{connector_id}"): _may("admin"),
}
_STEP: Final = {"action": "Restarted it", "outcome": "helped"}
_PILOT: Final[dict[tuple[Verb, str], Expected]] = {
    ("get", ""): _open("it leads to the list of sessions, which asks for a sign-in"),
    ("get", "/{session_id}"): _form("viewer"),
    ("post", "/{session_id}/messages"): _form("technician", {"content": "Hello"}),
    ("post", "/{session_id}/steps"): _form("technician", _STEP),
    ("post", "/{session_id}/facts"): _form("technician", {"label": "Firmware", "value": "7.2"}),
    ("post", "/{session_id}/tasks"): _form("technician", {"text": "Call them back"}),
    ("post", "/{session_id}/steps/{entry_id}/edit"): _form("technician", _STEP, entry_id="step_id"),
    ("post", "/{session_id}/facts/{entry_id}/edit"): _form(
        "technician", {"label": "L", "value": "v"}, entry_id="fact_id"
    ),
    ("post", "/{session_id}/notes"): _unfinished("technician", {"text": "Written by the matrix"}),
    ("post", "/{session_id}/tasks/{entry_id}/edit"): _form("technician", {"text": "Call"}, entry_id="task_id"),
    ("post", "/{session_id}/tasks/{entry_id}/tick"): _form("technician", {"done": "yes"}, entry_id="task_id"),
    ("post", "/{session_id}/{kind}/{entry_id}/remove"): _form("technician", kind="facts", entry_id="fact_id"),
    ("post", "/{session_id}/{kind}/{entry_id}/restore"): _form("technician", kind="facts", entry_id="fact_id"),
    ("post", "/{session_id}/fix"): _form("technician", {"action": "Raise the lifetime"}),
    ("post", "/{session_id}/fix/outcome"): _form("technician", {"outcome": "worked"}),
    ("post", "/{session_id}/reply/stop"): _form("technician"),
    ("post", "/{session_id}/messages/{message_id}/reply"): _form("technician"),
    ("post", "/{session_id}/briefing"): _form("technician", None, **_HELD),
    ("post", "/{session_id}/proposals/{proposal_id}/accept"): _form("technician"),
    ("post", "/{session_id}/proposals/{proposal_id}/dismiss"): _form("technician"),
    ("post", "/{session_id}/change"): _form("technician", {"priority": "high", "need": "A second pair"}, **_WAITING),
    ("post", "/{session_id}/reject-assessment"): _form("engineer", {"why": "No"}, **_HELD),
    ("post", "/{session_id}/withdraw"): _form("technician", None, **_WAITING),
    ("post", "/{session_id}/handback"): _form("engineer", {"note": "Not now"}, **_HELD),
    ("post", "/{session_id}/escalate"): _form(
        "technician", {"reason": REASON, "need": "A second pair of eyes"}, session_id="spare_session_id"
    ),
    ("post", "/{session_id}/resolve"): _form("technician", None, session_id="spare_session_id"),
}
_PAGES: Final[dict[tuple[Verb, str], Expected]] = {
    ("get", "/"): _form("viewer"),
    ("post", "/preferences/theme"): _form("viewer", {"theme": "dark"}),
    ("get", "/account/devices"): _form("viewer"),
    ("post", "/account/devices/{device_id}/revoke"): _form("viewer"),
    ("get", "/account/security"): _form("viewer"),
    ("post", "/account/security/password"): _unfinished("viewer", {}),
    ("post", "/account/security/factor"): _unfinished("viewer", {}),
    ("post", "/account/security/factor/codes"): _unfinished("viewer", {}),
    ("post", "/account/security/factor/confirm"): _unfinished("viewer", {}),
    ("post", "/account/security/factor/off"): _unfinished("viewer", {}),
    ("get", "/admin/ai"): _form("admin"),
    ("post", "/admin/ai"): _form("admin", {"enabled": "no"}),
    ("post", "/admin/sign-in/directory"): _form("owner", {"label": "Entra"}),
    ("post", "/admin/sign-in/directory/{scim_token_id}/end"): _form("owner"),
    ("post", "/admin/sign-in/sso"): _unfinished("owner", {}),
    ("post", "/admin/sign-in/sso/remove"): _form("owner"),
    ("get", "/admin/privacy"): _form("admin"),
    ("post", "/admin/privacy"): _form("admin", {"days": "400", "log_days": "90"}),
    ("get", "/admin/people/{user_id}/export.zip"): _form("admin"),
    ("get", "/admin/sign-in"): _form("admin"),
    ("post", "/admin/sign-in/second-factor"): _form("admin", {"policy": "optional"}),
    ("post", "/account/security/tokens"): _form("viewer", {"label": "Script", "level": "read", "days": "30"}),
    ("post", "/account/security/tokens/{token_id}/end"): _form("viewer"),
    ("post", "/account/security/browsers/{session_id}/end"): _form("viewer", session_id="browser_id"),
    ("post", "/account/security/end-everything"): _form("viewer"),
    ("get", "/oauth/authorize"): _form("viewer"),
    ("post", "/oauth/authorize"): _form("viewer"),
    ("get", "/sessions"): _form("viewer"),
    ("post", "/sessions"): _form("technician", {"title": "VPN drops", "problem": "It drops"}),
    ("get", "/secrets/{secret_id}"): _form("viewer"),
    ("post", "/secrets/{secret_id}"): _form("technician"),
    ("post", "/client-reports"): _form("viewer", {"source": "form", "shown": "{session_id}"}),
    ("get", "/escalations"): _form("viewer"),
    ("post", "/escalations/{handoff_id}/claim"): _form("engineer"),
    ("get", "/analytics"): _form("engineer"),
    ("get", "/analytics.csv"): _form("engineer"),
    ("get", "/installers/{name}"): _unfinished("viewer", {}),
    ("get", "/admin"): _form("admin"),
    ("get", "/admin/people"): _form("admin"),
    ("post", "/admin/people/invite"): _form("admin", {"email": "new@there.example", "name": "N", "role": "viewer"}),
    ("post", "/admin/people/invite/{invite_id}/resend"): _form("admin"),
    ("post", "/admin/people/invite/{invite_id}/revoke"): _form("admin"),
    ("post", "/admin/people/{user_id}/{what}"): _form("admin", {"phone": "+1 555 0100"}, what="phone"),
    ("get", "/admin/baseline"): _form("admin"),
    ("post", "/admin/baseline"): _form("admin", {"minutes": "12"}),
    ("post", "/admin/baseline/remove"): _form("admin"),
    ("post", "/admin/baseline/names"): _form("admin"),
    ("get", "/admin/policy"): _form("admin"),
    ("post", "/admin/policy"): _form("admin", {"do": "try"}),
    ("get", "/admin/email"): _form("admin"),
    ("post", "/admin/email"): _form("admin", {"content": "full", "delay": "15"}),
    ("post", "/admin/email/test"): _form("admin"),
    ("get", "/admin/webhooks"): _form("admin"),
    ("post", "/admin/webhooks"): _form("admin", {"name": "Hook", "url": "https://1.1.1.1/", "event": "created"}),
    ("post", "/admin/webhooks/{webhook_id}/test"): _form("admin"),
    ("post", "/admin/webhooks/{webhook_id}/retry/{delivery_id}"): _form("admin"),
    ("post", "/admin/webhooks/{webhook_id}/{what}"): _form("admin", what="off"),
    ("get", "/admin/connectors"): _form("admin"),
    ("post", "/admin/connectors"): _unfinished("admin", {"system": "halo"}),
    ("post", "/admin/connectors/{connector_id}/save"): _unfinished("admin", {}, connector_id="spare_connector_id"),
    ("post", "/admin/connectors/{connector_id}/check"): _form("admin", None, connector_id="spare_connector_id"),
    ("post", "/admin/connectors/{connector_id}/hook-secret"): _form("admin", None, connector_id="spare_connector_id"),
    ("post", "/admin/connectors/{connector_id}/replay"): _form("admin", None, connector_id="spare_connector_id"),
    ("post", "/admin/connectors/{connector_id}/{what}"): _form(
        "admin", None, connector_id="spare_connector_id", what="off"
    ),
    ("get", "/admin/devices"): _form("admin"),
    ("post", "/admin/devices/{device_id}/revoke"): _form("admin"),
    ("get", "/admin/installers"): _form("admin"),
    ("post", "/admin/installers/codes"): _form("admin", {"label": "All of them"}),
    ("post", "/admin/installers/codes/{setup_id}/revoke"): _form("admin"),
    ("get", "/admin/runbooks"): _form("admin"),
    ("post", "/admin/runbooks"): _form("admin", {"title": "VPN", "body": "1. Ping both ends"}),
    ("post", "/admin/runbooks/{runbook_id}/delete"): _form("admin"),
    ("get", "/admin/audit"): _form("admin"),
    ("get", "/admin/audit.csv"): _form("admin"),
    ("post", "/sign-out"): _form("viewer"),
}
_OPEN: Final[dict[tuple[Verb, str], Expected]] = {
    ("get", f"{API}/openapi.json"): _open("it describes the API and holds nothing of anybody"),
    ("get", "/.well-known/oauth-authorization-server"): _open("addresses only"),
    ("get", "/.well-known/flowpilot/setup/{code}"): _open("a set-up code, which names the account and lets nobody in"),
    ("post", "/oauth/token"): _open("a code with its PKCE verifier, or a refresh token", {}),
    ("post", "/oauth/revoke"): _open("the token that is to end", {}),
    ("post", "/hooks/psa/{account_id}/{connector_id}"): _open("a signature under the connector's hook secret"),
    ("get", "/healthz"): _open("says that the process runs"),
    ("get", "/readyz"): _open("says that the database answers"),
    ("get", "/metrics"): _open("figures of the process; docs/operations.md says to keep it inside"),
    ("get", "/scim/v2/ServiceProviderConfig"): _open("a directory's token"),
    ("get", "/scim/v2/ResourceTypes"): _open("a directory's token"),
    ("get", "/scim/v2/ResourceTypes/User"): _open("a directory's token"),
    ("get", "/scim/v2/Schemas"): _open("a directory's token"),
    ("get", "/scim/v2/Schemas/{schema_id}"): _open("a directory's token"),
    ("get", "/scim/v2/Users"): _open("a directory's token"),
    ("post", "/scim/v2/Users"): _open("a directory's token"),
    ("get", "/scim/v2/Users/{user_id}"): _open("a directory's token"),
    ("put", "/scim/v2/Users/{user_id}"): _open("a directory's token"),
    ("patch", "/scim/v2/Users/{user_id}"): _open("a directory's token"),
    ("delete", "/scim/v2/Users/{user_id}"): _open("a directory's token"),
    ("get", "/sign-in"): _open("the form"),
    ("post", "/sign-in"): _open("the password, counted by address and by person", {}),
    ("get", "/sign-in/sso"): _open("it asks whose provider is meant"),
    ("post", "/sign-in/sso"): _open("the account's identity provider", {}),
    ("get", "/sign-in/sso/callback"): _open("state, nonce and the provider's signature"),
    ("get", "/sign-in/code"): _open("the second step, for who has given the password"),
    ("post", "/sign-in/code"): _open("the code, counted by address and by person", {}),
    ("get", "/go"): _open("a page that reads the ticket from the fragment"),
    ("post", "/go"): _open("the one-time ticket", {}),
    ("get", "/forgot"): _open("the form"),
    ("post", "/forgot"): _open("one answer whoever is named; the link goes by mail", {}),
    ("get", "/updates/{part}/{name}"): _open("signed files of the tray app's updates, by their name alone"),
    ("get", "/static/app.css"): _open("a file of the program"),
    ("get", "/join"): _open("a page that reads the secret from the fragment"),
    ("post", "/join"): _open("the invitation's secret", {}),
    ("post", "/join/accept"): _open("the invitation's secret", {}),
    ("get", "/static/htmx.min.js"): _open("a file of the program"),
    ("get", "/static"): _open("files of the program"),
}

EXPECTED: Final[dict[tuple[Verb, str], Expected]] = {
    **{(verb, f"{API}/ai-sessions{path}"): one for (verb, path), one in _SESSIONS.items()},
    **{(verb, f"{API}/handoffs{path}"): one for (verb, path), one in _HANDOFFS.items()},
    **{(verb, f"{API}{path}"): one for (verb, path), one in _ACCOUNT.items()},
    **{(verb, f"/pilot{path}"): one for (verb, path), one in _PILOT.items()},
    **_PAGES,
    **_OPEN,
}
SOCKETS: Final = frozenset({f"{API}/events/stream"})
"""The event stream asks the same question at its handshake: tests/trust/test_sockets.py."""


def routes(app: FastAPI) -> Iterator[Any]:
    """Everything that the application answers, as the framework knows it."""
    for route in app.router.routes:
        inside = getattr(route, "effective_route_contexts", None)
        yield from inside() if inside is not None else [route]


def served(app: FastAPI) -> Iterator[tuple[str, str]]:
    """(method, path) of everything that the application answers; a WebSocket's method is `socket`."""
    for one in routes(app):
        methods = getattr(one, "methods", None)
        if methods is None:
            yield ("socket" if "websocket" in type(one).__name__.lower() else "get"), one.path
            continue
        for method in methods - {"HEAD"}:
            yield method.lower(), one.path
