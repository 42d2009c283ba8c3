"""What a channel reads and what a program parses; and that nobody's words become markup on the way."""

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.contract.webhooks import WebhookFormat
from backend.webhooks.formats import body
from backend.webhooks.notice import Notice, in_words
from backend.webhooks.signing import derive_secret, signature

ACCOUNT = UUID("00000000-0000-7000-8000-00000000000a")
HANDOFF = "00000000-0000-7000-8000-00000000000b"
PAGE = f"https://flowpilot.example.com/escalations?selected={HANDOFF}"
AT = datetime(2026, 11, 22, 10, 51, 30, tzinfo=UTC)
MINA = {"id": "00000000-0000-7000-8000-000000000001", "name": "Mina Okafor"}
DANA = {"id": "00000000-0000-7000-8000-000000000002", "name": "Dana Reyes"}
DATA: dict[str, Any] = {
    "id": HANDOFF,
    "session_id": "00000000-0000-7000-8000-00000000000c",
    "title": "VPN to Leeds clinic drops every hour",
    "customer": "Harlow Dental Group",
    "ticket": None,
    "priority": "high",
    "status": "pending",
    "reason": "The tunnel drops after every key change.",
    "need": "Somebody who knows IKEv2",
    "created_at": "2026-11-22T10:42:08.123456Z",
    "waiting_since": "2026-11-22T10:42:08.123456Z",
    "handed_off_by": MINA,
    "session_owner": MINA,
    "target_user_id": None,
    "claimed_by": None,
    "claimed_at": None,
    "assessment_status": "unavailable",
    "rung": 0,
    "to": None,
    "breaks_dnd": False,
    "handoff_id": HANDOFF,
    "actor": MINA,
    "note": None,
}
CREATED = Notice(
    id=UUID("00000000-0000-7000-8000-0000000000ff"),
    kind="created",
    at=AT,
    account_id=ACCOUNT,
    account_name="Northwind MSP",
    data=DATA,
    title_only=False,
)
FORMATS: tuple[WebhookFormat, ...] = ("generic", "teams", "slack")


def notice(kind: str, **data: Any) -> Notice:
    return replace(CREATED, kind=kind, data={**DATA, **data})


def written(kind: WebhookFormat, one: Notice) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(body(kind, one, PAGE))
    return document


def texts(value: Any, key: str = "") -> list[str]:
    """Every text in a document but those that name things."""
    if isinstance(value, dict):
        return [text for name, inside in value.items() for text in texts(inside, name)]
    if isinstance(value, list):
        return [text for inside in value for text in texts(inside)]
    return [value] if isinstance(value, str) and key in {"text", "title"} else []


@pytest.mark.parametrize(
    ("one", "headline", "lines"),
    [
        (CREATED, "High: VPN to Leeds clinic drops every hour", ("Harlow Dental Group, from Mina Okafor",)),
        (notice("created", customer=None), "High: VPN to Leeds clinic drops every hour", ("From Mina Okafor",)),
        (notice("claimed", claimed_by=DANA, actor=DANA), "Claimed by Dana Reyes", None),
        (notice("reassigned", claimed_by=DANA), "Now held by Dana Reyes", None),
        (notice("realerted", actor=None, cause="step"), "Still waiting 9 min", None),
        (notice("realerted", waiting_since="2026-11-22T09:46:08Z"), "Still waiting 1 h 05 min", None),
        (notice("withdrawn"), "Withdrawn by Mina Okafor", None),
        (notice("resolved", actor=DANA), "Resolved by Dana Reyes", None),
        (notice("updated", actor=DANA), "Changed by Dana Reyes", None),
        (notice("assessed", actor=None), "AI assessment is ready", None),
    ],
)
def test_a_channel_reads_the_products_words(one: Notice, headline: str, lines: tuple[str, ...] | None) -> None:
    words = in_words(one)
    assert words.headline == headline
    title = "High: VPN to Leeds clinic drops every hour"
    assert words.lines == (lines or (title, "Harlow Dental Group, from Mina Okafor"))
    assert words.facts == (
        (("What Mina needs", "Somebody who knows IKEv2"), ("Reason", "The tunnel drops after every key change."))
        if one.kind == "created"
        else ()
    )


def test_why_it_waits_again_is_said() -> None:
    assert in_words(notice("released", actor=DANA, note="Not my field")).lines[-1] == (
        "Dana Reyes handed it back: “Not my field”"
    )
    assert in_words(notice("released", actor=None, note="No first action in 30 min")).lines[-1] == (
        "No first action in 30 min"
    )
    exhausted = in_words(notice("realerted", actor=None, cause="exhausted"))
    assert exhausted.lines[-1] == "Nobody has claimed yet. Everyone in the policy has been alerted."


