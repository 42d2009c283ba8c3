"""What the server is told of a toast: only what is true of the screen."""

import asyncio

from backend.contract.events import Receipt
from desktop.core.deck import Deck
from desktop.core.ports import ToastFailedError
from desktop.core.rounds import Round
from desktop.core.views import ToastView


class Slot:
    """A toast service that shows one and lets the others wait, as the app's own window does."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def show(self, view: ToastView) -> str:
        self.ids.append(view.id)
        return "window" if self.ids[0] == view.id else "queued"

    async def withdraw(self, toast_id: str) -> None:
        self.ids.remove(toast_id)


class NoTrace:
    def mark(self, name: str, **fields: object) -> None:
        pass


def toast(toast_id: str) -> ToastView:
    return ToastView(id=toast_id, variant="new", title="T", body="B")


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_toast_that_waits_is_told_as_shown_when_it_comes_up() -> None:
    told: list[Receipt] = []
    deck = Deck(Slot(), told.append, NoTrace())
    deck.show(toast("first"), (Round("h1", 0),))
    deck.show(toast("second"), (Round("h2", 0),))
    await settle()
    assert [(receipt.handoff_id, receipt.state) for receipt in told] == [("h1", "shown")]
    deck.came_up("second")
    deck.came_up("second")
    assert [receipt.handoff_id for receipt in told] == ["h1", "h2"], "once, and only when it is on the screen"


async def test_a_toast_that_was_withdrawn_while_it_waited_is_never_told_as_shown() -> None:
    told: list[Receipt] = []
    deck = Deck(Slot(), told.append, NoTrace())
    deck.show(toast("first"), (Round("h1", 0),))
    deck.show(toast("second"), (Round("h2", 0),))
    await settle()
    deck.withdraw("second")
    await settle()
    deck.came_up("second")
    assert [receipt.handoff_id for receipt in told] == ["h1"]


async def test_the_receipt_names_the_round_and_a_replaced_toast_tells_of_both() -> None:
    told: list[Receipt] = []
    deck = Deck(Slot(), told.append, NoTrace())
    deck.show(toast("first"))
    deck.show(toast("second"), (Round("h2", 0),))
    await settle()
    deck.show(toast("second"), (Round("h2", 1),))
    await settle()
    deck.came_up("second")
    assert [(receipt.handoff_id, receipt.rung, receipt.state) for receipt in told] == [
        ("h2", 0, "shown"),
        ("h2", 1, "shown"),
    ]


async def test_behind_a_cover_nothing_is_told_as_shown_and_what_was_put_up_is_named_when_it_lifts() -> None:
    told: list[Receipt] = []
    deck = Deck(Slot(), told.append, NoTrace())
    assert deck.cover("locked") == ()
    deck.show(toast("h1"), (Round("h1", 2),))
    await settle()
    assert [(receipt.state, receipt.reason, receipt.rung) for receipt in told] == [("suppressed", "locked", 2)]
    assert deck.cover(None) == (Round("h1", 2),)
    assert deck.cover(None) == ()


async def test_a_window_that_does_not_come_up_is_told_as_failed_and_as_shown_if_it_does_after_all() -> None:
    told: list[Receipt] = []
    deck = Deck(Slot(), told.append, NoTrace())
    deck.show(toast("first"))
    deck.show(toast("h1"), (Round("h1", 0),))
    await settle()
    deck.failed("h1", "the toast window did not come up")
    deck.came_up("h1")
    assert [(receipt.state, receipt.reason) for receipt in told] == [
        ("failed", "the toast window did not come up"),
        ("shown", None),
    ]


class Gone(Slot):
    """A notification service that is gone."""

    async def show(self, view: ToastView) -> str:
        self.ids.append(view.id)
        raise ToastFailedError("the notification service is gone")


async def test_a_service_that_is_gone_is_told_as_failed_with_what_it_was() -> None:
    told: list[Receipt] = []
    deck = Deck(Gone(), told.append, NoTrace())
    deck.show(toast("h1"), (Round("h1", 3),))
    await settle()
    assert told == [Receipt(handoff_id="h1", state="failed", reason="the notification service is gone", rung=3)]
    assert deck.get("h1") is None
