"""A small faithful server of the contract: queue, handoffs, claim, release and the event stream, all in memory.

It keeps the promises that the tray app relies on (one winner, gapless `seq`, resume without gap or duplicate) and lets
a test break the rest: drop sockets, trim the log, change the epoch, hold or swallow answers, refuse tokens.
"""

import asyncio
import itertools
import json
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.support.fake_parts import Faults, QuietServer, problem

MINA = {"id": "u-mina", "name": "Mina Okafor"}
DANA = {"id": "u-dana", "name": "Dana Reyes"}
LEE = {"id": "u-lee", "name": "Lee Park"}


def person(user: dict[str, str], role: str) -> dict[str, str]:
    """A `UserView`."""
    return {**user, "email": f"{user['id']}@example.test", "role": role}


@dataclass
class FakeServer:
    """Tokens `dana` and `lee` are engineers, `mina` is a technician."""

    heartbeat_s: int = 20
    users: dict[str, dict[str, str]] = field(
        default_factory=lambda: {
            "dana": person(DANA, "engineer"),
            "lee": person(LEE, "engineer"),
            "mina": person(MINA, "technician"),
        }
    )
    epoch: str = "epoch-1"
    takes: tuple[str, ...] = ("holding",)
    min_seq: int = 0
    faults: Faults = field(default_factory=Faults)
    handoffs: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    sockets: set[WebSocket] = field(default_factory=set)
    received: list[dict[str, Any]] = field(default_factory=list)
    told: dict[tuple[str, int, str], str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    port: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _server: uvicorn.Server | None = None
    _task: "asyncio.Task[None] | None" = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def head(self) -> int:
        """The last position."""
        return len(self.log)

    # -- what people do ----------------------------------------------------------------------------------------------

    def escalate(self, title: str = "VPN to Leeds clinic drops every hour", **fields: Any) -> str:
        """A junior escalates; answers the handoff's id."""
        number = next(self._numbers)
        row = {
            "id": f"h-{number}",
            "session_id": f"s-{number}",
            "title": title,
            "customer": "Harlow Dental Group",
            "ticket": None,
            "priority": "normal",
            "status": "pending",
            "reason": "I cannot see the head office firewall.",
            "need": "Someone with head office firewall access.",
            "created_at": now(),
            "handed_off_by": MINA,
            "session_owner": MINA,
            "target_user_id": None,
            "claimed_by": None,
            "claimed_at": None,
            "assessment_status": "pending",
            "rung": 0,
            "to": None,
            "breaks_dnd": False,
            "waiting_since": now(),
            **fields,
        }
        self.handoffs[row["id"]] = {**row, "claim_epoch": 0, "timeline": []}
        self.append("handoff.created", row["id"])
        return str(row["id"])

    def claim(self, handoff_id: str, user: dict[str, str]) -> bool:
        """Whether this one wins."""
        handoff = self.handoffs[handoff_id]
        if handoff["status"] != "pending":
            return False
        who = {"id": user["id"], "name": user["name"]}
        handoff.update(status="claimed", claimed_by=who, claimed_at=now(), claim_epoch=handoff["claim_epoch"] + 1)
        self.append("handoff.claimed", handoff_id)
        return True

    def release(self, handoff_id: str, user: dict[str, str] | None, note: str | None = None) -> None:
        """Back to the queue, in a new round; without a user the policy does it."""
        self._next_round(handoff_id, None, status="pending", claimed_by=None, claimed_at=None, waiting_since=now())
        actor = {"id": user["id"], "name": user["name"]} if user is not None else None
        self.append("handoff.released", handoff_id, actor=actor, note=note)

    def realert(self, handoff_id: str, *to: dict[str, str], cause: str = "step") -> None:
        """The policy's next step tells these people, or nobody named: everyone."""
        self._next_round(handoff_id, [each["id"] for each in to] or None)
        self.append("handoff.realerted", handoff_id, actor=None, note="Everyone again", cause=cause)

    def nudge(self, handoff_id: str, returns_at: str) -> None:
        """The claimer is reminded."""
        holder = self.handoffs[handoff_id]["claimed_by"]
        self._next_round(handoff_id, [holder["id"]])
        self.append("handoff.realerted", handoff_id, actor=None, note=None, cause="nudge", returns_at=returns_at)

    def first_step(self, handoff_id: str) -> None:
        """The claimer has begun."""
        self.append("handoff.updated", handoff_id, first_action_kind="message", first_action_at=now())

    def _next_round(self, handoff_id: str, to: list[str] | None, **fields: Any) -> None:
        handoff = self.handoffs[handoff_id]
        handoff.update(rung=handoff["rung"] + 1, to=to, **fields)

    def withdraw(self, handoff_id: str, note: str | None = None) -> None:
        """The escalating side takes it back."""
        self.handoffs[handoff_id]["status"] = "withdrawn"
        self.handoffs[handoff_id]["timeline"].append({"at": now(), "kind": "withdrawn", "actor": MINA, "detail": note})
        self.append("handoff.withdrawn", handoff_id, actor=MINA, note=note)

    def append(self, kind: str, handoff_id: str, **extra: Any) -> None:
        """One event; readers are woken."""
        row = self.row(handoff_id)
        held = {"claimed_by": row["claimed_by"]} if row["claimed_by"] else {}
        self.log.append({"kind": kind, "at": now(), "data": {**row, "handoff_id": handoff_id, **held, **extra}})
        self.wake()

    def row(self, handoff_id: str) -> dict[str, Any]:
        """The queue row of a handoff."""
        hidden = {"claim_epoch", "timeline"}
        return {key: value for key, value in self.handoffs[handoff_id].items() if key not in hidden}

    def wake(self) -> None:
        """Let every reader look again."""
        asyncio.get_running_loop().create_task(self._wake())

    def receipts(self) -> list[tuple[str, str]]:
        """What clients said they showed: (handoff, state)."""
        return [(f["handoff_id"], f["state"]) for f in self.received if f["type"] == "receipt"]

    def rounds(self, handoff_id: str) -> list[tuple[int, str, str | None]]:
        """The receipts of one handoff: (rung, state, reason)."""
        of = [f for f in self.received if f["type"] == "receipt" and f["handoff_id"] == handoff_id]
        return [(f["rung"], f["state"], f.get("reason")) for f in of]

    async def until(self, condition: Any, within_s: float = 30.0) -> None:
        """Wait until `condition()` is true; it is asked again whenever something changes."""
        async with asyncio.timeout(within_s), self._changed:
            await self._changed.wait_for(condition)

    async def drop(self, code: int = 1012) -> None:
        """Close every socket with this code."""
        for each in list(self.sockets):
            await each.close(code)

    async def tell_all(self, frame: dict[str, Any]) -> None:
        """One frame to every socket, out of turn."""
        for each in list(self.sockets):
            await each.send_text(json.dumps(frame))

    # -- serving -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen; the same port again after `stop`."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app(), log_level="error", ws="websockets-sansio", lifespan="off", timeout_graceful_shutdown=1
        )
        server = self._server = QuietServer(config)
        self._task = asyncio.get_running_loop().create_task(server.serve(sockets=[listener]))
        async with asyncio.timeout(30):
            while not server.started:  # noqa: ASYNC110 - uvicorn has only a flag
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Close the listener and every connection."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = self._server.force_exit = True
            self.wake()
            await self._task
            self._server = self._task = None

    def _app(self) -> Starlette:
        api = "/api/v1"
        return Starlette(
            routes=[
                Route(f"{api}/me", self._me),
                Route(f"{api}/handoffs", self._queue),
                Route(f"{api}/handoffs/{{id}}", self._handoff),
                Route(f"{api}/handoffs/{{id}}/claim", self._claim, methods=["POST"]),
                Route(f"{api}/handoffs/{{id}}/release", self._release, methods=["POST"]),
                Route(f"{api}/devices/test-notification", self._test, methods=["POST"]),
                WebSocketRoute(f"{api}/events/stream", self._stream),
            ]
        )

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _user(self, headers: Any) -> dict[str, str] | None:
        return self.users.get(headers.get("authorization", "").removeprefix("Bearer "))

    async def _me(self, request: Request) -> Response:
        user = self._user(request.headers)
        return problem(401, "unauthenticated", "Sign in first") if user is None else JSONResponse(self.me(user))

    def me(self, user: dict[str, str]) -> dict[str, Any]:
        """Who is calling, from a computer that was connected on 3 November."""
        account = {"id": "a-1", "name": "Northbeam IT", "timezone": "Europe/London"}
        device = {"id": "d-1", "name": "DANA-LT-04", "connected_at": "2026-11-03T12:00:00Z"}
        known = {"user": user, "role": user["role"], "account": account, "permissions": []}
        return {**known, "device": device, "server_version": "1.0.0"}

    async def _queue(self, request: Request) -> Response:
        self.requests.append("GET /handoffs")
        if self._user(request.headers) is None:
            return problem(401, "unauthenticated", "Sign in first")
        if self.faults.queue_status:
            return problem(self.faults.queue_status, "internal_error", "no")
        items = [self.row(key) for key, value in self.handoffs.items() if value["status"] == "pending"]
        start, limit = int(request.query_params.get("cursor", 0)), int(request.query_params.get("limit", 200))
        following = str(start + limit) if start + limit < len(items) else None
        return JSONResponse({"items": items[start : start + limit], "next_cursor": following, "seq": self.head})

    async def _handoff(self, request: Request) -> Response:
        handoff_id = request.path_params["id"]
        self.requests.append(f"GET /handoffs/{handoff_id}")
        if self._user(request.headers) is None:
            return problem(401, "unauthenticated", "Sign in first")
        if self.faults.handoff_status:
            return problem(self.faults.handoff_status, "internal_error", "no")
        if handoff_id not in self.handoffs:
            return problem(404, "not_found", "There is no such thing")
        return JSONResponse(self.whole(handoff_id))

    async def _claim(self, request: Request) -> Response:
        handoff_id = request.path_params["id"]
        self.requests.append(f"POST /handoffs/{handoff_id}/claim")
        user = self._user(request.headers)
        if user is None:
            return problem(401, "unauthenticated", "Sign in first")
        if self.faults.claims is not None:
            await self.faults.claims.wait()
        if self.faults.swallow_claim:
            await asyncio.sleep(60)
        answer = self._answer_claim(handoff_id, user)
        if self.faults.swallow_claim_answer:
            self.faults.swallow_claim_answer = False
            await asyncio.sleep(60)
        return answer

    def _answer_claim(self, handoff_id: str, user: dict[str, str]) -> Response:
        handoff = self.handoffs.get(handoff_id)
        if handoff is None:
            return problem(404, "not_found", "There is no such thing")
        if user["role"] not in {"engineer", "admin", "owner"}:
            return problem(403, "role_required", "Your role does not include this")
        if handoff["handed_off_by"]["id"] == user["id"]:
            return problem(409, "own_handoff", "You cannot claim your own escalation")
        outcome = "claimed"
        if not self.claim(handoff_id, user):
            if handoff["status"] != "claimed":
                return problem(409, "not_pending", "The hand-off is not waiting any more")
            holder = handoff["claimed_by"]
            if holder["id"] != user["id"]:
                detail = f"Already claimed by {holder['name']}"
                more = {"claimed_by": holder, "claimed_at": handoff["claimed_at"]}
                return problem(409, "already_claimed", detail, **more)
            outcome = "already_yours"
        page = f"{self.url}/pilot/{handoff['session_id']}"
        return JSONResponse(
            {
                "outcome": outcome,
                "handoff": self.whole(handoff_id),
                "claim_epoch": handoff["claim_epoch"],
                "seq": self.head,
                "session_url": page,
                "open_url": f"{self.url}/go#t=secret-{next(self._numbers)}",
            }
        )

    async def _test(self, request: Request) -> Response:
        if self._user(request.headers) is None:
            return problem(401, "unauthenticated", "Sign in first")
        if self.faults.test_status:
            return problem(self.faults.test_status, "not_found", "")
        alert = {"type": "test", "id": f"t-{next(self._numbers)}", "asked_at": now(), "at": now()}
        if not self.faults.lose_tests:
            await self.tell_all({**alert, "state": "sent"})
        return JSONResponse({**alert, "state": "asked"}, status_code=202)

    async def _release(self, request: Request) -> Response:
        handoff_id = request.path_params["id"]
        user = self._user(request.headers)
        body = await request.json()
        if user is None:
            return problem(401, "unauthenticated", "Sign in first")
        holder = self.handoffs[handoff_id]["claimed_by"]
        if holder is None or holder["id"] != user["id"]:
            return problem(409, "claim_lost", "You do not hold this hand-off any more", claimed_by=holder)
        self.release(handoff_id, user, body.get("note"))
        return JSONResponse(self.whole(handoff_id))

    def whole(self, handoff_id: str) -> dict[str, Any]:
        """The handoff with its package."""
        handoff = self.handoffs[handoff_id]
        snapshot = {
            "taken_at": handoff["created_at"],
            "title": handoff["title"],
            "problem": "The tunnel drops.",
            "customer": handoff["customer"],
            "ticket": None,
            "owner": handoff["session_owner"],
            "messages": [],
            "facts": [],
            "steps": [],
            "message_count": 0,
        }
        package = {
            "reason": handoff["reason"],
            "need": handoff["need"],
            "impact": None,
            "snapshot": snapshot,
            "assessment": None,
            "assessment_status": handoff["assessment_status"],
        }
        return {**handoff, "impact": None, "escalation_package": package, "deliveries": []}

    # -- the stream --------------------------------------------------------------------------------------------------

    async def _stream(self, connection: WebSocket) -> None:
        user = self._user(connection.headers)
        if user is None:
            await connection.send_denial_response(problem(401, "unauthenticated", "Sign in first"))
            return
        await connection.accept()
        self.sockets.add(connection)
        await connection.send_text(
            json.dumps(
                {
                    "type": "hello",
                    "protocol": 1,
                    "epoch": self.epoch,
                    "head": self.head,
                    "heartbeat_s": self.heartbeat_s,
                    "server_time": now(),
                    "user": user,
                    "takes": self.takes,
                }
            )
        )
        writer: asyncio.Task[None] | None = None
        try:
            while True:
                frame = json.loads(await connection.receive_text())
                self.received.append({**frame, "user": user["id"]})
                self.wake()
                if frame["type"] == "receipt" and frame["handoff_id"].startswith("t-"):
                    told = {"id": frame["handoff_id"], "state": frame["state"], "asked_at": now(), "at": now()}
                    await connection.send_text(json.dumps({"type": "test", **told}))
                elif frame["type"] == "receipt":
                    self._keep_receipt(frame, user)
                if frame["type"] != "resume":
                    continue
                if writer is not None:
                    writer.cancel()
                writer = await self._resume(connection, frame)
        except WebSocketDisconnect:
            return
        finally:
            self.sockets.discard(connection)
            if writer is not None:
                writer.cancel()
            self.wake()

    def _keep_receipt(self, frame: dict[str, Any], user: dict[str, str]) -> None:
        """Into the log when it says something new of its round; once shown stays shown."""
        key = (frame["handoff_id"], frame["rung"], user["id"])
        if frame["handoff_id"] not in self.handoffs or self.told.get(key) in {"shown", frame["state"]}:
            return
        self.told[key] = frame["state"]
        who = {"id": user["id"], "name": user["name"]}
        data = {"handoff_id": key[0], "session_id": self.handoffs[key[0]]["session_id"], "user": who}
        told = {
            "channel": "desktop",
            "state": frame["state"],
            "at": now(),
            "detail": frame.get("reason"),
            "rung": key[1],
        }
        self.log.append({"kind": "handoff.delivery", "at": now(), "data": {**data, **told}})
        self.wake()

    async def _resume(self, connection: WebSocket, frame: dict[str, Any]) -> "asyncio.Task[None] | None":
        after = frame["after"]
        if frame.get("epoch", self.epoch) != self.epoch or not self.min_seq <= after <= self.head:
            await connection.send_text(
                json.dumps({"type": "reset", "epoch": self.epoch, "head": self.head, "reason": "trimmed"})
            )
            return None
        return asyncio.get_running_loop().create_task(self._write(connection, after))

    async def _write(self, connection: WebSocket, cursor: int) -> None:
        start = self.head
        while True:
            async with self._changed:
                while self.head <= cursor:
                    await self._changed.wait()
            while cursor < self.head:
                event = self.log[cursor]
                frame = {"type": "event", "seq": cursor + 1, "prev": cursor, "replay": cursor < start, **event}
                cursor += 1
                await connection.send_text(json.dumps(frame))
                await asyncio.sleep(0)  # a client that is gone is noticed between two frames


def now() -> str:
    """The server's time."""
    return datetime.now(UTC).isoformat()
