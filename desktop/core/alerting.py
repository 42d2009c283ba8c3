"""How this user wants to be alerted: which escalations, how loud, and when not. Made from the settings."""

from dataclasses import dataclass, field, replace
from typing import Final, Literal

from backend.contract.handoffs import QueueRow
from backend.contract.people import UserView
from backend.contract.vocabulary import Priority
from desktop.core.quiet import QuietHours
from desktop.core.views import ToastView

Scope = Literal["all", "mine_and_unassigned", "mine"]
LockText = Literal["full", "brief", "none"]
ALL: Final[frozenset[Priority]] = frozenset({"low", "normal", "high", "urgent"})
URGENT: Final[frozenset[Priority]] = frozenset({"urgent"})
LOUD: Final[frozenset[Priority]] = frozenset({"high", "urgent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """Sets of priorities: which show a toast, sound, repeat their sound, come through in quiet hours."""

    toast: frozenset[Priority] = ALL
    sound: frozenset[Priority] = LOUD
    repeat: frozenset[Priority] = URGENT
    through_quiet: frozenset[Priority] = URGENT
    scope: Scope = "all"
    repeat_s: float = 60.0
    lock_text: LockText = "brief"
    quiet: QuietHours = field(default_factory=QuietHours)

    def wants(self, row: QueueRow, me: UserView | None) -> bool:
        """Whether the user wants a toast for it at all."""
        mine = me is not None and row.target_user_id == me.id
        nobodys = row.target_user_id is None and self.scope != "mine"
        return row.priority in self.toast and (self.scope == "all" or mine or nobodys)

    def loud(self, row: QueueRow) -> bool:
        """Whether its sound repeats."""
        return row.priority in self.sound and row.priority in self.repeat

    def dressed(self, view: ToastView, *, repeat: bool = True) -> ToastView:
        """The toast of one escalation with its sound and its repeats."""
        sound = view.priority in self.sound
        repeats = repeat and sound and view.priority in self.repeat
        note = view.note or (f"Repeats every {self.repeat_s:g} s" if repeats else None)
        return replace(view, sound=sound, repeats=repeats, note=note)


def veiled(view: ToastView, text: LockText) -> ToastView:
    """What a locked screen shows of it: anybody may read there."""
    if text == "full" or view.variant == "test":
        return view
    if view.variant == "digest":
        return view if text == "brief" else replace(view, body="", customer=None)
    brief = text == "brief"
    return replace(
        view,
        title=(view.customer if brief else None) or "A hand-off is waiting",
        body="",
        customer=None,
        from_name=None,
        note=None,
        priority=view.priority if brief else None,
    )
