"""Single sign-on: an account's provider as its owner sets it up, and a browser's way there and back.

The way is the authorization code flow with PKCE (S256), a nonce, and a state that counts once and only in the browser
that set out. Nonce and verifier are derived from the state, which only that browser's address ever holds.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from backend.audit.record import record, record_of
from backend.db.engine import Database
from backend.db.ids import new_id
from backend.db.tables import AnyRow
from backend.domain.refusal import Refusal
from backend.domain.text import clean, clean_optional, storable
from backend.identity import factor_repository, tries
from backend.identity.caller import Caller
from backend.identity.credentials import digest, new_secret
from backend.identity.devices import SIGN_INS
from backend.identity.second_factor import needed
from backend.identity.security_repository import password_hash
from backend.identity.service import STEP_LIFE, IdentityService, SecondStepNeededError, WebSession
from backend.jobs.job import TOPIC
from backend.sealed import Sealer, UnsealError
from backend.sso import repository
from backend.sso.people import Person, found
from backend.sso.port import TRY_AGAIN, Claims, SsoError
from backend.sso.provider import Providers
from backend.webhooks.target import TargetRefusedError, parse

ATTEMPT_LIFE: Final = timedelta(minutes=10)
DEFAULT_ROLES: Final = ("", "viewer", "technician", "engineer", "admin")
MAPPED_ROLES: Final = ("viewer", "technician", "engineer", "admin")
WHO_BY_PASSWORD: Final = ("everyone", "owners")
_STRONG: Final = frozenset({"mfa", "otp", "hwk", "swk", "fido", "ngcmfa"})
"""`amr` values (RFC 8176) of more than a password."""
_LONGEST_MAP: Final = 100
_PUBLIC: Final = re.compile(r"[\x21-\x7e]{1,2000}")
NOT_OURS: Final = "The answer belongs to no sign-in that this browser has begun."
_NOWHERE: Final = "Nobody signs in by single sign-on with that address here. Use your password."


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The account's provider as its administrators see it. `secret_kept` says that there is one; it is never shown."""

    issuer: str
    tenant: str
    client_id: str
    secret_kept: bool
    role_claim: str
    role_map: dict[str, str]
    default_role: str
    active: bool
    password_sign_in: str
    domains: list[str]


@dataclass(frozen=True, slots=True)
class Way:
    """Where the browser goes, and the cookie that binds the way back to it."""

    address: str
    cookie: str
    host: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """A browser that has come back: its session, and the page that it was on its way to."""

    session: WebSession
    next: str | None


