"""Inbox and notification policy of one senior, for tests."""

from backend.contract.handoffs import QueueRow
from desktop.core.inbox import Inbox
from desktop.core.notify import Alert, Notifier, Show
from desktop.core.rounds import Round
from tests.unit.desktop.samples import ME, T0, event


class Desk:
    """Inbox and policy of a senior, live."""

    def __init__(self, *, live: bool = True) -> None:
        self.inbox = Inbox()
        self.notifier = Notifier()
        self.notifier.me = ME
        if live:
            self.settle(0)

    def happens(self, kind: str, of: QueueRow, now: float = 0, **extra: object) -> list[Alert]:
        change = self.inbox.apply(event(kind, of, **extra), now)  # type: ignore[arg-type] # data of any shape
        return self.notifier.changed(change, self.inbox.sorted(), now, T0)

    def settle(self, now: float) -> list[Alert]:
        return self.notifier.settled(self.inbox.sorted(), now, T0)

    def unseen(self, *ids: str) -> list[Alert]:
        return self.notifier.unseen([Round(each, 0) for each in ids], self.inbox.sorted(), 0, T0)

    def on_time(self, now: float) -> list[Alert]:
        return self.notifier.on_time(self.inbox.sorted(), now, T0)

    def mute(self, reason: str | None) -> list[Alert]:
        return self.notifier.mute(reason, self.inbox.sorted(), 0, T0)


def shows(alerts: list[Alert]) -> list[tuple[str, str]]:
    return [(alert.view.id, alert.view.variant) for alert in alerts if isinstance(alert, Show)]
