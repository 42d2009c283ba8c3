"""Webhooks end to end: a real server tells a real receiver what happened to a hand-off, in order and signed."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from statistics import median

import pytest
import trustme

from tests.support.flow import API, act, claimed, escalate, escalated, open_session, refused
from tests.support.hook_desk import HOOKS, Desk, hook_desk, hook_server, tls, until
from tests.support.people import Crew
from tests.support.receiver import Received, Receiver, Reply
from tests.support.server import Server

People = Callable[..., Awaitable[Crew]]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def running(
    worker_database_url: str, tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA
) -> Iterator[Server]:
    with hook_server(worker_database_url, tmp_path_factory.mktemp("webhooks"), authority) as server:
        yield server


@pytest.fixture
async def desk(people: People, running: Server, database_url: str) -> AsyncIterator[Desk]:
    async with hook_desk(running, await people(), database_url) as made:
        yield made


async def test_a_receiver_gets_the_story_of_a_hand_off_signed_and_in_order(desk: Desk, authority: trustme.CA) -> None:
    async with Receiver(tls(authority)) as receiver:
        hook = await desk.hook(receiver.url)
        handoff = await escalated(desk.junior, "VPN drops", priority="high")
        await claimed(desk.senior, handoff["id"])
        await act(desk.senior, handoff["id"], "release", note="Not my field")
        await act(desk.junior, handoff["id"], "withdraw")
        got = await receiver.got(4)
        assert [one.json["type"].partition(".")[2] for one in got] == ["created", "claimed", "released", "withdrawn"]
        assert all(one.signed_with(hook["secret"]) for one in got)
        assert not any(one.signed_with(hook["secret"] + "x") for one in got)
        assert all(abs(int(one.headers["flowpilot-timestamp"]) - time.time()) < 60 for one in got)
        first, second = got[0].json, got[1].json
        assert first["handoff"]["title"] == "VPN drops"
        assert first["account"] == {"id": desk.crew.account_id, "name": "Northwind MSP"}
        assert first["url"] == f"{desk.server.url}/escalations?selected={handoff['id']}"
        assert second["handoff"]["claimed_by"]["name"] == desk.crew.engineer.name
        entries = await desk.logged(hook, "accepted", "accepted", "accepted", "accepted")
        assert [entry["id"] for entry in entries] == [one.id for one in got]
        assert len({one.id for one in got}) == 4
        events = (await desk.junior.get(f"{API}/events?after=0")).json()["events"]
        assert first["at"] == next(e["at"] for e in events if e["kind"] == "handoff.created")
    # The page that the notice leads to is there.
    assert (await desk.junior.get(first["url"])).status_code in {200, 303}


async def test_a_failing_receiver_gets_the_same_id_again_and_later_notices_wait_their_turn(desk: Desk) -> None:
    async with Receiver() as receiver:
        receiver.replies.extend([Reply(500, b"down"), Reply(503, b"down")])
        hook = await desk.hook(receiver.url)
        handoff = await escalated(desk.junior)
        (waiting,) = await desk.logged(hook, "pending") if await receiver.got(1) else []
        assert (waiting["attempts"], waiting["status_code"], waiting["error"]) == (1, 500, "Answered 500: down")
        await claimed(desk.senior, handoff["id"])
        other = await escalated(desk.junior, "Another")
        await receiver.got(2)  # another hand-off does not wait
        assert receiver.requests[1].json["handoff"]["id"] == other["id"]
        # The second reply was used up by the other hand-off's notice; both are tried again.
        for expected in (3, 4, 5):
            await desk.hurry()
            await receiver.got(expected)
        story = [one.json["type"] for one in receiver.requests if one.json["handoff"]["id"] == handoff["id"]]
        assert story == ["handoff.created", "handoff.created", "handoff.claimed"]
        by_id = {one.id for one in receiver.requests if one.json["handoff"]["id"] == handoff["id"]}
        assert len(by_id) == 2, "a retry has the id of the first try"
        await desk.logged(hook, "accepted", "accepted", "accepted")


async def test_whatever_fails_each_hand_offs_story_arrives_whole_and_in_order(desk: Desk) -> None:
    """Each notice fails up to four times, at random: what is accepted is still the hand-off's log, each once."""
    chance = random.Random(20)  # noqa: S311 - no secret
    failures: dict[str, int] = {}
    accepted: dict[str, list[str]] = {}

    def choose(one: Received) -> Reply:
        left = failures.setdefault(one.id, chance.randrange(5))
        failures[one.id] -= 1
        if left > 0:
            return Reply(chance.choice((302, 404, 429, 500)))
        accepted.setdefault(one.json["handoff"]["id"], []).append(one.json["type"].partition(".")[2])
        return Reply(202)

    async with Receiver() as receiver:
        receiver.choose = choose
        hook = await desk.hook(receiver.url)
        for number in range(3):
            handoff = await escalated(desk.junior, f"Problem {number}")
            await claimed(desk.senior, handoff["id"])
            await act(desk.senior, handoff["id"], "release")
            await act(desk.junior, handoff["id"], "withdraw")

        async def open_ones() -> int:
            await desk.hurry()
            return sum(entry["state"] in {"pending", "sending"} for entry in await desk.log(hook))

        await until(open_ones, lambda number: number == 0)
        assert {entry["state"] for entry in await desk.log(hook)} == {"accepted"}
        assert list(accepted.values()) == [["created", "claimed", "released", "withdrawn"]] * 3
        assert len(receiver.requests) > 12, "some had to be sent again"


