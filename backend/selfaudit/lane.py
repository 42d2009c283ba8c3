"""The worker's lane of self-audit: kept apart, so that nothing it watches can hold it up."""

from typing import Final

from backend.db.engine import Database
from backend.jobs.job import Handler
from backend.jobs.worker import Lane
from backend.selfaudit.auditor import Auditor
from backend.selfaudit.canary import Canary, canary_address
from backend.settings import Settings

_PLACES: Final = 2
_LEASE_S: Final = 60.0


def watch_lane(database: Database, settings: Settings) -> Lane:
    """`audit` always; `canary` where this process knows a server to send it to.

    All of it is the account's of the server itself, which may have every place.
    """
    every_s = settings.canary_every_s
    handlers: dict[str, Handler] = {"audit": Auditor(database, canary_every_s=every_s)}
    address = canary_address(settings)
    if address is not None:
        handlers["canary"] = Canary(database, address, every_s=every_s)
    return Lane(name="watch", handlers=handlers, places=_PLACES, lease_s=_LEASE_S, most=_PLACES)
