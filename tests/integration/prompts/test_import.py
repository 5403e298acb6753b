"""A studio's delivery: what is good, and every fault planted and told. The voice is espeak-ng's, in a quiet room."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from prompts import build as building
from prompts import cli
from prompts.audio import hold_music, sound_level
from prompts.audio.run_program import run_program
from prompts.audio.sound_quality import check_sounds
from prompts.audio.voices import Espeak
from prompts.errors import SoundError
from prompts.manifest import Manifest
from prompts.recording_intake import check_delivery, duration_bounds
from prompts.text_reader import Prompt, all_prompts
from tests.ministry import WORDS

pytestmark = pytest.mark.integration

RATE = 48_000
ROOM = 6.0
"""Noise of the room as recorded, in samples: about -75 dBFS."""

CATALOGUE = all_prompts(WORDS)


def noise(ms: int, amplitude: float = ROOM) -> Any:
    chance = random.Random(1)
    samples = array("h", (round(chance.gauss(0, amplitude)) for _ in range(RATE * ms // 1000)))
    return sound_level.pydub_segment()(data=samples.tobytes(), sample_width=2, frame_rate=RATE, channels=1)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`secildi-psikososyal` as a person would deliver it: quiet ends, -24 dBFS."""
    folder = tmp_path_factory.mktemp("voice")
    Espeak().speak_text(CATALOGUE["secildi-psikososyal"].text, folder / "raw.wav", 1.0)
    run_program(["sox", "-R", folder / "raw.wav", "-r", str(RATE), folder / "voice.wav"])
    voice = sound_level.trim_silence(sound_level.load_wav(folder / "voice.wav"), "voice")
    return in_a_room(voice.apply_gain(-24 - sound_level.speech_rms(voice)), ROOM)


def in_a_room(voice: Any, amplitude: float) -> Any:
    quiet = sound_level.make_silence(250, voice)
    whole = quiet + voice + quiet
    return whole.overlay(noise(len(whole), amplitude))


def deliver(folder: Path, sound: Any, name: str = "secildi-psikososyal.wav") -> Path:
    path = folder / name
    sound_level.save_wav(sound, path)
    return path


def faults(folder: Path) -> str:
    found = check_delivery(folder, CATALOGUE)
    assert bool(found.good) != bool(found.faults)
    return "\n".join(found.faults)


def test_what_is_good_is_taken_in_and_survives_builds(
    tmp_path: Path, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "hold_music", lambda piece: hold_music.hold_music(piece, bars=1))
    few = {key: CATALOGUE[key] for key in ("secildi-psikososyal", "secildi-psikososyal-yavas", "en/bekleme-siradaki")}
    monkeypatch.setattr(cli, "all_prompts", lambda words: few)
    folder, out = tmp_path / "delivered", tmp_path / "sounds"
    wav = deliver(folder, said)
    run_program(["sox", wav, "-b", "24", folder / "SECILDI-psikososyal.flac"])
    wav.unlink()
    (folder / "notes.txt").write_text("take 3 was best")
    (folder / ".hidden.wav").write_bytes(b"")
    runner, app = CliRunner(), cli.build_commands()
    done = runner.invoke(app, ["import", str(folder), "--out", str(out)])
    assert (done.exit_code, "1 recordings were taken in" in done.output) == (0, True), done.output
    for _ in range(2):
        assert runner.invoke(app, ["build", "--out", str(out), "--voice", "espeak"]).exit_code == 0
        manifest = Manifest.read_manifest(out)
        assert manifest is not None
        backends = {key: manifest.entries[key].backend for key in few}
        assert backends == {"secildi-psikososyal": "recorded", "secildi-psikososyal-yavas": "recorded",
                            "en/bekleme-siradaki": "espeak"}  # fmt: skip
        for ending, rate in (("wav", 8000), ("wav16", 16000)):
            assert sound_level.load_wav(out / f"tr/secildi-psikososyal.{ending}").frame_rate == rate
            assert len(sound_level.load_wav(out / f"tr/secildi-psikososyal.{ending}")) < len(said) - 350
        assert check_sounds(out, few).findings == []
        (out / "tr/secildi-psikososyal.wav").unlink()


def gain(db: float) -> Callable[[Any], Any]:
    return lambda said: said.apply_gain(db)


@pytest.mark.parametrize(("spoil", "told"), [
    (gain(30), "clipped (3 samples in a row at full scale); record it again with less gain"),
    (gain(20), "between -38 and -10: record it with less gain"),
    (gain(-18), "loudness -42 dBFS; between -38 and -10: record it nearer or with more gain"),
    (gain(-70), "silent"),
    (lambda said: said.set_frame_rate(8000), "8000 Hz; 16000 at least"),
    (lambda said: said.set_channels(2), "2 channels; mix it to one"),
    (lambda said: said[:500] + said[-200:], "uzmanımıza bağlıyorum.', which takes 1.7 to 12.2 s: a part"),
    (lambda said: said * 4, "there is more in it than this sentence"),
    (lambda said: said[250:], "no silence at its beginning; leave a quarter of a second"),
    (lambda said: said[:-400], "no silence at its end"),
    (lambda said: in_a_room(said[250:-250], 200.0), "the voice is only 19 dB above the noise of the room; 35 at least"),
])  # fmt: skip
def test_each_fault_of_a_recording_is_told(tmp_path: Path, said: Any, spoil: Callable[[Any], Any], told: str) -> None:
    deliver(tmp_path, spoil(said))
    assert told in faults(tmp_path)