class SsoService:
    """For everybody at the sign-in page; setting it up is the owners' affair alone."""

    def __init__(
        self, database: Database, identity: IdentityService, sealer: Sealer, providers: Providers, secret_key: str
    ) -> None:
        self._db = database
        self._identity = identity
        self._sealer = sealer
        self._providers = providers
        self._key = secret_key.encode()

    async def setup(self, caller: Caller) -> Setup:
        """What is set up; blank where nothing is."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            row = await repository.connection(tx, caller.account_id)
            domains = await repository.domains(tx, caller.account_id)
            by_password = await repository.password_sign_in(tx, caller.account_id)
        return Setup(
            issuer=row.issuer if row else "",
            tenant=(row.tenant or "") if row else "",
            client_id=row.client_id if row else "",
            secret_kept=row is not None,
            role_claim=row.role_claim if row else "",
            role_map=dict(row.role_map) if row else {},
            default_role=(row.default_role or "") if row else "",
            active=row.active if row else True,
            password_sign_in=by_password,
            domains=domains,
        )

    async def save(
        self,
        caller: Caller,
        *,
        issuer: str,
        tenant: str,
        client_id: str,
        client_secret: str,
        role_claim: str,
        role_map: str,
        default_role: str,
        active: bool,
        password_sign_in: str,
    ) -> None:
        """Keep it, after the provider has answered as one. A kept secret goes to no other issuer than it was given for.

        Refuses `invalid_body`; owners only, since whoever names the provider decides who everybody is.
        """
        caller.require("owner")
        wanted = clean("issuer", issuer, longest=500)
        values: dict[str, object] = {
            "issuer": wanted,
            "tenant": clean_optional("tenant", tenant, longest=64),
            "client_id": clean("client_id", client_id, longest=255),
            "role_claim": clean_optional("role_claim", role_claim, longest=100) or "",
            "role_map": _role_map(role_map),
            "default_role": _one_of("default_role", default_role, DEFAULT_ROLES) or None,
            "active": active,
        }
        _one_of("password_sign_in", password_sign_in, WHO_BY_PASSWORD)
        secret = clean_optional("client_secret", client_secret, longest=1_000)
        try:
            about = await self._providers.describe(wanted, fresh=True)
        except SsoError as error:
            raise Refusal("invalid_body", f"{error.why} Nothing was changed.", field="issuer") from error
        if "{tenantid}" in about.issuer and not values["tenant"]:
            raise Refusal("invalid_body", "This issuer stands for every directory: name yours.", field="tenant")
        async with self._db.tenant(caller.account_id) as tx:
            before = await repository.connection(tx, caller.account_id)
            if secret is None and (before is None or before.issuer != wanted):
                raise Refusal("invalid_body", "Enter the client secret for this issuer.", field="client_secret")
            if password_sign_in == "owners" and await password_hash(tx, caller.account_id, caller.user_id) is None:  # noqa: S105
                words = "Set a password for yourself first: it is the way in while the provider is away."
                raise Refusal("invalid_body", words, field="password_sign_in")
            row_id = before.id if before is not None else new_id()
            if secret is not None:
                values["client_secret"] = self._sealer.seal(
                    secret.encode(), account_id=caller.account_id, purpose=f"single sign-on {row_id}"
                )
            if before is None:
                await repository.insert_connection(tx, account_id=caller.account_id, id=row_id, **values)
            else:
                await repository.update_connection(tx, caller.account_id, **values)
            await repository.set_password_sign_in(tx, caller.account_id, password_sign_in)
            await record(tx, caller, "sso.changed", wanted, {"active": active, "passwords": password_sign_in})

    async def remove(self, caller: Caller) -> None:
        """No single sign-on any more; everybody may use a password again."""
        caller.require("owner")
        async with self._db.tenant(caller.account_id) as tx:
            await repository.set_password_sign_in(tx, caller.account_id, "everyone")
            if await repository.drop_connection(tx, caller.account_id):
                await record(tx, caller, "sso.removed")

    async def begin(self, email: str, *, redirect_uri: str, target: str | None, address: str = "") -> Way:
        """The way to the provider of whoever has the address's domain. Refuses `invalid_body` where there is none."""
        await tries.begin_link(self._db, address)
        domain = email.strip().rpartition("@")[2]
        row = await self._db.call("select auth_sso_domain($1) as account_id", domain if storable(domain) else "")
        account_id: UUID | None = row["account_id"] if row is not None else None
        if account_id is None or "@" not in email:
            raise Refusal("invalid_body", _NOWHERE, field="email")
        async with self._db.tenant(account_id) as tx:
            kept = await repository.connection(tx, account_id)
        if kept is None:
            raise Refusal("invalid_body", _NOWHERE, field="email")
        try:
            about = await self._providers.describe(kept.issuer)
        except SsoError as error:
            await self._refused(account_id, error)
            raise Refusal("invalid_body", error.text) from error
        state, cookie = new_secret(), new_secret()
        async with self._db.tenant(account_id) as tx:
            await repository.insert_attempt(
                tx,
                account_id=account_id,
                id=new_id(),
                state_hash=digest(state),
                browser_hash=digest(cookie),
                next=target,
                expires_at=datetime.now(UTC) + ATTEMPT_LIFE,
            )
        asked = {
            "response_type": "code",
            "client_id": kept.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid email profile",
            "state": state,
            "nonce": self._derived("nonce", state),
            "code_challenge": _challenge(self._derived("verifier", state)),
            "code_challenge_method": "S256",
            "login_hint": email.strip()[:254],
        }
        joint = "&" if "?" in about.authorization_endpoint else "?"
        where = f"{about.authorization_endpoint}{joint}{urlencode(asked)}"
        return Way(address=where, cookie=cookie, host=_host(where))

    async def arrive(
        self,
        *,
        state: str,
        code: str,
        issuer: str | None,
        error: str,
        cookie: str,
        redirect_uri: str,
        address: str = "",
        user_agent: str = "",
    ) -> Arrived:
        """Sign the browser in. Raises SsoError, and SecondStepNeededError where the account asks for more.

        A state that is unknown, used, older than ten minutes or another browser's changes nothing.
        """
        row = await self._db.call("select auth_sso_attempt($1) as account_id", digest(state))
        account_id: UUID | None = row["account_id"] if row is not None else None
        if account_id is None:
            raise SsoError("No such attempt.")
        async with self._db.tenant(account_id) as tx:
            attempt = await repository.use_attempt(tx, account_id, digest(state), digest(cookie))
            kept = await repository.connection(tx, account_id)
        try:
            usable = kept if attempt is not None and kept is not None and kept.active else None
            if usable is None:
                raise SsoError(NOT_OURS)  # noqa: TRY301 - this, too, is written down
            claims = await self._claims(
                usable, state=state, code=code, issuer=issuer, error=error, redirect=redirect_uri
            )
            async with self._db.tenant(account_id) as tx:
                person = await found(tx, usable, str(claims["iss"]), claims)
        except SsoError as refused:
            await self._refused(account_id, refused)
            raise
        self._db.wakeup.touch(SIGN_INS, TOPIC)
        await tries.arrived(self._db, address)
        target = attempt.next if attempt is not None else None
        await self._ask_for_more(account_id, person, claims, target)
        session = await self._identity.admit(
            account_id, person.user_id, address=address, user_agent=user_agent, method="single_sign_on"
        )
        return Arrived(session, target)

    async def _claims(
        self, kept: AnyRow, *, state: str, code: str, issuer: str | None, error: str, redirect: str
    ) -> Claims:
        if error:
            word = error if re.fullmatch(r"[a-z_]{1,40}", error) else "an error"
            raise SsoError(f"The provider answered {word}.", "The provider did not sign you in. Try again.")
        about = await self._providers.describe(kept.issuer)
        # Whose answer it is (RFC 9207): one provider's code must not be taken to another.
        if (issuer is not None and "{" not in about.issuer and issuer != about.issuer) or (
            issuer is None and about.says_issuer
        ):
            raise SsoError("The answer is from another issuer.")
        if not _PUBLIC.fullmatch(code):
            raise SsoError("The answer holds no code.")
        try:
            secret = self._sealer.open(
                kept.client_secret, account_id=kept.account_id, purpose=f"single sign-on {kept.id}"
            )
        except UnsealError as lost:
            raise SsoError(f"The client secret cannot be read. {lost}") from lost
        return await self._providers.redeem(
            about,
            code=code,
            verifier=self._derived("verifier", state),
            redirect_uri=redirect,
            client=kept.client_id,
            secret=secret.decode(),
            tenant=kept.tenant,
            nonce=self._derived("nonce", state),
        )

    async def _ask_for_more(self, account_id: UUID, person: Person, claims: Claims, target: str | None) -> None:
        """Where the account asks for a second factor or the person has one, and the provider says of none, ours counts.

        Else whoever has the password at the provider would be in without the code that the password here needs.
        """
        amr = claims.get("amr")
        if isinstance(amr, list) and not _STRONG.isdisjoint(one for one in amr if isinstance(one, str)):
            return
        async with self._db.tenant(account_id) as tx:
            factor = await factor_repository.factor(tx, account_id, person.user_id)
            on = factor is not None and factor.confirmed_at is not None
            if not on and not needed(await factor_repository.policy(tx, account_id), person.role):
                return
            token = new_secret()
            await factor_repository.insert_step(
                tx,
                account_id=account_id,
                id=new_id(),
                user_id=person.user_id,
                token_hash=digest(token),
                method="single_sign_on",
                expires_at=datetime.now(UTC) + STEP_LIFE,
            )
        raise SecondStepNeededError(token, target)

    async def _refused(self, account_id: UUID, error: SsoError) -> None:
        async with self._db.tenant(account_id) as tx:
            await record_of(tx, account_id, "sign_in.sso_refused", "", {"why": error.why[:250]})

    def _derived(self, what: str, state: str) -> str:
        mac = hmac.new(self._key, f"single sign-on {what}\n{state}".encode(errors="surrogatepass"), hashlib.sha256)
        return base64.urlsafe_b64encode(mac.digest()).rstrip(b"=").decode()


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _host(address: str) -> str:
    try:
        return parse(address, allow_private=True).host
    except TargetRefusedError as error:
        raise Refusal("invalid_body", TRY_AGAIN) from error


def _one_of(field: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise Refusal("invalid_body", f"`{field}` must be one of {', '.join(one or 'nothing' for one in allowed)}.")
    return value


def _role_map(text: str) -> dict[str, str]:
    """Lines of `value = role`."""
    found_roles: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        value, sign, role = line.rpartition("=")
        name = clean("role_map", value, longest=200) if sign else ""
        if not name or role.strip() not in MAPPED_ROLES:
            words = f"Write each line as `value = role`, with a role of {', '.join(MAPPED_ROLES)}."
            raise Refusal("invalid_body", words, field="role_map")
        found_roles[name] = role.strip()
    if len(found_roles) > _LONGEST_MAP:
        raise Refusal("invalid_body", f"There may be {_LONGEST_MAP} lines.", field="role_map")
    return found_roles
