"""A loaded month as the contract shows it to one reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from backend.contract.metrics import EscalationMetrics, EscalationRow, PreviousMonth
from backend.db.tables import AnyRow
from backend.domain import groups
from backend.domain.averages import MINUTE, SECOND, per
from backend.domain.baseline import Baselines
from backend.domain.month import Month
from backend.domain.recovered import Measured, Row

SMALL_SAMPLE: Final = 20
EARLY: Final = 5
OTHERS: Final = "Others"
"""Stands in the place of a name that the reader may not see."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A month with all that its figures are made of, for one reader at one moment."""

    month: Month
    names: dict[UUID, str]
    reader: groups.Shown
    now: datetime

    @property
    def baselines(self) -> Baselines:
        """All versions of the account's baseline."""
        return self.month.baselines

    def metrics(self, previous: PreviousMonth) -> EscalationMetrics:
        """The answer of the API, and what the page is drawn from, beside the month before."""
        month, sums, now = self.month, self.month.sums, self.now
        to_claim, to_action = sums.to_claim.spread(SECOND), sums.to_action.spread(SECOND)
        value, before = month.per_escalation(), previous.minutes_recovered_per_escalation
        return EscalationMetrics(
            month=month.name,
            timezone=month.zone.key,
            manual_baseline_minutes=month.baseline_minutes(now),
            escalations=sums.whole.escalations,
            claimed=to_claim.n,
            with_first_action=to_action.n,
            mean_time_to_claim_seconds=to_claim.mean,
            mean_time_to_first_action_seconds=to_action.mean,
            minutes_recovered_per_escalation=value,
            minutes_recovered_total=month.total(),
            rolling=month.rolling(now.astimezone(month.zone).date()),
            by_first_action_kind=month.kinds(),
            time_to_claim_seconds=to_claim,
            time_to_first_action_seconds=to_action,
            minutes_recovered=sums.recovered.spread(MINUTE),
            shown_on_desktop_seconds=sums.shown.spread(SECOND),
            negative=sums.negative,
            small_sample=to_action.n < SMALL_SAMPLE,
            early=to_action.n < EARLY,
            waiting=month.with_status("pending"),
            withdrawn=month.with_status("withdrawn"),
            past_step_two=month.past_step_two(),
            exclusions=month.exclusions(),
            baselines=month.baselines_used(),
            previous=previous,
            change_minutes=value - before if value is not None and before is not None else None,
            endings=month.endings(),
            by_claimer=groups.by_person(sums.claimers, self.names, self.reader),
            by_technician=groups.by_person(sums.technicians, self.names, self.reader),
            by_customer=groups.by_text(sums.customers),
            by_priority=groups.by_priority(sums.priorities),
            by_reason=groups.by_text(sums.reasons, at_least=2),
        )

    def count(self, counted: str | None) -> int:
        """How many escalations `counted` names: averaged (`yes`), not (`no`), left out for a reason; None for all."""
        sums = self.month.sums
        if counted is None:
            return sums.whole.escalations
        if counted in {"yes", "no"}:
            averaged = sums.recovered.n
            return averaged if counted == "yes" else sums.whole.escalations - averaged
        return sum(one.count for one in self.month.exclusions() if one.reason == counted)

    def listed(self, found: Sequence[Measured], titles: Mapping[UUID, AnyRow]) -> list[EscalationRow]:
        """These escalations of the month with the names that the reader may see, in their order."""
        sums = self.month.sums
        claimers, technicians = (
            {one.id for one in groups.by_person(whose, self.names, self.reader) if one.id}
            for whose in (sums.claimers, sums.technicians)
        )
        rows = [Row.measure(one, self.baselines) for one in found if one.id in titles]
        return [self._listed(row, titles[row.of.id], claimers, technicians) for row in rows]

    def _listed(self, row: Row, words: AnyRow, claimers: set[str], technicians: set[str]) -> EscalationRow:
        def name(person: UUID | None, known: set[str]) -> str | None:
            if person is None:
                return None
            return self.names.get(person, "") if str(person) in known else OTHERS

        def seconds(value: int | None) -> float | None:
            return per(value, SECOND) if value is not None else None

        one = row.of
        return EscalationRow(
            id=str(one.id),
            session_id=str(one.session_id),
            title=words.title,
            customer=one.customer,
            ticket=words.ticket_id,
            priority=one.priority,
            reason=one.reason,
            status=one.status,
            escalated_at=one.escalated_at,
            escalated_by=name(one.escalated_by, technicians),
            claimed_at=one.claimed_at,
            claimed_by=name(one.claimer, claimers),
            claim_for_action_at=one.claim_for_action,
            first_action_at=one.first_action_at,
            first_action_kind=one.first_action_kind,
            seconds_to_claim=seconds(row.to_claim),
            seconds_to_first_action=seconds(row.to_action),
            baseline_minutes=row.baseline.minutes if row.baseline else None,
            minutes_recovered=per(row.recovered, MINUTE) if row.recovered is not None else None,
            excluded=row.excluded,
            outcome=one.outcome,
            had_what_i_needed=one.had_what_i_needed,
            missing=one.missing,
        )
