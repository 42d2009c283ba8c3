"""The test notification takes an escalation's way to one desktop and back, and leaves nothing behind."""

from collections.abc import Awaitable, Callable

import pytest

from tests.conftest import Http, StartServer
from tests.support.flow import API
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.stream import listening

People = Callable[..., Awaitable[Crew]]
PATH = f"{API}/devices/test-notification"


async def test_it_comes_to_the_sign_in_that_asked_alone_and_its_receipt_is_confirmed(
    server: Server, people: People, http: Http
) -> None:
    crew = await people()
    dana, lee = crew.engineer, crew.second_engineer
    async with listening(server, dana) as mine, listening(server, lee) as other:
        await mine.resume()
        await other.resume()
        answer = await http(dana.token).post(PATH)
        assert (answer.status_code, answer.json()["state"]) == (202, "asked")
        test_id = answer.json()["id"]
        came = await mine.other("test")
        assert (came["id"], came["state"]) == (test_id, "sent")
        await mine.send(type="receipt", handoff_id=test_id, state="shown", rung=0)
        kept = await mine.other("test")
        assert (kept["id"], kept["state"]) == (test_id, "shown")
        # Another's receipt for it is the same as one for a handoff that nobody knows: it changes nothing.
        await other.send(type="receipt", handoff_id=test_id, state="failed", rung=0)
        await other.resume(0)
        with pytest.raises(TimeoutError):
            await other.other("test", within=0.7)
    log = (await http(dana.token).get(f"{API}/events")).json()
    assert (log["events"], log["head"]) == ([], 0), "it is no event"
    assert (await http(dana.token).get(f"{API}/handoffs")).json()["items"] == []
    metrics = (await http(dana.token).get(f"{API}/analytics/escalation-metrics")).json()
    assert (metrics["escalations"], metrics["claimed"]) == (0, 0)


async def test_it_finds_the_process_that_has_the_socket(
    server: Server, start_server: StartServer, people: People, http: Http
) -> None:
    other = await start_server()
    crew = await people()
    async with listening(other, crew.engineer) as there:
        await there.resume()
        asked = await http(crew.engineer.token, at=server).post(PATH)
        assert (await there.other("test"))["id"] == asked.json()["id"]


async def test_six_a_minute_are_enough_and_a_page_has_none(people: People, http: Http) -> None:
    crew = await people()
    client = http(crew.technician.token)
    answers = [(await client.post(PATH)).status_code for _ in range(7)]
    assert answers == [202] * 6 + [429]
    assert (await http(crew.engineer.token).post(PATH)).status_code == 202, "each sign-in has its own measure"
    assert (await http().post(PATH)).status_code == 401
