"""What the owner asks: how many minutes an escalation gives back."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.analytics import export, repository
from backend.analytics.figures import Loaded
from backend.analytics.sums_repository import month_sums
from backend.audit.record import record
from backend.contract.metrics import EscalationMetrics, EscalationRow, EscalationRows, PreviousMonth
from backend.db.engine import Database
from backend.domain.averages import MINUTE, Exact, mean_of, per
from backend.domain.baseline import Baselines
from backend.domain.groups import Shown
from backend.domain.month import Month
from backend.domain.recovered import midnights, month_before, month_bounds, worth
from backend.domain.refusal import Refusal
from backend.domain.roles import at_least
from backend.identity import baselines as kept
from backend.identity.caller import Caller
from backend.identity.repository import settings

_BEFORE_ALL = PreviousMonth(month="1999-12", with_first_action=0, minutes_recovered_per_escalation=None)


@dataclass(frozen=True, slots=True)
class MonthPage:
    """What the page shows: the figures, the newest of what is left out, and what is drawn one by one.

    `singles` are moments and minutes recovered, None where there are more than was asked for.
    """

    loaded: Loaded
    metrics: EscalationMetrics
    left_out: list[EscalationRow]
    singles: list[tuple[datetime, float]] | None


@dataclass(frozen=True, slots=True)
class Export:
    """A file to download."""

    name: str
    text: str


class AnalyticsService:
    """Figures of the caller's account.

    The database adds a month up. What lists each of its rows is put into words on a thread and outside of transactions:
    no other request waits for an owner's export, and the time limit of a transaction is the database's alone.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    async def month(self, caller: Caller, month: str | None = None) -> EscalationMetrics:
        """Figures of a month (`YYYY-MM`) in the account's time zone; the current one when none is named."""
        caller.require("engineer")
        asked = _Asked.of(caller, month)
        loaded, previous = await asyncio.gather(self._alone(caller, asked), self._previous(caller, asked))
        return loaded.metrics(previous)

    async def page(self, caller: Caller, month: str | None, *, most_singles: int) -> MonthPage:
        """The month for its page, which draws at most so many escalations one by one."""
        caller.require("engineer")
        asked = _Asked.of(caller, month)
        shown, previous = await asyncio.gather(self._shown(caller, asked, most_singles), self._previous(caller, asked))
        loaded, left_out, singles = shown
        return MonthPage(loaded, loaded.metrics(previous), left_out, singles)

    async def _alone(self, caller: Caller, asked: "_Asked") -> Loaded:
        async with self._db.tenant(caller.account_id) as tx:
            return await self._load(tx, caller, asked)

    async def _shown(
        self, caller: Caller, asked: "_Asked", most_singles: int
    ) -> tuple[Loaded, list[EscalationRow], list[tuple[datetime, float]] | None]:
        async with self._db.tenant(caller.account_id) as tx:
            loaded = await self._load(tx, caller, asked)
            left_out, singles = loaded.month.sums.left_out, None
            listed = loaded.listed(*await repository.named_rows(tx, caller.account_id, left_out)) if left_out else []
            if loaded.count("yes") <= most_singles:
                bounds, baselines = loaded.month.bounds, loaded.baselines
                found = await repository.singles(tx, caller.account_id, *bounds, baselines=baselines)
                singles = [(at, per(value, MINUTE)) for at, value in found]
        return loaded, listed, singles

    async def rows(self, caller: Caller, month: str | None, counted: str | None, limit: int) -> EscalationRows:
        """The month's escalations, newest first: all, or those that `counted` names (`yes`, `no`, or a reason)."""
        caller.require("engineer")
        async with self._db.tenant(caller.account_id) as tx:
            loaded = await self._load(tx, caller, _Asked.of(caller, month))
            rows = await repository.month_rows(
                tx, caller.account_id, *loaded.month.bounds, baselines=loaded.baselines, counted=counted, limit=limit
            )
            listed = loaded.listed(rows, await repository.titles(tx, caller.account_id, [row.id for row in rows]))
        return EscalationRows(month=loaded.month.name, total=max(loaded.count(counted), len(listed)), items=listed)

    async def export(self, caller: Caller, month: str | None) -> Export:
        """The month as CSV, oldest first; noted in the audit log."""
        caller.require("engineer")
        async with self._db.tenant(caller.account_id) as tx:
            loaded = await self._load(tx, caller, _Asked.of(caller, month))
            bounds, baselines = loaded.month.bounds, loaded.baselines
            rows = await repository.month_rows(tx, caller.account_id, *bounds, baselines=baselines)
            titles = await repository.titles(tx, caller.account_id, [row.id for row in rows])
            await record(tx, caller, "export.analytics", loaded.month.name, {"escalations": len(titles)})
        text = await asyncio.to_thread(lambda: export.as_csv(loaded.listed(rows[::-1], titles), loaded.month.zone))
        return Export(f"escalations-{loaded.month.name}.csv", text)

    @staticmethod
    async def _load(tx: AsyncConnection, caller: Caller, asked: "_Asked") -> Loaded:
        """The month with everything its figures are made of."""
        account, baselines = await settings(tx, caller.account_id), await kept.load(tx, caller.account_id)
        bounds, days = month_bounds(asked.month, asked.zone), midnights(asked.month, asked.zone)
        sums = await month_sums(tx, caller.account_id, *bounds, days=days, baselines=baselines)
        names = await repository.names(tx, caller.account_id)
        all_names = at_least(caller.role, "admin") or account.analytics_names_for_seniors
        reader = Shown(caller.user_id, all_names, account.analytics_small_groups)
        return Loaded(Month(asked.month, asked.zone, sums, baselines), names, reader, asked.now)

    async def _previous(self, caller: Caller, asked: "_Asked") -> PreviousMonth:
        """The month before in one figure, by a connection of its own: the database reads both at the same time."""
        before = month_before(asked.month)
        if before is None:
            return _BEFORE_ALL
        async with self._db.tenant(caller.account_id) as tx:
            baselines = await kept.load(tx, caller.account_id)
            bounds = month_bounds(before, asked.zone)
            sums = await repository.acted_sums(tx, caller.account_id, *bounds, baselines)
        return _in_one(before, sums, baselines)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which month, where, and when it is looked at."""

    month: str
    zone: ZoneInfo
    now: datetime

    @classmethod
    def of(cls, caller: Caller, month: str | None) -> Self:
        """The month of this name, the current one when none is named."""
        zone, now = ZoneInfo(caller.timezone), datetime.now(UTC)
        wanted = month or f"{now.astimezone(zone):%Y-%m}"
        try:
            midnights(wanted, zone)
        except (ValueError, OverflowError) as error:
            raise Refusal("bad_request", "`month` must look like 2026-11.", field="month") from error
        return cls(wanted, zone, now)


def _in_one(month: str, sums: list[tuple[int, int, int]], baselines: Baselines) -> PreviousMonth:
    total: Exact = 0
    counted = 0
    for place, number, to_action in sums:
        base = worth(baselines.at_place(place))
        if base is not None:
            total += base * number - to_action
            counted += number
    value = mean_of(total, counted)
    return PreviousMonth(
        month=month,
        with_first_action=sum(number for _, number, _ in sums),
        minutes_recovered_per_escalation=per(value, MINUTE) if value is not None else None,
    )
