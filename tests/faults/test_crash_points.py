"""The server dies, as by a power cut, at every point of escalate, deliver and claim.

What was answered is there, the same Idempotency-Key makes one handoff, one person holds it, and the senior is told
under one Message-ID. In `make test` the points where something is written or handed over; all of them with `-m soak`.
"""

from typing import Literal

import pytest

from tests.support.crash import Point, Sweep
from tests.support.world import World

When = Literal["before", "after"]
DECIDING: list[tuple[str, str, list[When]]] = [
    ("escalate", "escalate_handoff", ["before", "after"]),
    ("deliver", "begin_mail", ["after"]),  # about to be sent, not committed
    ("deliver", "smtp: RCPT", ["after"]),
    ("deliver", "smtp: message", ["before", "after"]),  # handed over, its outcome not kept
    ("deliver", "record_mail", ["after"]),
    ("claim", "claim_handoff", ["before", "after"]),
]

PARTS = 16
"""About eighty points, most passed twice, die in four worlds at once with `-n 4`. Each part is judged alone.

How often a worker looks for more work differs from run to run: of what it passes, a quarter of a part may stay away in
two tries; in escalate and claim each death has to come.
"""


async def swept(world: World, sweep: Sweep, deaths: list[tuple[Point, When]]) -> None:
    for point, when in deaths:
        await sweep.die_at(point, when)
    for point, when in list(sweep.lived):  # not passed that time: once more, with more work
        await sweep.die_at(point, when)
    await world.judge()
    final = world.history.final
    assert final is not None
    alerts = {planned.message_id: planned.handoff for planned in final.planned if planned.purpose == "alert"}
    told = {alerts[mail.message_id] for mail in world.history.mails if mail.message_id in alerts}
    assert told >= set(final.handoffs), "somebody escalated and nobody was mailed"


@pytest.mark.timeout(300)
async def test_dying_where_something_is_decided_loses_nothing_and_doubles_nothing(world: World) -> None:
    sweep = await Sweep.begin(world)
    points = await sweep.points()
    deaths: list[tuple[Point, When]] = []
    for phase, words, whens in DECIDING:
        point = next(p for p in points if p.phase == phase and words in p.label)
        deaths += [(point, when) for when in whens]
    await swept(world, sweep, deaths)
    assert not sweep.lived, next(iter(sweep.lived.values()))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(PARTS))
async def test_dying_at_every_point_loses_nothing_and_doubles_nothing(world: World, part: int) -> None:
    sweep = await Sweep.begin(world)
    both: list[When] = ["before", "after"]
    deaths = [(point, when) for point in await sweep.points() for when in both]
    mine = deaths[part::PARTS]
    await swept(world, sweep, mine)
    late = [point for point, _ in sweep.lived]
    assert all(point.phase == "deliver" for point in late), "\n".join(sweep.lived.values())
    assert len(late) <= len(mine) // 4, "\n".join(sweep.lived.values())
