"""Per person, what is known of how they were told: the best of it in a few words, the rest for a closer look.

Only a client's receipt makes "shown", only the mail server's word makes "e-mailed". Whatever went wrong is named.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal

from backend.contract.handoffs import Delivery
from backend.contract.people import Person
from backend.web.formats import Clock, apart, capital

Standing = Literal[
    "opened", "shown", "emailed", "bounced", "retrying", "unsure", "held", "mailing", "unshown", "going", "absent"
]
"""Best first. The first three mean that somebody was told; from `mailing` on it is still under way, save `unshown`."""

ON_THE_WAY: Final = frozenset({"retrying", "unsure", "mailing", "going"})
TROUBLE: Final = frozenset({"bounced", "retrying", "unsure", "unshown"})
_RANK: Final = {
    standing: rank
    for rank, standing in enumerate(
        ("opened", "shown", "emailed", "bounced", "retrying", "unsure", "held", "mailing", "unshown", "going", "absent")
    )
}
_STATE: Final[dict[Standing, str]] = {
    "opened": "opened",
    "shown": "shown",
    "emailed": "emailed",
    "bounced": "bounced",
    "retrying": "bounced",
    "unsure": "sending",
    "held": "held",
    "mailing": "sending",
    "unshown": "bounced",
    "going": "sending",
    "absent": "sending",
}
_ICON: Final[dict[Standing, str]] = {
    "opened": "eye",
    "shown": "screen",
    "emailed": "mail",
    "bounced": "warn",
    "retrying": "warn",
    "unsure": "warn",
    "held": "moon",
    "mailing": "sending",
    "unshown": "warn",
    "going": "sending",
    "absent": "clock",
}
_MAILED: Final[dict[str, Standing]] = {"accepted": "emailed", "unknown": "unsure"}
_ALERTED: Final[dict[str, Standing]] = {
    "shown": "shown",
    "suppressed": "held",
    "failed": "unshown",
    "unknown": "unshown",
}
_HELD: Final = {
    "do_not_disturb": "do not disturb",
    "dnd": "do not disturb",
    "quiet_hours": "quiet hours",
    "notifications_off": "notifications off",
    "locked": "screen locked",
}


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person, or one channel of a webhook. `state` and `icon` are for the page, `line` for people.

    `more` holds what else is known, in whole sentences: the reasons, and the other devices and addresses.
    """

    person: Person
    channel: str
    standing: Standing
    line: str
    more: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """The design's word for it: sending, shown, opened, held, emailed or bounced."""
        return _STATE[self.standing]

    @property
    def icon(self) -> str:
        """The glyph that says the same."""
        return "chat" if self.channel == "webhook" and self.standing == "emailed" else _ICON[self.standing]


READING: Final = timedelta(minutes=2)
"""So long after opening it a senior counts as reading it."""


def gather(
    deliveries: Iterable[Delivery],
    connected: Mapping[str, str],
    clock: Clock,
    opened: Mapping[str, datetime] = MappingProxyType({}),
) -> tuple[list[Recipient], list[Recipient]]:
    """People and webhooks, each with the best that is known. What was called off told nobody anything.

    `connected` says where people have a client open now, `desktop` or `web` by user id; `opened` when they last opened
    the hand-off itself.
    """
    entries: dict[tuple[bool, str], list[Delivery]] = {}
    for one in deliveries:
        if one.state != "cancelled":
            whose = _channel_name(one) if one.channel == "webhook" else one.user.id
            entries.setdefault((one.channel == "webhook", whose), []).append(one)
    people = [_person(known, connected, clock) for (webhook, _), known in entries.items() if not webhook]
    people = [_reader(one, opened[one.person.id], clock) if one.person.id in opened else one for one in people]
    return people, [_webhook(known[-1]) for (webhook, _), known in entries.items() if webhook]


def _reader(one: Recipient, at: datetime, clock: Clock) -> Recipient:
    """Somebody who has it before their eyes, or had: that says more than how they were told."""
    doing = "reading it" if clock.now - at < READING else f"opened it {clock.at(at)}"
    more = (*one.more, f"{capital(one.line.rpartition(', ')[2])}.")
    return replace(one, standing="opened", line=f"{apart(one.person.name)}, {doing}", more=more)


