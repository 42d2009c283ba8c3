"""The signed word on releases, as installed apps believe it: a TUF repository of plain files, for any web server.

    python packaging/updates/repository.py keys --keys DIR                  makes the keys; keep the three roots offline
    python packaging/updates/repository.py begin --keys DIR --repo REPO    signs the root; no release yet
    python packaging/updates/repository.py publish --keys DIR --repo REPO --channel early --rollout 100 FILE...
    python packaging/updates/repository.py rollout --keys DIR --repo REPO --channel stable --rollout 25
    python packaging/updates/repository.py refresh --keys DIR --repo REPO   signs anew what runs out soon; weekly
    python packaging/updates/repository.py rotate --keys DIR --repo REPO --role targets

`REPO/metadata/1.root.json` is what FLOWPILOT_UPDATE_ROOT names when the app is built: the pinned root. REPO as a whole
is what a server offers under /updates. Keys are PEM files of mode 0600; publishing needs none of the roots.
"""

import argparse
import json
import os
import re
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

ROOTS: Final = ("root-1", "root-2", "root-3")
THRESHOLD: Final = 2
"""So many of the roots sign who may sign the rest; the third may be out of reach, or lost."""
ONLINE: Final = ("targets", "snapshot", "timestamp")
LASTS: Final = {
    "root": timedelta(days=730),
    "targets": timedelta(days=180),
    "snapshot": timedelta(days=90),
    "timestamp": timedelta(days=30),
}
RENEWED: Final = timedelta(days=90)
"""`refresh` signs the list of releases anew too when it runs out within so long."""
CHANNELS: Final = ("stable", "early")
_FILE: Final = re.compile(r"flowpilot-tray-(\d+\.\d+\.\d+)-([a-z]+-[a-z0-9_]+)\.tar\.xz")


