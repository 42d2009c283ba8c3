"""From the settings to how the rules alert."""

from datetime import time
from typing import Final

from backend.contract.vocabulary import Priority
from desktop.core.alerting import Alerting, LockText, Scope
from desktop.core.quiet import QuietHours
from desktop.settings.schema import DAYS
from desktop.settings.store import Store

_PRIORITIES: Final[tuple[Priority, ...]] = ("low", "normal", "high", "urgent")
_SCOPES: Final[dict[str, Scope]] = {"mine": "mine", "mine_and_unassigned": "mine_and_unassigned"}
_LOCK_TEXTS: Final[dict[str, LockText]] = {"full": "full", "none": "none"}


def alerting(store: Store) -> Alerting:
    """The settings that the rules follow, as they are now."""
    silent = store.words("sound.name") == "none"
    return Alerting(
        toast=_which(store, "toast"),
        sound=frozenset() if silent else _which(store, "sound"),
        repeat=_which(store, "repeat"),
        through_quiet=_which(store, "quiet"),
        scope=_SCOPES.get(store.words("notify.scope"), "all"),
        repeat_s=float(store.number("sound.repeat_s")),
        lock_text=_LOCK_TEXTS.get(store.words("lock_screen.text"), "brief"),
        quiet=QuietHours(
            enabled=store.flag("quiet.enabled"),
            days=frozenset(DAYS.index(day) for day in store.days("quiet.days")),
            start=time.fromisoformat(store.words("quiet.from")),
            end=time.fromisoformat(store.words("quiet.to")),
        ),
    )


def _which(store: Store, column: str) -> frozenset[Priority]:
    return frozenset(priority for priority in _PRIORITIES if store.flag(f"notify.{priority}.{column}"))
