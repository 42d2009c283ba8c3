"""What is wrong with telling people, in the caller's own account, on the wire."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from backend.contract.people import Person

AlarmKind = Literal["not_told", "address_refused", "webhook_paused", "connector_paused", "no_mail_server"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """`text` is a sentence for administrators; `at` is since when. `user` is whom it is about, if anyone."""

    kind: AlarmKind
    text: str
    at: datetime
    handoff_id: str | None = None
    user: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmList:
    """Answer of `GET /account/alarms`, newest first; empty when all is well."""

    items: list[Alarm]
