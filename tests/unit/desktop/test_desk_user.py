"""What the user does at the desk: claims in all their outcomes, looking, handing back, links."""

import asyncio
from typing import Any

import pytest

from desktop.core import claim
from desktop.core.ports import (
    NotAServerError,
    RefusedError,
)
from tests.support.fake_server import DANA, LEE, MINA
from tests.unit.desktop.memory_desk import claims, desk, selected
from tests.unit.desktop.test_last_known import KEPT


@pytest.mark.parametrize("origin", ["toast", "window", "menu"])
async def test_a_claim_that_wins_opens_the_session_and_can_be_handed_back(origin: Any) -> None:
    async with desk() as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: made in one.seen.toasts)
        await selected(one, made)
        if origin == "toast":
            one.controller.toast_pressed(made, "claim")
            one.controller.toast_pressed(made, "claim")
        else:
            one.controller.claim(made, origin)
        await one.seen.until(lambda: one.seen.opened)
        assert claims(one) == ["claimed"]
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.can_hand_back)
        one.controller.open_session(made)
        await one.seen.until(lambda: len(one.seen.opened) == 2)
        one.controller.copy_link(made)
        assert one.seen.copied == [f"{one.server.url}/pilot/s-1"]
        one.wire.away = True
        one.controller.open_session(made)
        one.controller.hand_back(made, "Not mine")
        await one.seen.until(lambda: len(one.seen.opened) == 3)
        await one.seen.until(
            lambda: (
                one.seen.detail is not None
                and one.seen.detail.banner is not None
                and one.seen.detail.banner.kind == "error"
            )
        )
        one.wire.away = False
        one.controller.hand_back(made, "Not mine")
        await one.until(lambda: one.server.handoffs[made]["status"] == "pending")


async def test_no_browser_and_a_handing_back_of_what_is_not_ours() -> None:
    async with desk() as one:
        await one.live()
        one.seen.browser_works = False
        made = one.server.escalate()
        await one.seen.until(lambda: made in one.seen.toasts)
        await selected(one, made)
        one.controller.claim(made)
        await one.seen.until(lambda: claims(one) == ["claimed"])
        await one.seen.until(
            lambda: (
                one.seen.detail is not None
                and one.seen.detail.banner is not None
                and "No browser opened" in one.seen.detail.banner.text
            )
        )
        other = one.server.escalate()
        await one.seen.until(lambda: other in one.seen.rows())
        await selected(one, other)
        one.wire.error = RefusedError(409, "claim_lost", "no")
        one.controller.hand_back(other, "why")
        await one.seen.until(
            lambda: (
                one.seen.detail is not None
                and one.seen.detail.banner is not None
                and one.seen.detail.banner.kind == "error"
            )
        )


@pytest.mark.parametrize("origin", ["toast", "window"])
async def test_claims_that_are_lost_gone_or_not_for_us(origin: Any) -> None:
    async with desk() as one:
        await one.live()
        ids = [one.server.escalate(f"Number {n}") for n in range(3)]
        own = one.server.escalate("Mine", handed_off_by=DANA)
        await one.seen.until(lambda: set(one.seen.rows()) == {*ids, own})
        for made in ids:
            await selected(one, made)
        lost, withdrawn, resolved = ids
        one.server.handoffs[lost].update(status="claimed", claimed_by=LEE, claimed_at=KEPT.as_of.isoformat())
        one.server.handoffs[withdrawn].update(status="withdrawn")
        one.server.handoffs[resolved].update(status="resolved")
        one.server.handoffs[withdrawn]["timeline"].append(
            {"at": KEPT.as_of.isoformat(), "kind": "withdrawn", "actor": MINA, "detail": "Found it."}
        )
        for made in (lost, withdrawn, resolved, own):
            one.controller.claim(made, origin)
        await one.seen.until(lambda: len(claims(one)) == 4)
        assert sorted(map(str, claims(one))) == ["gone", "gone", "lost", "own"]
        if origin == "toast":
            await one.seen.until(lambda: one.seen.toasts[lost].variant == "lost")


async def test_claimed_withdrawn_or_resolved_elsewhere_under_the_users_eyes() -> None:
    async with desk() as one:
        await one.live()
        ids = [one.server.escalate(f"Number {n}") for n in range(3)]
        await one.seen.until(lambda: len(one.seen.rows()) == 3)
        for made, what in zip(ids, ("claim", "withdraw", "resolve"), strict=True):
            await selected(one, made)
            if what == "claim":
                one.server.claim(made, LEE)
            elif what == "withdraw":
                one.server.withdraw(made, "Found it.")
            else:
                one.server.handoffs[made].update(status="resolved")
                one.server.append("handoff.resolved", made, actor=LEE)
            await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.banner is not None)
        assert one.seen.detail is not None
        assert one.seen.detail.primary == "next"
        back = ids[0]
        one.server.release(back, LEE)
        await one.seen.until(lambda: back in one.seen.rows())


