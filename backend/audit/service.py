"""The audit log as administrators read it."""

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

from backend.audit import repository
from backend.audit.actions import GROUPS, words_of
from backend.audit.keeper import seal
from backend.audit.record import Actor, record
from backend.contract.vocabulary import Role
from backend.db.engine import Database
from backend.db.tables import AnyRow
from backend.domain.browsers import browser_words
from backend.domain.spreadsheet import unrun

PAGE: Final = 100
_EXPORT_BATCH: Final = 1_000
_COLUMNS: Final = ("no", "at", "actor", "actor_id", "action", "words", "target", "detail", "address", "hash")


class Reader(Actor, Protocol):
    """A caller whose role is asked for."""

    def require(self, needed: Role) -> None:
        """Refuse below `needed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What the log is narrowed to; empty is everything."""

    group: str = ""
    actor_id: UUID | None = None
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry for people. `what` is the action with its target."""

    no: int
    at: datetime
    who: str
    what: str
    detail: str
    address: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Newest first; `before` leads to the older ones."""

    lines: list[Line]
    before: int | None


class AuditService:
    """Reads and exports; what is written since is sealed first, so that nothing is missing."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def page(self, caller: Reader, chosen: Filter, before: int | None = None) -> Page:
        """One page; administrators only."""
        caller.require("admin")
        await seal(self._db, caller.account_id)
        rows = await self._rows(caller.account_id, chosen, before, PAGE + 1)
        lines = [_line(row) for row in rows[:PAGE]]
        return Page(lines=lines, before=lines[-1].no if len(rows) > PAGE else None)

    async def export(self, caller: Reader, chosen: Filter) -> AsyncIterator[str]:
        """CSV, newest first, in pieces; that it was exported is an entry itself."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            detail = {"group": chosen.group, "words": chosen.words} if chosen != Filter() else None
            await record(tx, caller, "export.audit", "", detail)
        await seal(self._db, caller.account_id)
        return self._csv(caller.account_id, chosen)

    async def _csv(self, account_id: UUID, chosen: Filter) -> AsyncIterator[str]:
        yield _row(_COLUMNS)
        before: int | None = None
        while True:
            rows = await self._rows(account_id, chosen, before, _EXPORT_BATCH)
            yield "".join(_row(_cells(row)) for row in rows)
            if len(rows) < _EXPORT_BATCH:
                return
            before = rows[-1].no

    async def _rows(self, account_id: UUID, chosen: Filter, before: int | None, limit: int) -> list[AnyRow]:
        async with self._db.tenant(account_id) as tx:
            return await repository.page(
                tx,
                account_id,
                group=chosen.group if chosen.group in GROUPS else None,
                actor_id=chosen.actor_id,
                words=chosen.words.replace("\x00", "").strip() or None,
                before=before,
                limit=limit,
            )


def _target(row: AnyRow) -> str:
    return str(row.handoff_title or row.target)


def _line(row: AnyRow) -> Line:
    return Line(
        no=row.no,
        at=row.at,
        who=row.actor or "Nobody signed in",
        what=f"{words_of(row.action)} {_target(row)}".strip(),
        detail=_spoken(row.detail),
        address=row.address,
        action=row.action,
    )


def _spoken(detail: str) -> str:
    """The detail in words; what it is made of is ours."""
    if not detail:
        return ""
    parts = json.loads(detail)
    return ", ".join(f"{name.replace('_', ' ')}: {_value(name, value)}" for name, value in parts.items() if value != "")


def _value(name: str, value: object) -> str:
    if name == "browser":
        return browser_words(str(value))
    if isinstance(value, list):
        return "; ".join(str(one) for one in value)
    return "none" if value is None else str(value)


def _cells(row: AnyRow) -> tuple[str, ...]:
    at = row.at.astimezone(UTC).isoformat()
    return (
        str(row.no),
        at,
        row.actor,
        str(row.actor_id or ""),
        row.action,
        words_of(row.action),
        _target(row),
        row.detail,
        row.address,
        bytes(row.hash).hex(),
    )


def _row(cells: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([unrun(cell) for cell in cells])
    return out.getvalue()
