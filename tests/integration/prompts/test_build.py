"""A small catalogue built with the real espeak-ng and sox."""

from __future__ import annotations

import fcntl
import functools
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import wave
from array import array
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from prompts import build as building
from prompts import cli
from prompts.audio import hold_music, sound_level
from prompts.audio.run_program import run_program
from prompts.audio.sound_level import HIGHEST_PEAK_DBFS, RMS_WINDOW_DBFS, load_wav, speech_rms
from prompts.audio.sound_quality import MOST_STEP_DBFS, check_sounds, measure_file
from prompts.audio.voices import ESPEAK_FILES, ESPEAK_VOICES, Espeak, choose_voices, sha256_of
from prompts.build import MUSIC, MUSIC_KEY, Options, build_prompts
from prompts.errors import PromptError, SoundError, VoiceError
from prompts.manifest import Manifest
from prompts.studio import RecordingStudio
from prompts.text_reader import PAUSES, Prompt, all_prompts
from prompts.verbalise import number_prompts
from tests.ministry import WORDS
from tests.until import until

pytestmark = pytest.mark.integration

KEYS = ("ana-menu-2", "ana-menu-2-yavas", "digits/4")
WITHOUT_TEXT = (*PAUSES, *MUSIC)
VOICES = choose_voices("espeak")


@functools.cache
def one_bar(piece: hold_music.Piece) -> array[int]:
    """Of a piece of music; made once for all tests."""
    return hold_music.hold_music(piece, bars=1)


@pytest.fixture(autouse=True)
def short_music(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "hold_music", one_bar)


@pytest.fixture
def few() -> dict[str, Prompt]:
    catalogue = all_prompts(WORDS)
    return {key: catalogue[key] for key in KEYS}


def options(tmp_path: Path, music: Path | None = None) -> Options:
    return Options(tmp_path / "sounds", VOICES, music)


def take(tmp_path: Path, prompts: Mapping[str, Prompt], *keys: str) -> None:
    """Into the studio, unchecked."""
    folder = tmp_path / "recordings"
    RecordingStudio(tmp_path / "sounds").take_recordings({folder / f"{key}.wav": prompts[key] for key in keys})


def sums(root: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.wav*")}


def record(path: Path, amplitude: float = 0.02, seconds: float = 1.0, *, rate: int = 44100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = array("h", (max(-32768, min(32767, round(amplitude * 32767 * math.sin(n / 20))))
                          for n in range(round(rate * seconds))))  # fmt: skip
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.tobytes())


def give_cores(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)))


def seconds(path: Path) -> float:
    return len(load_wav(path)) / 1000


def test_formats_levels_manifest_and_nothing_twice(tmp_path: Path, few: dict[str, Prompt]) -> None:
    told: list[tuple[int, int]] = []
    report = build_prompts(few, options(tmp_path), lambda done, of, key: told.append((done, of)))
    root = tmp_path / "sounds"
    assert set(report.built) == {*KEYS, *WITHOUT_TEXT}
    assert told == [(n, 7) for n in range(1, 8)]
    for key in KEYS:
        for ending, rate in (("wav", 8000), ("wav16", 16000)):
            segment = load_wav(root / "tr" / f"{key}.{ending}")
            assert (segment.frame_rate, segment.channels) == (rate, 1)
            assert segment.max_dBFS <= HIGHEST_PEAK_DBFS
            assert RMS_WINDOW_DBFS[0] <= speech_rms(segment) <= RMS_WINDOW_DBFS[1]
    assert seconds(root / "tr/ana-menu-2-yavas.wav") > 1.2 * seconds(root / "tr/ana-menu-2.wav")
    assert load_wav(root / f"{MUSIC_KEY}.wav16").dBFS == pytest.approx(hold_music.RMS_DBFS, abs=0.5)
    manifest = json.loads((root / "manifest.json").read_text())
    entry = next(entry for entry in manifest["prompts"] if entry["id"] == "digits/4")
    assert (entry["backend"], entry["voice"], manifest["complete"]) == ("espeak", "espeak-ng tr", True)
    assert set(entry["sha256"]) == {"tr/digits/4.wav", "tr/digits/4.wav16"}
    before = sums(root)
    again = build_prompts(few, options(tmp_path))
    assert (again.built, again.kept, sums(root)) == ((), 7, before)


