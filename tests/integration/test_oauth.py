"""Signing a computer in: who may say yes, what the code is worth, and what every wrong turn is answered with."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conftest import Http, StartServer
from tests.support.flow import API, Owner
from tests.support.pairing import REDIRECT, Client, answered, approved, hidden, paired, refreshing
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.stream import listening
from tests.support.web import Forms


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]]) -> Crew:
    return await people()


async def ask(browser: Forms, client: Client, **changed: str) -> httpx.Response:
    return browser._kept(await browser.http.get("/oauth/authorize", params=client.request(**changed)))


async def test_the_metadata_names_what_there_is_and_no_more(http: Http, server: Server) -> None:
    answer = await http().get("/.well-known/oauth-authorization-server")
    told = answer.json()
    assert told["issuer"] == server.url
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["authorization_response_iss_parameter_supported"] is True
    assert told["flowpilot_minimum_app_version"]
    assert {told[f"{name}_endpoint"] for name in ("authorization", "token", "revocation")} == {
        f"{server.url}/oauth/{name}" for name in ("authorize", "token", "revoke")
    }
    paths = (await http().get(f"{API}/openapi.json")).json()["paths"]
    assert {"/.well-known/oauth-authorization-server", "/oauth/token", "/oauth/revoke"} <= set(paths)


async def test_a_strange_host_header_does_not_become_the_issuer(start_server: StartServer) -> None:
    server = await start_server(FLOWPILOT_PUBLIC_URL="https://flow.example")
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        address = f"{server.url}/.well-known/oauth-authorization-server"
        for host, expected in (("evil.example", "https://flow.example"), (urlsplit(server.url).netloc, server.url)):
            told = (await client.get(address, headers={"Host": host})).json()
            assert told["issuer"] == expected


async def test_from_the_sign_in_page_to_a_working_device(http: Http, server: Server, crew: Crew) -> None:
    client = Client()
    async with Forms(server) as browser:
        led = await ask(browser, client)
        assert led.status_code == 303
        assert led.headers["location"].startswith("/sign-in?next=%2Foauth%2Fauthorize")
        await browser.get(led.headers["location"])
        back = await browser.post("/sign-in", **hidden(browser.page), **_who(crew))
        assert back.status_code == 303
        page = await browser.get(back.headers["location"])
        for words in (crew.engineer.name, "Northwind MSP", "DANA-LT-04, Windows 11", "Connect this computer?"):
            assert words in page.text
        assert "form-action 'self' http://127.0.0.1:49152;" in page.headers["content-security-policy"]
        answer = await browser.post("/oauth/authorize", **hidden(page.text), decision="approve")
    found = answered(answer)
    assert answer.headers["location"].startswith(f"{REDIRECT}?")
    assert (found["state"], found["iss"]) == (client.state, server.url)
    tokens = await http().post("/oauth/token", data=client.redemption(found["code"]))
    assert tokens.status_code == 200
    assert tokens.headers["cache-control"] == "no-store"
    granted = tokens.json()
    assert (granted["token_type"], granted["expires_in"]) == ("Bearer", 900)
    me = await http(granted["access_token"]).get(f"{API}/me")
    assert me.json()["user"]["id"] == crew.engineer.id
    assert (await http(granted["refresh_token"]).get(f"{API}/me")).status_code == 401


def _who(crew: Crew) -> dict[str, str]:
    return {"email": crew.engineer.email, "password": crew.engineer.password}


async def test_no_secret_stands_in_the_database(http: Http, server: Server, crew: Crew, database_url: str) -> None:
    client = Client()
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        code = await approved(browser, client)
        cookies = list(browser.http.cookies.jar)
    tokens = (await http().post("/oauth/token", data=client.redemption(code))).json()
    tables = ("device", "device_token", "oauth_code", "trusted_browser", "web_session")
    text = "".join([str([tuple(row) for row in await Owner(database_url).fetch(f"SELECT * FROM {t}")]) for t in tables])
    for secret in (code, client.verifier, tokens["access_token"], tokens["refresh_token"], *(c.value for c in cookies)):
        assert secret
        assert secret not in text


async def test_looking_at_the_page_does_nothing_and_no_is_told_to_the_app(
    http: Http, server: Server, crew: Crew, database_url: str
) -> None:
    owner, client = Owner(database_url), Client()
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        page = await ask(browser, client)
        await browser.http.head("/oauth/authorize", params=client.request())
        answer = await browser.post("/oauth/authorize", **hidden(page.text), decision="deny")
        assert answered(answer) == {"error": "access_denied", "state": client.state, "iss": server.url}
    assert await owner.value("SELECT count(*) FROM oauth_code") == 0


async def test_yes_needs_our_own_page_its_value_and_a_fresh_request(http: Http, server: Server, crew: Crew) -> None:
    client = Client()
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        fields = hidden((await ask(browser, client)).text)
        assert (
            await browser.post("/oauth/authorize", **{**fields, "csrf": "x"}, decision="approve")
        ).status_code == 403
        browser.origin = "https://evil.example"
        assert (await browser.post("/oauth/authorize", **fields, decision="approve")).status_code == 403
        browser.origin = server.url
        old = {**fields, "asked_at": str(int(fields["asked_at"]) - 301)}
        late = await browser.post("/oauth/authorize", **old, decision="approve")
        assert late.status_code == 410
        assert "That code has expired." in late.text
        assert 'data-testid="device-result"' in late.text
        for name, value in (("redirect_uri", "http://evil.example/callback"), ("client_id", "other")):
            bad = await browser.post("/oauth/authorize", **{**fields, name: value}, decision="approve")
            assert bad.status_code == 400, name
            assert "location" not in bad.headers
        assert "code" in answered(await browser.post("/oauth/authorize", **fields, decision="approve"))


async def test_a_request_with_a_wrong_address_is_a_page_and_never_a_redirect(server: Server, crew: Crew) -> None:
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        for changed in ({"redirect_uri": "http://localhost:49152/callback"}, {"client_id": "x"}, {"redirect_uri": ""}):
            page = await ask(browser, Client(), **changed)
            assert page.status_code == 400
            assert "location" not in page.headers
            assert "Nothing was signed in." in page.text
        told = answered(await ask(browser, Client(), code_challenge_method="plain"))
        assert told["error"] == "invalid_request"
        assert "state" not in answered(await ask(browser, Client(), state=""))


async def test_a_browser_let_in_by_a_ticket_must_give_the_password_before_it_connects_a_computer(
    http: Http, server: Server, crew: Crew, database_url: str
) -> None:
    """Else a stranger's link, followed once, would connect the victim's computer to the stranger's account."""
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        await Owner(database_url).fetch("UPDATE web_session SET proved = false")
        led = await ask(browser, Client())
        assert led.headers["location"].startswith("/sign-in?again=1&next=%2Foauth%2Fauthorize")
        assert 'data-testid="signin-password"' in (await browser.get(led.headers["location"])).text
        fields = Client().request() | {"asked_at": "99999999999", "decision": "approve"}
        await browser.get("/account/devices")
        assert (await browser.post("/oauth/authorize", **fields)).status_code == 403


