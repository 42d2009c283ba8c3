"""People and roles: who is invited gets in, who is deactivated is out, and somebody always looks after the account."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator

import pytest

from backend.db.engine import Database
from tests.conftest import Http
from tests.support.flow import API, Owner, claimed, escalated
from tests.support.mail_server import MailServer
from tests.support.people import Crew, Member, add_member
from tests.support.server import Server
from tests.support.stream import listening
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]
HERE = "/admin/people"
NEW = {"email": "nina@new.example", "name": "Nina Näslund", "role": "engineer"}


@pytest.fixture
async def crew(people: People) -> Crew:
    return await people()


@pytest.fixture(scope="module")
def post() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="module")
def mailing(serve_module: Callable[..., Server], post: MailServer) -> Server:
    return serve_module(FLOWPILOT_SMTP_URL=post.url, FLOWPILOT_MAIL_FROM="flowpilot@northwind.example")


def secret_in(text: str) -> str:
    found = re.search(r"/join#t=([\w-]{43})", text)
    assert found, text
    return found[1]


async def mailed(post: MailServer, count: int) -> str:
    """The secret in the newest mail."""
    await asyncio.to_thread(post.wait_for, count, timeout=40)
    body = post.received[-1].message.get_body(("plain",))
    assert body is not None
    return secret_in(str(body.get_content()))


async def test_an_invitation_comes_by_mail_works_once_and_signs_in(
    crew: Crew, mailing: Server, post: MailServer
) -> None:
    post.clear()
    async with Forms(mailing) as admin, Forms(mailing) as guest, Forms(mailing) as late:
        await admin.sign_in(crew.admin)
        await admin.get(HERE)
        assert (await admin.post(f"{HERE}/invite", **NEW)).status_code == 303
        secret = await mailed(post, 1)
        assert post.received[-1].recipients == (NEW["email"],)
        offered = await guest.post("/join", ticket=secret)
        assert crew.admin.name not in offered.text
        assert NEW["name"] in offered.text
        short = await guest.post("/join/accept", ticket=secret, name=NEW["name"], password="short")
        assert "12 to 1024" in short.text
        done = await guest.post("/join/accept", ticket=secret, name=NEW["name"], password="long enough words")
        assert (done.status_code, done.headers["location"]) == (303, "/sessions")
        assert "Senior engineer" in (await guest.get("/sessions")).text
        assert (await late.post("/join", ticket=secret)).status_code == 403
        page = (await admin.get(HERE)).text
        assert 'data-testid="invite-row"' not in page
        assert NEW["name"] in page


async def test_a_new_link_ends_the_old_one_and_taking_it_back_ends_both(
    crew: Crew, mailing: Server, post: MailServer, database_url: str
) -> None:
    post.clear()
    async with Forms(mailing) as admin, Forms(mailing) as guest:
        await admin.sign_in(crew.admin)
        await admin.get(HERE)
        await admin.post(f"{HERE}/invite", **NEW)
        first = await mailed(post, 1)
        invite = await Owner(database_url).value("SELECT id FROM invite")
        assert (await admin.post(f"{HERE}/invite/{invite}/resend")).status_code == 303
        second = await mailed(post, 2)
        assert first != second
        assert (await guest.post("/join", ticket=first)).status_code == 403
        assert (await guest.post("/join", ticket=f"https://x.example/join#t={second}")).status_code == 200
        await admin.post(f"{HERE}/invite/{invite}/revoke")
        assert (
            await guest.post("/join/accept", ticket=second, name="N", password="long enough here")
        ).status_code == 403
    kept = [str(row) for row in await Owner(database_url).fetch("SELECT * FROM invite, job")]
    assert not any(one in text for one in (first, second) for text in kept)
    assert first not in mailing.logs
    assert second not in mailing.logs


async def test_a_link_for_a_new_password_ends_the_sign_ins_of_before(
    crew: Crew, mailing: Server, post: MailServer
) -> None:
    post.clear()
    async with Forms(mailing) as admin, Forms(mailing) as old, Forms(mailing) as fresh:
        await old.sign_in(crew.technician)
        await admin.sign_in(crew.admin)
        await admin.get(HERE)
        assert (await admin.post(f"{HERE}/{crew.technician.id}/password")).status_code == 303
        secret = await mailed(post, 1)
        done = await fresh.post("/join/accept", ticket=secret, name="x", password="another long one")
        assert done.status_code == 303
        assert crew.technician.name in (await fresh.get("/sessions")).text
        assert (await old.get("/sessions")).status_code == 303
        assert (await old.sign_in(crew.technician)).status_code == 401


async def test_without_a_mail_server_the_link_is_passed_on_by_hand(crew: Crew, server: Server) -> None:
    async with Forms(server) as admin, Forms(server) as guest:
        await admin.sign_in(crew.admin)
        await admin.get(HERE)
        await admin.post(f"{HERE}/invite", **NEW)
        page = (await admin.get(HERE)).text
        assert "No mail server" in page
        assert (await guest.post("/join", ticket=secret_in(page))).status_code == 200


async def test_a_deactivated_person_is_out_at_once_sockets_included(crew: Crew, server: Server, http: Http) -> None:
    async with Forms(server) as admin, Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        await admin.sign_in(crew.admin)
        await admin.get(HERE)
        async with listening(server, crew.engineer) as client:
            assert (await admin.post(f"{HERE}/{crew.engineer.id}/deactivate")).status_code == 303
            async with asyncio.timeout(60):
                await client.connection.wait_closed()
            assert client.connection.close_code == 4401
        assert (await http(crew.engineer).get(f"{API}/me")).status_code == 401
        assert (await browser.get("/sessions")).headers["location"].startswith("/sign-in")
        assert (await browser.sign_in(crew.engineer)).status_code == 401
        await admin.get(HERE)
        await admin.post(f"{HERE}/{crew.engineer.id}/activate")
        assert (await browser.sign_in(crew.engineer)).status_code == 303
        assert (await http(crew.engineer).get(f"{API}/me")).status_code == 401, "what was revoked stays so"


async def test_what_a_leaver_had_claimed_waits_again_whoever_ends_the_sign_in(
    crew: Crew, mailing: Server, http: Http, database_url: str
) -> None:
    """Nobody would come for it any more, and the queue would say that somebody does."""
    junior, owner = http(crew.technician, at=mailing), Owner(database_url)
    handoff = (await escalated(junior))["id"]

    async def status() -> tuple[str, str]:
        seen = (await junior.get(f"{API}/handoffs/{handoff}")).json()
        return seen["status"], next(one["detail"] for one in seen["timeline"] if one["kind"] == "released")

    await claimed(http(crew.engineer, at=mailing), handoff)
    async with Forms(mailing) as admin:
        await admin.sign_in(crew.admin)
        assert "goes back to the queue" in (await admin.get(f"{HERE}?person={crew.engineer.id}")).text
        await admin.post(f"{HERE}/{crew.engineer.id}/deactivate")
    assert await status() == ("pending", "Has left: the sign-in was ended.")
    await claimed(http(crew.second_engineer, at=mailing), handoff)
    # The server stopped, or the claim came, between the end of the sign-in and the giving back.
    await owner.fetch("UPDATE app_user SET active = false WHERE id = $1::uuid", crew.second_engineer.id)
    await owner.fetch("SELECT replan_account($1::uuid)", crew.account_id)
    async with asyncio.timeout(30):
        while (await status())[0] != "pending":  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.1)
    released = "SELECT count(*) FROM account_event WHERE kind = 'handoff.released'"
    assert await owner.value(released) == 2, "each told once"


async def test_of_two_removals_at_once_one_is_refused(
    crew: Crew, server: Server, database: Database, database_url: str
) -> None:
    """Two owners take each other out in the same moment: one of them stays."""
    other = await add_member(database, crew, name="Otto Other", role="owner")
    owner = Owner(database_url)
    await owner.fetch("UPDATE app_user SET role = 'engineer' WHERE role = 'admin'")
    await owner.fetch(
        "UPDATE app_user SET password_hash = (SELECT password_hash FROM app_user WHERE role = 'viewer') WHERE name ="
        " 'Otto Other'"
    )
    async with Forms(server) as one, Forms(server) as two:
        for forms, who in ((one, crew.owner), (two, other)):
            await forms.sign_in(who)
            await forms.get(HERE)
        answers = await asyncio.gather(
            one.post(f"{HERE}/{other.id}/deactivate"), two.post(f"{HERE}/{crew.owner.id}/deactivate")
        )
    assert await owner.value("SELECT count(*) FROM app_user WHERE active AND role = 'owner'") == 1
    assert min(answer.status_code for answer in answers) == 303


async def test_the_last_administrator_stays(crew: Crew, server: Server, database_url: str) -> None:
    owner = Owner(database_url)
    await owner.fetch("UPDATE app_user SET role = 'viewer' WHERE role = 'owner'")
    async with Forms(server) as admin:
        await admin.sign_in(crew.admin)
        await admin.get(HERE)
        for what, fields in (("deactivate", {}), ("role", {"role": "engineer"})):
            answer = await admin.post(f"{HERE}/{crew.admin.id}/{what}", **fields)
            assert "There must be one administrator." in answer.text, what
    assert await owner.value("SELECT active AND role = 'admin' FROM app_user WHERE email = $1", crew.admin.email)


async def test_administrators_make_and_unmake_no_owners(crew: Crew, server: Server) -> None:
    async with Forms(server) as admin:
        await admin.sign_in(crew.admin)
        await admin.get(HERE)
        tries: list[tuple[Member, str, dict[str, str]]] = [
            (crew.owner, "deactivate", {}),
            (crew.owner, "role", {"role": "viewer"}),
            (crew.owner, "password", {}),
            (crew.admin, "role", {"role": "owner"}),
        ]
        for who, what, fields in tries:
            assert (await admin.post(f"{HERE}/{who.id}/{what}", **fields)).status_code == 403, what
        assert (await admin.post(f"{HERE}/invite", **{**NEW, "role": "owner"})).status_code == 403


async def test_seniors_and_other_accounts_change_nobody(
    crew: Crew, people: People, server: Server, database_url: str
) -> None:
    theirs = await people("Contoso MSP")
    before = await Owner(database_url).fetch("SELECT * FROM app_user ORDER BY id")
    async with Forms(server) as senior, Forms(server) as stranger:
        await senior.sign_in(crew.engineer)
        await senior.get("/sessions")
        await stranger.sign_in(theirs.owner)
        await stranger.get("/sessions")
        for what in ("deactivate", "activate", "role", "phone", "password"):
            fields = {"role": "viewer", "phone": "1234"}
            assert (await senior.post(f"{HERE}/{crew.viewer.id}/{what}", **fields)).status_code == 403, what
            assert (await stranger.post(f"{HERE}/{crew.viewer.id}/{what}", **fields)).status_code == 404, what
        assert crew.viewer.email not in (await stranger.get(HERE)).text
    assert await Owner(database_url).fetch("SELECT * FROM app_user ORDER BY id") == before


async def test_five_wrong_passwords_make_a_pause_for_that_address_and_person(crew: Crew, server: Server) -> None:
    async with Forms(server) as browser:
        said = []
        for _ in range(6):
            answer = await browser.post("/sign-in", email=crew.engineer.email, password="wrong")
            said.append(
                re.sub(r".*data-testid=\"signin-error\".*?<span>(.*?)</span>.*", r"\1", answer.text, flags=re.DOTALL)
            )
        for left, words in zip((4, 3, 2), said, strict=False):
            assert words == f"That e-mail and password do not match. {left} tries left before a 15 min pause."
        assert "1 try left" in said[3]
        assert said[4].startswith("Too many tries. Try again at ")
        right = await browser.sign_in(crew.engineer)
        assert (right.status_code, "Too many tries" in right.text) == (429, True)
        assert (await browser.sign_in(crew.technician)).status_code == 303, "nobody else is paused"


async def test_a_thousand_guesses_at_once_are_not_a_thousand_looks(crew: Crew, server: Server) -> None:
    async with Forms(server) as browser:
        answers = await asyncio.gather(
            *(browser.post("/sign-in", email=crew.viewer.email, password=f"guess {n}") for n in range(25))
        )
    assert sum(answer.status_code == 401 for answer in answers) <= 5


async def test_the_right_password_forgets_the_tries(crew: Crew, server: Server) -> None:
    async with Forms(server) as browser:
        for _ in range(3):
            for _ in range(4):
                assert (await browser.post("/sign-in", email=crew.owner.email, password="no")).status_code == 401
            assert (await browser.sign_in(crew.owner)).status_code == 303


async def test_a_link_for_a_new_password_ends_when_the_person_gets_another_role(crew: Crew, server: Server) -> None:
    """An administrator made it for a senior engineer: it must not let anyone in as the owner they have become."""
    async with Forms(server) as admin, Forms(server) as owner, Forms(server) as guest:
        await admin.sign_in(crew.admin)
        await admin.get(HERE)
        assert (await admin.post(f"{HERE}/{crew.engineer.id}/password")).status_code == 303
        secret = secret_in((await admin.get(HERE)).text)
        assert (await guest.post("/join", ticket=secret)).status_code == 200
        await owner.sign_in(crew.owner)
        await owner.get(HERE)
        assert (await owner.post(f"{HERE}/{crew.engineer.id}/role", role="owner")).status_code == 303
        assert "/join#t=" not in (await admin.get(HERE)).text
        taken = await guest.post("/join/accept", ticket=secret, name="x", password="long enough words")
        assert taken.status_code == 403
        assert (await guest.sign_in(crew.engineer)).status_code == 303, "the password of before holds"


async def test_a_link_that_outlived_its_role_or_its_address_is_judged_by_those_of_now(
    crew: Crew, server: Server, database_url: str
) -> None:
    """However they were changed: by a directory, or at the command line of the database, too."""
    async with Forms(server) as admin, Forms(server) as guest:
        await admin.sign_in(crew.admin)
        await admin.get(HERE)
        await admin.post(f"{HERE}/{crew.engineer.id}/password")
        secret = secret_in((await admin.get(HERE)).text)
        invite = await Owner(database_url).value("SELECT id FROM invite")
        change = "UPDATE app_user SET email = $1, role = $2 WHERE name = 'Erin Engineer'"
        for email, role in (("berg@northwindmsp.example", "engineer"), (crew.engineer.email, "owner")):
            await Owner(database_url).fetch(change, email, role)
            answer = await guest.post("/join/accept", ticket=secret, name="x", password="long enough words")
            assert answer.status_code == 403, role
        assert (await admin.post(f"{HERE}/invite/{invite}/resend")).status_code == 403


@pytest.mark.parametrize(("what", "fields"), [("deactivate", {}), ("role", {"role": "engineer"})])
async def test_invitations_by_somebody_who_is_no_administrator_any_more_end(
    crew: Crew, server: Server, what: str, fields: dict[str, str]
) -> None:
    async with Forms(server) as admin, Forms(server) as owner, Forms(server) as guest:
        await admin.sign_in(crew.admin)
        await admin.get(HERE)
        await admin.post(f"{HERE}/invite", **{**NEW, "role": "admin"})
        secret = secret_in((await admin.get(HERE)).text)
        await owner.sign_in(crew.owner)
        await owner.get(HERE)
        await owner.post(f"{HERE}/invite", **{**NEW, "email": "stays@new.example"})
        assert (await owner.post(f"{HERE}/{crew.admin.id}/{what}", **fields)).status_code == 303
        joined = await guest.post("/join/accept", ticket=secret, name="N", password="long enough words")
        assert joined.status_code == 403
        page = (await owner.get(HERE)).text
        assert page.count('data-testid="invite-row"') == 1
        assert "stays@new.example" in page


async def test_whoever_has_no_link_makes_the_server_hash_nothing_and_is_paused(
    crew: Crew, server: Server, database_url: str
) -> None:
    """The link is looked at before the password is, and tries are counted with those to sign in."""
    async with Forms(server) as guest:
        refused = await guest.post("/join/accept", ticket="nonsense", name="N", password="short")
        assert (refused.status_code, "12 to 1024" in refused.text) == (403, False)
        answers = [
            await guest.post("/join/accept", ticket="no", name="N", password="long enough here") for _ in range(60)
        ]
        assert [answer.status_code for answer in answers] == [403] * 59 + [429]
        assert "Too many tries. Try again at " in answers[-1].text
        assert (await guest.sign_in(crew.viewer)).status_code == 429
    await Owner(database_url).fetch("DELETE FROM sign_in_tries")


async def test_an_owners_invitation_takes_the_page_from_no_administrator(
    crew: Crew, server: Server, database_url: str
) -> None:
    """Without a mail server the page shows links: those that this administrator may not use are left out."""
    async with Forms(server) as admin, Forms(server) as owner:
        await owner.sign_in(crew.owner)
        await owner.get(HERE)
        await owner.post(f"{HERE}/invite", **{**NEW, "role": "owner"})
        await owner.post(f"{HERE}/{crew.owner.id}/password")
        await admin.sign_in(crew.admin)
        page = await admin.get(HERE)
        assert (page.status_code, "/join#t=" in page.text) == (200, False)
        assert page.text.count('data-testid="invite-row"') == 2
        assert (await owner.get(HERE)).text.count("/join#t=") == 2
    lives = await Owner(database_url).fetch(
        "SELECT extract(day FROM expires_at - created_at + interval '1 minute')::int FROM invite ORDER BY user_id"
    )
    assert [row[0] for row in lives] == [1, 7], "a link into an account that is there lasts a day"


async def test_an_account_mails_no_more_links_than_an_hour_may_see(
    crew: Crew, server: Server, database_url: str
) -> None:
    async with Forms(server) as admin:
        await admin.sign_in(crew.admin)
        await admin.get(HERE)
        await admin.post(f"{HERE}/invite", **NEW)
        await Owner(database_url).fetch("UPDATE invite SET turn = 200")
        other = {**NEW, "email": "other@new.example"}
        assert (await admin.post(f"{HERE}/invite", **other)).status_code == 429
        await admin.get(HERE)
        await Owner(database_url).fetch("UPDATE invite SET expires_at = expires_at - interval '61 minutes'")
        assert (await admin.post(f"{HERE}/invite", **other)).status_code == 303


async def test_people_are_told_apart_by_trusted_proxies_alone(
    crew: Crew, server: Server, serve_module: Callable[..., Server], database_url: str
) -> None:
    """Whose word about the address counts: of a proxy on this machine by default, else of those that are named."""
    other = await asyncio.to_thread(serve_module, FLOWPILOT_TRUSTED_PROXIES="192.0.2.0/24")
    for where in (server, other):
        async with Forms(where) as browser:
            browser.http.headers["X-Forwarded-For"] = "203.0.113.9"
            await browser.sign_in(crew.viewer)
    rows = await Owner(database_url).fetch("SELECT address FROM web_session ORDER BY created_at")
    assert [row[0] for row in rows] == ["203.0.113.9", "127.0.0.1"]


async def test_one_person_is_one_in_whatever_letters_and_an_ipv6_network_one_address(
    crew: Crew, server: Server, database_url: str
) -> None:
    async with Forms(server) as browser:
        for number in range(4):
            browser.http.headers["X-Forwarded-For"] = f"2001:db8:0:1::{number}"
            email = crew.admin.email.replace("i", "İ" if number % 2 else "I")
            assert (await browser.post("/sign-in", email=email, password="wrong")).status_code == 401
        await browser.post("/sign-in", email="nobody@here.example", password="wrong")
    counts = await Owner(database_url).fetch("SELECT count FROM sign_in_tries ORDER BY count")
    assert [row[0] for row in counts] == [1, 1, 4, 4, 5]
    written = await Owner(database_url).fetch(
        "SELECT target FROM audit_pending WHERE action = 'sign_in.failed'"
        " UNION ALL SELECT target FROM audit_entry WHERE action = 'sign_in.failed'"
    )
    assert [row[0] for row in written] == [crew.admin.email] * 4, "nothing is kept about addresses that nobody has"
