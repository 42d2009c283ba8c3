"""Escalations with known times: made through the API as people would, then moved by the owner of the tables."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx

from tests.support.flow import API, Owner, claimed, escalate, open_session


async def acted(
    owner: Owner,
    junior: httpx.AsyncClient,
    senior: httpx.AsyncClient,
    plan: Sequence[tuple[datetime, float, float]],
    *,
    titles: Sequence[str] = ("VPN drops",),
    customers: Sequence[str] = ("Fabrikam",),
) -> list[str]:
    """One acted-on handoff for each (escalated, seconds to the claim, seconds to the first action); their ids."""
    ids = []
    for number, (at, claim_s, action_s) in enumerate(plan):
        title, customer = titles[number % len(titles)], customers[number % len(customers)]
        session = await open_session(junior, title, customer=customer)
        handoff: str = (await escalate(junior, session)).json()["id"]
        await claimed(senior, handoff)
        await senior.post(f"{API}/ai-sessions/{session}/messages", json={"content": "On it"})
        claim = at + timedelta(seconds=claim_s)
        await owner.fetch(
            "update handoff set created_at = $2, first_claimed_at = $3, claimed_at = $3, first_action_claimed_at = $3,"
            " first_action_at = $4 where id = $1",
            *(handoff, at, claim, claim + timedelta(seconds=action_s)),
        )
        ids.append(handoff)
    return ids
