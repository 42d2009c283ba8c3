"""Devices as their owner sees them: which computers are signed in, and signing one out."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from backend.audit.record import record
from backend.contract.people import ThisDevice
from backend.db.engine import Database
from backend.db.tables import AnyRow
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
    user_id: UUID
    user_name: str
    on_now: bool


def _device(row: AnyRow) -> Device:
    return Device(
        id=row.id,
        name=row.name,
        system=row.system,
        version=row.version,
        connected_at=row.created_at,
        last_seen_at=row.last_seen_at,
        shut_out_at=row.revoked_at,
        user_id=row.user_id,
        user_name=row.user_name,
        on_now=row.on_now,
    )


class DeviceService:
    """One's own devices, and for administrators those of the whole account."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def this(self, caller: Caller) -> ThisDevice | None:
        """The computer that is calling; null for a web page and for a personal access token."""
        if caller.kind == "web":
            return None
        async with self._db.tenant(caller.account_id) as tx:
            row = await repository.device(tx, caller.account_id, caller.credential_id)
        return None if row is None else ThisDevice(id=str(row.id), name=row.name, connected_at=row.created_at)

    async def mine(self, caller: Caller) -> list[Device]:
        """The caller's computers, the newest first."""
        since = datetime.now(UTC) - WARNED_FOR
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.devices(tx, caller.account_id, caller.user_id, since)
        return [_device(row) for row in rows]

    async def all(self, caller: Caller) -> list[Device]:
        """Every computer of the account that is signed in, the last seen first; administrators only."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            return [_device(row) for row in await repository.all_devices(tx, caller.account_id)]

    async def revoke(self, caller: Caller, device_id: UUID) -> None:
        """Sign one of the caller's computers out; one that is signed out already stays so."""
        await self._revoke(caller, device_id, of=caller.user_id)

    async def revoke_any(self, caller: Caller, device_id: UUID) -> None:
        """Sign out a computer of anybody in the account; administrators only."""
        caller.require("admin")
        await self._revoke(caller, device_id, of=None)

    async def _revoke(self, caller: Caller, device_id: UUID, *, of: UUID | None) -> None:
        async with self._db.tenant(caller.account_id) as tx:
            found = await repository.device(tx, caller.account_id, device_id)
            if found is None or of not in {None, found.user_id}:
                raise Refusal("not_found", "There is no such computer, or it is not yours.")
            if await repository.revoke(tx, caller.account_id, device_id, "revoked"):
                detail = {"of": found.user_name} if found.user_id != caller.user_id else None
                await record(tx, caller, "device.signed_out", found.name, detail)
        self._db.wakeup.touch(SIGN_INS)