async def test_a_code_is_worth_nothing_without_its_verifier_and_address(http: Http, server: Server, crew: Crew) -> None:
    client = Client()
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        code = await approved(browser, client)
    for changed, error in (
        ({"code_verifier": Client().verifier}, "invalid_grant"),
        ({"code_verifier": client.challenge}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:49153/callback"}, "invalid_grant"),
        ({"redirect_uri": ""}, "invalid_request"),
        ({"client_id": "other"}, "invalid_client"),
        ({"code": "x" * 43}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
    ):
        answer = await http().post("/oauth/token", data=client.redemption(code, **changed))
        assert (answer.status_code, answer.json()["error"]) == (400, error), changed
    assert (await http().post("/oauth/token", data=client.redemption(code))).status_code == 200


async def test_a_code_lives_for_a_minute(http: Http, server: Server, crew: Crew, database_url: str) -> None:
    client = Client()
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        code = await approved(browser, client)
    await Owner(database_url).fetch("UPDATE oauth_code SET expires_at = expires_at - interval '61 seconds'")
    answer = await http().post("/oauth/token", data=client.redemption(code))
    assert answer.json()["error"] == "invalid_grant"


async def test_a_code_used_twice_signs_the_device_out_but_not_for_a_stranger(
    http: Http, server: Server, crew: Crew
) -> None:
    client = Client()
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        code = await approved(browser, client)
    tokens = (await http().post("/oauth/token", data=client.redemption(code))).json()
    device = http(tokens["access_token"])
    stranger = await http().post("/oauth/token", data=client.redemption(code, code_verifier=Client().verifier))
    assert stranger.json()["error"] == "invalid_grant"
    assert (await device.get(f"{API}/me")).status_code == 200, "who saw the code in passing can end nothing"
    again = await http().post("/oauth/token", data=client.redemption(code))
    assert again.json()["error"] == "invalid_grant"
    assert (await device.get(f"{API}/me")).status_code == 401
    refused = await http().post("/oauth/token", data=refreshing(tokens["refresh_token"]))
    assert refused.json()["error"] == "invalid_grant"


async def test_of_two_hundred_redemptions_at_once_one_gets_tokens(
    http: Http, server: Server, crew: Crew, database_url: str
) -> None:
    client = Client()
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        code = await approved(browser, client)
    one = http()
    answers = await asyncio.gather(*(one.post("/oauth/token", data=client.redemption(code)) for _ in range(200)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 199}
    assert await Owner(database_url).value("SELECT count(*) FROM device") == 1


async def test_forms_that_are_none_are_refused_in_the_protocols_own_words(http: Http) -> None:
    client = http()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for content, headers in (
        (b'{"grant_type": "refresh_token"}', {"Content-Type": "application/json"}),
        (b"", form),
        (b"grant_type=refresh_token&grant_type=refresh_token&client_id=flowpilot-tray", form),
        (b"a=" + b"x" * 9_000, form),
        (b"a=1&" * 30, form),
        (b"client_id=flowpilot-tray&refresh_token=%ff%fe&grant_type=refresh_token", form),
        ("client_id=flowpilot-tray&grant_type=\u00e4".encode(), form),
    ):
        for path in ("/oauth/token", "/oauth/revoke"):
            answer = await client.post(path, content=content, headers=headers)
            assert answer.status_code == 400, content[:40]
            assert answer.json()["error"] in {"invalid_request", "invalid_client", "invalid_grant"}
    assert (await client.get("/oauth/token")).status_code == 405
    unknown = await client.post("/oauth/revoke", data={"token": "x", "client_id": "flowpilot-tray"})
    assert unknown.status_code == 200


async def test_nobody_connects_computers_without_end(http: Http, server: Server, crew: Crew) -> None:
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        for _ in range(20):
            await approved(browser, Client())
        page = await ask(browser, Client())
        answer = await browser.post("/oauth/authorize", **hidden(page.text), decision="approve")
        assert answer.status_code == 429
        assert "location" not in answer.headers
        assert "Too many computers were connected in the last hour." in answer.text


async def test_a_device_can_do_what_its_person_can(http: Http, server: Server, crew: Crew) -> None:
    tokens = await paired(server, crew.engineer, http())
    async with listening(server, tokens["access_token"]) as stream:
        await stream.resume(0)
        junior = http(crew.technician)
        session = (await junior.post(f"{API}/ai-sessions", json={"title": "VPN", "problem": "Drops"})).json()
        made = await junior.post(f"{API}/ai-sessions/{session['id']}/handoff", json={"reason": "No access"})
        event = await stream.event()
        assert event["data"]["handoff_id"] == made.json()["id"]
    answer = await http(tokens["access_token"]).post(f"{API}/handoffs/{made.json()['id']}/claim")
    assert answer.json()["outcome"] == "claimed"
    assert "/go#t=" in answer.json()["open_url"]
