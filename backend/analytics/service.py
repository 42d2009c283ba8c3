"""What the owner asks: how many minutes an escalation gives back."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from backend.analytics import repository
from backend.contract.metrics import EscalationMetrics
from backend.db.engine import Database
from backend.domain.recovered import Measured, metrics, month_bounds
from backend.domain.refusal import Refusal
from backend.identity import baselines
from backend.identity.caller import Caller
from backend.identity.repository import settings


class AnalyticsService:
    """Figures of the caller's account."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def month(self, caller: Caller, month: str | None = None) -> EscalationMetrics:
        """Figures of a month (`YYYY-MM`) in the account's time zone; the current one when none is named."""
        caller.require("engineer")
        async with self._db.tenant(caller.account_id) as tx:
            account = await settings(tx, caller.account_id)
            zone = ZoneInfo(account.timezone)
            now = datetime.now(UTC).astimezone(zone)
            wanted = month or f"{now:%Y-%m}"
            try:
                start, end = month_bounds(wanted, zone)
            except (ValueError, OverflowError) as error:
                raise Refusal("bad_request", "`month` must look like 2026-11.", field="month") from error
            baseline = (await baselines.load(tx, caller.account_id)).minutes_at(datetime.now(UTC))
            rows = await repository.month_rows(tx, caller.account_id, start, end)
        measured = [
            Measured(
                escalated_at=row.created_at,
                claimed_at=row.first_claimed_at,
                claim_for_action=row.first_action_claimed_at,
                first_action_at=row.first_action_at,
                first_action_kind=row.first_action_kind,
            )
            for row in rows
        ]
        return metrics(measured, month=wanted, zone=zone, baseline_min=baseline, today=now.date())
