"""The judge of the fault tests sees what it is there for: bugs sown on purpose are found, the healthy program passes.

Without this a green fault test would say nothing. Each bug runs the same short story that the healthy server passes.
"""

import asyncio
import random

import pytest

from tests.support.actors import Junior, Pace, Senior
from tests.support.check_telling import GRACE_S
from tests.support.history import Violation
from tests.support.seeded import sow_in_database
from tests.support.world import World, until

CLAIMS = 6
PACE = Pace(junior_s=0.2, senior_s=0.05)


async def story(world: World, bug: str | None = None) -> list[Violation]:
    """Two accounts at work until some claims were won on a server, spoilt or not; answers what the checker found."""
    at_rest = world.folder / "at_rest"
    if bug is not None:
        await sow_in_database(world.owner_url, bug)
    server = await world.server(plan={"at_rest": str(at_rest), **({"bug": bug} if bug else {})})
    chance = random.Random(1)  # noqa: S311 - the same story in each run
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as work:
        for name in ("Northwind MSP", "Fabrikam MSP"):
            crew = await world.account(name)
            juniors = [Junior(world.hand(crew, crew.technician, server), chance, PACE)]
            seniors = [
                Senior(world.hand(crew, who, server), await world.ear(crew, who, server), chance, PACE, keenness=0.9)
                for who in (crew.engineer, crew.second_engineer)
            ]
            people: list[Junior | Senior] = [*juniors, *seniors]
            for person in people:
                work.create_task(person.run(stop))

        async def told_enough() -> bool:
            if world.history.resets or any(o.code == "not_found" for o in world.history.operations):
                return True  # one of the bugs; there is nothing more to see
            done = [o.kind for o in world.history.operations if o.outcome == "ok"]
            return done.count("claim") >= CLAIMS and {"resolve", "release", "queue"} <= set(done)

        await until(told_enough, within=120)
        stop.set()
    await world.quiet()
    return await world.look(at_rest)


async def test_the_healthy_server_passes(world: World) -> None:
    assert await story(world) == []


@pytest.mark.parametrize(
    ("bug", "rules"),
    [
        ("no_claim_guard", {"claims", "claim.second"}),
        ("session_setting", {"foreign"}),
        ("publish_before_commit", {"claims", "reader.reset", "reader.phantom"}),
    ],
)
async def test_a_sown_bug_is_found(world: World, bug: str, rules: set[str]) -> None:
    found = {violation.rule for violation in await story(world, bug)}
    assert found & rules, f"{bug} was not seen, only {found}"


async def slow_post(world: World, bug: str | None) -> list[Violation]:
    """A mail is on its way to a slow mail server when the handoff is claimed; answers what the checker found."""
    server = await world.server(plan={"bug": bug} if bug else {})
    crew = await world.account()
    world.post.behave("tarpit_rcpt")
    junior, senior = world.hand(crew, crew.technician, server), world.hand(crew, crew.engineer, server)
    session = await junior.session()
    assert session is not None
    made = await junior.escalate(session)
    assert made.handoff is not None
    await until(lambda: sending(world))
    claim = await senior.claim(made.handoff)
    assert claim.outcome == "ok"
    await asyncio.sleep(GRACE_S + 0.5)  # the promise is about time: no mail 2 s after the claim
    world.post.behave("ok")
    await world.quiet("email")
    return await world.look()


async def sending(world: World) -> bool:
    return bool(await world.rows("SELECT FROM delivery WHERE state = 'sending'"))


async def test_no_mail_goes_out_two_seconds_after_a_claim_however_slow_the_mail_server(world: World) -> None:
    assert await slow_post(world, None) == []


async def test_a_worker_that_does_not_ask_again_before_it_sends_is_found(world: World) -> None:
    found = await slow_post(world, "no_recheck")
    assert "mail.late" in {violation.rule for violation in found}
