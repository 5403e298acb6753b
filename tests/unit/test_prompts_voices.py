"""Choosing a voice, the phonemes of mbrola, and programs that are missing, fail or hang."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from prompts import mbrola
from prompts.errors import VoiceTrouble
from prompts.mbrola import Mbrola, find_mbrola, substituted, unpack
from prompts.process import run
from prompts.say import LANGUAGES
from prompts.voices import Espeak, Piper, cast, choose

pytestmark = pytest.mark.unit


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n" + script)
    (folder / name).chmod(0o755)


def private_mbrola(root: Path, script: str = "cat >/dev/null; : > \"$4\"\n") -> Path:
    program(root / "usr/bin", "mbrola", script)
    (root / mbrola.VOICE_FILE).parent.mkdir(parents=True)
    (root / mbrola.VOICE_FILE).write_bytes(b"voice")
    return root


def test_three_phonemes_are_replaced_and_nothing_else() -> None:
    text = "t\t60\t0 112\n&\t80\nl/\t70 0 99\n\nL/\t50\nl\t40\nel/\t9\n"
    assert substituted(text) == "t\t60\t0 112\ne\t80\nl\t70 0 99\nL\t50\nl\t40\nel/\t9\n"


def test_a_dropped_sound_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "espeak-ng", 'test "$1" = --version && echo eSpeak 1 || printf "x/\\t60\\n"\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    root = private_mbrola(tmp_path / "root", 'cat >/dev/null; echo "Warning: x/-_ unknown, replaced with _-_" >&2\n')
    monkeypatch.setattr(mbrola, "_private_environment", lambda root: {})
    with pytest.raises(VoiceTrouble, match="no sound for a part of 'merhaba'"):
        Mbrola(root).speak("merhaba", tmp_path / "out.wav", 1.0)


def test_a_named_model_is_never_replaced_by_something_worse(tmp_path: Path) -> None:
    with pytest.raises(VoiceTrouble, match=r"voice\.onnx\.json"):
        choose("auto", piper=tmp_path / "voice.onnx")
    with pytest.raises(VoiceTrouble, match="--piper"):
        choose("piper")


def test_the_private_folder_is_found_and_a_half_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "espeak-ng", "echo eSpeak 1\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin") + ":/usr/bin:/bin")
    root = private_mbrola(tmp_path / "m")
    assert choose("auto", folder=root).name == "mbrola tr2"
    (root / "usr/bin/mbrola").unlink()
    monkeypatch.setattr(mbrola.shutil, "which", lambda name: None if name == "mbrola" else f"/usr/bin/{name}")
    assert find_mbrola(root) is None
    with pytest.raises(VoiceTrouble, match="santral prompts voices"):
        choose("mbrola", folder=root)
    assert choose("auto", folder=root).backend == "espeak"


def test_without_espeak_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for make in (Espeak, lambda: choose("espeak"), lambda: Mbrola(tmp_path)):
        with pytest.raises(VoiceTrouble, match="apt-get install espeak-ng"):
            make()


def test_an_unknown_voice() -> None:
    with pytest.raises(VoiceTrouble, match="'festival'"):
        choose("festival")


def test_piper_gets_text_by_file_and_its_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "piper", f'echo "$@" > {tmp_path}/args\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr("prompts.voices.importlib.util.find_spec", lambda name: None)
    model = tmp_path / "tr_TR-x-medium.onnx"
    model.write_bytes(b"m")
    Path(f"{model}.json").write_text("{}")
    voice = Piper(model)
    voice.speak("Merhaba dünya", tmp_path / "a.wav", 0.8)
    told = (tmp_path / "args").read_text()
    assert "Merhaba" not in told
    assert "--length-scale 1.250" in told
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "Merhaba dünya"
    model.write_bytes(b"n")
    assert Piper(model).identity != voice.identity


def test_programs_that_are_missing_fail_or_hang(tmp_path: Path) -> None:
    with pytest.raises(VoiceTrouble, match="no-such-program is not installed"):
        run(["no-such-program"])
    with pytest.raises(VoiceTrouble, match="failed with code 3: bad luck"):
        run(["sh", "-c", "echo bad luck >&2; exit 3"])
    with pytest.raises(VoiceTrouble, match="did not end within"):
        run(["sleep", "30"], timeout_s=0.05)
    assert run(["sh", "-c", "cat; echo $A"], data=b"x", env={"A": "y"}).stdout == b"xy\n"


def fake_mmdebstrap(folder: Path, first: str) -> None:
    """Fails with `first` unless the check of the release file's age is switched off."""
    program(folder, "mmdebstrap", f"""
case "$*" in *Check-Valid-Until*) ;; *) {first} ;; esac
for last; do :; done
mkdir -p "$last/usr/bin" "$last/usr/share/mbrola/tr2"
: > "$last/usr/bin/mbrola"; : > "$last/usr/share/mbrola/tr2/tr2"
""")


def test_unpacking_tries_again_only_when_expired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    said: list[str] = []
    fake_mmdebstrap(tmp_path / "bin", 'echo "E: Release file is expired" >&2; exit 25')
    unpack(tmp_path / "voices" / "mbrola", say=said.append)
    assert find_mbrola(tmp_path / "voices" / "mbrola") == tmp_path / "voices" / "mbrola"
    assert len(said) == 1
    assert "expired" in said[0]
    fake_mmdebstrap(tmp_path / "bin", 'echo "E: no route to host" >&2; exit 25')
    with pytest.raises(VoiceTrouble, match="no route"):
        unpack(tmp_path / "other", say=said.append)
    assert not (tmp_path / "other").exists()
    assert len(said) == 1


def test_every_language_has_a_voice_and_a_model_speaks_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "espeak-ng", "echo eSpeak 1\n")
    program(tmp_path / "bin", "piper", "")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr("prompts.voices.importlib.util.find_spec", lambda name: None)
    models = []
    for name in ("tr_TR-x-medium", "en_GB-y-low", "de_DE-z-low", "en_US-w-low"):
        models.append(tmp_path / f"{name}.onnx")
        models[-1].write_bytes(b"m")
        Path(f"{models[-1]}.json").write_text("{}")
    turkish, english, german, american = models
    assert set(cast("espeak")) == set(LANGUAGES)
    assert {key: voice.name for key, voice in cast("espeak").items()} == {"tr": "espeak-ng tr", "en": "espeak-ng en-gb"}
    both = cast("auto", piper=[english, turkish])
    assert {key: voice.name for key, voice in both.items()} == {"tr": "piper tr_TR-x-medium", "en": "piper en_GB-y-low"}
    assert [voice.backend for voice in cast("espeak", piper=[english]).values()] == ["espeak", "piper"]
    root = private_mbrola(tmp_path / "m")
    assert [voice.backend for voice in cast("auto", folder=root).values()] == ["mbrola", "espeak"]
    with pytest.raises(VoiceTrouble, match="begins with its language"):
        cast("auto", piper=[german])
    with pytest.raises(VoiceTrouble, match="two models of Piper for en"):
        cast("auto", piper=[english, american])
    with pytest.raises(VoiceTrouble, match="needs a model"):
        cast("piper", piper=[english])


def test_each_language_is_spoken_by_its_own_voice_of_espeak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "espeak-ng", f'echo "$@" >> {tmp_path}/args\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    for language in LANGUAGES:
        Espeak(language).speak("a", tmp_path / "a.wav", 0.8)
    told = (tmp_path / "args").read_text()
    assert ("-v tr -s 96 " in told, "-v en-gb -s 112 " in told) == (True, True)
