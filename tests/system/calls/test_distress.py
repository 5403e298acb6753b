"""Distress outside the counsellors' hours, on a real Asterisk: who is on call, then the numbers that always help."""

from __future__ import annotations

import pytest

from lab.people.agent import SimAgent
from lab.phones.network import PhoneBehaviour
from tests.system.needs import NUMBERS, REMOTE, REMOTE_KEY, REMOTE_SKILL, WRONG
from tests.system.stage import Stage, length

pytestmark = pytest.mark.system

CALLER, AGENT = 440, 700
FIRST, EMERGENCY, AGAIN = "bekleme-ilk-destek", "acil-destek", "acil-tekrar"
BRIEF = f"bilgi-{REMOTE_SKILL}"
TELEPHONE, NOBODYS = (NUMBERS[agent].removeprefix("+") for agent in (REMOTE, WRONG))


async def test_nobody_in_distress_is_sent_away(needs: Stage) -> None:
    """No agent sits at a seat, and no agent on call can be reached: the text comes by itself, and by key at any time.
    Then an agent on call is back and takes the call, which has stayed in the queue. An agent without a number is not
    even signed in."""
    people = [SimAgent(needs.info, needs.network, name) for name in (REMOTE, WRONG)]
    await needs.network.set_behaviour(NOBODYS, PhoneBehaviour("unknown"))
    for person in people:
        await person.ask_as_agent("pause")
    caller = await needs.hurried(REMOTE_KEY, tone=CALLER)
    await needs.counts(REMOTE_SKILL, 1)
    await needs.hears(caller, AGAIN, 60.0)
    await caller.press_keys("1")
    await needs.hears_twice(caller, EMERGENCY)
    needs.not_heard(caller, FIRST)
    assert (await needs.lab.fetch_queue(REMOTE_SKILL))["waiting"] == 1
    asked_s = length(BRIEF) + length("agent/press-one")
    await needs.network.set_behaviour(TELEPHONE, PhoneBehaviour(record=needs.folder, tone=AGENT,
                                                    press=f"1@{asked_s + 2.5:.2f}s"))
    contact = await needs.newest()
    await people[0].ask_as_agent("resume")
    phone = await needs.network.wait_ring(TELEPHONE)
    await needs.reaches(people[0], "talking")
    await needs.hears_tone(phone, CALLER)
    needs.not_heard(caller, "system/net", "merkez-kapali")
    await caller.hang_up()
    await phone.wait_ended()
    assert await needs.ended(contact) == "answered"
    for person in people[1:]:
        await person.ask_as_agent("resume")
