"""What the server is told of a toast: only what is true of the screen."""

import asyncio

from backend.contract.events import Receipt
from desktop.core.deck import Deck
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
    deck.show(toast("first"), ("h1",))
    deck.show(toast("second"), ("h2",))
    await settle()
    assert [(receipt.handoff_id, receipt.state) for receipt in told] == [("h1", "shown")]
    deck.came_up("second")
    deck.came_up("second")
    assert [receipt.handoff_id for receipt in told] == ["h1", "h2"], "once, and only when it is on the screen"


async def test_a_toast_that_was_withdrawn_while_it_waited_is_never_told_as_shown() -> None:
    told: list[Receipt] = []
    deck = Deck(Slot(), told.append, NoTrace())
    deck.show(toast("first"), ("h1",))
    deck.show(toast("second"), ("h2",))
    await settle()
    deck.withdraw("second")
    await settle()
    deck.came_up("second")
    assert [receipt.handoff_id for receipt in told] == ["h1"]
