"""What happens while a page is open: arrivals, races, lost answers, restarts. Two or three real browsers each time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Browser, Page, Route, WebSocketRoute, expect

from tests.conftest import Http, StartServer
from tests.support.people import Crew, Member
from tests.support.server import Server
from tests.support.web import live, signed_in


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]]) -> Crew:
    return await people()


class Desk:
    """The service desk behind the pages: escalates and claims by the API."""

    def __init__(self, http: Http, crew: Crew) -> None:
        self.http = http
        self.crew = crew

    async def session(self, title: str = "VPN drops") -> str:
        made = await self.http(self.crew.technician).post(
            "/api/v1/ai-sessions", json={"title": title, "problem": "Hourly.", "customer": "Harlow Dental"}
        )
        return str(made.json()["id"])

    async def escalate(self, title: str = "VPN drops", **fields: str) -> str:
        made = await self.http(self.crew.technician).post(
            f"/api/v1/ai-sessions/{await self.session(title)}/handoff",
            json={"reason": "I have no access.", "need": "Somebody with access.", **fields},
        )
        assert made.status_code == 201
        return str(made.json()["id"])

    async def change(self, handoff: str, **fields: str) -> None:
        assert (await self.http(self.crew.technician).patch(f"/api/v1/handoffs/{handoff}", json=fields)).is_success

    async def claim(self, handoff: str, by: Member) -> None:
        assert (await self.http(by).post(f"/api/v1/handoffs/{handoff}/claim")).status_code == 200

    async def read(self, handoff: str) -> dict[str, object]:
        answer: dict[str, object] = (await self.http(self.crew.owner).get(f"/api/v1/handoffs/{handoff}")).json()
        return answer

    async def told(self, handoff: str) -> list[tuple[str, str, str]]:
        deliveries = (await self.read(handoff))["deliveries"]
        assert isinstance(deliveries, list)
        return [(d["user"]["name"], d["channel"], d["state"]) for d in deliveries]

    async def until_told(self, handoff: str, who: Member) -> None:
        """Waits, by the event log, until this person's page has said that it showed the alert."""
        after = 0
        while (who.name, "web", "shown") not in await self.told(handoff):
            news = await self.http(self.crew.owner).get(f"/api/v1/events?after={after}&wait=10")
            after = news.json()["head"]


@pytest.fixture
def desk(http: Http, crew: Crew) -> Desk:
    return Desk(http, crew)


async def open_as(browser: Browser, server: Server, who: Member, path: str) -> Page:
    page = await signed_in(await browser.new_context(), server, who, path)
    await live(page)
    return page


async def test_an_escalation_arrives_and_the_junior_sees_who_saw_it(
    browser: Browser, server: Server, crew: Crew, desk: Desk
) -> None:
    senior = await open_as(browser, server, crew.engineer, "/escalations")
    await expect(senior.get_by_test_id("queue-empty")).to_contain_text("Nothing is waiting.")
    session = await desk.session()
    junior = await open_as(browser, server, crew.technician, f"/pilot/{session}")
    await junior.get_by_test_id("escalate-open").click()
    await expect(junior.get_by_test_id("escalate-reach")).to_contain_text("Erin, in the web page")
    await junior.get_by_test_id("escalate-reason").fill("I have no access to it.")
    await junior.get_by_test_id("escalate-need").fill("Somebody with access.")
    await junior.keyboard.press("Control+Enter")
    await expect(senior.get_by_test_id("escalation-row")).to_contain_text("VPN drops")
    await expect(senior.get_by_test_id("context-need")).to_contain_text("Somebody with access.")
    await expect(junior.get_by_test_id("delivery-summary")).to_have_text("Shown to Erin in the web page.")
    await senior.get_by_test_id("pick-up").click()
    await senior.wait_for_url(f"**/pilot/{session}")
    await expect(junior.get_by_test_id("delivery-claimed-by")).to_have_text("Claimed by Erin Engineer")
    await live(senior)
    await senior.get_by_test_id("chat-input").fill("Looking at it now.")
    await senior.keyboard.press("Enter")
    await expect(junior.get_by_test_id("chat-message")).to_contain_text("Looking at it now.")


