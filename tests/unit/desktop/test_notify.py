"""Toasts: each wait is alerted once, a burst does not flood, and nothing is said to be shown that was not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.notify import Alert, Show, Withdraw
from desktop.core.toasts import system_text
from tests.unit.desktop.policy_desk import Desk, shows
from tests.unit.desktop.samples import DANA, LEE, ME, person, row


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


def test_signing_out_takes_every_toast_away() -> None:
    desk = Desk()
    desk.happens("handoff.created", row("h1"))
    assert desk.notifier.forget() == [Withdraw("h1")]
