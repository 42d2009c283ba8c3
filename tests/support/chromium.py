"""The machine's own Chromium, without a window, asking nothing of the network."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, async_playwright

from tests.support.listener import held_port

CHROMIUM: Final = "/usr/bin/chromium"
# Every test starts Playwright's own process; what that compiles of its program is kept for the next one.
os.environ.setdefault("NODE_COMPILE_CACHE", str(Path(__file__).parents[2] / ".pytest_cache" / "node"))
ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]


@asynccontextmanager
async def chromium(*more: str) -> AsyncIterator[Browser]:
    """Start it, and end it with the block."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *more])
        yield browser
        await browser.close()


class KeptChromium:
    """A Chromium that runs on, and the way to it for one test after another, each with contexts of its own.

    Playwright's objects belong to the event loop they were made in, and every test has its own: what starts the browser
    lives in a thread, a test connects to its debugging port.
    """

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._address: Future[str] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name="chromium", daemon=True)
        self._thread.start()

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            async with AsyncExitStack() as stack:
                port = stack.enter_context(held_port()).getsockname()[1]
                await stack.enter_async_context(chromium(f"--remote-debugging-port={port}"))
                self._address.set_result(f"http://127.0.0.1:{port}")
                await self._over.wait()
        except BaseException as error:
            if not self._address.done():
                self._address.set_exception(error)
            raise

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Browser]:
        """The browser for one test; its contexts end with the block."""
        address = await asyncio.to_thread(self._address.result, 60)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.connect_over_cdp(address)
            try:
                yield browser
            finally:
                await browser.close()

    def end(self) -> None:
        """End it."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)
