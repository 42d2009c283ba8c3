"""One account at a real server that may send webhooks to loopback, and what tests of webhooks ask of it."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import trustme

from tests.support.flow import API, Owner
from tests.support.people import Crew
from tests.support.receiver import WAIT_S
from tests.support.server import NO_TLS, Server

HOOKS = f"{API}/account/webhooks"
Found = TypeVar("Found")


async def until(look: Callable[[], Awaitable[Found]], good: Callable[[Found], bool]) -> Found:
    """Look again and again until what is found is good; says what was found last when it never is."""
    found = await look()
    try:
        async with asyncio.timeout(WAIT_S):
            while not good(found):
                await asyncio.sleep(0.05)
                found = await look()
    except TimeoutError:
        pytest.fail(f"waited for {WAIT_S:g} s; last found: {found!r}")
    return found


@dataclass(frozen=True, slots=True)
class Desk:
    """One account with its people signed in at a server that may send to loopback."""

    crew: Crew
    server: Server
    admin: httpx.AsyncClient
    junior: httpx.AsyncClient
    senior: httpx.AsyncClient
    owner: Owner

    async def hook(self, url: str, **more: Any) -> dict[str, Any]:
        answer = await self.admin.post(HOOKS, json={"name": "Service desk", "url": url, **more})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def log(self, hook: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
        answer = await self.admin.get(f"{HOOKS}/{hook['id']}/deliveries", params=params)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def logged(self, hook: dict[str, Any], *states: str) -> list[dict[str, Any]]:
        """Wait until the log, oldest first, has these states."""
        await until(lambda: self._states(hook), lambda found: found == states)
        return (await self.log(hook))[::-1]

    async def _states(self, hook: dict[str, Any]) -> tuple[str, ...]:
        return tuple(entry["state"] for entry in await self.log(hook))[::-1]

    async def active(self, hook: dict[str, Any]) -> bool:
        active: bool = (await self.admin.get(f"{HOOKS}/{hook['id']}")).json()["active"]
        return active

    async def planned(self) -> int:
        number: int = await self.owner.value("SELECT count(*) FROM job WHERE kind = 'webhook'")
        return number

    async def hurry(self) -> None:
        """Make everything that is planned for later due now."""
        await self.owner.fetch("UPDATE job SET due_at = now() WHERE kind = 'webhook' AND lease_until IS NULL")


@contextlib.contextmanager
def hook_server(database_url: str, place: Path, authority: trustme.CA) -> Iterator[Server]:
    """A server, to be started, that may send to loopback and trusts the receivers' authority."""
    authority.cert_pem.write_to_path(str(place / "ca.pem"))
    environment = {"FLOWPILOT_WEBHOOK_ALLOW_PRIVATE": "on", "SSL_CERT_FILE": str(place / "ca.pem")}
    server = Server(database_url, place, environment=environment)
    try:
        yield server
    finally:
        server.stop()


@contextlib.asynccontextmanager
async def hook_desk(server: Server, crew: Crew, database_url: str) -> AsyncIterator[Desk]:
    """The crew at that server, which is started when it does not run."""
    if not server.alive:
        await asyncio.to_thread(server.start)

    def client(token: str) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False, verify=NO_TLS, timeout=30)

    async with client(crew.admin.token) as a, client(crew.technician.token) as j, client(crew.engineer.token) as s:
        yield Desk(crew, server, a, j, s, Owner(database_url))


def tls(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    return context
