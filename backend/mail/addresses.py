"""Mail addresses: one address or a refusal; nothing that could become a second one."""

import re
from typing import Final

from backend.mail.server import MailSettingsError

# The characters of a plain local part (RFC 5321 atoms and dots) and, by RFC 6531, everything beyond ASCII that is not
# a control, a space or a separator. Quoted local parts are refused: nobody has one, and quoting is where tricks live.
_LOCAL: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_NAMED: Final = re.compile(r"[^<>@\r\n]*<([^<>]+)>")
_LONGEST: Final = 254
_LONGEST_LOCAL: Final = 64


class AddressError(ValueError):
    """Text that is not one mail address; the message is one plain sentence."""


def mail_address(text: str) -> str:
    """The address as it goes onto the wire: its domain in ASCII, its local part as it is.

    Raises AddressError.
    """
    local, at, domain = text.rpartition("@")
    if not at or len(local.encode("utf-8", "replace")) > _LONGEST_LOCAL or not _LOCAL.fullmatch(local):
        raise AddressError(f"{text!r} is not a mail address")
    if not local.isprintable():
        raise AddressError(f"{text!r} is not a mail address")
    try:
        host = domain.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise AddressError(f"{text!r} is not a mail address") from error
    if len(local) + 1 + len(host) > _LONGEST or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise AddressError(f"{text!r} is not a mail address")
    return f"{local}@{host}"


def sender_address(mail_from: str) -> str:
    """The address in FLOWPILOT_MAIL_FROM, which may be written with a name before it.

    Raises MailSettingsError.
    """
    named = _NAMED.fullmatch(mail_from.strip())
    try:
        return mail_address(named[1] if named else mail_from.strip())
    except AddressError as error:
        raise MailSettingsError(
            "FLOWPILOT_MAIL_FROM must be one mail address, such as escalations@example.com"
        ) from error


def domain_of(address: str) -> str:
    """What follows the @, in ASCII."""
    return address.rpartition("@")[2]
