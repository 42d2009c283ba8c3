"""The queue where answers fail, come late or come of an ended sign-in: it says what waits, and moves nobody."""

import asyncio
from collections.abc import Awaitable, Callable

from playwright.async_api import Browser, Route, expect

from tests.conftest import Http
from tests.support.flow import API, escalated
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import live, signed_in

expect.set_options(timeout=20_000)


async def test_the_list_stays_true_where_answers_fail_or_come_late(
    browser: Browser, server: Server, people: Callable[..., Awaitable[Crew]], http: Http
) -> None:
    crew = await people()
    junior = http(crew.technician)
    handoff = (await escalated(junior))["id"]

    async def change(which: str, **fields: str) -> None:
        assert (await junior.patch(f"{API}/handoffs/{which}", json=fields)).status_code == 200

    senior = await signed_in(await browser.new_context(), server, crew.engineer, "/escalations")
    await live(senior)
    rows, context = senior.get_by_test_id("escalation-row"), senior.get_by_test_id("context-overlay")
    await senior.route(f"**/escalations/{handoff}/claim", lambda route: route.abort())
    await senior.route("**/api/v1/handoffs/*", lambda route: route.abort())
    await senior.get_by_test_id("pick-up").click()
    await expect(senior.get_by_test_id("claim-result")).to_contain_text("Not claimed: you are offline.")
    assert (await junior.get(f"{API}/handoffs/{handoff}")).json()["status"] == "pending"

    # A look that failed is repeated, also after a press whose end the page never hears.
    looks: list[str] = []

    async def fail_once(route: Route) -> None:
        looks.append(route.request.url)
        await (route.fulfill(status=503) if len(looks) == 1 else route.continue_())

    await senior.route("**/escalations", fail_once)
    await senior.locator("h1").click(button="right")
    await senior.mouse.down(button="right")
    second = (await escalated(junior, "Printer", priority="low"))["id"]
    await expect(rows).to_have_count(2)
    assert len(looks) > 1
    await senior.mouse.up(button="right")
    await senior.unroute("**/escalations", fail_once)

    # Another priority is another place in the list, also of the row that the focus is in; the reader keeps theirs.
    link = rows.filter(has_text="Printer").locator("[data-select]")
    await link.focus()
    await change(second, priority="urgent", impact="Nobody can print.")
    await expect(rows.first).to_contain_text("Printer")
    await expect(rows.first.get_by_test_id("escalation-priority")).to_contain_text("Urgent")
    await expect(link).to_be_focused()
    await context.focus()
    await change(handoff, need="Somebody with a key.")
    await expect(senior.get_by_test_id("context-need")).to_contain_text("Somebody with a key.")
    await expect(context).to_be_focused()

    # An answer to the question before is not shown under this one.
    late = asyncio.Event()

    async def hold(route: Route) -> None:
        await late.wait()
        await route.continue_()

    await senior.route("**/escalations", hold)
    async with senior.expect_request("**/escalations"):
        await change(handoff, need="Somebody else.")
    await senior.get_by_test_id("queue-filter-priority").select_option("urgent")
    await expect(rows).to_have_count(1)
    async with senior.expect_response(
        lambda answer: "priority=urgent" in answer.url and "x-flowpilot-refresh" in answer.request.headers
    ):
        late.set()
    await expect(rows).to_have_count(1)

    await senior.route("**/escalations?*", lambda route: route.fulfill(status=503))
    await senior.get_by_test_id("queue-filter-priority").select_option("low")
    await expect(senior.get_by_text("Not shown. The server did not answer.")).to_be_visible()
    await senior.unroute("**/escalations?*")
    await senior.context.clear_cookies()  # signed out: no list without rows, as if nothing waited
    await senior.get_by_test_id("queue-filter-priority").select_option("high")
    await expect(senior.get_by_test_id("signin-email")).to_be_visible()
