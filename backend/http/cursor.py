"""Opaque page cursors: a position in the page's order, never an offset."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import orjson

from backend.domain.refusal import Refusal

_NOT_OURS: Final = "`cursor` is not one that this server gave."
_LAST_RANK: Final = 3


def encode_cursor(*parts: object) -> str:
    """A cursor from the order's key values."""
    # The drivers' own UUID type is none that the encoder knows.
    return base64.urlsafe_b64encode(orjson.dumps(parts, default=str)).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[int, datetime, UUID]:
    """(rank, time, id) of the last row seen; refuses what is none of ours."""
    try:
        rank, at, row_id = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        position = int(rank), datetime.fromisoformat(at).astimezone(UTC), UUID(row_id)
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error) as error:
        raise Refusal("bad_request", _NOT_OURS) from error
    if not 0 <= position[0] <= _LAST_RANK:
        raise Refusal("bad_request", _NOT_OURS)
    return position
