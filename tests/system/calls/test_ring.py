"""From the ring to a counsellor, by ear and by the clock: when a key is known, when the caller waits and a phone rings,
and what is heard meanwhile. Each test prints its times."""

from __future__ import annotations

import pytest

from lab.lifecycle import SOUNDS
from lab.people.agent import SimAgent
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from prompts.manifest import Manifest
from tests.system.stage import Stage, length, plain

pytestmark = pytest.mark.system

AGENT, CALLER = 700, 440
DISTRESS_KEY_S, PERSON_KEY_S = 8.0, 30.0
"""Limits of the time from the answer until a listener knows the key."""
AGENT_WAITS_S = 3.0
"""Longest wait of an agent who has answered."""
DISTRESS, RECORDED = "secildi-psikososyal", "secildi-uzaktan-egitim"
"""Acknowledgements of 5 and 3.6 s. The caller waits at the key and not behind these words. In distress a phone rings.
"""
AT_ONCE = "{key}@3s"
"""The key of a caller who does not listen to the end. An earlier one may meet no dialogue yet."""
OPTIONS = ("ana-menu-1", "ana-menu-2", "ana-menu-3", "ana-menu-4", "ana-menu-0")


def pressed_at(leg: Leg, key: str) -> float:
    """Return the Unix seconds at which the caller had pressed a key."""
    return next(leg.began + moment.at for moment in leg.moments if moment.what == f"pressed {key}")


def after_answer(leg: Leg, at: float) -> float:
    assert leg.answered_at is not None
    return at - leg.answered_at


async def counsellor(stage: Stage, delay: float = 0.0) -> SimAgent:
    return await stage.agent(plain("psikososyal", 1)[0], PhoneBehaviour(str(delay), tone=AGENT, record=stage.folder))


async def test_a_key_pressed_at_once_queues_the_caller_and_rings_a_phone(stage: Stage) -> None:
    agent = await counsellor(stage)
    caller = await stage.caller(AT_ONCE.format(key=1), tone=CALLER)
    phone = await stage.network.wait_ring()
    assert phone.seat == agent.seat
    await stage.talk(phone)
    contact = (await stage.reaches(agent, "talking"))["contact"]
    key = pressed_at(caller, "1")
    [row] = stage.lab.query_store("select queued_at from contacts where contact = ?", contact)
    queued_s, ring_s = row["queued_at"] - key, phone.began - key
    print(f"pressed 1 at {after_answer(caller, key):.2f} s: waits {queued_s:.2f} s later, a phone rings {ring_s:.2f} s "
          "later")
    assert queued_s < length(DISTRESS) and ring_s < length(DISTRESS)
    await stage.hears_tone(phone, CALLER)
    await caller.hang_up()
    await caller.wait_ended()
    stage.not_heard(caller, "kayit-bilgisi", DISTRESS)


async def test_a_listener_knows_the_keys_in_time(stage: Stage) -> None:
    caller = await stage.caller()
    await stage.hears(caller, OPTIONS[-1])
    first, *_, person = stage.in_order(caller, *OPTIONS)
    distress_s, person_s = first.offset_s + length(OPTIONS[0]), person.offset_s + length(OPTIONS[-1])
    print(f"key of distress known after {distress_s:.2f} s, of a person after {person_s:.2f} s")
    assert distress_s <= DISTRESS_KEY_S and person_s <= PERSON_KEY_S
    stage.not_heard(caller, "kayit-bilgisi")
    await caller.hang_up()


async def test_112_is_heard_at_once_when_nobody_can_be_reached(stage: Stage) -> None:
    caller = await stage.caller(AT_ONCE.format(key=1))
    await stage.hears(caller, "acil-destek")
    [text] = stage.heard(caller, "acil-destek")
    manifest = Manifest.read_manifest(SOUNDS)
    assert manifest is not None
    sentence_s = manifest.entries["acil-destek"].joins["tr/acil-destek.wav"][0]
    heard_s = text.offset_s + sentence_s - after_answer(caller, pressed_at(caller, "1"))
    print(f"112 heard {heard_s:.2f} s after the key")
    assert heard_s < sentence_s + length(DISTRESS), "nothing else comes before it"
    stage.not_heard(caller, DISTRESS, "bekleme-ilk-destek")
    await caller.hang_up()


