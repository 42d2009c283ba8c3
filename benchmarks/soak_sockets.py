"""Thousands of sockets with churn, escalations and claims: memory stays flat, no socket is stuck, no event is lost.

Run: `make soak-sockets MINUTES=30 SOCKETS=5000`. On this machine only; it ends by itself, and with 1 when something
was wrong. Each socket checks every event frame it reads: the next position, no gap, no repetition. The accounts have a
past, so what the server keeps of each account's newest events is full from the start and memory has no reason to grow.
`--docs` writes what came of it into docs/performance-soak.md.
"""

import argparse
import asyncio
import random
import re
import resource
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import asyncpg
import httpx

from benchmarks.fanout_load import ws_handshake, ws_text
from benchmarks.fanout_ours import Ours, database
from benchmarks.performance import plain
from benchmarks.report import Cell, report
from benchmarks.usage import Usage

_PER_ACCOUNT: Final = 10
_FRAME: Final = re.compile(rb'"type":"event","seq":(\d+),"prev":(\d+)')
_HEAD: Final = re.compile(rb'"head":(\d+)')
_STUCK_S: Final = 60.0
"""A socket hears a heartbeat every ten seconds; one that heard nothing for this long is stuck."""
_SAMPLE_S: Final = 5.0
_GROWTH: Final = 1.10
_WELL: Final = "nothing lost, nothing stuck, memory flat"
_DOC: Final = Path(__file__).parents[1] / "docs/performance-soak.md"
_PAST: Final = 200
"""Events of each account before it begins: as many as a server keeps in memory."""
_PAST_EVENT: Final = 1_100
"""Characters; about what an event has."""
_ABOUT: Final = (
    "Made by `make soak-sockets` from what it measured; do not edit. Two in a hundred sockets are cut each second"
    " without a word and come back; three people escalate and claim all the time; each socket checks every frame it"
    " reads for gaps and repetitions. In the end each stands at the head of its account's log."
)
_STREAM: Final = "/api/v1/events/stream"


class Desk:
    """One client: connects, resumes where it was, reads, leaves at times, comes back."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self.cursor = _PAST
        self.heard = time.monotonic()
        self.events = self.returns = 0
        self.faults: list[str] = []
        self.task: asyncio.Task[None] | None = None

    async def live(self) -> None:
        """For ever."""
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._once()
            self.returns += 1
            await asyncio.sleep(random.uniform(0.2, 1.5))  # noqa: S311 - spread, nothing secret

    async def _once(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(ws_handshake(_STREAM, f"Authorization: Bearer {self.token}"))
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ws_text(f'{{"type":"resume","after":{self.cursor}}}'))
            while True:
                self._take(*await _frame(reader), writer)
        finally:
            writer.close()

    def _take(self, opcode: int, frame: bytes, writer: asyncio.StreamWriter) -> None:
        self.heard = time.monotonic()
        if opcode == 0x9:  # ping
            writer.write(bytes([0x8A, 0x80 | len(frame)]) + b"\0\0\0\0" + frame)
        elif opcode == 0x8:
            raise ConnectionResetError(frame[2:])
        elif found := _FRAME.search(frame):
            seq, prev = int(found[1]), int(found[2])
            if (seq, prev) != (self.cursor + 1, self.cursor):
                self.faults.append(f"after {self.cursor} came {seq} with prev {prev}")
            self.cursor, self.events = seq, self.events + 1
        elif b'"type":"reset"' in frame:
            self.faults.append(f"reset at {self.cursor}: {frame[:120]!r}")
            if head := _HEAD.search(frame):
                self.cursor = int(head[1])


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readexactly(2)
    length = head[1] & 127
    if length > 125:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
    return head[0] & 15, await reader.readexactly(length)


async def _past(ours: Ours, url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set session_replication_role = replica")  # no hand-offs for events that we made up
        await connection.execute(
            "insert into account_event (account_id, seq, kind, handoff_id, data)"
            " select a, n, 'handoff.updated', uuidv7(), jsonb_build_object('filler', repeat('x', $3))"
            " from unnest($1::uuid[]) a, generate_series(1, $2::int) n",
            ours.accounts, _PAST, _PAST_EVENT, timeout=600,
        )  # fmt: skip
        await connection.execute("update account_stream set last_seq = $1", _PAST)
    finally:
        await connection.close()


async def _work(ours: Ours, url: str, stop: asyncio.Event, done: list[int]) -> None:
    """Escalate and claim, a few each second."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        while not stop.is_set():
            account = random.randrange(len(ours.accounts))  # noqa: S311
            junior = {"Authorization": f"Bearer {ours.junior(account)}"}
            senior = {"Authorization": f"Bearer {ours.senior(account)}"}
            body = {"title": "The tunnel drops", "problem": "Every ten minutes."}
            session = (await client.post("/api/v1/ai-sessions", json=body, headers=junior)).raise_for_status().json()
            reason = {"reason": "It drops again after every key change."}
            path = f"/api/v1/ai-sessions/{session['id']}/handoff"
            handoff = (await client.post(path, json=reason, headers=junior)).raise_for_status().json()
            await asyncio.sleep(random.uniform(0.05, 0.4))  # noqa: S311
            (await client.post(f"/api/v1/handoffs/{handoff['id']}/claim", headers=senior)).raise_for_status()
            done.append(account)


