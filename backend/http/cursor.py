"""Opaque page cursors: a position in the page's order, never an offset."""

import base64
import binascii
from datetime import datetime
from uuid import UUID

import orjson

from backend.domain.refusal import Refusal


def encode_cursor(*parts: object) -> str:
    """A cursor from the order's key values."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[int, datetime, UUID]:
    """(rank, time, id) of the last row seen; refuses what is none of ours."""
    try:
        rank, at, row_id = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return int(rank), datetime.fromisoformat(at), UUID(row_id)
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise Refusal("bad_request", "`cursor` is not one that this server gave.") from error
