"""The ear for the browser's answer: a port of this computer's own, bound before the browser opens (RFC 8252, 7.3).

Only 127.0.0.1, a port that the system chose, one answer. A request with another state, host or path is told nothing
and uses nothing up: any program and any page on this computer can reach the port.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import html
import socket
import sys
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from backend.contract.pairing import CALLBACK_PATH

HEAD_MOST: Final = 16 * 1024
HEAD_WITHIN_S: Final = 10.0
STRANGERS_MOST: Final = 200
CONNECTED: Final = "Connected. You can close this page."
REFUSED: Final = "Refused. The computer was not signed in."
EXPIRED: Final = "That code has expired."
FAILED: Final = "The sign-in was not completed. FlowPilot on this computer says why."
_STYLE: Final = (
    "body{margin:0;min-height:100vh;display:grid;place-content:center;font:16px/24px system-ui,sans-serif;"
    "background:light-dark(#F4F6F8,#14181C);color:light-dark(#14181C,#E6EAEE);color-scheme:light dark}"
    "h1{font-size:20px;font-weight:600;margin:24px;text-align:center}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


class Loopback:
    """Use `listening()`. `redirect_uri` goes into the request."""

    def __init__(self, ear: socket.socket, state: str, issuer: str) -> None:
        self._host = f"127.0.0.1:{ear.getsockname()[1]}"
        self.redirect_uri = f"http://{self._host}{CALLBACK_PATH}"
        self._state = state
        self._issuer = issuer
        self._strangers = 0
        self._found: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self._page: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._talks: set[asyncio.Task[None]] = set()

    async def answer(self) -> dict[str, str]:
        """The parameters that the browser brought: `code`, or `error`. The page waits until `show`."""
        return await self._found

    def show(self, words: str) -> None:
        """What the browser is told at last, once the server has said so."""
        if not self._page.done():
            self._page.set_result(words)

    async def finish(self) -> None:
        """Let the browser have its page."""
        self.show(FAILED)
        if self._talks:
            await asyncio.wait(self._talks, timeout=2)

    def heard(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Someone connects."""
        task = asyncio.get_running_loop().create_task(self._talk(reader, writer))
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_WITHIN_S):
                head = await reader.readuntil(b"\r\n\r\n")
            found = self._understood(head)
            if found is None or self._found.done():
                self._strangers += 1
                writer.write(_response("404 Not Found", "There is nothing here."))
            else:
                self._found.set_result(found)
                writer.write(_response("200 OK", await self._page))
            await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a browser that looks ahead opens connections and sends nothing
        finally:
            writer.close()

    def _understood(self, head: bytes) -> dict[str, str] | None:
        lines = head.decode("latin-1").split("\r\n")
        method, _, rest = lines[0].partition(" ")
        target = rest.partition(" ")[0]
        hosts = [line.partition(":")[2].strip() for line in lines[1:] if line.lower().startswith("host:")]
        parts = urlsplit(target)
        # Another name for this address would be a page of somebody's that had it resolved to here.
        if method != "GET" or hosts != [self._host] or parts.path != CALLBACK_PATH or self._strangers > STRANGERS_MOST:
            return None
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=20)
        found = dict(pairs)
        ours = hmac.compare_digest(found.get("state", "").encode(), self._state.encode())
        if not ours or len(found) != len(pairs) or found.get("iss") != self._issuer:
            return None
        return found if "code" in found or "error" in found else None


@contextlib.asynccontextmanager
async def listening(state: str, issuer: str) -> AsyncIterator[Loopback]:
    """An ear that is open already. Raises OSError when this computer gives no port."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            # Else another user of this machine could bind the same port beside us.
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        ear.bind(("127.0.0.1", 0))
        ear.setblocking(False)
        one = Loopback(ear, state, issuer)
        server = await asyncio.start_server(one.heard, sock=ear, limit=HEAD_MOST)
    except BaseException:
        ear.close()
        raise
    try:
        yield one
    finally:
        await one.finish()
        server.close()


def _response(status: str, words: str) -> bytes:
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>FlowPilot</title>'
        f"<style>{_STYLE}</style></head>"
        f'<body><h1 role="status" data-testid="device-result">{html.escape(words)}</h1></body></html>'
    ).encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(page)}\r\n"
        f"Content-Security-Policy: default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'\r\n"
        "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + page
