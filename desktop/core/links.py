"""`flowpilot://open/ID`: a link that shows an escalation, and can do nothing else.

Links come from anywhere: mails, chats, web pages. So there is one verb, one shape, and nothing in it is passed on but
an identifier. Claiming takes a press in the app.
"""

import re
from typing import Final

SCHEME: Final = "flowpilot"
_LONGEST: Final = 100
# Browsers and desktops put a slash at the end, and write the host in small letters.
_LINK: Final = re.compile(
    r"flowpilot://open/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/?", re.ASCII | re.IGNORECASE
)


def is_link(word: str) -> bool:
    """Whether this means to be a link of ours, whatever it says."""
    return word[: len(SCHEME) + 1].lower() == f"{SCHEME}:"


def handoff_of(link: str) -> str | None:
    """The handoff that the link shows; null for anything but `flowpilot://open/ID`."""
    found = _LINK.fullmatch(link) if len(link) <= _LONGEST else None
    return found.group(1).lower() if found else None


def link_to(handoff_id: str) -> str:
    """The link that shows this handoff."""
    return f"{SCHEME}://open/{handoff_id}"