async def test_the_second_try_comes_after_about_ten_seconds(desk: Desk) -> None:
    async with Receiver() as receiver:
        receiver.replies.append(Reply(500))
        hook = await desk.hook(receiver.url)
        await escalated(desk.junior)
        await receiver.got(1)
        await desk.logged(hook, "pending")
        due = "SELECT extract(epoch FROM j.due_at - now())::float8, d.next_at = j.due_at FROM job j"
        ((pause, same),) = await desk.owner.fetch(f"{due} JOIN webhook_delivery d ON d.id = j.ref")
        assert same, "the log says when"
        assert 5 < pause <= 11


async def test_after_six_failures_a_notice_has_failed_and_can_be_sent_again_by_hand(desk: Desk) -> None:
    async with Receiver(always=Reply(500, b"no")) as receiver:
        hook = await desk.hook(receiver.url)
        handoff = await escalated(desk.junior)
        for tries in range(1, 7):
            await receiver.got(tries)
            await desk.logged(hook, "pending" if tries < 6 else "failed")
            await desk.hurry()
        (failed,) = await desk.log(hook)
        assert (failed["attempts"], failed["next_at"]) == (6, None)
        told = (await desk.junior.get(f"{API}/handoffs/{handoff['id']}")).json()
        mine = [d for d in told["deliveries"] if d["channel"] == "webhook"]
        assert [(d["state"], d["detail"]) for d in mine] == [("failed", "Webhook: Service desk: Answered 500: no")]
        rows = await desk.owner.fetch(
            "SELECT * FROM webhook_deliveries_of($1, $2)", desk.crew.account_id, handoff["id"]
        )
        assert [(row["name"], row["state"], row["detail"]) for row in rows] == [
            (desk.crew.admin.name, "failed", "Webhook: Service desk: Answered 500: no")
        ]
        receiver.always = Reply()
        again = await desk.admin.post(f"{HOOKS}/{hook['id']}/deliveries/{failed['id']}/retry")
        assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (200, "pending", 0)
        await desk.logged(hook, "accepted")
        assert {one.id for one in receiver.requests} == {failed["id"]}
        twice = await desk.admin.post(f"{HOOKS}/{hook['id']}/deliveries/{failed['id']}/retry")
        assert refused(twice, 409, "not_retryable")["state"] == "accepted"


async def test_410_pauses_the_webhook_and_ends_what_waits(desk: Desk) -> None:
    async with Receiver() as receiver:
        receiver.replies.extend([Reply(500), Reply(410)])
        hook = await desk.hook(receiver.url)
        handoff = await escalated(desk.junior)
        await receiver.got(1)
        await desk.logged(hook, "pending")
        await claimed(desk.senior, handoff["id"])
        await desk.hurry()
        entries = await desk.logged(hook, "failed", "cancelled")
        assert entries[1]["error"] == "The webhook was paused"
        paused = (await desk.admin.get(f"{HOOKS}/{hook['id']}")).json()
        assert paused["active"] is False
        assert paused["paused_reason"] == "The receiver answered 410: it does not want any more notices."
        await escalated(desk.junior, "While paused")
        assert len(await desk.log(hook)) == 2, "nothing is planned for a paused webhook"
        refused(
            await desk.admin.post(f"{HOOKS}/{hook['id']}/deliveries/{entries[1]['id']}/retry"), 409, "not_retryable"
        )
        back = await desk.admin.patch(f"{HOOKS}/{hook['id']}", json={"active": True})
        assert (back.json()["active"], back.json()["paused_reason"]) == (True, None)
        await escalated(desk.junior, "After the pause")
        await desk.logged(hook, "failed", "cancelled", "accepted")
        assert await desk.planned() == 0


