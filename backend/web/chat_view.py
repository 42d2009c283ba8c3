"""The chat column of the session page: the conversation, a reply that is written, proposals, guided mode."""

from dataclasses import dataclass
from typing import Final, Literal

from backend.assistant import mapping
from backend.contract.assistant import Proposal, Reply
from backend.contract.handoffs import Handoff, SimilarHandoff
from backend.contract.runbooks import Runbook
from backend.contract.sessions import Session
from backend.identity.caller import Caller
from backend.web import talk
from backend.web.visitor import Services

_LOOKED_AT: Final = 3
StepState = Literal["done", "next", "later"]


@dataclass(frozen=True, slots=True)
class GuideStep:
    """One step of a runbook, as far as this session has come with it."""

    text: str
    state: StepState


@dataclass(frozen=True, slots=True)
class Guide:
    """Guided mode: the runbook at hand with its steps, other runbooks, and what was resolved before."""

    runbook: Runbook | None
    steps: list[GuideStep]
    others: list[Runbook]
    similar: list[SimilarHandoff]

    @property
    def at(self) -> tuple[int, str] | None:
        """(number, text) of the next step; None when the runbook is done or there is none."""
        return next(((n, step.text) for n, step in enumerate(self.steps, 1) if step.state == "next"), None)


@dataclass(frozen=True, slots=True)
class Chat:
    """What the chat column shows. `why` says why no model answers, None when one does; `guide` is there then."""

    entries: list[talk.Entry]
    reply: Reply | None
    why: str | None
    guide: Guide | None


async def gather(
    services: Services,
    caller: Caller,
    session: Session,
    handoff: Handoff | None,
    target: str | None,
    *,
    runbook: str | None = None,
) -> Chat:
    """Read it. `runbook` is the one that the person has chosen in guided mode."""
    why = await services.replies.why_guided(caller)
    reply = await services.replies.newest(caller, session.id)
    proposals = await services.proposals.open_in(caller, session, decided=True)
    entries = talk.entries(session, handoff, target) + _proposed(proposals)
    if reply is not None and reply.state in {"running", "failed"}:
        entries.append(talk.Entry(reply.id, reply.started_at, reply=reply))
    guided = why is not None and session.status != "resolved"
    return Chat(
        entries=sorted(entries, key=lambda entry: entry.at),
        reply=reply,
        why=why,
        guide=await _guide(services, caller, session, runbook) if guided else None,
    )


def _proposed(proposals: list[Proposal]) -> list[talk.Entry]:
    found = []
    for one in proposals:
        if one.state == "open":
            found.append(talk.Entry(f"proposal-{one.id}", one.created_at, proposal=one))
        elif one.decided_at is not None:
            where, what = ("facts", one.label) if one.kind == "fact" else ("steps", one.action)
            found.append(talk.Entry(f"added-{one.id}", one.decided_at, line=f"Added to {where}: {what}"))
    return found


async def _guide(services: Services, caller: Caller, session: Session, chosen: str | None) -> Guide:
    said = [one.content for one in session.messages if one.author_kind == "user"][-_LOOKED_AT:]
    text = " ".join((session.title, session.problem[:2_000], *said))
    matching = await services.runbooks.matching(caller, text)
    if chosen is not None and not any(one.id == chosen for one in matching):
        matching += [one for one in (await services.runbooks.list_runbooks(caller)).items if one.id == chosen]
    runbook = next((one for one in matching if one.id == chosen), matching[0] if matching else None)
    similar = mapping.similar(await services.replies.similar_cases(caller, session, text), text)
    return Guide(
        runbook=runbook,
        steps=_progress(runbook, session) if runbook else [],
        others=[one for one in matching if one is not runbook],
        similar=similar,
    )


def _progress(runbook: Runbook, session: Session) -> list[GuideStep]:
    """A step is done when the session has recorded it in the runbook's words."""
    recorded = {_words(step.action) for step in session.steps if step.outcome != "not_tried"}
    steps: list[GuideStep] = []
    for text in runbook.steps:
        state: StepState = "done" if _words(text) in recorded else "later"
        if state == "later" and not any(step.state == "next" for step in steps):
            state = "next"
        steps.append(GuideStep(text, state))
    return steps


def _words(text: str) -> str:
    return " ".join(text.lower().split())
