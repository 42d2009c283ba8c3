"""The subject of each mail about a hand-off: what happened first, then which one."""

from typing import Final

from backend.contract.handoffs import Handoff
from backend.contract.vocabulary import PRIORITY_LABEL
from backend.mail.handoff_mail import HandoffMail
from backend.mail.text import isolated, one_line

_LONGEST_TITLE: Final = 110
_LONGEST_CUSTOMER: Final = 60
_LONGEST_NAME: Final = 60


def subject(mail: HandoffMail) -> str:
    """One line, about 250 characters at most."""
    return f"{_happened(mail)}{_which(mail.handoff)}"


def _which(handoff: Handoff) -> str:
    title = isolated(one_line(handoff.title, longest=_LONGEST_TITLE))
    customer = isolated(one_line(handoff.customer or "", longest=_LONGEST_CUSTOMER))
    return f"{title} ({customer})" if customer else title


def _happened(mail: HandoffMail) -> str:
    handoff = mail.handoff
    match mail.purpose:
        case "reminder":
            return f"Still waiting {one_line(mail.waited)}: " if mail.waited else "Still waiting: "
        case "nudge":
            return "Still waiting for your first step: "
        case "nobody":
            return "Nobody has claimed yet: "
        case "notice":
            return f"E-mail to {_name(mail.refused.name) if mail.refused else 'somebody'} was refused: "
        case "closed":
            return _closed(handoff)
        case "alert":
            again = f"Handed back{_by(handoff, 'released')}: " if came_back(handoff) else ""
            return f"[{PRIORITY_LABEL[handoff.priority]}] {again}"


def _closed(handoff: Handoff) -> str:
    match handoff.status:
        case "claimed":
            return f"Claimed by {_name(handoff.claimed_by.name)}: " if handoff.claimed_by else "Claimed: "
        case "withdrawn":
            return f"Withdrawn{_by(handoff, 'withdrawn')}: "
        case "resolved":
            return "Resolved: "
        case "pending":
            return f"Handed back{_by(handoff, 'released')}: "


def came_back(handoff: Handoff) -> bool:
    """True when somebody had it and it waits again."""
    return handoff.waiting_since is not None and handoff.waiting_since > handoff.created_at


def done_by(handoff: Handoff, kind: str) -> str:
    """The name of who did this last, from the timeline; empty when the system did, or nobody."""
    doers = [entry.actor for entry in handoff.timeline if entry.kind.removeprefix("handoff.") == kind]
    return doers[-1].name if doers and doers[-1] else ""


def _by(handoff: Handoff, kind: str) -> str:
    name = done_by(handoff, kind)
    return f" by {_name(name)}" if name else ""


def _name(name: str) -> str:
    return isolated(one_line(name, longest=_LONGEST_NAME))
