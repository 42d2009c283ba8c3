"""Single sign-on against an OpenID provider that others wrote: who comes in, who does not, and as whom."""

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pyotp
import pytest
from oidc_provider_mock import User, run_server_in_thread

from backend.db.engine import Database
from backend.domain.refusal import Refusal
from backend.identity.domains import confirm_domain
from tests.support.flow import Owner
from tests.support.people import Crew
from tests.support.pkce import Pkce
from tests.support.server import Server
from tests.support.web import Forms

# What the provider's own libraries are to change is no affair of ours.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
People = Callable[..., Awaitable[Crew]]
HERE = "/admin/sign-in"
DOMAIN = "northwindmsp.example"


def person(subject: str, email: str, *, verified: Any = True, **claims: Any) -> User:
    return User(sub=subject, claims={"email": email, "email_verified": verified, "name": "Nora New", **claims})


USERS = (
    person("erin", f"engineer@{DOMAIN}"),
    person("nora", f"nora@{DOMAIN}", roles=["FlowPilot.Seniors", "Other"]),
    person("boss", f"owner@{DOMAIN}", roles=["FlowPilot.Desk"]),
    person("liar", f"owner@{DOMAIN}", verified=False),
    person("foreign", "owner@contoso.example"),
    person("strong", f"strong@{DOMAIN}", amr=["pwd", "mfa"]),
)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with run_server_in_thread(user_claims=USERS) as provider:
        provider.app = Pkce(provider.app)
        yield f"http://localhost:{provider.server_port}"


@pytest.fixture(scope="module")
def ours(serve_module: Callable[..., Server]) -> Server:
    return serve_module(FLOWPILOT_WEBHOOK_ALLOW_PRIVATE="on", FLOWPILOT_WORKER="off")


@pytest.fixture
async def crew(people: People, database: Database) -> Crew:
    made = await people()
    await confirm_domain(database, UUID(made.account_id), DOMAIN)
    return made


@dataclass(slots=True)
class Way:
    """What the browser is told on its way to the provider."""

    address: str

    @property
    def asked(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.address).query).items()}


async def set_up(browser: Forms, crew: Crew, issuer: str, **changes: str) -> httpx.Response:
    await browser.sign_in(crew.owner)
    await browser.get(HERE)
    form = {
        "issuer": issuer,
        "client_id": "flowpilot",
        "client_secret": "a secret of the provider",
        "role_claim": "roles",
        "role_map": "FlowPilot.Seniors = engineer\nFlowPilot.Desk = technician",
        "default_role": "viewer",
        "active": "1",
        "password_sign_in": "everyone",
    }
    return await browser.post(f"{HERE}/sso", **{**form, **changes})


async def set_out(browser: Forms, email: str, target: str = "") -> Way:
    page = await browser.post("/sign-in/sso", email=email, **({"next": target} if target else {}))
    assert page.status_code == 200, page.text
    found = re.search(r'href="([^"]+)" rel="noreferrer" data-testid="sso-continue"', page.text)
    assert found, page.text
    return Way(unescape(found[1]))


def agreed(way: Way, subject: str) -> str:
    """The provider's answer for whoever signs in there: the address on our server, with the code."""
    with closing(httpx.Client(trust_env=False, timeout=30)) as there:
        answer = there.post(way.address, data={"sub": subject})
    assert answer.status_code in {302, 303}, answer.text
    parts = urlsplit(answer.headers["location"])
    return f"{parts.path}?{parts.query}"


async def come(browser: Forms, subject: str, email: str, target: str = "") -> httpx.Response:
    return await browser.get(agreed(await set_out(browser, email, target), subject))


def role_of(page: str) -> str:
    found = re.search(r'data-role="(\w+)"', page)
    assert found, page
    return found[1]


async def test_somebody_who_is_here_comes_in_and_is_known_by_the_subject_from_then_on(
    crew: Crew, ours: Server, issuer: str, database_url: str
) -> None:
    owner = Owner(database_url)
    async with Forms(ours) as boss, Forms(ours) as browser:
        saved = await set_up(boss, crew, issuer)
        assert saved.status_code == 303, saved.text
        assert "a secret of the provider" not in (await boss.get(HERE)).text
        tries = "SELECT coalesce(sum(count), 0) FROM sign_in_tries"
        before = await owner.value(tries)
        way = await set_out(browser, crew.engineer.email, "/escalations")
        asked = way.asked
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["nonce"]) == len(asked["code_challenge"]) == len(asked["state"]) == 43
        assert asked["redirect_uri"] == f"{ours.url}/sign-in/sso/callback"
        done = await browser.get(agreed(way, "erin"))
        assert (done.status_code, done.headers["location"]) == (303, "/escalations")
        assert await owner.value(tries) == before, "an office that comes in the morning runs into no pause"
        assert crew.engineer.name in (await browser.get("/sessions")).text
        assert "by single sign-on" in (await browser.get("/account/security")).text
        await owner.fetch(
            "UPDATE app_user SET email = 'renamed@elsewhere.example' WHERE id = $1::uuid", crew.engineer.id
        )
        await browser.post("/sign-out")
        assert (await come(browser, "erin", crew.engineer.email)).status_code == 303
        assert crew.engineer.name in (await browser.get("/sessions")).text
        kept = str(await owner.fetch("SELECT * FROM sso_connection, sso_attempt, sso_identity"))
        assert "a secret of the provider" not in kept
        assert asked["state"] not in kept
        await boss.get(HERE)
        assert (await boss.post(f"{HERE}/sso/remove")).status_code == 303
    written = {row[0] for row in await owner.fetch("SELECT action FROM audit_pending")}
    assert {"sso.changed", "sso.removed", "people.sso_linked", "sign_in.ok"} <= written


