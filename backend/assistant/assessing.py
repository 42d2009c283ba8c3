"""The assessment of a handoff: the handler of `assess` work, which is planned in the escalation's own commit.

One structured call, tried once more when the answer has another form, within a limit of its own; else what can be put
together without a model. Whatever the endpoint does, the escalation has long been answered.
"""

import asyncio
import logging
from time import monotonic
from typing import Final
from uuid import UUID

import msgspec

from backend.assistant import extractive, mapping, prompts, repository
from backend.assistant.endpoint import Endpoint, ModelError, NotJsonError
from backend.assistant.shapes import Assessed
from backend.contract.handoffs import Assessment, Handoff, SimilarHandoff, Snapshot
from backend.db.engine import Database
from backend.domain.secrets import redact
from backend.handoffs import repository as handoffs
from backend.handoffs.service import read_handoff
from backend.jobs import repository as jobs
from backend.jobs.job import Job
from backend.jobs.worker import Lane

log = logging.getLogger(__name__)

WITHIN_S: Final = 45.0
_PLACES: Final = 6
_REST_S: Final = 30.0
"""After a failure the model is left alone for so long, so that a hanging one does not hold up assessments in a row."""
_NO_MODEL: Final = "No AI model is connected."
_OFF: Final = "The AI model is switched off for this account."


class Assessing:
    """Handler of `assess` work. `endpoint` is None where no model is configured."""

    def __init__(self, database: Database, endpoint: Endpoint | None, *, within_s: float = WITHIN_S) -> None:
        self._db = database
        self._endpoint = endpoint
        self._within_s = within_s
        self._rest_until = 0.0

    async def __call__(self, job: Job) -> None:
        """Read, ask outside any transaction, write with the event."""
        async with self._db.tenant(job.account_id) as tx:
            handoff = await read_handoff(tx, job.account_id, job.about)
            enabled = await repository.ai_enabled(tx, job.account_id)
            text = _looked_for(handoff)
            rows = await repository.similar_cases(tx, job.account_id, text, UUID(handoff.session_id))
        if handoff.assessment_status == "pending":
            assessment, why = await self._assess(handoff, mapping.similar(rows, _about(handoff)), enabled=enabled)
            kept = msgspec.json.encode(assessment).decode() if assessment else None
        else:
            kept = why = None
        async with self._db.tenant(job.account_id) as tx:
            await handoffs.lock(tx, job.account_id, job.about)  # handoff row before job row, as everywhere
            await jobs.hold(tx, job)
            await jobs.finish(tx, job)
            if handoff.assessment_status == "pending":
                await repository.record_assessment(tx, job.account_id, job.about, kept, why)
        self._db.wakeup.touch(str(job.account_id), handoff.session_id)

    async def _assess(
        self, handoff: Handoff, similar: list[SimilarHandoff], *, enabled: bool
    ) -> tuple[Assessment | None, str | None]:
        """(the assessment or None, why it is none or was made without the model)."""
        snapshot = handoff.escalation_package.snapshot
        if self._endpoint is None or not enabled:
            why = _NO_MODEL if self._endpoint is None else _OFF
        else:
            try:
                return await self._by_model(self._endpoint, handoff, snapshot, similar), None
            except ModelError as error:
                why = error.words
        # Only a model can make something of the problem and the conversation alone.
        if len(snapshot.facts) + len(snapshot.steps) < 2 and not similar:
            return None, extractive.TOO_LITTLE
        return extractive.assess(snapshot, similar), why

    async def _by_model(
        self, endpoint: Endpoint, handoff: Handoff, snapshot: Snapshot, similar: list[SimilarHandoff]
    ) -> Assessment:
        if monotonic() < self._rest_until:
            raise ModelError("The AI model did not answer a moment ago.")
        chat = prompts.assess(snapshot, _why(handoff, similar))
        try:
            async with asyncio.timeout(self._within_s):
                found = await _twice(endpoint, chat)
        except (ModelError, TimeoutError) as error:
            words = error.words if isinstance(error, ModelError) else "The AI model did not answer in time."
            log.warning("hand-off %s is assessed without the model: %s", handoff.id, words)
            if not isinstance(error, NotJsonError):
                pause = error.retry_after_s if isinstance(error, ModelError) else None
                self._rest_until = monotonic() + min(pause or _REST_S, _REST_S)
            raise ModelError(words) from error
        return Assessment(
            source="model",
            likely_cause=redact(found.likely_cause).text,
            confidence=found.confidence,
            why=redact(found.why).text,
            tried=[step.action for step in snapshot.steps] or None,
            next_steps=[redact(step).text for step in found.next_steps],
            similar=similar or None,
            summary=redact(found.summary).text,
            known=[redact(one).text for one in found.known] or None,
            model=endpoint.model,
        )


async def _twice(endpoint: Endpoint, chat: list[dict[str, str]]) -> Assessed:
    try:
        return await endpoint.structured(chat, Assessed, "assessment")
    except NotJsonError:
        return await endpoint.structured(chat, Assessed, "assessment")


def _looked_for(handoff: Handoff) -> str:
    snapshot = handoff.escalation_package.snapshot
    return " ".join(part for part in (snapshot.title, snapshot.customer, snapshot.problem, handoff.reason) if part)


def _about(handoff: Handoff) -> str:
    snapshot = handoff.escalation_package.snapshot
    return f"{snapshot.title} {snapshot.problem} {handoff.reason}"


def _why(handoff: Handoff, similar: list[SimilarHandoff]) -> str:
    before = "\n".join(f"- {one.title}: {one.resolution or 'no resolution noted'}" for one in similar) or "(none)"
    return (
        f"Handed over because: {handoff.reason}\nNeeded: {handoff.need or 'not said'}\n"
        f"Similar hand-offs that were resolved before:\n{before}"
    )


def assistant_lane(database: Database, endpoint: Endpoint | None) -> Lane:
    """The worker's lane of `assess` work: a model that hangs takes a place here and nowhere else."""
    handlers = {"assess": Assessing(database, endpoint)}
    return Lane(name="assistant", handlers=handlers, places=_PLACES, lease_s=WITHIN_S + 30)
