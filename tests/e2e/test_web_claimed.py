"""What a senior works with after the claim: suggested steps, ways on, the assessment, and how the hand-off ends."""

import json
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Browser, Page, expect

from tests.conftest import Http
from tests.support.axe import blemishes
from tests.support.flow import API, Owner
from tests.support.people import Crew, Member
from tests.support.server import Server
from tests.support.web import live, signed_in

ASSESSMENT = {
    "source": "model",
    "likely_cause": "Phase 2 key lifetime differs between the two firewalls.",
    "confidence": 0.82,
    "why": "7 of 7 drops are 60 minutes apart.",
    "next_steps": ["Compare the phase 2 lifetime on both firewalls.", "Set both to 3600 s."],
}


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]]) -> Crew:
    return await people()


class Claimed:
    """A session that was escalated and claimed; pages of both sides."""

    def __init__(self, browser: Browser, server: Server, http: Http, crew: Crew, database_url: str) -> None:
        self.browser = browser
        self.server = server
        self.http = http
        self.crew = crew
        self.owner = Owner(database_url)
        self.session = ""
        self.handoff = ""

    async def begin(self, **session: str) -> None:
        junior, senior = self.http(self.crew.technician), self.http(self.crew.engineer)
        body = {"title": "VPN drops", "problem": "Hourly.", "customer": "Harlow Dental", **session}
        self.session = str((await junior.post(f"{API}/ai-sessions", json=body)).json()["id"])
        base = f"{API}/ai-sessions/{self.session}"
        await junior.post(f"{base}/steps", json={"action": "Restarted the tunnel", "outcome": "helped"})
        await junior.post(f"{base}/facts", json={"label": "Firmware", "value": "7.2"})
        reason = {"reason": "No access to the head office.", "need": "Somebody with access.", "priority": "high"}
        self.handoff = str((await junior.post(f"{base}/handoff", json=reason)).json()["id"])
        assert (await senior.post(f"{API}/handoffs/{self.handoff}/claim")).status_code == 200

    async def assess(self, assessment: dict[str, object] | None, reason: str | None = None) -> None:
        """What the assistant's worker does when its answer has come, or has not."""
        status = "ready" if assessment else "unavailable"
        await self.owner.fetch(
            "UPDATE handoff SET assessment = $2::jsonb, assessment_status = $3, assessment_reason = $4 WHERE id = $1",
            self.handoff,
            json.dumps(assessment) if assessment else None,
            status,
            reason,
        )
        account = await self.owner.value("SELECT account_id FROM handoff WHERE id = $1", self.handoff)
        await self.owner.fetch("SELECT handoff_changed($1, $2, 'assessed', null, $3)", account, self.handoff, reason)

    async def page(self, who: Member, part: str = "", **options: object) -> Page:
        context = await self.browser.new_context(**options)  # type: ignore[arg-type]  # passed through
        page = await signed_in(context, self.server, who, f"/pilot/{self.session}{part}")
        await live(page)
        return page

    async def read(self) -> dict[str, object]:
        found: dict[str, object] = (await self.http(self.crew.engineer).get(f"{API}/handoffs/{self.handoff}")).json()
        return found


@pytest.fixture
async def claimed(browser: Browser, server: Server, http: Http, crew: Crew, database_url: str) -> Claimed:
    made = Claimed(browser, server, http, crew, database_url)
    await made.begin()
    return made


async def test_an_assessment_arrives_while_the_page_is_open_and_its_steps_can_be_begun(claimed: Claimed) -> None:
    await claimed.owner.fetch("UPDATE handoff SET assessment_status = 'pending' WHERE id = $1", claimed.handoff)
    page = await claimed.page(claimed.crew.engineer)
    await expect(page.get_by_test_id("ai-assessment")).to_contain_text("Assessment in progress")
    await claimed.assess(ASSESSMENT)
    await expect(page.get_by_test_id("assessment-confidence")).to_contain_text("High confidence, 82 %")
    await page.get_by_test_id("assessment-start-step").click()
    fix = page.get_by_test_id("active-fix")
    await expect(fix).to_contain_text("Compare the phase 2 lifetime on both firewalls.")
    await expect(fix).to_contain_text("In progress")
    await expect(page.get_by_test_id("claim-context")).to_have_attribute("data-collapsed", "true")
    await page.get_by_test_id("claim-context-toggle").click()
    await expect(page.get_by_test_id("assessment-start-step")).to_have_text("Start step 2")
    assert (await claimed.read())["first_action_kind"] == "step"


