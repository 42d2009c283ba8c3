"""From the escalate request to the event on a socket that is already open, with fsync on, beside two floors.

Run: `.venv/bin/python -m benchmarks.escalate_to_event [--rounds 200]`. Prints milliseconds and ratios.
Floors of the same run: one committed row through the driver alone, and an HTTP request that only reads who is calling.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import httpx
import websockets

from backend.db.embedded import EmbeddedPostgres
from backend.db.engine import Database
from backend.db.migrate import upgrade
from tests.support.people import Crew, make_crew
from tests.support.server import Server


def _figures(name: str, seconds: Sequence[float], floor: float | None = None) -> float:
    ordered = sorted(s * 1000 for s in seconds)
    middle, high = statistics.median(ordered), ordered[int(len(ordered) * 0.99) - 1]
    ratio = f"  {middle / floor:5.1f} x floor" if floor else ""
    print(f"{name:44} p50 {middle:7.2f} ms   p99 {high:7.2f} ms   max {ordered[-1]:7.2f} ms{ratio}")
    return middle


async def _committed_row(url: str, rounds: int) -> list[float]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("create table if not exists bench_floor (at timestamptz)")
        taken = []
        for _ in range(rounds):
            start = time.perf_counter()
            await connection.execute("insert into bench_floor values (now())")
            taken.append(time.perf_counter() - start)
        return taken
    finally:
        await connection.close()


async def _reads(client: httpx.AsyncClient, rounds: int) -> list[float]:
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        (await client.get("/api/v1/me")).raise_for_status()
        taken.append(time.perf_counter() - start)
    return taken


async def _escalations(server: Server, crew: Crew, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """(request to event, request to answer, claim answer) in seconds."""
    stream = server.url.replace("http", "ws") + "/api/v1/events/stream"
    senior = {"Authorization": f"Bearer {crew.engineer.token}"}
    junior = {"Authorization": f"Bearer {crew.technician.token}"}
    to_event, to_answer, claims = [], [], []
    async with (
        httpx.AsyncClient(base_url=server.url, trust_env=False) as client,
        websockets.connect(stream, additional_headers=senior, proxy=None, compression=None) as socket,
    ):
        hello = json.loads(await socket.recv())
        await socket.send(json.dumps({"type": "resume", "after": hello["head"], "epoch": hello["epoch"]}))
        for n in range(rounds):
            session = (
                await client.post("/api/v1/ai-sessions", headers=junior, json={"title": f"T {n}", "problem": "P"})
            ).json()
            start = time.perf_counter()
            request = asyncio.create_task(
                client.post(
                    f"/api/v1/ai-sessions/{session['id']}/handoff", headers=junior, json={"reason": "Stuck on this one"}
                )
            )
            while json.loads(await socket.recv()).get("kind") != "handoff.created":
                pass
            to_event.append(time.perf_counter() - start)
            handoff = (await request).json()
            to_answer.append(time.perf_counter() - start)
            start = time.perf_counter()
            (await client.post(f"/api/v1/handoffs/{handoff['id']}/claim", headers=senior)).raise_for_status()
            claims.append(time.perf_counter() - start)
    return to_event, to_answer, claims


async def _measure(url: str, data_dir: Path, rounds: int) -> None:
    await upgrade(url)
    database = await Database.open(url)
    crew = await make_crew(database, url)
    await database.close()
    server = await asyncio.to_thread(Server(url, data_dir).start)
    try:
        async with httpx.AsyncClient(
            base_url=server.url, headers={"Authorization": f"Bearer {crew.technician.token}"}, trust_env=False
        ) as client:
            await _reads(client, 20)
            read = _figures("floor: GET /me", await _reads(client, rounds))
        row = _figures("floor: one committed row, driver alone", await _committed_row(url, rounds))
        await _escalations(server, crew, 20)
        to_event, to_answer, claims = await _escalations(server, crew, rounds)
        _figures("escalate: request to event on open socket", to_event, row + read)
        _figures("escalate: request to 201", to_answer, row + read)
        _figures("claim: request to answer with open_url", claims, row + read)
    finally:
        await asyncio.to_thread(server.stop)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds: int = parser.parse_args().rounds
    print(f"load average before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="fp-bench-") as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder) / "data") as postgres:
            asyncio.run(_measure(postgres.url, Path(folder) / "server", rounds))


if __name__ == "__main__":
    main()
