"""Devices as their owner sees them: which computers are signed in, and signing one out."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from backend.db.engine import Database
from backend.domain.refusal import Refusal
from backend.identity import device_repository as repository
from backend.identity.caller import Caller

SIGN_INS: Final = "sign-ins"
"""Hint: some sign-in ended, so open sockets are looked at now instead of within seconds."""
WARNED_FOR: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One computer. `shut_out_at` is set when an old token of it came back, which a thief's copy does."""

    id: UUID
    name: str
    system: str
    version: str
    connected_at: datetime
    last_seen_at: datetime
    shut_out_at: datetime | None


class DeviceService:
    """Own devices only; another user's are not found."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def mine(self, caller: Caller) -> list[Device]:
        """The caller's computers, the newest first."""
        since = datetime.now(UTC) - WARNED_FOR
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.devices(tx, caller.account_id, caller.user_id, since)
        return [
            Device(
                id=row.id,
                name=row.name,
                system=row.system,
                version=row.version,
                connected_at=row.created_at,
                last_seen_at=row.last_seen_at,
                shut_out_at=row.revoked_at,
            )
            for row in rows
        ]

    async def revoke(self, caller: Caller, device_id: UUID) -> None:
        """Sign one of the caller's computers out; one that is signed out already stays so."""
        async with self._db.tenant(caller.account_id) as tx:
            if not await repository.exists(tx, caller.account_id, caller.user_id, device_id):
                raise Refusal("not_found", "There is no such computer, or it is not yours.")
            await repository.revoke(tx, caller.account_id, device_id, "revoked", user_id=caller.user_id)
        self._db.wakeup.touch(SIGN_INS)
