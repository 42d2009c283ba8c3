"""One claim, from the press to the truth.

The server decides; nothing is shown as claimed before it has said so. Without an answer in 5 s the user is told that it
is not known, and the state is read back until it is. While offline nothing is sent and nothing is kept for later.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.contract.handoffs import ClaimResult, Handoff
from backend.contract.people import Person
from backend.contract.vocabulary import HandoffStatus
from desktop.core.ports import Api, ApiError, RefusedError, SignedOutError, UnreachableError

ANSWER_WITHIN_S: Final = 5.0
READ_BACK_FIRST_S: Final = 1.0
READ_BACK_MAX_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Won:
    """It is ours. The addresses are null when the ticket could not be fetched."""

    handoff: Handoff
    open_url: str | None
    session_url: str | None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """Someone was first."""

    by: Person | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Own:
    """One's own escalation."""


@dataclass(frozen=True, slots=True)
class Offline:
    """Nothing was sent. `as_of` is the last moment at which it was known to wait."""

    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class Gone:
    """It does not wait any more and nobody holds it."""

    status: HandoffStatus | None
    by: Person | None
    note: str | None


@dataclass(frozen=True, slots=True)
class RoleGone:
    """The role does not include claiming any more."""


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The token is not valid any more."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The server said no for another reason, or the claim did not go through; it still waits."""

    text: str


Outcome = Won | Lost | Own | Offline | Gone | RoleGone | SignedOut | Failed

DID_NOT_GO_THROUGH: Final = "Your claim did not go through. It is still waiting."


class ClaimFlow:
    """Claims by way of `api`; one instance serves any number of claims at once."""

    def __init__(self, api: Api, *, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self._api = api
        self._answer_within_s = answer_within_s

    async def claim(self, handoff_id: str, my_id: str, on_unknown: Callable[[], None]) -> Outcome:
        """Claim and answer with what is true. `on_unknown` is called once if that takes longer than 5 s."""
        request = asyncio.ensure_future(self._api.claim(handoff_id))
        try:
            await asyncio.wait({request}, timeout=self._answer_within_s)
            if request.done() and not _maybe_sent(request):
                return await self._answer(handoff_id, request)
            on_unknown()
            return await self._find_out(handoff_id, my_id, request)
        finally:
            request.cancel()

    async def _answer(self, handoff_id: str, request: "asyncio.Future[ClaimResult]") -> Outcome:
        try:
            result = request.result()
        except UnreachableError:
            return Offline(as_of=None)
        except SignedOutError:
            return SignedOut()
        except RefusedError as refusal:
            return await self._refused(handoff_id, refusal)
        except ApiError as exc:
            return Failed(f"The server answered with an error: {exc}. Nothing was claimed.")
        return Won(result.handoff, result.open_url, result.session_url, again=result.outcome == "already_yours")

    async def _refused(self, handoff_id: str, refusal: RefusedError) -> Outcome:  # noqa: PLR0911 - one return for each case
        match refusal.code:
            case "already_claimed":
                return Lost(refusal.claimed_by, refusal.claimed_at)
            case "own_handoff":
                return Own()
            case "reserved":
                return Failed(f"{refusal.detail} Nothing was claimed.")
            case "role_required":
                return RoleGone()
            case "not_found":
                return Gone(None, None, None)
            case "not_pending":
                try:
                    return _gone(await self._api.handoff(handoff_id))
                except ApiError:
                    return Gone(None, None, None)
            case _:
                return Failed(f"The server answered with an error ({refusal.status}). Nothing was claimed.")

    async def _find_out(self, handoff_id: str, my_id: str, request: "asyncio.Future[ClaimResult]") -> Outcome:
        """Read back until the answer is certain; the request itself may still answer meanwhile."""
        pause = READ_BACK_FIRST_S
        while True:
            if request.done() and not _maybe_sent(request):
                return await self._answer(handoff_id, request)
            # Taken before reading: only a claim that had ended by then cannot land after the reading.
            over = request.done()
            truth = await self._read_back(handoff_id, my_id)
            if truth is not None and (over or not isinstance(truth, Failed)):
                return truth
            if request.done():
                await asyncio.sleep(pause)
            else:
                await asyncio.wait({request}, timeout=pause)
            pause = min(READ_BACK_MAX_S, pause * 2)

    async def _read_back(self, handoff_id: str, my_id: str) -> Outcome | None:
        """What the handoff itself says; null while the server does not answer."""
        try:
            handoff = await self._api.handoff(handoff_id)
        except SignedOutError:
            return SignedOut()
        except RefusedError as refusal:
            return await self._refused(handoff_id, refusal) if refusal.status < 500 else None
        except ApiError:
            return None
        return await self._true_result(handoff, my_id)

    async def _true_result(self, handoff: Handoff, my_id: str) -> Outcome:
        if handoff.status != "claimed":
            return _gone(handoff)
        if handoff.claimed_by is None or handoff.claimed_by.id != my_id:
            return Lost(handoff.claimed_by, handoff.claimed_at)
        try:
            result = await self._api.claim(handoff.id)
        except ApiError:
            return Won(handoff, None, None, again=True)
        return Won(result.handoff, result.open_url, result.session_url, again=True)


def _maybe_sent(request: "asyncio.Future[ClaimResult]") -> bool:
    """Whether the request broke off after the server may have got it."""
    exc = request.exception()
    return (isinstance(exc, UnreachableError) and exc.sent) or (isinstance(exc, RefusedError) and exc.status >= 500)


def _gone(handoff: Handoff) -> Outcome:
    if handoff.status == "claimed":
        return Lost(handoff.claimed_by, handoff.claimed_at)
    if handoff.status == "pending":
        return Failed(DID_NOT_GO_THROUGH)
    entry = next((e for e in reversed(handoff.timeline) if handoff.status in e.kind), None)
    return Gone(handoff.status, entry.actor if entry else None, entry.detail if entry else None)
