"""Set-up codes: what a rolled-out computer learns by one, and that it opens nothing."""

import json
import re
import shlex
from collections.abc import Awaitable, Callable
from html import unescape

import pytest

from backend.web.install_lines import lines
from desktop.settings.schema import BY_NAME
from tests.conftest import Http
from tests.support.flow import Owner
from tests.support.pairing import Client, answered, approved, hidden, paired
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.setup_code import made
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]
LOOK_UP = "/.well-known/flowpilot/setup"


@pytest.fixture
async def crew(people: People) -> Crew:
    return await people()


async def test_a_code_names_its_account_until_it_is_revoked_and_both_are_in_the_log(
    server: Server, crew: Crew, http: Http
) -> None:
    code = await made(server, crew)
    stranger = http()
    for typed in (code, code.lower(), code.replace("-", "")):
        answer = await stranger.get(f"{LOOK_UP}/{typed}")
        assert (answer.status_code, answer.json()["account"]) == (200, "Northwind MSP")
        assert set(answer.json()) == {"account", "server"}, "a name and an address, nothing else"
    for wrong in ("AAAA-AAAA-AAAA", "x", "%00", "A" * 2_000):
        assert (await stranger.get(f"{LOOK_UP}/{wrong}")).status_code == 404, wrong
    assert (await http(code).get("/api/v1/me")).status_code == 401
    async with Forms(server) as admin:
        await admin.sign_in(crew.admin)
        page = (await admin.get("/admin/installers")).text
        row = re.search(r'action="(/admin/installers/codes/[^"]+/revoke)"', page)
        assert row is not None
        assert (await admin.post(row[1])).status_code == 303
        assert (await admin.post(row[1])).status_code == 404
        log = (await admin.get("/admin/audit?action=installer")).text
        assert "Made the set-up code Office" in log
        assert "Revoked the set-up code Office" in log
    assert (await stranger.get(f"{LOOK_UP}/{code}")).status_code == 404


async def test_codes_are_for_administrators_and_for_their_own_account(server: Server, people: People) -> None:
    crew, others = await people(), await people("Contoso IT")
    await made(server, crew)
    async with Forms(server) as senior, Forms(server) as other:
        await senior.sign_in(crew.engineer)
        await senior.get("/sessions")
        assert (await senior.post("/admin/installers/codes", label="Mine")).status_code == 403
        await other.sign_in(others.admin)
        page = (await other.get("/admin/installers")).text
        assert 'data-testid="setup-empty"' in page
        refused = await other.post("/admin/installers/codes", label=" ")
        assert (refused.status_code, 'data-testid="setup-error"' in refused.text) == (422, True)


async def test_a_computer_signs_in_by_its_code_and_is_counted(
    server: Server, crew: Crew, http: Http, database_url: str
) -> None:
    code = await made(server, crew)

    class Rolled(Client):
        def request(self, **changed: str) -> dict[str, str]:
            return super().request(**{"setup": code} | changed)

    await paired(server, crew.engineer, http(), Rolled())
    await paired(server, crew.technician, http())
    owner = Owner(database_url)
    assert await owner.value("SELECT count(*) FROM device d JOIN setup_code s ON s.id = d.setup_id") == 1
    async with Forms(server) as admin:
        await admin.sign_in(crew.admin)
        row = (await admin.get("/admin/installers")).text.split('data-testid="setup-row"')[1]
        assert '<td class="r num t2">1</td>' in row


async def test_a_computer_of_one_account_is_not_connected_to_another(
    server: Server, people: People, http: Http, database_url: str
) -> None:
    """Somebody with two employers presses Connect in the wrong browser: the computer would ring for the other shop."""
    crew, others = await people(), await people("Contoso IT")
    code = await made(server, crew)
    client = Client()
    async with Forms(server) as browser:
        await browser.sign_in(others.engineer)
        page = await browser.http.get("/oauth/authorize", params=client.request(setup=code))
        assert page.status_code == 409
        assert "set up for Northwind MSP, and you are signed in to Contoso IT" in unescape(page.text)
        assert 'data-testid="device-other"' in page.text
        consent = await browser.get("/oauth/authorize?" + str(page.request.url.query, "ascii").split("&setup=")[0])
        sent = await browser.post("/oauth/authorize", **hidden(consent.text) | {"setup": code}, decision="approve")
        assert sent.status_code == 409
        # A revoked code says nothing any more: the computer may be connected wherever its person belongs.
        assert answered(
            await browser.post(
                "/oauth/authorize",
                **hidden((await browser.get("/oauth/authorize?" + consent.request.url.query.decode())).text)
                | {"setup": "AAAA-AAAA-AAAA"},
                decision="approve",
            )
        )["code"]
    assert await Owner(database_url).value("SELECT count(*) FROM oauth_code") == 1
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        assert await approved(browser, client)


@pytest.mark.parametrize("name", ["FlowPilot-1.0.0.msi", "fp_1.0.0.deb", "fp-1.0.0.rpm", "fp 1.0.0.tar.xz", "fp.pkg"])
def test_the_commands_carry_server_and_code_and_are_read_by_a_shell_as_meant(name: str) -> None:
    """An administrator pastes them unread into five hundred computers."""
    server = "https://fp.example.com:8443/desk"
    for line in lines(name, server, "KQ7F-2MXR-9TWC"):
        words = shlex.split(line.command)
        assert name in " ".join(words)
        if "/x" not in words:
            assert server in line.command
            assert "KQ7F-2MXR-9TWC" in line.command
    assert "ACCOUNT" not in "".join(line.command for line in lines(name, server, "")).upper()


def test_the_linux_command_writes_defaults_that_the_app_takes() -> None:
    """Quotes that go wrong leave a computer that asks its user for the server."""
    command = lines("fp_1.0.0.deb", "https://fp.example.com", "KQ7F-2MXR-9TWC")[0].command
    words = shlex.split(command)
    told = json.loads(words[words.index("echo") + 1])
    assert {name: BY_NAME[name].accept(value) for name, value in told.items()} == {
        "server": "https://fp.example.com",
        "account": "KQ7F-2MXR-9TWC",
    }
