"""A claim ends in the truth, whatever becomes of the request."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from backend.contract.events import TrialAlert
from backend.contract.handoffs import ClaimResult, Handoff, QueuePage, TimelineEntry
from backend.contract.people import Me
from desktop.core.claim import ClaimFlow, Failed, Gone, Lost, Offline, Outcome, Own, RoleGone, SignedOut, Won
from desktop.core.ports import RefusedError, SignedOutError, UnreachableError
from tests.unit.desktop.samples import DANA, LEE, MINA, T0, claimed, handoff, person, row

Claim = Callable[[], Awaitable[ClaimResult]]
Read = Callable[[], Awaitable[Handoff]]


class FakeApi:
    """Answers claims and reads from a script, in order; the last answer stays."""

    def __init__(self, claims: list[Claim], reads: list[Read]) -> None:
        self._claims = claims
        self._reads = reads
        self.calls: list[str] = []

    async def claim(self, handoff_id: str) -> ClaimResult:
        self.calls.append(f"claim {handoff_id}")
        return await (self._claims.pop(0) if len(self._claims) > 1 else self._claims[0])()

    async def handoff(self, handoff_id: str) -> Handoff:
        self.calls.append(f"read {handoff_id}")
        return await (self._reads.pop(0) if len(self._reads) > 1 else self._reads[0])()

    async def me(self) -> Me:
        raise NotImplementedError

    async def queue(self) -> QueuePage:
        raise NotImplementedError

    async def release(self, handoff_id: str, note: str) -> Handoff:
        raise NotImplementedError

    async def test_notification(self) -> TrialAlert:
        raise NotImplementedError


def answer(result: ClaimResult) -> Claim:
    async def give() -> ClaimResult:
        return result

    return give


def fail(error: Exception) -> Claim:
    async def give() -> ClaimResult:
        raise error

    return give


def read(found: Handoff) -> Read:
    async def give() -> Handoff:
        return found

    return give


def unread(error: Exception) -> Read:
    async def give() -> Handoff:
        raise error

    return give


async def hang() -> ClaimResult:
    await asyncio.Event().wait()
    raise AssertionError


async def outcome(claims: list[Claim], reads: list[Read] | None = None) -> tuple[Outcome, list[str], int]:
    api = FakeApi(claims, reads or [unread(AssertionError("nothing should be read back"))])
    unknown: list[int] = []
    flow = ClaimFlow(api, answer_within_s=0.02)
    found = await flow.claim("h1", DANA.id, lambda: unknown.append(1))
    return found, api.calls, len(unknown)


async def test_won() -> None:
    found, calls, unknown = await outcome([answer(claimed(row()))])
    assert isinstance(found, Won)
    assert (found.open_url, found.again, unknown) == ("https://flow.test/go#t=secret", False, 0)
    assert calls == ["claim h1"]


async def test_already_mine_is_won_too() -> None:
    found, _, _ = await outcome([answer(claimed(row(), outcome="already_yours"))])
    assert isinstance(found, Won)
    assert found.again


async def test_lost_names_who_and_when() -> None:
    extra = {"claimed_by": person(LEE), "claimed_at": T0.isoformat()}
    found, _, _ = await outcome([fail(RefusedError(409, "already_claimed", "Already claimed by Lee Park", extra))])
    assert found == Lost(LEE, T0)


async def test_refusals_that_need_no_reading() -> None:
    assert (await outcome([fail(RefusedError(409, "own_handoff", ""))]))[0] == Own()
    reserved = RefusedError(409, "reserved", "Only Dana Reyes can claim this for another 3 min.")
    assert (await outcome([fail(reserved)]))[0] == Failed(
        "Only Dana Reyes can claim this for another 3 min. Nothing was claimed."
    )
    assert (await outcome([fail(RefusedError(403, "role_required", ""))]))[0] == RoleGone()
    assert (await outcome([fail(RefusedError(404, "not_found", ""))]))[0] == Gone(None, None, None)
    assert (await outcome([fail(SignedOutError())]))[0] == SignedOut()


async def test_withdrawn_meanwhile_says_by_whom() -> None:
    gone = handoff(row(status="withdrawn"))
    gone.timeline.append(TimelineEntry(at=T0 + timedelta(minutes=1), kind="withdrawn", actor=MINA, detail="Found it."))
    found, _, _ = await outcome([fail(RefusedError(409, "not_pending", ""))], [read(gone)])
    assert found == Gone("withdrawn", MINA, "Found it.")


async def test_a_connection_that_never_came_about_is_offline_and_sends_nothing_more() -> None:
    found, calls, unknown = await outcome([fail(UnreachableError("refused", sent=False))])
    assert found == Offline(None)
    assert (calls, unknown) == (["claim h1"], 0)


async def test_no_answer_but_the_claim_went_through() -> None:
    mine = handoff(row(status="claimed", holder=DANA, claimed_at=T0), claim_epoch=1)
    claims: list[Claim] = [hang, answer(claimed(row(), outcome="already_yours"))]
    found, calls, unknown = await outcome(claims, [read(mine)])
    assert isinstance(found, Won)
    assert found.open_url == "https://flow.test/go#t=secret"
    assert (calls, unknown) == (["claim h1", "read h1", "claim h1"], 1)


async def test_no_answer_and_someone_else_has_it() -> None:
    theirs = handoff(row(status="claimed", holder=LEE, claimed_at=T0))
    found, _, unknown = await outcome([hang], [read(theirs)])
    assert (found, unknown) == (Lost(LEE, T0), 1)


async def test_an_answer_that_broke_off_is_read_back_at_once() -> None:
    theirs = handoff(row(status="claimed", holder=LEE, claimed_at=T0))
    found, _, unknown = await outcome([fail(UnreachableError("reset", sent=True))], [read(theirs)])
    assert (found, unknown) == (Lost(LEE, T0), 1)


async def test_a_claim_that_did_not_go_through_is_not_called_claimed() -> None:
    found, calls, _ = await outcome([fail(UnreachableError("reset", sent=True))], [read(handoff(row()))])
    assert found == Failed("Your claim did not go through. It is still waiting.")
    assert calls == ["claim h1", "read h1"]


async def test_a_late_answer_counts() -> None:
    async def late() -> ClaimResult:
        await asyncio.sleep(0.1)
        return claimed(row())

    found, _, unknown = await outcome([late], [read(handoff(row()))])
    assert isinstance(found, Won)
    assert unknown == 1


async def test_a_server_error_says_that_nothing_was_claimed_only_after_reading_back() -> None:
    found, calls, _ = await outcome([fail(RefusedError(503, "database_unavailable", ""))], [read(handoff(row()))])
    assert isinstance(found, Failed)
    assert calls == ["claim h1", "read h1"]
