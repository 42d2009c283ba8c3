"""Every refusal as application/problem+json (RFC 9457)."""

import logging
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import asyncpg
import orjson
import sqlalchemy.exc
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from backend.contract.problems import TITLE, Code
from backend.domain.refusal import Refusal
from backend.http.methods import allow

log = logging.getLogger(__name__)

STATUS: Final[dict[Code, int]] = {
    "bad_request": 400,
    "invalid_body": 422,
    "payload_too_large": 413,
    "unauthenticated": 401,
    "csrf_failed": 403,
    "origin_refused": 403,
    "role_required": 403,
    "scope_required": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "already_escalated": 409,
    "already_claimed": 409,
    "reserved": 409,
    "own_handoff": 409,
    "not_pending": 409,
    "claim_lost": 409,
    "session_resolved": 409,
    "idempotency_mismatch": 409,
    "edit_conflict": 409,
    "user_not_eligible": 422,
    "ticket_refused": 403,
    "limit_reached": 409,
    "not_retryable": 409,
    "psa_not_connected": 409,
    "secret_gone": 410,
    "assistant_off": 409,
    "too_many_requests": 429,
    "database_unavailable": 503,
    "internal_error": 500,
}
_ANYWHERE: Final[tuple[Code, ...]] = (
    "bad_request",
    "invalid_body",
    "unauthenticated",
    "method_not_allowed",
    "payload_too_large",
    "internal_error",
    "database_unavailable",
)
"""What any route of the API can answer."""
_SOON_S: Final = 5
_FROM_STATUS: Final[dict[int, Code]] = {404: "not_found", 405: "method_not_allowed", 413: "payload_too_large"}

DATABASE_DOWN: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,  # shut down, cancelled, statement took too long
    asyncpg.TransactionRollbackError,  # deadlock, serialization
    asyncpg.InsufficientResourcesError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # a lock that is not to be had, a database that takes no connections
    asyncpg.IdleInTransactionSessionTimeoutError,  # this process was frozen within a transaction
    asyncpg.TransactionTimeoutError,
    asyncpg.InternalClientError,  # the driver's state after a connection was cut in the middle of a statement
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
)
"""What the drivers raise when the database is away or overloaded: safe to repeat, so 503 with Retry-After."""


def problem(code: Code, detail: str, **extensions: object) -> dict[str, object]:
    """The problem document of a code."""
    return {
        "type": f"urn:flowpilot:problem:{code.replace('_', '-')}",
        "title": TITLE[code],
        "status": STATUS[code],
        "detail": detail,
        "code": code,
        **extensions,
    }


def problem_response(code: Code, detail: str, **extensions: object) -> Response:
    """The problem document as an answer."""
    headers = {}
    if code == "unauthenticated":
        headers["WWW-Authenticate"] = "Bearer"
    if code == "database_unavailable":
        headers["Retry-After"] = "2"
    if code == "too_many_requests":
        headers["Retry-After"] = str(_wait_s(extensions))
    return Response(
        orjson.dumps(problem(code, detail, **extensions), option=orjson.OPT_UTC_Z),
        STATUS[code],
        headers,
        "application/problem+json",
    )


def _wait_s(extensions: Mapping[str, object]) -> int:
    """Whole seconds until another try has a chance: `retry_after_s`, else until `paused_until`, else a little."""
    wait = extensions.get("retry_after_s", _SOON_S)
    until = extensions.get("paused_until")
    if isinstance(until, str):
        wait = (datetime.fromisoformat(until) - datetime.now(UTC)).total_seconds()
    return max(1, math.ceil(wait)) if isinstance(wait, int | float) else _SOON_S


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):  # pragma: no cover - registered for Refusal only
        raise error
    return problem_response(error.code, error.detail, **error.extensions)


async def _invalid(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):  # pragma: no cover - registered for this type only
        raise error
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return problem_response("bad_request", "The body is not valid JSON.")
    errors = [
        {"field": ".".join(str(part) for part in fault["loc"] if part != "body") or "body", "message": fault["msg"]}
        for fault in faults
    ]
    first = errors[0]
    return problem_response("invalid_body", f"`{first['field']}`: {first['message']}.", errors=errors)


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):  # pragma: no cover - registered for this type only
        raise error
    code = _FROM_STATUS.get(error.status_code, "bad_request")
    response = problem_response(code, f"{TITLE[code]}.")
    response.status_code = error.status_code
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    if error.status_code == 405:
        response.headers["Allow"] = allow(request)
    return response


async def _database(request: Request, error: Exception) -> Response:
    log.error("%s %s: the database does not answer: %s", request.method, request.url.path, error)
    return problem_response("database_unavailable", "The database does not answer. Try again in a moment.")


def broken(what: str, error: Exception) -> Response:
    """The answer to a fault of ours, with a reference that stands in the log too."""
    reference = uuid4().hex[:8]
    log.error("%s failed, reference %s", what, reference, exc_info=error)
    return problem_response(
        "internal_error", f"The server answered with an error. Reference {reference}.", reference=reference
    )


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for kind in DATABASE_DOWN:
        app.add_exception_handler(kind, _database)


def openapi_responses(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """What a route declares: one entry per status, naming the codes it stands for."""
    by_status: dict[int | str, list[str]] = {}
    for code in (*_ANYWHERE, *codes):
        by_status.setdefault(STATUS[code], []).append(code)
    return {
        status: {
            "description": f"Problem: {', '.join(names)}",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, names in by_status.items()
    }
