"""The words of one mail in their order, before they are HTML or plain text. The order is that of the design."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backend.contract.handoffs import Assessment, Handoff
from backend.contract.sessions import Step
from backend.contract.vocabulary import OUTCOME_LABEL, PRIORITY_LABEL, StepOutcome
from backend.mail.handoff_mail import HandoffMail
from backend.mail.subjects import came_back, done_by
from backend.mail.text import isolated, lines, one_line

_MOST_STEPS: Final = 12
_LONGEST_TITLE: Final = 200
_LONGEST_STEP: Final = 400
_LONGEST_PREHEADER: Final = 140
_TONE: Final[dict[StepOutcome, str]] = {
    "worked": "success",
    "helped": "warning",
    "no_change": "quiet",
    "worse": "danger",
    "blocked": "danger",
    "not_tried": "quiet",
}
_NOT_A_CLAIM: Final = "Opening this link does not claim it."
_PICK_UP: Final = f"{_NOT_A_CLAIM} You press Pick up on the page."
_NOT_DELIVERED: Final = (
    "Nothing was delivered. See that the address is right and that its mail server takes mail for it."
)
_CHANGES_NOTHING: Final = "Opening this link changes nothing."


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and the lines below it."""

    heading: str
    lines: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedStep:
    """One row of the steps. `tone` is success, warning, danger or quiet; the label says the same in words."""

    label: str
    tone: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The AI assessment: its heading with the confidence, the cause, what to do next (or empty)."""

    heading: str
    cause: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything a template writes. Texts are one line each and hold customers' words: escape them, unlink them."""

    account: str
    priority: str
    priority_label: str
    title: str
    about: str
    status: str
    quoted: Section | None
    button: str
    link: str
    below_button: str
    preheader: str
    sections: list[Section]
    judgement: Judgement | None
    steps: list[TriedStep]
    earlier_steps: int
    why: str
    settings_link: str | None


def page(mail: HandoffMail) -> Page:
    """The words of this mail; with `title_only` nothing below the button and its sentence."""
    handoff = mail.handoff
    package = handoff.escalation_package
    full = mail.content == "full"
    detailed = full and mail.purpose not in {"closed", "notice"}
    status = _status(mail)
    steps = package.snapshot.steps if detailed else []
    picks_up = mail.purpose in {"alert", "reminder"}
    return Page(
        account=one_line(mail.account_name),
        priority=handoff.priority,
        priority_label=f"{PRIORITY_LABEL[handoff.priority]} priority",
        title=isolated(one_line(handoff.title, longest=_LONGEST_TITLE)),
        about=_about(handoff),
        status=status,
        quoted=_quoted(mail),
        button="Open the hand-off to pick it up" if picks_up else "Open the hand-off",
        link=mail.link,
        below_button=_PICK_UP if picks_up else _NOT_A_CLAIM if mail.purpose == "nobody" else _CHANGES_NOTHING,
        preheader=_preheader(handoff, status, tells_need=detailed and mail.purpose != "nudge"),
        sections=_sections(handoff) if detailed else [],
        judgement=_judgement(package.assessment) if detailed and package.assessment else None,
        steps=[_tried(step) for step in steps[-_MOST_STEPS:]],
        earlier_steps=max(0, len(steps) - _MOST_STEPS),
        why=" ".join(filter(None, (one_line(mail.why), one_line(mail.also_told)))) if full else "",
        settings_link=mail.settings_link,
    )


def _name(name: str) -> str:
    return isolated(one_line(name, longest=120))


def _first(name: str) -> str:
    words = one_line(name).split(" ", 1)
    return isolated(words[0])


def _about(handoff: Handoff) -> str:
    who = f"from {_name(handoff.handed_off_by.name)}"
    return f"{_name(handoff.customer)}, {who}" if handoff.customer else f"F{who[1:]}"


