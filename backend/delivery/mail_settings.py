"""An account's e-mail settings, and trying them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from backend.audit.record import record
from backend.contract.people import EmailContent
from backend.db.engine import Database
from backend.domain.refusal import Refusal
from backend.domain.text import clean_optional
from backend.identity import repository
from backend.identity.caller import Caller
from backend.mail.invite import compose_test
from backend.mail.outcome import Accepted, NotWanted, Refused, Unavailable, Unknown
from backend.mail.sender import Mailer

LONGEST_DELAY_S: Final = 300
_LONGEST_NAME: Final = 60
_MOST_DIGITS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServerView:
    """The server's own mail settings: where mail goes, as whom, and what in the environment says so. No password."""

    host: str | None
    sender: str
    sender_given: bool
    signs_in: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSettings:
    """What an account chooses. `delay_s` is waited before mailing somebody who is on no client."""

    content: EmailContent
    delay_s: int
    sender_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What came of a test. `unknown`: it left, and no answer came."""

    outcome: Literal["accepted", "failed", "unknown"]
    at: datetime
    address: str
    words: str


class EmailSettingsService:
    """For administrators."""

    def __init__(self, database: Database, mailer: Mailer, server: MailServerView) -> None:
        self._db = database
        self._mailer = mailer
        self.server = server

    async def settings(self, caller: Caller) -> EmailSettings:
        """What the account has chosen."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            row = await repository.settings(tx, caller.account_id)
        return EmailSettings(
            content=row.email_content, delay_s=row.email_offline_delay_s, sender_name=row.email_sender_name
        )

    async def change(self, caller: Caller, *, content: str, delay: str, sender_name: str) -> None:
        """Write all three, in one transaction with its audit entry."""
        caller.require("admin")
        if content not in {"full", "title_only"}:
            raise Refusal("invalid_body", "Choose what e-mails contain.", field="content")
        seconds = int(delay) if delay.isascii() and delay.isdigit() and len(delay) <= _MOST_DIGITS else -1
        if not 0 <= seconds <= LONGEST_DELAY_S:
            raise Refusal("invalid_body", f"The delay must be 0 to {LONGEST_DELAY_S} seconds.", field="delay")
        name = clean_optional("sender_name", sender_name, longest=_LONGEST_NAME)
        if name is not None and not name.isprintable():
            raise Refusal("invalid_body", "The sender's name holds a sign that cannot be shown.", field="sender_name")
        wanted: dict[str, object] = {
            "email_content": content,
            "email_offline_delay_s": seconds,
            "email_sender_name": name,
        }
        async with self._db.tenant(caller.account_id) as tx:
            before = await repository.settings(tx, caller.account_id)
            changes = {column: value for column, value in wanted.items() if getattr(before, column) != value}
            if not changes:
                return
            await repository.update_settings(tx, caller.account_id, changes)
            detail = {
                column.removeprefix("email_"): f"{getattr(before, column)} to {value}"
                for column, value in changes.items()
            }
            await record(tx, caller, "email.changed", "", detail)

    async def test(self, caller: Caller) -> Tested:
        """Send a message to the caller's own address now, and say what the mail server said."""
        chosen = await self.settings(caller)
        now = datetime.now(UTC)
        message = compose_test(
            address=caller.email,
            name=caller.name,
            account_name=caller.account_name,
            mail_from=self.server.sender,
            sender_name=chosen.sender_name,
            sent_at=now.astimezone(ZoneInfo(caller.timezone)),
        )
        outcome = await self._mailer.send(message, caller.email)
        match outcome:
            case Accepted(response):
                told = Tested(outcome="accepted", at=datetime.now(UTC), address=caller.email, words=response)
            case Refused() | Unavailable():
                told = Tested(outcome="failed", at=datetime.now(UTC), address=caller.email, words=outcome.text)
            case Unknown():
                told = Tested(outcome="unknown", at=datetime.now(UTC), address=caller.email, words=outcome.text)
            case NotWanted():
                told = Tested(outcome="failed", at=datetime.now(UTC), address=caller.email, words="it was not sent")
        async with self._db.tenant(caller.account_id) as tx:
            await record(tx, caller, "email.tested", "", {"to": caller.email, "outcome": told.outcome})
        return told