async def test_an_assessment_that_cannot_be_had_says_why(claimed: Claimed) -> None:
    await claimed.assess(None, "The model did not answer within 30 s.")
    page = await claimed.page(claimed.crew.engineer)
    assessment = page.get_by_test_id("ai-assessment")
    await expect(assessment).to_contain_text("Not available. The model did not answer within 30 s.")
    await claimed.assess({**ASSESSMENT, "source": "extractive"})
    await expect(assessment).to_contain_text("From the session")
    await claimed.owner.fetch(
        "UPDATE handoff SET assessment = null, assessment_status = 'pending',"
        " created_at = created_at - '3 min'::interval WHERE id = $1",
        claimed.handoff,
    )
    await page.reload()
    await expect(assessment).to_contain_text("Not available yet")


async def test_suggested_steps_fill_the_composer_until_the_first_message(claimed: Claimed) -> None:
    await claimed.assess(ASSESSMENT)
    page = await claimed.page(claimed.crew.engineer)
    await page.get_by_test_id("chat-input").fill("Thanks.")
    await page.get_by_test_id("suggested-step").nth(1).click()
    await expect(page.get_by_test_id("chat-input")).to_have_value("Thanks.\nSet both to 3600 s.")
    await page.get_by_test_id("chat-input").fill("")
    await page.get_by_test_id("suggested-step").nth(0).click()
    await page.get_by_test_id("suggested-step").nth(1).click()
    await expect(page.get_by_test_id("chat-input")).to_have_value("Set both to 3600 s.")
    await expect(page.get_by_test_id("chat-input")).to_be_focused()
    await page.get_by_test_id("chat-send").click()
    await expect(page.get_by_test_id("suggested-steps")).to_be_hidden()
    await expect(page.get_by_test_id("chat-log")).to_contain_text("Set both to 3600 s.")


async def test_ways_on_fold_the_block_and_stay_as_the_person_chose(claimed: Claimed) -> None:
    page = await claimed.page(claimed.crew.engineer)
    await page.get_by_test_id("way-continue").click()
    await expect(page.get_by_test_id("chat-input")).to_have_value(
        "Going on from where you were: Restarted the tunnel. "
    )
    context = page.get_by_test_id("claim-context")
    await expect(context).to_have_attribute("data-collapsed", "true")
    await page.reload()
    await live(page)
    await expect(context).to_have_attribute("data-collapsed", "true")
    await page.get_by_test_id("claim-context-toggle").click()
    await expect(page.get_by_test_id("escalation-package")).to_contain_text("Somebody with access.")
    await page.get_by_test_id("way-take").click()
    await expect(page.get_by_test_id("chat-input")).to_be_focused()


async def test_a_rejected_assessment_stands_rejected_for_everyone(claimed: Claimed) -> None:
    await claimed.assess(ASSESSMENT)
    page = await claimed.page(claimed.crew.engineer)
    await page.get_by_test_id("assessment-wrong").click()
    await page.get_by_test_id("reject-submit").click()
    await expect(page.get_by_text("Say why, in a line.")).to_be_visible()
    await page.get_by_test_id("reject-why").fill("The lifetimes are equal.")
    await page.get_by_test_id("reject-submit").click()
    await expect(page.get_by_test_id("assessment-rejected")).to_contain_text("“The lifetimes are equal.”")
    await expect(page.get_by_test_id("assessment-start-step")).to_have_count(0)
    junior = await claimed.page(claimed.crew.technician)
    await expect(junior.get_by_test_id("chat-log")).to_contain_text("rejected the assessment")


async def test_what_was_added_since_the_escalation_stands_apart(claimed: Claimed) -> None:
    base = f"{API}/ai-sessions/{claimed.session}"
    junior = claimed.http(claimed.crew.technician)
    facts = (await junior.get(base)).json()["facts"]
    await junior.post(f"{base}/facts", json={"label": "Other end", "value": "7.4"})
    await junior.post(f"{base}/steps", json={"action": "Pinged it", "outcome": "no_change"})
    await junior.patch(f"{base}/facts/{facts[0]['id']}", json={"value": "7.2.8"})
    page = await claimed.page(claimed.crew.engineer)
    added = page.get_by_test_id("facts-list")
    await expect(added).to_contain_text("Added since 2")
    await expect(added.get_by_text("7.2.8")).to_be_visible()
    await expect(page.get_by_test_id("session-snapshot")).to_contain_text("7.2")
    await expect(page.get_by_test_id("session-snapshot")).not_to_contain_text("7.2.8")
    await expect(page.get_by_test_id("steps-list").get_by_text("Added since")).to_have_count(1)


