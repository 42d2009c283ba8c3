"""What went wrong at the mail server, in one line that an operator can act on. Passwords never get here."""

import errno
import socket
import ssl
from typing import Final

from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPConnectTimeoutError,
    SMTPException,
    SMTPResponse,
    SMTPResponseException,
)

from backend.mail.server import SETTING, MailServer
from backend.mail.text import one_line

_LONGEST_ANSWER: Final = 300
_IMPLICIT_TLS_PORT: Final = 465


def said(response: SMTPResponse | SMTPResponseException) -> str:
    """The server's own words with its code, one line."""
    words = one_line(response.message, longest=_LONGEST_ANSWER)
    return f"{response.code} {words}".strip() if response.code > 0 else words


def why(error: SMTPException | OSError, server: MailServer, step: str, step_s: float) -> str:
    """Why nothing was handed over: what the server said, or what happened to the connection at this step."""
    if isinstance(error, SMTPResponseException) and error.code > 0:
        return _answer(error, server, step)
    return f"{_trouble(error, server, step, step_s)}{_hint(error, server)}"


def _answer(error: SMTPResponseException, server: MailServer, step: str) -> str:
    if isinstance(error, SMTPAuthenticationError):
        return (
            f"the mail server {server.where} refused the sign-in of {server.user} ({said(error)}): "
            f"check the user and password in {SETTING}"
        )
    if error.code == 530:
        return (
            f"the mail server {server.where} wants more first ({said(error)}): see user, password and TLS in {SETTING}"
        )
    return f"the mail server {server.where} refused {step} ({said(error)})"


def _trouble(error: SMTPException | OSError, server: MailServer, step: str, step_s: float) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, ssl.SSLError):
        return f"no safe connection to the mail server {server.where}: {_tls(cause)}"
    if isinstance(cause, socket.gaierror):
        return f"the name of the mail server {server.host} cannot be looked up (DNS): check {SETTING}"
    if isinstance(error, TimeoutError):
        at = "the greeting" if isinstance(error, SMTPConnectTimeoutError) and "ready" in error.message else step
        return f"the mail server {server.where} did not answer within {step_s:.0f} s at {at}"
    # With several addresses asyncio joins the errors into one text.
    if isinstance(cause, ConnectionRefusedError) or f"[Errno {errno.ECONNREFUSED}]" in str(cause):
        return f"the mail server {server.where} refused the connection: see that it runs and that the port is right"
    if isinstance(error, ConnectionError) and (step != "connecting" or cause is error):
        return f"the mail server {server.where} ended the connection at {step}"
    return f"the mail server {server.where} failed at {step}: {one_line(str(cause), longest=_LONGEST_ANSWER)}"


def _hint(error: SMTPException | OSError, server: MailServer) -> str:
    waited_in_vain = isinstance(error, TimeoutError) and server.encryption != "tls"
    return "; port 465 usually wants smtps://" if waited_in_vain and server.port == _IMPLICIT_TLS_PORT else ""


def _tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = one_line(error.verify_message, longest=_LONGEST_ANSWER)
        return (
            f"its certificate is not trusted ({reason}); name an authority of your own in SSL_CERT_FILE, "
            "or use the name that the certificate is for"
        )
    if error.reason == "WRONG_VERSION_NUMBER":
        return "it does not speak TLS from the start there; use smtp:// instead of smtps://, or another port"
    return one_line(error.reason or str(error), longest=_LONGEST_ANSWER)
