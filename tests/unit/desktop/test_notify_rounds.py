"""Reminders and nudges: each round is alerted here once, to those it is for, and goes when it is over."""

import pytest

from backend.contract.handoffs import QueueRow
from desktop.core import words
from desktop.core.notify import Alert, Show, Tell, Withdraw
from desktop.core.rounds import Round
from tests.unit.desktop.policy_desk import Desk, shows
from tests.unit.desktop.samples import DANA, LEE, T0, row


def test_a_reminder_replaces_the_toast_even_one_that_was_closed() -> None:
    desk = Desk()
    desk.happens("handoff.created", row(minute=-9))
    [alert] = desk.happens("handoff.realerted", row(minute=-9, rung=1), to=[DANA.id, LEE.id], cause="step")
    assert isinstance(alert, Show)
    assert (alert.view.id, alert.view.variant) == ("h1", "reminder")
    assert alert.view.title == "Still waiting: VPN to Leeds clinic drops every hour"
    assert alert.view.body == "Unclaimed for 9 min. Mina Okafor is waiting in the session."
    assert alert.view.buttons == (("claim", "Claim"), ("view", "View"))
    assert alert.tells == (("h1", 1),)
    desk.notifier.closed("h1")
    again = desk.happens("handoff.realerted", row(minute=-64, rung=2), to=[DANA.id], cause="repeat", step=3)
    assert shows(again) == [("h1", "reminder")]
    assert isinstance(again[0], Show)
    assert again[0].view.body == "Unclaimed for 1 h 04 min. Mina Okafor is waiting in the session."
    assert again[0].view.note == "Step 3 of policy"
    assert again[0].tells == (("h1", 2),)


def test_an_urgent_reminder_stays_until_acted_on() -> None:
    desk = Desk()
    desk.happens("handoff.created", row(priority="urgent"))
    [alert] = desk.happens("handoff.realerted", row(priority="urgent", rung=1), to=[DANA.id], cause="step")
    assert isinstance(alert, Show)
    assert (alert.view.variant, alert.view.stays_s, alert.view.sound) == ("reminder", None, True)


def test_a_round_for_others_only_updates_the_row() -> None:
    desk = Desk()
    desk.happens("handoff.created", row())
    assert desk.happens("handoff.realerted", row(rung=1), to=[LEE.id], cause="step") == []
    assert desk.inbox.waiting["h1"].rung == 1
    desk.notifier.reconnecting()
    assert desk.settle(1) == [], "nor does a reconnect make it ours"
    assert shows(desk.happens("handoff.realerted", row(rung=2), to=[DANA.id], cause="step")) == [("h1", "reminder")]


def test_one_that_was_first_for_its_target_alone_is_a_reminder_when_it_widens() -> None:
    desk = Desk()
    assert desk.happens("handoff.created", row(target=LEE.id), to=[LEE.id]) == []
    widened = desk.happens("handoff.realerted", row(target=LEE.id, rung=1), to=[LEE.id, DANA.id], cause="widened")
    assert shows(widened) == [("h1", "reminder")]


def test_a_round_that_came_while_away_is_shown_and_told_as_what_it_is() -> None:
    desk = Desk()
    desk.happens("handoff.created", row())
    desk.notifier.reconnecting()
    assert desk.happens("handoff.realerted", row(rung=1), to=[DANA.id], cause="step") == []
    [alert] = desk.settle(1)
    assert shows([alert]) == [("h1", "reminder")]
    assert isinstance(alert, Show)
    assert alert.tells == (("h1", 1),)
    desk.notifier.reconnecting()
    desk.inbox.load([row(rung=2), row("h2", rung=4)])
    digest = desk.settle(2)
    assert Withdraw("h1") in digest, "the digest speaks for it now"
    [shown] = [each for each in digest if isinstance(each, Show)]
    assert sorted(shown.tells) == [("h1", 2), ("h2", 4)]


def test_a_restored_database_that_counts_from_lower_down_still_alerts() -> None:
    desk = Desk()
    desk.happens("handoff.created", row(rung=5))
    desk.notifier.reconnecting()
    desk.inbox.load([row(rung=2)])
    assert desk.settle(1) == []
    assert shows(desk.happens("handoff.realerted", row(rung=3), to=[DANA.id], cause="step")) == [("h1", "reminder")]


def test_no_reminder_covers_a_claim_that_is_under_way() -> None:
    desk = Desk()
    desk.happens("handoff.created", row())
    desk.notifier.hand_over("h1")
    assert desk.happens("handoff.realerted", row(rung=1), to=[DANA.id], cause="step") == []
    desk.notifier.take_back("h1")
    assert shows(desk.settle(1)) == [("h1", "reminder")], "it is still owed when the claim came to nothing"


