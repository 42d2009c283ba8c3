"""Due work: taken in turns, by one worker at a time, and fenced against whoever held it before."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from backend.db.engine import RUNTIME, Database
from backend.jobs import repository
from backend.jobs.job import Job, LeaseLostError
from backend.webhooks.courier import Courier, Receiver
from backend.webhooks.handler import WebhookHandler
from backend.webhooks.notice import Notice
from backend.webhooks.sender import Answer, Sender
from tests.conftest import Http
from tests.support.flow import Owner, escalated
from tests.support.people import Crew

People = Callable[..., Awaitable[Crew]]
KIND = "probe"
BACKLOG = 1_000
FUTURE = 20_000
AT_ONCE = 4
LEASE_S = 60.0
PLAN = (
    "insert into job (account_id, kind, key, due_at)"
    " select $1, $2, $3 || n, clock_timestamp() + make_interval(secs => $4 + n * 0.001) from generate_series(1, $5) n"
)


@pytest.fixture
def owner(database_url: str) -> Owner:
    return Owner(database_url)


async def plan(owner: Owner, crew: Crew, name: str, *, in_s: float, number: int = 1) -> None:
    """Work of an account, the first piece due in `in_s` seconds (negative: overdue)."""
    await owner.fetch(PLAN, crew.account_id, KIND, name, float(in_s), number)


async def take(database: Database, limit: int = 8, lease_s: float = LEASE_S) -> list[Job]:
    return await repository.take(database, [KIND], limit, lease_s)


async def run_out(owner: Owner, job: Job) -> None:
    """The worker that holds it has been frozen for longer than its lease."""
    await owner.fetch("update job set lease_until = now() - interval '1 s' where id = $1", job.id)


async def test_one_accounts_backlog_does_not_stand_before_anothers_first(
    people: People, database: Database, owner: Owner
) -> None:
    """A shop whose mail server was away all night must not make another shop's escalation wait."""
    busy, calm = await people("Busy MSP"), await people("Calm MSP")
    await plan(owner, busy, "old", in_s=-3600, number=BACKLOG)
    await plan(owner, calm, "new", in_s=-1)
    first = await take(database, 2)
    assert {str(job.account_id) for job in first} == {busy.account_id, calm.account_id}
    assert {str(job.account_id) for job in await take(database, 8)} == {busy.account_id}, "and nobody's place is wasted"


async def test_each_account_gets_its_turn_in_a_long_backlog(people: People, database: Database, owner: Owner) -> None:
    crews = [await people(f"MSP {letter}") for letter in "ABC"]
    for crew in crews:
        await plan(owner, crew, "old", in_s=-3600, number=300)
    taken = await take(database, 9)
    counts = [sum(str(job.account_id) == crew.account_id for job in taken) for crew in crews]
    assert counts == [3, 3, 3]
    for crew in crews:
        mine = sorted(job.due_at for job in taken if str(job.account_id) == crew.account_id)
        earliest = await owner.fetch(
            "select due_at from job where account_id = $1 order by due_at limit 3", crew.account_id
        )
        assert mine == [row["due_at"] for row in earliest], "oldest first"


@pytest.mark.parametrize("number", [20, BACKLOG])
async def test_a_place_that_gets_free_goes_to_whoever_holds_fewest(
    people: People, database: Database, owner: Owner, number: int
) -> None:
    """Else an account whose old notices all hang has the one place that is free, again and again."""
    busy, calm = await people("Busy MSP"), await people("Calm MSP")
    await plan(owner, busy, "old", in_s=-3600, number=number)
    await plan(owner, calm, "new", in_s=-1)
    theirs, ours = UUID(busy.account_id), UUID(calm.account_id)
    (one,) = await repository.take(database, [KIND], 1, LEASE_S, held=[theirs] * 7, each=8)
    assert one.account_id == ours
    assert await repository.take(database, [KIND], 1, LEASE_S, held=[theirs] * 6, each=6) == [], (
        "it has all it may have"
    )
    rest = await repository.take(database, [KIND], 8, LEASE_S, held=[theirs] * 4 + [ours], each=6)
    assert [job.account_id for job in rest] == [theirs] * 2


async def test_a_server_of_the_version_before_still_finds_its_work(
    people: People, database: Database, owner: Owner
) -> None:
    """It runs beside the new one until it is replaced, and asks in its own way."""
    await plan(owner, await people(), "due", in_s=-10, number=3)
    assert len(await database.call_many("select * from take_jobs($1, $2, $3)", [KIND], 2, LEASE_S)) == 2


async def test_a_look_for_work_that_is_not_due_yet_costs_one_look_into_an_index(
    people: People, owner: Owner, database_url: str
) -> None:
    """Every worker looks every second in every lane: reading all that is planned would keep the database busy."""
    crew = await people()
    await plan(owner, crew, "later", in_s=3600, number=FUTURE)
    await owner.fetch("analyze job")
    connection = await asyncpg.connect(database_url, server_settings=RUNTIME)
    try:
        async with connection.transaction():
            before = await reads(connection)
            assert await connection.fetch("select * from take_jobs($1, 8, 60, '{}', 6)", [KIND]) == []
            after = await reads(connection)
    finally:
        await connection.close()
    assert after["seq_scan"] == before["seq_scan"], "the whole table was read"
    assert after["idx_scan"] > before["idx_scan"]
    assert after["idx_tup_fetch"] - before["idx_tup_fetch"] < 10


async def reads(connection: "asyncpg.Connection[asyncpg.Record]") -> asyncpg.Record:
    """How this transaction has read the table so far, by the database's own count."""
    row = await connection.fetchrow("select * from pg_stat_xact_user_tables where relname = 'job'")
    assert row is not None
    return row


