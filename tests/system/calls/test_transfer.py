"""Callers who are sent on, on a real Asterisk with real telephones: what everybody hears, whose the caller is, what the
records say, and that nobody is left in silence, whoever hangs up when."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from lab.pbx.asterisk import PrivateAsterisk
from lab.pbx.fetch import AsteriskProgram
from lab.people.agent import RequestRefused, SimAgent
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from tests.fakes.sip_uac import telephone
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

EDU, EDU_KEY, TIP = "uzaktan_egitim", "2", "ihbar_sikayet"
CALLER, FIRST, SECOND = 440, 700, 1000
"""Tones of the three."""
TALK_S = 1.0
LIMIT_S = 60.0
"""Until a voice is heard: the words after the key of the caller take a quarter of it."""
GAP_S, CODE_S = 0.3, 1.0
"""Between two keys of a code, and behind the last one."""
STEP_S = 6.0
"""More than `step_s`. A leg of the talk ends within this time after its key."""


async def talking(stage: Stage, key: str, first: SimAgent) -> tuple[Leg, str]:
    """A caller who talks with this agent, and the contact."""
    caller = await stage.hurried(key, tone=CALLER)
    return caller, str((await stage.reaches(first, "talking", LIMIT_S))["contact"])


def chain(stage: Stage, contact: str) -> list[tuple[str, str, str, str]]:
    """Service, agent, state and reason of each offer of a contact, in order."""
    return [(row["service"], row["agent"], row["state"], row["reason"]) for row in stage.lab.query_store(
        "select service, agent, state, reason from offers where contact = ? order by offer", contact)]


async def test_a_caller_is_transferred_to_a_service_over_http(stage: Stage) -> None:
    first = await stage.agent(plain(EDU, 1)[0], PhoneBehaviour(tone=FIRST, record=stage.folder))
    caller, contact = await talking(stage, EDU_KEY, first)
    second = await stage.agent(plain(TIP, 1)[0], PhoneBehaviour("11", tone=SECOND, record=stage.folder))
    await first.ask_as_agent("transfer", {"service": TIP})
    await stage.reaches(second, "talking", LIMIT_S)
    assert (await first.fetch_view())["state"] == "wrapup"
    await until_async(lambda: stage.tone_s(caller, SECOND) > TALK_S, LIMIT_S, "the second agent is heard")
    stage.heard(caller, "system/sent-on")
    await caller.hang_up()
    assert await stage.ended(contact) == "answered"
    await stage.reaches(second, "wrapup")
    assert chain(stage, contact) == [(EDU, first.id, "completed", "transfer"), (TIP, second.id, "wrapping", "caller")]


async def test_who_hangs_up_while_told_that_they_are_transferred_is_gone(stage: Stage) -> None:
    """The pattern of `santral-transferred` must not match the extension `h`, or the hold loop runs without a caller."""
    first = await stage.agent(plain(EDU, 1)[0], PhoneBehaviour(record=stage.folder))
    await stage.agent(plain(TIP, 1)[0], PhoneBehaviour("ignore"))
    caller, contact = await talking(stage, EDU_KEY, first)
    await first.ask_as_agent("transfer", {"service": TIP})
    await stage.reaches(first, "wrapup")
    await caller.hang_up()
    assert await stage.ended(contact) in ("abandoned", "abandoned_short")


async def test_a_caller_is_transferred_by_keys_and_what_cannot_be_is_said_and_the_talk_goes_on(stage: Stage) -> None:
    first = await stage.agent(plain(EDU, 1)[0], PhoneBehaviour(record=stage.folder))
    caller, contact = await talking(stage, EDU_KEY, first)
    phone = stage.network.rung[-1]
    second = await stage.agent(plain(TIP, 1)[0], PhoneBehaviour(tone=SECOND))
    await stage.press_number(phone, "*1", "99#")
    await stage.hears(phone, "aktarma-numara-yok")
    before = stage.tone_s(phone, CALLER)
    await until_async(lambda: stage.tone_s(phone, CALLER) > before + TALK_S, LIMIT_S, "caller and agent talk on")
    await stage.press_number(phone, "*1", f"{second.id[1:]}#")
    await stage.hears(phone, "aktarma-alamiyor")
    await stage.press_number(phone, "*1", "3#")
    await phone.wait_ended()
    stage.heard(phone, "aktarma-tamam")
    await stage.reaches(second, "talking")
    assert chain(stage, contact)[0] == (EDU, first.id, "completed", "transfer")
    await until_async(lambda: stage.tone_s(caller, SECOND) > TALK_S, LIMIT_S, "the second agent is heard")
    await caller.hang_up()
    await stage.ended(contact)
    held = stage.lab.query_store("select held_s from offers where contact = ? order by offer limit 1",
        contact)[0]["held_s"]
    assert held > 1.0, "the caller heard music while the agent keyed"


async def test_the_transfer_key_of_a_telephone_and_a_talk_that_nobody_takes_over(stage: Stage) -> None:
    name = plain(EDU, 5)[4]
    seat = stage.info.seat_of(name)
    async with telephone(stage.info.sip) as phone, telephone(stage.info.sip) as stranger:
        await phone.register(seat.endpoint, seat.secret)
        first = await stage.sits(name)
        caller, contact = await talking(stage, EDU_KEY, first)
        talk = await phone.rings()
        for one, other in ((talk.remote, talk.local), (talk.local, talk.remote)):
            tags = [side.partition(b";tag=")[2].partition(b";")[0] for side in (one, other)]
            replaces = b"Replaces: %b;to-tag=%b;from-tag=%b\r\n" % (talk.call_id, *tags)
            assert (await stranger.call(stage.info.numbers[0].encode(), more=replaces)).status == 401
        assert (await first.fetch_view())["state"] == "talking" and not talk.ended.is_set()
        second = await stage.agent(plain(TIP, 1)[0], PhoneBehaviour(tone=SECOND))
        assert await talk.request(b"REFER", b"Refer-To: <sip:3@127.0.0.1>\r\nContact: <sip:x@127.0.0.1>\r\n") == 202
        await stage.reaches(second, "talking")
        assert (await first.fetch_view())["state"] == "wrapup"
        assert [row[:2] for row in chain(stage, contact)] == [(EDU, first.id), (TIP, second.id)]
        await until_async(lambda: stage.tone_s(caller, SECOND) > TALK_S, LIMIT_S, "the second agent is heard")
        await caller.hang_up()
        await stage.ended(contact)


@pytest.mark.long
async def test_a_key_that_a_frozen_node_had_is_none_of_the_next_talk(new_lab: NewLab, tmp_path: Path) -> None:
    """The caller leaves the talk by the telephone's transfer key, and what tells that a key was asked for stays."""
    lab = await new_lab()
    stage = Stage(lab, tmp_path)
    name = plain(EDU, 5)[4]
    seat = stage.info.seat_of(name)
    async with telephone(stage.info.sip) as phone:
        await phone.register(seat.endpoint, seat.secret)
        first = await stage.sits(name)
        caller, _ = await talking(stage, EDU_KEY, first)
        talk = await phone.rings()
        second = await stage.agent(plain(TIP, 1)[0], PhoneBehaviour(tone=SECOND, record=stage.folder))
        lab.freeze_node()
        try:
            await talk.press("*")
            await talk.speak(GAP_S)
            await talk.press("5")
            await talk.speak(CODE_S)
            assert await talk.request(b"REFER", b"Refer-To: <sip:3@127.0.0.1>\r\nContact: <sip:x@127.0.0.1>\r\n") == 202
            asked = time.time()
            await talk.bye()
        finally:
            lab.thaw_node()
        await stage.reaches(second, "talking", 60.0)
        await until_async(lambda: stage.tone_s(caller, SECOND) > TALK_S, LIMIT_S, "the second agent is heard")
        await until_async(lambda: time.time() > asked + STEP_S, what="the key is older than a step may last")
        await stage.network.rung[-1].hang_up()
        await caller.wait_ended()
        stage.heard(caller, "system/goodbye")


