"""Writing one note so that it is there once and nobody reads it who should not, whatever the PSA does meanwhile.

Before every try but the first the ticket is searched for the note's marker: the one before may have been saved although
its answer was an error, or none. After it the note is read back, and one that a rule of the PSA has shown to customers
is hidden, or taken away.
"""

import contextlib
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Literal

from backend.psa.port import AwayError, InternalNote, LeakingError, Note, Psa, RefusedError, RemoteNote, Visibility

Outcome = Literal["written", "found", "hidden", "removed", "still_public"]


@dataclass(frozen=True, slots=True)
class Written:
    """`found`: an earlier try had written it. `hidden`, `removed`, `still_public`: customers could read it."""

    note_id: str
    outcome: Outcome

    @property
    def leaked(self) -> bool:
        """Customers could read it for a moment at least."""
        return self.outcome in {"hidden", "removed", "still_public"}


async def write(psa: Psa, ticket: str, note: Note, *, again: bool, leaking: bool = False) -> Written:
    """Raises PsaError. After an AwayError call it `again`, after some time, with the very same note.

    After a LeakingError `leaking`, too.
    """
    earlier = await _only(psa, ticket, note.marker) if again else None
    if earlier is not None:
        return await _verified(psa, ticket, note, earlier, "found")
    if leaking:
        return Written("", "removed")
    note_id = await psa.add_note(ticket, note)
    there = None if again else await psa.read_note(ticket, note_id)
    if there is None:
        there = await _only(psa, ticket, note.marker)
    if there is None:
        raise AwayError("The note was taken, but it is not on the ticket yet.")
    return await _verified(psa, ticket, note, there, "written")


async def _only(psa: Psa, ticket: str, marker: str) -> RemoteNote | None:
    """The note that has the marker. A request that was slow on its way may have written another: that one goes."""
    found = sorted((one for one in await psa.notes(ticket) if marker in one.text), key=_age)
    for surplus in found[1:]:
        await _tried(psa.remove_note(ticket, surplus.id))
    return found[0] if found else None


def _age(one: RemoteNote) -> tuple[int, str]:
    return len(one.id), one.id


async def _verified(psa: Psa, ticket: str, note: Note, there: RemoteNote, outcome: Outcome) -> Written:
    if not isinstance(note, InternalNote) or there.visibility is Visibility.INTERNAL:
        return Written(there.id, outcome)
    try:
        await _tried(psa.hide_note(ticket, there.id))
        if not await _public(psa, ticket, there.id, note.marker):
            return Written(there.id, "hidden")
        await _tried(psa.remove_note(ticket, there.id))
        return Written(there.id, "still_public" if await _public(psa, ticket, there.id, note.marker) else "removed")
    except AwayError as error:
        raise LeakingError(error.text, wait_s=error.wait_s) from error


async def _tried(mend: Awaitable[None]) -> None:
    """The next look tells whether it helped; a refusal must not keep the other way from being tried."""
    with contextlib.suppress(RefusedError):
        await mend


async def _public(psa: Psa, ticket: str, note_id: str, marker: str) -> bool:
    """Whether customers can read its words now."""
    now = await psa.read_note(ticket, note_id)
    return now is not None and now.visibility is Visibility.PUBLIC and marker in now.text
