"""Webhooks end to end: a real server tells a real receiver what happened to a hand-off, in order and signed."""

import asyncio
import random
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import pytest
import trustme

from tests.conftest import Http, StartServer
from tests.support.flow import API, Owner, act, claimed, escalate, escalated, open_session, refused
from tests.support.people import Crew
from tests.support.receiver import WAIT_S, Receiver, Reply
from tests.support.server import Server

HOOKS = f"{API}/account/webhooks"
Found = TypeVar("Found")
People = Callable[..., Awaitable[Crew]]


async def until(look: Callable[[], Awaitable[Found]], good: Callable[[Found], bool]) -> Found:
    """Look again and again until what is found is good; says what was found last when it never is."""
    found = await look()
    try:
        async with asyncio.timeout(WAIT_S):
            while not good(found):
                await asyncio.sleep(0.05)
                found = await look()
    except TimeoutError:
        pytest.fail(f"waited for {WAIT_S:g} s; last found: {found!r}")
    return found


@dataclass(frozen=True, slots=True)
class Desk:
    """One account with its people signed in at a server that may send to loopback."""

    crew: Crew
    server: Server
    admin: httpx.AsyncClient
    junior: httpx.AsyncClient
    senior: httpx.AsyncClient
    owner: Owner

    async def hook(self, url: str, **more: Any) -> dict[str, Any]:
        answer = await self.admin.post(HOOKS, json={"name": "Service desk", "url": url, **more})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def log(self, hook: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
        answer = await self.admin.get(f"{HOOKS}/{hook['id']}/deliveries", params=params)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def logged(self, hook: dict[str, Any], *states: str) -> list[dict[str, Any]]:
        """Wait until the log, oldest first, has these states."""
        await until(lambda: self._states(hook), lambda found: found == states)
        return (await self.log(hook))[::-1]

    async def _states(self, hook: dict[str, Any]) -> tuple[str, ...]:
        return tuple(entry["state"] for entry in await self.log(hook))[::-1]

    async def active(self, hook: dict[str, Any]) -> bool:
        active: bool = (await self.admin.get(f"{HOOKS}/{hook['id']}")).json()["active"]
        return active

    async def planned(self) -> int:
        number: int = await self.owner.value("SELECT count(*) FROM job WHERE kind = 'webhook'")
        return number

    async def hurry(self) -> None:
        """Make everything that is planned for later due now."""
        await self.owner.fetch("UPDATE job SET due_at = now() WHERE kind = 'webhook' AND lease_until IS NULL")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def running(
    worker_database_url: str, tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA
) -> Iterator[Server]:
    """One server for the whole file that may send to loopback and trusts the receivers' authority."""
    place = tmp_path_factory.mktemp("webhooks")
    authority.cert_pem.write_to_path(str(place / "ca.pem"))
    environment = {"FLOWPILOT_WEBHOOK_ALLOW_PRIVATE": "on", "SSL_CERT_FILE": str(place / "ca.pem")}
    server = Server(worker_database_url, place, environment=environment)
    yield server
    server.stop()


@pytest.fixture
async def desk(people: People, running: Server, database_url: str) -> AsyncIterator[Desk]:
    if not running.alive:
        await asyncio.to_thread(running.start)
    crew = await people()

    def client(token: str) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=running.url, headers=headers, trust_env=False, timeout=30)

    async with client(crew.admin.token) as a, client(crew.technician.token) as j, client(crew.engineer.token) as s:
        yield Desk(crew, running, a, j, s, Owner(database_url))


