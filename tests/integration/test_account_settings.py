"""The account's settings: what an administrator writes is what the escalations of the account go by, or is refused."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from backend.db.engine import Database
from backend.identity.account import _zones
from backend.jobs.job import TOPIC
from tests.conftest import Http
from tests.support.flow import API, Owner, claimed, escalated, refused
from tests.support.people import Crew

People = Callable[..., Awaitable[Crew]]
PATH = f"{API}/account/settings"
MINUTES = {"urgent": 3, "high": 5, "normal": 20, "low": 60}
OFFICE = {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "08:00", "end": "18:00"}


async def patched(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    """Change settings; answers all of them."""
    answer = await client.patch(PATH, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def nested(deep: int) -> dict[str, Any]:
    policy: dict[str, Any] = {}
    for _ in range(deep - 1):
        policy = {"a": policy}
    return policy


async def test_settings_are_read_by_all_and_written_by_administrators(people: People, http: Http) -> None:
    crew = await people()
    before = (await http(crew.viewer).get(PATH)).json()
    assert (before["timezone"], before["manual_baseline_minutes"]) == ("UTC", 10)
    assert (before["email_content"], before["email_offline_delay_s"]) == ("full", 0)
    assert before["manual_baseline_is_estimate"] is True, "nobody in the account has set it"
    for who in (crew.viewer, crew.technician, crew.engineer):
        refused(await http(who).patch(PATH, json={"timezone": "Europe/London"}), 403, "role_required")
    boss = http(crew.admin)
    wanted = {"timezone": "Europe/London", "retention_days": 90, "email_content": "title_only"}
    changed = await patched(boss, **wanted, email_offline_delay_s=300)
    assert changed == {**before, **wanted, "email_offline_delay_s": 300}, "what is left out stays"
    assert (await patched(boss, manual_baseline_minutes=None))["manual_baseline_minutes"] is None
    after = {**changed, "manual_baseline_minutes": None, "manual_baseline_is_estimate": False}
    assert (await http(crew.viewer).get(PATH)).json() == after


@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": "Mars/Olympus"},
        {"timezone": "localtime"},
        {"timezone": "../../etc/passwd"},
        {"manual_baseline_minutes": 0},
        {"manual_baseline_minutes": 481},
        {"manual_baseline_minutes": True},
        {"retention_days": 29},
        {"email_content": "none"},
        {"email_offline_delay_s": -1},
        {"email_offline_delay_s": 301},
        {"email_offline_delay_s": True},
        {"email_offline_delay_s": 1.5},
        {"escalation_policy": []},
        {"escalation_policy": {"a": "x" * 20_000}},
        {"escalation_policy": {"a\x00": 1}},
        {"escalation_policy": nested(900)},
    ],
)
async def test_what_is_out_of_bounds_changes_nothing(people: People, http: Http, wrong: dict[str, Any]) -> None:
    boss = http((await people()).admin)
    before = (await boss.get(PATH)).json()
    refused(await boss.patch(PATH, json={"retention_days": 90, **wrong}), 422, "invalid_body")
    assert (await boss.get(PATH)).json() == before


async def test_numbers_that_json_does_not_know_are_refused(people: People, http: Http) -> None:
    boss = http((await people()).admin)
    for body in (b'{"manual_baseline_minutes": NaN}', b'{"escalation_policy": {"idle_nudge_minutes": Infinity}}'):
        refused(await boss.patch(PATH, content=body), 422, "invalid_body")


async def test_the_whole_policy_is_shown_and_comes_back_as_it_was_shown(people: People, http: Http) -> None:
    crew = await people()
    boss = http(crew.admin)
    default = (await boss.get(PATH)).json()["escalation_policy"]
    assert [step["minutes"]["high"] for step in default["steps"]] == [5, 15]
    assert default["repeat_minutes"]["urgent"] == 10
    steps = [
        {"who": "everyone", "minutes": MINUTES},
        {"who": "user", "user_id": crew.engineer.id.upper(), "minutes": {**dict.fromkeys(MINUTES), "urgent": 4}},
    ]
    changed = (await patched(boss, escalation_policy={"steps": steps, "working_hours": OFFICE}))["escalation_policy"]
    expected = [{**steps[0], "user_id": None}, {**steps[1], "user_id": crew.engineer.id}]
    assert changed == {**default, "steps": expected, "working_hours": OFFICE}
    assert (await patched(boss, escalation_policy=changed))["escalation_policy"] == changed
    assert (await patched(boss, timezone="Europe/London"))["escalation_policy"] == changed
    assert (await patched(boss, escalation_policy={}))["escalation_policy"] == default


async def test_a_wrong_policy_is_refused_by_the_place_that_is_wrong(people: People, http: Http) -> None:
    crew, theirs = await people(), await people("Contoso IT")
    boss = http(crew.admin)
    early = {"who": "owner", "minutes": {**MINUTES, "urgent": 2}}

    def named(user_id: str) -> dict[str, Any]:
        return {"steps": [{"who": "user", "user_id": user_id, "minutes": MINUTES}]}

    for policy, place in (
        ({"step": []}, "escalation_policy.step"),
        ({"working_hours": {**OFFICE, "days": ["mon", "mon"]}}, "escalation_policy.working_hours.days"),
        (named(theirs.engineer.id), "escalation_policy.steps[0].user_id"),
        (named(crew.technician.id), "escalation_policy.steps[0].user_id"),
        ({"steps": [{"who": "everyone", "minutes": MINUTES}, early]}, "escalation_policy.steps[1].minutes.urgent"),
    ):
        answer = await boss.patch(PATH, json={"escalation_policy": policy})
        refused(answer, 422, "invalid_body")
        assert answer.json()["field"] == place
    assert answer.json()["detail"] == "Step 3, urgent: 2 min must be later than step 2 (3 min)."


async def test_with_another_policy_or_zone_open_escalations_look_at_their_plan_again(
    people: People, http: Http, database: Database, database_url: str
) -> None:
    crew, theirs = await people(), await people("Contoso IT")
    boss, owner = http(crew.admin), Owner(database_url)
    waiting = (await escalated(http(crew.technician)))["id"]
    held = (await escalated(http(crew.technician), "Printer"))["id"]
    await claimed(http(crew.engineer), held)
    foreign = (await escalated(http(theirs.technician)))["id"]

    async def due_now() -> set[str]:
        rows = await owner.fetch("SELECT key FROM job WHERE kind IN ('step', 'idle') AND due_at <= clock_timestamp()")
        return {row["key"] for row in rows}

    async def put_off() -> None:
        await owner.fetch("UPDATE job SET due_at = clock_timestamp() + interval '1 day'")

    told: asyncio.Queue[str] = asyncio.Queue()
    database.wakeup.subscribe(told.put_nowait)
    for change in ({"escalation_policy": {"target_first_minutes": 2}}, {"timezone": "Asia/Kolkata"}):
        await put_off()
        await patched(boss, **change)
        assert await due_now() == {f"step:{waiting}", f"idle:{held}"}, "and no other account's"
        async with asyncio.timeout(10):
            while await told.get() != TOPIC:
                pass
    await put_off()
    await patched(boss, retention_days=90, email_content="title_only")
    refused(await boss.patch(PATH, json={"timezone": "UTC", "escalation_policy": {"a": 1}}), 422, "invalid_body")
    assert await due_now() == set(), "nothing that plans go by has changed"
    assert await owner.value("SELECT count(*) FROM job WHERE key = $1", f"step:{foreign}") == 1


async def test_a_policy_kept_from_before_policies_were_checked_hinders_nobody(
    people: People, http: Http, database_url: str
) -> None:
    crew = await people()
    default = (await http(crew.viewer).get(PATH)).json()
    await Owner(database_url).fetch("""UPDATE account SET escalation_policy = '{"a": {"b": [1]}}'""")
    assert (await http(crew.viewer).get(PATH)).json() == default


async def test_every_zone_that_is_accepted_is_one_that_the_database_knows(people: People, database_url: str) -> None:
    names = {row[0] for row in await Owner(database_url).fetch("SELECT name FROM pg_timezone_names")}
    assert _zones() <= names, sorted(_zones() - names)
