"""What the owner asks: how many minutes an escalation gives back."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
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

_LISTED = 50
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
        async with self._db.tenant(caller.account_id) as tx:
            loaded = await self._load(tx, caller, month)
        return loaded.metrics()

    async def page(self, caller: Caller, month: str | None, *, most_singles: int) -> MonthPage:
        """The month for its page, which draws at most so many escalations one by one."""
        caller.require("engineer")
        async with self._db.tenant(caller.account_id) as tx:
            loaded = await self._load(tx, caller, month)
            listed = await self._listed(tx, caller, loaded, "no", _LISTED) if loaded.count("no") else []
            singles = None
            if loaded.count("yes") <= most_singles:
                bounds, baselines = loaded.month.bounds, loaded.baselines
                found = await repository.singles(tx, caller.account_id, *bounds, baselines=baselines)
                singles = [(at, per(value, MINUTE)) for at, value in found]
        return MonthPage(loaded, loaded.metrics(), listed, singles)

    async def rows(self, caller: Caller, month: str | None, counted: str | None, limit: int) -> EscalationRows:
        """The month's escalations, newest first: all, or those that `counted` names (`yes`, `no`, or a reason)."""
        caller.require("engineer")
        async with self._db.tenant(caller.account_id) as tx:
            loaded = await self._load(tx, caller, month)
            listed = await self._listed(tx, caller, loaded, counted, limit)
        return EscalationRows(month=loaded.month.name, total=max(loaded.count(counted), len(listed)), items=listed)

    async def export(self, caller: Caller, month: str | None) -> Export:
        """The month as CSV, oldest first; noted in the audit log."""
        caller.require("engineer")
        async with self._db.tenant(caller.account_id) as tx:
            loaded = await self._load(tx, caller, month)
            bounds, baselines = loaded.month.bounds, loaded.baselines
            rows = await repository.month_rows(tx, caller.account_id, *bounds, baselines=baselines)
            titles = await repository.titles(tx, caller.account_id, [row.id for row in rows])
            await record(tx, caller, "export.analytics", loaded.month.name, {"escalations": len(titles)})
        text = await asyncio.to_thread(lambda: export.as_csv(loaded.listed(rows[::-1], titles), loaded.month.zone))
        return Export(f"escalations-{loaded.month.name}.csv", text)

    @staticmethod
    async def _listed(
        tx: AsyncConnection, caller: Caller, loaded: Loaded, counted: str | None, limit: int
    ) -> list[EscalationRow]:
        """The newest of these escalations of the month."""
        rows = await repository.month_rows(
            tx, caller.account_id, *loaded.month.bounds, baselines=loaded.baselines, counted=counted, limit=limit
        )
        return loaded.listed(rows, await repository.titles(tx, caller.account_id, [row.id for row in rows]))

    @staticmethod
    async def _load(tx: AsyncConnection, caller: Caller, month: str | None) -> Loaded:
        """The month with everything its figures are made of."""
        account = await settings(tx, caller.account_id)
        zone, now = ZoneInfo(account.timezone), datetime.now(UTC)
        wanted = month or f"{now.astimezone(zone):%Y-%m}"
        try:
            bounds, days = month_bounds(wanted, zone), midnights(wanted, zone)
        except (ValueError, OverflowError) as error:
            raise Refusal("bad_request", "`month` must look like 2026-11.", field="month") from error
        baselines = await kept.load(tx, caller.account_id)
        sums = await month_sums(tx, caller.account_id, *bounds, days=days, baselines=baselines)
        names = await repository.names(tx, caller.account_id)
        previous = await _previous(tx, caller, wanted, zone, baselines)
        all_names = at_least(caller.role, "admin") or account.analytics_names_for_seniors
        reader = Shown(caller.user_id, all_names, account.analytics_small_groups)
        return Loaded(Month(wanted, zone, sums, baselines), names, previous, reader, now)


async def _previous(
    tx: AsyncConnection, caller: Caller, wanted: str, zone: ZoneInfo, baselines: Baselines
) -> PreviousMonth:
    before = month_before(wanted)
    if before is None:
        return _BEFORE_ALL
    sums = await repository.acted_sums(tx, caller.account_id, *month_bounds(before, zone), baselines)
    total: Exact = 0
    counted = 0
    for place, number, to_action in sums:
        base = worth(baselines.at_place(place))
        if base is not None:
            total += base * number - to_action
            counted += number
    value = mean_of(total, counted)
    return PreviousMonth(
        month=before,
        with_first_action=sum(number for _, number, _ in sums),
        minutes_recovered_per_escalation=per(value, MINUTE) if value is not None else None,
    )
