"""Signing out of the tray app, and coming back to a sign-in that ended meanwhile: on a real server, with a keyring."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from desktop.core.ports import SignInWatcher
from desktop.desk import Desk
from desktop.platform.keyring_store import KeyringStore
from desktop.settings import load
from desktop.signing_in import IN_KEYRING, NOBODY, UNKNOWN_SETUP, Credential, SigningIn
from tests.conftest import Http, StartServer
from tests.desktop.rig import Recorder
from tests.support.flow import Owner
from tests.support.pairing import paired
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.setup_code import made

ROOT = Path(__file__).parents[2]
_KEYRING = """
import json, pathlib
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
"""


class Screen(Recorder):
    """The recorder, with the sign-in window's part."""

    set_up_for = ""

    def sign_in_busy(self) -> None: ...
    def sign_in_waiting(self, url: str, code: str, seconds: float) -> None: ...
    def sign_in_failed(self, text: str) -> None: ...
    def signed_in(self) -> None: ...

    def sign_in_for(self, text: str) -> None:
        self.set_up_for = text
        self._tell()


class Tray:
    """What the app is to signing in: a desk that is replaced."""

    def __init__(self, server: str, folder: Path, *options: str) -> None:
        self.screen = Screen()
        self.desk: Desk | None = None
        self.ended: list[int] = []
        self._work: set[asyncio.Task[None]] = set()
        self.signing_in = SigningIn(
            load(server=server, profile="default", data_dir=str(folder), overrides=options),
            self.screen,
            open_desk=self._open,
            desk=lambda: self.desk,
            start=self._start,
            give_up=self.ended.append,
        )

    def _open(self, credential: Credential, watcher: SignInWatcher) -> None:
        self.desk = Desk(
            credential=credential,
            save=self.signing_in.save,
            ca_file=None,
            screen=self.screen,
            toasts=self.screen,
            trace=self.screen,
            watcher=watcher,
        )
        self.desk.start()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._work.add(task)
        return task

    async def marked(self, name: str) -> None:
        await self.screen.until(lambda: any(mark == name for mark, _ in self.screen.marks))

    async def stop(self) -> None:
        await asyncio.gather(*self._work)
        if self.desk is not None:
            await self.desk.stop()


@pytest.fixture(autouse=True)
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keyrings_here.py").write_text(_KEYRING)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyrings_here.Filed")


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]]) -> Crew:
    return await people()


@pytest.fixture
async def trays(tmp_path: Path) -> AsyncIterator[Callable[[str], Tray]]:
    made: list[Tray] = []

    def make(server: str) -> Tray:
        made.append(Tray(server, tmp_path))
        return made[-1]

    yield make
    for tray in made:
        await tray.stop()


async def test_signing_out_ends_it_at_the_server_in_the_keyring_and_here(
    server: Server, crew: Crew, http: Http, trays: Callable[[str], Tray], database_url: str
) -> None:
    ring = KeyringStore(server.url, "default")
    await ring.save((await paired(server, crew.engineer, http()))["refresh_token"])
    tray = trays(server.url)
    await tray.signing_in.begin(None)
    await tray.marked("live")
    assert (tray.signing_in.kept, tray.screen.sign_in_asked) == (IN_KEYRING, 0)
    await tray.signing_in.sign_out()
    assert await ring.load() is None
    assert await Owner(database_url).value("SELECT revoked_why FROM device") == "signed_out"
    assert (tray.signing_in.kept, tray.signing_in.signed_in, tray.screen.sign_in_asked) == (NOBODY, False, 1)
    assert tray.screen.queue.connection.state == "signed_out"
    assert tray.screen.toasts == {}, "who signs out knows it"


async def test_signing_out_while_the_server_is_away_forgets_here_and_says_what_is_left_to_do(
    start_server: StartServer, crew: Crew, http: Http, trays: Callable[[str], Tray]
) -> None:
    server = await start_server()
    ring = KeyringStore(server.url, "default")
    await ring.save((await paired(server, crew.engineer, http(at=server)))["refresh_token"])
    tray = trays(server.url)
    await tray.signing_in.begin(None)
    await tray.marked("live")
    await asyncio.to_thread(server.stop)
    await tray.signing_in.sign_out()
    assert await ring.load() is None
    await tray.screen.until(lambda: "notice" in tray.screen.toasts)
    assert tray.screen.toasts["notice"].body.startswith("The server could not be told.")


async def test_a_sign_in_that_ended_while_the_app_was_off_asks_once_and_loudly(
    server: Server, crew: Crew, http: Http, trays: Callable[[str], Tray]
) -> None:
    ring = KeyringStore(server.url, "default")
    token = (await paired(server, crew.engineer, http()))["refresh_token"]
    await ring.save(token)
    await http().post("/oauth/revoke", data={"client_id": "flowpilot-tray", "token": token})
    tray = trays(server.url)
    await tray.signing_in.begin(None)
    await tray.marked("signed_out")
    await tray.screen.until(lambda: "notice" in tray.screen.toasts)
    loud = tray.screen.toasts["notice"]
    assert (loud.title, loud.urgent, loud.sound, loud.stays_s) == ("FlowPilot: signed out", True, True, None)
    assert tray.screen.sign_in_asked == 1
    async with asyncio.timeout(20):
        while await ring.load() is not None:
            pass
    assert tray.desk is not None
    tray.desk.controller.toast_pressed("notice", "open_queue")
    assert tray.screen.sign_in_asked == 2, "the button of the notice leads to the window"


async def test_a_personal_access_token_works_as_before(
    server: Server, crew: Crew, trays: Callable[[str], Tray]
) -> None:
    tray = trays(server.url)
    await tray.signing_in.begin(crew.engineer.token)
    await tray.marked("live")
    ring = KeyringStore(server.url, "default")
    async with asyncio.timeout(20):
        while await ring.load() != crew.engineer.token:
            pass
    assert tray.ended == []


async def test_a_rolled_out_computer_says_whom_it_is_set_up_for_before_anybody_signs_in(
    server: Server, crew: Crew, tmp_path: Path
) -> None:
    code = await made(server, crew)
    for typed, words in ((code, "This computer is set up for Northwind MSP."), ("AAAA-AAAA-AAAA", UNKNOWN_SETUP)):
        tray = Tray(server.url, tmp_path, f"account={typed}")
        await tray.signing_in.begin(None)
        await tray.screen.until(partial(getattr, tray.screen, "set_up_for"))
        assert (tray.screen.set_up_for, tray.screen.sign_in_asked) == (words, 1)
        await tray.stop()
