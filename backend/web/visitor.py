"""Who is looking at a page, and the protections of forms sent by cookie."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Protocol
from urllib.parse import urlsplit

from fastapi import Depends, Form, Request
from starlette.responses import Response

from backend.analytics.service import AnalyticsService
from backend.assistant.proposals import ProposalService
from backend.assistant.replies import ReplyService
from backend.audit.service import AuditService
from backend.delivery.mail_settings import EmailSettingsService
from backend.delivery.service import DeliveryService
from backend.domain.refusal import Refusal
from backend.handoffs.claiming import ClaimingService
from backend.handoffs.holder import HolderService
from backend.handoffs.leaving import LeavingService
from backend.handoffs.service import HandoffService
from backend.http.quotas import Quotas
from backend.identity.account import AccountService
from backend.identity.authorization import AuthorizationService
from backend.identity.baselines import BaselineService
from backend.identity.caller import Caller
from backend.identity.dependencies import (
    BROWSER_COOKIE,
    SESSION_COOKIE,
    SSO_COOKIE,
    STEP_COOKIE,
    cookie_name,
    is_secure,
    same_origin,
)
from backend.identity.devices import DeviceService
from backend.identity.forgotten import ForgottenService
from backend.identity.invites import InviteService
from backend.identity.people import PeopleService
from backend.identity.second_factor import FactorService
from backend.identity.security import SecurityService
from backend.identity.service import STEP_LIFE, IdentityService, WebSession
from backend.identity.setup import SetupService
from backend.identity.tickets import TicketService
from backend.identity.two_steps import TwoStepService
from backend.onetime.service import SecretService
from backend.privacy.service import PrivacyService
from backend.psa.notes import PsaNoteService
from backend.psa.service import ConnectorService
from backend.runbooks.service import RunbookService
from backend.scim.service import DirectoryService
from backend.selfaudit.service import AlarmService
from backend.sessions.editing import EditingService
from backend.sessions.presence import SessionPresence
from backend.sessions.service import SessionService
from backend.sso.service import ATTEMPT_LIFE, SsoService
from backend.webhooks.service import WebhookService


class Services(Protocol):
    """The services that the pages use; the application's own object has more."""

    identity: IdentityService
    account: AccountService
    audit: AuditService
    baselines: BaselineService
    people: PeopleService
    leaving: LeavingService
    email_settings: EmailSettingsService
    webhooks: WebhookService
    connectors: ConnectorService
    psa_notes: PsaNoteService
    invites: InviteService
    privacy: PrivacyService
    quotas: Quotas
    tickets: TicketService
    authorization: AuthorizationService
    devices: DeviceService
    setup: SetupService
    forgotten: ForgottenService
    security: SecurityService
    factors: FactorService
    two_steps: TwoStepService
    sso: SsoService
    directory: DirectoryService
    sessions: SessionService
    editing: EditingService
    presence: SessionPresence
    handoffs: HandoffService
    claiming: ClaimingService
    holder: HolderService
    delivery: DeliveryService
    analytics: AnalyticsService
    alarms: AlarmService
    replies: ReplyService
    proposals: ProposalService
    runbooks: RunbookService
    secrets: SecretService

    def together(self, caller: Caller) -> AbstractAsyncContextManager[None]:
        """Everything that this page reads inside comes from one transaction; what starts a task of its own does not."""


def sends_mail(request: Request) -> bool:
    """Whether this server has a mail server to hand its e-mail to."""
    return bool(getattr(request.app.state, "sends_mail", False))


class SignInNeededError(Exception):
    """Nobody is signed in: the page is not shown, the sign-in page is."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in person at a page. `csrf` goes into every form."""

    caller: Caller
    token: str
    csrf: str


def services_of(request: Request) -> Services:
    """The application's services."""
    services: Services = request.app.state.services
    return services


async def visitor_or_none(request: Request) -> Visitor | None:
    """The visitor by cookie, or None."""
    token = request.cookies.get(cookie_name(request, SESSION_COOKIE))
    identity = services_of(request).identity
    caller = await identity.caller_from_cookie(token) if token else None
    return Visitor(caller, token, identity.csrf_for(token)) if caller and token else None


async def visitor(request: Request) -> Visitor:
    """The visitor; strangers are led to the sign-in page."""
    found = await visitor_or_none(request)
    if found is None:
        raise SignInNeededError
    return found


async def form_visitor(request: Request, csrf: Annotated[str, Form()] = "") -> Visitor:
    """The visitor who sent a form of ours: right origin, right anti-forgery value."""
    found = await visitor(request)
    refuse_other_origins(request)
    if not services_of(request).identity.check_csrf(found.token, csrf or request.headers.get("x-csrf-token", "")):
        raise Refusal("csrf_failed", "The page is out of date. Reload it and try again. Nothing was changed.")
    return found


def refuse_other_origins(request: Request) -> None:
    """Forms come from this server's own pages. `Origin: null` (a sandboxed page) is another origin too."""
    if "origin" in request.headers and not same_origin(request):
        raise Refusal("origin_refused", "Forms are taken from this server's own pages only. Nothing was changed.")


ServicesDep = Annotated[Services, Depends(services_of)]
VisitorDep = Annotated[Visitor, Depends(visitor)]
FormVisitor = Annotated[Visitor, Depends(form_visitor)]


def safe_next(path: str) -> str | None:
    """A path on this server, or None: two slashes, backslashes, schemes and control characters lead elsewhere."""
    if not path.startswith("/") or path.startswith("//") or "\\" in path or any(ord(sign) < 33 for sign in path):
        return None
    parts = urlsplit(path)
    return path if not parts.scheme and not parts.netloc else None


def keep_way(request: Request, response: Response, cookie: str) -> None:
    """Bind the way back from an identity provider to this browser."""
    _put(request, response, SSO_COOKIE, cookie, days=ATTEMPT_LIFE.total_seconds() / 86_400)


def way_of(request: Request) -> str:
    """The way to a provider that this browser has begun; empty where there is none."""
    return request.cookies.get(cookie_name(request, SSO_COOKIE), "")


def keep_step(request: Request, response: Response, token: str) -> None:
    """Let this browser finish the sign-in whose password was right."""
    _put(request, response, STEP_COOKIE, token, days=STEP_LIFE.total_seconds() / 86_400)


def step_of(request: Request) -> str:
    """The half-made sign-in of this browser; empty where there is none."""
    return request.cookies.get(cookie_name(request, STEP_COOKIE), "")


def keep_session(request: Request, response: Response, session: WebSession) -> None:
    """Put the sign-in into this browser's cookies."""
    _put(request, response, SESSION_COOKIE, session.token, days=0.5)
    for name in (STEP_COOKIE, SSO_COOKIE):
        if cookie_name(request, name) in request.cookies:
            _drop(request, response, name)
    if session.trusted_cookie:
        trust_browser(request, response, session.trusted_cookie)


def trust_browser(request: Request, response: Response, cookie: str) -> None:
    """Let this browser be known again as one in which its person proved who they are."""
    _put(request, response, BROWSER_COOKIE, cookie, days=90)


def _put(request: Request, response: Response, name: str, value: str, *, days: float) -> None:
    response.set_cookie(
        cookie_name(request, name),
        value,
        int(days * 86_400),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


def drop_session(request: Request, response: Response) -> None:
    """Take the sign-in out of this browser; it stays a trusted one."""
    _drop(request, response, SESSION_COOKIE)


def _drop(request: Request, response: Response, name: str) -> None:
    response.delete_cookie(
        cookie_name(request, name), path="/", secure=is_secure(request), httponly=True, samesite="lax"
    )
