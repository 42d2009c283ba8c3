"""The queue as the log tells it: a page of rows, then every later event folded in.

Nothing here guesses. A row leaves because an event says so; what the user's own claim answered is shown by the claim
flow beside the row until the event arrives, and never changes this state.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from backend.contract.events import Event
from backend.contract.handoffs import QueueRow
from backend.contract.people import Person
from backend.contract.vocabulary import PRIORITY_RANK, EventKind

LEAVES_AFTER_S: Final = 2.4
CLAIMED_SHOWN_FOR: Final = timedelta(minutes=15)
_NO_ROW: Final = frozenset({"handoff.delivery"})
_LEFT: Final = frozenset({"handoff.claimed", "handoff.reassigned", "handoff.resolved", "handoff.withdrawn"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one event did to one handoff. `before` and `after` are the waiting row, null where it was not waiting.

    `holder` holds it now, `actor` did it, `incomplete` means the event lacked the row and the queue must be fetched.
    `row` is the handoff as the event told it. `cause`, `step` and `returns_at` (when an idle claim goes back to the
    queue) belong to `handoff.realerted`.
    """

    kind: EventKind
    handoff_id: str
    at: datetime
    replay: bool
    before: QueueRow | None
    after: QueueRow | None
    holder: Person | None = None
    actor: Person | None = None
    note: str | None = None
    incomplete: bool = False
    row: QueueRow | None = None
    cause: str | None = None
    step: int | None = None
    returns_at: datetime | None = None
    first_action: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A row that has just stopped waiting; drawn with its outcome until `until` (monotonic seconds)."""

    row: QueueRow
    kind: EventKind
    who: Person | None
    at: datetime
    note: str | None
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One claim of the last 15 minutes."""

    row: QueueRow
    claimer: Person
    at: datetime


class Inbox:
    """Waiting rows by id, rows that are leaving, and recent claims."""

    def __init__(self) -> None:
        self.loaded = False
        self.waiting: dict[str, QueueRow] = {}
        self.leaving: dict[str, Left] = {}
        self.claimed: dict[str, Claimed] = {}
        self._sorted: list[QueueRow] | None = None

    def clear(self) -> None:
        """Forget everything: another user, or signed out."""
        self.__init__()  # type: ignore[misc] # the initial state is defined once, above

    def load(self, rows: Iterable[QueueRow]) -> None:
        """The queue as a page told it; replaces what was known to wait."""
        self.waiting = {row.id: row for row in rows if row.status == "pending"}
        self._sorted = None
        for handoff_id in self.waiting:
            self.leaving.pop(handoff_id, None)
            self.claimed.pop(handoff_id, None)
        self.loaded = True

    def sorted(self) -> list[QueueRow]:
        """Priority rank, then longest waiting. To be read only: the same list comes back until a row changes."""
        if self._sorted is None:
            self._sorted = sorted(self.waiting.values(), key=order)
        return self._sorted

    def apply(self, event: Event, now: float) -> Change:
        """Fold one event in. `now` is monotonic seconds."""
        data = event.data
        handoff_id = str(data.get("handoff_id") or data.get("id") or "")
        before = self.waiting.get(handoff_id)
        row = None if event.kind in _NO_ROW else _row_of(data)
        actor, note = _person(data.get("actor")), _text(data.get("note"))
        after = self._after(event.kind, row, before)
        self._sorted = self._sorted if after is before else None
        holder = _person(data.get("claimed_by")) or (row.claimed_by if row else None)
        if after is not None:
            self.waiting[handoff_id] = after
            self.leaving.pop(handoff_id, None)
            self.claimed.pop(handoff_id, None)
        else:
            self.waiting.pop(handoff_id, None)
        last = row or before
        if last is not None and event.kind in {"handoff.claimed", "handoff.reassigned"} and holder is not None:
            at = last.claimed_at or event.at
            self.claimed[handoff_id] = Claimed(row=last, claimer=holder, at=at)
        # What came and went while nobody looked is history, not an outcome to show.
        if before is not None and after is None and not event.replay:
            who = holder if event.kind in {"handoff.claimed", "handoff.reassigned"} else actor
            self.leaving[handoff_id] = Left(
                row=row or before, kind=event.kind, who=who, at=event.at, note=note, until=now + LEAVES_AFTER_S
            )
        return Change(
            kind=event.kind,
            handoff_id=handoff_id,
            at=event.at,
            replay=event.replay,
            before=before,
            after=after,
            holder=holder,
            actor=actor,
            note=note,
            incomplete=row is None and event.kind not in _NO_ROW | _LEFT,
            row=row,
            cause=_text(data.get("cause")),
            step=_number(data.get("step")),
            returns_at=_time(data.get("returns_at")),
            first_action=bool(data.get("first_action_kind")),
        )

    def expire(self, now: float, wall: datetime) -> None:
        """Let go of rows that have been shown leaving for long enough, and of claims older than 15 minutes."""
        self.leaving = {key: left for key, left in self.leaving.items() if left.until > now}
        self.claimed = {key: c for key, c in self.claimed.items() if wall - c.at < CLAIMED_SHOWN_FOR}

    @property
    def deadline(self) -> float | None:
        """When the next leaving row has been shown for long enough."""
        return min((left.until for left in self.leaving.values()), default=None)

    @property
    def claims_end(self) -> datetime | None:
        """When the oldest claim has been shown for 15 minutes, in server time."""
        return min((claimed.at + CLAIMED_SHOWN_FOR for claimed in self.claimed.values()), default=None)

    @staticmethod
    def _after(kind: EventKind, row: QueueRow | None, before: QueueRow | None) -> QueueRow | None:
        if row is not None:
            return row if row.status == "pending" else None
        return None if kind in _LEFT else before


def order(row: QueueRow) -> tuple[int, datetime, str]:
    """The sort key of the queue."""
    return PRIORITY_RANK[row.priority], row.created_at, row.id


def _row_of(data: dict[str, Any]) -> QueueRow | None:
    try:
        return msgspec.convert({"id": data.get("handoff_id"), **data}, QueueRow)
    except msgspec.ValidationError:
        return None


def _person(value: object) -> Person | None:
    try:
        return msgspec.convert(value, Person)
    except msgspec.ValidationError:
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _time(value: object) -> datetime | None:
    try:
        return msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        return None
