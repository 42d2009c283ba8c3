"""The sound: real notes in a real file, handed to the first player that works, and the truth where there is none."""

import array
import io
import wave
from pathlib import Path

import pytest

from desktop.platform.sound import Player
from desktop.platform.sound_wave import RATE, notes


def script(folder: Path, name: str, line: str) -> tuple[str, ...]:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return (str(path),)


@pytest.mark.parametrize(("count", "seconds"), [(2, 0.61), (3, 0.77)])
def test_the_notes_are_a_sound_file_soft_and_without_a_click_at_its_ends(count: int, seconds: float) -> None:
    with wave.open(io.BytesIO(notes(count))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        samples = array.array("h", file.readframes(file.getnframes()))
    assert len(samples) / RATE == pytest.approx(seconds, abs=0.01)
    assert 4_000 < max(samples) < 16_000, "heard, and not startling"
    assert max(map(abs, samples[:8])) < 400
    assert max(map(abs, samples[-8:])) < 200


async def test_the_first_player_that_works_plays_and_a_broken_one_is_left_alone(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    broken = script(tmp_path, "broken", f'echo broken >> "{heard}"; exit 1')
    works = script(tmp_path, "works", f'echo "$1" >> "{heard}"')
    player = Player(tmp_path / "sounds", (("does-not-exist-here",), broken, works))
    for count in (2, 3):
        player.ring(count)
        assert player._playing is not None
        await player._playing
    file = tmp_path / "sounds"
    assert heard.read_text().split() == ["broken", str(file / "notes-2.wav"), str(file / "notes-3.wav")]
    assert player.plays
    assert player.words.endswith("works")


async def test_without_any_player_it_says_so_and_offers_the_file(tmp_path: Path) -> None:
    player = Player(tmp_path / "sounds", ())
    assert (player.plays, player.words) == (False, "No sound player on this computer")
    path = player.file(2)
    assert path is not None
    assert path.read_bytes()[:4] == b"RIFF"
    broken = Player(tmp_path / "sounds", (script(tmp_path, "broken", "exit 1"),))
    broken.ring(2)
    assert broken._playing is not None
    await broken._playing
    assert not broken.plays
    assert broken.words.endswith("broken failed")


async def test_a_player_that_hangs_ends_with_the_app(tmp_path: Path) -> None:
    player = Player(tmp_path / "sounds", (script(tmp_path, "hangs", "exec sleep 60"),))
    player.ring(2)
    await player.stop()
    assert player._playing is not None
    assert player._playing.done()
