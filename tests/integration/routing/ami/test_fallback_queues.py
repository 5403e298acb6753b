"""Members and callers of the fallback queues over AMI, against a stand-in for app_queue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from routing.ami.fallback.queues import AgentSource
from routing.core.inbox import AgentView
from routing.core.model.centre_model import Agent, AgentState, Centre, Service, Step
from routing.core.model.ids import AgentId, SeatId, ServiceId, SkillId
from tests.fakes.asterisk_ami import FakeAsterisk, QueueCaller
from tests.integration.ami_node import Node
from tests.until import until_async

pytestmark = pytest.mark.integration

DESK = Service(ServiceId("desk"), "Bilgi", (Step(((SkillId("info"), 30),)),))
ONE, TWO = (Agent(AgentId(name), ((SkillId("info"), 60),)) for name in ("a1", "a2"))
QUEUES = ("santral-desk", "santral-fallback-unknown")


class House:
    """A node whose agents a test changes."""

    def __init__(self, asterisk: FakeAsterisk, tmp: Path) -> None:
        self.asterisk = asterisk
        asterisk.queues = {name: {} for name in QUEUES}
        self.views: list[AgentView] = []
        self.node = Node(asterisk, tmp, agents=AgentSource(lambda: Centre((DESK,), (ONE, TWO)), lambda: self.views))

    def sees(self, *seats: tuple[Agent, str, AgentState, str]) -> None:
        self.views = [AgentView(one.id, "genel", state, reason, 0.0, SeatId(seat), None, None, None, 0, one.skills, "")
                      for one, seat, state, reason in seats]
        if self.node.switch.fallback is not None:
            self.node.switch.fallback.note_change()

    async def has(self, wanted: dict[str, str | None]) -> None:
        await until_async(lambda: self.asterisk.queues["santral-desk"] == wanted,
                          what=f"{wanted}; has {self.asterisk.queues}")


async def test_members_are_added_paused_and_removed_and_mended_after_a_connect(tmp_path: Path) -> None:
    async with FakeAsterisk() as asterisk:
        house = House(asterisk, tmp_path)
        asterisk.queues["santral-desk"]["PJSIP/2009"] = None
        async with house.node as node:
            house.sees((ONE, "2001", AgentState.READY, ""))
            await node.start()
            await house.has({"PJSIP/2001": None})
            (added, *_) = asterisk.asked("QueueAdd")
            assert (added["Penalty"], added["MemberName"]) == (["0"], ["2001"]), "equal penalties, no name"
            house.sees((ONE, "2001", AgentState.PAUSED, "mola"), (TWO, "2002", AgentState.READY, ""))
            await house.has({"PJSIP/2001": "mola", "PJSIP/2002": None})
            house.sees((TWO, "2002", AgentState.READY, ""))
            await house.has({"PJSIP/2002": None})
            asterisk.queues["santral-desk"] = {"PJSIP/2001": "mola", "PJSIP/2002": "yemek"}
            asterisk.cut()
            await house.has({"PJSIP/2002": None})


async def test_callers_are_called_back_once_after_a_connect(tmp_path: Path) -> None:
    async with FakeAsterisk() as asterisk:
        house = House(asterisk, tmp_path)
        asterisk.queue_callers = [QueueCaller("santral-desk", "PJSIP/trunk-00000001", "7.1"),
                                  QueueCaller("other", "PJSIP/trunk-00000002", "7.2")]
        async with house.node as node:
            await node.start()
            fallback = node.switch.fallback
            assert fallback is not None
            await node.until(lambda: fallback.called_back == 1)
            assert asterisk.asked("QueueWithdrawCaller")[0]["Caller"] == ["PJSIP/trunk-00000001"]
            asterisk.queue_callers.append(QueueCaller("santral-fallback-unknown", "PJSIP/trunk-00000003", "7.3"))
            await node.until(lambda: fallback.called_back == 2)
            assert [one["Caller"] for one in asterisk.asked("QueueWithdrawCaller")] == [
                ["PJSIP/trunk-00000001"], ["PJSIP/trunk-00000003"]], "who is asked once is left alone for a minute"
            assert fallback.waiting == 2


async def test_without_the_queues_members_are_left_alone(tmp_path: Path, capsys: Any) -> None:
    async with FakeAsterisk() as asterisk:
        house = House(asterisk, tmp_path)
        asterisk.queues = {}
        async with house.node as node:
            house.sees((ONE, "2001", AgentState.READY, ""))
            await node.start()
            await node.until(lambda: asterisk.asked("QueueStatus"))
            await node.until(lambda: "ami.fallback_queues_missing" in capsys.readouterr().out)
            assert not asterisk.asked("QueueAdd")