async def test_while_offline_nothing_is_claimed_and_nothing_is_kept_for_later() -> None:
    async with desk() as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: made in one.seen.toasts)
        one.wire.away = True
        await one.wire.cut()
        await one.seen.until(lambda: one.seen.state() == "reconnecting")
        one.controller.toast_pressed(made, "claim")
        await one.seen.until(lambda: claims(one) == ["offline"])
        assert one.seen.toasts[made].variant == "offline"
        one.controller._connection._down_at -= 60
        one.controller.toast_pressed(made, "retry")
        await one.seen.until(lambda: claims(one) == ["offline", "offline"])
        one.wire.away = False
        one.controller.retry()
        await one.live(2)
        assert one.server.handoffs[made]["status"] == "pending"


async def test_no_answer_is_said_as_no_answer_until_the_truth_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "ANSWER_WITHIN_S", 0.05)
    async with desk() as one:
        one.controller._claims._flow._answer_within_s = 0.02
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: made in one.seen.toasts)
        gate = asyncio.Event()
        real = one.wire.claim

        async def slow(handoff_id: str) -> Any:
            await gate.wait()
            return await real(handoff_id)

        one.wire.claim = slow  # type: ignore[method-assign] # the answer takes its time
        await selected(one, made)
        one.controller.claim(made, "toast")
        await one.seen.until(lambda: one.seen.toasts[made].variant == "unknown")
        await one.seen.until(
            lambda: (
                one.seen.detail is not None
                and one.seen.detail.banner is not None
                and one.seen.detail.banner.kind == "unknown"
            )
        )
        gate.set()
        await one.seen.until(lambda: one.seen.opened)
        assert claims(one) == ["unknown", "claimed"]


async def test_the_window_and_the_toasts_are_for_looking_too() -> None:
    async with desk() as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: made in one.seen.toasts)
        one.controller.toast_pressed(made, "view")
        assert one.seen.raised == 1
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.handoff is not None)
        one.controller.toast_pressed(made, "open_session")
        await one.seen.until(lambda: one.seen.opened == [f"{one.server.url}/pilot/s-1"])
        one.controller.toast_pressed("digest", "open_queue")
        one.controller.toast_pressed("digest", "dismiss")
        assert one.seen.raised == 2
        one.controller.toast_closed(made)
        one.controller.toast_came_up(made)
        one.controller.toast_failed(made, "no room")
        for nothing in (one.controller.select, one.controller.view, one.controller.open_session):
            nothing("h-99")
        one.controller.copy_link("h-99")
        one.controller.claim("h-99")
        assert one.seen.raised == 3
        one.controller.retry_detail("h-99")
        one.wire.error = RefusedError(502, "internal_error", "no")
        one.controller.retry_detail(made)
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.error is not None)
        one.wire.error = NotAServerError("a router")
        one.controller.retry_detail(made)
        await one.seen.until(lambda: one.seen.detail is not None and "as it should" in str(one.seen.detail.error))
        one.wire.error = None
        one.server.realert(made)
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.error is None)


async def test_what_does_not_load_without_a_server_loads_when_it_is_back() -> None:
    async with desk() as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: one.seen.rows() == [made])
        one.wire.away = True
        one.controller.select(made)
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.error is not None)
        one.wire.away = False
        one.controller.woke_up()
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.handoff is not None)


async def test_a_link_shows_what_waits_what_does_not_and_says_what_is_not_there() -> None:
    async with desk() as one:
        made = one.server.escalate()
        one.controller.open_link(made)
        await one.live()
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.row.id == made)
        old = one.server.escalate("Long done")
        one.server.handoffs[old].update(status="resolved")
        one.server.log.clear()
        one.controller.open_link(old)
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.row.id == old)
        assert one.seen.detail is not None
        assert one.seen.detail.primary == "none"
        one.controller.open_link("h-99")
        await one.seen.until(lambda: "notice" in one.seen.toasts)
        assert one.seen.toasts["notice"].body == "It is not in your account, or not kept any more."
        one.wire.away = True
        one.controller.open_link("h-98")
        await one.seen.until(lambda: one.seen.toasts["notice"].body == "The server did not answer.")
