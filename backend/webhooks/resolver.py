"""Looking up hosts without ever standing in the way of anything else.

The system's resolver blocks for as long as it likes. It runs in threads of its own, few of them, that nobody waits for:
the loop's shared threads also check passwords, and a name server that hangs must cost webhooks alone. Whoever owns that
name server chooses that it hangs, so one account has not all of the threads.
"""

import asyncio
import contextlib
import socket
import threading
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Final
from uuid import UUID

from backend.db.turns import Turns
from backend.webhooks.addresses import Address

_PLACES: Final = 16
_EACH: Final = 6

_NOBODY: Final = UUID(int=0)
asking_for: ContextVar[UUID] = ContextVar("flowpilot_asking_for", default=_NOBODY)
"""The account whose host is looked up by this task."""


class SystemResolver:
    """Callable as `target.Resolve`: `addresses = await resolver("hooks.example.com", 443)`."""

    def __init__(self) -> None:
        self._turns = Turns(_PLACES, _EACH)

    async def __call__(self, host: str, port: int) -> list[Address]:
        """Every address of the host, in the system's order of preference. Raises OSError when there is none."""
        account_id = asking_for.get()
        await self._turns.take(account_id)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Address]] = loop.create_future()
        # A lookup that is given up goes on in its thread and keeps its place until it ends.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())

        def settle(found: list[Address] | OSError) -> None:
            self._turns.give(account_id)
            if not answer.done():
                if isinstance(found, OSError):
                    answer.set_exception(found)
                else:
                    answer.set_result(found)

        def look() -> None:
            found = _look_up(host, port)
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile: nobody is waiting
                loop.call_soon_threadsafe(settle, found)

        threading.Thread(target=look, name="webhook-resolver", daemon=True).start()
        return await answer


def _look_up(host: str, port: int) -> list[Address] | OSError:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError) as error:
        return error if isinstance(error, OSError) else OSError(str(error))
    # An address with a zone (fe80::1%eth0) is link-local in any case; the zone is dropped to see that.
    return list(dict.fromkeys(ip_address(str(where[0]).partition("%")[0]) for *_, where in found))
