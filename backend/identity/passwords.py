"""Which passwords are taken: long ones that a guesser does not come to soon (OWASP ASVS 5.0, 6.2).

No rule asks for capitals or digits, and none for a new one each quarter. What is refused is what is guessed first: the
30,000 passwords that breaches have shown most often, words, keyboard rows, dates and the person's own name and company,
alone or put together. The list and the estimate are zxcvbn's; nothing is asked of the internet.
"""

import asyncio
import re
from collections.abc import Iterable
from typing import Final

from backend.domain.refusal import Refusal
from backend.identity.credentials import hash_password

SHORTEST: Final = 12
LONGEST: Final = 1_024
OPERATORS_SHORTEST: Final = 8
"""At the command line, where scripts set first passwords. A breached one is taken there, and said to be one."""
_GUESSES: Final = 9.0
"""Powers of ten. A stolen hash of ours costs a guesser some 20 ms of one core: months for a hundred of them."""
_REST: Final = 8
"""Characters that a password has beside the names that everybody knows of its person."""
_LOOKED_AT: Final = 72
"""Characters. The estimate's cost grows with their square; what is added to a good beginning makes it no worse."""
_WORDS: Final = re.compile(r"[^\W_]{3,}")
_COMMON: Final = (
    "This password is among those that guessers try first. Take another: four words in a row are easy to keep."
)


def _bounds(password: str, shortest: int) -> None:
    if not shortest <= len(password) <= LONGEST:
        raise Refusal("invalid_body", f"A password needs {shortest} to {LONGEST} characters.", field="password")


def breached(password: str) -> bool:
    """Whether it is among the passwords that breaches have shown most often."""
    from zxcvbn.matching import RANKED_DICTIONARIES  # noqa: PLC0415 - its lists are 100,000 words, for this alone

    return password.casefold() in RANKED_DICTIONARIES["passwords"]


def _soon_guessed(password: str, about: Iterable[str]) -> bool:
    from zxcvbn import zxcvbn  # noqa: PLC0415 - as above

    own = sorted({word.casefold() for text in about for word in _WORDS.findall(text)}, key=len, reverse=True)
    rest = password.casefold()
    for word in own:
        rest = rest.replace(word, "")
    if len(rest) < _REST:
        return True
    looked_at = password[:_LOOKED_AT].encode(errors="replace").decode()
    return float(zxcvbn(looked_at, user_inputs=["flowpilot", *own])["guesses_log10"]) < _GUESSES


async def checked_and_hashed(password: str, about: Iterable[str]) -> str:
    """The hash to keep of a password that a person chose. `about`: name, address, company; parts of it are no secret.

    Refuses `invalid_body` in words for that person.
    """
    _bounds(password, SHORTEST)
    if await asyncio.to_thread(lambda: breached(password) or _soon_guessed(password, about)):
        raise Refusal("invalid_body", _COMMON, field="password")
    return await hash_password(password)


async def operators_and_hashed(password: str) -> str:
    """The hash to keep of a password that an operator gives at the command line."""
    _bounds(password, OPERATORS_SHORTEST)
    return await hash_password(password)