async def test_a_page_that_nobody_can_see_acknowledges_nothing(
    browser: Browser, server: Server, crew: Crew, desk: Desk
) -> None:
    context = await browser.new_context()
    await context.add_init_script(
        "window.hid = true; Object.defineProperty(document, 'visibilityState', {get: () => hid ? 'hidden' : 'visible'})"
    )
    senior = await signed_in(context, server, crew.engineer, "/escalations")
    await live(senior)
    handoff = await desk.escalate()
    await expect(senior.get_by_test_id("escalation-row")).to_contain_text("VPN drops")
    second = await open_as(browser, server, crew.second_engineer, "/escalations")
    await second.get_by_test_id("escalation-row").wait_for()
    await desk.until_told(handoff, crew.second_engineer)
    assert ("Erin Engineer", "web", "shown") not in await desk.told(handoff)
    await senior.evaluate("hid = false; document.dispatchEvent(new Event('visibilitychange'))")
    await desk.until_told(handoff, crew.engineer)


async def test_on_any_other_page_an_alert_offers_to_pick_up(
    browser: Browser, server: Server, crew: Crew, desk: Desk
) -> None:
    senior = await open_as(browser, server, crew.engineer, "/sessions")
    junior = await open_as(browser, server, crew.technician, "/sessions")
    handoff = await desk.escalate("Domain controller down", priority="urgent", impact="60 people")
    alert = senior.get_by_test_id("toast")
    await expect(alert).to_contain_text("Domain controller down")
    await expect(alert).to_contain_text("Urgent")
    await expect(senior.get_by_test_id("nav-escalations-count")).to_contain_text("1")
    await expect(junior.get_by_test_id("nav-escalations-count")).to_contain_text("1")
    await expect(junior.get_by_test_id("toast")).to_have_count(0)
    await alert.get_by_test_id("pick-up").click()
    await senior.wait_for_url("**/pilot/*")
    assert (await desk.read(handoff))["status"] == "claimed"
    await expect(junior.get_by_test_id("toast")).to_contain_text("Claimed by Erin Engineer")


async def test_an_alert_goes_when_somebody_else_has_claimed(
    browser: Browser, server: Server, crew: Crew, desk: Desk
) -> None:
    senior = await open_as(browser, server, crew.engineer, "/sessions")
    handoff = await desk.escalate()
    await expect(senior.get_by_test_id("toast")).to_have_count(1)
    await desk.claim(handoff, crew.second_engineer)
    await expect(senior.get_by_test_id("toast")).to_have_count(0)


async def test_who_was_first_is_said_where_the_button_was(
    browser: Browser, server: Server, crew: Crew, desk: Desk
) -> None:
    handoff = await desk.escalate()
    other = await desk.escalate("Plotter prints blank pages")
    senior = await open_as(browser, server, crew.engineer, "/escalations")

    async def somebody_is_faster(route: Route) -> None:
        await desk.claim(handoff, crew.second_engineer)
        await route.continue_()

    await senior.route(f"**/escalations/{handoff}/claim", somebody_is_faster)
    row = senior.locator(f'[data-testid="escalation-row"][data-escalation-id="{handoff}"]')
    await row.get_by_test_id("pick-up").click()
    result = senior.get_by_test_id("claim-result")
    await expect(result).to_have_attribute("data-outcome", "lost")
    await expect(result).to_contain_text("Already claimed by Sam Senior")
    await expect(row).to_contain_text("laimed by Sam Senior")
    await expect(row).to_have_count(0)
    await expect(senior.locator(f'[data-escalation-id="{other}"]')).to_have_count(1)
    await expect(senior.get_by_test_id("claimed-list")).to_contain_text("Sam Senior")


