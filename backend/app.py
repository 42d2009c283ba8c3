"""The composition root of the server: settings, database, services, routes."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType
from typing import Final

from fastapi import APIRouter, FastAPI
from prometheus_client import REGISTRY
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send

from backend import operations
from backend.analytics.api import router as analytics_router
from backend.assistant.api import router as assistant_router
from backend.db.engine import Database
from backend.delivery.api import router as receipts_router
from backend.feed.poll import router as poll_router
from backend.feed.socket import EventSockets
from backend.feed.trial import router as trial_router
from backend.handoffs.api import router as handoffs_router
from backend.http import openapi, problems
from backend.http.middleware import Edge
from backend.http.origins import known_origins
from backend.identity.api import router as identity_router
from backend.identity.oauth import router as oauth_router
from backend.identity.setup_api import router as setup_router
from backend.onetime.api import router as secrets_router
from backend.psa.api import hooks_router
from backend.psa.api import router as psa_router
from backend.runbooks.api import router as runbooks_router
from backend.scim.api import router as scim_router
from backend.selfaudit.api import router as alarms_router
from backend.selfaudit.gauges import AuditGauges
from backend.services import Services
from backend.sessions.api import router as sessions_router
from backend.sessions.api_entries import router as entries_router
from backend.settings import Settings
from backend.web.install import install as install_pages
from backend.webhooks.api import router as webhooks_router

log = logging.getLogger(__name__)

API: Final = "/api/v1"
_EVENT_STREAM: Final = f"{API}/events/stream"


def create_app(settings: Settings | None = None) -> FastAPI:
    """The ASGI application; the database is opened when it starts, and must be migrated by then."""
    known = settings or Settings.from_environment()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if known.database_url is None:
            raise RuntimeError("no database: start the server with `flowpilot serve`, or set FLOWPILOT_DATABASE_URL")
        services = Services.build(await Database.open(known.database_url, event_bus=known.event_bus), known)
        app.state.services = services
        services.start()
        gauges = (operations.ProcessMetrics(services), AuditGauges(services.monitor))
        for one in gauges:
            REGISTRY.register(one)
        _leave_in_order(services)
        try:
            yield
        finally:
            for one in gauges:
                REGISTRY.unregister(one)
            await services.sockets.farewell()
            await services.stop()

    app = _App(
        title="FlowPilot Escalations",
        version="1",
        lifespan=lifespan,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        strict_content_type=False,  # a body without a content type is taken for what it must be: JSON
        redoc_url=None,
    )
    app.state.sends_mail = known.smtp_url is not None
    app.state.installers_dir = known.installers_dir or known.data_dir / "installers"
    app.state.public_url = known.public_url.rstrip("/")
    app.state.origins = known_origins(known.public_url, known.served_at) if known.public_url_given else None
    logging.getLogger("uvicorn.error").addFilter(_no_false_alarm)
    problems.install(app)
    api = APIRouter(prefix=API)
    for router in (
        identity_router,
        sessions_router,
        entries_router,
        handoffs_router,
        poll_router,
        trial_router,
        receipts_router,
        analytics_router,
        assistant_router,
        runbooks_router,
        secrets_router,
        webhooks_router,
        psa_router,
        alarms_router,
    ):
        api.include_router(router)
    app.include_router(api)
    app.include_router(oauth_router)
    app.include_router(setup_router)
    app.include_router(hooks_router)
    app.include_router(scim_router)
    app.include_router(operations.router)
    app.router.routes.append(WebSocketRoute(_EVENT_STREAM, _EventStream()))
    install_pages(app)
    app.add_middleware(Edge, by_https=known.public_url.startswith("https://"))
    app.openapi = lambda: openapi.document(app, API)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return app


def _no_false_alarm(record: logging.LogRecord) -> bool:
    """Uvicorn calls a WebSocket handshake that was refused with a proper 401 or 403 an error; it is none.

    A frame of wrong bytes is the client's fault, not one of ours with a stack: anybody could fill the log with those.
    """
    if str(record.msg).startswith("Invalid UTF-8"):
        record.exc_info, record.levelno, record.levelname = None, logging.INFO, "INFO"
    return record.msg != "ASGI callable returned without completing handshake."


class _EventStream:
    """Finds the process's sockets when a connection comes, since they exist from start-up on only."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sockets: EventSockets = scope["app"].state.services.sockets
        await sockets(scope, receive, send)


class _App(FastAPI):
    """The application, with the event stream at its door: its route stands among the others for whoever lists them.

    A socket that stands for days would keep a frame of each middleware and of the router, none of which does anything
    for it; and finding its route among all others is a third of what its connecting costs.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or connection."""
        if scope["type"] == "websocket" and scope["path"] == _EVENT_STREAM:
            scope["app"] = self
            await _EventStream()(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _leave_in_order(services: Services) -> None:
    """On a stop signal, before the server closes any connection: end the work, tell stream clients when to come back.

    Work that uses the server's own interface (the canary) would take what the stop does to it for a failure.
    """
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    def leave() -> None:
        ends = [] if services.worker is None else [services.worker.stop()]
        for end in (*ends, services.sockets.farewell()):
            task = loop.create_task(end, name="farewell")
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        if not callable(before):
            continue

        def handle(received: int, frame: FrameType | None, before=before) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
            loop.call_soon_threadsafe(leave)
            before(received, frame)

        try:
            signal.signal(number, handle)
        except ValueError:  # not the main thread (an application inside a test): the closing lifespan says it instead
            log.debug("stop signals belong to another thread")
