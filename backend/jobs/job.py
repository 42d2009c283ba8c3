"""One piece of due work, as a worker holds it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

TOPIC: Final = "jobs"
"""Wake-up topic of workers: touch it after a commit that made work due now."""


class LeaseLostError(Exception):
    """The lease ran out or the work was asked for anew: another worker has it. Nothing may be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`ref` is the row that the work is about. `attempts` counts this one. `lease_no` fences the holder."""

    account_id: UUID
    id: UUID
    kind: str
    handoff_id: UUID | None
    ref: UUID | None
    due_at: datetime
    attempts: int
    lease_no: int

    @property
    def about(self) -> UUID:
        """The handoff, of kinds that always have one."""
        if self.handoff_id is None:
            raise ValueError(f"a {self.kind} job without a handoff")
        return self.handoff_id

    @property
    def row(self) -> UUID:
        """The row that the work is about, of kinds that always have one."""
        if self.ref is None:
            raise ValueError(f"a {self.kind} job without a row")
        return self.ref


Handler = Callable[[Job], Awaitable[None]]
"""Does the work and, in its own transaction, calls `repository.finish` or `repository.again`."""
