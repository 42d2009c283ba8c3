"""Bounds of what people type. Lengths are in characters, sizes in bytes of UTF-8."""

from urllib.parse import urlsplit

from backend.domain.refusal import Refusal
from backend.domain.secrets import redact


def storable(value: str) -> bool:
    """False for text that no database column can hold: a NUL, or half of a character."""
    return "\x00" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def clean(field: str, value: str, *, longest: int, shortest: int = 1) -> str:
    """The text without surrounding white space, or a refusal that names the field and its bounds."""
    text = value.strip()
    if "\x00" in text:
        raise Refusal("invalid_body", f"`{field}` holds a NUL character, which cannot be kept.", field=field)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Refusal("invalid_body", f"`{field}` holds half of a character, which cannot be kept.", field=field)
    if len(text) < shortest:
        what = "must not be empty" if shortest == 1 else f"needs at least {shortest} characters"
        raise Refusal("invalid_body", f"`{field}` {what}.", field=field)
    if len(text) > longest:
        raise Refusal("invalid_body", f"`{field}` has {len(text)} characters; {longest} are allowed.", field=field)
    return text


def clean_optional(field: str, value: str | None, *, longest: int) -> str | None:
    """Like `clean`; nothing and white space alone both become None."""
    return clean(field, value, longest=longest) if value is not None and value.strip() else None


def said(field: str, value: str, *, longest: int) -> str:
    """`clean`, and without its secrets: for everything that people write or paste and others will read."""
    return redact(clean(field, value, longest=longest)).text


def said_optional(field: str, value: str | None, *, longest: int) -> str | None:
    """Like `said`; nothing and white space alone both become None."""
    return said(field, value, longest=longest) if value is not None and value.strip() else None


def clean_link(field: str, value: str | None) -> str | None:
    """An http(s) address, or None. Others (javascript:, file:) never reach a page.

    Refuses what a browser would read as another address than a person does: user names before an @, white space,
    control characters, backslashes; and what leads nowhere: no host, a port that is none.
    """
    link = clean_optional(field, value, longest=2_000)
    if link is None:
        return None
    if not link.lower().startswith(("http://", "https://")):
        raise Refusal("invalid_body", f"`{field}` must begin with https:// or http://.", field=field)
    if not _leads_somewhere(link):
        raise Refusal("invalid_body", f"`{field}` is not an address that can be opened.", field=field)
    return link


def _leads_somewhere(link: str) -> bool:
    if any(sign.isspace() or not sign.isprintable() or sign in '\\<>"' for sign in link):
        return False
    try:
        parts = urlsplit(link)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    return bool(host.strip(".")) and "@" not in parts.netloc and port != 0


def limit_bytes(field: str, value: str, *, most: int) -> str:
    """Refuse text over `most` bytes with `payload_too_large`."""
    size = len(value.encode("utf-8", "surrogatepass"))
    if size > most:
        raise Refusal("payload_too_large", f"`{field}` has {size} bytes; {most} are allowed.", field=field)
    return value
