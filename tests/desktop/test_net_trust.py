"""One trust and one proxy for requests and the stream: what the system trusts, and what the shop adds."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from desktop.core.ports import CertificateError, UnreachableError
from desktop.net import tls
from desktop.net.api import HttpApi
from desktop.net.oauth import AuthServer
from desktop.net.proxy import ProxyChoice
from desktop.net.session import Session
from desktop.net.socket import WebSocketConnector
from desktop.pairing import sign_in_error
from tests.desktop.rig import app_at, serving
from tests.support.http_proxy import WebProxy
from tests.support.tls_front import socks_proxy, tls_front

WITHIN_S = 30.0


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Northbeam IT")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def pem(authority: trustme.CA, folder: Path) -> Path:
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.mark.parametrize("added", ["by the CA file", "to the system's store"])
async def test_the_shops_own_authority_holds_for_requests_and_the_stream(
    added: str, authority: trustme.CA, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    path = pem(authority, tmp_path)
    if added == "to the system's store":
        environment.setenv("SSL_CERT_FILE", str(path))
    trust = tls.context(path if added == "by the CA file" else None)
    async with (
        serving() as server,
        tls_front(server.port, authority.issue_cert("127.0.0.1")) as port,
        app_at(f"https://127.0.0.1:{port}", "dana", verify=trust) as (seen, controller),
    ):
        await seen.until(lambda: seen.state() == "connected", WITHIN_S)
        handoff_id = server.escalate()
        await seen.until(lambda: handoff_id in seen.toasts, WITHIN_S)
        assert "requests" not in controller.vitals.connection, "the stream itself, not requests in its place"
        controller.claim(handoff_id, "toast")
        await seen.until(lambda: seen.opened, WITHIN_S)


def wrong(kind: str, authority: trustme.CA) -> trustme.LeafCert:
    match kind:
        case "unknown authority":
            return trustme.CA().issue_cert("127.0.0.1")
        case "another name":
            return authority.issue_cert("other.test")
        case _:
            return authority.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1))


@pytest.mark.parametrize("kind", ["unknown authority", "another name", "expired"])
async def test_a_wrong_certificate_is_refused_by_all_alike_and_said_with_its_reason(
    kind: str, authority: trustme.CA, tmp_path: Path
) -> None:
    trust = tls.context(pem(authority, tmp_path))
    async with serving() as server, tls_front(server.port, wrong(kind, authority)) as port:
        address = f"https://127.0.0.1:{port}"
        session = Session(address, "dana")
        api = HttpApi(session, trust)
        for refused in (
            api.me(),
            WebSocketConnector(session, trust).connect(),
            AuthServer(address, trust, "test").discover(),
        ):
            with pytest.raises(CertificateError) as why:
                await refused
            said = sign_in_error(why.value)
            assert said.startswith("The certificate could not be verified: ")
            assert len(said) > len("The certificate could not be verified: .")
        await api.close()
        assert server.requests == [], "nothing was sent"


def test_old_tls_is_not_spoken_and_certificates_are_always_verified() -> None:
    made = tls.context()
    assert made.minimum_version == ssl.TLSVersion.TLSv1_2
    assert made.verify_mode == ssl.CERT_REQUIRED
    assert made.check_hostname


def test_a_file_that_holds_no_authority_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("not a certificate")
    for path in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
        with pytest.raises(OSError):  # noqa: PT011 - the caller says which file
            tls.context(path)


async def test_the_systems_proxy_tunnels_requests_and_the_stream_with_the_shops_authority(
    authority: trustme.CA, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    trust = tls.context(pem(authority, tmp_path))
    async with (
        serving() as server,
        tls_front(server.port, authority.issue_cert("flow.test")) as port,
        WebProxy(f"http://127.0.0.1:{port}", "pass") as proxy,
    ):
        environment.setenv("https_proxy", proxy.url)
        async with app_at("https://flow.test", "dana", verify=trust) as (seen, controller):
            await seen.until(lambda: seen.state() == "connected", WITHIN_S)
            assert "requests" not in controller.vitals.connection
    assert set(proxy.asked) == {"CONNECT flow.test:443"}
    assert len(proxy.asked) >= 2, "one for requests, one for the stream"


@pytest.mark.parametrize("variable", ["all_proxy", "http_proxy"])
async def test_a_socks_proxy_as_desktops_write_it(variable: str, environment: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    async with serving() as server, socks_proxy(server.port, asked) as port:
        environment.setenv(variable, f"socks://127.0.0.1:{port}/")
        async with app_at("http://flow.test", "dana") as (seen, controller):
            await seen.until(lambda: seen.state() == "connected", WITHIN_S)
            assert "requests" not in controller.vitals.connection
    assert set(asked) == {"flow.test:80"}


@pytest.mark.parametrize("url", ["ftp://proxy:21", "http://", "http://[", "http://proxy:99999"])
async def test_a_proxy_that_nothing_here_speaks_is_said_and_ends_nothing(url: str) -> None:
    session = Session("https://flow.test", "dana", proxy=ProxyChoice("manual", url))
    api = HttpApi(session, tls.context())
    for refused in (
        api.me(),
        WebSocketConnector(session, tls.context()).connect(),
        AuthServer("https://flow.test", None, "test", lambda: session.proxy).discover(),
    ):
        with pytest.raises(UnreachableError, match="of no kind that can be used"):
            await refused
    await api.close()


async def test_another_proxy_is_gone_through_from_the_next_request_on() -> None:
    async with serving() as server, WebProxy(server.url) as first, WebProxy(server.url) as second:
        session = Session("http://flow.test", "dana", proxy=ProxyChoice("manual", first.url.removeprefix("http://")))
        api = HttpApi(session, None)
        await api.me()
        session.proxy = ProxyChoice("manual", second.url)
        await api.me()
        await api.close()
    assert (first.asked, second.asked) == (["GET /api/v1/me"], ["GET /api/v1/me"])


@pytest.mark.parametrize(
    ("choice", "server", "expected"),
    [
        (ProxyChoice(), "https://flow.test", "http://system:3128"),
        (ProxyChoice(), "http://flow.test", "socks5h://any:1080"),
        (ProxyChoice(), "https://local.flow.test", None),
        (ProxyChoice(), "https://127.0.0.1:8000", None),
        (ProxyChoice("none"), "https://flow.test", None),
        (ProxyChoice("manual"), "https://flow.test", None),
        (ProxyChoice("manual", "mine:8080"), "https://flow.test", "http://mine:8080"),
        (ProxyChoice("manual", "mine:8080"), "http://localhost", None),
    ],
)
def test_which_proxy_it_is(
    choice: ProxyChoice, server: str, expected: str | None, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("https_proxy", "http://system:3128")
    environment.setenv("all_proxy", "socks://any:1080")
    environment.setenv("no_proxy", "local.flow.test")
    assert choice.url_for(server) == expected
