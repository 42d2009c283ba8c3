"""The commands of an escalation as tests give them, over real HTTP, and what a whole database adds up to."""

from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx

API = "/api/v1"
REASON = "The tunnel drops again after every key change."


def key_header(key: str | None) -> dict[str, str]:
    """The header of an Idempotency-Key, or nothing."""
    return {"Idempotency-Key": key} if key is not None else {}


async def open_session(client: httpx.AsyncClient, title: str = "VPN drops every ten minutes", **more: Any) -> str:
    """Open a session; answers its id."""
    body = {"title": title, "problem": "The tunnel to the branch office drops.", **more}
    answer = await client.post(f"{API}/ai-sessions", json=body)
    assert answer.status_code == 201, answer.text
    session_id: str = answer.json()["id"]
    return session_id


async def escalate(
    client: httpx.AsyncClient, session_id: str, *, key: str | None = None, **body: Any
) -> httpx.Response:
    """Ask for help with a session."""
    return await client.post(
        f"{API}/ai-sessions/{session_id}/handoff", json={"reason": REASON, **body}, headers=key_header(key)
    )


async def escalated(
    client: httpx.AsyncClient, title: str = "VPN drops every ten minutes", **body: Any
) -> dict[str, Any]:
    """Open a session and escalate it; answers the handoff."""
    answer = await escalate(client, await open_session(client, title), **body)
    assert answer.status_code == 201, answer.text
    handoff: dict[str, Any] = answer.json()
    return handoff


async def act(client: httpx.AsyncClient, handoff_id: str, verb: str, **body: Any) -> httpx.Response:
    """Claim, release, reassign, resolve or withdraw."""
    return await client.post(f"{API}/handoffs/{handoff_id}/{verb}", json=body or None)


async def claimed(client: httpx.AsyncClient, handoff_id: str) -> dict[str, Any]:
    """Claim and win; answers the claim result."""
    answer = await act(client, handoff_id, "claim")
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def log_of(client: httpx.AsyncClient, after: int = 0) -> list[dict[str, Any]]:
    """All events after a position, by way of the pages of `GET /events`."""
    events: list[dict[str, Any]] = []
    while True:
        answer = await client.get(f"{API}/events", params={"after": after, "limit": 200})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert not page["reset"], "the log cannot serve this position"
        events += page["events"]
        if not page["events"]:
            return events
        after = page["events"][-1]["seq"]


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Assert that the answer is the problem document of `code`; answers it."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["code"] == code, document
    assert document["status"] == status
    assert document["type"].startswith("urn:flowpilot:problem:")
    assert document["title"]
    assert document["detail"]
    return document


@dataclass(frozen=True, slots=True)
class Owner:
    """The database as the role that owns it: sees and may change everything."""

    url: str

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """All rows."""
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    async def value(self, statement: str, *arguments: object) -> Any:
        """The first column of the first row."""
        rows = await self.fetch(statement, *arguments)
        return rows[0][0] if rows else None

    async def checksum(self, *, without: tuple[str, ...] = ("client_presence",)) -> dict[str, str]:
        """A checksum of every table's rows; two that differ name the table that something changed."""
        connection = await asyncpg.connect(self.url)
        try:
            names = await connection.fetch(
                "SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace"
                " AND c.relkind = 'r' ORDER BY 1"
            )
            sums = {}
            for (name,) in names:
                if name in without:
                    continue
                # When a token was last used is kept to the minute and changes with any request.
                row = "to_jsonb(t) - 'last_used_at'" if name == "access_token" else "to_jsonb(t)"
                rows = f"string_agg(md5(({row})::text), '' ORDER BY ({row})::text)"
                sums[name] = await connection.fetchval(
                    f"SELECT count(*) || ':' || coalesce(md5({rows}), '') FROM {name} t"
                )
            return sums
        finally:
            await connection.close()
