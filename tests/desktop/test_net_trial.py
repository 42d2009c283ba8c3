"""The test notification over real sockets: each hop is told as it was, and no hop is claimed that was not."""

import asyncio

import pytest

from desktop.core import trial
from desktop.core.controller import Controller
from desktop.core.views import ProbeStep
from tests.desktop.rig import app, serving


def followed(controller: Controller) -> list[tuple[ProbeStep, ...]]:
    told: list[tuple[ProbeStep, ...]] = []
    controller.trial.listener = lambda steps, running: None if running else told.append(steps)
    return told


async def test_it_goes_by_the_server_the_live_link_the_screen_and_back() -> None:
    async with serving() as server, app(server) as (seen, controller):
        await seen.until(lambda: seen.state() == "connected")
        told = followed(controller)
        controller.test_notification()
        await seen.until(lambda: "test" in seen.toasts)
        async with asyncio.timeout(30):
            while not told:  # noqa: ASYNC110 - the listener is a plain call
                await asyncio.sleep(0.01)
        [steps] = told
        assert [(step.name, step.state) for step in steps] == [(name, "good") for name in trial.NAMES]
        assert steps[2].words.startswith("On the screen, ")
        assert steps[3].words.startswith("The server has it: shown, ")
        assert seen.toasts["test"].title.startswith("Test: ")
        assert controller.trial.shown_at is not None


async def test_a_hop_that_fails_is_named_and_the_notification_is_shown_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trial, "HOP_S", 1.5)  # one hop waits for it; the others must not miss it on a busy machine
    async with serving() as server, app(server) as (seen, controller):
        await seen.until(lambda: seen.state() == "connected")
        told = followed(controller)
        server.faults.lose_tests = True
        await run(controller, told, 1)
        assert [step.state for step in told[0]] == ["good", "bad", "good", "left_out"]
        assert told[0][2].words.startswith("By this computer alone. On the screen")
        server.faults.test_status = 404
        await run(controller, told, 2)
        assert [step.state for step in told[1]] == ["bad", "left_out", "good", "left_out"]
        assert told[1][0].words.startswith("This server is too old to send one")
        server.faults.test_status, server.faults.lose_tests = None, False
        seen.toast_error = "the notification service is gone"
        await run(controller, told, 3)
        assert [step.state for step in told[2]] == ["good", "good", "bad", "good"]
        assert told[2][2].words.startswith("Not seen: the notification service is gone")
        assert told[2][3].words.startswith("The server has it, "), "the receipt says `failed`, and that came through"
        seen.toast_error = None
        controller.cover("do not disturb")
        await run(controller, told, 4)
        assert told[3][2].words.startswith("Not seen: the desktop holds notifications back")
        controller.cover(None)
        controller.do_not_disturb("on")
        await run(controller, told, 5)
        assert "An escalation would be held back now: do not disturb" in told[4][2].words


async def run(controller: Controller, told: list[tuple[ProbeStep, ...]], count: int) -> None:
    controller.test_notification()
    controller.test_notification()  # a second press is not a second test
    async with asyncio.timeout(30):
        while len(told) < count:  # noqa: ASYNC110 - the listener is a plain call
            await asyncio.sleep(0.01)
