"""Hang-ups, declines and lost phones during blind and consult transfers: one lab, real telephones, many calls at once.
After each of them the caller is with an agent, in the queue, or gone at their own will.
"""

from __future__ import annotations

import asyncio

import pytest

from lab.people.agent import RequestRefused, SimAgent
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from routing.core.queueing.service_rules import FAREWELL
from tests.fakes.sip_uac import telephone
from tests.system.calls.test_transfer import CALLER, EDU, EDU_KEY, FIRST, SECOND, TIP, Trio, chain, hears, talking
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = [pytest.mark.system, pytest.mark.long]

SILENT_S = 40.0
"""A phone that says nothing is lost after 15 s; a busy machine gets its time."""


class Sent:
    """A caller whom the first agent sends on to the second one, in person."""

    def __init__(self, stage: Stage, caller: Leg, contact: str, first: SimAgent) -> None:
        self.stage, self.caller, self.contact, self.first = stage, caller, contact, first
        self.second: SimAgent

    async def to(self, second: SimAgent) -> None:
        self.second = second
        await self.first.ask_as_agent("transfer", {"agent": second.id})
        assert (await self.first.fetch_view())["state"] == "wrapup"
        assert self.chain()[0] == (self.first.id, "completed", "transfer")

    def chain(self) -> list[tuple[str, ...]]:
        """Agent, state and reason of each offer."""
        return [row[1:] for row in chain(self.stage, self.contact)]


ANSWERS = {"caller hangs up while it rings": "ignore", "caller hangs up": "0.2", "second hangs up": "0.2",
           "second sends them on again": "0.2"}
REFUSES = {"decline": ("rejected", "rejected"), "busy": ("rejected", "busy"), "unknown": ("rescinded", "unreachable")}
"""The action of the phone to which a caller is transferred, and the end of the offer."""


async def talks(stage: Stage, names: list[str]) -> list[Sent]:
    """Each of these agents talks with a caller."""
    found = []
    for name in names:
        first = await stage.agent(name, PhoneBehaviour(tone=FIRST, record=stage.folder))
        found.append(Sent(stage, *await talking(stage, EDU_KEY, first), first))
    return found


async def test_a_caller_transferred_to_a_colleague_whatever_each_does(stage: Stage) -> None:
    count = len(ANSWERS)
    names = plain(EDU, 2 * count + 1, alone=False)
    sent = dict(zip(ANSWERS, await talks(stage, names[:count]), strict=True))
    for (case, answer), name in zip(ANSWERS.items(), names[count:], strict=False):
        await sent[case].to(await stage.agent(name, PhoneBehaviour(answer, tone=SECOND, record=stage.folder)))
        await stage.reaches(sent[case].second, "ringing" if answer == "ignore" else "talking")
    rings, caller, second, again = sent.values()
    await asyncio.gather(*(hears(stage, one.caller, SECOND, "the second agent is heard")
                           for one in (caller, second, again)))
    phone = next(leg for leg in stage.network.rung if leg.seat == second.second.seat)
    await asyncio.gather(rings.caller.hang_up(), caller.caller.hang_up(), phone.hang_up())
    assert await stage.ended(rings.contact) in ("abandoned", "abandoned_short")
    assert rings.chain()[-1] == (rings.second.id, "canceled", "caller_hung_up")
    assert await stage.ended(caller.contact) == "answered"
    await stage.hears(second.caller, "anket-giris")
    await rings.second.sign_out()
    third = await stage.agent(names[-1], PhoneBehaviour(tone=FIRST, record=stage.folder))
    await again.second.ask_as_agent("transfer", {"agent": third.id})
    await stage.reaches(third, "talking")
    await hears(stage, again.caller, FIRST, "the third agent is heard")
    assert [row[0] for row in again.chain()] == [again.first.id, again.second.id, third.id]
    for one in (caller, second, again):
        assert (await one.second.fetch_view())["state"] in ("wrapup", "ready")
    await asyncio.gather(again.caller.hang_up(), second.caller.hang_up())
    await asyncio.gather(stage.ended(again.contact), stage.ended(second.contact))


