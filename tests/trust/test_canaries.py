"""Planted secrets, then a search: no token, password or other account's word stands where it should not."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from backend import delivery
from tests.conftest import Http
from tests.integration.test_second_factor import switched_on
from tests.support.canaries import backed_up, in_the_database
from tests.support.flow import API, Owner, claimed, escalated
from tests.support.mail_server import MailServer
from tests.support.pairing import paired
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]
PASSWORD: Final = "Kanarienvogel-Voliere-88"
SAID: Final = "Zwitschern-4711"
ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
WRITTEN: Final = re.compile(r"_base\}(/[a-z/-]+)")
STANDING: Final = ("app_user", "invite", "web_session", "trusted_browser", "device", "second_factor", "handoff_opened")
"""What a link could change by being opened; the worker goes on with the rest meanwhile."""


@pytest.fixture(scope="module")
def mailing(serve_module: Callable[..., Server]) -> Iterator[tuple[Server, MailServer]]:
    with MailServer() as post:
        sender = "flowpilot@northwind.example"
        settings = {"FLOWPILOT_SMTP_URL": post.url, "FLOWPILOT_MAIL_FROM": sender, "FLOWPILOT_EMAIL_AFTER_S": "0"}
        yield serve_module(**settings), post


async def test_no_secret_and_no_strangers_word_stands_where_it_should_not(
    people: People, http: Http, mailing: tuple[Server, MailServer], database_url: str, tmp_path: Path
) -> None:
    ours, theirs = await people("Northwind MSP"), await people("Contoso MSP")
    owner = Owner(database_url)
    server, post = mailing
    post.clear()
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
    secrets |= await planted(server, ours, http)
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
    kept = await asyncio.to_thread(backed_up, database_url, tmp_path)
    assert SAID in kept, "the backup holds what is there"
    assert not [one[:8] for one in secrets if one in kept or one.encode().hex() in kept], "in clear in a backup"
    links = "".join(re.findall(r"https?://[^\s\"<>]+", mails))
    assert not [one[:8] for one in secrets if one in links], "in an address of a mail"
    seen = (await http(theirs.owner, at=server).get(f"{API}/events?after=0")).text
    assert SAID not in seen


async def planted(server: Server, crew: Crew, http: Http) -> set[str]:
    """Everything that is told to one person once, or given to be kept under seal: of each kind one that is in use."""
    admin = http(crew.admin, at=server)
    fields = {"url": "https://1.1.1.1", "client_id": "ours", "client_secret": "Kanarien-Halo-77"}
    made = await admin.post(f"{API}/account/psa-connectors", json={"system": "halo", "fields": fields})
    assert made.status_code == 201, made.text
    body = {"name": "Hook", "url": "https://1.1.1.1/"}
    hook = (await admin.post(f"{API}/account/webhooks", json=body)).json()
    await admin.patch(f"{API}/account/webhooks/{hook['id']}", json={"active": False})
    once = (await admin.post(f"{API}/secrets", json={"content": "Kanarien-einmal-99"})).json()
    assert "Kanarien" not in str(once)
    tokens = await paired(server, crew.second_engineer, http(at=server))
    async with Forms(server) as browser, Forms(server) as boss:
        totp, codes = await switched_on(browser, crew.second_engineer)
        await boss.sign_in(crew.owner)
        await boss.get("/account/security")
        told = await boss.post("/account/security/tokens", label="Script", level="read", days="30")
        await boss.get("/admin/sign-in")
        directory = await boss.post("/admin/sign-in/directory", label="Entra")
    found = {one for page in (told.text, directory.text) for one in re.findall(r">(fp[a-z]*_[\w-]{20,})<", page)}
    assert len(found) == 2, "a token of one's own and one of the directory"
    return {
        "Kanarien-Halo-77",
        "Kanarien-einmal-99",
        hook["secret"],
        tokens["access_token"],
        tokens["refresh_token"],
        totp,
        *codes,
        *found,
    }


async def test_a_link_in_a_mail_tells_and_changes_nothing_for_another_account(
    people: People, http: Http, mailing: tuple[Server, MailServer], database_url: str
) -> None:
    """Mails are forwarded. Each kind of link that the product writes into mails is opened as somebody else's owner."""
    server, post = mailing
    post.clear()
    ours, theirs = await people("Northwind MSP"), await people("Contoso MSP")
    owner = Owner(database_url)
    async with Forms(server) as admin, Forms(server) as guest, Forms(server) as stranger:
        await admin.sign_in(ours.admin)
        await admin.get("/admin/people")
        await admin.post("/admin/people/invite", email="nina@northwindmsp.example", name="Nina Nowak", role="viewer")
        await guest.post("/forgot", email=ours.viewer.email)
        await admin.get("/account/security")
        await admin.post("/account/security/tokens", label="Script", level="read", days="30")
        handoff = await escalated(http(ours.technician, at=server), SAID, need=SAID)
        await until_mailed(lambda: any(one.recipients == (ours.engineer.email,) for one in post.received))
        await claimed(http(ours.second_engineer, at=server), handoff["id"])
        folder = Path(delivery.__file__).parent
        written = {path.rstrip("/") for file in folder.glob("*.py") for path in WRITTEN.findall(file.read_text())}
        assert len(written) >= 5, "the source says which kinds there are"
        await until_mailed(
            lambda: (
                written
                <= {urlsplit(link).path.rstrip("/") for link in links_of(post)}
                | {urlsplit(link).path.rpartition("/")[0] for link in links_of(post)}
            )
        )
        links = links_of(post)
        await stranger.sign_in(theirs.owner)
        await stranger.get("/sessions")
        for link in sorted(links):
            where = urlsplit(link)
            before = await standing(owner)
            answer = await stranger.get(f"{where.path}?{where.query}")
            nobodys = await stranger.http.get(ID.sub(str(uuid4()), f"{where.path}?{where.query}"))
            assert answer.status_code == nobodys.status_code, f"{where.path} answers otherwise than one that nobody has"
            if ID.search(link) and "?" not in link:
                assert answer.status_code == 404, link
            assert not [word for word in (SAID, "Northwind", "Nina Nowak") if word in answer.text], where.path
            if where.fragment:
                asked = await stranger.post(where.path, ticket=where.fragment.removeprefix("t="))
                assert "set-cookie" not in asked.headers, "nothing signs anybody in without a press"
            assert await standing(owner) == before, f"{where.path} changes something"
        assert (await stranger.get("/sessions")).status_code == 200, "the own sign-in stays"


