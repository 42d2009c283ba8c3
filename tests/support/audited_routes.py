"""What the audit log says of each request that changes something, or takes data out.

`AUDITED` is what one right request of `tests/support/routes.py` writes. `BY_STORY` is what needs more than one
request; a story does it. `ELSEWHERE` needs another system, and names the test. `QUIET` writes nothing, and says why.
A new route that stands in none of them fails the build.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from tests.support.routes import API, EXPECTED, Verb

Key = tuple[Verb, str]
_A: Final = f"{API}/account"
_H: Final = f"{API}/handoffs/{{handoff_id}}"
_C: Final = "/admin/connectors"

AUDITED: Final[dict[Key, str]] = {
    ("post", f"{API}/ai-sessions/{{session_id}}/handoff"): "handoff.created",
    ("post", f"{_H}/claim"): "handoff.claimed",
    ("post", f"{_H}/release"): "handoff.released",
    ("post", f"{_H}/reassign"): "handoff.reassigned",
    ("post", f"{_H}/resolve"): "handoff.resolved",
    ("post", f"{_H}/withdraw"): "handoff.withdrawn",
    ("patch", f"{_A}/settings"): "settings.changed",
    ("post", f"{API}/analytics/baselines"): "baseline.changed",
    ("post", f"{_A}/runbooks"): "runbook.created",
    ("put", f"{_A}/runbooks/{{runbook_id}}"): "runbook.changed",
    ("delete", f"{_A}/runbooks/{{runbook_id}}"): "runbook.removed",
    ("post", f"{API}/secrets/{{secret_id}}/view"): "secret.viewed",
    ("post", f"{_A}/webhooks"): "webhook.created",
    ("patch", f"{_A}/webhooks/{{webhook_id}}"): "webhook.changed",
    ("post", f"{_A}/webhooks/{{webhook_id}}/test"): "webhook.tested",
    ("delete", f"{_A}/webhooks/{{webhook_id}}"): "webhook.removed",
    ("patch", f"{_A}/psa-connectors/{{connector_id}}"): "connector.changed",
    ("post", f"{_A}/psa-connectors/{{connector_id}}/hook-secret"): "connector.changed",
    ("delete", f"{_A}/psa-connectors/{{connector_id}}"): "connector.changed",
    ("post", "/account/devices/{device_id}/revoke"): "device.signed_out",
    ("post", "/admin/ai"): "settings.changed",
    ("post", "/admin/sign-in/directory"): "sso.scim_token_created",
    ("post", "/admin/sign-in/directory/{scim_token_id}/end"): "sso.scim_token_ended",
    ("post", "/admin/privacy"): "settings.changed",
    ("post", "/account/security/tokens"): "people.own_token_created",
    ("post", "/account/security/tokens/{token_id}/end"): "people.own_token_revoked",
    ("post", "/account/security/browsers/{session_id}/end"): "people.signed_out",
    ("post", "/account/security/end-everything"): "people.signed_out_everywhere",
    ("post", "/admin/people/invite"): "people.invited",
    ("post", "/admin/people/invite/{invite_id}/resend"): "people.invite_resent",
    ("post", "/admin/people/invite/{invite_id}/revoke"): "people.invite_revoked",
    ("post", "/admin/people/{user_id}/{what}"): "people.phone_changed",
    ("post", "/admin/baseline"): "baseline.changed",
    ("post", "/admin/email"): "email.changed",
    ("post", "/admin/webhooks"): "webhook.created",
    ("post", "/admin/webhooks/{webhook_id}/test"): "webhook.tested",
    ("post", "/admin/webhooks/{webhook_id}/{what}"): "webhook.changed",
    ("post", f"{_C}/{{connector_id}}/hook-secret"): "connector.changed",
    ("post", f"{_C}/{{connector_id}}/{{what}}"): "connector.changed",
    ("post", "/admin/installers/codes"): "installer.code_created",
    ("post", "/admin/installers/codes/{setup_id}/revoke"): "installer.code_revoked",
    ("post", "/admin/runbooks"): "runbook.created",
    ("post", "/admin/runbooks/{runbook_id}/delete"): "runbook.removed",
    ("post", "/sign-out"): "sign_in.ended",
    ("get", "/admin/audit.csv"): "export.audit",
    ("get", "/analytics.csv"): "export.analytics",
    ("get", "/admin/people/{user_id}/export.zip"): "export.person",
}

BY_STORY: Final[dict[Key, str]] = {
    ("post", "/admin/devices/{device_id}/revoke"): "device.signed_out",
    ("post", "/admin/sign-in/second-factor"): "settings.changed",
    ("post", "/pilot/{session_id}/escalate"): "handoff.created",
    ("post", f"{_A}/psa-connectors"): "connector.changed",
    ("post", "/sign-in"): "sign_in.ok",
    ("post", "/sign-in/code"): "people.recovery_used",
    ("post", "/go"): "sign_in.ticket",
    ("post", "/join/accept"): "people.joined",
    ("post", "/escalations/{handoff_id}/claim"): "handoff.claimed",
    ("post", "/pilot/{session_id}/handback"): "handoff.released",
    ("post", "/pilot/{session_id}/withdraw"): "handoff.withdrawn",
    ("post", "/pilot/{session_id}/resolve"): "handoff.resolved",
    ("post", "/account/security/password"): "people.password_changed",
    ("post", "/account/security/factor/confirm"): "people.factor_on",
    ("post", "/account/security/factor/codes"): "people.recovery_codes",
    ("post", "/account/security/factor/off"): "people.factor_off",
    ("post", "/oauth/authorize"): "device.connected",
    ("post", "/oauth/revoke"): "device.signed_out",
    ("post", "/admin/baseline/remove"): "baseline.changed",
    ("post", "/admin/baseline/names"): "settings.changed",
    ("post", "/admin/email/test"): "email.tested",
    ("post", "/scim/v2/Users"): "people.scim_created",
    ("put", "/scim/v2/Users/{user_id}"): "people.scim_changed",
    ("patch", "/scim/v2/Users/{user_id}"): "people.deactivated",
    ("delete", "/scim/v2/Users/{user_id}"): "people.scim_deleted",
}
"""tests/trust/test_audited.py does them, each at least once."""

_FORGOT: Final = "test_security_page.py::test_a_forgotten_password_is_set_anew_by_mail_once"
_SSO: Final = "test_sso.py::test_somebody_who_is_here_comes_in_and_is_known_by_the_subject_from_then_on"
_ONE_SERVICE: Final = f"as {_A}/psa-connectors: one service writes it"
ELSEWHERE: Final[dict[Key, tuple[str, str]]] = {
    ("post", "/admin/sign-in/sso"): ("sso.changed", _SSO),
    ("post", "/admin/sign-in/sso/remove"): ("sso.removed", _SSO),
    ("get", "/sign-in/sso/callback"): ("people.sso_linked", _SSO),
    ("post", "/forgot"): ("people.password_asked", _FORGOT),
    ("post", "/admin/policy"): (
        "policy.changed",
        "test_policy_admin.py::test_every_part_of_the_form_reaches_the_policy",
    ),
    ("post", "/secrets/{secret_id}"): ("secret.viewed", f"as {API}/secrets/{{secret_id}}/view: one service writes it"),
    ("post", _C): ("connector.changed", _ONE_SERVICE),
    ("post", f"{_C}/{{connector_id}}/save"): ("connector.changed", _ONE_SERVICE),
}
"""The action, and the test that asks for it where the other system is, or the route that does the same."""

_OWN_WORK: Final = "people's work on a session: who did it and when stands in the session itself"
_NOTHING_KEPT: Final = "it changes nothing that lasts, or only how a page looks to one person"
_ASKED_AGAIN: Final = "it repeats or checks what was set up before, and changes no setting"
_FIRST_STEP: Final = "the step after it is written down"

QUIET: Final[dict[Key, str]] = {
    **{
        key: _OWN_WORK
        for key in EXPECTED
        if key[0] != "get"
        and (key[1].startswith((f"{API}/ai-sessions", "/pilot/")) or key[1] in {"/sessions", f"{API}/secrets"})
    },
    ("patch", _H): "the hand-off's own log has it",
    ("post", f"{_H}/briefing"): _OWN_WORK,
    ("post", f"{_H}/receipts"): "deliveries have it",
    ("post", f"{_H}/assessment/reject"): "the hand-off's own log has it",
    ("post", f"{_H}/opened"): "the hand-off has it",
    ("post", f"{API}/devices/test-notification"): _NOTHING_KEPT,
    ("post", f"{API}/devices/test-notification/receipts"): _NOTHING_KEPT,
    ("post", f"{API}/secrets/check"): _NOTHING_KEPT,
    ("post", "/preferences/theme"): _NOTHING_KEPT,
    ("post", "/client-reports"): _NOTHING_KEPT,
    ("post", f"{_A}/webhooks/{{webhook_id}}/deliveries/{{delivery_id}}/retry"): _ASKED_AGAIN,
    ("post", "/admin/webhooks/{webhook_id}/retry/{delivery_id}"): _ASKED_AGAIN,
    ("post", f"{_A}/psa-connectors/{{connector_id}}/check"): _ASKED_AGAIN,
    ("post", f"{_A}/psa-connectors/{{connector_id}}/notes/replay"): _ASKED_AGAIN,
    ("post", f"{_A}/psa-connectors/{{connector_id}}/notes/{{note_id}}/replay"): _ASKED_AGAIN,
    ("post", f"{_C}/{{connector_id}}/check"): _ASKED_AGAIN,
    ("post", f"{_C}/{{connector_id}}/replay"): _ASKED_AGAIN,
    ("post", "/account/security/factor"): _FIRST_STEP,
    ("post", "/sign-in/sso"): _FIRST_STEP,
    ("post", "/oauth/token"): "the consent before it is written down, and what is done with what it gives",
    ("post", "/join"): _NOTHING_KEPT,
    ("post", "/hooks/psa/{account_id}/{connector_id}"): "a ticket system tells of a ticket; the session has it",
}
"""Routes that write nothing, and why."""


class AuditLog:
    """All accounts' entries in the order in which they were written; the server under test seals nothing meanwhile."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def _actions(self) -> list[str]:
        rows = await self._connection.fetch(
            "SELECT action FROM (SELECT action, at FROM audit_pending UNION ALL SELECT kind, at FROM account_event"
            " UNION ALL SELECT action, at FROM audit_entry WHERE action NOT LIKE 'handoff.%') a"
            " WHERE action NOT IN ('handoff.updated', 'handoff.delivery') ORDER BY at"
        )
        return [row[0] for row in rows]

    async def length(self) -> int:
        """How many there are."""
        return len(await self._actions())

    async def since(self, length: int) -> list[str]:
        """The actions after so many."""
        return (await self._actions())[length:]


@asynccontextmanager
async def audit_log(database_url: str) -> AsyncIterator[AuditLog]:
    """Reads the log by one connection."""
    connection = await asyncpg.connect(database_url)
    try:
        yield AuditLog(connection)
    finally:
        await connection.close()
