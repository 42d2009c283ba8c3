"""Asking for help: one request makes one handoff, however often it is sent, and keeps the session as it was."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx

from tests.conftest import Http
from tests.support.flow import API, REASON, Owner, act, claimed, escalate, escalated, log_of, open_session, refused
from tests.support.people import Crew

People = Callable[..., Awaitable[Crew]]


async def whole(client: httpx.AsyncClient, handoff_id: str) -> dict[str, Any]:
    handoff: dict[str, Any] = (await client.get(f"{API}/handoffs/{handoff_id}")).json()
    return handoff


async def test_the_same_key_again_is_the_same_handoff(people: People, http: Http) -> None:
    crew = await people()
    junior, peer = http(crew.technician), http(crew.engineer)
    session_id = await open_session(junior)
    first = await escalate(junior, session_id, key="k1")
    again = await escalate(junior, session_id, key="k1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    other = refused(await escalate(junior, session_id, key="k1", priority="urgent"), 409, "idempotency_mismatch")
    assert other["handoff_id"] == first.json()["id"]
    elsewhere = await open_session(junior)
    refused(await escalate(junior, elsewhere, key="k1"), 409, "idempotency_mismatch")
    for answer in (await escalate(junior, session_id, key="k2"), await escalate(junior, session_id)):
        assert refused(answer, 409, "already_escalated")["handoff_id"] == first.json()["id"]
    # Keys are each person's own.
    assert (await escalate(peer, elsewhere, key="k1")).status_code == 201
    # Long after it has ended, a retry that comes late still gets the first answer, not a second handoff.
    await claimed(peer, first.json()["id"])
    assert (await act(peer, first.json()["id"], "resolve")).status_code == 200
    late = await escalate(junior, session_id, key="k1")
    assert (late.status_code, late.json()["id"], late.json()["status"]) == (200, first.json()["id"], "resolved")
    assert len([e for e in await log_of(junior) if e["kind"] == "handoff.created"]) == 2


async def test_a_retry_is_answered_though_the_target_lost_the_role_meanwhile(
    people: People, http: Http, database_url: str
) -> None:
    """The first answer may have been lost on the way; the retry must find out that the escalation stands."""
    crew = await people()
    junior = http(crew.technician)
    session_id = await open_session(junior)
    first = await escalate(junior, session_id, key="k1", target_user_id=crew.engineer.id)
    await Owner(database_url).fetch("UPDATE app_user SET role = 'technician' WHERE id = $1", UUID(crew.engineer.id))
    again = await escalate(junior, session_id, key="k1", target_user_id=crew.engineer.id)
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    other = await escalate(junior, session_id, key="k1", need="Eyes", target_user_id=crew.engineer.id)
    refused(other, 409, "idempotency_mismatch")
    refused(await escalate(junior, session_id, key="k2", target_user_id=crew.engineer.id), 422, "user_not_eligible")


async def test_asking_for_oneself_is_refused_since_one_could_never_claim_it(people: People, http: Http) -> None:
    crew = await people()
    senior = http(crew.engineer)
    session_id = await open_session(senior)
    own = refused(await escalate(senior, session_id, target_user_id=crew.engineer.id), 422, "user_not_eligible")
    assert (own["detail"], own["field"]) == ("The one who escalated cannot take it.", "target_user_id")
    handoff = (await escalate(senior, session_id)).json()
    path = f"{API}/handoffs/{handoff['id']}"
    for who in (senior, http(crew.admin)):
        own = refused(await who.patch(path, json={"target_user_id": crew.engineer.id}), 422, "user_not_eligible")
        assert own["field"] == "target_user_id"
    assert (await whole(senior, handoff["id"]))["target_user_id"] is None


async def test_twenty_at_once_with_one_key_make_one_handoff(people: People, http: Http) -> None:
    crew = await people()
    junior = http(crew.technician)
    session_id = await open_session(junior)
    answers = await asyncio.gather(*(escalate(junior, session_id, key="same") for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert [event["kind"] for event in await log_of(junior)] == ["handoff.created"]


async def test_twenty_at_once_with_different_keys_make_one_handoff(people: People, http: Http) -> None:
    crew = await people()
    junior, peer = http(crew.technician), http(crew.engineer)
    session_id = await open_session(junior)
    answers = await asyncio.gather(
        *(escalate((junior, peer)[n % 2], session_id, key=f"k{n}") for n in range(20)),
    )
    made = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert len(made) == 1
    for answer in answers:
        if answer.status_code != 201:
            assert refused(answer, 409, "already_escalated")["handoff_id"] == made[0]


async def test_the_snapshot_stays_as_it_was_when_the_session_goes_on(people: People, http: Http) -> None:
    crew = await people()
    junior = http(crew.technician)
    session_id = await open_session(junior, "Before", customer="Fabrikam", ticket={"system": "cw", "id": "20418"})
    base = f"{API}/ai-sessions/{session_id}"
    await junior.post(f"{base}/messages", json={"content": "First words"})
    await junior.post(f"{base}/steps", json={"action": "Rebooted", "outcome": "no_change", "detail": "Twice"})
    await junior.post(f"{base}/facts", json={"label": "Firmware", "value": "7.2"})
    handoff = (await escalate(junior, session_id, need="Eyes", impact="Ten people wait")).json()
    package = handoff["escalation_package"]
    snapshot = package["snapshot"]
    assert (package["reason"], package["need"], package["impact"]) == (REASON, "Eyes", "Ten people wait")
    assert (package["assessment"], package["assessment_status"]) == (None, handoff["assessment_status"])
    assert (snapshot["title"], snapshot["customer"], snapshot["ticket"]["id"]) == ("Before", "Fabrikam", "20418")
    assert [m["content"] for m in snapshot["messages"]] == ["First words"]
    assert [(s["action"], s["outcome"], s["detail"]) for s in snapshot["steps"]] == [("Rebooted", "no_change", "Twice")]
    assert [(f["label"], f["value"]) for f in snapshot["facts"]] == [("Firmware", "7.2")]
    await junior.post(f"{base}/messages", json={"content": "Later words"})
    await junior.post(f"{base}/steps", json={"action": "Prayed", "outcome": "worked"})
    assert (await whole(junior, handoff["id"]))["escalation_package"]["snapshot"] == snapshot
    session = (await junior.get(base)).json()
    assert (session["status"], len(session["messages"])) == ("escalated", 2)
    assert [h["id"] for h in session["handoffs"]] == [handoff["id"]]


async def test_a_peer_escalates_and_both_names_are_kept(people: People, http: Http) -> None:
    crew = await people()
    session_id = await open_session(http(crew.technician))
    handoff = (await escalate(http(crew.engineer), session_id)).json()
    assert handoff["handed_off_by"] == {"id": crew.engineer.id, "name": crew.engineer.name}
    assert handoff["session_owner"] == {"id": crew.technician.id, "name": crew.technician.name}
    refused(await act(http(crew.engineer), handoff["id"], "claim"), 409, "own_handoff")
    told = {d["user"]["id"] for d in handoff["deliveries"]}
    assert told == {crew.owner.id, crew.admin.id, crew.second_engineer.id}, "everybody who may claim, and nobody else"
    assert {(d["channel"], d["state"]) for d in handoff["deliveries"]} == {
        ("desktop", "pending"),
        ("email", "pending"),
    }, "each of them by desktop alert, and by e-mail unless it is shown"


async def test_a_target_must_be_a_senior_of_the_account(people: People, http: Http, database_url: str) -> None:
    crew = await people()
    junior = http(crew.technician)
    session_id = await open_session(junior)
    for wrong in (str(uuid4()), "nobody", ""):
        refused(await escalate(junior, session_id, target_user_id=wrong), 404, "not_found")
    for who in (crew.viewer, crew.technician):
        refused(await escalate(junior, session_id, target_user_id=who.id), 422, "user_not_eligible")
    await Owner(database_url).fetch("UPDATE app_user SET active = false WHERE id = $1", crew.second_engineer.id)
    refused(await escalate(junior, session_id, target_user_id=crew.second_engineer.id), 404, "not_found")
    handoff = (await escalate(junior, session_id, target_user_id=crew.engineer.id)).json()
    assert handoff["target_user_id"] == crew.engineer.id
    assert (await log_of(junior))[0]["data"]["target_user_id"] == crew.engineer.id


async def test_who_may_not_and_what_cannot_be_escalated(people: People, http: Http) -> None:
    crew = await people()
    junior = http(crew.technician)
    session_id = await open_session(junior)
    refused(await escalate(http(crew.viewer), session_id), 403, "role_required")
    for wrong in (str(uuid4()), "x", "%00"):
        refused(await escalate(junior, wrong), 404, "not_found")
    done = await junior.post(f"{API}/ai-sessions/{session_id}/resolve", json={"note": "It was the cable"})
    assert (done.status_code, done.json()["status"]) == (200, "resolved")
    refused(await escalate(junior, session_id), 409, "session_resolved")
    assert await log_of(junior) == []


async def test_a_session_is_never_resolved_under_a_waiting_handoff(people: People, http: Http) -> None:
    """Resolve and escalate at the same moment: one of the two is refused."""
    crew = await people()
    junior, peer = http(crew.technician), http(crew.engineer)
    for _ in range(12):
        session_id = await open_session(junior)
        asked, ended = await asyncio.gather(
            escalate(peer, session_id), junior.post(f"{API}/ai-sessions/{session_id}/resolve", json={})
        )
        assert sorted((asked.status_code < 300, ended.status_code < 300)) == [False, True], (asked.text, ended.text)
        session = (await junior.get(f"{API}/ai-sessions/{session_id}")).json()
        found = (session["status"], [h["status"] for h in session["handoffs"]])
        assert found in [("resolved", []), ("escalated", ["pending"])]


BAD_BODIES: list[tuple[Any, int, str]] = [
    ({}, 422, "invalid_body"),
    ({"reason": None}, 422, "invalid_body"),
    ({"reason": 7}, 422, "invalid_body"),
    ({"reason": "   "}, 422, "invalid_body"),
    ({"reason": "x" * 2_001}, 422, "invalid_body"),
    ({"reason": "a\x00b" * 5}, 422, "invalid_body"),
    ({"reason": REASON, "priority": "asap"}, 422, "invalid_body"),
    ({"reason": REASON, "need": ["x"]}, 422, "invalid_body"),
    ({"reason": REASON, "impact": "x" * 2_001}, 422, "invalid_body"),
    ([], 422, "invalid_body"),
    (None, 422, "invalid_body"),
]
BAD_TEXTS: list[tuple[bytes, int, str]] = [
    (b"", 422, "invalid_body"),
    (b"{", 400, "bad_request"),
    (b'{"reason": "x"', 400, "bad_request"),
    (b"\xff\xfe", 400, "bad_request"),
    (b'{"reason": "\\ud800 lone surrogate"}', 422, "invalid_body"),
    (b"[" * 100_000, 400, "bad_request"),
    (b'{"reason": "' + b"x" * 500_000 + b'"}', 413, "payload_too_large"),
]


async def test_bad_bodies_are_refused_by_name_and_leave_nothing(people: People, http: Http, database_url: str) -> None:
    crew = await people()
    junior = http(crew.technician)
    session_id = await open_session(junior)
    before = await Owner(database_url).checksum()
    path = f"{API}/ai-sessions/{session_id}/handoff"
    for body, status, code in BAD_BODIES:
        refused(await junior.post(path, json=body), status, code)
    for text, status, code in BAD_TEXTS:
        answer = await junior.post(path, content=text, headers={"Content-Type": "application/json"})
        refused(answer, status, code)
    refused(await escalate(junior, session_id, key="x" * 201), 422, "invalid_body")
    refused(await escalate(junior, session_id, key=""), 422, "invalid_body")
    assert await Owner(database_url).checksum() == before


async def test_a_message_of_64_kib_passes_and_one_byte_more_does_not(people: People, http: Http) -> None:
    crew = await people()
    junior = http(crew.technician)
    path = f"{API}/ai-sessions/{await open_session(junior)}/messages"
    for whole_text in ("x" * 65_536, "é" * 32_768, "\x01" * 65_536):
        assert (await junior.post(path, json={"content": whole_text})).status_code == 201
        refused(await junior.post(path, json={"content": whole_text + "x"}), 413, "payload_too_large")
    refused(await junior.post(path, json={"content": "a\x00b"}), 422, "invalid_body")
    refused(await junior.post(path, json={"content": ""}), 422, "invalid_body")


async def test_a_stream_of_bytes_without_a_length_is_cut_off(people: People, http: Http) -> None:
    crew = await people()
    junior = http(crew.technician)

    async def endless() -> Any:
        for _ in range(40):
            yield b" " * 16_384

    path = f"{API}/ai-sessions/{await open_session(junior)}/messages"
    refused(await junior.post(path, content=endless()), 413, "payload_too_large")


async def test_without_a_wanted_field_the_smallest_request_works(people: People, http: Http) -> None:
    crew = await people()
    handoff = await escalated(http(crew.technician))
    assert handoff["status"] == "pending"
    assert handoff["priority"] == "normal"
    assert handoff["claim_epoch"] == 0
    assert [entry["kind"] for entry in handoff["timeline"]] == ["created"]
