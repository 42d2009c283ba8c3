"""Rounds of telling: head starts end with everyone told, long waits stay small, faults of ours are on record."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Never
from uuid import UUID

import httpx
import pytest

from tests.conftest import Http
from tests.support.by_hand import Hands
from tests.support.flow import API, Owner, act, claimed, escalated
from tests.support.mail_server import MailServer
from tests.support.people import Crew

People = Callable[..., Awaitable[Crew]]
ROUNDS = 55
KEPT = 20
LISTED = 50


@pytest.fixture(scope="module")
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def post(mail_server: MailServer) -> MailServer:
    mail_server.behave("ok")
    mail_server.clear()
    return mail_server


@pytest.fixture
def hands(database: Any, database_url: str, post: MailServer) -> Hands:
    return Hands(database, Owner(database_url), post.url)


async def read(client: httpx.AsyncClient, handoff_id: str) -> dict[str, Any]:
    handoff: dict[str, Any] = (await client.get(f"{API}/handoffs/{handoff_id}")).json()
    return handoff


async def told_first(crew: Crew, http: Http, hands: Hands) -> str:
    """A handoff of which the engineer alone was told; its id."""
    policy = {"escalation_policy": {"target_first_minutes": 10}}
    assert (await http(crew.admin).patch(f"{API}/account/settings", json=policy)).status_code == 200
    made = (await escalated(http(crew.technician), target_user_id=crew.engineer.id))["id"]
    assert [str(row["user_id"]) for row in await hands.rows(made)] == [crew.engineer.id]
    return str(made)


async def assert_told(crew: Crew, hands: Hands, junior: httpx.AsyncClient, handoff_id: str, *seniors: str) -> None:
    """The round at hand is everyone's, and nobody waits for the end of a head start."""
    handoff = await read(junior, handoff_id)
    assert handoff["to"] is None
    assert handoff["rung"] == 1
    assert handoff["next_step"]["kind"] == "step"
    for channel in ("desktop", "email"):
        rows = await hands.rows(handoff_id, channel=channel)
        assert {str(row["user_id"]) for row in rows if row["rung"] == 1} == set(seniors)
        assert {row["state"] for row in rows if row["rung"] == 1} == {"pending"}
    assert await hands.letters_due(), "their mail is on its way"


async def test_everyone_is_told_when_the_one_asked_for_has_left(people: People, http: Http, hands: Hands) -> None:
    """A head start for somebody who cannot come any more is a time in which nobody comes."""
    crew = await people()
    made = await told_first(crew, http, hands)
    await hands.owner.fetch("update app_user set active = false where email = $1", crew.engineer.email)
    await hands.hurry("step")
    assert await hands.policy("step") == 1
    await assert_told(crew, hands, http(crew.technician), made, crew.owner.id, crew.admin.id, crew.second_engineer.id)


async def test_everyone_is_told_when_somebody_has_held_it_and_it_goes_back(
    people: People, http: Http, hands: Hands
) -> None:
    """The one asked for has had the head start; a second one would keep the queue silent for as long again."""
    crew = await people()
    made = await told_first(crew, http, hands)
    await claimed(http(crew.engineer), made)
    assert (await act(http(crew.engineer), made, "release", note="Not my field")).status_code == 200
    await hands.hurry("step")
    assert await hands.policy("step") == 1
    everyone = (crew.owner.id, crew.admin.id, crew.engineer.id, crew.second_engineer.id)
    await assert_told(crew, hands, http(crew.technician), made, *everyone)


async def test_a_head_start_that_stands_is_kept(people: People, http: Http, hands: Hands) -> None:
    crew = await people()
    made = await told_first(crew, http, hands)
    await hands.hurry("step")
    await hands.policy("step")
    handoff = await read(http(crew.technician), made)
    assert (handoff["to"], handoff["rung"], handoff["next_step"]["kind"]) == ([crew.engineer.id], 0, "widen")


async def test_a_wait_of_many_rounds_stays_small_and_in_one_thread(
    people: People, http: Http, hands: Hands, post: MailServer
) -> None:
    """Whoever comes after a weekend opens a page that loads, and finds one thread in the mailbox, not many."""
    crew = await people()
    junior = http(crew.technician)
    made = (await escalated(junior))["id"]
    await hands.post()
    first = {one.recipients[0]: one.message_id for one in post.accepted}
    post.clear()
    await hands.again(crew.account_id, made, final=True)
    for _ in range(ROUNDS - 1):
        await hands.again(crew.account_id, made)
    rungs = {row["rung"] for row in await hands.rows(made)}
    assert {0, *range(ROUNDS - KEPT + 1, ROUNDS + 1)} <= rungs
    assert len(rungs) <= KEPT + 2
    assert {row["rung"] for row in await hands.rows(made, channel="desktop")} == rungs
    jobs = await hands.owner.value("select count(*) from job where kind = 'email' and handoff_id = $1", UUID(made))
    assert jobs == len(first) + 1, "the last round's mail, and the junior's"
    kinds = [entry["kind"] for entry in (await read(junior, made))["timeline"]]
    assert kinds.count("realerted") == LISTED
    assert {kind for kind in kinds if kind != "realerted"} == {"created", "exhausted"}
    await hands.post()
    assert {one.recipients[0] for one in post.accepted} == {*first, crew.technician.email}
    for one in post.accepted:
        if one.recipients[0] in first:
            assert one.message["In-Reply-To"] == first[one.recipients[0]]
            assert one.message_id != first[one.recipients[0]]


async def test_a_message_that_we_cannot_write_is_on_record_and_tried_again(
    people: People, http: Http, hands: Hands, post: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left as `sending` it would look to the junior as if it were on its way."""
    crew = await people()
    made = (await escalated(http(crew.technician)))["id"]

    async def broken(*_: object) -> Never:
        raise ValueError("a template of ours is wrong")

    with monkeypatch.context() as patch:
        patch.setattr(hands.letters, "write", broken)
        await hands.post()
    rows = await hands.rows(made)
    assert {(row["state"], row["detail"]) for row in rows} == {("failed", "the message could not be composed")}
    assert all(row["retry_at"] > row["at"] for row in rows)
    assert post.received == []
    await hands.hurry("email")
    await hands.post()
    assert {row["state"] for row in await hands.rows(made)} == {"accepted"}
