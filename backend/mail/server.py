"""Which mail server, and how to speak with it: FLOWPILOT_SMTP_URL understood."""

import ipaddress
from dataclasses import dataclass, field
from typing import Final, Literal, Self, get_args
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from backend.settings import SettingsError

StartTls = Literal["auto", "always", "never"]
Encryption = Literal["tls", "starttls", "starttls_if_offered", "none"]

SETTING: Final = "FLOWPILOT_SMTP_URL"
_WORDS: Final[tuple[StartTls, ...]] = get_args(StartTls)
_SMTP, _SMTPS, _SUBMISSION = 25, 465, 587


class MailSettingsError(SettingsError):
    """A mail setting that cannot be used; the text is one plain sentence that names it and holds no password."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server as the operator named it.

    `encryption` says what is done before a sign-in or a message: `tls` from the first byte, `starttls` (or nothing is
    sent), `starttls_if_offered`, `none`.
    """

    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    encryption: Encryption

    @classmethod
    def parse(cls, url: str) -> Self:
        """Understand `smtp://user:pass@host:port?starttls=auto` or `smtps://…`.

        Ports: 25, with a user 587, with smtps 465. `starttls` is auto (default), always or never. In `auto` a sign-in
        is never sent to another machine in the clear: the connection is encrypted or it fails.
        Raises MailSettingsError.
        """
        parts = _split(url)
        user, password = _sign_in(parts)
        secure = parts.scheme == "smtps"
        return cls(
            host=_host(parts),
            port=_port(parts) or (_SMTPS if secure else _SUBMISSION if user else _SMTP),
            user=user,
            password=password,
            encryption=_encryption(parts, signs_in=user is not None),
        )

    @property
    def where(self) -> str:
        """`host:port`, for people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _split(url: str) -> SplitResult:
    # urlsplit drops tabs and line ends in silence; another host than the one that was written must not come of it.
    if not url.isprintable() or " " in url:
        raise MailSettingsError(f"{SETTING} holds a space or a control character: write it as %20 and so on")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise MailSettingsError(f"{SETTING} must be smtp://USER:PASSWORD@HOST:PORT or smtps://…") from error
    if parts.scheme not in {"smtp", "smtps"}:
        raise MailSettingsError(f"{SETTING} must begin with smtp:// or smtps://")
    if parts.fragment or "#" in url:
        raise MailSettingsError(f"{SETTING} holds a #, which belongs to nothing: in a password write %23")
    if parts.path not in {"", "/"}:
        raise MailSettingsError(f"{SETTING} holds a / after the host: in a password write %2F")
    return parts


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    wrong = MailSettingsError(f"{SETTING} names no host that can be reached: smtp://USER:PASSWORD@HOST:PORT")
    if not host or "%" in host:
        raise wrong
    try:
        return host if ":" in host else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise wrong from error


def _port(parts: SplitResult) -> int | None:
    # The password may have been cut by a sign of its own, so nothing of the address is repeated here.
    wrong = MailSettingsError(
        f"{SETTING} must have a port from 1 to 65535; "
        "in a user name or password write @ as %40, : as %3A, / as %2F, ? as %3F"
    )
    try:
        port = parts.port
    except ValueError as error:
        raise wrong from error
    if port == 0:
        raise wrong
    return port


def _sign_in(parts: SplitResult) -> tuple[str | None, str | None]:
    if parts.username is None or "@" not in parts.netloc:
        return None, None
    try:
        user = unquote(parts.username, errors="strict")
        password = unquote(parts.password or "", errors="strict")
    except UnicodeDecodeError as error:
        raise MailSettingsError(f"{SETTING}: the user name and password must be percent-encoded UTF-8") from error
    if not user or not password:
        missing = "password" if user else "user name"
        raise MailSettingsError(f"{SETTING} names a sign-in without a {missing}: smtp://USER:PASSWORD@HOST:PORT")
    if "\x00" in user + password:
        raise MailSettingsError(f"{SETTING}: a user name or password cannot hold a NUL")
    return user, password


def _encryption(parts: SplitResult, *, signs_in: bool) -> Encryption:
    way = _starttls(parts)
    if parts.scheme == "smtps":
        if way is not None:
            raise MailSettingsError(f"{SETTING}: smtps:// is encrypted from the start; leave ?starttls= out")
        return "tls"
    if way == "always":
        return "starttls"
    if way == "never":
        return "none"
    return "starttls" if signs_in and not _is_this_machine(parts.hostname or "") else "starttls_if_offered"


def _starttls(parts: SplitResult) -> StartTls | None:
    given: str | None = None
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name != "starttls" or given is not None:
            raise MailSettingsError(f"{SETTING}: after the ? only starttls= is known, once; in a password write %3F")
        given = value
    if parts.query and given is None:
        raise MailSettingsError(f"{SETTING}: after the ? only starttls= is known, once; in a password write %3F")
    for word in _WORDS:
        if word == given:
            return word
    if given is not None:
        raise MailSettingsError(f"{SETTING}: starttls must be one of {', '.join(_WORDS)}")
    return None


def _is_this_machine(host: str) -> bool:
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
