"""The sentences of the delivery strip."""

from collections.abc import Sequence
from datetime import datetime

from backend.contract.handoffs import Delivery, NextStep, TimelineEntry
from backend.contract.people import Person
from backend.web import formats
from backend.web.formats import Clock
from backend.web.recipients import ON_THE_WAY, Recipient, Standing


def sentence(people: Sequence[Recipient], *, separate: bool) -> str:
    """Whose desktops it was shown on, who saw the web page, who was e-mailed, who was not. Only what is known.

    `separate` makes a sentence of each part; else the parts that tell of success are one sentence.
    """
    told = _successes(people)
    if not told:
        told = _under_way(people)
    if separate:
        said = [f"{formats.capital(part)}." for part in told]
    else:
        said = [f"{formats.capital(', '.join(told))}."] if told else []
    return " ".join(filter(None, (*said, trouble(people))))


def _names(people: Sequence[Recipient], standing: Standing, channel: str | None = None) -> list[str]:
    found = [one.person.name for one in people if _counts(one, standing) and channel in {None, one.channel}]
    return formats.first_names(found)


def _counts(one: Recipient, standing: Standing) -> bool:
    """Who has opened it was told by what reached them."""
    if one.standing == "opened":
        return standing == ("emailed" if one.channel == "email" else "shown")
    return one.standing == standing


def _desks(names: Sequence[str]) -> str:
    ending = " desktops" if len(names) > 1 else " desktop"
    return formats.listed_few([formats.possessive(name) for name in names], suffix=ending)


def _successes(people: Sequence[Recipient]) -> list[str]:
    parts = []
    if desks := _names(people, "shown", "desktop"):
        parts.append(f"shown on {_desks(desks)}")
    if pages := _names(people, "shown", "web"):
        parts.append(f"shown to {formats.listed_few(pages)} in the web page")
    if mailed := _names(people, "emailed"):
        parts.append(f"e-mailed {formats.listed_few(mailed)}")
    return parts


def _under_way(people: Sequence[Recipient]) -> list[str]:
    parts = []
    if desks := _names(people, "going", "desktop"):
        parts.append(f"sending to {_desks(desks)}")
    if pages := _names(people, "going", "web"):
        parts.append(f"sending to {formats.listed_few([formats.possessive(name) for name in pages])} web page")
    if mailing := _names(people, "mailing"):
        parts.append(f"sending an e-mail to {formats.listed_few(mailing)}")
    if not parts and (held := _names(people, "held")):
        parts.append(_held(held, people))
    return parts


def _held(names: Sequence[str], people: Sequence[Recipient]) -> str:
    reasons = {one.line.rpartition(", ")[2] for one in people if one.standing == "held"}
    if reasons == {"do not disturb"}:
        return f"{formats.listed_few(names)} {'has' if len(names) == 1 else 'have'} do not disturb on"
    return f"{formats.listed_few(names)} {'was' if len(names) == 1 else 'were'} not shown it"


def trouble(people: Sequence[Recipient]) -> str:
    """Who could not be told, plainly; empty when nothing went wrong."""
    parts = []
    if bounced := _names(people, "bounced"):
        parts.append(f"E-mail to {formats.listed_few(bounced)} was not delivered.")
    if retried := _names(people, "retrying"):
        parts.append(f"E-mail to {formats.listed_few(retried)} has not gone out yet.")
    if unshown := _names(people, "unshown"):
        parts.append(f"Not shown to {formats.listed_few(unshown)}.")
    return " ".join(parts)


def alerted(detail: str | None) -> str:
    """Whom the policy alerted again, from the timeline's words (`Everyone again`, `Marcus Hale`)."""
    words = (detail or "Everyone again").strip()
    return (
        f"Alerted {words[0].lower()}{words[1:]}"
        if words.casefold().startswith("everyone")
        else f"Alerted {formats.apart(words)}"
    )


def handed_back(entry: TimelineEntry) -> str:
    """Who gave it back and why; nobody did when an idle claim ran out."""
    if entry.actor is None:
        return returned(entry.detail or "")
    why = f": “{formats.apart(entry.detail)}”" if entry.detail else ""
    return f"{formats.apart(entry.actor.name)} handed it back{why}"


def returned(why: str) -> str:
    """That an idle claim ran out, in the timeline's words."""
    said = why or "no first action"
    return f"Handed back to the queue: {said[0].lower()}{said[1:]}"


def owners_told(
    owners: Sequence[Person],
    people: Sequence[Recipient],
    deliveries: Sequence[Delivery],
    exhausted_at: datetime,
    clock: Clock,
) -> str:
    """That the owner knows that nobody has come, as far as that is known."""
    ids = {one.id for one in owners}
    asked = [one for one in people if one.person.id in ids]
    told = [one for one in asked if one.standing in {"opened", "shown", "emailed"}]
    if told:
        at = max(_told_at(one, deliveries) or exhausted_at for one in told)
        names = formats.listed_few([one.person.name for one in told])
        return f"{names} {'was' if len(told) == 1 else 'were'} told {clock.at(at)}."
    if not asked:
        return ""
    names = formats.listed_few([one.person.name for one in asked])
    if any(one.standing in ON_THE_WAY for one in asked):
        return f"{names} {'is' if len(asked) == 1 else 'are'} being told."
    return f"{names} could not be told so far."


def _told_at(one: Recipient, deliveries: Sequence[Delivery]) -> datetime | None:
    wanted = "accepted" if one.channel == "email" else "shown"
    times = [d.at for d in deliveries if d.user.id == one.person.id and d.state == wanted]
    return min(times, default=None)


def upcoming(step: NextStep, clock: Clock, *, state: str, late: bool) -> str:
    """What the policy does next, and when. Overdue is said as it is."""
    when = clock.at(step.at)
    if late:
        return f"The next alert was due {when} and has not gone out."
    if not step.names or step.kind == "repeat":  # a repeat tells everyone of every step
        return f"Everyone {when}." if step.kind == "widen" else f"Everyone again {when}."
    who = formats.listed_few(step.names)
    verb = "are" if len(step.names) > 1 else "is"
    return (
        f"{who} {verb} alerted {when} if nobody has claimed." if state == "nobody_on" else f"{who} {verb} next, {when}."
    )


def reminded(first: str, at: datetime, deliveries: Sequence[Delivery], step: NextStep | None, clock: Clock) -> str:
    """That the claimer of an idle hand-off was reminded, and when it goes back to the queue."""
    when = clock.at(at)
    back = f"it goes back to the queue {clock.at(step.at)}." if step and step.kind == "return" else ""
    alive = [one for one in deliveries if one.state != "cancelled"]
    if alive and all(one.state in {"failed", "suppressed"} for one in alive):
        said = f"The reminder to {first} {when} did not arrive"
    else:
        said = f"{first} was reminded {when}"
    return f"{said}; {back}" if back else f"{said}."
