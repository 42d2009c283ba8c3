"""What the owner asks: how many minutes an escalation gives back."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.analytics import export, repository
from backend.analytics.figures import Loaded
from backend.audit.record import record
from backend.contract.metrics import EscalationMetrics, EscalationRow, EscalationRows, PreviousMonth
from backend.db.engine import Database
from backend.db.tables import AnyRow
from backend.domain.averages import MINUTE, Exact, exact, mean, per
from backend.domain.baseline import Baselines
from backend.domain.groups import Shown
from backend.domain.month import Month, excluded
from backend.domain.recovered import between, month_before, month_bounds, recovered
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
    """Figures of the caller's account."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def month(self, caller: Caller, month: str | None = None) -> EscalationMetrics:
        """Figures of a month (`YYYY-MM`) in the account's time zone; the current one when none is named."""
        return (await self.load(caller, month)).metrics()

    async def load(self, caller: Caller, month: str | None = None) -> Loaded:
        """The month with everything its figures are made of."""
        caller.require("engineer")
        async with self._db.tenant(caller.account_id) as tx:
            return await self._load(tx, caller, month)

    async def page(self, caller: Caller, month: str | None) -> MonthPage:
        """The month for its page."""
        caller.require("engineer")
        async with self._db.tenant(caller.account_id) as tx:
            loaded = await self._load(tx, caller, month)
            newest = [row.of.id for row in reversed(loaded.month.rows) if excluded(row) is not None][:_LISTED]
            titles = await repository.titles(tx, caller.account_id, newest)
        return MonthPage(loaded, loaded.metrics(), loaded.listed(titles)[::-1])

    async def rows(self, caller: Caller, month: str | None, counted: str | None, limit: int) -> EscalationRows:
        """The month's escalations, newest first: all, or those that `counted` names (`yes`, `no`, or a reason)."""
        caller.require("engineer")
        async with self._db.tenant(caller.account_id) as tx:
            loaded = await self._load(tx, caller, month)
            listed = await self._listed(tx, caller, loaded)
        found = [row for row in reversed(listed) if counted is None or _is(row, counted)]
        return EscalationRows(month=loaded.month.name, total=len(found), items=found[:limit])

    async def export(self, caller: Caller, month: str | None) -> Export:
        """The month as CSV; noted in the audit log."""
        caller.require("engineer")
        async with self._db.tenant(caller.account_id) as tx:
            loaded = await self._load(tx, caller, month)
            listed = await self._listed(tx, caller, loaded)
            await record(tx, caller, "export.analytics", loaded.month.name, {"escalations": len(listed)})
        text = export.as_csv(listed, loaded.month.zone)
        return Export(f"escalations-{loaded.month.name}.csv", text)

    async def _listed(self, tx: AsyncConnection, caller: Caller, loaded: Loaded) -> list[EscalationRow]:
        ids = [row.of.id for row in loaded.month.rows]
        return loaded.listed(await repository.titles(tx, caller.account_id, ids))

    async def _load(self, tx: AsyncConnection, caller: Caller, month: str | None) -> Loaded:
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
        return Loaded(
            month=Month.of(wanted, zone, measured, baselines),
            names=await repository.names(tx, caller.account_id),
            previous=await self._previous(tx, caller, wanted, zone, baselines),
            reader=Shown(caller.user_id, admin or account.analytics_names_for_seniors, account.analytics_small_groups),
            now=now,
        )

    async def _previous(
        self, tx: AsyncConnection, caller: Caller, wanted: str, zone: ZoneInfo, baselines: Baselines
    ) -> PreviousMonth:
        before = month_before(wanted)
        if before is None:
            return _BEFORE_ALL
        rows = await repository.acted_times(tx, caller.account_id, *month_bounds(before, zone))
        value = mean([one for row in rows if (one := _recovered(row, baselines)) is not None])
        return PreviousMonth(
            month=before,
            with_first_action=len(rows),
            minutes_recovered_per_escalation=per(value, MINUTE) if value is not None else None,
        )


def _recovered(row: AnyRow, baselines: Baselines) -> Exact | None:
    minutes = baselines.minutes_at(row.created_at)
    to_action = between(row.first_action_claimed_at, row.first_action_at)
    return recovered(exact(minutes) if minutes is not None else None, to_action)


def _is(row: EscalationRow, counted: str) -> bool:
    if counted in {"yes", "no"}:
        return (row.excluded is None) == (counted == "yes")
    return row.excluded == counted
