"""People at work, driven by chance with a seed: juniors who escalate, seniors who claim what they hear of."""

import asyncio
import random
from dataclasses import dataclass
from typing import Final

from tests.support.history import Operation
from tests.support.recorded import Ear, Hand

PRIORITIES: Final = ("low", "normal", "normal", "high", "urgent")
_ASK_AGAIN: Final = 40
_OPEN_AT_MOST: Final = 6


@dataclass(frozen=True, slots=True)
class Pace:
    """How long people think, in seconds: a junior between two escalations, a senior before a press."""

    junior_s: float = 0.4
    senior_s: float = 0.3


class Junior:
    """Opens sessions and escalates them; changes or withdraws now and then. `waiting` is what is out of their hands."""

    def __init__(self, hand: Hand, chance: random.Random, pace: Pace) -> None:
        self.hand = hand
        self.waiting: list[str] = []
        self._chance, self._pace = chance, pace

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; a request without an answer is asked again with its own key."""
        while not stop.is_set():
            await asyncio.sleep(self._chance.expovariate(1 / self._pace.junior_s))
            if len(self.waiting) < _OPEN_AT_MOST and self._chance.random() < 0.8:
                await self._escalate(stop)
            elif self.waiting:
                await self._think_again(self._chance.choice(self.waiting))

    async def _escalate(self, stop: asyncio.Event) -> None:
        session = await self.hand.session(f"Problem {self._chance.randrange(1000)}")
        if session is None:
            return
        priority = self._chance.choice(PRIORITIES)
        one = await self.hand.escalate(session, priority=priority)
        for _ in range(_ASK_AGAIN):
            if one.outcome == "ok" or (one.outcome == "fail" and one.code != "unreachable") or stop.is_set():
                break
            await asyncio.sleep(0.2)
            one = await self.hand.escalate(session, key=one.key, priority=priority)
        if one.handoff:
            self.waiting.append(one.handoff)

    async def _think_again(self, handoff: str) -> None:
        draw = self._chance.random()
        if draw < 0.4:
            done = await self.hand.patch(handoff, priority=self._chance.choice(PRIORITIES))
        elif draw < 0.7:
            done = await self.hand.act(handoff, "withdraw")
        else:
            done = await self.hand.queue()
            return
        if _settled(done) or done.kind == "withdraw":
            self.waiting.remove(handoff)


def _settled(done: Operation) -> bool:
    """Whether the answer says that it does not wait any more."""
    return done.outcome == "fail" and done.code in {"not_pending", "already_claimed"}


class Senior:
    """Claims what the desktop tells of, sometimes hands it back, mostly resolves it."""

    def __init__(self, hand: Hand, ear: Ear, chance: random.Random, pace: Pace, *, keenness: float = 0.6) -> None:
        self.hand, self.ear = hand, ear
        self._chance, self._pace, self._keenness = chance, pace, keenness

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop, on what was heard since the last look."""
        read = 0
        while not stop.is_set():
            await asyncio.sleep(self._chance.expovariate(1 / self._pace.senior_s))
            news, read = self.ear.events[read:], len(self.ear.events)
            waiting = [e.handoff for e in news if e.kind in {"handoff.created", "handoff.released"}]
            if self._chance.random() < 0.15:
                await self.hand.queue()
            for handoff in waiting:
                if self._chance.random() < self._keenness:
                    await self._take(handoff)

    async def _take(self, handoff: str) -> None:
        claim = await self.hand.claim(handoff)
        if claim.outcome == "info":
            claim = await self.hand.claim(handoff)
        if claim.outcome != "ok":
            return
        await asyncio.sleep(self._chance.expovariate(1 / self._pace.senior_s))
        draw = self._chance.random()
        if draw < 0.3:
            await self.hand.act(handoff, "release")
        elif draw < 0.8:
            await self.hand.act(handoff, "resolve")
