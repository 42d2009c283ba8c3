"""The escalation policy page: what is typed is what counts, or it is said why not."""

import re
from collections.abc import Awaitable, Callable
from html import unescape
from typing import Any

import pytest

from tests.conftest import Http
from tests.support.flow import API, Owner
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]
HERE = "/admin/policy"


@pytest.fixture
async def crew(people: People) -> Crew:
    return await people()


def fields(page: str) -> dict[str, list[str]]:
    """What a browser would send of the page's form: every field with its value, boxes that are ticked."""
    form = page[page.index('id="policy-form"') : page.index("</form>", page.index('id="policy-form"'))]
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ("checkbox" not in tag or " checked" in tag):
            found.setdefault(name[1], []).append(unescape(value[1]) if value else "")
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)"[^>]* selected', options)
        found.setdefault(name, []).append(chosen[1] if chosen else "")
    return found


async def send(forms: Forms, sent: dict[str, Any]) -> str:
    answer = await forms.http.post(HERE, data=sent, headers={"Origin": forms.origin})
    if answer.status_code == 303:
        return "saved"
    forms.page = answer.text
    return answer.text


async def opened(server: Server, crew: Crew, forms: Forms) -> dict[str, list[str]]:
    await forms.sign_in(crew.admin)
    return fields((await forms.get(HERE)).text)


async def kept(http: Http, crew: Crew) -> dict[str, Any]:
    policy: dict[str, Any] = (await http(crew.admin).get(f"{API}/account/settings")).json()["escalation_policy"]
    return policy


async def test_what_is_saved_unchanged_stays_the_same(crew: Crew, server: Server, http: Http) -> None:
    before = await kept(http, crew)
    async with Forms(server) as forms:
        assert await send(forms, await opened(server, crew, forms)) == "saved"
    assert await kept(http, crew) == before


async def test_every_part_of_the_form_reaches_the_policy(
    crew: Crew, server: Server, http: Http, database_url: str
) -> None:
    async with Forms(server) as forms:
        sent = await opened(server, crew, forms)
        sent["who"][1] = f"user:{crew.engineer.id}"
        sent["minutes_low"][1] = ""
        sent["repeat_high"] = ["30"]
        sent |= {"hours": ["1"], "day": ["mon", "sun"], "start": ["07:30"], "end": ["24:00"]}
        sent |= {"first": ["1"], "first_minutes": ["4"], "nudge": [""], "back": ["25"]}
        sent |= {"exclusive": ["1"], "exclusive_minutes": ["2"]}
        del sent["dnd"]
        assert await send(forms, sent) == "saved"
        log = unescape((await forms.get("/admin/audit?action=policy")).text)
    assert await Owner(database_url).value("SELECT count(*) FROM audit_entry WHERE action = $1", "policy.changed")
    policy = await kept(http, crew)
    assert policy["steps"][1]["user_id"] == crew.engineer.id
    assert policy["steps"][1]["minutes"]["low"] is None
    assert policy["repeat_minutes"]["high"] == 30
    assert policy["working_hours"] == {"days": ["mon", "sun"], "start": "07:30", "end": "24:00"}
    assert (policy["urgent_overrides_dnd"], policy["target_first_minutes"]) == (False, 4)
    assert policy["target_exclusive_minutes"] == 2
    assert (policy["idle_nudge_minutes"], policy["idle_return_minutes"]) == (None, 25)
    for words in ("step 3, low: 240 min to never", "repeat, high: 15 to 30 min", "step 3: the owner to a person"):
        assert words in log, words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"minutes_urgent": ["3", "2"]}, "Step 3, urgent: 2 min must be later than step 2 (3 min)."),
        ({"minutes_high": ["soon", "15"]}, "Step 2, high: give whole minutes from 1 to 10080, or nothing for never."),
        ({"repeat_low": [""]}, "Repeat, low: give whole minutes from 1 to 10080."),
        ({"hours": ["1"], "day": []}, "Choose at least one working day."),
        ({"hours": ["1"], "start": ["18:00"], "end": ["08:00"]}, "the end must be at least an hour after the start"),
        ({"first": ["1"], "first_minutes": ["11"]}, "The target alone: give whole minutes from 1 to 10."),
        ({"exclusive": ["1"], "exclusive_minutes": ["11"]}, "give whole minutes from 1 to 10."),
    ],
)
async def test_what_cannot_be_meant_is_said_and_nothing_is_saved(
    crew: Crew, server: Server, http: Http, change: dict[str, list[str]], words: str
) -> None:
    before = await kept(http, crew)
    async with Forms(server) as forms:
        page = unescape(await send(forms, await opened(server, crew, forms) | change))
        assert words in page
        assert 'data-testid="policy-error"' in page
        again = fields(page)
        assert {name: again.get(name, []) for name in change} == change, "what was typed is kept"
    assert await kept(http, crew) == before


async def test_steps_are_added_moved_and_removed_without_scripts(crew: Crew, server: Server, http: Http) -> None:
    async with Forms(server) as forms:
        sent = await opened(server, crew, forms)
        sent = fields(await send(forms, sent | {"do": "add"}))
        assert len(sent["who"]) == 3
        sent = fields(await send(forms, sent | {"do": "down:0"}))
        still = fields(await send(forms, sent | {"do": "down:²"}))
        assert still["who"] == sent["who"], "a place that is none moves nothing"
        assert sent["who"] == ["owner", "everyone", "everyone"]
        assert sent["minutes_high"] == ["5", "15", ""], "the minutes stay in their places"
        sent = fields(await send(forms, sent | {"do": "remove:2"}))
        assert await send(forms, sent | {"do": "save"}) == "saved"
    assert [step["who"] for step in (await kept(http, crew))["steps"]] == ["owner", "everyone"]


async def test_of_two_administrators_the_second_does_not_overwrite_the_first(
    crew: Crew, server: Server, http: Http
) -> None:
    async with Forms(server) as one, Forms(server) as two:
        first, second = await opened(server, crew, one), await opened(server, crew, two)
        assert await send(one, first | {"repeat_high": ["44"]}) == "saved"
        assert "Somebody else has changed the policy" in await send(two, second | {"repeat_high": ["55"]})
    assert (await kept(http, crew))["repeat_minutes"]["high"] == 44


async def test_trying_it_shows_who_is_told_and_changes_nothing(crew: Crew, server: Server, http: Http) -> None:
    before = await kept(http, crew)
    async with Forms(server) as forms:
        sent = await opened(server, crew, forms)
        page = unescape(await send(forms, sent | {"do": "answer", "priority": "urgent", "minutes_urgent": ["4", "7"]}))
    assert "Tess escalates at 10:00 today. Nobody is on a desktop." in page
    assert re.findall(r">(10:\d\d|then)<", page) == ["10:00", "10:04", "10:07", "then"]
    assert await kept(http, crew) == before
