"""Who was told, as pages say it and as pages prove it: rounds, receipts, what could not be delivered."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, WebSocketRoute, expect

from tests.conftest import Http, StartServer
from tests.support.flow import API, Owner
from tests.support.mail_server import MailServer
from tests.support.people import Crew, Member
from tests.support.server import Server
from tests.support.web import live, signed_in

WITHIN_S = 60.0
HIDEABLE = (
    "window.hid = false;"
    "Object.defineProperty(document, 'visibilityState', {get: () => window.hid ? 'hidden' : 'visible'})"
)


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]]) -> Crew:
    return await people()


@pytest.fixture
def post() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


class Desk:
    """A service desk with a worker and a mail server behind it; time can be moved on for one hand-off."""

    def __init__(self, http: Http, crew: Crew, server: Server, owner: Owner) -> None:
        self.crew = crew
        self.server = server
        self._http = http
        self._owner = owner

    async def escalate(self, title: str = "VPN drops", **fields: str) -> tuple[str, str]:
        """(session id, hand-off id)."""
        junior = self._http(self.crew.technician, at=self.server)
        made = await junior.post(
            f"{API}/ai-sessions", json={"title": title, "problem": "Hourly.", "customer": "Harlow Dental"}
        )
        session = str(made.json()["id"])
        handoff = await junior.post(
            f"{API}/ai-sessions/{session}/handoff",
            json={"reason": "I have no access.", "need": "Somebody with access.", "priority": "high", **fields},
        )
        assert handoff.status_code == 201
        return session, str(handoff.json()["id"])

    async def later(self, handoff: str, minutes: float) -> None:
        """As if so many minutes had gone by for this hand-off."""
        span = f"interval '{minutes} minutes'"
        await self._owner.fetch(
            f"update handoff set waiting_since = waiting_since - {span}, claimed_at = claimed_at - {span},"
            f" nudged_at = nudged_at - {span} where id = $1",
            handoff,
        )
        await self._owner.fetch(
            "update job set due_at = now() where handoff_id = $1 and kind in ('step', 'idle')", handoff
        )

    async def read(self, handoff: str) -> dict[str, Any]:
        answer: dict[str, Any] = (
            await self._http(self.crew.owner, at=self.server).get(f"{API}/handoffs/{handoff}")
        ).json()
        return answer

    async def told(self, handoff: str, rung: int) -> set[str]:
        """Names of those whose page has said that it showed this round."""
        found = await self._owner.fetch(
            "select u.name from delivery d join app_user u on u.id = d.user_id"
            " where d.handoff_id = $1 and d.rung = $2 and d.channel = 'web' and d.state = 'shown'",
            handoff,
            rung,
        )
        return {row["name"] for row in found}

    async def until_told(self, handoff: str, rung: int, who: Member) -> None:
        """Waits, by the event log, until this person's page has said that it showed this round."""
        after = 0
        async with asyncio.timeout(WITHIN_S):
            while who.name not in await self.told(handoff, rung):
                news = await self._http(self.crew.owner, at=self.server).get(f"{API}/events?after={after}&wait=5")
                after = news.json()["head"]

    async def claim(self, handoff: str, by: Member) -> None:
        assert (await self._http(by, at=self.server).post(f"{API}/handoffs/{handoff}/claim")).status_code == 200


@pytest.fixture
async def desk(http: Http, crew: Crew, start_server: StartServer, database_url: str, post: MailServer) -> Desk:
    server = await start_server(
        FLOWPILOT_WORKER="on",
        FLOWPILOT_SMTP_URL=post.url,
        FLOWPILOT_MAIL_FROM="escalations@northwind.example",
        FLOWPILOT_EMAIL_AFTER_S="30",  # whoever has a page open is e-mailed if it shows nothing; it may be slow to
    )
    return Desk(http, crew, server, Owner(database_url))


async def open_as(browser: Browser, desk: Desk, who: Member, path: str, **context: Any) -> Page:
    page = await signed_in(await browser.new_context(**context), desk.server, who, path)
    await live(page)
    return page


async def test_the_strip_follows_an_escalation_from_the_first_alert_to_nobody_having_come(
    browser: Browser, desk: Desk, crew: Crew
) -> None:
    senior = await open_as(browser, desk, crew.engineer, "/escalations")
    session, handoff = await desk.escalate()
    junior = await open_as(browser, desk, crew.technician, f"/pilot/{session}")
    strip, summary = junior.get_by_test_id("delivery-strip"), junior.get_by_test_id("delivery-summary")
    following = junior.get_by_test_id("delivery-next-step")
    await expect(summary).to_have_text("Shown to Erin in the web page. E-mailed Adam, Olga and Sam.")
    await expect(strip).to_have_attribute("data-state", "delivered")
    await expect(following).to_contain_text("Everyone again ")
    await desk.later(handoff, 6)
    await expect(strip).to_have_attribute("data-state", "escalated")
    await expect(summary).to_contain_text("Alerted everyone again at")
    await expect(summary).to_contain_text("e-mailed Adam, Olga and Sam.")
    await expect(following).to_contain_text("Olga Owner is next, at")
    await expect(senior.get_by_test_id("escalation-alerted-again")).to_contain_text("Alerted again")
    await desk.later(handoff, 10)
    await expect(strip).to_have_attribute("data-state", "exhausted")
    await expect(strip).to_contain_text("Olga Owner was told at")
    await expect(senior.get_by_test_id("escalation-exhausted")).to_have_text("Nobody has come")
    await desk.claim(handoff, crew.engineer)
    await expect(junior.get_by_test_id("delivery-claimed-by")).to_have_text("Claimed by Erin Engineer")


