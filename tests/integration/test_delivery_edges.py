"""Mail at the edges of a wait: mail servers that are away, rounds that go on, people who change meanwhile.

Each of these once left somebody untold, or told somebody what was none of theirs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import Http, StartServer
from tests.support.by_hand import Hands, subjects
from tests.support.flow import API, Owner, act, claimed, escalated
from tests.support.mail_server import MailServer
from tests.support.people import Crew, Member

People = Callable[..., Awaitable[Crew]]


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


def seniors(crew: Crew) -> set[str]:
    return {one.email for one in (crew.owner, crew.admin, crew.engineer, crew.second_engineer)}


async def test_that_nobody_has_come_reaches_the_junior_when_the_mail_server_is_back(
    people: People, http: Http, hands: Hands, post: MailServer
) -> None:
    """Who asked for help must hear that none is coming, however many rounds the policy has gone on meanwhile."""
    crew = await people()
    made = (await escalated(http(crew.technician), "VPN drops"))["id"]
    await hands.post()
    await hands.again(crew.account_id, made, final=True)
    post.behave("unavailable")
    assert crew.technician.email in await hands.post()
    for _ in range(3):
        await hands.again(crew.account_id, made)
        await hands.post()
    post.behave("ok")
    await hands.hurry("email")
    await hands.post()
    (told,) = subjects(post.accepted, crew.technician)
    assert "VPN drops" in told
    assert [row["state"] for row in await hands.rows(made, purpose="nobody")] == ["accepted"]


async def test_that_nobody_has_come_is_not_said_when_somebody_has(
    people: People, http: Http, hands: Hands, post: MailServer
) -> None:
    crew = await people()
    made = (await escalated(http(crew.technician)))["id"]
    await hands.post()
    await hands.again(crew.account_id, made, final=True)
    post.behave("unavailable")
    await hands.post()
    await claimed(http(crew.engineer), made)
    post.behave("ok")
    await hands.hurry("email")
    await hands.post()
    assert subjects(post.accepted, crew.technician) == []


async def closings_that_fail(
    crew: Crew, http: Http, hands: Hands, post: MailServer, title: str
) -> tuple[str, tuple[Member, ...]]:
    """Everyone was e-mailed, one claims while the mail server is away; who waits to be told so."""
    made = (await escalated(http(crew.technician), title))["id"]
    assert await hands.post() == seniors(crew)
    await claimed(http(crew.engineer), made)
    assert await hands.policy("closed") == 1
    others = (crew.owner, crew.admin, crew.second_engineer)
    post.behave("unavailable")
    assert await hands.post() == {one.email for one in others}
    assert {row["state"] for row in await hands.rows(made, purpose="closed")} == {"failed"}
    post.clear()
    return made, others


async def test_who_could_not_be_told_of_the_claim_is_told_after_a_resolve(
    people: People, http: Http, hands: Hands, post: MailServer
) -> None:
    """Else three people go on to believe that a solved problem waits for them."""
    crew = await people()
    made, others = await closings_that_fail(crew, http, hands, post, "VPN drops")
    assert (await act(http(crew.engineer), made, "resolve", note="New key")).status_code == 200
    await hands.policy("closed")
    post.behave("ok")
    await hands.hurry("email")
    await hands.post()
    for one in others:
        (subject,) = subjects(post.accepted, one)
        assert subject.startswith(("Claimed by Erin Engineer: VPN drops", "Resolved"))


async def test_a_reminder_to_the_claimer_does_not_call_off_what_others_are_to_be_told(
    people: People, http: Http, hands: Hands, post: MailServer
) -> None:
    crew = await people()
    made, others = await closings_that_fail(crew, http, hands, post, "VPN drops")
    await hands.nudge(crew.account_id, made)
    post.behave("ok")
    await hands.hurry("email")
    await hands.post()
    for one in others:
        assert [subject[:23] for subject in subjects(post.accepted, one)] == ["Claimed by Erin Enginee"]


async def test_a_thread_is_closed_once_whatever_rounds_come_between(
    people: People, http: Http, hands: Hands, post: MailServer
) -> None:
    """A nudge to the claimer is a round; it must not make a second closing of the resolve, mail server or not."""
    crew = await people()
    made, others = await closings_that_fail(crew, http, hands, post, "VPN drops")
    await hands.nudge(crew.account_id, made)
    assert (await act(http(crew.engineer), made, "resolve", note="New key")).status_code == 200
    await hands.policy("closed")
    post.behave("ok")
    await hands.hurry("email")
    await hands.post()
    assert {len(subjects(post.accepted, one)) for one in others} == {1}


async def test_claimed_by_never_goes_to_whom_the_alert_never_reached(
    people: People, http: Http, hands: Hands, post: MailServer
) -> None:
    """It would be an answer to nothing: that mailbox has no thread, and its owner never heard of the matter."""
    crew = await people()
    made = (await escalated(http(crew.technician)))["id"]
    due = await hands.letters_due()
    slow = due.pop(crew.second_engineer.email)
    for job in due.values():
        await hands.mailing(job)
    post.behave("tarpit_rcpt")
    sending = asyncio.create_task(hands.mailing(slow))
    async with asyncio.timeout(60):
        while not any(row["state"] == "sending" for row in await hands.rows(made)):  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.02)
    await claimed(http(crew.engineer), made)
    await hands.policy("closed")
    await sending
    states = {row["device"]: row["state"] for row in await hands.rows(made)}
    assert states[crew.second_engineer.email] == "cancelled"
    post.behave("ok")
    assert crew.second_engineer.email in await hands.post(), "planned while the alert might still have gone out"
    assert subjects(post.received, crew.second_engineer) == []
    assert len(subjects(post.received, crew.owner)) == 2, "who got the alert is told"


async def test_a_refused_address_is_told_to_administrators_once_a_day_not_once_a_round(
    people: People, http: Http, hands: Hands, post: MailServer
) -> None:
    """A wait of one night would else be hundreds of mails to an administrator about one dead mailbox."""
    crew = await people()
    junior = http(crew.technician)
    made = (await escalated(junior))["id"]
    refused, looking_after = (crew.engineer, crew.second_engineer), {crew.owner.email, crew.admin.email}

    async def one_round() -> set[str]:
        """Two addresses are refused; to whom notices of that go."""
        due = await hands.letters_due()
        post.behave("refuse_recipient")
        for one in refused:
            await hands.mailing(due.pop(one.email))
        post.behave("ok")
        for job in due.values():
            await hands.mailing(job)
        return await hands.post()

    assert await one_round() == looking_after
    for _ in range(2):
        await hands.again(crew.account_id, made)
        assert await one_round() == set()
    timeline = (await junior.get(f"{API}/handoffs/{made}")).json()["timeline"]
    assert [entry["kind"] for entry in timeline].count("mail_failed") == len(refused)
    await hands.owner.fetch("update app_user set email_refused_at = email_refused_at - interval '25 hours'")
    await hands.again(crew.account_id, made)
    assert await one_round() == looking_after, "still refused the next day"


async def test_whoever_was_made_a_viewer_meanwhile_is_not_emailed(
    people: People, http: Http, hands: Hands, post: MailServer
) -> None:
    crew = await people()
    made = (await escalated(http(crew.technician)))["id"]
    await hands.owner.fetch("update app_user set role = 'viewer' where email = $1", crew.engineer.email)
    await hands.post()
    assert {one.recipients[0] for one in post.received} == seniors(crew) - {crew.engineer.email}
    states = {row["device"]: row["state"] for row in await hands.rows(made)}
    assert states[crew.engineer.email] == "cancelled"


async def listed(client: httpx.AsyncClient, handoff_id: str) -> dict[str, list[tuple[str, str]]]:
    """Channel and state by user, as the API lists them."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in (await client.get(f"{API}/handoffs/{handoff_id}")).json()["deliveries"]:
        found.setdefault(one["user"]["id"], []).append((one["channel"], one["state"]))
    return found


