"""The event stream where WebSocket cannot pass: the same reader as a long poll."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from backend.contract.events import EventPage
from backend.feed.hub import FeedHub, TooFar
from backend.http.problems import openapi_responses
from backend.http.respond import Json, encode
from backend.identity.dependencies import CallerDep

router = APIRouter(tags=["events"])


@router.get("/events", response_model=EventPage, responses=openapi_responses())
async def events(
    request: Request,
    caller: CallerDep,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
    wait: Annotated[float, Query(ge=0, le=25)] = 0,
    epoch: str | None = None,
) -> Json:
    """Events after a position, oldest first; with `wait` (seconds) answers when there is something or time is up.

    `reset: true` says that the log cannot serve `after`: fetch the queue and go on from its `seq`.
    """
    hub: FeedHub = request.app.state.services.feed
    feed = await hub.open(caller.account_id)
    try:
        if wait and feed.head == after:
            await feed.wait_beyond(after, wait)
        found = await feed.after(after, epoch, limit)
    finally:
        hub.close(feed)
    if isinstance(found, TooFar):
        frames, reset = "", "true"
    else:
        frames, reset = ",".join(entry.frame(replay=wait == 0) for entry in found), "false"
    return Json(
        b'{"events":[%s],"head":%d,"epoch":%s,"reset":%s}'
        % (frames.encode(), feed.head, encode(feed.epoch), reset.encode())
    )
