"""Callers who are sent on, on a real Asterisk with real telephones: what everybody hears, whose the caller is, what the
records say, and that nobody is left in silence, whoever hangs up when."""

from __future__ import annotations

import asyncio

import pytest

from lab.leg import Leg
from lab.network import Behaviour
from lab.person import Person
from tests.fakes.sip_uac import telephone
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

EDU, EDU_KEY, TIP = "uzaktan_egitim", "2", "ihbar_sikayet"
CALLER, FIRST, SECOND = 440, 700, 1000
"""Tones of the three."""
TALK_S = 1.0
KEYS_S = 1.0
"""Until the number is asked for; keys before that are part of the talk."""


async def talking(stage: Stage, key: str, first: Person) -> tuple[Leg, str]:
    """A caller who talks with this agent, and the contact."""
    caller = await stage.hurried(key, tone=CALLER)
    contact = await stage.newest()
    await stage.reaches(first, "talking")
    return caller, contact


async def keyed(phone: Leg, number: str) -> None:
    """The agent presses `*1` in the talk, and the number over the sentence that asks for it."""
    await phone.press("*1")
    await asyncio.sleep(KEYS_S)
    await phone.press(number)


def chain(stage: Stage, contact: str) -> list[tuple[str, str, str, str]]:
    """Service, agent, state and reason of each offer of a contact, in order."""
    return [(row["service"], row["agent"], row["state"], row["reason"]) for row in stage.lab.rows(
        "select service, agent, state, reason from offers where contact = ? order by offer", contact)]


async def test_a_caller_is_sent_on_to_a_service_over_http(stage: Stage) -> None:
    first = await stage.agent(plain(EDU, 1)[0], Behaviour(tone=FIRST, record=stage.folder))
    caller, contact = await talking(stage, EDU_KEY, first)
    second = await stage.agent(plain(TIP, 1)[0], Behaviour("7", tone=SECOND, record=stage.folder))
    await first.ask("transfer", {"service": TIP})
    await stage.reaches(second, "talking")
    assert (await first.view())["state"] == "wrapup"
    await until_async(lambda: stage.tone_s(caller, SECOND) > TALK_S, what="the second agent is heard")
    stage.heard(caller, "system/sent-on")
    await caller.hangup()
    assert await stage.ended(contact) == "answered"
    await stage.reaches(second, "wrapup")
    assert chain(stage, contact) == [(EDU, first.id, "completed", "transfer"), (TIP, second.id, "wrapping", "caller")]


async def test_a_caller_is_sent_on_by_keys_and_what_cannot_be_is_said_and_the_talk_goes_on(stage: Stage) -> None:
    first = await stage.agent(plain(EDU, 1)[0], Behaviour(record=stage.folder))
    caller, contact = await talking(stage, EDU_KEY, first)
    phone = stage.network.rung[-1]
    second = await stage.agent(plain(TIP, 1)[0], Behaviour(tone=SECOND))
    await keyed(phone, "99#")
    await stage.hears(phone, "aktarma-numara-yok")
    before = stage.tone_s(phone, CALLER)
    await until_async(lambda: stage.tone_s(phone, CALLER) > before + TALK_S, what="caller and agent talk on")
    await keyed(phone, f"{second.id[1:]}#")
    await stage.hears(phone, "aktarma-alamiyor")
    await keyed(phone, "3#")
    await phone.wait_ended()
    stage.heard(phone, "aktarma-tamam")
    await stage.reaches(second, "talking")
    assert chain(stage, contact)[0] == (EDU, first.id, "completed", "transfer")
    await until_async(lambda: stage.tone_s(caller, SECOND) > TALK_S, what="the second agent is heard")
    await caller.hangup()
    await stage.ended(contact)
    held = stage.lab.rows("select held_s from offers where contact = ? order by offer limit 1", contact)[0]["held_s"]
    assert held > 1.0, "the caller heard music while the agent keyed"


async def test_the_transfer_key_of_a_telephone_and_a_talk_that_nobody_takes_over(stage: Stage) -> None:
    name = plain(EDU, 5)[4]
    seat = stage.info.seat(name)
    async with telephone(stage.info.sip) as phone, telephone(stage.info.sip) as stranger:
        await phone.register(seat.endpoint, seat.secret)
        first = await stage.sits(name)
        caller, contact = await talking(stage, EDU_KEY, first)
        talk = await phone.rung.get()
        for one, other in ((talk.remote, talk.local), (talk.local, talk.remote)):
            tags = [side.partition(b";tag=")[2].partition(b";")[0] for side in (one, other)]
            replaces = b"Replaces: %b;to-tag=%b;from-tag=%b\r\n" % (talk.call_id, *tags)
            assert (await stranger.call(stage.info.numbers[0].encode(), more=replaces)).status == 401
        assert (await first.view())["state"] == "talking" and not talk.ended.is_set()
        second = await stage.agent(plain(TIP, 1)[0], Behaviour(tone=SECOND))
        assert await talk.request(b"REFER", b"Refer-To: <sip:3@127.0.0.1>\r\nContact: <sip:x@127.0.0.1>\r\n") == 202
        await stage.reaches(second, "talking")
        assert (await first.view())["state"] == "wrapup"
        assert [row[:2] for row in chain(stage, contact)] == [(EDU, first.id), (TIP, second.id)]
        await until_async(lambda: stage.tone_s(caller, SECOND) > TALK_S, what="the second agent is heard")
        await caller.hangup()
        await stage.ended(contact)


async def test_a_number_outside_is_not_reached_by_the_transfer_key_and_the_caller_is_in_front(stage: Stage) -> None:
    names = plain(EDU, 4)[2:]
    seat = stage.info.seat(names[0])
    async with telephone(stage.info.sip) as phone:
        await phone.register(seat.endpoint, seat.secret)
        first = await stage.sits(names[0])
        caller, contact = await talking(stage, EDU_KEY, first)
        talk = await phone.rung.get()
        waits = await stage.waiting(EDU_KEY, EDU)
        outside = b"Refer-To: <sip:05321112233@127.0.0.1>\r\nContact: <sip:x@127.0.0.1>\r\n"
        assert await talk.request(b"REFER", outside) == 202
        await stage.counts(EDU, 2)
        second = await stage.lab.agent(names[1], Behaviour(tone=SECOND))
        await stage.reaches(second, "talking")
        await until_async(lambda: stage.tone_s(caller, SECOND) > TALK_S, what="who was sent on comes first")
        assert [row[1] for row in chain(stage, contact)] == [first.id, second.id] and len(stage.network.rung) == 1
        await asyncio.gather(caller.hangup(), waits.hangup())
        await stage.ended(contact)
