"""Choosing a voice, the phonemes of mbrola, and programs that are missing, fail or hang."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from prompts.audio import mbrola
from prompts.audio.mbrola import Mbrola, find_mbrola, substitute_phonemes, unpack_mbrola
from prompts.audio.run_program import run_program
from prompts.audio.voices import Espeak, Piper, choose_voice, choose_voices
from prompts.errors import VoiceError
from prompts.verbalise.number_prompts import LANGUAGES

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
    assert substitute_phonemes(text) == "t\t60\t0 112\ne\t80\nl\t70 0 99\nL\t50\nl\t40\nel/\t9\n"


def test_a_dropped_sound_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "espeak-ng", 'test "$1" = --version && echo eSpeak 1 || printf "x/\\t60\\n"\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    root = private_mbrola(tmp_path / "root", 'cat >/dev/null; echo "Warning: x/-_ unknown, replaced with _-_" >&2\n')
    monkeypatch.setattr(mbrola, "_private_environment", lambda root: {})
    with pytest.raises(VoiceError, match="no sound for a part of 'merhaba'"):
        Mbrola(root).speak_text("merhaba", tmp_path / "out.wav", 1.0)


def test_a_named_model_is_never_replaced_by_something_worse(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match=r"voice\.onnx\.json"):
        choose_voice("auto", piper=tmp_path / "voice.onnx")
    with pytest.raises(VoiceError, match="--piper"):
        choose_voice("piper")


def test_the_private_folder_is_found_and_a_half_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "espeak-ng", "echo eSpeak 1\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin") + ":/usr/bin:/bin")
    root = private_mbrola(tmp_path / "m")
    assert choose_voice("auto", folder=root).name == "mbrola tr2"
    (root / "usr/bin/mbrola").unlink()
    monkeypatch.setattr(mbrola.shutil, "which", lambda name: None if name == "mbrola" else f"/usr/bin/{name}")
    assert find_mbrola(root) is None
    with pytest.raises(VoiceError, match="santral prompts voices"):
        choose_voice("mbrola", folder=root)
    assert choose_voice("auto", folder=root).backend == "espeak"


def test_without_espeak_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for make in (Espeak, lambda: choose_voice("espeak"), lambda: Mbrola(tmp_path)):
        with pytest.raises(VoiceError, match="apt-get install espeak-ng"):
            make()


def test_an_unknown_voice() -> None:
    with pytest.raises(VoiceError, match="'festival'"):
        choose_voice("festival")


def test_piper_gets_text_by_file_and_its_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "piper", f'echo "$@" > {tmp_path}/args\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr("prompts.audio.voices.importlib.util.find_spec", lambda name: None)
    model = tmp_path / "tr_TR-x-medium.onnx"
    model.write_bytes(b"m")
    Path(f"{model}.json").write_text("{}")
    voice = Piper(model)
    voice.speak_text("Merhaba dünya", tmp_path / "a.wav", 0.8)
    told = (tmp_path / "args").read_text()
    assert "Merhaba" not in told
    assert "--length-scale 1.250" in told
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "Merhaba dünya"
    model.write_bytes(b"n")
    assert Piper(model).identity != voice.identity


def test_programs_that_are_missing_fail_or_hang(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="no-such-program is not installed"):
        run_program(["no-such-program"])
    with pytest.raises(VoiceError, match="failed with code 3: bad luck"):
        run_program(["sh", "-c", "echo bad luck >&2; exit 3"])
    with pytest.raises(VoiceError, match="did not end within"):
        run_program(["sleep", "30"], timeout_s=0.05)
    assert run_program(["sh", "-c", "cat; echo $A"], data=b"x", env={"A": "y"}).stdout == b"xy\n"


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
    unpack_mbrola(tmp_path / "voices" / "mbrola", say=said.append)
    assert find_mbrola(tmp_path / "voices" / "mbrola") == tmp_path / "voices" / "mbrola"
    assert len(said) == 1
    assert "expired" in said[0]
    fake_mmdebstrap(tmp_path / "bin", 'echo "E: no route to host" >&2; exit 25')
    with pytest.raises(VoiceError, match="no route"):
        unpack_mbrola(tmp_path / "other", say=said.append)
    assert not (tmp_path / "other").exists()
    assert len(said) == 1


def test_every_language_has_a_voice_and_a_model_speaks_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "espeak-ng", "echo eSpeak 1\n")
    program(tmp_path / "bin", "piper", "")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr("prompts.audio.voices.importlib.util.find_spec", lambda name: None)
    models = []
    for name in ("tr_TR-x-medium", "en_GB-y-low", "de_DE-z-low", "en_US-w-low"):
        models.append(tmp_path / f"{name}.onnx")
        models[-1].write_bytes(b"m")
        Path(f"{models[-1]}.json").write_text("{}")
    turkish, english, german, american = models
    assert set(choose_voices("espeak")) == set(LANGUAGES)
    assert {key: voice.name for key, voice in choose_voices("espeak").items()} == {"tr": "espeak-ng tr",
        "en": "espeak-ng en-gb"}
    both = choose_voices("auto", piper=[english, turkish])
    assert {key: voice.name for key, voice in both.items()} == {"tr": "piper tr_TR-x-medium", "en": "piper en_GB-y-low"}
    assert [voice.backend for voice in choose_voices("espeak", piper=[english]).values()] == ["espeak", "piper"]
    root = private_mbrola(tmp_path / "m")
    assert [voice.backend for voice in choose_voices("auto", folder=root).values()] == ["mbrola", "espeak"]
    with pytest.raises(VoiceError, match="begins with its language"):
        choose_voices("auto", piper=[german])
    with pytest.raises(VoiceError, match="two models of Piper for en"):
        choose_voices("auto", piper=[english, american])
    with pytest.raises(VoiceError, match="needs a model"):
        choose_voices("piper", piper=[english])


def test_each_language_is_spoken_by_its_own_voice_of_espeak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "espeak-ng", f'echo "$@" >> {tmp_path}/args\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    for language in LANGUAGES:
        Espeak(language).speak_text("a", tmp_path / "a.wav", 0.8)
    told = (tmp_path / "args").read_text()
    assert ("-v trk/tr -s 96 " in told, "-v gmw/en -s 112 " in told) == (True, True)
