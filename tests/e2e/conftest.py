"""One browser per worker for all that is seen in one."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, expect

from tests.support.chromium import KeptChromium

# Several suites share the machine; the waits end with the event, not the time.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def kept_chromium() -> Iterator[KeptChromium]:
    kept = KeptChromium()
    yield kept
    kept.end()


@pytest.fixture
async def browser(kept_chromium: KeptChromium) -> AsyncIterator[Browser]:
    """Chromium for this test, without contexts; whichever it makes end with it."""
    async with kept_chromium.connected() as opened:
        yield opened
