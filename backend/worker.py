"""The worker of one process: which work there is, who does it, how much of it at once."""

from backend.db.engine import Database
from backend.delivery.closing import Closing
from backend.delivery.idle import IdleClaims
from backend.delivery.steps import Steps
from backend.http.problems import DATABASE_DOWN
from backend.jobs.worker import Lane, Worker
from backend.settings import Settings
from backend.webhooks.handler import webhook_lane

_POLICY_PLACES = 4
_POLICY_LEASE_S = 20.0


def build_worker(database: Database, settings: Settings) -> Worker:
    """A worker with all lanes; nothing runs before its `start`."""
    email_after_s = settings.email_after_s
    policy = Lane(
        name="policy",
        handlers={
            "step": Steps(database, email_after_s=email_after_s),
            "idle": IdleClaims(database, email_after_s=email_after_s),
            "closed": Closing(database),
        },
        places=_POLICY_PLACES,
        lease_s=_POLICY_LEASE_S,
    )
    return Worker(database, [policy, webhook_lane(database, settings)], away=DATABASE_DOWN)
