"""Answers as JSON bytes: dataclasses straight through orjson, times in UTC with a Z."""

from typing import Any

import orjson
from starlette.responses import Response


def encode(value: Any) -> bytes:
    """JSON of a contract dataclass, UTC times with `Z`."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


class Json(Response):
    """An `application/json` answer that is never cached by anything between."""

    media_type = "application/json"

    def __init__(self, value: Any, status: int = 200) -> None:
        """`value` is a contract dataclass, a dict, or bytes that are JSON already."""
        body = value if isinstance(value, bytes) else encode(value)
        super().__init__(body, status, {"Cache-Control": "no-store"})
