"""From which address the request at hand came, for what is written down about it; empty outside requests."""

from contextvars import ContextVar
from typing import Final

from starlette.types import Scope

client_address: Final[ContextVar[str]] = ContextVar("client_address", default="")


def note_client(scope: Scope) -> None:
    """Keep the address for the rest of this request."""
    client = scope.get("client")
    client_address.set(str(client[0])[:64] if client else "")
