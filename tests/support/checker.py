"""Judges a recorded run: what was promised, and what in the history breaks the promise.

Nothing here knows the program; everything is judged from what clients, mail server and a final read of the database
saw. The rules stand in `check_log`, `check_claims` and `check_telling`.

Bounds, each on the generous side so that a busy machine is no violation and a broken promise still is:

- A mail's DATA may begin up to 2 s after a claim, withdrawal or resolution was answered (the promise), and up to 2 s
  after the echo of the recipient's `shown` receipt of that round reached a reader.
- Time in which the sending process was frozen, or the way to its peers was held up, does not count: the worker may have
  asked just before; it gets the same 2 s after it woke.
- A Message-ID may be kept twice by the mail server only if something was broken between the two.
- 30 s to tell each senior counts from the answer of the escalation, and only where nothing was broken meanwhile.
"""

from collections.abc import Callable, Iterator
from typing import Final

from tests.support import check_claims, check_log, check_telling
from tests.support.history import History, Violation

Check = Callable[[History], Iterator[Violation]]
CHECKS: Final[tuple[Check, ...]] = (
    check_log.check_readers,
    check_log.check_fold,
    check_log.check_acknowledged,
    check_log.check_keys,
    check_log.check_order,
    check_log.check_queue,
    check_log.check_foreign,
    check_claims.check_claims,
    check_telling.check_mail_after_end,
    check_telling.check_mail_after_receipt,
    check_telling.check_mail_twice,
    check_telling.check_told,
    check_telling.check_nothing_left,
    check_telling.check_all_delivered,
)


def violations(history: History) -> list[Violation]:
    """Everything that is wrong with a run, by every rule."""
    return [violation for check in CHECKS for violation in check(history)]
