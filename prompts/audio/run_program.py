"""Run the programs that make sound, with a time limit for each, and errors that name a solution."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from prompts.errors import VoiceError

PROCESS_TIMEOUT_S = 120.0
"""Time limit. A sentence takes milliseconds with espeak-ng and mbrola, and some seconds with Piper."""

SAID_OF_ERROR = 400
"""Characters of a program's own error text that are repeated in ours."""

INSTALL = {
    "espeak-ng": "apt-get install espeak-ng",
    "sox": "apt-get install sox",
    "mbrola": "santral prompts voices",
    "chromium": "apt-get install chromium",
    "mmdebstrap": "apt-get install mmdebstrap",
}
"""Command that installs a missing program."""


def run_program(
    argv: Sequence[str | Path],
    *,
    data: bytes | None = None,
    env: Mapping[str, str] | None = None,
    timeout_s: float = PROCESS_TIMEOUT_S,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end and return its result. Raise VoiceError if it is missing, hangs or fails.

    `env` is added to the environment of this process.
    """
    name = Path(argv[0]).name
    try:
        done = subprocess.run(
            [str(part) for part in argv], input=data, capture_output=True, timeout=timeout_s, check=False,
            stdin=subprocess.DEVNULL if data is None else None, env={**os.environ, **(env or {})},
        )  # fmt: skip
    except FileNotFoundError as error:
        how = INSTALL.get(name, "install it, or choose another voice")
        raise VoiceError(f"{name} is not installed: {how}") from error
    except subprocess.TimeoutExpired as error:
        raise VoiceError(f"{name} did not end within {timeout_s:.0f} s and was stopped") from error
    if done.returncode:
        raise VoiceError(f"{name} failed with code {done.returncode}: {error_text(done.stderr)}")
    return done


def error_text(stderr: bytes) -> str:
    """Return the end of a program's error text, on one line."""
    return " ".join(stderr.decode("utf-8", "replace").split())[-SAID_OF_ERROR:] or "it said nothing"
