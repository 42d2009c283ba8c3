"""A test notification: by the way an escalation takes, from this server to the desktop app that asks for it.

It is no handoff and no event: a hint carries it to the process that has the app's socket, the socket carries it to the
app, and the app's receipt is answered over the same socket. An app that asks for its events by requests finds it in the
answer to the next one. So no queue, delivery, mail or figure ever sees one, and one that is lost is lost: the app says
so.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Body, Request, Response

from backend.contract.events import Receipt, TrialAlert, TrialReceipt
from backend.contract.vocabulary import TrialState
from backend.db.wakeup import Wakeup
from backend.domain.refusal import Refusal
from backend.feed.link import Link, LinkEnd
from backend.http.problems import openapi_responses
from backend.http.respond import Json, encode
from backend.identity.caller import Caller
from backend.identity.dependencies import CallerDep

log = logging.getLogger(__name__)
router = APIRouter(tags=["events"])

AT_ONCE: Final = 6
PER_S: Final = 60.0
_TOPIC: Final = "test-notification"
_KEPT: Final = 20
_HELD_S: Final = 10.0
_HELD_FOR: Final = 500
_ASKERS_KEPT: Final = 5_000


@dataclass(frozen=True, slots=True)
class _Hint:
    """What the hint's text holds."""

    credential_id: UUID
    test_id: str
    asked_at: datetime

    def text(self) -> str:
        """Without a comma, which parts hints."""
        return f"{_TOPIC} {self.credential_id} {self.test_id} {self.asked_at.timestamp()!r}"

    @classmethod
    def read(cls, topic: str) -> "_Hint | None":
        """Null for any other hint."""
        match topic.split(" "):
            case [name, credential, test_id, asked_at] if name == _TOPIC:
                with contextlib.suppress(ValueError, OverflowError):
                    return cls(UUID(credential), test_id, datetime.fromtimestamp(float(asked_at), UTC))
        return None


class Trials:
    """The test notifications of this process's sockets; `links` are those that are open now."""

    def __init__(self, wakeup: Wakeup, links: Callable[[], Iterable[Link]]) -> None:
        self._wakeup = wakeup
        self._links = links
        self._asked: dict[UUID, deque[float]] = {}
        self._held: dict[UUID, tuple[float, TrialAlert]] = {}
        self._sending: set[asyncio.Task[None]] = set()

    def ask(self, caller: Caller) -> TrialAlert:
        """Send one to every socket of the caller's own sign-in, wherever it is open."""
        if caller.kind != "token":
            raise Refusal("bad_request", "A test notification goes to the desktop app that asks for it. Ask there.")
        self._count(caller.credential_id)
        now = datetime.now(UTC)
        hint = _Hint(caller.credential_id, str(uuid4()), now)
        self._wakeup.touch(hint.text())
        return TrialAlert(id=hint.test_id, asked_at=now, state="asked", at=now)

    def hinted(self, topic: str) -> None:
        """Send what a hint tells of, if the app it is for is connected here."""
        if topic.startswith(_TOPIC) and (hint := _Hint.read(topic)) is not None:
            self._hold(hint)
            for link in self._links():
                if link.channel == "desktop" and link.caller.credential_id == hint.credential_id:
                    link.tests[hint.test_id] = hint.asked_at
                    for old in list(link.tests)[:-_KEPT]:
                        del link.tests[old]
                    task = asyncio.get_running_loop().create_task(_send(link, hint.test_id, "sent"))
                    self._sending.add(task)
                    task.add_done_callback(self._sending.discard)

    @staticmethod
    def concern(caller: Caller, topic: str) -> bool:
        """Whether a hint tells of one for this sign-in."""
        return topic.startswith(_TOPIC) and str(caller.credential_id) in topic

    def waits(self, caller: Caller) -> bool:
        """Whether `for_request` has one."""
        return caller.credential_id in self._held

    def for_request(self, caller: Caller) -> TrialAlert | None:
        """What a request of this sign-in that asks for events is to bring, once; it may come within 10 s."""
        until, alert = self._held.pop(caller.credential_id, (0.0, None))
        return alert if until > time.monotonic() else None

    def _hold(self, hint: _Hint) -> None:
        self._held.pop(hint.credential_id, None)
        alert = TrialAlert(id=hint.test_id, asked_at=hint.asked_at, state="sent", at=datetime.now(UTC))
        self._held[hint.credential_id] = time.monotonic() + _HELD_S, alert
        for old in list(self._held)[:-_HELD_FOR]:
            del self._held[old]

    async def answered(self, link: Link, receipt: Receipt) -> None:
        """The app says what became of it; tell it that we have heard."""
        await _send(link, receipt.handoff_id, receipt.state)

    def _count(self, credential_id: UUID) -> None:
        now = time.monotonic()
        times = self._asked.pop(credential_id, None) or deque(maxlen=AT_ONCE)
        self._asked[credential_id] = times
        for old in list(self._asked)[:-_ASKERS_KEPT]:
            del self._asked[old]
        if len(times) == AT_ONCE and now - times[0] < PER_S:
            raise Refusal("too_many_requests", "That is enough test notifications for a minute. Try again later.")
        times.append(now)


async def _send(link: Link, test_id: str, state: TrialState) -> None:
    frame = TrialAlert(id=test_id, asked_at=link.tests[test_id], state=state, at=datetime.now(UTC))
    try:
        await link.send(encode(frame).decode())
    except LinkEnd as end:
        log.info("a test notification did not reach user %s: %s", link.caller.user_id, type(end).__name__)


@router.post(
    "/devices/test-notification",
    response_model=TrialAlert,
    status_code=202,
    responses=openapi_responses("bad_request", "origin_refused", "too_many_requests"),
)
async def send_test_notification(request: Request, caller: CallerDep) -> Json:
    """Send a test notification to the desktop app that asks, over its open event stream.

    It comes as a frame of type `test`, is answered by a receipt with its `id`, and that by a frame with the receipt's
    state. An app that asks for events by requests finds it as `test` in the answer of `GET /events?present=true`, and
    posts the receipt. It is no escalation: nobody else sees it, and nothing is kept of it.
    """
    trials: Trials = request.app.state.services.sockets.tests
    return Json(trials.ask(caller), 202)


@router.post(
    "/devices/test-notification/receipts",
    status_code=204,
    response_class=Response,
    responses=openapi_responses("bad_request", "origin_refused"),
)
async def tell_test_receipt(caller: CallerDep, body: Annotated[TrialReceipt, Body()]) -> Response:
    """The app says what became of a test notification: that this answers is all there is to it."""
    log.debug("the test notification %s of user %s: %s", body.id, caller.user_id, body.state)
    return Response(status_code=204)
