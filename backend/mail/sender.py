"""Sending one message to one recipient, with an answer that says exactly what is known about it."""

import asyncio
import email.policy
import ssl
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from typing import Final

from backend.mail.addresses import AddressError, domain_of, mail_address, sender_address
from backend.mail.conversation import STEP_S, Conversation, Ended
from backend.mail.outcome import Accepted, NotWanted, Outcome, Refused, Unavailable
from backend.mail.server import MailServer
from backend.mail.text import one_line
from backend.mail.words import said

WHOLE_S: Final = 25.0
_LONGEST_ANSWER: Final = 300
_NO_SERVER: Final = "this server has no mail server: set FLOWPILOT_SMTP_URL"
_NO_SENDER: Final = "this server has no sender address: set FLOWPILOT_MAIL_FROM"

StillWanted = Callable[[], Awaitable[bool]]


class Mailer:
    """Sends through one mail server, one connection per message. Without a server every answer is Unavailable.

    `step_s` bounds each step of a conversation, `whole_s` the whole, in seconds. Raises MailSettingsError for a
    `mail_from` that is no address.
    """

    def __init__(
        self, server: MailServer | None, mail_from: str | None, *, step_s: float = STEP_S, whole_s: float = WHOLE_S
    ) -> None:
        self._step_s, self._whole_s = step_s, whole_s
        self._server = server
        self._sender = sender_address(mail_from) if mail_from else None
        self._tls: ssl.SSLContext | None = None

    @property
    def missing(self) -> str | None:
        """What has to be set before anything can be sent, in one plain sentence; None when all is there."""
        if self._server is None:
            return _NO_SERVER
        return _NO_SENDER if self._sender is None else None

    async def send(self, message: EmailMessage, recipient: str, *, still_wanted: StillWanted | None = None) -> Outcome:
        """Send it, within `whole_s`; never raises for what the mail server does.

        `still_wanted` is asked when the recipient is taken and nothing of the message has left yet; what it raises
        goes through to the caller. The answer is Unknown exactly when the message left and no answer came back.
        """
        if self._server is None or self._sender is None:
            return Unavailable(_NO_SERVER if self._server is None else _NO_SENDER)
        try:
            address = mail_address(recipient)
        except AddressError as error:
            return Refused(0, one_line(str(error), longest=_LONGEST_ANSWER), permanent=True)
        content = wire_form(message, utf8=not (self._sender + address).isascii())
        talk = await self._conversation(self._server, self._sender)
        limit = asyncio.timeout(self._whole_s)
        try:
            async with limit:
                await talk.open()
                await talk.address(self._sender, address)
                if still_wanted is not None and not await still_wanted():
                    talk.leave()
                    return NotWanted()
                response = await talk.hand_over(content)
                talk.leave()
                return Accepted(said(response))
        except Ended as end:
            return end.outcome
        except TimeoutError:
            if not limit.expired():  # `still_wanted` raised it
                raise
            return talk.too_long(self._whole_s)
        finally:
            talk.close()

    async def probe(self) -> Accepted | Unavailable:
        """Connect, encrypt and sign in as `send` would, and send nothing."""
        if self._server is None or self._sender is None:
            return Unavailable(_NO_SERVER if self._server is None else _NO_SENDER)
        talk = await self._conversation(self._server, self._sender)
        try:
            async with asyncio.timeout(self._whole_s):
                await talk.open()
                await talk.farewell()
        except Ended as end:
            return Unavailable(end.outcome.text) if isinstance(end.outcome, Refused | Unavailable) else Unavailable("")
        except TimeoutError:
            return Unavailable(f"the mail server {self._server.where} took over {self._whole_s:.0f} s")
        finally:
            talk.close()
        return Accepted(f"{self._server.where}, sends as {self._sender}")

    async def _conversation(self, server: MailServer, sender: str) -> Conversation:
        if self._tls is None:
            # Reads the system's authorities (or those of SSL_CERT_FILE), some milliseconds of work.
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        # The sender's domain is a name that the world's mail servers accept in a greeting; this machine's own often is
        # not, and finding it out may wait for DNS.
        return Conversation(server, domain_of(sender), self._tls, step_s=self._step_s)


def wire_form(message: EmailMessage, *, utf8: bool = False) -> bytes:
    """The message as bytes with CRLF; seven-bit unless `utf8`, which an address beyond ASCII needs."""
    return message.as_bytes(policy=email.policy.SMTPUTF8 if utf8 else email.policy.SMTP)
