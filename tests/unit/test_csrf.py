"""The anti-forgery value of a web session: good for its session under every mask, for no other, and never the same."""

from hypothesis import given
from hypothesis import strategies as st

from backend.identity.credentials import csrf_matches, csrf_token

WORDS = st.text(min_size=1, max_size=60)


@given(key=WORDS, session=WORDS)
def test_every_mask_is_accepted_and_none_is_repeated(key: str, session: str) -> None:
    values = {csrf_token(key, session) for _ in range(8)}
    assert len(values) == 8
    assert all(csrf_matches(key, session, value) for value in values)


@given(key=WORDS, session=WORDS, other=WORDS)
def test_it_is_refused_for_another_session_and_under_another_key(key: str, session: str, other: str) -> None:
    value = csrf_token(key, session)
    assert csrf_matches(key, other, value) is (other == session)
    assert csrf_matches(other, session, value) is (other == key)


@given(key=WORDS, session=WORDS, at=st.integers(0, 63), digit=st.sampled_from("0123456789abcdef"))
def test_one_changed_digit_spoils_it(key: str, session: str, at: int, digit: str) -> None:
    value = csrf_token(key, session)
    changed = value[:at] + digit + value[at + 1 :]
    assert csrf_matches(key, session, changed) is (changed == value)


@given(value=st.text(max_size=100))
def test_whatever_a_form_can_carry_is_wrong_and_no_error(value: str) -> None:
    assert not csrf_matches("key", "session", value)


@given(text=st.sampled_from(["", "00" * 16, "00" * 32, "ff" * 32, "\ud800", "é", "00" * 33]))
def test_values_without_knowledge_of_the_key_are_refused(text: str) -> None:
    assert not csrf_matches("key", "session", text)
