"""What differs by computer: keyring and browser."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.platform import keyring_helper
from desktop.platform.browser import DefaultBrowser
from desktop.platform.keyring_store import KeyringStore

ROOT = Path(__file__).parents[2]


class Memory:
    """A keyring that works."""

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


class Locked(Memory):
    """Asks for a password in a window that nobody can open."""

    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError(f"prompt for {service} of {username} dismissed")


SAVE = {"do": "save", "user": "default@https://flow.test", "token": "fp_secret"}


def test_a_keyring_that_works_keeps_the_token_and_lets_it_go() -> None:
    backend = Memory()
    assert keyring_helper.serve(SAVE, backend) == {"ok": True, "token": None}
    assert keyring_helper.serve({**SAVE, "do": "get"}, backend) == {"ok": True, "token": "fp_secret"}
    assert keyring_helper.serve({**SAVE, "do": "forget"}, backend) == {"ok": True, "token": None}
    assert backend.kept == {}


@pytest.mark.parametrize("backend", [Forgetful(), Locked()])
def test_a_keyring_that_forgets_or_stays_locked_is_not_trusted(backend: Memory) -> None:
    assert keyring_helper.serve(SAVE, backend)["ok"] is False


def test_a_plain_text_keyring_gets_nothing_to_write() -> None:
    plain = type("PlaintextKeyring", (Memory,), {"__module__": "keyrings.alt.file"})()
    chain = type(
        "ChainerBackend", (Memory,), {"__module__": "keyring.backends.chainer", "backends": [Memory(), plain]}
    )()
    assert keyring_helper.serve(SAVE, plain)["ok"] is False
    assert keyring_helper.serve(SAVE, chain)["ok"] is False
    assert plain.kept == chain.kept == {}


_BACKEND = """
import json, pathlib, sys, time
from keyring.backend import KeyringBackend

KEPT = pathlib.Path(__file__).with_name("kept.json")


class Filed(KeyringBackend):
    priority = 1

    def _all(self):
        return json.loads(KEPT.read_text()) if KEPT.exists() else {}

    def get_password(self, service, username):
        return self._all().get(username)

    def set_password(self, service, username, password):
        KEPT.write_text(json.dumps({**self._all(), username: password}))

    def delete_password(self, service, username):
        KEPT.write_text(json.dumps({k: v for k, v in self._all().items() if k != username}))


class Hanging(Filed):
    def get_password(self, service, username):
        time.sleep(60)
"""


@pytest.fixture
def keyring_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Choose the keyring of the helper process."""
    (tmp_path / "keyrings_here.py").write_text(_BACKEND)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    return lambda name: monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"keyrings_here.{name}")


async def test_a_token_is_kept_by_server_and_profile(keyring_named: Callable[[str], None]) -> None:
    keyring_named("Filed")
    store = KeyringStore("https://flow.test", "default")
    assert await store.load() is None
    assert await store.save("fp_secret")
    assert await store.load() == "fp_secret"
    assert await KeyringStore("https://flow.test", "second").load() is None
    assert await KeyringStore("https://other.test", "default").load() is None
    assert await store.forget()
    assert await store.load() is None


async def test_a_keyring_that_hangs_holds_up_nothing(keyring_named: Callable[[str], None]) -> None:
    keyring_named("Hanging")
    began = time.monotonic()
    assert await KeyringStore("https://flow.test", "default", within_s=1).load() is None
    assert time.monotonic() - began < 30


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
