"""How many of something one person, or one address, has under way at once in this process."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Final

from backend.domain.refusal import Refusal

TRY_AGAIN_S: Final = 5


class AtOnce:
    """Counts what is open by key; `most` of each, and `what` says in the refusal what there are too many of."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._open: Counter[Hashable] = Counter()

    def full(self, key: Hashable) -> bool:
        """Whether this key has as many as it may."""
        return self._open[key] >= self._most if key in self._open else False

    @contextmanager
    def held(self, key: Hashable) -> Iterator[None]:
        """One more while the block runs. Refuses `too_many_requests` when there are as many as there may be."""
        self.take(key)
        try:
            yield
        finally:
            self.give(key)

    def take(self, key: Hashable) -> None:
        """One more, until `give`. Refuses `too_many_requests`."""
        if self.full(key):
            words = f"There are {self._most} {self._what} already; end some first."
            raise Refusal("too_many_requests", words, retry_after_s=TRY_AGAIN_S)
        self._open[key] += 1

    def give(self, key: Hashable) -> None:
        """One of them has ended."""
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]
