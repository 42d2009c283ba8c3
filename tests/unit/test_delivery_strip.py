"""The delivery strip: a technician who reads it knows who has been told, and is never told more than is known."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from backend.contract.handoffs import Delivery, Handoff, Opened
from backend.contract.people import Person
from backend.contract.vocabulary import HandoffOutcome
from backend.web import strip
from tests.support.strips import (
    DANA,
    DESKS,
    LEE,
    MARCUS,
    SAM,
    at,
    delivery,
    every_state,
    everyone_again,
    handoff,
    happened,
)

UTC = ZoneInfo("UTC")
STATES = every_state()


def drawn(of: Handoff, *, minutes: float = 1, where: dict[str, str] | None = None) -> strip.Strip:
    return strip.draw(of, UTC, DESKS if where is None else where, owners=[MARCUS], now=at(minutes))


@pytest.mark.parametrize(
    ("name", "state", "first", "second", "following"),
    [
        ("sending", "sending", "Sending to Dana\u2019s and Lee\u2019s desktops.", None, "Everyone again at 12:05."),
        ("finding", "sending", "Sending", "Saved. Finding who is on.", None),
        (
            "nobody-eligible",
            "nobody_on",
            "There is nobody who could claim this.",
            "Nobody has been told. It waits in the queue.",
            None,
        ),
        (
            "delivered",
            "delivered",
            "Shown on Dana\u2019s and Lee\u2019s desktops. E-mailed Sam.",
            None,
            "Everyone again at 12:05.",
        ),
        (
            "nobody-on",
            "nobody_on",
            "No senior is on a desktop. E-mailed Dana, Lee and Sam.",
            None,
            "Marcus Hale is alerted at 12:15 if nobody has claimed.",
        ),
        (
            "nobody-told",
            "nobody_on",
            "Nobody has been told yet. E-mail to Sam was not delivered.",
            None,
            "Everyone again at 12:05.",
        ),
        (
            "escalated",
            "escalated",
            "Alerted everyone again at 12:05. Shown on Dana\u2019s and Lee\u2019s desktops, e-mailed Sam.",
            None,
            "Marcus Hale is next, at 12:15.",
        ),
        (
            "exhausted",
            "exhausted",
            "Nobody has claimed yet. Everyone in the policy has been alerted.",
            "Marcus Hale was told at 12:15.",
            "Everyone again at 12:30.",
        ),
        (
            "claimed",
            "claimed",
            "Claimed by Dana Reyes",
            "After 4:15. Dana is opening the session; you can both write here.",
            None,
        ),
        (
            "claimed-reminded",
            "claimed",
            "Claimed by Dana Reyes",
            "After 4:15. Dana was reminded at 12:20; it goes back to the queue at 12:35.",
            None,
        ),
        (
            "handed-back",
            "handed_back",
            "Dana Reyes handed it back: “I am on a call until 11:15.”",
            "Waiting again. Shown on Lee\u2019s desktop, e-mailed Sam.",
            "Everyone again at 12:14.",
        ),
        (
            "handed-back-idle",
            "handed_back",
            "Handed back to the queue: no first action in 30 min",
            "Waiting again. Shown on Lee\u2019s desktop.",
            "Everyone again at 12:14.",
        ),
        ("withdrawn", "withdrawn", "Withdrawn", "You can escalate again at any time.", None),
        ("resolved", "resolved", "Resolved by Dana Reyes", "At 12:40.", None),
    ],
)
def test_each_state_reads_as_designed(
    name: str, state: str, first: str, second: str | None, following: str | None
) -> None:
    told = drawn(STATES[name], where={} if name == "nobody-on" else DESKS)
    assert (told.state, told.summary, told.detail, told.next_step) == (state, first, second, following)


def lines(*deliveries: Delivery, where: dict[str, str] | None = None) -> list[tuple[str, str]]:
    return [(one.line, one.state) for one in drawn(handoff(*deliveries), where=where).recipients]


@pytest.mark.parametrize(
    ("known", "line", "state"),
    [
        (delivery(DANA, "shown"), "Dana Reyes, shown", "shown"),
        (delivery(DANA, "shown", "web"), "Dana Reyes, shown in the web page", "shown"),
        (delivery(DANA, "suppressed", detail="do_not_disturb"), "Dana Reyes, do not disturb", "held"),
        (delivery(DANA, "suppressed", detail="quiet_hours"), "Dana Reyes, quiet hours", "held"),
        (delivery(DANA, "suppressed", detail="notifications_off"), "Dana Reyes, notifications off", "held"),
        (delivery(DANA, "suppressed", detail="locked"), "Dana Reyes, screen locked", "held"),
        (delivery(DANA, "failed", detail="no daemon"), "Dana Reyes, not shown on the desktop", "bounced"),
        (delivery(DANA, "pending"), "Dana Reyes, sending to the desktop", "sending"),
        (delivery(SAM, "pending"), "Sam Whitlock, not connected", "sending"),
        (delivery(SAM, "pending", "email"), "Sam Whitlock, sending an e-mail", "sending"),
        (delivery(SAM, "accepted", "email"), "Sam Whitlock, e-mailed", "emailed"),
        (delivery(SAM, "failed", "email", "550"), "E-mail to Sam Whitlock was not delivered", "bounced"),
        (
            delivery(SAM, "failed", "email", "451", retry=10),
            "E-mail to Sam Whitlock is tried again at 12:10",
            "bounced",
        ),
        (
            delivery(SAM, "unknown", "email"),
            "E-mail to Sam Whitlock: the server\u2019s answer was lost, sent again",
            "sending",
        ),
        (delivery(DANA, "accepted", "webhook", "Teams: Service desk"), "Posted to Teams: Service desk", "emailed"),
        (
            delivery(DANA, "failed", "webhook", "Teams: Service desk: gone"),
            "Not posted to Teams: Service desk",
            "bounced",
        ),
    ],
)
def test_each_person_reads_as_it_is(known: Delivery, line: str, state: str) -> None:
    assert lines(known) == [(line, state)]


def test_of_several_ways_the_best_is_said_and_the_rest_kept_for_a_closer_look() -> None:
    told = drawn(
        handoff(delivery(DANA, "suppressed", detail="do_not_disturb"), delivery(DANA, "accepted", "email", minutes=0.3))
    )
    assert [(one.line, one.more) for one in told.recipients] == [
        ("Dana Reyes, e-mailed", ("Desktop: do not disturb.",))
    ]
    assert told.summary == "Not shown on a desktop yet. E-mailed Dana."


def test_a_refused_mail_is_named_with_its_reason_even_beside_a_desktop_that_keeps_quiet() -> None:
    told = drawn(
        handoff(
            delivery(LEE, "shown"),
            delivery(DANA, "suppressed", detail="locked"),
            delivery(DANA, "failed", "email", "550 no such mailbox"),
        )
    )
    assert told.summary == "Shown on Lee\u2019s desktop. E-mail to Dana was not delivered."
    dana = next(one for one in told.recipients if one.person == DANA)
    assert dana.more == ("550 no such mailbox.", "Desktop: screen locked.")


def test_who_is_connected_but_has_not_answered_is_not_called_told() -> None:
    told = drawn(handoff(delivery(DANA, "pending"), delivery(DANA, "pending", "email")))
    assert (told.state, told.summary) == ("sending", "Sending to Dana\u2019s desktop.")
    gone = drawn(handoff(delivery(DANA, "pending"), delivery(DANA, "pending", "email")), where={})
    assert (gone.state, gone.summary) == ("sending", "Sending an e-mail to Dana.")


def test_a_thousand_seniors_are_three_names_and_a_number() -> None:
    crowd = [Person(id=str(n), name=f"Name{n} Family{n}") for n in range(1_000)]
    told = drawn(handoff(*(delivery(one, "shown") for one in crowd)))
    assert told.summary == "Shown on Name0\u2019s, Name1\u2019s and 998 more desktops."
    assert len(told.recipients) + len(told.folded) == 1_000
    assert len(told.recipients) < strip.FOLD


def test_whoever_could_not_be_told_stays_in_sight_of_a_long_list() -> None:
    crowd = [Person(id=str(n), name=f"Name{n}") for n in range(50)]
    told = drawn(handoff(*(delivery(one, "shown") for one in crowd), delivery(SAM, "failed", "email", "550")))
    assert told.recipients[0].line == "E-mail to Sam Whitlock was not delivered"
    assert "E-mail to Sam was not delivered." in told.summary


def test_an_alert_that_is_overdue_is_not_promised_any_more() -> None:
    waiting = handoff(delivery(LEE, "shown"), next_step=everyone_again(5))
    assert drawn(waiting, minutes=5.2).next_step == "Everyone again at 12:05."
    late = drawn(waiting, minutes=7)
    assert late.next_step == "The next alert was due at 12:05 and has not gone out."
    assert late.next_at is None


def test_what_was_said_before_the_hand_back_is_not_said_of_this_round() -> None:
    """A reminder shown to the former holder must not read as if this round had reached them."""
    waiting = handoff(
        delivery(DANA, "shown", minutes=20),
        delivery(LEE, "accepted", "email", minutes=36),
        waiting_since=at(36),
        timeline=[
            happened("realerted", 5),
            happened("nudged", 20),
            happened("released", 36, None, "No first action in 30 min"),
        ],
    )
    told = drawn(waiting, minutes=37)
    assert told.detail == "Waiting again. E-mailed Lee."
    assert [one.person for one in told.recipients] == [LEE]
    assert told.since == at(36)


def test_an_owner_who_could_not_be_told_is_not_said_to_have_been() -> None:
    last = replace(STATES["exhausted"], deliveries=[delivery(MARCUS, "failed", "email", "550 no such mailbox")])
    assert drawn(last).detail == "Marcus Hale could not be told so far. E-mail to Marcus was not delivered."
    going = replace(last, deliveries=[delivery(MARCUS, "pending", "email")])
    assert drawn(going).detail == "Marcus Hale is being told."


def test_a_reminder_that_reached_nobody_is_said_so() -> None:
    idle = replace(STATES["claimed-reminded"], deliveries=[delivery(DANA, "failed", "email", "550", minutes=20)])
    said = drawn(idle).detail
    assert said == "After 4:15. The reminder to Dana at 12:20 did not arrive; it goes back to the queue at 12:35."
    acted = replace(idle, first_action_at=at(21))
    assert drawn(acted).detail == "After 4:15. You can both write here."


def test_times_are_the_accounts_and_carry_their_day() -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    waiting = handoff(delivery(LEE, "shown"), next_step=everyone_again(5))
    assert strip.draw(waiting, kolkata, {}, now=at(1)).next_step == "Everyone again at 17:35."
    tomorrow = handoff(delivery(LEE, "shown"), next_step=everyone_again(60 * 20))
    assert strip.draw(tomorrow, kolkata, {}, now=at(1)).next_step == "Everyone again on 21 Nov at 13:30."


def test_no_state_is_without_words() -> None:
    for name, one in STATES.items():
        told = drawn(one)
        assert told.summary.strip(), name
        assert not any("None" in text for text in (told.summary, told.detail or "", told.next_step or "")), name
        assert told.waiting == (one.status == "pending"), name
        assert timedelta(0) <= (at(100) - (told.since or at(0))), name


def test_who_reads_it_is_said_before_how_they_were_told() -> None:
    """The junior must see that somebody is on it, and still whose desktop it reached."""
    told = STATES["delivered"]
    reading = replace(told, opened=[Opened(user=DANA, at=at(1)), Opened(user=SAM, at=at(1))])
    x = drawn(reading, minutes=2)
    assert [one.line for one in x.recipients] == [
        "Dana Reyes, reading it",
        "Lee Park, shown",
        "Sam Whitlock, reading it",
    ]
    assert [one.state for one in x.recipients] == ["opened", "shown", "opened"]
    assert (x.state, x.summary) == ("delivered", "Shown on Dana\u2019s and Lee\u2019s desktops. E-mailed Sam.")
    later = drawn(reading, minutes=4)
    assert later.recipients[0].line == "Dana Reyes, opened it at 12:01"
    back = replace(STATES["handed-back"], opened=[Opened(user=LEE, at=at(1))])
    assert drawn(back, minutes=10).recipients[0].line == "Lee Park, shown", "what was opened before counts no more"


def test_a_claimer_who_is_here_is_in_the_session_and_not_opening_it() -> None:
    x = strip.draw(STATES["claimed"], UTC, DESKS, here={DANA.id}, now=at(5))
    assert x.detail == "After 4:15. Dana is in the session; you can both write here."


@pytest.mark.parametrize(
    ("outcome", "state", "first"),
    [
        ("guided_back", "guided_back", "Dana Reyes returned it with guidance"),
        ("wrong_team", "guided_back", "Dana Reyes returned it: it is for another team"),
        ("duplicate", "resolved", "Closed by Dana Reyes as a duplicate"),
        ("took_over", "resolved", "Resolved by Dana Reyes"),
        (None, "resolved", "Resolved by Dana Reyes"),
    ],
)
def test_each_ending_is_told_as_what_it_was(outcome: HandoffOutcome | None, state: str, first: str) -> None:
    x = drawn(replace(STATES["resolved"], outcome=outcome), minutes=41)
    assert (x.state, x.summary) == (state, first)


def test_when_nobody_has_come_there_is_a_number_to_call_and_only_then() -> None:
    numbers = [("Marcus Hale", "+44 113 496 0000")]
    last = strip.with_numbers(drawn(STATES["exhausted"]), numbers)
    assert last is not None
    assert (last.detail or "").endswith("Call Marcus Hale: +44 113 496 0000.")
    before = drawn(STATES["delivered"])
    assert strip.with_numbers(before, numbers) == before
    assert strip.with_numbers(drawn(STATES["exhausted"]), []) == drawn(STATES["exhausted"])


def test_a_name_written_from_right_to_left_does_not_turn_the_sentence_about() -> None:
    """A technician reads who has it in the order in which it is meant, whatever the names are written in."""
    other = replace(DANA, name="\u05d3\u05e0\u05d4 \u05dc\u05d5\u05d9")
    told = drawn(handoff(delivery(other, "shown"), delivery(LEE, "shown")), where={other.id: "desktop"})
    assert told.summary == "Shown on \u2068\u05d3\u05e0\u05d4\u2069\u2019s and Lee\u2019s desktops."
    lines = [one.line for one in told.recipients]
    assert lines == [f"\u2068{other.name}\u2069, shown", f"{LEE.name}, shown"], (
        "who is written like this text stays bare"
    )
    taken = drawn(handoff(status="claimed", claimed_by=other, claimed_at=at(1)), minutes=2)
    assert taken.summary == f"Claimed by \u2068{other.name}\u2069"
