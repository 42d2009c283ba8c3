"""Anchors: where each chain stood on a day, written outside the database, so that a chain made anew is found out."""

import json
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

log = logging.getLogger(__name__)

FILE: Final = "audit-anchors.jsonl"


@dataclass(frozen=True, slots=True)
class Anchor:
    """An account's entry number and hash, as they stood."""

    account_id: UUID
    no: int
    hash: bytes


def write(data_dir: Path, anchors: Iterable[Anchor]) -> None:
    """Append one line per anchor to the data directory's file, on disk before this returns, and to the log."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    lines = [
        json.dumps({"at": at, "account_id": str(one.account_id), "no": one.no, "hash": one.hash.hex()})
        for one in anchors
    ]
    if not lines:
        return
    with (data_dir / FILE).open("a", encoding="ascii") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    for line in lines:
        log.info("audit anchor %s", line)


def read(path: Path) -> Mapping[UUID, list[Anchor]]:
    """The anchors of a file by account, oldest first; none where there is no file. Raises ValueError for a bad line."""
    found: dict[UUID, list[Anchor]] = {}
    if not path.exists():
        return found
    for number, line in enumerate(path.read_text(encoding="ascii").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            anchor = Anchor(UUID(row["account_id"]), int(row["no"]), bytes.fromhex(row["hash"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}, line {number}: not an anchor") from error
        found.setdefault(anchor.account_id, []).append(anchor)
    return found
