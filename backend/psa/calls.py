"""Requests to a PSA: JSON, bounded in time and size, to vetted addresses only, never more often than allowed.

Answers that are no success become RefusedError or AwayError here, so that the three connectors agree on which is which.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import monotonic, time
from typing import Any, Final
from urllib.parse import urlencode

import httpcore
import orjson

from backend.psa.port import AwayError, Limits, RefusedError
from backend.webhooks.connection import connection, request, verify, why_no_connection
from backend.webhooks.resolver import SystemResolver
from backend.webhooks.target import Resolve, Target, TargetRefusedError, parse, vetted

TIMEOUT_S: Final = 10.0
_MOST_BYTES: Final = 8 * 1_048_576
_LONGEST_WAIT_S: Final = 3_600.0
_DEFAULT_WAIT_S: Final = 60.0
_EXCERPT: Final = 300
_TRANSIENT: Final = frozenset({408, 409, 423, 425, 429})
_REMEDY: Final = {
    400: "The PSA does not accept the request: see its words, then correct the connector's settings or the ticket.",
    401: "Enter the credentials again; they may have expired or been revoked.",
    403: "Give the connector's user the rights that docs/psa.md lists.",
    404: "See whether the ticket still exists and whether the connector's user may see it.",
    410: "See whether the ticket still exists.",
    422: "The PSA does not accept the request: see its words, then correct the connector's settings or the ticket.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A success; header names in lower case. `json` is None for an empty body."""

    status: int
    headers: Mapping[str, str]
    json: Any


class Calls:
    """Asks one PSA. `pause_s` lies between two requests; `made` counts them for the account's budget."""

    def __init__(
        self,
        *,
        name: str,
        allow_private: bool,
        limits: Limits,
        resolve: Resolve | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.name = name
        self.made = 0
        self._allow_private = allow_private
        self._resolve = resolve or SystemResolver()
        self._timeout_s = timeout_s
        self._pause_s = limits.pause_s
        self._free_at = 0.0
        self._turn = asyncio.Lock()

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, object] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        about: str = "connector",
        errors: Callable[[Any], str | None] = lambda _: None,
    ) -> Reply:
        """One exchange. `about` ticket: a 400 or 404 is the ticket's fault. `errors` finds the words in a refusal."""
        sent = {"Accept": "application/json", "User-Agent": "FlowPilot/1", **headers}
        body: bytes | None = None
        if form is not None:
            body = urlencode(form).encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        elif json is not None:
            body = orjson.dumps(json)
            sent["Content-Type"] = "application/json"
        elif method in {"POST", "PATCH"}:
            body = b""
        target = self._target(f"{url}?{urlencode(query)}" if query else url)
        async with self._turn:
            await asyncio.sleep(max(0.0, self._free_at - monotonic()))
            self.made += 1
            try:
                async with asyncio.timeout(self._timeout_s):
                    status, fields, content = await self._exchange(method, target, sent, body)
            except TimeoutError as error:
                raise AwayError(f"{self.name} did not answer within {self._timeout_s:g} s.") from error
            finally:
                self._free_at = monotonic() + self._pause_s
        if 200 <= status < 300:
            return Reply(status, fields, _parsed(content, self.name))
        raise self._refused(status, fields, content, about, errors)

    def _target(self, url: str) -> Target:
        try:
            return parse(url, allow_private=self._allow_private)
        except TargetRefusedError as error:
            raise RefusedError(str(error), remedy="Correct the connector's address.", about="connector") from error

    async def _exchange(
        self, method: str, target: Target, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, dict[str, str], bytes]:
        try:
            addresses = await vetted(target, self._resolve, allow_private=self._allow_private)
        except TargetRefusedError as error:
            raise RefusedError(str(error), remedy="Correct the connector's address.", about="connector") from error
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise AwayError(f"{target.host} cannot be found.") from error
        one = connection(target, addresses, await asyncio.to_thread(verify) if target.scheme == "https" else None)
        try:
            response = await one.handle_async_request(request(method, target, headers, body))
            try:
                return response.status, _fields(response), await _content(response, self.name)
            finally:
                await response.aclose()
        except httpcore.ConnectError as error:
            raise AwayError(f"{why_no_connection(target, error)}.") from error
        except httpcore.ProtocolError as error:
            raise AwayError(f"{target.host} does not speak HTTP.") from error
        except (httpcore.NetworkError, httpcore.TimeoutException) as error:
            raise AwayError(f"The connection to {target.host} broke.") from error
        finally:
            await one.aclose()

    def _refused(
        self, status: int, fields: dict[str, str], content: bytes, about: str, errors: Callable[[Any], str | None]
    ) -> AwayError | RefusedError:
        said = _said(content, fields, errors)
        text = f"{self.name} answered {status}: {said}" if said else f"{self.name} answered {status}."
        if status >= 500 or status in _TRANSIENT:
            wait = _wait(fields.get("retry-after"))
            return AwayError(text, wait_s=_DEFAULT_WAIT_S if wait is None and status == 429 else wait)
        if 300 <= status < 400:
            return RefusedError(
                f"{self.name} answered {status}: redirects are not followed.",
                remedy="Enter the address that it leads to.",
                about="connector",
            )
        tickets = about == "ticket" and status not in {401, 403}
        remedy = _REMEDY.get(status, "See the PSA's words.")
        if status == 404 and not tickets:
            remedy = "Correct the connector's address."
        return RefusedError(text, remedy=remedy, about="ticket" if tickets else "connector")


def _fields(response: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


async def _content(response: httpcore.Response, name: str) -> bytes:
    read = bytearray()
    async for part in response.aiter_stream():
        read += part
        if len(read) > _MOST_BYTES:
            raise AwayError(f"{name} answered with more than {_MOST_BYTES >> 20} MiB.")
    return bytes(read)


def _parsed(content: bytes, name: str) -> Any:
    if not content.strip():
        return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise RefusedError(
            f"{name} answered with something that is not JSON.",
            remedy="The address may lead to a sign-in page: enter the one of its API.",
            about="connector",
        ) from error


def _said(content: bytes, fields: dict[str, str], errors: Callable[[Any], str | None]) -> str:
    """The refusal's own words on one line; a page of HTML has none that help."""
    text: str | None = None
    try:
        text = errors(orjson.loads(content))
    except (orjson.JSONDecodeError, TypeError, KeyError, AttributeError, IndexError):
        if fields.get("content-type", "").startswith("text/plain"):
            text = content.decode("utf-8", "replace")
    words = " ".join("".join(c if c.isprintable() else " " for c in text or "").split())
    return words[:_EXCERPT]


def _wait(text: str | None) -> float | None:
    """Retry-After in seconds, given as a number or as a date."""
    if text is None:
        return None
    text = text.strip()
    if text.isdecimal() and len(text) < 10:
        return min(float(text), _LONGEST_WAIT_S)
    try:
        return min(max(parsedate_to_datetime(text).timestamp() - time(), 0.0), _LONGEST_WAIT_S)
    except ValueError:
        return None
