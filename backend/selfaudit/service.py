"""Alarms of one account, for its administrators."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from backend.contract.alarms import Alarm, AlarmList
from backend.contract.people import Person
from backend.db.engine import Database
from backend.db.tables import AnyRow
from backend.domain.roles import at_least
from backend.identity.caller import Caller
from backend.selfaudit import repository

_MOST: Final = 200
_WHY: Final = {
    "address refused": "their mail server refuses the address",
    "mail failed": "the e-mail did not get through and is tried again",
    "mail unanswered": "the mail server did not say whether it took the e-mail",
    "mail under way": "the e-mail is still being sent",
    "mail not begun": "the e-mail has not been sent yet",
    "no mail planned": "no e-mail is on its way",
}


_LINES: Final = 5


def folded(items: list[Alarm]) -> list[Alarm]:
    """People of one handoff in one line; what is too much for a page is counted in the last line."""
    lines: dict[object, list[Alarm]] = {}
    for number, one in enumerate(items):
        lines.setdefault(one.handoff_id or number, []).append(one)
    found = [_together(alarms) for alarms in lines.values()]
    if len(found) <= _LINES:
        return found
    rest = len(found) - _LINES + 1
    more = replace(found[_LINES - 1], text=f"{rest} more alarms.", handoff_id=None)
    return [*found[: _LINES - 1], more]


def _together(alarms: list[Alarm]) -> Alarm:
    first, others = alarms[0], len(alarms) - 1
    if not others or first.user is None:
        return first
    people = f"{first.user.name} and {others} {'other' if others == 1 else 'others'} have"
    text = first.text.replace(f"{first.user.name} has", people, 1)
    return replace(first, text=text, at=min(one.at for one in alarms))


class AlarmService:
    """What the audit would find in the caller's account now, with names. `sends_mail`: is there a mail server."""

    def __init__(self, database: Database, *, sends_mail: bool) -> None:
        self._db = database
        self._sends_mail = sends_mail
        self._since = datetime.now(UTC)

    async def alarms(self, caller: Caller) -> AlarmList:
        """Newest first. Needs an administrator."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.alarms(tx, caller.account_id, _MOST)
        items = [self._alarm(row) for row in rows]
        if not self._sends_mail:
            text = "No mail server is set up, so nobody is e-mailed: whoever has no client open is not told."
            items.append(Alarm(kind="no_mail_server", text=text, at=self._since))
        return AlarmList(items=items)

    async def banner(self, caller: Caller) -> list[Alarm]:
        """For the top of a page: one line per handoff, a few at most; nothing for whom it does not concern."""
        return folded((await self.alarms(caller)).items) if at_least(caller.role, "admin") else []

    def _alarm(self, row: AnyRow) -> Alarm:
        if row.kind == "webhook_paused":
            text = f"The webhook “{row.webhook}” is paused. {row.paused_reason}"
            return Alarm(kind="webhook_paused", text=text, at=row.since)
        person = Person(id=str(row.user_id), name=row.name)
        if row.kind == "address_refused":
            said = f": {row.email_refusal}" if row.email_refusal else "."
            text = f"The mail server refuses the address of {row.name}, {row.email}{said}"
            return Alarm(kind="address_refused", text=text, at=row.since, user=person)
        why = (
            _WHY.get(row.word, row.word)
            if self._sends_mail
            else "no client of theirs showed it, and mail is not set up"
        )
        text = f"{row.name} has not been told of “{row.title}”: {why}."
        return Alarm(kind="not_told", text=text, at=row.since, handoff_id=str(row.handoff_id), user=person)
