"""The manual baseline over HTTP: versions that are only added, and the settings route that adds one too."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from backend.db.engine import RUNTIME
from tests.conftest import Http
from tests.support.flow import API, Owner, refused
from tests.support.people import Crew

People = Callable[..., Awaitable[Crew]]
PATH = f"{API}/analytics/baselines"
SETTINGS = f"{API}/account/settings"


async def history(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get(PATH)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_new_account_starts_with_the_products_estimate(people: People, http: Http) -> None:
    found = await history(http((await people()).engineer))
    (only,) = found["items"]
    assert found["current"] == only
    assert (only["minutes"], only["basis"], only["origin"], only["set_by"]) == (10, "estimated", "product", None)
    assert only["effective_from"] == "2000-01-01T00:00:00Z"


async def test_each_value_is_kept_with_who_set_it_and_from_when(people: People, http: Http) -> None:
    crew = await people()
    boss = http(crew.admin)
    await boss.patch(SETTINGS, json={"timezone": "Asia/Kolkata"})
    first = {"minutes": 28, "basis": "estimated", "effective_from": "2026-09-01", "note": " From memory "}
    assert (await boss.post(PATH, json=first)).status_code == 201
    answer = await boss.post(PATH, json={"minutes": 31.5, "basis": "measured", "effective_from": "2026-11-03"})
    current = answer.json()["current"]
    assert (current["minutes"], current["basis"], current["origin"]) == (31.5, "measured", "person")
    assert current["set_by"] == {"id": crew.admin.id, "name": crew.admin.name}
    assert (current["effective_from"], current["effective_until"]) == ("2026-11-02T18:30:00Z", None)
    newest, before, estimate = (await history(http(crew.engineer)))["items"]
    assert newest == current
    assert (before["minutes"], before["note"], before["effective_until"]) == (
        28,
        "From memory",
        current["effective_from"],
    )
    assert (estimate["origin"], estimate["effective_until"]) == ("product", before["effective_from"])
    settings = (await boss.get(SETTINGS)).json()
    assert (settings["manual_baseline_minutes"], settings["manual_baseline_is_estimate"]) == (31.5, False)


async def test_a_future_value_waits_and_one_of_the_same_day_replaces(people: People, http: Http) -> None:
    boss = http((await people()).owner)
    await boss.post(PATH, json={"minutes": 20, "effective_from": "2026-01-01"})
    await boss.post(PATH, json={"minutes": 50, "effective_from": "2029-01-01"})
    found = (await boss.post(PATH, json={"minutes": 25, "effective_from": "2026-01-01"})).json()
    assert found["current"]["minutes"] == 25
    states = {(one["minutes"], one["in_force"], one["superseded"]) for one in found["items"]}
    assert states == {(50, False, False), (25, True, False), (20, False, True), (10, False, False)}


async def test_the_settings_route_adds_a_version_and_the_first_one_reaches_back(people: People, http: Http) -> None:
    """What the account knows of itself takes the place of our estimate; what follows counts from when it is set."""
    boss = http((await people()).admin)
    for value in (12.5, 31, None):
        changed = await boss.patch(SETTINGS, json={"manual_baseline_minutes": value})
        assert changed.json()["manual_baseline_minutes"] == value
    none, second, first, estimate = (await history(boss))["items"]
    assert (none["minutes"], none["in_force"]) == (None, True)
    assert (first["effective_from"], estimate["superseded"]) == ("2000-01-01T00:00:00Z", True)
    assert second["effective_from"] == first["effective_until"] != first["effective_from"]
    assert second["set_at"] >= second["effective_from"]


async def test_only_administrators_set_it_and_only_seniors_read_it(people: People, http: Http) -> None:
    crew = await people()
    for who in (crew.viewer, crew.technician):
        refused(await http(who).get(PATH), 403, "role_required")
    for who in (crew.viewer, crew.technician, crew.engineer):
        refused(await http(who).post(PATH, json={"minutes": 5}), 403, "role_required")
    for who in (crew.admin, crew.owner):
        assert (await http(who).post(PATH, json={"minutes": 5})).status_code == 201


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({}, "minutes"),
        ({"minutes": 0.4}, "minutes"),
        ({"minutes": 480.5}, "minutes"),
        ({"minutes": True}, "minutes"),
        ({"minutes": 5, "basis": "guessed"}, "basis"),
        ({"minutes": 5, "effective_from": "soon"}, "effective_from"),
        ({"minutes": 5, "effective_from": "1999-01-01"}, "effective_from"),
        ({"minutes": 5, "note": "x" * 301}, "note"),
    ],
)
async def test_what_is_out_of_bounds_adds_nothing(
    people: People, http: Http, wrong: dict[str, Any], field: str
) -> None:
    boss = http((await people()).admin)
    assert field in refused(await boss.post(PATH, json=wrong), 422, "invalid_body")["detail"]
    assert len((await history(boss))["items"]) == 1


async def test_the_server_itself_cannot_rewrite_it(people: People, http: Http, database_url: str) -> None:
    crew = await people()
    connection = await asyncpg.connect(database_url, server_settings=RUNTIME)
    try:
        await connection.execute("select set_config('app.account_id', $1, false)", crew.account_id)
        for statement in ("update baseline set minutes = 1", "delete from baseline"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()
    assert await Owner(database_url).value("select minutes from baseline") == 10
