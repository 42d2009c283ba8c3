"""Proposals: what FlowPilot reads in a message, to be added to the session's facts and steps by a person."""

import contextlib
import logging
from dataclasses import asdict, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.assistant import mapping, prompts, repository
from backend.assistant.endpoint import Endpoint, ModelError
from backend.assistant.shapes import Read
from backend.contract.assistant import Proposal, ProposalEdit
from backend.contract.sessions import Message, NewFact, NewStep, Session
from backend.db.engine import Database
from backend.db.ids import new_id, parse_id
from backend.db.tables import AnyRow
from backend.domain.refusal import Refusal
from backend.domain.secrets import redact, redact_value
from backend.http.problems import DATABASE_DOWN
from backend.identity.caller import Caller
from backend.sessions import repository as sessions_repository
from backend.sessions.service import SessionService

log = logging.getLogger(__name__)


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).strip(" .")


class _DecidedError(Exception):
    """Somebody has decided the proposal: what was to be added with the decision is not."""


class ProposalService:
    """Reads messages and lets people decide. `endpoint` is None where no model is configured."""

    def __init__(self, database: Database, sessions: SessionService, endpoint: Endpoint | None) -> None:
        self._db = database
        self._sessions = sessions
        self._endpoint = endpoint

    async def open(self, caller: Caller, session_id: str, *, decided: bool = False) -> list[Proposal]:
        """The open proposals of a session, oldest first; with `decided` those that were added, too."""
        return await self.open_in(caller, await self._sessions.get(caller, session_id), decided=decided)

    async def open_in(self, caller: Caller, session: Session, *, decided: bool = False) -> list[Proposal]:
        """Like `open`, of a session that is read already."""
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.proposals(tx, caller.account_id, UUID(session.id), dismissed=False)
        return [mapping.proposal(row) for row in rows if decided or row.state == "open"]

    async def read(self, caller: Caller, session_id: str, message: Message) -> None:
        """Ask the model what the message reports, and propose what the session does not hold. Never fails."""
        if self._endpoint is None:
            return
        try:
            session = await self._sessions.get(caller, session_id)
            found = await self._endpoint.structured(prompts.read(session, message), Read, "report")
            session = await self._sessions.get(caller, session_id)  # as it is now, some seconds later
            async with self._db.tenant(caller.account_id) as tx:
                where = (caller.account_id, UUID(session_id))
                known = await repository.proposals(tx, *where, dismissed=True)
                rows = _fresh(found, session, message, known)
                if not rows or session.status == "resolved":
                    return
                await sessions_repository.touch(tx, *where)
                await repository.add_proposals(
                    tx,
                    [
                        {
                            "account_id": caller.account_id,
                            "id": new_id(),
                            "session_id": UUID(session_id),
                            "message_id": UUID(message.id),
                            **row,
                        }
                        for row in rows
                    ],
                )
            self._db.wakeup.touch(session_id)
        except ModelError as error:
            log.warning("what message %s reports was not read: %s", message.id, error.words)
        except DATABASE_DOWN as error:
            log.warning("what message %s reports was not kept: %s", message.id, error)

    async def accept(
        self, caller: Caller, session_id: str, proposal_id: str, edit: ProposalEdit | None = None
    ) -> str | None:
        """Add it to the session as the caller's own fact or step, as it was read or with what they put right.

        Answers the id of the fact or step; None when it was decided already, and stays as it is.
        """
        proposal = await self.one(caller, session_id, proposal_id)
        if edit is not None:
            proposal = replace(proposal, **{name: text for name, text in asdict(edit).items() if text is not None})
        content = _content(proposal) if edit is not None else None

        async def decide(tx: AsyncConnection) -> None:
            if not await repository.decide(
                tx, caller.account_id, UUID(proposal.id), "accepted", caller.user_id, content
            ):
                raise _DecidedError

        with contextlib.suppress(_DecidedError):
            if proposal.kind == "fact":
                new = NewFact(label=proposal.label or "", value=proposal.value or "")
                return (await self._sessions.add_fact(caller, session_id, new, decide)).id
            step = NewStep(
                action=proposal.action or "", outcome=proposal.outcome or "not_tried", detail=proposal.detail or None
            )
            return (await self._sessions.add_step(caller, session_id, step, decide)).id
        return None

    async def dismiss(self, caller: Caller, session_id: str, proposal_id: str) -> Proposal:
        """Let it go."""
        proposal = await self.one(caller, session_id, proposal_id)
        caller.require("technician")
        async with self._db.tenant(caller.account_id) as tx:
            session = await sessions_repository.touch(tx, caller.account_id, UUID(proposal.session_id))
            if session is not None and session.status == "resolved":
                raise Refusal("session_resolved", "This session is resolved; nothing can be added.")
            await repository.decide(tx, caller.account_id, UUID(proposal.id), "dismissed", caller.user_id)
        self._db.wakeup.touch(proposal.session_id)
        return await self.one(caller, session_id, proposal_id)

    async def one(self, caller: Caller, session_id: str, proposal_id: str) -> Proposal:
        """One of the session's proposals, decided or not."""
        session, parsed = await self._sessions.get(caller, session_id), parse_id(proposal_id)
        async with self._db.tenant(caller.account_id) as tx:
            row = parsed and await repository.proposal(tx, caller.account_id, UUID(session.id), parsed)
        if not row:
            raise Refusal("not_found", "There is no such proposal in this session.")
        return mapping.proposal(row)


def _content(proposal: Proposal) -> dict[str, object]:
    """What is kept of a proposal that a person put right; secrets are taken out as everywhere."""
    if proposal.kind == "fact":
        label = redact(proposal.label or "").text
        return {"label": label, "value": redact_value(label, proposal.value or "")}
    detail = {"detail": redact(proposal.detail).text} if proposal.detail else {}
    return {"action": redact(proposal.action or "").text, "outcome": proposal.outcome or "not_tried", **detail}


def _fresh(found: Read, session: Session, message: Message, known: list[AnyRow]) -> list[dict[str, object]]:
    """What is not in the session and was not proposed before. Facts must stand in the message."""
    have = {_plain(f"{fact.label} {fact.value}") for fact in session.facts}
    have |= {_plain(step.action) for step in session.steps}
    have |= {_plain(f"{row.content.get('label', '')} {row.content.get('value', '')}") for row in known}
    have |= {_plain(str(row.content.get("action", ""))) for row in known}
    said = _plain(message.content)
    rows: list[dict[str, object]] = []
    for fact in found.facts:
        key = _plain(f"{fact.label} {fact.value}")
        if key not in have and _plain(fact.value) in said:  # a small model copies the example or makes things up
            value = redact_value(fact.label, fact.value)
            rows.append({"kind": "fact", "content": {"label": redact(fact.label).text, "value": value}})
            have.add(key)
    for step in found.steps:
        key = _plain(step.action)
        if key not in have:
            rows.append({"kind": "step", "content": {"action": redact(step.action).text, "outcome": step.outcome}})
            have.add(key)
    return rows
