"""An upgrade while people work: old and new version side by side on one database, and nobody sees an error."""

import asyncio
import itertools
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from backend.contract.vocabulary import Role
from backend.db.migrate import current, head
from tests.support import postgres
from tests.support.cli import flowpilot
from tests.support.flow import API, REASON, Owner
from tests.support.people import Member
from tests.support.server import Server
from tests.support.stream import listening

ROOT = Path(__file__).parents[2]
VERSIONS = "backend/db/migrations/versions"
BACK = 1
"""How many migrations the old version lacks. Versions before 0018 took answers of functions apart by their columns."""
pytestmark = [pytest.mark.packages, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources from before the newest migration."""

    def git(*words: str) -> bytes:
        return subprocess.run(["git", *words], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout

    added = git("log", "--diff-filter=A", "--format=%H", f"-{BACK}", "--", VERSIONS).decode().split()
    if len(added) < BACK:
        pytest.skip("this checkout has no history")
    folder = tmp_path_factory.mktemp("old")
    tree = git("archive", f"{added[-1]}^", "backend", "pyproject.toml")
    subprocess.run(["tar", "-x", "-C", str(folder)], check=True, input=tree)
    return folder


@pytest.fixture
async def empty(cluster_url: str, worker_id: str) -> AsyncIterator[str]:
    name = f"rolling_{worker_id}"
    yield await postgres.empty_database(cluster_url, name)
    await postgres.drop_database(cluster_url, name)


@dataclass
class Balancer:
    """What stands before the servers: requests go to those that are up, one after the other."""

    servers: list[Server]
    asked: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    turn: "itertools.count[int]" = field(default_factory=itertools.count)

    def next(self) -> Server:
        return self.servers[next(self.turn) % len(self.servers)]

    async def ask(self, client: httpx.AsyncClient, who: Member, method: str, path: str, **sent: Any) -> httpx.Response:
        """One request of one person; anything but a plain yes or a lost race is an error that they would see."""
        server = self.next()
        headers = {"Authorization": f"Bearer {who.token}", **sent.pop("headers", {})}
        answer = await client.request(method, f"{server.url}{API}{path}", headers=headers, **sent)
        self.asked[server.data_dir.name] += 1
        if answer.status_code >= 400 and answer.status_code != 409:
            self.wrong.append(f"{server.data_dir.name}: {method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer


@dataclass(frozen=True)
class People:
    """Who works here."""

    technician: Member
    engineer: Member
    second_engineer: Member


@dataclass
class Shop:
    """People at work. `escalated` are the handoffs that were answered 201, `won` who won each claim."""

    balancer: Balancer
    crew: People
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    escalated: list[str] = field(default_factory=list)
    won: dict[str, list[str]] = field(default_factory=dict)
    heard: list[dict[str, Any]] = field(default_factory=list)

    async def junior(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            while not self.stop.is_set():
                me = self.crew.technician
                body = {"title": "VPN drops", "problem": "It drops."}
                session = await self.balancer.ask(client, me, "POST", "/ai-sessions", json=body)
                if session.status_code != 201:
                    continue
                answer = await self.balancer.ask(
                    client,
                    me,
                    "POST",
                    f"/ai-sessions/{session.json()['id']}/handoff",
                    json={"reason": REASON},
                    headers={"Idempotency-Key": str(uuid4())},
                )
                if answer.status_code == 201:
                    self.escalated.append(answer.json()["id"])
                await asyncio.sleep(0.15)

    async def senior(self, me: Member) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            while not self.stop.is_set():
                page = await self.balancer.ask(client, me, "GET", "/handoffs?status=pending&limit=5")
                for row in page.json()["items"] if page.status_code == 200 else ():
                    claim = await self.balancer.ask(client, me, "POST", f"/handoffs/{row['id']}/claim")
                    if claim.status_code == 200:
                        self.won.setdefault(row["id"], []).append(me.id)
                        await self.balancer.ask(client, me, "POST", f"/handoffs/{row['id']}/resolve", json={})
                await asyncio.sleep(0.1)

    async def desktop(self) -> None:
        """A tray app: goes on from its cursor whenever a server says goodbye."""
        cursor, epoch = 0, None
        while not self.stop.is_set():
            with suppress(
                OSError, ConnectionClosed, InvalidHandshake, TimeoutError, AssertionError, json.JSONDecodeError
            ):
                async with listening(self.balancer.next(), self.crew.engineer) as client:
                    epoch = epoch or client.hello["epoch"]
                    await client.resume(cursor, epoch)
                    while not self.stop.is_set():
                        event = await client.event(within=5)
                        cursor = client.cursor
                        self.heard.append(event)
            await asyncio.sleep(0.05)


async def test_old_and_new_serve_side_by_side_and_nobody_sees_an_error(old: Path, empty: str, tmp_path: Path) -> None:
    key = "k" * 40
    behind = {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(old), "FLOWPILOT_SECRET_KEY": key}
    former = Server(empty, tmp_path / "old", from_scratch=True, environment=behind)
    ahead = Server(
        empty,
        tmp_path / "new",
        from_scratch=True,
        environment={"FLOWPILOT_SECRET_KEY": key, "FLOWPILOT_MIGRATE": "never"},
    )
    await asyncio.to_thread(former.start)
    try:
        before = await current(empty)
        assert before is not None
        assert int(before) < int(head()), "the old version is older"
        crew = await asyncio.to_thread(hire, empty, tmp_path / "ops", behind)
        shop = Shop(Balancer([former]), crew)
        work = [shop.junior(), shop.junior(), shop.senior(crew.engineer), shop.senior(crew.second_engineer)]
        async with asyncio.TaskGroup() as group:
            for one in (*work, shop.desktop()):
                group.create_task(one)
            await asyncio.sleep(4)
            await migrated(empty, key, tmp_path)
            await asyncio.sleep(4)  # the old version alone on the new schema
            await asyncio.to_thread(ahead.start)
            shop.balancer.servers.append(ahead)
            await asyncio.sleep(8)
            shop.balancer.servers.remove(former)
            await asyncio.sleep(1)  # what the old one had begun
            assert await asyncio.to_thread(former.stop) == 0
            await asyncio.sleep(4)
            shop.stop.set()
        await judge(shop, ahead, empty)
        assert "Traceback" not in former.logs
        assert "Traceback" not in ahead.logs
        assert min(shop.balancer.asked[name] for name in ("old", "new")) > 20, shop.balancer.asked
    finally:
        await asyncio.to_thread(former.stop)
        await asyncio.to_thread(ahead.stop)


def hire(url: str, data_dir: Path, environment: dict[str, str]) -> People:
    """The people, made at the old version's command line: the new one writes what the old schema has no room for."""

    def run(*arguments: str) -> str:
        told = flowpilot(
            *arguments, data_dir=data_dir, database_url=url, environment=environment, from_scratch=True
        )  # the process that is prepared for the other tests has the new version
        assert told.code == 0, told.err
        return told.out.strip()

    owner = ("--owner-name", "Olga Owner", "--owner-email", "olga@rolling.example")
    account = json.loads(run("account", "create", "--name", "Rolling IT", *owner))["account_id"]

    def person(name: str, role: Role) -> Member:
        email = f"{name.lower()}@rolling.example"
        made = run("user", "create", "--account", account, "--email", email, "--name", name, "--role", role)
        return Member(
            id=json.loads(made)["user_id"],
            name=name,
            email=email,
            role=role,
            token=run("token", "create", "--email", email),
        )

    return People(person("Tess", "technician"), person("Erin", "engineer"), person("Sam", "engineer"))


async def migrated(url: str, key: str, folder: Path) -> None:
    """`flowpilot migrate` of the new version, as an operator runs it."""
    environment = {
        "FLOWPILOT_DATABASE_URL": url,
        "FLOWPILOT_SECRET_KEY": key,
        "FLOWPILOT_DATA_DIR": str(folder / "ops"),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "backend.cli", "migrate", env=environment, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()


async def judge(shop: Shop, server: Server, url: str) -> None:
    """No error, nothing lost, nothing twice."""
    assert shop.balancer.wrong == []
    assert len(shop.escalated) > 20
    assert all(len(winners) == 1 for winners in shop.won.values())
    log = await Owner(url).fetch("select seq, kind, handoff_id::text as handoff from account_event order by seq")
    assert sorted(one["handoff"] for one in log if one["kind"] == "handoff.created") == sorted(shop.escalated)
    claimed = Counter(one["handoff"] for one in log if one["kind"] == "handoff.claimed")
    assert claimed == Counter(list(shop.won))
    assert [one["seq"] for one in log] == list(range(1, len(log) + 1))
    async with listening(server, shop.crew.engineer) as client:  # what came after the desktop was switched off
        await client.resume(len(shop.heard), client.hello["epoch"])
        rest = await client.until(len(log))
    seen = [event["seq"] for event in (*shop.heard, *rest)]
    assert seen == list(range(1, len(seen) + 1)), "the desktop heard each event once, in order"
