"""The program's settings: environment, then `.env`, then `flowpilot.toml`, both in the data directory.

`Settings.from_environment()` is the only way in. A setting that cannot be meant raises SettingsError, whose text is one
plain sentence that names the setting. Secrets never appear in `repr`.
"""

import contextlib
import ipaddress
import os
import re
import secrets
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

import platformdirs

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["console", "json"]
Migrate = Literal["auto", "never"]
OnOff = Literal["on", "off"]
_Word = TypeVar("_Word", bound=str)

LOG_LEVELS: Final[tuple[LogLevel, ...]] = ("debug", "info", "warning", "error")
LOG_FORMATS: Final[tuple[LogFormat, ...]] = ("console", "json")
MIGRATE_WAYS: Final[tuple[Migrate, ...]] = ("auto", "never")
ON_OFF: Final[tuple[OnOff, ...]] = ("on", "off")

NAMES: Final = (
    "FLOWPILOT_DATABASE_URL",
    "FLOWPILOT_PUBLIC_URL",
    "FLOWPILOT_SECRET_KEY",
    "FLOWPILOT_FORMER_SECRET_KEY",
    "FLOWPILOT_SMTP_URL",
    "FLOWPILOT_MAIL_FROM",
    "FLOWPILOT_EVENT_BUS",
    "FLOWPILOT_LLM_BASE_URL",
    "FLOWPILOT_LLM_MODEL",
    "FLOWPILOT_LLM_API_KEY",
    "FLOWPILOT_LLM_TIMEOUT_S",
    "FLOWPILOT_EMAIL_AFTER_S",
    "FLOWPILOT_LOG_LEVEL",
    "FLOWPILOT_LOG_FORMAT",
    "FLOWPILOT_DB_WAIT_S",
    "FLOWPILOT_MIGRATE",
    "FLOWPILOT_WORKER",
    "FLOWPILOT_WEBHOOK_ALLOW_PRIVATE",
    "FLOWPILOT_CANARY_EVERY_S",
    "FLOWPILOT_INSTALLERS_DIR",
    "FLOWPILOT_TRUSTED_PROXIES",
    "FLOWPILOT_REQUEST_WITHIN_S",
    "FLOWPILOT_SOCKETS_PER_ADDRESS",
    "FLOWPILOT_QUOTAS",
)
LOOPBACK_PROXIES: Final = "127.0.0.1,::1"
DEFAULT_PUBLIC_URL: Final = "http://127.0.0.1:8000"
_SECRET_KEY_FILE = "secret.key"  # noqa: S105 - a file name
_SECRET_KEY_CHARACTERS = 32


