"""What happens to a handoff after and beside the claim: release, reassign, resolve, withdraw, change.

Each locks the handoff row, judges its state, writes, and appends one event last. A former holder is fenced: by no
longer being `claimed_by`, and by a `claim_epoch` that a client may send along.
"""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.contract.handoffs import (
    Handoff,
    HandoffNote,
    HandoffPatch,
    HandoffResolution,
    Reassignment,
    Rejection,
)
from backend.db.engine import Database
from backend.db.tables import AnyRow
from backend.domain.refusal import Refusal
from backend.domain.roles import at_least
from backend.domain.text import said, said_optional
from backend.handoffs import ending, repository
from backend.handoffs.service import eligible_target, handoff_id, may_manage, not_found, read_now
from backend.identity.caller import Caller
from backend.jobs.job import TOPIC as JOBS

_LONGEST = 2_000


def _holder(row: AnyRow) -> dict[str, str] | None:
    return {"id": str(row.claimed_by), "name": row.holder_name} if row.claimed_by else None


def _already_claimed(row: AnyRow) -> Refusal:
    return Refusal(
        "already_claimed",
        f"Already claimed by {row.holder_name}",
        claimed_by=_holder(row),
        claimed_at=row.claimed_at,
    )


def _not_pending(row: AnyRow) -> Refusal:
    return Refusal("not_pending", f"This hand-off is {row.status}.", handoff_status=row.status)


