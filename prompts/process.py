"""Running the programs that make sound: a time-out on each, and errors that say how to mend."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from prompts.errors import VoiceTrouble

PROCESS_TIMEOUT_S = 120.0
"""One sentence takes milliseconds with espeak-ng and mbrola and some seconds with Piper; two minutes means it hangs."""

SAID_OF_ERROR = 400
"""Characters of a program's own complaint that are repeated in ours."""

INSTALL = {
    "espeak-ng": "apt-get install espeak-ng",
    "sox": "apt-get install sox",
    "mbrola": "santral prompts voices",
    "chromium": "apt-get install chromium",
    "mmdebstrap": "apt-get install mmdebstrap",
}
"""How to get a program that is missing."""


def run(
    argv: Sequence[str | Path],
    *,
    data: bytes | None = None,
    env: Mapping[str, str] | None = None,
    timeout_s: float = PROCESS_TIMEOUT_S,
) -> subprocess.CompletedProcess[bytes]:
    """Run to the end and give what it wrote. VoiceTrouble when it is missing, hangs or fails.

    `env` is added to our own environment.
    """
    name = Path(argv[0]).name
    try:
        done = subprocess.run(
            [str(part) for part in argv], input=data, capture_output=True, timeout=timeout_s, check=False,
            stdin=subprocess.DEVNULL if data is None else None, env={**os.environ, **(env or {})},
        )  # fmt: skip
    except FileNotFoundError as error:
        how = INSTALL.get(name, "install it, or choose another voice")
        raise VoiceTrouble(f"{name} is not installed: {how}") from error
    except subprocess.TimeoutExpired as error:
        raise VoiceTrouble(f"{name} did not end within {timeout_s:.0f} s and was stopped") from error
    if done.returncode:
        raise VoiceTrouble(f"{name} failed with code {done.returncode}: {complaint(done.stderr)}")
    return done


def complaint(stderr: bytes) -> str:
    """The end of what a program complained about, on one line."""
    return " ".join(stderr.decode("utf-8", "replace").split())[-SAID_OF_ERROR:] or "it said nothing"
