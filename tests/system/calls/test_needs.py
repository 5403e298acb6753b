"""The time before the caller is connected, as the agent's profile says, on a real Asterisk: a whisper, time to read, a
key.
"""

from __future__ import annotations

import math

import pytest

from lab.people.agent import SimAgent
from lab.phones import audio
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from tests.system.needs import (
    AFTER_BRIEF,
    BY_WISH,
    GAIN_DB,
    KEY,
    LOUDER,
    READ_S,
    READS,
    RING_S,
    SCREEN,
    SKILL,
    SPARED,
    SWITCH,
)
from tests.system.stage import Stage, growing, length
from tests.until import until_async

pytestmark = pytest.mark.system

CALLER = 440
ABUSER = "05321239977"
BRIEF = f"bilgi-{SKILL}"
LATE_S = READ_S / 2
"""A busy machine is late by less. So a time to read that is left out, or not ended by a key, is seen."""
EARLY_S = 0.5
"""The times are those of two Asterisks."""


async def connected_after(stage: Stage, agent: SimAgent, phone: Leg) -> float:
    """Seconds from the answer of the phone until the caller was connected with it."""
    await stage.reaches(agent, "talking")
    contact = (await agent.fetch_view())["contact"]
    query = "select connected_at from offers where contact = ? and connected_at is not null"
    rows = await until_async(lambda: stage.lab.query_store(query, contact), what="the connection in the store")
    assert phone.answered_at is not None
    return float(rows[-1]["connected_at"]) - phone.answered_at


async def rings(stage: Stage, agent: SimAgent) -> tuple[Leg, Leg]:
    """A caller, and the agent's phone that rings for them and is answered."""
    since = len(stage.network.rung)
    caller = await stage.hurried(KEY, tone=CALLER)
    phone = await stage.network.wait_ring(agent.seat, since=since)
    await phone.wait_answered()
    return caller, phone


async def test_time_to_read_comes_after_the_word_and_a_key_ends_it(needs: Stage) -> None:
    agent = await needs.agent(READS, PhoneBehaviour(record=needs.folder))
    caller, phone = await rings(needs, agent)
    waited = await connected_after(needs, agent, phone)
    assert -EARLY_S < waited - READ_S - length(BRIEF) < LATE_S
    await caller.hang_up()
    await phone.wait_ended()
    needs.heard(phone, BRIEF)
    needs.not_heard(caller, BRIEF)
    await needs.reaches(agent, "wrapup")
    await agent.set_behaviour(PhoneBehaviour(record=needs.folder, press=f"5@{length(BRIEF) + 1.5:.2f}s"))
    await agent.ask_as_agent("wrapup/end")
    caller, phone = await rings(needs, agent)
    waited = await connected_after(needs, agent, phone)
    assert length(BRIEF) < waited < length(BRIEF) + READ_S - EARLY_S
    await caller.hang_up()


async def test_the_gain_is_measured_in_what_the_phone_receives(needs: Stage) -> None:
    levels = []
    for name in (LOUDER, SPARED):
        agent = await needs.agent(name, PhoneBehaviour(record=needs.folder))
        caller, phone = await rings(needs, agent)
        await needs.hears_tone(phone, CALLER)
        await caller.hang_up()
        await phone.wait_ended()
        assert phone.recording is not None
        levels.append(20 * math.log10(audio.tone_level(growing(phone.recording), CALLER)))
        await agent.ask_as_agent("pause", {})
    print("levels in dB:", [round(one, 2) for one in levels])
    assert abs(levels[0] - levels[1] - GAIN_DB) < 1.0, levels


