"""One-time tickets: from the tray's claim to the signed-in page, once, for one person, never unseen."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from backend.contract.handoffs import NewHandoff
from backend.contract.sessions import NewSession
from backend.db.engine import Database
from backend.domain.refusal import Refusal
from backend.identity.caller import Caller
from backend.identity.credentials import digest
from backend.identity.service import IdentityService
from backend.identity.tickets import TicketService
from backend.services import Services
from backend.settings import Settings
from tests.support.flow import Owner
from tests.support.people import PASSWORD, Crew

People = Callable[..., Awaitable[Crew]]


@pytest.fixture
async def services(database: Database, tmp_path: Path) -> AsyncIterator[Services]:
    built = Services.build(
        database, Settings(data_dir=tmp_path, secret_key="a key of the tests, long enough to be one")
    )
    yield built
    await built.feed.stop()


async def caller(services: Services, token: str) -> Caller:
    found = await services.identity.caller_from_token(token)
    assert found is not None
    return found


async def minted(services: Services, crew: Crew) -> tuple[str, str]:
    """A ticket of the engineer's, and the handoff that it leads to."""
    junior = await caller(services, crew.technician.token)
    session = await services.sessions.create(junior, NewSession(title="t", problem="p"))
    made = await services.handoffs.escalate(junior, session.id, NewHandoff(reason="Please have a look"), None)
    ticket = await services.tickets.mint(await caller(services, crew.engineer.token), UUID(made.handoff.id))
    return ticket, made.handoff.id


async def redeem(tickets: TicketService, ticket: str, *, explicit: bool = True, cookie: str | None = None) -> Any:
    try:
        return await tickets.redeem(ticket, trusted_cookie=cookie, explicit=explicit)
    except Refusal as refusal:
        if refusal.code != "ticket_refused":
            raise
        return None


async def test_of_two_hundred_redemptions_one_signs_in(people: People, services: Services) -> None:
    crew = await people()
    ticket, handoff_id = await minted(services, crew)
    answers = await asyncio.gather(*(redeem(services.tickets, ticket) for _ in range(200)))
    (won,) = [answer for answer in answers if answer is not None]
    assert str(won.handoff_id) == handoff_id
    assert str(won.web_session.caller.user_id) == crew.engineer.id
    assert won.web_session.caller.kind == "web"
    assert await services.tickets.peek(ticket) is None


async def test_looking_does_not_use_it_up(people: People, services: Services) -> None:
    """Mail scanners and browsers fetch pages ahead of people."""
    crew = await people()
    ticket, _ = await minted(services, crew)
    for _ in range(3):
        info = await services.tickets.peek(ticket)
        assert info is not None
        assert (info.user_name, info.trusted) == (crew.engineer.name, False)
    assert await redeem(services.tickets, ticket) is not None


async def test_it_signs_in_silently_only_where_this_person_has_signed_in(people: People, services: Services) -> None:
    """Else a stranger's link would put a senior into the stranger's session unseen."""
    crew = await people()
    identity: IdentityService = services.identity
    hers = (await identity.sign_in(crew.engineer.email, PASSWORD)).trusted_cookie
    his = (await identity.sign_in(crew.second_engineer.email, PASSWORD)).trusted_cookie
    ticket, _ = await minted(services, crew)
    for cookie in (None, "", "forged", his):
        assert await redeem(services.tickets, ticket, explicit=False, cookie=cookie) is None
    assert await redeem(services.tickets, ticket, explicit=False, cookie=hers) is not None
    pressed, _ = await minted(services, crew)
    assert await redeem(services.tickets, pressed, cookie=his) is not None, "a pressed button is consent"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE open_ticket SET expires_at = now()",
        "UPDATE access_token SET revoked_at = now()",
        "UPDATE access_token SET expires_at = now()",
        "UPDATE app_user SET active = false",
        "UPDATE open_ticket SET used_at = now()",
    ],
)
async def test_it_dies_with_its_time_and_with_the_sign_in_that_asked_for_it(
    people: People, services: Services, database_url: str, statement: str
) -> None:
    crew = await people()
    ticket, _ = await minted(services, crew)
    await Owner(database_url).fetch(statement)
    assert await services.tickets.peek(ticket) is None
    assert await redeem(services.tickets, ticket) is None
    assert await Owner(database_url).value("SELECT count(*) FROM web_session") == 0


async def test_the_browser_that_it_signed_in_is_out_with_the_token_that_asked_for_it(
    people: People, services: Services
) -> None:
    crew = await people()
    opened = await redeem(services.tickets, (await minted(services, crew))[0])
    senior = await caller(services, crew.engineer.token)
    await services.security.end_token(senior, senior.credential_id)
    assert await services.identity.caller_from_cookie(opened.web_session.token) is None


async def test_the_database_keeps_hashes_only(people: People, services: Services, database_url: str) -> None:
    crew = await people()
    ticket, _ = await minted(services, crew)
    session = await services.identity.sign_in(crew.engineer.email, PASSWORD)
    owner = Owner(database_url)
    dump = ""
    for table in ("open_ticket", "access_token", "web_session", "trusted_browser", "app_user", "account_event"):
        dump += str(await owner.value(f"SELECT string_agg(t::text, ' ') FROM {table} t"))
    for secret in (ticket, crew.engineer.token, session.token, session.trusted_cookie or "", PASSWORD):
        assert secret not in dump
        assert secret.encode().hex() not in dump
    assert digest(ticket).hex() in dump
    life = await owner.value("SELECT extract(epoch FROM expires_at - created_at) FROM open_ticket")
    assert 25 < life <= 31


async def test_a_ticket_is_for_its_account_alone(people: People, services: Services) -> None:
    ours, theirs = await people("Northwind MSP"), await people("Contoso MSP")
    ticket, handoff_id = await minted(services, theirs)
    won = await redeem(services.tickets, ticket)
    assert str(won.web_session.caller.account_id) == theirs.account_id
    stranger = await caller(services, ours.engineer.token)
    with pytest.raises(Refusal, match="no such hand-off"):
        await services.handoffs.get(stranger, handoff_id)
    assert await redeem(services.tickets, "nobody's ticket") is None
