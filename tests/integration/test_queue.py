"""The queue and the session list: order, pages, parameters."""

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.conftest import Http
from tests.support.flow import API, act, claimed, escalated, open_session, refused
from tests.support.people import Crew

People = Callable[..., Awaitable[Crew]]


async def pages(client: httpx.AsyncClient, path: str, **parameters: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    while True:
        answer = await client.get(API + path, params={**parameters, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        rows += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return rows


async def test_urgent_first_then_oldest_on_every_page(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    made = [
        (await escalated(junior, f"n{n}", priority=priority))["id"]
        for n, priority in enumerate(("low", "urgent", "normal", "high", "urgent", "normal", "low"))
    ]
    expected = [made[n] for n in (1, 4, 3, 2, 5, 0, 6)]
    for limit in (1, 2, 3, 50):
        assert [row["id"] for row in await pages(junior, "/handoffs", limit=limit)] == expected, limit
    assert (await junior.get(f"{API}/handoffs")).json()["seq"] == 7
    for wanted in made[:3]:
        await claimed(senior, wanted)
    await act(senior, made[0], "resolve")
    await act(junior, made[3], "withdraw")
    for status, ids in (
        ("pending", [made[4], made[5], made[6]]),
        ("claimed", [made[2], made[1]]),
        ("resolved", [made[0]]),
        ("withdrawn", [made[3]]),
        ("all", made[::-1]),
    ):
        assert [row["id"] for row in await pages(junior, "/handoffs", limit=1, status=status)] == ids, status
        assert [row["id"] for row in await pages(junior, "/handoffs", status=status)] == ids, status


async def test_a_queue_row_has_what_the_contract_names(people: People, http: Http) -> None:
    crew = await people()
    await escalated(http(crew.technician))
    (row,) = (await http(crew.viewer).get(f"{API}/handoffs")).json()["items"]
    assert set(row) == {
        *("id", "session_id", "title", "customer", "ticket", "priority", "status", "reason", "need", "created_at"),
        *("handed_off_by", "session_owner", "target_user_id", "claimed_by", "claimed_at", "assessment_status"),
        *("rung", "to", "breaks_dnd", "waiting_since"),
    }


async def test_sessions_latest_first_mine_and_by_words(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    made = [await open_session(junior, f"Session {n}", customer="100% Contoso_") for n in range(5)]
    other = await open_session(senior, "Printer", ticket={"system": "cw", "id": "20418"})
    assert [r["id"] for r in await pages(junior, "/ai-sessions", limit=2)] == [other, *made[::-1]]
    await junior.post(f"{API}/ai-sessions/{made[0]}/messages", json={"content": "Hello"})
    assert [r["id"] for r in await pages(junior, "/ai-sessions", limit=4)] == [made[0], other, *made[:0:-1]]
    assert {r["id"] for r in await pages(junior, "/ai-sessions", mine=True, limit=3)} == set(made)
    assert [r["id"] for r in await pages(junior, "/ai-sessions", search="20418")] == [other]
    assert len(await pages(junior, "/ai-sessions", search="100% contoso_")) == 5
    assert await pages(junior, "/ai-sessions", search="100%t") == [], "a percent sign is itself, not a wildcard"
    await junior.post(f"{API}/ai-sessions/{made[1]}/resolve", json={})
    assert [r["id"] for r in await pages(junior, "/ai-sessions", status="resolved")] == [made[1]]
    assert made[1] not in {r["id"] for r in await pages(junior, "/ai-sessions", status="open")}


def forged(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


ID = "01a20201-0632-7492-9065-20577af071aa"


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "\x00",
        forged("[]"),
        forged("{}"),
        forged("[1,2,3]"),
        forged(f'[99999,"2026-11-22T06:45:51+00:00","{ID}"]'),
        forged(f'[-1,"2026-11-22T06:45:51+00:00","{ID}"]'),
        forged(f'[0,"0001-01-01T00:00:00+14:00","{ID}"]'),
        forged('[0,"2026-11-22T06:45:51+00:00","x"]'),
    ],
)
async def test_a_cursor_that_is_none_of_ours_is_refused(people: People, http: Http, cursor: str) -> None:
    crew = await people()
    for path in ("/handoffs", "/ai-sessions"):
        refused(await http(crew.viewer).get(API + path, params={"cursor": cursor}), 400, "bad_request")


async def test_an_empty_status_is_none_given(people: People, http: Http) -> None:
    client = http((await people()).technician)
    await escalated(client)
    asked = await client.get(f"{API}/handoffs", params={"status": ""})
    assert (asked.status_code, asked.json()) == (200, (await client.get(f"{API}/handoffs")).json())


async def test_parameters_out_of_bounds_are_named(people: People, http: Http) -> None:
    crew = await people()
    reader = http(crew.viewer)
    for path in ("/handoffs", "/ai-sessions"):
        refused(await reader.get(API + path, params={"status": "open'--"}), 400, "bad_request")
        for limit in (0, 201, "x", 10**30):
            refused(await reader.get(API + path, params={"limit": limit}), 422, "invalid_body")
    refused(await reader.get(f"{API}/ai-sessions", params={"search": "\x00"}), 400, "bad_request")
    refused(await reader.get(f"{API}/ai-sessions", params={"search": "x" * 201}), 422, "invalid_body")


async def test_a_parameter_that_says_nothing_is_one_that_is_not_there(people: People, http: Http) -> None:
    """A form or a client that fills an address in leaves `limit=` behind; it means the default, not a fault."""
    reader = http((await people()).viewer)
    for path in (
        "/ai-sessions?status=&mine=&cursor=&limit=",
        "/handoffs?status=pending&cursor=&limit=",
        "/events?after=&limit=&wait=",
    ):
        assert (await reader.get(f"{API}{path}")).status_code == 200, path
    refused(await reader.get(f"{API}/handoffs?limit=x"), 422, "invalid_body")
