"""The three connectors against three local PSAs that speak the documented protocols: each behaviour, every system."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from backend.psa import systems
from backend.psa.calls import Calls
from backend.psa.port import (
    AwayError,
    Consent,
    InternalNote,
    LeakingError,
    Limits,
    Psa,
    PublicNote,
    RefusedError,
    Visibility,
)
from backend.psa.values import same_house
from backend.psa.writing import write
from tests.support.psa_autotask import AutotaskServer
from tests.support.psa_connectwise import ConnectWiseServer
from tests.support.psa_halo import HaloServer
from tests.support.psa_server import Fault, PsaServer

TICKET = "48213"
NOTE = InternalNote("[FP-H:0123456789ab:escalated]", "Escalated", "Escalated by Tess.\n[FP-H:0123456789ab:escalated]")
QUICK = Limits(pause_s=0.0, most=1_000_000, window_s=1.0)


@pytest.fixture(params=[ConnectWiseServer, HaloServer, AutotaskServer], ids=["connectwise", "halo", "autotask"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[PsaServer]:
    async with request.param() as one:
        yield one


def connect(
    server: PsaServer, *, timeout_s: float = 10.0, limits: Limits = QUICK, other: dict[str, str] | None = None
) -> tuple[Psa, Calls]:
    values = {**server.access(), **(other or {})}
    return systems.build(server.system, values, allow_private=True, limits=limits, timeout_s=timeout_s)  # type: ignore[arg-type]


@pytest.fixture
def psa(server: PsaServer) -> Psa:
    return connect(server)[0]


async def test_a_check_says_who_we_are(psa: Psa) -> None:
    assert (await psa.check()).startswith("Signed in to ")


async def test_a_wrong_secret_is_a_permanent_error_with_a_remedy_and_is_not_repeated_in_it(server: PsaServer) -> None:
    secret = next(f.name for f in systems.SYSTEMS[server.system].fields if f.secret and "public" not in f.name)  # type: ignore[index]
    psa, _ = connect(server, other={secret: "wrong-but-hush"})
    with pytest.raises(RefusedError) as caught:
        await psa.check()
    assert caught.value.about == "connector"
    assert caught.value.remedy
    assert "hush" not in caught.value.text + caught.value.remedy


async def test_a_ticket_comes_with_title_customer_and_description(psa: Psa) -> None:
    ticket = await psa.get_ticket(TICKET)
    found = (ticket.title, ticket.customer, ticket.description, ticket.status)
    assert found == ("VPN drops every hour", "Contoso", "Since Monday the VPN drops.", "New")


@pytest.mark.parametrize("number", ["99", "T20261127.0003", "../../system/info", ""])
async def test_a_ticket_that_is_not_there_is_that_tickets_fault(psa: Psa, number: str) -> None:
    for ask in (psa.get_ticket, psa.notes):
        with pytest.raises(RefusedError) as caught:
            await ask(number)
        assert caught.value.about == "ticket"
        assert caught.value.remedy


async def test_a_note_is_internal_and_sends_nothing_and_is_read_back(server: PsaServer, psa: Psa) -> None:
    written = await write(psa, TICKET, NOTE, again=False)
    (there,) = server.notes()
    assert (there.text, there.public, there.mailed) == (NOTE.text, False, False)
    assert (written.outcome, written.note_id) == ("written", str(there.id))
    (read,) = await psa.notes(TICKET)
    assert (read.text, read.visibility) == (NOTE.text, Visibility.INTERNAL)
    assert read.at is not None
    assert abs((read.at - datetime.now(UTC)).total_seconds()) < 120
    assert read.author is not None
    assert await psa.member_email(read.author) == "api@msp.example"


async def test_a_public_note_takes_a_type_of_its_own_and_a_persons_consent(server: PsaServer, psa: Psa) -> None:
    for allows, confirmed in ((False, uuid4()), (True, None)):
        with pytest.raises(ValueError, match="confirmation"):
            Consent.given(account_allows=allows, confirmed_by=confirmed)
    consent = Consent.given(account_allows=True, confirmed_by=uuid4())
    await write(psa, TICKET, PublicNote("[m]", "Hello", "We are on it. [m]", consent), again=False)
    assert [one.public for one in server.notes()] == [True]


@pytest.mark.parametrize(
    ("hiding_fails", "removing_fails", "outcome"),
    [(False, False, "hidden"), (True, False, "removed"), (True, True, "still_public")],
)
async def test_a_note_that_a_rule_shows_to_customers_is_hidden_or_taken_away(
    server: PsaServer, psa: Psa, hiding_fails: bool, removing_fails: bool, outcome: str
) -> None:
    server.rule_makes_public = True
    server.hiding_fails, server.removing_fails = hiding_fails, removing_fails
    if outcome == "still_public" and server.system == "autotask":  # it tells a refusal by 500, like a fault
        with pytest.raises(LeakingError):
            await write(psa, TICKET, NOTE, again=False)
        return
    written = await write(psa, TICKET, NOTE, again=False)
    assert (written.outcome, written.leaked) == (outcome, True)
    readable = [one for one in server.notes() if one.public and NOTE.marker in one.text]
    assert bool(readable) is (outcome == "still_public")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500, saved=True),
        Fault(502, saved=True),
        Fault(None, saved=True),
        Fault(None, saved=True, drop=True),
        Fault(503),
        Fault(None),
        Fault(None, drop=True),
    ],
    ids=str,
)
async def test_after_an_unknown_outcome_a_retry_writes_no_second_note(server: PsaServer, fault: Fault) -> None:
    psa, _ = connect(server, timeout_s=1.5)
    await psa.check()
    server.fault = lambda asked: fault if asked.method == "POST" and not server.faults else None
    with pytest.raises(AwayError):
        await write(psa, TICKET, NOTE, again=False)
    server.fault = lambda _: None
    written = await write(psa, TICKET, NOTE, again=True)
    assert written.outcome == ("found" if fault.saved else "written")
    assert [one.text for one in server.notes()] == [NOTE.text]


async def test_the_marker_is_found_on_a_ticket_with_many_pages_of_notes(server: PsaServer, psa: Psa) -> None:
    server.save(server.tickets[48213], NOTE.text, public=False)
    for number in range(230):
        server.save(server.tickets[48213], f"Note {number}", public=bool(number % 2))
    assert len(await psa.notes(TICKET)) == 231
    assert (await write(psa, TICKET, NOTE, again=True)).outcome == "found"
    assert len(server.notes()) == 231


async def test_of_two_notes_of_one_event_one_is_taken_away(server: PsaServer, psa: Psa) -> None:
    """A request that we gave up comes to its end while the next one is under way."""
    for _ in range(2):
        server.save(server.tickets[48213], NOTE.text, public=False)
    assert (await write(psa, TICKET, NOTE, again=True)).outcome == "found"
    assert sum(NOTE.marker in one.text for one in server.notes()) == 1


async def test_throttling_says_how_long_to_wait(server: PsaServer, psa: Psa) -> None:
    await psa.check()
    server.faults.append(Fault(429, headers=(("Retry-After", "17"),)))
    with pytest.raises(AwayError) as caught:
        await psa.add_note(TICKET, NOTE)
    assert caught.value.wait_s == 17
    server.faults.append(Fault(429))
    with pytest.raises(AwayError) as caught:
        await psa.add_note(TICKET, NOTE)
    assert caught.value.wait_s, "without a figure of theirs there is one of ours"
    server.faults.append(Fault(503, headers=(("Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"),)))
    with pytest.raises(AwayError) as caught:
        await psa.add_note(TICKET, NOTE)
    assert caught.value.wait_s == 0


@pytest.mark.parametrize(("status", "about"), [(400, "ticket"), (403, "connector"), (404, "ticket")])
async def test_permanent_errors_carry_the_psas_words_and_a_remedy(
    server: PsaServer, psa: Psa, status: int, about: str
) -> None:
    await psa.check()
    server.faults.append(Fault(status))
    with pytest.raises(RefusedError) as caught:
        await psa.add_note(TICKET, NOTE)
    assert (caught.value.about, bool(caught.value.remedy)) == (about, True)
    assert caught.value.text.endswith(f"answered {status}: Something went wrong")


async def test_a_psa_that_hangs_or_is_not_there_is_away(server: PsaServer) -> None:
    psa, _ = connect(server, timeout_s=0.2)
    server.hanging = True
    with pytest.raises(AwayError, match=r"did not answer within 0\.2 s"):
        await psa.check()
    await server.__aexit__()
    with pytest.raises(AwayError, match="does not take connections"):
        await connect(server)[0].check()


async def test_requests_keep_their_distance(server: PsaServer) -> None:
    psa, calls = connect(server, limits=Limits(pause_s=0.15, most=10, window_s=10))
    began = asyncio.get_running_loop().time()
    await asyncio.gather(psa.check(), psa.get_ticket(TICKET))
    assert calls.made == len(server.asked)
    assert asyncio.get_running_loop().time() - began >= 0.15 * (calls.made - 1)


async def test_nothing_is_sent_beside_the_server_unless_the_operator_allows_it(server: PsaServer) -> None:
    values = {**server.access(), "url": server.url.replace("http:", "https:")}
    psa, _ = systems.build(server.system, values, allow_private=False, limits=QUICK)  # type: ignore[arg-type]
    with pytest.raises(RefusedError, match="not on the public internet"):
        await psa.check()
    assert server.asked == []


async def test_status_and_assignment_are_changed_by_name_and_address(server: PsaServer, psa: Psa) -> None:
    await psa.set_status(TICKET, "In Progress")
    await psa.assign(TICKET, "erin@msp.example")
    ticket = server.tickets[48213]
    assert (ticket.status, ticket.owner) == ("In Progress", 11)
    with pytest.raises(RefusedError):
        await psa.set_status(TICKET, "No such status")
    with pytest.raises(RefusedError, match=r"nobody@msp\.example"):
        await psa.assign(TICKET, "nobody@msp.example")


async def test_halo_signs_in_anew_when_its_token_is_taken_back() -> None:
    async with HaloServer() as server:
        psa, _ = connect(server)
        await psa.check()
        server.take_tokens_back()
        await psa.add_note(TICKET, NOTE)
        assert len(server.notes()) == 1


async def test_secrets_go_to_no_address_of_another_domain_that_a_psa_names() -> None:
    elsewhere: list[str] = []
    async with AutotaskServer() as autotask, HaloServer() as halo:
        for server in (autotask, halo):
            psa, _ = connect(server)
            server.port, real = 1, server.port  # what it says of itself leads elsewhere
            server.__class__ = type(server.__class__.__name__, (server.__class__,), {"url": "http://127.0.0.2:9"})
            with pytest.raises(RefusedError):
                await psa.check()
            elsewhere += [one.path for one in server.asked if "token" in one.path or "V1.0" in one.path]
            assert real
    assert elsewhere == []


@pytest.mark.parametrize(
    ("written", "system"),
    [
        ("ConnectWise Manage", "connectwise"),
        ("CW", "connectwise"),
        ("HaloPSA", "halo"),
        ("Halo", "halo"),
        ("Datto Autotask", "autotask"),
        ("Jira", None),
    ],
)
def test_a_tickets_system_is_known_however_it_is_written(written: str, system: str | None) -> None:
    assert systems.system_of(written) == system


@pytest.mark.parametrize(
    ("entered", "named", "believed"),
    [
        ("https://webservices.autotask.net", "https://webservices5.autotask.net/ATServicesRest", True),
        ("https://api-na.myconnectwise.net", "https://na.myconnectwise.net/key", True),
        ("https://shop.halopsa.com", "https://shop.halopsa.com/auth", True),
        ("https://shop.halopsa.com", "https://halopsa.com.evil.example", False),
        ("https://shop.halopsa.com", "https://evilhalopsa.com", False),
        ("https://psa.co.uk", "https://evil.co.uk", False),
        ("https://example.com", "https://evil.com", False),
        ("http://127.0.0.1:1", "http://127.0.0.2:1", False),
    ],
)
def test_a_psa_is_believed_about_its_own_domain_only(entered: str, named: str, believed: bool) -> None:
    assert same_house(entered, named) is believed
