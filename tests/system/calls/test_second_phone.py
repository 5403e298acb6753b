"""Several phones that ring for one person in distress, on a real Asterisk: absent counsellors, and two who pick up."""

from __future__ import annotations

import pytest

from lab.phones.network import PhoneBehaviour
from tests.system.stage import Stage, plain

pytestmark = pytest.mark.system

AGENT, CALLER = 700, 440
ABSENT = PhoneBehaviour("60")
SERVICE, KEY, TAKEN = "psikososyal", "1", "agent/taken"
SLOW = "a1022"
"""A counsellor who takes a call by key 1, after the whisper announcement."""
APART_S = (0.0, 0.01, 0.02, 0.03, 0.05)
"""Times by which one of two phones is picked up before the other. The second one rings some ms late."""


def offers(stage: Stage, contact: str) -> dict[str, tuple[str, str]]:
    """Return state and reason of the last offer of each agent."""
    rows = stage.lab.query_store("select agent, state, reason from offers where contact = ? order by offer", contact)
    return {row["agent"]: (row["state"], row["reason"]) for row in rows}


async def test_three_absent_counsellors_in_a_row(stage: Stage) -> None:
    people = await stage.agents(plain(SERVICE, 4), ABSENT)
    caller = await stage.hurried(KEY, tone=CALLER)
    rung = [await stage.network.wait_ring(since=number) for number in range(3)]
    [there] = [person for person in people if person.seat not in {leg.seat for leg in rung}]
    await stage.network.set_behaviour(there.seat, PhoneBehaviour("2", tone=AGENT, record=stage.folder))
    phone = await stage.network.wait_ring(there.seat)
    await stage.hears_tone(phone, CALLER)
    contact = (await stage.reaches(there, "talking"))["contact"]
    assert phone.answered_at is not None
    print(f"a fourth counsellor answered {phone.answered_at - rung[0].began:.1f} s after the first phone rang")
    # The other phones stop, and only the one that rang for its whole time counts as unanswered.
    for leg in rung:
        await leg.wait_ended()
    found = offers(stage, contact)
    ends = [found[person.id] for leg in rung for person in people if person.seat == leg.seat]
    assert ends == [("timeout", "no_answer"), ("rescinded", "taken"), ("rescinded", "taken")]
    await caller.hang_up()
    await caller.wait_ended()


async def test_an_agent_who_picked_up_too_late_is_told(stage: Stage) -> None:
    """The first agent still hears the whisper announcement when the second one has the caller."""
    late = await stage.agent(SLOW, PhoneBehaviour("8", record=stage.folder))
    caller = await stage.hurried(KEY, tone=CALLER)
    first = await stage.network.wait_ring(late.seat)
    quick = await stage.agent(plain(SERVICE, 1)[0], PhoneBehaviour("2", tone=AGENT, record=stage.folder))
    contact = (await stage.reaches(quick, "talking"))["contact"]
    await stage.hears(first, TAKEN)
    await first.wait_ended()
    await stage.hears_tone(caller, AGENT)
    await stage.reaches(late, "ready")
    assert offers(stage, contact) == {late.id: ("rescinded", "taken"), quick.id: ("accepted", "")}
    await caller.hang_up()
    await caller.wait_ended()


async def test_two_who_pick_up_at_the_same_moment(stage: Stage) -> None:
    first, second = await stage.agents(plain(SERVICE, 2))
    told = 0
    for apart in APART_S:
        # 1. The second one comes while the phone of the first one rings.
        await second.sign_out()
        await stage.network.set_behaviour(
            first.seat, PhoneBehaviour(f"{8 + apart:.2f}", tone=AGENT, record=stage.folder))
        since = len(stage.network.rung)
        caller = await stage.hurried(KEY, tone=CALLER)
        legs = [await stage.network.wait_ring(first.seat, since=since)]
        await second.sign_in(PhoneBehaviour("1", tone=AGENT, record=stage.folder))
        legs.append(await stage.network.wait_ring(second.seat, since=since))
        # 2. Both pick up. One talks with the caller, and the other one is told or was too late to come.
        await stage.hears_tone(caller, AGENT)
        busy = [(await person.fetch_view())["state"] == "talking" for person in (first, second)]
        assert sorted(busy) == [False, True]
        talks, other = legs if busy[0] else legs[::-1]
        await stage.hears_tone(talks, CALLER)
        await other.wait_ended()
        # A phone that is picked up in the very moment in which it stops hears nothing.
        if other.talked_s > 0.2:
            await stage.hears(other, TAKEN)
            told += 1
        assert not other.was_answered or stage.tone_s(other, CALLER) < 0.1, "a caller is with one agent"
        await caller.hang_up()
        await caller.wait_ended()
        for person in (first, second):
            await stage.reaches(person, "ready")
    print(f"two picked up in {told} of {len(APART_S)} calls")
    assert told
