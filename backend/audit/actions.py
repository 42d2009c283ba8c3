"""The actions of the audit log in words. A new action needs a line here; a test holds callers to it."""

from typing import Final

ACTIONS: Final[dict[str, str]] = {
    "sign_in.ok": "Signed in",
    "sign_in.failed": "Sign-in refused",
    "sign_in.paused": "Sign-in paused after too many tries",
    "sign_in.ended": "Signed out",
    "sign_in.ticket": "Signed in from the desktop app",
    "people.invited": "Invited",
    "people.invite_resent": "Sent the invitation again to",
    "people.invite_revoked": "Took back the invitation of",
    "people.joined": "Accepted the invitation",
    "people.password_link": "Sent a link for a new password to",
    "people.password_set": "Set a new password",
    "people.role_changed": "Changed the role of",
    "people.deactivated": "Deactivated",
    "people.activated": "Activated again",
    "people.phone_changed": "Changed the phone number of",
    "people.created": "Created at the command line",
    "people.token_created": "Made an access token at the command line for",
    "installer.code_created": "Made the set-up code",
    "installer.code_revoked": "Revoked the set-up code",
    "device.connected": "Connected the computer",
    "device.signed_out": "Signed out the computer",
    "device.copied": "Signed out, because its sign-in was used from two places, the computer",
    "policy.changed": "Changed the escalation policy",
    "settings.changed": "Changed the account's settings",
    "baseline.changed": "Changed the baseline",
    "email.changed": "Changed the e-mail settings",
    "email.tested": "Sent a test e-mail",
    "webhook.created": "Added the webhook",
    "webhook.changed": "Changed the webhook",
    "webhook.removed": "Removed the webhook",
    "webhook.tested": "Tested the webhook",
    "connector.changed": "Changed the connector",
    "runbook.created": "Added the runbook",
    "runbook.changed": "Changed the runbook",
    "runbook.removed": "Removed the runbook",
    "secret.viewed": "Saw the one-view secret of",
    "export.audit": "Exported the audit log",
    "export.analytics": "Exported analytics",
    "handoff.created": "Escalated",
    "handoff.claimed": "Claimed",
    "handoff.released": "Handed back",
    "handoff.reassigned": "Reassigned",
    "handoff.resolved": "Resolved",
    "handoff.withdrawn": "Withdrew",
}
"""Callers may add actions of their own; `group.verb`, past tense, words that a target can follow."""

GROUPS: Final[dict[str, str]] = {
    "handoff": "Escalations",
    "sign_in": "Sign-ins",
    "people": "People and roles",
    "device": "Computers",
    "installer": "Installers",
    "policy": "Escalation policy",
    "settings": "Settings",
    "baseline": "Baseline",
    "email": "E-mail",
    "webhook": "Webhooks",
    "connector": "Connectors",
    "runbook": "Runbooks",
    "secret": "One-view secrets",
    "export": "Exports",
}


def words_of(action: str) -> str:
    """What an action is called; the action itself where nobody has given it words."""
    return ACTIONS.get(action, action.replace(".", " ").replace("_", " ").capitalize())
