"""As much of a Gotify server as gotify-tray asks of one to be connected and idle."""

import asyncio
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.support.fake_parts import QuietServer

_APP = {"id": 1, "token": "A", "name": "Bench", "description": "", "internal": False, "image": "static/x.png"}


class GotifyServer:
    """`connected` is set once a client holds the stream."""

    def __init__(self) -> None:
        self.connected = asyncio.Event()
        self.url = ""
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen on loopback."""
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = Starlette(
            routes=[
                Route("/version", _version),
                Route("/health", _health),
                Route("/application", _applications),
                Route("/message", _messages),
                Route("/application/{id}/message", _messages),
                WebSocketRoute("/stream", self._stream),
            ]
        )
        self._server = QuietServer(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))

    async def stop(self) -> None:
        """Close."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = self._server.force_exit = True
            await self._task

    async def _stream(self, stream: WebSocket) -> None:
        await stream.accept()
        self.connected.set()
        try:
            while True:
                await stream.receive_text()
        except WebSocketDisconnect:
            return


async def _version(_request: Request) -> Response:
    return JSONResponse({"version": "2.4.0", "commit": "", "buildDate": ""})


async def _health(_request: Request) -> Response:
    return JSONResponse({"health": "green", "database": "green"})


async def _applications(_request: Request) -> Response:
    return JSONResponse([_APP])


async def _messages(_request: Request) -> Response:
    return JSONResponse({"messages": [], "paging": {"size": 0, "limit": 100, "since": 0}})
