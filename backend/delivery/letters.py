"""What stands in an e-mail about a handoff, gathered at the moment it is sent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.contract.handoffs import Handoff
from backend.delivery import mail_repository
from backend.delivery.mail_repository import MailRow
from backend.delivery.repository import connected
from backend.domain.roles import at_least
from backend.handoffs.service import read_handoff
from backend.mail.addresses import domain_of, sender_address
from backend.mail.handoff_mail import HandoffMail, Purpose, RefusedMail
from backend.mail.message import compose

_NAMES: Final = 3
_HELD: Final = {
    "do not disturb": "do not disturb was on",
    "locked": "your screen was locked",
    "quiet hours": "it came in your quiet hours,",
    "notifications off": "your notifications were off",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A message ready to be sent to one address."""

    message: EmailMessage
    address: str
    message_id: str


class Letters:
    """Writes letters. `public_url` is without a closing slash; `mail_from` is the sender's address."""

    def __init__(self, public_url: str, mail_from: str) -> None:
        self._base = public_url.rstrip("/")
        self._mail_from = mail_from
        self.domain = domain_of(sender_address(mail_from))
        """What stands after the @ of every Message-ID."""

    async def write(self, tx: AsyncConnection, account_id: UUID, row: MailRow) -> Letter:
        """The letter of one `delivery` row, as things stand in this transaction."""
        handoff = await read_handoff(tx, account_id, row.handoff_id)
        account = await mail_repository.account(tx, account_id)
        role = await mail_repository.role_of(tx, account_id, row.user_id)
        tz = ZoneInfo(account.timezone)
        purpose: Purpose = "reminder" if row.purpose == "alert" and row.steps_done else row.purpose
        first = await mail_repository.first_message(tx, account_id, row.handoff_id, row.user_id)
        thread = (first,) if first and first != row.message_id and row.purpose != "notice" else ()
        on_client = {link.user_id for link in await connected(tx, account_id)}
        since = handoff.waiting_since or handoff.created_at
        mail = HandoffMail(
            handoff=handoff,
            account_name=account.name,
            timezone=account.timezone,
            recipient_name=row.name,
            recipient_address=row.device,
            purpose=purpose,
            link=self._link(handoff, purpose),
            settings_link=f"{self._base}/admin/email" if at_least(role, "admin") else None,
            why=_why(handoff, row, purpose, tz, account.name, on_client=row.user_id in on_client),
            also_told=_also_told(handoff, str(row.user_id)),
            waited=_waited(account.now - since),
            mail_from=self._mail_from,
            message_id=row.message_id,
            in_reply_to=thread[0] if thread else None,
            references=thread,
            content=account.email_content,
            refused=await self._refused(tx, account_id, row) if purpose == "notice" else None,
            sent_at=account.now,
            sender_name=account.email_sender_name,
        )
        return Letter(compose(mail), row.device, row.message_id)

    def _link(self, handoff: Handoff, purpose: Purpose) -> str:
        """Leads to where the reader goes on; opening it changes nothing."""
        if purpose in {"alert", "reminder", "notice"}:
            return f"{self._base}/escalations?handoff={handoff.id}"
        return f"{self._base}/pilot/{handoff.session_id}"

    @staticmethod
    async def _refused(tx: AsyncConnection, account_id: UUID, row: MailRow) -> RefusedMail | None:
        refused = await mail_repository.refused_in(tx, account_id, row.handoff_id, row.rung)
        if not refused:
            return None
        return RefusedMail(
            name=_listed([one.name for one in refused]),
            address=", ".join(one.device for one in refused),
            words=refused[0].detail or "",
        )


def _why(handoff: Handoff, row: MailRow, purpose: Purpose, tz: ZoneInfo, account: str, *, on_client: bool) -> str:
    match purpose:
        case "alert":
            return f"You get this because {_not_shown(handoff, row, tz, on_client=on_client)}."
        case "reminder":
            return "You get this because nobody has claimed it yet."
        case "nudge":
            return f"You get this because {_how_it_came(handoff)} at {_clock(handoff.claimed_at, tz)}."
        case "closed":
            return "You get this because you were e-mailed when it was waiting."
        case "nobody":
            return "You get this because you escalated it, or the session is yours."
        case "notice":
            return f"You get this because you look after {account}."


def _how_it_came(handoff: Handoff) -> str:
    last = next((e for e in reversed(handoff.timeline) if e.kind in {"claimed", "reassigned"}), None)
    if last is not None and last.kind == "reassigned" and last.actor is not None:
        return f"{last.actor.name} gave it to you"
    return "you claimed it"


def _not_shown(handoff: Handoff, row: MailRow, tz: ZoneInfo, *, on_client: bool) -> str:
    """Why the desktop alert was not enough for this person."""
    at = _clock(handoff.waiting_since or handoff.created_at, tz)
    mine = [one for one in handoff.deliveries if one.user.id == str(row.user_id) and one.channel != "email"]
    held = next((one.detail for one in mine if one.state == "suppressed" and one.detail), None)
    if held is not None:
        return f"{_HELD.get(held, held)} at {at}"
    if any(one.state == "failed" for one in mine):
        return f"your desktop app could not show it at {at}"
    return f"your desktop app had not shown it yet at {at}" if on_client else f"your desktop app was offline at {at}"


def _also_told(handoff: Handoff, but: str) -> str:
    shown = {one.user.id: one.user.name for one in handoff.deliveries if one.state == "shown" and one.user.id != but}
    if not shown:
        return ""
    where = "on their desktops" if len(shown) > 1 else "on their desktop"
    return f"Also told: {_listed(sorted(shown.values()))}, {where}."


def _listed(names: list[str]) -> str:
    if len(names) > _NAMES:
        return f"{', '.join(names[:_NAMES])} and {len(names) - _NAMES} more"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _clock(at: datetime | None, tz: ZoneInfo) -> str:
    return at.astimezone(tz).strftime("%H:%M") if at else "an unknown time"


def _waited(time: timedelta) -> str:
    minutes = max(0, int(time.total_seconds() // 60))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
