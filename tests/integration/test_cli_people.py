"""Making accounts, people and tokens: what an administrator's script reads from standard output."""

import asyncio
import json
import uuid
from pathlib import Path

import pytest

from backend.db.engine import Database
from backend.identity.service import IdentityService
from tests.conftest import Http
from tests.support import postgres
from tests.support.cli import flowpilot

OWNER = ("--name", "Northwind MSP", "--owner-email", "olga@northwind.example", "--owner-name", "Olga Owner")
UNKNOWN_ACCOUNT = (
    *("user", "create", "--account", str(uuid.UUID(int=7))),
    *("--email", "a@b.example", "--name", "A", "--role", "viewer"),
)


async def test_a_script_builds_an_account_from_nothing(
    database_url: str, database: Database, http: Http, tmp_path: Path
) -> None:
    def run(*arguments: str, text_in: str = "") -> str:
        answer = flowpilot(*arguments, data_dir=tmp_path, database_url=database_url, text_in=text_in)
        assert (answer.code, answer.err) == (0, "")
        return answer.out

    made = json.loads(await asyncio.to_thread(run, "account", "create", *OWNER))
    assert set(made) == {"account_id", "user_id"}
    user = ("--account", made["account_id"], "--email", "sam@northwind.example", "--name", "Sam Senior")
    password = "a password with spaces "
    out = await asyncio.to_thread(
        run, "user", "create", *user, "--role", "engineer", "--password-stdin", text_in=password + "\n"
    )
    assert set(json.loads(out)) == {"user_id"}
    out = await asyncio.to_thread(run, "token", "create", "--email", "sam@northwind.example", "--label", "laptop")
    token, nothing = out.split("\n")
    assert nothing == ""

    me = (await http(token).get("/api/v1/me")).json()
    assert (me["user"]["name"], me["role"]) == ("Sam Senior", "engineer")
    signed_in = await IdentityService(database, "x" * 32).sign_in("sam@northwind.example", password)
    assert str(signed_in.caller.account_id) == made["account_id"]


async def test_a_first_password_that_guessers_know_stands_and_is_said_to_be_one(
    database_url: str, database: Database, tmp_path: Path
) -> None:
    answer = await asyncio.to_thread(
        flowpilot,
        *("account", "create", *OWNER, "--password-stdin"),
        data_dir=tmp_path,
        database_url=database_url,
        text_in="Password1\n",
    )
    assert (answer.code, set(json.loads(answer.out))) == (0, {"account_id", "user_id"})
    assert "among those that guessers try first" in answer.err
    assert "Password1" not in answer.err


@pytest.mark.parametrize(
    ("arguments", "text_in", "sentence"),
    [
        (("token", "create", "--email", "nobody@northwind.example"), "", "no active user"),
        (("account", "create", *OWNER, "--password-stdin"), "", "no password came"),
        (("account", "create", *OWNER, "--password-stdin"), "short\n", "A password needs"),
        (("account", "create", "--name", "N", "--owner-email", "nowhere", "--owner-name", "O"), "", "e-mail address"),
        (UNKNOWN_ACCOUNT, "", "no account"),
    ],
)
async def test_what_cannot_be_made_is_one_line_and_exit_2(
    arguments: tuple[str, ...], text_in: str, sentence: str, database_url: str, tmp_path: Path
) -> None:
    answer = await asyncio.to_thread(
        flowpilot, *arguments, data_dir=tmp_path, database_url=database_url, text_in=text_in
    )
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert sentence in answer.err


async def test_an_address_is_taken_once(database_url: str, tmp_path: Path) -> None:
    first, second = [
        await asyncio.to_thread(flowpilot, "account", "create", *OWNER, data_dir=tmp_path, database_url=database_url)
        for _ in range(2)
    ]
    assert (first.code, second.code) == (0, 2)
    assert "already a user" in second.err


@pytest.mark.slow
async def test_a_database_that_is_behind_is_named_and_mended(cluster_url: str, tmp_path: Path) -> None:
    url = await postgres.empty_database(cluster_url, f"behind_{uuid.uuid4().hex}")

    def run(*arguments: str) -> tuple[int, str]:
        answer = flowpilot(*arguments, data_dir=tmp_path, database_url=url)
        return answer.code, answer.out + answer.err

    try:
        code, said = await asyncio.to_thread(run, "account", "create", *OWNER)
        assert (code, "run `flowpilot migrate`" in said) == (2, True)
        code, said = await asyncio.to_thread(run, "doctor")
        assert (code, "WRONG  migrations" in said) == (2, True)
        assert (await asyncio.to_thread(run, "migrate"))[0] == 0
        assert (await asyncio.to_thread(run, "migrate"))[0] == 0
        code, said = await asyncio.to_thread(run, "doctor")
        assert (code, "WRONG" in said) == (0, False)
        assert (await asyncio.to_thread(run, "account", "create", *OWNER))[0] == 0
    finally:
        await postgres.drop_database(cluster_url, url.partition("@/")[2].partition("?")[0])
