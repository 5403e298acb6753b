"""Speak Turkish with mbrola's voice tr2 (female), the best voice that Debian offers, in its non-free section.

espeak-ng turns text into phonemes, and mbrola speaks them. The voice lacks three phonemes that espeak-ng 1.52 writes.
mbrola would drop such a sound ("temsilciye" is heard as "sisiye"), so these phonemes are replaced. A build fails if a
sound would still be dropped.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from prompts.audio.run_program import error_text, run_program
from prompts.errors import VoiceError

MBROLA_SPEED = 120
"""Words a minute. Between 110 and 125 a recogniser understood tr2 best (41.6 and 42.4 % errors, but 47 at 140)."""

SUBSTITUTES = {"l/": "l", "L/": "L", "&": "e"}
"""Phonemes of tr1 and tr2 for those of espeak-ng 1.52: l closing a syllable (el, hal), and e before l, m, n."""

DROPPED = re.compile(rb"unknown, replaced", re.IGNORECASE)
"""Words that mbrola writes to stderr when it drops a sound."""

VOICE_FILE = "usr/share/mbrola/tr2/tr2"

PACKAGES = "mbrola,mbrola-tr1,mbrola-tr2"
SUITE = "trixie"
UNPACK_TIMEOUT_S = 600.0
"""Time to unpack 24 MB: 3 s on a good line, and up to ten minutes on a bad one."""

EXPIRED = re.compile(rb"expired|Valid-Until", re.IGNORECASE)

TERMS = """\
The voices mbrola-tr1 and mbrola-tr2 are not free software (Debian: non-free; the engine: contrib).
  - They may be used only with the MBROLA program.
  - They may be copied and given away, with their notice, when no charge is made.
  - They may not be sold or be part of a product that is sold, without permission of the owner
    (Faculte Polytechnique de Mons; voice by Baris Bozkurt).
A public body at no charge is within these terms; a vendor who sells the system needs permission, or another voice.
The terms say nothing about produced audio: keep built files out of releases too.
The packages are unpacked into a private folder; nothing is installed on the system."""


def find_mbrola(folder: Path | None) -> Path | None:
    """Return the root folder of mbrola and tr2, or None. The private folder is preferred to the system."""
    if folder is not None and (folder / VOICE_FILE).is_file() and (folder / "usr/bin/mbrola").is_file():
        return folder.resolve()
    if (Path("/") / VOICE_FILE).is_file() and shutil.which("mbrola") is not None:
        return Path("/")
    return None


class Mbrola:
    """The voice tr2 below a root folder. See `prompts.audio.voices.Voice`."""

    backend = "mbrola"
    name = "mbrola tr2"
    speed: float = MBROLA_SPEED

    def __init__(self, root: Path) -> None:
        if shutil.which("espeak-ng") is None:
            raise VoiceError("mbrola needs espeak-ng for the phonemes: apt-get install espeak-ng")
        self._voice = root / VOICE_FILE
        private = root != Path("/")
        self._program = root / "usr/bin/mbrola" if private else Path(shutil.which("mbrola") or "mbrola")
        # Even with --pho -q espeak-ng starts mbrola from PATH, and looks for the voice below XDG_DATA_DIRS.
        self._env = _private_environment(root) if private else {}
        espeak = run_program(
            ["espeak-ng", "--version"]).stdout.decode("utf-8", "replace").partition("Data at")[0].strip()
        self.identity = f"mbrola tr2 {self._voice.stat().st_size} {espeak}"

    def speak_text(self, text: str, out: Path, pace: float) -> None:
        """Speak a text, see `Voice`. Raise VoiceError if the voice lacks a sound of the text."""
        # espeak-ng reads the text from a file, so no text can be taken for an option.
        source = out.with_suffix(".txt")
        source.write_text(text, encoding="utf-8")
        speed = str(round(self.speed * pace))
        said = run_program(["espeak-ng", "-b", "1", "-v", "mb-tr2", "-s", speed, "--pho", "-q", "-f", source],
            env=self._env)
        phonemes = substitute_phonemes(said.stdout.decode("utf-8", "replace"))
        # mbrola reports a dropped sound on stderr only, and its exit code is 0.
        done = run_program([self._program, "-e", self._voice, "-", out], data=phonemes.encode(), env=self._env)
        if DROPPED.search(done.stderr):
            raise VoiceError(f"mbrola tr2 has no sound for a part of {text!r}: {error_text(done.stderr)}")


def substitute_phonemes(phonemes: str) -> str:
    """Return the phoneme lines of espeak-ng with replacements for what tr2 lacks. Empty lines are left out."""
    lines = []
    for line in phonemes.splitlines():
        if line.strip():
            sound, tab, rest = line.partition("\t")
            lines.append(SUBSTITUTES.get(sound, sound) + tab + rest)
    return "\n".join(lines) + "\n"


def unpack_mbrola(folder: Path, *, say: Callable[[str], None] = print) -> None:
    """Unpack engine and voices into `folder`, completely or not at all.

    Raise VoiceError if Debian's mirror cannot be reached.

    All three sections are needed: the engine is in contrib, the voices in non-free, and its libraries in main.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mbrola-", dir=folder.parent) as scratch:
        target = Path(scratch) / "root"
        command = ["mmdebstrap", "--variant=extract", "--components=main contrib non-free", f"--include={PACKAGES}"]
        # 1. Unpack into a scratch folder, so that a failure leaves the old voice.
        try:
            run_program([*command, SUITE, target], timeout_s=UNPACK_TIMEOUT_S)
        except VoiceError as error:
            if not EXPIRED.search(str(error).encode()):
                raise
            # A frozen mirror is old but signed, so only the check of its date is left out.
            say("apt says that the mirror's release file has expired; trying again without that check.")
            shutil.rmtree(target, ignore_errors=True)
            run_program([*command, '--aptopt=Acquire::Check-Valid-Until "false"', SUITE, target],
                        timeout_s=UNPACK_TIMEOUT_S)
        # 2. Replace the folder only with a voice that is complete.
        if find_mbrola(target) is None:
            raise VoiceError(f"the packages {PACKAGES} of {SUITE} did not hold {VOICE_FILE}")
        if folder.exists():
            shutil.rmtree(folder)
        target.rename(folder)


def _private_environment(root: Path) -> dict[str, str]:
    return {"PATH": f"{root}/usr/bin:/usr/local/bin:/usr/bin:/bin", "XDG_DATA_DIRS": f"{root}/usr/share:/usr/share"}