async def test_the_context_folds_once_the_senior_has_acted_and_stays_as_a_person_leaves_it(
    browser: Browser, server: Server, crew: Crew, desk: Desk
) -> None:
    handoff = await desk.escalate()
    await desk.claim(handoff, crew.engineer)
    page = await open_as(browser, server, crew.engineer, f"/pilot/{(await desk.read(handoff))['session_id']}")
    context = page.get_by_test_id("claim-context")
    await expect(context).to_have_attribute("data-collapsed", "false")
    await page.get_by_test_id("chat-input").fill("Looking at it.")
    await page.get_by_test_id("chat-send").click()
    await expect(context).to_have_attribute("data-collapsed", "true")
    await page.get_by_test_id("claim-context-toggle").click()
    await page.get_by_test_id("chat-input").fill("The lifetimes differ.")
    await page.get_by_test_id("chat-send").click()
    await expect(page.get_by_test_id("chat-log")).to_contain_text("The lifetimes differ.")
    await expect(context).to_have_attribute("data-collapsed", "false")


async def test_a_lost_answer_is_read_back_before_anything_is_said(
    browser: Browser, server: Server, crew: Crew, desk: Desk
) -> None:
    handoff = await desk.escalate()
    senior = await open_as(browser, server, crew.engineer, "/escalations")

    async def answer_is_lost(route: Route) -> None:
        await route.fetch()  # the server has carried it out
        await route.abort()

    await senior.route(f"**/escalations/{handoff}/claim", answer_is_lost)
    await senior.get_by_test_id("pick-up").click()
    await senior.wait_for_url("**/pilot/*")
    await expect(senior.get_by_test_id("claim-summary")).to_contain_text("Claimed by you at")


