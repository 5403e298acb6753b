"""Two agents as one, on a real Asterisk: both phones ring, all hear each other, whoever leaves ends it for all."""

from __future__ import annotations

import asyncio

import pytest

from lab.people.agent import SimAgent
from lab.phones import audio
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from tests.system.needs import KEY, LEAD, PARTNER, SKILL
from tests.system.stage import Stage, growing
from tests.until import until_async

pytestmark = pytest.mark.system

CALLER, FIRST, SECOND = 440, 700, 1020
SHARE = 0.2
"""Of the energy of a second with two voices; speech alone reaches 0.3 of a window at most, and no speech is here."""


async def pair(stage: Stage, lead: PhoneBehaviour, partner: PhoneBehaviour) -> tuple[SimAgent, SimAgent]:
    """Both at their seats."""
    (first,) = await stage.agents([LEAD], lead)
    (second,) = await stage.agents([PARTNER], partner)
    return first, second


def hears(leg: Leg, *tones: int) -> bool:
    """Whether the last second of what was heard holds these tones and no other of the three."""
    assert leg.recording is not None
    data = growing(leg.recording)[-audio.RATE:]
    found = {tone for tone in (CALLER, FIRST, SECOND) if audio.tone_energy(data, tone) > SHARE}
    return len(data) == audio.RATE and found == set(tones)


@pytest.mark.parametrize("leaves", ["caller", "lead", "partner", "desk of the partner"])
async def test_three_hear_each_other_and_whoever_leaves_ends_it(needs: Stage, leaves: str) -> None:
    first, second = await pair(needs, PhoneBehaviour("4", record=needs.folder, tone=FIRST),
                               PhoneBehaviour(record=needs.folder, tone=SECOND))
    caller = await needs.hurried(KEY, tone=CALLER)
    lead, partner = await asyncio.gather(*(needs.network.wait_ring(one.seat) for one in (first, second)))
    await partner.wait_answered()
    await needs.reaches(first, "talking")
    await needs.reaches(second, "talking")
    assert lead.answered_at is not None and partner.answered_at is not None
    assert partner.answered_at < lead.answered_at
    await until_async(lambda: hears(caller, FIRST, SECOND) and hears(lead, CALLER, SECOND) and
                      hears(partner, CALLER, FIRST), 60.0, "everybody hears the two others")
    assert "answer-after=0" in partner.headers["CallInfo"] and not lead.headers.get("CallInfo"), "each as they need it"
    contact = await needs.newest()
    # Both may say how heavy it is: they hear the same caller.
    await second.ask_as_agent("report-load", {"load": 2})
    if leaves == "desk of the partner":
        await second.ask_as_agent("hangup")
    else:
        await {"caller": caller, "lead": lead, "partner": partner}[leaves].hang_up()
    await asyncio.gather(lead.wait_ended(), partner.wait_ended())
    for person in (first, second):
        await needs.reaches(person, "wrapup")
    assert await needs.ended(contact) == "answered"
    await caller.wait_ended()
    if leaves != "caller":
        needs.heard(caller, "system/goodbye")
    rows = needs.lab.query_store("select agent, partner, load from offers where contact = ?", contact)
    assert [(row["agent"], row["partner"], row["load"]) for row in rows] == [(LEAD, PARTNER, 2)]
    assert not [one for one in await needs.lab.fetch_metrics() if one.name == "acd_alarms_total" and one.value]


@pytest.mark.parametrize(("who", "how", "end"), [
    ("lead", "busy", ("rejected", "busy")), ("partner", "busy", ("rejected", "busy")),
    ("partner", "decline", ("rejected", "rejected"))])
async def test_when_one_of_them_does_not_come_neither_phone_rings_on(
        needs: Stage, who: str, how: str, end: tuple[str, str]) -> None:
    first, second = await pair(needs, PhoneBehaviour(how if who == "lead" else "0"),
                               PhoneBehaviour(how if who == "partner" else "0"))
    caller = await needs.hurried(KEY, tone=CALLER)
    lead, partner = await asyncio.gather(*(needs.network.wait_ring(one.seat) for one in (first, second)))
    await asyncio.gather(lead.wait_ended(), partner.wait_ended())
    await until_async(lambda: needs.closed(LEAD) == end, what=f"{needs.closed(LEAD)}")
    assert (await needs.lab.fetch_queue(SKILL))["waiting"] == 1, "the caller keeps the place in line"
    await caller.hang_up()


async def test_a_caller_who_leaves_while_they_wait_for_each_other_frees_both(needs: Stage) -> None:
    first, second = await pair(needs, PhoneBehaviour("ignore"), PhoneBehaviour())
    caller = await needs.hurried(KEY, tone=CALLER)
    lead, partner = await asyncio.gather(*(needs.network.wait_ring(one.seat) for one in (first, second)))
    await partner.wait_answered()
    await caller.hang_up()
    await asyncio.gather(lead.wait_ended(), partner.wait_ended())
    for person in (first, second):
        await needs.reaches(person, "ready")
