"""Load by SIPp: many real SIP calls with sound and keys (`lab.track`), from one process that costs little."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from lab import network_conf, track
from lab.errors import LabError
from lab.keys import parse

MARGIN_S = 60.0
"""Over the planned time: ringing, good-byes, and a machine that is slow under the load."""
TRACK = "caller.pcap"


class Load(NamedTuple):
    """What SIPp shall do."""

    target: str
    """host:port"""
    number: str
    calls: int
    rate: float
    """New calls a second."""
    hold_s: float
    """Seconds between the answer and the caller's BYE; with `until_bye` the longest that the other side takes."""
    port: int
    """UDP port of SIPp's own SIP."""
    media_port: int
    press: str = ""
    """As `lab.keys` reads it, times from the answer."""
    caller: str = "05000000000"
    until_bye: bool = False
    """The other side hangs up."""
    at_once: int = 0
    """Never more callers than this at the same time, the next one when one is done; 0: as many as come."""


class Result(NamedTuple):
    """What became of the calls."""

    successful: int
    failed: int
    log: str
    """SIPp's own words about failures."""


def run(load: Load, folder: Path) -> Result:
    """Make the calls and wait for the end of all. Raises LabError when SIPp cannot do it."""
    program = shutil.which("sipp")
    if program is None:
        raise LabError("sipp is missing, it makes load. As root: apt-get install sip-tester")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TRACK).write_bytes(track.capture(parse(load.press), load.hold_s))
    (folder / "caller.xml").write_text(scenario(load), encoding="utf-8")
    statistics = folder / "statistics.csv"
    statistics.unlink(missing_ok=True)
    command = [program, load.target, "-sf", "caller.xml", "-s", load.number,
               "-i", network_conf.CALLERS, "-p", str(load.port),
               "-mp", str(load.media_port), "-r", str(load.rate), "-m", str(load.calls),
               "-l", str(load.at_once or load.calls), "-trace_stat", "-stf", str(statistics), "-fd", "1",
               "-trace_err", "-error_file", "errors.log", "-nostdin", "-timeout", f"{_limit(load):.0f}s"]
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=_limit(load) + MARGIN_S, check=False, start_new_session=True,
                              env={**os.environ, "TERM": "dumb", "LC_ALL": "C"})
    except subprocess.TimeoutExpired as error:
        raise LabError(f"sipp did not end within {_limit(load) + MARGIN_S:.0f} s") from error
    errors = folder / "errors.log"
    told = errors.read_text(encoding="utf-8", errors="replace") if errors.exists() else ""
    try:
        with statistics.open(encoding="utf-8", newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        return Result(int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"]), told[-2000:])
    except (OSError, IndexError, KeyError, ValueError) as error:
        raise LabError(f"sipp made no calls (exit {done.returncode}). It said: {(done.stderr or told).strip()[-500:]}"
                       ) from error


def scenario(load: Load) -> str:
    """The caller as SIPp reads it: INVITE, sound with keys, BYE."""
    return network_conf.TEMPLATES.get_template("caller.xml.j2").render(
        load=load, track=TRACK, event=track.EVENT, hold_ms=round(load.hold_s * 1000))


def _limit(load: Load) -> float:
    return load.calls / load.rate + load.hold_s + MARGIN_S