async def standing(owner: Owner) -> tuple[dict[str, str], str]:
    """Who is who and signed in where, and how the hand-offs stand."""
    sums = await owner.checksum()
    handoffs = await owner.fetch("SELECT id, status, claimed_by FROM handoff ORDER BY id")
    return {name: sums[name] for name in STANDING}, str(handoffs)


def links_of(post: MailServer) -> set[str]:
    """The addresses in all mails so far, those behind buttons too."""
    parts = [part for one in post.received for part in one.message.walk() if not part.is_multipart()]
    texts = [part.get_content() for part in parts if part.get_content_maintype() == "text"]
    return {unescape(link) for text in texts for link in re.findall(r"http://[^\s>)\"]+", text)}


async def until_mailed(there: Callable[[], bool]) -> None:
    """Until the mails hold what is waited for; the mail server runs beside us."""
    async with asyncio.timeout(60):
        while not there():  # noqa: ASYNC110 - a thread receives them
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", f"{API}/openapi.json"])
async def test_what_is_open_to_all_names_nobody(people: People, http: Http, path: str) -> None:
    crew = await people()
    await escalated(http(crew.technician), SAID)
    text = (await http().get(path)).text
    assert not [word for word in (SAID, "Northwind", crew.account_id, crew.technician.email) if word in text]
