"""The queue as the log tells it."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from backend.contract.people import Person
from desktop.core.claim import Lost, Offline
from desktop.core.inbox import Inbox
from desktop.core.present import Case, Made, claimed_views, detail_view, row_views
from desktop.core.tray import tray_view
from desktop.core.views import ConnectionView
from tests.unit.desktop.samples import DANA, LEE, ME, MINA, T0, event, person, row

PRIORITIES = st.sampled_from(["low", "normal", "high", "urgent"])


@given(st.lists(st.tuples(st.integers(1, 8), PRIORITIES, st.sampled_from(["created", "claimed", "withdrawn"]))))
def test_badge_equals_the_number_waiting(story: list[tuple[int, str, str]]) -> None:
    inbox = Inbox()
    waiting: set[str] = set()
    for number, priority, what in story:
        handoff_id = f"h{number}"
        status = {"created": "pending", "claimed": "claimed", "withdrawn": "withdrawn"}[what]
        of = row(handoff_id, priority=priority, status=status, minute=number)  # type: ignore[arg-type] # drawn
        inbox.apply(event(f"handoff.{what}", of), 0)
        waiting = waiting | {handoff_id} if what == "created" else waiting - {handoff_id}
    connection = ConnectionView(state="connected", server="https://flow.test")
    view = tray_view(connection, inbox.sorted(), wall=T0, next_row=None, dnd_on=False, dnd_until=None)
    assert view.count == len(waiting)


def test_urgent_comes_first_then_who_waits_longest() -> None:
    inbox = Inbox()
    inbox.load(
        [row("a", minute=1), row("b", minute=0), row("c", priority="urgent", minute=9), row("d", priority="low")]
    )
    assert [each.id for each in inbox.sorted()] == ["c", "b", "a", "d"]


def test_a_claimed_row_stays_2_4_s_with_the_claimers_name() -> None:
    inbox = Inbox()
    inbox.load([row()])
    inbox.apply(event("handoff.claimed", row(status="claimed", holder=LEE, claimed_at=T0), claimed_by=person(LEE)), 10)
    [shown] = row_views(inbox, ME, {}, 12.3, T0 + timedelta(seconds=4))
    assert (shown.outcome, shown.outcome_kind, shown.claimable) == ("Claimed by Lee Park, 4 s ago", "lost", False)
    assert row_views(inbox, ME, {}, 12.4, T0) == ()


def test_ones_own_claim_from_anywhere_reads_claimed_by_you() -> None:
    inbox = Inbox()
    inbox.load([row()])
    inbox.apply(event("handoff.claimed", row(status="claimed", holder=DANA, claimed_at=T0)), 0)
    [shown] = row_views(inbox, ME, {}, 1, T0)
    assert (shown.outcome, shown.outcome_kind) == ("Claimed by you", "claimed")


def test_a_withdrawn_row_says_who_took_it_back() -> None:
    inbox = Inbox()
    inbox.load([row()])
    inbox.apply(event("handoff.withdrawn", row(status="withdrawn"), actor=person(MINA), note="Found it."), 0)
    [shown] = row_views(inbox, ME, {}, 1, T0)
    assert shown.outcome == "Withdrawn by Mina Okafor"


def test_a_handed_back_row_waits_again_at_its_place() -> None:
    inbox = Inbox()
    inbox.load([row("a"), row("b", minute=1)])
    inbox.apply(event("handoff.claimed", row("a", status="claimed", holder=LEE)), 0)
    inbox.apply(event("handoff.released", row("a"), actor=person(LEE)), 1)
    assert [each.id for each in row_views(inbox, ME, {}, 1, T0)] == ["a", "b"]
    assert inbox.claimed == {}


def test_the_foot_lists_claims_of_15_minutes_newest_first() -> None:
    inbox = Inbox()
    for number in (1, 2):
        at = T0 + timedelta(minutes=number)
        held = row(f"h{number}", minute=-4, status="claimed", holder=LEE, claimed_at=at)
        inbox.apply(event("handoff.claimed", held), 0)
    assert [(view.id, view.waited) for view in claimed_views(inbox)] == [
        ("h2", timedelta(minutes=6)),
        ("h1", timedelta(minutes=5)),
    ]
    inbox.expire(0, T0 + timedelta(minutes=16, seconds=1))
    assert [view.id for view in claimed_views(inbox)] == ["h2"]


def test_a_delivery_event_changes_no_row() -> None:
    inbox = Inbox()
    inbox.load([row()])
    told = event("handoff.delivery", row())
    told.data.clear()
    told.data.update(handoff_id="h1", session_id="s-h1", state="shown")
    change = inbox.apply(told, 0)
    assert change.before == change.after == row()
    assert not change.incomplete


def test_a_claim_without_its_row_still_takes_the_row_away() -> None:
    inbox = Inbox()
    inbox.load([row()])
    bare = event("handoff.claimed", row())
    bare.data.clear()
    bare.data.update(handoff_id="h1", session_id="s-h1", claimed_by=person(LEE))
    change = inbox.apply(bare, 0)
    assert inbox.waiting == {}
    assert change.holder == LEE


def test_an_event_that_cannot_be_folded_asks_for_the_queue() -> None:
    inbox = Inbox()
    bare = event("handoff.released", row())
    bare.data.clear()
    bare.data.update(handoff_id="h1", session_id="s-h1")
    assert inbox.apply(bare, 0).incomplete


def test_a_row_that_waits_no_more_says_how_long_it_waited() -> None:
    inbox = Inbox()
    inbox.load([row("a"), row("b", minute=1), row("c", minute=2)])
    at = T0 + timedelta(minutes=4, seconds=14)
    inbox.apply(event("handoff.claimed", row("a", status="claimed", holder=LEE, claimed_at=at)), 0)
    cases = {"b": Case(outcome=Lost(LEE, at)), "c": Case(outcome=Offline(None))}
    waited = {each.id: each.waited for each in row_views(inbox, ME, cases, 0, at)}
    assert waited == {"a": timedelta(minutes=4, seconds=14), "b": timedelta(minutes=3, seconds=14), "c": None}


def test_only_seniors_can_claim_and_never_their_own() -> None:
    inbox = Inbox()
    inbox.load([row("a"), row("b", by=DANA, minute=1)])
    assert [each.claimable for each in row_views(inbox, ME, {}, 0, T0)] == [True, False]
    junior = type(ME)(id=ME.id, name=ME.name, email=ME.email, role="technician")
    assert [each.claimable for each in row_views(inbox, junior, {}, 0, T0)] == [False, False]


def test_what_is_kept_for_somebody_says_so_until_the_time_is_over() -> None:
    """Otherwise the others press, and are refused, while the button promised a claim."""
    kept = replace(
        row("h1"), reserved_for=Person(id="u-else", name="Lee Park"), reserved_until=T0 + timedelta(minutes=3)
    )
    inbox = Inbox()
    inbox.load([kept])
    made: Made = {}
    [shown] = row_views(inbox, ME, {}, 0, T0, made)
    until = (T0 + timedelta(minutes=3)).astimezone().strftime("%H:%M")
    assert (shown.reserved, shown.claimable) == (f"For Lee Park until {until}", False)
    assert detail_view(shown, None, None, None, wall=T0, stale=False).primary == "reserved"
    [after] = row_views(inbox, ME, {}, 0, T0 + timedelta(minutes=3), made)
    assert (after.reserved, after.claimable) == (None, True)
    [asked] = row_views(inbox, replace(ME, id="u-else"), {}, 0, T0)
    assert (asked.reserved, asked.claimable) == (None, True)
    junior = replace(ME, role="technician")
    assert row_views(inbox, junior, {}, 0, T0)[0].reserved is None
