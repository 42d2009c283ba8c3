"""Do not disturb and a locked screen: what nobody sees is told as suppressed, and comes when somebody can see it."""

from desktop.core.notify import Show, Tell
from desktop.core.rounds import Round
from tests.unit.desktop.policy_desk import Desk, shows
from tests.unit.desktop.samples import DANA, LEE, row


def test_do_not_disturb_holds_toasts_and_says_so_to_the_server() -> None:
    desk = Desk()
    desk.mute("do not disturb")
    held = desk.happens("handoff.created", row("h1", priority="urgent"))
    assert held == [Tell(Round("h1", 0), "suppressed", "do not disturb")]
    desk.happens("handoff.created", row("h2"))
    desk.happens("handoff.claimed", row("h2", status="claimed", holder=LEE))
    again = desk.happens("handoff.realerted", row("h1", rung=1), to=[DANA.id], cause="step")
    assert again == [Tell(Round("h1", 1), "suppressed", "do not disturb")]
    [alert] = desk.mute(None)
    assert shows([alert]) == [("h1", "reminder")], "the policy had asked again"
    assert isinstance(alert, Show)
    assert alert.tells == (("h1", 1),)


def test_what_the_account_lets_through_is_shown_with_its_sound_and_the_rest_is_held() -> None:
    desk = Desk()
    desk.mute("do not disturb")
    desk.happens("handoff.created", row("h1"))
    [alert] = desk.happens("handoff.created", row("h2", priority="urgent", breaks_dnd=True))
    assert isinstance(alert, Show)
    assert (alert.view.id, alert.view.sound, alert.tells) == ("h2", True, (("h2", 0),))
    desk.notifier.reconnecting()
    desk.inbox.load([row("h1"), row("h2", rung=1, priority="urgent", breaks_dnd=True), row("h3", breaks_dnd=True)])
    assert shows(desk.settle(9)) == [("h2", "reminder"), ("h3", "new")]
    off = Desk()
    off.mute("notifications off")
    [told] = off.happens("handoff.created", row(priority="urgent", breaks_dnd=True))
    assert told == Tell(Round("h1", 0), "suppressed", "notifications off")


def test_one_that_becomes_urgent_breaks_through_though_it_was_held() -> None:
    desk = Desk()
    desk.mute("do not disturb")
    desk.happens("handoff.created", row())
    assert shows(desk.happens("handoff.updated", row(priority="urgent", breaks_dnd=True))) == [("h1", "new")]
    assert desk.mute(None) == []


def test_a_digest_under_do_not_disturb_speaks_only_of_what_breaks_through() -> None:
    desk = Desk(live=False)
    desk.mute("do not disturb")
    desk.inbox.load([row("h1"), *(row(f"u{each}", priority="urgent", breaks_dnd=True) for each in range(2))])
    [alert] = [each for each in desk.settle(1) if isinstance(each, Show)]
    assert alert.view.title == "2 waiting, 2 urgent"


def test_a_digest_that_was_due_when_do_not_disturb_began_is_held_with_it() -> None:
    desk = Desk()
    for number in range(6):
        desk.happens("handoff.created", row(f"h{number}"))
    told = desk.mute("do not disturb")
    assert [each.round for each in told if isinstance(each, Tell)] == [("h4", 0), ("h5", 0)]
    assert desk.notifier.deadline is None
    [alert] = [each for each in desk.mute(None) if isinstance(each, Show)]
    assert sorted(alert.tells) == [("h4", 0), ("h5", 0)]


def test_do_not_disturb_that_ends_without_a_link_shows_what_still_waits_when_that_is_known() -> None:
    desk = Desk()
    desk.mute("do not disturb")
    desk.happens("handoff.created", row("h1"))
    desk.happens("handoff.created", row("h2"))
    desk.notifier.reconnecting()
    assert desk.mute(None) == []
    desk.happens("handoff.claimed", row("h1", status="claimed", holder=LEE))
    assert shows(desk.settle(1)) == [("h2", "new")]


def test_what_was_put_up_unseen_comes_again_if_it_still_waits() -> None:
    desk = Desk()
    for number in range(3):
        desk.happens("handoff.created", row(f"h{number}", priority="urgent" if number == 2 else "normal"))
    desk.happens("handoff.claimed", row("h0", status="claimed", holder=LEE))
    nudged_one = row("h9", status="claimed", holder=DANA)
    desk.happens("handoff.realerted", nudged_one, to=[DANA.id], cause="nudge")
    again = desk.unseen("h0", "h1", "h2", "h9")
    assert sorted(shows(again)) == [("h1", "reminder"), ("h2", "reminder"), ("h9", "nudge")]


def test_a_digest_tells_nothing_of_what_went_before_it_came() -> None:
    desk = Desk()
    for number in range(6):
        desk.happens("handoff.created", row(f"h{number}"))
    desk.happens("handoff.claimed", row("h5", status="claimed", holder=LEE))
    [alert] = desk.on_time(5)
    assert isinstance(alert, Show)
    assert alert.tells == (("h4", 0),)
