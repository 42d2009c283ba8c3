"""The web app without scripts: what a locked-down browser or a forged form meets."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import pytest

from tests.conftest import StartServer
from tests.support.flow import Owner
from tests.support.people import Crew, Member
from tests.support.server import Server
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]
ESCALATION = {
    "reason": "I cannot see the head office firewall.",
    "need": "Someone with firewall access.",
    "priority": "high",
}


@pytest.fixture
async def crew(people: People) -> Crew:
    return await people()


@pytest.fixture
async def browse(server: Server) -> AsyncIterator[Callable[[Member | None], Awaitable[Forms]]]:
    async with AsyncExitStack() as stack:

        async def make(who: Member | None = None) -> Forms:
            browser = await stack.enter_async_context(Forms(server))
            if who:
                assert (await browser.sign_in(who)).status_code == 303
                await browser.get("/sessions")
            return browser

        yield make


Browse = Callable[..., Awaitable[Forms]]


async def new_session(forms: Forms, title: str = "VPN drops every hour") -> str:
    answer = await forms.post("/sessions", title=title, customer="Harlow Dental", ticket="20418", problem="It drops.")
    assert answer.status_code == 303
    return answer.headers["location"]


async def escalated(forms: Forms, title: str = "VPN drops every hour") -> tuple[str, str]:
    """(session page, hand-off id)."""
    page = await new_session(forms, title)
    await forms.get(page)
    assert (await forms.post(f"{page}/escalate", **ESCALATION)).status_code == 303
    queue = await forms.http.get("/api/v1/handoffs")
    return page, next(row["id"] for row in queue.json()["items"] if f"/pilot/{row['session_id']}" == page)


async def test_the_whole_way_works_without_scripts(crew: Crew, browse: Browse) -> None:
    junior, senior = await browse(crew.technician), await browse(crew.engineer)
    page, handoff = await escalated(junior)
    await senior.get("/escalations")
    assert "VPN drops every hour" in senior.page
    won = await senior.post(f"/escalations/{handoff}/claim")
    assert (won.status_code, won.headers["location"]) == (303, page)
    await senior.get(page)
    assert "Claimed by you at" in senior.page
    assert (await senior.post(f"{page}/messages", content="Comparing both ends now.")).status_code == 303
    await junior.get(page)
    assert "Comparing both ends now." in junior.page
    assert f"Claimed by {crew.engineer.name}" in junior.page
    month = await senior.get("/analytics")
    assert 'data-testid="kpi-escalations">1<' in month.text


async def test_the_second_senior_is_told_who_was_first(crew: Crew, browse: Browse) -> None:
    junior, first, second = [await browse(who) for who in (crew.technician, crew.engineer, crew.second_engineer)]
    _, handoff = await escalated(junior)
    await second.get("/escalations")
    await first.post(f"/escalations/{handoff}/claim")
    lost = await second.post(f"/escalations/{handoff}/claim")
    assert lost.status_code == 409
    assert 'data-outcome="lost"' in lost.text
    assert f"Already claimed by {crew.engineer.name}" in lost.text


async def test_a_technician_cannot_pick_up(crew: Crew, browse: Browse) -> None:
    junior = await browse(crew.technician)
    _, handoff = await escalated(junior)
    page = await junior.get("/escalations")
    assert 'data-testid="pick-up"' not in page.text
    assert (await junior.post(f"/escalations/{handoff}/claim")).status_code == 403
    waiting = await junior.http.get(f"/api/v1/handoffs/{handoff}")
    assert waiting.json()["status"] == "pending"


async def test_hand_back_and_withdraw_by_form(crew: Crew, browse: Browse) -> None:
    junior, senior = await browse(crew.technician), await browse(crew.engineer)
    page, handoff = await escalated(junior)
    await senior.post(f"/escalations/{handoff}/claim")
    await senior.get(page)
    assert (await senior.post(f"{page}/handback", note="I am on a call until 11:15.")).status_code == 303
    await junior.get(page)
    assert "handed it back: “I am on a call until 11:15.”" in junior.page
    assert (await junior.post(f"{page}/withdraw", note="Found it.")).status_code == 303
    await junior.get(page)
    assert 'data-state="withdrawn"' in junior.page
    assert 'data-testid="escalate-open"' in junior.page


async def test_an_escalation_that_is_too_short_keeps_its_text(crew: Crew, browse: Browse) -> None:
    junior = await browse(crew.technician)
    page = await new_session(junior)
    await junior.get(page)
    answer = await junior.post(f"{page}/escalate", reason="Stuck.", need="A person to look", priority="urgent")
    assert answer.status_code == 422
    assert "Say why you are stuck, at least 10 characters." in answer.text
    assert "Urgent needs that." in answer.text
    assert ">A person to look</textarea>" in answer.text
    assert (await junior.http.get("/api/v1/handoffs")).json()["items"] == []


async def test_pressing_escalate_twice_escalates_once(crew: Crew, browse: Browse) -> None:
    junior = await browse(crew.technician)
    page = await new_session(junior)
    await junior.get(page)
    form = {**ESCALATION, "key": "one-press"}
    assert (await junior.post(f"{page}/escalate", **form)).status_code == 303
    assert (await junior.post(f"{page}/escalate", **form)).status_code == 303
    assert len((await junior.http.get("/api/v1/handoffs")).json()["items"]) == 1


@pytest.mark.parametrize(
    "where", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x", "\t//x"]
)
async def test_signing_in_never_leads_to_another_site(crew: Crew, browse: Browse, where: str) -> None:
    forms = await browse()
    answer = await forms.sign_in(crew.technician, next=where)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sessions")


async def test_signing_in_leads_back_to_the_page_asked_for(crew: Crew, browse: Browse) -> None:
    forms = await browse()
    asked = await forms.get("/escalations?priority=high")
    assert asked.headers["location"] == "/sign-in?next=%2Fescalations%3Fpriority%3Dhigh"
    answer = await forms.sign_in(crew.engineer, next="/escalations?priority=high")
    assert answer.headers["location"] == "/escalations?priority=high"


async def test_unknown_address_and_wrong_password_read_the_same(crew: Crew, browse: Browse) -> None:
    forms = await browse()
    wrong = await forms.post("/sign-in", email=crew.technician.email, password="not it")
    unknown = await forms.post("/sign-in", email="nobody@northwindmsp.example", password="not it")
    assert wrong.status_code == unknown.status_code == 401
    assert "That e-mail and password do not match. 4 tries left before a 15 min pause." in wrong.text
    assert (
        wrong.text.replace(crew.technician.email, "X").partition("data-server-time")[2][50:]
        == (unknown.text.replace("nobody@northwindmsp.example", "X").partition("data-server-time")[2][50:])
    )


async def test_the_session_cookie_is_out_of_reach_for_scripts(crew: Crew, browse: Browse) -> None:
    forms = await browse()
    answer = await forms.sign_in(crew.technician)
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("fp_session="))
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    by_https = await browse()
    by_https.origin = by_https.origin.replace("http://", "https://")
    by_https.http.headers["X-Forwarded-Proto"] = "https"  # as the proxy on this machine says
    answer = await by_https.sign_in(crew.technician)
    cookies = [one for one in answer.headers.get_list("set-cookie") if "fp_session=" in one]
    assert [one.startswith("__Host-fp_session=") for one in cookies] == [True]
    assert {"HttpOnly", "SameSite=lax", "Path=/", "Secure"} <= set(cookies[0].split("; "))


async def test_a_sign_in_ends_with_its_time(crew: Crew, browse: Browse, database_url: str) -> None:
    forms = await browse(crew.technician)
    life = "SELECT extract(hour FROM expires_at - created_at)::int FROM web_session"
    assert await Owner(database_url).value(life) <= 12
    await Owner(database_url).fetch("UPDATE web_session SET expires_at = now()")
    gone = await forms.http.get("/sessions")
    assert (gone.status_code, gone.headers["location"].partition("?")[0]) == (303, "/sign-in")


async def test_signing_out_ends_the_session_on_the_server(crew: Crew, browse: Browse) -> None:
    forms = await browse(crew.technician)
    stolen = dict(forms.http.cookies)
    await forms.post("/sign-out")
    async with httpx.AsyncClient(base_url=forms.origin, cookies=stolen, trust_env=False, timeout=30) as thief:
        assert (await thief.get("/sessions")).headers["location"].startswith("/sign-in")


@pytest.mark.parametrize("path", ["/sessions", "{page}/messages", "{page}/escalate", "/escalations/{handoff}/claim"])
async def test_a_forged_form_changes_nothing(crew: Crew, browse: Browse, path: str) -> None:
    junior, senior = await browse(crew.technician), await browse(crew.engineer)
    page, handoff = await escalated(junior)
    target = path.format(page=page, handoff=handoff)
    before = (await senior.http.get(f"/api/v1/handoffs/{handoff}")).json()
    forged = await senior.http.post(target, data={"content": "x", "title": "x", "problem": "x", "csrf": "guessed"})
    assert forged.status_code == 403
    await senior.get("/escalations")
    senior.origin = "https://evil.example"
    elsewhere = await senior.post(target, content="x", title="x", problem="x")
    assert elsewhere.status_code == 403
    after = (await senior.http.get(f"/api/v1/handoffs/{handoff}")).json()
    assert (after["status"], after["timeline"]) == (before["status"], before["timeline"])
    assert len((await senior.http.get("/api/v1/ai-sessions")).json()["items"]) == 1


async def test_every_page_forbids_inline_code(crew: Crew, browse: Browse) -> None:
    senior = await browse(crew.engineer)
    page, _ = await escalated(senior)
    for path in ("/sign-in", "/go", "/sessions", page, "/escalations", "/analytics", "/no-such-page"):
        answer = await senior.http.get(path, follow_redirects=True)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "<style" not in answer.text
        assert ' style="' not in answer.text
        assert "<script>" not in answer.text


async def test_what_people_type_is_text_everywhere(crew: Crew, browse: Browse) -> None:
    attack = "<img src=x onerror=alert(1)>{{7*7}}"
    junior, senior = await browse(crew.technician), await browse(crew.engineer)
    page = await new_session(junior, attack)
    await junior.get(page)
    await junior.post(f"{page}/messages", content=attack)
    await junior.post(f"{page}/facts", label=attack, value=attack)
    await junior.post(f"{page}/steps", action=attack, outcome="blocked", detail=attack)
    await junior.post(f"{page}/escalate", reason=attack, need=attack, impact=attack, priority="urgent")
    for path in (page, "/escalations", "/sessions?show=all"):
        shown = (await senior.get(path)).text
        assert "<img src=x" not in shown
        assert "&lt;img src=x onerror=alert(1)&gt;{{7*7}}" in shown


async def test_another_accounts_pages_do_not_exist(crew: Crew, people: People, browse: Browse) -> None:
    other = await people("Other MSP")
    page, handoff = await escalated(await browse(crew.technician))
    stranger = await browse(other.engineer)
    unseen = await stranger.get(page)
    assert unseen.status_code == 404
    assert "There is no such session, or you may not see it." in unseen.text
    assert (await stranger.post(f"{page}/messages", content="hello")).status_code == 404
    assert (await stranger.post(f"/escalations/{handoff}/claim")).status_code == 404
    beside = await stranger.get(f"/escalations?selected={handoff}")
    assert "VPN drops every hour" not in beside.text


async def test_pages_of_higher_roles_say_so(crew: Crew, browse: Browse) -> None:
    answer = await (await browse(crew.technician)).get("/analytics")
    assert answer.status_code == 403
    assert "Your role does not include this page." in answer.text


async def test_an_unknown_address_is_a_page_for_people_and_a_problem_for_programs(browse: Browse) -> None:
    forms = await browse()
    page, problem = await forms.get("/nowhere"), await forms.http.get("/api/v1/nowhere")
    assert page.status_code == problem.status_code == 404
    assert 'data-testid="page-error"' in page.text
    assert problem.json()["code"] == "not_found"


async def test_a_month_that_is_none_is_refused_in_words(crew: Crew, browse: Browse) -> None:
    answer = await (await browse(crew.engineer)).get("/analytics?month=2026-13")
    assert answer.status_code == 400
    assert "A month is written like 2026-11." in answer.text


async def test_no_byte_in_the_sign_in_form_or_the_ticket_breaks_the_gate(crew: Crew, browse: Browse) -> None:
    forms = await browse()
    for odd in ("a\x00b@x.example", "\x00", "x" * 20_000):
        answer = await forms.post("/sign-in", email=odd, password="not it")
        assert (answer.status_code, "That e-mail and password do not match." in answer.text) == (401, True), repr(odd)
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": forms.origin}
    for body in (b"email=%00&password=%00", b"email=%ed%a0%80&password=%ed%a0%80", b"email=\xff&password=\xff"):
        assert (await forms.http.post("/sign-in", content=body, headers=kind)).status_code == 401, body
    for body in (b"ticket=%00", b"ticket=%ed%a0%80", b"ticket=\xff&explicit=1"):
        assert (await forms.http.post("/go", content=body, headers=kind)).status_code == 403, body


async def test_with_a_public_address_other_hosts_pages_are_refused_whatever_host_they_name(
    crew: Crew, start_server: StartServer
) -> None:
    """A rebound name makes a browser send a matching Host and Origin; only the operator's own address counts."""
    server = await start_server(FLOWPILOT_PUBLIC_URL="http://flowpilot.example.com:80/")
    at = server.url.removeprefix("http://")
    port = at.partition(":")[2]
    async with Forms(server) as browser:

        async def tried(host: str, origin: str) -> int:
            headers = {"Host": host, "Origin": origin}
            fields = {"email": crew.technician.email, "password": "not it"}
            return (await browser.http.post("/sign-in", data=fields, headers=headers)).status_code

        assert await tried("evil.example", "http://evil.example") == 403
        assert await tried(at, "http://evil.example") == 403
        assert await tried(at, "https://flowpilot.example.com") == 403, "another scheme is another origin"
        assert await tried(at, "null") == 403
        assert await tried("flowpilot.example.com", "http://flowpilot.example.com") == 401
        assert await tried(at, f"http://{at}") == 401, "the address that it listens on"
        assert await tried(f"localhost:{port}", f"http://localhost:{port}") == 401
