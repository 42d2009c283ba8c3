"""Corrections in a session: steps, facts and tasks are changed, taken out and put back; a step can be in progress.

Nothing is lost: what is taken out stays in its row until the session's retention ends, and the snapshot of an
escalation keeps what stood there at its moment. A change that names the revision it was made from is refused when
somebody else was faster (`edit_conflict`, with what stands there now).
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.contract.sessions import Fact, FactPatch, NewFix, NewTask, Step, StepPatch, Task, TaskPatch
from backend.db import tables as t
from backend.db.engine import Database
from backend.db.ids import new_id, parse_id
from backend.domain.refusal import Refusal
from backend.domain.secrets import redact_value
from backend.domain.text import clean, said, said_optional
from backend.identity.caller import Caller
from backend.identity.repository import user_role
from backend.sessions import mapping, repository
from backend.sessions.service import FirstActions, SessionService, session_id_of, writable

MOST_TASKS: Final = 200
_ENDS: Final = frozenset({"worked", "helped", "no_change", "worse"})
"""Outcomes with which a fix is over; a blocked one, and one not tried yet, stays the session's active fix."""
_TABLES: Final[dict[str, sa.Table]] = {"step": t.step, "fact": t.fact, "task": t.task}
_SHOWN: Final[dict[str, Callable[[t.AnyRow], Step | Fact | Task]]] = {
    "step": mapping.step,
    "fact": mapping.fact,
    "task": mapping.task,
}