async def test_guidance_leads_the_junior_to_the_note(claimed: Claimed) -> None:
    junior = await signed_in(await claimed.browser.new_context(), claimed.server, claimed.crew.technician)
    await live(junior)
    page = await claimed.page(claimed.crew.engineer)
    await page.get_by_test_id("session-resolve").click()
    await page.get_by_test_id("resolve-outcome-guided_back").check()
    await page.get_by_test_id("resolve-submit").click()
    await expect(page.get_by_text("Say what to do next, at least 5 characters.")).to_be_visible()
    await page.get_by_test_id("resolve-note").fill("Set both lifetimes to 3600 s, then renew the tunnel.")
    await page.get_by_test_id("resolve-needed-no").check()
    await page.get_by_test_id("resolve-missing").fill("Access or credentials")
    await page.get_by_test_id("resolve-submit").click()
    await junior.get_by_role("link", name="Open session").click()
    await expect(junior).to_have_url(f"{claimed.server.url}/pilot/{claimed.session}#guidance")
    note = junior.get_by_test_id("chat-message").filter(has_text="Set both lifetimes")
    await expect(note).to_be_focused()
    await expect(junior.get_by_test_id("delivery-strip")).to_have_attribute("data-state", "guided_back")
    await expect(junior.get_by_test_id("escalate-open")).to_be_visible()
    handoff = await claimed.read()
    assert (handoff["outcome"], handoff["had_what_i_needed"], handoff["missing"]) == (
        "guided_back",
        False,
        "Access or credentials",
    )


async def test_hand_back_and_resolve_work_with_scripts_off(claimed: Claimed) -> None:
    context = await claimed.browser.new_context(java_script_enabled=False)
    page = await signed_in(context, claimed.server, claimed.crew.engineer, f"/pilot/{claimed.session}")
    await page.get_by_test_id("handback-open").click()
    await page.get_by_test_id("handback-reason").fill("no")
    await page.get_by_test_id("handback-submit").click()
    await expect(page.get_by_text("Say why, at least 5 characters.")).to_be_visible()
    await page.get_by_test_id("handback-reason").fill("I am on a call until 11:15.")
    await page.get_by_test_id("handback-submit").click()
    await page.get_by_test_id("pick-up-primary").click()
    await page.get_by_label("Take out: Restarted the tunnel").click()
    await page.get_by_role("button", name="Put it back").click()
    await expect(page.get_by_test_id("step-item")).to_contain_text("Restarted the tunnel")
    await page.get_by_test_id("session-resolve").click()
    await page.get_by_test_id("resolve-note").fill("Lifetimes aligned.")
    await page.get_by_test_id("resolve-submit").click()
    handoff = await claimed.read()
    assert (handoff["status"], handoff["outcome"], handoff["resolution"]) == (
        "resolved",
        "took_over",
        "Lifetimes aligned.",
    )


async def test_the_new_parts_shut_nobody_out(claimed: Claimed) -> None:
    await claimed.assess(ASSESSMENT)
    base = f"{API}/ai-sessions/{claimed.session}"
    junior = claimed.http(claimed.crew.technician)
    await junior.put(f"{base}/active-fix", json={"action": "Align the lifetimes"})
    done = (await junior.post(f"{base}/tasks", json={"text": "Call the clinic"})).json()["id"]
    await junior.post(f"{base}/tasks", json={"text": "Ask for the login"})
    await junior.patch(f"{base}/tasks/{done}", json={"done": True})
    page = await claimed.page(claimed.crew.engineer)
    assert not await blemishes(page)
    for dialog in ("resolve-dialog", "reject-dialog", "handback-dialog"):
        await page.locator(f'[data-dialog="{dialog}"]').click()
        assert not await blemishes(page), dialog
        await page.keyboard.press("Escape")
    await page.get_by_test_id("way-take").click()
    await page.get_by_label("Edit: Firmware").click()
    await page.get_by_test_id("fact-edit-value").wait_for()
    assert not await blemishes(page)
    await page.keyboard.press("Escape")
    await page.get_by_label("Take out: Firmware").click()
    await page.get_by_test_id("undo").wait_for()
    assert not await blemishes(page)


@pytest.mark.parametrize("width", [320, 640])
async def test_long_and_right_to_left_text_fits_a_small_screen(claimed: Claimed, width: int) -> None:
    long = "מרפאת השיניים של הארלו והשותפים " * 3 + "averyveryverylongwordwithoutaspace" * 3
    await claimed.begin(title=long[:140], customer=long[:60])
    base = f"{API}/ai-sessions/{claimed.session}"
    junior = claimed.http(claimed.crew.technician)
    await junior.put(f"{base}/active-fix", json={"action": long, "detail": long})
    await junior.post(f"{base}/tasks", json={"text": long})
    await junior.post(f"{base}/facts", json={"label": long[:200], "value": long})
    await claimed.assess({**ASSESSMENT, "likely_cause": long, "next_steps": [long, long]})
    page = await claimed.page(claimed.crew.engineer, viewport={"width": width, "height": 640})
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.get_by_test_id("session-resolve").click()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.keyboard.press("Escape")
    await page.get_by_test_id("way-take").click()
    await page.locator("[data-context-toggle]").first.click()
    await expect(page.get_by_test_id("tasks")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.get_by_label("Close the context").click()
    await expect(page.get_by_test_id("tasks")).to_be_hidden()
