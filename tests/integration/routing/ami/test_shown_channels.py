"""A question about a call is no proof of a call: a phone rings once Asterisk has shown the caller's channel."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.dialogues import Dialogues
from routing.ami.asterisk_session import AsteriskSession
from routing.ami.link import Login
from routing.ami.settings import AsteriskSettings, SessionPace
from routing.ami.shown_channels import AWAITED_MAX, CHANNELS_MAX, ShownChannels
from routing.core import events as e
from routing.core.engine import Engine
from routing.core.model.centre_model import Agent, Centre, Service, Step
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from routing.runner import Runner, RunnerTurn
from tests.fakes.agi_dialler import Dialler
from tests.fakes.asterisk_ami import Channel, FakeAsterisk
from tests.fakes.menu import SERVICES
from tests.integration.ami_node import PATIENT
from tests.integration.ivr_node import SETTINGS, serving
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.integration

REAL, FORGED = ContactId("1800000000.1"), ContactId("1800000000.2")
KEY = "k" * 32
LATER_S = 3_600.0


class AskedNode:
    """A node with engine, dialogues and one agent, connected to a fake Asterisk."""

    def __init__(self, asterisk: FakeAsterisk, folder: Path, audit_s: float) -> None:
        self.asterisk, self.cel = asterisk, folder / "cel.csv"
        self.events: list[e.Event] = []
        where = ("127.0.0.1", asterisk.port)
        self.engine = Engine()
        self.runner = Runner(self.engine, self, clock=time.time, execute=lambda found: self.session.execute(found))
        self.session = AsteriskSession(
            AsteriskSettings("one", Login(*where, "engine-events", "e1", "system,call"),
                             Login(*where, "engine-actions", "a1"), "4440632", self.cel),
            self.runner.post, lambda: (self.engine.live_contacts(), self.engine.live_offers()), timing=PATIENT,
            pace=SessionPace(boot=LIMIT_S, audit=audit_s, settle=0.02, rescind=0.02))
        asterisk.phones, asterisk.devices = {"2001": "ring"}, {"PJSIP/2001": "NOT_INUSE"}
        anybody = (Step(((SkillId("bilgi"), 1),)),)
        services = tuple(Service(ServiceId(name), name, anybody) for name in SERVICES)
        self.runner.post(e.Configured(Centre(services, (Agent(AgentId("a"), ((SkillId("bilgi"), 50),)),))))
        self.runner.post(e.AgentSignedIn(AgentId("a"), SeatId("2001")))

    async def commit(self, turn: RunnerTurn) -> None:
        """Keep a turn, as the store does."""
        self.events += [event for _, event in turn.events if event is not None]

    async def tick(self, dialogues: Dialogues, contact: ContactId, script: str = "tick") -> Dialler:
        """Run one round of the hold loop, forged or not, for somebody who has waited for 50 minutes."""
        return await Dialler(dialogues.server.address[1], f"{KEY}/{script}", "", uniqueid=contact, variables={
            "SC_SERVICE": SERVICES[0], "SC_SINCE": str(time.time() - 3_000.0), "SC_PRIORITY": "20"}).call()

    def rung(self) -> list[str]:
        """Return the contacts for which a phone was rung, in order."""
        return [one["ChannelId"][0].partition("-")[2] for one in self.asterisk.asked("Originate")]


@pytest.fixture
async def asterisk() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk() as asterisk:
        yield asterisk


class Running:
    """`async with Running(centre) as dialogues:` runs the node."""

    def __init__(self, centre: AskedNode) -> None:
        self.centre = centre

    async def __aenter__(self) -> Dialogues:
        centre = self.centre
        self.tasks = [asyncio.create_task(centre.runner.run_forever()),
                      asyncio.create_task(centre.session.run_session())]
        self.serving = serving(centre.runner, settings=SETTINGS, key=KEY, clock=time.time,
                               is_shown=centre.session.expect_channel)
        return await self.serving.__aenter__()

    async def __aexit__(self, *error: object) -> None:
        await self.serving.__aexit__(None, None, None)
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)


async def test_a_forged_question_with_the_key_rings_no_phone_and_is_counted(
        asterisk: FakeAsterisk, tmp_path: Path) -> None:
    centre = AskedNode(asterisk, tmp_path, LATER_S)
    async with Running(centre) as dialogues:
        await until_async(lambda: centre.session.connected)
        assert (await centre.tick(dialogues, FORGED)).variables["ACD_NEXT"] == "hold"
        await until_async(lambda: centre.session.unseen == 1, what="a look at Asterisk finds no such call")
        await until_async(lambda: centre.engine.contact_view(FORGED, time.time()) is None)
        asterisk.caller(REAL)
        await until_async(lambda: centre.session.expect_channel(REAL))
        await centre.tick(dialogues, REAL)
        await until_async(lambda: centre.rung() == [REAL])
        assert centre.session.mismatches == 0 and centre.session.unseen == 1


async def test_a_caller_whose_channel_is_shown_late_is_offered_then(asterisk: FakeAsterisk, tmp_path: Path) -> None:
    """The link for events is slower than the question."""
    centre = AskedNode(asterisk, tmp_path, LATER_S)
    async with Running(centre) as dialogues:
        await until_async(lambda: centre.session.connected)
        assert not centre.session.expect_channel(REAL)
        asterisk.caller(REAL)
        await until_async(lambda: e.ChannelShown(REAL) in centre.events)
        await centre.tick(dialogues, REAL)
        await until_async(lambda: centre.rung() == [REAL])
        assert centre.session.unseen == 0


async def test_a_caller_of_a_time_without_ami_is_offered_after_it(asterisk: FakeAsterisk, tmp_path: Path) -> None:
    """A real caller and a forged one come while AMI is away. The snapshot after it tells which is which."""
    centre = AskedNode(asterisk, tmp_path, LATER_S)
    async with Running(centre) as dialogues:
        await until_async(lambda: centre.session.connected)
        await asterisk.stop()
        await until_async(lambda: not centre.session.connected)
        asterisk.caller(REAL)
        heard = [await centre.tick(dialogues, contact) for contact in (FORGED, REAL)]
        assert [one.variables["ACD_NEXT"] for one in heard] == ["hold", "hold"], "both go on"
        assert centre.rung() == []
        await asterisk.listen()
        await until_async(lambda: centre.rung() == [REAL])
        await until_async(lambda: centre.session.unseen == 1)


async def test_a_caller_whose_news_were_lost_is_found_by_the_next_look(asterisk: FakeAsterisk, tmp_path: Path) -> None:
    centre = AskedNode(asterisk, tmp_path, LATER_S)
    async with Running(centre) as dialogues:
        await until_async(lambda: centre.session.connected)
        asterisk.channels[REAL] = Channel(REAL, "PJSIP/trunk-0000000e")
        await centre.tick(dialogues, REAL)
        await until_async(lambda: centre.rung() == [REAL])
        assert centre.session.mismatches == 1 and centre.session.unseen == 0


def test_what_is_remembered_is_bounded() -> None:
    shown = ShownChannels()
    for number in range(CHANNELS_MAX + 1):
        shown.note_channel(f"1.{number}")
    for number in range(AWAITED_MAX + 1):
        shown.await_channel(ContactId(f"2.{number}"))
    assert len(shown) == CHANNELS_MAX + AWAITED_MAX and "1.0" not in shown and "2.0" not in shown.awaited
    assert shown.adopt_channels(["2.1", "o3-2.2"]) == [e.ChannelShown(ContactId("2.1"))], "no leg is a caller"
    assert "2.1" in shown and "2.2" not in shown