class HolderService:
    """Commands on an existing handoff."""

    def __init__(self, database: Database, *, email_after_s: float) -> None:
        self._db = database
        self._email_after_s = email_after_s

    async def release(self, caller: Caller, wanted: str, body: HandoffNote) -> Handoff:
        """Hand back: it waits again, at its place in the queue, and everyone is told in a new round."""
        note = said_optional("note", body.note, longest=_LONGEST)
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._held(tx, caller, wanted, body.claim_epoch)
            await repository.reopen(tx, caller.account_id, row.id, self._email_after_s)
            await repository.changed(tx, caller.account_id, row.id, "released", caller.user_id, note)
        return await self._told(caller, row)

    async def reassign(self, caller: Caller, wanted: str, body: Reassignment) -> Handoff:
        """Give it to another senior, who then holds it."""
        note = said_optional("note", body.note, longest=_LONGEST)
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._held(tx, caller, wanted, body.claim_epoch)
            target = await eligible_target(tx, caller, body.user_id, escalated_by=row.handed_off_by, field="user_id")
            if target != row.claimed_by:
                await repository.update(
                    tx,
                    caller.account_id,
                    row.id,
                    claimed_by=target,
                    claimed_at=sa.func.clock_timestamp(),
                    claim_epoch=row.claim_epoch + 1,
                )
                await repository.set_session_status(tx, caller.account_id, row.session_id, "claimed")
                await repository.tell_new_holder(tx, caller.account_id, row.id, self._email_after_s)
                await repository.note_holder(tx, caller.account_id, row.id, target)
                await repository.changed(tx, caller.account_id, row.id, "reassigned", caller.user_id, note)
        return await self._told(caller, row)

    async def resolve(self, caller: Caller, wanted: str, body: HandoffResolution) -> Handoff:
        """The handoff ends, and its session with it unless the outcome gives it back to the junior."""
        note, values = ending.checked(body)
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._held(tx, caller, wanted, body.claim_epoch)
            goes_on = body.outcome in ending.SESSION_GOES_ON
            first = None
            if goes_on and note:
                first, values["guidance_id"] = await ending.guide(tx, caller, row.session_id, note)
            await repository.update(
                tx, caller.account_id, row.id, status="resolved", resolved_at=sa.func.clock_timestamp(), **values
            )
            await repository.set_session_status(
                tx, caller.account_id, row.session_id, "active" if goes_on else "resolved"
            )
            await repository.end_waiting(tx, caller.account_id, row.id)
            if first is not None:
                await repository.announce_first_action(tx, caller.account_id, first, caller.user_id, "message")
            await repository.changed(tx, caller.account_id, row.id, "resolved", caller.user_id, note)
        return await self._told(caller, row)

    async def withdraw(self, caller: Caller, wanted: str, body: HandoffNote) -> Handoff:
        """Take it back before anybody has claimed it."""
        note = said_optional("note", body.note, longest=_LONGEST)
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._pending(tx, caller, wanted, withdrawing=True)
            await repository.update(tx, caller.account_id, row.id, status="withdrawn")
            await repository.set_session_status(tx, caller.account_id, row.session_id, "active")
            await repository.end_waiting(tx, caller.account_id, row.id)
            await repository.changed(tx, caller.account_id, row.id, "withdrawn", caller.user_id, note)
        return await self._told(caller, row)

    async def change(self, caller: Caller, wanted: str, patch: HandoffPatch, given: set[str]) -> Handoff:
        """Change what the body names while it waits; an explicit null clears need, impact and target.

        A note is an entry of its own in the timeline.
        """
        note = said_optional("note", patch.note, longest=_LONGEST)
        values: dict[str, object] = {}
        if "priority" in given and patch.priority is not None:
            values["priority"] = patch.priority
        for field in ("need", "impact"):
            if field in given:
                values[field] = said_optional(field, getattr(patch, field), longest=_LONGEST)
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._pending(tx, caller, wanted, withdrawing=False)
            if "target_user_id" in given:
                target = patch.target_user_id
                values["target_user_id"] = (
                    await eligible_target(tx, caller, target, escalated_by=row.handed_off_by)
                    if target is not None
                    else None
                )
            if values:
                await repository.update(tx, caller.account_id, row.id, **values)
                await repository.plan_step(tx, caller.account_id, row.id)
                await repository.changed(tx, caller.account_id, row.id, "updated", caller.user_id, ", ".join(values))
            if note:
                await repository.noted(tx, caller.account_id, row.id, "noted", caller.user_id, note)
        return await self._told(caller, row)

    async def reject_assessment(self, caller: Caller, wanted: str, body: Rejection) -> Handoff:
        """Keep that the assessment is not it, and why; the latest word stands. Refuses `not_pending` when over."""
        why = said("why", body.why, longest=500)
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._locked(tx, caller, wanted)
            caller.require("engineer")
            if row.status in {"resolved", "withdrawn"}:
                raise _not_pending(row)
            await repository.update(
                tx,
                caller.account_id,
                row.id,
                assessment_rejected_at=sa.func.clock_timestamp(),
                assessment_rejected_by=caller.user_id,
                assessment_rejected_why=why,
            )
            await repository.bump_session(tx, caller.account_id, row.session_id)
            await repository.noted(tx, caller.account_id, row.id, "assessment_rejected", caller.user_id, why)
        return await self._told(caller, row)

    async def opened(self, caller: Caller, wanted: str) -> None:
        """A senior has opened a waiting handoff: the escalating side sees that it is being read. Claims nothing."""
        async with self._db.tenant(caller.account_id) as tx:
            row = await repository.whose(tx, caller.account_id, handoff_id(wanted))
            if row is None:
                raise not_found()
            caller.require("engineer")
            if row.status != "pending" or row.handed_off_by == caller.user_id:
                return
            if not await repository.mark_opened(tx, caller.account_id, row.id, caller.user_id):
                return
            await repository.bump_session(tx, caller.account_id, row.session_id)
        self._db.wakeup.touch(str(row.session_id))

    async def _told(self, caller: Caller, row: AnyRow) -> Handoff:
        """The handoff after the commit: nobody waits for its row, nor for the event, while the answer is read."""
        self._db.wakeup.touch(str(caller.account_id), str(row.session_id), JOBS)
        return await read_now(self._db, caller.account_id, row.id)

    async def _locked(self, tx: AsyncConnection, caller: Caller, wanted: str) -> AnyRow:
        row = await repository.lock(tx, caller.account_id, handoff_id(wanted))
        if row is None:
            raise not_found()
        return row

    async def _held(self, tx: AsyncConnection, caller: Caller, wanted: str, epoch: int | None) -> AnyRow:
        """A claimed handoff that this caller holds or manages; every other case is refused by name."""
        row = await self._locked(tx, caller, wanted)
        if row.status in {"resolved", "withdrawn"}:
            raise _not_pending(row)
        mine = row.status == "claimed" and row.claimed_by == caller.user_id
        if not mine and not may_manage(caller):
            if await repository.held_before(tx, caller.account_id, row.id, caller.user_id):
                raise self._lost(row, caller)
            caller.require("engineer")
            raise Refusal("role_required", "Only the one who claimed it or an administrator can do this.")
        if row.status != "claimed" or (epoch is not None and epoch != row.claim_epoch):
            raise self._lost(row, caller)
        return row

    @staticmethod
    def _lost(row: AnyRow, caller: Caller) -> Refusal:
        detail = f"Now held by {row.holder_name}."
        if row.claimed_by is None:
            detail = "Nobody holds this hand-off; it waits again."
        elif row.claimed_by == caller.user_id:
            detail = "The claim has changed since. You hold it again, by a newer claim."
        return Refusal("claim_lost", detail, claimed_by=_holder(row), claim_epoch=row.claim_epoch)

    async def _pending(self, tx: AsyncConnection, caller: Caller, wanted: str, *, withdrawing: bool) -> AnyRow:
        """A waiting handoff that this caller's side escalated, or any senior."""
        row = await self._locked(tx, caller, wanted)
        involved: set[UUID] = {row.handed_off_by, row.session_owner}
        if not (at_least(caller.role, "engineer") or caller.user_id in involved):
            raise Refusal("role_required", "Only the escalating side or a senior can do this.")
        if row.status == "claimed" and withdrawing:
            raise _already_claimed(row)
        if row.status != "pending":
            raise _not_pending(row)
        return row
