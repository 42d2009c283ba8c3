"""Another account's ids at pages and forms answer exactly as ids that nobody has, and change nothing.

The API's side of it stands in tests/integration/test_tenancy.py.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import pytest

from tests.conftest import Http
from tests.support.asking import Answer, Person, at_the_door, names
from tests.support.belongings import belongings, nobodys
from tests.support.flow import REASON, Owner
from tests.support.people import Crew
from tests.support.routes import API, EXPECTED, Expected, Verb
from tests.support.server import Server

People = Callable[..., Awaitable[Crew]]
WITH_IDS = {key: one for key, one in EXPECTED.items() if one.who != "anyone" and "_id}" in key[1]}
PAGES = {key: one for key, one in WITH_IDS.items() if not key[1].startswith(API)}
TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL)
NUMBER = re.compile(r"\d+")  # how many seconds ago
IN_QUERIES = (
    ("/escalations", "selected", "handoff_id"),
    ("/escalations", "handoff", "handoff_id"),
    ("/admin/people", "person", "user_id"),
    ("/admin/runbooks", "one", "runbook_id"),
    ("/admin/connectors", "edit", "connector_id"),
    ("/admin/connectors", "log", "connector_id"),
    ("/admin/webhooks", "log", "webhook_id"),
)


def told(answer: Answer, ids: Mapping[str, str]) -> tuple[int, str, str]:
    """What somebody learns by it: their own words do not count."""
    text = answer.text
    for one in ids.values():
        text = text.replace(one, "ID")
    return answer.status, answer.code, NUMBER.sub("N", TAG.sub(" ", text))


async def told_apart(
    person: Person, key: tuple[Verb, str], expected: Expected, theirs: dict[str, str], unknown: dict[str, str]
) -> str | None:
    """What differs between their ids and ids that nobody has, or None."""
    known = told(await person.ask(*key, expected, theirs), theirs)
    nothing = told(await person.ask(*key, expected, unknown), unknown)
    if known != nothing or known[0] < 400:
        return f"{person.role} {key}: {known[0]} {known[1]} for theirs, {nothing[0]} {nothing[1]} for nobody's"
    return None


@pytest.fixture
async def two(people: People, http: Http, database_url: str) -> tuple[Crew, dict[str, str], dict[str, str]]:
    """We, our ids, their ids."""
    ours, theirs = await people("Northwind MSP"), await people("Contoso MSP")
    owner = Owner(database_url)
    return ours, await belongings(http, ours, owner), await belongings(http, theirs, owner)


async def test_nothing_tells_another_accounts_id_from_one_that_nobody_has(
    two: tuple[Crew, dict[str, str], dict[str, str]], server: Server, database_url: str
) -> None:
    ours, mine, theirs = two
    unknown = nobodys(theirs)
    wrong: list[str | None] = []
    async with at_the_door(server, {"owner": ours.owner, "technician": ours.technician}) as there:
        before = await Owner(database_url).checksum()
        reader = replace(there["owner"], script=False)  # as a browser without scripts, whose refusals are pages
        for key, expected in PAGES.items():
            wrong.append(await told_apart(there["technician"], key, expected, theirs, unknown))
            wrong.append(await told_apart(reader, key, expected, theirs, unknown))
        for key, expected in WITH_IDS.items():
            inner = names(key[1])[1:]
            if not any(one in theirs for one in inner):
                continue
            # Under a thing of our own, something of theirs.
            outer = {name: one for name, one in mine.items() if name not in {expected.world.get(n, n) for n in inner}}
            wrong.append(await told_apart(there["owner"], key, expected, theirs | outer, unknown | outer))
        for path, name, kind in IN_QUERIES:
            page = Expected(who="admin", form={}, query={name: theirs[kind]})
            blank = replace(page, query={name: unknown[kind]})
            known, nothing = await reader.ask("get", path, page, {}), await reader.ask("get", path, blank, {})
            if told(known, theirs) != told(nothing, unknown):
                wrong.append(f"owner {path}?{name}=: {known.status} for theirs, {nothing.status} for nobody's")
        assert await Owner(database_url).checksum() == before, "a refused request must leave no trace"
        form = {"reason": REASON, "need": "A second pair of eyes"}
        form_of: tuple[Verb, str] = ("post", "/pilot/{session_id}/escalate")
        for ids in (theirs, unknown):
            asked = replace(EXPECTED[form_of], form=form | {"target": ids["user_id"]})
            answer = await there["technician"].ask(*form_of, asked, mine)
            assert (answer.status, answer.code) == (404, "not_found"), "nobody of another account can be asked"
    found = [one for one in wrong if one]
    assert not found, "\n".join(found)


async def test_no_page_and_no_export_says_a_word_of_another_account(
    two: tuple[Crew, dict[str, str], dict[str, str]], server: Server
) -> None:
    """Every title and name of theirs begins with their account's id, so that one word finds all of them."""
    ours, mine, theirs = two
    foreign = {*theirs.values(), "contoso"}
    leaks: list[str] = []
    async with at_the_door(server, {"owner": ours.owner}) as there:
        reader = replace(there["owner"], script=False)
        for (verb, path), expected in EXPECTED.items():
            if verb != "get" or path.endswith("/stream"):
                continue
            answer = await reader.ask(verb, path, expected, mine)
            seen = sorted(word for word in foreign if word in answer.text.lower())
            if seen:
                leaks.append(f"{path} shows {seen}")
            if path in {"/escalations", "/admin/audit.csv"}:
                assert ours.account_id in answer.text, f"{path} shows our own, so that it could show theirs"
        for query in ("/sessions?show=all&q=", "/escalations?q=", "/admin/audit?q=", "/admin/runbooks?q="):
            answer = await reader.ask("get", query + theirs["account_id"], Expected(who="admin", form={}), {})
            rest = answer.text.replace(f'value="{theirs["account_id"]}"', "")
            leaks += [f"{query} shows {word}" for word in foreign if word in rest.lower()]
    assert not leaks, "\n".join(leaks)
