"""Minutes recovered over HTTP: from real handoffs with known times, for those who may see it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import Http
from tests.support.flow import API, Owner, act, claimed, escalated, log_of, refused
from tests.support.people import Crew

People = Callable[..., Awaitable[Crew]]
METRICS = f"{API}/analytics/escalation-metrics"


async def figures(client: httpx.AsyncClient, month: str | None = None) -> dict[str, Any]:
    answer = await client.get(METRICS, params={"month": month} if month else {})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def move(owner: Owner, handoff_id: str, escalated_at: str, claim_s: int | None, action_s: int | None) -> None:
    """Give a handoff known times, as only the owner of the tables can."""
    start = datetime.fromisoformat(escalated_at).replace(tzinfo=UTC)
    claim = start + timedelta(seconds=claim_s) if claim_s is not None else None
    action = claim + timedelta(seconds=action_s) if claim is not None and action_s is not None else None
    await owner.fetch(
        "UPDATE handoff SET created_at = $2, first_claimed_at = $3, first_action_claimed_at = $4, first_action_at = $5,"
        " first_action_kind = $6 WHERE id = $1",
        handoff_id,
        start,
        claim,
        claim if action else None,
        action,
        "message" if action else None,
    )


async def test_exact_figures_from_known_times_in_the_accounts_own_month(
    people: People, http: Http, database_url: str
) -> None:
    crew = await people()
    owner, junior, senior = Owner(database_url), http(crew.technician), http(crew.engineer)
    boss = http(crew.admin)
    changed = await boss.patch(
        f"{API}/account/settings", json={"timezone": "Asia/Kolkata", "manual_baseline_minutes": 12.5}
    )
    assert changed.status_code == 200, changed.text
    # Kolkata is 5:30 ahead: its March begins on 28 February at 18:30 UTC and ends on 31 March at 18:30 UTC.
    plan = [
        ("2026-02-28T18:29:59", 10, 10),
        ("2026-02-28T18:30:00", 60, 120),
        ("2026-03-15T12:00:00", 120, 180),
        ("2026-03-31T18:29:59", 90, None),
        ("2026-03-31T18:30:00", 10, 10),
    ]
    for times in plan:
        await move(owner, (await escalated(junior))["id"], *times)
    march = await figures(senior, "2026-03")
    expected = {
        "month": "2026-03",
        "timezone": "Asia/Kolkata",
        "manual_baseline_minutes": 12.5,
        "escalations": 3,
        "claimed": 3,
        "with_first_action": 2,
        "mean_time_to_claim_seconds": 90,
        "mean_time_to_first_action_seconds": 150,
        "minutes_recovered_per_escalation": 10,
        "minutes_recovered_total": 20,
        "by_first_action_kind": {"message": 2},
        "time_to_claim_seconds": {"n": 3, "mean": 90, "median": 90, "p90": 114},
        "time_to_first_action_seconds": {"n": 2, "mean": 150, "median": 150, "p90": 174},
        "minutes_recovered": {"n": 2, "mean": 10, "median": 10, "p90": 10.4},
        "negative": 0,
        "small_sample": True,
        "early": True,
        "previous": {"month": "2026-02", "with_first_action": 1, "minutes_recovered_per_escalation": 12.5 - 10 / 60},
        "exclusions": [{"reason": "waiting", "count": 1}],
    }
    assert {name: march[name] for name in expected} == expected
    assert march["change_minutes"] == pytest.approx(-12.5 + 10 / 60 + 10)
    days = {point["date"]: (point["minutes_recovered_per_escalation"], point["n"]) for point in march["rolling"]}
    assert len(days) == 31
    assert (days["2026-03-01"], days["2026-03-14"], days["2026-03-15"], days["2026-03-31"]) == (
        (10.5, 1),
        (10.5, 1),
        (10, 2),
        (10, 2),
    )
    assert (await figures(senior, "2026-02"))["escalations"] == 1
    assert (await figures(senior, "2026-04"))["escalations"] == 1


async def test_an_empty_month_has_nulls_and_no_zeros(people: People, http: Http) -> None:
    crew = await people()
    empty = await figures(http(crew.engineer), "2024-01")
    assert (empty["escalations"], empty["rolling"], empty["by_first_action_kind"]) == (0, [], {})
    for name in (
        "mean_time_to_claim_seconds",
        "mean_time_to_first_action_seconds",
        "minutes_recovered_per_escalation",
        "minutes_recovered_total",
    ):
        assert empty[name] is None, name


async def test_only_seniors_see_the_figures(people: People, http: Http) -> None:
    crew = await people()
    for who in (crew.viewer, crew.technician):
        refused(await http(who).get(METRICS), 403, "role_required")
    for who in (crew.engineer, crew.admin, crew.owner):
        assert (await http(who).get(METRICS)).status_code == 200
    for wrong in ("2026-13", "november", "2026-1", "2026-11-01"):
        refused(await http(crew.owner).get(METRICS, params={"month": wrong}), 400, "bad_request")


ACTIONS = {
    "message": ("messages", {"content": "I am on it"}),
    "step": ("steps", {"action": "Swapped the SFP", "outcome": "worked"}),
    "fact": ("facts", {"label": "SFP", "value": "third party"}),
}


@pytest.mark.parametrize("kind", ACTIONS)
async def test_only_the_claimers_first_act_after_the_claim_counts_and_only_once(
    people: People, http: Http, kind: str
) -> None:
    crew = await people()
    junior, senior, other = http(crew.technician), http(crew.engineer), http(crew.second_engineer)
    handoff = await escalated(junior)
    base = f"{API}/ai-sessions/{handoff['session_id']}"
    part, body = ACTIONS[kind]
    await senior.post(f"{base}/{part}", json=body)  # before the claim
    await claimed(senior, handoff["id"])
    for who in (junior, other):
        await who.post(f"{base}/{part}", json=body)
    assert (await senior.get(f"{API}/handoffs/{handoff['id']}")).json()["first_action_at"] is None
    assert (await figures(senior))["with_first_action"] == 0
    before = len(await log_of(senior))
    assert (await senior.post(f"{base}/{part}", json=body)).status_code == 201
    whole = (await senior.get(f"{API}/handoffs/{handoff['id']}")).json()
    assert whole["first_action_kind"] == kind
    assert [e["kind"] for e in whole["timeline"]][-1] == "first_action"
    (event,) = (await log_of(senior))[before:]
    assert (event["kind"], event["data"]["first_action_kind"]) == ("handoff.updated", kind)
    await senior.post(f"{base}/messages", json={"content": "And more"})
    again = (await senior.get(f"{API}/handoffs/{handoff['id']}")).json()
    assert (again["first_action_at"], again["first_action_kind"]) == (whole["first_action_at"], kind)
    found = await figures(senior)
    assert (found["escalations"], found["with_first_action"], found["by_first_action_kind"]) == (1, 1, {kind: 1})
    seconds = found["mean_time_to_first_action_seconds"]
    assert 0 < seconds < 60
    assert found["minutes_recovered_per_escalation"] == pytest.approx(found["manual_baseline_minutes"] - seconds / 60)


async def test_after_a_hand_over_the_new_holders_act_is_measured_from_their_own_claim(
    people: People, http: Http, database_url: str
) -> None:
    crew = await people()
    junior, first, second = http(crew.technician), http(crew.engineer), http(crew.second_engineer)
    handoff = await escalated(junior)
    await claimed(first, handoff["id"])
    await Owner(database_url).fetch("UPDATE handoff SET claimed_at = claimed_at - interval '1 hour'")
    await act(first, handoff["id"], "release")
    await claimed(second, handoff["id"])
    await second.post(f"{API}/ai-sessions/{handoff['session_id']}/messages", json={"content": "Mine now"})
    assert (await figures(second))["mean_time_to_first_action_seconds"] < 60


async def test_a_new_baseline_leaves_what_was_measured_before_it_as_it_was(people: People, http: Http) -> None:
    """An owner who sets a better baseline must not find last week's figure rewritten."""
    crew = await people()
    junior, senior, boss = http(crew.technician), http(crew.engineer), http(crew.admin)
    for minutes in (30, 12):
        await boss.patch(f"{API}/account/settings", json={"manual_baseline_minutes": minutes})
        handoff = await escalated(junior)
        await claimed(senior, handoff["id"])
        await senior.post(f"{API}/ai-sessions/{handoff['session_id']}/messages", json={"content": "On it"})
    found = await figures(senior)
    assert found["manual_baseline_minutes"] == 21
    assert found["minutes_recovered_per_escalation"] == pytest.approx(
        21 - found["mean_time_to_first_action_seconds"] / 60
    )
    used = [(one["minutes"], one["escalations"]) for one in found["baselines"]]
    assert used == [(30, 1), (12, 1)]
    listed = (await senior.get(f"{API}/analytics/escalations?counted=yes")).json()
    assert [row["baseline_minutes"] for row in listed["items"]] == [12, 30]


