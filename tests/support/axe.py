"""What axe finds against a page, in light and in dark."""

from typing import Any, Final, Literal

from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.async_api import Page

RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# All rules that look at a colour. The looks are one document under two style sheets; nothing else differs.
COLOURS: Final = ("color-contrast", "link-in-text-block")
_LOOKS: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
# A colour on its way from one look to the other is in neither, and a dialog that arrives is still half clear.
_SETTLED: Final = (
    "async () => { await new Promise(requestAnimationFrame);"
    " await Promise.allSettled(document.getAnimations()"
    ".filter(one => one.playState === 'running' && one.effect.getComputedTiming().endTime < Infinity)"
    ".map(one => one.finished)); }"
)


async def blemishes(page: Page) -> str:
    """Return axe's report on the page in light, and on its colours in dark; empty where nobody is shut out.

    Asked for are WCAG 2.2 AA and axe's own best practices. The page stays as it was loaded: menus, dialogs and fields
    in use are looked at in both looks.
    """
    for look in _LOOKS:
        await page.emulate_media(color_scheme=look)
        await page.evaluate(_SETTLED)
        only = {"type": "tag", "values": RULES} if look == "light" else {"type": "rule", "values": COLOURS}
        found = AxeResults(await _run(page, only))
        if found.violations_count:
            return f"{look}: {found.generate_report()}"
    await page.emulate_media(color_scheme="light")
    return ""


async def _run(page: Page, only: dict[str, Any]) -> dict[str, Any]:
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    result: dict[str, Any] = await page.evaluate(
        "options => axe.run(options)", {"runOnly": only, "resultTypes": ["violations"]}
    )
    return result
