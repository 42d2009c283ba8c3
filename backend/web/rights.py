"""Who may pick a waiting hand-off up, as the pages offer it; the claim itself decides again."""

from datetime import datetime

from backend.contract.handoffs import QueueRow
from backend.domain.roles import at_least
from backend.identity.caller import Caller


def may_claim(caller: Caller, row: QueueRow) -> bool:
    """A senior, and not the one who escalated. It may still be kept for somebody else: `kept_from`."""
    return at_least(caller.role, "engineer") and row.handed_off_by.id != str(caller.user_id)


def kept_from(caller: Caller, row: QueueRow, now: datetime) -> bool:
    """True while the policy lets nobody but somebody else claim it."""
    kept, until = row.reserved_for, row.reserved_until
    return kept is not None and until is not None and now < until and kept.id != str(caller.user_id)
