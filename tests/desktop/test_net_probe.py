"""The connection test and the diagnostics: they tell the truth about each step, and nothing that is secret."""

import asyncio
import re
import ssl
from pathlib import Path

import pytest
import trustme

from desktop import diagnostics
from desktop.core.views import ProbeStep
from desktop.net.api import HttpApi
from desktop.net.fallback import FallbackConnector
from desktop.net.probe import NAMES, Probe, certificate_words
from desktop.net.proxy import SYSTEM, ProxyChoice
from desktop.net.session import Session
from desktop.net.socket import WebSocketConnector
from tests.desktop.rig import app, serving
from tests.support import settings_samples

TOKEN = "fppat_aVerySecretTokenOfDana0123456789"


async def probed(server: str, token: str, verify: ssl.SSLContext | None = None) -> list[tuple[ProbeStep, ...]]:
    session = Session(server, token)
    api = HttpApi(session, verify)
    try:
        connector = FallbackConnector(WebSocketConnector(session, verify), api)
        probe = Probe(server, api, connector, verify, SYSTEM)
        return [steps async for steps in probe.run()]
    finally:
        await api.close()


def states(steps: tuple[ProbeStep, ...]) -> list[tuple[str, str]]:
    return [(step.name, step.state) for step in steps]


async def test_each_step_is_shown_as_it_comes_with_its_time() -> None:
    async with serving() as server:
        server.escalate()
        told = await probed(server.url, "dana")
    last = told[-1]
    assert states(last) == [
        ("DNS", "good"),
        ("TLS", "left_out"),
        ("Sign-in", "good"),
        ("Live link", "good"),
        ("Push echo", "good"),
    ]
    assert all(step.words.endswith(" ms") for step in last if step.state == "good")
    assert last[2].words.startswith("Dana Reyes, Senior engineer, ")
    assert [each[-1].state for each in told[::2]] == ["running"] * 4, "each is announced before it is tried"


async def test_an_empty_log_has_no_echo_and_a_foreign_token_stops_at_the_sign_in() -> None:
    async with serving() as server:
        assert states((await probed(server.url, "dana"))[-1])[-1] == ("Push echo", "left_out")
        refused = (await probed(server.url, "nobody"))[-1]
    assert refused[2] == ProbeStep("Sign-in", "bad", "The server does not know this sign-in.")
    assert [step.state for step in refused[3:]] == ["left_out", "left_out"]
    assert [step.name for step in refused] == list(NAMES)


async def test_a_server_that_is_not_there_and_a_name_that_is_unknown_are_told_apart() -> None:
    async with serving() as server:
        url = server.url
    gone = (await probed(url, "dana"))[-1]
    assert [step.state for step in gone] == ["good", "left_out", "bad", "left_out", "left_out"]
    unknown = (await probed("http://no-such-host.invalid", "dana"))[-1]
    assert unknown[0] == ProbeStep("DNS", "bad", "The name is not known. Check the address, or your network.")


async def test_a_certificate_that_nobody_vouches_for_is_said_with_its_reason() -> None:
    import asyncio  # noqa: PLC0415 - this test's own little server

    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    listener = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context)
    port = listener.sockets[0].getsockname()[1]
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with listener:
        strange = (await probed(f"https://127.0.0.1:{port}", "dana", ssl.create_default_context()))[-1]
        known = (await probed(f"https://127.0.0.1:{port}", "dana", trusting))[-1]
    assert strange[1].state == "bad"
    assert strange[1].words.startswith("The certificate could not be verified: ")
    assert known[1].state == "good"
    assert "Issued by trustme" in known[1].words


def test_a_certificate_in_words() -> None:
    found = {"issuer": ((("commonName", "Northbeam CA"),),), "notAfter": "Nov  3 12:00:00 2027 GMT"}
    assert certificate_words(found) == "Issued by Northbeam CA, valid until 3 Nov 2027"
    assert certificate_words({}) == "Issued by an unnamed authority"


def test_a_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ProxyChoice("manual", "http://dana:geheim@proxy:3128").words("https://x") == "Set by hand: proxy:3128"
    monkeypatch.setenv("https_proxy", "http://u:p@corp:8080")
    assert SYSTEM.words("https://flow.example") == "From the system: corp:8080"
    monkeypatch.setenv("no_proxy", "flow.example")
    assert SYSTEM.words("https://flow.example") == "From the system: none"


async def test_what_is_copied_holds_no_token_no_customer_and_nothing_that_was_said(tmp_path: Path) -> None:
    store = settings_samples.store(tmp_path, {"proxy.url": "http://dana:geheim@proxy:3128"})
    async with serving() as server:
        server.users[TOKEN] = server.users["dana"]
        server.escalate("Payroll of Kestrel is down", priority="urgent")
        async with app(server, TOKEN) as (seen, controller):
            await seen.until(lambda: seen.toasts and seen.state() == "connected")
            controller.check_up()
            async with asyncio.timeout(30):
                while controller.vitals.round_trip_s is None:  # noqa: ASYNC110 - a plain value
                    await asyncio.sleep(0.01)
            rows = diagnostics.rows(controller, around(server.url))
            steps = (ProbeStep("Sign-in", "bad", f"401 for Bearer {TOKEN} at {server.url}/go#t=oneTimeTicket"),)
            text = diagnostics.text(rows, steps, store, controller)
    for secret in (TOKEN, "geheim", "oneTimeTicket", "Payroll", "Kestrel", "Harlow", "firewall", "Mina"):
        assert secret not in text, secret
    assert "Signed in as: Dana Reyes, Senior engineer" in text
    assert re.search(r"^Connection: Live for \d+ s, last heartbeat \d+ s ago, \d+ ms$", text, re.MULTILINE)
    assert re.search(r"^This device: .+, registered 3 Nov 2026$", text, re.MULTILINE)
    assert re.search(r"^Server: http://127.0.0.1:\d+, 1.0.0$", text, re.MULTILINE)
    assert "Delivery check: Last escalation shown " in text
    assert f"proxy.url            = http://…@proxy:3128  (policy: {tmp_path / 'policy.d' / 'it.json'})" in text


def around(server: str) -> diagnostics.Around:
    return diagnostics.Around(
        server=server,
        kept="In the system keyring",
        toasts="System service, buttons supported",
        sound="paplay",
        tray="Yes",
        proxy="None",
        qt="Qt 6",
        log="/home/dana/tray.log",
        profile="default",
    )


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("Authorization: Bearer abc.def-1", "Authorization: Bearer …"),
        ("see https://u:p@h/x?code=123&state=9 now", "see https://…@h/x?code=…&state=… now"),
        ("https://flow/go#t=secret", "https://flow/go#t=…"),
        ("fprt_abcDEF123", "…"),
        ("nothing here", "nothing here"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(given: str, left: str) -> None:
    assert diagnostics.redacted(given) == left
