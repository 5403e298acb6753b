"""Make the plan of the speech service of a centre, with the key from its file."""

from __future__ import annotations

import stat
from pathlib import Path

from centres.centre_reader import LoadedCentre, load_centre
from centres.problem import Problem
from centres.settings import Voice
from prompts.audio.speech_service import SpeechPlan
from prompts.errors import CatalogueError, VoiceError
from santral.secrets import READABLE_BY_OTHERS

KEY_LETTERS = 4096
"""Longest key. The file is one that a person may have named by mistake."""


def read_speech(folder: Path, overlay: Path | None) -> SpeechPlan | None:
    """Return the plan of the speech service of a centre, or None without one.

    Raise CatalogueError with the problems of its settings, and VoiceError if the key cannot be used.
    """
    loaded = load_centre(folder, overlay)
    if loaded.settings is None:
        raise CatalogueError("\n".join(str(problem) for problem in loaded.problems))
    wanted = loaded.settings.voice
    if wanted.url is None:
        return None
    voices = {str(language): name for language, name in wanted.voices.items()}
    return SpeechPlan(wanted.url, wanted.form, wanted.model, voices, _read_key(loaded, wanted), wanted.ca,
                      wanted.timeout_s, loaded.where("voice", "url"))


def check_speech(loaded: LoadedCentre) -> list[Problem]:
    """Return a warning if the key of the speech service cannot be used on this machine."""
    if loaded.settings is None or loaded.settings.voice.url is None:
        return []
    try:
        _read_key(loaded, loaded.settings.voice)
    except VoiceError as error:
        where, _, what = str(error).partition(": ")
        return [Problem(where, what, "The build of the prompts needs it (docs/centre/prompts.md).")]
    return []


def _read_key(loaded: LoadedCentre, wanted: Voice) -> str | None:
    """Return the key of the service. Raise VoiceError as `file:line: what` if its file cannot be used."""
    if wanted.key_file is None:
        return None
    path, where = Path(wanted.key_file), loaded.where("voice", "key_file")
    try:
        # A file that others can read may already be known to them, so it is refused.
        if stat.S_IMODE(path.stat().st_mode) & READABLE_BY_OTHERS:
            raise VoiceError(f"{where}: the key file {path} is readable by others; close it: chmod 600 {path}")
        with path.open(encoding="utf-8") as file:
            key = file.read(KEY_LETTERS + 1).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise VoiceError(f"{where}: the key file {path} cannot be read: {why}") from error
    # A line end in a header would begin another header.
    if not key or not key.isascii() or not key.isprintable() or len(key) > KEY_LETTERS:
        raise VoiceError(f"{where}: the key file {path} should hold the key alone, on one line")
    return key
