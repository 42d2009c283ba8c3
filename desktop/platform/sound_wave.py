"""The notes themselves, computed: two soft ones, three for urgent. A WAV file in memory, 16 bit, mono."""

import math
import struct
from array import array
from typing import Final

RATE: Final = 22_050
# E5 and A5, and a C sharp above them for the third: rising, as a question does.
_PITCHES_HZ: Final = (659.26, 880.0, 1108.73)
_NOTE_S: Final = 0.16
_TAIL_S: Final = 0.45
_ATTACK_S: Final = 0.012
_LOUDNESS: Final = 0.22


def notes(count: int) -> bytes:
    """A WAV file of one to three notes, each ringing into the next."""
    pitches = _PITCHES_HZ[: max(1, min(count, len(_PITCHES_HZ)))]
    total = round((_NOTE_S * (len(pitches) - 1) + _TAIL_S) * RATE)
    mixed = [0.0] * total
    for place, pitch in enumerate(pitches):
        begin = round(place * _NOTE_S * RATE)
        for at in range(min(round(_TAIL_S * RATE), total - begin)):
            mixed[begin + at] += _sample(pitch, at / RATE)
    samples = array("h", (round(max(-1.0, min(1.0, value)) * 32_767) for value in mixed))
    return _header(len(samples) * 2) + samples.tobytes()


def _sample(pitch: float, at_s: float) -> float:
    rise = min(1.0, at_s / _ATTACK_S)
    fall = math.exp(-7.0 * at_s) * min(1.0, (_TAIL_S - at_s) / 0.05)
    turn = 2 * math.pi * pitch * at_s
    return _LOUDNESS * rise * fall * (math.sin(turn) + 0.18 * math.sin(2 * turn))


def _header(size: int) -> bytes:
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + layout + struct.pack("<4sI", b"data", size)
