"""The authorization server: a person's yes becomes a code, a code becomes tokens, a refresh token its successor.

Every row is read and changed under its account's row-level security, locked, in one transaction; look-ups before that
answer with the account alone. Why it is made like this: docs/adr/0008.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.audit.record import record, record_of
from backend.db.engine import Database
from backend.db.ids import new_id
from backend.domain.refusal import Refusal
from backend.identity import device_repository as repository
from backend.identity.caller import Caller
from backend.identity.credentials import digest, new_secret
from backend.identity.device_tokens import family_hash, new_access_token, new_refresh_token, successor
from backend.identity.devices import SIGN_INS
from backend.identity.oauth_request import OAuthError, PairingRequest, verifier_matches
from backend.identity.repository import insert_trusted_browser
from backend.identity.service import TRUSTED_BROWSER_LIFE

log = logging.getLogger(__name__)

CODE_LIFE: Final = timedelta(seconds=60)
ACCESS_LIFE: Final = timedelta(minutes=15)
DEVICE_LIFE: Final = timedelta(days=90)
CONNECTS_PER_HOUR: Final = 20
LIVE_ACCESS_TOKENS: Final = 20
"""Per device. A reply lost again and again leaves access tokens behind that nobody has."""
_NOT_VALID: Final = "The grant is unknown, used, expired or revoked."


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a token request is answered with. `expires_in` is the access token's, in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """A person's yes: the code for the app, and the cookie that makes this browser a trusted one."""

    code: str
    trusted_cookie: str