def test_a_program_gets_the_queue_row_and_who_did_what() -> None:
    document = written("generic", notice("claimed", claimed_by=DANA, actor=DANA, claim_epoch=3))
    assert {name: document[name] for name in ("id", "type", "at", "url", "actor", "claim_epoch")} == {
        "id": str(CREATED.id),
        "type": "handoff.claimed",
        "at": "2026-11-22T10:51:30Z",
        "url": PAGE,
        "actor": DANA,
        "claim_epoch": 3,
    }
    assert document["account"] == {"id": str(ACCOUNT), "name": "Northwind MSP"}
    assert document["handoff"]["claimed_by"] == DANA
    assert set(document["handoff"]) == set(DATA) - {"to", "breaks_dnd", "handoff_id", "actor", "note"}


def test_teams_gets_a_card_with_one_button() -> None:
    message = written("teams", CREATED)
    (attachment,) = message["attachments"]
    card = attachment["content"]
    assert (message["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open the hand-off", "url": PAGE}]
    assert {part["type"] for part in card["body"]} == {"RichTextBlock"}, "a TextBlock would read Markdown"


def test_slack_gets_blocks_with_one_button() -> None:
    message = written("slack", CREATED)
    kinds = [block["type"] for block in message["blocks"]]
    assert kinds == ["header", "section", "section", "section", "actions"]
    (button,) = message["blocks"][-1]["elements"]
    assert (button["text"]["text"], button["url"]) == ("Open the hand-off", PAGE)
    assert message["text"] == "High: VPN to Leeds clinic drops every hour · Harlow Dental Group, from Mina Okafor"


def test_nobodys_words_can_call_a_channel_or_hide_a_link_in_slack() -> None:
    nasty = "<!channel> <@U123> <https://evil.example|Reset> *now* &lt;!here&gt;"
    message = written("slack", notice("created", title=nasty, reason=nasty, need=nasty, customer=nasty))
    for text in texts(message):
        assert "<" not in text
        assert ">" not in text
    assert "&lt;!channel&gt;" in message["text"]
    assert "&amp;lt;!here&amp;gt;" in message["text"], "what was written as an escape stays visible as one"
    kinds = {block["text"]["type"] for block in message["blocks"] if "text" in block}
    assert kinds == {"plain_text"}


@given(st.text(max_size=4_000), st.text(max_size=4_000))
def test_slack_takes_any_text_within_its_bounds(title: str, reason: str) -> None:
    message = written("slack", notice("created", title=title, reason=reason or "r", customer=None))
    for block in message["blocks"]:
        if "text" in block:
            longest = 150 if block["type"] == "header" else 3_000
            assert 1 <= len(block["text"]["text"]) <= longest
            cut = block["text"]["text"].rstrip("…")
            assert all(part.startswith(("amp;", "lt;", "gt;")) for part in cut.split("&")[1:]), "no half escape"


@pytest.mark.parametrize("kind", FORMATS)
def test_title_only_sends_no_content(kind: WebhookFormat) -> None:
    for event in ("created", "claimed", "released", "resolved", "realerted", "withdrawn"):
        one = replace(notice(event, claimed_by=DANA, actor=DANA, note="The patient's name"), title_only=True)
        sent = body(kind, one, PAGE).decode()
        assert "VPN to Leeds clinic drops every hour" in sent
        assert PAGE in sent
        for private in ("Harlow", "Mina", "Dana", "IKEv2", "key change", "patient"):
            assert private not in sent, (event, private)
    if kind == "generic":
        assert written(kind, replace(CREATED, title_only=True))["handoff"] == {
            "id": HANDOFF,
            "title": DATA["title"],
            "priority": "high",
        }


@pytest.mark.parametrize("kind", FORMATS)
def test_a_test_names_the_account_and_no_hand_off(kind: WebhookFormat) -> None:
    one = replace(CREATED, kind="test", data={})
    assert one.page == "/escalations"
    document = written(kind, one)
    if kind == "generic":
        assert (document["type"], document["handoff"]) == ("webhook.test", None)
    else:
        assert "FlowPilot is connected" in texts(document)


@pytest.mark.parametrize("kind", FORMATS)
def test_no_notice_shouts(kind: WebhookFormat) -> None:
    for event in ("created", "claimed", "released", "resolved", "realerted", "withdrawn", "reassigned", "updated"):
        assert not [text for text in texts(written(kind, notice(event))) if "!" in text]


def test_a_signature_is_what_the_page_for_receivers_says() -> None:
    secret = derive_secret("k" * 32, ACCOUNT, CREATED.id, b"salt")
    expected = hmac.new(secret.encode(), b"1763808690." + b"{}", hashlib.sha256).hexdigest()
    assert signature(secret, 1763808690, b"{}") == f"v1={expected}"
    assert secret.startswith("whsec_")
    others = {
        derive_secret("l" * 32, ACCOUNT, CREATED.id, b"salt"),
        derive_secret("k" * 32, CREATED.id, ACCOUNT, b"salt"),
        derive_secret("k" * 32, ACCOUNT, CREATED.id, b"pepper"),
    }
    assert len(others | {secret}) == 4
