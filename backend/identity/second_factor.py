"""A second factor beside the password: codes of an authenticator app (RFC 6238), and recovery codes for its loss.

A code counts for its half minute and the one before and after it, and once: the newest time step that was used is kept,
and none up to it counts again. Recovery codes are 80 random bits each, kept as hashes, shown once, good once.
"""

import base64
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.audit.record import record, record_of
from backend.db.engine import Database
from backend.db.ids import new_id
from backend.db.tables import AnyRow
from backend.domain.refusal import Refusal
from backend.identity import factor_repository as repository
from backend.identity import people_repository, tries
from backend.identity.caller import Caller
from backend.identity.credentials import digest
from backend.identity.notices import tell
from backend.jobs.job import TOPIC
from backend.sealed import Sealer

STEP_S: Final = 30
RECOVERY_CODES: Final = 10
WRONG: Final = "That code does not count. Take the one that the app shows now."
_ISSUER: Final = "FlowPilot"
_DIGITS: Final = re.compile(r"[0-9]{6}")
_RECOVERY: Final = re.compile(r"[A-Z2-7]{16}")

How = Literal["app", "recovery"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What an authenticator app needs: the `uri` that a QR code holds, and the secret to type, in groups of four."""

    uri: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorState:
    """`needed`: the account's policy asks for it. `codes_left`: recovery codes that have not been used."""

    on: bool
    needed: bool
    codes_left: int
    setup: Setup | None


class FactorService:
    """Sets up, checks and takes away. `clock` gives the seconds since 1970."""

    def __init__(self, database: Database, sealer: Sealer, clock: Callable[[], float] = time.time) -> None:
        self._db = database
        self._sealer = sealer
        self._clock = clock

    async def state(self, caller: Caller) -> FactorState:
        """The caller's own; with the set-up that was begun and not confirmed."""
        async with self._db.tenant(caller.account_id) as tx:
            row = await repository.factor(tx, caller.account_id, caller.user_id)
            left = await repository.codes_left(tx, caller.account_id, caller.user_id)
            policy = await repository.policy(tx, caller.account_id)
        on = row is not None and row.confirmed_at is not None
        setup = self._setup(caller.account_id, row.id, row.secret, caller.email) if row is not None and not on else None
        return FactorState(on=on, needed=needed(policy, caller.role), codes_left=left, setup=setup)

    async def begin(self, caller: Caller) -> None:
        """A new secret, which counts when a code of it has been given."""
        async with self._db.tenant(caller.account_id) as tx:
            await self.prepare(tx, caller.account_id, caller.user_id)

    async def prepare(self, tx: AsyncConnection, account_id: UUID, user_id: UUID, step: str | None = None) -> None:
        """`begin`, for somebody who is not signed in yet: with the secret of that half-made sign-in, the token `step`.

        A confirmed factor stays as it is.
        """
        row = await repository.factor(tx, account_id, user_id)
        if row is not None and (row.confirmed_at is not None or self._is_of(account_id, row, step)):
            return
        await repository.drop(tx, account_id, user_id)
        factor_id, secret = new_id(), _secret_of(step) if step else secrets.token_bytes(20)
        sealed = self._sealer.seal(secret, account_id=account_id, purpose=f"second factor {factor_id}")
        await repository.insert(tx, account_id=account_id, id=factor_id, user_id=user_id, secret=sealed)

    async def setup_of(self, tx: AsyncConnection, account_id: UUID, user_id: UUID, email: str) -> Setup | None:
        """The set-up that has been begun for somebody; None where there is none or it is confirmed."""
        row = await repository.factor(tx, account_id, user_id)
        if row is None or row.confirmed_at is not None:
            return None
        return self._setup(account_id, row.id, row.secret, email)

    async def confirm(self, caller: Caller, code: str, *, address: str = "") -> list[str]:
        """Switch it on with a first code; answers the recovery codes, which are told this once."""
        attempt = await tries.begin_for(self._db, "code", str(caller.user_id), address)
        async with self._db.tenant(caller.account_id) as tx:
            codes = await self.confirm_in(tx, caller.account_id, caller.user_id, caller.name, code)
        if codes is None:
            raise await tries.failed(self._db, attempt, WRONG)
        await tries.succeeded(self._db, attempt)
        self._db.wakeup.touch(TOPIC)
        return codes

    async def confirm_in(
        self, tx: AsyncConnection, account_id: UUID, user_id: UUID, name: str, code: str
    ) -> list[str] | None:
        """`confirm` within a transaction; None for a code that does not count."""
        row = await repository.factor(tx, account_id, user_id, lock=True)
        if row is None or row.confirmed_at is not None:
            return None
        step = self._step(account_id, row.id, row.secret, code, row.last_step)
        if step is None:
            return None
        await repository.confirm(tx, account_id, row.id, step)
        codes = await self._new_codes(tx, account_id, user_id)
        await record_of(tx, account_id, "people.factor_on", "", actor_id=user_id, actor=name)
        await tell(tx, account_id, user_id, "factor_on")
        return codes

    async def new_codes(self, caller: Caller) -> list[str]:
        """Ten new recovery codes; the former ones end."""
        async with self._db.tenant(caller.account_id) as tx:
            row = await repository.factor(tx, caller.account_id, caller.user_id)
            if row is None or row.confirmed_at is None:
                raise Refusal("invalid_body", "Switch the second factor on first.")
            codes = await self._new_codes(tx, caller.account_id, caller.user_id)
            await record(tx, caller, "people.recovery_codes")
        return codes

    async def off(self, caller: Caller) -> None:
        """Back to the password alone, where the account's policy lets."""
        async with self._db.tenant(caller.account_id) as tx:
            row = await repository.factor(tx, caller.account_id, caller.user_id)
            if row is None:
                return
            if needed(await repository.policy(tx, caller.account_id), caller.role) and row.confirmed_at is not None:
                raise Refusal("invalid_body", "Your account asks you for a second factor. An administrator sets that.")
            await repository.drop(tx, caller.account_id, caller.user_id)
            if row.confirmed_at is not None:
                await record(tx, caller, "people.factor_off")
                await tell(tx, caller.account_id, caller.user_id, "factor_off")
        self._db.wakeup.touch(TOPIC)

    async def reset(self, caller: Caller, user_id: UUID) -> None:
        """Take away somebody's factor whose app and codes are lost; for administrators, an owner's by owners."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            found = await people_repository.person(tx, caller.account_id, user_id)
            if found is None:
                raise Refusal("not_found", "There is no such person.")
            if found.role == "owner":
                caller.require("owner")
            if await repository.drop(tx, caller.account_id, user_id):
                await record(tx, caller, "people.factor_reset", found.name)
                await tell(tx, caller.account_id, user_id, "factor_reset", f"by {caller.name}")
        self._db.wakeup.touch(TOPIC)

    async def policy(self, caller: Caller) -> str:
        """Who of the account must give one: optional, admins, all."""
        async with self._db.tenant(caller.account_id) as tx:
            return await repository.policy(tx, caller.account_id)

    async def set_policy(self, caller: Caller, policy: str) -> None:
        """It counts from everyone's next sign-in on."""
        caller.require("admin")
        if policy not in repository.POLICIES:
            raise Refusal("invalid_body", f"`{policy}` is none of {', '.join(repository.POLICIES)}.", field="policy")
        async with self._db.tenant(caller.account_id) as tx:
            before = await repository.policy(tx, caller.account_id)
            if before != policy:
                await repository.set_policy(tx, caller.account_id, policy)
                await record(tx, caller, "settings.changed", "", {"second factor": f"{before} to {policy}"})

    async def check(self, tx: AsyncConnection, account_id: UUID, user_id: UUID, code: str) -> How | None:
        """Use a code up; None where it does not count. What it was is written into the transaction."""
        given = re.sub(r"[\s-]", "", code).upper()
        row = await repository.factor(tx, account_id, user_id, lock=True)
        if row is None or row.confirmed_at is None:
            return None
        if _RECOVERY.fullmatch(given):
            return "recovery" if await repository.use_code(tx, account_id, user_id, digest(given)) else None
        step = self._step(account_id, row.id, row.secret, given, row.last_step)
        if step is None:
            return None
        await repository.use_step(tx, account_id, row.id, step)
        return "app"

    def _step(self, account_id: UUID, factor_id: UUID, sealed: bytes, code: str, last: int) -> int | None:
        """The time step whose code this is, later than the `last` one that was used; None where there is none."""
        given = re.sub(r"\s", "", code)
        if not _DIGITS.fullmatch(given):
            return None
        from pyotp import TOTP  # noqa: PLC0415 - asked for at some sign-ins only

        secret = base64.b32encode(self._secret(account_id, factor_id, sealed)).decode()
        now, totp = int(self._clock()) // STEP_S, TOTP(secret)
        found = [step for step in (now - 1, now, now + 1) if hmac.compare_digest(totp.generate_otp(step), given)]
        return next((step for step in found if step > last), None)

    def _is_of(self, account_id: UUID, row: AnyRow, step: str | None) -> bool:
        return step is not None and hmac.compare_digest(self._secret(account_id, row.id, row.secret), _secret_of(step))

    def _secret(self, account_id: UUID, factor_id: UUID, sealed: bytes) -> bytes:
        return self._sealer.open(sealed, account_id=account_id, purpose=f"second factor {factor_id}")

    def _setup(self, account_id: UUID, factor_id: UUID, sealed: bytes, email: str) -> Setup:
        from pyotp import TOTP  # noqa: PLC0415 - as above

        secret = base64.b32encode(self._secret(account_id, factor_id, sealed)).decode()
        uri = TOTP(secret).provisioning_uri(name=email, issuer_name=_ISSUER)
        return Setup(uri=uri, secret=_grouped(secret))

    @staticmethod
    async def _new_codes(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> list[str]:
        codes = [base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(RECOVERY_CODES)]
        await repository.replace_codes(tx, account_id, user_id, [digest(code) for code in codes])
        return [_grouped(code, "-") for code in codes]


def _secret_of(step: str) -> bytes:
    """What a half-made sign-in is shown, and nobody else who has the password too: its token is one browser's alone."""
    return digest(f"second factor of {step}")[:20]


def needed(policy: str, role: str) -> bool:
    """Whether somebody of this role must give a second factor."""
    return policy == "all" or (policy == "admins" and role in {"admin", "owner"})


def _grouped(text: str, between: str = " ") -> str:
    return between.join(text[at : at + 4] for at in range(0, len(text), 4))
