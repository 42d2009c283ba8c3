"""Claiming over the real network parts: every outcome is shown, none is guessed."""

import asyncio
import re

from tests.desktop.rig import app, path, serving
from tests.support.fake_server import LEE


async def test_claim_on_the_toast_opens_the_session() -> None:
    async with serving() as server, app(server) as (seen, controller):
        handoff_id = server.escalate()
        await seen.until(lambda: handoff_id in seen.toasts)
        controller.toast_pressed(handoff_id, "claim")
        await seen.until(lambda: seen.opened)
        assert path(seen.opened[0]) == "/go"
        assert seen.opened[0].partition("#")[2].startswith("t=secret")
        assert seen.toasts[handoff_id].variant == "claimed"
        assert seen.toasts[handoff_id].body == "Opening the session in your browser. Mina has been told."
        assert seen.marked("claim") == [{"handoff": handoff_id, "outcome": "claimed", "origin": "toast"}]
        assert all("secret" not in str(mark) for mark in seen.marks)
        await seen.until(lambda: [row.outcome for row in seen.queue.rows] == ["Claimed by you"])
        assert handoff_id in seen.toasts


async def test_lost_names_the_winner_and_offers_to_look() -> None:
    async with serving() as server, app(server) as (seen, controller):
        handoff_id = server.escalate()
        await seen.until(lambda: handoff_id in seen.toasts)
        server.faults.claims = asyncio.Event()
        controller.toast_pressed(handoff_id, "claim")
        server.claim(handoff_id, LEE)
        server.faults.claims.set()
        await seen.until(lambda: handoff_id in seen.toasts and seen.toasts[handoff_id].variant == "lost")
        assert re.fullmatch(r"Already claimed by Lee Park \d+ s ago\.", seen.toasts[handoff_id].body)
        assert seen.toasts[handoff_id].buttons == (("view", "View hand-off"), ("dismiss", "Dismiss"))
        assert seen.opened == []


async def test_a_press_that_came_too_late_names_the_winner_all_the_same() -> None:
    async with serving() as server, app(server) as (seen, controller):
        handoff_id = server.escalate()
        await seen.until(lambda: handoff_id in seen.toasts)
        server.claim(handoff_id, LEE)
        await seen.until(lambda: not seen.toasts)
        controller.toast_pressed(handoff_id, "claim")
        await seen.until(lambda: handoff_id in seen.toasts and seen.toasts[handoff_id].variant == "lost")
        assert seen.toasts[handoff_id].body.startswith("Already claimed by Lee Park")


async def test_a_second_press_while_claiming_sends_nothing() -> None:
    async with serving() as server, app(server) as (seen, controller):
        handoff_id = server.escalate()
        await seen.until(lambda: handoff_id in seen.toasts)
        server.faults.claims = asyncio.Event()
        for _ in range(3):
            controller.toast_pressed(handoff_id, "claim")
        controller.claim(handoff_id, "window")
        await seen.until(lambda: controller.claiming)  # an upgrade waits for it
        server.faults.claims.set()
        await seen.until(lambda: seen.opened)
        assert not controller.claiming
        assert server.requests.count(f"POST /handoffs/{handoff_id}/claim") == 1


async def test_nothing_is_claimed_before_the_server_has_said_so() -> None:
    async with serving() as server, app(server) as (seen, controller):
        handoff_id = server.escalate()
        await seen.until(lambda: seen.rows() == [handoff_id])
        controller.select(handoff_id)
        server.faults.claims = asyncio.Event()
        controller.claim(handoff_id)
        await seen.until(lambda: seen.detail is not None and seen.detail.primary == "claiming")
        assert seen.queue.rows[0].outcome is None
        server.faults.claims.set()
        await seen.until(lambda: seen.detail is not None and seen.detail.primary == "open")
        assert seen.detail is not None
        assert seen.detail.banner is not None
        assert seen.detail.banner.title == "Claimed, opening session"
        assert seen.detail.banner.text.endswith("Mina has been told. The session opens in your browser.")
        assert seen.detail.can_hand_back


