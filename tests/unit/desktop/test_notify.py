"""Toasts: each wait is alerted once, a burst does not flood, and nothing is said to be shown that was not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.contract.handoffs import QueueRow
from desktop.core import words
from desktop.core.inbox import Inbox
from desktop.core.notify import Alert, Notifier, Show, Tell, Withdraw
from desktop.core.rounds import Round
from desktop.core.toasts import system_text
from tests.unit.desktop.samples import DANA, LEE, ME, T0, event, person, row


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


def test_a_new_escalation_is_a_toast_with_claim_and_view() -> None:
    [alert] = Desk().happens("handoff.created", row(priority="high"))
    assert isinstance(alert, Show)
    assert alert.tells == (("h1", 0),)
    assert alert.view.buttons == (("claim", "Claim"), ("view", "View"))
    assert system_text(alert.view) == (
        "High: VPN to Leeds clinic drops every hour",
        "Harlow Dental Group, from Mina Okafor\nI cannot see the head office firewall.",
    )
    assert alert.view.stays_s == 20


def test_an_urgent_one_stays_until_acted_on() -> None:
    [alert] = Desk().happens("handoff.created", row(priority="urgent"))
    assert isinstance(alert, Show)
    assert alert.view.urgent
    assert alert.view.stays_s is None


def test_ones_own_escalation_never_toasts() -> None:
    assert Desk().happens("handoff.created", row(by=DANA)) == []


@pytest.mark.parametrize("role", ["viewer", "technician"])
def test_who_may_not_claim_is_not_alerted(role: str) -> None:
    desk = Desk()
    desk.notifier.me = type(ME)(id=ME.id, name=ME.name, email=ME.email, role=role)  # type: ignore[arg-type] # param
    assert desk.happens("handoff.created", row()) == []


def test_the_toast_goes_when_someone_else_claims_or_it_is_withdrawn() -> None:
    desk = Desk()
    desk.happens("handoff.created", row("h1"))
    desk.happens("handoff.created", row("h2"))
    assert desk.happens("handoff.claimed", row("h1", status="claimed", holder=LEE)) == [Withdraw("h1")]
    assert desk.happens("handoff.withdrawn", row("h2", status="withdrawn")) == [Withdraw("h2")]


def test_a_toast_that_the_user_closed_is_not_withdrawn_again() -> None:
    desk = Desk()
    desk.happens("handoff.created", row())
    desk.notifier.closed("h1")
    assert desk.happens("handoff.claimed", row(status="claimed", holder=LEE)) == []


def test_a_pressed_toast_belongs_to_the_claim_until_it_comes_to_nothing() -> None:
    desk = Desk()
    desk.happens("handoff.created", row())
    desk.notifier.hand_over("h1")
    desk.notifier.take_back("h1")
    assert desk.happens("handoff.claimed", row(status="claimed", holder=LEE)) == [Withdraw("h1")]


def test_handed_back_says_who_and_why() -> None:
    desk = Desk()
    desk.happens("handoff.created", row())
    desk.happens("handoff.claimed", row(status="claimed", holder=LEE))
    [alert] = desk.happens("handoff.released", row(), actor=person(LEE), note="Needs a site visit")
    assert isinstance(alert, Show)
    assert alert.view.title == "Waiting again: VPN to Leeds clinic drops every hour"
    assert alert.view.body == "Lee Park handed it back: “Needs a site visit”"


def test_an_update_of_an_alerted_one_does_not_toast_again() -> None:
    desk = Desk()
    desk.happens("handoff.created", row())
    assert desk.happens("handoff.updated", row(priority="urgent")) == []
    assert desk.happens("handoff.assessed", row()) == []


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


@given(st.integers(4, 200), st.floats(0, 0.02))
def test_a_burst_is_three_toasts_and_one_digest_updated_in_place(number: int, gap: float) -> None:
    desk = Desk()
    alerts: list[Alert] = []
    for index in range(number):
        alerts += desk.happens("handoff.created", row(f"h{index:03}", minute=index), now=index * gap)
    while (due := desk.notifier.deadline) is not None:
        alerts += desk.on_time(due)
    single = [found for found in shows(alerts) if found[1] == "new"]
    digests = [alert for alert in alerts if isinstance(alert, Show) and alert.view.variant == "digest"]
    assert len(single) == 3
    assert {alert.view.id for alert in digests} == {"digest"}
    assert digests[-1].view.title == f"{number} waiting"
    assert len(digests) <= 2 + number * gap / 0.5
    told = [told for alert in alerts if isinstance(alert, Show) for told in alert.tells]
    assert sorted(told) == [(f"h{index:03}", 0) for index in range(number)]


def test_after_a_quiet_moment_single_toasts_come_again() -> None:
    desk = Desk()
    for index in range(5):
        desk.happens("handoff.created", row(f"h{index}"), now=0)
    assert shows(desk.happens("handoff.created", row("late"), now=3)) == [("late", "new")]


def test_the_digest_goes_with_the_last_of_its_handoffs() -> None:
    desk = Desk()
    for index in range(5):
        desk.happens("handoff.created", row(f"h{index}"), now=0)
    desk.on_time(1)
    assert desk.happens("handoff.claimed", row("h3", status="claimed", holder=LEE)) == []
    assert desk.happens("handoff.claimed", row("h4", status="claimed", holder=LEE)) == [Withdraw("digest")]


def test_a_digest_that_is_being_read_counts_down_without_a_sound() -> None:
    desk = Desk(live=False)
    for number in range(4):
        desk.happens("handoff.created", row(f"h{number}", priority="urgent" if number == 0 else "normal"))
    desk.settle(1)
    desk.happens("handoff.claimed", row("h0", status="claimed", holder=LEE), now=3)
    assert desk.notifier.deadline == 3
    [alert] = desk.on_time(3)
    assert isinstance(alert, Show)
    assert (alert.view.title, alert.view.sound, alert.tells) == ("3 waiting", False, ())
    desk.happens("handoff.claimed", row("h1", status="claimed", holder=LEE), now=60)
    assert desk.notifier.deadline is None


def test_one_thing_missed_while_away_is_its_toast_and_several_are_a_digest() -> None:
    one = Desk(live=False)
    assert one.happens("handoff.created", row("h1")) == []
    assert shows(one.settle(1)) == [("h1", "new")]
    several = Desk(live=False)
    for number in range(4):
        several.happens("handoff.created", row(f"h{number}", priority="urgent" if number == 0 else "normal"))
    [alert] = several.settle(1)
    assert isinstance(alert, Show)
    assert alert.view.title == "4 waiting, 1 urgent"
    assert alert.view.body == "While you were away: Harlow Dental Group."
    assert sorted(alert.tells) == [("h0", 0), ("h1", 0), ("h2", 0), ("h3", 0)]


def test_what_was_claimed_while_away_never_toasts_and_its_toast_goes() -> None:
    desk = Desk()
    desk.happens("handoff.created", row("h1"))
    desk.notifier.reconnecting()
    desk.happens("handoff.created", row("h2"))
    desk.happens("handoff.claimed", row("h2", status="claimed", holder=LEE))
    assert desk.happens("handoff.claimed", row("h1", status="claimed", holder=LEE)) == [Withdraw("h1")]
    assert desk.settle(1) == []


def test_after_a_reset_the_whole_set_of_toasts_is_compared_with_the_queue() -> None:
    desk = Desk()
    desk.happens("handoff.created", row("h1"))
    desk.notifier.reconnecting()
    desk.inbox.load([row("h2")])
    alerts = desk.settle(1)
    assert Withdraw("h1") in alerts
    assert shows(alerts) == [("h2", "new")]


def test_a_reconnect_without_news_toasts_nothing() -> None:
    desk = Desk()
    desk.happens("handoff.created", row("h1"))
    desk.notifier.reconnecting()
    assert desk.settle(1) == []


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


def test_signing_out_takes_every_toast_away() -> None:
    desk = Desk()
    desk.happens("handoff.created", row("h1"))
    assert desk.notifier.forget() == [Withdraw("h1")]