async def test_acknowledgement_and_notice_are_heard_to_their_end_where_talks_are_recorded(stage: Stage) -> None:
    """The phone rings when the notice is nearly over, so the agent who answers at once hears the caller within 3 s."""
    agent = await stage.agent(plain("uzaktan_egitim", 1)[0], PhoneBehaviour(tone=AGENT, record=stage.folder))
    caller = await stage.caller(AT_ONCE.format(key=2), tone=CALLER)
    phone = await stage.network.wait_ring()
    await phone.wait_answered()
    assert phone.answered_at is not None
    await stage.reaches(agent, "talking", 60.0)
    await stage.hears_tone(caller, AGENT)
    ring_s, answer_s = phone.began - pressed_at(caller, "2"), phone.answered_at - pressed_at(caller, "2")
    chosen, notice = stage.in_order(caller, RECORDED, "kayit-bilgisi")
    print(f"a phone rings {ring_s:.2f} s and answers {answer_s:.2f} s after the key; the notice begins at "
          f"{notice.offset_s:.2f} s and ends at {notice.offset_s + length('kayit-bilgisi'):.2f} s")
    ends_s = notice.offset_s + length("kayit-bilgisi")
    assert after_answer(caller, phone.began) > chosen.offset_s + length(RECORDED)
    [talk] = stage.lab.query_store("select connected_at from offers where agent = ?", agent.id)
    waits_s = talk["connected_at"] - phone.answered_at
    print(f"the agent hears the caller {waits_s:.2f} s after the answer, {after_answer(caller, phone.answered_at):.2f} "
          f"s after that of the caller; the notice ends at {ends_s:.2f} s")
    assert waits_s < AGENT_WAITS_S
    await caller.hang_up()
    await phone.wait_ended()


async def test_for_distress_the_acknowledgement_ends_where_the_talk_begins(stage: Stage) -> None:
    agent = await counsellor(stage, delay=1.0)
    caller = await stage.caller(AT_ONCE.format(key=1), tone=CALLER)
    phone = await stage.network.wait_ring()
    await stage.reaches(agent, "talking")
    await stage.hears_tone(caller, AGENT)
    await caller.hang_up()
    await caller.wait_ended()
    stage.not_heard(caller, DISTRESS)
    assert phone.answered_at is not None
    talk_s = phone.answered_at - pressed_at(caller, "1")
    print(f"talk {talk_s:.2f} s after the key, the acknowledgement alone takes {length(DISTRESS):.2f} s")
    assert talk_s < length(DISTRESS)


async def test_nine_takes_the_choice_back_while_an_agent_is_reserved(stage: Stage) -> None:
    """The phone never rings, and its agent is ready. The second choice rings another one."""
    first = await stage.agent(plain("uzaktan_egitim", 1)[0], PhoneBehaviour("ignore"))
    second = await stage.agent(plain("ihbar_sikayet", 1)[0], PhoneBehaviour(tone=AGENT, record=stage.folder))
    caller = await stage.caller(AT_ONCE.format(key=2), tone=CALLER)
    await stage.reaches(first, "ringing")
    await caller.press_keys("9")  # over the acknowledgement
    await stage.reaches(first, "ready")
    await stage.hears(caller, OPTIONS[0])
    await caller.press_keys("3")
    await stage.reaches(second, "talking", 60.0)
    await stage.hears_tone(caller, AGENT)
    await caller.hang_up()
    stage.in_order(caller, OPTIONS[0], "secildi-ihbar-sikayet")
    stage.not_heard(caller, "kayit-bilgisi")
