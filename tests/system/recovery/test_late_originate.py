"""A command of a node that was frozen or cut off arrives after another agent has the caller, and no node is awake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.phones.ami_client import AmiClient
from lab.phones.network import PhoneBehaviour
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

SERVICE, KEY = "gorus_oneri", "4"
TALKS, LATE = 700, 1300
"""Tones of the two agents."""
ENDS = {0: "Late leg of offer 0 for caller", 999_999: "in a talk by"}
"""Offers before and after that of the talk, and what Asterisk logs of their legs. Two leaders that freeze in turn make
the second kind: the first one's leg is unknown to the other."""


async def test_a_late_originate_takes_no_caller_out_of_a_talk(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab()
    stage = Stage(lab, tmp_path)
    first, second = plain(SERVICE, 2)
    talker = await stage.agent(first, PhoneBehaviour("0", tone=TALKS))
    caller = await stage.hurried(KEY)
    await stage.reaches(talker, "talking", 60.0)
    contact = await stage.newest()
    seat = lab.info.seat_of(second)
    await lab.network.register_phones({seat.endpoint: seat.secret})
    await lab.network.set_behaviour(seat.endpoint, PhoneBehaviour("0", tone=LATE))
    # 1. Another offer of this caller rings now, as a node would have made it ring. A node that is awake ends that ring.
    lab.freeze_node()
    secrets = json.loads((lab.folder / "secrets/ami.json").read_text(encoding="utf-8"))
    ami = AmiClient()
    await ami.connect_to(int(lab.info.ami.rpartition(":")[2]), "santral-actions", secrets["actions"])
    answer = await ami.send_action("Getvar", ("Channel", contact), ("Variable", "CHANNEL(name)"))
    for offer in ENDS:
        before = len(lab.network.rung)
        await ami.send_action("Originate", ("Channel", f"PJSIP/{seat.endpoint}"), ("ChannelId", f"o{offer}-{contact}"),
                              ("Context", "santral-agent"), ("Exten", "s"), ("Priority", "1"), ("Async", "true"),
                              ("Variable", f"SC_CHAN={answer.get('Value')}"), ("Variable", f"SC_SERVICE={SERVICE}"),
                              ("Variable", f"SC_OFFER={offer}"))
        # 2. That leg ends, and the talk goes on.
        await (await lab.network.wait_ring(seat.endpoint, before)).wait_ended()
    await ami.close()
    lab.thaw_node()
    heard = stage.tone_s(caller, TALKS)
    await until_async(lambda: stage.tone_s(caller, TALKS) > heard + 1.0, 60.0, "the talk goes on")
    assert stage.tone_s(caller, LATE) == 0.0
    assert (await talker.fetch_view())["state"] == "talking"
    log = lab.folder / "pbx/log/messages.log"
    for line in ENDS.values():
        await until_async(lambda line=line: line in log.read_text(encoding="utf-8"),  # type: ignore[misc]
                          what=f"'{line}' is logged")
