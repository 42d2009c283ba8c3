"""One hand-off mail as a message: headers, plain text, HTML."""

import email.utils
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup, escape

from backend.mail.addresses import sender_address
from backend.mail.handoff_mail import HandoffMail
from backend.mail.headers import identifiers, mailbox, words
from backend.mail.page import page
from backend.mail.subjects import subject
from backend.mail.text import unlinked

TEMPLATES: Final = Path(__file__).parent / "templates"
FROM_NAME: Final = "FlowPilot Escalations"


def compose(mail: HandoffMail) -> EmailMessage:
    """The whole message, for exactly one recipient; plain text first, HTML as its alternative.

    Whatever stands in the hand-off, a recipient that is no address gives a message to nobody, which the Mailer refuses.
    Raises MailSettingsError for a `mail_from` that is no address.
    """
    message = EmailMessage()
    message["From"] = mailbox("From", mail.sender_name or FROM_NAME, sender_address(mail.mail_from))
    message["To"] = mailbox("To", mail.recipient_name, mail.recipient_address)
    line = subject(mail)
    message["Subject"] = words("Subject", line)
    message["Date"] = email.utils.format_datetime(mail.sent_at)
    message["Message-ID"] = identifiers("Message-ID", [mail.message_id])
    if mail.in_reply_to:
        message["In-Reply-To"] = identifiers("In-Reply-To", [mail.in_reply_to])
    if mail.references:
        message["References"] = identifiers("References", mail.references)
    # No out-of-office answer comes back, and no other system takes this for a person's words.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    words_of_it = page(mail)
    text = environment().get_template("escalation.txt").render(page=words_of_it)
    html = environment().get_template("escalation.html").render(page=words_of_it, subject=line)
    # Quoted-printable keeps every line short and seven-bit: any mail server on the way takes it unchanged.
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


def _said(text: str) -> Markup:
    """Somebody's words in HTML: escaped, with nothing in them that becomes a link."""
    return escape(unlinked(text))


@cache
def environment() -> jinja2.Environment:
    """Templates of mails: HTML is escaped, plain text is not."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(
            enabled_extensions=("html",), default=True, disabled_extensions=("txt", "css")
        ),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["said"] = _said
    env.filters["unlinked"] = unlinked
    return env