async def test_who_is_put_on_hold_by_the_agents_phone_hears_music_and_is_let_go_when_it_hangs_up(stage: Stage) -> None:
    name = plain(EDU, 5)[4]
    seat = stage.info.seat_of(name)
    async with telephone(stage.info.sip) as phone:
        await phone.register(seat.endpoint, seat.secret)
        first = await stage.sits(name)
        caller, contact = await talking(stage, EDU_KEY, first)
        talk = await phone.rings()
        assert await talk.hold() == 200
        await stage.hears_music(caller)
        assert await talk.hold(False) == 200
        speech = asyncio.create_task(talk.speak(LIMIT_S))
        await until_async(lambda: stage.tone_s(caller, SECOND) > TALK_S, LIMIT_S, "the agent is heard again")
        speech.cancel()
        assert (await first.fetch_view())["state"] == "talking" and not talk.ended.is_set()
        assert await talk.hold() == 200
        await stage.hears_music(caller)
        await talk.bye()
        await stage.hears(caller, "anket-giris")
        await caller.hang_up()
        assert await stage.ended(contact) == "answered"


@pytest.mark.long
async def test_a_number_outside_is_not_reached_by_the_transfer_key_and_the_caller_is_in_front(stage: Stage) -> None:
    names = plain(EDU, 4)[2:]
    seat = stage.info.seat_of(names[0])
    async with telephone(stage.info.sip) as phone:
        await phone.register(seat.endpoint, seat.secret)
        first = await stage.sits(names[0])
        caller, contact = await talking(stage, EDU_KEY, first)
        talk = await phone.rings()
        waits = await stage.waiting(EDU_KEY, EDU)
        outside = b"Refer-To: <sip:05321112233@127.0.0.1>\r\nContact: <sip:x@127.0.0.1>\r\n"
        assert await talk.request(b"REFER", outside) == 202
        await stage.counts(EDU, 2)
        second = await stage.lab.sign_in_agent(names[1], PhoneBehaviour(tone=SECOND))
        await stage.reaches(second, "talking")
        await until_async(lambda: stage.tone_s(caller, SECOND) > TALK_S, LIMIT_S, "who was sent on comes first")
        assert [row[1] for row in chain(stage, contact)] == [first.id, second.id] and len(stage.network.rung) == 1
        await asyncio.gather(caller.hang_up(), waits.hang_up())
        await stage.ended(contact)


