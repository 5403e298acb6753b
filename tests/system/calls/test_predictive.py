"""Callbacks without a reserved agent, with real phones: the caller is dialled, presses 1 and gets an agent with age. If
the agent has become busy meanwhile, the caller waits in front with music."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import lifecycle
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from tests.system import ended
from tests.system.calls.test_callback import AGENT_TONE, CALLER_TONE, LIMIT_S, Callers, centre_of, hears_tone
from tests.system.stage import Stage, length, plain
from tests.until import until_async

pytestmark = pytest.mark.system

SERVICE, KEY = "gorus_oneri", "4"
FIRST, SECOND, LIVE, THIRD = "05391000001", "05391000002", "05391000003", "05391000004"
LATE_S = 3.0
"""After the sentence that says who calls: a busy machine begins it late, and the key has more time."""


@pytest.fixture(scope="module")
def lab(asterisk_tree: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[lifecycle.LabInfo]:
    """Start a lab without quiet hours, in which one service calls back without a reserved agent and wants a key."""
    folder = tmp_path_factory.mktemp("predictive")
    centre = centre_of(folder)
    services = centre / "services.yaml"
    text = services.read_text(encoding="utf-8")
    assert text.count("callback: caller_first") == 1
    services.write_text(text.replace("callback: caller_first", "callback: predictive"), encoding="utf-8")
    info = lifecycle.start_lab(centre, folder / "lab", extra=(
        '[callback]\nquiet_from = "00:00"\nquiet_to = "00:00"\n[profile]\nwrapup_s = 0\n'))
    try:
        yield info
    finally:
        ended.down(folder / "lab")


async def test_a_caller_without_a_reserved_agent_gets_one_or_waits_in_front_with_music(
        lab: lifecycle.LabInfo, tmp_path: Path) -> None:
    session = LabSession(lab)
    async with session.network:
        callers = Callers(Stage(session, tmp_path))
        stage, (name,) = callers.stage, plain(SERVICE, 1)
        said_s = length("geri-arama-merhaba")
        await callers.phone(FIRST, PhoneBehaviour(tone=CALLER_TONE, record=tmp_path, press=f"1@{said_s + LATE_S:.2f}s"))
        # This phone rings long enough for a live caller to take the agent.
        await callers.phone(SECOND, PhoneBehaviour("12", tone=CALLER_TONE, record=tmp_path,
                                                   press=f"1@{said_s + LATE_S:.2f}s"))
        # 1. The caller is dialled while the agent's phone is silent, and gets the agent after key 1, with age.
        first = await callers.called_back(KEY, FIRST)
        (queued,) = session.query_store("select since from contacts where contact = ?", first)
        # The caller hears the whole sentence before this agent picks up.
        agent = await callers.agent(name, PhoneBehaviour("9", tone=AGENT_TONE, record=tmp_path))
        leg = await callers.rings(FIRST)
        await callers.row(first, dialling=1, state="pending")
        assert not [one for one in stage.network.rung if one.seat == agent.seat], "nobody is reserved"
        assert (await agent.fetch_view())["state"] == "ready"
        await callers.talks(agent, first)
        stage.in_order(leg, "geri-arama-merhaba", "geri-arama-bir-dakika")
        await hears_tone(stage, leg, AGENT_TONE)
        await callers.row(first, since=queued["since"], dialling=0, state="assigned")
        (offer,) = session.query_store("select dialled_at from offers where contact = ?", first)
        assert offer["dialled_at"] is None, "a plain offer to the agent"
        await leg.hang_up()
        assert await stage.ended(first) == "answered"
        # 2. The agent is taken while the phone rings: the caller hears a sentence and music, in front of a later call.
        await agent.ask_as_agent("pause")
        second = await callers.called_back(KEY, SECOND)
        await stage.reaches(agent, "paused")
        await agent.ask_as_agent("resume")
        leg = await callers.rings(SECOND)
        live, taken = await callers.waits(KEY, LIVE)
        await callers.talks(agent, taken)
        await leg.wait_answered()
        await stage.hears(leg, "geri-arama-bir-dakika")
        await stage.hears_music(leg)
        await callers.row(second, callback=0, dialling=0, state="pending")
        await live.hang_up()
        await callers.talks(agent, second)
        await hears_tone(stage, leg, AGENT_TONE)
        await leg.hang_up()
        assert await stage.ended(second) == "answered"

        async def nobody_waits() -> bool:
            return not await callers.waiting()

        await until_async(nobody_waits, LIMIT_S, "no callback is left")


@pytest.mark.long
async def test_a_new_node_adopts_a_dial_without_an_agent(lab: lifecycle.LabInfo, tmp_path: Path) -> None:
    """The node is killed while the caller's phone rings. Nobody is dialled twice, and the caller gets an agent."""
    session = LabSession(lab)
    async with session.network:
        callers = Callers(Stage(session, tmp_path))
        stage, name = callers.stage, plain(SERVICE, 2)[1]
        await callers.phone(THIRD, PhoneBehaviour("12", tone=CALLER_TONE, record=tmp_path,
                                                  press=f"1@{length('geri-arama-merhaba') + LATE_S:.2f}s"))
        contact = await callers.called_back(KEY, THIRD)
        agent = await callers.agent(name, PhoneBehaviour("4", tone=AGENT_TONE, record=tmp_path))
        leg = await callers.rings(THIRD)
        session.kill_node()
        await session.start_node()
        await leg.wait_answered()
        await callers.talks(agent, contact)
        await hears_tone(stage, leg, AGENT_TONE)
        assert len([one for one in stage.network.rung if one.seat == leg.seat]) == 1, "it rang once"
        await callers.row(contact, tries=0, dialling=0)
        await leg.hang_up()
        assert await stage.ended(contact) == "answered"