async def test_a_refused_address_is_said_plainly_with_its_reason(
    browser: Browser, desk: Desk, crew: Crew, post: MailServer
) -> None:
    post.behave("refuse_recipient")
    session, _ = await desk.escalate()
    junior = await open_as(browser, desk, crew.technician, f"/pilot/{session}")
    await expect(junior.get_by_test_id("delivery-summary")).to_contain_text("Nobody has been told yet.")
    await expect(junior.get_by_test_id("delivery-summary")).to_contain_text("was not delivered.")
    erin = junior.locator(f'[data-testid="delivery-recipient"][data-person="{crew.engineer.id}"]')
    await expect(erin).to_have_attribute("data-state", "bounced")
    await expect(erin).to_contain_text("E-mail to Erin Engineer was not delivered")
    await expect(erin).to_have_attribute("title", "550 5.1.1 User unknown in local recipient table.")


async def test_each_round_is_acknowledged_by_the_page_that_shows_it_and_by_no_hidden_one(
    browser: Browser, desk: Desk, crew: Crew
) -> None:
    senior = await open_as(browser, desk, crew.engineer, "/escalations")
    context = await browser.new_context()
    await context.add_init_script(HIDEABLE)
    hidden = await signed_in(context, desk.server, crew.second_engineer, "/escalations")
    await live(hidden)
    _, handoff = await desk.escalate()
    await desk.until_told(handoff, 0, crew.engineer)
    await desk.until_told(handoff, 0, crew.second_engineer)
    await hidden.evaluate("window.hid = true")
    await desk.later(handoff, 6)
    await desk.until_told(handoff, 1, crew.engineer)
    await expect(hidden.get_by_test_id("escalation-alerted-again")).to_be_visible()
    assert await desk.told(handoff, 1) == {crew.engineer.name}
    await hidden.evaluate("window.hid = false; document.dispatchEvent(new Event('visibilitychange'))")
    await desk.until_told(handoff, 1, crew.second_engineer)
    await expect(senior.get_by_test_id("escalation-row")).to_have_count(1)


async def test_what_arrives_out_of_sight_is_said_beside_the_list(browser: Browser, desk: Desk, crew: Crew) -> None:
    senior = await open_as(
        browser, desk, crew.engineer, "/escalations?priority=urgent", viewport={"width": 1000, "height": 500}
    )
    _, handoff = await desk.escalate("Filtered out of the list")
    await expect(senior.get_by_test_id("toast")).to_contain_text("Filtered out of the list")
    await desk.until_told(handoff, 0, crew.engineer)
    await desk.claim(handoff, crew.second_engineer)
    await expect(senior.get_by_test_id("toast")).to_have_count(0)


async def test_a_receipt_that_a_broken_link_swallowed_is_sent_again(browser: Browser, desk: Desk, crew: Crew) -> None:
    context = await browser.new_context()
    swallowed: list[str] = []
    links: list[WebSocketRoute] = []

    async def swallow(socket: WebSocketRoute) -> None:
        links.append(socket)
        server = socket.connect_to_server()

        def hear(text: str | bytes) -> None:
            if isinstance(text, str) and '"receipt"' in text and len(links) == 1:
                swallowed.append(text)
            else:
                server.send(text)

        socket.on_message(hear)

    await context.route_web_socket("**/events/stream", swallow)
    senior = await signed_in(context, desk.server, crew.engineer, "/sessions")
    await live(senior)
    first = len(links)
    links[:] = links[-1:]  # from here on the link at hand swallows, later ones do not
    assert first
    _, handoff = await desk.escalate()
    await expect(senior.get_by_test_id("toast")).to_have_count(1)
    async with asyncio.timeout(WITHIN_S):
        while not swallowed:  # noqa: ASYNC110 - the page is another process
            await asyncio.sleep(0.02)
    assert crew.engineer.name not in await desk.told(handoff, 0)
    await links[0].close()
    await desk.until_told(handoff, 0, crew.engineer)


async def test_an_idle_claimer_is_reminded_and_the_junior_sees_it_come_back(
    browser: Browser, desk: Desk, crew: Crew
) -> None:
    session, handoff = await desk.escalate()
    junior = await open_as(browser, desk, crew.technician, f"/pilot/{session}")
    senior = await open_as(browser, desk, crew.engineer, "/sessions")
    await desk.claim(handoff, crew.engineer)
    await desk.later(handoff, 16)
    await expect(senior.get_by_test_id("toast").filter(has_text="Still yours: VPN drops")).to_contain_text(
        "It goes back to the queue at"
    )
    await expect(junior.get_by_test_id("delivery-strip")).to_contain_text("Erin was reminded at")
    await desk.later(handoff, 16)
    await expect(junior.get_by_test_id("delivery-summary")).to_contain_text(
        "Handed back to the queue: no first action in"
    )