class Trio:
    """A caller who talks with the first agent, who asks the second one."""

    def __init__(self, caller: Leg, contact: str, first: SimAgent, phone: Leg) -> None:
        self.caller, self.contact, self.first, self.phone = caller, contact, first, phone
        self.second: SimAgent
        self.other: Leg

    async def asks(self, stage: Stage, second: SimAgent) -> None:
        """By the desk; returns when the second one's phone rings."""
        self.second = second
        since = len(stage.network.rung)
        await self.first.ask_as_agent("consult", {"agent": second.id})
        self.other = await stage.network.wait_ring(second.seat, since)


async def hears(stage: Stage, leg: Leg, hertz: int, what: str) -> None:
    """For a second from now on."""
    before = stage.tone_s(leg, hertz)
    await until_async(lambda: stage.tone_s(leg, hertz) > before + TALK_S, LIMIT_S, what)


RINGS = ("asker hangs up ringing", "caller hangs up ringing", "key ringing")
MEETS = ("asker hangs up", "asked hangs up", "caller hangs up", "takes back by keys", "gives over")
WITH_SECOND = ("asker hangs up ringing", "asker hangs up", "gives over")


async def test_whoever_hangs_up_when_nobody_is_left_in_silence(stage: Stage) -> None:
    """All at once: what each of the three does while the second phone rings, and while the two agents talk."""
    cases = (*RINGS, *MEETS)
    names = plain(EDU, 2 * len(cases), alone=False)
    trios: dict[str, Trio] = {}
    for case, name in zip(cases, names, strict=False):
        first = await stage.agent(name, PhoneBehaviour(tone=FIRST, record=stage.folder))
        caller, contact = await talking(stage, EDU_KEY, first)
        trios[case] = Trio(caller, contact, first, stage.network.rung[-1])
    seconds = {case: await stage.agent(
                   name, PhoneBehaviour("10" if case in RINGS else "0.2", tone=SECOND, record=stage.folder))
               for case, name in zip(cases, names[len(cases):], strict=True)}
    for case in MEETS:
        await trios[case].asks(stage, seconds[case])
    for case in MEETS:
        await stage.reaches(trios[case].second, "talking")
        await hears(stage, trios[case].phone, SECOND, f"{case}: the two agents talk")
        assert stage.tone_s(trios[case].other, CALLER) == 0.0, f"{case}: the caller is not in it"
    for case in RINGS:
        await trios[case].asks(stage, seconds[case])
    do = {"asker hangs up ringing": lambda one: one.phone.hang_up(),
          "caller hangs up ringing": lambda one: one.caller.hang_up(),
          "key ringing": lambda one: one.phone.press_keys("5"),
          "asker hangs up": lambda one: one.phone.hang_up(),
          "asked hangs up": lambda one: one.other.hang_up(),
          "caller hangs up": lambda one: one.caller.hang_up(),
          "takes back by keys": lambda one: one.phone.press_keys("*9"),
          "gives over": lambda one: one.first.ask_as_agent("consult/complete")}
    await asyncio.gather(*(do[case](one) for case, one in trios.items()))
    await asyncio.gather(*(_after(stage, case, one) for case, one in trios.items()))