class SettingsError(Exception):
    """A setting that cannot be used; the text is one plain sentence that names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the backend is told from outside. Durations in seconds; None where a part is not configured.

    `database_url` is None only where the embedded PostgreSQL is to be used and has not been started.
    """

    data_dir: Path
    database_url: str | None = field(default=None, repr=False)
    public_url: str = DEFAULT_PUBLIC_URL
    public_url_given: bool = False
    served_at: str | None = None
    """What `serve` found out about itself, for its workers: `http://host:port` as this machine reaches it."""
    processes: int = 1
    """How many processes `serve --workers` made: each grants its part of an account's quotas."""
    secret_key: str = field(default="", repr=False)
    former_secret_key: str | None = field(default=None, repr=False)
    """The key before `secret_key`: opens what was sealed under it, until it is sealed anew."""
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str | None = None
    event_bus: str = field(default="postgres", repr=False)
    """What wakes other processes: `postgres`, or `nats://USER:PASSWORD@HOST:PORT`, several with commas between."""
    llm_base_url: str | None = None
    llm_model: str | None = None
    llm_api_key: str | None = field(default=None, repr=False)
    llm_timeout_s: float = 30.0
    """The longest silence of the model before and within an answer; an answer may take four times as long."""
    email_after_s: float = 15.0
    log_level: LogLevel = "info"
    log_format: LogFormat = "console"
    db_wait_s: float = 60.0
    migrate: Migrate = "auto"
    worker: OnOff = "on"
    """Whether `serve` does the due work too; `off` where `flowpilot worker` runs beside it."""
    webhook_allow_private: OnOff = "off"
    """Whether webhooks may use http and lead to addresses that are not on the public internet."""
    canary_every_s: float = 60.0
    """How often an escalation of the server's own goes the whole way; 0 is never."""
    installers_dir: Path | None = None
    """Where the desktop app's installers lie, for people to download."""
    trusted_proxies: str = LOOPBACK_PROXIES
    """Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: addresses and networks with commas between."""

    request_within_s: float = 60.0
    """How long a request may take to arrive; a connection that sends a byte now and then is hung up on."""
    sockets_per_address: int = 2_000
    """Event streams that one network address may have open in one process; this machine's own are not counted."""

    quotas: str = ""
    """How much of what is expensive one account may ask for: `escalation=3000/minute,export=60/minute`."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the settings; makes the data directory's secret key when none is given.

        Raises SettingsError for a value that cannot be used and for a data directory that cannot be written.
        """
        environment = os.environ if environment is None else environment
        data_dir = data_directory(environment)
        values = _gather(data_dir, environment)
        given_key = values.get("FLOWPILOT_SECRET_KEY")
        public_url = _web_url("FLOWPILOT_PUBLIC_URL", values.get("FLOWPILOT_PUBLIC_URL"))
        served_at = environment.get("FLOWPILOT_SERVED_AT")
        if given_key is not None and len(given_key) < _SECRET_KEY_CHARACTERS:
            raise SettingsError(
                f"FLOWPILOT_SECRET_KEY must have at least {_SECRET_KEY_CHARACTERS} characters: "
                "leave it out and one is made in the data directory"
            )
        return cls(
            data_dir=data_dir,
            database_url=_database_url(values.get("FLOWPILOT_DATABASE_URL")),
            public_url=public_url or served_at or DEFAULT_PUBLIC_URL,
            public_url_given=public_url is not None,
            served_at=served_at,
            processes=int(environment.get("FLOWPILOT_PROCESSES", "1")),
            secret_key=given_key or _kept_secret_key(data_dir),
            former_secret_key=values.get("FLOWPILOT_FORMER_SECRET_KEY"),
            smtp_url=_smtp_url(values.get("FLOWPILOT_SMTP_URL")),
            mail_from=_mail_from(values.get("FLOWPILOT_MAIL_FROM")),
            event_bus=_event_bus(values.get("FLOWPILOT_EVENT_BUS")),
            llm_base_url=_web_url("FLOWPILOT_LLM_BASE_URL", values.get("FLOWPILOT_LLM_BASE_URL")),
            llm_model=values.get("FLOWPILOT_LLM_MODEL"),
            llm_api_key=values.get("FLOWPILOT_LLM_API_KEY"),
            llm_timeout_s=_seconds("FLOWPILOT_LLM_TIMEOUT_S", values, 30.0, most=600.0),
            email_after_s=_seconds("FLOWPILOT_EMAIL_AFTER_S", values, 15.0, most=86_400.0),
            log_level=_one_of("FLOWPILOT_LOG_LEVEL", values, LOG_LEVELS, "info"),
            log_format=_one_of("FLOWPILOT_LOG_FORMAT", values, LOG_FORMATS, "console"),
            db_wait_s=_seconds("FLOWPILOT_DB_WAIT_S", values, 60.0, most=86_400.0),
            migrate=_one_of("FLOWPILOT_MIGRATE", values, MIGRATE_WAYS, "auto"),
            worker=_one_of("FLOWPILOT_WORKER", values, ON_OFF, "on"),
            webhook_allow_private=_one_of("FLOWPILOT_WEBHOOK_ALLOW_PRIVATE", values, ON_OFF, "off"),
            canary_every_s=_seconds("FLOWPILOT_CANARY_EVERY_S", values, 60.0, most=86_400.0),
            installers_dir=_folder(values.get("FLOWPILOT_INSTALLERS_DIR")),
            request_within_s=_seconds("FLOWPILOT_REQUEST_WITHIN_S", values, 60.0, most=3_600.0, least=1.0),
            sockets_per_address=int(
                _seconds("FLOWPILOT_SOCKETS_PER_ADDRESS", values, 2_000.0, most=100_000.0, least=1.0, of="connections")
            ),
            quotas=_quotas(values.get("FLOWPILOT_QUOTAS", "")),
            trusted_proxies=_networks("FLOWPILOT_TRUSTED_PROXIES", values.get("FLOWPILOT_TRUSTED_PROXIES")),
        )


def data_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Return the data directory: FLOWPILOT_DATA_DIR, else /var/lib/flowpilot for root, else the user's own."""
    environment = os.environ if environment is None else environment
    named = environment.get("FLOWPILOT_DATA_DIR")
    if named:
        return Path(named).expanduser().absolute()
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/flowpilot")
    return Path(platformdirs.user_data_dir("flowpilot", appauthor=False))


