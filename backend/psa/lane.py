"""The worker's lane of PSA work: a PSA that hangs takes a place here, one per connector, and nowhere else."""

from typing import Final

from backend.db.engine import Database
from backend.jobs.worker import Lane
from backend.psa.connections import Connections
from backend.psa.handler import NoteHandler
from backend.psa.pulling import PullHandler
from backend.psa.repository import BUSY_S
from backend.psa.seeing import SeenHandler
from backend.settings import Settings

_PLACES: Final = 8


def psa_lane(database: Database, settings: Settings, connections: Connections | None = None) -> Lane:
    """Notes, tickets, and what PSAs tell of."""
    known = connections or Connections.of(settings)
    return Lane(
        name="psa",
        handlers={
            "psa_note": NoteHandler(database, known, public_url=settings.public_url),
            "psa_pull": PullHandler(database, known),
            "psa_seen": SeenHandler(database, known),
        },
        places=_PLACES,
        lease_s=float(BUSY_S),
    )