async def _after(stage: Stage, case: str, one: Trio) -> None:
    if case.startswith("caller"):
        await stage.reaches(one.first, "wrapup")
        await stage.reaches(one.second, "ready")
        await asyncio.gather(one.phone.wait_ended(), one.other.wait_ended())
        assert await stage.ended(one.contact) == "answered", "by the agent who asked"
        assert chain(stage, one.contact)[0][3] == "caller"
    elif case in WITH_SECOND:
        await stage.reaches(one.first, "wrapup")
        await stage.reaches(one.second, "talking")
        await hears(stage, one.caller, SECOND, f"{case}: the second agent is heard")
        await hears(stage, one.other, CALLER, f"{case}: and hears the caller")
        assert [row[1:] for row in chain(stage, one.contact)] == [
            (one.first.id, "completed", "transfer"), (one.second.id, "accepted", "")]
    else:
        await hears(stage, one.caller, FIRST, f"{case}: the caller is the first agent's again")
        await hears(stage, one.phone, CALLER, f"{case}: who hears the caller")
        assert (await one.first.fetch_view())["state"] == "talking"
        await stage.reaches(one.second, "ready")
        assert [row[1:] for row in chain(stage, one.contact)] == [
            (one.first.id, "accepted", ""), (one.second.id, "canceled", "consult_cancelled")]


REFER_AWAY = b"Refer-To: <sip:*45@127.0.0.1>\r\nContact: <sip:x@127.0.0.1>\r\n"


@pytest.mark.long
async def test_the_transfer_key_between_two_agents_leads_the_other_one_to_the_caller(stage: Stage) -> None:
    """Asterisk moves the other agent's leg: it is no caller, whatever number the phone names, and waits in no line."""
    names = plain(EDU, 4, alone=False)
    async with telephone(stage.info.sip) as asks, telephone(stage.info.sip) as asked:
        for phone, name in ((asks, names[0]), (asked, names[3])):
            seat = stage.info.seat_of(name)
            await phone.register(seat.endpoint, seat.secret)
        asker = await stage.sits(names[0])
        given, given_contact = await talking(stage, EDU_KEY, asker)
        second = await stage.agent(names[1], PhoneBehaviour("0.2", tone=SECOND, record=stage.folder))
        await asker.ask_as_agent("consult", {"agent": second.id})
        await stage.reaches(second, "talking")
        first = await stage.agent(names[2], PhoneBehaviour(tone=FIRST, record=stage.folder))
        kept, kept_contact = await talking(stage, EDU_KEY, first)
        phone_of_first = stage.network.rung[-1]
        other = await stage.sits(names[3])
        await first.ask_as_agent("consult", {"agent": other.id})
        await stage.reaches(other, "talking")
        for talk in (await asks.rings(), await asked.rings()):
            assert await talk.request(b"REFER", REFER_AWAY) == 202
        await hears(stage, given, SECOND, "the asker's key: the caller is the second agent's")
        await hears(stage, kept, FIRST, "the key of who was asked: the caller is the first agent's again")
        await hears(stage, phone_of_first, CALLER, "who hears the caller")
        await stage.reaches(asker, "wrapup")
        await stage.reaches(other, "ready")
        assert [(await one.fetch_view())["state"] for one in (second, first)] == ["talking", "talking"]
        await asyncio.gather(given.hang_up(), kept.hang_up())
        await asyncio.gather(stage.ended(given_contact), stage.ended(kept_contact))
    assert not stage.lab.query_store("select contact from contacts where contact like 'o%'"), "no agent stood in line"


