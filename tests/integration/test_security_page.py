"""People look after their own sign-ins: passwords that hold, a way back in by mail, an end to what they do not know."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator

import pytest

from backend.domain.refusal import Refusal
from backend.identity.passwords import checked_and_hashed, operators_and_hashed
from tests.conftest import Http
from tests.support.flow import API, Owner, escalated, refused
from tests.support.mail_server import MailServer
from tests.support.pairing import Client, approved
from tests.support.people import PASSWORD, Crew
from tests.support.server import Server
from tests.support.stream import listening
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]
HERE = "/account/security"
NEW = "four quiet lanterns humming"
AUDITED = "SELECT action FROM audit_pending UNION ALL SELECT action FROM audit_entry"


@pytest.fixture
async def crew(people: People) -> Crew:
    return await people()


@pytest.fixture(scope="module")
def post() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="module")
def mailing(serve_module: Callable[..., Server], post: MailServer) -> Server:
    return serve_module(FLOWPILOT_SMTP_URL=post.url, FLOWPILOT_MAIL_FROM="flowpilot@northwind.example")


async def letter(post: MailServer, count: int) -> str:
    """The text of the newest mail."""
    await asyncio.to_thread(post.wait_for, count, timeout=40)
    body = post.received[-1].message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def secret_in(text: str) -> str:
    found = re.search(r"/join#t=([\w-]{43})", text)
    assert found, text
    return found[1]


@pytest.mark.parametrize(
    "password",
    [
        "short words",
        "password1234",
        "Password1234!",
        "qwertyuiop12",
        "Summer2026!!!",
        "northwind2026",
        "Dana.Reyes2026",
        "a" * 40,
        "x" * 1_025,
    ],
)
async def test_what_guessers_try_first_is_no_password(password: str) -> None:
    with pytest.raises(Refusal) as no:
        await checked_and_hashed(password, ("dana.reyes@northwind.example", "Dana Reyes", "Northwind MSP"))
    assert no.value.code == "invalid_body"


@pytest.mark.parametrize(
    "password", [NEW, "vT9#kq2!LmZx", "ähre-flüstert-über-wiesen", "z9" + "kumquat-otter" * 5, " spaces count "]
)
async def test_long_ones_are_taken_whatever_they_are_made_of(password: str) -> None:
    kept = await checked_and_hashed(password, ("dana@northwind.example",))
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$"), "as slow to guess as OWASP asks"


async def test_an_operator_gives_any_password_of_eight_characters() -> None:
    assert await operators_and_hashed("owl-8-mi")
    assert await operators_and_hashed("Password1"), "the command line warns of it: a script's first password stands"
    with pytest.raises(Refusal):
        await operators_and_hashed("short")


async def test_a_forgotten_password_is_set_anew_by_mail_once(
    crew: Crew, mailing: Server, post: MailServer, http: Http, database_url: str
) -> None:
    post.clear()
    who, owner = crew.technician, Owner(database_url)
    async with Forms(mailing) as old, Forms(mailing) as guest, Forms(mailing) as late:
        await old.sign_in(who)
        assert "Forgot your password" in (await guest.get("/forgot")).text
        known = await guest.post("/forgot", email=who.email.upper())
        unknown = await guest.post("/forgot", email="nobody@northwind.example")
        said = [re.sub(r"<bdi.*?</bdi>", "", one.text).split("<main")[1] for one in (known, unknown)]
        assert (known.status_code, unknown.status_code) == (200, 200)
        assert said[0] == said[1], "the answer does not tell which addresses are known"
        text = await letter(post, 1)
        secret = secret_in(text)
        assert "Somebody asked for a new password" in text
        assert post.received[-1].recipients == (who.email,)
        # Asked again, the same link goes out: nobody ends somebody else's by asking.
        await guest.post("/forgot", email=who.email)
        assert secret_in(await letter(post, 2)) == secret
        for _ in range(2):
            assert (await guest.get("/join")).status_code == 200
        assert (await old.get("/sessions")).status_code == 200, "opening a link changes nothing"
        assert (
            "among those that guessers try first"
            in (await guest.post("/join/accept", ticket=secret, name="x", password="Password1234!")).text
        )
        done = await guest.post("/join/accept", ticket=secret, name="x", password=NEW)
        assert (done.status_code, done.headers["location"]) == (303, "/sessions")
        assert (await late.post("/join/accept", ticket=secret, name="x", password=NEW)).status_code == 403
        assert (await old.get("/sessions")).status_code == 303
        assert (await late.sign_in(who)).status_code == 401
        refused(await http(who).get(f"{API}/me"), 401, "unauthenticated")
        assert "was changed" in await letter(post, 3)
        assert post.received[-1].recipients == (who.email,)
    assert await owner.value("SELECT count(*) FROM password_request") == 0
    written = [row[0] for row in await owner.fetch(AUDITED)]
    assert {"people.password_asked", "people.password_set"} <= set(written)
    life = "SELECT extract(epoch FROM expires_at - created_at)::int / 60 FROM invite"
    assert 58 <= await owner.value(life) <= 60
    assert secret not in mailing.logs


async def test_the_link_leaves_computers_and_tokens_alone_where_the_person_says_so(
    crew: Crew, mailing: Server, post: MailServer, http: Http
) -> None:
    post.clear()
    async with Forms(mailing) as old, Forms(mailing) as guest:
        await old.sign_in(crew.engineer)
        await guest.post("/forgot", email=crew.engineer.email)
        secret = secret_in(await letter(post, 1))
        await guest.post("/join/accept", ticket=secret, name="x", password=NEW, keep="1")
        assert (await old.get("/sessions")).status_code == 303
    assert (await http(crew.engineer).get(f"{API}/me")).status_code == 200


async def test_nobody_is_mailed_without_end_and_unknown_addresses_pause_alike(
    crew: Crew, server: Server, serve_module: Callable[..., Server], mailing: Server, database_url: str
) -> None:
    for email in (crew.viewer.email, "nobody@nowhere.example"):
        async with Forms(mailing) as guest:
            codes = [(await guest.post("/forgot", email=email)).status_code for _ in range(6)]
        assert codes == [200] * 5 + [429], email
    async with Forms(server) as guest:
        assert "sends no e-mail" in (await guest.get("/forgot")).text
    await Owner(database_url).fetch("DELETE FROM sign_in_tries")


async def test_changing_the_own_password_ends_what_is_elsewhere(crew: Crew, server: Server, http: Http) -> None:
    who = crew.engineer
    async with Forms(server) as here, Forms(server) as there:
        await here.sign_in(who)
        await there.sign_in(who)
        page = await here.get(HERE)
        assert page.text.count('data-testid="browser-row"') == 2
        wrong = await here.post(f"{HERE}/password", current="not it", new=NEW)
        assert (wrong.status_code, "not your current password. 4 tries left" in wrong.text) == (401, True)
        weak = await here.post(f"{HERE}/password", current=who.password, new="Password1234!")
        assert (weak.status_code, "guessers" in weak.text) == (422, True)
        assert (await there.get(HERE)).status_code == 200, "a refused change ends nothing"
        done = await here.post(f"{HERE}/password", current=who.password, new=NEW)
        assert done.status_code == 303
        assert "Your password is changed" in (await here.get(done.headers["location"])).text
        assert (await there.get(HERE)).status_code == 303
        assert (await there.sign_in(who)).status_code == 401
        assert (await there.post("/sign-in", email=who.email, password=NEW)).status_code == 303
    refused(await http(who).get(f"{API}/me"), 401, "unauthenticated")


async def test_a_browser_signed_out_from_the_list_is_out_at_once_its_socket_too(crew: Crew, server: Server) -> None:
    who = crew.engineer
    async with Forms(server) as here, Forms(server) as there:
        there.http.headers["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0"
        await there.sign_in(who)
        await here.sign_in(who)
        assert "Firefox on Windows" in (await here.get(HERE)).text
        web = {"Cookie": f"fp_session={there.http.cookies['fp_session']}", "Origin": server.url}
        async with listening(server, headers=web) as socket:
            ended = re.search(rf'action="({HERE}/browsers/[\w-]+/end)"', here.page)
            assert ended
            assert (await here.post(ended[1])).status_code == 303
            assert (await socket.closed())[0] == 4401
        assert (await there.get("/sessions")).status_code == 303


async def test_signing_out_everywhere_leaves_this_browser_alone(crew: Crew, server: Server, http: Http) -> None:
    who = crew.technician
    async with Forms(server) as here, Forms(server) as there:
        await there.sign_in(who)
        thief = Client()
        code = await approved(there, thief)
        await here.sign_in(who)
        await here.get(HERE)
        assert (await here.post(f"{HERE}/end-everything")).status_code == 303
        late = await http().post("/oauth/token", data=thief.redemption(code))
        assert late.json().get("error") == "invalid_grant", "a computer that somebody was just connecting is out too"
        assert (await there.get("/sessions")).status_code == 303
        assert (await here.get(HERE)).text.count('data-testid="browser-row"') == 1
    refused(await http(who).get(f"{API}/me"), 401, "unauthenticated")


async def test_nobody_ends_what_is_anothers(crew: Crew, server: Server, database_url: str) -> None:
    async with Forms(server) as mine, Forms(server) as theirs:
        await theirs.sign_in(crew.owner)
        await mine.sign_in(crew.technician)
        await mine.get(HERE)
        owner = Owner(database_url)
        session = await owner.value("SELECT id FROM web_session WHERE user_id = $1::uuid", crew.owner.id)
        token = await owner.value("SELECT id FROM access_token WHERE user_id = $1::uuid", crew.owner.id)
        for path in (f"browsers/{session}/end", f"tokens/{token}/end", "browsers/nonsense/end"):
            assert (await mine.post(f"{HERE}/{path}")).status_code == 404, path
        assert (await theirs.get("/sessions")).status_code == 200


async def made(browser: Forms, level: str, days: str = "90") -> str:
    answer = await browser.post(f"{HERE}/tokens", label=f"For {level}", level=level, days=days)
    found = re.search(r'data-testid="token-value">(fpat_[\w-]+)<', answer.text)
    assert found, answer.text
    return found[1]


async def test_a_token_does_what_its_scope_says_and_no_more(
    crew: Crew, server: Server, http: Http, database_url: str
) -> None:
    handoff = await escalated(http(crew.technician))
    async with Forms(server) as browser:
        await browser.sign_in(crew.admin)
        await browser.get(HERE)
        read, work, admin = [await made(browser, level) for level in ("read", "work", "admin")]
        assert read not in (await browser.get(HERE)).text, "a token is shown once"
        assert (await browser.post(f"{HERE}/tokens", label="x", level="root", days="9")).status_code == 422
        assert (await browser.post(f"{HERE}/tokens", label="x", level="read", days="0")).status_code == 422
    settings, claim = f"{API}/account/settings", f"{API}/handoffs/{handoff['id']}/claim"
    zone = {"timezone": "Europe/London"}
    assert (await http(read).get(f"{API}/handoffs")).status_code == 200
    answer = refused(await http(read).post(claim), 403, "scope_required")
    assert answer["scope"] == "work"
    refused(await http(work).patch(settings, json=zone), 403, "scope_required")
    assert (await http(admin).patch(settings, json=zone)).status_code == 200
    won = (await http(work).post(claim)).json()
    assert won["open_url"] == won["session_url"], "a bounded token opens no browser session without bounds"
    days = "SELECT extract(day FROM expires_at - created_at)::int FROM access_token WHERE scopes IS NOT NULL"
    assert {row[0] for row in await Owner(database_url).fetch(days)} == {90}


async def test_an_ended_token_is_worth_nothing_and_its_socket_closes(crew: Crew, server: Server, http: Http) -> None:
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        await browser.get(HERE)
        token = await made(browser, "work")
        assert (await http(token).get(f"{API}/me")).status_code == 200
        async with listening(server, token) as socket:
            page = (await browser.get(HERE)).text
            row = next(one for one in page.split('data-testid="token-row"') if "For work" in one)
            ended = re.search(rf'action="({HERE}/tokens/[\w-]+/end)"', row)
            assert ended
            assert (await browser.post(ended[1])).status_code == 303
            assert (await socket.closed())[0] == 4401
        refused(await http(token).get(f"{API}/me"), 401, "unauthenticated")


async def test_tokens_are_made_by_whoever_has_just_signed_in(crew: Crew, server: Server, database_url: str) -> None:
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        await Owner(database_url).fetch("UPDATE web_session SET created_at = now() - interval '16 minutes'")
        page = await browser.get(HERE)
        assert ('data-testid="security-again"' in page.text, 'data-testid="token-create"' in page.text) == (True, False)
        old = browser.http.cookies["fp_session"]
        assert (await browser.post(f"{HERE}/tokens", label="x", level="read", days="9")).status_code == 403
        again = await browser.post("/sign-in", email=crew.engineer.email, password=PASSWORD, next=HERE)
        assert again.headers["location"] == HERE
        await browser.get(HERE)
        assert await made(browser, "read")
        browser.http.cookies.set("fp_session", old)
        assert (await browser.http.get(HERE)).status_code == 303, "the sign-in of before has ended"
