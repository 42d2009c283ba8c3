"""A second factor: nobody is in by the password alone, no code counts twice, a lost phone locks nobody out for good."""

import re
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx
import pyotp
import pytest

from backend.db.engine import Database
from backend.identity.second_factor import FactorService, needed
from backend.sealed import Sealer
from tests.support.flow import Owner
from tests.support.pairing import Client
from tests.support.people import Crew, Member
from tests.support.server import Server
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]
HERE = "/account/security"


@pytest.fixture
async def crew(people: People) -> Crew:
    return await people()


@pytest.fixture
def owner(database_url: str) -> Owner:
    return Owner(database_url)


def secret_in(page: str) -> str:
    found = re.search(r'data-testid="factor-secret">([A-Z2-7 ]+)<', page)
    assert found, page
    return found[1].replace(" ", "")


def codes_in(page: str) -> list[str]:
    return re.findall(r"<li><code>([A-Z2-7-]{19})</code></li>", page)


def code_of(secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(int(time.time()) + 30 * steps)


async def switched_on(browser: Forms, who: Member) -> tuple[str, list[str]]:
    """The secret and the recovery codes of somebody who sets it up on the Security page."""
    await browser.sign_in(who)
    await browser.get(HERE)
    assert (await browser.post(f"{HERE}/factor")).status_code == 303
    secret = secret_in((await browser.get(HERE)).text)
    answer = await browser.post(f"{HERE}/factor/confirm", code=code_of(secret))
    assert answer.status_code == 200, answer.text
    codes = codes_in(answer.text)
    assert len(set(codes)) == 10
    return secret, codes


async def at_code(browser: Forms, who: Member, **fields: str) -> httpx.Response:
    """The answer to the right password of somebody with a second factor."""
    led = await browser.sign_in(who, **fields)
    assert (led.status_code, led.headers["location"].partition("?")[0]) == (303, "/sign-in/code")
    return await browser.get(led.headers["location"])


async def test_the_password_alone_reaches_nothing_but_the_page_for_the_code(
    crew: Crew, server: Server, owner: Owner
) -> None:
    async with Forms(server) as first, Forms(server) as browser:
        secret, _ = await switched_on(first, crew.engineer)
        assert "recovery codes are left" in (await first.get(HERE)).text
        assert secret not in first.page
        page = await at_code(browser, crew.engineer, next="/escalations")
        assert crew.engineer.email in page.text
        assert "factor-secret" not in page.text
        for path in ("/sessions", "/account/security", "/api/v1/me"):
            assert (await browser.http.get(path)).status_code in {303, 401}, path
        step = browser.http.cookies["fp_step"]
        for name in ("fp_session", "fp_browser"):
            stolen = await browser.http.get("/sessions", headers={"Cookie": f"{name}={step}"})
            assert stolen.status_code == 303, name
        wrong = await browser.post("/sign-in/code", code="000000")
        assert (wrong.status_code, "4 tries left" in wrong.text) == (401, True)
        done = await browser.post("/sign-in/code", code=code_of(secret, 1), next="/escalations")
        assert (done.status_code, done.headers["location"]) == (303, "/escalations")
        assert (await browser.get("/sessions")).status_code == 200
        await browser.post("/sign-out")
        browser.http.cookies.set("fp_step", step)
        again = await browser.http.post("/sign-in/code", data={"code": code_of(secret, 1)})
        assert (again.status_code, again.headers["location"]) == (303, "/sign-in"), "a finished sign-in is over"
    kept = str(await owner.fetch("SELECT * FROM second_factor, sign_in_step, recovery_code LIMIT 3"))
    assert secret not in kept
    assert step not in kept


async def test_a_code_counts_once_and_only_near_its_time(crew: Crew, server: Server, owner: Owner) -> None:
    async with Forms(server) as first, Forms(server) as one, Forms(server) as two:
        secret, _ = await switched_on(first, crew.engineer)
        await owner.fetch("UPDATE second_factor SET last_step = 0")
        await at_code(one, crew.engineer)
        await at_code(two, crew.engineer)
        for steps in (-3, 3):
            assert (await one.post("/sign-in/code", code=code_of(secret, steps))).status_code == 401
        now = code_of(secret)
        assert (await one.post("/sign-in/code", code=f" {now[:3]} {now[3:]} ")).status_code == 303
        assert (await two.post("/sign-in/code", code=now)).status_code == 401, "read over a shoulder, used again"


async def test_the_steps_around_now_count_and_are_judged_by_the_clock(database: Database, crew: Crew) -> None:
    at = 1_800_000_000.0
    factors = FactorService(database, Sealer("a key of the tests, long enough to be one"), clock=lambda: at)
    account, user = UUID(crew.account_id), UUID(crew.viewer.id)
    async with database.tenant(account) as tx:
        await factors.prepare(tx, account, user)
        setup = await factors.setup_of(tx, account, user, crew.viewer.email)
        assert setup is not None
        totp = pyotp.parse_uri(setup.uri)
        assert isinstance(totp, pyotp.TOTP)
        assert (totp.issuer, totp.name) == ("FlowPilot", crew.viewer.email)
        assert await factors.check(tx, account, user, totp.at(int(at))) is None, "not before it is confirmed"
        assert await factors.confirm_in(tx, account, user, "V", totp.at(int(at) - 60)) is None
        assert await factors.confirm_in(tx, account, user, "V", totp.at(int(at) - 30))
        assert await factors.check(tx, account, user, totp.at(int(at) - 30)) is None
        assert await factors.check(tx, account, user, totp.at(int(at) + 30)) == "app"
        assert await factors.check(tx, account, user, totp.at(int(at))) is None, "none before the newest used counts"


async def test_a_thousand_guesses_meet_a_pause(crew: Crew, server: Server, owner: Owner) -> None:
    async with Forms(server) as first, Forms(server) as browser:
        secret, _ = await switched_on(first, crew.engineer)
        await at_code(browser, crew.engineer)
        codes = [(await browser.post("/sign-in/code", code=f"{n:06}")).status_code for n in range(6)]
        assert codes == [401] * 4 + [429] * 2
        assert (await browser.post("/sign-in/code", code=code_of(secret, 1))).status_code == 429
    await owner.fetch("DELETE FROM sign_in_tries")


async def test_a_recovery_code_signs_in_once_and_is_told(crew: Crew, server: Server, owner: Owner) -> None:
    async with Forms(server) as first, Forms(server) as one, Forms(server) as two:
        _, codes = await switched_on(first, crew.engineer)
        await at_code(one, crew.engineer)
        assert (await one.post("/sign-in/code", code=codes[3].lower())).status_code == 303
        await at_code(two, crew.engineer)
        assert (await two.post("/sign-in/code", code=codes[3])).status_code == 401
        assert "9 of 10" in (await one.get(HERE)).text
        fresh = codes_in((await one.post(f"{HERE}/factor/codes")).text)
        assert len(set(fresh) | set(codes)) == 20
        assert (await two.post("/sign-in/code", code=codes[4])).status_code == 401, "new ones end the former"
        assert (await two.post("/sign-in/code", code=fresh[0])).status_code == 303
    kinds = await owner.fetch("SELECT kind FROM security_notice ORDER BY created_at, id")
    assert [row[0] for row in kinds] == ["factor_on", "recovery_used", "recovery_used"]


async def test_an_account_that_asks_everybody_lets_nobody_in_without(crew: Crew, server: Server) -> None:
    async with Forms(server) as admin, Forms(server) as junior:
        await admin.sign_in(crew.admin)
        await admin.get("/admin/sign-in")
        assert (await admin.post("/admin/sign-in/second-factor", policy="nonsense")).status_code == 422
        assert (await admin.post("/admin/sign-in/second-factor", policy="all")).status_code == 303
        page = await at_code(junior, crew.technician, next="/escalations")
        assert "Set up a second factor" in page.text
        assert "<svg" in page.text
        assert "style=" not in page.text.split("<main")[1]
        secret = secret_in(page.text)
        assert secret_in((await junior.get("/sign-in/code")).text) == secret, "looking twice keeps what was scanned"
        async with Forms(server) as thief:
            theirs = secret_in((await at_code(thief, crew.technician)).text)
        assert theirs != secret, "who has the password too never sees what its person is about to switch on"
        assert (await junior.post("/sign-in/code", code=code_of(theirs))).status_code == 401
        done = await junior.post("/sign-in/code", code=code_of(secret), next="/escalations")
        assert len(codes_in(done.text)) == 10
        assert 'href="/escalations"' in done.text
        assert (await junior.get("/sessions")).status_code == 200
        await junior.get(HERE)
        assert "factor-off" not in junior.page
        assert (await junior.post(f"{HERE}/factor/off")).status_code == 422


def test_whom_a_policy_asks() -> None:
    roles = ("viewer", "technician", "engineer", "admin", "owner")
    assert [needed("optional", role) for role in roles] == [False] * 5
    assert [needed("admins", role) for role in roles] == [False] * 3 + [True] * 2
    assert [needed("all", role) for role in roles] == [True] * 5


async def test_a_computer_is_connected_only_after_both_steps(crew: Crew, server: Server) -> None:
    client = Client()
    async with Forms(server) as first, Forms(server) as browser:
        secret, _ = await switched_on(first, crew.engineer)
        asked = await browser.http.get("/oauth/authorize", params=client.request())
        assert asked.headers["location"].startswith("/sign-in?next=")
        await browser.get(asked.headers["location"])
        target = re.search(r'name="next" value="([^"]+)"', browser.page)
        assert target
        where = target[1].replace("&amp;", "&")
        page = await at_code(browser, crew.engineer, next=where)
        kept = re.search(r'name="next" value="([^"]+)"', page.text)
        assert kept
        assert kept[1].replace("&amp;", "&") == where
        assert (await browser.http.get(where)).status_code == 303
        done = await browser.post("/sign-in/code", code=code_of(secret, 1), next=where)
        assert "Connect this computer?" in (await browser.get(done.headers["location"])).text


async def test_a_link_for_a_new_password_does_not_stand_for_the_second_factor(
    crew: Crew, server: Server, owner: Owner
) -> None:
    async with Forms(server) as first, Forms(server) as admin, Forms(server) as thief:
        await switched_on(first, crew.engineer)
        await admin.sign_in(crew.admin)
        await admin.get("/admin/people")
        await admin.post(f"/admin/people/{crew.engineer.id}/password")
        link = re.search(r"/join#t=([\w-]{43})", (await admin.get("/admin/people")).text)
        assert link
        done = await thief.post("/join/accept", ticket=link[1], name="x", password="four quiet lanterns humming")
        assert (done.status_code, done.headers["location"]) == (303, "/sign-in/code")
        assert "fp_session" not in thief.http.cookies


async def test_signing_out_everywhere_ends_a_sign_in_that_waits_for_its_code(crew: Crew, server: Server) -> None:
    """A thief with the password and a code: whoever sees that and signs out everywhere must be rid of both halves."""
    async with Forms(server) as mine, Forms(server) as thief:
        secret, _ = await switched_on(mine, crew.engineer)
        await at_code(thief, crew.engineer)
        assert (await mine.post(f"{HERE}/end-everything")).status_code == 303
        late = await thief.post("/sign-in/code", code=code_of(secret, 1))
        assert (late.status_code, late.headers["location"]) == (303, "/sign-in")
        assert (await thief.http.get("/sessions")).status_code == 303


async def test_administrators_take_away_a_lost_factor_an_owners_only_owners(
    crew: Crew, server: Server, owner: Owner
) -> None:
    async with Forms(server) as boss, Forms(server) as senior, Forms(server) as admin:
        await switched_on(boss, crew.owner)
        await switched_on(senior, crew.engineer)
        await admin.sign_in(crew.admin)
        assert 'data-testid="person-factor"' in (await admin.get(f"/admin/people?person={crew.engineer.id}")).text
        assert (await admin.post(f"/admin/people/{crew.owner.id}/second-factor")).status_code == 403
        assert (await admin.post(f"/admin/people/{crew.engineer.id}/second-factor")).status_code == 303
        assert (await senior.post(f"/admin/people/{crew.engineer.id}/second-factor")).status_code == 403
        await senior.post("/sign-out")
        assert (await senior.sign_in(crew.engineer)).headers["location"] == "/sessions"
    written = await owner.fetch("SELECT action, target FROM audit_pending WHERE action LIKE 'people.factor%'")
    assert ("people.factor_reset", crew.engineer.name) in {tuple(row) for row in written}
