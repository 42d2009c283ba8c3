"""The last queue in a file of the profile's folder, for this user's eyes only."""

import contextlib
import logging
import os
from pathlib import Path
from typing import Final

import msgspec

from desktop.core.last_known import Kept

MOST_BYTES: Final = 32 * 1024 * 1024
_LOG: Final = logging.getLogger(__name__)


class QueueFile:
    """`desktop.core.last_known.Shelf`. Written as a whole; one that cannot be read is as good as none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._said = False

    def load(self) -> Kept | None:
        """See the protocol."""
        try:
            with self._path.open("rb") as file:
                return msgspec.json.decode(file.read(MOST_BYTES), type=Kept)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as exc:
            # Another version's, perhaps, or half a disk's; the server has the whole truth.
            _LOG.info("what was kept of the queue cannot be read: %s", exc)
            self.wipe()
            return None

    def keep(self, kept: Kept) -> None:
        """See the protocol."""
        temporary = self._path.with_name(f"{self._path.name}.new")
        try:
            with open(temporary, "wb", opener=_for_us_only) as file:
                file.write(msgspec.json.encode(kept))
            temporary.replace(self._path)
        except OSError as exc:
            if not self._said:
                _LOG.warning("the queue is not kept for when there is no server: %s", exc.strerror)
            self._said = True
        else:
            self._said = False

    def wipe(self) -> None:
        """See the protocol."""
        for path in (self._path, self._path.with_name(f"{self._path.name}.new")):
            try:
                path.unlink(missing_ok=True)
            except OSError as exc:
                _LOG.warning("%s could not be removed: %s", path, exc.strerror)


def _for_us_only(path: str, flags: int) -> int:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 - an opener gets a text; one left behind may be open to others
    return os.open(path, flags | os.O_EXCL, 0o600)
