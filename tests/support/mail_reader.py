"""A composed mail as a mail client reads it off the wire."""

import email
import email.policy
import re
from email.message import EmailMessage
from html.parser import HTMLParser

from backend.mail.sender import wire_form


def arrived(message: EmailMessage, *, utf8: bool = False) -> EmailMessage:
    """The message as a mail client reads it off the wire."""
    parsed = email.message_from_bytes(wire_form(message, utf8=utf8), policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def body(message: EmailMessage, kind: str) -> str:
    """One of its two parts, with line ends as \\n."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def seen(text: str) -> str:
    """The text without the invisible breaks."""
    return text.replace("\u200b", "")


class Html(HTMLParser):
    """What a mail client makes of the HTML: tags, links, visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str | None] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._style = tag == "style"
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in {"href", "src", "background"}]

    def handle_endtag(self, tag: str) -> None:
        self._style = self._style and tag != "style"

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.words.append(data)

    @property
    def text(self) -> str:
        """As read aloud, on one line."""
        return seen(re.sub(r"\s+", " ", " ".join(self.words)))


def read_html(message: EmailMessage) -> Html:
    return Html(body(message, "html"))


def in_order(text: str, *parts: str) -> bool:
    """True when all parts stand in the text in this order."""
    places = [text.find(part) for part in parts]
    assert -1 not in places, [part for part, place in zip(parts, places, strict=True) if place < 0]
    return places == sorted(places)
