"""Dying at every point: which points an operation passes, and the story of one escalation with a death in it."""

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.support.history import Operation
from tests.support.people import Crew
from tests.support.processes import frozen_until_woken
from tests.support.recorded import Hand
from tests.support.server import Server
from tests.support.world import World, gone, until

Phase = Literal["escalate", "deliver", "claim"]


@dataclass(frozen=True, slots=True)
class Point:
    """A call that leaves the process in a phase; `label` is what it says, for the `n`-th time."""

    phase: Phase
    label: str
    n: int


def points_of(path: Path) -> list[Point]:
    """What the faulty server wrote down, each point once."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return list(dict.fromkeys(Point(line["phase"], line["label"], line["n"]) for line in lines))


class Sweep:
    """One account with one senior, a server that survives, and one death after the other."""

    def __init__(self, world: World, crew: Crew, survivor: Server) -> None:
        self.world, self.crew, self.survivor = world, crew, survivor
        self.lived: dict[tuple[Point, Literal["before", "after"]], str] = {}
        """Deaths that did not come, with what the server said: how often some points are passed is a matter of time."""
        self._junior = world.hand(crew, crew.technician, survivor)
        self._senior = world.hand(crew, crew.engineer, survivor)

    @classmethod
    async def begin(cls, world: World) -> "Sweep":
        """Start the survivor; all seniors but one are on leave, so that every story passes the same points.

        Mail goes out at once.
        """
        world.email_after_s = 0.0
        crew = await world.account()
        survivor = await world.server()
        await world.execute(
            "UPDATE app_user SET active = false WHERE id = any($1::uuid[])",
            [crew.owner.id, crew.admin.id, crew.second_engineer.id],
        )
        sweep = cls(world, crew, survivor)
        world.teams[crew.account_id] = [crew.engineer, crew.technician, crew.viewer]
        return sweep

    async def points(self) -> list[Point]:
        """Run the story without a death and answer what it passes."""
        path = self.world.folder / "points"
        os.kill(self.survivor.pid, signal.SIGSTOP)
        try:
            server = await self.world.server(plan={"points": str(path)})
            made = await self._escalate(server, "points")
            assert made.handoff is not None
            await self._mailed(made.handoff)
            assert (await self._at(self._senior, server).claim(made.handoff)).outcome == "ok"
            await self.world.quiet()
            await self._stop(server)
        finally:
            os.kill(self.survivor.pid, signal.SIGCONT)
        return points_of(path)

    async def die_at(self, point: Point, when: Literal["before", "after"]) -> None:
        """Escalate, deliver and claim with a death at this point; whatever was begun is taken up by the survivor."""
        world, key = self.world, f"{when} {point.phase} {point.label[:40]} {point.n}"
        again = (point, when) in self.lived
        key += " again" * again
        with world.history.disturbed("server.killed"), frozen_until_woken(self.survivor) as wake:
            plan = {"die": {"phase": point.phase, "label": point.label, "n": point.n, "when": when}}
            server = await world.server(plan=plan)
            made = await self._escalate(server, key)
            if again and made.handoff:  # more work behind one point passes it in the end
                await self._delivered(server, made.handoff)
                if server.alive:
                    made = await self._escalate(server, f"{key} more")
            if point.phase == "claim" and made.handoff:
                await self._mailed(made.handoff)
                claim = await self._at(self._senior, server).claim(made.handoff)
                assert claim.outcome == "info", f"{key}: the server should have died, it answered {claim.code}"
            try:
                if point.phase == "deliver" and made.handoff:
                    await self._delivered(server, made.handoff)
                await gone(server)
                self.lived.pop((point, when), None)
            except TimeoutError:
                self.lived[point, when] = f"{key}: still alive; escalation {made.outcome} {made.code}\n{server.logs}"
                await self._stop(server)
            wake()
            await world.expire_leases()
            handoff = await self._finish(key, made)
        assert handoff

    async def _delivered(self, server: Server, handoff: str) -> None:
        """A part of what is delivered comes after the claim: who was mailed is told, the claim is watched."""

        async def over() -> bool:
            return not server.alive or await self._told(handoff)

        await until(over, within=40)
        if server.alive:
            await self._at(self._senior, server).claim(handoff)  # it may die while it answers

    async def _finish(self, key: str, made: Operation) -> str:
        """What clients do afterwards: ask again with the same key, be told, claim."""
        self._at(self._junior, self.survivor)
        again = await self._junior.escalate(made.data["session"], key=made.key)
        if (
            again.outcome == "info"
        ):  # a connection of before the survivor was frozen may have run out: clients ask again
            again = await self._junior.escalate(made.data["session"], key=made.key)
        assert again.outcome == "ok", f"{key}: asked again with the same key: {again.code}"
        assert made.handoff in {None, again.handoff}, f"{key}: the same key made another handoff"
        assert again.handoff is not None
        await self._mailed(again.handoff)
        claim = await self._at(self._senior, self.survivor).claim(again.handoff)
        assert claim.code in {"claimed", "already_yours"}, f"{key}: {claim.code}"
        await self.world.quiet()
        return again.handoff

    async def _escalate(self, server: Server, key: str) -> Operation:
        session = await self._at(self._junior, self.survivor if server is self.survivor else server).session(key)
        assert session is not None
        made = await self._junior.escalate(session, key=key)
        made.data["session"] = session
        return made

    @staticmethod
    def _at(hand: Hand, server: Server) -> Hand:
        hand.at(server)
        return hand

    async def _mailed(self, handoff: str) -> None:
        """Wait until the one senior has the alert, or the claim that came through has called it off."""
        await until(lambda: self._told(handoff), within=40)

    async def _told(self, handoff: str) -> bool:
        rows = await self.world.rows(
            "SELECT state FROM delivery WHERE handoff_id = $1 AND channel = 'email' AND purpose = 'alert'", handoff
        )
        return bool(rows) and all(row["state"] in {"accepted", "cancelled"} for row in rows)

    async def _stop(self, server: Server) -> None:
        server.kill9()
