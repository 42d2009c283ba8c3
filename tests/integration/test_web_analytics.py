"""The analytics page, its CSV and the baseline's page by forms alone: an owner can check every figure by hand."""

import csv
import io
import re
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from html import unescape

import pytest

from tests.conftest import Http
from tests.support.acted import acted
from tests.support.flow import API, Owner, act, claimed, escalate, escalated, open_session
from tests.support.people import Crew, Member
from tests.support.server import Server
from tests.support.web import Forms

Browse = Callable[[Member], Awaitable[Forms]]
START = datetime(2026, 3, 2, 9, 0, 0, 123_457, tzinfo=UTC)
PLAN = [
    (START + timedelta(days=n, seconds=n * 0.000_123), 61.000_1 + n * 7.7, 95.3 + n * n * 15.000_007) for n in range(12)
]


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]]) -> Crew:
    return await people()


@pytest.fixture
async def browse(server: Server) -> AsyncIterator[Browse]:
    async with AsyncExitStack() as stack:

        async def make(who: Member) -> Forms:
            forms = await stack.enter_async_context(Forms(server))
            await forms.sign_in(who)
            return forms

        yield make


def shown(page: str, testid: str) -> str:
    found = re.search(rf'data-testid="{testid}"[^>]*>([^<]*)<', page)
    assert found, testid
    return unescape(found[1]).strip()


async def test_the_csv_recomputes_to_the_api_and_to_the_page_to_the_last_digit(
    crew: Crew, http: Http, browse: Browse, database_url: str
) -> None:
    boss = http(crew.admin)
    for body in ({"minutes": 12.1, "effective_from": "2020-01-01"}, {"minutes": 31, "effective_from": "2026-03-08"}):
        assert (await boss.post(f"{API}/analytics/baselines", json={**body, "basis": "measured"})).status_code == 201
    owner, junior = Owner(database_url), http(crew.technician)
    await acted(owner, junior, http(crew.engineer), PLAN)
    waiting = await escalated(junior, "Waits")
    await owner.fetch("update handoff set created_at = $2 where id = $1", waiting["id"], START)
    api = (await boss.get(f"{API}/analytics/escalation-metrics?month=2026-03")).json()
    forms = await browse(crew.admin)
    page = (await forms.get("/analytics?month=2026-03")).text
    answer = await forms.http.get("/analytics.csv?month=2026-03")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="escalations-2026-03.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == api["escalations"] == len(PLAN) + 1
    counted = [row for row in rows if row["counted"] == "yes"]
    assert [row["excluded_because"] for row in rows if row["counted"] == "no"] == ["waiting"]
    with localcontext(prec=60):
        to_action = sorted(Decimal(row["seconds_to_first_action"]) for row in counted)
        to_claim = [Decimal(row["seconds_to_claim"]) for row in rows if row["seconds_to_claim"]]
        each = [Decimal(row["baseline_minutes"]) - Decimal(row["seconds_to_first_action"]) / 60 for row in counted]
        mean = sum(each) / len(each)
        baseline = sum(Decimal(row["baseline_minutes"]) for row in counted) / len(counted)
        place = Decimal("0.9") * (len(to_action) - 1)
        p90 = to_action[int(place)] + (to_action[int(place) + 1] - to_action[int(place)]) * (place - int(place))
        assert api["minutes_recovered_per_escalation"] == float(mean)
        assert api["minutes_recovered_total"] == float(sum(each))
        assert api["manual_baseline_minutes"] == float(baseline)
        assert api["mean_time_to_first_action_seconds"] == float(sum(to_action) / len(to_action))
        assert api["mean_time_to_claim_seconds"] == float(sum(to_claim) / len(to_claim))
        assert api["time_to_first_action_seconds"]["median"] == float(statistics.median(to_action))
        assert api["time_to_first_action_seconds"]["p90"] == float(p90)
        assert api["minutes_recovered"]["median"] == float(statistics.median(each))
    for row, value in zip(counted, each, strict=True):
        times = [datetime.fromisoformat(row[name]) for name in ("claim_for_action_at", "first_action_at")]
        assert (times[1] - times[0]) / timedelta(microseconds=1) == Decimal(row["seconds_to_first_action"]) * 1_000_000
        assert Decimal(row["minutes_recovered"]) == round(value, 6)
    assert api["negative"] == sum(value < 0 for value in each) == 1
    assert shown(page, "analytics-hero-value") == f"{mean:.1f}"
    assert shown(page, "analytics-product-value") == f"{sum(to_action) / len(to_action) / 60:.1f} min"
    assert shown(page, "kpi-escalations") == str(len(rows))
    assert "One took longer than the baseline" in shown(page, "analytics-hero-basis")
    after = (await boss.get(f"{API}/analytics/escalation-metrics?month=2026-04")).json()["previous"]
    expected = {"with_first_action": len(counted), "minutes_recovered_per_escalation": float(mean)}
    assert after == {"month": "2026-03", **expected}, "what April is compared with is what March said"
    exported = await Owner(database_url).value("select count(*) from audit_pending where action = 'export.analytics'")
    logged = (await boss.get(f"{API}/analytics/escalations?month=2026-03&counted=yes")).json()["total"]
    assert logged == len(counted)
    assert exported in {0, 1}  # the keeper may have sealed it already