def damage(path: Path, ending: str, keep: float) -> None:
    """The file cut off, as by a transfer that broke."""
    whole = path.with_suffix(ending)
    if ending != path.suffix:
        run_program(["sox", path, whole])
        path.unlink()
    whole.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * keep)])


@pytest.mark.parametrize("ending", [".wav", ".flac"])
@pytest.mark.parametrize("keep", [0.6, 0.0001, 0])
def test_damaged_audio(tmp_path: Path, said: Any, ending: str, keep: float) -> None:
    damage(deliver(tmp_path, said), ending, keep)
    assert f"secildi-psikososyal{ending}: damaged" in faults(tmp_path)


def test_bits_that_were_changed_on_the_way(tmp_path: Path, said: Any) -> None:
    path = deliver(tmp_path, said)
    run_program(["sox", path, tmp_path / "secildi-psikososyal.flac"])
    path.unlink()
    flac = tmp_path / "secildi-psikososyal.flac"
    data = bytearray(flac.read_bytes())
    data[len(data) // 2] ^= 0xFF
    flac.write_bytes(data)
    assert "damaged" in faults(tmp_path)


def test_eight_bits_and_what_is_no_sound(tmp_path: Path, said: Any) -> None:
    run_program(["sox", deliver(tmp_path / "a", said), "-b", "8", tmp_path / "secildi-psikososyal.wav"])
    (tmp_path / "a" / "secildi-psikososyal.wav").unlink()
    assert "8 bit; 16 at least" in faults(tmp_path)
    (tmp_path / "secildi-psikososyal.wav").write_text("prompts: {not: audio}")
    assert "damaged, or not what its name says" in faults(tmp_path)


def test_names_that_do_not_fit(tmp_path: Path, said: Any) -> None:
    for name in ("secildi-psikosoyal.wav", "en/digits/h-5.wav", "merhaba dünya.wav", "karsilama.mp3"):
        deliver(tmp_path, said, name)
    told = faults(tmp_path)
    for part in ("secildi-psikosoyal.wav: no prompt has this name; is it secildi-psikososyal?",
                 "en/digits/h-5.wav: no prompt has this name", "merhaba dünya.wav: no prompt",
                 "karsilama.mp3: mp3 is not taken; deliver WAV or FLAC"):  # fmt: skip
        assert part in told


def test_two_prompts_with_one_name(tmp_path: Path, said: Any) -> None:
    path = deliver(tmp_path, said)
    run_program(["sox", path, tmp_path / "secildi-psikososyal.flac"])
    deliver(tmp_path, said, "Secildi-Psikososyal.WAV")
    told = faults(tmp_path)
    names = "Secildi-Psikososyal.WAV, secildi-psikososyal.flac, secildi-psikososyal.wav"
    assert told == f"{names}: recordings of one prompt; keep one"


def test_all_faults_together_and_nothing_taken_in_unless_asked(tmp_path: Path, said: Any) -> None:
    folder, out = tmp_path / "delivered", tmp_path / "sounds"
    deliver(folder, said)
    deliver(folder, said.apply_gain(30).set_channels(2), "secildi-temsilci.wav")
    deliver(folder, said, "nobody.wav")
    runner, app = CliRunner(), cli.build_commands(lambda folder: WORDS)
    refused = runner.invoke(app, ["import", str(folder), "--out", str(out)])
    for part in ("secildi-temsilci.wav: 2 channels", "secildi-temsilci.wav: the wave: clipped", "nobody.wav: no prompt",
                 "nothing was taken in: 4 faults (1 are good: --partial takes them)"):  # fmt: skip
        assert part in refused.output
    assert (refused.exit_code, out.exists()) == (1, False)
    taken = runner.invoke(app, ["import", str(folder), "--out", str(out), "--partial"])
    assert (taken.exit_code, "1 recordings were taken in" in taken.output) == (0, True)
    assert sorted(path.name for path in (out / "studio").iterdir()) == ["secildi-psikososyal.wav", "texts.json"]
    (folder / "secildi-psikososyal.wav").unlink()
    assert runner.invoke(app, ["import", str(folder), "--out", str(out), "--partial"]).exit_code == 1
    with pytest.raises(SoundError, match="does not exist"):
        check_delivery(tmp_path / "nowhere", CATALOGUE)


def test_ten_minutes_of_sound_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_program(["sox", "-n", "-r", "16000", "-b", "16", tmp_path / "karsilama.flac", "trim", "0", "600"])
    monkeypatch.setattr("prompts.recording_intake.sound_level.load_wav", lambda path: pytest.fail("it was read"))
    assert "600.0 s for" in faults(tmp_path)


def test_every_sentence_has_room_for_the_slowest_voice_and_none_for_half_of_itself() -> None:
    manifest = Manifest.read_manifest(Path(__file__).resolve().parents[3] / ".cache" / "sounds")
    assert manifest is not None
    built = {key: manifest.entries[key].seconds for key in CATALOGUE if key in manifest.entries}
    assert len(built) > 700
    outside = [key for key, seconds in built.items()
               if not duration_bounds(CATALOGUE[key])[0] <= seconds <= duration_bounds(CATALOGUE[key])[1]]  # fmt: skip
    assert outside == []
    short, long = duration_bounds(Prompt("a", "Bir", "here", "menu"))
    assert 0 < short < 0.2 < long < 3
