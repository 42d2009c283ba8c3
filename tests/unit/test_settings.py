"""Settings: what an operator writes down must be meant, found in the right order, and never shown when secret."""

from pathlib import Path

import pytest

from backend.http.origins import known_origins, origin_of
from backend.settings import Settings, SettingsError


def read(data_dir: Path, **environment: str) -> Settings:
    return Settings.from_environment({"FLOWPILOT_DATA_DIR": str(data_dir), **environment})


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert settings.database_url is None
    assert (settings.email_after_s, settings.log_level, settings.log_format) == (15.0, "info", "console")


def test_webhooks_reach_the_public_internet_only_unless_someone_says_so(tmp_path: Path) -> None:
    assert read(tmp_path).webhook_allow_private == "off"
    assert read(tmp_path, FLOWPILOT_WEBHOOK_ALLOW_PRIVATE="on").webhook_allow_private == "on"


def test_environment_wins_over_env_file_wins_over_toml(tmp_path: Path) -> None:
    (tmp_path / "flowpilot.toml").write_text(
        'log_level = "error"\nllm_model = "toml"\nFLOWPILOT_LLM_API_KEY = "toml"\n'
    )
    (tmp_path / ".env").write_text("# a comment\n\nexport FLOWPILOT_LLM_MODEL='file'\nFLOWPILOT_LLM_API_KEY=file\n")
    settings = read(tmp_path, FLOWPILOT_LLM_API_KEY="environment")
    assert (settings.log_level, settings.llm_model, settings.llm_api_key) == ("error", "file", "environment")


def test_an_empty_value_counts_as_not_set(tmp_path: Path) -> None:
    assert read(tmp_path, FLOWPILOT_DATABASE_URL="", FLOWPILOT_LOG_LEVEL=" ").database_url is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLOWPILOT_DATABASE_URL", "mysql://host/database"),
        ("FLOWPILOT_DATABASE_URL", "postgresql://host"),
        ("FLOWPILOT_DATABASE_URL", "postgresql://host:port/database"),
        ("FLOWPILOT_PUBLIC_URL", "flowpilot.example.com"),
        ("FLOWPILOT_SECRET_KEY", "short"),
        ("FLOWPILOT_SMTP_URL", "http://mail.example.com"),
        ("FLOWPILOT_MAIL_FROM", "nobody"),
        ("FLOWPILOT_EVENT_BUS", "redis://127.0.0.1:6379"),
        ("FLOWPILOT_EVENT_BUS", "nats://"),
        ("FLOWPILOT_EVENT_BUS", "nats://127.0.0.1:port"),
        ("FLOWPILOT_LLM_BASE_URL", "localhost"),
        ("FLOWPILOT_EMAIL_AFTER_S", "soon"),
        ("FLOWPILOT_EMAIL_AFTER_S", "-1"),
        ("FLOWPILOT_EMAIL_AFTER_S", "nan"),
        ("FLOWPILOT_DB_WAIT_S", "inf"),
        ("FLOWPILOT_LOG_LEVEL", "loud"),
        ("FLOWPILOT_LOG_FORMAT", "xml"),
        ("FLOWPILOT_MIGRATE", "sometimes"),
        ("FLOWPILOT_WEBHOOK_ALLOW_PRIVATE", "yes"),
        ("FLOWPILOT_CANARY_EVERY_S", "often"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=name) as refusal:
        read(tmp_path, **{name: value})
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("flowpilot.toml", "log_level = "),
        ("flowpilot.toml", 'log_levle = "info"'),
        ("flowpilot.toml", "log_level = true"),
        (".env", "FLOWPILOT_LOG_LEVEL"),
    ],
)
def test_a_file_with_a_mistake_is_named(file: str, content: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(content)
    with pytest.raises(SettingsError, match=file):
        read(tmp_path)


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        FLOWPILOT_DATABASE_URL="postgresql://u:hush@h/d",
        FLOWPILOT_SECRET_KEY="hush" * 10,
        FLOWPILOT_FORMER_SECRET_KEY="hush" * 10,
        FLOWPILOT_SMTP_URL="smtp://u:hush@h:25",
        FLOWPILOT_LLM_API_KEY="hush",
        FLOWPILOT_EVENT_BUS="nats://u:hush@127.0.0.1:4222",
    )
    assert "hush" not in repr(settings)


def test_the_key_is_made_once_for_its_owner_only_and_kept(tmp_path: Path) -> None:
    first = read(tmp_path / "new").secret_key
    kept = tmp_path / "new" / "secret.key"
    assert len(first) >= 32
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [read(tmp_path / "new").secret_key for _ in range(2)] == [first, first]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["secret.key"]


def test_a_key_file_without_a_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("\n")
    with pytest.raises(SettingsError, match=r"secret\.key does not hold a key"):
        read(tmp_path)


def test_origins_are_written_as_browsers_write_them() -> None:
    assert origin_of("HTTPS://FlowPilot.Example.com:443/app") == "https://flowpilot.example.com"
    assert origin_of("http://[::1]:8000") == "http://[::1]:8000"
    assert known_origins("https://x.example", None) == {"https://x.example"}
    assert known_origins("https://x.example", "http://10.0.0.5:8000") == {"https://x.example", "http://10.0.0.5:8000"}
    assert "http://localhost:8000" in known_origins("https://x.example", "http://127.0.0.1:8000")


def test_proxies_are_named_by_address_or_network(tmp_path: Path) -> None:
    assert read(tmp_path).trusted_proxies == "127.0.0.1,::1"
    assert read(tmp_path, FLOWPILOT_TRUSTED_PROXIES="10.0.0.5, fd00::/8").trusted_proxies == "10.0.0.5/32,fd00::/8"
    for wrong in ("proxy.example", "*", "10.0.0.1/8", "10.0.0.5,"):
        with pytest.raises(SettingsError, match="FLOWPILOT_TRUSTED_PROXIES"):
            read(tmp_path, FLOWPILOT_TRUSTED_PROXIES=wrong)


def test_a_public_address_with_a_port_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="FLOWPILOT_PUBLIC_URL"):
        read(tmp_path, FLOWPILOT_PUBLIC_URL="https://x.example:99999")