def _gather(data_dir: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Merge the three sources; an empty value counts as not given."""
    values = _read_toml(data_dir / "flowpilot.toml")
    values.update(_read_env_file(data_dir / ".env"))
    values.update({name: environment[name] for name in NAMES if name in environment})
    return {name: value.strip() for name, value in values.items() if value.strip()}


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _read_toml(path: Path) -> dict[str, str]:
    """Read `database_url = "…"` or `FLOWPILOT_DATABASE_URL = "…"`; a name that is no setting is refused."""
    try:
        table = tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    values: dict[str, str] = {}
    for key, value in table.items():
        name = key if key.startswith("FLOWPILOT_") else f"FLOWPILOT_{key.upper()}"
        if name not in NAMES:
            raise SettingsError(f"{path} names a setting that does not exist: {key}")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise SettingsError(f"{path}: {key} must be a text or a number")
        values[name] = str(value)
    return values


def _read_env_file(path: Path) -> dict[str, str]:
    """Read NAME=value lines; `export`, quotes around the value, blank lines and # lines are understood."""
    values: dict[str, str] = {}
    for number, raw in enumerate(_read_text(path).splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name.isidentifier():
            raise SettingsError(f"{path}, line {number}: not of the form NAME=value")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        if name in NAMES:
            values[name] = value
    return values


def _database_url(value: str | None) -> str | None:
    if value is None:
        return None
    if urlsplit(value).scheme not in {"postgresql", "postgres"}:
        raise SettingsError("FLOWPILOT_DATABASE_URL must begin with postgresql://")
    try:
        path = urlsplit(value).path.strip("/")
        _ = urlsplit(value).port
    except ValueError as error:
        raise SettingsError(f"FLOWPILOT_DATABASE_URL: {error}") from error
    if not path and "dbname" not in parse_qs(urlsplit(value).query):
        raise SettingsError("FLOWPILOT_DATABASE_URL must name the database: postgresql://USER:PASSWORD@HOST/DATABASE")
    return value


def _web_url(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    wrong = f"{name} must be an address such as https://flowpilot.example.com"
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise SettingsError(wrong) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(wrong)
    return value.rstrip("/")


def _smtp_url(value: str | None) -> str | None:
    if value is not None and (urlsplit(value).scheme not in {"smtp", "smtps"} or not urlsplit(value).hostname):
        raise SettingsError("FLOWPILOT_SMTP_URL must be smtp://USER:PASSWORD@HOST:PORT or smtps://…")
    return value


def _mail_from(value: str | None) -> str | None:
    if value is not None and "@" not in value:
        raise SettingsError("FLOWPILOT_MAIL_FROM must be a mail address")
    return value


def _event_bus(value: str | None) -> str:
    """Whether the addresses can be meant; whether anybody answers there is never a reason not to start."""
    if value is None or value == "postgres":
        return "postgres"
    try:
        parts = [urlsplit(one.strip()) for one in value.split(",")]
        if all(part.scheme in {"nats", "tls"} and part.hostname and part.port != 0 for part in parts):
            return value
    except ValueError:  # a port that is no number, told below without the address: a password may stand in it
        pass
    raise SettingsError("FLOWPILOT_EVENT_BUS must be 'postgres' or nats://HOST:PORT, several with commas between")


def _quotas(value: str) -> str:
    form = r"\s*(escalation|export)\s*=\s*[1-9]\d{0,7}\s*/\s*(second|minute|hour|day)\s*"
    if value and not re.fullmatch(rf"{form}(,{form})*", value):
        raise SettingsError("FLOWPILOT_QUOTAS must be like escalation=3000/minute,export=60/minute")
    return value


def _networks(name: str, value: str | None) -> str:
    """Addresses and networks, each checked: a slip would make everybody's address the proxy's."""
    if value is None:
        return LOOPBACK_PROXIES
    try:
        return ",".join(str(ipaddress.ip_network(part.strip())) for part in value.split(","))
    except ValueError as error:
        raise SettingsError(f"{name} must be addresses or networks such as 172.30.86.0/24: {error}") from error


def _folder(value: str | None) -> Path | None:
    return Path(value).expanduser().absolute() if value is not None else None


def _seconds(
    name: str, values: Mapping[str, str], default: float, *, most: float, least: float = 0.0, of: str = "seconds"
) -> float:
    text = values.get(name)
    if text is None:
        return default
    with contextlib.suppress(ValueError):
        number = float(text)
        if least <= number <= most:
            return number
    raise SettingsError(f"{name} must be a number of {of} from {least:.0f} to {most:.0f}")


def _one_of(name: str, values: Mapping[str, str], known: tuple[_Word, ...], default: _Word) -> _Word:
    text = values.get(name)
    if text is None:
        return default
    for word in known:
        if word == text.lower():
            return word
    raise SettingsError(f"{name} must be one of {', '.join(known)}")


def _kept_secret_key(data_dir: Path) -> str:
    """Return the data directory's key, made on first use; several processes may ask at once and get the same."""
    path = data_dir / _SECRET_KEY_FILE
    try:
        if not path.exists():
            data_dir.mkdir(parents=True, mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
            # Complete under another name first, then linked: a reader never sees half a key, and the first one wins.
            with tempfile.NamedTemporaryFile("w", dir=data_dir, prefix=".key-") as fresh:
                fresh.write(secrets.token_urlsafe(48))
                fresh.flush()
                os.fsync(fresh.fileno())
                with contextlib.suppress(FileExistsError):
                    os.link(fresh.name, path)
        key = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise SettingsError(
            f"the data directory {data_dir} is not writable ({error.strerror or error}): "
            "choose another with --data-dir or FLOWPILOT_DATA_DIR"
        ) from error
    if len(key) < _SECRET_KEY_CHARACTERS:
        raise SettingsError(f"{path} does not hold a key: remove the file and a new one is made")
    return key