async def test_an_answer_counts_once_and_only_in_the_browser_that_set_out(
    crew: Crew, ours: Server, issuer: str
) -> None:
    """Otherwise a stranger's link would sign somebody in as the stranger."""
    async with Forms(ours) as boss, Forms(ours) as thief, Forms(ours) as victim:
        await set_up(boss, crew, issuer)
        back = agreed(await set_out(thief, crew.engineer.email), "erin")
        for other in (victim, boss):
            answer = await other.http.get(back)
            assert (answer.status_code, "fp_session" in answer.cookies) == (403, False)
        assert (await thief.get(back)).status_code == 303
        assert (await thief.get(back)).status_code == 403
        for nonsense in ("?state=x&code=y", "?code=y", "?state=%00&code=%00", "?error=access_denied&state=x", ""):
            assert (await thief.http.get(f"/sign-in/sso/callback{nonsense}")).status_code == 403, nonsense
        refused = agreed(await set_out(victim, crew.engineer.email), "erin")
        state = re.search(r"state=([^&]+)", refused)
        assert state
        said_no = await victim.get(f"/sign-in/sso/callback?state={state[1]}&error=access_denied")
        assert (said_no.status_code, "did not sign you in" in said_no.text) == (403, True)
        mixed = agreed(await set_out(victim, crew.engineer.email), "erin")
        assert (await victim.get(f"{mixed}&iss=https%3A%2F%2Fevil.example")).status_code == 403


async def test_a_code_is_worth_nothing_without_the_verifier_or_with_another_nonce(
    crew: Crew, ours: Server, issuer: str
) -> None:
    """A stolen code, or a token of another sign-in, must let nobody in."""
    async with Forms(ours) as boss, Forms(ours) as browser:
        await set_up(boss, crew, issuer)
        for name, other in (("code_challenge", "A" * 43), ("nonce", "B" * 43), ("code_challenge_method", "plain")):
            way = await set_out(browser, crew.engineer.email)
            changed = Way(way.address.replace(f"{name}={way.asked[name]}", f"{name}={other}"))
            assert changed.address != way.address
            answer = await browser.get(agreed(changed, "erin"))
            assert (answer.status_code, "fp_session" in answer.cookies) == (403, False), name
        assert (await come(browser, "erin", crew.engineer.email)).status_code == 303, "as it was asked for, it holds"


async def test_an_address_alone_makes_nobody_somebody_else(
    crew: Crew, ours: Server, issuer: str, database_url: str
) -> None:
    async with Forms(ours) as boss, Forms(ours) as browser:
        await set_up(boss, crew, issuer)
        for subject in ("liar", "foreign"):
            answer = await come(browser, subject, crew.owner.email)
            assert (answer.status_code, "not in this account yet" in answer.text) == (403, True), subject
        assert "fp_session" not in browser.http.cookies
    owner = Owner(database_url)
    assert await owner.value("SELECT count(*) FROM sso_identity") == 0
    written = "SELECT count(*) FROM audit_pending WHERE action = 'sign_in.sso_refused'"
    assert await owner.value(written) == 2


async def test_newcomers_get_the_role_that_the_provider_says_or_stay_out(crew: Crew, ours: Server, issuer: str) -> None:
    async with Forms(ours) as boss, Forms(ours) as browser:
        await set_up(boss, crew, issuer, role_map="", default_role="")
        assert (await come(browser, "nora", f"nora@{DOMAIN}")).status_code == 403
        await set_up(boss, crew, issuer)
        assert (await come(browser, "nora", f"nora@{DOMAIN}")).status_code == 303
        assert role_of((await browser.get("/sessions")).text) == "engineer"
        await browser.post("/sign-out")
        await set_up(boss, crew, issuer, role_map="FlowPilot.Seniors = technician")
        assert (await come(browser, "nora", f"nora@{DOMAIN}")).status_code == 303
        assert role_of((await browser.get("/sessions")).text) == "technician", "the role follows the provider"
        await browser.post("/sign-out")
        assert (await come(browser, "boss", crew.owner.email)).status_code == 303
        assert role_of((await browser.get("/sessions")).text) == "owner", "owners stay owners"