def when(moment: datetime, mail: HandoffMail) -> str:
    """`Fri 20 Nov at 10:42` on the account's clock; the year where it is another one than that of the mail."""
    try:
        tz = ZoneInfo(mail.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        tz = ZoneInfo("UTC")
    local = moment.astimezone(tz)
    year = f" {local.year}" if local.year != mail.sent_at.astimezone(tz).year else ""
    return f"{local:%a} {local.day} {local:%b}{year} at {local:%H:%M}"


def _status(mail: HandoffMail) -> str:
    handoff = mail.handoff
    ticket = f" Ticket {_name(handoff.ticket.id)}" if handoff.ticket else ""
    return f"{_state(mail)}{ticket}"


def _state(mail: HandoffMail) -> str:
    handoff = mail.handoff
    escalated = f"Escalated {when(handoff.created_at, mail)}"
    if came_back(handoff) and handoff.waiting_since is not None:
        escalated += f", handed back {when(handoff.waiting_since, mail)}"
    waited = f", waiting {one_line(mail.waited)}" if mail.waited else ""
    match mail.purpose:
        case "alert":
            return f"{escalated}, unclaimed when this was sent."
        case "reminder":
            return f"{escalated}{waited}, unclaimed when this was sent."
        case "nobody":
            return f"{escalated}{waited}. Nobody has claimed it yet."
        case "notice":
            return f"{escalated}."
        case "nudge":
            return _nudged(mail)
        case "closed":
            return f"{_closed(mail)} You do not need to do anything."


def _nudged(mail: HandoffMail) -> str:
    handoff, back = mail.handoff, mail.handoff.next_step
    since = f" {when(handoff.claimed_at, mail)}" if handoff.claimed_at else ""
    goes = f" It goes back to the queue {when(back.at, mail)}." if back and back.kind == "return" else ""
    return f"You claimed it{since}. No first step since.{goes}"


def _closed(mail: HandoffMail) -> str:
    handoff = mail.handoff
    if handoff.status == "claimed" and handoff.claimed_by:
        at = f" {when(handoff.claimed_at, mail)}" if handoff.claimed_at else ""
        return f"Claimed by {_name(handoff.claimed_by.name)}{at}."
    if handoff.status == "resolved":
        return f"Resolved {when(handoff.resolved_at, mail)}." if handoff.resolved_at else "Resolved."
    kind, did = ("withdrawn", "Withdrawn") if handoff.status == "withdrawn" else ("released", "Handed back")
    who = done_by(handoff, kind)
    return f"{did} by {_name(who)}." if who else f"{did}."


def _quoted(mail: HandoffMail) -> Section | None:
    if mail.refused is None:
        return None
    who = f"{_name(mail.refused.name)}, {one_line(mail.refused.address)}"
    return Section(
        heading=f"The mail server refused {who}",
        lines=[one_line(mail.refused.words), _NOT_DELIVERED],
    )


def _preheader(handoff: Handoff, status: str, *, tells_need: bool) -> str:
    need = handoff.escalation_package.need or handoff.escalation_package.reason
    return one_line(need, longest=_LONGEST_PREHEADER) if tells_need else status


def _sections(handoff: Handoff) -> list[Section]:
    package, who = handoff.escalation_package, _first(handoff.handed_off_by.name)
    asked = Section(heading=f"What {who} needs", lines=lines(package.need)) if package.need else None
    found = [asked or Section(heading=f"Why {who} escalated", lines=lines(package.reason))]
    if package.impact:
        found.append(Section(heading="Effect on the customer", lines=lines(package.impact)))
    return found


def _judgement(assessment: Assessment) -> Judgement:
    percent = round(assessment.confidence * 100)
    words = "low" if percent < 40 else "medium" if percent < 75 else "high"  # as on the pages
    return Judgement(
        heading=f"AI assessment, {words} confidence ({percent}\u00a0%)",
        cause=one_line(assessment.likely_cause, longest=_LONGEST_STEP),
        next=one_line(assessment.next_steps[0], longest=_LONGEST_STEP) if assessment.next_steps else "",
    )


def _tried(step: Step) -> TriedStep:
    action = one_line(step.action)
    text = f"{action}: {step.detail}" if step.detail else action
    return TriedStep(
        label=OUTCOME_LABEL[step.outcome],
        tone=_TONE[step.outcome],
        text=isolated(one_line(text, longest=_LONGEST_STEP)),
    )
