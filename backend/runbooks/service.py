"""Runbooks of the caller's account: read by everyone, written by administrators and senior engineers."""

from typing import Final
from uuid import UUID

from backend.audit.record import record, record_of
from backend.contract.runbooks import NewRunbook, Runbook, RunbookList
from backend.db.engine import Database
from backend.db.ids import new_id, parse_id
from backend.db.tables import AnyRow
from backend.domain.markdown import steps
from backend.domain.refusal import Refusal
from backend.domain.text import clean, limit_bytes, said
from backend.identity.caller import Caller
from backend.runbooks import repository
from backend.sessions.mapping import person

LISTED: Final = 500
MOST: Final = 2_000
_BODY: Final = 65_536
_TAGS: Final = 12


def _not_found() -> Refusal:
    return Refusal("not_found", "There is no such runbook, or you may not see it.")


def checked(new: NewRunbook) -> tuple[str, str, list[str]]:
    """(title, body, tags) as they are kept; refuses `invalid_body` and `payload_too_large`."""
    tags = [clean("tags", tag, longest=40) for tag in new.tags or [] if tag.strip()]
    if len(tags) > _TAGS:
        raise Refusal("invalid_body", f"`tags` has {len(tags)} entries; {_TAGS} are allowed.", field="tags")
    body = said("body", limit_bytes("body", new.body, most=_BODY), longest=_BODY)
    return said("title", new.title, longest=200), body, list(dict.fromkeys(tags))


def _runbook(row: AnyRow) -> Runbook:
    return Runbook(
        id=str(row.id),
        title=row.title,
        body=row.body,
        tags=list(row.tags),
        steps=steps(row.body),
        created_at=row.created_at,
        updated_at=row.updated_at,
        updated_by=person(row.updated_by, row.updated_by_name),
    )


class RunbookService:
    """One account's runbooks."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def list_runbooks(self, caller: Caller, search: str | None = None) -> RunbookList:
        """All by title, or those that share words with `search`, best first."""
        if search is not None and "\x00" in search:
            raise Refusal("bad_request", "`search` holds a NUL character, which nothing contains.", field="search")
        async with self._db.tenant(caller.account_id) as tx:
            if search and search.strip():
                rows = await repository.found(tx, caller.account_id, search, 50)
            else:
                rows = await repository.every(tx, caller.account_id, LISTED)
        return RunbookList(items=[_runbook(row) for row in rows])

    async def matching(self, caller: Caller, text: str, most: int = 4) -> list[Runbook]:
        """Runbooks that have to do with a text: two words in common at least, in a short text one."""
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.found(tx, caller.account_id, text, 20)
        least = 2 if len(text.split()) > 3 else 1
        return [_runbook(row) for row in rows if row.hits >= least][:most]

    async def get(self, caller: Caller, runbook_id: str) -> Runbook:
        """One runbook."""
        async with self._db.tenant(caller.account_id) as tx:
            row = await repository.one(tx, caller.account_id, self._id(runbook_id))
        if row is None:
            raise _not_found()
        return _runbook(row)

    async def create(self, caller: Caller, new: NewRunbook) -> Runbook:
        """Write a new one."""
        caller.require("engineer")
        title, body, tags = checked(new)
        runbook_id = new_id()
        async with self._db.tenant(caller.account_id) as tx:
            if await repository.count(tx, caller.account_id) >= MOST:
                raise Refusal("limit_reached", f"This account has {MOST} runbooks, as many as there may be.")
            await repository.put(
                tx, caller.account_id, runbook_id, title=title, body=body, tags=tags, by=caller.user_id
            )
            await record(tx, caller, "runbook.created", title)
        return await self.get(caller, str(runbook_id))

    async def replace(self, caller: Caller, runbook_id: str, new: NewRunbook) -> Runbook:
        """Write it anew."""
        known = await self.get(caller, runbook_id)
        caller.require("engineer")
        title, body, tags = checked(new)
        async with self._db.tenant(caller.account_id) as tx:
            await repository.put(
                tx, caller.account_id, UUID(known.id), title=title, body=body, tags=tags, by=caller.user_id
            )
            await record(tx, caller, "runbook.changed", title)
        return await self.get(caller, runbook_id)

    async def delete(self, caller: Caller, runbook_id: str) -> None:
        """Take it away."""
        known = await self.get(caller, runbook_id)
        caller.require("engineer")
        async with self._db.tenant(caller.account_id) as tx:
            await repository.delete(tx, caller.account_id, UUID(known.id))
            await record(tx, caller, "runbook.removed", known.title)

    @staticmethod
    def _id(text: str) -> UUID:
        parsed = parse_id(text)
        if parsed is None:
            raise _not_found()
        return parsed


async def import_runbooks(
    database: Database, account_id: UUID, runbooks: list[NewRunbook], *, dry_run: bool = False
) -> list[bool]:
    """Write runbooks without a caller, each over the one of its title, all or none; whether each is new.

    Refuses `not_found` where there is no such account, `limit_reached` where there would be too many.
    """
    async with database.tenant(account_id) as tx:
        if not await repository.account_exists(tx, account_id):
            raise Refusal("not_found", f"there is no account {account_id}")
        new: list[bool] = []
        for runbook in runbooks:
            title, body, tags = checked(runbook)
            known = await repository.by_title(tx, account_id, title)
            new.append(known is None)
            if not dry_run:
                await repository.put(tx, account_id, known or new_id(), title=title, body=body, tags=tags, by=None)
                await record_of(
                    tx, account_id, "runbook.changed" if known else "runbook.created", title, actor="Command line"
                )
        more = sum(new) if dry_run else 0
        if await repository.count(tx, account_id) + more > MOST:
            raise Refusal("limit_reached", f"an account has at most {MOST} runbooks; nothing was imported")
    return new
