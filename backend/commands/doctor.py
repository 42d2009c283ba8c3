"""`flowpilot doctor`: one line per part, what is wrong with it, and the mend."""

import argparse
import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import asyncpg

from backend.assistant.endpoint import ModelError
from backend.assistant.setting import endpoint_of
from backend.commands.console import tell
from backend.commands.database import wait_for_database
from backend.commands.doctor_psa import connector_lines
from backend.commands.errors import CommandError
from backend.db.embedded import attach_or_start
from backend.db.embedded_files import EmbeddedError, pg_bin, prepare_data_dir
from backend.db.engine import RUNTIME, Database
from backend.db.hint_line import LineLostError
from backend.db.hint_nats import NatsLine
from backend.db.migrate import current, head, is_newer
from backend.db.url import asyncpg_url, masked
from backend.mail.outcome import Unavailable
from backend.mail.sender import Mailer
from backend.mail.server import MailServer, MailSettingsError
from backend.selfaudit.report import report
from backend.selfaudit.state import read_state
from backend.settings import Settings, SettingsError
from backend.worker import sender

State = Literal["ok", "off", "WRONG"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the answer. `off` is a part that is not configured, which is no fault."""

    state: State
    part: str
    text: str


def run(_arguments: argparse.Namespace) -> int:
    """Print the findings; 0 when nothing is wrong, else 2."""
    wrong = False
    for finding in _examine():
        wrong = wrong or finding.state == "WRONG"
        tell(f"{finding.state:<6} {finding.part:<15} {finding.text}")
    return 2 if wrong else 0


def _examine() -> Iterator[Finding]:
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        yield Finding("WRONG", "settings", str(error))
        return
    yield Finding("ok", "settings", f"public address {settings.public_url}, log level {settings.log_level}")
    try:
        prepare_data_dir(settings.data_dir)
        yield Finding("ok", "data directory", str(settings.data_dir))
    except EmbeddedError as error:
        yield Finding("WRONG", "data directory", str(error))
        return
    yield from _database(settings)
    yield from _others(settings)


def _database(settings: Settings) -> Iterator[Finding]:
    with contextlib.ExitStack() as stack:
        try:
            if settings.database_url:
                url, where = settings.database_url, masked(settings.database_url)
                asyncio.run(wait_for_database(url, wait_s=0))
            elif (settings.data_dir / "postgres").exists():
                url, where = stack.enter_context(attach_or_start(settings.data_dir)), "embedded"
            else:
                yield Finding("off", "database", f"the embedded one is made at the first start, with {pg_bin()}")
                return
            findings = asyncio.run(_look_inside(url, where))
            yield from findings
            if all(finding.state == "ok" for finding in findings):  # else it cannot be read
                yield from asyncio.run(_self_audit(url, settings))
                yield from (Finding(*line) for line in asyncio.run(connector_lines(url, settings)))
        except (EmbeddedError, CommandError) as error:
            yield Finding("WRONG", "database", str(error))
        except (asyncpg.PostgresError, OSError) as error:
            yield Finding("WRONG", "database", f"it cannot be examined: {error}")


async def _look_inside(url: str, where: str) -> list[Finding]:
    connection = await asyncpg.connect(asyncpg_url(url))
    try:
        version = await connection.fetchval("SHOW server_version")
        findings = [Finding("ok", "database", f"PostgreSQL {version}, {where}")]
        revision, newest = await current(url), head()
        if is_newer(revision):
            words = f"at {revision}, by a newer FlowPilot than this one ({newest}): upgrade this machine too"
            findings.append(Finding("ok", "migrations", words))
            findings.append(await _runtime_role(connection))
            return findings
        if revision != newest:
            findings.append(
                Finding("WRONG", "migrations", f"at {revision or 'nothing'}, not {newest}: run `flowpilot migrate`")
            )
            return findings
        findings.append(Finding("ok", "migrations", f"up to date at {revision}"))
        findings.append(await _runtime_role(connection))
    finally:
        await connection.close()
    return findings


async def _runtime_role(connection: "asyncpg.Connection[asyncpg.Record]") -> Finding:
    """See that the role the server works under can be taken and is bound by row-level security."""
    role = RUNTIME["role"]
    row = await connection.fetchrow(
        "SELECT rolsuper OR rolbypassrls AS free, pg_has_role(current_user, oid, 'SET') AS ours "
        "FROM pg_roles WHERE rolname = $1",
        role,
    )
    if row is None or not row["ours"]:
        return Finding("WRONG", "tenancy", f"the database's user may not act as {role}: run `flowpilot migrate` as it")
    if row["free"]:
        return Finding(
            "WRONG", "tenancy", f"{role} passes row-level security: ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS"
        )
    bare = await connection.fetch(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id' "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') "
        "AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
    )
    if bare:
        names = ", ".join(row["relname"] for row in bare)
        return Finding("WRONG", "tenancy", f"no row-level security on {names}: restore the schema from a backup")
    return Finding("ok", "tenancy", f"the server acts as {role}, bound by row-level security")


async def _self_audit(url: str, settings: Settings) -> list[Finding]:
    """What the self-audit last found, read as the server reads it."""
    database = await Database.open(url, pool_size=1)
    try:
        state = await read_state(database)
        row = await database.call("select count(*) from audit_accounts(null, null)")
    finally:
        await database.close()
    lines = report(state, accounts=row[0] if row else 0, canary_every_s=settings.canary_every_s)
    return [Finding(*line) for line in lines]


def _others(settings: Settings) -> Iterator[Finding]:
    yield _broker(settings)
    yield _mail(settings)
    yield _model(settings)


def _broker(settings: Settings) -> Finding:
    """See that the hint line works, as the server would use it. Without it events come by looking, within 2.5 s."""
    if settings.event_bus == "postgres":
        return Finding("ok", "broker", "PostgreSQL")
    line = NatsLine(settings.event_bus)

    async def ask() -> float:
        async with line.connected(lambda _: None, lambda: None) as wire:
            begun = time.perf_counter()
            await wire.check()
            return time.perf_counter() - begun

    try:
        return Finding("ok", "broker", f"{line.where} answers in {asyncio.run(ask()) * 1_000:.1f} ms")
    except LineLostError as error:
        slower = "until it works events reach other processes within 2.5 s instead of at once"
        return Finding("WRONG", "broker", f"{line.where}: {error}; {slower}. Check FLOWPILOT_EVENT_BUS and that server")


def _model(settings: Settings) -> Finding:
    """See that the AI endpoint answers with the model and takes the key, by asking it for two words."""
    endpoint = endpoint_of(settings)
    if endpoint is None:
        if settings.llm_base_url or settings.llm_model:
            missing = "FLOWPILOT_LLM_MODEL" if settings.llm_base_url else "FLOWPILOT_LLM_BASE_URL"
            return Finding("WRONG", "AI", f"half configured: set {missing} too")
        return Finding(
            "off", "AI", "not configured, so guided mode answers: set FLOWPILOT_LLM_BASE_URL and FLOWPILOT_LLM_MODEL"
        )

    async def ask() -> str:
        try:
            return await endpoint.probe()
        finally:
            await endpoint.close()

    try:
        return Finding("ok", "AI", asyncio.run(ask()))
    except ModelError as error:
        return Finding("WRONG", "AI", f"{endpoint.host}: {error.words}")


def _mail(settings: Settings) -> Finding:
    """See that the mail server can be reached and signed in to, as the server would; nothing is sent."""
    if settings.smtp_url is None:
        missing = "FLOWPILOT_SMTP_URL" if settings.mail_from else "FLOWPILOT_SMTP_URL and FLOWPILOT_MAIL_FROM"
        return Finding("off", "mail", f"not configured, so nobody is e-mailed: set {missing}")
    if settings.mail_from is None:
        guess = f"FLOWPILOT_MAIL_FROM is not set, so mail goes out as {sender(settings)}"
        return Finding("WRONG", "mail", f"{guess}: give it the address that mail is sent from")
    try:
        found = asyncio.run(Mailer(MailServer.parse(settings.smtp_url), settings.mail_from).probe())
    except MailSettingsError as error:
        return Finding("WRONG", "mail", str(error))
    if isinstance(found, Unavailable):
        return Finding("WRONG", "mail", found.text)
    hint = "" if settings.public_url_given else f"; its links lead to {settings.public_url}: set FLOWPILOT_PUBLIC_URL"
    return Finding("ok", "mail", f"{found.response}{hint}")
