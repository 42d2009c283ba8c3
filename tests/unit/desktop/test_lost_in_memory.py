"""Any order of lost, repeated, swapped frames and broken streams: in the end the app shows what the server has."""

import asyncio
import random
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fake_server import DANA, LEE, FakeServer
from tests.unit.desktop.memory_desk import desk

Act = tuple[int, str]
WHAT = ("escalate", "claim", "claim_mine", "release", "withdraw", "realert", "cut", "wake", "trim", "epoch")
ACTS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(WHAT),
    ),
    max_size=25,
)


def spoiler(seed: int) -> Callable[[list[str]], list[str]]:
    """Loses, repeats and swaps events at random; what is held back comes with the next frame."""
    chance = random.Random(seed)  # noqa: S311 - the same on each run
    held: list[str] = []

    def spoil(frames: list[str]) -> list[str]:
        [frame] = frames
        if '"type": "event"' not in frame:
            return [frame]
        match chance.randrange(6):
            case 0:
                return []
            case 1:
                return [frame, frame]
            case 2:
                held.append(frame)
                return []
            case _:
                out = [frame, *held]
                held.clear()
                return out

    return spoil


async def _play(acts: list[Act], seed: int) -> None:
    async with desk(spoil=spoiler(seed)) as one:
        server = one.server
        await one.live()
        for number, what in acts:
            _act(server, f"h-{number}", what)
            if what == "cut":
                await one.wire.cut()
            elif what == "wake":
                one.controller.woke_up()
            for _ in range(number):
                await asyncio.sleep(0)
        # The network is good from here on, and the computer wakes up once more.
        one.wire.spoil = None
        lives = len(one.seen.marked("live"))
        one.controller.woke_up()
        one.controller.retry()
        await one.live(lives + 1)
        waiting = {key for key, value in server.handoffs.items() if value["status"] == "pending"}
        await one.until(lambda: {row.id for row in one.seen.queue.rows if row.outcome is None} == waiting)
        await one.until(lambda: set(one.seen.toasts) <= waiting | {"digest"})
        frames = [int(str(fields["seq"])) for fields in one.seen.marked("frame")]
        if not any(what == "epoch" for _, what in acts):
            assert frames == sorted(set(frames)), "an event was applied twice, or out of order"
        told = [(f["handoff_id"], f["rung"]) for f in server.received if f["type"] == "receipt"]
        assert {handoff_id for handoff_id, _ in told} <= set(server.handoffs)


def _act(server: FakeServer, handoff_id: str, what: str) -> None:
    known = server.handoffs.get(handoff_id)
    status = known["status"] if known else None
    match what, status:
        case "escalate", None:
            server.escalate(id=handoff_id, priority="urgent" if handoff_id == "h-4" else "normal")
        case "claim", "pending":
            server.claim(handoff_id, LEE)
        case "claim_mine", "pending":
            server.claim(handoff_id, DANA)
        case "release", "claimed":
            server.release(handoff_id, LEE)
        case "withdraw", "pending":
            server.withdraw(handoff_id)
        case "realert", "pending":
            server.realert(handoff_id)
        case "trim", _:
            server.min_seq = server.head
        case "epoch", _:
            server.epoch = f"epoch-{server.head}-{handoff_id}"


@settings(max_examples=40)
@given(ACTS, st.integers(0, 10_000))
def test_in_the_end_the_app_shows_what_the_server_has(acts: list[Act], seed: int) -> None:
    asyncio.run(_play(acts, seed))
