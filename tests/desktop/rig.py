"""The tray app's rules and network parts against the small server, with a recorded screen, toasts and browser."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

from desktop.core.controller import Controller, Ports
from desktop.core.last_known import Shelf
from desktop.core.ports import ToastFailedError
from desktop.core.views import DetailView, QueueView, ToastView, TrayView
from desktop.net.api import HttpApi
from desktop.net.fallback import BACK_S, FallbackConnector
from desktop.net.proxy import SYSTEM, ProxyChoice
from desktop.net.session import Session
from desktop.net.socket import WebSocketConnector
from desktop.platform.clock import SystemClock
from tests.support.fake_server import FakeServer


class Recorder:
    """Screen, toasts, browser and trace in one: keeps what it was told and lets a test wait for it."""

    def __init__(self) -> None:
        self.queue = QueueView.__new__(QueueView)
        self.detail: DetailView | None = None
        self.tray: TrayView | None = None
        self.toasts: dict[str, ToastView] = {}
        self.toast_log: list[tuple[str, str]] = []
        self.opened: list[str] = []
        self.copied: list[str] = []
        self.raised = 0
        self.sign_in_asked = 0
        self.marks: list[tuple[str, dict[str, object]]] = []
        self.toast_error: str | None = None
        self.browser_works = True
        self._news = asyncio.Condition()

    def show_queue(self, view: QueueView) -> None:
        self.queue = view
        self._tell()

    def show_detail(self, view: DetailView | None) -> None:
        self.detail = view
        self._tell()

    def show_tray(self, view: TrayView) -> None:
        self.tray = view
        self._tell()

    def raise_window(self) -> None:
        self.raised += 1

    def ask_sign_in(self) -> None:
        self.sign_in_asked += 1

    def copy_text(self, text: str) -> None:
        self.copied.append(text)

    async def show(self, view: ToastView) -> str:
        if self.toast_error:
            raise ToastFailedError(self.toast_error)
        self.toasts[view.id] = view
        self.toast_log.append((view.id, view.variant))
        self._tell()
        return "system"

    async def withdraw(self, toast_id: str) -> None:
        self.toasts.pop(toast_id, None)
        self._tell()

    async def open(self, url: str) -> bool:
        self.opened.append(url)
        self._tell()
        return self.browser_works

    def mark(self, name: str, **fields: object) -> None:
        self.marks.append((name, fields))
        self._tell()

    def marked(self, name: str) -> list[dict[str, object]]:
        return [fields for known, fields in self.marks if known == name]

    async def until(self, condition: Callable[[], Any], within_s: float = 30.0) -> None:
        """Wait until true; asked again with every piece of news."""
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(condition)

    def rows(self) -> list[str]:
        return [row.id for row in self.queue.rows]

    def state(self) -> str:
        return self.queue.connection.state

    def _tell(self) -> None:
        asyncio.get_running_loop().create_task(self._notify())

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()


@contextlib.asynccontextmanager
async def app(server: FakeServer, who: str = "dana") -> AsyncIterator[tuple[Recorder, Controller]]:
    """One app that is signed in at the small server; yields once it is started (not yet live)."""
    async with app_at(server.url, who) as parts:
        yield parts


@contextlib.asynccontextmanager
async def app_at(
    url: str,
    token: str | None,
    *,
    shelf: Shelf | None = None,
    proxy: ProxyChoice = SYSTEM,
    verify: ssl.SSLContext | None = None,
    back_s: float = BACK_S,
    seen: Recorder | None = None,
) -> AsyncIterator[tuple[Recorder, Controller]]:
    """The same with any server, small or real, and any way to it."""
    seen = seen or Recorder()
    session = Session(url, token, proxy=proxy)
    api = HttpApi(session, verify)
    controller = Controller(
        url,
        Ports(
            api=api,
            connector=FallbackConnector(
                WebSocketConnector(session, verify),
                api,
                changed=lambda polling: setattr(controller.vitals, "by_requests", polling),
                back_s=back_s,
            ),
            toasts=seen,
            browser=seen,
            screen=seen,
            clock=SystemClock(),
            trace=seen,
            shelf=shelf,
        ),
    )
    controller.start(signed_in=token is not None)
    try:
        yield seen, controller
    finally:
        await controller.stop()
        await api.close()


@contextlib.asynccontextmanager
async def serving(**fields: Any) -> AsyncIterator[FakeServer]:
    """A running small server."""
    server = FakeServer(**fields)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def path(url: str) -> str:
    return urlsplit(url).path
