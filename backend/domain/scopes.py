"""What a personal access token may do at the API: the one place that says it.

`read` sees what its person sees. `work` also does the daily work: sessions, escalations, claims, receipts. `admin` also
changes the account, as far as its person's role goes. Each holds the one before; none gives what the role does not.
"""

from collections.abc import Collection
from typing import Final, Literal

Scope = Literal["read", "work", "admin"]
LEVELS: Final[tuple[Scope, ...]] = ("read", "work", "admin")
LABEL: Final[dict[Scope, str]] = {
    "read": "Read only",
    "work": "Daily work: sessions, escalations, claims",
    "admin": "Everything that you may do",
}
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_ADMINS: Final = ("/api/v1/account/", "/api/v1/analytics/baselines")


def up_to(level: Scope) -> tuple[Scope, ...]:
    """The scopes that a token of this level holds."""
    return LEVELS[: LEVELS.index(level) + 1]


def needed(method: str, path: str) -> Scope:
    """The scope that a request needs."""
    if method in _SAFE:
        return "read"
    return "admin" if path.startswith(_ADMINS) else "work"


def works(scopes: Collection[str] | None) -> bool:
    """Whether a credential may do the daily work. What may only read alerts nobody, and cannot say that it did."""
    return scopes is None or "work" in scopes


def whole(scopes: Collection[str] | None) -> bool:
    """Whether a credential stands for its person without bounds; those of before there were scopes do."""
    return scopes is None or "admin" in scopes
