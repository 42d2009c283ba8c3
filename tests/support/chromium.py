"""The machine's own Chromium under playwright."""

from playwright.async_api import Browser, Playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


async def launch(playwright: Playwright) -> Browser:
    """A headless browser that asks nothing of the network."""
    return await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGUMENTS))
