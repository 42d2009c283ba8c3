"""A forgotten password: whoever can read the mail of an address may set a new one.

The page keeps the address and answers; it takes the same time and says the same for every one. A worker looks who has
it and sends the link of an invitation (`invites.py`): it works once, for an hour, and changes nothing by being opened.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from backend.audit.record import record_of
from backend.db.engine import Database
from backend.db.ids import HOUSE_ACCOUNT, new_id
from backend.db.sign_in_tables import password_request
from backend.domain.text import storable
from backend.identity import people_repository, tries
from backend.identity.credentials import digest
from backend.identity.invites import link_secret, plan_mail
from backend.identity.repository import user_by_email
from backend.jobs.job import TOPIC
from backend.jobs.repository import enqueue

JOB: Final = "forgotten"
LINK_LIFE: Final = timedelta(hours=1)


class ForgottenService:
    """Takes requests, and answers them later. `secret_key` makes the links."""

    def __init__(self, database: Database, secret_key: str) -> None:
        self._db = database
        self._key = secret_key

    async def ask(self, email: str, *, address: str = "") -> None:
        """Keep that a link is wanted. Refuses `too_many_requests` after five within a quarter of an hour."""
        wanted = email.strip()[:254]
        await tries.begin_for(self._db, "forgotten", wanted, address)
        if not storable(wanted):
            wanted = ""
        request_id = new_id()
        async with self._db.tenant(HOUSE_ACCOUNT) as tx:
            values = {"account_id": HOUSE_ACCOUNT, "id": request_id, "email": wanted}
            await tx.execute(sa.insert(password_request).values(created_at=sa.func.now(), **values))
            key = f"{JOB}:{request_id}"
            await enqueue(tx, account_id=HOUSE_ACCOUNT, kind=JOB, key=key, ref=request_id)
        self._db.wakeup.touch(TOPIC)

    async def answer(self, email: str) -> None:
        """Send the link where somebody has the address and signs in by password. Asked twice, the same link goes out.

        So nobody ends the link that somebody else has just asked for, an administrator's longer one least of all.
        """
        async with self._db.before_account() as tx:
            user = await user_by_email(tx, email)
        if user is None or not user.by_password:
            return
        account_id: UUID = user.account_id
        async with self._db.tenant(account_id) as tx:
            found = await people_repository.open_invite_for(tx, account_id, user.email)
            if found is not None and (found.expired or not found.stands):
                await people_repository.close_invites(tx, account_id, user.email)
                found = None
            invite_id: UUID = new_id() if found is None else found.id
            if found is None:
                await people_repository.insert_invite(
                    tx,
                    account_id=account_id,
                    id=invite_id,
                    email=user.email,
                    name=user.name,
                    role=user.role,
                    token_hash=digest(link_secret(self._key, invite_id, 1)),
                    user_id=user.user_id,
                    invited_by=user.user_id,
                    expires_at=datetime.now(UTC) + LINK_LIFE,
                )
            await plan_mail(tx, account_id, invite_id)
            await record_of(
                tx, account_id, "people.password_asked", user.name, actor_id=user.user_id, actor="Sign-in page"
            )
        self._db.wakeup.touch(TOPIC)
