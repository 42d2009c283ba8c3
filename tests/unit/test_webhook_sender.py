"""One POST: what the other side does, however odd, costs a bounded time and is said in one line."""

import asyncio
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address
from uuid import UUID, uuid4

import pytest
import trustme

from backend.webhooks.addresses import Address
from backend.webhooks.connection import verify
from backend.webhooks.resolver import SystemResolver, asking_for
from backend.webhooks.sender import Sender
from backend.webhooks.target import TargetRefusedError
from tests.support.receiver import Receiver, Reply

BODY = b'{"hello":"world"}'


class Names:
    """A name server that lies: each question takes the next answer, the last one stays."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> list[Address]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ip_address(one) for one in answer.split()]


def sender(resolve: Names | None = None, *, timeout_s: float = 5.0) -> Sender:
    return Sender(allow_private=True, resolve=resolve or Names("127.0.0.1"), timeout_s=timeout_s)


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]) -> Iterator[trustme.CA]:
    """A certificate authority that this process trusts for the length of a test."""
    ca = trustme.CA()
    with ca.cert_pem.tempfile(dir=str(tmp_path)) as path:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        verify.cache_clear()
        yield ca
    verify.cache_clear()


def tls_for(ca: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(context)
    return context


async def test_it_posts_what_it_is_given_under_the_hosts_name() -> None:
    async with Receiver() as receiver:
        answer = await sender().post(f"http://hooks.example.com:{receiver.port}/a?b=c", {"X-One": "1"}, BODY)
        (got,) = receiver.requests
    assert (answer.accepted, answer.status) == (True, 200)
    assert (got.path, got.body, got.headers["x-one"]) == ("/a?b=c", BODY, "1")
    assert got.headers["host"] == f"hooks.example.com:{receiver.port}"


async def test_a_name_that_changes_its_mind_after_the_check_is_refused_when_sending() -> None:
    """Rebinding: public when the webhook is made, loopback a moment later."""
    names = Names("93.184.215.14", "127.0.0.1")
    careful = Sender(allow_private=False, resolve=names)
    async with Receiver() as receiver:
        url = f"https://hooks.example.com:{receiver.port}/"
        await careful.check(url)
        answer = await careful.post(url, {}, BODY)
        assert receiver.requests == []
    assert (answer.status, answer.accepted) == (None, False)
    assert answer.error == "hooks.example.com leads to an address that is not on the public internet."
    with pytest.raises(TargetRefusedError):
        await careful.check(url)


async def test_the_connection_goes_to_the_vetted_address_and_asks_no_name_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between vetting and connecting nobody may look the name up a second time."""
    looked_up: list[object] = []
    real = socket.getaddrinfo

    def watched(host: object, *rest: object, **more: object) -> object:
        looked_up.append(host)
        return real(host, *rest, **more)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(socket, "getaddrinfo", watched)
    names = Names("127.0.0.1")
    async with Receiver() as receiver:
        assert (await sender(names).post(f"http://hooks.example.com:{receiver.port}/", {}, BODY)).accepted
    assert names.asked == ["hooks.example.com"]
    assert "hooks.example.com" not in looked_up


async def test_a_redirect_to_loopback_is_not_followed() -> None:
    async with Receiver() as inside, Receiver() as receiver:
        for status in (301, 302, 303, 307, 308):
            receiver.replies.append(Reply(status, headers=(("Location", inside.url),)))
            answer = await sender().post(receiver.url, {}, BODY)
            assert answer.error == f"Answered {status}: redirects are not followed"
        assert (inside.requests, len(receiver.requests)) == ([], 5)


async def test_a_certificate_is_checked_against_the_name_not_the_address(authority: trustme.CA) -> None:
    async with Receiver(tls_for(authority, "hooks.example.com")) as receiver:
        assert (await sender().post(f"https://hooks.example.com:{receiver.port}/", {}, BODY)).accepted
        answer = await sender().post(f"https://other.example.com:{receiver.port}/", {}, BODY)
        assert answer.error is not None
        assert answer.error.startswith("The certificate of other.example.com is not trusted")
        assert len(receiver.requests) == 1


async def test_an_unknown_authority_is_not_trusted() -> None:
    async with Receiver(tls_for(trustme.CA(), "hooks.example.com")) as receiver:
        answer = await sender().post(f"https://hooks.example.com:{receiver.port}/", {}, BODY)
        assert answer.error is not None
        assert "is not trusted" in answer.error
        assert receiver.requests == []