def tls(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    return context


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
    """Two notices in five fail at random: the accepted ones of a hand-off are still its log, each exactly once."""
    chance = random.Random(20)  # noqa: S311 - the same run each time, no secret
    outcomes = [chance.choice((200, 200, 202, 500, 429)) for _ in range(200)]
    async with Receiver() as receiver:
        receiver.replies.extend(Reply(status) for status in outcomes)
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
        accepted: dict[str, list[str]] = {}
        for one, status in zip(receiver.requests, outcomes, strict=False):
            if status < 300:
                accepted.setdefault(one.json["handoff"]["id"], []).append(one.json["type"].partition(".")[2])
        failed = [entry for entry in await desk.log(hook) if entry["state"] == "failed"]
        assert failed == [], "with this seed no notice fails six times"
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
        assert [(d["state"], d["detail"]) for d in mine] in (
            [],  # until the hand-off's own reader asks webhook_deliveries_of
            [("failed", "Webhook: Service desk: Answered 500: no")],
        )
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
        slowest = 0.0
        for number in range(6):
            session = await open_session(desk.junior, f"Problem {number}")
            began = time.monotonic()
            handoff = (await escalate(desk.junior, session)).json()
            between = time.monotonic()
            await claimed(desk.senior, handoff["id"])
            slowest = max(slowest, between - began, time.monotonic() - between)
        await receiver.got(1)
        assert slowest < 2.5, "a hanging receiver would have cost 5 s"


async def test_the_test_button_answers_what_came_back(desk: Desk) -> None:
    async with Receiver() as receiver:
        hook = await desk.hook(receiver.url, format="teams", name="Help desk channel")
        receiver.replies.extend([Reply(202), Reply(400, b"invalid_payload")])
        button = f"{HOOKS}/{hook['id']}/test"
        good = (await desk.admin.post(button)).json()
        assert (good["kind"], good["state"], good["status_code"], good["error"]) == ("test", "accepted", 202, None)
        (got,) = receiver.requests
        assert (got.id, got.json["type"]) == (good["id"], "message")
        bad = (await desk.admin.post(button)).json()
        assert (bad["state"], bad["status_code"], bad["error"]) == ("failed", 400, "Answered 400: invalid_payload")
        assert [entry["id"] for entry in await desk.log(hook)] == [bad["id"], good["id"]]
        for _ in range(8):
            assert (await desk.admin.post(button)).status_code == 200
        refused(await desk.admin.post(button), 429, "too_many_requests")
        refused(await desk.admin.post(f"{HOOKS}/{hook['id']}/deliveries/{bad['id']}/retry"), 409, "not_retryable")


async def test_title_only_accounts_send_no_content(desk: Desk) -> None:
    await desk.owner.fetch("UPDATE account SET email_content = 'title_only'")
    async with Receiver() as receiver:
        for kind in ("generic", "teams", "slack"):
            await desk.hook(receiver.url, format=kind, name=kind)
        await escalated(desk.junior, "VPN drops", reason="The patient system is down.", need="IKEv2 knowledge")
        for one in await receiver.got(3):
            text = one.body.decode()
            assert "VPN drops" in text
            assert "patient" not in text
            assert "IKEv2" not in text
            assert desk.crew.technician.name not in text


async def test_the_secret_is_shown_once_and_dies_with_the_key(
    desk: Desk, start_server: StartServer, http: Http
) -> None:
    async with Receiver() as receiver:
        hook = await desk.hook(receiver.url)
        assert hook["secret"].startswith("whsec_")
        for answer in (
            await desk.admin.get(HOOKS),
            await desk.admin.get(f"{HOOKS}/{hook['id']}"),
            await desk.admin.patch(f"{HOOKS}/{hook['id']}", json={"name": "Renamed"}),
            await desk.admin.get(f"{HOOKS}/{hook['id']}/deliveries"),
        ):
            assert answer.status_code == 200, answer.text
            assert "secret" not in answer.text
        stored = await desk.owner.value("SELECT string_agg(w::text, '') FROM webhook w")
        assert hook["secret"] not in stored
        assert hook["secret"] not in desk.server.logs
        other = await start_server(FLOWPILOT_WEBHOOK_ALLOW_PRIVATE="on", FLOWPILOT_SECRET_KEY="k" * 40)
        answer = await http(desk.crew.admin, at=other).post(f"{HOOKS}/{hook['id']}/test")
        assert answer.json()["state"] == "failed"
        assert "FLOWPILOT_SECRET_KEY has changed" in answer.json()["error"]
        assert receiver.requests == [], "nothing goes out under a signature that nobody can verify"


async def test_ten_are_enough_and_deleting_makes_room(desk: Desk) -> None:
    async with Receiver(always=Reply(500)) as receiver:
        hooks = [await desk.hook(receiver.url, name=f"Hook {number}") for number in range(9)]
        answers = await asyncio.gather(
            *(desk.admin.post(HOOKS, json={"name": f"Late {n}", "url": receiver.url}) for n in range(4))
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
        refused(next(answer for answer in answers if answer.status_code == 409), 409, "limit_reached")
        await escalated(desk.junior)
        await receiver.got(10)
        for hook in hooks:
            assert (await desk.admin.delete(f"{HOOKS}/{hook['id']}")).status_code == 204
            refused(await desk.admin.get(f"{HOOKS}/{hook['id']}"), 404, "not_found")
            refused(await desk.admin.delete(f"{HOOKS}/{hook['id']}"), 404, "not_found")
        assert [one["name"][:4] for one in (await desk.admin.get(HOOKS)).json()["items"]] == ["Late"]
        await until(desk.planned, lambda number: number <= 1)
        left = await desk.owner.fetch("SELECT url, secret_salt FROM webhook WHERE deleted_at IS NOT NULL")
        assert {(row["url"], row["secret_salt"]) for row in left} == {("", b"")}
        await desk.hook(receiver.url, name="Room again")


async def test_only_administrators_see_and_change_webhooks(desk: Desk, http: Http) -> None:
    async with Receiver() as receiver:
        hook = await desk.hook(receiver.url)
        for who in (desk.crew.viewer, desk.crew.technician, desk.crew.engineer):
            client = http(who, at=desk.server)
            body = {"name": "Mine", "url": receiver.url}
            for answer in (
                await client.get(HOOKS),
                await client.post(HOOKS, json=body),
                await client.get(f"{HOOKS}/{hook['id']}"),
                await client.patch(f"{HOOKS}/{hook['id']}", json={"active": False}),
                await client.delete(f"{HOOKS}/{hook['id']}"),
                await client.post(f"{HOOKS}/{hook['id']}/test"),
                await client.get(f"{HOOKS}/{hook['id']}/deliveries"),
                await client.post(f"{HOOKS}/{hook['id']}/deliveries/{hook['id']}/retry"),
            ):
                refused(answer, 403, "role_required")
        assert (await http(desk.crew.owner, at=desk.server).get(f"{HOOKS}/{hook['id']}")).status_code == 200
        assert receiver.requests == []


async def test_what_cannot_be_meant_is_refused_by_field(desk: Desk) -> None:
    url = "http://localhost:8080/"
    for body, field in (
        ({"name": "", "url": url}, "name"),
        ({"name": "x" * 81, "url": url}, "name"),
        ({"name": "x", "url": "http://user@localhost/"}, "url"),
        ({"name": "x", "url": "http://localhost:22/"}, "url"),
        ({"name": "x", "url": "http://nowhere.invalid/"}, "url"),
        ({"name": "x", "url": url, "events": []}, "events"),
        ({"name": "x", "url": url, "events": ["deleted"]}, "events"),
        ({"name": "x", "url": url, "format": "discord"}, "format"),
    ):
        problem = refused(await desk.admin.post(HOOKS, json=body), 422, "invalid_body")
        assert f"`{field}" in problem["detail"], problem
    assert (await desk.admin.get(HOOKS)).json()["items"] == []


async def test_without_the_setting_nothing_beside_the_server_can_be_reached(
    people: People, http: Http, database_url: str
) -> None:
    crew = await people()
    admin = http(crew.admin)
    async with Receiver() as receiver:
        for url in (
            receiver.url,
            receiver.url.replace("http", "https"),
            f"https://127.0.0.1:{receiver.port}/",
            f"https://2130706433:{receiver.port}/",
            f"https://0x7f.1:{receiver.port}/",
            f"https://[::ffff:127.0.0.1]:{receiver.port}/",
            "https://169.254.169.254/latest/meta-data/",
        ):
            problem = refused(await admin.post(HOOKS, json={"name": "In", "url": url}), 422, "invalid_body")
            assert problem["field"] == "url"
        assert receiver.requests == []
    assert await Owner(database_url).value("SELECT count(*) FROM webhook") == 0


async def test_the_log_is_paged_newest_first(desk: Desk) -> None:
    async with Receiver() as receiver:
        hook = await desk.hook(receiver.url, events=["created"])
        for number in range(5):
            await escalated(desk.junior, f"Problem {number}")
        await receiver.got(5)
        seen: list[str] = []
        cursor = None
        while True:
            params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = (await desk.admin.get(f"{HOOKS}/{hook['id']}/deliveries", params=params)).json()
            seen += [entry["id"] for entry in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == 5
        times = [entry["at"] for entry in await desk.log(hook)]
        assert times == sorted(times, reverse=True)


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
