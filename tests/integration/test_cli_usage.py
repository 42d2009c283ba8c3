"""The command line's manners: an operator who mistypes gets one plain line and exit 2, never a traceback."""

import socket
from pathlib import Path
from uuid import UUID

import pytest

from tests.support.cli import Answer, flowpilot
from tests.support.mail_server import MailServer

COMMANDS = (
    ("serve",),
    ("demo",),
    ("migrate",),
    ("doctor",),
    ("account", "create"),
    ("user", "create"),
    ("token", "create"),
)


def refused(answer: Answer) -> str:
    """The one line of a refusal."""
    assert answer.code == 2, answer
    assert answer.out == ""
    assert answer.err.count("\n") == 1, answer.err
    assert answer.err.startswith("flowpilot: ")
    return answer.err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("serve", "--port", "http"),
        ("serve", "--port", "65536"),
        ("serve", "--workers", "0"),
        ("serve", "extra"),
        ("account",),
        ("account", "create", "--name", "N"),
        ("user", "create", "--account", "7", "--email", "a@b.example", "--name", "A", "--role", "viewer"),
        (
            *("user", "create", "--account", "01890000-0000-7000-8000-000000000000"),
            *("--email", "a@b.example", "--name", "A", "--role", "boss"),
        ),
        ("token", "create"),
        ("token", "create", "--email", "a@b.example", "--expires-days", "0"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(arguments: tuple[str, ...], tmp_path: Path) -> None:
    refused(flowpilot(*arguments, data_dir=tmp_path / "data", from_scratch=True))
    assert not (tmp_path / "data").exists(), "a mistyped command must not leave anything behind"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: tuple[str, ...], tmp_path: Path) -> None:
    answer = flowpilot(*command, "--help", data_dir=tmp_path, from_scratch=True)
    assert (answer.code, answer.err) == (0, "")
    assert "--data-dir" in answer.out


def test_the_version_is_told(tmp_path: Path) -> None:
    assert flowpilot("--version", data_dir=tmp_path, from_scratch=True).out.startswith("flowpilot ")


def test_a_taken_port_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        data_dir = tmp_path / "data"
        line = refused(flowpilot("serve", "--port", str(port), data_dir=data_dir))
        assert line == f"flowpilot: port {port} on 127.0.0.1 is in use: choose another with --port\n"
        assert not (data_dir / "postgres").exists()


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("migrate",)])
def test_a_data_directory_that_cannot_be_written_is_refused(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = refused(flowpilot(*command, data_dir=tmp_path / "file" / "data"))
    assert f"the data directory {tmp_path}/file/data is not writable (Not a directory)" in line


def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    bad = {"FLOWPILOT_EVENT_BUS": "redis://:hush@127.0.0.1"}
    line = refused(flowpilot("serve", "--port", "0", data_dir=tmp_path, environment=bad))
    assert (
        line == "flowpilot: FLOWPILOT_EVENT_BUS must be 'postgres' or nats://HOST:PORT, several with commas between\n"
    )


def test_a_database_that_is_down_is_waited_for_then_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody_listens:
        port = nobody_listens.getsockname()[1]
    answer = flowpilot(
        *("serve", "--port", "0"),
        data_dir=tmp_path,
        database_url=f"postgresql://flowpilot:hush@127.0.0.1:{port}/flowpilot",
        environment={"FLOWPILOT_DB_WAIT_S": "1.5"},
    )
    first, last = answer.err.splitlines()
    assert answer.code == 2
    assert "waiting for the database" in first
    assert "did not answer for 2 s (connection refused)" in last
    assert "FLOWPILOT_DB_WAIT_S" in last
    assert "hush" not in answer.err, "a password must not reach the log"


@pytest.mark.parametrize(
    "command",
    [
        ("token", "create", "--email", "sam@northwind.example"),
        ("user", "create", "--account", str(UUID(int=7)), "--email", "a@b.example", "--name", "A", "--role", "viewer"),
    ],
)
def test_a_mistyped_data_directory_does_not_become_a_database(command: tuple[str, ...], tmp_path: Path) -> None:
    """Somebody who types it wrong would be told that a person does not exist, and leave a database behind."""
    missing, empty = tmp_path / "no such" / "place", tmp_path / "empty"
    empty.mkdir()
    for place in (missing, empty):
        line = refused(flowpilot(*command, data_dir=place))
        assert f"no database in {place}" in line
        assert not (place / "postgres").exists()
    assert not missing.parent.exists()


def doctor_on_mail(tmp_path: Path, **settings: str) -> tuple[int, str]:
    """What `doctor` says about mail, with its exit code; beside it everything is in order."""
    environment = {f"FLOWPILOT_{name}": value for name, value in settings.items()}
    answer = flowpilot("doctor", data_dir=tmp_path, environment=environment)
    [line] = [line for line in answer.out.splitlines() if " mail " in line]
    return answer.code, " ".join(line.split())


def test_doctor_tells_what_mail_lacks(tmp_path: Path) -> None:
    assert doctor_on_mail(tmp_path) == (
        0,
        "off mail not configured, so nobody is e-mailed: set FLOWPILOT_SMTP_URL and FLOWPILOT_MAIL_FROM",
    )
    assert doctor_on_mail(tmp_path, MAIL_FROM="escalations@northwind.example") == (
        0,
        "off mail not configured, so nobody is e-mailed: set FLOWPILOT_SMTP_URL",
    )
    assert doctor_on_mail(tmp_path, SMTP_URL="smtp://mail.example") == (
        2,
        (
            "WRONG mail FLOWPILOT_MAIL_FROM is not set, so mail goes out as flowpilot@localhost: "
            "give it the address that mail is sent from"
        ),
    )
    code, line = doctor_on_mail(tmp_path, SMTP_URL="smtp://me:hush@mail.example?tls=1", MAIL_FROM="a@northwind.example")
    assert (code, "hush" in line) == (2, False)
    assert line.startswith("WRONG mail FLOWPILOT_SMTP_URL: after the ? only starttls= is known")


def test_doctor_speaks_with_the_mail_server_and_sends_nothing(tmp_path: Path) -> None:
    with MailServer(sign_in=("me", "right")) as post:

        def doctor(password: str) -> tuple[int, str]:
            return doctor_on_mail(
                tmp_path,
                SMTP_URL=f"smtp://me:{password}@127.0.0.1:{post.port}",
                MAIL_FROM="escalations@northwind.example",
                PUBLIC_URL="https://flowpilot.example",
            )

        assert doctor("right") == (0, f"ok mail 127.0.0.1:{post.port}, sends as escalations@northwind.example")
        code, line = doctor("hush")
        assert (code, "hush" in line) == (2, False)
        assert "refused the sign-in of me (535 " in line
        post.behave("refuse")
        code, line = doctor("right")
        assert code == 2
        assert line.startswith(f"WRONG mail the mail server 127.0.0.1:{post.port} refused the connection")
        assert not post.received
