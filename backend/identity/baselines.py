"""The account's manual baseline: read by seniors, added to by administrators, never changed.

It stands here because the account's settings show it; analytics is a reader.
"""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.audit.record import record
from backend.contract.baseline import BaselineHistory, BaselineVersion, NewBaseline
from backend.contract.people import Person
from backend.db.engine import Database
from backend.domain.baseline import BEGINNING, LEAST_MINUTES, MOST_MINUTES, Baseline, Baselines, parse_start
from backend.domain.refusal import Refusal
from backend.domain.text import clean_optional
from backend.identity import baseline_repository as repository
from backend.identity.caller import Caller

_NOTE = 300


def _refuse(field: str, why: str) -> Refusal:
    return Refusal("invalid_body", f"`{field}` {why}.", field=field)


def checked_minutes(minutes: float | None, field: str) -> float | None:
    """The value, or a refusal that names the field."""
    if minutes is not None and not LEAST_MINUTES <= minutes <= MOST_MINUTES:
        raise _refuse(field, "must be 0.5 to 480 minutes")
    return minutes


async def add(tx: AsyncConnection, caller: Caller, new: NewBaseline, zone: ZoneInfo) -> None:
    """A further version, set by the caller. Refuses what is out of bounds, naming the field."""
    minutes, note = checked_minutes(new.minutes, "minutes"), clean_optional("note", new.note, longest=_NOTE)
    start: datetime | None = None
    if new.effective_from is not None:
        try:
            start = parse_start(new.effective_from, zone, datetime.now(UTC))
        except ValueError as error:
            raise _refuse("effective_from", str(error)) from error
    before = await load(tx, caller.account_id)
    if new.effective_from is None and before.only_the_products:
        start = BEGINNING  # what the account knows of itself takes the place of our estimate
    await repository.insert(
        tx,
        caller.account_id,
        minutes=minutes,
        basis=new.basis,
        origin="person",
        note=note,
        effective_from=start,
        set_by=caller.user_id,
    )
    was = before.minutes_at(datetime.now(UTC))
    counts_from = {"from": new.effective_from} if new.effective_from is not None else {}
    detail = {"manual_baseline_minutes": f"{was} to {minutes}", "basis": new.basis, **counts_from}
    await record(tx, caller, "baseline.changed", "", detail)


def history(baselines: Baselines, now: datetime) -> BaselineHistory:
    """All versions as the wire shows them, latest start first."""
    current = baselines.at(now)
    shown = [_shown(baselines, one, current) for one in reversed(baselines.versions)]
    return BaselineHistory(current=next((one for one in shown if one.in_force), None), items=shown)


def _shown(baselines: Baselines, one: Baseline, current: Baseline | None) -> BaselineVersion:
    superseded = baselines.superseded(one)
    return BaselineVersion(
        id=str(one.id),
        minutes=one.minutes,
        basis=one.basis,
        origin=one.origin,
        note=one.note,
        effective_from=one.effective_from,
        effective_until=one.effective_from if superseded else baselines.until(one),
        set_by=Person(id=str(one.set_by), name=one.set_by_name or "") if one.set_by else None,
        set_at=one.set_at,
        in_force=current is not None and current.id == one.id,
        superseded=superseded,
    )


async def load(tx: AsyncConnection, account_id: UUID) -> Baselines:
    """All versions of the account."""
    return Baselines(await repository.versions(tx, account_id))


class BaselineService:
    """The baseline of the caller's account."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def history(self, caller: Caller) -> BaselineHistory:
        """What counts now, and every version."""
        caller.require("engineer")
        async with self._db.tenant(caller.account_id) as tx:
            return history(await load(tx, caller.account_id), datetime.now(UTC))

    async def add(self, caller: Caller, new: NewBaseline) -> BaselineHistory:
        """A further version; answers the whole history."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            await add(tx, caller, new, ZoneInfo(caller.timezone))
            return history(await load(tx, caller.account_id), datetime.now(UTC))