async def test_a_wrap_up_by_wish_comes_after_a_key_in_the_talk_and_not_without(needs: Stage) -> None:
    agent = await needs.agent(BY_WISH, PhoneBehaviour(record=needs.folder))
    caller, phone = await rings(needs, agent)
    await needs.reaches(agent, "talking")
    await caller.hang_up()
    await phone.wait_ended()
    assert (await needs.reaches(agent, "ready"))["until"] is None
    caller, phone = await rings(needs, agent)
    await needs.reaches(agent, "talking")
    await phone.press_keys("*4")
    await needs.hears(phone, "kod-toparlama-istendi")
    await caller.hang_up()
    assert (await needs.reaches(agent, "wrapup"))["until"] is not None
    await agent.ask_as_agent("wrapup/end")


async def test_a_caller_who_was_abusive_waits_rather_than_come_to_who_is_spared_it(needs: Stage) -> None:
    agent = await needs.agent(BY_WISH, PhoneBehaviour(record=needs.folder))
    since = len(needs.network.rung)
    caller = await needs.hurried(KEY, number=ABUSER)
    phone = await needs.network.wait_ring(agent.seat, since)
    contact = (await needs.reaches(agent, "talking"))["contact"]
    await phone.press_keys("*0")
    await needs.hears(phone, "kaba-tamam")
    await until_async(lambda: needs.lab.query_store(
        "select topics from contacts where abusive and contact = ?", contact), what="the store has it")
    await caller.hang_up()
    await needs.reaches(agent, "ready")
    await agent.ask_as_agent("pause")
    spared = await needs.agent(SPARED)
    again = await needs.hurried(KEY, number=ABUSER)
    waits = "select contact from contacts where state = 'pending' and topics like '%abusive%'"
    await until_async(lambda: needs.lab.query_store(waits), what="they wait")
    other = await needs.hurried(KEY)
    await needs.reaches(spared, "talking")
    assert needs.lab.query_store(waits), "who came later and was never abusive goes to them"
    await agent.ask_as_agent("resume")
    await needs.reaches(agent, "talking")
    for one in (again, other):
        await one.hang_up()


async def test_a_caller_who_leaves_in_the_time_to_read_frees_the_agent_at_once(needs: Stage) -> None:
    agent = await needs.agent(READS)
    caller, phone = await rings(needs, agent)
    await caller.hang_up()
    await phone.wait_ended(READ_S)
    await needs.reaches(agent, "ready")


@pytest.mark.parametrize("name", [AFTER_BRIEF, SCREEN])
async def test_connected_by_itself_after_what_comes_before(needs: Stage, name: str) -> None:
    agent = await needs.agent(name, PhoneBehaviour(record=needs.folder))
    caller, phone = await rings(needs, agent)
    waited = await connected_after(needs, agent, phone)
    assert -EARLY_S < waited - (READ_S if name == SCREEN else length(BRIEF)) < LATE_S
    await caller.hang_up()
    await phone.wait_ended()
    assert "answer-after=0" in phone.headers["CallInfo"]
    (needs.not_heard if name == SCREEN else needs.heard)(phone, BRIEF)


async def test_any_key_takes_the_caller_and_none_is_no_answer(needs: Stage) -> None:
    said = length(BRIEF) + length("agent/press-any")
    agent = await needs.agent(SWITCH, PhoneBehaviour(record=needs.folder, press=f"7@{said + 2.5:.2f}s"))
    caller, phone = await rings(needs, agent)
    waited = await connected_after(needs, agent, phone)
    assert -EARLY_S < waited - said - 2.5 < LATE_S
    await caller.hang_up()
    await phone.wait_ended()
    assert "answer-after=0" in phone.headers["CallInfo"]
    needs.in_order(phone, BRIEF, "agent/press-any")
    await needs.reaches(agent, "wrapup")
    await agent.set_behaviour(PhoneBehaviour())
    await agent.ask_as_agent("wrapup/end")
    caller, phone = await rings(needs, agent)
    await phone.wait_ended()
    assert -EARLY_S < phone.talked_s - said - RING_S < LATE_S
    await until_async(lambda: needs.closed(agent.id) == ("timeout", "no_answer"), what=f"{needs.closed(agent.id)}")
    await caller.hang_up()
