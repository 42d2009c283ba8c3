"""The demo's last weeks: what was escalated, how fast it was claimed and acted on, how it ended.

The same weeks each time, drawn with a fixed seed and moved to end today, so that analytics has a month to show and
similar hand-offs have something to be found in. Written as rows, since nobody can live through two months at start.
"""

import random
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from backend.contract.handoffs import Snapshot
from backend.contract.people import Person
from backend.contract.sessions import Message, TicketRef
from backend.contract.vocabulary import Priority
from backend.db.engine import Database
from backend.db.ids import new_id
from backend.http.respond import encode

_SEED: Final = 20_418
_WEEKS: Final = 8
_PER_DAY: Final = (1, 2, 2, 2, 3, 3)
_JUNIORS: Final = ("Mina Okafor", "Mina Okafor", "Tom Birch", "Tom Birch", "Priya Nair")
_SENIORS: Final = ("Dana Reyes", "Dana Reyes", "Lee Park", "Lee Park", "Sam Whitlock")
_PRIORITIES: Final[tuple[Priority, ...]] = ("low", "normal", "high", "urgent")
_LACKS: Final = ("Error text", "Error text", "Steps tried", "Access or credentials", "Whom to call")
_CASES: Final[tuple[tuple[str, str, str, str, str], ...]] = (
    # customer, title, problem, why it was escalated, what solved it
    ("Harlow Dental Group", "Imaging software cannot reach its server", "X-rays do not open in two rooms.",
     "I cannot see the server's service list.", "The licence service had stopped; set it to restart by itself."),
    ("Osprey Architects", "Drawings open read-only", "All drawings on the share open read-only.",
     "I have no rights on the file server.", "A stale lock of a crashed client; closed the open file on the server."),
    ("Kestrel Logistics", "Handhelds lose the Wi-Fi in hall 3", "Scanners drop out every few minutes in hall 3.",
     "I have no access to the wireless controller.", "Two access points shared a channel; set them apart."),
    ("Maple Grove School", "Pupils cannot sign in after a password reset", "New passwords are refused on laptops.",
     "I do not know where the passwords are synchronised.", "The sync agent had lost its certificate; renewed it."),
    ("Fenwick & Sons", "Mail to one supplier comes back", "Mail to one domain is returned with 550 5.7.1.",
     "I do not have access to the mail gateway.", "They had our address on a block list; asked for removal, set SPF."),
    ("Harlow Dental Group", "Card terminal does not settle", "The terminal at the desk does not settle at night.",
     "I have no access to the firewall.", "Outgoing port 8443 was blocked since the update; allowed it again."),
    ("Kestrel Logistics", "Remote desktop is slow since Monday", "Sessions freeze for seconds, all users.",
     "I am out of ideas after the usual steps.", "A backup ran in office hours; moved it to 22:00."),
    ("Osprey Architects", "VPN asks for the code again and again", "MFA prompts every ten minutes on VPN.",
     "I cannot see the identity provider's policies.", "A conditional access rule had no session length; set 8 h."),
    ("Maple Grove School", "Printer queue stuck on the print server", "Nothing prints in the main building.",
     "I have no rights on the print server.", "Cleared the spooler and replaced the driver of one model."),
    ("Fenwick & Sons", "Backups report success and hold nothing", "The restore test found empty folders.",
     "I am not sure what may be deleted.", "The job followed a moved drive letter; pointed it at the volume."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _People:
    """Ids and names of those who play."""

    juniors: tuple[Person, ...]
    seniors: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class _Past:
    """One escalation that is over."""

    case: tuple[str, str, str, str, str]
    junior: Person
    senior: Person
    ticket: str
    priority: Priority
    at: datetime
    shown_s: float
    claim_s: float
    act_s: float | None
    withdrawn: bool
    outcome: str
    missing: str | None

    @property
    def claimed_at(self) -> datetime:
        return self.at + timedelta(seconds=self.claim_s)

    @property
    def acted_at(self) -> datetime:
        return self.claimed_at + timedelta(seconds=self.act_s or 0)


async def seed_month(database: Database, account_id: UUID, ids: dict[str, UUID]) -> None:
    """Write the last weeks of the demo account; `ids` are its people by name."""
    everyone = {name: Person(id=str(one), name=name) for name, one in ids.items()}
    people = _People(
        juniors=tuple(
            everyone[name] for name in ("Mina Okafor", "Mina Okafor", "Tom Birch", "Tom Birch", "Priya Nair")
        ),
        seniors=tuple(everyone[name] for name in _SENIORS),
    )
    now = datetime.now(UTC)
    past = _weeks(people, now)
    async with database.as_owner() as raw:
        await raw.execute("select set_config('app.account_id', $1, true)", str(account_id))
        boss, month = ids["Marcus Hale"], now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        await raw.executemany(
            "insert into baseline (account_id, id, minutes, basis, origin, note, effective_from, set_by, set_at)"
            " values ($1, $2, $3, $4, 'person', $5, $6, $7, $8)",
            [
                (account_id, new_id(), minutes, basis, note, start, boss, start)
                for minutes, basis, note, start in (
                    (28.0, "estimated", "From memory, two calls and a walk", month - timedelta(days=62)),
                    (31.0, "measured", "20 timed hand-offs", month),
                )
            ],
        )
        for one in past:
            await _write(raw, account_id, one)


def _weeks(people: _People, now: datetime) -> list[_Past]:
    draw = random.Random(_SEED)  # noqa: S311 - a demo's dice; the same weeks each time
    found = []
    for back in range(_WEEKS * 7, 0, -1):
        day = (now - timedelta(days=back)).date()
        if day.weekday() < 5:
            morning = datetime.combine(day, time(8), UTC)
            found += [_one(draw, people, morning) for _ in range(draw.choice(_PER_DAY))]
    return sorted(found, key=lambda one: one.at)


def _one(draw: random.Random, people: _People, morning: datetime) -> _Past:
    """Claims take two minutes in the middle, first actions five; a few take very long, as in life."""
    outcome = draw.choices(("took_over", "guided_back", "wrong_team", "duplicate"), (62, 24, 9, 5))[0]
    act_s = None if draw.random() < 0.04 else draw.lognormvariate(5.6, 0.65)
    return _Past(
        case=draw.choice(_CASES),
        junior=draw.choice(people.juniors),
        senior=draw.choice(people.seniors),
        ticket=str(draw.randint(18_000, 20_300)),
        priority=draw.choices(_PRIORITIES, (15, 50, 28, 7))[0],
        at=morning + timedelta(seconds=draw.uniform(0, 9 * 3_600)),
        shown_s=draw.lognormvariate(-0.4, 0.5),
        claim_s=draw.lognormvariate(4.8, 0.7),
        act_s=act_s * 8 if act_s is not None and draw.random() < 0.05 else act_s,
        withdrawn=draw.random() < 0.05,
        outcome=outcome,
        missing=draw.choice(_LACKS) if draw.random() < 0.2 else None,
    )


async def _write(raw: "asyncpg.Connection[asyncpg.Record]", account_id: UUID, one: _Past) -> None:
    """Session, chat, hand-off, how it was told, what happened."""
    session, handoff = new_id(), new_id()
    customer, title, problem, reason, solved = one.case
    said = [(one.junior, problem, one.at - timedelta(minutes=9)), (one.junior, reason, one.at - timedelta(minutes=2))]
    acted = one.act_s is not None and not one.withdrawn
    if acted:
        said.append((one.senior, f"I have it. {solved.split(';')[0]}?", one.acted_at))
    ended = one.acted_at + timedelta(minutes=18)
    status = "withdrawn" if one.withdrawn else "resolved"
    await raw.execute(
        "insert into ai_session (account_id, id, owner_id, title, problem, customer, ticket_system, ticket_id, status,"
        " version, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, 'connectwise', $7, 'resolved', 9, $8, $9)",
        *(account_id, session, UUID(one.junior.id), title, problem, customer, one.ticket),
        *(one.at - timedelta(minutes=10), ended),
    )
    messages = [
        Message(id=str(new_id()), author=who, author_kind="user", content=text, created_at=at) for who, text, at in said
    ]
    await raw.executemany(
        "insert into message (account_id, id, session_id, author_id, author_kind, content, version, created_at)"
        " values ($1, $2, $3, $4, 'user', $5, $6, $7)",
        [
            (account_id, UUID(m.id), session, UUID(m.author.id) if m.author else None, m.content, place, m.created_at)
            for place, m in enumerate(messages, 1)
        ],
    )
    frozen = Snapshot(
        taken_at=one.at,
        title=title,
        problem=problem,
        customer=customer,
        ticket=TicketRef(system="connectwise", id=one.ticket),
        owner=one.junior,
        messages=messages[:2],
        facts=[],
        steps=[],
        message_count=2,
    )
    claim, senior = (None, None) if one.withdrawn else (one.claimed_at, UUID(one.senior.id))
    first = (one.acted_at, "message", senior, claim) if acted else (None, None, None, None)
    outcome = (one.outcome, one.missing is None, one.missing, solved) if status == "resolved" else (None,) * 4
    await raw.execute(
        "insert into handoff (account_id, id, session_id, handed_off_by, session_owner, request_hash, reason, need,"
        " priority, status, snapshot, claimed_by, claimed_at, claim_epoch, first_claimed_at, first_action_at,"
        " first_action_kind, first_action_by, first_action_claimed_at, resolved_at, outcome, had_what_i_needed,"
        " missing, resolution, steps_done, waiting_since, created_at) values ($1, $2, $3, $4, $4, '', $5, $6, $7, $8,"
        " $9, $10, $11, $12, $11, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $23)",
        *(account_id, handoff, session, UUID(one.junior.id), reason, "Someone who has access.", one.priority, status),
        *(zlib.compress(encode(frozen), 6), senior, claim, 0 if one.withdrawn else 1, *first),
        *(None if one.withdrawn else ended, *outcome, int(one.claim_s > 360), one.at),
    )
    happened: list[tuple[str, datetime, Person, str | None]] = [("created", one.at, one.junior, None)]
    if one.withdrawn:
        happened.append(("withdrawn", one.claimed_at, one.junior, "Found it."))
    else:
        happened.append(("claimed", one.claimed_at, one.senior, None))
        happened += [("first_action", one.acted_at, one.senior, "message")] if acted else []
        happened.append(("resolved", ended, one.senior, solved))
    await raw.executemany(
        "insert into handoff_timeline (account_id, handoff_id, kind, at, actor_id, detail)"
        " values ($1, $2, $3, $4, $5, $6)",
        [(account_id, handoff, kind, at, UUID(who.id), detail) for kind, at, who, detail in happened],
    )
    await raw.execute(
        "insert into delivery (account_id, handoff_id, user_id, channel, device, state, at)"
        " values ($1, $2, $3, 'desktop', 'demo', 'shown', $4)",
        *(account_id, handoff, UUID(one.senior.id), one.at + timedelta(seconds=one.shown_s)),
    )
    await raw.execute("select handoff_refresh_card($1, $2)", account_id, handoff)
