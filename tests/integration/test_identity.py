"""Signing in, people and their tokens."""

import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from backend.db.engine import Database
from backend.domain.refusal import Refusal
from backend.identity.credentials import hash_password
from backend.identity.service import IdentityService, create_account, create_token, create_user
from tests.conftest import Http
from tests.support.flow import API, Owner, refused
from tests.support.people import PASSWORD, Crew

People = Callable[..., Awaitable[Crew]]
KEY = "a key of the tests, long enough to be one"


async def test_me_says_who_where_and_what_i_may(people: People, http: Http) -> None:
    crew = await people()
    for who in crew.everyone:
        me = (await http(who).get(f"{API}/me")).json()
        assert me["user"] == {"id": who.id, "name": who.name, "email": who.email, "role": who.role}
        assert me["role"] == who.role
        assert (me["account"]["id"], me["account"]["name"]) == (crew.account_id, "Northwind MSP")
        assert ("handoff.claim" in me["permissions"]) is (who.role in {"engineer", "admin", "owner"})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access_token SET revoked_at = now()",
        "UPDATE access_token SET expires_at = now() - interval '1 second'",
        "UPDATE app_user SET active = false",
    ],
)
async def test_a_token_ends_with_its_time_its_revocation_and_its_person(
    people: People, http: Http, database_url: str, statement: str
) -> None:
    client = http((await people()).engineer)
    assert (await client.get(f"{API}/me")).status_code == 200
    await Owner(database_url).fetch(statement)
    refused(await client.get(f"{API}/me"), 401, "unauthenticated")


async def test_a_password_opens_one_persons_session_and_wrong_ones_tell_nothing(
    people: People, database: Database, database_url: str
) -> None:
    crew = await people()
    as_set = await hash_password(PASSWORD)  # as a person sets it: what a crew has is cheaper to check
    await Owner(database_url).fetch("UPDATE app_user SET password_hash = $1 WHERE id = $2", as_set, crew.engineer.id)
    identity = IdentityService(database, KEY)
    opened = await identity.sign_in(crew.engineer.email.upper(), PASSWORD)
    assert str(opened.caller.user_id) == crew.engineer.id
    assert identity.check_csrf(opened.token, opened.csrf)
    other = await identity.sign_in(crew.engineer.email, PASSWORD)
    assert not identity.check_csrf(other.token, opened.csrf), "an anti-forgery value belongs to one web session"
    assert not identity.check_csrf(opened.token, "é")
    await identity.sign_out(opened.token)
    assert await identity.caller_from_cookie(opened.token) is None
    assert await identity.caller_from_cookie(other.token) is not None
    messages, took = set(), []
    wrong_ones = [(crew.engineer.email, "wrong"), ("nobody@northwindmsp.example", PASSWORD), ("", "")]
    wrong_ones += [(crew.engineer.email + "\x00", PASSWORD), ("\ud800", "\ud800")]
    for email, password in wrong_ones:
        begun = time.process_time()  # of all threads; how long it takes tells of the machine as well
        with pytest.raises(Refusal) as no:
            await identity.sign_in(email, password)
        took.append(time.process_time() - begun)
        messages.add((no.value.code, no.value.detail))
    assert len(messages) == 1, "which of the two was wrong is not told"
    assert max(took) < 50 * min(took), "an unknown address costs the same work"


async def test_addresses_are_unique_over_all_accounts_whatever_the_case(people: People, database: Database) -> None:
    crew = await people()
    with pytest.raises(Refusal, match="already a user"):
        await create_account(
            database, name="Other", owner_email=crew.owner.email.upper(), owner_name="O", password=None
        )
    account = UUID(crew.account_id)
    bad: list[dict[str, Any]] = [
        {"email": crew.viewer.email},
        {"email": "no address"},
        {"role": "root"},
        {"password": "short"},
        {"name": " "},
        {"account_id": uuid4()},
    ]
    for wrong in bad:
        good = {"account_id": account, "email": "new@x.example", "name": "New", "role": "viewer", "password": None}
        with pytest.raises(Refusal):
            await create_user(database, **{**good, **wrong})
    with pytest.raises(Refusal, match="no active user"):
        await create_token(database, email="nobody@x.example")
    with pytest.raises(Refusal, match="1 to 3650"):
        await create_token(database, email=crew.viewer.email, expires_days=0)
