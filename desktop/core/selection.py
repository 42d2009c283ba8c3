"""The handoff that is open on the right side: loaded on selection, kept when somebody else claims it."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from backend.contract.handoffs import Handoff, QueueRow
from desktop.core.ports import Api, ApiError, RefusedError, SignedOutError, UnreachableError

MOST: Final = 20


class Selection:
    """One selected handoff at a time. `changed` is called when there is something new to draw.

    The last ones that were loaded are kept: they can be read while the server cannot, as they were then.
    """

    def __init__(self, api: Api, changed: Callable[[], None], signed_out: Callable[[], None]) -> None:
        self._api = api
        self._changed = changed
        self._signed_out = signed_out
        self._task: asyncio.Task[None] | None = None
        self.row: QueueRow | None = None
        self.handoff: Handoff | None = None
        self.error: str | None = None
        self._known: dict[str, Handoff] = {}

    @property
    def known(self) -> list[Handoff]:
        """The last ones that were loaded, newest last."""
        return list(self._known.values())

    def recall(self, handoffs: Iterable[Handoff]) -> None:
        """What was known when the app ran last."""
        for handoff in handoffs:
            self._remember(handoff)

    def forget(self) -> None:
        """Another user: nothing is selected, nothing known."""
        self.clear()
        self._known.clear()

    @property
    def id(self) -> str | None:
        """The selected handoff's id."""
        return self.row.id if self.row else None

    def select(self, row: QueueRow) -> None:
        """Select and load; selecting the same row again keeps what is loaded."""
        if self.row is None or self.row.id != row.id:
            self.handoff = self._known.get(row.id)
        self.row = row
        self.reload()

    def clear(self) -> None:
        """Nothing is selected."""
        self._cancel()
        self.row = self.handoff = self.error = None

    def put(self, handoff: Handoff) -> None:
        """A claim's answer brought the whole handoff."""
        self._cancel()
        self._remember(handoff)
        self.row, self.handoff, self.error = handoff, handoff, None

    def reload(self) -> None:
        """Load again; an older answer that comes late is dropped."""
        self._cancel()
        if self.row is not None:
            self.error = None
            self._task = asyncio.get_running_loop().create_task(self._load(self.row.id))

    def _remember(self, handoff: Handoff) -> None:
        self._known.pop(handoff.id, None)
        self._known[handoff.id] = handoff
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _load(self, handoff_id: str) -> None:
        try:
            self.handoff = await self._api.handoff(handoff_id)
            self._remember(self.handoff)
        except SignedOutError:
            self._signed_out()
        except RefusedError as exc:
            self.error = _error_text(f"The server answered with an error ({exc.status}).")
        except UnreachableError:
            if self.handoff is None:
                self.error = "The server did not answer. The hand-off loads as soon as it does."
        except ApiError:
            self.error = _error_text("The server did not answer as it should.")
        self._changed()


def _error_text(what: str) -> str:
    return f"{what} You can still claim; the session has the full context."
