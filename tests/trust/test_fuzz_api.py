"""Every operation of the OpenAPI document under made-up requests: no fault of ours, and no answer that is not declared.

A short part runs with every test run, always the same; `make fuzz` takes longer and each role for each operation.
"""

import contextlib
import os
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle
from typing import Any, Final
from urllib.parse import unquote

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import Http
from tests.support.belongings import belongings
from tests.support.flow import API, Owner
from tests.support.people import Crew, Member
from tests.support.server import Server

People = Callable[..., Awaitable[Crew]]
LONG: Final = os.environ.get("FUZZ") == "long"
EACH: Final = int(os.environ.get("FUZZ_EACH", "20" if LONG else "1"))
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ROUNDS: Final = (
    (GenerationMode.POSITIVE, True),  # what the document allows, about things that are there
    (GenerationMode.NEGATIVE, True),  # what it does not allow
    (GenerationMode.NEGATIVE, False),  # and ids of any shape
)
WAITING: Final = frozenset({f"{API}/events"})
STREAMS: Final = "/stream"
FORMS: Final = frozenset({"/oauth/token", "/oauth/revoke"})
"""Making up a form takes the generator half a minute; tests/integration/test_oauth.py has what is wrong with these."""


def cases(operation: Any, ids: dict[str, str], number: int) -> Iterator[tuple[Any, bool]]:
    """A strategy for each round of an operation; the short part takes the rounds in turn, one for each operation."""
    names = [one.name for one in operation.path_parameters]
    for mode, known in ROUNDS if LONG else ROUNDS[number % (3 if names else 2) :][:1]:
        if not known and not names:
            continue
        given_ids = {name: ids.get(name, "nobodys") for name in names} if known and names else None
        yield operation.as_strategy(generation_mode=mode, path_parameters=given_ids), known


def asked(case: Case[Any], server: Server, who: Member | None) -> requests.Response:
    """Send it as somebody. Nothing waits for events: 25 s for each made-up number would be the whole test."""
    if case.path in WAITING and isinstance(case.query, dict):
        case.query.pop("wait", None)
    case.headers.pop("Authorization", None)
    sent = case.as_transport_kwargs(base_url=server.url)
    sent.pop("cookies", None)
    headers = dict(sent.pop("headers", None) or {})
    if who is not None:
        headers["Authorization"] = f"Bearer {who.token}"
    live = case.path.endswith(STREAMS)
    return requests.request(**sent, headers=headers, stream=live, timeout=30, allow_redirects=False)


async def test_no_made_up_request_makes_a_fault_or_an_answer_that_is_not_declared(
    people: People, http: Http, server: Server, database_url: str
) -> None:
    before = len(server.logs)  # other stories break this server's database on purpose
    crew, owner = await people(), Owner(database_url)
    ids = await belongings(http, crew, owner)
    schema = schemathesis.openapi.from_dict((await http().get(f"{API}/openapi.json")).json())
    roles = (crew.technician, crew.engineer, crew.admin, crew.owner, crew.viewer, None)
    turn = cycle(roles)
    wrong: dict[str, str] = {}
    count = 0
    for number, found in enumerate(schema.get_all_operations()):
        assert isinstance(found, Ok), found
        operation = found.ok()
        if operation.path in FORMS and not LONG:
            continue
        for strategy, _known in cases(operation, ids, number):

            @hypothesis_settings(
                max_examples=EACH,
                derandomize=not LONG,
                database=None,
                phases=[Phase.generate],
                deadline=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=strategy)
            def run(case: Case[Any]) -> None:
                nonlocal count
                for who in roles if LONG else (next(turn),):
                    count += 1
                    answer = asked(case, server, who)
                    role = who.role if who else "nobody"
                    try:
                        if case.path.endswith(STREAMS) and answer.status_code == 200:
                            answer.close()
                            continue
                        case.validate_response(answer, checks=CHECKS)
                    except Exception as error:  # noqa: BLE001 - every kind of finding is told at the end, once
                        words = " ".join(str(error).split())[:300]
                        wrong.setdefault(f"{case.method} {case.path} {answer.status_code}", f"{role}: {words}")

            with contextlib.suppress(Unsatisfiable):  # an operation without anything to say has nothing to say wrongly
                run()
    assert count > 60
    assert not wrong, "\n".join(f"{key} {words} ({unquote(key)})" for key, words in wrong.items())
    assert "Traceback" not in server.logs[before:]
