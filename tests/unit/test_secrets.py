"""Secrets in what people write: how many are found, how much is taken for one, and what is left of a text."""

import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.secrets import find, marker, redact, redact_value
from tests.unit.secrets_corpus import NEGATIVES, POSITIVES


def test_recall_and_precision_on_the_labelled_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    """A secret that is missed is read by everyone; a word taken for one is lost to everyone."""
    assert len(POSITIVES) >= 150
    assert len(NEGATIVES) >= 300
    missed = [text for text, secret in POSITIVES if secret in redact(text).text or not find(text)]
    wrong = [text for text in NEGATIVES if find(text)]
    hits = len(POSITIVES) - len(missed)
    recall, precision = hits / len(POSITIVES), hits / (hits + len(wrong))
    with capsys.disabled():
        sys.stdout.write(f"\nsecrets: {len(POSITIVES)} with, {len(NEGATIVES)} without")
        sys.stdout.write(f"; recall {recall:.3f}, precision {precision:.3f}\n")
    assert recall >= 0.95, missed
    assert precision >= 0.97, wrong


def test_what_stands_beside_a_secret_is_kept() -> None:
    text = redact("Use net user jsmith Winter2026! /domain on SRV01.").text
    assert text == f"Use net user jsmith {marker('password')} /domain on SRV01."


def test_the_value_of_a_fact_is_judged_by_its_name() -> None:
    assert redact_value("Admin password", "Winter2026") == marker("password")
    assert redact_value("Firmware", "Winter2026") == "Winter2026"
    assert redact_value("Password policy", "14 characters") == "14 characters"


@given(st.text(max_size=400))
def test_redacting_again_changes_nothing(text: str) -> None:
    once = redact(text).text
    assert redact(once).text == once


@pytest.mark.parametrize(
    "piece", ["a-", "0123456789abcdef", "password ", "net user ", "otpauth://", "a@b.c ", "123456-"]
)
def test_no_text_makes_the_rules_slow(piece: str) -> None:
    """64 KiB of whatever: a quadratic pattern would hold the whole server for minutes."""
    text = (piece * 40_000)[:65_536]
    begun = time.process_time()
    find(text)
    assert time.process_time() - begun < 5
