"""The tables as SQLAlchemy sees them: columns that statements name. The migrations are their source."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, TIMESTAMP, UUID

metadata = sa.MetaData()
AnyRow = sa.Row[*tuple[Any, ...]]
"""One row of any statement."""

_AT = TIMESTAMP(timezone=True)
_ID = UUID(as_uuid=True)


def _table(name: str, *columns: "sa.Column[Any]", tenant: bool = True) -> sa.Table:
    keys: list[sa.Column[Any]] = [sa.Column("account_id", _ID, primary_key=True)] if tenant else []
    return sa.Table(name, metadata, *keys, sa.Column("id", _ID, primary_key=True), *columns)


def _c(name: str, kind: Any = sa.Text) -> "sa.Column[Any]":
    return sa.Column(name, kind)


table, column, AT, ID = _table, _c, _AT, _ID
"""For tables that stand in a file of their own (sign_in_tables.py)."""


account = _table(
    "account",
    _c("name"),
    _c("timezone"),
    _c("escalation_policy", JSONB),
    _c("retention_days", sa.Integer),
    _c("log_retention_days", sa.Integer),
    _c("email_content"),
    _c("email_offline_delay_s", sa.Integer),
    _c("email_sender_name"),
    _c("ai_enabled", sa.Boolean),
    _c("analytics_names_for_seniors", sa.Boolean),
    _c("analytics_small_groups", sa.Boolean),
    _c("second_factor"),
    _c("password_sign_in"),
    _c("created_at", _AT),
    tenant=False,
)
baseline = _table(
    "baseline",
    _c("minutes", sa.Double),
    _c("basis"),
    _c("origin"),
    _c("note"),
    _c("effective_from", _AT),
    _c("set_by", _ID),
    _c("set_at", _AT),
)
app_user = _table(
    "app_user",
    _c("email"),
    _c("name"),
    _c("role"),
    _c("password_hash"),
    _c("active", sa.Boolean),
    _c("email_refused_at", _AT),
    _c("email_refusal"),
    _c("phone"),
    _c("external_id"),
    _c("deleted_at", _AT),
    _c("erased_at", _AT),
    _c("created_at", _AT),
)
access_token = _table(
    "access_token",
    _c("user_id", _ID),
    _c("token_hash", BYTEA),
    _c("label"),
    _c("created_at", _AT),
    _c("expires_at", _AT),
    _c("revoked_at", _AT),
    _c("last_used_at", _AT),
    _c("scopes", ARRAY(sa.Text)),
)
web_session = _table(
    "web_session",
    _c("user_id", _ID),
    _c("token_hash", BYTEA),
    _c("address"),
    _c("user_agent"),
    _c("created_at", _AT),
    _c("expires_at", _AT),
    _c("revoked_at", _AT),
    _c("proved", sa.Boolean),
    _c("last_used_at", _AT),
    _c("method"),
    _c("opened_by", _ID),
)
trusted_browser = _table(
    "trusted_browser",
    _c("user_id", _ID),
    _c("cookie_hash", BYTEA),
    _c("created_at", _AT),
    _c("expires_at", _AT),
    _c("revoked_at", _AT),
)
device = _table(
    "device",
    _c("user_id", _ID),
    _c("name"),
    _c("system"),
    _c("version"),
    _c("browser_id", _ID),
    _c("family_hash", BYTEA),
    _c("refresh_hash", BYTEA),
    _c("next_hash", BYTEA),
    _c("created_at", _AT),
    _c("last_seen_at", _AT),
    _c("expires_at", _AT),
    _c("revoked_at", _AT),
    _c("revoked_why"),
    _c("setup_id", _ID),
)
device_token = _table(
    "device_token",
    _c("device_id", _ID),
    _c("token_hash", BYTEA),
    _c("created_at", _AT),
    _c("expires_at", _AT),
)
oauth_code = _table(
    "oauth_code",
    _c("user_id", _ID),
    _c("browser_id", _ID),
    _c("code_hash", BYTEA),
    _c("challenge"),
    _c("redirect_uri"),
    _c("device_name"),
    _c("device_system"),
    _c("device_version"),
    _c("created_at", _AT),
    _c("expires_at", _AT),
    _c("used_at", _AT),
    _c("device_id", _ID),
    _c("setup_id", _ID),
)
setup_code = _table(
    "setup_code", _c("code"), _c("label"), _c("created_by", _ID), _c("created_at", _AT), _c("revoked_at", _AT)
)
ai_session = _table(
    "ai_session",
    _c("owner_id", _ID),
    _c("title"),
    _c("problem"),
    _c("customer"),
    _c("ticket_system"),
    _c("ticket_id"),
    _c("ticket_url"),
    _c("external_url"),
    _c("status"),
    _c("version", sa.BigInteger),
    _c("created_at", _AT),
    _c("updated_at", _AT),
)
message = _table(
    "message",
    _c("session_id", _ID),
    _c("author_id", _ID),
    _c("author_kind"),
    _c("content"),
    _c("stopped", sa.Boolean),
    _c("version", sa.BigInteger),
    _c("created_at", _AT),
)
step = _table(
    "step",
    _c("session_id", _ID),
    _c("author_id", _ID),
    _c("action"),
    _c("outcome"),
    _c("detail"),
    _c("version", sa.BigInteger),
    _c("created_at", _AT),
    _c("revision", sa.Integer),
    _c("changed", sa.BigInteger),
    _c("edited_at", _AT),
    _c("edited_by", _ID),
    _c("removed_at", _AT),
    _c("in_progress", sa.Boolean),
)
fact = _table(
    "fact",
    _c("session_id", _ID),
    _c("author_id", _ID),
    _c("label"),
    _c("value"),
    _c("version", sa.BigInteger),
    _c("created_at", _AT),
    _c("revision", sa.Integer),
    _c("changed", sa.BigInteger),
    _c("edited_at", _AT),
    _c("edited_by", _ID),
    _c("removed_at", _AT),
)
task = _table(
    "task",
    _c("session_id", _ID),
    _c("author_id", _ID),
    _c("text"),
    _c("done_at", _AT),
    _c("done_by", _ID),
    _c("assignee_id", _ID),
    _c("version", sa.BigInteger),
    _c("created_at", _AT),
    _c("revision", sa.Integer),
    _c("changed", sa.BigInteger),
    _c("edited_at", _AT),
    _c("edited_by", _ID),
    _c("removed_at", _AT),
)
session_visitor = _table("session_visitor", _c("session_id", _ID), _c("user_id", _ID), _c("seen_at", _AT))
handoff_opened = sa.Table(
    "handoff_opened",
    metadata,
    sa.Column("account_id", _ID, primary_key=True),
    sa.Column("handoff_id", _ID, primary_key=True),
    sa.Column("user_id", _ID, primary_key=True),
    _c("at", _AT),
)
handoff = _table(
    "handoff",
    _c("session_id", _ID),
    _c("handed_off_by", _ID),
    _c("session_owner", _ID),
    _c("target_user_id", _ID),
    _c("idempotency_key"),
    _c("request_hash", BYTEA),
    _c("reason"),
    _c("need"),
    _c("impact"),
    _c("priority"),
    _c("status"),
    _c("snapshot", BYTEA),
    _c("assessment", JSONB),
    _c("assessment_status"),
    _c("assessment_reason"),
    _c("claimed_by", _ID),
    _c("claimed_at", _AT),
    _c("claim_epoch", sa.Integer),
    _c("rung", sa.Integer),
    _c("waiting_since", _AT),
    _c("alert_to", sa.ARRAY(_ID)),
    _c("steps_done", sa.Integer),
    _c("next_step", JSONB),
    _c("exhausted_at", _AT),
    _c("nudged_at", _AT),
    _c("first_claimed_at", _AT),
    _c("first_action_at", _AT),
    _c("first_action_kind"),
    _c("first_action_by", _ID),
    _c("first_action_claimed_at", _AT),
    _c("resolved_at", _AT),
    _c("outcome"),
    _c("had_what_i_needed", sa.Boolean),
    _c("missing"),
    _c("resolution"),
    _c("assessment_rejected_at", _AT),
    _c("assessment_rejected_by", _ID),
    _c("assessment_rejected_why"),
    _c("guidance_id", _ID),
    _c("card", JSONB),
    _c("customer"),
    _c("first_shown_at", _AT),
    _c("created_at", _AT),
)
handoff_timeline = sa.Table(
    "handoff_timeline",
    metadata,
    sa.Column("account_id", _ID, primary_key=True),
    sa.Column("id", sa.BigInteger, primary_key=True),
    _c("handoff_id", _ID),
    _c("at", _AT),
    _c("kind"),
    _c("actor_id", _ID),
    _c("detail"),
)
delivery = _table(
    "delivery",
    _c("handoff_id", _ID),
    _c("rung", sa.Integer),
    _c("user_id", _ID),
    _c("channel"),
    _c("device"),
    _c("state"),
    _c("detail"),
    _c("at", _AT),
    _c("purpose"),
    _c("message_id"),
    _c("attempts", sa.Integer),
    _c("retry_at", _AT),
)
client_presence = _table(
    "client_presence",
    _c("user_id", _ID),
    _c("channel"),
    _c("process", _ID),
    _c("seen_at", _AT),
    _c("held"),
    _c("held_until", _AT),
)
open_ticket = _table(
    "open_ticket",
    _c("user_id", _ID),
    _c("handoff_id", _ID),
    _c("credential_id", _ID),
    _c("ticket_hash", BYTEA),
    _c("created_at", _AT),
    _c("expires_at", _AT),
    _c("used_at", _AT),
)
assistant_reply = _table(
    "assistant_reply",
    _c("session_id", _ID),
    _c("message_id", _ID),
    _c("kind"),
    _c("state"),
    _c("content"),
    _c("reason"),
    _c("retry_after_s", sa.Double),
    _c("asked_by", _ID),
    _c("started_at", _AT),
    _c("beat_at", _AT),
    _c("ended_at", _AT),
)
proposal = _table(
    "proposal",
    _c("session_id", _ID),
    _c("message_id", _ID),
    _c("kind"),
    _c("content", JSONB),
    _c("state"),
    _c("created_at", _AT),
    _c("decided_at", _AT),
    _c("decided_by", _ID),
)
one_time_secret = _table(
    "one_time_secret",
    _c("session_id", _ID),
    _c("created_by", _ID),
    _c("sealed", BYTEA),
    _c("created_at", _AT),
    _c("expires_at", _AT),
    _c("viewed_at", _AT),
    _c("viewed_by", _ID),
)
audit_entry = sa.Table(
    "audit_entry",
    metadata,
    sa.Column("account_id", _ID, primary_key=True),
    sa.Column("no", sa.BigInteger, primary_key=True),
    _c("at", _AT),
    _c("actor_id", _ID),
    _c("actor"),
    _c("action"),
    _c("target"),
    _c("detail"),
    _c("address"),
    _c("hash", BYTEA),
)
audit_chain = sa.Table(
    "audit_chain",
    metadata,
    sa.Column("account_id", _ID, primary_key=True),
    _c("last_no", sa.BigInteger),
    _c("last_hash", BYTEA),
)
invite = _table(
    "invite",
    _c("email"),
    _c("name"),
    _c("role"),
    _c("token_hash", BYTEA),
    _c("turn", sa.Integer),
    _c("user_id", _ID),
    _c("invited_by", _ID),
    _c("created_at", _AT),
    _c("expires_at", _AT),
    _c("accepted_at", _AT),
    _c("revoked_at", _AT),
    _c("mail_state"),
    _c("mail_detail"),
    _c("mail_at", _AT),
)
