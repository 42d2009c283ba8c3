"""The last word of a program that was asked to end: what still hangs is cut off, so that nobody must do it by hand.

Each part of a stop has a bound of its own: requests, background work, connections, PostgreSQL. This is for what knows
none: a thread that waits for a name server or a disk, work that is told to end and does not.
"""

import faulthandler
import signal
from types import FrameType
from typing import Final

SERVING_S: Final = 15.0
"""From a stop signal until requests, background work and connections have ended."""
LEAVING_S: Final = 15.0
"""From there until the embedded PostgreSQL and the process have. A service manager that waits 30 s kills nobody."""
_STANDARD_ERROR: Final = 2


def cut_off_in(seconds: float) -> None:
    """End this process in so many seconds, whatever it does, and say on standard error what each thread was doing.

    A later call replaces an earlier one. Only for what was asked to end; its exit code is 1 then.
    """
    faulthandler.dump_traceback_later(seconds, exit=True, file=_STANDARD_ERROR)


def cut_off_after_signal(seconds: float) -> None:
    """Do so from the first stop signal on; call it where the handlers of the signals are set already."""
    asked = False
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def handle(received: int, frame: FrameType | None, before=before) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
            nonlocal asked
            if not asked:
                asked = True
                cut_off_in(seconds)
            if callable(before):
                before(received, frame)

        signal.signal(number, handle)
