"""One-view secrets: kept sealed until one person of the account has seen them, or until they expire.

The link holds no key. Whoever opens it signs in, reads who left it, and presses a button: a mail scanner or a preview
that opens the address sees nothing and uses nothing up.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from backend.audit.record import record
from backend.contract.onetime import NewSecret, RevealedSecret, SecretFinding, SecretFindings, SecretLink
from backend.db.engine import Database
from backend.db.ids import new_id, parse_id
from backend.db.tables import AnyRow
from backend.domain.refusal import Refusal
from backend.domain.secrets import LABEL, find, take_out
from backend.domain.text import clean, limit_bytes
from backend.identity.caller import Caller
from backend.onetime import repository
from backend.sealed import Sealer, UnsealError
from backend.sessions.mapping import known_person, person
from backend.sessions.service import SessionService

_LONGEST: Final = 4_000
_CHECKED: Final = 65_536
_SHORTEST_S: Final = 60
_LONGEST_S: Final = 7 * 86_400


def _not_found() -> Refusal:
    return Refusal("not_found", "There is no such secret, or you may not see it.")


def check(text: str) -> SecretFindings:
    """What looks like a secret in a text. Nothing of it is kept or logged."""
    limit_bytes("text", text, most=_CHECKED)
    found = find(text)
    findings = [SecretFinding(kind=one.kind, label=LABEL[one.kind], start=one.start, end=one.end) for one in found]
    return SecretFindings(findings=findings, redacted=take_out(text, found).text)


class SecretService:
    """Secrets of the caller's account."""

    def __init__(self, database: Database, sessions: SessionService, sealer: Sealer, public_url: str) -> None:
        self._db = database
        self._sessions = sessions
        self._sealer = sealer
        self._public_url = public_url.rstrip("/")

    async def create(self, caller: Caller, new: NewSecret) -> SecretLink:
        """Seal it; refuses other accounts' sessions with `not_found`."""
        if new.session_id is not None:
            await self._sessions.get(caller, new.session_id)
        caller.require("technician")
        content = clean("content", new.content, longest=_LONGEST)
        if not _SHORTEST_S <= new.expires_in_s <= _LONGEST_S:
            raise Refusal("invalid_body", "`expires_in_s` must be 60 to 604800 seconds.", field="expires_in_s")
        secret_id = new_id()
        sealed = self._sealer.seal(content.encode(), account_id=caller.account_id, purpose=_purpose(secret_id))
        async with self._db.tenant(caller.account_id) as tx:
            await repository.forget_expired(tx, caller.account_id)
            await repository.insert(
                tx,
                lasts=timedelta(seconds=new.expires_in_s),
                account_id=caller.account_id,
                id=secret_id,
                session_id=UUID(new.session_id) if new.session_id else None,
                created_by=caller.user_id,
                sealed=sealed,
            )
        return await self.about(caller, str(secret_id))

    async def about(self, caller: Caller, secret_id: str) -> SecretLink:
        """Who left it, and whether it has been seen; never what it says."""
        async with self._db.tenant(caller.account_id) as tx:
            return self._link(_there(await repository.read(tx, caller.account_id, _id(secret_id))))

    async def view(self, caller: Caller, secret_id: str) -> RevealedSecret:
        """Show it, this once. Refuses `secret_gone` with who has seen it."""
        async with self._db.tenant(caller.account_id) as tx:
            row = _there(await repository.read(tx, caller.account_id, _id(secret_id), lock=True))
            caller.require("technician")
            if not row.there:
                seen = f"{row.viewer_name} has seen it." if row.viewer_name else "It has expired."
                raise Refusal("secret_gone", f"This secret can be seen no more. {seen}")
            try:
                content = self._sealer.open(row.sealed, account_id=caller.account_id, purpose=_purpose(row.id))
            except UnsealError as error:
                raise Refusal("secret_gone", f"This secret can be seen no more. {error}") from error
            await repository.seen(tx, caller.account_id, row.id, caller.user_id)
            await record(tx, caller, "secret.viewed", row.by_name, {"secret": secret_id})
        return RevealedSecret(id=secret_id, content=content.decode())

    def _link(self, row: AnyRow) -> SecretLink:
        return SecretLink(
            id=str(row.id),
            url=f"{self._public_url}/secrets/{row.id}",
            created_by=known_person(row.created_by, row.by_name),
            created_at=row.created_at,
            expires_at=row.expires_at,
            viewed_at=row.viewed_at,
            viewed_by=person(row.viewed_by, row.viewer_name),
        )


def _there(row: AnyRow | None) -> AnyRow:
    if row is None:
        raise _not_found()
    return row


def _id(text: str) -> UUID:
    parsed = parse_id(text)
    if parsed is None:
        raise _not_found()
    return parsed


def _purpose(secret_id: UUID) -> str:
    return f"one-view:{secret_id}"
