"""Setting up webhooks: who may, what is refused, what is shown, the test button and the log."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import trustme

from tests.conftest import Http, StartServer
from tests.support.flow import Owner, escalated, refused
from tests.support.hook_desk import HOOKS, Desk, hook_desk, hook_server, until
from tests.support.people import Crew
from tests.support.receiver import Receiver, Reply
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
