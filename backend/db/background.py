"""How a background loop lives: only its own cancellation ends it, and nothing that goes wrong in it is unseen."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

PAUSE_S = 1.0


async def keep_doing(
    step: Callable[[], Awaitable[None]],
    *,
    what: str,
    expected: tuple[type[Exception], ...],
    pause_s: float = PAUSE_S,
) -> None:
    """Run `step` again and again until cancelled; a step waits for its own occasion.

    What is `expected` (a database that is away) is one warning, anything else is a fault of ours and is logged with
    its traceback. Either way the loop goes on after `pause_s` seconds. `what` completes "cannot …".
    """
    while True:
        try:
            await step()
        except expected as error:
            log.warning("cannot %s, trying again: %s", what, str(error) or type(error).__name__)
        except Exception:
            log.exception("cannot %s, a fault in the program, going on", what)
        else:
            continue
        await asyncio.sleep(pause_s)