async def test_a_caller_transferred_to_a_phone_that_refuses_waits_in_front_and_is_helped(stage: Stage) -> None:
    """Each in turn: nobody else is free, until a third agent comes."""
    names = plain(EDU, 3 * len(REFUSES), alone=False)
    count = len(REFUSES)
    for (answer, ends), one, second, third in zip(REFUSES.items(), await talks(stage, names[:count]),
                                                  names[count: 2 * count], names[2 * count:], strict=True):
        await one.to(await stage.agent(second, PhoneBehaviour(answer)))
        await stage.network.wait_ring(one.second.seat)
        await until_async(lambda one=one: one.chain()[1][1] != "pending", SILENT_S, "the phone's answer was heard")
        await asyncio.gather(one.second.sign_out(), one.first.sign_out())
        await stage.hears_music(one.caller)
        assert one.chain()[1] == (one.second.id, *ends)
        helps = await stage.lab.sign_in_agent(third, PhoneBehaviour(tone=SECOND))
        await stage.reaches(helps, "talking")
        await hears(stage, one.caller, SECOND, f"{answer}: somebody else came")
        await one.caller.hang_up()
        assert await stage.ended(one.contact) == "answered"
        await helps.sign_out()


async def test_a_service_that_cannot_take_a_caller_is_refused_and_one_with_nobody_follows_its_rule(
        stage: Stage) -> None:
    """The rule of that service is a good-bye. The agent has heard that nobody is there, and has confirmed it."""
    one, = await talks(stage, plain(EDU, 1))
    with pytest.raises(RequestRefused, match="unknown_service"):
        await one.first.ask_as_agent("transfer", {"service": "yok"})
    with pytest.raises(RequestRefused, match="not_there"):
        await one.first.ask_as_agent("transfer", {"agent": plain(EDU, 2)[1]})
    assert (await one.first.fetch_view())["state"] == "talking"
    await hears(stage, one.caller, FIRST, "the talk goes on")
    with pytest.raises(RequestRefused, match="nobody_there"):
        await one.first.ask_as_agent("transfer", {"service": TIP})
    await one.first.ask_as_agent("transfer", {"service": TIP})
    for key in ("system/sent-on", FAREWELL):
        await stage.hears(one.caller, key)
    await one.caller.wait_ended()
    assert await stage.ended(one.contact) == "left"
    assert one.chain() == [(one.first.id, "completed", "transfer")]


async def test_who_was_asked_declines_and_a_phone_vanishes_while_two_agents_talk(stage: Stage) -> None:
    """On one line: the agent who asks has the caller by a key, by the end of the other phone; when their own is lost
    who was asked has them."""
    names = plain(EDU, 6, alone=False)
    async with telephone(stage.info.sip, mute=True) as silent, telephone(stage.info.sip, mute=True) as mute:
        for phone, name in ((silent, names[1]), (mute, names[2])):
            seat = stage.info.seat_of(name)
            await phone.register(seat.endpoint, seat.secret)
        first = await stage.agent(names[0], PhoneBehaviour(tone=FIRST, record=stage.folder))
        asks = Trio(*await talking(stage, EDU_KEY, first), first, stage.network.rung[-1])
        asked = await stage.sits(names[1])
        await first.ask_as_agent("consult", {"agent": asked.id})
        await stage.reaches(asked, "talking")
        vanishing = await stage.sits(names[2])
        gives = Trio(*await talking(stage, EDU_KEY, vanishing), vanishing, stage.network.rung[-1])
        heir = await stage.agent(names[3], PhoneBehaviour("0.2", tone=SECOND, record=stage.folder))
        await vanishing.ask_as_agent("consult", {"agent": heir.id})
        await stage.reaches(heir, "talking")
        await until_async(lambda: chain(stage, asks.contact)[1][2:] == ("canceled", "consult_cancelled"), SILENT_S,
            "lost")
        await hears(stage, asks.caller, FIRST, "the phone of who was asked is lost: the caller is the agent's again")
        await hears(stage, gives.caller, SECOND, "the phone of who asks is lost: who was asked has the caller")
        assert (await first.fetch_view())["state"] == "talking" and (await heir.fetch_view())["state"] == "talking"
        declines = await stage.agent(names[4], PhoneBehaviour("decline"))
        await first.ask_as_agent("consult", {"agent": declines.id})
        await stage.network.wait_ring(declines.seat)
        await declines.sign_out()
        await asks.phone.press_keys("5")
        before = stage.tone_s(asks.phone, CALLER)
        await hears(stage, asks.phone, CALLER, "who was asked declined, and the agent goes back by a key")
        assert stage.tone_s(asks.phone, CALLER) > before
        await asyncio.gather(asks.caller.hang_up(), gives.caller.hang_up())
        assert [await stage.ended(one.contact) for one in (asks, gives)] == ["answered", "answered"]