async def _churn(desks: list[Desk], stop: asyncio.Event) -> None:
    """Two in a hundred are cut each second, without a word."""
    while not stop.is_set():
        await asyncio.sleep(1)
        for desk in random.sample(desks, max(len(desks) // 50, 1)):
            if desk.task is not None:
                desk.task.cancel()
            desk.task = asyncio.create_task(desk.live())


async def _soak(ours: Ours, pid: int, url: str, minutes: float, sockets: int) -> tuple[list[str], dict[str, Cell]]:
    port = int(url.rpartition(":")[2])
    desks = [Desk(port, ours.token(n)) for n in range(sockets)]
    for n, desk in enumerate(desks):
        desk.task = asyncio.create_task(desk.live())
        if n % 50 == 49:
            await asyncio.sleep(0.1)
    await asyncio.sleep(5)
    stop, done = asyncio.Event(), list[int]()
    tasks = [asyncio.create_task(_work(ours, url, stop, done)) for _ in range(3)]
    tasks.append(asyncio.create_task(_churn(desks, stop)))
    began, memory, wrong = time.monotonic(), list[int](), list[str]()
    while (now := time.monotonic()) - began < minutes * 60 and not wrong:
        await asyncio.sleep(_SAMPLE_S)
        memory.append(Usage.of(pid).pss)
        stuck = [desk for desk in desks if now - desk.heard > _STUCK_S]
        wrong += [f"{len(stuck)} sockets heard nothing for {_STUCK_S:.0f} s"] if stuck else []
        wrong += [task.get_name() + f" ended: {task.exception()!r}" for task in tasks if task.done()]
        print(
            f"{now - began:6.0f} s  {memory[-1] / 1e6:6.1f} MB  {len(done):6} escalated and claimed"
            f"  {sum(d.events for d in desks):8} frames  {sum(d.returns for d in desks):6} hung up on",
            flush=True,
        )
    stop.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    wrong += await _settled(ours, url, desks)
    for desk in desks:
        if desk.task is not None:
            desk.task.cancel()
    quarter = max(len(memory) // 4, 1)
    early, late = sorted(memory[quarter : 2 * quarter] or memory), sorted(memory[-quarter:])
    before, after = early[len(early) // 2] / 1e6, late[len(late) // 2] / 1e6
    if after > before * _GROWTH:
        wrong.append(f"memory grew from {before:.0f} to {after:.0f} MB")
    return wrong, {
        "minutes": round((time.monotonic() - began) / 60, 1),
        "sockets": sockets,
        "escalated and claimed": len(done),
        "frames read": sum(desk.events for desk in desks),
        "hung up on": sum(desk.returns for desk in desks),
        "mb in the second quarter": before,
        "mb in the last quarter": after,
        "came of it": "; ".join(wrong) or _WELL,
    }


async def _settled(ours: Ours, url: str, desks: list[Desk]) -> list[str]:
    """In the end every socket stands at its account's head."""
    heads = {}
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        for account in range(len(ours.accounts)):
            answer = await client.get("/api/v1/handoffs", headers={"Authorization": f"Bearer {ours.junior(account)}"})
            heads[account] = answer.raise_for_status().json()["seq"]
    for _ in range(300):
        behind = [n for n, desk in enumerate(desks) if desk.cursor < heads[n % len(ours.accounts)]]
        if not behind:
            break
        await asyncio.sleep(0.2)
    faults = [fault for desk in desks for fault in desk.faults]
    return [f"{len(behind)} sockets did not reach the head"] * bool(behind) + faults[:5]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--sockets", type=int, default=5_000)
    parser.add_argument("--docs", action="store_true", help="write docs/performance-soak.md when all is well")
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fp-soak-")))
        folder.chmod(0o711)
        url = stack.enter_context(database(folder / "data"))
        accounts = max(arguments.sockets // _PER_ACCOUNT, 1)
        ours = Ours(folder, accounts, accounts * _PER_ACCOUNT, 1)
        asyncio.run(ours.seed(url))
        asyncio.run(_past(ours, url))
        ours.start(url, 1)
        server = ours.servers[0]
        stack.callback(server.stop)
        wrong, row = asyncio.run(_soak(ours, server.pid, server.url, arguments.minutes, accounts * _PER_ACCOUNT))
        wrong += [line for line in server.logs.splitlines() if "Traceback" in line or " ERROR " in line][:5]
    print("\n".join(wrong) or _WELL)
    found = report("soak", [row], None)
    if arguments.docs and not wrong:
        _DOC.write_text(f"# Socket soak\n\n{_ABOUT}\n\n{plain('Thousands of sockets', found)}\n", "utf-8")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
