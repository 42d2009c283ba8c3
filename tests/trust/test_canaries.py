"""Planted secrets, then a search: no token, password or other account's word stands where it should not."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from oidc_provider_mock import run_server_in_thread

from backend import delivery
from backend.db.engine import Database
from backend.identity.domains import confirm_domain
from backend.identity.invites import link_secret
from tests.conftest import Http
from tests.integration.test_second_factor import at_code, switched_on
from tests.integration.test_sso import DOMAIN, set_out, set_up
from tests.support.canaries import (
    NO_SECRETS,
    OF_THE_SERVER,
    SECRETS,
    backed_up,
    in_the_database,
    kept_secrets,
    not_in_use,
    secret_settings,
    standing_in,
)
from tests.support.flow import API, Owner, claimed, escalated
from tests.support.mail_server import MailServer
from tests.support.pairing import Client, approved, refreshing
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]
PASSWORD: Final = "Kanarienvogel-Voliere-88"
SAID: Final = "Zwitschern-4711"
TOKEN: Final = re.compile(r">(fp[a-z]*_[\w-]{20,})<")
ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
WRITTEN: Final = re.compile(r"_base\}(/[a-z/-]+)")
STANDING: Final = ("app_user", "invite", "web_session", "trusted_browser", "device", "second_factor", "handoff_opened")
"""What a link could change by being opened; the worker goes on with the rest meanwhile."""


@pytest.fixture(scope="module")
def mailing(serve_module: Callable[..., Server], worker_database_url: str) -> Iterator[tuple[Server, MailServer]]:
    """A server each of whose secret settings holds a canary; its bus and its model are away, which it writes about."""
    with MailServer(sign_in=("flowpilot", OF_THE_SERVER["smtp_url"])) as post:
        settings = {
            "FLOWPILOT_DATABASE_URL": worker_database_url.replace("@/", f":{OF_THE_SERVER['database_url']}@/", 1),
            "FLOWPILOT_SMTP_URL": post.url.replace("://", f"://flowpilot:{OF_THE_SERVER['smtp_url']}@"),
            "FLOWPILOT_EVENT_BUS": f"nats://flowpilot:{OF_THE_SERVER['event_bus']}@127.0.0.1:1",
            "FLOWPILOT_SECRET_KEY": OF_THE_SERVER["secret_key"],
            "FLOWPILOT_FORMER_SECRET_KEY": OF_THE_SERVER["former_secret_key"],
            "FLOWPILOT_LLM_BASE_URL": "http://127.0.0.1:1/v1",
            "FLOWPILOT_LLM_MODEL": "none",
            "FLOWPILOT_LLM_API_KEY": OF_THE_SERVER["llm_api_key"],
            "FLOWPILOT_MAIL_FROM": "flowpilot@northwind.example",
            "FLOWPILOT_EMAIL_AFTER_S": "0",
            "FLOWPILOT_WEBHOOK_ALLOW_PRIVATE": "on",
        }
        assert all(any(word in value for value in settings.values()) for word in OF_THE_SERVER.values())
        yield serve_module(**settings), post


async def test_each_secret_that_is_kept_has_a_canary(database_url: str) -> None:
    """A new column or setting with a secret fails here until the search below plants one of its kind."""
    known = {*SECRETS, *NO_SECRETS}
    assert len(known) == len(SECRETS) + len(NO_SECRETS)
    assert await kept_secrets(Owner(database_url)) == known, "enter it in tests/support/canaries.py"
    assert secret_settings() == set(OF_THE_SERVER), "enter it in tests/support/canaries.py"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the provider's own libraries
async def test_no_secret_and_no_strangers_word_stands_where_it_should_not(
    people: People,
    http: Http,
    mailing: tuple[Server, MailServer],
    database: Database,
    database_url: str,
    tmp_path: Path,
) -> None:
    ours, theirs = await people("Northwind MSP"), await people("Contoso MSP")
    owner = Owner(database_url)
    server, post = mailing
    post.clear()
    await confirm_domain(database, UUID(ours.account_id), DOMAIN)
    junior, senior = http(ours.technician, at=server), http(ours.engineer, at=server)
    errors: list[str] = []
    async with Forms(server) as wrong:
        answer = await wrong.post("/sign-in", email=ours.technician.email, password=PASSWORD)
        errors.append(answer.text.replace(f'value="{ours.technician.email}"', ""))
        given = {"token": PASSWORD, "code": PASSWORD}
        errors += [(await junior.post(path, data=given)).text for path in ("/oauth/token", "/oauth/revoke")]
        nobodys = [f"{API}/{place}/nobodys?token={PASSWORD}" for place in ("ai-sessions", "handoffs")]
        errors += [(await junior.get(path)).text for path in nobodys]
        errors.append((await junior.post(f"{API}/ai-sessions", json={"title": {"password": PASSWORD}})).text)
    secrets = await planted(server, ours, http, owner)
    handoff = await escalated(junior, "Printer", need=f"{SAID} and password: {PASSWORD}")
    won = await claimed(senior, handoff["id"])
    secrets["a password"] = {PASSWORD, ours.technician.password}
    secrets["a person's own token"] |= {ours.technician.token, ours.engineer.token}
    secrets["a ticket"] = {won["open_url"].partition("#t=")[2]}
    assert set(secrets) == set(SECRETS.values()), "one of each kind is planted"
    assert all(secrets.values())
    assert await not_in_use(owner, ours.account_id) == []
    await escalated(junior, f"Waits {SAID}", target_user_id=ours.engineer.id)
    await until_mailed(lambda: any(SAID in str(one.message) for one in post.received))
    told_by_mail = secrets.pop("the link of an invitation")
    # It is for whoever reads the mail, in the part of an address that browsers keep to themselves.
    await until_mailed(lambda: all(any(link.endswith(f"#t={one}") for link in links_of(post)) for one in told_by_mail))
    mails = "".join(str(one.message) for one in post.received) + "".join(texts_of(post))
    everything = {**secrets, "a setting of the server": set(OF_THE_SERVER.values())}
    for where, text in {"error bodies": "".join(errors), "mails": mails}.items():
        assert not standing_in(text, everything), f"in the {where}"
    everything["the link of an invitation"] = told_by_mail
    assert not standing_in(server.logs, everything), "in the logs"
    assert SAID not in server.logs, "what people write is not logged"
    assert all(address.endswith("northwindmsp.example") for one in post.received for address in one.recipients)
    stored = await in_the_database(owner, {one for ones in everything.values() for one in ones})
    assert not stored, f"in clear in {stored}"
    assert await in_the_database(owner, {SAID}), "the search finds what is there"
    kept = await asyncio.to_thread(backed_up, database_url, tmp_path)
    assert SAID in kept, "the backup holds what is there"
    assert not standing_in(kept, everything), "in clear in a backup"
    seen = (await http(theirs.owner, at=server).get(f"{API}/events?after=0")).text
    assert SAID not in seen


async def planted(server: Server, crew: Crew, http: Http, owner: Owner) -> dict[str, set[str]]:
    """Everything that is told to one person once, or given to be kept under seal: of each kind one that is in use."""
    admin, guest = http(crew.admin, at=server), http(at=server)
    fields = {"url": "https://1.1.1.1", "client_id": "ours", "client_secret": "Kanarien-Halo-77"}
    made = await admin.post(f"{API}/account/psa-connectors", json={"system": "halo", "fields": fields})
    assert made.status_code == 201, made.text
    body = {"name": "Hook", "url": "https://1.1.1.1/"}
    hook = (await admin.post(f"{API}/account/webhooks", json=body)).json()
    await admin.patch(f"{API}/account/webhooks/{hook['id']}", json={"active": False})
    once = (await admin.post(f"{API}/secrets", json={"content": "Kanarien-einmal-99"})).json()
    assert "Kanarien" not in str(once)
    one, cookies = Client(), dict[str, str]()
    async with Forms(server) as browser:
        await browser.sign_in(crew.second_engineer)
        code = await approved(browser, one)
        cookies |= dict(browser.http.cookies)
    tokens = (await guest.post("/oauth/token", data=one.redemption(code))).json()
    after = (await guest.post("/oauth/token", data=refreshing(tokens["refresh_token"]))).json()
    async with Forms(server) as browser, Forms(server) as boss, Forms(server) as half:
        totp, codes = await switched_on(browser, crew.second_engineer)
        await at_code(half, crew.second_engineer)
        cookies |= dict(half.http.cookies)
        with oidc() as issuer:
            saved = await set_up(boss, crew, issuer, client_secret="Kanarien-Anbieter-33")
            assert saved.status_code == 303, saved.text
            way = await set_out(half, crew.engineer.email)
        cookies |= dict(half.http.cookies)
        await boss.get("/account/security")
        told = await boss.post("/account/security/tokens", label="Script", level="read", days="30")
        await boss.get("/admin/sign-in")
        directory = await boss.post("/admin/sign-in/directory", label="Entra")
        await boss.get("/admin/people")
        await boss.post("/admin/people/invite", email=f"nina@{DOMAIN}", name="Nina Nowak", role="viewer")
    invited = await owner.value("SELECT id FROM invite WHERE account_id = $1::uuid", crew.account_id)
    return {
        "a PSA's password": {"Kanarien-Halo-77"},
        "a PSA's hook secret": {made.json()["hook_secret"]},
        "what is seen once": {"Kanarien-einmal-99"},
        "a webhook's secret": {hook["secret"]},
        "an app's code": {code},
        "an app's access token": {tokens["access_token"], after["access_token"]},
        "an app's refresh token": {tokens["refresh_token"]},
        "the refresh token after it": {after["refresh_token"]},
        "a second factor's seed": {totp},
        "a recovery code": set(codes),
        "a browser's sign-in": {cookies["fp_session"]},
        "a browser that is known": {cookies["fp_browser"]},
        "half a sign-in": {cookies["fp_step"]},
        "the browser that set out": {cookies["fp_sso"]},
        "the state of single sign-on": {way.asked["state"]},
        "a provider's client secret": {"Kanarien-Anbieter-33"},
        "a person's own token": set(re.findall(TOKEN, told.text)),
        "a directory's token": set(re.findall(TOKEN, directory.text)),
        "the link of an invitation": {link_secret(OF_THE_SERVER["secret_key"], invited, 1)},
    }


@contextmanager
def oidc() -> Iterator[str]:
    """An OpenID provider, by its address."""
    with run_server_in_thread() as provider:
        yield f"http://localhost:{provider.server_port}"


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
    return {unescape(link) for text in texts_of(post) for link in re.findall(r"http://[^\s>)\"]+", text)}


def texts_of(post: MailServer) -> list[str]:
    """Every text of the mails so far, as a mail program reads it."""
    parts = [part for one in post.received for part in one.message.walk() if not part.is_multipart()]
    return [part.get_content() for part in parts if part.get_content_maintype() == "text"]


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
