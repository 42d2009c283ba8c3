"""Every refusal is a problem document with a stable code; nothing that a client can send makes a 500."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Http
from tests.support.flow import API, escalated, open_session, refused
from tests.support.people import Crew
from tests.support.server import Server

People = Callable[..., Awaitable[Crew]]


async def test_without_a_credential_that_holds_there_is_nothing(http: Http) -> None:
    for who in (b"", b"Bearer", b"Bearer fpat_wrong", "Bearer é".encode(), b"Bearer " + b"x" * 8_000):
        answer = await http().get(f"{API}/me", headers={b"Authorization": who} if who else {})
        refused(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
    basic = http()
    basic.headers["Authorization"] = "Basic Zm86YmFy"
    refused(await basic.get(f"{API}/handoffs"), 401, "unauthenticated")


async def test_one_slash_too_many_leads_to_this_server_whatever_host_is_named(http: Http) -> None:
    """Whoever keeps answers for others must not be made to keep a way to somewhere else."""
    answer = await http().get("/sign-in/?next=%2Fsessions", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["location"]) == (307, "/sign-in?next=%2Fsessions")


async def test_unknown_addresses_and_methods(people: People, http: Http) -> None:
    client = http((await people()).engineer)
    refused(await client.get(f"{API}/nothing"), 404, "not_found")
    refused(await client.get(f"{API}/handoffs/x/claim"), 405, "method_not_allowed")
    refused(await client.put(f"{API}/handoffs"), 405, "method_not_allowed")
    for beside in ("/docs", "/redoc", "/openapi.json", "/static/", "/static/../services.py", "/.git/config", "/.env"):
        assert (await client.get(beside)).status_code == 404, beside
    for odd in ("..%2f..%2fetc", "%00", "%ff%fe", "x" * 3_000, "{}", "01a20201-0632-7492-9065"):
        refused(await client.get(f"{API}/handoffs/{odd}"), 404, "not_found")


async def test_a_405_names_every_method_of_the_address(people: People, http: Http) -> None:
    client = http((await people()).engineer)
    session = await open_session(client)
    for path, methods in (
        (f"{API}/ai-sessions", {"GET", "HEAD", "POST"}),
        (f"{API}/handoffs", {"GET", "HEAD"}),
        (f"{API}/handoffs/x", {"GET", "HEAD", "PATCH"}),
        (f"{API}/handoffs/x/claim", {"POST"}),
        (f"{API}/account/settings", {"GET", "HEAD", "PATCH"}),
        ("/healthz", {"GET", "HEAD"}),
        ("/sign-in", {"GET", "HEAD", "POST"}),
        (f"/pilot/{session}/messages", {"POST"}),
        ("/static/app.css", {"GET", "HEAD"}),
    ):
        for method in ("OPTIONS", "DELETE"):
            answer = await client.request(method, path)
            assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, methods), (method, path)


async def test_head_answers_what_get_answers_without_the_body(people: People, http: Http) -> None:
    """Monitors and proxies ask with HEAD; a 405 would call a healthy server ill."""
    client = http((await people()).engineer)
    session = await open_session(client)
    for path in ("/me", "/handoffs", f"/ai-sessions/{session}", "/handoffs/x", "/account/settings"):
        asked, got = await client.head(API + path), await client.get(API + path)
        assert (asked.status_code, asked.content) == (got.status_code, b""), path
        for name in ("content-type", "content-length", "cache-control"):
            assert asked.headers.get(name) == got.headers.get(name), (path, name)
    for path in ("/healthz", "/readyz", "/metrics", "/sign-in"):
        assert ((await client.head(path)).status_code, (await client.head(path)).content) == (200, b"")
    live = await client.head(f"{API}/ai-sessions/{session}/stream")
    assert (live.status_code, live.content) == (200, b""), "and it ends, unlike the stream itself"
    posted = await client.head(f"{API}/handoffs/x/claim")
    assert (posted.status_code, posted.headers["allow"]) == (405, "POST")


async def test_every_answer_carries_the_headers_that_browsers_obey(people: People, http: Http) -> None:
    client = http((await people()).engineer)
    for answer in (await client.get(f"{API}/me"), await client.get(f"{API}/nothing"), await client.get("/healthz")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"]
    assert (await client.get(f"{API}/me")).headers["cache-control"] == "no-store"


ODD = ["\ud800", "a\x00b", "x" * 70_000, "", " ", 10**40, -1, 1e308, None, True, [], {}, [[[]]], "\u202e", "🦊" * 300]
ROUTES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/ai-sessions", {"title": "t", "problem": "p", "customer": "c", "external_url": "https://x.example"}),
    (
        "POST",
        "/ai-sessions",
        {"title": "t", "problem": "p", "ticket": {"system": "s", "id": "1", "url": "https://x.example"}},
    ),
    ("POST", "/ai-sessions/{session}/messages", {"content": "x"}),
    ("POST", "/ai-sessions/{session}/steps", {"action": "a", "outcome": "helped", "detail": "d"}),
    ("POST", "/ai-sessions/{session}/facts", {"label": "l", "value": "v"}),
    (
        "POST",
        "/ai-sessions/{session}/handoff",
        {"reason": "It is down again", "need": "n", "impact": "i", "target_user_id": "x"},
    ),
    ("PATCH", "/handoffs/{handoff}", {"need": "n", "impact": "i", "priority": "low", "target_user_id": "x"}),
    ("POST", "/handoffs/{handoff}/release", {"note": "n", "claim_epoch": 1}),
    ("POST", "/handoffs/{handoff}/reassign", {"user_id": "x", "note": "n", "claim_epoch": 1}),
    (
        "PATCH",
        "/account/settings",
        {
            "manual_baseline_minutes": 5,
            "timezone": "UTC",
            "retention_days": 90,
            "escalation_policy": {},
            "email_content": "full",
            "email_offline_delay_s": 0,
        },
    ),
]


async def test_no_odd_value_in_any_field_makes_a_500(people: People, http: Http, server: Server) -> None:
    crew = await people()
    client = http(crew.admin)
    session, handoff = await open_session(client), (await escalated(http(crew.technician)))["id"]
    broken = []
    for verb, path, good in ROUTES:
        address = API + path.format(session=session, handoff=handoff)
        for field in good:
            for odd in (*ODD, {"a": odd_inside} if (odd_inside := "\ud800\x00") else None):
                body = dumps({**good, field: odd})
                answer = await client.request(verb, address, content=body)
                if answer.status_code >= 500:
                    broken.append(f"{verb} {path} {field}={odd!r:.40}: {answer.text}")
                elif answer.status_code >= 400:
                    assert answer.headers["content-type"] == "application/problem+json"
                    assert answer.json()["code"]
    assert not broken, "\n".join(broken)


def dumps(body: object) -> bytes:
    return json.dumps(body).encode()


async def test_headers_and_queries_of_any_bytes_make_no_500(people: People, http: Http) -> None:
    crew = await people()
    client = http(crew.technician)
    session = await open_session(client)
    for odd in ("²", "-1", "9" * 40, "9" * 5_000, "x"):
        async with client.stream(
            "GET", f"{API}/ai-sessions/{session}/stream", headers={b"Last-Event-ID": odd.encode("latin-1")}
        ) as answer:
            assert answer.status_code == 200
    for after in ("9" * 19, "9" * 5_000, "-1"):
        answer = await client.get(f"{API}/ai-sessions/{session}/stream", params={"after": after})
        refused(answer, 422, "invalid_body")
    for path in ("/handoffs", "/ai-sessions", "/events"):
        for name in ("status", "cursor", "search", "epoch", "after", "limit", "wait", "mine"):
            for odd in ("\x00", "a\x00b", "9" * 19, "9" * 5_000, "\ud83d"):
                query = f"{name}={quote(odd, errors='surrogatepass')}"
                assert (await client.get(f"{API}{path}?{query}")).status_code < 500, (path, query)
    for key in (b"\xff", b"x" * 5_000):
        header = {b"Idempotency-Key": key}
        answer = await client.post(
            f"{API}/ai-sessions/{session}/handoff", json={"reason": "Down again"}, headers=header
        )
        assert answer.status_code < 500, key
    for month in ("0001-01", "9999-12", "2026-13", "x" * 7, "\x00" * 7, "\u0662\u0660\u0662\u0666-01"):
        answer = await http(crew.engineer).get(f"{API}/analytics/escalation-metrics", params={"month": month})
        refused(answer, 400, "bad_request")


@pytest.fixture
async def gate(people: People, http: Http) -> tuple[httpx.AsyncClient, str]:
    client = http((await people()).technician)
    return client, await open_session(client)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.binary(max_size=60))
async def test_any_bytes_as_a_body_are_refused_by_code(gate: tuple[httpx.AsyncClient, str], body: bytes) -> None:
    client, session = gate
    answer = await client.post(f"{API}/ai-sessions/{session}/messages", content=body)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.json()["code"] in {"bad_request", "invalid_body"}
