"""A real SMTP server that misbehaves on order and keeps what it was sent, with times.

In a test:

    with MailServer() as post:
        post.behave("greylist", times=2)
        ...
        post.wait_for(1)                     # or: await post.arrived(1)
        post.accepted[0].message["Subject"]

As a process of its own (`python -m tests.support.mail_server --mode ok`): the first line on standard output is
`{"port": N, "ca": PATH|null}`, then one line of JSON per message. A line on standard input changes the behaviour
(`greylist times=2`); the process ends with its standard input.
"""

import argparse
import asyncio
import contextlib
import email
import email.policy
import json
import logging
import ssl
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final, Literal, Self, get_args

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.mail_port import Port

Mode = Literal[
    "ok",
    "refuse",  # nobody listens on the port
    "tarpit_greeting",  # the connection stands, no greeting comes
    "tarpit_rcpt",  # no answer to RCPT
    "slow_354",  # no answer to DATA
    "slow_reply",  # the message is taken, its reply does not come
    "greylist",  # 451 the first `times` times of each recipient (default 1)
    "refuse_sender",  # 553 to MAIL
    "refuse_recipient",  # 550 to RCPT
    "refuse_message",  # 554 after the message
    "defer_message",  # 452 after the message
    "cut",  # the connection ends at MAIL
    "cut_before_354",  # the connection ends at DATA
    "cut_after_data",  # the connection ends when the message is complete, before its reply
    "garbage_reply",  # the message is taken, its reply is no SMTP
    "unavailable",  # 421 at EHLO
]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
HOST: Final = "127.0.0.1"
_TURN_S: Final = 60.0
"""How long its own thread may take to do as it is told, on a machine that may stand still for seconds."""


@dataclass(frozen=True, slots=True)
class Received:
    """One message that arrived whole. `at` is wall time, `monotonic` the system's steady clock, both in seconds."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    at: float
    monotonic: float
    replied: bool
    over_tls: bool
    user: str | None

    @property
    def message(self) -> EmailMessage:
        """The message as a mail client reads it."""
        parsed = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])


@dataclass(frozen=True, slots=True)
class Turned:
    """One recipient that was turned away."""

    recipient: str
    code: int
    at: float
    monotonic: float


@dataclass(frozen=True, slots=True)
class _Order:
    mode: Mode = "ok"
    times: int = 1
    delay_s: float | None = None
    only: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def stall(self) -> None:
        """Say nothing for `delay_s`, or until another behaviour is ordered."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.changed.wait(), self.delay_s)


class _Conversation(SMTP):
    """One client's conversation, bent to the order that holds at each moment."""

    def __init__(self, owner: "MailServer", **options: Any) -> None:
        super().__init__(owner, hostname="mail.test", ident="test", enable_SMTPUTF8=True, **options)
        self._owner = owner

    def cut(self) -> None:
        """End the connection without a word."""
        for transport in (self.transport, self._original_transport):
            if transport is not None:
                transport.abort()  # type: ignore[attr-defined]  # aiosmtpd names the base class

    async def ended(self) -> None:
        """Wait for the end of this conversation."""
        if self._handler_coroutine is not None:
            await asyncio.wait([self._handler_coroutine], timeout=2)

    async def _handle_client(self) -> None:
        self._owner.connections += 1
        if self._owner.order.mode == "tarpit_greeting":
            await self._owner.order.stall()
        # A client that is gone when the answer is pushed is what the misbehaviour is for.
        with contextlib.suppress(ConnectionError):
            await super()._handle_client()

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - the library's names
        if self._owner.order.mode == "unavailable":
            await self.push("421 4.3.2 Closing for maintenance")
            self._writer.close()
            return
        await super().smtp_EHLO(hostname)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if self._owner.order.mode == "slow_354":
            await self._owner.order.stall()
        if self._owner.order.mode == "cut_before_354":
            self.cut()
            return
        await super().smtp_DATA(arg)


async def _turns() -> None:
    """Let the loop see what has arrived on its sockets, and finish what that begins."""
    for _ in range(10):
        await asyncio.sleep(0)


