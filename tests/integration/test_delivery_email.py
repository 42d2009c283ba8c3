"""E-mail as people get it: who is told, who is not, and what stands in the record, with a real mail server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import Http
from tests.support.flow import API, Owner, act, claimed, escalated
from tests.support.mail_server import MailServer
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.stream import listening

People = Callable[..., Awaitable[Crew]]
WITHIN_S = 30.0
"""The product's promise."""


EMAIL_AFTER_S = 15.0
"""Longer than a busy machine takes to tell what it has shown, or to claim; tests bring on what is planned for then."""


@pytest.fixture(scope="module")
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def post(mail_server: MailServer, database_url: str) -> MailServer:
    """The mail server, well-behaved and empty; the database is empty too, so that nothing late arrives.

    What the worker had under way for the test before is cut off: nobody wants that mail any more.
    """
    mail_server.behave("refuse")
    mail_server.behave("ok")
    mail_server.clear()
    return mail_server


@pytest.fixture(scope="module")
def mailing(serve_module: Callable[..., Server], mail_server: MailServer) -> Server:
    return serve_module(
        FLOWPILOT_SMTP_URL=mail_server.url,
        FLOWPILOT_MAIL_FROM="escalations@northwind.example",
        FLOWPILOT_EMAIL_AFTER_S=str(EMAIL_AFTER_S),
    )


async def states(client: httpx.AsyncClient, handoff_id: str, channel: str = "email") -> dict[str, tuple[str, Any]]:
    """State and detail by user id."""
    handoff = (await client.get(f"{API}/handoffs/{handoff_id}")).json()
    return {d["user"]["id"]: (d["state"], d["detail"]) for d in handoff["deliveries"] if d["channel"] == channel}


