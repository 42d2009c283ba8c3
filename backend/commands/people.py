"""`account create`, `user create`, `token create`: results on standard output, nothing else there."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from backend.commands.console import say, tell
from backend.commands.database import command_database_url, opened, refuse_without_database
from backend.commands.errors import CommandError
from backend.db.engine import Database
from backend.identity import service
from backend.identity.domains import confirm_domain
from backend.identity.passwords import breached
from backend.settings import Settings

_Result = TypeVar("_Result")


def create_account(arguments: argparse.Namespace) -> int:
    """Make an account and its owner; prints one JSON object."""
    password = _password(arguments)
    account_id, user_id = _with_database(
        lambda database: service.create_account(
            database,
            name=arguments.name,
            owner_email=arguments.owner_email,
            owner_name=arguments.owner_name,
            password=password,
        ),
        new=True,
    )
    tell(json.dumps({"account_id": str(account_id), "user_id": str(user_id)}))
    return 0


def add_domain(arguments: argparse.Namespace) -> int:
    """Confirm a domain as an account's; prints one JSON object."""
    domain = _with_database(lambda database: confirm_domain(database, arguments.account, arguments.add))
    tell(json.dumps({"account_id": str(arguments.account), "domain": domain}))
    return 0


def create_user(arguments: argparse.Namespace) -> int:
    """Make a user of an account; prints one JSON object."""
    password = _password(arguments)
    user_id = _with_database(
        lambda database: service.create_user(
            database,
            account_id=arguments.account,
            email=arguments.email,
            name=arguments.name,
            role=arguments.role,
            password=password,
        )
    )
    tell(json.dumps({"user_id": str(user_id)}))
    return 0


def create_token(arguments: argparse.Namespace) -> int:
    """Make a personal access token; prints it alone on one line."""
    token = _with_database(
        lambda database: service.create_token(
            database,
            email=arguments.email,
            label=arguments.label,
            expires_days=arguments.expires_days,
            scope=arguments.scope,
        )
    )
    tell(token)
    return 0


def _with_database(work: Callable[[Database], Awaitable[_Result]], *, new: bool = False) -> _Result:
    """Do the work; only what may be the first thing in a data directory (`new`) makes a database there."""

    async def run(url: str) -> _Result:
        async with opened(url) as database:
            return await work(database)

    if not new:
        refuse_without_database()
    with command_database_url(Settings.from_environment()) as url:
        return asyncio.run(run(url))


def _password(arguments: argparse.Namespace) -> str | None:
    """Read the password from standard input when asked to; one line end after it is not part of it."""
    if not arguments.password_stdin:
        return None
    password = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not password:
        raise CommandError("no password came on standard input")
    if breached(password):
        say("this password is among those that guessers try first; have it changed on /account/security")
    return password
