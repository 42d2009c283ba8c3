"""The real `flowpilot` with a fault in it, or with a place to die: `python -m tests.support.faulty_server serve …`.

Nothing of this is in the product. FP_FAULT_PLAN holds JSON:

    {"bug": "no_recheck"}                        spoil the program, to prove that the checker sees it
    {"points": PATH}                             write each point that an operation passes, one JSON object per line
    {"die": {"phase": "claim", "label": "db: COMMIT;", "n": 3, "when": "before"}}
                                                 kill -9 this process before or after it passes that point the n-th time
    {"stuck": SECONDS}                           a thread that never ends, and so long for each half of a stop
    {"at_rest": PATH}                            look again and again what a connection that nobody uses can see

Phases are `escalate` and `claim` (the request's own work) and `deliver` (work of the kinds `step`, `idle`, `closed` and
`email`). A point is a call to the database, a COMMIT among them, or a reply awaited from the mail server.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import aiosmtplib.protocol
import asyncpg.protocol.protocol

import backend.app
import backend.commands.runner
import backend.commands.serve
import backend.jobs.worker
from backend.cli import main as flowpilot
from backend.db.engine import Database
from tests.support.seeded import sow

PLAN: Final[dict[str, Any]] = json.loads(os.environ.get("FP_FAULT_PLAN", "{}"))
_PHASES: Final = {"handoff": "escalate", "claim": "claim"}
_POST: Final = re.compile(r"/api/v1/(?:ai-sessions/[^/]+/(handoff)|handoffs/[^/]+/(claim))")
_DELIVERS: Final = {"step", "idle", "closed", "email"}
_phase: ContextVar[str] = ContextVar("phase", default="")
_passed: Counter[tuple[str, str]] = Counter()
_SHORT: Final = 90
_SETTING_UP: Final = ("db: set transaction_timeout", "db: SELECT current_setting('jit')", "db: WITH RECURSIVE typeinfo")
"""How a new connection begins: in which phase one is opened is chance, and a death there is a death before the next."""


def _reach(label: str, when: str) -> None:
    phase = _phase.get()
    if not phase or label.startswith(_SETTING_UP):
        return
    if when == "before":
        _passed[phase, label] += 1
    here = {"phase": phase, "label": label, "n": _passed[phase, label]}
    if when == "before" and "points" in PLAN:
        with Path(PLAN["points"]).open("a") as points:
            points.write(json.dumps(here) + "\n")
    if PLAN.get("die") == {**here, "when": when}:
        os.kill(os.getpid(), signal.SIGKILL)


def _pointed(original: Callable[..., Awaitable[Any]], label: Callable[..., str]) -> Callable[..., Awaitable[Any]]:
    async def call(*arguments: Any, **named: Any) -> Any:
        words = " ".join(label(*arguments, *named.values()).split())[:_SHORT]
        _reach(words, "before")
        answer = await original(*arguments, **named)
        _reach(words, "after")
        return answer

    return call


def _watch_points() -> None:
    """Count every call that leaves the process in one of the phases."""
    wire = asyncpg.protocol.protocol.Protocol
    for name in ("bind_execute", "bind_execute_many", "bind"):
        patch.object(wire, name, _pointed(getattr(wire, name), lambda _, state, *__: f"db: {state.query}")).start()
    patch.object(wire, "query", _pointed(wire.query, lambda _, text, *__: f"db: {text}")).start()
    post = aiosmtplib.protocol.SMTPProtocol
    sent: dict[int, str] = {}
    write = post.write

    def noted(self: Any, data: bytes) -> None:
        sent[id(self)] = "message" if len(data) > _SHORT else data.decode(errors="replace").strip()
        write(self, data)

    patch.object(post, "write", noted).start()
    reply = _pointed(post.read_response, lambda self, *_: f"smtp: {sent.get(id(self), 'greeting')}")
    patch.object(post, "read_response", reply).start()


def _mark_requests() -> None:
    """Requests of escalate and claim, and pieces of the worker's work, are phases."""
    create = backend.app.create_app

    def marked_app() -> Callable[..., Awaitable[None]]:
        app = create()

        async def serve(scope: Any, receive: Any, send: Any) -> None:
            found = _POST.fullmatch(scope.get("path", "")) if scope.get("method") == "POST" else None
            if found is not None:
                _phase.set(_PHASES[found[1] or found[2]])
            await app(scope, receive, send)

        return serve

    patch.object(backend.app, "create_app", marked_app).start()
    lane = backend.jobs.worker._LaneRun
    work = lane._work

    async def marked_work(self: Any, job: Any) -> None:
        if job.kind in _DELIVERS:
            _phase.set("deliver")
        await work(self, job)

    patch.object(lane, "_work", marked_work).start()


def _look_at_rest(path: Path) -> None:
    """Every 50 ms ask on a connection of each pool, without naming an account, for texts that belong to one."""
    opened = Database.open
    looking: list[asyncio.Task[None]] = []

    async def look(database: Any) -> None:
        while True:
            await asyncio.sleep(0.05)
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                seen = [str(row[0]) for row in await database.pool.fetch("select reason from handoff limit 9")]
                async with database.before_account() as tx:
                    seen += [str(row[0]) for row in await tx.exec_driver_sql("select title from ai_session limit 9")]
                if seen:
                    with path.open("a") as found:
                        found.write("\n".join(seen) + "\n")

    async def open_and_look(*arguments: Any, **named: Any) -> Any:
        database = await opened(*arguments, **named)
        looking.append(asyncio.create_task(look(database)))
        return database

    patch.object(Database, "open", open_and_look).start()


def _get_stuck(patience_s: float) -> None:
    """A thread of the event loop's own, as a look-up of a name is."""
    patch.object(backend.commands.runner, "SERVING_S", patience_s).start()
    patch.object(backend.commands.serve, "LEAVING_S", patience_s).start()
    opened = Database.open

    def hang_for_ever() -> None:
        threading.Event().wait()

    async def open_and_hang(*arguments: Any, **named: Any) -> Any:
        asyncio.get_running_loop().run_in_executor(None, hang_for_ever)
        return await opened(*arguments, **named)

    patch.object(Database, "open", open_and_hang).start()


def main() -> int:
    """Spoil, then run the real thing."""
    _mark_requests()
    if "points" in PLAN or "die" in PLAN:
        _watch_points()
    if "at_rest" in PLAN:
        _look_at_rest(Path(PLAN["at_rest"]))
    if "stuck" in PLAN:
        _get_stuck(PLAN["stuck"])
    if "bug" in PLAN:
        sow(PLAN["bug"])
    return flowpilot(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
