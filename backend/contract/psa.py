"""PSA connectors on the wire: what an administrator sets up, notes on tickets and what became of each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from backend.contract.people import Person

PsaSystem = Literal["connectwise", "halo", "autotask"]
PsaNoteKind = Literal["escalated", "claimed", "resolved", "note"]
PsaNoteState = Literal["pending", "sending", "written", "leaked", "failed", "cancelled"]
PsaVisibility = Literal["internal", "public"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConnector:
    """Body of `POST /account/psa-connectors`. `fields` differ by system (docs/psa.md); secret ones are among them.

    Secrets are sealed and in no answer. `notes_on`: which events write a note; none does until it is named here.
    """

    system: PsaSystem
    fields: dict[str, str]
    notes_on: list[Literal["escalated", "claimed", "resolved"]] | None = None
    pull_tickets: bool = True
    public_notes: bool = False
    status_on_claim: str | None = None
    status_on_resolve: str | None = None
    assign_on_claim: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorPatch:
    """Body of `PATCH /account/psa-connectors/{id}`; what is left out stays.

    `fields` are merged: a secret that is left out or empty stays as it is. `active` true also ends a pause. An empty
    status takes it back.
    """

    fields: dict[str, str] | None = None
    notes_on: list[Literal["escalated", "claimed", "resolved"]] | None = None
    pull_tickets: bool | None = None
    public_notes: bool | None = None
    status_on_claim: str | None = None
    status_on_resolve: str | None = None
    assign_on_claim: bool | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """One connector. `fields` without secrets; `secrets` names those that are kept.

    `paused_reason` says why the server stopped writing and what mends it. `hook_url` is where the PSA tells of notes.
    """

    id: str
    system: PsaSystem
    name: str
    fields: dict[str, str]
    secrets: list[str]
    notes_on: list[Literal["escalated", "claimed", "resolved"]]
    pull_tickets: bool
    public_notes: bool
    status_on_claim: str | None
    status_on_resolve: str | None
    assign_on_claim: bool
    active: bool
    paused_reason: str | None
    waits_until: datetime | None
    checked_at: datetime | None
    check_ok: bool | None
    check_text: str | None
    dead_letters: int
    hook_url: str
    created_by: Person
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedConnector:
    """A new connector, or a new hook secret: `hook_secret` is what the PSA signs with, shown in this answer only."""

    connector: Connector
    hook_secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorList:
    """Answer of `GET /account/psa-connectors`; one per system at most."""

    items: list[Connector]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorCheck:
    """What a check found, in words; `remedy` says what mends it."""

    ok: bool
    text: str
    remedy: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPsaNote:
    """Body of `POST /ai-sessions/{id}/psa-notes`, up to 8,000 characters.

    Internal unless `visibility` is public, the connector allows public notes and `confirmed` says that the customer
    is meant to read this one.
    """

    text: str
    visibility: PsaVisibility = "internal"
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PsaNote:
    """One note. `leaked`: customers could read it for a moment or still can; `error` says which.

    `failed` notes are the dead letters: they wait for a person, who mends what `remedy` says and replays them.
    """

    id: str
    kind: PsaNoteKind
    state: PsaNoteState
    visibility: PsaVisibility
    ticket: str
    session_id: str
    handoff_id: str | None
    author: Person | None
    text: str
    attempts: int
    error: str | None
    remedy: str | None
    remote_id: str | None
    at: datetime
    next_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PsaNotePage:
    """A page of notes, newest first."""

    items: list[PsaNote]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How many dead letters are being written again."""

    notes: int
