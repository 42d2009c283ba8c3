"""Updates against mirrors that lie: signed by real keys, fetched over real HTTP, believed as far as is vouched for."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata

from desktop.updates.helper import PLATFORM, answer
from desktop.updates.mirror import FrozenError, Mirror, NoMirrorError, UntrustedError, UpdateError
from desktop.updates.staging import NAME, change_places, go_back
from tests.support.releases import FILE, Maker, program, releasing, tool

ROOT = Path(__file__).parents[2]


@pytest.fixture
def maker(tmp_path: Path) -> Iterator[Maker]:
    with releasing(tmp_path) as made:
        yield made


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "app"


def mirror(maker: Maker, kept: Path) -> Mirror:
    return Mirror(maker.url, maker.root, kept, verify=False, trust_env=False)


def refused(maker: Maker, kept: Path, kind: type[UpdateError]) -> None:
    """By the client, and so by both kinds of installations: one is told of nothing, the other takes nothing."""
    with pytest.raises(kind) as told:
        mirror(maker, kept).release("stable")
    assert str(told.value).endswith(".")
    install = installed(kept.parent)
    for folder in (None, str(install)):
        said = answer(question(maker, kept, install=folder), maker.root, "1.0.0")
        assert (said["state"], said["reason"]) == ("failed", str(told.value))
    assert "1.0.0" in (install / NAME).read_text()
    assert not list(install.parent.glob(".*"))


def test_what_is_published_is_what_is_fetched(maker: Maker, kept: Path) -> None:
    archive = maker.publish("1.1.0", share=25)
    here = mirror(maker, kept)
    release = here.release("stable")
    assert (release.version, release.rollout) == ("1.1.0", 25)
    assert here.fetch(release.files[PLATFORM]).read_bytes() == archive.read_bytes()
    with pytest.raises(NoMirrorError, match="no release"):
        mirror(maker, kept).release("early")
    maker.repository.rollout("stable", 60)
    assert mirror(maker, kept).release("stable").rollout == 60


def test_the_commands_of_the_documentation_publish(
    maker: Maker, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = str(program(tmp_path / "made", "1.1.0"))
    common = ["--keys", str(maker.keys), "--repo", str(maker.folder), "--channel", "stable"]
    for words in (["publish", *common, archive], ["rollout", *common, "--rollout", "10"], ["refresh", *common]):
        monkeypatch.setattr(sys, "argv", ["repository.py", *words])
        assert tool().main() == 0
    assert (release := mirror(maker, kept).release("stable")).version == "1.1.0"
    assert release.rollout == 10


def test_an_older_state_is_refused(maker: Maker, kept: Path) -> None:
    """Rollback: a version with a known hole would be offered as the newest."""
    maker.publish("1.1.0")
    old = maker.save("old")
    maker.publish("1.2.0")
    assert mirror(maker, kept).release("stable").version == "1.2.0"
    maker.put(old)
    refused(maker, kept, UntrustedError)


def test_a_frozen_state_is_not_believed_for_ever(maker: Maker, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maker.publish("1.1.0")
    monkeypatch.setitem(tool().LASTS, "timestamp", timedelta(seconds=-1))
    maker.repository.refresh()
    refused(maker, kept, FrozenError)
    monkeypatch.undo()
    maker.repository.refresh()
    assert mirror(maker, kept).release("stable").version == "1.1.0"


def test_a_mixture_of_two_states_is_refused(maker: Maker, kept: Path) -> None:
    """Mix and match: each file is signed, and together they were never released."""
    maker.publish("1.1.0")
    old = maker.save("old")
    maker.publish("1.2.0")
    newest = max((maker.folder / "metadata").glob("*.targets.json"), key=lambda path: int(path.name.split(".")[0]))
    former = max((old / "metadata").glob("*.targets.json"), key=lambda path: int(path.name.split(".")[0]))
    shutil.copyfile(former, newest)
    refused(maker, kept, UntrustedError)


def test_another_key_signs_nothing(maker: Maker, kept: Path, tmp_path: Path) -> None:
    maker.publish("1.1.0")
    for role in ("timestamp", "snapshot", "targets"):
        (maker.keys / f"{role}.pem").unlink()
    tool()._new_key(maker.keys, "targets")
    tool()._new_key(maker.keys, "snapshot")
    tool()._new_key(maker.keys, "timestamp")
    maker.publish("6.6.6")
    refused(maker, kept, UntrustedError)


def test_one_root_key_alone_changes_no_keys(maker: Maker, kept: Path) -> None:
    maker.publish("1.1.0")
    found = Metadata.from_bytes(maker.root)
    found.signed.version = 2
    found.signatures.clear()
    found.sign(tool().Repository(maker.folder, maker.keys)._signer("root-1"))
    (maker.folder / "metadata" / "2.root.json").write_bytes(found.to_bytes())
    refused(maker, kept, UntrustedError)


def test_a_key_that_was_taken_back_signs_nothing_and_its_successor_does(maker: Maker, kept: Path) -> None:
    maker.publish("1.1.0")
    assert mirror(maker, kept).release("stable").version == "1.1.0"
    stolen = (maker.keys / "targets.pem").read_bytes()
    held = [(maker.keys / f"root-{number}.pem") for number in (2, 3)]
    away = {path: path.read_bytes() for path in held}
    for path in held:
        path.unlink()
    with pytest.raises(ValueError, match="2 of root-1"):
        maker.repository.rotate("targets")
    assert (maker.keys / "targets.pem").read_bytes() == stolen, "nothing is begun that cannot be ended"
    held[0].write_bytes(away[held[0]])  # two come together; whoever has the third is on holiday
    maker.repository.rotate("targets")
    maker.publish("1.2.0")
    assert mirror(maker, kept).release("stable").version == "1.2.0"
    (maker.keys / "targets.pem").write_bytes(stolen)
    maker.publish("6.6.6")
    refused(maker, kept, UntrustedError)


@pytest.mark.parametrize("harm", ["cut", "swapped", "longer"])
def test_a_file_that_is_not_the_released_one_is_not_kept(maker: Maker, kept: Path, harm: str) -> None:
    archive = maker.publish("1.1.0")
    here = mirror(maker, kept)
    name = here.release("stable").files[PLATFORM]
    (lying,) = (maker.folder / "targets").glob(f"*.{name}")
    content = archive.read_bytes()
    if harm == "cut":
        maker.handler.cut = name
    else:
        lying.write_bytes(content[:-1] + b"!" if harm == "swapped" else content + b"!" * 4_000_000)
    with pytest.raises(UpdateError):
        here.fetch(name)
    assert not (kept / name).exists()


def test_no_mirror_and_nothing_on_it_are_told_apart_from_an_attack(maker: Maker, kept: Path) -> None:
    with pytest.raises(NoMirrorError, match="did not answer"):
        Mirror("http://127.0.0.1:9", maker.root, kept, verify=False, trust_env=False).release("stable")
    with pytest.raises(NoMirrorError, match="no updates"):
        Mirror(f"{maker.url}/nowhere", maker.root, kept, verify=False, trust_env=False).release("stable")


def question(maker: Maker, kept: Path, **changed: Any) -> dict[str, Any]:
    asked = {
        "url": maker.url,
        "folder": str(kept),
        "channel": "stable",
        "pin": "",
        "segment": 40,
        "refused": [],
        "install": None,
        "ca_file": None,
        "proxy": {"mode": "none", "url": ""},
    }
    return asked | changed


def installed(tmp_path: Path) -> Path:
    """A portable installation of 1.0.0."""
    program(tmp_path / "home", "1.0.0")
    return tmp_path / "home" / NAME


def test_a_managed_installation_is_told_and_nothing_is_fetched_for_it(maker: Maker, kept: Path) -> None:
    maker.publish("1.1.0")
    told = answer(question(maker, kept), maker.root, "1.0.0")
    assert told == {"state": "offered", "version": "1.1.0"}
    assert not list(kept.glob("*.tar.xz"))
    assert answer(question(maker, kept), maker.root, "1.1.0")["state"] == "current"
    assert answer(question(maker, kept), maker.root, "2.0.0")["state"] == "current"


@pytest.mark.parametrize(
    ("share", "asked", "state"),
    [
        (25, {"segment": 24}, "offered"),
        (25, {"segment": 25}, "current"),
        (0, {"segment": 0}, "current"),
        (100, {"pin": "1.1"}, "offered"),
        (100, {"pin": "1.0"}, "current"),
        (100, {"pin": "none of these"}, "current"),
        (100, {"refused": ["1.1.0"]}, "current"),
    ],
)
def test_bound_share_and_what_was_gone_back_from_are_kept(
    maker: Maker, kept: Path, share: int, asked: dict[str, Any], state: str
) -> None:
    maker.publish("1.1.0", share=share)
    assert answer(question(maker, kept, **asked), maker.root, "1.0.0")["state"] == state


def test_a_portable_installation_takes_the_new_version_and_can_go_back(
    maker: Maker, kept: Path, tmp_path: Path
) -> None:
    maker.publish("1.1.0")
    install = installed(tmp_path)
    told = answer(question(maker, kept, install=str(install)), maker.root, "1.0.0")
    assert (told["state"], told["version"]) == ("staged", "1.1.0")
    assert "1.0.0" in (install / NAME).read_text(), "nothing changes before the moment that the app chooses"
    change_places(Path(told["staged"]), install)
    assert "1.1.0" in (install / NAME).read_text()
    assert go_back(install)
    assert "1.0.0" in (install / NAME).read_text()
    assert {path.name for path in install.parent.iterdir()} == {NAME, FILE.format("1.0.0")}
    assert not go_back(install)


def test_a_version_that_does_not_run_here_is_thrown_away(maker: Maker, kept: Path, tmp_path: Path) -> None:
    maker.publish("1.1.0", works=False)
    install = installed(tmp_path)
    told = answer(question(maker, kept, install=str(install)), maker.root, "1.0.0")
    assert told["state"] == "failed"
    assert "does not run on this computer" in told["reason"]
    assert "1.0.0" in (install / NAME).read_text()
    assert not list(install.parent.glob(".*"))
    assert not list(kept.glob("*.tar.xz"))


def test_the_helper_answers_in_a_process_of_its_own(maker: Maker, kept: Path) -> None:
    """The tray stays small: the libraries of updates live as long as one question."""
    maker.publish("9.9.9")
    code = (
        "import sys; from desktop.updates import helper, watch; helper.ROOT = __import__('pathlib').Path(sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; sys.exit(helper.main())", str(maker.folder / "metadata" / "1.root.json")],
        input=json.dumps(question(maker, kept)),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert json.loads(done.stdout) == {"state": "offered", "version": "9.9.9"}


def test_half_a_year_without_a_release_is_no_attack(maker: Maker, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of releases runs out too: whoever refreshes each week must not see every app doubt its server."""
    monkeypatch.setitem(tool().LASTS, "targets", timedelta(days=80))
    maker.publish("1.1.0")
    monkeypatch.setitem(tool().LASTS, "targets", timedelta(days=180))
    versions = set((maker.folder / "metadata").glob("*.targets.json"))
    maker.repository.refresh()
    (renewed,) = set((maker.folder / "metadata").glob("*.targets.json")) - versions
    assert Metadata.from_file(str(renewed)).signed.expires > datetime.now(UTC) + timedelta(days=170)
    assert mirror(maker, kept).release("stable").version == "1.1.0"
    maker.repository.refresh()
    assert set((maker.folder / "metadata").glob("*.targets.json")) == {*versions, renewed}, "not before it is time"


def test_a_publication_that_is_refused_leaves_the_repository_as_it_was(maker: Maker, tmp_path: Path) -> None:
    def content() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in maker.folder.rglob("*") if path.is_file()}

    before = content()
    with pytest.raises(ValueError, match="0 to 100"):
        maker.publish("1.1.0", share=101)
    with pytest.raises(ValueError, match="already"):
        maker.repository.begin()
    assert content() == before
    with pytest.raises(ValueError, match="begin"):
        tool().Repository(tmp_path / "elsewhere", maker.keys).refresh()


def test_the_keys_are_their_owners_alone_and_none_is_replaced(maker: Maker) -> None:
    assert {path.stat().st_mode & 0o777 for path in maker.keys.iterdir()} == {0o600}
    with pytest.raises(FileExistsError):
        tool().make_keys(maker.keys)
    expires = Metadata.from_bytes(maker.root).signed.expires
    assert expires > datetime.now(UTC) + timedelta(days=700)
