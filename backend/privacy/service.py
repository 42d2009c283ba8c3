"""What is known of a person, as a file; and making somebody who has left nameless, with history sound.

Erasing replaces the name with `Former technician` wherever the product put it: queue rows, snapshots, the event log,
timelines, notices, notes on tickets. It takes away address, phone number, sign-ins, second factors and where they were
there. Two things stay as they are: words that people wrote themselves, which end with the account's retention, and the
audit log, whose entries are chained: a name taken out of it would look like a forgery. It says who did what and from
which network address, and whom somebody invited or was refused as, by their e-mail address.
"""

import io
import json
import zipfile
from typing import Any, Final
from uuid import UUID

from backend.audit.record import record
from backend.db.engine import Database
from backend.domain.refusal import Refusal
from backend.feed.hub import rewritten
from backend.handoffs.leaving import LeavingService
from backend.handoffs.snapshot import rename
from backend.identity.caller import Caller
from backend.privacy import repository

MOST: Final = 50_000
"""Rows of one kind in an export; more than a person does in years."""
_READ_ME: Final = (
    "What FlowPilot Escalations knows of this person. One file per kind of record and way of being named in it:\n"
    "message.author_id.json holds the messages that the person wrote. audit.json is what the person did.\n"
    "Secrets and their hashes are left out.\n"
)


class PrivacyService:
    """For administrators; an owner's data only for owners, as everywhere."""

    def __init__(self, database: Database, leaving: LeavingService) -> None:
        self._db = database
        self._leaving = leaving

    async def export(self, caller: Caller, user_id: UUID) -> bytes:
        """A zip of JSON files with everything that names this person. Refuses `not_found`."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            person = await repository.himself(tx, caller.account_id, user_id)
            if person is None:
                raise Refusal("not_found", "There is no such person.")
            if person["role"] == "owner":
                caller.require("owner")
            files: dict[str, Any] = {"person": person}
            for place in await repository.places(tx):
                found = await repository.rows(tx, caller.account_id, place, user_id, MOST)
                if found:
                    files[f"{place.table}.{place.column}"] = found
            files["audit"] = await repository.audit_of(tx, caller.account_id, user_id, MOST)
            await record(tx, caller, "export.person", person["name"])
        return _zipped(files)

    async def erase(self, caller: Caller, user_id: UUID, typed: str) -> None:
        """Make a person nameless, for good; `typed` is the name, as a second thought. They leave first."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            person = await repository.himself(tx, caller.account_id, user_id)
        if person is None:
            raise Refusal("not_found", "There is no such person.")
        if user_id == caller.user_id:
            raise Refusal("invalid_body", "Nobody erases themselves. Ask another administrator.", field="confirm")
        if person["erased_at"] is not None:
            return
        if typed.strip() != person["name"]:
            raise Refusal("invalid_body", "Type the name as it stands to erase this person.", field="confirm")
        await self._leaving.leave(caller, user_id)
        async with self._db.tenant(caller.account_id) as tx:
            await repository.hold(tx, caller.account_id, user_id)
            # Hand-offs before what hangs on them, as everywhere: a claim that happens now waits for us, or we for it.
            handoffs = await repository.involved(tx, caller.account_id, user_id)
            frozen = {one: await repository.snapshot(tx, caller.account_id, one) for one in handoffs}
            await repository.forget(tx, caller.account_id, user_id, person["name"], person["email"])
            for one, before in frozen.items():
                after = rename(before, str(user_id), repository.FORMER)
                await repository.renamed(tx, caller.account_id, one, after)
            await record(tx, caller, "people.erased", repository.FORMER, {"id": str(user_id)})
        self._db.wakeup.touch(str(caller.account_id), rewritten(caller.account_id))


def _zipped(files: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _READ_ME)
        for name, content in files.items():
            archive.writestr(f"{name}.json", json.dumps(content, indent=2, ensure_ascii=False))
    return out.getvalue()