class MailServer:
    """The server, in a thread of its own, from `start()` (or `with`) to `stop()`.

    `certificate` with `implicit=False` offers STARTTLS, with `implicit=True` it is SMTPS. `sign_in` makes
    (user, password) necessary.
    """

    def __init__(
        self,
        *,
        certificate: trustme.LeafCert | None = None,
        implicit: bool = False,
        sign_in: tuple[str, str] | None = None,
        on_message: Callable[[Received], None] | None = None,
    ) -> None:
        self.order = _Order()
        self.connections = 0
        self.accepted: list[Received] = []
        self.received_without_reply: list[Received] = []
        self.turned_away: list[Turned] = []
        self._sign_in = sign_in
        self._on_message = on_message
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            certificate.configure_cert(self._tls)
        self._implicit = implicit
        self._greylisted: Counter[str] = Counter()
        self._news = threading.Condition()
        self._port = Port(HOST)
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread
        self._open: set[_Conversation] = set()

    # --- life ---

    def start(self) -> Self:
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # clients that go away are what this server is for
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)  # as is a handshake that a client breaks off
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail-server", daemon=True)
        self._thread.start()
        self._call(self._listen()).result(_TURN_S)
        return self

    def stop(self) -> None:
        self._call(self._close()).result(_TURN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_TURN_S)
        self._loop.close()
        self._port.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        return self._port.number

    @property
    def url(self) -> str:
        """FLOWPILOT_SMTP_URL without a sign-in."""
        return f"{'smtps' if self._implicit else 'smtp'}://{HOST}:{self.port}"

    def behave(self, mode: Mode, *, times: int = 1, delay_s: float | None = None, only: str = "") -> None:
        """Do so from now on; conversations that were being stalled go on at once.

        `times` is for greylist; `delay_s` bounds the stalling of the slow modes (otherwise until the next order);
        `only` is for tarpit_rcpt: the domain whose recipients get no answer.
        """
        self._call(self._obey(_Order(mode, times, delay_s, only))).result(_TURN_S)

    # --- what came ---

    @property
    def received(self) -> list[Received]:
        """Everything that arrived whole, answered or not, in order."""
        return sorted([*self.accepted, *self.received_without_reply], key=lambda one: one.monotonic)

    def wait_for(self, count: int, *, timeout: float = 10.0) -> list[Received]:
        """Wait until at least `count` messages have arrived whole, answered or not."""
        with self._news:
            enough = self._news.wait_for(lambda: len(self.received) >= count, timeout)
        assert enough, f"{len(self.received)} of {count} messages came within {timeout} s"
        return self.received

    async def arrived(self, count: int, *, timeout: float = 10.0) -> list[Received]:  # noqa: ASYNC109 - as wait_for
        """`wait_for` for asyncio tests."""
        return await asyncio.to_thread(self.wait_for, count, timeout=timeout)

    def clear(self) -> None:
        """Forget what came."""
        with self._news:
            self.accepted.clear()
            self.received_without_reply.clear()
            self.turned_away.clear()
            self._greylisted.clear()
            self.connections = 0

    # --- the protocol, called by aiosmtpd in the server's thread ---

    async def handle_MAIL(  # noqa: N802
        self, smtp: _Conversation, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._sign_in is not None and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if self.order.mode == "refuse_sender":
            return "553 5.7.1 Sender address rejected: not owned by user"
        if self.order.mode == "cut":
            smtp.cut()
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802
        self, _smtp: _Conversation, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        order = self.order
        if order.mode == "tarpit_rcpt" and address.endswith(order.only):
            await order.stall()
        if order.mode == "refuse_recipient":
            return self._turn_away(address, 550, "5.1.1 User unknown in local recipient table")
        if order.mode == "greylist" and self._greylisted[address] < order.times:
            self._greylisted[address] += 1
            return self._turn_away(address, 451, "4.7.1 Greylisted, try again later")
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, smtp: _Conversation, session: Session, envelope: Envelope) -> str:  # noqa: N802
        order = self.order
        if order.mode == "refuse_message":
            return self._turn_away(envelope.rcpt_tos[0], 554, "5.7.1 Message refused by policy")
        if order.mode == "defer_message":
            return self._turn_away(envelope.rcpt_tos[0], 452, "4.3.1 Insufficient system storage")
        replied = order.mode not in {"cut_after_data", "garbage_reply", "slow_reply"}
        one = self._keep(session, envelope, replied=replied)
        if order.mode == "slow_reply":
            await order.stall()
            await _turns()  # a client that has given up by now ends this here
            self._answer_late(one)
        elif order.mode == "cut_after_data":
            smtp.cut()
        elif order.mode == "garbage_reply":
            return "<html>Bad gateway</html>"
        return "250 2.0.0 Ok: queued"

    def _keep(self, session: Session, envelope: Envelope, *, replied: bool) -> Received:
        content = envelope.original_content or b""
        signed_in: Any = session.auth_data
        user = signed_in.login.decode() if signed_in else None
        now = (time.time(), time.monotonic())
        one = Received(
            envelope.mail_from or "",
            tuple(envelope.rcpt_tos),
            content,
            *now,
            replied,
            self._implicit or session.ssl is not None,
            user,
        )
        with self._news:
            (self.accepted if replied else self.received_without_reply).append(one)
            self._news.notify_all()
        if self._on_message is not None:
            self._on_message(one)
        return one

    def _answer_late(self, one: Received) -> None:
        with self._news:
            if one in self.received_without_reply:  # not forgotten meanwhile
                self.received_without_reply.remove(one)
                self.accepted.append(replace(one, replied=True))

    def _turn_away(self, recipient: str, code: int, text: str) -> str:
        with self._news:
            self.turned_away.append(Turned(recipient, code, time.time(), time.monotonic()))
            self._news.notify_all()
        return f"{code} {text}"

    def _check(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any) -> AuthResult:
        wanted = self._sign_in or ("", "")
        if isinstance(given, LoginPassword) and (given.login.decode(), given.password.decode()) == wanted:
            return AuthResult(success=True, auth_data=given)
        return AuthResult(success=False, handled=False)  # handled=True would leave the client without an answer

    # --- in the server's thread ---

    def _call(self, work: Any) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _converse(self) -> _Conversation:
        one = _Conversation(
            self,
            loop=self._loop,
            tls_context=None if self._implicit else self._tls,
            auth_require_tls=False,
            auth_exclude_mechanism=() if self._sign_in else ("LOGIN", "PLAIN"),
            authenticator=self._check,
        )
        self._open.add(one)
        return one

    async def _listen(self) -> None:
        self._port.listen(self._converse, self._tls if self._implicit else None)

    async def _close(self) -> None:
        self.order.changed.set()
        await self._port.close()
        ending, self._open = self._open, set()
        for one in ending:
            one.cut()
        await asyncio.gather(*(one.ended() for one in ending), return_exceptions=True)
        await _turns()

    async def _obey(self, order: _Order) -> None:
        before, self.order = self.order, order
        before.changed.set()
        if order.mode == "refuse":
            await self._close()
        elif not self._port.listening:
            await self._listen()


