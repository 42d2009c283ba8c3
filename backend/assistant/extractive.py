"""Assessment and briefing without a model: put together from what the session holds and what was resolved before.

Nothing is estimated. Where the session says nothing about a cause, that is what it says.
"""

from collections.abc import Sequence
from typing import Final

from backend.contract.handoffs import Assessment, Handoff, SimilarHandoff, Snapshot
from backend.contract.sessions import Session, Step
from backend.contract.vocabulary import OUTCOME_LABEL

TOO_LITTLE: Final = "Fewer than 2 facts were gathered."
MOST: Final = 0.39
"""Never more than low confidence: nobody has thought about it."""
_UNFINISHED: Final = {"blocked": "Go on where it was blocked", "not_tried": "Not tried yet"}


def assess(snapshot: Snapshot, similar: list[SimilarHandoff]) -> Assessment | None:
    """The assessment; None when fewer than two facts and steps were gathered and nothing resembles it."""
    if len(snapshot.facts) + len(snapshot.steps) < 2 and not similar:
        return None
    solved = next((one for one in similar if one.resolution), None)
    return Assessment(
        source="extractive",
        likely_cause=_cause(snapshot, solved),
        confidence=0.3 if solved else 0.15 if snapshot.steps else 0.1,
        why=_why(snapshot, solved),
        tried=[_tried(step) for step in snapshot.steps] or None,
        next_steps=_next(snapshot, solved) or None,
        similar=similar or None,
        summary=_summary(snapshot),
        known=[f"{fact.label}: {fact.value}"[:400] for fact in snapshot.facts][:8] or None,
    )


def briefing(session: Session, handoff: Handoff) -> str:
    """The structured briefing as plain text; says that no model wrote it."""
    package = handoff.escalation_package
    similar = (package.assessment.similar if package.assessment else None) or []
    parts = [
        ("Problem", [session.problem]),
        ("Why it was handed over", [handoff.reason, *([f"Needed: {handoff.need}"] if handoff.need else [])]),
        ("What is known", [f"- {fact.label}: {fact.value}" for fact in session.facts] or ["No facts were recorded."]),
        ("What was tried", [f"- {_tried(step)}" for step in session.steps] or ["No steps were recorded."]),
        ("Not finished", [f"- {one}" for one in _unfinished(session.steps)]),
        ("Resolved before", [f"- {_before(one)}" for one in similar]),
    ]
    text = "\n\n".join(f"{name}\n" + "\n".join(lines) for name, lines in parts if lines)
    return f"Briefing from this session's own record. No AI model was asked.\n\n{text}"


def _tried(step: Step) -> str:
    return f"{step.action}: {OUTCOME_LABEL[step.outcome].lower()}{f', {step.detail}' if step.detail else ''}"[:500]


def _before(one: SimilarHandoff) -> str:
    return f"{one.title}: {one.resolution}" if one.resolution else one.title


def _summary(snapshot: Snapshot) -> str:
    problem = snapshot.problem[:300].strip()
    stop = "" if problem.endswith((".", "?", "!", "…", ":")) else "."
    count = (
        f"Recorded before it was handed over: {_count(snapshot.facts, 'fact')} and {_count(snapshot.steps, 'step')}."
    )
    return f"{problem}{stop} {count}"


def _count(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _cause(snapshot: Snapshot, solved: SimilarHandoff | None) -> str:
    if solved is not None:
        return f"Resembles “{solved.title}”, which was resolved by: {(solved.resolution or '')[:300]}"
    for outcome, words in (
        ("blocked", "No cause is known yet. Work stopped at: {}"),
        ("helped", "No cause is known yet. This helped for a while, so what causes it comes back: {}"),
        ("worse", "No cause is known yet. This made it worse: {}"),
    ):
        step = next((one for one in reversed(snapshot.steps) if one.outcome == outcome), None)
        if step is not None:
            return words.format(step.action[:300])
    return "No cause is known yet. Nothing that was tried has changed it."


def _why(snapshot: Snapshot, solved: SimilarHandoff | None) -> str:
    if solved is not None:
        whose = f" for {solved.customer}" if solved.customer else ""
        return f"Found by its words among the resolved hand-offs of this account{whose}. Compare before you act on it."
    ruled_out = sum(step.outcome in {"no_change", "worse"} for step in snapshot.steps)
    steps = _count(snapshot.steps, "step")
    return f"Put together from the session, without a model: {steps}, {ruled_out} without success."


def _unfinished(steps: list[Step]) -> list[str]:
    return [f"{_UNFINISHED[step.outcome]}: {step.action}"[:400] for step in steps if step.outcome in _UNFINISHED]


def _next(snapshot: Snapshot, solved: SimilarHandoff | None) -> list[str]:
    steps = _unfinished(snapshot.steps)
    if solved is not None:
        steps.append(f"Check whether this applies: {(solved.resolution or '')[:300]}")
    return steps[:3]
