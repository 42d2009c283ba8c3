"""The soak: many people at work on two servers and a worker, fault after fault, then healing and the verdict."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support.actors import Junior, Pace, Senior
from tests.support.breaking import Breaker
from tests.support.cluster import own_cluster
from tests.support.history import History, Violation
from tests.support.people import Crew
from tests.support.tcp_proxy import PgProxy, TcpProxy
from tests.support.world import World

ACCOUNTS: Final = ("Northwind MSP", "Fabrikam MSP", "Contoso MSP")
JUNIORS: Final = 3
SENIORS: Final = 4
CALM_S: Final = 45.0
"""At the end people work on undisturbed for this long: there the promise of 30 seconds counts."""
EMAIL_AFTER_S: Final = 5.0
PACE: Final = Pace(junior_s=1.5, senior_s=0.8)
Say = Callable[[str], None]


@dataclass(slots=True)
class Result:
    """What came of a soak."""

    seed: int
    seconds: float
    history: History
    violations: list[Violation]
    faults: Counter[str] = field(default_factory=Counter)


class Soak:
    """One run. `seed` decides who does what and what breaks; timing is the machine's."""

    def __init__(self, world: World, breaker: Breaker, seed: int, say: Say) -> None:
        self._world, self._breaker, self._say = world, breaker, say
        self._seed = seed
        self._chance = breaker.chance
        self._faults: Counter[str] = Counter()

    async def run(self, minutes: float) -> Result:
        """Work and break for this long, calm included; then stop, heal, wait and judge."""
        began = time.monotonic()
        stop = asyncio.Event()
        people = await self._people()
        async with asyncio.TaskGroup() as work:
            for person in people:
                work.create_task(person.run(stop))
            breaking_s = max(minutes * 60 - CALM_S, 10.0)
            await self._break_for(breaking_s)
            self._say(f"calm for {CALM_S:.0f} s")
            await self._calm()
            stop.set()
        await self._settle()
        found = await self._world.look()
        found += untold(self._world)
        return Result(self._seed, time.monotonic() - began, self._world.history, found, self._faults)

    async def _people(self) -> list[Junior | Senior]:
        people: list[Junior | Senior] = []
        for name in ACCOUNTS:
            crew = await self._world.account(name, juniors=JUNIORS - 1, seniors=SENIORS - 2)
            people += await self._team(crew)
        return people

    async def _team(self, crew: Crew) -> list[Junior | Senior]:
        """Owner and administrator have no desktop open: they are told by e-mail alone."""
        world = self._world
        people: list[Junior | Senior] = []
        for n, member in enumerate(world.teams[crew.account_id]):
            servers = world.servers if n % 2 else world.servers[::-1]
            hand = world.hand(crew, member, servers[0], servers[1:])
            chance = random.Random(self._chance.random())  # noqa: S311 - repeatable on purpose
            if member.role == "technician":
                people.append(Junior(hand, chance, PACE))
            elif member.role == "engineer":
                ear = await world.ear(crew, member, servers[0], answers=n % 3 != 0)
                people.append(Senior(hand, ear, chance, PACE, keenness=0.35))
        return people

    async def _break_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        faults = self._breaker.all()
        names: list[str] = []
        while time.monotonic() < until:
            await asyncio.sleep(self._chance.uniform(0.5, 3.0))
            if not names:  # every kind once, in another order each time
                names = self._chance.sample(sorted(faults), len(faults))
            name = names.pop()
            self._say(f"{until - time.monotonic():5.0f} s left, {len(self._world.history.operations)} done, {name}")
            await faults[name]()
            self._faults[name] += 1

    async def _calm(self) -> None:
        """Let end what faults left behind, then let people work undisturbed."""
        self._world.post.behave("ok")
        await self._world.expire_leases()
        await self._world.hurry("email")
        await self._world.caught_up(within=120)
        with self._world.history.undisturbed():
            await asyncio.sleep(CALM_S)

    async def _settle(self) -> None:
        for _ in range(3):
            await self._world.hurry("email")
            await self._world.quiet(within=120)


def untold(world: World) -> list[Violation]:
    """Seniors of waiting handoffs who were neither shown the last round nor mailed, after all was healed."""
    final = world.history.final
    if final is None:
        return []
    rounds: dict[str, int] = {}
    for row in final.planned:
        if row.purpose == "alert":
            rounds[row.handoff] = max(rounds.get(row.handoff, 0), row.rung)
    told = {
        (row.handoff, row.user)
        for row in final.planned
        if row.rung == rounds.get(row.handoff) and row.state in {"shown", "accepted"}
    }
    meant = {
        (row.handoff, row.user)
        for row in final.planned
        if row.rung == rounds.get(row.handoff) and row.purpose == "alert" and row.channel == "email"
    }
    waiting = {handoff for handoff, row in final.handoffs.items() if row["status"] == "pending"}
    return [
        Violation("untold", f"{handoff}: {user} was told by nobody")
        for handoff, user in meant - told
        if handoff in waiting
    ]


@contextlib.asynccontextmanager
async def soaking(folder: Path, seed: int, say: Say) -> AsyncIterator[Soak]:
    """A durable database, a mail server, two servers and a worker, with proxies on the ways that can break."""
    async with (
        own_cluster() as cluster,
        World(cluster.url, folder, email_after_s=EMAIL_AFTER_S) as world,
        PgProxy(cluster.url) as database,
        TcpProxy(("127.0.0.1", world.post.port)) as post,
    ):
        world.smtp_url = f"smtp://127.0.0.1:{post.port}"
        await world.server(url=database.url)
        await world.server(FLOWPILOT_WORKER="off")
        world.worker()
        chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        yield Soak(world, Breaker(world, cluster, database, post, chance), seed, say)


def figures(result: Result) -> dict[str, Any]:
    """The numbers of a run, ready for JSON."""
    history = result.history
    final = history.final
    by_kind = Counter(o.kind for o in history.operations)
    kept = Counter(mail.message_id for mail in history.mails if mail.kept)
    shown = {
        (e.handoff, e.data["user"]["id"], e.data.get("rung"))
        for heard in history.heard.values()
        for e in heard
        if e.kind == "handoff.delivery" and e.data["state"] == "shown"
    }
    return {
        "seed": result.seed,
        "seconds": round(result.seconds),
        "operations": sum(by_kind.values()),
        "operations_by_kind": dict(sorted(by_kind.items())),
        "without_an_answer": sum(o.outcome == "info" for o in history.operations),
        "escalations_acknowledged": sum(o.kind == "escalate" and o.code == "created" for o in history.operations),
        "handoffs": len(final.handoffs) if final else 0,
        "claims_won": sum(o.code == "claimed" for o in history.operations),
        "claims_refused": sum(o.kind == "claim" and o.outcome == "fail" for o in history.operations),
        "events_in_the_log": sum(len(log) for log in final.log.values()) if final else 0,
        "events_heard": sum(len(heard) for heard in history.heard.values()),
        "receipts_shown": len(shown),
        "mails_kept": sum(kept.values()),
        "mails_kept_again_after_a_fault": sum(count - 1 for count in kept.values()),
        "faults": sum(result.faults.values()),
        "faults_by_kind": dict(sorted(result.faults.items())),
        "losses": sum(v.rule in {"lost", "untold", "told", "stuck"} for v in result.violations),
        "duplicates": sum(v.rule in {"claim.second", "key", "mail.twice"} for v in result.violations),
        "violations": [f"{v.rule}: {v.text}" for v in result.violations],
    }