async def test_an_escalation_that_did_not_go_out_is_kept_and_sent_once(
    browser: Browser, server: Server, crew: Crew, desk: Desk
) -> None:
    session = await desk.session()
    junior = await open_as(browser, server, crew.technician, f"/pilot/{session}")
    await junior.route("**/escalate", lambda route: route.abort())
    await junior.get_by_test_id("escalate-open").click()
    await junior.get_by_test_id("escalate-reason").fill("I have no access to it.")
    await junior.get_by_test_id("escalate-need").fill("Somebody with access.")
    await junior.get_by_test_id("escalate-submit").click()
    await expect(junior.get_by_text("Not sent. Nobody has been told.")).to_be_visible()
    await junior.reload()
    await junior.unroute("**/escalate")
    await junior.get_by_test_id("escalate-open").click()
    await expect(junior.get_by_test_id("escalate-need")).to_have_value("Somebody with access.")

    async def lose_the_answer(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await junior.route("**/escalate", lose_the_answer)
    await junior.route(f"**/pilot/{session}", lambda route: route.abort())
    await junior.get_by_test_id("escalate-submit").dblclick()
    await expect(junior.get_by_text("It is not known whether this was sent.")).to_be_visible()
    await junior.unroute(f"**/pilot/{session}")
    await desk.http(crew.engineer).post(f"/api/v1/ai-sessions/{session}/messages", json={"content": "I look at it."})
    await expect(junior.locator("[data-strip]")).to_be_visible()
    await expect(junior.locator("[data-escalate-failed]")).to_be_hidden()
    queue = await desk.http(crew.engineer).get("/api/v1/handoffs")
    assert len(queue.json()["items"]) == 1


async def test_a_page_outlives_a_restart_of_the_server(
    browser: Browser, start_server: StartServer, crew: Crew, http: Http
) -> None:
    server = await start_server()
    senior = await open_as(browser, server, crew.engineer, "/escalations")
    junior = http(crew.technician, at=server)
    await asyncio.to_thread(server.kill9)
    await expect(senior.get_by_test_id("live-status")).to_have_attribute("data-state", "reconnecting")
    await asyncio.to_thread(server.start)
    await expect(senior.get_by_test_id("live-status")).to_have_attribute("data-state", "live")
    session = (await junior.post("/api/v1/ai-sessions", json={"title": "After the restart", "problem": "x"})).json()
    await junior.post(f"/api/v1/ai-sessions/{session['id']}/handoff", json={"reason": "No access.", "need": "Access."})
    await expect(senior.get_by_test_id("escalation-row")).to_have_count(1)


async def test_where_websockets_do_not_pass_the_long_poll_does(
    browser: Browser, server: Server, crew: Crew, desk: Desk
) -> None:
    context = await browser.new_context()
    tried = asyncio.Event()

    async def shut(socket: WebSocketRoute) -> None:
        await socket.close()
        tried.set()

    await context.route_web_socket("**/events/stream", shut)
    await context.clock.install()
    senior = await signed_in(context, server, crew.engineer, "/escalations")
    await expect(senior.get_by_test_id("live-status")).to_have_attribute("data-state", "connecting")
    await desk.escalate()
    await expect(senior.get_by_test_id("escalation-row")).to_have_count(1)
    await expect(senior.get_by_test_id("live-status")).to_have_attribute("data-state", "live")
    tried.clear()
    async with asyncio.timeout(30):
        await tried.wait()
    await senior.clock.run_for(5_000)  # the socket has failed once more meanwhile; the long poll is answered
    await expect(senior.get_by_test_id("live-status")).to_have_attribute("data-state", "live")


async def test_a_page_without_a_link_says_since_when_and_claims_nothing(
    browser: Browser, server: Server, crew: Crew, desk: Desk
) -> None:
    await desk.escalate()
    context = await browser.new_context()
    links: list[WebSocketRoute] = []

    async def pass_on(socket: WebSocketRoute) -> None:
        links.append(socket)
        socket.connect_to_server()

    await context.route_web_socket("**/events/stream", pass_on)
    senior = await signed_in(context, server, crew.engineer, "/escalations")
    await senior.clock.install()
    await live(senior)
    await context.set_offline(True)  # new links fail from here on; the open one is cut
    await links[-1].close()
    await senior.clock.fast_forward(4_000)
    await expect(senior.get_by_test_id("live-status")).to_have_attribute("data-state", "reconnecting")
    await senior.clock.fast_forward(30_000)
    await expect(senior.get_by_text("This page is offline since")).to_be_visible()
    await expect(senior.get_by_test_id("pick-up-primary")).to_be_disabled()
    await expect(senior.get_by_test_id("pick-up-primary")).to_have_text("Will not claim while offline")
    await context.set_offline(False)
    # Not `click`: the page may try again by itself at this very moment, and the button be gone under the hand.
    await senior.get_by_test_id("retry").dispatch_event("click")
    await expect(senior.get_by_test_id("live-status")).to_have_attribute("data-state", "live")
    await expect(senior.get_by_test_id("pick-up-primary")).to_be_enabled()


async def test_the_keyboard_alone_is_enough(browser: Browser, server: Server, crew: Crew, desk: Desk) -> None:
    page = await (await browser.new_context()).new_page()
    await page.goto(f"{server.url}/sign-in")
    await page.keyboard.type(crew.engineer.email)
    await page.keyboard.press("Tab")
    await page.keyboard.type(crew.engineer.password)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/sessions")
    await live(page)
    first = await desk.escalate("Low one", priority="low")
    await desk.escalate("High one", priority="high")
    await page.keyboard.press("g")
    await page.keyboard.press("e")
    await page.wait_for_url("**/escalations")
    await live(page)
    await page.keyboard.press("j")
    await expect(page.get_by_test_id("context-need")).to_be_visible()
    await expect(page.locator("#context h2")).to_have_text("Low one")
    await page.keyboard.press("/")
    await page.keyboard.type("High")
    await expect(page.get_by_test_id("escalation-row")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("escalation-row")).to_have_count(2)
    await page.keyboard.press("Escape")
    await page.keyboard.press("c")
    await page.wait_for_url("**/pilot/*")
    assert (await desk.read(first))["status"] == "claimed"
    await page.get_by_test_id("handback-open").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.type("I am on a call until 11:15.")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_test_id("delivery-summary")).to_contain_text("handed it back")
    assert (await desk.read(first))["status"] == "pending"


