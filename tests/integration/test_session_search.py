"""The session list is searched by the beginnings of words, however many sessions there are."""

import re
from collections.abc import Awaitable, Callable

from tests.conftest import Http
from tests.support.flow import Owner, open_session
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]


async def titles(forms: Forms, words: str, show: str = "all") -> int:
    page = await forms.http.get("/sessions", params={"show": show, "q": words})
    return page.text.count('data-testid="session-row"')


async def test_words_are_found_in_title_customer_and_ticket(people: People, server: Server, http: Http) -> None:
    crew, theirs = await people("Ours"), await people("Theirs")
    await open_session(http(theirs.technician), "VPN of somebody else")
    junior = http(crew.technician)
    await open_session(
        junior, "VPN to Leeds-clinic drops", customer="Harlow Dental", ticket={"system": "psa", "id": "T-20418"}
    )
    await open_session(junior, "Ärger mit dem Plotter", customer="Müller & Söhne")
    async with Forms(server) as forms:
        await forms.sign_in(crew.technician)
        for words in ("vpn", "lee clin", "HARLOW", "dental vpn", "20418", "t-20418", "plot", "müll", "Söhne ärger"):
            assert await titles(forms, words) == 1, words
        for words in ("vpn plotter", "nothing", "'", "a & !b", "x:*", "\\"):
            assert await titles(forms, words) == 0, words
        assert "Nothing matches “nothing”." in (await forms.get("/sessions?q=nothing")).text


async def test_words_that_nearly_everything_holds_find_the_newest_first(
    people: People, server: Server, http: Http, database_url: str
) -> None:
    crew = await people()
    await open_session(http(crew.technician), "Printer number one")
    await Owner(database_url).fetch(
        "INSERT INTO ai_session (account_id, id, owner_id, title, problem, updated_at) SELECT account_id,"
        " gen_random_uuid(), owner_id, 'Printer ' || n || ' jams', 'p', now() - make_interval(mins => n)"
        " FROM ai_session, generate_series(1, 700) n"
    )
    async with Forms(server) as forms:
        await forms.sign_in(crew.technician)
        assert await titles(forms, "printer") == 50
        assert await titles(forms, "jams printer") == 50
        page = await forms.get("/sessions?q=printer")
        older = re.search(r'href="(\?show=mine&q=printer&cursor=[^"]+)"', page.text)
        assert older
        following = await forms.get(f"/sessions{older[1]}")
        assert following.text.count('data-testid="session-row"') == 50


async def test_a_changed_title_is_found_by_its_new_words(
    people: People, server: Server, http: Http, database_url: str
) -> None:
    crew = await people()
    await open_session(http(crew.technician), "Old words")
    await Owner(database_url).fetch("UPDATE ai_session SET title = 'Fresh words'")
    async with Forms(server) as forms:
        await forms.sign_in(crew.technician)
        assert await titles(forms, "fresh") == 1
        assert await titles(forms, "old") == 0
