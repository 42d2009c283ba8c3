"""An OpenAI-compatible endpoint on loopback that speaks the documented protocol and misbehaves on request.

`replies` and `reports` are what it answers; `behave(...)` says how. Every request's body is kept in `asked`.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

from tests.support.listener import end_listening

ASSESSMENT: Final = {
    "summary": "The tunnel drops every hour. Two steps did not help.",
    "known": ["Firewall: FortiGate 60F"],
    "likely_cause": "The phase 2 lifetimes differ between the two firewalls.",
    "why": "Drops are 60 minutes apart.",
    "next_steps": ["Compare the phase 2 lifetime on both ends"],
    "confidence": 0.82,
}
REPORT: Final[dict[str, Any]] = {"facts": [], "steps": []}
KEY: Final = "sk-local"


@dataclass(slots=True)
class ModelServer:
    """Started by `model_server()`.

    Behaviours: ok, slow, cut, bad_json, busy, hang, wrong_schema, no_schema, error, garbage.
    """

    port: int = 0
    reply: str = "Check the phase 2 lifetime on both ends and tell me both values."
    report: dict[str, Any] = field(default_factory=lambda: dict(REPORT))
    assessment: dict[str, Any] = field(default_factory=lambda: dict(ASSESSMENT))
    asked: list[dict[str, Any]] = field(default_factory=list)
    behaviour: str = "ok"
    part_s: float = 0.0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    open: int = 0

    @property
    def url(self) -> str:
        """What FLOWPILOT_LLM_BASE_URL is set to."""
        return f"http://127.0.0.1:{self.port}/v1"

    def settings(self, **more: str) -> dict[str, Any]:
        """The server's settings to use it."""
        return {
            "FLOWPILOT_LLM_BASE_URL": self.url,
            "FLOWPILOT_LLM_MODEL": "tiny-test",
            "FLOWPILOT_LLM_API_KEY": KEY,
            **more,
        }

    def behave(self, how: str, *, part_s: float = 0.0) -> None:
        """From now on. `slow` waits for `gate` in the middle of an answer; `part_s` between its parts."""
        self.behaviour, self.part_s = how, part_s
        self.gate.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request after request."""
        self.open += 1
        try:
            while request := await _request(reader):
                headers, body = request
                if headers.get("authorization") != f"Bearer {KEY}":
                    _answer(
                        writer,
                        401,
                        {"error": {"message": "Incorrect API key provided", "type": "invalid_request_error"}},
                    )
                    continue
                self.asked.append(body)
                await self._say(writer, body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _say(self, writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
        match self.behaviour:
            case "busy":
                _answer(writer, 429, {"error": {"message": "Rate limit reached"}}, {"Retry-After": "7"})
            case "error":
                _answer(writer, 500, {"error": {"message": "boom"}})
            case "hang":
                await asyncio.sleep(3_600)
            case _ if body.get("stream"):
                await self._stream(writer)
            case _:
                self._structured(writer, body)

    def _structured(self, writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
        wanted = body.get("response_format", {})
        if self.behaviour == "no_schema" and wanted.get("type") == "json_schema":
            _answer(writer, 400, {"error": {"message": "response_format is not supported"}})
            return
        name = wanted.get("json_schema", {}).get("name", "")
        report = name == "report" or "newest message" in body["messages"][0]["content"]
        said: object = self.report if report else self.assessment
        text = json.dumps(said)
        if self.behaviour == "bad_json":
            text = text[: len(text) // 2]
        if self.behaviour == "wrong_schema":
            text = json.dumps({"cause": "x", "confidence": "very"})
        if self.behaviour == "no_schema":
            text = f"```json\n{text}\n```"
        _answer(
            writer,
            200,
            {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]},
        )

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        _event(writer, {"choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}]})
        words = self.reply.split(" ")
        for number, word in enumerate(words):
            if number == len(words) // 2:
                await writer.drain()
                if self.behaviour == "cut":
                    writer.transport.abort()
                    return
                if self.behaviour == "garbage":
                    _chunk(writer, b"data: {not json\n\n")
                    return
                if self.behaviour == "slow":
                    await self.gate.wait()
            text = word if number == 0 else f" {word}"
            _event(writer, {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})
            if self.part_s:
                await writer.drain()
                await asyncio.sleep(self.part_s)
        _event(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        _chunk(writer, b"data: [DONE]\n\n")
        _chunk(writer, b"")


async def _request(reader: asyncio.StreamReader) -> tuple[dict[str, str], dict[str, Any]] | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return headers, json.loads(body or b"{}")


def _answer(writer: asyncio.StreamWriter, status: int, body: object, more: dict[str, str] | None = None) -> None:
    data = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in (more or {}).items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)


def _event(writer: asyncio.StreamWriter, data: object) -> None:
    _chunk(writer, b"data: " + json.dumps(data).encode() + b"\n\n")


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


@contextlib.asynccontextmanager
async def model_server() -> AsyncIterator[ModelServer]:
    """Start it, and end it with the block."""
    model = ModelServer()
    listening = await asyncio.start_server(model.serve, "127.0.0.1", 0)
    model.port = listening.sockets[0].getsockname()[1]
    try:
        yield model
    finally:
        model.gate.set()
        await end_listening(listening)
