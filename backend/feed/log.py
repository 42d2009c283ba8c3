"""Reading an account's event log, and the frames that are made of it once per process."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from backend.db.engine import Database
from backend.http.respond import encode


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where a log stands: its identity, its last position, the oldest that is still kept."""

    epoch: str
    head: int
    oldest: int


@dataclass(slots=True)
class LogEntry:
    """One event, with its frame encoded at most twice (live and replayed), not once per socket."""

    seq: int
    kind: str
    at: datetime
    data: str
    _frames: dict[bool, str] = field(default_factory=dict)

    def frame(self, *, replay: bool) -> str:
        """The event frame. Nothing is filtered per client, so `prev` is always the position before."""
        known = self._frames.get(replay)
        if known is None:
            known = self._frames[replay] = (
                f'{{"type":"event","seq":{self.seq},"prev":{self.seq - 1},"kind":"{self.kind}",'
                f'"at":{encode(self.at).decode()},"replay":{"true" if replay else "false"},"data":{self.data}}}'
            )
        return known


async def read_position(database: Database, account_id: UUID) -> LogPosition:
    """The log's position now."""
    row = await database.call("select * from stream_position($1)", account_id)
    if row is None:  # pragma: no cover - a function with OUT parameters answers one row
        raise RuntimeError("stream_position answered nothing")
    return LogPosition(str(row["epoch"]), row["last_seq"], row["min_seq"])


async def read_after(database: Database, account_id: UUID, seq: int, limit: int) -> list[LogEntry]:
    """Events after a position, oldest first."""
    rows = await database.call_many("select * from events_after($1, $2, $3)", account_id, seq, limit)
    return [LogEntry(row["seq"], row["kind"], row["at"], row["data"]) for row in rows]
