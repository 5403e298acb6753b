"""Agents at work, on a real Asterisk. They sign in at a seat by telephone and over HTTP, and the offer comes as their
profile says. The recording proves the sentences of the telephone.
"""

from __future__ import annotations

import asyncio
import re
import time

import pytest

from lab.people import node_records
from lab.people.agent import RequestRefused, SimAgent
from lab.phones.network import PhoneBehaviour
from routing.store.callers.number_keys import NumberKeys
from tests.fakes.sip_uac import telephone
from tests.system.stage import Stage, length, plain, written
from tests.until import until_async

pytestmark = pytest.mark.system

SKILL, KEY = "psikososyal", "1"
CALLER, AGENT = 440, 700
SIGN_IN = "{number}#@3s,{pin}#@7s"
"""Over what is said. Earlier keys may meet no dialogue yet."""
LATE_S = 2.5
"""After a sentence that is heard to its end. A busy machine begins it late, and a key has five seconds and more."""


async def phone_of(stage: Stage, agent: str, seat: str | None = None) -> SimAgent:
    """An agent who is not signed in, before a phone that is registered."""
    person = SimAgent(stage.info, stage.network, agent, seat)
    await stage.network.register_phones({person.seat: person.place.secret})
    stage.lab.people.append(person)
    return person


def keys(person: SimAgent, pin: str | None = None, how: str = SIGN_IN) -> str:
    """Return the keys with which this person signs in."""
    return how.format(number=person.id[1:], pin=pin or own_pin(person))


def patient() -> str:
    """After what is said; five keys take a second."""
    number = length("kod-numara-sor") + LATE_S
    return f"{{number}}#@{number:.2f}s,{{pin}}#@{number + 1.3 + length('kod-sifre-sor') + LATE_S:.2f}s"


def own_pin(person: SimAgent) -> str:
    """The person's own."""
    return person.info.seat_of(person.id).pin


# -- signing in ------------------------------------------------------------------------------------------------------


async def test_signs_in_and_out_by_telephone(stage: Stage) -> None:
    agent = await phone_of(stage, plain(SKILL, 1)[0])
    said = await stage.dials(agent.seat, "*45", keys(agent, how=patient()))
    stage.in_order(said, "kod-numara-sor", "kod-sifre-sor", "kod-giris-tamam")
    assert (await stage.reaches(agent, "ready"))["seat"] == agent.seat
    said = await stage.dials(agent.seat, "*44")
    stage.heard(said, "kod-cikis-tamam")
    await stage.reaches(agent, "signed_out")


async def test_a_wrong_pin_is_refused(stage: Stage) -> None:
    agent = await phone_of(stage, plain(SKILL, 1)[0])
    said = await stage.dials(agent.seat, "*45", keys(agent, "0" + own_pin(agent)))
    stage.heard(said, "kod-giris-hatali")
    stage.not_heard(said, "kod-giris-tamam")
    assert (await agent.fetch_view())["state"] == "signed_out"


async def test_an_agent_signs_in_at_any_seat_and_the_offer_goes_there(stage: Stage) -> None:
    agent, elsewhere = plain(SKILL, 2)
    person = await phone_of(stage, agent, stage.info.seat_of(elsewhere).endpoint)
    await stage.dials(person.seat, "*45", keys(person))
    assert (await stage.reaches(person, "ready"))["seat"] == stage.info.seat_of(elsewhere).endpoint
    await person.set_behaviour(PhoneBehaviour())
    caller = await stage.hurried(KEY)
    await stage.reaches(person, "talking")
    assert [leg.seat for leg in stage.network.rung] == [person.seat]
    await caller.hang_up()


async def test_two_agents_at_one_seat_are_refused(stage: Stage) -> None:
    sits, comes = plain(SKILL, 2)
    first = await stage.agent(sits)
    second = await phone_of(stage, comes, first.seat)
    said = await stage.dials(first.seat, "*45", keys(second))
    stage.heard(said, "kod-masa-dolu")
    with pytest.raises(RequestRefused, match="seat_taken"):
        await second.ask_as_agent("login", {"seat": first.seat})
    assert (await second.fetch_view())["state"] == "signed_out"
    assert (await stage.reaches(first, "ready"))["seat"] == first.seat


async def test_a_seat_may_dial_codes_and_nothing_else(stage: Stage) -> None:
    dialled = {"05321112233": "agent/not-allowed", stage.info.numbers[0]: "agent/not-allowed",
               "*51": "agent/not-allowed", "*46": "kod-giris-gerekli"}
    people = [await phone_of(stage, name) for name in plain(SKILL, len(dialled))]
    said = await asyncio.gather(*(stage.dials(person.seat, number, "1@3s" if number == "*46" else "")
                                  for person, number in zip(people, dialled, strict=True)))
    for leg, prompt in zip(said, dialled.values(), strict=True):
        stage.heard(leg, prompt)
    assert not stage.network.rung


