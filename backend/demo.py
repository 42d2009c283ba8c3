"""The demo account: people of every role, sessions with history, handoffs that wait.

Everything is made through the services, as people would; only the times are moved back afterwards, so that the queue
shows waits of minutes. Seeding again adds nothing. No assessment is made up: the worker puts
them together, with a model where one is connected.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, cast
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from backend.contract.handoffs import NewHandoff
from backend.contract.sessions import NewFact, NewFix, NewMessage, NewSession, NewStep, NewTask, StepPatch, TicketRef
from backend.contract.vocabulary import AuthorKind, Priority, Role
from backend.db import tables as t
from backend.db.engine import Database
from backend.demo_month import seed_month
from backend.demo_runbooks import RUNBOOKS
from backend.demo_stories import ACCOUNT, PEOPLE, STORIES, Story
from backend.handoffs import snapshot
from backend.handoffs.first_action import FirstActionRecorder
from backend.handoffs.service import HandoffService
from backend.identity.provision import create_account, create_user
from backend.identity.repository import user_by_email
from backend.identity.service import Caller, IdentityService
from backend.runbooks.service import import_runbooks
from backend.sessions.editing import EditingService
from backend.sessions.service import SessionService

PASSWORD: Final = "flowpilot-demo"  # noqa: S105 - printed on purpose; the demo holds nobody's data
DOMAIN: Final = "northbeam.example"
EMAIL_AFTER_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One sign-in of the demo."""

    name: str
    email: str
    role: Role
    password: str


@dataclass(frozen=True, slots=True)
class DemoPeople:
    """The demo's account and its sign-ins; `senior` is whose tray app is started."""

    account_id: UUID
    people: tuple[DemoPerson, ...]
    senior: DemoPerson


def _people() -> tuple[DemoPerson, ...]:
    return tuple(DemoPerson(name, f"{name.split()[0].lower()}@{DOMAIN}", role, PASSWORD) for name, role in PEOPLE)


async def seed(database: Database) -> DemoPeople:
    """Make the demo account unless it is there; answers its sign-ins either way."""
    people = _people()
    senior = next(person for person in people if person.role == "engineer")
    owner = next(person for person in people if person.role == "owner")
    async with database.before_account() as tx:
        known = await user_by_email(tx, owner.email)
    if known is not None:
        return DemoPeople(known.account_id, people, senior)
    account_id, _ = await create_account(
        database, name=ACCOUNT, owner_email=owner.email, owner_name=owner.name, password=owner.password
    )
    for person in people:
        if person is not owner:
            await create_user(
                database,
                account_id=account_id,
                email=person.email,
                name=person.name,
                role=person.role,
                password=person.password,
            )
    await import_runbooks(database, account_id, list(RUNBOOKS))
    callers = await _callers(database, people)
    sessions = SessionService(database, FirstActionRecorder())
    handoffs = HandoffService(database, sessions, email_after_s=EMAIL_AFTER_S)
    await seed_month(database, account_id, {name: caller.user_id for name, caller in callers.items()})
    for story in STORIES:
        await _tell(database, sessions, handoffs, callers, story)
    return DemoPeople(account_id, people, senior)


async def _callers(database: Database, people: tuple[DemoPerson, ...]) -> dict[str, Caller]:
    identity = IdentityService(database, "the demo signs nothing")
    callers = {}
    for person in people:
        session = await identity.sign_in(person.email, person.password)
        callers[person.name] = session.caller
        await identity.sign_out(session.token)
    return callers


async def _tell(
    database: Database,
    sessions: SessionService,
    handoffs: HandoffService,
    callers: dict[str, Caller],
    story: Story,
) -> None:
    junior = callers[story.junior]
    session = await sessions.create(
        junior,
        NewSession(
            title=story.title,
            problem=story.problem,
            customer=story.customer,
            ticket=TicketRef(system="connectwise", id=story.ticket),
        ),
    )
    for who, text in story.chat:
        message = await sessions.post_message(junior, session.id, NewMessage(content=text))
        if who == "assistant":
            await _spoken_by_assistant(database, junior, UUID(message.id))
    for label, value in story.facts:
        await sessions.add_fact(junior, session.id, NewFact(label=label, value=value))
    for action, outcome in story.steps:
        await sessions.add_step(junior, session.id, NewStep(action=action, outcome=outcome))
    await _begin(EditingService(database, sessions, FirstActionRecorder()), junior, session.id, story)
    if story.escalation is not None:
        priority, need, reason, impact = story.escalation
        escalated = await handoffs.escalate(
            junior,
            session.id,
            NewHandoff(
                reason=reason,
                need=need,
                impact=impact,
                priority=cast("Priority", priority),
                target_user_id=str(callers[story.target].user_id) if story.target else None,
            ),
            None,
        )
        if story.claimer:
            await handoffs.claim(callers[story.claimer], escalated.handoff.id)
            await sessions.post_message(callers[story.claimer], session.id, NewMessage(content=story.first_words))
    await _move_back(database, junior.account_id, UUID(session.id), story)
    if story.escalation is not None:
        await _freeze_again(database, sessions, junior, session.id, story)


