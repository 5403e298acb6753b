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
    # 1. The offer before this talk rings now, as the node would have made it ring. A node that is awake ends that ring.
    lab.freeze_node()
    secrets = json.loads((lab.folder / "secrets/ami.json").read_text(encoding="utf-8"))
    ami = AmiClient()
    await ami.connect_to(int(lab.info.ami.rpartition(":")[2]), "santral-actions", secrets["actions"])
    answer = await ami.send_action("Getvar", ("Channel", contact), ("Variable", "CHANNEL(name)"))
    await ami.send_action("Originate", ("Channel", f"PJSIP/{seat.endpoint}"), ("ChannelId", f"o0-{contact}"),
                          ("Context", "santral-agent"), ("Exten", "s"), ("Priority", "1"), ("Async", "true"),
                          ("Variable", f"SC_CHAN={answer.get('Value')}"), ("Variable", f"SC_SERVICE={SERVICE}"),
                          ("Variable", "SC_OFFER=0"))
    await ami.close()
    phone = await lab.network.wait_ring(seat.endpoint)
    # 2. That leg ends, and the talk goes on.
    await phone.wait_ended()
    lab.thaw_node()
    before = stage.tone_s(caller, TALKS)
    await until_async(lambda: stage.tone_s(caller, TALKS) > before + 1.0, 60.0, "the talk goes on")
    assert stage.tone_s(caller, LATE) == 0.0
    assert (await talker.fetch_view())["state"] == "talking"
    log = lab.folder / "pbx/log/messages.log"
    await until_async(lambda: "Late leg of offer 0 for caller" in log.read_text(encoding="utf-8"), what="it is logged")