async def test_a_phone_that_has_sound_before_it_is_answered_rings_as_any_other(stage: Stage) -> None:
    """Behind a gateway a phone may say 183 instead of 180. It was taken for gone after two seconds, at every call."""
    name = plain("uzaktan_egitim", 1)[0]
    seat = stage.info.seat_of(name)
    try:
        async with telephone(stage.info.sip, early_s=4.0) as phone:
            assert await phone.register(seat.endpoint, seat.secret) == 200
            agent = await stage.sits(name)
            caller = await stage.hurried("2")
            call = await phone.rings()
            assert (await stage.reaches(agent, "talking"))["service"] == "uzaktan_egitim"
            await until_async(lambda: phone.hears(call), what="the phone hears the caller")
            await caller.hang_up()
            await stage.reaches(agent, "wrapup")
    finally:  # the seat is the lab's phone's again, which does not know that it was not
        if seat.endpoint in await stage.network.list_registrations():
            await stage.network.renew_registrations([seat.endpoint])


# -- breaks and wrap-up ----------------------------------------------------------------------------------------------


async def test_a_break_by_telephone_and_over_http(stage: Stage) -> None:
    agent = await stage.agent(plain(SKILL, 1)[0])
    said = await stage.dials(agent.seat, "*46", "2@3s")
    stage.heard(said, "kod-mola-basladi")
    assert (await stage.reaches(agent, "paused"))["reason"] == "yemek"
    said = await stage.dials(agent.seat, "*463")
    stage.heard(said, "kod-mola-basladi")
    stage.not_heard(said, "kod-mola-sor")
    await until_async(lambda: has_reason(agent, "egitim"), what="the digit after the code is the reason")
    said = await stage.dials(agent.seat, "*41", f"1@{length('kod-durum-mola') + LATE_S:.2f}s")
    stage.in_order(said, "kod-durum-mola", "kod-liste-41", "kod-liste-42", "kod-liste-49")
    caller = await stage.waiting(KEY, SKILL)
    said = await stage.dials(agent.seat, "*47")
    stage.heard(said, "kod-hazir")
    await stage.reaches(agent, "talking")
    assert (await agent.ask_as_agent("pause", {"reason": "egitim"}))["pause_pending"] == "egitim"
    await caller.hang_up()
    await stage.reaches(agent, "wrapup")
    await agent.ask_as_agent("wrapup/end")
    assert (await stage.reaches(agent, "paused"))["reason"] == "egitim"
    assert (await agent.ask_as_agent("resume"))["state"] == "ready"


async def has_reason(agent: SimAgent, reason: str) -> bool:
    """Return whether the agent is on a break for this reason."""
    return bool((await agent.fetch_view())["reason"] == reason)


async def test_wrap_up_is_lengthened_and_ended_by_telephone_and_over_http(stage: Stage) -> None:
    agent = await stage.agent(plain(SKILL, 1)[0])
    for by_phone in (True, False):
        caller = await stage.hurried(KEY)
        await stage.reaches(agent, "talking")
        await caller.hang_up()
        before = (await stage.reaches(agent, "wrapup"))["until"]
        if by_phone:
            stage.heard(await stage.dials(agent.seat, "*49"), "kod-toparlama-uzadi")
        else:
            await agent.ask_as_agent("wrapup/extend")
        assert (await stage.reaches(agent, "wrapup"))["until"] == pytest.approx(before + 60, abs=0.1)
        if by_phone:
            stage.heard(await stage.dials(agent.seat, "*48"), "kod-toparlama-bitti")
        else:
            await agent.ask_as_agent("wrapup/end")
        await stage.reaches(agent, "ready")


async def test_not_now_is_said_by_telephone(stage: Stage) -> None:
    # "Not now" outlasts the sign-out, and other tests of this lab need the first counsellors.
    agent = await stage.agent(plain(SKILL, 7)[-1])
    stage.heard(await stage.dials(agent.seat, "*43"), "kod-agir-gelmez")
    assert (await agent.fetch_view())["state"] == "ready", "all but heavy contacts still come"
    (kept,) = stage.lab.query_store("select heavy_declined_until from agents where agent = ?", agent.id)
    assert kept["heavy_declined_until"] > time.time()


async def test_a_call_that_is_not_ours_makes_the_agent_busy_and_its_end_ready(stage: Stage) -> None:
    agent = await stage.agent(plain(SKILL, 1)[0], PhoneBehaviour(record=stage.folder))
    foreign = await stage.network.place_call("*46", seat=agent.seat)
    await foreign.wait_answered()
    await stage.reaches(agent, "busy")
    caller = await stage.waiting(KEY, SKILL, CALLER)
    assert not stage.network.rung, "a phone in use is not rung"
    await foreign.hang_up()
    phone = await stage.network.wait_ring(agent.seat)
    await stage.hears_tone(phone, CALLER)
    await caller.hang_up()


