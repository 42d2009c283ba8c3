"""How much of what is expensive one account may ask for: a storm in one shop must not be everybody's.

Counted per account in windows that move, by `limits`. The bounds are wide: no shop at work meets them. They are
settable (FLOWPILOT_QUOTAS), since only the operator knows the machine. They bound one `serve`: each of its processes
counts for itself and grants its part, rounded up; connections spread over the processes by chance, so that an account
may be told to wait somewhat before the bound.
"""

import math
import time
from typing import Final, Literal
from uuid import UUID

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from backend.domain.refusal import Refusal

Kind = Literal["escalation", "export"]
DEFAULTS: Final[dict[Kind, str]] = {"escalation": "3000/minute", "export": "60/minute"}
_WHAT: Final[dict[Kind, str]] = {"escalation": "escalations", "export": "exports"}


class QuotaError(Exception):
    """A quota that cannot be meant; the text is one plain sentence."""


def parsed(text: str) -> dict[Kind, RateLimitItem]:
    """`escalation=3000/minute,export=60/minute`; what is not named keeps its default. Raises QuotaError."""
    chosen: dict[Kind, str] = dict(DEFAULTS)
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, _, bound = part.partition("=")
        kind = next((one for one in DEFAULTS if one == name.strip()), None)
        if kind is None or not bound.strip():
            raise QuotaError(f"{part!r} is none of {', '.join(f'{one}=N/minute' for one in DEFAULTS)}")
        chosen[kind] = bound.strip()
    try:
        return {kind: parse(bound) for kind, bound in chosen.items()}
    except ValueError as error:
        raise QuotaError("a bound is written like 60/minute") from error


class Quotas:
    """The counts of one of `processes`."""

    def __init__(self, bounds: str = "", *, processes: int = 1) -> None:
        self._whole = parsed(bounds)
        self._bounds = {
            kind: type(bound)(math.ceil(bound.amount / processes), bound.multiples)
            for kind, bound in self._whole.items()
        }
        self._windows = MovingWindowRateLimiter(MemoryStorage())

    def take(self, account_id: UUID, kind: Kind) -> None:
        """One more. Refuses `too_many_requests` with the seconds until there is room again."""
        bound = self._bounds[kind]
        if self._windows.hit(bound, kind, account_id.hex):
            return
        reset = self._windows.get_window_stats(bound, kind, account_id.hex).reset_time
        whole = f"{self._whole[kind].amount} {_WHAT[kind]} a {bound.GRANULARITY.name}"
        raise Refusal(
            "too_many_requests",
            f"This account may ask for {whole}. Try again later.",
            retry_after_s=max(1, math.ceil(reset - time.time())),
        )
