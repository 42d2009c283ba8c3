"""The log: a rotated file of the profile, and standard error at the debug level. No token ever reaches it."""

import logging
import sys
from logging.handlers import RotatingFileHandler
from typing import Final

from desktop.settings import Settings

_LINE: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# These would log addresses, headers or D-Bus bodies of their own accord.
_LOUD: Final = ("httpx", "httpcore", "websockets", "dbus_fast", "qasync", "asyncio", "keyring")


def set_up(settings: Settings) -> None:
    """Log to the profile's file from now on."""
    debug = settings.log_level == "debug"
    handlers: list[logging.Handler] = [
        RotatingFileHandler(settings.log_path, maxBytes=1_000_000, backupCount=3, encoding="utf-8", delay=True)
    ]
    if debug:
        handlers.append(logging.StreamHandler(sys.stderr))
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, format=_LINE, handlers=handlers)
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
