"""The command `flowpilot`: reads arguments, calls one command, turns every refusal into one plain line and exit 2."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn
from uuid import UUID

from backend.commands.console import say
from backend.commands.errors import CommandError
from backend.contract.vocabulary import ROLE_LABEL
from backend.db.embedded_files import EmbeddedError
from backend.domain.refusal import Refusal
from backend.domain.scopes import LEVELS
from backend.settings import SettingsError
from backend.version import own_version

REFUSED: Final = 2
BROKEN: Final = 1
NOT_INSTALLED: Final = "(not installed: run from its source)"
_REFUSALS: Final = (CommandError, SettingsError, EmbeddedError, Refusal)


class _Parser(argparse.ArgumentParser):
    """argparse with errors in one plain line, as every other refusal of this program."""

    def error(self, message: str) -> NoReturn:
        self.exit(REFUSED, f"flowpilot: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0, 2 for bad usage and refusals, 1 for what went wrong inside."""
    try:
        chosen = _parser().parse_args(arguments)
        if chosen.data_dir is not None:
            os.environ["FLOWPILOT_DATA_DIR"] = str(chosen.data_dir.absolute())
        # Imported when asked for: --help and a refusal need neither the server nor the database driver.
        module, _, function = chosen.handler.partition(":")
        code: int = getattr(importlib.import_module(module), function)(chosen)
    except _REFUSALS as refusal:
        return _complain(str(refusal), REFUSED)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # the last stand: people get a sentence, the log level decides on the rest
        if os.environ.get("FLOWPILOT_LOG_LEVEL", "").lower() == "debug":
            raise
        first = (str(error).splitlines() or [""])[0]
        return _complain(f"unexpected {type(error).__name__}: {first} (FLOWPILOT_LOG_LEVEL=debug shows where)", BROKEN)
    return code


def _complain(sentence: str, code: int) -> int:
    say(" ".join(sentence.split()))
    return code


def _parser() -> argparse.ArgumentParser:
    shared = _Parser(add_help=False)
    shared.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="where data, settings and the embedded database are kept"
    )
    parser = _Parser(prog="flowpilot", description="Escalations for managed service providers.")
    parser.add_argument("--version", action="version", version=f"flowpilot {own_version() or NOT_INSTALLED}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)

    serve = commands.add_parser("serve", parents=[shared], help="run the backend and the web app")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    serve.add_argument("--port", type=_port, default=8000, help="port to listen on (default %(default)s)")
    serve.add_argument("--workers", type=_workers, default=1, metavar="N", help="server processes (default 1)")
    serve.set_defaults(handler="backend.commands.serve:run")

    worker = commands.add_parser("worker", parents=[shared], help="do the due work alone, beside servers")
    worker.set_defaults(handler="backend.commands.worker:run")

    demo = commands.add_parser("demo", parents=[shared], help="serve with a demo account and show how to sign in")
    demo.add_argument("--port", type=_port, default=8000, help="port to listen on (default %(default)s)")
    demo.add_argument("--no-tray", action="store_true", help="do not start the desktop app")
    demo.set_defaults(handler="backend.commands.demo:run", host="127.0.0.1", workers=1)

    migrate = commands.add_parser("migrate", parents=[shared], help="bring the database up to date")
    migrate.set_defaults(handler="backend.commands.migrate:run")

    backup = commands.add_parser("backup", parents=[shared], help="write everything into one file, while all work on")
    backup.add_argument("file", type=Path, metavar="FILE", help="a new file; whoever has it can read everything")
    backup.set_defaults(handler="backend.commands.backup:back_up")

    restore = commands.add_parser("restore", parents=[shared], help="make a new data directory from a backup")
    restore.add_argument("file", type=Path, metavar="FILE", help="what `flowpilot backup` wrote")
    restore.set_defaults(handler="backend.commands.backup:bring_back")

    doctor = commands.add_parser("doctor", parents=[shared], help="check settings, database, mail, AI and broker")
    doctor.set_defaults(handler="backend.commands.doctor:run")

    audit = _group(commands, "audit", "the audit log")
    verify = audit.add_parser("verify", parents=[shared], help="check that nothing in it was changed or taken out")
    verify.add_argument("--account", type=UUID, metavar="ID", help="one account alone (default: all)")
    verify.add_argument(
        "--anchors", type=Path, metavar="FILE", help="the anchors (default: those of the data directory)"
    )
    verify.set_defaults(handler="backend.commands.audit:verify")

    runbook = _group(commands, "runbook", "runbooks of an account")
    take = runbook.add_parser("import", parents=[shared], help="take Markdown files as runbooks, all of them or none")
    take.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, or folders with Markdown in them")
    take.add_argument("--account", required=True, type=UUID, metavar="ID", help="the account's id")
    take.add_argument("--dry-run", action="store_true", help="say what would come of it, and write nothing")
    take.set_defaults(handler="backend.commands.runbooks:import_files")

    _add_people(commands, shared)
    return parser


def _add_people(commands: "argparse._SubParsersAction[_Parser]", shared: _Parser) -> None:
    account = _group(commands, "account", "accounts, one per service provider")
    create = account.add_parser("create", parents=[shared], help="make an account and its owner")
    create.add_argument("--name", required=True, help="the service provider's name")
    create.add_argument("--owner-email", required=True, metavar="EMAIL")
    create.add_argument("--owner-name", required=True, metavar="NAME")
    _add_password(create)
    create.set_defaults(handler="backend.commands.people:create_account")

    domain = account.add_parser("domain", parents=[shared], help="confirm that a mail domain is an account's")
    domain.add_argument("--account", required=True, type=UUID, metavar="ID", help="the account's id")
    domain.add_argument("--add", required=True, metavar="DOMAIN", help="such as northwind.example")
    domain.set_defaults(handler="backend.commands.people:add_domain")

    user = _group(commands, "user", "people of an account")
    create = user.add_parser("create", parents=[shared], help="make a user")
    create.add_argument("--account", required=True, type=UUID, metavar="ID", help="the account's id")
    create.add_argument("--email", required=True)
    create.add_argument("--name", required=True)
    create.add_argument("--role", required=True, choices=sorted(ROLE_LABEL), metavar="ROLE", help="%(choices)s")
    _add_password(create)
    create.set_defaults(handler="backend.commands.people:create_user")

    token = _group(commands, "token", "personal access tokens")
    create = token.add_parser("create", parents=[shared], help="make a token and print it, once")
    create.add_argument("--email", required=True, help="whose token it is")
    create.add_argument("--label", default="", help="what it is for")
    create.add_argument("--expires-days", type=_days, default=90, metavar="N", help="when it ends (default: 90)")
    create.add_argument("--scope", choices=LEVELS, help="what it may do (default: all that its person may)")
    create.set_defaults(handler="backend.commands.people:create_token")


def _group(
    commands: "argparse._SubParsersAction[_Parser]", name: str, about: str
) -> "argparse._SubParsersAction[_Parser]":
    group = commands.add_parser(name, help=about)
    return group.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Parser)


def _add_password(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")


def _port(text: str) -> int:
    return _number(text, 0, 65_535)


def _workers(text: str) -> int:
    return _number(text, 1, 64)


def _days(text: str) -> int:
    return _number(text, 1, 3_650)


def _number(text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"must be a number from {least} to {most}, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
