"""The tray's side of updates: what is said, what a policy holds back, and that no claim is cut off."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from desktop.net.proxy import ProxyChoice
from desktop.settings import load
from desktop.updates import state, watch
from desktop.updates.staging import NAME
from desktop.version import VERSION
from tests.support.releases import Maker, program, releasing

_HELPER = (
    "import pathlib, sys; from desktop.updates import helper; helper.ROOT = pathlib.Path(sys.argv[1]); helper.main()"
)


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Maker]:
    with releasing(tmp_path) as made:
        root = made.folder / "metadata" / "1.root.json"
        monkeypatch.setattr(watch, "ROOT", root)
        monkeypatch.setattr(watch, "_command", lambda: [sys.executable, "-c", _HELPER, str(root)])
        (made.folder / "updates").symlink_to(".")
        yield made


class Claim:
    """Whether one is under way, and how often that was asked."""

    asked = 0
    until = 0

    def busy(self) -> bool:
        self.asked += 1
        return self.asked <= self.until


def updates(
    maker: Maker, tmp_path: Path, *options: str, install: Path | None = None, claim: Claim | None = None
) -> watch.Updates:
    settings = load(server=maker.url, profile="default", data_dir=str(tmp_path / "data"), overrides=options)
    return watch.Updates(
        settings.store,
        tmp_path / "data" / "tray" / "updates",
        ca_file=None,
        server=lambda: maker.url,
        proxy=ProxyChoice,
        busy=(claim or Claim()).busy,
        install=install,
    )


async def test_a_managed_computer_is_told_who_installs_it(maker: Maker, tmp_path: Path) -> None:
    maker.publish("9.0.0")
    one = updates(maker, tmp_path)
    assert await one.look() is None
    assert one.words == "9.0.0 is out. Whoever manages this computer installs it"
    kept = state.read(tmp_path / "data" / "tray" / "updates")
    assert updates(maker, tmp_path)._state.segment == kept.segment, "the share stays, or a roll-out in steps is none"


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("update.mode=off", "Updates are switched off"),
        ("update.pin=0.1", "Up to date, checked today "),
        ("update.channel=early", "."),
    ],
)
async def test_a_policy_holds_it_back(maker: Maker, tmp_path: Path, option: str, words: str) -> None:
    maker.publish("9.0.0")
    one = updates(maker, tmp_path, option)
    await one.look()
    assert words in one.words


async def test_a_new_version_takes_its_place_between_two_claims_and_is_on_trial(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker.publish("9.0.0")
    program(tmp_path / "home", VERSION)
    install = tmp_path / "home" / NAME
    claim = Claim()
    claim.until = 3
    monkeypatch.setattr(watch, "FIRST_S", 0)
    monkeypatch.setattr(watch, "_CLAIM_LOOK_S", 0.01)
    one = updates(maker, tmp_path, install=install, claim=claim)
    async with asyncio.timeout(60):
        assert await one.run()
    assert claim.asked == 4
    assert "9.0.0" in (install / NAME).read_text()
    kept = state.read(tmp_path / "data" / "tray" / "updates")
    assert (kept.trial, kept.tries) == ("9.0.0", 0)


async def test_an_answer_that_is_none_is_told_and_changes_nothing(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_command", lambda: [sys.executable, "-c", "pass"])
    one = updates(maker, tmp_path)
    assert await one.look() is None
    assert "without an answer" in one.words


def test_a_version_that_does_not_last_twice_is_gone_back_from_for_good(tmp_path: Path) -> None:
    now = replace(state.read(tmp_path), trial="9.0.0")
    for tries in (1, 2):
        now, back = state.begun(now, "9.0.0")
        assert (now.tries, back) == (tries, False)
    now, back = state.begun(now, "9.0.0")
    assert (back, now.refused, now.trial) == (True, ("9.0.0",), "")
    state.write(tmp_path, now)
    assert state.read(tmp_path) == now
    assert state.begun(now, "8.0.0") == (now, False)
    (tmp_path / "state.json").write_text("{")
    assert 0 <= state.read(tmp_path).segment < 100
