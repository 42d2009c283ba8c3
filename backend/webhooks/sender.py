"""One POST to a webhook: bounded in time and size, only ever to an address that was vetted a moment before.

The connection goes to the vetted address itself, so a name that answers differently the second time gains nothing; the
certificate is checked against the name. Redirects are not followed, and the machine's proxy settings are not used.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

import httpcore

from backend.webhooks.connection import connection, request, verify, why_no_connection
from backend.webhooks.resolver import SystemResolver
from backend.webhooks.target import Resolve, Target, TargetRefusedError, parse, vetted

TIMEOUT_S: Final = 5.0
_READ_BYTES: Final = 4_096
_READ_S: Final = 1.0
_EXCERPT: Final = 200
_LONGEST_RETRY_AFTER_S: Final = 3_600.0
_SPOKEN_TYPES: Final = (b"text/plain", b"application/json")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` is None when nothing did; `error` is one line for people, None when it was accepted."""

    status: int | None
    error: str | None
    retry_after_s: float | None = None

    @property
    def accepted(self) -> bool:
        """A 2xx answer."""
        return self.error is None


class Sender:
    """Posts to webhooks. `allow_private` lets http and addresses beside the server through (FLOWPILOT's setting)."""

    def __init__(self, *, allow_private: bool, resolve: Resolve | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self._allow_private = allow_private
        self._resolve = resolve or SystemResolver()
        self._timeout_s = timeout_s

    async def check(self, url: str) -> None:
        """Raise TargetRefusedError for an address to which nothing would be sent now."""
        target = parse(url, allow_private=self._allow_private)
        try:
            async with asyncio.timeout(self._timeout_s):
                await vetted(target, self._resolve, allow_private=self._allow_private)
        except OSError as error:  # a timeout among them
            raise TargetRefusedError(f"{target.host} cannot be found.") from error

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Send and read the answer, in `timeout_s` seconds altogether. Never raises for what the other side does."""
        try:
            target = parse(url, allow_private=self._allow_private)
            async with asyncio.timeout(self._timeout_s):
                return await self._post(target, headers, body)
        except TimeoutError:
            return Answer(None, f"No answer within {self._timeout_s:g} s")
        except TargetRefusedError as refusal:
            return Answer(None, str(refusal))

    async def _post(self, target: Target, headers: dict[str, str], body: bytes) -> Answer:
        try:
            addresses = await vetted(target, self._resolve, allow_private=self._allow_private)
        except OSError:
            return Answer(None, f"{target.host} cannot be found")
        one = connection(target, addresses, await asyncio.to_thread(verify) if target.scheme == "https" else None)
        try:
            return await _exchange(one, _request(target, headers, body))
        except httpcore.ConnectError as error:
            return Answer(None, why_no_connection(target, error))
        except httpcore.ProtocolError:
            return Answer(None, f"{target.host} does not speak HTTP")
        except (httpcore.NetworkError, httpcore.TimeoutException):
            return Answer(None, f"The connection to {target.host} broke")
        finally:
            await one.aclose()


def _request(target: Target, headers: dict[str, str], body: bytes) -> httpcore.Request:
    sent = {"User-Agent": "FlowPilot-Webhooks/1", "Content-Type": "application/json; charset=utf-8", **headers}
    return request("POST", target, sent, body)


async def _exchange(one: httpcore.AsyncHTTPConnection, asked: httpcore.Request) -> Answer:
    response = await one.handle_async_request(asked)
    try:
        if 200 <= response.status < 300:
            return Answer(response.status, None)  # what an acceptance says besides is of no interest
        fields = {name.lower(): value for name, value in response.headers}
        error = _why_refused(response.status, fields, await _beginning(response))
        return Answer(response.status, error, _retry_after(fields))
    finally:
        await response.aclose()


async def _beginning(response: httpcore.Response) -> bytes:
    """As much of a refusal's text as comes soon; the refusal stands without it."""
    read = b""
    with contextlib.suppress(TimeoutError, httpcore.NetworkError, httpcore.ProtocolError):
        async with asyncio.timeout(_READ_S):
            async for part in response.aiter_stream():
                read += part
                if len(read) >= _READ_BYTES:
                    break
    return read[:_READ_BYTES]


def _why_refused(status: int, fields: dict[bytes, bytes], read: bytes) -> str:
    if 300 <= status < 400:
        return f"Answered {status}: redirects are not followed"
    if not fields.get(b"content-type", b"").lower().startswith(_SPOKEN_TYPES):
        return f"Answered {status}"
    words = " ".join("".join(c if c.isprintable() else " " for c in read.decode("utf-8", "replace")).split())
    return f"Answered {status}: {words[:_EXCERPT]}" if words else f"Answered {status}"


def _retry_after(fields: dict[bytes, bytes]) -> float | None:
    """Seconds that the other side asks us to wait; its other form, a date, is not used by those we know."""
    text = fields.get(b"retry-after", b"").decode("ascii", "replace").strip()
    return min(float(text), _LONGEST_RETRY_AFTER_S) if text.isdigit() and len(text) < 10 else None
