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
from backend.psa.systems import SYSTEMS
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


def folded(items: list[Alarm]) -> list[Alarm]:
    """One line per kind: a page has other things to show. Who and what they are about stands in the full list."""
    kinds: dict[str, list[Alarm]] = {}
    for one in items:
        kinds.setdefault(one.kind, []).append(one)
    return [_together(alarms) if len(alarms) > 1 else alarms[0] for alarms in kinds.values()]


def _together(alarms: list[Alarm]) -> Alarm:
    first, others = alarms[0], len(alarms) - 1
    since = min(one.at for one in alarms)
    name = first.user.name if first.user else ""
    names = f"{name} and {others} {'other' if others == 1 else 'others'}"
    if first.kind == "webhook_paused":
        return replace(first, at=since, text=f"{len(alarms)} webhooks are paused. The last one: {first.text}")
    if first.kind == "address_refused":
        return replace(first, at=since, text=f"The mail server refuses the addresses of {names}.", user=None)
    handoffs = {one.handoff_id for one in alarms}
    if len(handoffs) == 1:
        return replace(first, at=since, text=first.text.replace(f"{name} has", f"{names} have", 1), user=None)
    people = len({one.user.id for one in alarms if one.user})
    told = f"{people} people have" if people > 1 else f"{name} has"
    text = f"{told} not been told of {len(handoffs)} waiting hand-offs: {first.text.rpartition('”: ')[2]}"
    return replace(first, at=since, text=text, handoff_id=None, user=None)


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
            paused = await repository.paused_connectors(tx, caller.account_id)
        items = [
            Alarm(
                kind="connector_paused",
                text=f"{SYSTEMS[one.system].name} gets no notes any more. {one.paused_reason}",
                at=one.since,
            )
            for one in paused
        ]
        items += [self._alarm(row) for row in rows]
        if not self._sends_mail:
            text = "No mail server is set up, so nobody is e-mailed: whoever has no client open is not told."
            items.append(Alarm(kind="no_mail_server", text=text, at=self._since))
        return AlarmList(items=items)

    async def banner(self, caller: Caller) -> list[Alarm]:
        """For the top of a page: one line per kind; nothing for whom it does not concern."""
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
