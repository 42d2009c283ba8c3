"""SQL that adds a month up: one statement, which reads the month's own rows of `handoff` and nothing else.

The rules are those of `domain.recovered`; a property test holds the two together. Times are whole microseconds
(a double holds those of thirty years exactly), baselines numeric: nothing is rounded on the way.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.tables import AnyRow
from backend.domain.averages import Exact
from backend.domain.baseline import Baselines
from backend.domain.recovered import worth
from backend.domain.sums import MOST_LEFT_OUT, Ordered, Part, State, Sums


def _micros(since: str, until: str) -> str:
    return f"round(date_part('epoch', {until} - {since}) * 1e6)::bigint"


def _around(value: str) -> str:
    """The four values that median and 90th percentile lie between (`domain.averages.places`), null without any."""
    n = f"count({value})"
    places = (f"({n} - 1) / 2", f"{n} / 2", f"9 * ({n} - 1) / 10", f"(9 * ({n} - 1) + 9) / 10")
    ordered = f"(array_agg({value} order by {value}) filter (where {value} is not null))"
    found = ", ".join(f"{ordered}[{place} + 1]::numeric" for place in places)
    return f"array[{n}::numeric, sum({value})::numeric, {found}]"


_KEYS: Final = ("claimer", "technician", "priority", "customer", "reason", "day", "missing")
_STATE: Final = ("status", "acted", "kind", "outcome", "had_what_i_needed", "past_step_two")
_SUMS: Final = ("n", "claimed", "to_claim", "measured", "to_action", "first")
_MEASURES: Final = ("to_claim", "to_action", "recovered", "shown")
_LEFT_OUT: Final = -2
_SETS: Final = [*((key, "place") for key in _KEYS), _STATE]
_ALL: Final = (*_KEYS, *_STATE)
_STATEMENT: Final = sa.text(
    f"""
    with told as (
        select h.*, width_bucket(h.created_at, cast(:starts as timestamptz[])) as place,
               {_micros("h.first_action_claimed_at", "h.first_action_at")} as took
        from handoff h where h.account_id = :account and h.created_at >= :start and h.created_at < :end),
    one as materialized (
        select id, place, created_at, coalesce(first_action_by, claimed_by) as claimer, handed_off_by as technician,
               priority, customer, reason, width_bucket(created_at, cast(:days as timestamptz[])) as day,
               case when status = 'resolved' and missing <> '' then missing end as missing,
               status, first_action_at is not null as acted,
               case when took is not null then first_action_kind end as kind, outcome, had_what_i_needed,
               steps_done > 0 as past_step_two,
               {_micros("created_at", "first_claimed_at")} as to_claim, took as to_action,
               (cast(:worth as numeric[]))[place] - took as recovered,
               {_micros("created_at", "first_shown_at")} as shown, month_ready
        from told)
    select grouping({", ".join(_ALL)}) as of, {", ".join(_ALL)}, place, count(*) as n, count(to_claim) as claimed,
           sum(to_claim) as to_claim, count(to_action) as measured, sum(to_action) as to_action,
           min(created_at) as first, true as ready, null::numeric[] as around, null::uuid[] as ids
    from one group by grouping sets ({", ".join(f"({', '.join(keys)})" for keys in _SETS)})
    union all
    select -1, {", ".join("null" for _ in _ALL)}, count(*) filter (where recovered < 0),
           {", ".join("null" for _ in _SUMS)}, coalesce(bool_and(month_ready), true),
           {" || ".join(_around(value) for value in _MEASURES)}, null
    from one
    union all
    select {_LEFT_OUT}, {", ".join("null" for _ in (*_ALL, "place", *_SUMS))}, true, null, array(
        select id from one where recovered is null order by created_at desc, id desc limit {MOST_LEFT_OUT})
    """
).bindparams(
    sa.bindparam("account", type_=sa.Uuid),
    sa.bindparam("start", type_=sa.DateTime(timezone=True)),
    sa.bindparam("end", type_=sa.DateTime(timezone=True)),
    sa.bindparam("starts", type_=sa.ARRAY(sa.DateTime(timezone=True))),
    sa.bindparam("days", type_=sa.ARRAY(sa.DateTime(timezone=True))),
    sa.bindparam("worth", type_=sa.ARRAY(sa.Numeric)),
)

_FILL: Final = sa.text(
    """
    with mine as (
        select id from handoff
        where account_id = :account and created_at >= :start and created_at < :end and not month_ready
        order by id for no key update)
    update handoff h
    set month_ready = true, customer = s.customer, first_shown_at = (
        select min(d.at) from delivery d
        where d.account_id = h.account_id and d.handoff_id = h.id and d.channel = 'desktop' and d.state = 'shown')
    from mine, ai_session s
    where h.account_id = :account and h.id = mine.id and s.account_id = h.account_id and s.id = h.session_id
    """
).bindparams(
    sa.bindparam("account", type_=sa.Uuid),
    sa.bindparam("start", type_=sa.DateTime(timezone=True)),
    sa.bindparam("end", type_=sa.DateTime(timezone=True)),
)


def _mask(keys: Sequence[str]) -> int:
    """What `grouping` answers for a set of keys: a bit for each column that it does not group by."""
    return sum(1 << place for place, name in enumerate(reversed(_ALL)) if name not in keys)


_AT: Final = {name: place for place, name in enumerate(("of", *_ALL, "place", *_SUMS))}
"""Where each column stands in a row: a month of many customers has hundreds of rows."""
_FIRST: Final = itemgetter(_AT["first"])
_OF: Final = {_mask(keys): keys[0] for keys in _SETS} | {-1: "around", _LEFT_OUT: "left_out"}


async def month_sums(
    tx: AsyncConnection,
    account_id: UUID,
    start: datetime,
    end: datetime,
    *,
    days: list[datetime],
    baselines: Baselines,
) -> Sums:
    """What was escalated in [start, end), added up. `days` are the moments at which each day begins."""
    month = {"account": account_id, "start": start, "end": end}
    values = {**month, "days": days, "starts": baselines.starts, "worth": _worths(baselines)}
    rows = (await tx.execute(_STATEMENT, values)).all()
    if not all(row.ready for row in rows):  # made before these columns were
        await tx.execute(_FILL, month)
        rows = (await tx.execute(_STATEMENT, values)).all()
    found: dict[str, list[AnyRow]] = {name: [] for name in _OF.values()}
    for row in rows:
        found[_OF[row.of]].append(row)
    (around,), (left_out,) = found["around"], found["left_out"]
    places: dict[int, int] = {}
    for row in found["priority"]:
        if row.measured:
            places[row.place] = places.get(row.place, 0) + row.measured
    worths = [worth(baselines.at_place(place)) for place in range(len(baselines.starts) + 1)]
    parts = {key: _parts(rows, key, worths) for key, rows in found.items() if key in _KEYS}
    ordered = dict(zip(_MEASURES, _ordered(around.around), strict=True))
    return Sums(
        places=places,
        days=parts["day"],
        claimers={key: part for key, part in parts["claimer"].items() if key is not None},
        technicians=parts["technician"],
        priorities=parts["priority"],
        customers=parts["customer"],
        reasons=parts["reason"],
        states={State(*(getattr(row, name) for name in _STATE)): row.n for row in _first_first(found["status"])},
        missing={key: part.escalations for key, part in parts["missing"].items() if key is not None},
        **ordered,
        negative=around.place,
        left_out=left_out.ids,
    )


def _worths(baselines: Baselines) -> list[Decimal | None]:
    """Each baseline of `baselines.starts` in microseconds, None where it says that there is none."""
    found = (worth(baselines.at_place(place + 1)) for place in range(len(baselines.starts)))
    return [Decimal(one.numerator) / one.denominator if one is not None else None for one in found]


def _first_first(rows: Sequence[AnyRow]) -> list[AnyRow]:
    return sorted(rows, key=_FIRST)


def _parts(rows: Sequence[AnyRow], key: str, worths: Sequence[Exact | None]) -> dict[Any, Part]:
    """A part for each value of a key, whatever the baselines that its escalations are measured against."""
    found: dict[Any, Part] = {}
    picked = itemgetter(_AT[key], *(_AT[name] for name in ("place", *_SUMS[:-1])))
    for row in _first_first(rows):
        value, place, n, claimed, to_claim, measured, took = picked(row)
        base, to_action = worths[place], int(took or 0)
        counted, recovered = (measured, base * measured - to_action) if base is not None else (0, 0)
        part = Part(n, claimed, int(to_claim or 0), measured, to_action, counted, recovered)
        found[value] = found[value].plus(part) if value in found else part
    return found


def _ordered(around: Sequence[Decimal]) -> list[Ordered]:
    six = len(around) // len(_MEASURES)
    return [_one_ordered(around[place : place + six]) for place in range(0, len(around), six)]


def _one_ordered(values: Sequence[Decimal | None]) -> Ordered:
    known = [_exact(value) for value in values if value is not None]
    if len(known) == 1:  # that there are none
        return Ordered(0, 0, None, None)
    n, total, low, above, high, highest = known
    return Ordered(int(n), total, (low, above), (high, highest))


def _exact(value: Decimal) -> Exact:
    whole = int(value)
    return whole if whole == value else Fraction(value)