def main() -> None:
    """Serve as a process of its own; see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=MODES, default="ok")
    parser.add_argument("--tls", choices=("starttls", "implicit"))
    parser.add_argument("--sign-in", metavar="USER:PASSWORD")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        authority = trustme.CA() if options.tls else None
        ca_file: Path | None = None
        if authority is not None:
            ca_file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "ca.pem"
            authority.cert_pem.write_to_path(str(ca_file))
        user, _, password = (options.sign_in or "").partition(":")
        server = MailServer(
            certificate=authority.issue_cert(HOST, "localhost") if authority else None,
            implicit=options.tls == "implicit",
            sign_in=(user, password) if user else None,
            on_message=_print,
        )
        stack.enter_context(server)
        server.behave(options.mode)
        _say({"port": server.port, "ca": str(ca_file) if ca_file else None})
        for line in sys.stdin:
            mode, *given = line.split()
            numbers = dict(pair.split("=", 1) for pair in given)
            delay = float(numbers["delay_s"]) if "delay_s" in numbers else None
            server.behave(mode, times=int(numbers.get("times", 1)), delay_s=delay)  # type: ignore[arg-type]  # checked by use


def _print(one: Received) -> None:
    _say(
        {
            "at": one.at,
            "monotonic": one.monotonic,
            "sender": one.sender,
            "recipients": one.recipients,
            "message_id": one.message_id,
            "subject": one.subject,
            "replied": one.replied,
        }
    )


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