async def until(client: httpx.AsyncClient, handoff_id: str, wanted: dict[str, str]) -> dict[str, tuple[str, Any]]:
    """Wait until these people's e-mails are in these states."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            found = await states(client, handoff_id)
            if {user: found.get(user, ("", None))[0] for user in wanted} == wanted:
                return found
            await asyncio.sleep(0.1)


async def connected(owner: Owner, count: int) -> None:
    """Wait until the server knows of so many clients."""
    async with asyncio.timeout(WITHIN_S):
        while await owner.value("select count(*) from client_presence") < count:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def fast_forward(owner: Owner, handoff_id: str) -> None:
    """What would be mailed later is due now."""
    await owner.fetch("update job set due_at = now() where handoff_id = $1 and kind = 'email'", handoff_id)


async def test_whoever_has_no_client_open_is_emailed_at_once_and_the_junior_reads_it(
    people: People, http: Http, mailing: Server, post: MailServer
) -> None:
    crew = await people()
    junior = http(crew.technician, at=mailing)
    async with listening(mailing, crew.technician) as page:
        await page.resume()
        handoff = await escalated(junior, "VPN to Leeds clinic drops every hour", priority="high", customer="Harlow")
        seniors = {crew.owner, crew.admin, crew.engineer, crew.second_engineer}
        received = await post.arrived(4, timeout=WITHIN_S)
        assert {one.recipients[0] for one in received} == {one.email for one in seniors}
        told = await until(junior, handoff["id"], {one.id: "accepted" for one in seniors})
        assert {detail for _, detail in told.values()} == {None}
        seen: set[str] = set()
        while len(seen) < 4:
            event = (await page.event("handoff.delivery"))["data"]
            assert (event["channel"], event["state"], event["rung"]) == ("email", "accepted", 0)
            seen.add(event["user"]["id"])
    mail = received[0].message
    assert mail["Subject"].startswith("[High] VPN to Leeds clinic drops every hour")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert f"/escalations?handoff={handoff['id']}" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    sent_to_change = {one.recipients[0] for one in received if "/admin/email" in one.message.as_string()}
    assert sent_to_change == {crew.owner.email, crew.admin.email}, "a link to a page that turns others away"


async def test_who_was_shown_it_is_not_emailed_and_who_only_has_a_client_open_is(
    people: People, http: Http, mailing: Server, post: MailServer, database_url: str
) -> None:
    """Presence is no proof: the one whose app is open and says nothing is e-mailed after the delay."""
    crew, owner = await people(), Owner(database_url)
    junior = http(crew.technician, at=mailing)
    async with listening(mailing, crew.engineer) as hers, listening(mailing, crew.second_engineer) as his:
        await hers.resume()
        await his.resume()
        await connected(owner, 2)
        handoff = await escalated(junior)
        await hers.event("handoff.created")
        await hers.send(type="receipt", handoff_id=handoff["id"], state="shown", rung=0)
        await until(junior, handoff["id"], {crew.engineer.id: "cancelled"})
        pause = (
            "select extract(epoch from j.due_at - d.planned_at)::float8 from job j join delivery d on d.id = j.ref"
            " where d.handoff_id = $1 and d.user_id = $2 and d.state = 'pending'"
        )
        his_time = await owner.value(pause, handoff["id"], crew.second_engineer.id)
        assert his_time == pytest.approx(EMAIL_AFTER_S, abs=0.5), "for his app to say that it has shown the alert"
        await fast_forward(owner, handoff["id"])
        await until(junior, handoff["id"], {crew.second_engineer.id: "accepted"})
    told = await states(junior, handoff["id"])
    assert told[crew.engineer.id] == ("cancelled", "shown on their desktop")
    assert crew.engineer.email not in {one.recipients[0] for one in post.received}


async def test_a_held_alert_is_followed_by_an_email_that_says_so(
    people: People, http: Http, mailing: Server, post: MailServer, database_url: str
) -> None:
    crew = await people()
    junior = http(crew.technician, at=mailing)
    async with listening(mailing, crew.engineer) as hers:
        await hers.resume()
        handoff = await escalated(junior)
        await hers.event("handoff.created")
        await hers.send(type="receipt", handoff_id=handoff["id"], state="suppressed", reason="do not disturb")
        while (await hers.event("handoff.delivery"))["data"]["state"] != "suppressed":
            pass
        await fast_forward(Owner(database_url), handoff["id"])
        await until(junior, handoff["id"], {crew.engineer.id: "accepted"})
    (mail,) = [one.message for one in post.received if one.recipients[0] == crew.engineer.email]
    assert "do not disturb was on" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


async def test_a_claim_calls_off_what_is_to_go_and_closes_the_thread_of_who_was_emailed(
    people: People, http: Http, mailing: Server, post: MailServer, database_url: str
) -> None:
    crew, owner = await people(), Owner(database_url)
    junior, senior = http(crew.technician, at=mailing), http(crew.engineer, at=mailing)
    async with listening(mailing, crew.engineer), listening(mailing, crew.second_engineer):
        await connected(owner, 2)
        handoff = await escalated(junior, "VPN drops")
        first = {one.recipients[0]: one for one in await post.arrived(2, timeout=WITHIN_S)}
        assert set(first) == {crew.owner.email, crew.admin.email}
        await claimed(senior, handoff["id"])
        closing = (await post.arrived(4, timeout=WITHIN_S))[2:]
        # The moment at which the others would have been e-mailed comes and goes.
        await fast_forward(owner, handoff["id"])
        async with asyncio.timeout(WITHIN_S):
            while await owner.value("select count(*) from job where handoff_id = $1 and kind = 'email'", handoff["id"]):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
    assert {one.recipients[0] for one in closing} == set(first)
    for one in closing:
        assert one.message["Subject"].startswith("Claimed by Erin Engineer: VPN drops")
        assert one.message["In-Reply-To"] == first[one.recipients[0]].message_id
        assert first[one.recipients[0]].message_id in one.message["References"]
    assert len(post.received) == 4, "nobody else was e-mailed"
    told = await states(junior, handoff["id"])
    assert told[crew.engineer.id][0] == told[crew.second_engineer.id][0] == "cancelled"


async def test_a_withdrawn_escalation_is_closed_too(
    people: People, http: Http, mailing: Server, post: MailServer
) -> None:
    crew = await people()
    junior = http(crew.technician, at=mailing)
    handoff = await escalated(junior, "VPN drops")
    await post.arrived(4, timeout=WITHIN_S)
    await act(junior, handoff["id"], "withdraw", note="Found it")
    closing = (await post.arrived(8, timeout=WITHIN_S))[4:]
    assert {one.message["Subject"][:30] for one in closing} == {"Withdrawn by Tess Technician: V"[:30]}


async def test_greylisting_is_tried_again_under_the_same_message_id(
    people: People, http: Http, mailing: Server, post: MailServer, database_url: str
) -> None:
    crew = await people()
    junior = http(crew.technician, at=mailing)
    post.behave("greylist", times=1)
    handoff = await escalated(junior)
    everyone = (crew.owner, crew.admin, crew.engineer, crew.second_engineer)
    told = await until(junior, handoff["id"], {one.id: "failed" for one in everyone})
    assert all("451" in str(detail) for _, detail in told.values()), told
    owner = Owner(database_url)
    again = await owner.fetch(
        "select retry_at - at as pause, message_id, device from delivery where channel = 'email' and handoff_id = $1",
        handoff["id"],
    )
    assert {round(row["pause"].total_seconds() / 60) for row in again} == {1}
    await fast_forward(owner, handoff["id"])
    await until(junior, handoff["id"], {one.id: "accepted" for one in everyone})
    ids = {row["device"]: row["message_id"] for row in again}
    assert {one.recipients[0]: one.message_id for one in post.accepted} == ids


async def test_a_refused_address_is_marked_and_the_administrators_are_told(
    people: People, http: Http, mailing: Server, post: MailServer, database_url: str
) -> None:
    crew = await people()
    junior = http(crew.technician, at=mailing)
    async with listening(mailing, crew.owner) as hers, listening(mailing, crew.admin) as his:
        for client in (hers, his):
            await client.resume()
        post.behave("refuse_recipient")
        handoff = await escalated(junior, "VPN drops")
        for client in (hers, his):
            await client.event("handoff.created")
            await client.send(type="receipt", handoff_id=handoff["id"], state="shown")
        told = await until(junior, handoff["id"], {crew.engineer.id: "failed", crew.second_engineer.id: "failed"})
        assert "550" in str(told[crew.engineer.id][1])
        post.behave("ok")
        await fast_forward(Owner(database_url), handoff["id"])
    timeline = (await junior.get(f"{API}/handoffs/{handoff['id']}")).json()["timeline"]
    assert any(e["kind"] == "mail_failed" and "Erin Engineer" in e["detail"] for e in timeline)
    marked = await Owner(database_url).fetch("select name from app_user where email_refused_at is not null order by 1")
    assert {row["name"] for row in marked} >= {"Erin Engineer", "Sam Senior"}


async def test_a_cut_after_data_is_unknown_and_sent_again_as_the_same_message(
    people: People, http: Http, mailing: Server, post: MailServer, database_url: str
) -> None:
    crew = await people()
    junior = http(crew.technician, at=mailing)
    post.behave("cut_after_data", times=4)
    handoff = await escalated(junior)
    everyone = (crew.owner, crew.admin, crew.engineer, crew.second_engineer)
    await until(junior, handoff["id"], {one.id: "unknown" for one in everyone})
    pauses = await Owner(database_url).fetch(
        "select extract(epoch from retry_at - at)::float8 as s from delivery where channel = 'email'"
        " and handoff_id = $1 and attempts = 1",
        handoff["id"],
    )
    assert {round(row["s"]) for row in pauses} <= {5}, "soon, as it may not have gone out at all"
    post.behave("ok")
    await fast_forward(Owner(database_url), handoff["id"])
    await until(junior, handoff["id"], {one.id: "accepted" for one in everyone})
    first = {one.recipients[0]: one.message_id for one in post.received_without_reply}
    assert {one.recipients[0]: one.message_id for one in post.accepted} == first


async def test_one_accounts_storm_of_mails_that_hang_delays_nobody_elses(
    people: People, http: Http, mailing: Server, post: MailServer, database_url: str
) -> None:
    """A mail host may take its time with each recipient: whoever chose that host waits, and not the shop next door."""
    storming, calm = await people("Northwind MSP"), await people("Contoso MSP")
    post.behave("tarpit_rcpt", only="@northwindmsp.example")
    for number in range(5):
        await escalated(http(storming.technician, at=mailing), f"Problem {number}")
    owner = Owner(database_url)
    tried = "SELECT count(*) FROM delivery WHERE account_id = $1::uuid AND attempts > 0"
    async with asyncio.timeout(WITHIN_S):
        while not await owner.value(tried, storming.account_id):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    handoff = await escalated(http(calm.technician, at=mailing), "Quiet shop")
    seniors = (calm.owner, calm.admin, calm.engineer, calm.second_engineer)
    await until(http(calm.technician, at=mailing), handoff["id"], {one.id: "accepted" for one in seniors})
    assert await owner.value(tried, storming.account_id) < 4 * 5, (
        "theirs came while ours still had their first tries to go"
    )
