"""A month added up row by row, by the rules of `domain.recovered`: what the database's sums are held against."""

from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from backend.domain.averages import Exact, places
from backend.domain.baseline import Baselines
from backend.domain.month import Month
from backend.domain.recovered import Measured, Row, between
from backend.domain.sums import MOST_LEFT_OUT, Ordered, Part, State, Sums


def month(name: str, zone: ZoneInfo, measured: Sequence[Measured], baselines: Baselines) -> Month:
    """The month of these escalations, oldest first."""
    return Month(name, zone, tally([Row.measure(one, baselines) for one in measured], zone, baselines), baselines)


def tally(rows: Sequence[Row], zone: ZoneInfo, baselines: Baselines) -> Sums:
    """The rows of one month, oldest first, added up."""
    of_baseline = {one.id: place for place in range(len(baselines.starts) + 1) if (one := baselines.at_place(place))}
    measured = [of_baseline[row.baseline.id] if row.baseline else 0 for row in rows if row.to_action is not None]
    states = [_state(row) for row in rows]
    lacks = [row.of.missing for row in rows if row.of.status == "resolved" and row.of.missing]
    claimers = parts(rows, lambda row: row.of.claimer)
    claimers.pop(None, None)
    shown = [between(row.of.escalated_at, row.of.shown_at) for row in rows if row.of.shown_at is not None]
    return Sums(
        places={place: measured.count(place) for place in measured},
        days=parts(rows, lambda row: row.of.escalated_at.astimezone(zone).day),
        claimers=claimers,
        technicians=parts(rows, lambda row: row.of.escalated_by),
        priorities=parts(rows, lambda row: row.of.priority),
        customers=parts(rows, lambda row: row.of.customer),
        reasons=parts(rows, lambda row: row.of.reason),
        states={state: states.count(state) for state in states},
        missing={text: lacks.count(text) for text in lacks},
        to_claim=ordered([row.to_claim for row in rows if row.to_claim is not None]),
        to_action=ordered([row.to_action for row in rows if row.to_action is not None]),
        recovered=ordered([row.recovered for row in rows if row.recovered is not None]),
        shown=ordered(shown),
        negative=sum(row.recovered < 0 for row in rows if row.recovered is not None),
        left_out=[row.of.id for row in reversed(rows) if row.excluded][:MOST_LEFT_OUT],
    )


def ordered(values: Sequence[Exact]) -> Ordered:
    """Values of which all are known."""
    if not values:
        return Ordered(0, 0, None, None)
    known = sorted(values)
    median, p90 = ((known[low], known[high]) for low, high in (places(len(known), 5), places(len(known), 9)))
    return Ordered(len(known), sum(known), median, p90)


def parts(rows: Sequence[Row], key: Callable[[Row], Any]) -> dict[Any, Part]:
    """A part for each key, in the order in which they come."""
    found: dict[Any, Part] = {}
    for row in rows:
        part = _part(row)
        found[key(row)] = found[key(row)].plus(part) if key(row) in found else part
    return found


def _part(row: Row) -> Part:
    claimed, acted, counted = (value is not None for value in (row.to_claim, row.to_action, row.recovered))
    return Part(1, claimed, row.to_claim or 0, acted, row.to_action or 0, counted, row.recovered or 0)


def _state(row: Row) -> State:
    one = row.of
    return State(
        one.status,
        one.first_action_at is not None,
        one.first_action_kind if row.to_action is not None else None,
        one.outcome,
        one.had_what_i_needed,
        one.past_step_two,
    )
