"""The worker of one process: which work there is, who does it, how much of it at once."""

from urllib.parse import urlsplit

from backend.assistant.assessing import assistant_lane
from backend.assistant.setting import endpoint_of
from backend.audit.keeper import AuditKeeper
from backend.db.engine import Database
from backend.delivery.closing import Closing
from backend.delivery.idle import IdleClaims
from backend.delivery.invitations import Invitations
from backend.delivery.letters import Letters
from backend.delivery.mail_settings import MailServerView
from backend.delivery.mailing import LEASE_S, Mailing
from backend.delivery.sign_in_mail import ForgottenPasswords, SecurityNotices
from backend.delivery.steps import Steps
from backend.http.problems import DATABASE_DOWN
from backend.identity.forgotten import ForgottenService
from backend.jobs.job import Handler
from backend.jobs.worker import Lane, Worker
from backend.mail.sender import WHOLE_S, Mailer
from backend.mail.server import MailServer
from backend.onetime.keeper import SecretKeeper
from backend.privacy.keeper import RetentionKeeper
from backend.psa.lane import psa_lane
from backend.selfaudit.house import House
from backend.selfaudit.lane import watch_lane
from backend.settings import Settings
from backend.webhooks.handler import webhook_lane

_POLICY_PLACES = 4
_POLICY_LEASE_S = 20.0
_MAIL_PLACES = 8


def build_worker(database: Database, settings: Settings) -> Worker:
    """A worker with all lanes; nothing runs before its `start`."""
    email_after_s = settings.email_after_s
    policy = Lane(
        name="policy",
        handlers={
            "step": Steps(database, email_after_s=email_after_s),
            "idle": IdleClaims(database, email_after_s=email_after_s),
            "closed": Closing(database),
        },
        places=_POLICY_PLACES,
        lease_s=_POLICY_LEASE_S,
    )
    mailing = Mailing(database, build_mailer(settings), Letters(settings.public_url, sender(settings)))
    invitations = Invitations(
        database,
        build_mailer(settings, whole_s=LEASE_S * 0.8),  # within its lease: nothing holds it on while the mail is sent
        public_url=settings.public_url,
        mail_from=sender(settings),
        secret_key=settings.secret_key,
    )
    notices = SecurityNotices(
        database,
        build_mailer(settings, whole_s=LEASE_S * 0.8),
        public_url=settings.public_url,
        mail_from=sender(settings),
    )
    forgotten = ForgottenPasswords(database, ForgottenService(database, settings.secret_key))
    letters: dict[str, Handler] = {
        "email": mailing,
        "invite": invitations,
        "notice": notices,
        "forgotten": forgotten,
    }
    email = Lane(name="email", handlers=letters, places=_MAIL_PLACES, lease_s=LEASE_S)
    outside = [
        webhook_lane(database, settings),
        psa_lane(database, settings),
        assistant_lane(database, endpoint_of(settings)),
    ]
    lanes = [policy, email, *outside, watch_lane(database, settings)]
    chores = {
        "plan the self-audit": House(database).keep,
        "wipe secrets whose time is over": SecretKeeper(database).keep,
        "take away what is no longer kept": RetentionKeeper(database).keep,
        "keep the audit log": AuditKeeper(database, settings.data_dir).keep,
    }
    return Worker(database, lanes, away=DATABASE_DOWN, chores=chores)


def build_mailer(settings: Settings, *, whole_s: float = WHOLE_S) -> Mailer:
    """Raises MailSettingsError, in one plain sentence, for a mail server or a sender that cannot be meant."""
    server = MailServer.parse(settings.smtp_url) if settings.smtp_url else None
    return Mailer(server, sender(settings), whole_s=whole_s)


def sender(settings: Settings) -> str:
    """FLOWPILOT_MAIL_FROM, else an address at the host of the public address, so that mail goes out from the start."""
    host = urlsplit(settings.public_url).hostname or ""
    named = host.rpartition(".")[2].isalpha()  # an address in figures is no domain
    return settings.mail_from or f"flowpilot@{host if named else 'localhost'}"


def mail_server_view(settings: Settings) -> MailServerView:
    """What administrators may see of the mail settings: everything but the sign-in."""
    server = MailServer.parse(settings.smtp_url) if settings.smtp_url else None
    return MailServerView(
        host=server.where if server else None,
        sender=sender(settings),
        sender_given=settings.mail_from is not None,
        signs_in=server is not None and server.user is not None,
    )
