"""The feed's memory of recent events, when it cannot be right."""

from collections import deque
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import pytest

from backend.db.engine import Database
from backend.feed.hub import RING_CHARACTERS, AccountFeed, TooFar
from backend.feed.log import LogEntry, LogPart, LogPosition


async def never(_feed: AccountFeed) -> None:
    raise AssertionError("this position is not ahead")


class EmptyLog:
    async def call_many(self, *_: object, **_named: object) -> list[Any]:
        return []


@pytest.mark.parametrize("seqs", [(5, 6, 6, 7), (5, 6, 9), (5, 5, 6)])
async def test_a_memory_with_a_hole_or_a_repetition_never_leads_a_reader_in_circles(seqs: tuple[int, ...]) -> None:
    """A position that comes again would keep the process's one thread busy for ever, and everybody waiting."""
    feed = AccountFeed(uuid4(), cast("Database", EmptyLog()), never)
    feed._ring = deque(LogEntry(seq, "handoff.updated", datetime.now(UTC), "{}") for seq in seqs)
    feed._position = LogPosition("epoch", max(seqs), 1)
    found = await feed.after(5, "epoch", limit=3)
    assert isinstance(found, TooFar), found


def test_big_events_do_not_fill_the_memory_and_the_newest_of_them_is_there() -> None:
    """Two hundred events of each of a thousand accounts must fit a machine, however long their reasons are."""
    feed = AccountFeed(uuid4(), cast("Database", EmptyLog()), never)
    position = LogPosition("epoch", 40, 1)
    entries = [
        LogEntry(seq, "handoff.updated", datetime.now(UTC), "x" * (RING_CHARACTERS // 10)) for seq in range(1, 41)
    ]
    assert feed.take(LogPart(position, entries), None)
    assert [entry.seq for entry in feed.held(30)] == list(range(31, 41))
    assert feed.held(29) == []
    assert feed.next(39) is entries[-1]
