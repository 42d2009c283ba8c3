"""The delivery strip: what the technician is told about an escalation, drawn from the hand-off alone.

Nothing here is more certain than the record: `shown` needs a client's receipt, `e-mailed` the mail server's word.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from backend.contract.handoffs import Delivery, Handoff, TimelineEntry
from backend.contract.people import Person
from backend.web import formats

StripState = Literal["sending", "delivered", "nobody_on", "claimed", "handed_back", "withdrawn", "resolved"]
_RANK: Final = {"shown": 0, "accepted": 1, "suppressed": 2, "sending": 3, "pending": 3, "failed": 4, "unknown": 4}


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person and the best way they were told; `state` and `icon` are for the page, `words` for people."""

    person: Person
    channel: str
    state: str
    icon: str
    words: str


@dataclass(frozen=True, slots=True)
class Strip:
    """One sentence, one detail, and who was told how. `since` is set while the clock runs."""

    state: StripState
    summary: str
    detail: str | None
    recipients: list[Recipient]
    since: datetime | None
    open: bool


def draw(handoff: Handoff, tz: ZoneInfo, connected: Mapping[str, str]) -> Strip:
    """The strip for a hand-off in any state.

    `connected` says where people have a client open now: `desktop` or `web` by user id; who is not in it has none.
    """
    if handoff.status == "claimed" and handoff.claimed_by is not None:
        return _claimed(handoff, handoff.claimed_by)
    if handoff.status == "withdrawn":
        return Strip("withdrawn", "Withdrawn", "You can escalate again at any time.", [], None, open=False)
    if handoff.status == "resolved":
        who = f" by {handoff.claimed_by.name}" if handoff.claimed_by else ""
        when = f"At {formats.clock(handoff.resolved_at, tz)}." if handoff.resolved_at else None
        return Strip("resolved", f"Resolved{who}", when, [], None, open=False)
    recipients = _recipients(handoff.deliveries, connected)
    returned = _last(handoff.timeline, "released")
    if returned is not None and returned.actor is not None:
        said = f": “{returned.detail}”" if returned.detail else ""
        detail = " ".join(("Waiting again.", _sentence(recipients))).strip()
        return Strip(
            "handed_back", f"{returned.actor.name} handed it back{said}", detail, recipients, returned.at, open=True
        )
    if not recipients:
        return Strip("sending", "Sending", "Saved. Finding who is on.", [], handoff.created_at, open=True)
    state: StripState = "delivered" if any(one.state in {"shown", "held"} for one in recipients) else "nobody_on"
    if state == "nobody_on" and any(one.state == "sending" for one in recipients):
        state = "sending"
    sentence = _sentence(recipients)
    if state == "nobody_on":
        sentence = f"No senior is on a desktop. {sentence}".strip()
    sentence = sentence or "Sending"
    return Strip(state, sentence, None, recipients, handoff.created_at, open=True)


def _claimed(handoff: Handoff, by: Person) -> Strip:
    first = formats.first_name(by.name)
    took = f"After {formats.waited(handoff.claimed_at - handoff.created_at)}. " if handoff.claimed_at else ""
    doing = "You can both write here." if handoff.first_action_at else f"{first} is opening the session; you can both"
    detail = f"{took}{doing}" if handoff.first_action_at else f"{took}{doing} write here."
    return Strip("claimed", f"Claimed by {by.name}", detail, [], None, open=True)


def _last(timeline: Sequence[TimelineEntry], kind: str) -> TimelineEntry | None:
    return next((entry for entry in reversed(timeline) if entry.kind.removeprefix("handoff.") == kind), None)


def _recipients(deliveries: Iterable[Delivery], connected: Mapping[str, str]) -> list[Recipient]:
    """One entry per person: the best that is known. A channel that was called off tells nobody anything."""
    best: dict[str, Delivery] = {}
    for one in deliveries:
        if one.state == "cancelled":
            continue
        kept = best.get(one.user.id)
        if kept is None or _RANK[one.state] < _RANK[kept.state]:
            best[one.user.id] = one
    return [_recipient(one, connected.get(one.user.id)) for one in best.values()]


def _recipient(one: Delivery, where: str | None) -> Recipient:
    channel: str = one.channel
    if one.channel == "email":
        state, icon, words = {
            "accepted": ("emailed", "mail", "e-mailed"),
            "failed": ("bounced", "warn", "e-mail was not delivered"),
        }.get(one.state, ("sending", "sending", "sending an e-mail"))
    elif one.state == "pending" and where is None:
        state, icon, words = "absent", "clock", "not connected"
    else:
        if one.state in {"pending", "sending"} and where is not None:
            channel = where  # the alert goes to whatever is open, a planned one has no device yet
        place = "desktop" if channel == "desktop" else "web page"
        state, icon, words = {
            "shown": ("shown", "screen", "shown" if channel == "desktop" else "shown in the web page"),
            "suppressed": ("held", "moon", "do not disturb"),
            "failed": ("bounced", "warn", f"not shown on the {place}"),
            "unknown": ("bounced", "warn", "not reached yet"),
        }.get(one.state, ("sending", "sending", f"sending to the {place}"))
    return Recipient(one.user, channel, state, icon, words)


def _sentence(recipients: Sequence[Recipient]) -> str:
    """Whose desktops it was shown on, who saw the web page, who was e-mailed. Only what is known."""

    def names(*, channel: str | None = None, state: str) -> list[str]:
        people = [one for one in recipients if one.state == state and channel in {None, one.channel}]
        return formats.first_names([one.person.name for one in people])

    parts = []
    if desks := names(channel="desktop", state="shown"):
        owners = formats.listed(formats.possessive(name) for name in desks)
        parts.append(f"Shown on {owners} desktop{'s' if len(desks) > 1 else ''}.")
    if pages := names(channel="web", state="shown"):
        parts.append(f"Shown to {formats.listed(pages)} in the web page.")
    if mailed := names(state="emailed"):
        parts.append(f"E-mailed {formats.listed(mailed)}.")
    if not parts and (held := names(state="held")):
        parts.append(f"{formats.listed(held)} {'has' if len(held) == 1 else 'have'} do not disturb on.")
    if not parts and (going := names(channel="desktop", state="sending")):
        owners = formats.listed(formats.possessive(name) for name in going)
        parts.append(f"Sending to {owners} desktop{'s' if len(going) > 1 else ''}.")
    return " ".join(parts)