async def _begin(editing: EditingService, junior: Caller, session_id: str, story: Story) -> None:
    """The fix in progress and the checklist."""
    if story.fix is not None:
        action, why = story.fix
        await editing.start_fix(junior, session_id, NewFix(action=action, detail=why))
        await editing.change_fix(junior, session_id, StepPatch(outcome="blocked"))
    for text in story.tasks:
        await editing.add_task(junior, session_id, NewTask(text=text))


async def _freeze_again(
    database: Database, sessions: SessionService, junior: Caller, session_id: str, story: Story
) -> None:
    """The snapshot with the moved times, and without what the claimer wrote afterwards."""
    at = datetime.now(UTC) - timedelta(seconds=story.waiting_s)
    session = await sessions.get(junior, session_id)
    until = replace(session, messages=[message for message in session.messages if message.created_at < at])
    async with database.as_owner() as raw:
        await raw.execute("select set_config('app.account_id', $1, true)", str(junior.account_id))
        await raw.execute(
            "update handoff set snapshot = $3 where account_id = $1 and session_id = $2",
            junior.account_id,
            UUID(session_id),
            snapshot.take(until, at),
        )


async def _spoken_by_assistant(database: Database, caller: Caller, message_id: UUID) -> None:
    kind: AuthorKind = "assistant"
    async with database.tenant(caller.account_id) as tx:
        await tx.execute(
            sa.update(t.message)
            .where(t.message.c.account_id == caller.account_id, t.message.c.id == message_id)
            .values(author_id=None, author_kind=kind)
        )


async def _move_back(database: Database, account_id: UUID, session_id: UUID, story: Story) -> None:
    """Spread the story's times over the minutes before its escalation, and the claim after it."""
    escalated_at = datetime.now(UTC) - timedelta(seconds=story.waiting_s)
    claimed_at = escalated_at + timedelta(seconds=story.claimed_after_s)
    acted_at = claimed_at + timedelta(seconds=story.acted_after_s)
    async with database.as_owner() as raw:
        await raw.execute("select set_config('app.account_id', $1, true)", str(account_id))
        for table in ("message", "fact", "step"):
            await raw.execute(
                f"update {table} e"
                " set created_at = $3::timestamptz - interval '4 minutes' - o.place * interval '5 minutes'"
                f" from (select id, row_number() over (order by version desc) as place from {table}"
                "  where account_id = $1 and session_id = $2) o where e.account_id = $1 and e.id = o.id",
                account_id,
                session_id,
                escalated_at,
            )
        last = acted_at if story.claimer else escalated_at
        await raw.execute(
            "update ai_session set created_at = $3, updated_at = $4 where account_id = $1 and id = $2",
            account_id,
            session_id,
            escalated_at - timedelta(minutes=64),
            last,
        )
        handoff_id = await raw.fetchval(
            "update handoff set created_at = $3, waiting_since = $3 where account_id = $1 and session_id = $2"
            " returning id",
            account_id,
            session_id,
            escalated_at,
        )
        if handoff_id is not None:
            moments = {"created": escalated_at, "claimed": claimed_at, "first_action": acted_at}
            for kind, at in moments.items():
                await raw.execute(
                    "update handoff_timeline set at = $4 where account_id = $1 and handoff_id = $2 and kind = $3",
                    account_id,
                    handoff_id,
                    kind,
                    at,
                )
            if story.claimer:
                await _move_claim(raw, account_id, session_id, claimed_at, acted_at)
            await raw.execute("select handoff_refresh_card($1, $2)", account_id, handoff_id)


async def _move_claim(
    raw: "asyncpg.Connection[asyncpg.Record]",
    account_id: UUID,
    session_id: UUID,
    claimed_at: datetime,
    acted_at: datetime,
) -> None:
    await raw.execute(
        "update handoff set claimed_at = $3, first_claimed_at = $3, first_action_claimed_at = $3, first_action_at = $4"
        " where account_id = $1 and session_id = $2",
        account_id,
        session_id,
        claimed_at,
        acted_at,
    )
    await raw.execute(
        "update message set created_at = $3 where account_id = $1 and id = ("
        " select id from message where account_id = $1 and session_id = $2 order by version desc limit 1)",
        account_id,
        session_id,
        acted_at,
    )