def test_a_build_is_alike_bit_for_bit_on_any_number_of_cores(tmp_path: Path, few: dict[str, Prompt],
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    for cores in (1, 2, 64):
        give_cores(monkeypatch, cores)
        build_prompts(few, Options(tmp_path / str(cores), VOICES))
    assert sums(tmp_path / "1") == sums(tmp_path / "2") == sums(tmp_path / "64")


@pytest.mark.parametrize(("language", "text"), [("tr", "Yetmiş üç, hoş geldiniz."), ("en", "Welcome to the bath.")])
def test_the_file_of_a_voice_speaks_as_its_name_does(tmp_path: Path, language: str, text: str) -> None:
    spoken = []
    for number, voice in enumerate((ESPEAK_FILES[language], ESPEAK_VOICES[language])):
        path = tmp_path / f"{number}.wav"
        run_program(["espeak-ng", "-b", "1", "-v", voice, "-w", path, text])
        spoken.append(path.read_bytes())
    assert len(spoken[0]) > 10000
    assert spoken[0] == spoken[1]


@pytest.mark.parametrize(("cores", "at_once"), [(1, 1), (3, 3), (building.MOST_WORKERS + 9, building.MOST_WORKERS)])
def test_each_core_makes_a_sound_within_a_bound(tmp_path: Path, few: dict[str, Prompt],
                                                monkeypatch: pytest.MonkeyPatch, cores: int, at_once: int) -> None:
    """The first voices wait until `at_once` of them speak, and no further one begins meanwhile."""
    give_cores(monkeypatch, cores)
    speaking, most, lock, all_speak = [0], [0], threading.Lock(), threading.Event()

    class Waits(Espeak):
        def speak_text(self, text: str, out: Path, pace: float) -> None:
            with lock:
                speaking[0] += 1
                most[0] = max(most[0], speaking[0])
                if speaking[0] >= at_once:
                    all_speak.set()
            assert all_speak.wait(60), f"only {most[0]} at once"
            super().speak_text(text, out, pace)
            with lock:
                speaking[0] -= 1

    many = {f"digits/{n}": few["digits/4"]._replace(key=f"digits/{n}") for n in range(at_once + 3)}
    build_prompts(many, Options(tmp_path / "sounds", {"tr": Waits()}))
    assert most[0] == at_once


def test_a_failing_program_names_its_prompts(tmp_path: Path, few: dict[str, Prompt],
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sox").write_text('#!/bin/sh\ncase "$*" in *"-r 8000"*highpass*) echo no room >&2; exit 2;; esac\n'
                                  f'exec {shutil.which("sox")} "$@"\n')
    (tmp_path / "sox").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(SoundError) as caught:
        build_prompts(few, options(tmp_path))
    for key in KEYS:
        assert f"  {key}: sox failed with code 2: no room" in str(caught.value).splitlines()


def test_many_faults_are_counted_and_the_first_are_named(tmp_path: Path, few: dict[str, Prompt]) -> None:
    class Silent(Espeak):
        def speak_text(self, text: str, out: Path, pace: float) -> None:
            raise VoiceError("no word")

    many = {f"digits/{n}": few["digits/4"]._replace(key=f"digits/{n}") for n in range(building.NAMED_MAX + 7)}
    with pytest.raises(SoundError) as caught:
        build_prompts(many, Options(tmp_path / "sounds", {"tr": Silent()}))
    head, *named, more = str(caught.value).splitlines()
    assert head.startswith(f"{building.NAMED_MAX + 7} of {building.NAMED_MAX + 11} sounds")
    assert (len(named), more) == (building.NAMED_MAX, "  and 7 more")


def test_a_build_that_is_interrupted_ends_and_keeps_what_is_whole(tmp_path: Path) -> None:
    root = tmp_path / "sounds"
    build = subprocess.Popen([sys.executable, "-m", "santral", "prompts", "build", "--out", root, "--voice", "espeak"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        until(lambda: len(list(root.glob("tr/*.wav16"))) > 3, 60, "the first sounds")
        # A terminal sends the signal to the programs at work too.
        os.killpg(build.pid, signal.SIGINT)
        _, said = build.communicate(timeout=60)
    finally:
        build.kill()
    assert build.returncode not in (0, -signal.SIGKILL)
    assert "Traceback" not in said, said
    manifest = Manifest.read_manifest(root)
    assert manifest is not None
    whole = {name: sums for entry in manifest.entries.values() for name, sums in entry.sha256.items()}
    assert (manifest.complete, len(whole) > 0, list(root.rglob(building.LEFT_BEHIND))) == (False, True, [])
    assert {name: sha256_of(root / name) for name in whole} == whole


def test_only_what_changed_or_was_damaged_is_built_again(tmp_path: Path, few: dict[str, Prompt]) -> None:
    build_prompts(few, options(tmp_path))
    root = tmp_path / "sounds"
    few["digits/4"] = few["digits/4"]._replace(text="beş")
    assert build_prompts(few, options(tmp_path)).built == ("digits/4",)
    (root / "tr/.ana-menu-2.wav.4711").write_bytes(b"half of it")
    (root / "tr/ana-menu-2.wav").unlink()
    (root / "tr/ana-menu-2-yavas.wav16").write_bytes(b"RIFF")
    assert build_prompts(few, options(tmp_path)).built == ("ana-menu-2", "ana-menu-2-yavas")
    assert not (root / "tr/.ana-menu-2.wav.4711").exists()
    del few["digits/4"]
    assert build_prompts(few, options(tmp_path)).removed == ("digits/4",)
    assert not (root / "tr/digits/4.wav").exists()


def test_asterisk_may_read_what_a_careful_user_builds(tmp_path: Path, few: dict[str, Prompt]) -> None:
    before = os.umask(0o077)
    try:
        build_prompts(few, options(tmp_path))
    finally:
        os.umask(before)
    for path in (tmp_path / "sounds", *(tmp_path / "sounds").rglob("*")):
        wanted = 0o755 if path.is_dir() else 0o644
        assert path.stat().st_mode & 0o777 == wanted, path.name


def test_a_recording_overrides_and_its_slow_version_is_stretched(tmp_path: Path, few: dict[str, Prompt]) -> None:
    folder = tmp_path / "recordings"
    record(folder / "ana-menu-2.wav")
    build_prompts(few, options(tmp_path))
    take(tmp_path, few, "ana-menu-2")
    report = build_prompts(few, options(tmp_path))
    root = tmp_path / "sounds"
    assert (set(report.built), report.recorded, report.old) == ({"ana-menu-2", "ana-menu-2-yavas"}, 2, ())
    assert seconds(root / "tr/ana-menu-2.wav") == pytest.approx(1.0, abs=0.05)
    assert seconds(root / "tr/ana-menu-2-yavas.wav16") == pytest.approx(1.25, abs=0.08)
    record(folder / "ana-menu-2-yavas.wav", seconds=2.0)
    take(tmp_path, few, "ana-menu-2-yavas")
    assert build_prompts(few, options(tmp_path)).built == ("ana-menu-2-yavas",)
    assert seconds(root / "tr/ana-menu-2-yavas.wav") == pytest.approx(2.0, abs=0.05)


def test_a_recording_is_played_until_its_text_is_changed(tmp_path: Path, few: dict[str, Prompt]) -> None:
    record(tmp_path / "recordings/digits/4.wav")
    take(tmp_path, few, "digits/4")
    assert build_prompts(few, options(tmp_path)).recorded == 1
    few["digits/4"] = few["digits/4"]._replace(text="dört tane")
    report = build_prompts(few, options(tmp_path))
    assert (report.built, report.recorded, report.old) == (("digits/4",), 0, ("digits/4",))
    take(tmp_path, few, "digits/4")
    assert build_prompts(few, options(tmp_path)).recorded == 1
    (tmp_path / "sounds/studio/texts.json").write_text("[]")
    with pytest.raises(SoundError, match="import the recordings again"):
        build_prompts(few, options(tmp_path))


@pytest.mark.parametrize(("beyond_db", "refused"), [(-1, False), (8, True)])
def test_peaks_that_stand_out_are_pressed_within_a_bound(tmp_path: Path, few: dict[str, Prompt], beyond_db: float,
                                                         refused: bool) -> None:
    """A voice whose every wave has a spike is brought to the loudness of all others, unless the spike is a bang."""
    folder = tmp_path / "recordings"
    record(folder / "digits/4.wav", amplitude=0.02)
    plain = load_wav(folder / "digits/4.wav")
    above = 10 ** ((sound_level.RMS_DBFS - sound_level.PEAK_DBFS - sound_level.MOST_LIMITED_DB - beyond_db) / -20)
    samples = array("h", plain.raw_data)
    for at in range(0, len(samples), 4410):
        samples[at : at + 40] = array("h", [round(0.02 * 32767 / math.sqrt(2) * above)] * 40)
    with wave.open(str(folder / "digits/4.wav"), "wb") as file:
        file.setparams((1, 2, 44100, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    one = {"digits/4": few["digits/4"]}
    take(tmp_path, one, "digits/4")
    if refused:
        with pytest.raises(SoundError, match="a click or a bang"):
            build_prompts(one, options(tmp_path))
        return
    build_prompts(one, options(tmp_path))
    made = load_wav(tmp_path / "sounds/tr/digits/4.wav")
    assert speech_rms(made) == pytest.approx(sound_level.RMS_DBFS, abs=1)
    assert made.max_dBFS <= sound_level.PEAK_DBFS + 0.1


def test_bad_recordings_are_told_together_and_the_rest_is_built(tmp_path: Path, few: dict[str, Prompt]) -> None:
    folder = tmp_path / "recordings"
    record(folder / "ana-menu-2.wav", amplitude=1.5)
    record(folder / "ana-menu-2-yavas.wav", amplitude=0)
    (folder / "digits").mkdir()
    (folder / "digits/4.wav").write_bytes(b"no sound file")
    take(tmp_path, few, *few)
    with pytest.raises(SoundError) as caught:
        build_prompts(few, options(tmp_path))
    for part in ("3 of 7", "ana-menu-2.wav: clipped", "less gain", "ana-menu-2-yavas.wav: no sound",
                 "4.wav: sox failed"):  # fmt: skip
        assert part in str(caught.value)
    manifest = Manifest.read_manifest(tmp_path / "sounds")
    assert manifest is not None
    assert (manifest.complete, set(manifest.entries)) == (False, set(WITHOUT_TEXT))
    shutil.rmtree(tmp_path / "sounds/studio")
    assert len(build_prompts(few, options(tmp_path)).built) == 3


def test_a_music_file_replaces_ours(tmp_path: Path, few: dict[str, Prompt]) -> None:
    build_prompts({}, options(tmp_path))
    record(tmp_path / "song.wav", amplitude=0.9, seconds=2.0)
    assert build_prompts({}, options(tmp_path, music=tmp_path / "song.wav")).built == (MUSIC_KEY,)
    segment = load_wav(tmp_path / "sounds" / f"{MUSIC_KEY}.wav")
    assert (len(segment), round(segment.dBFS)) == (2000, -20)
    record(tmp_path / "song.wav", amplitude=0)
    with pytest.raises(SoundError, match="silent"):
        build_prompts({}, options(tmp_path, music=tmp_path / "song.wav"))


def test_what_does_not_exist_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match="does not exist"):
        build_prompts({}, options(tmp_path, music=tmp_path / "nowhere"))
    assert not (tmp_path / "sounds").exists()


def test_without_sox_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = options(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VoiceError, match="apt-get install sox"):
        build_prompts({}, wanted)


def test_two_builds_of_one_folder_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "LOCK_WAIT_S", 0.0)
    (tmp_path / "sounds").mkdir()
    with (tmp_path / "sounds" / ".building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(PromptError, match="another build"):
            build_prompts({}, options(tmp_path))


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: dict[str, Prompt]) -> None:
    monkeypatch.setattr(cli, "all_prompts", lambda words: few)
    runner, app = CliRunner(), cli.build_commands()
    out = str(tmp_path / "sounds")
    nowhere = ["--voices-dir", str(tmp_path / "none"), "--voice", "espeak"]
    first = runner.invoke(app, ["build", "--out", out, *nowhere])
    assert (first.exit_code, "espeak-ng tr" in first.output, "7 built, 0 kept" in first.output) == (0, True, True)
    assert "0 built, 7 kept" in runner.invoke(app, ["build", "--out", out, *nowhere]).output
    heard = runner.invoke(app, ["listen", "digits/4", "--out", str(tmp_path / "a.wav"), *nowhere])
    assert (heard.exit_code, "dört" in heard.output) == (0, True)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "sounds/tr/digits/4.wav16").read_bytes()
    unknown = runner.invoke(app, ["listen", "nothing", "--out", out, *nowhere])
    assert (unknown.exit_code, "no prompt has the key 'nothing'" in unknown.output) == (1, True)
    listed = runner.invoke(app, ["list", "--tsv"])
    assert [line.split("\t")[0] for line in listed.output.splitlines()] == ["ana-menu-2", "digits/4"]
    (tmp_path / "file").write_text("")
    full = runner.invoke(app, ["build", "--out", str(tmp_path / "file" / "x"), *nowhere])
    assert (full.exit_code, "Not a directory" in full.output) == (1, True)


def test_the_terms_of_the_voice_are_shown_and_may_be_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[Path] = []
    monkeypatch.setattr(cli, "unpack_mbrola", lambda folder, say: fetched.append(folder))
    monkeypatch.setattr(cli, "find_mbrola", lambda folder: None)
    runner, app = CliRunner(), cli.build_commands()
    where = ["voices", "--voices-dir", str(tmp_path / "m")]
    refused = runner.invoke(app, where, input="n\n")
    assert (refused.exit_code, "may not be sold" in refused.output, fetched) == (0, True, [])
    accepted = runner.invoke(app, [*where, "--yes"])
    assert (accepted.exit_code, "may not be sold" in accepted.output, fetched) == (0, True, [tmp_path / "m"])


@pytest.mark.parametrize(("asked", "said"), [
    (["sira-73"], "yetmiş üçüncü sıradasınız."),
    (["sure-75"], "Tahminî bekleme süreniz bir saat on beş dakika."),
    (["--number", "1453"], "bin dört yüz elli üç"),
    (["--clock", "14:05"], "on dört sıfır beş"),
    (["--date", "2026-11-24"], "yirmi dört Kasım Salı"),
    (["--telephone", "0312 413"], "sıfır üç yüz on iki , dört yüz on üç"),
    (["en/sira-3"], "You are number three in the queue."),
    (["--number", "21", "--language", "en", "--slow"], "twenty one"),
])  # fmt: skip
def test_what_is_put_together_can_be_heard(tmp_path: Path, asked: list[str], said: str) -> None:
    out = tmp_path / "a.wav"
    heard = CliRunner().invoke(cli.build_commands(), ["listen", *asked, "--out", str(out), "--voice", "espeak"])
    assert (heard.exit_code, said in heard.output) == (0, True), heard.output
    measure = measure_file(out)
    assert (measure.rate, measure.clipped, measure.step < MOST_STEP_DBFS) == (16000, 0, True)
    assert measure.seconds > 0.08 * len(said.split())


@pytest.mark.parametrize(("asked", "told"), [
    (["nothing"], "no prompt has the key 'nothing'"), (["sira-0"], "they begin at 1"), (["--clock", "25:0"], "time of"),
    (["--clock", "x"], "x is not a time of the day, as 14:30 is"), (["--number", "-1"], "only 0 to"),
    (["--telephone", "x"], "a telephone number has digits"), ([], "name one thing to hear"),
    (["karsilama", "--number", "3"], "name one thing to hear"), (["karsilama", "--language", "de"], "'de/karsilama'"),
])  # fmt: skip
def test_what_cannot_be_heard_is_told(tmp_path: Path, asked: list[str], told: str) -> None:
    heard = CliRunner().invoke(cli.build_commands(), ["listen", *asked, "--out", str(tmp_path / "a"), "--voice",
        "espeak"])
    assert (heard.exit_code, told in heard.output) == (1, True), heard.output


def test_pieces_of_a_number_are_joined_without_a_click(tmp_path: Path) -> None:
    """Every piece begins and ends in silence, and so does what is put together from them."""
    catalogue = all_prompts(WORDS)
    parts: list[Prompt | int] = [catalogue[key] for key in number_prompts.number_keys(1453)]
    building.join_prompts(parts, VOICES, tmp_path / "whole.wav")
    joins, at = [], 0.0
    for part in parts[:-1]:
        building.join_prompts([part], VOICES, tmp_path / "one.wav")
        at += measure_file(tmp_path / "one.wav").seconds
        joins.append(at)
    assert measure_file(tmp_path / "whole.wav", joins).step < MOST_STEP_DBFS


def test_what_is_built_can_be_heard_as_it_is(
    tmp_path: Path, few: dict[str, Prompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording too, which no voice can say again."""
    record(tmp_path / "recordings/digits/4.wav", seconds=1.5)
    take(tmp_path, few, "digits/4")
    build_prompts(few, options(tmp_path))
    monkeypatch.setattr(cli, "all_prompts", lambda words: few)
    ask = ["listen", "digits/4", "--sounds", str(tmp_path / "sounds"), "--out", str(tmp_path / "a.wav")]
    assert CliRunner().invoke(cli.build_commands(), ask).exit_code == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "sounds/tr/digits/4.wav16").read_bytes()
    (tmp_path / "sounds/tr/digits/4.wav16").unlink()
    missing = CliRunner().invoke(cli.build_commands(), ask)
    assert (missing.exit_code, "4.wav16: not a readable WAV" in missing.output) == (1, True)


def test_what_a_rate_does_not_carry_is_cut_from_its_beginning(tmp_path: Path, few: dict[str, Prompt]) -> None:
    """An s before the word: sound at 16 kHz, silence at 8 kHz, and the joins move with it."""
    path = tmp_path / "raw.wav"
    rate, hiss, voice = 22050, 0.2, 0.5
    samples = [round(1000 * math.sin(2 * math.pi * 6500 * n / rate)) for n in range(round(rate * hiss))]
    samples += [round(3000 * math.sin(2 * math.pi * 400 * n / rate)) for n in range(round(rate * voice))]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(array("h", samples).tobytes())

    class Hisses(Espeak):
        def speak_text(self, text: str, out: Path, pace: float) -> None:
            shutil.copy(path, out)

    prompt = few["ana-menu-2"]
    build_prompts({prompt.id: prompt}, Options(tmp_path / "sounds", {"tr": Hisses()}))
    low, high = (measure_file(tmp_path / f"sounds/tr/ana-menu-2.{ending}") for ending in ("wav", "wav16"))
    assert (low.lead_ms <= 60, high.lead_ms <= 60, round(high.seconds - low.seconds, 1)) == (True, True, 0.2)
    manifest = Manifest.read_manifest(tmp_path / "sounds")
    assert manifest is not None
    joins = manifest.entries[prompt.id].joins
    assert joins["tr/ana-menu-2.wav16"][0] - joins["tr/ana-menu-2.wav"][0] == pytest.approx(0.17, abs=0.03)
    assert check_sounds(tmp_path / "sounds", {prompt.id: prompt}).findings == []
