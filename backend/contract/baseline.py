"""The manual baseline on the wire: what an escalation costs by hand, in versions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from backend.contract.people import Person

BaselineBasis = Literal["measured", "estimated"]
BaselineOrigin = Literal["product", "carried", "person"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBaseline:
    """Body of `POST /analytics/baselines`: a further version; none is ever changed or removed.

    `minutes` is 0.5 to 480; null says that there is none from then on. `effective_from` is a date of the account's time
    zone (`2026-11-03`) or an RFC 3339 time, from the year 2000 on and at most five years ahead; left out it is now.
    The first version that a person sets reaches back to the beginning, unless it says from when.
    """

    minutes: float | None
    basis: BaselineBasis = "estimated"
    effective_from: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineVersion:
    """One version. It counts for escalations made from `effective_from` until before `effective_until` (null: open).

    `origin` says who it is from: `product` is FlowPilot's own estimate, `carried` was set before versions were kept,
    `person` was set by `set_by`. `superseded`: a later one took its whole time; `in_force`: it counts now.
    """

    id: str
    minutes: float | None
    basis: BaselineBasis
    origin: BaselineOrigin
    note: str | None
    effective_from: datetime
    effective_until: datetime | None
    set_by: Person | None
    set_at: datetime
    in_force: bool
    superseded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineHistory:
    """Answer of `GET` and `POST /analytics/baselines`: what counts now, and all, latest start first."""

    current: BaselineVersion | None
    items: list[BaselineVersion]
