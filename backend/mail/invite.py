"""The invitation as a message."""

import email.utils
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from uuid import uuid4

from backend.mail.addresses import domain_of, sender_address
from backend.mail.headers import identifiers, mailbox, words
from backend.mail.message import FROM_NAME, environment
from backend.mail.text import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteMail:
    """Everything that stands in it. `until` is on the account's clock; `known` people set a new password.

    `asked`: on the sign-in page, by whoever typed the address.
    """

    account_name: str
    inviter: str
    name: str
    address: str
    role: str
    link: str
    until: datetime
    mail_from: str
    sender_name: str | None
    sent_at: datetime
    known: bool = False
    asked: bool = False


def compose_invite(mail: InviteMail) -> EmailMessage:
    """The whole message, plain text first. Raises MailSettingsError for a `mail_from` that is no address."""
    until = f"{mail.until:%a} {mail.until.day} {mail.until:%b %Y}"
    if mail.asked:
        until = f"{until}, {mail.until:%H:%M %Z}"
    if mail.known:
        return _compose(mail, "invite", f"Set a new password for {mail.account_name} on FlowPilot", until)
    return _compose(mail, "invite", f"{mail.inviter} invites you to {mail.account_name} on FlowPilot", until)


def compose_test(
    *, address: str, name: str, account_name: str, mail_from: str, sender_name: str | None, sent_at: datetime
) -> EmailMessage:
    """The message of *Send a test*."""
    page = InviteMail(
        account_name=account_name,
        inviter="",
        name=name,
        address=address,
        role="",
        link="",
        until=sent_at,
        mail_from=mail_from,
        sender_name=sender_name,
        sent_at=sent_at,
    )
    return _compose(page, "test", "Test from FlowPilot Escalations", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeMail:
    """What a person is told about their own sign-in. `what` is one sentence, `then` what to do if it was not them."""

    account_name: str
    name: str
    address: str
    what: str
    then: str
    when: str
    link: str
    mail_from: str
    sender_name: str | None
    sent_at: datetime


def compose_notice(mail: NoticeMail, subject: str) -> EmailMessage:
    """The whole message, plain text first. Raises MailSettingsError for a `mail_from` that is no address."""
    return _compose(mail, "notice", subject, "")


def _compose(mail: InviteMail | NoticeMail, template: str, subject: str, until: str) -> EmailMessage:
    sender = sender_address(mail.mail_from)
    message = EmailMessage()
    message["From"] = mailbox("From", mail.sender_name or FROM_NAME, sender)
    message["To"] = mailbox("To", mail.name, mail.address)
    message["Subject"] = words("Subject", one_line(subject, longest=200))
    message["Date"] = email.utils.format_datetime(mail.sent_at)
    message["Message-ID"] = identifiers("Message-ID", [f"<{uuid4().hex}@{domain_of(sender)}>"])
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    parts = {"mail": mail, "until": until, "subject": subject}
    text = environment().get_template(f"{template}.txt").render(**parts)
    html = environment().get_template(f"{template}.html").render(**parts)
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message
