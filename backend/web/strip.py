"""The delivery strip: what the technician is told about an escalation, drawn from the hand-off alone.

Nothing here is more certain than the record: `shown` needs a client's receipt, `e-mailed` the mail server's word. Where
somebody could not be told, the first line says so.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from backend.contract.handoffs import Handoff, TimelineEntry
from backend.contract.people import Person
from backend.web import formats, strip_words
from backend.web.formats import Clock
from backend.web.recipients import ON_THE_WAY, TROUBLE, Recipient, gather

StripState = Literal[
    "sending",
    "delivered",
    "nobody_on",
    "escalated",
    "exhausted",
    "claimed",
    "handed_back",
    "withdrawn",
    "resolved",
    "guided_back",
]
FOLD: Final = 8
"""More people than this fold; whoever could not be told stays in sight."""
_SKEW: Final = timedelta(seconds=5)
_LATE: Final = timedelta(seconds=20)
_TOLD: Final = frozenset({"opened", "shown", "emailed"})
NOBODY_THERE: Final = "There is nobody who could claim this."


@dataclass(frozen=True, slots=True)
class Strip:
    """One sentence, one detail, what comes next, and who was told how. `since` is set while the clock runs.

    `recipients` stay in sight, `folded` do not; `next_at` is when the page should look again.
    """

    state: StripState
    summary: str
    detail: str | None = None
    next_step: str | None = None
    next_at: datetime | None = None
    recipients: Sequence[Recipient] = ()
    folded: Sequence[Recipient] = ()
    since: datetime | None = None

    @property
    def waiting(self) -> bool:
        """True while somebody has still to come."""
        return self.since is not None


def draw(
    handoff: Handoff,
    tz: ZoneInfo,
    connected: Mapping[str, str],
    *,
    owners: Sequence[Person] = (),
    here: Collection[str] = (),
    now: datetime | None = None,
) -> Strip:
    """The strip for a hand-off in any state.

    `here` are the ids of those who have the session's page open now.

    `connected` says where people have a client open now: `desktop` or `web` by user id; who is not in it has none.
    `owners` are the account's owners, whom the policy's last step tells.
    """
    clock = Clock(tz, now or formats.now())
    if handoff.status == "claimed" and handoff.claimed_by is not None:
        return _claimed(handoff, handoff.claimed_by, clock, here)
    if handoff.status == "withdrawn":
        return Strip("withdrawn", "Withdrawn", "You can escalate again at any time.")
    if handoff.status == "resolved":
        return _ended(handoff, clock)
    return _waiting(handoff, clock, connected, owners)


def with_numbers(drawn: Strip | None, numbers: Sequence[tuple[str, str]]) -> Strip | None:
    """The strip with whom to call (name, number) once everyone in the policy has been alerted in vain."""
    if drawn is None or drawn.state != "exhausted" or not numbers:
        return drawn
    calls = [f"Call {formats.apart(name)}: {number}." for name, number in numbers]
    return replace(drawn, detail=" ".join(filter(None, (drawn.detail, *calls))))


def _waiting(handoff: Handoff, clock: Clock, connected: Mapping[str, str], owners: Sequence[Person]) -> Strip:
    since = handoff.waiting_since or handoff.created_at
    opened = {one.user.id: one.at for one in handoff.opened if one.at >= since - _SKEW}
    fresh = (one for one in handoff.deliveries if one.at >= since - _SKEW)
    people, webhooks = gather(fresh, connected, clock, opened)
    round_of = _Round(handoff, since)
    desks = {one for one, where in connected.items() if where == "desktop"}
    state, summary, detail = _said(handoff, people, round_of, desks, owners, clock)
    upcoming = handoff.next_step
    late = upcoming is not None and clock.now - upcoming.at > _LATE
    words = strip_words.upcoming(upcoming, clock, state=state, late=late) if upcoming else None
    shown, folded = _fold([*people, *webhooks])
    return Strip(state, summary, detail, words, upcoming.at if upcoming and not late else None, shown, folded, since)


@dataclass(frozen=True, slots=True)
class _Round:
    """What has happened since the hand-off began to wait."""

    handoff: Handoff
    since: datetime

    @property
    def returned(self) -> TimelineEntry | None:
        """The hand-back that it waits since."""
        return self._last("released")

    @property
    def realerted(self) -> TimelineEntry | None:
        """The newest alert that the policy repeated."""
        return self._last("realerted")

    @property
    def exhausted_at(self) -> datetime | None:
        """Since when everyone in the policy has been alerted."""
        at = self.handoff.exhausted_at
        return at if at is not None and at >= self.since else None

    def _last(self, kind: str) -> TimelineEntry | None:
        entry = _last(self.handoff.timeline, kind)
        return entry if entry is not None and entry.at >= self.since - _SKEW else None


def _said(
    handoff: Handoff,
    people: Sequence[Recipient],
    round_of: _Round,
    desks: Collection[str],
    owners: Sequence[Person],
    clock: Clock,
) -> tuple[StripState, str, str | None]:
    """The state with its first line, and what the second one begins with."""
    if round_of.exhausted_at is not None:
        told = strip_words.owners_told(owners, people, handoff.deliveries, round_of.exhausted_at, clock)
        trouble = strip_words.trouble(people)
        detail = " ".join(filter(None, (told, trouble)))
        return "exhausted", "Nobody has claimed yet. Everyone in the policy has been alerted.", detail or None
    if (again := round_of.realerted) is not None:
        alerted = f"{strip_words.alerted(again.detail)} {clock.at(again.at)}."
        return "escalated", f"{alerted} {_told(people)}".strip(), None
    if (back := round_of.returned) is not None:
        return "handed_back", strip_words.handed_back(back), f"Waiting again. {_told(people)}".strip()
    return _first_round(handoff, people, desks)


def _first_round(
    handoff: Handoff, people: Sequence[Recipient], desks: Collection[str]
) -> tuple[StripState, str, str | None]:
    """Before anything has gone round again."""
    state = _state(people)
    if not people:
        if not handoff.deliveries:
            return "nobody_on", NOBODY_THERE, "Nobody has been told. It waits in the queue."
        return "sending", "Sending", "Saved. Finding who is on."
    if state == "nobody_on" and not any(one.standing in _TOLD for one in people):
        lead = "" if _on_desk(people, desks) else "No senior is on a desktop."
        said = (lead, "Nobody has been told yet.", strip_words.trouble(people))
        return state, " ".join(filter(None, said)), None
    sentence = strip_words.sentence(people, separate=True)
    if state == "nobody_on":
        lead = "Not shown on a desktop yet." if _on_desk(people, desks) else "No senior is on a desktop."
        sentence = f"{lead} {sentence}"
    return state, sentence or "Sending", None


def _on_desk(people: Sequence[Recipient], desks: Collection[str]) -> bool:
    """True when somebody has a desktop that could have shown it."""
    return any(one.person.id in desks or one.standing in {"held", "unshown"} for one in people)


def _told(people: Sequence[Recipient]) -> str:
    """Who was told, after another sentence; says so when it is nobody and nothing is under way."""
    said = strip_words.sentence(people, separate=False)
    told = any(one.standing in _TOLD for one in people)
    under_way = any(one.standing in ON_THE_WAY for one in people)
    return said if told or under_way else f"{said} Nobody has been told yet.".strip()


def _state(people: Sequence[Recipient]) -> StripState:
    if any(one.standing in {"opened", "shown"} for one in people):
        return "delivered"
    if any(one.standing == "emailed" for one in people):
        return "nobody_on"
    return "sending" if any(one.standing in ON_THE_WAY - {"retrying"} for one in people) else "nobody_on"


def _fold(everyone: Sequence[Recipient]) -> tuple[Sequence[Recipient], Sequence[Recipient]]:
    """All of a few; of many, first those who could not be told."""
    if len(everyone) <= FOLD:
        return everyone, ()
    ordered = sorted(everyone, key=lambda one: one.standing not in TROUBLE)
    return ordered[: FOLD - 2], ordered[FOLD - 2 :]


def _ended(handoff: Handoff, clock: Clock) -> Strip:
    by = handoff.claimed_by
    name = formats.apart(by.name) if by else ""
    when = f"{formats.capital(clock.at(handoff.resolved_at))}." if handoff.resolved_at else ""
    if handoff.outcome == "guided_back" and by:
        words = f"{when} The session is yours again. You can escalate it again at any time."
        return Strip("guided_back", f"{name} returned it with guidance", words.strip())
    if handoff.outcome == "wrong_team" and by:
        words = f"{when} {handoff.resolution or ''}".strip()
        return Strip("guided_back", f"{name} returned it: it is for another team", words or None)
    if handoff.outcome == "duplicate" and by:
        return Strip("resolved", f"Closed by {name} as a duplicate", when or None)
    return Strip("resolved", f"Resolved by {name}" if by else "Resolved", when or None)


def _claimed(handoff: Handoff, by: Person, clock: Clock, here: Collection[str]) -> Strip:
    first, name = formats.first_name(by.name), formats.apart(by.name)
    took = f"After {formats.waited(handoff.claimed_at - handoff.created_at)}." if handoff.claimed_at else ""
    nudged = _last(handoff.timeline, "nudged")
    doing = f"{first} is opening the session; you can both write here."
    if by.id in here:
        doing = f"{first} is in the session; you can both write here."
    elif handoff.first_action_at:
        doing = "You can both write here."
    elif nudged is not None and handoff.claimed_at is not None and nudged.at >= handoff.claimed_at:
        mine = [one for one in handoff.deliveries if one.user.id == by.id and one.at >= nudged.at - _SKEW]
        doing = strip_words.reminded(first, nudged.at, mine, handoff.next_step, clock)
    return Strip("claimed", f"Claimed by {name}", f"{took} {doing}".strip())


def _last(timeline: Sequence[TimelineEntry], kind: str) -> TimelineEntry | None:
    return next((entry for entry in reversed(timeline) if entry.kind.removeprefix("handoff.") == kind), None)
