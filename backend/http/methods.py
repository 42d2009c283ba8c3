"""Which methods an address takes: the `Allow` header of a 405, and HEAD wherever there is GET."""

from typing import Final

from starlette.requests import Request
from starlette.routing import Match, Mount, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


def allow(request: Request) -> str:
    """The value of the `Allow` header: every method of every route of this path, not those of the first one alone."""
    router: Router = request.app.router
    taken = [method for method in _METHODS if _takes(router, {**request.scope, "method": method})]
    if not taken:  # only files of a folder are left, which take what files take
        taken = ["GET"]
    return ", ".join([*taken, "HEAD"] if "GET" in taken else taken)


def _takes(router: Router, scope: Scope) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in router.routes if not isinstance(route, Mount))


class _HeadAnsweredError(Exception):
    """Ends an answer whose body nobody reads; a live stream would go on for ever."""


async def answer_head(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer HEAD by what GET answers, without its body."""
    answered = False

    async def send_head(message: Message) -> None:
        nonlocal answered
        if message["type"] != "http.response.body":
            await send(message)
            return
        if not answered:
            answered = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        if message.get("more_body", False):
            raise _HeadAnsweredError

    try:
        await app({**scope, "method": "GET"}, receive, send_head)
    except _HeadAnsweredError:
        return