async def test_a_node_that_dies_meanwhile_is_not_needed_and_knows_all_when_it_is_back(new_lab: NewLab,
                                                                                    tmp_path: Path) -> None:
    """kill -9 while two agents talk about their callers: one asker hangs up, one asked. Both callers have somebody."""
    stage = Stage(await new_lab(), tmp_path)
    names = plain(EDU, 4, alone=False)
    trios: list[Trio] = []
    for name in names[:2]:
        first = await stage.agent(name, PhoneBehaviour(tone=FIRST, record=stage.folder))
        caller, contact = await talking(stage, EDU_KEY, first)
        trios.append(Trio(caller, contact, first, stage.network.rung[-1]))
    for one, name in zip(trios, names[2:], strict=True):
        await one.asks(stage, await stage.agent(name, PhoneBehaviour("0.2", tone=SECOND, record=stage.folder)))
        await stage.reaches(one.second, "talking")
    given, kept = trios
    stage.lab.kill_node()
    await asyncio.gather(given.phone.hang_up(), kept.other.hang_up())
    await hears(stage, given.caller, SECOND, "who was asked has the caller, without a node")
    await hears(stage, kept.caller, FIRST, "the agent has the caller again, without a node")
    await stage.lab.start_node()
    await stage.reaches(given.second, "talking")
    await stage.reaches(given.first, "wrapup")
    assert (await stage.reaches(kept.first, "talking"))["contact"] == kept.contact
    await stage.reaches(kept.second, "ready")
    await asyncio.gather(given.caller.hang_up(), kept.caller.hang_up())
    assert (await stage.ended(given.contact), await stage.ended(kept.contact)) == ("answered", "answered")


@pytest.mark.long
async def test_a_node_that_dies_before_the_caller_is_led_away_leaves_nobody_waiting(
        new_lab: NewLab, tmp_path: Path, asterisk_tree: AsteriskProgram) -> None:
    """The mark of an agent who asks stands on the leg, and no caller was led away for it: the next node takes it off,
    or the agent would wait at the end of the talk for whom nobody has asked."""
    lab = await new_lab()
    stage = Stage(lab, tmp_path)
    first = await stage.agent(plain(EDU, 1)[0], PhoneBehaviour(tone=FIRST, record=stage.folder))
    caller, _ = await talking(stage, EDU_KEY, first)
    phone = stage.network.rung[-1]
    lab.kill_node()
    pbx = PrivateAsterisk(asterisk_tree, lab.folder / "asterisk", lab.folder / "pbx")
    [leg] = [line.partition("!")[0] for line in pbx.run_console("core show channels concise").splitlines()
             if line.startswith(f"PJSIP/{first.seat}-")]
    pbx.run_console(f"dialplan set chanvar {leg} SHARED(SC_CONSULTING) 1")
    await lab.start_node()
    await stage.reaches(first, "talking")
    with pytest.raises(RequestRefused, match="nobody_there"):
        await first.ask_as_agent("transfer", {"service": TIP})
    await first.ask_as_agent("transfer", {"service": TIP})
    await phone.wait_ended()
    assert not caller.ended.is_set(), "the caller waits for somebody of the other service"
    await stage.reaches(first, "wrapup")
    await caller.hang_up()
