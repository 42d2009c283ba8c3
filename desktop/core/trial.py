"""The test notification: asks the server for one, follows it to the screen and back, and tells each hop with its time.

    ask ──► Server ──hint, live link──► `heard` ──► deck ──► Notification ──receipt──► server ──► `heard` again

It takes the way of an escalation: the same stream, the same deck, the same receipt. Where the server cannot be reached
the notification is shown all the same, by this computer alone, and the hops say so.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol, TypeVar

from backend.contract.events import Receipt, TrialAlert
from desktop.core import toasts, words
from desktop.core.ports import ApiError, RefusedError, SignedOutError
from desktop.core.rounds import Round
from desktop.core.views import ProbeState, ProbeStep, ToastView

HOP_S: Final = 10.0
NAMES: Final = ("Server", "Live link", "Notification", "Receipt")
_ALONE: Final = "alone"
_T = TypeVar("_T")
_REASON: Final = {
    "locked": "the screen is locked",
    "do not disturb": "the desktop holds notifications back",
    "notifications off": "the desktop shows no notifications of FlowPilot",
}


class Asker(Protocol):
    """The call that asks for one."""

    async def test_notification(self) -> TrialAlert:
        """Raise `ApiError`."""
        ...


class Trial:
    """One at a time. `show` is the deck's; `listener` gets all hops with each change, and whether it still runs."""

    def __init__(
        self,
        api: Asker,
        *,
        tell: Callable[[Receipt], None],
        mono: Callable[[], float],
        wall: Callable[[], datetime],
        muted: Callable[[], str | None],
    ) -> None:
        self._api, self._pass_on = api, tell
        self._mono, self._wall, self._muted = mono, wall, muted
        self._began = 0.0
        self.show: Callable[[ToastView, tuple[Round, ...]], None] = lambda _view, _tells: None
        self._came: asyncio.Future[TrialAlert] | None = None
        self._told: asyncio.Future[Receipt] | None = None
        self._kept: asyncio.Future[TrialAlert] | None = None
        self.steps: tuple[ProbeStep, ...] = ()
        self.running = False
        self.shown_at: datetime | None = None
        self.listener: Callable[[tuple[ProbeStep, ...], bool], None] = lambda _steps, _running: None

    async def run(self) -> None:
        """All hops; one that runs already is not begun anew."""
        if self.running:
            return
        self.running, self.steps = True, ()
        loop = asyncio.get_running_loop()
        self._came, self._told, self._kept = loop.create_future(), loop.create_future(), loop.create_future()
        try:
            await self._follow(self._came, self._told, self._kept)
        finally:
            self.running = False
            self._came = self._told = self._kept = None
            self._say()

    def heard(self, alert: TrialAlert) -> None:
        """The server's word, over the live link: here it is, or that it has our receipt."""
        if alert.state == "sent":
            _settle(self._came, alert)
            self.show(toasts.trial(), (Round(alert.id, 0),))
        else:
            _settle(self._kept, alert)

    def tell(self, receipt: Receipt) -> None:
        """The deck's receipts pass through here to the server; that of a test says what came of it."""
        if receipt.handoff_id != _ALONE:
            self._pass_on(receipt)
        came = self._came
        if receipt.handoff_id == _ALONE or (
            came is not None and came.done() and came.result().id == receipt.handoff_id
        ):
            self.shown_at = self._wall() if receipt.state == "shown" else self.shown_at
            _settle(self._told, receipt)

    async def _follow(
        self, came: "asyncio.Future[TrialAlert]", told: "asyncio.Future[Receipt]", kept: "asyncio.Future[TrialAlert]"
    ) -> None:
        self._hop()
        try:
            async with asyncio.timeout(HOP_S):
                await self._api.test_notification()
        except (ApiError, TimeoutError) as exc:
            self._end("bad", _why(exc))
            await self._by_itself(told)
            return
        self._end("good", "Took the request")
        self._hop()
        if await _within(came) is None:
            self._end("bad", f"Nothing came in {HOP_S:g} s")
            await self._by_itself(told)
            return
        self._end("good", "Brought the notification")
        if await self._notified(told):
            self._hop()
            back = await _within(kept)
            if back is None:
                self._end("bad", f"The server did not confirm it in {HOP_S:g} s")
            else:
                self._end("good", "The server has it: shown" if back.state == "shown" else "The server has it")

    async def _by_itself(self, told: "asyncio.Future[Receipt]") -> None:
        if len(self.steps) == 1:
            self._leave_out("Not reached")
        self.show(toasts.trial(alone=True), (Round(_ALONE, 0),))
        if await self._notified(told, "By this computer alone. "):
            self._leave_out("Nothing to confirm")

    async def _notified(self, told: "asyncio.Future[Receipt]", how: str = "") -> bool:
        self._hop()
        receipt = await _within(told)
        if receipt is None:
            self._end("bad", f"{how}Nothing was on the screen in {HOP_S:g} s")
        elif receipt.state == "shown":
            muted = self._muted()
            held = f". An escalation would be held back now: {muted}" if muted else ""
            self._end("good", f"{how}On the screen{held}")
        else:
            reason = _REASON.get(receipt.reason or "", receipt.reason or "no reason given")
            self._end("bad", f"{how}Not seen: {reason}")
        return receipt is not None

    def _hop(self) -> None:
        self._began = self._mono()
        self.steps = (*self.steps, ProbeStep(NAMES[len(self.steps)], "running"))
        self._say()

    def _end(self, state: ProbeState, said: str) -> None:
        took = max(1, round((self._mono() - self._began) * 1000))
        at = words.clock_seconds(self._wall())
        self.steps = (*self.steps[:-1], ProbeStep(self.steps[-1].name, state, f"{said}, {at}, {took} ms"))
        self._say()

    def _leave_out(self, why: str) -> None:
        self.steps = (*self.steps, ProbeStep(NAMES[len(self.steps)], "left_out", why))
        self._say()

    def _say(self) -> None:
        self.listener(self.steps, self.running)


async def _within(future: "asyncio.Future[_T]") -> _T | None:
    done, _ = await asyncio.wait({future}, timeout=HOP_S)
    return future.result() if done else None


def _settle(future: "asyncio.Future[_T] | None", value: _T) -> None:
    if future is not None and not future.done():
        future.set_result(value)


def _why(exc: Exception) -> str:
    match exc:
        case SignedOutError():
            return "The server does not know this sign-in"
        case RefusedError(code="not_found"):
            return "This server is too old to send one"
        case RefusedError(detail=str(detail)) if detail:
            return detail.rstrip(".")
        case _:
            return "The server did not answer"
