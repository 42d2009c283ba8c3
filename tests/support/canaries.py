"""Which secrets there are, from the tables and the settings themselves; and looking for planted ones where none may be.

A column that holds a secret, sealed or as a hash, is entered in `SECRETS` with the kind that the search plants.
"""

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final

from backend.db.archive import dump
from backend.db.embedded_files import pg_bin
from backend.settings import Settings
from tests.support.flow import Owner

SECRETS: Final[dict[str, str]] = {
    "access_token.token_hash": "a person's own token",
    "app_user.password_hash": "a password",
    "device.family_hash": "an app's refresh token",
    "device.next_hash": "the refresh token after it",
    "device.refresh_hash": "an app's refresh token",
    "device_token.token_hash": "an app's access token",
    "invite.token_hash": "the link of an invitation",
    "oauth_code.code_hash": "an app's code",
    "one_time_secret.sealed": "what is seen once",
    "open_ticket.ticket_hash": "a ticket",
    "psa_connector.credentials": "a PSA's password",
    "psa_connector.hook_secret": "a PSA's hook secret",
    "recovery_code.code_hash": "a recovery code",
    "scim_token.token_hash": "a directory's token",
    "second_factor.secret": "a second factor's seed",
    "sign_in_step.token_hash": "half a sign-in",
    "sso_attempt.browser_hash": "the browser that set out",
    "sso_attempt.state_hash": "the state of single sign-on",
    "sso_connection.client_secret": "a provider's client secret",
    "trusted_browser.cookie_hash": "a browser that is known",
    "web_session.token_hash": "a browser's sign-in",
    "webhook.secret_hash": "a webhook's secret",
}
NO_SECRETS: Final[dict[str, str]] = {
    "account.password_sign_in": "a word of the settings",
    "audit_chain.last_hash": "of the audit log, shown to whoever verifies it",
    "audit_entry.hash": "of the audit log, shown to whoever verifies it",
    "handoff.request_hash": "of an escalation's text, to know a repeated request",
    "handoff.snapshot": "what people wrote, packed",
    "psa_heard.digest": "of a PSA's notice, to know a repeated one",
    "sign_in_tries.key": "of an address that tries",
    "webhook.secret_salt": "worth nothing without FLOWPILOT_SECRET_KEY, from which the secret is derived with it",
}
_CALLED_LIKE_ONE: Final = "secret|password|passwd|token|hash|seal|credential|cookie|private|api_key|otp"
OF_THE_SERVER: Final[dict[str, str]] = {
    "database_url": "Kanarien-Datenbank-44",
    "event_bus": "Kanarien-Bus-11",
    "former_secret_key": "Kanarien-Schluessel-von-frueher-00000000",
    "llm_api_key": "Kanarien-Modell-66",
    "secret_key": "Kanarien-Schluessel-von-heute-0000000000",
    "smtp_url": "Kanarien-Post-55",
}
"""The secret in each setting that the program keeps out of its `repr`."""


async def kept_secrets(owner: Owner) -> set[str]:
    """`table.column` of everything that may hold a secret: bytes, and what is called like one."""
    rows = await owner.fetch(
        "SELECT c.relname || '.' || a.attname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0"
        " AND NOT a.attisdropped AND (a.atttypid = 'bytea'::regtype"
        " OR a.atttypid IN ('text'::regtype, 'jsonb'::regtype) AND a.attname ~ $1)",
        _CALLED_LIKE_ONE,
    )
    return {row["name"] for row in rows}


def secret_settings() -> set[str]:
    """The settings that the program calls secret."""
    return {one.name for one in fields(Settings) if not one.repr}


async def not_in_use(owner: Owner, account_id: str) -> list[str]:
    """The columns of `SECRETS` in which this account has nothing: what is planted there is not what is kept."""
    empty = []
    for place in SECRETS:
        table, column = place.split(".")
        rows = f"SELECT count(*) FROM {table} WHERE account_id = $1::uuid AND {column} IS NOT NULL"
        if not await owner.value(rows, account_id):
            empty.append(place)
    return empty


async def in_the_database(owner: Owner, words: Iterable[str]) -> list[str]:
    """The tables in which one of the words stands, as text or as bytes."""
    names = await owner.fetch(
        "SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
    )
    sought = [form for word in words for form in (word, word.encode().hex())]
    found = []
    for (name,) in names:
        rows = f"SELECT count(*) FROM {name} t WHERE to_jsonb(t)::text LIKE ANY($1)"
        if await owner.value(rows, [f"%{one}%" for one in sought]):
            found.append(name)
    return found


def standing_in(text: str, secrets: Mapping[str, Iterable[str]]) -> list[str]:
    """The kinds of secret that stand in the text, in clear or as a dump writes bytes."""
    return [kind for kind, ones in secrets.items() if any(one in text or one.encode().hex() in text for one in ones)]


def backed_up(database_url: str, folder: Path) -> str:
    """The database as `flowpilot backup` writes it, unpacked to text."""
    target = folder / "database.dump"
    dump(database_url, target)
    command = [str(pg_bin() / "pg_restore"), "--file=-", str(target)]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode(errors="replace")
