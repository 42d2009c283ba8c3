"""`flowpilot worker`: the due work alone, in a process of its own, beside any number of servers and workers."""

import argparse
import asyncio
import logging
import signal

from backend.commands.console import tell
from backend.commands.database import command_database_url, wait_for_database
from backend.commands.ending import LEAVING_S, SERVING_S, cut_off_in
from backend.commands.logs import configure_logging
from backend.db.background import in_time
from backend.db.embedded_files import prepare_data_dir
from backend.db.engine import Database
from backend.settings import Settings
from backend.worker import build_mailer, build_worker

log = logging.getLogger(__name__)


def run(_arguments: argparse.Namespace) -> int:
    """Work until a stop signal comes."""
    settings = Settings.from_environment()
    build_mailer(settings)  # says at once what is wrong with its settings
    configure_logging(settings.log_level, settings.log_format)
    if not settings.public_url_given:
        log.warning("FLOWPILOT_PUBLIC_URL is not set: links in e-mails will lead to %s", settings.public_url)
    if settings.database_url:
        prepare_data_dir(settings.data_dir)
        asyncio.run(wait_for_database(settings.database_url, wait_s=settings.db_wait_s))
    with command_database_url(settings) as url:
        asyncio.run(_work(url, settings))
        cut_off_in(LEAVING_S)
    return 0


async def _work(url: str, settings: Settings) -> None:
    stop = asyncio.Event()

    def asked() -> None:
        cut_off_in(SERVING_S)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)
    database = await Database.open(url, event_bus=settings.event_bus)
    worker = build_worker(database, settings)
    worker.start()
    tell("FlowPilot worker is ready")
    try:
        await stop.wait()
    finally:
        await in_time(worker.stop(), what="give the due work back")
        await database.close()
