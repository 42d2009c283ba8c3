"""Reading what a PSA answers without trusting its shape: what is missing or strange is None, or refused in words."""

import re
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

from backend.psa.port import RefusedError

_NUMBER: Final = re.compile(r"\d{1,18}")
_REGISTRIES: Final = frozenset({"ac", "co", "com", "edu", "gov", "ltd", "me", "net", "org", "plc"})
"""First parts of domains such as co.uk, under which anybody may have a name."""


def ticket_number(ticket: str, name: str) -> str:
    """The number that all three PSAs know a ticket by. RefusedError for `T20261127.0003` and whatever else is none."""
    number = ticket.strip().lstrip("#").strip()
    if not _NUMBER.fullmatch(number):
        raise RefusedError(
            f"“{ticket}” is no ticket number of {name}.",
            remedy="Give the session the ticket's id as a number, as the ticket's address shows it.",
            about="ticket",
        )
    return number


def records(value: Any) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def record(value: Any) -> dict[str, Any]:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def words(value: Any) -> str | None:
    """A text that says something, or a number as one."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip().replace("\x00", "")
    return text or None


def moment(value: Any) -> datetime | None:
    """A time, which without a zone is UTC."""
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def segment(value: str) -> str:
    """A part of a path."""
    return quote(value, safe="")


def same_house(url: str, other: str) -> bool:
    """Whether two addresses are of one host or one domain, so that what one tells of the other may be believed."""
    here, there = (urlsplit(one).hostname or "" for one in (url, other))
    if here == there:
        return bool(here)
    domain = here.split(".")[1:]
    if len(domain) < 2 or domain[-1].isdigit() or (len(domain) == 2 and domain[0] in _REGISTRIES):
        return False
    return there.endswith("." + ".".join(domain))


def first_line(text: str, longest: int) -> str:
    """The first line, cut."""
    line = text.strip().split("\n", 1)[0].strip()
    return line if len(line) <= longest else line[: longest - 1] + "…"
