"""Workers freeze, die and are replaced while they deliver: nobody is forgotten, nobody mailed by two at once."""

from collections.abc import Awaitable, Callable

import pytest

from tests.faults.test_delivery_mail import escalated, reached
from tests.support.mail_server import Mode
from tests.support.processes import frozen
from tests.support.recorded import Hand
from tests.support.world import World, until


async def at_work(world: World, mode: Mode) -> tuple[str, Hand]:
    """A handoff whose mails a worker process holds, stuck at a mail server that behaves so."""
    world.email_after_s = 0.0
    server = await world.server(FLOWPILOT_WORKER="off")
    world.worker()
    crew = await world.account()
    world.post.behave(mode)
    handoff = await escalated(world.hand(crew, crew.technician, server))
    await reached(world, handoff, ["sending"])
    return handoff, world.hand(crew, crew.engineer, server)


def handed_over(world: World) -> Callable[[], Awaitable[bool]]:
    async def whole() -> bool:
        return len(world.post.mails()) >= 4

    return whole


async def test_a_frozen_worker_is_replaced_and_sends_nothing_when_it_wakes(world: World) -> None:
    """It woke with four mails in hand that another worker had sent meanwhile: four people mailed twice.

    And frozen in its first seconds it mostly stands in the middle of a transaction, between two steps of the driver:
    the handoff's row was locked then for as long as it was frozen, and nobody could be told or claim.
    """
    handoff, senior = await at_work(world, "tarpit_rcpt")
    with frozen(world.workers[0], world.history, "worker.frozen"):
        world.post.behave("ok")
        await world.expire_leases()
        world.worker()
        await reached(world, handoff, ["accepted"])
    await world.quiet("email")
    assert (await senior.claim(handoff)).code == "claimed"
    await world.quiet()
    await world.judge()
    alerts = (
        {p.message_id for p in world.history.final.planned if p.purpose == "alert"} if world.history.final else set()
    )
    sent = [mail for mail in world.history.mails if mail.message_id in alerts]
    assert len(sent) == len({mail.message_id for mail in sent}) == 4


async def test_a_worker_frozen_behind_the_handover_leads_to_one_more_copy_at_most(world: World) -> None:
    """Nobody can know then whether the mail went out: again under the same Message-ID, never a third time."""
    handoff, _ = await at_work(world, "slow_reply")
    await until(handed_over(world))
    with frozen(world.workers[0], world.history, "worker.frozen"):
        world.post.behave("ok")
        await world.expire_leases()
        world.worker()
        await reached(world, handoff, ["accepted"])
    await world.quiet("email")
    await world.judge()
    ids = [mail.message_id for mail in world.history.mails]
    assert len(set(ids)) == 4
    assert max(ids.count(one) for one in ids) <= 2


@pytest.mark.parametrize("mode", ["tarpit_greeting", "slow_reply"])
async def test_what_a_killed_worker_held_is_taken_over(world: World, mode: Mode) -> None:
    """Power cut in the middle of a send: the alert must not stay behind with a dead worker's name on it."""
    handoff, senior = await at_work(world, mode)
    if mode == "slow_reply":
        await until(handed_over(world))
    with world.history.disturbed("worker.killed"):
        world.workers[0].kill9()
        world.post.behave("ok")
        await world.expire_leases()
        world.worker()
        await reached(world, handoff, ["accepted"])
    assert (await senior.claim(handoff)).code == "claimed"
    await world.quiet()
    await world.judge()
