"""What a mirror says, believed as far as the pinned root vouches for it (The Update Framework, python-tuf).

The root's keys sign who may sign the rest. A mirror, whoever runs it, can withhold and nothing else: an older state, a
frozen one, a mixture of two, another key's, a file cut off are each refused. For use in the helper process alone.

UpdateError
├── UntrustedError   something was not what the keys vouch for
├── FrozenError      the mirror's word has run out: nobody has renewed it, or somebody withholds it
└── NoMirrorError    no answer, or no updates there
"""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    RepositoryError,
)
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from desktop.updates.release import BadReleaseError, Release

METADATA: Final = "metadata"
TARGETS: Final = "targets"
_BLOCK: Final = 1 << 16
_SILENCE_S: Final = 30.0


class UpdateError(Exception):
    """The text is one plain line for people."""


class UntrustedError(UpdateError):
    """Something was not what the keys vouch for."""


class FrozenError(UpdateError):
    """The mirror's word has run out."""


class NoMirrorError(UpdateError):
    """No answer, or no updates there."""


class _Fetcher(FetcherInterface):
    """Fetches as everything else here does: the same proxy, the same certificates."""

    def __init__(self, verify: ssl.SSLContext | bool, **options: Any) -> None:  # noqa: FBT001 - as the client takes it
        self._verify = verify
        self._options = options

    def _fetch(self, url: str) -> Iterator[bytes]:
        # The library wraps what this raises before the first block alone.
        try:
            with (
                httpx.Client(verify=self._verify, timeout=_SILENCE_S, **self._options) as client,
                client.stream("GET", url) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise DownloadHTTPError(f"{response.status_code}", response.status_code)
                yield from response.iter_raw(_BLOCK)
        except httpx.HTTPError as exc:
            raise DownloadError(type(exc).__name__) from exc


class Mirror:
    """One look at one mirror. `root` is the pinned root's file, `folder` keeps what has been believed so far.

    `folder` is what makes an older state recognisable: with it gone, the pinned root counts again.
    """

    def __init__(
        self, url: str, root: bytes, folder: Path, *, verify: ssl.SSLContext | bool = True, **options: Any
    ) -> None:
        (folder / METADATA).mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._updater = Updater(
            metadata_dir=str(folder / METADATA),
            metadata_base_url=f"{url}/{METADATA}/",
            target_dir=str(folder),
            target_base_url=f"{url}/{TARGETS}/",
            fetcher=_Fetcher(verify, **options),
            config=UpdaterConfig(prefix_targets_with_hash=True),
            bootstrap=root,
        )

    def release(self, channel: str) -> Release:
        """The channel's newest release. Raises `UpdateError`."""
        with _Plain():
            self._updater.refresh()
        path = self._download(f"{channel}.json")
        try:
            return Release.read(path.read_bytes())
        except BadReleaseError as exc:
            raise UntrustedError("The description of the newest version cannot be read.") from exc

    def fetch(self, name: str) -> Path:
        """A file of the release, whole and checked. Raises `UpdateError`."""
        return self._download(name)

    def _download(self, name: str) -> Path:
        with _Plain():
            found = self._updater.get_targetinfo(name)
            if found is None:
                raise NoMirrorError("There is no release for this computer.")
            return Path(self._updater.download_target(found, str(self._folder / name)))


class _Plain:
    """Turns what the library raises into what people read."""

    def __enter__(self) -> None:
        """Nothing."""

    def __exit__(self, _kind: object, exc: BaseException | None, _trace: object) -> None:
        """Raise the plain one from it."""
        match exc:
            case ExpiredMetadataError():
                raise FrozenError("What the server says of updates is out of date, so it is not believed.") from exc
            case DownloadLengthMismatchError() | RepositoryError():
                raise UntrustedError("What the server offers is not signed by FlowPilot, so it is left alone.") from exc
            case DownloadHTTPError():
                raise NoMirrorError("Your server offers no updates.") from exc
            case DownloadError() | OSError():
                raise NoMirrorError("Your server did not answer.") from exc
