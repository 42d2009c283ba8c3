"""The stream's frames, from and to text. Unknown frame types and event kinds are passed over, for newer servers."""

from dataclasses import dataclass
from typing import Any, Final, get_args

import msgspec

from backend.contract.events import Ack, Bye, Event, Heartbeat, Hello, Holding, Receipt, Reset, Resume, TrialAlert
from backend.contract.vocabulary import EventKind

_SERVER: Final[dict[str, type]] = {
    "hello": Hello,
    "event": Event,
    "heartbeat": Heartbeat,
    "reset": Reset,
    "bye": Bye,
    "test": TrialAlert,
}
_KINDS: Final = frozenset(get_args(EventKind))


class BadFrameError(ValueError):
    """The frame is not what the protocol says."""


@dataclass(frozen=True, slots=True)
class Skip:
    """An event of a kind this program does not know: it only moves the cursor."""

    seq: int
    prev: int


ServerFrame = Hello | Event | Skip | Heartbeat | Reset | Bye | TrialAlert


def decode(text: str | bytes) -> ServerFrame | None:
    """Read one frame; null for a type of a newer protocol. Raises `BadFrameError`."""
    try:
        raw: Any = msgspec.json.decode(text)
        if not isinstance(raw, dict):
            raise BadFrameError("not an object")
        if raw.get("type") == "event" and isinstance(raw.get("kind"), str) and raw["kind"] not in _KINDS:
            return msgspec.convert({"seq": raw.get("seq"), "prev": raw.get("prev")}, Skip)
        model = _SERVER.get(str(raw.get("type")))
        frame: ServerFrame | None = msgspec.convert(raw, model) if model else None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise BadFrameError(str(exc)) from exc
    return frame


def encode(frame: Resume | Ack | Receipt | Holding) -> str:
    """One text frame, without the fields that are null."""
    fields = {key: value for key, value in msgspec.to_builtins(frame).items() if value is not None}
    return msgspec.json.encode(fields).decode()
