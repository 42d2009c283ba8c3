"""Secrets in what people write: how many are found, how much is taken for one, and what is left of a text."""

import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.key_blocks import LONGEST, key_blocks
from backend.domain.secret_rules import RULES
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
    "piece",
    [
        "a-",
        "0123456789abcdef",
        "password ",
        "net user ",
        "otpauth://",
        "a@b.c ",
        "123456-",
        "[redacted: PIN] pw: Winter26! ",
    ],
)
def test_no_text_makes_the_rules_slow(piece: str) -> None:
    """64 KiB of whatever: a quadratic pattern would hold the whole server for minutes."""
    text = (piece * 40_000)[:65_536]
    begun = time.process_time()
    find(text)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("name", ["CONTOSO\\jsmith", "j.smith@contoso.com", "svc-backup", ".\\helpdesk"])
def test_an_account_and_its_password_side_by_side_are_seen(name: str) -> None:
    """The commonest paste of all; the corpus alone would let a few of them be missed."""
    assert redact(f"{name} / Winter2026!").text == f"{name} / {marker('password')}"


def test_bounds_in_the_rules_are_bounds() -> None:
    """In an f-string `{0, 40}` is a pair of numbers: the rule then looks for the words "(0, 40)"."""
    wrong = [rule.pattern.pattern for rule in RULES if "(0, " in rule.pattern.pattern or "(1, " in rule.pattern.pattern]
    assert not wrong


@pytest.mark.parametrize("piece", ["-----BEGIN PRIVATE KEY-----\n", "-----BEGIN RSA ", "PuTTY-User-Key-File-2:"])
def test_heads_of_keys_without_end_do_not_hold_the_server(piece: str) -> None:
    """Each head was followed for 12,000 characters: a megabyte of them held everybody for many seconds."""
    text = piece * (1_048_576 // len(piece))
    begun = time.process_time()
    list(key_blocks(text))
    assert time.process_time() - begun < 2


def test_a_key_behind_a_head_without_end_is_taken_out() -> None:
    """A line that names the format must not hide the key that follows it, even from far away."""
    key = "PuTTY-User-Key-File-3: ssh-rsa\nAAAA\nPrivate-MAC: 00ff"
    text = "PuTTY-User-Key-File-2: is the old format\n" + "line\n" * (LONGEST // 5) + key
    assert redact(text).text.endswith(marker("private key"))
    assert redact(text).text.startswith("PuTTY-User-Key-File-2: is the old format\n")
