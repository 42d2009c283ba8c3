"""A reply that grows: no viewer sees its secrets, and the looking costs the same for many viewers and long replies."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from backend.assistant import writing
from backend.contract.assistant import Reply
from backend.domain.secrets import Redacted, redact


def test_a_long_reply_is_not_read_anew_for_each_part_and_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 kB in parts of 50 characters, three viewers: looked through whole each time that is 1.2 GB of text."""
    read: list[int] = []

    def counted(text: str) -> Redacted:
        read.append(len(text))
        return Redacted(text, ())

    monkeypatch.setattr(writing, "redact", counted)
    one = writing.Running(account_id=uuid4(), reply=_reply())
    for _ in range(4_000):
        one.text += "x" * 50
        for _viewer in range(3):
            assert len(one.text) - len(one.shown) <= len(one.text) // 32 + 1
    assert sum(read) <= 40 * len(one.text)


def test_no_viewer_sees_a_secret_of_a_reply_that_grows() -> None:
    one = writing.Running(account_id=uuid4(), reply=_reply())
    for part in ("Sign in with ", "password: ", "Winter2026!", " and look at the log."):
        one.text += part
        assert "Winter2026" not in one.shown
    assert one.shown == redact(one.text).text


def _reply() -> Reply:
    return Reply(
        id=str(uuid4()),
        session_id=str(uuid4()),
        message_id=None,
        kind="reply",
        state="running",
        content="",
        reason=None,
        retry_after_s=None,
        started_at=datetime.now(UTC),
    )
