"""The judge of the fault tests: it must pass what is right and name what is wrong; a blind one would pass anything."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.checker import violations
from tests.support.history import NOBODY, Disturbance, FinalRead, Heard, History, Mail, Operation, Planned, canary
from tests.support.linear import linearisable

ACCOUNT, OTHER = "account-00000001", "account-00000002"
JUNIOR, SENIOR, SECOND = "junior", "senior", "second"
HANDOFF = "h1"


def op(kind: str, user: str, at: float, until: float | None = None, **more: Any) -> Operation:
    outcome = more.pop("outcome", "ok" if until is not None else "info")
    return Operation(
        client=f"{user}'s client",
        account=ACCOUNT,
        user=user,
        kind=kind,
        handoff=more.pop("handoff", HANDOFF),
        invoked=at,
        answered=until,
        outcome=outcome,
        code=more.pop("code", "created" if kind == "escalate" else ""),
        key=more.pop("key", None),
        data=more,
    )


def event(seq: int, kind: str, actor: str | None, at: float, **more: Any) -> Heard:
    told: dict[str, Any] = {"handoff_id": HANDOFF, "actor": {"id": actor} if actor else None, **more}
    if "status" in told:
        told = {"priority": "normal", "claimed_by": None, **told}
    return Heard(seq=seq, kind=f"handoff.{kind}", data=told, at=at)


def healthy() -> History:
    """Escalated, shown to one senior, mailed to the other, claimed by the second of two."""
    history = History()
    history.seniors = {ACCOUNT: {SENIOR: "senior@x", SECOND: "second@x"}}
    history.operations = [
        op("escalate", JUNIOR, 1.0, 1.1, key="k", seq=1),
        op("queue", SENIOR, 1.2, 1.3, handoff=None, seq=1, ids=[HANDOFF]),
        op("claim", SENIOR, 20.0, 20.2, epoch=1, seq=3),
        op("claim", SECOND, 20.1, 20.3, outcome="fail", code="already_claimed", holder=SENIOR),
        op("queue", SENIOR, 50.0, 50.1, handoff=None, seq=3, ids=[]),
    ]
    log = [
        event(1, "created", JUNIOR, 1.15, status="pending"),
        event(2, "delivery", None, 2.0, state="shown", user={"id": SENIOR}, rung=0),
        event(3, "claimed", SENIOR, 20.25, status="claimed", claimed_by={"id": SENIOR}),
    ]
    history.heard = {(ACCOUNT, "ear"): list(log)}
    history.mails = [Mail(message_id="m", recipient="second@x", data_began=16.0, ended=16.2, kept=True)]
    history.final = FinalRead(
        handoffs={HANDOFF: {"status": "claimed", "priority": "normal", "claimed_by": SENIOR}},
        log={ACCOUNT: list(log)},
        planned=[
            Planned(
                account=ACCOUNT,
                handoff=HANDOFF,
                user=SECOND,
                rung=0,
                purpose="alert",
                channel="email",
                state="accepted",
                message_id="m",
            )
        ],
    )
    return history


def rules(history: History) -> set[str]:
    return {violation.rule for violation in violations(history)}


def test_a_right_history_passes() -> None:
    assert violations(healthy()) == []


# --- one thing at a time ---


def claims(*operations: Operation) -> bool:
    return linearisable([op("escalate", JUNIOR, 0.0, 0.5), *operations])


def test_two_won_claims_have_no_explanation() -> None:
    assert not claims(op("claim", SENIOR, 1, 2, epoch=1), op("claim", SECOND, 1, 2, epoch=1))


def test_a_release_between_two_claims_explains_them_only_if_it_fits_between() -> None:
    first, second = op("claim", SENIOR, 1, 2, epoch=1), op("claim", SECOND, 5, 6, epoch=3)
    assert claims(first, op("release", SENIOR, 3, 4), second)
    assert not claims(first, second, op("release", SENIOR, 7, 8))


def test_a_claim_without_answer_may_have_won_later_or_never() -> None:
    unanswered = op("claim", SENIOR, 1)
    lost = op("claim", SECOND, 8, 9, outcome="fail", code="already_claimed", holder=SENIOR)
    assert claims(unanswered, lost)
    assert claims(unanswered, op("claim", SECOND, 8, 9, epoch=1))
    assert not claims(unanswered, replace(lost, data={"holder": "somebody else"}))


def test_an_answer_cannot_come_from_the_future() -> None:
    lost = op("claim", SECOND, 1, 2, outcome="fail", code="already_claimed", holder=SENIOR)
    assert not claims(lost, op("claim", SENIOR, 3, 4, epoch=1))
    assert claims(lost, op("claim", SENIOR, 1.5, 4, epoch=1))


def test_nobody_wins_what_is_withdrawn_and_nobody_withdraws_what_is_claimed() -> None:
    assert not claims(op("withdraw", JUNIOR, 1, 2), op("claim", SENIOR, 3, 4, epoch=1))
    assert not claims(op("claim", SENIOR, 1, 2, epoch=1), op("withdraw", JUNIOR, 3, 4))
    assert claims(op("withdraw", JUNIOR, 1, 2), op("claim", SENIOR, 3, 4, outcome="fail", code="not_pending"))


def test_the_epoch_of_an_answer_must_be_that_of_its_own_claim() -> None:
    assert not claims(op("claim", SENIOR, 1, 2, epoch=2))


def test_what_somebody_has_seen_is_found_by_everybody_after() -> None:
    seen = op("seen", SECOND, 0.0, 1.0)
    assert not claims(seen, op("claim", SENIOR, 2, 3, outcome="fail", code="not_found"))


# --- whole histories: one thing spoilt at a time ---


def _lose_the_claim(h: History) -> None:
    assert h.final is not None
    h.final.log[ACCOUNT].pop()
    h.heard.clear()
    h.final.handoffs[HANDOFF] |= {"status": "pending", "claimed_by": None}


def _second_claim(h: History) -> None:
    assert h.final is not None
    again = event(4, "claimed", SECOND, 21.0, status="claimed", claimed_by={"id": SECOND})
    h.final.log[ACCOUNT].append(again)
    h.final.handoffs[HANDOFF]["claimed_by"] = SECOND
    h.operations.append(op("claim", SECOND, 20.9, 21.0, epoch=2, seq=4))


def _gap(h: History) -> None:
    assert h.final is not None
    h.final.log[ACCOUNT][1:2] = []


def _reader_skips(h: History) -> None:
    h.heard[ACCOUNT, "ear"].pop(1)


def _reader_told_twice(h: History) -> None:
    h.heard[ACCOUNT, "ear"].insert(1, h.heard[ACCOUNT, "ear"][0])


def _phantom(h: History) -> None:
    h.heard[ACCOUNT, "ear"].append(event(4, "withdrawn", JUNIOR, 22.0, status="withdrawn"))


def _reset(h: History) -> None:
    h.resets.append(("ear", "ahead"))


def _two_stories(h: History) -> None:
    h.heard[ACCOUNT, "other"] = [event(1, "created", JUNIOR, 1.15, status="pending", title="another")]


def _row_differs(h: History) -> None:
    assert h.final is not None
    h.final.handoffs[HANDOFF]["priority"] = "urgent"


def _two_for_one_key(h: History) -> None:
    h.operations.append(op("escalate", JUNIOR, 3.0, 3.1, key="k", code="repeat", handoff="h2"))


def _answered_201_twice(h: History) -> None:
    h.operations.append(op("escalate", JUNIOR, 3.0, 3.1, key="k"))


def _nobody_asked(h: History) -> None:
    h.operations = [o for o in h.operations if o.kind != "claim"]


def _stale_page(h: History) -> None:
    h.operations[-1].data |= {"seq": 1, "ids": [HANDOFF]}


def _wrong_page(h: History) -> None:
    h.operations[1].data["ids"] = []


def _order_of_answers(h: History) -> None:
    h.operations[0].data["seq"] = 9


def _other_accounts_words(h: History) -> None:
    h.read(OTHER, f"a page with {canary(ACCOUNT)} in it", "queue")


def _connection_keeps_an_account(h: History) -> None:
    h.read(NOBODY, canary(ACCOUNT), "connection at rest")


def _mail_after_claim(h: History) -> None:
    h.mails = [replace(h.mails[0], data_began=22.5, ended=22.6)]


def _mail_after_receipt(h: History) -> None:
    assert h.final is not None
    h.final.planned.append(replace(h.final.planned[0], user=SENIOR, message_id="m2"))
    h.mails.append(Mail(message_id="m2", recipient="senior@x", data_began=15.0, ended=15.1, kept=True))


def _mail_twice(h: History) -> None:
    h.mails.append(replace(h.mails[0], data_began=18.0, ended=18.1))


def _mail_of_nothing(h: History) -> None:
    h.mails.append(Mail(message_id="unknown", recipient="senior@x", data_began=18.0, ended=18.1, kept=True))


def _nobody_told(h: History) -> None:
    h.mails.clear()
    h.operations = [h.operations[0], h.operations[-1]]
    assert h.final is not None
    h.final.log[ACCOUNT].pop()
    h.heard[ACCOUNT, "ear"].pop()


def _nothing_planned(h: History) -> None:
    assert h.final is not None
    h.final.handoffs[HANDOFF] |= {"status": "pending"}


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (_lose_the_claim, "lost"),
        (_second_claim, "claim.second"),
        (_second_claim, "claims"),
        (_gap, "log.gap"),
        (_reader_skips, "reader.order"),
        (_reader_told_twice, "reader.order"),
        (_phantom, "reader.phantom"),
        (_two_stories, "reader.differs"),
        (_reset, "reader.reset"),
        (_row_differs, "fold"),
        (_two_for_one_key, "key"),
        (_answered_201_twice, "key"),
        (_nobody_asked, "unasked"),
        (_stale_page, "stale_read"),
        (_wrong_page, "queue"),
        (_order_of_answers, "log.time"),
        (_other_accounts_words, "foreign"),
        (_connection_keeps_an_account, "foreign"),
        (_mail_after_claim, "mail.late"),
        (_mail_after_receipt, "mail.shown"),
        (_mail_twice, "mail.twice"),
        (_mail_of_nothing, "mail.unplanned"),
        (_nobody_told, "told"),
        (_nothing_planned, "stuck"),
    ],
)
def test_each_broken_promise_is_named(spoil: Callable[[History], None], rule: str) -> None:
    history = healthy()
    spoil(history)
    assert rule in rules(history)


# --- what excuses, and what does not ---


def test_a_frozen_worker_may_send_what_it_had_decided_but_only_right_after_it_woke() -> None:
    history = healthy()
    _mail_after_claim(history)
    history.disturbances = [Disturbance(kind="worker.frozen", began=19.0, ended=22.0)]
    assert "mail.late" not in rules(history)
    history.disturbances = [Disturbance(kind="worker.frozen", began=10.0, ended=19.0)]
    assert "mail.late" in rules(history)


def test_a_release_after_the_claim_excuses_the_alert_of_the_next_round() -> None:
    history = healthy()
    _mail_after_claim(history)
    history.operations.append(op("release", SENIOR, 21.0, 21.1))
    assert "mail.late" not in rules(history)


def test_a_second_mail_is_excused_by_a_cut_before_the_reply_or_a_fault_between() -> None:
    history = healthy()
    _mail_twice(history)
    history.mails[0] = replace(history.mails[0], ended=None)
    assert "mail.twice" not in rules(history)
    history = healthy()
    _mail_twice(history)
    history.disturbances = [Disturbance(kind="worker.killed", began=16.1, ended=17.0)]
    assert "mail.twice" not in rules(history)


def test_an_early_mail_before_the_receipt_is_no_fault() -> None:
    history = healthy()
    _mail_after_receipt(history)
    history.mails[-1] = replace(history.mails[-1], data_began=1.9)
    assert "mail.shown" not in rules(history)


def test_the_thirty_seconds_count_only_where_nothing_was_broken() -> None:
    history = healthy()
    _nobody_told(history)
    history.disturbances = [Disturbance(kind="smtp.refuse", began=5.0, ended=8.0)]
    assert "told" not in rules(history)
