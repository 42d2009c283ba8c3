"""Sealed secrets: a copy of the database opens nothing, and no secret serves for anything but what it was kept for."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.sealed import AlteredError, KeyChangedError, Sealer

KEY, OTHER = "k" * 32, "o" * 32
ACCOUNT = uuid4()


def seal(secret: bytes = b"hunter2", *, key: str = KEY) -> bytes:
    return Sealer(key).seal(secret, account_id=ACCOUNT, purpose="psa")


@given(secret=st.binary(max_size=300), purpose=st.text(max_size=60))
def test_what_was_sealed_opens_again_and_is_not_to_be_seen(secret: bytes, purpose: str) -> None:
    sealed = Sealer(KEY).seal(secret, account_id=ACCOUNT, purpose=purpose)
    assert Sealer(KEY).open(sealed, account_id=ACCOUNT, purpose=purpose) == secret
    assert len(secret) < 4 or secret not in sealed
    assert sealed != Sealer(KEY).seal(secret, account_id=ACCOUNT, purpose=purpose)


@pytest.mark.parametrize(("account", "purpose"), [(uuid4(), "psa"), (ACCOUNT, "totp"), (ACCOUNT, "")])
def test_a_secret_moved_to_another_account_or_purpose_does_not_open(account: object, purpose: str) -> None:
    with pytest.raises(AlteredError, match="Enter the secret again"):
        Sealer(KEY).open(seal(), account_id=account, purpose=purpose)  # type: ignore[arg-type]


@given(place=st.integers(min_value=0), bit=st.integers(0, 7))
def test_one_changed_bit_is_noticed_wherever_it_is(place: int, bit: int) -> None:
    sealed = bytearray(seal())
    sealed[place % len(sealed)] ^= 1 << bit
    with pytest.raises((AlteredError, KeyChangedError)):
        Sealer(KEY).open(bytes(sealed), account_id=ACCOUNT, purpose="psa")


@pytest.mark.parametrize("length", [0, 1, 5, 17, 32])
def test_half_a_secret_is_damaged_and_no_crash(length: int) -> None:
    with pytest.raises(AlteredError):
        Sealer(KEY).open(seal()[:length], account_id=ACCOUNT, purpose="psa")


def test_another_key_is_told_from_damage_with_the_way_out() -> None:
    with pytest.raises(KeyChangedError, match="FLOWPILOT_FORMER_SECRET_KEY"):
        Sealer(OTHER).open(seal(), account_id=ACCOUNT, purpose="psa")


def test_a_former_key_opens_what_it_sealed_until_that_is_sealed_anew() -> None:
    both = Sealer(OTHER, (KEY,))
    old = seal()
    assert both.open(old, account_id=ACCOUNT, purpose="psa") == b"hunter2"
    assert not both.is_current(old)
    new = both.seal(b"hunter2", account_id=ACCOUNT, purpose="psa")
    assert both.is_current(new)
    assert Sealer(OTHER).open(new, account_id=ACCOUNT, purpose="psa") == b"hunter2"
