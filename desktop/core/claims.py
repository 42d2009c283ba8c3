"""The user's own claims: one at a time for each handoff, with the toast, the banner and the browser that follow."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from urllib.parse import urlsplit

from backend.contract.handoffs import QueueRow
from backend.contract.people import UserView
from desktop.core import present, toasts, words
from desktop.core.claim import ClaimFlow, Failed, Gone, Lost, Offline, Outcome, Own, RoleGone, SignedOut, Won
from desktop.core.deck import Deck
from desktop.core.inbox import Change
from desktop.core.notify import Notifier
from desktop.core.ports import Api, ApiError, Browser, Trace
from desktop.core.present import Case
from desktop.core.running import ServerTime
from desktop.core.views import ToastAction

Origin = Literal["toast", "window", "menu"]
CASES_KEPT: Final = 100
WON_STAYS_S: Final = 4.0
LOST_STAYS_S: Final = 10.0
_AGAIN: Final[tuple[tuple[ToastAction, str], ...]] = (("retry", "Try again"), ("view", "View"))
_READ: Final[tuple[tuple[ToastAction, str], ...]] = (("view", "View hand-off"), ("dismiss", "Dismiss"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a claim touches around itself. `online` says whether trying makes sense; `settled` gets each outcome."""

    server: str
    api: Api
    browser: Browser
    deck: Deck
    notifier: Notifier
    time: ServerTime
    trace: Trace
    online: Callable[[], bool]
    as_of: Callable[[], datetime | None]
    changed: Callable[[], None]
    settled: Callable[[str, Outcome], None]


class Claims:
    """Cases by handoff id."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._flow = ClaimFlow(around.api)
        self.cases: dict[str, Case] = {}

    async def claim(self, row: QueueRow, me: UserView, origin: Origin) -> None:
        """Claim and show what came of it. A second press while one runs does nothing."""
        known = self.cases.get(row.id)
        if known is not None and known.claiming:
            return
        case = self._case(row.id, Case(claiming=True))
        if origin != "window":
            self._around.notifier.hand_over(row.id)
        self._around.changed()
        outcome = await self._outcome(row, me, case, origin)
        case.claiming = case.unknown = False
        case.outcome = outcome
        self._around.trace.mark("claim", handoff=row.id, outcome=outcome_name(outcome), origin=origin)
        self._show(row, outcome, origin)
        self._around.settled(row.id, outcome)
        self._around.changed()
        if isinstance(outcome, Won):
            case.opened = await self._open(outcome.open_url or outcome.session_url or self.page(row))
            self._around.changed()

    async def open_again(self, row: QueueRow) -> None:
        """Open a session that is ours: a new ticket, or the plain page when there is none to be had."""
        url = self.page(row)
        try:
            result = await self._around.api.claim(row.id)
            url = result.open_url
        except ApiError:
            self._around.trace.mark("ticket_missing", handoff=row.id)
        opened = await self._open(url)
        if (case := self.cases.get(row.id)) is not None:
            case.opened = opened
        self._around.changed()

    async def view(self, row: QueueRow) -> None:
        """Look at the session in the browser; viewing never claims."""
        await self._open(self.page(row))

    def page(self, row: QueueRow) -> str:
        """The plain session page."""
        return f"{self._around.server}/pilot/{row.session_id}"

    def changed(self, change: Change, me: UserView | None, *, selected: bool) -> None:
        """The log moved a handoff: what our own claim had said about it may be over."""
        case = self.cases.get(change.handoff_id)
        if case is not None and case.claiming:
            return
        if change.after is not None:
            if change.before is None:
                self.cases.pop(change.handoff_id, None)
            return
        mine = me is not None and change.holder is not None and change.holder.id == me.id
        held = change.kind in {"handoff.claimed", "handoff.reassigned"}
        if (held and mine) or not (selected or case is not None):
            return
        if held:
            self._case(change.handoff_id, Case(outcome=Lost(change.holder, change.at)))
        elif change.kind in {"handoff.withdrawn", "handoff.resolved"}:
            status: Literal["withdrawn", "resolved"] = "withdrawn" if change.kind == "handoff.withdrawn" else "resolved"
            self._case(change.handoff_id, Case(outcome=Gone(status, change.actor, change.note)))

    def failed(self, handoff_id: str, text: str) -> None:
        """Something else than a claim went wrong with a handoff that we hold; it stays ours."""
        case = self.cases.get(handoff_id)
        if case is not None and isinstance(case.outcome, Won):
            case.trouble = text
        else:
            self._case(handoff_id, Case(outcome=Failed(text)))

    async def _outcome(self, row: QueueRow, me: UserView, case: Case, origin: Origin) -> Outcome:
        if not self._around.online():
            return Offline(self._around.as_of())
        if row.handed_off_by.id == me.id:
            return Own()

        def on_unknown() -> None:
            case.unknown = True
            self._around.trace.mark("claim", handoff=row.id, outcome="unknown", origin=origin)
            if origin != "window":
                self._around.deck.show(toasts.outcome(row, "unknown", toasts.UNKNOWN_TEXT))
            self._around.changed()

        outcome = await self._flow.claim(row.id, me.id, on_unknown)
        return Offline(self._around.as_of()) if isinstance(outcome, Offline) else outcome

    def _show(self, row: QueueRow, outcome: Outcome, origin: Origin) -> None:
        if origin == "window":
            if not isinstance(outcome, Offline | Failed):
                self._around.deck.withdraw(row.id)
            return
        wall = self._around.time.wall()
        if isinstance(outcome, Won):
            told = f"{words.first_name(row.handed_off_by.name)} has been told."
            text = f"Opening the session in your browser. {told}"
            self._around.deck.show(toasts.outcome(row, "claimed", text, stays_s=WON_STAYS_S))
        elif isinstance(outcome, Offline | Failed):
            text = present.outcome_text(outcome, wall)
            self._around.deck.show(toasts.outcome(row, "offline", text, _AGAIN))
            self._around.notifier.take_back(row.id)
        else:
            text = present.outcome_text(outcome, wall)
            self._around.deck.show(toasts.outcome(row, "lost", text, _READ, LOST_STAYS_S))

    async def _open(self, url: str) -> bool:
        parts = urlsplit(url)
        opened = parts.scheme in {"http", "https"} and await self._around.browser.open(url)
        self._around.trace.mark("opened", path=parts.path, opened=opened)
        return opened

    def _case(self, handoff_id: str, case: Case) -> Case:
        self.cases.pop(handoff_id, None)
        self.cases[handoff_id] = case
        for old in list(self.cases)[:-CASES_KEPT]:
            if not self.cases[old].claiming:
                del self.cases[old]
        return case


def outcome_name(outcome: Outcome) -> str:
    """One word for the trace."""
    match outcome:
        case Won(again=True):
            return "already_yours"
        case Won():
            return "claimed"
        case RoleGone():
            return "role_gone"
        case SignedOut():
            return "signed_out"
        case _:
            return type(outcome).__name__.lower()