async def test_offline_sends_nothing_and_keeps_nothing_for_later() -> None:
    async with serving() as server, app(server) as (seen, controller):
        handoff_id = server.escalate()
        await seen.until(lambda: handoff_id in seen.toasts)
        await server.stop()
        await seen.until(lambda: seen.state() == "reconnecting")
        controller.toast_pressed(handoff_id, "claim")
        await seen.until(lambda: seen.toasts[handoff_id].variant == "offline")
        assert seen.toasts[handoff_id].body.startswith("Not claimed: you are offline. It was still waiting at ")
        assert seen.toasts[handoff_id].buttons == (("retry", "Try again"), ("view", "View"))
        await server.start()
        controller.retry()
        await seen.until(lambda: len(seen.marked("live")) == 2)
        assert f"POST /handoffs/{handoff_id}/claim" not in server.requests
        controller.toast_pressed(handoff_id, "retry")
        await seen.until(lambda: seen.opened)


async def test_no_answer_in_5_s_says_so_and_then_shows_what_is_true() -> None:
    async with serving() as server, app(server) as (seen, controller):
        handoff_id = server.escalate()
        await seen.until(lambda: handoff_id in seen.toasts)
        server.faults.swallow_claim_answer = True
        controller.toast_pressed(handoff_id, "claim")
        await seen.until(lambda: seen.toasts[handoff_id].variant == "unknown")
        assert seen.toasts[handoff_id].body == "No answer yet. Checking whether your claim went through."
        await seen.until(lambda: seen.opened)
        assert [mark["outcome"] for mark in seen.marked("claim")] == ["unknown", "already_yours"]
        assert seen.toasts[handoff_id].variant == "claimed"


async def test_withdrawn_while_pressing_says_by_whom() -> None:
    async with serving() as server, app(server) as (seen, controller):
        handoff_id = server.escalate()
        await seen.until(lambda: handoff_id in seen.toasts)
        server.faults.claims = asyncio.Event()
        controller.toast_pressed(handoff_id, "claim")
        server.withdraw(handoff_id, "Found it.")
        server.faults.claims.set()
        await seen.until(lambda: handoff_id in seen.toasts and seen.toasts[handoff_id].variant == "lost")
        assert seen.toasts[handoff_id].body == "Withdrawn by Mina Okafor: “Found it.”"


async def test_a_role_below_is_told_to_ask_the_administrator() -> None:
    async with serving() as server, app(server) as (seen, controller):
        handoff_id = server.escalate()
        await seen.until(lambda: handoff_id in seen.toasts)
        server.users["dana"] = {**server.users["dana"], "role": "technician"}
        controller.toast_pressed(handoff_id, "claim")
        await seen.until(lambda: seen.state() == "role_changed")


async def test_hand_back_returns_it_and_open_session_gets_a_new_ticket() -> None:
    async with serving() as server, app(server) as (seen, controller):
        handoff_id = server.escalate()
        await seen.until(lambda: seen.rows() == [handoff_id])
        controller.select(handoff_id)
        controller.claim(handoff_id)
        await seen.until(lambda: len(seen.opened) == 1)
        controller.open_session(handoff_id)
        await seen.until(lambda: len(seen.opened) == 2)
        assert seen.opened[0] != seen.opened[1]
        controller.hand_back(handoff_id, "Needs a site visit")
        await seen.until(lambda: seen.detail is not None and seen.detail.primary == "claim")
        assert server.handoffs[handoff_id]["status"] == "pending"


async def test_the_copied_link_is_the_plain_page() -> None:
    async with serving() as server, app(server) as (seen, controller):
        handoff_id = server.escalate()
        await seen.until(lambda: seen.rows() == [handoff_id])
        controller.copy_link(handoff_id)
        controller.view(handoff_id)
        await seen.until(lambda: seen.opened)
        session_id = server.handoffs[handoff_id]["session_id"]
        assert seen.copied == seen.opened == [f"{server.url}/pilot/{session_id}"]
        assert server.handoffs[handoff_id]["status"] == "pending"


async def test_a_browser_that_does_not_open_leaves_the_link() -> None:
    async with serving() as server, app(server) as (seen, controller):
        handoff_id = server.escalate()
        await seen.until(lambda: seen.rows() == [handoff_id])
        seen.browser_works = False
        controller.select(handoff_id)
        controller.claim(handoff_id)
        await seen.until(
            lambda: (
                seen.detail is not None and seen.detail.banner is not None and "No browser" in seen.detail.banner.text
            )
        )
