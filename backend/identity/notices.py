"""Mails to a person about their own sign-in, so that what somebody else did is noticed by whom it hurts."""

from typing import Final, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.ids import new_id
from backend.db.sign_in_tables import security_notice
from backend.http.client import client_address
from backend.jobs.repository import enqueue

JOB: Final = "notice"
Kind = Literal["password_changed", "factor_on", "factor_off", "factor_reset", "recovery_used", "token_created"]


async def tell(tx: AsyncConnection, account_id: UUID, user_id: UUID, kind: Kind, detail: str = "") -> None:
    """Plan the mail, in the transaction of what it tells. The caller touches the workers' topic afterwards."""
    notice_id = new_id()
    values = {"account_id": account_id, "id": notice_id, "user_id": user_id, "kind": kind}
    address = client_address.get()
    words = detail or (f"from {address}" if address else "")
    await tx.execute(sa.insert(security_notice).values(created_at=sa.func.now(), detail=words[:200], **values))
    await enqueue(tx, account_id=account_id, kind=JOB, key=f"notice:{notice_id}", ref=notice_id)
