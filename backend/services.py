"""All services of one process, put together once; routes find them in `request.app.state.services`."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Self

from backend.analytics.service import AnalyticsService
from backend.assistant.live import LiveReplies
from backend.assistant.proposals import ProposalService
from backend.assistant.replies import ReplyService
from backend.assistant.setting import endpoint_of
from backend.assistant.writing import Writer
from backend.audit.service import AuditService
from backend.db.background import in_time
from backend.db.engine import Database
from backend.db.wakeup import Wakeup
from backend.delivery.mail_settings import EmailSettingsService
from backend.delivery.service import DeliveryService
from backend.feed.hub import FeedHub
from backend.feed.poll import polls
from backend.feed.socket import EventSockets
from backend.handoffs.claiming import ClaimingService
from backend.handoffs.first_action import FirstActionRecorder
from backend.handoffs.holder import HolderService
from backend.handoffs.leaving import LeavingService
from backend.handoffs.service import HandoffService
from backend.http.at_once import AtOnce
from backend.http.quotas import Quotas
from backend.identity.account import AccountService
from backend.identity.authorization import AuthorizationService
from backend.identity.baselines import BaselineService
from backend.identity.caller import Caller
from backend.identity.devices import DeviceService
from backend.identity.forgotten import ForgottenService
from backend.identity.invites import InviteService
from backend.identity.people import PeopleService
from backend.identity.second_factor import FactorService
from backend.identity.security import SecurityService
from backend.identity.service import IdentityService
from backend.identity.setup import SetupService
from backend.identity.tickets import TicketService
from backend.identity.two_steps import TwoStepService
from backend.jobs.worker import Worker
from backend.onetime.service import SecretService
from backend.privacy.service import PrivacyService
from backend.psa.connections import Connections
from backend.psa.hooks import HookService
from backend.psa.notes import PsaNoteService
from backend.psa.service import ConnectorService
from backend.runbooks.service import RunbookService
from backend.scim.service import DirectoryService
from backend.sealed import Sealer
from backend.selfaudit.monitor import Monitor
from backend.selfaudit.service import AlarmService
from backend.sessions.editing import EditingService
from backend.sessions.presence import SessionPresence
from backend.sessions.service import SessionService
from backend.sessions.stream import LivePages
from backend.settings import Settings
from backend.sso.provider import Providers
from backend.sso.service import SsoService
from backend.webhooks.courier import Courier
from backend.webhooks.sender import Sender
from backend.webhooks.service import WebhookService
from backend.worker import build_mailer, build_worker, mail_server_view


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One attribute per service."""

    database: Database
    wakeup: Wakeup
    identity: IdentityService
    account: AccountService
    audit: AuditService
    baselines: BaselineService
    people: PeopleService
    leaving: LeavingService
    email_settings: EmailSettingsService
    invites: InviteService
    privacy: PrivacyService
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
    holder: HolderService
    claiming: ClaimingService
    delivery: DeliveryService
    feed: FeedHub
    sockets: EventSockets
    quotas: Quotas
    polls: AtOnce
    live_pages: LivePages
    live_replies: LiveReplies
    replies: ReplyService
    proposals: ProposalService
    runbooks: RunbookService
    secrets: SecretService
    analytics: AnalyticsService
    webhooks: WebhookService
    connectors: ConnectorService
    psa_notes: PsaNoteService
    psa_hooks: HookService
    alarms: AlarmService
    monitor: Monitor
    worker: Worker | None

    @classmethod
    def build(cls, database: Database, settings: Settings) -> Self:
        """Wire the services to an open database; nothing runs before `start`."""
        identity = IdentityService(database, settings.secret_key)
        tickets = TicketService(database, identity)
        people, holder = PeopleService(database), HolderService(database, email_after_s=settings.email_after_s)
        leaving = LeavingService(database, people, holder)
        factors = FactorService(database, Sealer.build(settings))
        sessions = SessionService(database, FirstActionRecorder())
        handoffs = HandoffService(database, sessions, email_after_s=settings.email_after_s)
        endpoint = endpoint_of(settings)
        proposals = ProposalService(database, sessions, endpoint)
        writer = Writer(database, endpoint) if endpoint else None
        replies = ReplyService(database, sessions, handoffs, writer, proposals)
        sessions.listen(replies)
        delivery = DeliveryService(database)
        feed = FeedHub(database)
        connections = Connections.of(settings)
        private, live_pages = settings.webhook_allow_private == "on", LivePages()
        return cls(
            database=database,
            wakeup=database.wakeup,
            identity=identity,
            account=AccountService(database),
            audit=AuditService(database),
            baselines=BaselineService(database),
            people=people,
            leaving=leaving,
            privacy=PrivacyService(database, leaving),
            email_settings=EmailSettingsService(database, build_mailer(settings), mail_server_view(settings)),
            invites=InviteService(database, settings.secret_key),
            tickets=tickets,
            authorization=AuthorizationService(database, settings.secret_key),
            devices=DeviceService(database),
            setup=SetupService(database),
            forgotten=ForgottenService(database, settings.secret_key),
            security=SecurityService(database),
            factors=factors,
            two_steps=TwoStepService(database, identity, factors),
            directory=DirectoryService(database, people, leaving),
            sso=SsoService(
                database, identity, Sealer.build(settings), Providers(allow_private=private), settings.secret_key
            ),
            sessions=sessions,
            editing=EditingService(database, sessions, FirstActionRecorder()),
            presence=SessionPresence(database),
            handoffs=handoffs,
            holder=holder,
            claiming=ClaimingService(database, tickets),
            delivery=delivery,
            feed=feed,
            sockets=EventSockets(
                feed, identity, delivery, database.wakeup, live_pages, per_address=settings.sockets_per_address
            ),
            polls=polls(),
            quotas=Quotas(settings.quotas, processes=settings.processes),
            live_pages=live_pages,
            live_replies=LiveReplies(replies),
            replies=replies,
            proposals=proposals,
            runbooks=RunbookService(database),
            secrets=SecretService(database, sessions, Sealer.build(settings), settings.public_url),
            analytics=AnalyticsService(database),
            webhooks=WebhookService(database, Courier.build(settings), secret_key=settings.secret_key),
            connectors=ConnectorService(
                database, connections, Sender(allow_private=private), public_url=settings.public_url
            ),
            psa_notes=PsaNoteService(database),
            psa_hooks=HookService(database, connections),
            alarms=AlarmService(database, sends_mail=settings.smtp_url is not None),
            monitor=Monitor(database),
            worker=build_worker(database, settings) if settings.worker == "on" else None,
        )

    def together(self, caller: Caller) -> AbstractAsyncContextManager[None]:
        """What this task reads of the caller's account inside comes from one transaction."""
        return self.database.together(caller.account_id)

    def start(self) -> None:
        """Begin the background work: log readers, presence, revocation."""
        self.feed.start()
        self.delivery.start()
        self.sockets.start()
        self.monitor.start()
        if self.worker is not None:
            self.worker.start()

    async def stop(self) -> None:
        """End it, then give the connections back. What does not end in time is left behind, each part by itself."""
        parts = {
            "end the replies that are being written": self.replies.close,
            "give the due work back": self._end_work,
            "end the self-audit's reader": self.monitor.stop,
            "say that pages were closed": self.presence.stop,
            "end the sockets' heartbeats": self.sockets.stop,
            "say that nobody is connected here": self.delivery.stop,
            "end the readers of the event logs": self.feed.stop,
        }
        await asyncio.gather(*(in_time(end(), what=what) for what, end in parts.items()))
        await self.database.close()

    async def _end_work(self) -> None:
        if self.worker is not None:
            await self.worker.stop()
