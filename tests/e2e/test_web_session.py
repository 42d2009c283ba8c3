"""The session page while people work in it: corrections, conflicts, the fix in progress, tasks, who is here."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.conftest import Http
from tests.support.flow import API
from tests.support.people import Crew, Member
from tests.support.server import Server
from tests.support.web import Forms, live, signed_in


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]]) -> Crew:
    return await people()


class Desk:
    """A session with a step and a fact, and pages of it."""

    def __init__(self, browser: Browser, server: Server, http: Http, crew: Crew) -> None:
        self.browser = browser
        self.server = server
        self.http = http
        self.crew = crew

    async def session(self) -> str:
        junior = self.http(self.crew.technician)
        body = {"title": "VPN drops", "problem": "Hourly.", "customer": "Harlow Dental"}
        session = str((await junior.post(f"{API}/ai-sessions", json=body)).json()["id"])
        base = f"{API}/ai-sessions/{session}"
        await junior.post(f"{base}/steps", json={"action": "Compare both ends: no access", "outcome": "blocked"})
        await junior.post(f"{base}/facts", json={"label": "Firmware", "value": "7.2"})
        return session

    async def page(self, who: Member, session: str, **options: object) -> Page:
        context = await self.browser.new_context(**options)  # type: ignore[arg-type]  # passed through
        page = await signed_in(context, self.server, who, f"/pilot/{session}")
        await live(page)
        return page


@pytest.fixture
def desk(browser: Browser, server: Server, http: Http, crew: Crew) -> Desk:
    return Desk(browser, server, http, crew)


async def test_a_fact_is_edited_in_place_and_seen_by_the_others(desk: Desk) -> None:
    session = await desk.session()
    mine = await desk.page(desk.crew.technician, session)
    theirs = await desk.page(desk.crew.engineer, session)
    fact = mine.get_by_test_id("fact-item")
    await theirs.get_by_test_id("task-text").fill(
        "Call"
    )  # a hand in the same part of the page: it waits for that alone
    await fact.get_by_label("Edit: Firmware").click()
    await mine.get_by_test_id("fact-edit-value").fill("7.4 since Tuesday")
    async with theirs.expect_response(lambda answer: "x-flowpilot-refresh" in answer.request.headers):
        await mine.keyboard.press("Control+Enter")
    await theirs.get_by_test_id("session-title").click()
    await expect(theirs.get_by_test_id("fact-item")).to_contain_text("7.4 since Tuesday")
    await expect(fact.get_by_label("Edit: Firmware")).to_be_focused()
    await fact.get_by_label("Edit: Firmware").click()
    await expect(mine.get_by_test_id("fact-edit-label")).to_be_focused()
    await mine.keyboard.press("Escape")
    await expect(mine.locator("form[data-editing]")).to_have_count(0)


async def test_a_change_of_somebody_else_is_shown_and_not_overwritten(desk: Desk) -> None:
    session = await desk.session()
    page = await desk.page(desk.crew.technician, session)
    await page.get_by_label("Edit: Compare both ends: no access").click()
    senior = desk.http(desk.crew.engineer)
    base = f"{API}/ai-sessions/{session}"
    step = (await senior.get(base)).json()["steps"][0]["id"]
    await senior.patch(f"{base}/steps/{step}", json={"action": "Compared both ends"})
    await page.get_by_test_id("step-edit-action").fill("Ask for access")
    await page.get_by_label("Edit: Firmware").click()  # what is written here is not thrown away for that
    await expect(page.get_by_text("Save or cancel what you are changing first.")).to_be_visible()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("form[data-editing] [role=alert]")).to_contain_text("It says now: “Compared both ends”")
    assert (await senior.get(base)).json()["steps"][0]["action"] == "Compared both ends"
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_test_id("step-item")).to_contain_text("Ask for access")


async def test_what_is_taken_out_is_gone_at_once_and_comes_back_with_undo(desk: Desk) -> None:
    session = await desk.session()
    page = await desk.page(desk.crew.technician, session)
    await page.get_by_label("Take out: Firmware").click()
    await expect(page.get_by_test_id("fact-item")).to_be_hidden()
    await page.get_by_test_id("undo").click()
    await expect(page.get_by_test_id("fact-item")).to_contain_text("7.2")
    await expect(page.get_by_label("Edit: Firmware")).to_be_focused()

    async def down(route: Route) -> None:
        await route.abort()

    await page.route("**/remove", down)
    await page.get_by_label("Take out: Firmware").click()
    await expect(page.get_by_text("Not taken out. The server did not answer.")).to_be_visible()
    await expect(page.get_by_test_id("fact-item")).to_be_visible()
    await page.route("**?edit=*", down)
    await page.get_by_label("Edit: Firmware").click()
    await expect(page.get_by_text("Not opened. The server did not answer.")).to_be_visible()


async def test_what_is_added_says_so_where_it_stands_and_is_taken_out_again(desk: Desk) -> None:
    session = await desk.session()
    page = await desk.page(desk.crew.technician, session)
    await page.get_by_test_id("fact-add").click()
    await page.get_by_test_id("fact-label").fill("Modem")
    await page.get_by_test_id("fact-value").fill("Vigor 167")
    await page.get_by_test_id("fact-submit").click()
    modem = page.get_by_test_id("fact-item").filter(has_text="Vigor 167")
    await expect(modem.get_by_test_id("entry-added")).to_contain_text("Added to facts")
    await modem.get_by_test_id("entry-undo").click()
    await expect(page.get_by_test_id("fact-item")).to_have_count(1)
    async with Forms(desk.server) as plain:  # the same without a script
        await plain.sign_in(desk.crew.technician)
        assert "step-action" in (await plain.get(f"/pilot/{session}?dialog=step")).text
        made = await plain.post(f"/pilot/{session}/steps", action="Changed the cable", outcome="worked")
        told = (await plain.get(made.headers["location"])).text
        assert told.count('data-testid="entry-added"') == 1
        undo = told.partition('data-testid="entry-added"')[0].rpartition('action="')[2].partition('"')[0]
        assert (await plain.post(undo)).status_code == 303
        assert "Changed the cable" not in (await plain.get(f"/pilot/{session}")).text


async def test_a_task_is_given_to_somebody(desk: Desk) -> None:
    session = await desk.session()
    page = await desk.page(desk.crew.technician, session)
    theirs = await desk.page(desk.crew.engineer, session)
    await page.get_by_test_id("task-text").fill("Call the clinic")
    await page.get_by_test_id("task-add").click()
    await page.get_by_label("Edit: Call the clinic").click()
    await page.get_by_test_id("task-edit-assignee").select_option(label="Erin Engineer")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_test_id("task-assignee")).to_have_text("For Erin")
    await expect(theirs.get_by_test_id("task-assignee")).to_have_text("For You")


async def test_the_active_fix_ends_as_a_step_and_tasks_are_ticked(desk: Desk) -> None:
    session = await desk.session()
    page = await desk.page(desk.crew.technician, session)
    await page.get_by_test_id("fix-start").click()
    await page.get_by_test_id("fix-action").fill("Align the lifetimes")
    await page.get_by_test_id("fix-submit").click()
    await expect(page.get_by_test_id("active-fix")).to_contain_text("In progress")
    await page.get_by_test_id("fix-worked").click()
    await expect(page.get_by_test_id("active-fix")).to_contain_text("No fix is in progress.")
    await expect(page.locator('[data-testid="step-item"][data-outcome="worked"]')).to_contain_text(
        "Align the lifetimes"
    )
    drawn, taken = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        await (drawn if route.request.method == "GET" else taken).wait()
        await route.continue_()

    line = page.get_by_test_id("task-text")
    await page.route(f"**/pilot/{session}**", hold)
    await line.fill("Call the clinic at 15:00")
    await page.keyboard.press("Enter")
    await line.press_sequentially(" Order a part")  # the next one, while the first is on its way
    await page.keyboard.press("Enter")
    taken.set()
    await expect(line).to_have_value("")
    await page.keyboard.type("gs")  # while the page is not drawn yet: still the line's, and no keys that lead away
    drawn.set()
    await expect(line).to_have_value("gs")
    await page.keyboard.press("Enter")
    ticks = page.get_by_test_id("task-tick")
    await expect(ticks).to_have_text(["Call the clinic at 15:00", "Order a part", "gs"])
    await ticks.nth(1).focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_test_id("tasks")).to_contain_text("1 of 3 done")
    await expect(ticks.nth(1)).to_be_focused()  # not the first: the next press would tick another
    other = await desk.page(desk.crew.engineer, session)
    await expect(other.get_by_test_id("tasks")).to_contain_text("1 of 3 done")


async def test_the_form_begins_with_what_the_session_holds_and_keeps_a_draft(desk: Desk) -> None:
    session = await desk.session()
    page = await desk.page(desk.crew.technician, session)
    await page.get_by_test_id("escalate-open").click()
    reason = page.get_by_test_id("escalate-reason")
    await expect(reason).to_have_value("I am blocked at this: Compare both ends: no access.")
    await expect(page.get_by_test_id("escalate-suggested")).to_have_count(2)
    await reason.fill("I have no login for the head office firewall.")
    await expect(page.locator('[data-suggested="reason"]')).to_be_hidden()
    await expect(page.get_by_test_id("escalate-preview")).to_contain_text("I have no login")
    await page.keyboard.press("Escape")
    await page.reload()
    await live(page)
    await page.get_by_test_id("escalate-open").click()
    await expect(reason).to_have_value("I have no login for the head office firewall.")
    await page.keyboard.press("Control+Enter")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_test_id("delivery-strip")).to_be_visible()
    assert await page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('fp.draft')).length") == 0
    sent = (await desk.http(desk.crew.technician).get(f"{API}/ai-sessions/{session}")).json()["handoffs"]
    assert [one["reason"] for one in sent] == ["I have no login for the head office firewall."]


async def test_the_junior_sees_who_reads_it_and_who_is_in_the_session(desk: Desk) -> None:
    session = await desk.session()
    junior = await desk.page(desk.crew.technician, session)
    body = {"reason": "No access to it.", "need": "Access"}
    handoff = (await desk.http(desk.crew.technician).post(f"{API}/ai-sessions/{session}/handoff", json=body)).json()
    senior = await desk.page(desk.crew.engineer, session)
    reader = junior.locator(f'[data-testid="delivery-recipient"][data-person="{desk.crew.engineer.id}"]')
    await expect(reader).to_have_attribute("data-state", "opened")
    await expect(reader).to_contain_text("Erin Engineer, reading it")
    await expect(junior.get_by_test_id("presence")).to_contain_text("Erin Engineer is here")
    await senior.get_by_test_id("pick-up-primary").click()
    await expect(senior.get_by_test_id("claim-summary")).to_contain_text("Claimed by you")
    await expect(senior.get_by_test_id("presence")).to_contain_text("in the session now")
    await expect(junior.get_by_test_id("delivery-strip")).to_contain_text("Erin is in the session")
    await senior.get_by_test_id("chat-input").fill("Not sent yet")
    await senior.get_by_test_id("session-title").click()
    async with senior.expect_response(lambda answer: "x-flowpilot-refresh" in answer.request.headers):
        await desk.http(desk.crew.engineer).post(f"{API}/handoffs/{handoff['id']}/release", json={"note": "On a call"})
    await expect(senior.get_by_test_id("handback-open")).to_have_count(0)
    await expect(senior.get_by_test_id("chat-input")).to_have_value("Not sent yet")  # not loaded anew over it
    await senior.close()
    await expect(junior.get_by_test_id("presence")).not_to_contain_text("is here")
    assert handoff["status"] == "pending"


async def test_a_row_that_somebody_opens_in_the_queue_counts_as_read_and_one_that_is_only_there_does_not(
    desk: Desk,
) -> None:
    junior = desk.http(desk.crew.technician)
    waiting = []
    for _ in range(2):
        address = f"{API}/ai-sessions/{await desk.session()}/handoff"
        waiting.append(
            str((await junior.post(address, json={"reason": "No access to it.", "need": "Access"})).json()["id"])
        )
    context = await desk.browser.new_context()
    page = await signed_in(context, desk.server, desk.crew.engineer, "/escalations")
    await live(page)
    await page.get_by_test_id("queue-search").press("Enter")  # a search, not a look at the row that is selected
    row = page.locator(f'[data-testid="escalation-row"][data-escalation-id="{waiting[1]}"]')
    async with page.expect_response(f"**/handoffs/{waiting[1]}/opened"):
        await row.locator("[data-select]").click()
    opened = [(await junior.get(f"{API}/handoffs/{one}")).json()["opened"] for one in waiting]
    assert [len(one) for one in opened] == [0, 1]


async def test_an_answer_of_another_session_is_dropped_and_told_with_both_ids(desk: Desk) -> None:
    session, other = await desk.session(), await desk.session()
    page = await desk.page(desk.crew.technician, session)
    wrong = await (await desk.page(desk.crew.technician, other)).content()

    async def mixed_up(route: Route) -> None:
        if route.request.headers.get("x-flowpilot-refresh"):
            await route.fulfill(status=200, content_type="text/html", body=wrong.replace("VPN drops", "Payroll"))
        else:
            await route.continue_()

    await page.route(f"**/pilot/{session}", mixed_up)
    async with page.expect_response("**/client-reports") as reported:
        await desk.http(desk.crew.engineer).post(f"{API}/ai-sessions/{session}/messages", json={"content": "Hello"})
    assert (await reported.value).status == 204
    await expect(page.get_by_test_id("session-title")).to_have_text("VPN drops")
    told = f"the page of session {session} got an answer of session {other} (refresh)"
    assert await asyncio.to_thread(desk.server.said, told, timeout=60)
