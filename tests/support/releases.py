"""Who releases, with real keys, and a web server that may be made to lie."""

import functools
import importlib.util
import shutil
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

from desktop.updates.helper import PLATFORM
from desktop.updates.staging import NAME

ROOT = Path(__file__).parents[2]
FILE = f"flowpilot-tray-{{}}-{PLATFORM}.tar.xz"


@functools.cache
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("repository", ROOT / "packaging" / "updates" / "repository.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Handler(SimpleHTTPRequestHandler):
    """Plain files; `cut` names one whose answer ends in the middle."""

    cut = ""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Nothing."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        content = source.read()
        outputfile.write(content[: len(content) // 2] if self.cut and self.cut in self.path else content)


@dataclass(frozen=True, slots=True)
class Maker:
    """Whoever releases: the repository as it should be, its keys, and the mirror that gives it out."""

    folder: Path
    keys: Path
    url: str
    handler: type[Handler]

    @property
    def repository(self) -> Any:
        return tool().Repository(self.folder, self.keys)

    @property
    def root(self) -> bytes:
        return (self.folder / "metadata" / "1.root.json").read_bytes()

    def publish(self, version: str, share: int = 100, channel: str = "stable", works: bool = True) -> Path:
        archive = program(self.folder.parent / f"made-{version}", version, works=works)
        self.repository.publish(channel, share, [archive])
        return archive

    def save(self, name: str) -> Path:
        """The mirror as it is now, to be put back later."""
        return Path(shutil.copytree(self.folder, self.folder.parent / name))

    def put(self, saved: Path, *parts: str) -> None:
        """Put files of an earlier state back."""
        for path in saved.rglob("*"):
            inside = str(path.relative_to(saved))
            if path.is_file() and (not parts or any(part in inside for part in parts)):
                shutil.copyfile(path, self.folder / inside)


def program(folder: Path, version: str, *, works: bool = True) -> Path:
    """An archive as `make release` makes it, with a program that says its version."""
    made = folder / NAME
    made.mkdir(parents=True)
    (made / NAME).write_text(f"#!/bin/sh\necho {version}\nexit {0 if works else 1}\n")
    (made / NAME).chmod(0o755)
    archive = folder / FILE.format(version)
    with tarfile.open(archive, "w:xz") as file:
        file.add(made, NAME)
    return archive


@contextmanager
def releasing(tmp_path: Path) -> Iterator[Maker]:
    """A repository with no release, served on a port of its own."""
    folder, keys = tmp_path / "repo", tmp_path / "keys"
    tool().make_keys(keys)
    tool().Repository(folder, keys).begin()
    handler = type("Handler", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield Maker(folder, keys, f"http://127.0.0.1:{server.server_port}", handler)
    server.shutdown()
    thread.join()
    server.server_close()
