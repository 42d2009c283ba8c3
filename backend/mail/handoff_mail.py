"""What one mail about a hand-off is made from."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from backend.contract.handoffs import Handoff

Purpose = Literal["alert", "reminder", "nudge", "closed", "nobody", "notice"]
Content = Literal["full", "title_only"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedMail:
    """For a notice: whose mail was refused, at which address, in the mail server's own words."""

    name: str
    address: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffMail:
    """One mail to one person.

    - `purpose`: `alert` (first round), `reminder` (a later one), `nudge` (to the claimer), `closed` (what became of
      it, by the handoff's status), `nobody` (to owner and junior), `notice` (to admins, with `refused`).
    - `link` and `settings_link`: absolute addresses of the hand-off's page and of the e-mail settings; the latter is
      None for who may not change them.
    - `why`: one sentence, why this person gets this. `also_told`: one sentence or empty.
    - `waited`: how long it has waited, such as `9 min`; used by `reminder` and `nobody`.
    - `message_id`, `in_reply_to`, `references`: with their angle brackets.
    - `content`: `title_only` leaves out everything below the button.
    - `sender_name`: what the account calls the sender; None is the product's name.
    - `sent_at`: an aware time.
    """

    handoff: Handoff
    account_name: str
    timezone: str
    recipient_name: str
    recipient_address: str
    purpose: Purpose
    link: str
    settings_link: str | None
    why: str
    mail_from: str
    message_id: str
    sent_at: datetime
    also_told: str = ""
    waited: str = ""
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    content: Content = "full"
    refused: RefusedMail | None = None
    sender_name: str | None = None
