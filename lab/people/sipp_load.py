"""Load by SIPp: many real SIP calls with sound and keys (`lab.people.sound_track`) from one cheap process."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lab.errors import LabError
from lab.people import sound_track
from lab.phones import network_conf
from lab.phones.keys import parse_presses

MARGIN_S = 60.0
"""Time on top of the plan for ringing, good-byes and a machine that is slow under the load."""
SOUND_TRACK = "caller.pcap"
CROWD, BEGUN = "crowd.csv", "begun.log"
"""Files with the callers of a crowd, and with the time of each INVITE."""
BUSY_COUNTER = "GenericCounter1(C)"
"""Column of the statistics with the calls that were told busy."""


class CrowdCaller(NamedTuple):
    """A caller of a crowd."""

    number: str
    address: str
    """Address of the caller's sound."""


class LoadPlan(NamedTuple):
    """Parameters of a load."""

    target: str
    """host:port"""
    number: str
    calls: int
    rate: float
    """New calls a second."""
    hold_s: float
    """Seconds from the answer to the caller's BYE. With `until_bye`, the longest time that the other side takes."""
    port: int
    """UDP port of SIPp's own SIP."""
    media_port: int
    press: str = ""
    """Keys as `lab.phones.keys` reads them. Times count from the answer."""
    caller: str = "05000000000"
    until_bye: bool = False
    """True if the other side hangs up."""
    at_once: int = 0
    """Most callers at the same time, 0 for no limit."""
    may_be_busy: bool = False
    """Whether a 486 is a result and no failure. Not together with `until_bye`."""
    crowd: Sequence[CrowdCaller] = ()
    """The callers, if each has a number and the sound is made elsewhere (`lab.people.crowd_media`), at `media_port`."""


class LoadResult(NamedTuple):
    """Results of a load."""

    successful: int
    """Calls that went as planned, with those that were told busy."""
    failed: int
    busy: int
    log: str
    """Last part of SIPp's messages about failures."""
    begun: Mapping[str, float] = {}
    """Unix time of the INVITE of each caller of a crowd, by number."""


def run_sipp(load: LoadPlan, folder: Path) -> LoadResult:
    """Make the calls and wait for the end of all. Raise LabError if SIPp cannot make them."""
    # 1. Write the scenario and the sound of a caller.
    program = shutil.which("sipp")
    if program is None:
        raise LabError("sipp is missing, it makes load. As root: apt-get install sip-tester")
    folder.mkdir(parents=True, exist_ok=True)
    if load.crowd:
        lines = ["SEQUENTIAL", *(f"{one.number};{one.address}" for one in load.crowd)]
        (folder / CROWD).write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        (folder / SOUND_TRACK).write_bytes(sound_track.render_capture(parse_presses(load.press), load.hold_s))
    (folder / "caller.xml").write_text(render_scenario(load), encoding="utf-8")
    statistics = folder / "statistics.csv"
    statistics.unlink(missing_ok=True)
    # 2. Run SIPp. Its own limit ends it; ours is for a SIPp that hangs.
    own = ["-inf", CROWD, "-trace_logs", "-log_file", BEGUN] if load.crowd else ["-mp", str(load.media_port)]
    command = [program, load.target, "-sf", "caller.xml", "-s", load.number,
               "-i", network_conf.CALLERS, "-p", str(load.port), *own,
               "-r", str(load.rate), "-m", str(load.calls),
               "-l", str(load.at_once or load.calls), "-trace_stat", "-stf", str(statistics), "-fd", "1",
               "-trace_err", "-error_file", "errors.log", "-nostdin", "-timeout", f"{_time_limit(load):.0f}s"]
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=_time_limit(load) + MARGIN_S, check=False,
                              start_new_session=True,
                              env={**os.environ, "TERM": "dumb", "LC_ALL": "C"})
    except subprocess.TimeoutExpired as error:
        raise LabError(f"sipp did not end within {_time_limit(load) + MARGIN_S:.0f} s") from error
    # 3. Read the last line of the statistics, which has the totals. SIPp without calls writes no line.
    errors = folder / "errors.log"
    told = errors.read_text(encoding="utf-8", errors="replace") if errors.exists() else ""
    try:
        with statistics.open(encoding="utf-8", newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        return LoadResult(int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"]),
                          int(last[BUSY_COUNTER]) if load.may_be_busy else 0, told[-2000:],
                          _read_begun(folder / BEGUN) if load.crowd else {})
    except (OSError, IndexError, KeyError, ValueError) as error:
        raise LabError(f"sipp made no calls (exit {done.returncode}). It said: {(done.stderr or told).strip()[-500:]}"
                       ) from error


def render_scenario(load: LoadPlan) -> str:
    """Render the caller's scenario for SIPp: INVITE, sound with keys, BYE."""
    return network_conf.TEMPLATES.get_template("caller.xml.j2").render(
        load=load, track=SOUND_TRACK, event=sound_track.EVENT, hold_ms=round(load.hold_s * 1000))


def _read_begun(path: Path) -> dict[str, float]:
    """Read the lines of the scenario: number, and SIPp's time stamp, which ends with the Unix time."""
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {line[0]: float(line[-1]) for line in lines if line}


def _time_limit(load: LoadPlan) -> float:
    return load.calls / load.rate + load.hold_s + MARGIN_S