# -- as the agent needs it -------------------------------------------------------------------------------------------


async def test_the_phone_shows_service_and_wait_and_never_the_caller(stage: Stage) -> None:
    agent = await stage.agent(plain(SKILL, 1)[0], PhoneBehaviour(record=stage.folder))
    caller = await stage.hurried(KEY, number="05321237654")
    phone = await stage.network.wait_ring(agent.seat)
    assert re.fullmatch(r"Psikososyal destek \d sn", phone.shown_name), phone.shown_name
    assert phone.shown_number == stage.info.numbers[0]
    assert not phone.headers.get("AlertInfo"), "a plain agent's phone rings"
    await stage.talk(phone, 2.0)
    stage.not_heard(phone, "bilgi-psikososyal")
    await caller.hang_up()


async def test_auto_answer_with_a_whisper_announcement(stage: Stage) -> None:
    agent = await stage.agent("a1011", PhoneBehaviour(record=stage.folder, tone=AGENT))
    caller = await stage.hurried(KEY, tone=CALLER)
    phone = await stage.network.wait_ring(agent.seat)
    await stage.hears_tone(phone, CALLER)
    await stage.hears_tone(caller, AGENT)
    await caller.hang_up()
    await asyncio.gather(caller.wait_ended(), phone.wait_ended())
    assert "auto" in phone.headers["AlertInfo"]
    assert "answer-after=0" in phone.headers["CallInfo"]
    stage.heard(phone, "bilgi-psikososyal")
    stage.not_heard(caller, "bilgi-psikososyal")


async def test_the_agent_accepts_by_one_or_the_next_one_gets_it(stage: Stage) -> None:
    asked_s = length("bilgi-psikososyal") + length("agent/press-one")
    accepts = await stage.agent("a1022", PhoneBehaviour(record=stage.folder, press=f"1@{asked_s + LATE_S:.2f}s"))
    caller = await stage.hurried(KEY, tone=CALLER)
    phone = await stage.network.wait_ring(accepts.seat)
    await stage.hears_tone(phone, CALLER)
    stage.in_order(phone, "bilgi-psikososyal", "agent/press-one")
    await caller.hang_up()
    await stage.reaches(accepts, "wrapup")
    await accepts.ask_as_agent("wrapup/end")
    await accepts.set_behaviour(PhoneBehaviour(record=stage.folder))
    takes = await stage.agent(plain(SKILL, 1)[0], PhoneBehaviour(record=stage.folder))
    caller = await stage.hurried(KEY, tone=CALLER)
    silent = await stage.network.wait_ring(accepts.seat, since=1)
    phone = await stage.network.wait_ring(takes.seat)
    await stage.hears_tone(phone, CALLER)
    assert stage.tone_s(silent, CALLER) == 0
    contact = (await takes.fetch_view())["contact"]
    rows = stage.lab.query_store("select agent, connected_at from offers where contact = ? order by offer", contact)
    assert [(row["agent"], row["connected_at"] is None) for row in rows] == [(accepts.id, True), (takes.id, False)]
    await caller.hang_up()


# -- what stays of a caller ------------------------------------------------------------------------------------------

OPEN, HIDDEN = "5324445566", "5327778899"


async def test_no_number_is_kept_of_an_anonymous_service_and_none_is_readable_anywhere(stage: Stage) -> None:
    agents = await stage.agents([plain("ihbar_sikayet", 1)[0], plain("gorus_oneri", 1)[0]])
    hidden = await stage.hurried("3", number=f"0{HIDDEN}")
    known = await stage.hurried("4", number=f"+90{OPEN}")
    contacts = [(await stage.reaches(agent, "talking"))["contact"] for agent in agents]
    await asyncio.gather(hidden.hang_up(), known.hang_up())
    for contact in contacts:
        assert await stage.ended(contact) == "answered"
    rows = {row["contact"]: row
        for row in stage.lab.query_store("select contact, number_encrypted, caller_hash from contacts")}
    assert (rows[contacts[0]]["number_encrypted"], rows[contacts[0]]["caller_hash"]) == ("", "")
    box = rows[contacts[1]]["number_encrypted"]
    assert NumberKeys.load_keys(stage.lab.folder / "secrets" / "numbers.json").decrypt_number(box) == f"+90{OPEN}"
    log = stage.lab.folder / "queue_log"
    await until_async(lambda: contacts[1] in log.read_text(encoding="utf-8"), what="queue_log")
    places = written(stage.lab.folder, {"network", "recordings"})
    assert {"santral.db", "queue_log", "node.log", "console.log"} <= {path.name for path in places}
    pages = {page: node_records.fetch_page(stage.info.http, page).encode() for page in ("/metrics", "/health/ready")}
    for number in (OPEN, HIDDEN):
        assert [str(place) for place, text in (places | pages).items() if number.encode() in text] == []
