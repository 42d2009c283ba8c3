"""Planted secrets, then a search: no token, password or other account's word stands where it should not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from tests.conftest import Http
from tests.support.flow import API, Owner, claimed, escalated
from tests.support.mail_server import MailServer
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]
PASSWORD: Final = "Kanarienvogel-Voliere-88"
SAID: Final = "Zwitschern-4711"


async def test_no_secret_and_no_strangers_word_stands_where_it_should_not(
    people: People, http: Http, serve_module: Callable[..., Server], database_url: str
) -> None:
    ours, theirs = await people("Northwind MSP"), await people("Contoso MSP")
    owner = Owner(database_url)
    with MailServer() as post:
        server = serve_module(FLOWPILOT_SMTP_URL=post.url, FLOWPILOT_MAIL_FROM="flowpilot@northwind.example")
        secrets = {PASSWORD, ours.technician.token, ours.engineer.token, ours.technician.password}
        junior, senior = http(ours.technician, at=server), http(ours.engineer, at=server)
        errors: list[str] = []
        async with Forms(server) as wrong, Forms(server) as admin:
            answer = await wrong.post("/sign-in", email=ours.technician.email, password=PASSWORD)
            errors.append(answer.text.replace(f'value="{ours.technician.email}"', ""))
            await admin.sign_in(ours.admin)
            errors += [one for one in admin.http.cookies.values() if one in server.logs]
            secrets |= {one for one in admin.http.cookies.values() if len(one) > 20}
            for path in ("/oauth/token", "/oauth/revoke"):
                errors.append((await junior.post(path, data={"token": PASSWORD, "code": PASSWORD})).text)
            for place in ("/ai-sessions/", "/handoffs/"):
                errors.append((await junior.get(f"{API}{place}nobodys?token={PASSWORD}")).text)
            errors.append((await junior.post(f"{API}/ai-sessions", json={"title": {"password": PASSWORD}})).text)
        handoff = await escalated(junior, "Printer", need=f"{SAID} and password: {PASSWORD}")
        won = await claimed(senior, handoff["id"])
        ticket = won["open_url"].partition("#t=")[2]
        assert ticket
        secrets.add(ticket)
        await escalated(junior, f"Waits {SAID}", target_user_id=ours.engineer.id)
        await asyncio.to_thread(post.wait_for, 1, timeout=60)
        mails = "".join(str(one.message) for one in post.received)
        everything = {"logs": server.logs, "error bodies": "".join(errors), "mails": mails}
        for where, text in everything.items():
            for secret in secrets:
                assert secret not in text, f"{secret[:6]}… stands in the {where}"
        assert SAID not in server.logs, "what people write is not logged"
        assert all(address.endswith("northwindmsp.example") for one in post.received for address in one.recipients)
        stored = await in_the_database(owner, secrets)
        assert not stored, f"in clear in {stored}"
        assert await in_the_database(owner, {SAID}), "the search finds what is there"
        seen = (await http(theirs.owner, at=server).get(f"{API}/events?after=0")).text
        assert SAID not in seen


async def in_the_database(owner: Owner, words: set[str]) -> list[str]:
    """The tables in which one of the words stands."""
    names = await owner.fetch(
        "SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
    )
    found = []
    for (name,) in names:
        rows = f"SELECT count(*) FROM {name} t WHERE position($1 in to_jsonb(t)::text) > 0"
        found += [name for word in words if await owner.value(rows, word)]
    return found


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", f"{API}/openapi.json"])
async def test_what_is_open_to_all_names_nobody(people: People, http: Http, path: str) -> None:
    crew = await people()
    await escalated(http(crew.technician), SAID)
    text = (await http().get(path)).text
    assert not [word for word in (SAID, "Northwind", crew.account_id, crew.technician.email) if word in text]