def make_keys(folder: Path) -> None:
    """One key per role, three for the root. Raises FileExistsError rather than replace one."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in (*ROOTS, *ONLINE):
        _new_key(folder, name)


class Repository:
    """The files of one repository, and the keys at hand."""

    def __init__(self, folder: Path, keys: Path) -> None:
        self._folder = folder
        self._keys = keys

    def begin(self) -> None:
        """Version 1 of everything, with no release. Raises ValueError rather than begin anew: apps would refuse it."""
        if (self._folder / "metadata" / "timestamp.json").exists():
            raise ValueError(f"there is a repository in {self._folder} already")
        for part in ("metadata", "targets"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        root = Root(expires=_in("root"), consistent_snapshot=True)
        for name in ROOTS:
            root.add_key(self._signer(name).public_key, "root")
        root.roles["root"].threshold = THRESHOLD
        for role in ONLINE:
            root.add_key(self._signer(role).public_key, role)
        self._write(Metadata(root), "root", ROOTS)
        self._write(Metadata(Targets(expires=_in("targets"))), "targets")
        self._write(Metadata(Snapshot(expires=_in("snapshot"))), "snapshot")
        self._write(Metadata(Timestamp(expires=_in("timestamp"))), "timestamp")

    def publish(self, channel: str, rollout: int, files: list[Path]) -> None:
        """A channel's newest release is these files, all of one version. Raises ValueError for names that say none."""
        named = {match[2]: (match[1], path) for path in files if (match := _FILE.fullmatch(path.name))}
        versions = {version for version, _ in named.values()}
        if len(named) != len(files) or len(versions) != 1:
            raise ValueError(
                "the files must be named flowpilot-tray-VERSION-SYSTEM.tar.xz, of one version and each system"
            )
        _checked_share(rollout)
        for _, path in named.values():
            self._add(path.name, path)
        self._describe(channel, versions.pop(), rollout, {system: path.name for system, (_, path) in named.items()})

    def rollout(self, channel: str, share: int) -> None:
        """Offer the channel's release to this share of the installations, in percent."""
        now = self.described(channel)
        self._describe(channel, now["version"], share, now["files"])

    def refresh(self) -> None:
        """Sign snapshot and timestamp anew, and what runs out soon, so that apps do not take silence for an attack."""
        targets: Metadata[Targets] = self._read("targets")
        self._sign_all(targets if targets.signed.expires < datetime.now(UTC) + RENEWED else None)

    def rotate(self, role: str) -> None:
        """Another key for an online role, vouched for by two root keys; the old one counts no more.

        Raises ValueError, and changes nothing, where fewer root keys are at hand.
        """
        root: Metadata[Root] = self._read("root")
        roots = tuple(name for name in ROOTS if (self._keys / f"{name}.pem").exists())
        if len(roots) < THRESHOLD:
            raise ValueError(f"{THRESHOLD} of {', '.join(ROOTS)} are needed in {self._keys}")
        for name in roots:
            self._signer(name)  # one that cannot be read is found before anything has changed
        (self._keys / f"{role}.pem").rename(self._keys / f"{role}-{root.signed.version}.pem")
        for keyid in list(root.signed.roles[role].keyids):
            root.signed.revoke_key(keyid, role)
        _new_key(self._keys, role)
        root.signed.add_key(self._signer(role).public_key, role)
        root.signed.version += 1
        root.signed.expires = _in("root")
        self._write(root, "root", roots)
        targets: Metadata[Targets] = self._read("targets")
        self._sign_all(targets)

    def described(self, channel: str) -> dict[str, Any]:
        """What the channel's release says."""
        targets: Metadata[Targets] = self._read("targets")
        found = targets.signed.targets[f"{channel}.json"]
        content = (self._folder / "targets" / f"{found.hashes['sha256']}.{channel}.json").read_bytes()
        described: dict[str, Any] = json.loads(content)
        return described

    def _describe(self, channel: str, version: str, share: int, files: dict[str, str]) -> None:
        _checked_share(share)
        content = json.dumps({"version": version, "rollout": share, "files": files}, sort_keys=True).encode()
        path = self._folder / f".{channel}.json"
        path.write_bytes(content)
        try:
            targets = self._add(f"{channel}.json", path)
        finally:
            path.unlink()
        self._sign_all(targets)

    def _add(self, name: str, path: Path) -> "Metadata[Targets]":
        targets: Metadata[Targets] = self._read("targets")
        found = TargetFile.from_file(name, str(path), ["sha256"])
        shutil.copyfile(path, self._folder / "targets" / f"{found.hashes['sha256']}.{name}")
        targets.signed.targets[name] = found
        self._write(targets, "targets")
        return targets

    def _sign_all(self, targets: "Metadata[Targets] | None") -> None:
        """Timestamp last: nothing of a publication counts before it is there."""
        snapshot: Metadata[Snapshot] = self._read("snapshot")
        timestamp: Metadata[Timestamp] = self._read("timestamp")
        if targets is not None:
            targets.signed.version += 1
            targets.signed.expires = _in("targets")
            self._write(targets, "targets")
            snapshot.signed.meta["targets.json"] = MetaFile(version=targets.signed.version)
        for part, role in ((snapshot, "snapshot"), (timestamp, "timestamp")):
            part.signed.version += 1
            part.signed.expires = _in(role)
            if role == "timestamp":
                timestamp.signed.snapshot_meta = MetaFile(version=snapshot.signed.version)
            self._write(part, role)

    def _read(self, role: str) -> "Metadata[Any]":
        """The newest version of one part."""
        if role == "timestamp":
            return Metadata.from_file(str(self._folder / "metadata" / "timestamp.json"))
        found = sorted(
            (self._folder / "metadata").glob(f"*.{role}.json"), key=lambda path: int(path.name.split(".")[0])
        )
        if not found:
            raise ValueError(f"there is no repository in {self._folder} yet: begin")
        return Metadata.from_file(str(found[-1]))

    def _write(self, part: "Metadata[Any]", role: str, signers: tuple[str, ...] = ()) -> None:
        part.signatures.clear()
        for name in signers or (role,):
            part.sign(self._signer(name), append=True)
        name = "timestamp.json" if role == "timestamp" else f"{part.signed.version}.{role}.json"
        path = self._folder / "metadata" / name
        new = path.with_name(f".{name}.new")
        new.write_bytes(part.to_bytes(JSONSerializer(compact=False)))
        new.replace(path)

    def _signer(self, name: str) -> CryptoSigner:
        return CryptoSigner(load_pem_private_key((self._keys / f"{name}.pem").read_bytes(), None))


def _checked_share(share: int) -> None:
    if not 0 <= share <= 100:
        raise ValueError("a share is from 0 to 100 percent")


def _new_key(folder: Path, name: str) -> None:
    content = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    number = os.open(folder / f"{name}.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "wb") as file:
        file.write(content)


def _in(role: str) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + LASTS[role]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("do", choices=("keys", "begin", "publish", "rollout", "refresh", "rotate"))
    parser.add_argument("--keys", type=Path, required=True)
    parser.add_argument("--repo", type=Path)
    parser.add_argument("--channel", choices=CHANNELS, default="early")
    parser.add_argument("--rollout", type=int, default=100)
    parser.add_argument("--role", choices=ONLINE, default="targets")
    parser.add_argument("files", type=Path, nargs="*")
    options = parser.parse_intermixed_args()
    if options.do == "keys":
        make_keys(options.keys)
        return 0
    if options.repo is None:
        parser.error("--repo is needed")
    repository = Repository(options.repo, options.keys)
    try:
        match options.do:
            case "begin":
                repository.begin()
            case "publish":
                repository.publish(options.channel, options.rollout, options.files)
            case "rollout":
                repository.rollout(options.channel, options.rollout)
            case "refresh":
                repository.refresh()
            case _:
                repository.rotate(options.role)
    except (ValueError, OSError, KeyError) as exc:
        print(f"{exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
