"""The mail server misbehaves: every senior is told in the end, once, and everyone can see what is wrong meanwhile."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.support.flow import API
from tests.support.mail_server import Mode
from tests.support.people import Crew
from tests.support.recorded import Hand
from tests.support.server import Server
from tests.support.world import World, until


async def opened(world: World) -> tuple[Crew, Server, Hand]:
    """A server that mails at once, and its junior."""
    world.email_after_s = 0.0
    server = await world.server()
    crew = await world.account()
    return crew, server, world.hand(crew, crew.technician)


async def escalated(junior: Hand) -> str:
    session = await junior.session()
    assert session is not None
    made = await junior.escalate(session)
    assert made.handoff is not None
    return made.handoff


async def reached(world: World, handoff: str, states: Sequence[str], purpose: str = "alert") -> None:
    """Wait until every mail of a handoff has come to one of these states."""

    async def all_there() -> bool:
        rows = await world.rows(
            "SELECT state FROM delivery WHERE handoff_id = $1 AND channel = 'email' AND purpose = $2", handoff, purpose
        )
        return bool(rows) and {row["state"] for row in rows} <= set(states)

    await until(all_there, within=60)


@pytest.mark.parametrize(
    ("mode", "state"),
    [("refuse", "failed"), ("greylist", "failed"), ("defer_message", "failed"), ("cut_after_data", "unknown")],
)
async def test_a_mail_server_that_is_away_or_asks_to_come_again_gets_the_same_mail_later(
    world: World, mode: Mode, state: str
) -> None:
    """Greylisting would otherwise swallow the first alert of every customer."""
    _, _, junior = await opened(world)
    world.post.behave(mode)
    with world.history.disturbed(f"smtp.{mode}"):
        handoff = await escalated(junior)
        await reached(world, handoff, [state])
        first = {mail.message_id for mail in world.post.mails()}
        world.post.behave("ok")
        await world.hurry("email")
    await reached(world, handoff, ["accepted"])
    await world.quiet("email")
    await world.judge()
    ids = {mail.message_id for mail in world.history.mails}
    assert len(ids) == 4, "one Message-ID for each of four seniors, over all tries"
    assert first <= ids
    rows = await world.rows(
        "SELECT device, attempts FROM delivery WHERE handoff_id = $1 AND channel = 'email'", handoff
    )
    tries = {row["device"]: row["attempts"] for row in rows}
    assert min(tries.values()) >= 2
    # What was cut is kept, so each try is a copy. It is tried again after 5 s: on a slow machine before all is well.
    copies = Counter(mail.recipient for mail in world.history.mails)
    assert tries == (copies if state == "unknown" else dict.fromkeys(copies, 2))


async def test_a_refused_address_is_named_and_the_administrators_are_told(world: World) -> None:
    """A mailbox that is gone must not look like a senior who was told."""
    _, _, junior = await opened(world)
    world.post.behave("refuse_recipient")
    with world.history.disturbed("smtp.refuse_recipient"):
        handoff = await escalated(junior)
        await reached(world, handoff, ["failed"])
        world.post.behave("ok")
    answer = await junior.get(f"{API}/handoffs/{handoff}")
    failed = [d for d in answer["deliveries"] if d["channel"] == "email"]
    assert {d["state"] for d in failed} == {"failed"}
    assert all("550" in d["detail"] for d in failed)
    assert "mail_failed" in {entry["kind"] for entry in answer["timeline"]}
    await world.quiet("email")
    await world.judge()


async def test_a_tarpit_holds_up_nobody_and_is_given_up(world: World) -> None:
    """A mail server that never answers must not keep escalations, claims or other people's alerts from going on."""
    crew, _, junior = await opened(world)
    senior = world.hand(crew, crew.engineer)
    world.post.behave("tarpit_rcpt")
    with world.history.disturbed("smtp.tarpit"):
        handoffs = [await escalated(junior) for _ in range(3)]
        claims = await asyncio.gather(*(senior.claim(handoff) for handoff in handoffs))
        assert {claim.code for claim in claims} == {"claimed"}
        for handoff in handoffs:
            await reached(world, handoff, ["cancelled"])
        world.post.behave("ok")
    await world.quiet("email")
    await world.judge()
    subjects = [mail.text.partition("\n")[0] for mail in world.history.mails]
    assert not subjects, "claimed before anything was handed over: nobody is woken up"
