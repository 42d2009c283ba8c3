"""The database stops, loses its listeners or swallows an answer while alerts are on their way."""

import asyncio
from pathlib import Path

import httpx

from tests.faults.test_delivery_mail import escalated, reached
from tests.support.cluster import own_cluster
from tests.support.tcp_proxy import PgProxy
from tests.support.world import World, until

AWAY_S = 2.0
CUT_LISTENERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
    AND pid <> pg_backend_pid() AND (query ILIKE 'listen%' OR query ILIKE '%pg_notify%')
"""


async def test_an_immediate_stop_of_the_database_loses_no_alert(tmp_path: Path) -> None:
    """Escalations that waited for their mail when the database crashed are mailed when it is back, without hands."""
    async with own_cluster() as cluster, World(cluster.url, tmp_path, email_after_s=2.0) as world:
        server = await world.server()
        crew = await world.account()
        junior, senior = world.hand(crew, crew.technician), world.hand(crew, crew.engineer)
        handoffs = [await escalated(junior) for _ in range(4)]
        with world.history.disturbed("database.restarted", settle_s=5.0):
            await cluster.stop_at_once()
            session_less = await senior.claim(handoffs[0])
            assert session_less.outcome == "info", "nobody is told yes or no by a database that is away"
            await asyncio.sleep(AWAY_S)
            await cluster.start()
            await until(ready(server.url))
            await world.expire_leases()
            for handoff in handoffs[1:]:
                await reached(world, handoff, ["accepted"])
        assert (await senior.claim(handoffs[0])).code in {"claimed", "already_yours"}
        await world.quiet()
        await world.judge()
        assert "fault in the program" not in server.logs


def ready(url: str):  # type: ignore[no-untyped-def]  # noqa: ANN201 - a question for `until`
    async def yes() -> bool:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            return (await client.get(f"{url}/readyz")).status_code == httpx.codes.OK

    return yes


async def test_without_hints_everyone_is_still_told(world: World) -> None:
    """The listening connection is destroyed again and again: sockets and the worker go by their own look."""
    first, second = await world.server(FLOWPILOT_WORKER="off"), await world.server()
    crew = await world.account()
    ear = await world.ear(crew, crew.engineer, second)
    junior = world.hand(crew, crew.technician, first)
    with world.history.disturbed("database.listen_cut"):
        for _ in range(3):
            await world.execute(CUT_LISTENERS)
            handoff = await escalated(junior)
            await ear.heard("handoff.created", handoff)
            await ear.heard("handoff.delivery", handoff)
            await reached(world, handoff, ["accepted", "cancelled"])
    await world.quiet()
    await world.judge()


async def test_a_lost_reply_to_the_commit_is_never_taken_for_a_no_or_done_twice(world: World) -> None:
    """The link breaks when the database has committed: asked again, the answer is the one that holds."""
    async with PgProxy(world.owner_url) as proxy:
        server = await world.server(url=proxy.url)
        crew = await world.account()
        junior, senior = world.hand(crew, crew.technician, server), world.hand(crew, crew.engineer, server)
        session = await junior.session()
        assert session is not None
        with world.history.disturbed("commit.lost", settle_s=3.0):
            proxy.lose_reply_to("escalate_handoff")
            lost = await junior.escalate(session)
            assert proxy.lost.is_set(), "the proxy must have lost it"
            assert lost.outcome == "info", f"committed, and answered {lost.code}"
            again = await junior.escalate(session, key=lost.key)
            assert (again.outcome, again.code) == ("ok", "repeat")
            assert again.handoff is not None
            proxy.lose_reply_to("claim_handoff")
            assert (await senior.claim(again.handoff)).outcome == "info"
            assert (await senior.claim(again.handoff)).code == "already_yours"
            proxy.lose_reply_to("record_mail|delete from job")
            await world.quiet()
        await world.judge()
