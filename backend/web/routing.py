"""How page routes answer when something is refused or breaks: a page for people, a problem for our own scripts."""

import logging
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from backend.domain.refusal import Refusal
from backend.http.problems import DATABASE_DOWN, STATUS, problem_response
from backend.web import render
from backend.web.visitor import SignInNeededError, visitor_or_none

log = logging.getLogger(__name__)

SCRIPT_HEADER: Final = "x-flowpilot-script"
_NO_SESSION: Final = "There is no such session, or you may not see it."
_NO_ROLE: Final = "Your role does not include this page."
_NO_DATABASE: Final = "The database does not answer. Nothing was changed."


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
            except SignInNeededError:
                return _sign_in(request)
            except Refusal as refusal:
                if by_script(request):
                    return problem_response(refusal.code, refusal.detail, **refusal.extensions)
                return await error_page(request, STATUS[refusal.code], _words(refusal))
            except (HTTPException, RequestValidationError) as error:
                status = error.status_code if isinstance(error, HTTPException) else 422
                return await error_page(request, status, "This form is not complete. Nothing was changed.")
            except DATABASE_DOWN as error:
                log.error("%s %s: the database does not answer: %s", request.method, request.url.path, error)  # noqa: TRY400 - no traceback for a database that is away
                if by_script(request):
                    return problem_response("database_unavailable", _NO_DATABASE)
                return await error_page(request, 503, _NO_DATABASE, retry=True)
            except Exception:
                reference = secrets.token_hex(3)
                log.exception("%s %s failed, reference %s", request.method, request.url.path, reference)
                words = f"The server answered with an error. Nothing was changed. Reference {reference}."
                if by_script(request):
                    return problem_response("internal_error", words, reference=reference)
                return await error_page(request, 500, words, retry=True)

        return handle


def _words(refusal: Refusal) -> str:
    if refusal.code == "role_required":
        return _NO_ROLE
    return _NO_SESSION if refusal.code == "not_found" else refusal.detail


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