@pytest.mark.parametrize("reply", [Reply(hang=True), Reply(drip=0.05), Reply(204, drip=0.05)])
async def test_a_slow_answer_costs_no_more_than_the_time_allowed(reply: Reply) -> None:
    async with Receiver(always=reply) as receiver:
        began = time.monotonic()
        answer = await sender(timeout_s=0.3).post(receiver.url, {}, BODY)
        assert (answer.status, answer.error) == (None, "No answer within 0.3 s")
        assert time.monotonic() - began < 15


async def test_a_name_server_that_hangs_costs_no_more_than_the_time_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: let_go.wait(10) and [])
    slow = Sender(allow_private=False, resolve=SystemResolver(), timeout_s=0.2)
    try:
        answers = await asyncio.gather(*(slow.post("https://hooks.example.com/", {}, BODY) for _ in range(12)))
        assert {answer.error for answer in answers} == {"No answer within 0.2 s"}
        with pytest.raises(TargetRefusedError, match="cannot be found"):
            await slow.check("https://hooks.example.com/")
    finally:
        let_go.set()


async def test_one_accounts_hosts_whose_name_servers_hang_keep_no_other_accounts_from_being_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A look-up that was given up keeps its thread: whoever owns the name server could take them all, one by one."""
    let_go, ours, theirs = threading.Event(), uuid4(), uuid4()

    def look_up(host: str, *_: object, **__: object) -> list[object]:
        if host.startswith("hangs"):
            let_go.wait(10)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("203.0.113.7", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    resolve = SystemResolver()

    async def found(account_id: UUID, host: str, within: float) -> list[Address]:
        asking_for.set(account_id)
        async with asyncio.timeout(within):
            return await resolve(host, 443)

    try:
        storm = [asyncio.create_task(found(theirs, f"hangs{number}.example", 0.1)) for number in range(30)]
        gone = await asyncio.gather(*storm, return_exceptions=True)
        assert all(isinstance(one, TimeoutError) for one in gone)
        assert await asyncio.create_task(found(ours, "hooks.example.com", 5)) == [ip_address("203.0.113.7")]
    finally:
        let_go.set()


async def test_a_huge_answer_is_not_read_to_its_end() -> None:
    async with Receiver(always=Reply(500, endless=True)) as receiver:
        answer = await sender().post(receiver.url, {}, BODY)
        assert answer.status == 500
        assert answer.error == "Answered 500: ok" + "x" * 198
        assert receiver.written < 16 * 1024 * 1024, "only what the machine's own buffers took"
    async with Receiver(always=Reply(200, endless=True)) as receiver:
        assert (await sender().post(receiver.url, {}, BODY)).accepted


async def test_endless_headers_are_given_up() -> None:
    async with Receiver(always=Reply(raw=b"HTTP/1.1 200 OK\r\nX: " + b"y" * 2_000_000)) as receiver:
        assert (await sender().post(receiver.url, {}, BODY)).error == "localhost does not speak HTTP"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(400, b"invalid_payload"), "Answered 400: invalid_payload"),
        (Reply(404, b"no\r\n\x07 team \xff"), "Answered 404: no team �"),
        (Reply(500, b"<h1>", headers=(("Content-Type", "text/html"),)), "Answered 500"),
        (Reply(raw=b"SSH-2.0-OpenSSH_9.2\r\n"), "localhost does not speak HTTP"),
        (Reply(raw=b""), "localhost does not speak HTTP"),
    ],
)
async def test_what_came_back_is_said_in_one_line(reply: Reply, error: str) -> None:
    async with Receiver(always=reply) as receiver:
        assert (await sender().post(receiver.url, {}, BODY)).error == error


async def test_a_closed_port_and_a_name_without_an_address_are_told_apart() -> None:
    async with Receiver() as receiver:
        port = receiver.port
    assert (await sender().post(f"http://localhost:{port}/", {}, BODY)).error == (
        f"localhost does not take connections on port {port}"
    )
    answer = await Sender(allow_private=True).post("http://nowhere.invalid/", {}, BODY)
    assert answer.error == "nowhere.invalid cannot be found"


async def test_the_next_address_is_tried_when_the_first_takes_no_connection() -> None:
    async with Receiver() as receiver:
        names = Names("127.0.0.2 ::1 127.0.0.1")
        assert (await sender(names).post(f"http://hooks.example.com:{receiver.port}/", {}, BODY)).accepted


async def test_a_receiver_may_ask_for_a_longer_pause_within_bounds() -> None:
    async with Receiver() as receiver:
        for value, expected in (("120", 120.0), ("999999", 3600.0), ("Sun, 22 Nov 2026 10:00:00 GMT", None)):
            receiver.replies.append(Reply(429, headers=(("Retry-After", value),)))
            assert (await sender().post(receiver.url, {}, BODY)).retry_after_s == expected