async def test_whoever_is_given_it_is_emailed_at_once_and_the_former_holder_is_off_the_list(
    people: People, http: Http, hands: Hands, post: MailServer
) -> None:
    """Work that is put into somebody's hands while their app is closed would else lie there unseen."""
    crew = await people()
    senior = http(crew.engineer)
    made = (await escalated(http(crew.technician)))["id"]
    await hands.post()
    await claimed(senior, made)
    await hands.nudge(crew.account_id, made)
    assert (await listed(senior, made))[crew.engineer.id].count(("desktop", "pending")) == 1
    post.clear()
    assert (await act(senior, made, "reassign", user_id=crew.second_engineer.id)).status_code == 200
    assert await hands.post() == {crew.second_engineer.email}
    (mail,) = [one.message for one in post.accepted]
    body = mail.get_body(("plain",))
    assert body is not None
    assert "You get this because Erin Engineer gave it to you at" in body.get_content()
    shown = await listed(senior, made)
    assert {("desktop", "pending"), ("email", "accepted")} <= set(shown[crew.second_engineer.id])
    assert sorted(shown[crew.engineer.id]) == [("desktop", "cancelled"), ("email", "accepted")], (
        "the first alert's alone"
    )


async def test_without_a_mail_server_the_record_says_so(people: People, http: Http, start_server: StartServer) -> None:
    """It stands here because no other server of this file has a worker, which would take the work and send it."""
    crew = await people()
    junior = http(crew.technician, at=await start_server())
    wanted = {crew.engineer.id, crew.second_engineer.id, crew.owner.id, crew.admin.id}
    path = f"{API}/handoffs/{(await escalated(junior))['id']}"
    async with asyncio.timeout(30):
        while True:
            deliveries = (await junior.get(path)).json()["deliveries"]
            failed = {d["user"]["id"]: d for d in deliveries if (d["channel"], d["state"]) == ("email", "failed")}
            if set(failed) == wanted:
                break
            await asyncio.sleep(0.1)
    assert "FLOWPILOT_SMTP_URL" in failed[crew.engineer.id]["detail"]
