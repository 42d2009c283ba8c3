"""`flowpilot serve`: port, database, migration, then the server, in this order; taken down in the reverse one."""

import argparse
import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

from backend.commands.console import say, tell
from backend.commands.database import bring_up_to_date, wait_for_database
from backend.commands.ending import LEAVING_S, cut_off_in
from backend.commands.listening import address_of, listen
from backend.commands.logs import configure_logging
from backend.commands.runner import run_server
from backend.db.embedded import EmbeddedPostgres
from backend.db.embedded_files import prepare_data_dir
from backend.settings import Settings
from backend.worker import build_mailer

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A server about to run: it has its port and a migrated database."""

    settings: Settings
    database_url: str
    address: str
    """`http://host:port` as a person on this machine opens it."""


def run(arguments: argparse.Namespace) -> int:
    """Serve until a stop signal comes."""

    def ready(prepared: Prepared) -> None:
        tell(f"FlowPilot is ready on {prepared.address}")

    return serve(arguments, ready=ready)


def serve(
    arguments: argparse.Namespace,
    *,
    before: Callable[[Prepared], Awaitable[None]] | None = None,
    ready: Callable[[Prepared], None],
) -> int:
    """Serve; `before` runs once when the database is migrated, `ready` (in a thread) when the server answers."""
    _leave_on_signals()
    settings = Settings.from_environment()
    build_mailer(settings)  # says at once what is wrong with its settings
    # First of all: a second start must fail before it touches anything.
    with contextlib.closing(listen(arguments.host, arguments.port)) as sock:
        address = address_of(sock)
        configure_logging(settings.log_level, settings.log_format)
        with _database_url(settings) as url:
            prepared = Prepared(settings, url, address)
            asyncio.run(_prepare(prepared, embedded=settings.database_url is None, before=before))
            # Workers are new processes and read the environment; nothing secret stands in any argv.
            os.environ["FLOWPILOT_DATABASE_URL"] = url
            os.environ["FLOWPILOT_SERVED_AT"] = address
            os.environ["FLOWPILOT_PROCESSES"] = str(arguments.workers)
            _let_the_server_handle_signals()
            try:
                return run_server(sock, workers=arguments.workers, address=address, on_ready=lambda: ready(prepared))
            finally:
                cut_off_in(LEAVING_S)


@contextlib.contextmanager
def _database_url(settings: Settings) -> Iterator[str]:
    if settings.database_url:
        prepare_data_dir(settings.data_dir)
        yield settings.database_url
        return
    with EmbeddedPostgres(settings.data_dir) as server:
        yield server.url


async def _prepare(prepared: Prepared, *, embedded: bool, before: Callable[[Prepared], Awaitable[None]] | None) -> None:
    await wait_for_database(prepared.database_url, wait_s=prepared.settings.db_wait_s)
    if embedded or prepared.settings.migrate == "auto":
        was, now = await bring_up_to_date(prepared.database_url)
        if was and was != now:
            say(f"the database was brought from {was} to {now}")
    if before is not None:
        await before(prepared)


def _leave_on_signals() -> None:
    """Until the server runs, a stop signal unwinds the stack, so that PostgreSQL is stopped on the way out."""

    def leave(number: int, _frame: object) -> None:
        cut_off_in(LEAVING_S)
        raise SystemExit(0 if number == signal.SIGTERM else 130)

    for number in STOP_SIGNALS:
        signal.signal(number, leave)


def _let_the_server_handle_signals() -> None:
    """Swallow what the server raises again after its own farewell; there is still PostgreSQL to stop after it."""
    for number in STOP_SIGNALS:
        signal.signal(number, lambda _number, _frame: None)