async def test_what_is_left_out_can_be_listed_by_its_reason(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    waiting, withdrawn, idle, ended = [(await escalated(junior, f"Number {n}"))["id"] for n in range(4)]
    await act(junior, withdrawn, "withdraw")
    for one in (idle, ended):
        await claimed(senior, one)
    await act(senior, ended, "resolve", outcome="duplicate", had_what_i_needed=True)
    found = await figures(senior)
    wanted = {"waiting": waiting, "withdrawn": withdrawn, "no_action_yet": idle, "ended_without_action": ended}
    assert {one["reason"]: one["count"] for one in found["exclusions"]} == dict.fromkeys(wanted, 1)
    for reason, handoff_id in wanted.items():
        listed = (await senior.get(f"{API}/analytics/escalations", params={"counted": reason})).json()
        assert (listed["total"], [row["id"] for row in listed["items"]]) == (1, [handoff_id])
    assert (await senior.get(f"{API}/analytics/escalations?counted=no")).json()["total"] == 4
    refused(await senior.get(f"{API}/analytics/escalations?counted=perhaps"), 422, "invalid_body")
    assert (found["endings"]["outcomes"], found["endings"]["said"]) == ({"duplicate": 1}, 1)


async def test_an_owner_who_claims_what_a_peer_escalated_counts_like_anybody(people: People, http: Http) -> None:
    """The published formula knows no exception: whoever claims and acts is measured."""
    crew = await people()
    owner, peer = http(crew.engineer), http(crew.technician)
    opened = await owner.post(f"{API}/ai-sessions", json={"title": "Mine", "problem": "It drops"})
    session_id = opened.json()["id"]
    handoff = (await peer.post(f"{API}/ai-sessions/{session_id}/handoff", json={"reason": "It drops again"})).json()
    await claimed(owner, handoff["id"])
    await owner.post(f"{API}/ai-sessions/{session_id}/messages", json={"content": "I have it"})
    found = await figures(owner)
    assert (found["escalations"], found["with_first_action"]) == (1, 1)
    assert found["by_first_action_kind"]["message"] == 1
    assert found["exclusions"] == []


async def names(client: httpx.AsyncClient, part: str) -> list[str | None]:
    return [row["name"] for row in (await figures(client))[part]]


async def test_names_are_the_administrators_unless_policy_says_otherwise(people: People, http: Http) -> None:
    crew = await people()
    junior, senior, boss = http(crew.technician), http(crew.engineer), http(crew.admin)
    for _ in range(3):
        await claimed(http(crew.second_engineer), (await escalated(junior))["id"])
    await claimed(senior, (await escalated(junior))["id"])
    assert await names(senior, "by_claimer") == [crew.engineer.name, None]
    assert await names(senior, "by_technician") == [None]
    listed = (await senior.get(f"{API}/analytics/escalations")).json()["items"]
    assert {row["claimed_by"] for row in listed} == {crew.engineer.name, "Others"}
    assert {row["escalated_by"] for row in listed} == {"Others"}
    assert await names(boss, "by_claimer") == [None], "one alone would be had by subtraction"
    assert await names(boss, "by_technician") == [crew.technician.name]
    await boss.patch(f"{API}/account/settings", json={"analytics_small_groups": True})
    both = [crew.second_engineer.name, crew.engineer.name]
    assert await names(boss, "by_claimer") == both
    assert await names(senior, "by_claimer") == [crew.engineer.name, None]
    await boss.patch(f"{API}/account/settings", json={"analytics_names_for_seniors": True})
    assert await names(senior, "by_claimer") == both


async def test_the_first_desktop_that_showed_it_counts_however_many_show_it_at_once(people: People, http: Http) -> None:
    """Ten seniors' computers answer in the same moment: none may wait for another's lock, and one was first."""
    crew = await people()
    handoff = (await escalated(http(crew.technician)))["id"]
    seniors = [http(one) for one in (crew.engineer, crew.second_engineer, crew.admin, crew.owner)]
    for state in ("suppressed", "shown"):
        body = {"state": state}
        answers = await asyncio.gather(*(one.post(f"{API}/handoffs/{handoff}/receipts", json=body) for one in seniors))
        assert {answer.status_code for answer in answers} == {204}
        shown = (await figures(seniors[0]))["shown_on_desktop_seconds"]
        assert shown["n"] == (state == "shown")
    rows = (await seniors[0].get(f"{API}/handoffs/{handoff}")).json()
    told = [
        datetime.fromisoformat(row["at"])
        for row in rows["deliveries"]
        if (row["channel"], row["state"]) == ("desktop", "shown")
    ]
    assert len(told) == len(seniors)
    assert shown["mean"] == (min(told) - datetime.fromisoformat(rows["created_at"])) / timedelta(seconds=1)


async def test_a_customer_filled_in_later_is_the_customer_of_what_was_escalated_before(
    people: People, http: Http, database_url: str
) -> None:
    crew = await people()
    handoff = await escalated(http(crew.technician))
    assert [(row["key"], row["others"]) for row in (await figures(http(crew.admin)))["by_customer"]] == [(None, True)]
    fill = "UPDATE ai_session SET customer = 'Contoso' WHERE id = $1"
    await Owner(database_url).fetch(fill, handoff["session_id"])
    assert [row["key"] for row in (await figures(http(crew.admin)))["by_customer"]] == ["Contoso"]
