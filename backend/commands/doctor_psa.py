"""What `flowpilot doctor` says of PSA connectors: each is signed in to, as the server would; nothing is written."""

from typing import Final, Literal
from uuid import UUID

from backend.db.engine import Database
from backend.psa import repository
from backend.psa.asking import asked
from backend.psa.connections import Connections
from backend.psa.port import Psa, RefusedError
from backend.psa.systems import SYSTEMS
from backend.settings import Settings

Line = tuple[Literal["ok", "off", "WRONG"], str, str]
_PART: Final = "connector"
_CHECK_S: Final = 15.0
_PAGE: Final = 500


async def connector_lines(url: str, settings: Settings) -> list[Line]:
    """One line per connector of every account. One whose turn it is not, because it was asked to wait, is not asked."""
    database = await Database.open(url, pool_size=1)
    connections = Connections.of(settings)
    lines: list[Line] = []
    try:
        for account_id in await _accounts(database):
            lines += await _of_account(database, connections, account_id)
    finally:
        await database.close()
    return lines or [("off", _PART, "no account has connected a PSA")]


async def _accounts(database: Database) -> list[UUID]:
    found: list[UUID] = []
    while True:
        rows = await database.call_many("select * from audit_accounts($1, $2)", found[-1] if found else None, _PAGE)
        found += [row[0] for row in rows]
        if len(rows) < _PAGE:
            return found


async def _of_account(database: Database, connections: Connections, account_id: UUID) -> list[Line]:
    async with database.tenant(account_id) as tx:
        rows = await repository.connectors(tx, account_id)
    lines: list[Line] = []
    for row in rows:
        who = f"{SYSTEMS[row.system].name} of account {account_id}"
        if not row.active:
            lines.append(("off", _PART, f"{who}: switched off"))
            continue
        async with database.tenant(account_id) as tx:
            busy = await repository.take_turn(tx, account_id, row.id)
        if busy is not None:
            lines.append(("ok", _PART, f"{who}: in use or asked to wait until {busy.free_at:%H:%M:%S} UTC, not asked"))
            continue

        async def look(psa: Psa) -> str:
            return await psa.check()

        answer = await asked(connections, row, look, within_s=_CHECK_S)
        async with database.tenant(account_id) as tx:
            await answer.give_turn(tx, connections, row)
        if answer.error is not None:
            remedy = f" {answer.error.remedy}" if isinstance(answer.error, RefusedError) else ""
            lines.append(("WRONG", _PART, f"{who}: {answer.error.text}{remedy}"))
        elif row.paused_reason:
            lines.append(("WRONG", _PART, f"{who}: answers, but is paused: {row.paused_reason}"))
        else:
            dead = f"; {row.dead_letters} notes could not be written" if row.dead_letters else ""
            lines.append(("ok", _PART, f"{who}: {answer.found}{dead}"))
    return lines
