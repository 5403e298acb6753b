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

_HEADERS = """\
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]load[call_number]
      To: <sip:[service]@[remote_ip]:[remote_port]>{to_tag}
      Call-ID: [call_id]
      CSeq: {cseq}
      Contact: <sip:{caller}@[local_ip]:[local_port]>
      Max-Forwards: 70
"""

_BYE_OK = """\
  <send><![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

  ]]></send>"""

_SDP = f"""\
      v=0
      o=load 1 1 IN IP4 [local_ip]
      s=-
      c=IN IP4 [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 8 {track.EVENT}
      a=rtpmap:8 PCMA/8000
      a=rtpmap:{track.EVENT} telephone-event/8000
      a=fmtp:{track.EVENT} 0-15
"""


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
    parts = ['<?xml version="1.0" encoding="ISO-8859-1" ?>', '<scenario name="caller">',
             _send("INVITE", load.caller, cseq="1 INVITE", to_tag="", retrans=True, body=_SDP),
             '  <recv response="100" optional="true"/>', '  <recv response="180" optional="true"/>',
             '  <recv response="183" optional="true"/>', '  <recv response="200" rtd="true"/>',
             _send("ACK", load.caller, cseq="1 ACK", to_tag="[peer_tag_param]")]
    parts.append(f'  <nop><action><exec play_pcap_audio="{TRACK}"/></action></nop>')
    if load.until_bye:
        parts += [f'  <recv request="BYE" timeout="{round(load.hold_s * 1000)}"/>', _BYE_OK]
    else:
        parts += [_pause(load.hold_s),
                  _send("BYE", load.caller, cseq="2 BYE", to_tag="[peer_tag_param]", retrans=True),
                  '  <recv response="200" crlf="true"/>']
    parts += ["</scenario>", ""]
    return "\n".join(parts)


def _send(method: str, caller: str, *, cseq: str, to_tag: str, retrans: bool = False, body: str = "") -> str:
    headers = _HEADERS.format(caller=caller, cseq=cseq, to_tag=to_tag)
    kind = "      Content-Type: application/sdp\n" if body else ""
    again = ' retrans="500"' if retrans else ""
    return (f"  <send{again}><![CDATA[\n      {method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n{headers}{kind}"
            f"      Content-Length: [len]\n\n{body}  ]]></send>")


def _pause(seconds: float) -> str:
    return f'  <pause milliseconds="{round(seconds * 1000)}"/>'


def _limit(load: Load) -> float:
    return load.calls / load.rate + load.hold_s + MARGIN_S
