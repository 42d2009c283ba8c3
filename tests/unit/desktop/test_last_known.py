"""What is kept for when there is no server: soon after each change, of this server only, never after the sign-in."""

import asyncio

import pytest

from desktop.core import last_known
from desktop.core.last_known import Kept, LastKnown
from tests.unit.desktop.samples import ME, T0, handoff, row

KEPT = Kept(server="https://flow.test", user=ME, as_of=T0, rows=[row("h1")], handoffs=[handoff(row("h1"))])


class Memory:
    def __init__(self, kept: Kept | None = None) -> None:
        self.kept = kept
        self.writes = 0
        self.wiped = 0

    def load(self) -> Kept | None:
        return self.kept

    def keep(self, kept: Kept) -> None:
        self.kept = kept
        self.writes += 1

    def wipe(self) -> None:
        self.kept = None
        self.wiped += 1


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_known, "AFTER_S", 0.05)


async def test_changes_are_written_together() -> None:
    shelf = Memory()
    last = LastKnown(shelf, KEPT.server, lambda: KEPT, now)
    for _ in range(5):
        last.changed()
    assert shelf.writes == 0
    async with asyncio.timeout(30):
        while not shelf.writes:  # noqa: ASYNC110 - a timer does it
            await asyncio.sleep(0.01)
    last.changed()
    last.stop()
    last.stop()
    assert (shelf.writes, shelf.kept) == (2, KEPT)


async def test_nothing_is_written_after_the_sign_in_has_ended() -> None:
    shelf = Memory(KEPT)
    last = LastKnown(shelf, KEPT.server, lambda: KEPT, now)
    last.changed()
    last.forget()
    last.stop()
    assert (shelf.writes, shelf.wiped, shelf.kept) == (0, 1, None)


async def test_what_is_not_known_leaves_what_was() -> None:
    shelf = Memory(KEPT)
    last = LastKnown(shelf, KEPT.server, lambda: None, now)
    last.changed()
    last.stop()
    assert shelf.kept == KEPT


async def test_another_servers_queue_is_not_shown_here_and_without_a_shelf_nothing_is_kept() -> None:
    assert LastKnown(Memory(KEPT), KEPT.server, lambda: None, now).recall() == KEPT
    assert LastKnown(Memory(KEPT), "https://other.test", lambda: None, now).recall() is None
    assert LastKnown(Memory(), KEPT.server, lambda: None, now).recall() is None
    none = LastKnown(None, KEPT.server, lambda: KEPT, now)
    none.changed()
    none.forget()
    none.stop()
    assert none.recall() is None