async def test_nothing_in_the_csv_is_a_formula(crew: Crew, http: Http, browse: Browse) -> None:
    """A customer's name that calls a program must not run in the owner's spreadsheet."""
    junior = http(crew.technician)
    evil = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "  =1", "VPN;=1+1", "VPN; @SUM(A1)", "\uff1d1"]
    for name in evil:
        session = await open_session(junior, f"={name}", customer=name)
        assert (await escalate(junior, session, reason=f"@{name} and on")).status_code == 201
    answer = await (await browse(crew.admin)).http.get("/analytics.csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == len(evil)
    for row in rows:
        for cell in row.values():
            for part in cell.split(";"):  # as a spreadsheet does where the comma parts decimals
                assert not part.lstrip().startswith(("=", "+", "-", "@", "\uff1d")), cell
        assert row["title"].startswith("'=")


async def test_a_month_without_a_figure_says_what_it_needs(crew: Crew, browse: Browse, http: Http) -> None:
    boss, senior = await browse(crew.admin), await browse(crew.engineer)
    page = (await boss.get("/analytics")).text
    assert 'data-testid="analytics-empty"' in page
    assert "No figure yet" in page
    assert 'href="/admin/baseline"' in page
    assert "seniors can be reached" in page
    assert 'data-testid="analytics-edit-baseline"' not in (await senior.get("/analytics")).text
    await claimed(http(crew.engineer), (await escalated(http(crew.technician)))["id"])
    assert "1 escalated, 1 claimed, none acted on so far." in (await senior.get("/analytics")).text


async def test_few_none_and_negative_are_said_in_words(
    crew: Crew, http: Http, browse: Browse, database_url: str
) -> None:
    owner, junior, senior = Owner(database_url), http(crew.technician), http(crew.engineer)
    await acted(owner, junior, senior, [(START - timedelta(days=28), 60, 300), (START, 60, 1_200)])
    forms = await browse(crew.engineer)
    page = (await forms.get("/analytics?month=2026-03")).text
    assert shown(page, "analytics-hero-value") == "\u221210.0"
    assert shown(page, "analytics-hero-basis") == (
        "Early figure from 1 escalation. It will move. One took longer than the baseline and counts as negative."
        " From an estimated baseline."
    )
    assert "<b>15.0 less</b> than in February (5.0)" in page
    assert "FlowPilot\u2019s estimate: two calls of 5 min" in page
    await http(crew.admin).patch(f"{API}/account/settings", json={"manual_baseline_minutes": None})
    page = (await forms.get("/analytics?month=2026-03")).text
    assert shown(page, "analytics-hero-value") == "20.0"
    assert "Set a baseline to see minutes recovered." in page
    assert 'data-testid="analytics-chart"' not in page
    assert 'data-testid="analytics-change"' not in page


SEEDED = 450
MANY = f"""
insert into handoff (account_id, id, session_id, handed_off_by, session_owner, request_hash, reason, priority, status,
                     snapshot, claimed_by, claimed_at, first_claimed_at, first_action_at, first_action_kind,
                     first_action_by, first_action_claimed_at, created_at)
select account_id, gen_random_uuid(), session_id, handed_off_by, session_owner, '', reason, priority, 'resolved', '',
       claimed_by, at + '1 min', at + '1 min', at + '3 min' + n * interval '1 us', 'message', claimed_by, at + '1 min',
       at
from handoff, generate_series(0, {SEEDED - 1}) n cross join lateral (select $2::timestamptz + n * '1 h'::interval as at)
where id = $1
"""


async def test_a_month_too_busy_to_be_drawn_one_by_one_keeps_its_exact_figures(
    crew: Crew, http: Http, browse: Browse, database_url: str
) -> None:
    """The busiest account's owner must get the page, and it must not grow with every escalation."""
    owner, boss = Owner(database_url), http(crew.admin)
    (first,) = await acted(owner, http(crew.technician), http(crew.engineer), [(START - timedelta(days=99), 60, 120)])
    await owner.fetch(MANY, first, START)
    forms = await browse(crew.admin)
    page = (await forms.get("/analytics?month=2026-03")).text
    assert 'data-testid="analytics-crowded"' in page
    assert '<circle class="pt dot' not in page
    assert re.search(r">15, on average 8\.0<", page), "the first day's hours from nine o'clock"
    assert len(page) < 100_000
    api = (await boss.get(f"{API}/analytics/escalation-metrics?month=2026-03")).json()
    micros = [120_000_000 + n for n in range(SEEDED)]
    exact = 10 - Decimal(sum(micros)) / SEEDED / 60_000_000
    assert api["with_first_action"] == SEEDED
    assert api["minutes_recovered_per_escalation"] == float(exact)
    rows = (await boss.get(f"{API}/analytics/escalations?month=2026-03&limit=3")).json()
    assert rows["total"] == SEEDED
    assert [datetime.fromisoformat(row["escalated_at"]) for row in rows["items"]] == [
        START + timedelta(hours=SEEDED - 1 - n) for n in range(3)
    ]


async def test_the_month_before_counts_each_baseline_from_its_very_first_moment(
    crew: Crew, http: Http, database_url: str
) -> None:
    """The change that an owner reads must come from the same figure that the month before has shown."""
    boss, start = http(crew.admin), datetime(2026, 3, 10, tzinfo=UTC)
    for body in ({"minutes": 12.1, "effective_from": "2026-03-01"}, {"minutes": 31, "effective_from": "2026-03-10"}):
        assert (await boss.post(f"{API}/analytics/baselines", json={**body, "basis": "measured"})).status_code == 201
    plan = [(start - timedelta(microseconds=1), 60, 100.000_001), (start, 60, 100.000_003)]
    await acted(Owner(database_url), http(crew.technician), http(crew.engineer), plan)
    march, april = [
        (await boss.get(f"{API}/analytics/escalation-metrics?month={month}")).json() for month in ("2026-03", "2026-04")
    ]
    assert [used["escalations"] for used in march["baselines"] if used["escalations"]] == [1, 1]
    value = float((Decimal("43.1") - Decimal("200.000004") / 60) / 2)
    assert march["minutes_recovered_per_escalation"] == value
    assert april["previous"]["minutes_recovered_per_escalation"] == value


async def test_what_is_left_out_leads_to_its_session(crew: Crew, http: Http, browse: Browse) -> None:
    junior = http(crew.technician)
    handoff = await escalated(junior, "Gone <b>again</b>")
    await act(junior, handoff["id"], "withdraw")
    page = (await (await browse(crew.engineer)).get("/analytics")).text
    assert "Withdrawn before anyone acted" in page
    assert f'<a href="/pilot/{handoff["session_id"]}">Gone &lt;b&gt;again&lt;/b&gt;</a>' in page


async def test_the_baseline_is_set_by_a_plain_form_and_its_history_stays(crew: Crew, browse: Browse) -> None:
    forms = await browse(crew.admin)
    page = (await forms.get("/admin/baseline")).text
    assert "own estimate" in page
    for minutes, basis, note in (("28", "estimated", ""), ("31,5", "measured", "20 timed hand-offs")):
        fields = {"minutes": minutes, "effective_from": "2026-03-01", "basis": basis, "note": note}
        assert (await forms.post("/admin/baseline", **fields)).status_code == 303
        await forms.get("/admin/baseline")
    states = re.findall(r'data-testid="baseline-version" data-state="(\w+)"', forms.page)
    assert states == ["in_force", "superseded", "past"]
    assert "20 timed hand-offs" in forms.page
    assert 'value="31.5"' in forms.page
    assert (await forms.post("/admin/baseline/remove")).status_code == 303
    await forms.get("/admin/baseline")
    assert "No baseline" in forms.page


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("minutes", "soon", "Give a number of minutes from 0.5 to 480."),
        ("minutes", "0", "Give a number of minutes from 0.5 to 480."),
        ("effective_from", "1999-01-01", "Give a day from the year 2000 on"),
    ],
)
async def test_what_the_form_cannot_mean_is_said_under_its_field(
    crew: Crew, browse: Browse, field: str, value: str, words: str
) -> None:
    forms = await browse(crew.admin)
    await forms.get("/admin/baseline")
    sent = {"minutes": "20", "effective_from": "2026-03-01", "basis": "measured", "note": "Kept", field: value}
    answer = await forms.post("/admin/baseline", **sent)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="Kept"' in answer.text, "nothing typed is lost"
    assert answer.text.count('data-testid="baseline-version"') == 1


async def test_the_pages_are_for_who_may_see_them(crew: Crew, browse: Browse) -> None:
    for who, path in (
        (crew.technician, "/analytics"),
        (crew.technician, "/analytics.csv"),
        (crew.engineer, "/admin/baseline"),
    ):
        answer = await (await browse(who)).get(path)
        assert answer.status_code == 403, path
        assert "Your role does not include this page." in answer.text


async def test_names_are_let_seen_by_a_form(crew: Crew, http: Http, browse: Browse, database_url: str) -> None:
    await acted(Owner(database_url), http(crew.technician), http(crew.engineer), PLAN[:3])
    other = await browse(crew.second_engineer)
    assert crew.engineer.name not in (await other.get("/analytics?month=2026-03")).text.split("<main")[1]
    boss = await browse(crew.admin)
    await boss.get("/admin/baseline")
    assert (await boss.post("/admin/baseline/names", seniors="yes")).status_code == 303
    assert crew.engineer.name in (await other.get("/analytics?month=2026-03")).text.split("<main")[1]