class AuthorizationService:
    """`secret_key` derives successors of refresh tokens."""

    def __init__(self, database: Database, secret_key: str) -> None:
        self._db = database
        self._key = secret_key

    async def proved(self, caller: Caller) -> bool:
        """Whether this web sign-in may connect computers: it was made by password, not by a ticket."""
        async with self._db.tenant(caller.account_id) as tx:
            return await repository.proved(tx, caller.account_id, caller.credential_id)

    async def approve(self, caller: Caller, request: PairingRequest, setup_id: UUID | None = None) -> Approved:
        """The person says yes, on a computer with this set-up code. Refuses `too_many_requests` above 20 an hour."""
        account_id, code, cookie, now = caller.account_id, new_secret(), new_secret(), datetime.now(UTC)
        browser_id = new_id()
        async with self._db.tenant(account_id) as tx:
            recent = await repository.codes_since(tx, account_id, caller.user_id, now - timedelta(hours=1))
            if recent >= CONNECTS_PER_HOUR:
                raise Refusal("too_many_requests", "Too many computers were connected in the last hour. Try later.")
            await insert_trusted_browser(
                tx,
                account_id=account_id,
                id=browser_id,
                user_id=caller.user_id,
                cookie_hash=digest(cookie),
                expires_at=now + TRUSTED_BROWSER_LIFE,
            )
            await repository.insert_code(
                tx,
                account_id=account_id,
                id=new_id(),
                user_id=caller.user_id,
                browser_id=browser_id,
                code_hash=digest(code),
                challenge=request.challenge,
                redirect_uri=request.redirect_uri,
                device_name=request.name,
                device_system=request.system,
                device_version=request.version,
                setup_id=setup_id,
                expires_at=now + CODE_LIFE,
            )
            await record(tx, caller, "device.connected", request.name, {"system": request.system})
        return Approved(code=code, trusted_cookie=cookie)

    async def redeem(self, *, code: str, verifier: str, redirect_uri: str) -> Granted:
        """The first tokens of a new device. Raises OAuthError.

        Without the verifier nothing happens, whoever has seen the code. With it, a second redemption signs out the
        device of the first (RFC 6749, 4.1.2): one of the two was not its owner.
        """
        account_id = await self._account("select auth_oauth_code($1)", digest(code))
        granted = None
        async with self._db.tenant(account_id) as tx:
            found = await repository.lock_code(tx, account_id, digest(code))
            if (
                found is None
                or not verifier_matches(verifier, found.challenge)
                or redirect_uri != found.redirect_uri
                or not found.active
            ):
                raise OAuthError("invalid_grant", _NOT_VALID)
            if found.used_at is not None:
                await repository.revoke(tx, account_id, found.device_id, "code_reused")
                await record_of(tx, account_id, "device.copied", found.device_name)
            elif found.alive:
                device_id, refresh_token = new_id(), new_refresh_token()
                await repository.insert_device(
                    tx,
                    account_id=account_id,
                    id=device_id,
                    user_id=found.user_id,
                    name=found.device_name,
                    system=found.device_system,
                    version=found.device_version,
                    setup_id=found.setup_id,
                    browser_id=found.browser_id,
                    family_hash=family_hash(refresh_token),
                    refresh_hash=digest(refresh_token),
                    expires_at=datetime.now(UTC) + DEVICE_LIFE,
                )
                await repository.use_code(tx, account_id, found.id, device_id)
                granted = await self._grant(tx, account_id, device_id, refresh_token)
        if granted is None:
            self._db.wakeup.touch(SIGN_INS)
            raise OAuthError("invalid_grant", _NOT_VALID)
        return granted

    async def refresh(self, token: str) -> Granted:
        """A fresh access token and the next refresh token. Raises OAuthError.

        The token at hand stays good until its successor is used, so a lost reply costs nothing: asked again, the
        answer holds the same successor. A token from before that can only be a copy: the device is signed out.
        """
        family = family_hash(token)
        account_id = await self._account("select auth_device_family($1)", family) if family else None
        if account_id is None or family is None:
            raise OAuthError("invalid_grant", _NOT_VALID)
        granted = None
        async with self._db.tenant(account_id) as tx:
            device = await repository.lock_family(tx, account_id, family)
            if device is None or not device.alive:
                raise OAuthError("invalid_grant", _NOT_VALID)
            if digest(token) in {device.refresh_hash, device.next_hash}:
                following = successor(self._key, token)
                await repository.move_on(
                    tx, account_id, device.id, refresh_hash=digest(token), next_hash=digest(following)
                )
                granted = await self._grant(tx, account_id, device.id, following)
            else:
                await repository.revoke(tx, account_id, device.id, "reused")
                await record_of(tx, account_id, "device.copied", device.name)
        if granted is None:
            log.warning("an old refresh token of device %s came back: the device is signed out", device.id)
            self._db.wakeup.touch(SIGN_INS)
            raise OAuthError("invalid_grant", _NOT_VALID)
        return granted

    async def revoke(self, token: str) -> None:
        """Sign the device of this refresh token out; a token that nobody knows is revoked already (RFC 7009)."""
        family = family_hash(token)
        row = await self._db.call("select auth_device_family($1) as account_id", family) if family else None
        if row is None or row["account_id"] is None or family is None:
            return
        async with self._db.tenant(row["account_id"]) as tx:
            device = await repository.lock_family(tx, row["account_id"], family)
            if device is not None and await repository.revoke(tx, row["account_id"], device.id, "signed_out"):
                owner = await repository.device(tx, row["account_id"], device.id)
                whose = {"actor_id": owner.user_id, "actor": owner.user_name} if owner is not None else {}
                await record_of(tx, row["account_id"], "device.signed_out", device.name, {"by": "the app"}, **whose)
        self._db.wakeup.touch(SIGN_INS)

    async def _account(self, look_up: str, value: bytes) -> UUID:
        row = await self._db.call(f"{look_up} as account_id", value)
        if row is None or row["account_id"] is None:
            raise OAuthError("invalid_grant", _NOT_VALID)
        account_id: UUID = row["account_id"]
        return account_id

    async def _grant(self, tx: AsyncConnection, account_id: UUID, device_id: UUID, refresh_token: str) -> Granted:
        access_token = new_access_token()
        await repository.insert_access_token(
            tx,
            keep=LIVE_ACCESS_TOKENS,
            account_id=account_id,
            id=new_id(),
            device_id=device_id,
            token_hash=digest(access_token),
            expires_at=datetime.now(UTC) + ACCESS_LIFE,
        )
        return Granted(
            access_token=access_token, refresh_token=refresh_token, expires_in=int(ACCESS_LIFE.total_seconds())
        )
