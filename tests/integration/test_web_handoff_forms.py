"""Changing, withdrawing and handing back by plain forms, and the address that e-mails lead to."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from tests.conftest import Http
from tests.support.flow import API
from tests.support.people import Crew, Member
from tests.support.server import Server
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]
UNKNOWN = "01a202aa-0000-7000-8000-000000000000"


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


async def escalated(http: Http, crew: Crew, **fields: str) -> tuple[str, str]:
    """(session page, hand-off id)."""
    junior = http(crew.technician)
    made = await junior.post(f"{API}/ai-sessions", json={"title": "VPN drops", "problem": "Hourly."})
    session = made.json()["id"]
    body = {"reason": "I have no access.", "need": "Somebody with access.", "impact": "22 staff.", **fields}
    handoff = await junior.post(f"{API}/ai-sessions/{session}/handoff", json=body)
    assert handoff.status_code == 201
    return f"/pilot/{session}", handoff.json()["id"]


async def change(forms: Forms, page: str, was: tuple[str, str, str, str], **now: str) -> int:
    """Send the change form as a browser does: what it showed at first goes along."""
    names = ("priority", "need", "impact", "target")
    fields = dict(zip(names, was, strict=True)) | now
    answer = await forms.http.post(
        f"{page}/change",
        data={"csrf": forms.csrf, **fields, "was": list(was)},
        headers={"Origin": forms.origin},
    )
    forms.page = answer.text or forms.page
    return answer.status_code


SHOWN = ("normal", "Somebody with access.", "22 staff.", "")


async def test_a_change_writes_what_its_person_changed_and_nothing_else(crew: Crew, browse: Browse, http: Http) -> None:
    """Two people change different things at once: neither takes the other's back."""
    page, handoff = await escalated(http, crew)
    junior = await browse(crew.technician)
    await junior.get(page)
    meanwhile = await http(crew.engineer).patch(f"{API}/handoffs/{handoff}", json={"priority": "urgent"})
    assert meanwhile.status_code == 200
    assert await change(junior, page, SHOWN, need="Somebody with firewall access.") == 303
    now = (await http(crew.engineer).get(f"{API}/handoffs/{handoff}")).json()
    assert (now["priority"], now["need"], now["impact"]) == ("urgent", "Somebody with firewall access.", "22 staff.")


async def test_a_note_alone_is_a_change_and_stands_in_the_conversation(crew: Crew, browse: Browse, http: Http) -> None:
    """What happens while it waits (the customer called again) had no place but the reason, which is sent already."""
    page, handoff = await escalated(http, crew)
    junior = await browse(crew.technician)
    await junior.get(page)
    assert await change(junior, page, SHOWN, note="The <b>clinic</b> has called again.") == 303
    await junior.get(page)
    assert f"{crew.technician.name} added a note: “The &lt;b&gt;clinic&lt;/b&gt; has called again.”" in junior.page
    kinds = [one["kind"] for one in (await http(crew.engineer).get(f"{API}/handoffs/{handoff}")).json()["timeline"]]
    assert kinds == ["created", "noted"]
    assert await change(junior, page, SHOWN, note="x" * 501) == 422
    assert "x" * 501 in junior.page


async def test_a_change_that_is_refused_keeps_what_was_typed(crew: Crew, browse: Browse, http: Http) -> None:
    page, handoff = await escalated(http, crew)
    junior = await browse(crew.technician)
    await junior.get(page)
    assert await change(junior, page, SHOWN, priority="urgent", need="<b>", impact="") == 422
    assert "Say what you need, at least 5 characters." in junior.page
    assert "Urgent needs that." in junior.page
    assert ">&lt;b&gt;</textarea>" in junior.page
    assert 'value="urgent" aria-describedby="change-hint-urgent" checked' in junior.page
    assert (await http(crew.engineer).get(f"{API}/handoffs/{handoff}")).json()["priority"] == "normal"
    assert await change(junior, page, SHOWN, need="x" * 501) == 422
    assert "Use at most 500 characters." in junior.page


