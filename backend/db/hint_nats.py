"""Hints by NATS core messages: no stream, no acknowledgement, nothing kept. The client library is imported when used.

Each connection lives once: the library's own reconnecting would hide from us (and from the operator) that hints are
being lost, and would keep what is no longer worth telling. `Wakeup` connects again, for ever.
"""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import unquote, urlsplit

from backend.db.hint_line import LineLostError, Wire

if TYPE_CHECKING:
    from nats.aio.client import Client

SUBJECT: Final = "flowpilot.hint"
PORT: Final = 4222
_CONNECT_S: Final = 3
_CHECK_S: Final = 5
_PING_S: Final = 10


@dataclass(frozen=True, slots=True)
class NatsServers:
    """Where the servers are and how to sign in; secrets are kept out of `repr` and of `where`."""

    hosts: tuple[str, ...]
    encrypted: bool = False
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, urls: str) -> Self:
        """Read `nats://USER:PASSWORD@HOST:PORT`, `nats://TOKEN@HOST`, `tls://…`; several with commas between.

        The sign-in is the first address's that has one. Settings have been checked for scheme and host by then.
        """
        parts = [urlsplit(one.strip()) for one in urls.split(",")]
        signs_in = next((part for part in parts if part.username), None)
        user = unquote(signs_in.username or "") if signs_in else None
        password = unquote(signs_in.password) if signs_in and signs_in.password is not None else None
        return cls(
            hosts=tuple(_host(part.hostname or "", part.port or PORT) for part in parts),
            encrypted=any(part.scheme == "tls" for part in parts),
            user=user if password is not None else None,
            password=password,
            token=user if password is None else None,
        )


def _host(name: str, port: int) -> str:
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


class NatsLine:
    """Every process listens on one subject of a NATS server, or of a cluster of them."""

    name = "nats"

    def __init__(self, urls: str) -> None:
        self._servers = NatsServers.parse(urls)

    @property
    def where(self) -> str:
        """The servers without the sign-in."""
        return f"NATS at {', '.join(self._servers.hosts)}"

    @asynccontextmanager
    async def connected(self, heard: Callable[[str], None], stir: Callable[[], None]) -> AsyncIterator[Wire]:
        """One connection that listens and tells."""
        from nats.aio.client import Client  # noqa: PLC0415 - most installations have no NATS
        from nats.aio.msg import Msg  # noqa: PLC0415
        from nats.errors import Error  # noqa: PLC0415

        client = Client()
        wire = _NatsWire(client)

        async def closed() -> None:
            stir()

        async def troubled(error: Exception) -> None:
            wire.trouble = wire.trouble or error  # such as a subject that the server's rules refuse
            stir()

        async def came(message: Msg) -> None:
            heard(message.data.decode("utf-8", "replace"))

        try:
            await client.connect(
                servers=[f"nats://{host}" for host in self._servers.hosts],
                name="flowpilot",
                user=self._servers.user,
                password=self._servers.password,
                token=self._servers.token,
                tls=ssl.create_default_context() if self._servers.encrypted else None,
                no_echo=True,
                allow_reconnect=False,
                max_reconnect_attempts=1,  # counts for a first connection too: each address twice, then say it
                reconnect_time_wait=0,
                connect_timeout=_CONNECT_S,
                ping_interval=_PING_S,
                error_cb=troubled,
                disconnected_cb=closed,
                closed_cb=closed,
            )
            await client.subscribe(SUBJECT, cb=came)
            await wire.check()
            yield wire
        except (Error, OSError, TimeoutError) as error:
            raise LineLostError(_words(wire.trouble or error)) from error
        finally:
            with suppress(Error, OSError, TimeoutError):  # it is being thrown away
                await client.close()


def _words(error: Exception) -> str:
    return str(error).removeprefix("nats: ") or type(error).__name__


class _NatsWire:
    def __init__(self, client: "Client") -> None:
        self.trouble: Exception | None = None
        self._client = client

    async def send(self, payload: str) -> None:
        await self._client.publish(SUBJECT, payload.encode())

    async def check(self) -> None:
        if self._client.is_closed or self.trouble is not None:
            raise LineLostError(_words(self.trouble) if self.trouble else "the server closed the connection")
        await self._client.flush(_CHECK_S)
        if self.trouble is not None:
            raise LineLostError(_words(self.trouble))
