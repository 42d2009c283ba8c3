"""A link shows an escalation; whatever else a stranger writes into one, nothing comes of it."""

import json
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.links import handoff_of, is_link, link_to
from desktop.platform.meeting import Errand

ID = "01a21f19-be46-763c-b5ab-1d489ed7000c"


def test_a_link_names_one_escalation_however_the_browser_writes_it() -> None:
    for link in (f"flowpilot://open/{ID}", f"FlowPilot://OPEN/{ID.upper()}", f"flowpilot://open/{ID}/"):
        assert is_link(link)
        assert handoff_of(link) == ID


@pytest.mark.parametrize(
    "link",
    [
        f"flowpilot://claim/{ID}",
        f"flowpilot://open/{ID}?claim=1",
        f"flowpilot://open/{ID}#claim",
        f"flowpilot://open/{ID}/claim",
        f"flowpilot://open/../claim/{ID}",
        f"flowpilot://user@open/{ID}",
        f"flowpilot:open/{ID}",
        f"flowpilot://open/{ID}\n",
        f"flowpilot://open/{ID} --server https://evil.test",
        f'flowpilot://open/{ID}" --server "https://evil.test',
        f"flowpilot://open/%30{ID[1:]}",
        "flowpilot://open/",
        f"flowpilot://open/{'a' * 5000}",
        f"https://open/{ID}",
        "--help",
        "",
    ],
)
def test_anything_else_is_no_link(link: str) -> None:
    assert handoff_of(link) is None


@given(st.text())
def test_no_text_gets_more_through_than_an_identifier(text: str) -> None:
    found = handoff_of(text)
    assert found is None or (len(found) == 36 and link_to(found) == text.lower().rstrip("/"))


def test_an_errand_comes_over_as_it_was_sent() -> None:
    for errand in (Errand(), Errand(str(uuid4()))):
        assert Errand.read(errand.line()) == errand


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"raise",
        b"[]",
        b"\xff\xfe",
        b"[" * 900,
        json.dumps({"v": 2, "open": None}).encode(),
        json.dumps({"v": 1}).encode(),
        json.dumps({"v": 1, "open": f"{ID}/claim"}).encode(),
        json.dumps({"v": 1, "open": ["x"]}).encode(),
        json.dumps({"v": 1, "claim": ID}).encode(),
    ],
)
def test_what_the_first_start_does_not_understand_it_does_not_do(line: bytes) -> None:
    assert Errand.read(line) is None
