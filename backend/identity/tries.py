"""How often one may try to sign in: five times for a person from an address, then a pause.

Counted in the database, so that several server processes count as one and a restart ends no pause. An address as a
whole and a person as a whole have wider bounds of their own: one office behind one address is no attack, and nobody
shuts somebody else out from afar with five guesses.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from backend.db.engine import Database
from backend.domain.refusal import Refusal
from backend.domain.text import storable
from backend.http.client import network_of

TRIES: Final = 5
PER_ADDRESS: Final = 60
PER_PERSON: Final = 60
PAUSE_MIN: Final = 15
_PAUSE_S: Final = PAUSE_MIN * 60


@dataclass(frozen=True, slots=True)
class Try:
    """One try that has begun; `left` are those that remain after it if it fails."""

    keys: list[bytes]
    left: int


def _key(*parts: str) -> bytes:
    return hashlib.sha256("\x00".join(parts).encode(errors="surrogatepass")).digest()


async def _person(database: Database, email: str) -> str:
    """The address in lower case as the database sees it when it looks the person up: `İ` is its `i`, not Python's."""
    if not storable(email):
        return email.casefold()
    row = await database.call("select lower($1) as person", email)
    return str(row["person"]) if row else email.casefold()


def _begun(keys: list[bytes], row: asyncpg.Record | None) -> Try:
    if row is None or row["paused_until"] is not None:
        raise paused(row["paused_until"]) if row else Refusal("internal_error", "The tries could not be counted.")
    return Try(keys, row["tries_left"])


def paused(until: datetime) -> Refusal:
    """The refusal of a pause; `until` says when it ends, for pages that can show it on the reader's own clock."""
    return Refusal(
        "too_many_requests",
        f"Too many tries. Try again at {until:%H:%M} UTC.",
        paused_until=until.isoformat(),
    )


async def begin(database: Database, email: str, address: str) -> Try:
    """Count this try. Refuses `too_many_requests` during a pause."""
    person, here = await _person(database, email.strip()), network_of(address)
    keys = [_key("pair", person, here), _key("person", person), _key("address", here)]
    row = await database.call(
        "select * from sign_in_begin($1, $2, $3)", keys, [TRIES, PER_PERSON, PER_ADDRESS], _PAUSE_S
    )
    return _begun(keys, row)


async def begin_for(database: Database, what: str, whom: str, address: str) -> Try:
    """Count a try of another kind (`what`) for somebody, with the tries to sign in from there. Refuses likewise."""
    person, here = await _person(database, whom), network_of(address)
    keys = [_key(what, person, here), _key(f"{what} person", person), _key("address", here)]
    row = await database.call(
        "select * from sign_in_begin($1, $2, $3)", keys, [TRIES, PER_PERSON, PER_ADDRESS], _PAUSE_S
    )
    return _begun(keys, row)


async def begin_link(database: Database, address: str) -> Try:
    """Count a try to use an invitation's link, with the tries to sign in from there. Refuses `too_many_requests`."""
    here = network_of(address)
    keys = [_key("link", here), _key("address", here)]
    row = await database.call("select * from sign_in_begin($1, $2, $3)", keys, [PER_ADDRESS, PER_ADDRESS], _PAUSE_S)
    return _begun(keys, row)


async def arrived(database: Database, address: str) -> None:
    """What began with `begin_link` ended well: an office that signs in by its provider in the morning is no attack."""
    here = network_of(address)
    await database.call("select sign_in_done($1)", [_key("nobody"), _key("link", here), _key("address", here)])


async def succeeded(database: Database, attempt: Try) -> None:
    """The password was right."""
    await database.call("select sign_in_done($1)", attempt.keys)


async def failed(database: Database, attempt: Try, wrong: str = "That e-mail and password do not match.") -> Refusal:
    """It was wrong: the refusal with how many tries are left, or that of the pause which begins now."""
    if attempt.left > 0:
        words = "1 try" if attempt.left == 1 else f"{attempt.left} tries"
        return Refusal("unauthenticated", f"{wrong} {words} left before a {PAUSE_MIN} min pause.")
    row = await database.call("select sign_in_pause($1, $2) as until", attempt.keys[0], _PAUSE_S)
    return paused(row["until"]) if row and row["until"] else Refusal("unauthenticated", "That did not match.")
