"""The event stream where WebSocket cannot pass: the same reader as a long poll."""

import asyncio
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request

from backend.contract.events import EventPage, Holding, TrialAlert
from backend.db.wakeup import Wakeup
from backend.domain.refusal import Refusal
from backend.feed.hub import AccountFeed, FeedHub, TooFar
from backend.feed.ports import Audience
from backend.feed.trial import Trials
from backend.http.at_once import AtOnce
from backend.http.problems import openapi_responses
from backend.http.respond import Json, encode
from backend.identity.caller import Caller
from backend.identity.dependencies import CallerDep, Identity
from backend.identity.devices import SIGN_INS
from backend.identity.service import IdentityService

router = APIRouter(tags=["events"])

POLLS_PER_USER: Final = 30
"""A person's computers and pages wait with one each; more than this is a program running away."""


def polls() -> AtOnce:
    """The count of this process's waiting polls, by user."""
    return AtOnce(POLLS_PER_USER, "requests of this user waiting for events")


@router.get("/events", response_model=EventPage, responses=openapi_responses("too_many_requests"))
async def events(
    request: Request,
    caller: CallerDep,
    identity: Identity,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
    wait: Annotated[float, Query(ge=0, le=25)] = 0,
    epoch: str | None = None,
    present: bool = False,  # noqa: FBT001, FBT002 - a query parameter
    held: str | None = None,
    held_until: datetime | None = None,
) -> Json:
    """Events after a position, oldest first; with `wait` (seconds) answers when there is something or time is up.

    `reset: true` says that the log cannot serve `after`: fetch the queue and go on from its `seq`. With `present` the
    client says that it shows alerts to its user, who then counts as connected; it tells them by
    `POST /handoffs/{id}/receipts`, and may find a test notification it asked for as `test`. With `held`
    (`do_not_disturb`, `quiet_hours`) it says that it holds alerts back, until `held_until` where that ends by itself.
    A sign-in that ends while the request waits answers 401 at once. One user may have 30 requests waiting; a further
    one that would wait answers 429.
    """
    hub: FeedHub = request.app.state.services.feed
    trials: Trials = request.app.state.services.sockets.tests
    test: TrialAlert | None = None
    if present:
        audience: Audience = request.app.state.services.delivery
        holding = Holding(reason=held, until=held_until)
        await audience.asking(caller, "desktop" if caller.kind == "token" else "web", holding)
    feed = await hub.open(caller.account_id, anew=True)
    try:
        if wait and feed.head == after:
            waiting: AtOnce = request.app.state.services.polls
            with waiting.held(caller.user_id):
                await _wait(feed, after, wait, caller, identity, request.app.state.services.wakeup, trials)
        if present:
            test = trials.for_request(caller)
        found = await feed.after(after, epoch, limit)
    finally:
        hub.close(feed)
    if isinstance(found, TooFar):
        frames, reset = "", "true"
    else:
        frames, reset = ",".join(entry.frame(replay=wait == 0) for entry in found), "false"
    beside = b"" if test is None else b',"test":%s' % encode(test)
    return Json(
        b'{"events":[%s],"head":%d,"epoch":%s,"reset":%s%s}'
        % (frames.encode(), feed.head, encode(feed.epoch), reset.encode(), beside)
    )


async def _wait(
    feed: AccountFeed,
    after: int,
    seconds: float,
    caller: Caller,
    identity: IdentityService,
    wakeup: Wakeup,
    trials: Trials,
) -> None:
    """Until there is something (a test notification, too), time is up, or the caller's sign-in has ended."""
    ended = asyncio.Event()
    ended.set()  # what was hinted between the sign-in's check and here would be missed
    unsubscribe = wakeup.subscribe(
        lambda topic: ended.set() if topic == SIGN_INS or trials.concern(caller, topic) else None
    )
    news = asyncio.create_task(feed.wait_beyond(after, seconds))
    try:
        while not news.done():
            over = asyncio.create_task(ended.wait())
            await asyncio.wait({news, over}, return_when=asyncio.FIRST_COMPLETED)
            over.cancel()
            if ended.is_set():
                ended.clear()
                if caller.credential_id not in await identity.still_valid([caller.credential_id]):
                    raise Refusal("unauthenticated", "The sign-in has ended.")
                if trials.waits(caller):
                    return
        await news
    finally:
        unsubscribe()
        news.cancel()
