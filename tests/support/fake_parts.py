"""Parts of the small server: what goes wrong on order, an HTTP server that leaves signals alone, problems."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.responses import JSONResponse


@dataclass
class Faults:
    """What goes wrong on purpose. `claims` is awaited inside each claim before it takes effect."""

    claims: asyncio.Event | None = None
    swallow_claim_answer: bool = False
    swallow_claim: bool = False
    handoff_status: int | None = None
    queue_status: int | None = None
    test_status: int | None = None
    lose_tests: bool = False


class QuietServer(uvicorn.Server):
    """Signals belong to the test runner."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None of them."""
        yield


def problem(status: int, code: str, detail: str, **more: Any) -> JSONResponse:
    """`application/problem+json`."""
    body = {"type": f"urn:{code}", "title": detail, "status": status, "detail": detail, "code": code, **more}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")
