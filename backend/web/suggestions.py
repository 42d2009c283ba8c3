"""What the Escalate form can begin with: words that stand in the session already, never made-up ones."""

from typing import Final

from backend.contract.sessions import Session, Step

_LONGEST: Final = 500
_IMPACT: Final = ("effect", "impact", "affected", "users affected", "staff affected", "who is affected")


def for_escalation(session: Session) -> dict[str, str]:
    """`reason`, `need` and `impact`, each only where the session holds it."""
    found: dict[str, str] = {}
    stuck = _stuck_at(session)
    if stuck is not None:
        found["reason"] = _reason(stuck)
        if stuck.outcome == "blocked":
            found["need"] = f"Somebody who can do this: {_sentence(stuck.action)}"
    impact = next((one for one in reversed(session.facts) if one.label.strip().casefold() in _IMPACT), None)
    if impact is not None:
        found["impact"] = impact.value
    return {field: words[:_LONGEST] for field, words in found.items()}


def _stuck_at(session: Session) -> Step | None:
    """The fix in progress, or else the newest step, where it is blocked or has not helped."""
    candidates = [session.active_fix, *reversed(session.steps)]
    newest = next((one for one in candidates if one is not None), None)
    return newest if newest is not None and newest.outcome in {"blocked", "no_change", "worse", "helped"} else None


def _reason(step: Step) -> str:
    words = {
        "blocked": "I am blocked at this",
        "no_change": "This changed nothing",
        "worse": "This made it worse",
        "helped": "This helped only for a while",
    }[step.outcome]
    detail = f" {_sentence(step.detail)}" if step.detail else ""
    return f"{words}: {_sentence(step.action)}{detail}"


def _sentence(text: str) -> str:
    trimmed = text.strip()
    return trimmed if trimmed[-1:] in ".?" else f"{trimmed}."
