"""Turn text into a raw WAV with the best voice present, and name that voice.

The order is: a model of Piper that the operator names, a speech service (`prompts.audio.speech_service`), mbrola tr2
(`prompts.audio.mbrola`), espeak-ng. Recordings of a person come before all of them, key by key (`prompts.build`).

Word error rate of a recogniser after 8 kHz A-law: Piper 24-30 %, mbrola tr2 42 %, espeak-ng 88 %.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from prompts.audio.mbrola import Mbrola, find_mbrola
from prompts.audio.run_program import run_program
from prompts.errors import VoiceError

ESPEAK_SPEED = {"tr": 120, "en": 140}
"""Words a minute. At 150 a recogniser misses 7 points more words of espeak-ng's Turkish.

espeak-ng's own speed for English is 175, which is too fast for listeners of a foreign language.
"""

ESPEAK_VOICES = {"tr": "tr", "en": "en-gb"}

ESPEAK_FILES = {"tr": "trk/tr", "en": "gmw/en"}
"""File of each voice. By its name espeak-ng reads all 140 voices before it speaks, a quarter of its time."""

ROBOT_VOICE = "espeak-ng is a robot voice for trials: on a telephone a recogniser misses 88 % of its words."
"""Words about espeak-ng for everybody who builds, checks or demonstrates with it."""

CHUNK = 1 << 20


class Voice(Protocol):
    """Speaker of one language."""

    @property
    def backend(self) -> str:
        """Kind of the voice: `piper`, `service`, `mbrola` or `espeak`."""

    @property
    def name(self) -> str:
        """Name of the voice, for people and the manifest."""

    @property
    def speed(self) -> float:
        """Speed in the unit of the back-end."""

    @property
    def identity(self) -> str:
        """Text that changes if the same words would sound different."""

    def speak_text(self, text: str, out: Path, pace: float) -> None:
        """Write a mono 16 bit WAV. `pace` 0.8 is slow speech. Raise VoiceError if that fails."""


class Espeak:
    """espeak-ng's own voice: free of terms, but robotic."""

    backend = "espeak"

    def __init__(self, language: str = "tr") -> None:
        if shutil.which("espeak-ng") is None:
            raise VoiceError("espeak-ng is not installed: apt-get install espeak-ng")
        self._voice, self.speed = ESPEAK_FILES[language], float(ESPEAK_SPEED[language])
        self.name = f"espeak-ng {ESPEAK_VOICES[language]}"
        self.identity = f"{self.name} " + version_of("espeak-ng")

    def speak_text(self, text: str, out: Path, pace: float) -> None:
        """Speak a text, see `Voice`."""
        source = out.with_suffix(".txt")
        source.write_text(text, encoding="utf-8")
        run_program(["espeak-ng", "-b", "1", "-v", self._voice, "-s", str(round(self.speed * pace)), "-w", out, "-f",
                     source])


class Piper:
    """Neural voice with a model of the operator. It runs as a separate process, so its GPL code stays out of ours."""

    backend = "piper"
    speed: float = 1.0

    def __init__(self, model: Path) -> None:
        settings = Path(f"{model}.json")
        missing = [str(path) for path in (model, settings) if not path.is_file()]
        if missing:
            raise VoiceError(f"Piper's model is not complete, missing: {', '.join(missing)}")
        self._command = _piper_command()
        self._model, self._settings = model, settings
        self.name = f"piper {model.stem}"
        self.identity = f"piper {model.stem} {sha256_of(model)}"

    def speak_text(self, text: str, out: Path, pace: float) -> None:
        """Speak a text, see `Voice`."""
        source = out.with_suffix(".txt")
        source.write_text(text, encoding="utf-8")
        # The length grows as the pace falls.
        run_program([*self._command, "-m", self._model, "-c", self._settings, "-i", source, "-f", out,
             "--length-scale", f"{1 / pace:.3f}"])  # fmt: skip


def choose_voice(want: str = "auto", *, piper: Path | None = None, folder: Path | None = None) -> Voice:
    """Return the best Turkish voice present, or the one that `want` names (`piper`, `mbrola`, `espeak`).

    `piper` is the path of a model, and `folder` the private folder of mbrola. A model that was named must work, and no
    other voice replaces it silently. Raise VoiceError if nothing can speak.
    """
    if want == "piper" and piper is None:
        raise VoiceError("the voice piper needs a model: --piper tr_TR-....onnx")
    if want == "piper" or (want == "auto" and piper is not None):
        assert piper is not None
        return Piper(piper)
    if want in ("auto", "mbrola"):
        root = find_mbrola(folder)
        if root is not None:
            return Mbrola(root)
        if want == "mbrola":
            raise VoiceError("mbrola tr2 is not there: santral prompts voices (prints its terms and asks)")
    if want in ("auto", "espeak"):
        return Espeak()
    raise VoiceError(f"no voice is called {want!r}: auto, piper, mbrola or espeak")


def choose_voices(want: str = "auto", *, piper: Sequence[Path] = (), folder: Path | None = None,
                  service: Mapping[str, Voice] | None = None) -> dict[str, Voice]:
    """Return the voice of each language.

    A model of Piper speaks the language that its name begins with (`tr_TR-`, `en_GB-`), and a speech service those that
    `service` names. mbrola speaks Turkish only, and espeak-ng everything else. Raise VoiceError if a voice is missing.
    """
    served = service or {}
    if want == "service" and not served:
        raise VoiceError("the voice service needs its address at [voice] url of santral.toml")
    # 1. Sort the models by language.
    models: dict[str, Path] = {}
    for path in piper:
        language = path.name.partition("_")[0]
        if language not in ESPEAK_VOICES:
            raise VoiceError(f"{path.name}: a model's name begins with its language: {' or '.join(ESPEAK_VOICES)}")
        if language in models:
            raise VoiceError(f"two models of Piper for {language}: {models[language].name}, {path.name}")
        models[language] = path
    # 2. Choose a voice for each language.
    spoken: dict[str, Voice] = {}
    for language in ESPEAK_VOICES:
        if language in served and want in ("auto", "service") and language not in models:
            spoken[language] = served[language]
        elif language == "tr":
            here = "auto" if want == "service" else want
            spoken[language] = choose_voice(here, piper=models.get(language), folder=folder)
        elif language in models:
            spoken[language] = Piper(models[language])
        else:
            spoken[language] = Espeak(language)
    return spoken


def version_of(program: str) -> str:
    """Return the first line of `--version`, without paths of this machine."""
    return run_program([program, "--version"]).stdout.decode("utf-8", "replace").partition("Data at")[0].strip()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        read: Callable[[], bytes] = lambda: file.read(CHUNK)  # noqa: E731
        for chunk in iter(read, b""):
            digest.update(chunk)
    return digest.hexdigest()


def _piper_command() -> list[str]:
    # The module of this Python comes first: a program of another installation may differ.
    if importlib.util.find_spec("piper") is not None:
        return [sys.executable, "-m", "piper"]
    found = shutil.which("piper")
    if found is None:
        raise VoiceError("Piper is not installed: pip install piper-tts (GPL-3, optional)")
    return [found]
