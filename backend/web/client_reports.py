"""What our own pages report of themselves: an answer that came for another session than the one on the page.

One log line with both ids, so that a mix-up is found before a customer reads somebody else's conversation.
"""

import logging
import time
from collections import Counter
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.responses import Response

from backend.db.ids import parse_id
from backend.domain.refusal import Refusal
from backend.web.routing import PageRoute
from backend.web.visitor import FormVisitor

log = logging.getLogger(__name__)
router = APIRouter(route_class=PageRoute, include_in_schema=False)
A_MINUTE: Final = 10
"""So many reports of one person each minute: a page that goes round in circles must not fill the log."""
_SOURCES: Final = frozenset({"refresh", "stream", "reply", "form"})


class _Recent:
    """Reports of each user within the minute at hand."""

    def __init__(self) -> None:
        self._minute = 0
        self._count: Counter[UUID] = Counter()

    def more(self, user_id: UUID) -> bool:
        """Count one more; false when that is too many."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute = minute
            self._count.clear()
        self._count[user_id] += 1
        return self._count[user_id] <= A_MINUTE


_recent = _Recent()


@router.post("/client-reports")
async def report(
    visitor: FormVisitor,
    source: Annotated[str, Form(max_length=20)] = "",
    shown: Annotated[str, Form(max_length=60)] = "",
    got: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    """Keep a mismatch of sessions in the log. Only identifiers are taken, never text."""
    page, answer = parse_id(shown), parse_id(got)
    if page is None or source not in _SOURCES:
        raise Refusal("invalid_body", "This report names no session.", field="shown")
    caller = visitor.caller
    if _recent.more(caller.user_id):
        log.warning(
            "session mismatch: the page of session %s got an answer of session %s (%s), account %s, user %s",
            page,
            answer or "none",
            source,
            caller.account_id,
            caller.user_id,
        )
    return Response(None, 204)
