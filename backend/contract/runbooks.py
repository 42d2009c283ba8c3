"""Runbooks on the wire: what the account's own people wrote down to do, as Markdown."""

from dataclasses import dataclass
from datetime import datetime

from backend.contract.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRunbook:
    """Body of `POST /account/runbooks` and of `PUT /account/runbooks/{id}`.

    Title up to 200 characters, body up to 64 KiB of Markdown, up to 12 tags of up to 40 characters. The items of the
    body's numbered or bulleted lists are the steps that guided mode goes through.
    """

    title: str
    body: str
    tags: list[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Runbook:
    """One runbook. `steps` are read from the lists of `body`."""

    id: str
    title: str
    body: str
    tags: list[str]
    steps: list[str]
    created_at: datetime
    updated_at: datetime
    updated_by: Person | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookList:
    """The account's runbooks by title, or by how well they match `search`; 500 at most."""

    items: list[Runbook]
