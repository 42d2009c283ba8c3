"""Two commands that meet wait one for the other, never each for the other: the database would end one of them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID, uuid4

import asyncpg
import pyotp
import pytest
import sqlalchemy as sa

from backend.contract.handoffs import NewHandoff
from backend.contract.psa import ConnectorPatch
from backend.contract.sessions import NewSession
from backend.db.engine import Database
from backend.db.ids import HOUSE_ACCOUNT
from backend.delivery import mail_repository
from backend.delivery.invitations import Invitations
from backend.handoffs.first_action import FirstActionRecorder
from backend.handoffs.holder import HolderService
from backend.handoffs.leaving import LeavingService
from backend.handoffs.service import HandoffService
from backend.identity import factor_repository, invites, people_repository
from backend.identity import repository as accounts
from backend.identity.caller import Caller
from backend.identity.credentials import digest
from backend.identity.devices import DeviceService
from backend.identity.invites import InviteService, link_secret
from backend.identity.people import PeopleService
from backend.identity.second_factor import FactorService
from backend.identity.service import IdentityService
from backend.jobs import repository as jobs
from backend.mail.sender import Mailer
from backend.privacy import repository as privacy
from backend.privacy.keeper import nothing_kept
from backend.privacy.service import PrivacyService
from backend.psa import progress as psa_progress
from backend.psa.connections import Connections
from backend.psa.handler import NoteHandler
from backend.psa.service import ConnectorService
from backend.scim.messages import Changes
from backend.scim.service import DirectoryService
from backend.sealed import Sealer
from backend.sessions.service import SessionService
from backend.webhooks import progress, repository
from tests.support.crossing import Crossing
from tests.support.flow import Owner
from tests.support.people import Crew, Member

KEY = "k" * 40
_MANY = sa.text("set local enable_indexscan = off")  # as the planner chooses for many rows
LOW, HIGH = (UUID(f"00000000-0000-7000-8000-00000000000{n}") for n in (1, 2))


class Shop(NamedTuple):
    """An account with its services in this process, and two commands to be made to meet."""

    crew: Crew
    database: Database
    owner: Owner
    crossing: Crossing

    @property
    def id(self) -> UUID:
        return UUID(self.crew.account_id)

    @property
    def people(self) -> PeopleService:
        return PeopleService(self.database)

    @property
    def leaving(self) -> LeavingService:
        return LeavingService(self.database, self.people, HolderService(self.database, email_after_s=15))

    @property
    def privacy(self) -> PrivacyService:
        return PrivacyService(self.database, self.leaving)

    async def caller(self, who: Member) -> Caller:
        found = await IdentityService(self.database, KEY).caller_from_token(who.token)
        assert found is not None
        return found

    async def handed_off(self, number: int = 1) -> list[UUID]:
        """Hand-offs in the order of their ids; of the newest session the first."""
        junior = await self.caller(self.crew.technician)
        sessions = SessionService(self.database, FirstActionRecorder())
        handoffs = HandoffService(self.database, sessions, email_after_s=15)
        new, reason = NewSession(title="Printer", problem="It is out."), NewHandoff(reason="Help")
        opened = [await sessions.create(junior, new) for _ in range(number)]
        return [UUID((await handoffs.escalate(junior, one.id, reason, None)).handoff.id) for one in reversed(opened)]


@pytest.fixture
async def shop(
    people: Callable[..., Awaitable[Crew]], database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Shop:
    return Shop(await people(), database, Owner(database_url), Crossing(database_url, monkeypatch))


async def test_many_rows_at_once_are_taken_in_one_order(shop: Shop) -> None:
    """Sockets that end while their process vouches for them; an office that signs in; two servers and their tokens."""
    owner, crossing = shop.owner, shop.crossing
    process = uuid4()
    await owner.fetch(
        "insert into client_presence (account_id, id, user_id, channel, process)"
        " select $1, unnest($2::uuid[]), $3, 'desktop', $4",
        *(shop.id, [LOW, HIGH], shop.crew.engineer.id, process),
    )
    await crossing.behind(
        f"select from client_presence where id = '{HIGH}' for update",
        lambda: crossing.as_server("select presence_left($1, $2)", [shop.id] * 2, [HIGH, LOW]),
        lambda: crossing.as_server("select presence_touch($1)", process),
    )
    link, address = b"\x02", b"\x01"
    await crossing.as_server("select sign_in_begin($1, $2, 900)", [address, link], [60, 60])
    await crossing.behind(
        f"select from sign_in_tries where account_id = '{HOUSE_ACCOUNT}' and key = '\\x02' for update",
        lambda: crossing.as_server("select sign_in_begin($1, $2, 900)", [link, address], [60, 60]),
        lambda: crossing.as_server("select sign_in_done($1)", [b"\x00", link, address]),
    )
    tokens = [digest(one.token) for one in (shop.crew.owner, shop.crew.viewer)]
    look = "select c.* from unnest($1::bytea[]) h, auth_scoped_token(h) c"
    await owner.fetch("update access_token set last_used_at = null")
    await crossing.behind(
        f"select from access_token where token_hash = '\\x{tokens[1].hex()}' for update",
        lambda: crossing.as_server(look, tokens[::-1]),
        lambda: crossing.as_server(look, tokens),
    )
    await owner.fetch("update access_token set last_used_at = null")
    assert len(await crossing.as_server(look, tokens)) == 2
    assert await owner.value("select count(*) from access_token where last_used_at is not null") == 2


async def test_people_are_locked_before_the_handoffs_that_name_them(shop: Shop) -> None:
    crew, crossing = shop.crew, shop.crossing
    admin = await shop.caller(crew.admin)
    await shop.handed_off()
    for job in await jobs.take(shop.database, ["email"], 8, 60):
        row = await mail_repository.begin(shop.database, job, "msp.example")
        if row is not None and str(row.user_id) == crew.engineer.id:
            break

    async def refused() -> None:
        why = "no such mailbox"
        await mail_repository.record(
            shop.database, job, state="failed", detail=why, again_s=None, refused=True, quiet=False
        )

    await crossing.at(
        (accounts, "replan"), lambda: shop.people.change_role(admin, UUID(crew.engineer.id), "viewer"), refused
    )
    leaver = UUID(crew.technician.id)
    await shop.people.deactivate(admin, leaver)
    await crossing.at(
        (privacy, "forget"),
        lambda: shop.privacy.erase(admin, leaver, crew.technician.name),
        lambda: shop.people.change_role(admin, leaver, "viewer"),
    )
    assert await shop.owner.value("select count(*) from app_user where email_refused_at is not null") == 1


async def test_handoffs_are_taken_in_the_order_of_their_ids(shop: Shop) -> None:
    """Who replans an account, erases a person or empties what is old goes through many of them."""
    crew, crossing = shop.crew, shop.crossing
    admin, leaver = await shop.caller(crew.admin), UUID(crew.technician.id)
    first, _ = await shop.handed_off(2)
    await shop.people.deactivate(admin, leaver)

    async def replanned() -> None:
        async with shop.database.tenant(shop.id) as tx:
            await accounts.replan(tx, shop.id)

    async def renamed() -> None:
        async with shop.database.tenant(shop.id) as tx:
            for one in await privacy.involved(tx, shop.id, leaver):
                await privacy.snapshot(tx, shop.id, one)

    await crossing.behind(f"select from handoff where id = '{first}' for update", renamed, replanned)


async def test_what_takes_things_away_does_it_one_at_a_time(shop: Shop) -> None:
    """Somebody is erased who was told of an old hand-off, while the hand-off is emptied."""
    crew, crossing, admin = shop.crew, shop.crossing, await shop.caller(shop.crew.admin)
    senior = crew.second_engineer
    await shop.handed_off(2)
    await shop.people.deactivate(admin, UUID(senior.id))
    await shop.owner.fetch("update handoff set status = 'resolved'")
    await shop.owner.fetch("update handoff_timeline set detail = $1", f"E-mail to {senior.name} was refused")
    await shop.owner.fetch("update ai_session set status = 'resolved', updated_at = now() - interval '400 days'")
    await crossing.behind(
        "select from handoff_timeline for update",
        lambda: crossing.as_server("select empty_sessions($1, 50, $2)", shop.id, nothing_kept()),
        lambda: shop.privacy.erase(admin, UUID(senior.id), senior.name),
    )
    assert await shop.owner.value("select count(*) from ai_session where emptied_at is not null") == 2


async def test_links_sign_ins_and_factors_are_taken_in_one_order(shop: Shop) -> None:
    crew, crossing, owner, database = shop.crew, shop.crossing, shop.owner, shop.database
    admin, links, senior = await shop.caller(crew.admin), InviteService(database, KEY), UUID(crew.engineer.id)

    async def accepted(invite_id: UUID) -> None:
        await links.accept(link_secret(KEY, invite_id, 1), name="Sam Newcomer", password="long enough to be one, 4711")

    sent = await links.new_password(admin, senior)
    (job,) = await jobs.take(database, ["invite"], 8, 60)
    mailed = {"public_url": "https://msp.example", "mail_from": "f@msp.example", "secret_key": KEY}
    worker = Invitations(database, Mailer(None, "f@msp.example"), **mailed)
    await crossing.at((invites, "plan_mail"), lambda: links.resend(admin, sent), lambda: worker(job))
    again = await links.new_password(admin, senior)
    await crossing.at(
        (people_repository, "close_invites"), lambda: links.new_password(admin, senior), lambda: accepted(again)
    )
    await owner.fetch(
        "insert into account_domain (account_id, id, domain) values ($1, $1, split_part($2, '@', 2))",
        *(shop.id, crew.admin.email),
    )
    email = f"sam.new@{crew.admin.email.partition('@')[2]}"
    invited = await links.invite(admin, email=email, name="Sam Newcomer", role="engineer")
    directory = DirectoryService(database, shop.people, shop.leaving)
    await crossing.at(
        (people_repository, "close_invites"),
        lambda: directory.create(admin, Changes(email=email, name="Sam Newcomer")),
        lambda: accepted(invited),
    )
    assert await owner.value("select count(*) from app_user where email = $1", email) == 1
    factors = FactorService(database, Sealer(KEY))
    async with database.tenant(shop.id) as tx:
        await factors.prepare(tx, shop.id, senior)
        setup = await factors.setup_of(tx, shop.id, senior, crew.engineer.email)
        assert setup is not None
        totp = pyotp.parse_uri(setup.uri)
        assert isinstance(totp, pyotp.TOTP)
        codes = await factors.confirm_in(tx, shop.id, senior, "E", totp.now())
        assert codes

    async def used() -> None:
        async with database.tenant(shop.id) as tx:
            assert await factors.check(tx, shop.id, senior, codes[0]) == "recovery"

    await crossing.at((factor_repository, "use_code"), used, lambda: factors.reset(admin, senior))
    await owner.fetch(
        "with b as (insert into trusted_browser (account_id, id, user_id, cookie_hash, expires_at)"
        "           values ($1, $2, $3, '', now() + interval '1 day') returning *),"
        " d as (insert into device (account_id, id, user_id, name, browser_id, family_hash, refresh_hash, expires_at)"
        "       select account_id, id, user_id, 'PC', id, '', '', expires_at from b returning *)"
        " insert into device_token (account_id, id, device_id, token_hash, expires_at)"
        " select account_id, id, id, '', expires_at from d",
        *(shop.id, LOW, senior),
    )
    await crossing.behind(
        "select from device_token for update",
        lambda: DeviceService(database).revoke_any(admin, LOW),
        lambda: shop.people.deactivate(admin, senior),
    )
    assert await owner.value("select count(*) from trusted_browser where revoked_at is null") == 0


async def test_notices_and_notes_are_taken_in_the_order_in_which_they_are_sent(shop: Shop) -> None:
    """A receiver that fails is switched off just when a worker looks whose turn it is."""
    crossing, owner, admin = shop.crossing, shop.owner, await shop.caller(shop.crew.admin)
    (handoff,), senior = await shop.handed_off(), shop.crew.engineer
    await owner.fetch(
        "insert into webhook (account_id, id, name, url, format, secret_salt, secret_hash, events, created_by)"
        " values ($1, $1, 'Desk', 'https://desk.example', 'generic', '', '', '{created}', $2)",
        *(shop.id, admin.user_id),
    )
    for row, seq in ((HIGH, 2), (LOW, 1)):
        await owner.fetch(
            "insert into webhook_delivery (account_id, id, webhook_id, handoff_id, seq, kind, data)"
            " values ($1, $2, $1, $3, $4, 'claimed', $5::text::jsonb)",
            *(shop.id, row, handoff, seq, json.dumps({"actor": {"id": senior.id, "name": senior.name}})),
        )

    async def turn() -> None:
        async with shop.database.tenant(shop.id) as tx:
            assert [one.id for one in await progress.line(tx, shop.id, HIGH)] == [LOW, HIGH]

    async def forgotten() -> None:
        async with shop.database.tenant(shop.id) as tx:
            await privacy.forget(tx, shop.id, UUID(senior.id), senior.name, senior.email)

    async def called_off() -> None:
        async with shop.database.tenant(shop.id) as tx:
            await tx.execute(_MANY)
            await repository.call_off(tx, shop.id, shop.id, "Switched off")

    held = f"select from webhook_delivery where id = '{LOW}' for update"
    await crossing.behind(held, turn, forgotten)
    await owner.fetch("update webhook_delivery set attempts = 1 where id = $1", LOW)
    await crossing.behind(held, turn, called_off)
    await owner.fetch(
        "insert into psa_connector (account_id, id, system, fields, credentials, hook_secret, created_by)"
        " values ($1, $1, 'halo', '{}', '', '', $2)",
        *(shop.id, admin.user_id),
    )
    for note, age in ((HIGH, 0), (LOW, 1)):
        await owner.fetch(
            "insert into psa_note (account_id, id, connector_id, session_id, kind, ticket, at)"
            " select account_id, $2, $1, session_id, 'note', '1', now() - make_interval(mins => $4) from handoff"
            " where id = $3",
            *(shop.id, note, handoff, age),
        )

    async def note_turn() -> None:
        async with shop.database.tenant(shop.id) as tx:
            assert [one.id for one in await psa_progress.line(tx, shop.id, HIGH)] == [LOW, HIGH]

    async def notes_called_off() -> None:
        async with shop.database.tenant(shop.id) as tx:
            await tx.execute(_MANY)
            await psa_progress.call_off(tx, shop.id, shop.id, "Switched off")

    await crossing.behind(f"select from psa_note where id = '{LOW}' for update", note_turn, notes_called_off)
    await owner.fetch("update psa_note set state = 'pending', finished_at = null where id = $1", LOW)
    await owner.fetch(
        "insert into job (account_id, kind, key, ref) values ($1, 'psa_note', 'psa_note:' || $2::uuid, $2)",
        *(shop.id, LOW),
    )
    (job,) = await jobs.take(shop.database, ["psa_note"], 1, 60)
    connections = Connections(Sealer(KEY), allow_private=False)
    desk = ConnectorService(shop.database, connections, None, public_url="https://msp.example")  # type: ignore[arg-type]  # asks nobody
    await crossing.at(
        (psa_progress, "call_off"),
        lambda: desk.change(admin, str(shop.id), ConnectorPatch(active=False)),
        lambda: NoteHandler(shop.database, connections, public_url="https://msp.example")(job),
    )
    assert await owner.value("select active from psa_connector") is False


async def test_two_workers_that_anchor_at_once_take_the_chains_in_one_order(shop: Shop) -> None:
    """At midnight, with entries being sealed under their hands."""
    url = shop.owner.url

    def anchor() -> "asyncio.Future[list[asyncpg.Record]]":
        return asyncio.ensure_future(shop.crossing.as_server("select * from audit_anchor()"))

    first, second, third = (UUID(int=n) for n in (1, 2, 3))
    for one in (first, second, third):
        await shop.owner.fetch("insert into account (id, name) values ($1, '')", one)
        await shop.owner.fetch("insert into audit_chain (account_id, last_no) values ($1, 1)", one)
    sealing, looking = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        seal, look = sealing.transaction(), looking.transaction()
        await seal.start()
        await sealing.execute("update audit_chain set last_no = 2 where account_id = any($1)", [first, second])
        await look.start()
        held = asyncio.ensure_future(looking.fetch("select from audit_chain where account_id = $1 for update", second))
        await shop.crossing.stand(sealing, [held])
        tasks = [anchor()]
        await shop.crossing.stand(sealing, [held, *tasks])
        await seal.commit()
        await held
        await shop.crossing.stand(sealing, tasks)
        tasks.append(anchor())
        await shop.crossing.stand(sealing, tasks)
        await look.rollback()
        assert sorted(len(rows) for rows in await asyncio.gather(*tasks)) == [0, 3]
    finally:
        await sealing.close()
        await looking.close()


async def test_a_customer_filled_in_while_somebody_escalates_stands_with_the_handoff(shop: Shop) -> None:
    """A program opens a session with a ticket and escalates at once; analytics count by customer for good."""
    junior = await shop.caller(shop.crew.technician)
    sessions = SessionService(shop.database, FirstActionRecorder())
    session = await sessions.create(junior, NewSession(title="Printer", problem="It is out."))
    filling = await asyncpg.connect(shop.owner.url)
    try:
        transaction = filling.transaction()
        await transaction.start()
        await filling.execute("update ai_session set customer = 'Leeds Clinic'")
        handoffs = HandoffService(shop.database, sessions, email_after_s=15)
        escalating = asyncio.ensure_future(handoffs.escalate(junior, session.id, NewHandoff(reason="Help"), None))
        await shop.crossing.stand(filling, [escalating])
        await transaction.commit()
        assert (await escalating).handoff.customer == "Leeds Clinic"
    finally:
        await filling.close()
    assert await shop.owner.value("select customer from handoff") == "Leeds Clinic"