class EditingService:
    """Steps, facts, tasks and the active fix of the caller's sessions."""

    def __init__(self, database: Database, sessions: SessionService, first_actions: FirstActions) -> None:
        self._db = database
        self._sessions = sessions
        self._first_actions = first_actions

    async def change_step(self, caller: Caller, session_id: str, step_id: str, patch: StepPatch) -> Step:
        """Change what is given of a step."""
        values = _step_values(patch)
        if patch.outcome in _ENDS:
            values["in_progress"] = False
        return mapping.step(await self._change(caller, session_id, "step", step_id, values, patch.revision))

    async def change_fact(self, caller: Caller, session_id: str, fact_id: str, patch: FactPatch) -> Fact:
        """Change what is given of a fact. Under its new name the value may be a secret, though it stays as it is."""
        values: dict[str, object] = {}
        if patch.label is not None:
            values["label"] = said("label", patch.label, longest=200)
        if patch.value is not None:
            values["value"] = clean("value", patch.value, longest=8_000)
        row = await self._change(caller, session_id, "fact", fact_id, values, patch.revision, _without_secret)
        return mapping.fact(row)

    async def change_task(self, caller: Caller, session_id: str, task_id: str, patch: TaskPatch) -> Task:
        """Change a task's words or whose it is, tick it, or take the tick away."""
        values: dict[str, object] = {}
        if patch.text is not None:
            values["text"] = said("text", patch.text, longest=500)
        if patch.done is not None:
            values["done_at"] = sa.func.clock_timestamp() if patch.done else None
            values["done_by"] = caller.user_id if patch.done else None
        if patch.assignee_id is not None:
            values["assignee_id"] = await self._assignee(caller, patch.assignee_id)
        return mapping.task(await self._change(caller, session_id, "task", task_id, values, patch.revision))

    async def add_task(self, caller: Caller, session_id: str, new: NewTask) -> Task:
        """A new line of the checklist."""
        text = said("text", new.text, longest=500)
        await self._sessions.require(caller, session_id, "technician")
        assignee = await self._assignee(caller, new.assignee_id or "")
        session, task_id = session_id_of(session_id), new_id()
        async with self._db.tenant(caller.account_id) as tx:
            state = await writable(tx, caller, session)
            if len(await repository.entries(tx, t.task, caller.account_id, session)) >= MOST_TASKS:
                raise Refusal("limit_reached", f"A session has at most {MOST_TASKS} tasks.")
            await self._insert(tx, caller, t.task, session, task_id, state.version, text=text, assignee_id=assignee)
            row = await self._entry(tx, caller, "task", session, task_id)
        self._db.wakeup.touch(str(session))
        return mapping.task(row)

    async def remove(self, caller: Caller, session_id: str, kind: str, entry_id: str) -> None:
        """Take a step, fact or task out; once is as good as twice."""
        await self._set_removed(caller, session_id, kind, entry_id, gone=True)

    async def restore(self, caller: Caller, session_id: str, kind: str, entry_id: str) -> Step | Fact | Task:
        """Put it back where it stood."""
        return _SHOWN[kind](await self._set_removed(caller, session_id, kind, entry_id, gone=False))

    async def start_fix(self, caller: Caller, session_id: str, new: NewFix) -> Step:
        """Make this the active fix, as a step in progress; the one before becomes an ordinary step."""
        values = {
            "action": said("action", new.action, longest=2_000),
            "detail": said_optional("detail", new.detail, longest=8_000),
        }
        await self._sessions.require(caller, session_id, "technician")
        session, step_id = session_id_of(session_id), new_id()
        async with self._db.tenant(caller.account_id) as tx:
            handoff_id = await self._first_actions.mark(tx, caller, session, "step")
            state = await writable(tx, caller, session)
            await self._end_fix(tx, caller, session, state.version)
            await self._insert(
                tx, caller, t.step, session, step_id, state.version, outcome="not_tried", in_progress=True, **values
            )
            row = await self._entry(tx, caller, "step", session, step_id)
            await self._announce(tx, caller, handoff_id)
        self._told(caller, session, handoff_id)
        return mapping.step(row)

    async def change_fix(self, caller: Caller, session_id: str, patch: StepPatch) -> Step:
        """Change the active fix; with an outcome that ends it, it is over and stays as a step. Refuses `not_found`."""
        values = _step_values(patch)
        await self._sessions.require(caller, session_id, "technician")
        session = session_id_of(session_id)
        ends = patch.outcome in _ENDS
        async with self._db.tenant(caller.account_id) as tx:
            handoff_id = await self._first_actions.mark(tx, caller, session, "step") if ends else None
            state = await writable(tx, caller, session)
            before = await repository.step_in_progress(tx, caller.account_id, session)
            if before is None:
                raise Refusal("not_found", "No fix is in progress in this session.")
            _refuse_late(before, "step", patch.revision)
            if ends:
                values["in_progress"] = False
            await self._write(tx, caller, t.step, before.id, state.version, values)
            row = await self._entry(tx, caller, "step", session, before.id)
            await self._announce(tx, caller, handoff_id)
        self._told(caller, session, handoff_id)
        return mapping.step(row)

    async def drop_fix(self, caller: Caller, session_id: str) -> None:
        """Nothing is in progress any more; the step stays as it is."""
        await self._sessions.require(caller, session_id, "technician")
        session = session_id_of(session_id)
        async with self._db.tenant(caller.account_id) as tx:
            state = await writable(tx, caller, session)
            await self._end_fix(tx, caller, session, state.version)
        self._db.wakeup.touch(str(session))

    async def _change(
        self,
        caller: Caller,
        session_id: str,
        kind: str,
        entry_id: str,
        values: Mapping[str, object],
        revision: int | None,
        judged: Callable[[t.AnyRow, dict[str, object]], Mapping[str, object]] | None = None,
    ) -> t.AnyRow:
        await self._sessions.require(caller, session_id, "technician")
        session = session_id_of(session_id)
        async with self._db.tenant(caller.account_id) as tx:
            state = await writable(tx, caller, session)  # holds the session: the look below is of the latest
            before = await self._entry(tx, caller, kind, session, parse_id(entry_id))
            if before.removed_at is not None:
                raise _gone(kind)
            _refuse_late(before, kind, revision)
            if values:
                written = judged(before, dict(values)) if judged else values
                await self._write(tx, caller, _TABLES[kind], before.id, state.version, written)
            row = await self._entry(tx, caller, kind, session, before.id)
        self._db.wakeup.touch(str(session))
        return row

    async def _set_removed(self, caller: Caller, session_id: str, kind: str, entry_id: str, *, gone: bool) -> t.AnyRow:
        await self._sessions.require(caller, session_id, "technician")
        session, table = session_id_of(session_id), _TABLES[kind]
        async with self._db.tenant(caller.account_id) as tx:
            state = await writable(tx, caller, session)
            before = await self._entry(tx, caller, kind, session, parse_id(entry_id))
            if (before.removed_at is not None) != gone:
                values: dict[str, object] = {"removed_at": sa.func.clock_timestamp() if gone else None}
                if kind == "step":
                    values["in_progress"] = False  # meanwhile another one may be
                await self._write(tx, caller, table, before.id, state.version, values)
            row = await self._entry(tx, caller, kind, session, before.id)
        self._db.wakeup.touch(str(session))
        return row

    async def _end_fix(self, tx: AsyncConnection, caller: Caller, session: UUID, version: int) -> None:
        before = await repository.step_in_progress(tx, caller.account_id, session)
        if before is not None:
            await self._write(tx, caller, t.step, before.id, version, {"in_progress": False})

    @staticmethod
    async def _insert(
        tx: AsyncConnection, caller: Caller, table: sa.Table, session: UUID, entry_id: UUID, version: int, **values: Any
    ) -> None:
        await repository.insert_entry(
            tx,
            table,
            account_id=caller.account_id,
            id=entry_id,
            session_id=session,
            author_id=caller.user_id,
            version=version,
            **values,
        )

    @staticmethod
    async def _write(
        tx: AsyncConnection, caller: Caller, table: sa.Table, entry_id: UUID, version: int, values: Mapping[str, object]
    ) -> None:
        await repository.change_entry(
            tx,
            table,
            caller.account_id,
            entry_id,
            version,
            edited_at=sa.func.clock_timestamp(),
            edited_by=caller.user_id,
            **values,
        )

    @staticmethod
    async def _entry(tx: AsyncConnection, caller: Caller, kind: str, session: UUID, entry_id: UUID | None) -> t.AnyRow:
        row = await repository.entry(tx, _TABLES[kind], caller.account_id, session, entry_id) if entry_id else None
        if row is None:
            raise _gone(kind)
        return row

    async def _assignee(self, caller: Caller, user_id: str) -> UUID | None:
        """Whose a task is to be: somebody of the account who may do it, or (empty) nobody in particular."""
        if not user_id:
            return None
        known = parse_id(user_id)
        async with self._db.tenant(caller.account_id) as tx:
            role = await user_role(tx, caller.account_id, known) if known else None
        if known is None or role is None or role == "viewer":
            raise Refusal("invalid_body", "Choose somebody who works in sessions.", field="assignee_id")
        return known

    async def _announce(self, tx: AsyncConnection, caller: Caller, handoff_id: UUID | None) -> None:
        if handoff_id is not None:
            await self._first_actions.announce(tx, caller, handoff_id, "step")

    def _told(self, caller: Caller, session: UUID, handoff_id: UUID | None) -> None:
        self._db.wakeup.touch(str(session), *([str(caller.account_id)] if handoff_id else []))


def _step_values(patch: StepPatch) -> dict[str, object]:
    values: dict[str, object] = {}
    if patch.action is not None:
        values["action"] = said("action", patch.action, longest=2_000)
    if patch.outcome is not None:
        values["outcome"] = patch.outcome
    if patch.detail is not None:
        values["detail"] = said_optional("detail", patch.detail, longest=8_000)
    return values


def _without_secret(before: t.AnyRow, values: dict[str, object]) -> Mapping[str, object]:
    """A fact's new values, the value judged by the name that it has from now on."""
    label, value = str(values.get("label", before.label)), str(values.get("value", before.value))
    return {**values, "value": redact_value(label, value)}


def _gone(kind: str) -> Refusal:
    return Refusal("not_found", f"There is no such {kind} in this session; it may have been taken out.")


def _refuse_late(row: t.AnyRow, kind: str, revision: int | None) -> None:
    if revision is None or revision == row.revision:
        return
    who = row.editor_name or row.author_name or "Somebody"
    current = asdict(_SHOWN[kind](row))
    raise Refusal("edit_conflict", f"{who} has changed this meanwhile. Nothing was overwritten.", current=current)
