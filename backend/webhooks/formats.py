"""Notices as bodies: FlowPilot's own envelope, a Teams Adaptive Card, Slack blocks.

No text that a customer or a technician has written is ever markup: cards carry it in runs of plain text, blocks as
plain text with Slack's three control characters escaped, so it can neither mention a channel nor hide a link.
"""

from collections.abc import Callable
from typing import Any, Final

from backend.contract.webhooks import WebhookFormat
from backend.http.respond import encode
from backend.webhooks.notice import BUTTON, Notice, in_words

_SLACK_HEADER: Final = 150
_SLACK_TEXT: Final = 3_000
_SLACK_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def body(kind: WebhookFormat, notice: Notice, url: str) -> bytes:
    """The request's body, JSON in UTF-8; the same bytes for the same notice. `url` is where a person reads on."""
    return encode(_FORMATS[kind](notice, url))


def generic(notice: Notice, url: str) -> dict[str, Any]:
    """The envelope: `type` is `handoff.created` and the like, or `webhook.test` without a hand-off."""
    return {
        "id": str(notice.id),
        "type": "webhook.test" if notice.kind == "test" else f"handoff.{notice.kind}",
        "at": notice.at,
        "account": {"id": str(notice.account_id), "name": notice.account_name},
        "handoff": notice.row,
        "url": url,
        **notice.extras,
    }


def teams(notice: Notice, url: str) -> dict[str, Any]:
    """A message with one Adaptive Card, as the Workflows app's webhook trigger takes it."""
    words = in_words(notice)
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [
            _run(words.headline, size="Medium", weight="Bolder"),
            *(_run(line, isSubtle=True) for line in words.lines),
            *(part for label, text in words.facts for part in (_run(label, weight="Bolder"), _run(text))),
        ],
        "actions": [{"type": "Action.OpenUrl", "title": BUTTON, "url": url}],
    }
    content_type = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": content_type, "contentUrl": None, "content": card}]}


def _run(text: str, **style: object) -> dict[str, Any]:
    """A paragraph of plain text: unlike a TextBlock, a TextRun knows no Markdown."""
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def slack(notice: Notice, url: str) -> dict[str, Any]:
    """A message of blocks, with the headline as the text of the notification."""
    words = in_words(notice)
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(words.headline, _SLACK_HEADER)}]
    if words.lines:
        blocks.append({"type": "section", "text": _plain("\n".join(words.lines), _SLACK_TEXT)})
    blocks += [{"type": "section", "text": _plain(f"{label}\n{text}", _SLACK_TEXT)} for label, text in words.facts]
    button = {"type": "button", "text": _plain(BUTTON, 75), "url": url, "action_id": "open"}
    blocks.append({"type": "actions", "elements": [button]})
    text = " · ".join((words.headline, *words.lines[:1]))
    return {"text": _escaped(text, _SLACK_TEXT), "mrkdwn": False, "unfurl_links": False, "blocks": blocks}


def _plain(text: str, longest: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": _escaped(text, longest), "emoji": False}


def _escaped(text: str, longest: int) -> str:
    """Escaped and cut to what Slack takes, never in the middle of an escape."""
    escaped = text.translate(_SLACK_ESCAPES)
    if len(escaped) <= longest:
        return escaped
    parts = [character.translate(_SLACK_ESCAPES) for character in text]
    kept, room = 0, longest - 1
    while kept < len(parts) and len(parts[kept]) <= room:
        room -= len(parts[kept])
        kept += 1
    return "".join(parts[:kept]) + "…"


_FORMATS: Final[dict[WebhookFormat, Callable[[Notice, str], dict[str, Any]]]] = {
    "generic": generic,
    "teams": teams,
    "slack": slack,
}