async def test_twenty_failures_over_a_day_pause_the_webhook(desk: Desk) -> None:
    async with Receiver(always=Reply(500, b"down")) as receiver:
        hook = await desk.hook(receiver.url)
        await escalated(desk.junior)
        await receiver.got(1)
        (entry,) = await desk.logged(hook, "pending")
        # A day of failures, written down as if it had passed; then one more comes to its last try.
        await desk.owner.fetch(
            "INSERT INTO webhook_delivery (account_id, webhook_id, handoff_id, seq, kind, data, state, at, finished_at)"
            " SELECT account_id, webhook_id, handoff_id, 1000 + n, kind, data, 'failed', at,"
            " now() - n * interval '80 min' FROM webhook_delivery, generate_series(1, 19) n WHERE id = $1",
            entry["id"],
        )
        await desk.owner.fetch("UPDATE webhook SET active_since = now() - interval '2 days'")
        await desk.owner.fetch("UPDATE webhook_delivery SET attempts = 5 WHERE id = $1", entry["id"])
        await desk.hurry()
        await receiver.got(2)
        await until(lambda: desk.active(hook), lambda active: not active)
        paused = (await desk.admin.get(f"{HOOKS}/{hook['id']}")).json()
        assert paused["paused_reason"] == (
            "The last 20 notices all failed, over more than 24 h. The last one: Answered 500: down."
        )
        # Switched on again, it has a new day.
        await desk.admin.patch(f"{HOOKS}/{hook['id']}", json={"active": True})
        await escalated(desk.junior, "A new day")
        await receiver.got(3)
        await until(lambda: desk.log(hook), lambda log: log[0]["state"] == "pending")
        await desk.owner.fetch("UPDATE webhook_delivery SET attempts = 5 WHERE state = 'pending'")
        await desk.hurry()
        await receiver.got(4)
        await until(lambda: desk.log(hook), lambda log: log[0]["state"] == "failed")
        assert await desk.active(hook)


async def test_a_receiver_that_hangs_slows_neither_escalate_nor_claim(desk: Desk) -> None:
    async with Receiver(always=Reply(hang=True)) as receiver:
        for number in range(10):
            await desk.hook(receiver.url, name=f"Hanging {number}")
        took: list[float] = []
        for number in range(6):
            session = await open_session(desk.junior, f"Problem {number}")
            began = time.monotonic()
            handoff = (await escalate(desk.junior, session)).json()
            between = time.monotonic()
            await claimed(desk.senior, handoff["id"])
            took += [between - began, time.monotonic() - between]
        await receiver.got(1)
        assert median(took) < 2.5, "a hanging receiver would have cost 5 s each time; a busy machine does so once"


async def test_only_the_asked_for_events_are_told_and_a_nudge_never(desk: Desk) -> None:
    async with Receiver() as receiver:
        hook = await desk.hook(receiver.url, events=["claimed", "realerted"])
        handoff = await escalated(desk.junior)
        await claimed(desk.senior, handoff["id"])
        await desk.logged(hook, "accepted")
        plan = (
            "SELECT plan_webhooks($1, $2, 'handoff.realerted', seq, $3) FROM account_event"
            " WHERE kind = 'handoff.created'"
        )
        for cause in ("nudge", "step"):
            await desk.owner.fetch(plan, desk.crew.account_id, handoff["id"], f'{{"cause": "{cause}"}}')
        kinds = await desk.owner.fetch("SELECT kind, data ->> 'cause' AS cause FROM webhook_delivery ORDER BY seq")
        assert [(row["kind"], row["cause"]) for row in kinds] == [("realerted", "step"), ("claimed", None)]


async def test_a_server_that_died_while_sending_sends_again_under_the_same_id(desk: Desk) -> None:
    async with Receiver() as receiver:
        receiver.replies.append(Reply(hang=True))
        hook = await desk.hook(receiver.url)
        await escalated(desk.junior)
        await receiver.got(1)
        await asyncio.to_thread(desk.server.kill9)
        await desk.owner.fetch("UPDATE job SET lease_until = now(), due_at = now() WHERE kind = 'webhook'")
        await asyncio.to_thread(desk.server.start)
        first, second = await receiver.got(2)
        assert first.id == second.id
        await desk.logged(hook, "accepted")