def _person(known: Sequence[Delivery], connected: Mapping[str, str], clock: Clock) -> Recipient:
    where = connected.get(known[0].user.id)
    awaited = where is not None and any(one.channel != "email" and one.state in {"pending", "sending"} for one in known)
    judged = sorted(((_standing(one, awaited=awaited), one) for one in known), key=lambda entry: _RANK[entry[0]])
    standing, best = judged[0]
    channel: str = best.channel
    if standing == "going" and where is not None:
        channel = where  # the alert goes to whatever is open; a planned one has no device yet
    more = [_detail(best)] if standing in TROUBLE else []
    more += [_sentence(one, kind, clock) for kind, one in judged[1:] if kind not in {"absent", "going"}]
    line = _line(apart(best.user.name), standing, channel, best, clock)
    return Recipient(best.user, channel, standing, line, tuple(filter(None, more)))


def _standing(one: Delivery, *, awaited: bool) -> Standing:
    """How far this one has come. `awaited`: a client of theirs is open and has still to answer; e-mail waits for it."""
    if one.channel == "email":
        if one.state == "failed":
            return "retrying" if one.retry_at else "bounced"
        known = _MAILED.get(one.state)
        return known or ("going" if one.state == "pending" and awaited else "mailing")
    known = _ALERTED.get(one.state)
    return known or ("going" if awaited else "absent")


def _line(name: str, standing: Standing, channel: str, one: Delivery, clock: Clock) -> str:
    """The person and how they were told, in a few words."""
    desk = channel == "desktop"
    if standing == "held":
        return f"{name}, {held_words(one.detail)}"
    if standing == "retrying" and one.retry_at:
        return f"E-mail to {name} is tried again {clock.at(one.retry_at)}"
    return {
        "shown": f"{name}, shown" if desk else f"{name}, shown in the web page",
        "emailed": f"{name}, e-mailed",
        "bounced": f"E-mail to {name} was not delivered",
        "unsure": f"E-mail to {name}: the server\u2019s answer was lost, sent again",
        "mailing": f"{name}, sending an e-mail",
        "unshown": f"{name}, not shown on the {'desktop' if desk else 'web page'}",
        "going": f"{name}, sending to the {'desktop' if desk else 'web page'}",
    }.get(standing, f"{name}, not connected")


def held_words(reason: str | None) -> str:
    """Why a client kept an alert back, in words; a reason that we do not know is repeated as it came."""
    key = (reason or "").strip().casefold().replace(" ", "_").replace("-", "_")
    return _HELD.get(key, (reason or "").strip().replace("_", " ") or "do not disturb")


def _detail(one: Delivery) -> str:
    """The reason that came with it, as a sentence."""
    said = (one.detail or "").strip()
    return f"{capital(said)}{'' if said[-1] in '.!?' else '.'}" if said else ""


def _sentence(one: Delivery, standing: Standing, clock: Clock) -> str:
    """One further entry of a person, for the closer look."""
    channel = {"email": "E-mail", "desktop": "Desktop", "web": "Web page"}.get(one.channel, one.channel)
    words = {
        "shown": f"shown {clock.at(one.at)}",
        "emailed": f"accepted by the mail server {clock.at(one.at)}",
        "bounced": "not delivered",
        "retrying": f"tried again {clock.at(one.retry_at)}" if one.retry_at else "tried again",
        "unsure": "the server\u2019s answer was lost, sent again",
        "held": held_words(one.detail),
        "mailing": "being sent",
        "unshown": "not shown",
    }.get(standing, "not reached yet")
    reason = _detail(one) if standing in TROUBLE else ""
    return f"{channel}: {words}. {reason}".strip()


def _channel_name(notice: Delivery) -> str:
    """`Teams: Service desk` of a notice's detail, which goes on with what went wrong."""
    return ": ".join((notice.detail or "Webhook").split(": ")[:2])


def _webhook(one: Delivery) -> Recipient:
    name = _channel_name(one)
    match one.state:
        case "accepted" | "shown":
            return Recipient(one.user, "webhook", "emailed", f"Posted to {name}")
        case "failed" | "unknown":
            standing: Standing = "retrying" if one.retry_at else "bounced"
            return Recipient(
                one.user, "webhook", standing, f"Not posted to {name}", tuple(filter(None, [_detail(one)]))
            )
    return Recipient(one.user, "webhook", "mailing", f"Posting to {name}")