async def test_a_swipe_picks_up_and_half_a_swipe_does_not(
    browser: Browser, server: Server, crew: Crew, desk: Desk
) -> None:
    handoff = await desk.escalate()
    context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = await signed_in(context, server, crew.engineer, "/escalations")
    await live(page)
    box = await page.get_by_test_id("escalation-row").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2

    async def swipe(way: float) -> None:
        await page.mouse.move(box["x"] + 30, middle)
        await page.mouse.down()
        for step in range(1, 11):
            await page.mouse.move(box["x"] + 30 + way * step / 10, middle)

    await swipe(box["width"] * 0.3)
    await expect(page.get_by_test_id("swipe-claim")).to_have_attribute("data-armed", "false")
    await page.mouse.up()
    await expect(page.get_by_test_id("swipe-claim")).to_have_count(0)
    assert (await desk.read(handoff))["status"] == "pending"
    await swipe(box["width"] * 0.6)
    await expect(page.get_by_test_id("swipe-claim")).to_contain_text("Release to pick up")
    await page.mouse.up()
    await page.wait_for_url("**/pilot/*")
    assert (await desk.read(handoff))["status"] == "claimed"


async def test_on_a_phone_a_tap_opens_the_context_and_back_closes_it(
    browser: Browser, server: Server, crew: Crew, desk: Desk
) -> None:
    handoff = await desk.escalate()
    context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = await signed_in(context, server, crew.engineer, "/escalations")
    await live(page)
    await expect(page.get_by_test_id("context-overlay")).to_be_hidden()
    icons = [
        await page.get_by_test_id(f"nav-{name}").locator("svg").bounding_box() for name in ("sessions", "escalations")
    ]
    assert len({box and box["y"] for box in icons}) == 1  # the count moves nothing
    await page.get_by_test_id("escalation-row").tap()
    await expect(page.get_by_test_id("pick-up-primary")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_test_id("context-overlay")).to_be_hidden()
    await expect(page.get_by_test_id("escalation-row")).to_be_visible()
    await desk.change(handoff, need="Somebody with a key.")  # what was read before covers the list no more by itself
    await expect(page.get_by_test_id("context-need")).to_contain_text("Somebody with a key.")
    await expect(page.get_by_test_id("context-overlay")).to_be_hidden()


async def test_an_arrival_moves_nothing_under_the_readers_eyes(
    browser: Browser, server: Server, crew: Crew, desk: Desk
) -> None:
    """Layout shift as Chromium counts it: in the queue, where the new row comes last, and beside a session."""
    session = await desk.session("Printer")
    await desk.escalate("First", priority="high")
    queue = await open_as(browser, server, crew.engineer, "/escalations")
    aside = await queue.context.new_page()
    await aside.goto(f"{server.url}/pilot/{session}")
    await live(aside)
    watch = """() => { window.moved = []; new PerformanceObserver((list) => list.getEntries().forEach((one) =>
        window.moved.push(...one.sources.map((at) => [one.value, at.node?.className ?? String(at.node)]))))
        .observe({ type: "layout-shift", buffered: false }); }"""
    await expect(queue.get_by_test_id("context-need")).to_be_visible()
    for page in (queue, aside):
        await page.evaluate("document.fonts.ready")
        await page.evaluate(watch)
    for number, priority in enumerate(("normal", "low", "low")):
        await desk.escalate(f"Arrival {number}", priority=priority)
    await expect(queue.get_by_test_id("escalation-row")).to_have_count(4)
    await expect(aside.get_by_test_id("toast").first).to_be_visible()
    await expect(aside.get_by_test_id("nav-escalations-count")).to_have_attribute("data-count", "4")
    for page in (queue, aside):
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        moved = await page.evaluate("window.moved")
        assert sum(value for value, _ in moved) < 0.001, moved  # a figure that grows by a digit counts some millionths
