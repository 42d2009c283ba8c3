"""How page routes answer when something is refused or breaks: a page for people, a problem for our own scripts."""

import logging
import secrets
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from backend.contract.problems import Code
from backend.domain.refusal import Refusal
from backend.http.problems import DATABASE_DOWN, STATUS, problem_response
from backend.web import render
from backend.web.visitor import SignInNeededError, visitor_or_none

log = logging.getLogger(__name__)

SCRIPT_HEADER: Final = "x-flowpilot-script"
_FOR_PAGES: Final[dict[Code, str]] = {
    "not_found": "There is no such session, or you may not see it.",
    "role_required": "Your role does not include this page.",
}


def by_script(request: Request) -> bool:
    """True when our own script sent the form: it wants a problem or an address, not a page."""
    return SCRIPT_HEADER in request.headers


def done(request: Request, location: str) -> Response:
    """A form has been carried out: see `location`. A script is told the address instead of being sent there."""
    if by_script(request):
        return Response(None, 204, {"FlowPilot-Location": location, "Cache-Control": "no-store"})
    return RedirectResponse(location, 303, {"Cache-Control": "no-store"})


class PageRoute(APIRoute):
    """A route whose refusals are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, wrapped."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except Exception as error:  # noqa: BLE001 - the border: everything becomes a page, nothing is dropped
                return await _answer(request, error)

        return handle


async def _answer(request: Request, error: Exception) -> Response:
    """The page, or the problem for our own scripts, that stands for what went wrong."""
    if isinstance(error, SignInNeededError):
        return _sign_in(request)
    code: Code = "internal_error"
    extensions: Mapping[str, object] = {}
    retry = False
    if isinstance(error, Refusal):
        code, words, extensions = error.code, error.detail, error.extensions
    elif isinstance(error, HTTPException | RequestValidationError):
        code, words = "invalid_body", "This form is not complete. Nothing was changed."
    elif isinstance(error, DATABASE_DOWN):
        log.error("%s %s: the database does not answer: %s", request.method, request.url.path, error)
        code, words, retry = "database_unavailable", "The database does not answer. Nothing was changed.", True
    else:
        reference = secrets.token_hex(3)
        log.error("%s %s failed, reference %s", request.method, request.url.path, reference, exc_info=error)
        words, retry = f"The server answered with an error. Nothing was changed. Reference {reference}.", True
    if by_script(request):
        return problem_response(code, words, **extensions)
    return await error_page(request, STATUS[code], _FOR_PAGES.get(code, words), retry=retry)


def _sign_in(request: Request) -> Response:
    if by_script(request):
        return problem_response("unauthenticated", "Your sign-in has ended. Nothing was sent.")
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = f"/sign-in?next={quote(back, safe='')}" if request.method == "GET" and back != "/" else "/sign-in"
    return RedirectResponse(target, 303, {"Cache-Control": "no-store"})


async def error_page(request: Request, status: int, words: str, *, retry: bool = False) -> Response:
    """The error in the usual frame; without the frame where nobody is signed in or that cannot be found out."""
    found = None
    if status < 500:
        found = await visitor_or_none(request)
    return render.html(
        request,
        "error.html",
        status=status,
        caller=found.caller if found else None,
        shell=found,
        waiting=None,
        seq=None,
        words=words,
        retry=retry,
    )