async def test_a_change_or_withdrawal_after_the_claim_says_who_has_it(crew: Crew, browse: Browse, http: Http) -> None:
    page, handoff = await escalated(http, crew)
    junior = await browse(crew.technician)
    await junior.get(page)
    assert (await http(crew.engineer).post(f"{API}/handoffs/{handoff}/claim")).status_code == 200
    assert await change(junior, page, SHOWN, priority="high") == 409
    assert "This hand-off is claimed." in junior.page
    assert f"Claimed by {crew.engineer.name}" in junior.page
    answer = await junior.post(f"{page}/withdraw", note="Found it.")
    assert answer.status_code == 409
    assert f"Already claimed by {crew.engineer.name}" in answer.text


async def test_a_hand_back_without_a_reason_stays_where_it_was_typed(crew: Crew, browse: Browse, http: Http) -> None:
    page, handoff = await escalated(http, crew)
    senior = await browse(crew.engineer)
    await http(crew.engineer).post(f"{API}/handoffs/{handoff}/claim")
    await senior.get(page)
    refused = await senior.post(f"{page}/handback", note="no")
    assert refused.status_code == 422
    assert "Say why, at least 5 characters." in refused.text
    assert ">no</textarea>" in refused.text


async def test_the_policy_is_said_in_words_before_somebody_escalates(crew: Crew, browse: Browse, http: Http) -> None:
    made = await http(crew.technician).post(f"{API}/ai-sessions", json={"title": "VPN", "problem": "Hourly."})
    junior = await browse(crew.technician)
    page = f"/pilot/{made.json()['id']}?dialog=escalate"
    shown = (await junior.get(page)).text
    assert "High: everyone at once, again after 5 min, then Olga Owner after 15 min." in shown
    policy = {
        "steps": [{"who": "admins", "minutes": {"urgent": 1, "high": 7, "normal": None, "low": 120}}],
        "target_first_minutes": 3,
    }
    changed = await http(crew.owner).patch(f"{API}/account/settings", json={"escalation_policy": policy})
    assert changed.status_code == 200
    shown = (await junior.get(page)).text
    assert "High: everyone at once, then the administrators after 7 min." in shown
    assert "Normal: everyone at once, again after 60 min." in shown
    assert "Low: everyone at once, then the administrators after 2 h." in shown
    assert 'data-target-first="3"' in shown


async def test_the_link_of_an_e_mail_survives_the_sign_in_and_claims_nothing(
    crew: Crew, browse: Browse, http: Http
) -> None:
    _, handoff = await escalated(http, crew)
    stranger = await browse()
    asked = await stranger.get(f"/escalations?handoff={handoff}")
    assert asked.headers["location"] == f"/sign-in?next=%2Fescalations%3Fhandoff%3D{handoff}"
    there = await stranger.sign_in(crew.engineer, next=f"/escalations?handoff={handoff}")
    assert there.headers["location"] == f"/escalations?handoff={handoff}"
    opened = await stranger.get(f"/escalations?handoff={handoff}")
    assert opened.status_code == 200
    assert 'class="pn open" id="context"' in opened.text
    assert f'data-selected="{handoff}"' in opened.text
    assert (await http(crew.owner).get(f"{API}/handoffs/{handoff}")).json()["status"] == "pending"


@pytest.mark.parametrize("wanted", [UNKNOWN, "nonsense", "another account's"])
async def test_a_link_to_what_one_may_not_see_says_so_over_the_list(
    crew: Crew, people: People, browse: Browse, http: Http, wanted: str
) -> None:
    await escalated(http, crew)
    if wanted.startswith("another"):
        wanted = (await escalated(http, await people("Other MSP")))[1]
    senior = await browse(crew.engineer)
    answer = await senior.get(f"/escalations?handoff={wanted}")
    assert answer.status_code == 404
    assert "There is no such hand-off, or you may not see it." in answer.text
    assert 'data-testid="escalation-row"' in answer.text


async def test_administrators_see_what_is_wrong_with_telling_people_and_others_do_not(
    crew: Crew, browse: Browse
) -> None:
    """The shared test server has no mail server: whoever looks after it must be told, on the page they look at."""
    admin = (await (await browse(crew.admin)).get("/escalations")).text
    assert 'data-testid="alarm" data-kind="no_mail_server"' in admin
    assert "No mail server is set up" in admin
    for other in (crew.engineer, crew.technician):
        assert 'data-testid="alarm"' not in (await (await browse(other)).get("/escalations")).text