async def test_only_owners_name_the_provider_and_a_kept_secret_goes_nowhere_else(
    crew: Crew, ours: Server, issuer: str
) -> None:
    async with Forms(ours) as boss, Forms(ours) as admin:
        for wrong in (
            {"issuer": "http://localhost:9"},
            {"role_map": "Seniors = owner"},
            {"role_map": "nonsense"},
            {"default_role": "owner"},
            {"client_secret": ""},
        ):
            answer = await set_up(boss, crew, **{"issuer": issuer, **wrong})
            assert answer.status_code == 422, wrong
            assert 'data-testid="sign-in-error"' in answer.text, wrong
        assert (await set_up(boss, crew, issuer)).status_code == 303
        assert (await set_up(boss, crew, issuer, client_secret="", default_role="technician")).status_code == 303
        await admin.sign_in(crew.admin)
        page = await admin.get(HERE)
        assert 'data-testid="sso-owners"' in page.text
        assert (await admin.post(f"{HERE}/sso", issuer=issuer)).status_code == 403
        assert (await admin.post(f"{HERE}/sso/remove")).status_code == 403
        assert (await boss.post(f"{HERE}/sso/remove")).status_code == 303
        assert (await admin.post("/sign-in/sso", email=crew.admin.email)).status_code == 422


async def test_with_single_sign_on_only_owners_keep_a_password_as_the_way_in(
    crew: Crew, ours: Server, issuer: str
) -> None:
    async with Forms(ours) as boss, Forms(ours) as other:
        assert (await set_up(boss, crew, issuer, password_sign_in="owners")).status_code == 303
        refused = await other.sign_in(crew.engineer)
        assert (refused.status_code, "by single sign-on" in refused.text) == (401, True)
        wrong = await other.post("/sign-in", email=crew.engineer.email, password="wrong")
        assert "single sign-on. Press" not in wrong.text, "a stranger does not learn how people sign in"
        assert (await other.sign_in(crew.owner)).status_code == 303


async def test_an_account_that_asks_for_a_second_factor_asks_here_too_unless_the_provider_has(
    crew: Crew, ours: Server, issuer: str
) -> None:
    async with Forms(ours) as boss, Forms(ours) as browser:
        await set_up(boss, crew, issuer)
        await boss.get(HERE)
        await boss.post(f"{HERE}/second-factor", policy="all")
        led = await come(browser, "erin", crew.engineer.email, "/escalations")
        assert (led.status_code, led.headers["location"]) == (303, "/sign-in/code?next=%2Fescalations")
        assert (await browser.http.get("/sessions")).status_code == 303
        secret = re.search(r'data-testid="factor-secret"[^>]*>([A-Z2-7 ]+)<', (await browser.get("/sign-in/code")).text)
        assert secret, browser.page
        done = await browser.post(
            "/sign-in/code", code=pyotp.TOTP(secret[1].replace(" ", "")).now(), next="/escalations"
        )
        assert done.status_code == 200, "the recovery codes, once"
        row = re.search(r'data-current="yes".*?</tr>', (await browser.get("/account/security")).text, re.DOTALL)
        assert row
        assert "by single sign-on" in row[0], "the second step is no sign-in by password"
        assert (await come(browser, "strong", f"strong@{DOMAIN}")).headers["location"] == "/sessions"
        await boss.get(HERE)
        await boss.post(f"{HERE}/second-factor", policy="optional")
        led = await come(browser, "erin", crew.engineer.email)
        assert led.headers["location"] == "/sign-in/code", "whoever has switched one on is asked for it this way too"


async def test_a_deactivated_person_does_not_come_back_by_the_provider(
    crew: Crew, ours: Server, issuer: str, database_url: str
) -> None:
    async with Forms(ours) as boss, Forms(ours) as browser:
        await set_up(boss, crew, issuer)
        assert (await come(browser, "erin", crew.engineer.email)).status_code == 303
        await Owner(database_url).fetch("UPDATE app_user SET active = false WHERE id = $1::uuid", crew.engineer.id)
        answer = await come(browser, "erin", crew.engineer.email)
        assert (answer.status_code, "deactivated" in answer.text) == (403, True)


async def test_a_provider_beside_the_server_is_never_asked(crew: Crew, server: Server, issuer: str) -> None:
    """Without the setting for closed networks an owner cannot make the server ask what stands behind it."""
    async with Forms(server) as boss:
        for address in (issuer, "https://localhost", "https://169.254.169.254", "file:///etc/passwd"):
            assert (await set_up(boss, crew, address)).status_code == 422, address


async def test_a_domain_is_one_accounts_and_the_operators_word(people: People, database: Database) -> None:
    one, other = await people("Northwind MSP"), await people("Contoso MSP")
    first, second = UUID(one.account_id), UUID(other.account_id)
    assert await confirm_domain(database, first, " @Northwind.EXAMPLE ") == "northwind.example"
    assert await confirm_domain(database, first, "northwind.example") == "northwind.example"
    for account, domain in (
        (second, "northwind.example"),
        (second, "gmail.com"),
        (second, "x"),
        (second, "a b.example"),
    ):
        with pytest.raises(Refusal):
            await confirm_domain(database, account, domain)


async def test_unknown_domains_lead_to_the_password(crew: Crew, ours: Server) -> None:
    async with Forms(ours) as browser:
        for email in ("x@nowhere.example", "no address", "x@\x00", ""):
            assert (await browser.post("/sign-in/sso", email=email)).status_code == 422, email