def test_in_a_burst_of_reminders_an_urgent_toast_is_renewed_where_it_is() -> None:
    desk = Desk()
    for number in range(6):
        desk.happens("handoff.created", row(f"h{number}", priority="urgent" if number == 5 else "normal"), number * 9)
    alerts: list[Alert] = []
    for number in range(6):
        urgent = row(f"h{number}", rung=1, priority="urgent" if number == 5 else "normal")
        alerts += desk.happens("handoff.realerted", urgent, 100, to=[DANA.id], cause="repeat")
    assert [found for found in shows(alerts) if found[1] == "reminder"] == [
        ("h0", "reminder"),
        ("h1", "reminder"),
        ("h2", "reminder"),
        ("h5", "reminder"),
    ]
    assert {Withdraw("h3"), Withdraw("h4")} <= {each for each in alerts if isinstance(each, Withdraw)}


CLAIMED = row(status="claimed", holder=DANA, claimed_at=T0)


def nudged(desk: Desk) -> list[Alert]:
    returns = T0.replace(hour=11, minute=12)
    return desk.happens(
        "handoff.realerted", CLAIMED, to=[DANA.id], cause="nudge", returns_at=returns.isoformat(), actor=None
    )


def test_the_claimer_is_nudged_before_it_goes_back() -> None:
    desk = Desk()
    desk.happens("handoff.claimed", CLAIMED)
    [alert] = nudged(desk)
    assert isinstance(alert, Show)
    assert alert.view.title == "Still waiting for your first step: VPN to Leeds clinic drops every hour"
    at = words.clock(T0.replace(hour=11, minute=12))
    assert alert.view.body == f"Mina Okafor is waiting in the session. It goes back to the queue at {at}."
    assert alert.view.buttons == (("open_session", "View"),), "it is theirs: there is nothing to claim"
    assert alert.tells == (("h1", 0),)


def test_nobody_else_is_nudged() -> None:
    desk = Desk()
    other = row(status="claimed", holder=LEE, claimed_at=T0)
    assert desk.happens("handoff.realerted", other, to=[LEE.id], cause="nudge") == []


@pytest.mark.parametrize(
    ("kind", "of", "more"),
    [
        ("handoff.released", row(by=DANA), {}),
        ("handoff.reassigned", row(status="claimed", holder=LEE), {}),
        ("handoff.resolved", row(status="resolved", holder=DANA), {}),
        ("handoff.updated", CLAIMED, {"first_action_kind": "message"}),
    ],
)
def test_the_nudge_goes_with_the_first_step_or_the_claim(kind: str, of: QueueRow, more: dict[str, object]) -> None:
    desk = Desk()
    nudged(desk)
    for nothing in ("handoff.assessed", "handoff.updated"):
        assert desk.happens(nothing, CLAIMED) == []
    assert Withdraw("h1") in desk.happens(kind, of, 0, **more)


def test_a_nudge_that_came_while_away_is_shown_unless_it_is_over() -> None:
    desk = Desk(live=False)
    assert nudged(desk) == []
    assert shows(desk.settle(1)) == [("h1", "nudge")]
    desk.notifier.reconnecting()
    nudged(desk)
    desk.happens("handoff.resolved", row(status="resolved", holder=DANA))
    assert desk.settle(2) == []


def test_after_a_log_that_was_not_whole_no_nudge_is_left_to_stand() -> None:
    desk = Desk()
    nudged(desk)
    assert desk.notifier.reloaded() == [Withdraw("h1")]


def test_a_nudge_waits_for_the_end_of_do_not_disturb() -> None:
    desk = Desk()
    desk.mute("do not disturb")
    assert nudged(desk) == [Tell(Round("h1", 0), "suppressed", "do not disturb")]
    assert shows(desk.mute(None)) == [("h1", "nudge")]


def test_released_by_the_policy_says_why_and_names_nobody() -> None:
    desk = Desk()
    nudged(desk)
    released = desk.happens("handoff.released", row(rung=1), actor=None, note="No first action in 30 min")
    [alert] = [each for each in released if isinstance(each, Show)]
    assert alert.view.title == "Waiting again: VPN to Leeds clinic drops every hour"
    assert alert.view.body == "Handed back: “No first action in 30 min”"
    assert alert.tells == (("h1", 1),)
    escalator = Desk()
    own = row(by=DANA, status="claimed", holder=LEE)
    escalator.happens("handoff.claimed", own)
    assert escalator.happens("handoff.released", row(by=DANA, rung=1), actor=None, note="No first action") == []
