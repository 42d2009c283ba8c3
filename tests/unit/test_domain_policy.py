"""The escalation policy: with a wrong rule here a customer waits and nobody is told."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.contract.policy import EscalationPolicy, PolicyStep, RepeatMinutes, StepMinutes, Who, WorkingHours
from backend.contract.vocabulary import Priority
from backend.domain.policy import EVERYONE, Audience, Due, PolicyError, document, idle_due, next_due, parse, stored
from backend.domain.working_hours import DAYS, add_minutes, counted

PRIORITIES: tuple[Priority, ...] = ("urgent", "high", "normal", "low")
MINUTE = timedelta(minutes=1)
WHO: tuple[Who, ...] = ("everyone", "target", "admins", "owner", "user")
USER = "0190a4d0-0000-7000-8000-000000000001"
LONDON = ZoneInfo("Europe/London")
START = datetime(2026, 11, 20, 17, 50, tzinfo=UTC)  # a Friday

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # time zones are read from disk
zones = st.sampled_from(("Europe/London", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")).map(ZoneInfo)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive by the strategy's rule
priorities = st.sampled_from(PRIORITIES)
minutes = st.integers(1, 10_080) | st.integers(1, 30)


@st.composite
def policies(draw: st.DrawFn) -> EscalationPolicy:
    size = draw(st.integers(0, 10))
    columns = []
    for _ in PRIORITIES:
        rising = sorted(draw(st.sets(minutes, min_size=size, max_size=size)))
        columns.append([at if draw(st.booleans()) else None for at in rising])
    steps = []
    for row in zip(*columns, strict=True):
        who: Who = draw(st.sampled_from(WHO))
        times = StepMinutes(urgent=row[0], high=row[1], normal=row[2], low=row[3])
        steps.append(PolicyStep(who=who, user_id=USER if who == "user" else None, minutes=times))
    days = tuple(day for day in DAYS if draw(st.booleans()))
    return EscalationPolicy(
        steps=tuple(steps),
        repeat_minutes=RepeatMinutes(**{priority: draw(minutes) for priority in PRIORITIES}),
        target_first_minutes=draw(st.none() | st.integers(1, 10)),
        urgent_overrides_dnd=draw(st.booleans()),
        working_hours=WorkingHours(days=days, start="08:00", end="18:30") if days else None,
        idle_nudge_minutes=draw(st.none() | minutes),
        idle_return_minutes=draw(st.none() | minutes),
    )


def applying(policy: EscalationPolicy, priority: Priority) -> list[int]:
    """The minutes of the steps of a priority."""
    every = [getattr(step.minutes, priority) for step in policy.steps]
    return [at for at in every if at is not None]


def due(policy: EscalationPolicy, done: int = 0, *, after: float = 0, **changed: Any) -> Due:
    """What comes next, so many minutes after an escalation of priority high without a target."""
    asked: dict[str, Any] = {"tz": LONDON, "priority": "high", "has_target": False, "waiting_since": START}
    return next_due(policy, **{**asked, "done": done, "now": START + after * MINUTE, **changed})


def test_the_default_alerts_everyone_at_five_minutes_and_the_owner_too_at_fifteen() -> None:
    policy = parse({})
    first = due(policy)
    assert (first.at - START, first.kind, first.who, first.final) == (5 * MINUTE, "step", (EVERYONE,), False)
    second = due(policy, first.index + 1, after=5)
    assert (second.at - START, second.final, second.own) == (15 * MINUTE, True, Audience("owner"))
    assert second.who == (EVERYONE, Audience("owner")), "everyone of the steps before is alerted again"
    third = due(policy, second.index + 1, after=15)
    assert (third.at - START, third.kind, third.final) == (30 * MINUTE, "repeat", False)
    assert third.who == second.who


def test_what_came_due_in_an_outage_is_made_up_for_once() -> None:
    late = due(parse({}), after=200)
    assert (late.at - START, late.kind, late.final) == (195 * MINUTE, "repeat", True), "nobody had been told"
    assert late.skipped == 13, "both steps and eleven repeats"
    to_the_minute = due(parse({}), after=15)
    assert (to_the_minute.own, to_the_minute.skipped) == (Audience("owner"), 1), "what is due now is overdue"
    following = due(parse({}), late.index + 1, after=200)
    assert (following.at - START, following.final, following.skipped) == (210 * MINUTE, False, 0)


def test_the_target_comes_first_alone_and_then_everyone() -> None:
    policy = parse({"target_first_minutes": 2})
    widened = due(policy, has_target=True)
    assert (widened.at - START, widened.kind, widened.who, widened.final) == (2 * MINUTE, "widen", (EVERYONE,), False)
    assert due(policy, widened.index + 1, after=2, has_target=True).at - START == 5 * MINUTE
    assert due(policy).kind == "step", "without a target nobody was left out"


def test_the_head_start_of_the_target_ends_with_the_first_step() -> None:
    late = parse({"target_first_minutes": 10})
    assert due(late, has_target=True).kind == "step"
    assert EVERYONE in due(late, has_target=True).who


def test_the_others_are_not_kept_waiting_for_the_office_to_open() -> None:
    policy = parse(
        {"target_first_minutes": 5, "working_hours": {"days": ["mon", "fri"], "start": "08:00", "end": "17:00"}}
    )
    assert due(policy, has_target=True).at - START == 5 * MINUTE
    assert due(policy, 1, has_target=True).at == datetime(2026, 11, 23, 8, 5, tzinfo=UTC)
    assert due(policy, priority="urgent").at - START == 3 * MINUTE, "urgent counts at all hours"


def test_a_step_for_the_target_reaches_everyone_where_there_is_none() -> None:
    step = {"who": "target", "minutes": dict.fromkeys(PRIORITIES, 7)}
    assert due(parse({"steps": [step]})).own == EVERYONE
    assert due(parse({"steps": [step]}), has_target=True).who == (EVERYONE, Audience("target"))


def test_a_policy_without_steps_still_says_that_nobody_has_come() -> None:
    never = {"who": "everyone", "minutes": dict.fromkeys(PRIORITIES)}
    for policy in (parse({"steps": []}), parse({"steps": [never]})):
        first = due(policy)
        assert (first.at - START, first.kind, first.final) == (15 * MINUTE, "repeat", True)
        assert not due(policy, first.index + 1, after=15).final


def test_a_change_of_priority_loses_no_step_and_keeps_no_one_waiting() -> None:
    policy = parse({})
    raised = due(policy, 0, after=12, priority="urgent")
    assert (raised.own, raised.final) == (Audience("owner"), True)
    often = due(policy, 0, after=2_000, priority="urgent").index + 1
    lowered = due(policy, often, after=2_000, priority="low")
    assert lowered.at - START <= (2_000 + 2 * 240) * MINUTE, "two hundred repeats of urgent are not waited out"
    only_later = due(policy, 3, after=21, priority="normal", exhausted=False)
    assert only_later.final, "who skipped the last step by a change is told all the same"


def test_a_handoff_that_was_given_up_by_everyone_says_so_once() -> None:
    assert not due(parse({}), after=200, exhausted=True).final
    assert not due(parse({}), 2, after=6, exhausted=True).final


@patient
@given(policies(), priorities, zones, instants, st.booleans(), st.lists(st.integers(0, 400), min_size=16, max_size=16))
def test_every_waiting_handoff_has_a_next_step_for_ever(
    policy: EscalationPolicy, priority: Priority, tz: ZoneInfo, since: datetime, target: bool, delays: list[int]
) -> None:
    hours = None if priority == "urgent" else policy.working_hours
    now, done, before, told = since, 0, None, 0
    for delay in delays:
        entry = next_due(policy, tz=tz, priority=priority, has_target=target, waiting_since=since, done=done, now=now)
        assert entry.index >= done
        assert entry.at > since
        assert before is None or entry.at > before
        told += entry.final
        if entry.kind == "step":
            assert counted(since, entry.at, hours, tz) / MINUTE == getattr(
                policy.steps[entry.index - 1].minutes, priority
            )
        elif entry.kind == "repeat":
            past = counted(since, entry.at, hours, tz) // MINUTE - max(applying(policy, priority), default=0)
            assert past > 0
            assert past % getattr(policy.repeat_minutes, priority) == 0
            assert told == 1, "by the first repeat at the latest it was said that nobody has come, and once"
        now = max(now, entry.at) + delay * MINUTE
        done, before = entry.index + 1, entry.at


@patient
@given(policies(), priorities, zones, instants, st.booleans(), st.integers(0, 8), st.integers(0, 30_000))
def test_of_several_overdue_steps_the_last_is_left_and_none_comes_early(
    policy: EscalationPolicy, priority: Priority, tz: ZoneInfo, since: datetime, target: bool, kept: int, away: int
) -> None:
    def ask(done: int, now: datetime) -> Due:
        return next_due(policy, tz=tz, priority=priority, has_target=target, waiting_since=since, done=done, now=now)

    done, now = 0, since
    for _ in range(kept):  # carried out in time; then nobody worked for a while
        done, now = (entry := ask(done, now)).index + 1, entry.at
    back = now + away * MINUTE
    made_up = ask(done, back)
    missed: list[Due] = []
    while (entry := ask(done, now)).at <= back and len(missed) < 30:
        done, now = entry.index + 1, entry.at
        missed.append(entry)
    if not missed:
        assert made_up == entry, "nothing was overdue: the coming one, whenever one asks"
        assert (made_up.at > back, made_up.skipped) == (True, 0)
    elif len(missed) < 30:
        assert replace(made_up, skipped=0, final=missed[-1].final) == missed[-1]
        assert made_up.skipped == len(missed) - 1
        assert made_up.final == any(entry.final for entry in missed), "what was passed over is said all the same"
    assert ask(made_up.index + 1, max(back, made_up.at)).at > max(back, made_up.at), "one at a time"


@patient
@given(policies(), priorities, st.integers(0, 5_000), st.integers(0, 20_000))
def test_no_past_of_repeats_makes_anyone_wait_longer_than_two_rounds(
    policy: EscalationPolicy, priority: Priority, done: int, waited: int
) -> None:
    entry = due(policy, done, after=waited, priority=priority)
    hours = None if priority == "urgent" else policy.working_hours
    wait = counted(START, entry.at, hours, LONDON) - counted(START, START + waited * MINUTE, hours, LONDON)
    last = max(applying(policy, priority), default=0)
    assert wait <= max(2 * getattr(policy.repeat_minutes, priority), 10) * MINUTE + last * MINUTE


@patient
@given(policies(), priorities, zones, instants, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_what_escalates_later_is_due_later(
    policy: EscalationPolicy, priority: Priority, tz: ZoneInfo, since: datetime, later: timedelta
) -> None:
    first, second = (
        next_due(policy, tz=tz, priority=priority, has_target=False, waiting_since=at, done=0, now=at)
        for at in (since, since + later)
    )
    assert first.at <= second.at
    assert replace(first, at=second.at) == second


@patient
@given(policies(), priorities, zones, instants)
def test_an_idle_claim_is_reminded_before_it_goes_back(
    policy: EscalationPolicy, priority: Priority, tz: ZoneInfo, claimed: datetime
) -> None:
    nudge, back = idle_due(policy, tz, claimed, priority)
    assert (nudge is None) is (policy.idle_nudge_minutes is None)
    assert (back is None) is (policy.idle_return_minutes is None)
    hours = None if priority == "urgent" else policy.working_hours
    if nudge is not None:
        assert counted(claimed, nudge, hours, tz) == (policy.idle_nudge_minutes or 0) * MINUTE
    if back is not None:
        whole = (policy.idle_nudge_minutes or 0) + (policy.idle_return_minutes or 0)
        assert back == add_minutes(claimed, whole, hours, tz)
        assert nudge is None or nudge < back


def test_a_claim_on_friday_evening_is_not_taken_back_over_the_weekend() -> None:
    policy = parse({"working_hours": {"days": list(DAYS[:5]), "start": "08:00", "end": "18:00"}})
    monday = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert idle_due(policy, LONDON, START, "high") == (monday + 5 * MINUTE, monday + 20 * MINUTE)
    assert idle_due(policy, LONDON, START, "urgent") == (START + 15 * MINUTE, START + 30 * MINUTE)


@patient
@given(policies())
def test_a_policy_comes_back_from_its_document(policy: EscalationPolicy) -> None:
    shown = document(policy)
    assert parse(json.loads(json.dumps(shown))) == policy
    assert document(parse(shown)) == shown


def test_the_default_document_is_shown_whole() -> None:
    assert document(parse({})) == {
        "steps": [
            {"who": "everyone", "user_id": None, "minutes": {"urgent": 3, "high": 5, "normal": 20, "low": 60}},
            {"who": "owner", "user_id": None, "minutes": {"urgent": 10, "high": 15, "normal": 60, "low": 240}},
        ],
        "repeat_minutes": {"urgent": 10, "high": 15, "normal": 60, "low": 240},
        "target_first_minutes": None,
        "target_exclusive_minutes": None,
        "urgent_overrides_dnd": True,
        "working_hours": None,
        "idle_nudge_minutes": 15,
        "idle_return_minutes": 15,
    }


def step(who: object = "everyone", **times: object) -> dict[str, object]:
    return {"who": who, "minutes": {"urgent": 3, "high": 5, "normal": 20, "low": 60, **times}}


def office(**changed: object) -> dict[str, object]:
    return {"working_hours": {"days": ["mon", "tue"], "start": "08:00", "end": "18:00", **changed}}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ([], ""),
        (None, ""),
        ({"step": []}, "step"),
        ({"\ud800\x00\u00e9": 1}, "\\ud800\\x00\\xe9"),
        ({"a" * 99: 1}, "a" * 60),
        ({"steps": {}}, "steps"),
        ({"steps": [step(urgent=n, high=n, normal=n, low=n) for n in range(1, 12)]}, "steps"),
        ({"steps": ["owner"]}, "steps[0]"),
        ({"steps": [{**step(), "after": 3}]}, "steps[0].after"),
        ({"steps": [{"who": "owner"}]}, "steps[0].minutes"),
        ({"steps": [{"minutes": step()["minutes"]}]}, "steps[0].who"),
        ({"steps": [step("nobody")]}, "steps[0].who"),
        ({"steps": [step(["owner"])]}, "steps[0].who"),
        ({"steps": [step("user")]}, "steps[0].user_id"),
        ({"steps": [{**step("user"), "user_id": 7}]}, "steps[0].user_id"),
        ({"steps": [{**step("user"), "user_id": "Dana"}]}, "steps[0].user_id"),
        ({"steps": [{**step("owner"), "user_id": USER}]}, "steps[0].user_id"),
        ({"steps": [{"who": "owner", "minutes": {"urgent": 3}}]}, "steps[0].minutes.high"),
        ({"steps": [step(soon=1)]}, "steps[0].minutes.soon"),
        ({"steps": [step(high=0)]}, "steps[0].minutes.high"),
        ({"steps": [step(high=10_081)]}, "steps[0].minutes.high"),
        ({"steps": [step(high=True)]}, "steps[0].minutes.high"),
        ({"steps": [step(high=5.0)]}, "steps[0].minutes.high"),
        ({"steps": [step(high="5")]}, "steps[0].minutes.high"),
        ({"steps": [step(), step(urgent=4, high=5, normal=21, low=61)]}, "steps[1].minutes.high"),
        ({"steps": [step(), step(**dict.fromkeys(PRIORITIES)), step(high=4)]}, "steps[2].minutes.urgent"),
        ({"repeat_minutes": 5}, "repeat_minutes"),
        ({"repeat_minutes": {"low": None}}, "repeat_minutes.low"),
        ({"repeat_minutes": {"all": 5}}, "repeat_minutes.all"),
        ({"target_first_minutes": 11}, "target_first_minutes"),
        ({"target_first_minutes": False}, "target_first_minutes"),
        ({"urgent_overrides_dnd": 1}, "urgent_overrides_dnd"),
        ({"urgent_overrides_dnd": None}, "urgent_overrides_dnd"),
        ({"working_hours": True}, "working_hours"),
        ({"working_hours": {"days": ["mon"], "start": "08:00"}}, "working_hours.end"),
        (office(lunch="12:00"), "working_hours.lunch"),
        (office(days=[]), "working_hours.days"),
        (office(days=["mon", "mon"]), "working_hours.days"),
        (office(days=["Monday"]), "working_hours.days"),
        (office(days=[["mon"]]), "working_hours.days"),
        (office(days="mon"), "working_hours.days"),
        (office(start="8:00"), "working_hours.start"),
        (office(start="08:00\n"), "working_hours.start"),
        (office(start="24:00"), "working_hours.end"),
        (office(start=800), "working_hours.start"),
        (office(end="24:01"), "working_hours.end"),
        (office(end="08:00"), "working_hours.end"),
        (office(end="08:59"), "working_hours.end"),
        (office(start="\u0660\u0668:00"), "working_hours.start"),
        ({"idle_nudge_minutes": 0}, "idle_nudge_minutes"),
        ({"idle_return_minutes": "15"}, "idle_return_minutes"),
    ],
)
def test_what_is_no_policy_is_refused_by_the_place_it_is_wrong_at(wrong: object, field: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse(wrong)
    assert refused.value.field == field
    assert refused.value.text.endswith(".")


def test_the_sentence_for_steps_out_of_order_is_the_one_of_the_page() -> None:
    with pytest.raises(PolicyError) as refused:
        parse({"steps": [step(), step(urgent=2, high=15, normal=60, low=None)]})
    assert refused.value.text == "Step 3, urgent: 2 min must be later than step 2 (3 min)."


def test_hours_until_midnight_and_days_in_any_order_are_taken() -> None:
    hours = parse(office(days=["sun", "mon"], end="24:00")).working_hours
    assert hours == WorkingHours(days=("mon", "sun"), start="08:00", end="24:00")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(st.characters(exclude_categories=())), inside),
)
places = st.sampled_from(tuple(EscalationPolicy.__dataclass_fields__))


@patient
@given(st.dictionaries(places, anything) | anything)
def test_whatever_is_written_becomes_a_policy_or_a_sentence(written: Any) -> None:
    try:
        policy = parse(written)
    except PolicyError as error:
        sentence = error.text
    else:
        assert stored(written) == policy == parse(document(policy))
        return
    assert sentence.encode().decode().isprintable()
    assert stored(written) == EscalationPolicy(), "a kept document that is none never stops an alert"
