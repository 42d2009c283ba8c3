"""What the owner asks: how many minutes an escalation gives back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.analytics import export, repository
from backend.analytics.figures import Loaded
from backend.audit.record import record
from backend.contract.metrics import EscalationMetrics, EscalationRow, EscalationRows, ExclusionReason, PreviousMonth
from backend.db.engine import Database
from backend.domain.averages import MINUTE, Exact, exact, mean_of, per
from backend.domain.baseline import Baselines
from backend.domain.groups import Shown
from backend.domain.month import Month, excluded
from backend.domain.recovered import month_before, month_bounds
from backend.domain.refusal import Refusal
from backend.domain.roles import at_least
from backend.identity import baselines as kept
from backend.identity.caller import Caller
from backend.identity.repository import settings

_LISTED = 50
_BEFORE_ALL = PreviousMonth(month="1999-12", with_first_action=0, minutes_recovered_per_escalation=None)


@dataclass(frozen=True, slots=True)
class MonthPage:
    """What the page shows: the figures, what they are made of, and the newest of what is left out."""

    loaded: Loaded
    metrics: EscalationMetrics
    left_out: list[EscalationRow]


@dataclass(frozen=True, slots=True)
class Export:
    """A file to download."""

    name: str
    text: str


class AnalyticsService:
    """Figures of the caller's account.

    A month may be tens of thousands of rows. Figures are worked out of them on a thread and outside of transactions:
    no other request waits for an owner's page, and the time limit of a transaction is the database's alone.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    async def month(self, caller: Caller, month: str | None = None) -> EscalationMetrics:
        """Figures of a month (`YYYY-MM`) in the account's time zone; the current one when none is named."""
        loaded = await self.load(caller, month)
        return await asyncio.to_thread(loaded.metrics)

    async def load(self, caller: Caller, month: str | None = None) -> Loaded:
        """The month with everything its figures are made of."""
        caller.require("engineer")
        async with self._db.tenant(caller.account_id) as tx:
            measure = await self._read(tx, caller, month)
        return await asyncio.to_thread(measure)

    async def page(self, caller: Caller, month: str | None) -> MonthPage:
        """The month for its page."""
        loaded = await self.load(caller, month)
        left_out = (row.of.id for row in reversed(loaded.month.rows) if excluded(row) is not None)
        listed = await self._listed(caller, loaded, list(islice(left_out, _LISTED)))
        return MonthPage(loaded, await asyncio.to_thread(loaded.metrics), listed)

    async def rows(self, caller: Caller, month: str | None, counted: str | None, limit: int) -> EscalationRows:
        """The month's escalations, newest first: all, or those that `counted` names (`yes`, `no`, or a reason)."""
        loaded = await self.load(caller, month)
        found = [row.of.id for row in reversed(loaded.month.rows) if counted is None or _is(excluded(row), counted)]
        listed = await self._listed(caller, loaded, found[:limit])
        return EscalationRows(month=loaded.month.name, total=len(found), items=listed)

    async def export(self, caller: Caller, month: str | None) -> Export:
        """The month as CSV; noted in the audit log."""
        loaded = await self.load(caller, month)
        async with self._db.tenant(caller.account_id) as tx:
            titles = await repository.titles(tx, caller.account_id, [row.of.id for row in loaded.month.rows])
            await record(tx, caller, "export.analytics", loaded.month.name, {"escalations": len(titles)})
        text = await asyncio.to_thread(lambda: export.as_csv(loaded.listed(titles), loaded.month.zone))
        return Export(f"escalations-{loaded.month.name}.csv", text)

    async def _listed(self, caller: Caller, loaded: Loaded, handoff_ids: list[UUID]) -> list[EscalationRow]:
        """These escalations of the month, newest first."""
        if not handoff_ids:
            return []
        async with self._db.tenant(caller.account_id) as tx:
            titles = await repository.titles(tx, caller.account_id, handoff_ids)
        return (await asyncio.to_thread(loaded.listed, titles))[::-1]

    async def _read(self, tx: AsyncConnection, caller: Caller, month: str | None) -> Callable[[], Loaded]:
        """All that the database has of a month; what it comes to is worked out by calling the result."""
        account = await settings(tx, caller.account_id)
        zone, now = ZoneInfo(account.timezone), datetime.now(UTC)
        wanted = month or f"{now.astimezone(zone):%Y-%m}"
        try:
            bounds = month_bounds(wanted, zone)
        except (ValueError, OverflowError) as error:
            raise Refusal("bad_request", "`month` must look like 2026-11.", field="month") from error
        baselines = await kept.load(tx, caller.account_id)
        measured = await repository.month_rows(tx, caller.account_id, *bounds)
        admin = at_least(caller.role, "admin")
        names = await repository.names(tx, caller.account_id)
        previous = await self._previous(tx, caller, wanted, zone, baselines)
        reader = Shown(caller.user_id, admin or account.analytics_names_for_seniors, account.analytics_small_groups)
        return lambda: Loaded(Month.of(wanted, zone, measured, baselines), names, previous, reader, now)

    async def _previous(
        self, tx: AsyncConnection, caller: Caller, wanted: str, zone: ZoneInfo, baselines: Baselines
    ) -> PreviousMonth:
        before = month_before(wanted)
        if before is None:
            return _BEFORE_ALL
        sums = await repository.acted_sums(tx, caller.account_id, *month_bounds(before, zone), baselines.starts)
        total: Exact = 0
        counted = 0
        for place, number, to_action in sums:
            baseline = baselines.at_place(place)
            if baseline is not None and baseline.minutes is not None:
                total += exact(baseline.minutes) * number - to_action
                counted += number
        value = mean_of(total, counted)
        return PreviousMonth(
            month=before,
            with_first_action=sum(number for _, number, _ in sums),
            minutes_recovered_per_escalation=per(value, MINUTE) if value is not None else None,
        )


def _is(reason: ExclusionReason | None, counted: str) -> bool:
    if counted in {"yes", "no"}:
        return (reason is None) == (counted == "yes")
    return reason == counted
