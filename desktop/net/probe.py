"""The connection test: the way to the server step by step, by the very parts that the app itself uses.

DNS, TLS, sign-in, live link, push echo. Each step is told when it begins and when it has ended; what cannot be reached
after a failed step is left out. The echo is a real event: the stream is asked for the newest one again, and the time
until it comes is the time that a new one needs from the log to this computer.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

from backend.contract.events import Event, Hello, Resume
from backend.contract.vocabulary import ROLE_LABEL
from desktop.core.frames import BadFrameError, Skip, decode, encode
from desktop.core.ports import (
    Api,
    ApiError,
    CertificateError,
    NotAServerError,
    SignedOutError,
    SocketClosedError,
)
from desktop.core.views import ProbeStep
from desktop.net.api import certificate_reason
from desktop.net.fallback import FallbackConnector
from desktop.net.proxy import ProxyChoice

STEP_S: Final = 10.0
NAMES: Final = ("DNS", "TLS", "Sign-in", "Live link", "Push echo")
_BY_POLL: Final = "By long poll: something on the way refuses the event stream"
_SAID: Final[dict[type[Exception], str]] = {
    SignedOutError: "The server does not know this sign-in.",
    NotAServerError: "This is not a FlowPilot server.",
    BadFrameError: "This is not a FlowPilot server.",
    TimeoutError: f"No answer in {STEP_S:g} s.",
}


class LeftOutError(Exception):
    """The step has no meaning here; the text says why."""


class Probe:
    """One test. `certificate` is what TLS showed, for the settings."""

    def __init__(
        self, server: str, api: Api, connector: FallbackConnector, verify: ssl.SSLContext | None, proxy: ProxyChoice
    ) -> None:
        self._parts = urlsplit(server)
        self._api = api
        self._connector = connector
        self._verify = verify
        self._proxied = proxy.mode == "manual" or not proxy.words(server).endswith("none")
        self.certificate = ""

    async def run(self) -> AsyncIterator[tuple[ProbeStep, ...]]:
        """All steps so far, anew with each change."""
        done: list[ProbeStep] = []
        failed = False
        for name, step in zip(NAMES, (self._dns, self._tls, self._sign_in, self._live, None), strict=True):
            if step is None:
                break
            if failed:
                done.append(ProbeStep(name, "left_out", "Not reached"))
                continue
            yield (*done, ProbeStep(name, "running"))
            found = await _timed(name, step)
            done += found
            failed = any(each.state == "bad" for each in found)
            yield tuple(done)
        if failed and len(done) < len(NAMES):
            yield (*done, ProbeStep(NAMES[-1], "left_out", "Not reached"))

    async def _dns(self) -> str:
        if self._proxied:
            raise LeftOutError("The proxy looks the name up")
        host = self._parts.hostname or ""
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return ", ".join(list(dict.fromkeys(str(each[4][0]) for each in found))[:2])

    async def _tls(self) -> str:
        if self._verify is None:
            raise LeftOutError("The connection is not encrypted")
        if self._proxied:
            raise LeftOutError("Through a proxy; tested with the sign-in")
        host, port = self._parts.hostname or "", self._parts.port or 443
        _reader, writer = await asyncio.open_connection(host, port, ssl=self._verify, server_hostname=host)
        secured: Any = writer.get_extra_info("ssl_object")
        words, self.certificate = str(secured.version()), certificate_words(secured.getpeercert() or {})
        writer.close()
        return f"{words}. {self.certificate}"

    async def _sign_in(self) -> str:
        me = await self._api.me()
        return f"{me.user.name}, {ROLE_LABEL[me.user.role]}"

    async def _live(self) -> list[ProbeStep]:
        began = time.perf_counter()
        stream = await self._connector.connect()
        try:
            hello = decode(await stream.receive())
            if not isinstance(hello, Hello):
                raise NotAServerError("no greeting")
            how = _BY_POLL if self._connector.polling else "Greeted"
            greeted = ProbeStep(NAMES[3], "good", _in_time(how, began))
            if hello.head < 1:
                return [greeted, ProbeStep(NAMES[4], "left_out", "Nothing has happened in this account yet")]
            began = time.perf_counter()
            await stream.send(encode(Resume(after=hello.head - 1, epoch=hello.epoch)))
            came = decode(await stream.receive())
            words = "The newest event came" if isinstance(came, Event | Skip) else "The stream answered"
            return [greeted, ProbeStep(NAMES[4], "good", _in_time(words, began))]
        finally:
            await stream.close()


async def _timed(name: str, step: Callable[[], Awaitable[str | list[ProbeStep]]]) -> list[ProbeStep]:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(STEP_S):
            found = await step()
    except LeftOutError as exc:
        return [ProbeStep(name, "left_out", str(exc))]
    except (ApiError, SocketClosedError, OSError, TimeoutError, BadFrameError) as exc:
        return [ProbeStep(name, "bad", _why(exc))]
    return [ProbeStep(name, "good", _in_time(found, began))] if isinstance(found, str) else found


def certificate_words(certificate: dict[str, Any]) -> str:
    """`Issued by Northbeam CA, valid until 3 Nov 2027`."""
    issuer = {key: value for part in certificate.get("issuer", ()) for key, value in part}
    name = issuer.get("organizationName") or issuer.get("commonName") or "an unnamed authority"
    until = str(certificate.get("notAfter", "")).split()
    day = f", valid until {until[1]} {until[0]} {until[3]}" if len(until) >= 4 else ""
    return f"Issued by {name}{day}"


def _in_time(words: str, began: float) -> str:
    return f"{words}, {max(1, round((time.perf_counter() - began) * 1000))} ms"


def _why(exc: Exception) -> str:
    for kind, words in _SAID.items():
        if type(exc) is kind:
            return words
    reason = certificate_reason(exc)
    if isinstance(exc, CertificateError) or reason:
        return f"The certificate could not be verified: {reason or exc}."
    if isinstance(exc, socket.gaierror):
        return "The name is not known. Check the address, or your network."
    if isinstance(exc, OSError):
        return f"{exc.strerror or 'The connection failed'}."
    return f"{exc}."
