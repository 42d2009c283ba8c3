"""How background work lives and ends.

Only its own cancellation ends a loop, and nothing that goes wrong in it is unseen; nobody waits for its end for ever.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

PAUSE_S = 1.0
STOP_S = 4.0
"""What each part of a stop may take: less than a call to a database that has frozen, whose own limit is 30 s."""


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


async def in_time(work: Coroutine[Any, Any, None], *, what: str, within_s: float = STOP_S) -> bool:
    """Whether `work` ended within so many seconds. If not it is told to end, and left behind with a warning.

    A timeout would wait for work that is told to end and does not, such as a call to a database that has frozen.
    `what` completes "could not …". Never raises what the work raises: this is for parts of a stop, and all have a turn.
    """
    task = asyncio.create_task(work, name=what)
    done, _ = await asyncio.wait({task}, timeout=within_s)
    if not done:
        task.cancel()
        log.warning("could not %s within %g s, going on without", what, within_s)
        return False
    try:
        await task
    except Exception:
        log.exception("could not %s, a fault in the program, going on", what)
    return True
