"""One conversation with a mail server, step by step, each with its limit, and each failure in an operator's words."""

import contextlib
import re
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, TypeVar

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPResponse,
    SMTPResponseException,
)

from backend.mail.outcome import Outcome, Refused, Unavailable, Unknown
from backend.mail.server import SETTING, MailServer
from backend.mail.words import said, why

STEP_S: Final = 10.0
_START_INPUT: Final = 354
_T = TypeVar("_T")


@dataclass
class Ended(Exception):  # noqa: N818 - not an error: it carries the outcome out of the conversation
    """The conversation is over, with this outcome."""

    outcome: Outcome


class Conversation:
    """Steps in the order of SMTP. Each raises Ended when it cannot be taken; `close` is safe at any point."""

    def __init__(self, server: MailServer, helo_name: str, tls: ssl.SSLContext, *, step_s: float = STEP_S) -> None:
        self._server = server
        self._step_s = step_s
        self._smtp = SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=helo_name,
            timeout=step_s,
            use_tls=server.encryption == "tls",
            start_tls=False,  # done below, as a step of its own
            tls_context=tls,
        )
        self.step = "connecting"
        self.handed_over = False
        """True from the first byte of the message on: what fails then leaves the outcome unknown."""

    async def open(self) -> None:
        """Connect, greet, encrypt, sign in: as far as the settings say."""
        await self._take("connecting", self._smtp.connect())
        await self._take("the greeting", self._smtp.ehlo())
        await self._encrypt()
        if self._server.user is not None and self._server.password is not None:
            await self._take("the sign-in", self._smtp.login(self._server.user, self._server.password))

    async def address(self, sender: str, recipient: str) -> None:
        """Say from whom to whom. A refused sender is the operator's to mend, a refused recipient is that address's."""
        needs_utf8 = not (sender + recipient).isascii()
        if needs_utf8 and not self._smtp.supports_extension("smtputf8"):
            raise Ended(
                Refused(
                    0, f"the mail server {self._server.where} takes no addresses beyond ASCII letters", permanent=True
                )
            )
        options = ["SMTPUTF8", "BODY=8BITMIME"] if needs_utf8 else []
        encoding = "utf-8" if needs_utf8 else "ascii"
        await self._take(f"the sender {sender}", self._smtp.mail(sender, options=options, encoding=encoding))
        self.step = "the recipient"
        try:
            await self._smtp.rcpt(recipient, encoding=encoding)
        except SMTPResponseException as error:
            raise Ended(self._answered(error)) from error
        except (SMTPException, OSError) as error:
            raise Ended(self._failed(error)) from error

    async def hand_over(self, content: bytes) -> SMTPResponse:
        """Send the message and return the server's answer to it: the code is 200 to 299.

        Until the server has said 354 nothing of the message has left this machine, so a failure there is no doubt.
        """
        ready = await self._take("the start of the message", self._smtp.execute_command(b"DATA"))
        if ready.code != _START_INPUT:
            raise Ended(self._answered(SMTPResponseException(ready.code, ready.message)))
        protocol = self._smtp.protocol
        if protocol is None:
            raise Ended(Unavailable(f"the mail server {self._server.where} ended the connection before the message"))
        self.step, self.handed_over = "the message", True
        try:
            protocol.write(dotted(content))
            response = await protocol.read_response(timeout=self._step_s)
        except (SMTPException, OSError) as error:
            raise Ended(self._failed(error)) from error
        if 200 <= response.code < 300:
            return response
        raise Ended(self._answered(SMTPResponseException(response.code, response.message)))

    def leave(self) -> None:
        """Say goodbye without waiting for an answer: the outcome is known, and its record should not wait either."""
        protocol = self._smtp.protocol
        if protocol is not None:
            with contextlib.suppress(SMTPException, OSError):
                protocol.write(b"QUIT\r\n" if self.handed_over else b"RSET\r\nQUIT\r\n")
        self._smtp.close()

    async def farewell(self) -> None:
        """Say goodbye and wait a little for the answer; for a look that has nothing at stake."""
        with contextlib.suppress(SMTPException, OSError):
            await self._smtp.quit(timeout=2.0)
        self._smtp.close()

    def close(self) -> None:
        """Drop the connection."""
        self._smtp.close()

    def too_long(self, seconds: float) -> Outcome:
        """The outcome when the whole took over its limit."""
        text = f"the mail server {self._server.where} took over {seconds:.0f} s, the last step was {self.step}"
        return Unknown(f"{text}; the message may have arrived") if self.handed_over else Unavailable(text)

    async def _encrypt(self) -> None:
        way = self._server.encryption
        if way not in {"starttls", "starttls_if_offered"}:
            return
        if self._smtp.supports_extension("starttls"):
            await self._take("STARTTLS", self._smtp.starttls())
            await self._take("the greeting after STARTTLS", self._smtp.ehlo())
        elif way == "starttls":
            raise Ended(
                Unavailable(
                    f"the mail server {self._server.where} offers no encryption (STARTTLS), so nothing was sent: "
                    f"use smtps://, or add ?starttls=never to {SETTING} to send in the clear"
                )
            )

    async def _take(self, step: str, work: Awaitable[_T]) -> _T:
        self.step = step
        try:
            return await work
        except (SMTPException, OSError) as error:
            raise Ended(self._failed(error)) from error

    def _answered(self, error: SMTPResponseException) -> Outcome:
        """The outcome of an answer that is no yes."""
        if error.code == 530 and not self.handed_over:  # it wants a sign-in; that is no word about the recipient
            return Unavailable(why(error, self._server, self.step, self._step_s))
        if 400 <= error.code < 600:
            return Refused(error.code, said(error), permanent=error.code >= 500)
        return self._failed(error)

    def _failed(self, error: SMTPException | OSError) -> Outcome:
        if self.handed_over:
            what = "gave no answer in time" if isinstance(error, TimeoutError) else "gave no understandable answer"
            if isinstance(error, ConnectionError):
                what = "ended the connection"
            return Unknown(f"the mail server {self._server.where} {what} after the message; it may have arrived")
        return Unavailable(why(error, self._server, self.step, self._step_s))


def dotted(content: bytes) -> bytes:
    """The message as it goes onto the wire: CRLF line ends, lines that begin with a dot doubled, the closing dot."""
    wire = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    if not wire.endswith(b"\r\n"):
        wire += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", wire) + b".\r\n"
