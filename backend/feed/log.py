"""Reading an account's event log, and the frames that are made of it once per process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from backend.db.engine import Database
from backend.http.frames import text_frame
from backend.http.respond import encode

_MOVED: Final = """
select s.account_id from stream_heads($1) s
join unnest($1::uuid[], $2::bigint[], $3::uuid[]) k (account_id, head, epoch) on k.account_id = s.account_id
where s.last_seq > k.head or s.epoch is distinct from k.epoch
"""


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
    _wires: dict[bool, bytes] = field(default_factory=dict)

    def frame(self, *, replay: bool) -> str:
        """The event frame. Nothing is filtered per client, so `prev` is always the position before."""
        known = self._frames.get(replay)
        if known is None:
            known = self._frames[replay] = (
                f'{{"type":"event","seq":{self.seq},"prev":{self.seq - 1},"kind":"{self.kind}",'
                f'"at":{encode(self.at).decode()},"replay":{"true" if replay else "false"},"data":{self.data}}}'
            )
        return known

    def wire(self, *, replay: bool) -> bytes:
        """The event frame as the bytes of a WebSocket frame."""
        known = self._wires.get(replay)
        if known is None:
            known = self._wires[replay] = text_frame(self.frame(replay=replay))
            self._frames.pop(replay)  # hardly ever asked for beside the bytes
        return known

    def forget_frames(self) -> None:
        """Hold no more than the event itself."""
        self._frames.clear()
        self._wires.clear()


@dataclass(frozen=True, slots=True)
class LogPart:
    """An account's log where it stands, with events in order; read in one statement, so both belong together."""

    position: LogPosition
    entries: list[LogEntry]


async def read_logs(database: Database, wanted: Mapping[UUID, int | None], limit: int) -> dict[UUID, LogPart]:
    """What follows a position of each account, at most `limit` events; for None the newest `limit`. One call."""
    rows = await database.call_many("select * from read_feeds($1, $2, $3)", list(wanted), list(wanted.values()), limit)
    parts: dict[UUID, LogPart] = {}
    for row in rows:
        part = parts.get(row["account_id"])
        if part is None:
            position = LogPosition(str(row["epoch"]), row["last_seq"], row["min_seq"])
            part = parts[row["account_id"]] = LogPart(position, [])
        if row["seq"] is not None:
            part.entries.append(LogEntry(row["seq"], row["kind"], row["at"], row["data"]))
    return parts


async def moved(database: Database, known: Mapping[UUID, tuple[int, str | None]]) -> list[UUID]:
    """The accounts whose log stands further than the position known of it, or is another one. One call."""
    heads, epochs = [head for head, _ in known.values()], [epoch for _, epoch in known.values()]
    rows = await database.call_many(_MOVED, list(known), heads, epochs)
    return [row["account_id"] for row in rows]


async def read_after(database: Database, account_id: UUID, seq: int, limit: int) -> list[LogEntry]:
    """Events after a position, oldest first."""
    rows = await database.call_many("select * from events_after($1, $2, $3)", account_id, seq, limit, of=account_id)
    return [LogEntry(row["seq"], row["kind"], row["at"], row["data"]) for row in rows]
