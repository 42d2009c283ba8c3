"""What differs by computer: keyring, browser, one app for each profile."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QApplication

from desktop.platform.browser import DefaultBrowser
from desktop.platform.keyring_store import KeyringStore
from desktop.platform.single_instance import SingleInstance


class Memory(KeyringBackend):
    """A keyring that works."""

    priority = 1

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class Forgetful(Memory):
    """Accepts and keeps nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Nothing."""


class Hanging(Memory):
    """Waits for a prompt that nobody sees."""

    def get_password(self, service: str, username: str) -> str | None:
        time.sleep(0.5)
        return super().get_password(service, username)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Any:
    def with_backend(backend: KeyringBackend) -> None:
        monkeypatch.setattr(keyring.core, "_keyring_backend", backend)

    return with_backend


async def test_a_token_is_kept_by_server_and_profile(use: Any) -> None:
    use(Memory())
    store = KeyringStore("https://flow.test", "default")
    assert await store.load() is None
    assert await store.save("fp_secret")
    assert await store.load() == "fp_secret"
    assert await KeyringStore("https://flow.test", "second").load() is None
    assert await KeyringStore("https://other.test", "default").load() is None
    assert await store.forget()
    assert await store.load() is None


async def test_a_keyring_that_forgets_is_not_trusted(use: Any) -> None:
    use(Forgetful())
    assert not await KeyringStore("https://flow.test", "default").save("fp_secret")


async def test_a_keyring_that_hangs_holds_up_nothing(use: Any) -> None:
    use(Hanging())
    began = time.monotonic()
    assert await KeyringStore("https://flow.test", "default", within_s=0.05).load() is None
    assert time.monotonic() - began < 0.4


async def test_a_plain_text_keyring_is_none(use: Any) -> None:
    plain = type("PlaintextKeyring", (Memory,), {"__module__": "keyrings.alt.file"})()
    use(plain)
    assert not await KeyringStore("https://flow.test", "default").save("fp_secret")
    assert plain.kept == {}


async def test_the_browser_of_the_environment_gets_the_whole_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = tmp_path / "opened"
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}"\n')
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{tmp_path}/missing:{script}")
    assert await DefaultBrowser().open("http://127.0.0.1:8000/go#t=a%20b&c")
    assert opened.read_text() == "http://127.0.0.1:8000/go#t=a%20b&c"


_SECOND = """
import sys
from desktop.platform.single_instance import SingleInstance
second = SingleInstance(sys.argv[1])
assert not second.claim(lambda: None)
assert second.ask_first_to_raise()
"""


async def test_a_second_start_raises_the_first(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    raised: list[bool] = []
    first = SingleInstance("default")
    assert first.claim(lambda: raised.append(True))
    other_profile = SingleInstance("other")
    assert other_profile.claim(lambda: None)
    spy = QSignalSpy(first.raised)
    second = await asyncio.create_subprocess_exec(sys.executable, "-c", _SECOND, "default")
    assert spy.count() == 1 or spy.wait(10_000)
    assert await second.wait() == 0
    assert raised == [True]
    first.release()
    other_profile.release()


def test_the_lock_of_a_killed_app_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    code = (
        "from desktop.platform.single_instance import SingleInstance; import os, signal;"
        "one = SingleInstance('default'); assert one.claim(lambda: None); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    heir = SingleInstance("default")
    assert heir.claim(lambda: None)
    heir.release()
