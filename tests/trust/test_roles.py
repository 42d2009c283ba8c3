"""Who may do what: every route of the application against every role, and nobody, and another account's owner."""

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

import backend
from backend.app import create_app
from backend.audit.actions import ACTIONS
from backend.contract.vocabulary import Role
from backend.domain.roles import RANK
from backend.settings import Settings
from tests.conftest import Http
from tests.support.asking import Answer, at_the_door, names
from tests.support.audited_routes import AUDITED, BY_STORY, ELSEWHERE, QUIET, Key, audit_log
from tests.support.belongings import belongings, nobodys
from tests.support.flow import Owner
from tests.support.people import Crew, Member
from tests.support.routes import EXPECTED, SOCKETS, Expected, Verb, routes, served
from tests.support.server import Server

People = Callable[..., Awaitable[Crew]]
LATE = ("remove", "revoke", "withdraw", "handback", "sign-out")
"""What takes something away, or ends a sign-in, comes after what needs it."""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """The application's own route table; no database is asked for it."""
    where = {"FLOWPILOT_DATA_DIR": str(tmp_path_factory.mktemp("data")), "FLOWPILOT_DATABASE_URL": "postgresql://x/y"}
    return set(served(create_app(Settings.from_environment(where))))


def test_each_route_of_the_application_has_its_expectation(table: set[tuple[str, str]]) -> None:
    found = {(verb, path) for verb, path in table if verb != "socket"}
    assert found == set(EXPECTED), "say in tests/support/routes.py who may use a new route"
    assert {path for verb, path in table if verb == "socket"} == SOCKETS
    unsaid = [path for (_, path), one in EXPECTED.items() if one.who == "anyone" and not one.why]
    assert not unsaid, "say what protects a route that needs no sign-in"


def test_no_route_takes_a_file(tmp_path: Path) -> None:
    """What is uploaded would have to be kept apart, looked through and served from elsewhere."""
    where = {"FLOWPILOT_DATA_DIR": str(tmp_path), "FLOWPILOT_DATABASE_URL": "postgresql://x/y"}
    found = routes(create_app(Settings.from_environment(where)))
    bodies = [one.body_field for one in found if getattr(one, "body_field", None)]
    assert len(bodies) > 50, "the routes are found"
    assert not [one for one in bodies if getattr(one.field_info, "media_type", "") == "multipart/form-data"]


def test_each_route_that_changes_something_says_what_the_audit_log_has_of_it() -> None:
    """A new route that changes something and leaves no trace fails the build."""
    tables: tuple[Mapping[Key, object], ...] = (AUDITED, BY_STORY, ELSEWHERE)
    loud = {key for table in tables for key in table}
    assert len(loud) == sum(map(len, tables)), "in one of them only"
    changing = {key for key in EXPECTED if key[0] != "get"}
    assert changing - loud - set(QUIET) == set(), "say in tests/support/audited_routes.py what a new route writes"
    assert (loud | set(QUIET)) - set(EXPECTED) == set()
    said = {*AUDITED.values(), *BY_STORY.values(), *(action for action, _ in ELSEWHERE.values())}
    assert said <= set(ACTIONS)
    for action, where in ELSEWHERE.values():
        name, _, test = where.partition("::")
        if test:
            text = (Path(__file__).parents[1] / "integration" / name).read_text()
            story = text.partition(f"def {test}(")[2].partition("\n\n\n")[0]
            assert f'"{action}"' in story, f"{where} does not ask for {action}"


def test_each_action_of_the_audit_log_is_written_somewhere() -> None:
    """Words that nothing says any more would tell administrators of something that cannot happen."""
    folder = Path(backend.__file__).parent
    files = (file for file in folder.rglob("*.py") if file.name != "actions.py")
    source = "".join(file.read_text() for file in files)
    source += "".join(file.read_text() for file in folder.rglob("*.sql"))
    handoffs = {one for one in ACTIONS if one.startswith("handoff.")}  # made of the event log's kinds
    assert not [one for one in set(ACTIONS) - handoffs if f'"{one}"' not in source and f"'{one}'" not in source]


def in_order() -> list[tuple[Verb, str, Expected]]:
    routes = [(verb, path, one) for (verb, path), one in EXPECTED.items()]
    last = ("/account/security/end-everything", "/sign-out")
    late = [one for one in routes if one[1] not in last and (one[0] == "delete" or one[1].endswith(LATE))]
    early = [one for one in routes if one[1] not in last and one not in late]
    ends = [one for path in last for one in routes if one[1] == path]
    return [*early, *late, *ends]


def judged(role: str, expected: Expected, answer: Answer, *, first: bool, has_ids: bool) -> str | None:
    """What is wrong with the answer, or None."""
    if answer.status >= 500:
        return "fails"
    if role == "nobody":
        return None if answer.status == 401 and answer.code == "unauthenticated" else "should ask for a sign-in"
    if role == "elsewhere":
        right = not has_ids or (answer.status == 404 and answer.code == "not_found")
        return None if right else "should not know it"
    if RANK[role] < RANK[expected.who]:  # type: ignore[index]  # both are roles here
        return None if answer.code == "role_required" else "should refuse by role"
    refused = answer.code in {"role_required", "csrf_failed", "origin_refused"}
    refused = refused or (
        answer.code == "unauthenticated" and not expected.unfinished
    )  # a wrong password is said so too
    spoilt = first and not expected.unfinished and answer.status in {404, 422}
    return "should be allowed" if refused or spoilt else None


def asked(who: Role) -> list[str]:
    """The roles at both sides of the line and at the ends; all of them in the long run."""
    if os.environ.get("FUZZ") == "long":
        return ["nobody", "elsewhere", *RANK]
    below = [role for role in RANK if RANK[role] == RANK[who] - 1]
    return list(dict.fromkeys(["nobody", "elsewhere", *below, who, "owner"]))


async def test_every_route_takes_whom_it_should_and_nobody_else(
    people: People, http: Http, server: Server, database_url: str
) -> None:
    ours, theirs = await people("Northwind MSP"), await people("Contoso MSP")
    ids = await belongings(http, ours, Owner(database_url))
    who: Mapping[str, Member | None] = {
        "nobody": None,
        "elsewhere": theirs.owner,
        **{role: getattr(ours, role) for role in RANK},
    }
    wrong: list[str] = []
    async with audit_log(database_url) as log, at_the_door(server, who) as there:
        for verb, path, expected in in_order():
            if expected.who == "anyone":
                answer = await there["nobody"].ask(verb, path, expected, nobodys(ids))
                if answer.status >= 500 or "set-cookie" in answer.headers:
                    wrong.append(f"nobody {verb} {path}: {answer.status} {answer.text[:120]}")
                continue
            has_ids = any(name in ids for name in names(path))
            for role in asked(expected.who):
                action = AUDITED.get((verb, path), "") if role == expected.who else ""
                written = await log.length() if action else 0
                answer = await there[role].ask(verb, path, expected, ids)
                if action and action not in (now := await log.since(written)):
                    wrong.append(f"{role} {verb} {path} wrote {now or 'nothing'} and not {action}: {answer.status}")
                fault = judged(role, expected, answer, first=role == expected.who, has_ids=has_ids)
                if fault:
                    wrong.append(f"{role} {verb} {path} {fault}: {answer.status} {answer.code} {answer.text[:160]}")
    assert not wrong, "\n".join(wrong)
