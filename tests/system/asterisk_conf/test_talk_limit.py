"""The limit of a talk on a real Asterisk, with short times: the warning, the key, and a talk in distress.

The two channels are Local ones. The agent's leg runs `[santral-agent]` as rendered, without a node.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from asterisk_conf.carrier import Address
from asterisk_conf.dialplan_values import Timings
from asterisk_conf.render import render_files
from asterisk_conf.write import write_files
from lab.pbx.asterisk import PrivateAsterisk
from lab.pbx.fetch import find_asterisk
from lab.pbx.ports import PortBlock
from tests.fakes.asterisk_plan import plan as small_plan
from tests.until import until

pytestmark = pytest.mark.system

TALK_S, WARNING_S = 14, 7
LATE_S, EARLY_S = 5.0, 1.5
"""A busy machine is late by less, and the seconds of the dialplan are whole."""
PEOPLE = """
[test]
exten => _c_.,1,Answer()
 same => n,Set(GLOBAL(LEG_${EXTEN:2})=${CHANNEL})
 same => n,Wait(60)
exten => _a_.,1,Answer()
 same => n,Set(SC_SERVICE=${EXTEN:2})
 same => n,Set(SC_CHAN=${LEG_${EXTEN:2}})
 same => n,Goto(santral-agent,s,1)
exten => stays,1,Answer()
 same => n,Wait(60)
exten => presses,1,Answer()
 same => n,Wait(10.5)
 same => n,SendDTMF(#1)
 same => n,Wait(60)
exten => early,1,Answer()
 same => n,Wait(1)
 same => n,SendDTMF(#1)
 same => n,Wait(60)
"""


class Talks:
    """The Asterisk, and what its log says of sounds and ends."""

    def __init__(self, pbx: PrivateAsterisk, log: Path) -> None:
        self.pbx, self.log = pbx, log

    def begin(self, service: str, agent: str) -> float:
        """Bridge a caller of this service with an agent who acts like this extension. Return the start."""
        self.pbx.run_console(f"channel originate Local/c_{service}@test extension stays@test")
        self.pbx.run_console(f"channel originate Local/a_{service}@test extension {agent}@test")
        until(lambda: self.talks(service, "!Bridge!"), what="the talk")
        return time.monotonic()

    def talks(self, service: str, application: str = "") -> bool:
        """Tell whether the agent's leg of this service is there. After a key it names the key's last application."""
        return any(line.startswith(f"Local/a_{service}@test") and application in line
                   for line in self.pbx.run_console("core show channels concise").splitlines())

    def played(self, prompt: str) -> int:
        """Count how often a sound was wanted. The sounds are missing, so Asterisk complains about each."""
        return self.log.read_text(encoding="utf-8").count(f"/tr/{prompt} does not exist")


@pytest.fixture
def talks(tmp_path: Path) -> Iterator[Talks]:
    ports = PortBlock()
    first, last = ports.media_range(40)
    plan = replace(small_plan(), sounds=str(tmp_path / "sounds"), sip=Address("127.0.0.1", ports.free_port(
        socket.SOCK_DGRAM)), ami=Address("127.0.0.1", ports.free_port()), rtp=(first, last),
        nodes=(Address("127.0.0.1", ports.free_port()),), timings=Timings(talk_s=TALK_S, talk_warning_s=WARNING_S))
    write_files(render_files(plan), tmp_path / "etc")
    with (tmp_path / "etc/extensions.conf").open("a", encoding="utf-8") as file:
        file.write(PEOPLE)
    with PrivateAsterisk(find_asterisk(), tmp_path / "etc", tmp_path / "state") as pbx:
        pbx.run_console("module load res_clioriginate.so")
        yield Talks(pbx, tmp_path / "state" / "log" / "messages.log")
    ports.close()


def near(begun: float, seconds: float) -> bool:
    """Tell whether this time has passed since the begin, and not much more."""
    return -EARLY_S < time.monotonic() - begun - seconds < LATE_S


def test_the_agent_is_warned_and_the_talk_ends_and_in_distress_neither(talks: Talks) -> None:
    begun = talks.begin("temsilci", "stays")
    talks.begin("psikososyal", "presses")
    until(lambda: talks.played("sure-bitiyor") == 1, what="the warning")
    assert near(begun, TALK_S - WARNING_S)
    until(lambda: not talks.talks("temsilci"), what="the end")
    assert near(begun, TALK_S)
    until(lambda: time.monotonic() > begun + TALK_S + LATE_S, what="the time after the limit")
    assert talks.talks("psikososyal") and talks.played("sure-bitiyor") == 1
    assert talks.played("sure-yeterli") == 1, "its key has nothing to extend"


def test_the_key_moves_the_limit_after_the_warning_and_not_before(talks: Talks) -> None:
    begun = talks.begin("temsilci", "presses")
    until(lambda: talks.played("sure-uzatildi") == 1, what="the key")
    until(lambda: talks.played("sure-bitiyor") == 2, what="the second warning")
    assert near(begun, 2 * TALK_S - WARNING_S) and talks.talks("temsilci")
    until(lambda: not talks.talks("temsilci"), what="the end")
    assert near(begun, 2 * TALK_S)
    begun = talks.begin("temsilci", "early")
    until(lambda: talks.played("sure-yeterli") == 1, what="the early key")
    until(lambda: not talks.talks("temsilci"), what="the end")
    assert near(begun, TALK_S) and talks.played("sure-uzatildi") == 1
