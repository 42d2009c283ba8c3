"""One account with a PSA connected: people at a real server, a worker of this process, a local PSA."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from backend.db.engine import Database
from backend.http.problems import DATABASE_DOWN
from backend.jobs.worker import Worker
from backend.psa.connections import Connections
from backend.psa.lane import psa_lane
from backend.psa.port import Limits
from backend.sealed import Sealer
from backend.settings import Settings
from tests.support.flow import API, Owner, open_session
from tests.support.hook_desk import until
from tests.support.people import Crew
from tests.support.psa_server import PsaServer
from tests.support.server import NO_TLS, Server

CONNECTORS = f"{API}/account/psa-connectors"
KEY = "a-key-that-server-and-worker-share-0123456789"
SERVED = {"FLOWPILOT_SECRET_KEY": KEY, "FLOWPILOT_WEBHOOK_ALLOW_PRIVATE": "on", "FLOWPILOT_WORKER": "off"}
ALL = ["escalated", "claimed", "resolved"]


@dataclass(frozen=True, slots=True)
class PsaDesk:
    """`psa` is the local PSA, `connector` the account's connector to it."""

    crew: Crew
    psa: PsaServer
    admin: httpx.AsyncClient
    junior: httpx.AsyncClient
    senior: httpx.AsyncClient
    owner: Owner
    connector: dict[str, Any]
    hook_secret: str

    @property
    def url(self) -> str:
        return f"{CONNECTORS}/{self.connector['id']}"

    @property
    def ticket(self) -> dict[str, str]:
        return {"system": self.connector["name"], "id": "48213"}

    async def session(self, **more: Any) -> str:
        return await open_session(self.junior, **{"ticket": self.ticket, **more})

    async def change(self, **patch: Any) -> dict[str, Any]:
        answer = await self.admin.patch(self.url, json=patch)
        assert answer.status_code == 200, answer.text
        changed: dict[str, Any] = answer.json()
        return changed

    async def log(self, **params: Any) -> list[dict[str, Any]]:
        """Oldest first."""
        answer = await self.admin.get(f"{self.url}/notes", params=params)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items[::-1]

    async def logged(self, *states: str) -> list[dict[str, Any]]:
        """Wait until the log, oldest first, has these states."""
        return await until(self.log, lambda found: [one["state"] for one in found] == list(states))

    async def hurry(self) -> None:
        """Make everything that is planned for later due now."""
        await self.owner.fetch("UPDATE psa_connector SET free_at = now(), free_why = 'free' WHERE free_why <> 'busy'")
        await self.owner.fetch("UPDATE job SET due_at = now() WHERE kind LIKE 'psa%' AND lease_until IS NULL")


@contextlib.asynccontextmanager
async def psa_desk(server: Server, crew: Crew, database: Database, url: str, psa: PsaServer) -> AsyncIterator[PsaDesk]:
    """Connects the PSA with nothing switched on, and runs the worker."""
    connections = Connections(
        Sealer(KEY), allow_private=True, limits=Limits(pause_s=0, most=1_000_000, window_s=1), timeout_s=15.0
    )
    settings = Settings(data_dir=Path(), public_url=server.url)
    worker = Worker(database, [psa_lane(database, settings, connections)], away=DATABASE_DOWN)

    def client(token: str) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False, verify=NO_TLS, timeout=30)

    async with client(crew.admin.token) as a, client(crew.technician.token) as j, client(crew.engineer.token) as s:
        answer = await a.post(CONNECTORS, json={"system": psa.system, "fields": psa.access()})
        assert answer.status_code == 201, answer.text
        psa.members[11] = crew.engineer.email
        made = answer.json()
        worker.start()
        try:
            yield PsaDesk(crew, psa, a, j, s, Owner(url), made["connector"], made["hook_secret"])
        finally:
            await worker.stop()
