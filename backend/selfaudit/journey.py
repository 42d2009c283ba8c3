"""The way of one escalation, gone by the public interface: what a junior, a senior and their clients do.

JourneyError is the one way in which it ends early; it names the stage.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

STAGE_S: Final = 10.0
"""No stage may take longer; a person would have given up."""
_API: Final = "/api/v1"
_SAID: Final = 160


class JourneyError(Exception):
    """The way ends at `stage`, for `reason`, one line. `passing`: a restart of the server looks the same."""

    def __init__(self, stage: str, reason: str, *, passing: bool = False) -> None:
        super().__init__(f"{stage}: {reason}")
        self.stage = stage
        self.reason = reason
        self.passing = passing


class Journey:
    """One run against the server at `base` (`http://host:port`). `seconds` fills stage by stage.

    The tokens are personal access tokens of a technician and of a senior of one account.
    """

    def __init__(self, base: str, *, junior_token: str, senior_token: str) -> None:
        self.seconds: dict[str, float] = {}
        self._base = base.rstrip("/")
        self._junior_token = junior_token
        self._senior_token = senior_token

    async def go(self) -> None:
        """From the open session to the resolved handoff. Raises JourneyError."""
        async with (
            _client(self._base, self._junior_token) as junior,
            _client(self._base, self._senior_token) as senior,
            contextlib.AsyncExitStack() as stack,
        ):
            with self._stage("connect"):
                async with asyncio.timeout(STAGE_S):
                    stream = await stack.enter_async_context(self._listening())
            await self._walk(junior, senior, stream)

    async def _walk(self, junior: httpx.AsyncClient, senior: httpx.AsyncClient, stream: "_Stream") -> None:
        with self._stage("open session"):
            body = {"title": "Canary", "problem": "An escalation that FlowPilot sends to itself."}
            session = await _post(junior, "/ai-sessions", body, 201)
        sent = time.monotonic()
        with self._stage("escalate"):
            reason = {"reason": "Made every minute to see that escalations arrive.", "priority": "normal"}
            handoff = await _post(junior, f"/ai-sessions/{session['id']}/handoff", reason, 201)
        with self._stage("event"):
            alert = await stream.event("handoff.created", handoff["id"])
        self.seconds["event"] = time.monotonic() - sent  # as a person sees it: from the press to the alert
        with self._stage("receipt"):
            await stream.send(type="receipt", handoff_id=handoff["id"], state="shown", rung=alert.get("rung", 0))
            told = await stream.event("handoff.delivery", handoff["id"])
            _expect(told["state"], "shown", "the state of the delivery")
        with self._stage("claim"):
            won = await _post(senior, f"/handoffs/{handoff['id']}/claim", None, 200)
            _expect(won["outcome"], "claimed", "the outcome")
            _expect("/go#t=" in won["open_url"], True, "a one-time ticket in open_url")
            await stream.event("handoff.claimed", handoff["id"])
        with self._stage("first action"):
            note = {"content": "The canary has arrived."}
            await _post(senior, f"/ai-sessions/{session['id']}/messages", note, 201)
        with self._stage("resolve"):
            ended = await _post(senior, f"/handoffs/{handoff['id']}/resolve", None, 200)
            _expect(ended["status"], "resolved", "the status")
            kinds = [entry["kind"] for entry in ended["timeline"]]
            _expect("first_action" in kinds, True, "the first action in the timeline")

    @contextlib.contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        except JourneyError as error:
            raise JourneyError(name, error.reason, passing=error.passing) from error
        except TimeoutError as error:
            raise JourneyError(name, f"no answer within {STAGE_S:.0f} s") from error
        except (httpx.HTTPError, WebSocketException, OSError, ValueError, KeyError) as error:
            passing = isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError | WebSocketException | OSError)
            raise JourneyError(name, _words(error), passing=passing) from error
        self.seconds[name] = time.monotonic() - began

    @contextlib.asynccontextmanager
    async def _listening(self) -> "AsyncIterator[_Stream]":
        address = "ws" + self._base.removeprefix("http") + f"{_API}/events/stream"
        headers = {"Authorization": f"Bearer {self._senior_token}"}
        async with connect(
            address, additional_headers=headers, proxy=None, compression=None, open_timeout=STAGE_S, close_timeout=1
        ) as connection:
            stream = _Stream(connection)
            hello = await stream.frame()
            await stream.send(type="resume", after=hello["head"], epoch=hello["epoch"])
            yield stream


class _Stream:
    """The senior's event stream."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, **frame: object) -> None:
        await self._connection.send(json.dumps(frame))

    async def frame(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(await self._connection.recv())
        return frame

    async def event(self, kind: str, handoff_id: str) -> dict[str, Any]:
        """The data of the next event of this kind on this handoff."""
        async with asyncio.timeout(STAGE_S):
            while True:
                frame = await self.frame()
                if frame["type"] in {"reset", "bye"}:
                    said = f"the event stream said {frame['type']}"
                    raise JourneyError("", said, passing=frame["type"] == "bye")
                if frame["type"] == "event" and frame["kind"] == kind and frame["data"]["handoff_id"] == handoff_id:
                    data: dict[str, Any] = frame["data"]
                    return data


def _client(base: str, token: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=base, headers=headers, timeout=STAGE_S, trust_env=False)


async def _post(client: httpx.AsyncClient, path: str, body: object, status: int) -> dict[str, Any]:
    async with asyncio.timeout(STAGE_S):
        answer = await client.post(_API + path, json=body)
    if answer.status_code != status:
        raise JourneyError("", f"{answer.status_code} instead of {status}: {_line(answer.text)}")
    found: dict[str, Any] = answer.json()
    return found


def _expect(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise JourneyError("", f"{what} is {found!r}, not {wanted!r}")


def _words(error: Exception) -> str:
    return _line(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def _line(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())[:_SAID]