async def test_what_a_dead_worker_held_is_taken_over(people: People, database: Database, owner: Owner) -> None:
    await plan(owner, await people(), "one", in_s=-1)
    (first,) = await take(database)
    assert (first.lease_no, first.attempts) == (1, 1)
    assert await take(database) == [], "it is held"
    await run_out(owner, first)
    (second,) = await take(database)
    assert (second.id, second.lease_no, second.attempts) == (first.id, 2, 2)
    assert await take(database) == []


async def test_workers_at_once_never_get_the_same_work(people: People, database: Database, owner: Owner) -> None:
    """Else an on-call senior is e-mailed twice, or two policy steps run for one."""
    crews = [await people(f"MSP {letter}") for letter in "AB"]
    for crew in crews:
        await plan(owner, crew, "due", in_s=-10, number=150)
    begin = asyncio.Barrier(AT_ONCE)

    async def work() -> list[UUID]:
        mine: list[UUID] = []
        await begin.wait()
        while len(mine) < 300:
            taken = await take(database, 5)
            if not taken and not await owner.value("select count(*) from job where lease_no = 0"):
                break
            mine += [job.id for job in taken]
        return mine

    async with asyncio.timeout(60):
        found = await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    everything = [one for mine in found for one in mine]
    assert len(everything) == len(set(everything)) == 300
    assert sum(bool(mine) for mine in found) > 1, "they did work at once"
    assert await owner.value("select max(lease_no) from job") == 1


async def test_a_worker_that_is_still_taking_keeps_nobody_waiting(
    people: People, database: Database, owner: Owner, database_url: str
) -> None:
    await plan(owner, await people(), "due", in_s=-10, number=6)
    slow = await asyncpg.connect(database_url, server_settings=RUNTIME)
    try:
        async with slow.transaction():
            held = {row["id"] for row in await slow.fetch("select * from take_jobs($1, 4, 60, '{}', 4)", [KIND])}
            async with asyncio.timeout(5):
                rest = {job.id for job in await take(database)}
        assert (len(held), len(rest), held & rest) == (4, 2, set())
    finally:
        await slow.close()


async def test_who_has_lost_the_work_can_neither_end_nor_move_nor_hold_it(
    people: People, database: Database, owner: Owner
) -> None:
    """A worker that wakes up late must not cross out what another one is doing."""
    await plan(owner, await people(), "one", in_s=-1)
    (late,) = await take(database)
    await run_out(owner, late)
    (holder,) = await take(database)
    before = await owner.fetch("select * from job")
    with pytest.raises(LeaseLostError):
        async with database.tenant(late.account_id) as tx:
            await repository.finish(tx, late)
    with pytest.raises(LeaseLostError):
        async with database.tenant(late.account_id) as tx:
            await repository.again(tx, late, due_at=datetime.now(UTC))
    with pytest.raises(LeaseLostError):
        async with database.tenant(late.account_id) as tx:
            await repository.hold(tx, late)
    await repository.put_back(database, late, 0)
    assert await owner.fetch("select * from job") == before
    async with database.tenant(holder.account_id) as tx:
        await repository.hold(tx, holder)
        await repository.finish(tx, holder)
    assert await owner.fetch("select * from job") == []


async def test_work_that_is_asked_for_anew_while_it_is_done_is_done_again(
    people: People, database: Database, owner: Owner
) -> None:
    """A priority that is raised while the policy looks must not be lost with the end of that look."""
    crew = await people()
    async with database.tenant(UUID(crew.account_id)) as tx:
        await repository.enqueue(tx, account_id=UUID(crew.account_id), kind=KIND, key="one")
    (first,) = await take(database)
    async with database.tenant(first.account_id) as tx:
        await repository.enqueue(tx, account_id=first.account_id, kind=KIND, key="one")
    with pytest.raises(LeaseLostError):
        async with database.tenant(first.account_id) as tx:
            await repository.finish(tx, first)
    (again,) = await take(database)
    assert (again.id, again.attempts) == (first.id, 1)


class RecordingCourier(Courier):
    """Posts nowhere and remembers what it was asked to."""

    def __init__(self) -> None:
        super().__init__(Sender(allow_private=True), secret_key="k" * 32, public_url="https://flowpilot.example")
        self.posted: list[UUID] = []

    async def send(self, receiver: Receiver, notice: Notice) -> Answer:
        assert receiver.url == "https://desk.example/hook"
        self.posted.append(notice.id)
        return Answer(200, None)


async def test_a_worker_whose_notice_was_given_to_another_posts_nothing(
    people: People, http: Http, database: Database, owner: Owner
) -> None:
    """A channel that reads every escalation twice is soon muted."""
    crew = await people()
    await owner.fetch(
        "insert into webhook (account_id, id, name, url, format, secret_salt, secret_hash, events, created_by)"
        " values ($1, gen_random_uuid(), 'Desk', 'https://desk.example/hook', 'generic', '', '', '{created}', $2)",
        crew.account_id,
        crew.admin.id,
    )
    await escalated(http(crew.technician))
    courier = RecordingCourier()
    handler = WebhookHandler(database, courier)
    (late,) = await repository.take(database, ["webhook"], 8, LEASE_S)
    await run_out(owner, late)
    (holder,) = await repository.take(database, ["webhook"], 8, LEASE_S)
    with pytest.raises(LeaseLostError):
        await handler(late)
    assert courier.posted == []
    assert await owner.value("select attempts from webhook_delivery") == 0, "the first try is still the holder's"
    await handler(holder)
    assert courier.posted == [holder.ref]
    assert await owner.value("select state from webhook_delivery") == "accepted"
    assert await owner.value("select count(*) from job where kind = 'webhook'") == 0
