"""The OpenAPI document is complete: what the contract names is in it, and what the server answers is declared in it."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.conftest import Http
from tests.support.flow import API, act, claimed, escalate, escalated, open_session
from tests.support.people import Crew

People = Callable[..., Awaitable[Crew]]

CONTRACT = {
    "/me": {"get"},
    "/ai-sessions": {"get", "post"},
    "/ai-sessions/{session_id}": {"get"},
    "/ai-sessions/{session_id}/messages": {"post"},
    "/ai-sessions/{session_id}/steps": {"post"},
    "/ai-sessions/{session_id}/facts": {"post"},
    "/ai-sessions/{session_id}/stream": {"get"},
    "/ai-sessions/{session_id}/steps/{step_id}": {"patch", "delete"},
    "/ai-sessions/{session_id}/facts/{fact_id}": {"patch", "delete"},
    "/ai-sessions/{session_id}/tasks": {"post"},
    "/ai-sessions/{session_id}/tasks/{task_id}": {"patch", "delete"},
    "/ai-sessions/{session_id}/active-fix": {"put", "patch", "delete"},
    "/ai-sessions/{session_id}/handoff": {"post"},
    "/handoffs": {"get"},
    "/handoffs/{handoff_id}": {"get", "patch"},
    "/handoffs/{handoff_id}/claim": {"post"},
    "/handoffs/{handoff_id}/release": {"post"},
    "/handoffs/{handoff_id}/reassign": {"post"},
    "/handoffs/{handoff_id}/resolve": {"post"},
    "/handoffs/{handoff_id}/withdraw": {"post"},
    "/events": {"get"},
    "/handoffs/{handoff_id}/receipts": {"post"},
    "/analytics/escalation-metrics": {"get"},
    "/analytics/baselines": {"get", "post"},
    "/analytics/escalations": {"get"},
    "/account/settings": {"get", "patch"},
    "/ai-sessions/{session_id}/assistant": {"get"},
    "/ai-sessions/{session_id}/reply/stop": {"post"},
    "/ai-sessions/{session_id}/messages/{message_id}/reply": {"post"},
    "/ai-sessions/{session_id}/proposals": {"get"},
    "/handoffs/{handoff_id}/briefing": {"post"},
    "/account/runbooks": {"get", "post"},
    "/account/runbooks/{runbook_id}": {"get", "put", "delete"},
    "/secrets": {"post"},
    "/secrets/check": {"post"},
    "/secrets/{secret_id}/view": {"post"},
    "/account/webhooks": {"get", "post"},
    "/account/webhooks/{webhook_id}": {"get", "patch", "delete"},
    "/account/webhooks/{webhook_id}/test": {"post"},
    "/account/webhooks/{webhook_id}/deliveries": {"get"},
    "/account/webhooks/{webhook_id}/deliveries/{delivery_id}/retry": {"post"},
}


async def document(http: Http) -> dict[str, Any]:
    found: dict[str, Any] = (await http().get(f"{API}/openapi.json")).json()
    return found


async def test_every_route_of_the_contract_is_in_the_document(http: Http) -> None:
    paths = (await document(http))["paths"]
    for path, verbs in CONTRACT.items():
        assert verbs <= set(paths[API + path]), path
    assert {"/healthz", "/readyz", "/metrics"} <= set(paths)


async def test_every_reference_leads_somewhere_and_every_refusal_is_a_problem(http: Http) -> None:
    found = await document(http)
    schemas = set(found["components"]["schemas"])
    assert references(found) <= {f"#/components/schemas/{name}" for name in schemas}
    for path, verbs in found["paths"].items():
        for verb, route in verbs.items():
            assert route.get("summary"), f"{verb} {path} has no summary"
            for status, answer in route["responses"].items():
                if path.startswith(API) and int(status) >= 400:
                    schema = answer["content"]["application/problem+json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Problem"}, f"{verb} {path} {status}"


async def test_the_document_says_how_to_sign_in_and_what_comes_back(http: Http) -> None:
    """A client made from the document must know both ways in, and not take a stream or metrics for JSON."""
    found = await document(http)
    schemes = found["components"]["securitySchemes"]
    assert (schemes["cookie"]["in"], schemes["csrf"]["name"]) == ("cookie", "X-CSRF-Token")
    paths = found["paths"]
    for path, verbs in paths.items():
        for verb, route in verbs.items():
            if not path.startswith(API):
                assert route["security"] == [], path
                continue
            assert {"400", "401", "405", "413", "422", "503"} <= set(route["responses"]), f"{verb} {path}"
            if verb != "get":
                assert route["security"] == [{"bearer": []}, {"cookie": [], "csrf": []}], f"{verb} {path}"
                assert "csrf_failed" in route["responses"]["403"]["description"], f"{verb} {path}"
    for path, kind in (
        (f"{API}/ai-sessions/{{session_id}}/stream", "text/event-stream"),
        ("/metrics", "text/plain"),
        ("/healthz", "application/json"),
        ("/readyz", "application/json"),
    ):
        assert set(paths[path]["get"]["responses"]["200"]["content"]) == {kind}
        if kind != "text/event-stream":
            assert (await http().get(path)).headers["content-type"].startswith(kind)


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


async def test_every_answer_that_the_server_gives_is_declared(people: People, http: Http) -> None:
    """Drives each route into its answers and looks each one up in the document."""
    crew = await people()
    paths = (await document(http))["paths"]
    junior, senior, other, viewer = (
        http(w) for w in (crew.technician, crew.engineer, crew.second_engineer, crew.viewer)
    )
    session = await open_session(junior)
    done = await open_session(junior)
    handoff = (await escalated(junior))["id"]
    own = (await escalated(senior))["id"]
    held = (await escalated(junior))["id"]
    await claimed(senior, held)
    nobody = "01a20201-0632-7492-9065-20577af071aa"
    boss, w = http(crew.admin), f"{API}/account/webhooks"
    hook = await boss.post(w, json={"name": "Hook", "url": "https://1.1.1.1/"})
    one = f"{w}/{hook.json()['id']}"
    s, h = f"{API}/ai-sessions", f"{API}/handoffs"
    answers = [
        ("/me", await http().get(f"{API}/me")),
        ("/ai-sessions", await viewer.post(s, json={"title": "t", "problem": "p"})),
        ("/ai-sessions", await junior.post(s, json={})),
        ("/ai-sessions", await junior.post(s, content=b"{")),
        ("/ai-sessions", await junior.get(s, params={"status": "x"})),
        ("/ai-sessions/{session_id}", await junior.get(f"{s}/{nobody}")),
        (
            "/ai-sessions/{session_id}/messages",
            await junior.post(f"{s}/{session}/messages", json={"content": "x" * 65_537}),
        ),
        ("/ai-sessions/{session_id}/resolve", await viewer.post(f"{s}/{done}/resolve", json={})),
        ("/ai-sessions/{session_id}/facts", await junior.post(f"{s}/{done}/facts", content=b"x" * 500_000)),
        ("/ai-sessions/{session_id}/resolve", await junior.post(f"{s}/{done}/resolve", json={})),
        ("/ai-sessions/{session_id}/resolve", await junior.post(f"{s}/{done}/resolve", json={})),
        ("/ai-sessions/{session_id}/facts", await junior.post(f"{s}/{done}/facts", json={"label": "l", "value": "v"})),
        ("/ai-sessions/{session_id}/handoff", await escalate(junior, session, key="k")),
        ("/ai-sessions/{session_id}/handoff", await escalate(junior, session, key="k")),
        ("/ai-sessions/{session_id}/handoff", await escalate(junior, session)),
        ("/ai-sessions/{session_id}/handoff", await escalate(junior, session, target_user_id=crew.viewer.id)),
        ("/ai-sessions/{session_id}/handoff", await escalate(viewer, session)),
        ("/handoffs", await junior.get(h, params={"limit": 0})),
        ("/handoffs/{handoff_id}", await junior.get(f"{h}/{nobody}")),
        ("/handoffs/{handoff_id}", await senior.patch(f"{h}/{held}", json={"priority": "low"})),
        ("/handoffs/{handoff_id}/claim", await act(junior, handoff, "claim")),
        ("/handoffs/{handoff_id}/claim", await act(senior, own, "claim")),
        ("/handoffs/{handoff_id}/claim", await act(senior, nobody, "claim")),
        ("/handoffs/{handoff_id}/claim", await act(senior, handoff, "claim")),
        ("/handoffs/{handoff_id}/release", await act(other, handoff, "release")),
        ("/handoffs/{handoff_id}/reassign", await act(senior, handoff, "reassign", user_id=crew.viewer.id)),
        ("/handoffs/{handoff_id}/resolve", await act(senior, handoff, "resolve", claim_epoch=7)),
        ("/handoffs/{handoff_id}/withdraw", await act(junior, handoff, "withdraw")),
        ("/events", await junior.get(f"{API}/events", params={"after": -1})),
        ("/analytics/escalation-metrics", await junior.get(f"{API}/analytics/escalation-metrics")),
        ("/analytics/escalation-metrics", await senior.get(f"{API}/analytics/escalation-metrics?month=x")),
        ("/account/settings", await junior.patch(f"{API}/account/settings", json={})),
        ("/account/webhooks", hook),
        ("/account/webhooks", await senior.get(w)),
        ("/account/webhooks", await boss.post(w, json={"name": "Hook", "url": "https://127.0.0.1/"})),
        ("/account/webhooks/{webhook_id}", await boss.patch(one, json={"active": False})),
        ("/account/webhooks/{webhook_id}", await boss.get(f"{w}/{nobody}")),
        ("/account/webhooks/{webhook_id}/test", await junior.post(f"{one}/test")),
        ("/account/webhooks/{webhook_id}/deliveries", await boss.get(f"{one}/deliveries")),
        (
            "/account/webhooks/{webhook_id}/deliveries/{delivery_id}/retry",
            await boss.post(f"{one}/deliveries/{nobody}/retry"),
        ),
        ("/account/webhooks/{webhook_id}", await boss.delete(one)),
    ]
    undeclared = [
        f"{answer.request.method} {path} {answer.status_code} {answer.text[:60]}"
        for path, answer in answers
        if str(answer.status_code) not in paths[API + path][answer.request.method.lower()]["responses"]
    ]
    assert not undeclared, "\n".join(undeclared)
    codes = {answer.json()["code"] for _, answer in answers if answer.status_code >= 400}
    assert len(codes) >= 12, codes
