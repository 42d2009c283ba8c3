"""What counts as a similar resolved hand-off: a wrong likeness sends a senior the wrong way in the first minute."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

from backend.assistant.mapping import similar


def case(title: str, resolution: str = "Rolled it back.", *, hits: int = 4, asked: int = 12) -> Any:
    row = SimpleNamespace(
        id=uuid4(), session_id=uuid4(), title=title, resolution=resolution, customer="Kestrel Logistics", hits=hits,
        asked=asked, resolved_at=datetime(2026, 11, 2, tzinfo=UTC),
    )  # fmt: skip
    return cast("Any", row)


def found(text: str, *rows: Any) -> list[str]:
    return [one.title for one in similar(list(rows), text)]


def test_the_customers_name_and_everyday_words_make_no_likeness() -> None:
    slow = case("Remote desktop is slow since Monday")
    assert found("Domain controller down, 60 users locked out", slow) == []


def test_what_the_title_names_does() -> None:
    assert found("VPN drops", case("Leeds VPN gives no route")) == ["Leeds VPN gives no route"]
    assert found("Printers print blank pages", case("Printing stopped")) == ["Printing stopped"]


def test_the_same_answer_is_named_once() -> None:
    twice = [case("Wi-Fi lost in the hall") for _ in range(3)]
    assert found("Handhelds lose the Wi-Fi of the hall", *twice, case("Wi-Fi lost in the hall", "New antenna.")) == [
        "Wi-Fi lost in the hall",
        "Wi-Fi lost in the hall",
    ]


def test_one_shared_word_is_chance() -> None:
    assert found("VPN drops every hour", case("VPN client will not install", hits=1)) == []