async def test_the_link_of_an_e_mail_opens_the_hand_off_and_claims_nothing(
    browser: Browser, desk: Desk, crew: Crew
) -> None:
    await desk.escalate("Another one, first in the list", priority="urgent", impact="60 people")
    _, handoff = await desk.escalate("The one in the e-mail")
    for width in (1280, 390):
        page = await (await browser.new_context(viewport={"width": width, "height": 800})).new_page()
        await page.goto(f"{desk.server.url}/escalations?handoff={handoff}")
        await page.get_by_test_id("signin-email").fill(crew.engineer.email)
        await page.get_by_test_id("signin-password").fill(crew.engineer.password)
        await page.get_by_test_id("signin-submit").click()
        await page.wait_for_url(f"**/escalations?handoff={handoff}")
        await expect(page.locator("#context h2")).to_have_text("The one in the e-mail")
        await expect(page.get_by_test_id("pick-up-primary")).to_be_in_viewport()
        assert (await desk.read(handoff))["status"] == "pending"
    await page.get_by_test_id("context-overlay-close").click()
    await expect(page.get_by_test_id("escalation-row")).to_have_count(2)
    assert "handoff=" not in page.url
    await page.goto(f"{desk.server.url}/escalations?handoff=01a202aa-0000-7000-8000-000000000000")
    await expect(page.get_by_test_id("page-error")).to_have_text("There is no such hand-off, or you may not see it.")
    await expect(page.get_by_test_id("escalation-row")).to_have_count(2)


async def test_the_change_dialog_says_what_is_wrong_where_it_is_and_gives_the_focus_back(
    browser: Browser, desk: Desk, crew: Crew
) -> None:
    session, handoff = await desk.escalate()
    junior = await open_as(browser, desk, crew.technician, f"/pilot/{session}")
    await expect(junior.get_by_test_id("delivery-next-step")).to_be_visible()
    await junior.get_by_test_id("delivery-edit").click()
    need, impact = junior.get_by_test_id("change-need"), junior.get_by_test_id("change-impact")
    await need.fill("x")
    await junior.locator("#change-dialog label.p-urgent").click()
    hint = junior.locator('#change-dialog [data-testid="change-priority-hint"]:visible')
    await expect(hint).to_contain_text("Urgent: everyone again after 3 min, then Olga Owner after 10 min, counted from")
    await junior.keyboard.press("Control+Enter")
    await expect(junior.locator("#change-need-error")).to_have_text("Say what you need, at least 5 characters.")
    await expect(junior.locator("#change-impact-error")).to_have_text(
        "Say what it does to the customer. Urgent needs that."
    )
    await expect(need).to_be_focused()
    await expect(need).to_have_value("x")
    await junior.keyboard.press("Escape")
    await expect(junior.get_by_test_id("delivery-edit")).to_be_focused()
    await junior.get_by_test_id("delivery-edit").click()
    await need.fill("Somebody with firewall access.")
    await impact.fill("22 staff wait.")
    await junior.locator("#change-dialog label.p-urgent").click()
    await junior.get_by_test_id("change-submit").click()
    await expect(junior.get_by_test_id("change-dialog")).to_be_hidden()
    changed = await desk.read(handoff)
    assert (changed["priority"], changed["need"], changed["impact"]) == (
        "urgent",
        "Somebody with firewall access.",
        "22 staff wait.",
    )
    await junior.get_by_test_id("delivery-withdraw").click()
    await junior.get_by_test_id("withdraw-submit").click()
    await expect(junior.get_by_test_id("delivery-strip")).to_have_attribute("data-state", "withdrawn")
    await expect(junior.get_by_test_id("escalate-open")).to_be_visible()


async def test_without_a_link_the_strip_says_what_was_last_known(browser: Browser, desk: Desk, crew: Crew) -> None:
    session, _ = await desk.escalate()
    context = await browser.new_context()
    links: list[WebSocketRoute] = []

    async def pass_on(socket: WebSocketRoute) -> None:
        links.append(socket)
        socket.connect_to_server()

    await context.route_web_socket("**/events/stream", pass_on)
    junior = await signed_in(context, desk.server, crew.technician, f"/pilot/{session}")
    await live(junior)
    await expect(junior.get_by_test_id("delivery-next-step")).to_be_visible()
    await junior.clock.install()
    await context.set_offline(True)
    await links[-1].close()
    await junior.clock.fast_forward(4_000)
    await junior.clock.fast_forward(31_000)
    strip = junior.get_by_test_id("delivery-strip")
    await expect(strip).to_have_attribute("data-state", "offline")
    await expect(strip).to_contain_text("This page is offline. The escalation is still active on the server.")
    await expect(strip).to_contain_text("Last known at")
    await context.set_offline(False)
    await strip.locator("[data-retry]").dispatch_event("click")
    await expect(strip).not_to_have_attribute("data-state", "offline")
    await expect(strip).to_have_count(1)
