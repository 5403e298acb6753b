"""Whether a built sound is fit: each fault planted, each one found."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from prompts.audio import sound_level, sound_quality
from prompts.catalogue import FORMATS
from prompts.errors import SoundError
from prompts.manifest import Entry, Manifest
from prompts.text_reader import Prompt

pytestmark = pytest.mark.unit

KEYS = ("bir", "iki")
PROMPTS = {key: Prompt(key, key, "here", "menu") for key in KEYS}


def tone(ms: int, amplitude: float = 0.126, rate: int = 8000) -> Any:
    """0.126 is -21 dBFS RMS. The last sample is at the top of a wave."""
    count = ms * rate // 1000
    samples = array("h", (round(amplitude * 32767 * math.cos(2 * math.pi * 400 * (count - 1 - n) / rate))
                          for n in range(count)))  # fmt: skip
    return sound_level.pydub_segment()(data=samples.tobytes(), sample_width=2, frame_rate=rate, channels=1)


def quiet(ms: int, rate: int = 8000) -> Any:
    return sound_level.pydub_segment().silent(duration=ms, frame_rate=rate)


def folder(root: Path, sounds: dict[str, Any], joins: Sequence[float] = ()) -> Path:
    """A built folder with the given 8 kHz sounds, 16 kHz ones of the same."""
    entries = {}
    for key, sound in sounds.items():
        sound_level.save_wav(sound, root / f"tr/{key}.wav")
        sound_level.save_wav(sound.set_frame_rate(16000), root / f"tr/{key}.wav16")
        entries[key] = Entry(key, "", "espeak", "espeak-ng tr", 1.0, 0, 0, 1, "", {},
                             {f"tr/{key}.{ending}": list(joins) for ending in FORMATS})  # fmt: skip
    Manifest(entries, complete=True).write_manifest(root)
    return root


def findings(root: Path) -> str:
    return "\n".join(map(str, sound_quality.check_sounds(root, PROMPTS).findings))


def good() -> dict[str, Any]:
    return {key: sound_level.fade_ends(tone(500)) for key in KEYS}


def test_a_good_folder(tmp_path: Path) -> None:
    root = folder(tmp_path, good())
    checked = sound_quality.check_sounds(root, PROMPTS)
    assert not checked.findings
    one = checked.measures["bir"]["wav"]
    assert (one.rate, one.seconds, one.clipped, one.lead_ms, one.tail_ms) == (8000, 0.5, 0, 0, 0)
    assert one.loudness == pytest.approx(-21.0, abs=0.2)
    assert one.step < sound_quality.MOST_STEP_DBFS
    assert checked.loudness_spread("wav") == 0
    assert "2 sounds, 0 clipped samples" in checked.summarise_rate("wav16")


@pytest.mark.parametrize(("sound", "told"), [
    (lambda: tone(500).apply_gain(30), "samples at full scale"),
    (lambda: quiet(70) + sound_level.fade_ends(tone(500)), "70 ms of silence before the words, 60 at most"),
    (lambda: sound_level.fade_ends(tone(500)) + quiet(65), "65 ms of silence after the words"),
    (lambda: tone(500), "a step of -18 dBFS"),
    (lambda: sound_level.fade_ends(tone(500)).set_frame_rate(11025), "11025 Hz instead of 8000"),
    (lambda: sound_level.fade_ends(tone(500)).set_channels(2), "2 channels"),
    (lambda: quiet(300), "no sound in it"),
    (lambda: quiet(0), "no sound in it"),
    (lambda: sound_level.fade_ends(tone(500, 0.09)),
        "loudness spreads over 2.9 dB, 2.0 at most: softest bir, loudest iki"),
])  # fmt: skip
def test_each_fault_is_found(tmp_path: Path, sound: Any, told: str) -> None:
    root = folder(tmp_path, good())
    sound_level.save_wav(sound(), root / "tr/bir.wav")
    assert told in findings(root)
    assert "iki: " not in findings(root)


@pytest.mark.parametrize(("cut", "bad"), [(lambda sound: sound, True), (sound_level.fade_ends, False)])
def test_a_join_without_a_fade_is_heard_as_a_click(tmp_path: Path, cut: Any, bad: bool) -> None:
    pieces = cut(tone(300)) + quiet(200) + cut(tone(300))
    root = folder(tmp_path, {key: sound_level.fade_ends(pieces) for key in KEYS}, joins=[0.3, 0.5])
    assert ("a step of" in findings(root)) == bad


def test_what_is_missing_or_damaged_is_told_together(tmp_path: Path) -> None:
    assert "no sounds are built there" in findings(tmp_path)
    root = folder(tmp_path, good())
    (root / "tr/bir.wav").unlink()
    (root / "tr/bir.wav16").write_bytes(b"RIFF")
    manifest = Manifest.read_manifest(root)
    assert manifest is not None
    del manifest.entries["iki"]
    manifest.entries["pause"] = Entry("pause", "", "santral", "silence", 1, 0, 0, 1, "", {"pause.wav": ""}, {})
    manifest.complete = False
    manifest.write_manifest(root)
    told = findings(root)
    for part in ("did not end", "bir: bir.wav: not a readable", "bir: bir.wav16: not a readable", "iki: not built",
                 "pause: pause.wav: not a readable"):  # fmt: skip
        assert part in told
    with pytest.raises(SoundError, match="not a readable"):
        sound_quality.measure_file(root / "tr/bir.wav")
