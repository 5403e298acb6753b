"""The node or its Asterisk dies while callers are in every state: nobody is dropped by us, the records are right."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from lab.faults.pbx import AsteriskFault
from lab.pbx.fetch import AsteriskProgram
from lab.people.agent import RequestRefused, SimAgent
from lab.phones import silence
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from routing.core.calls.consult_transfer import CONSULT_WAIT_S
from routing.store.kinds import NUMBERS
from tests.fakes.sip_uac import telephone
from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

TALKS, ENDS, RINGS, WAITS = "gorus_oneri", "ihbar_sikayet", "temsilci", "uzaktan_egitim"
"""A service for each of those whom the kill meets: the agents of one never serve another."""
KEYS = {TALKS: "4", ENDS: "3", RINGS: "0", WAITS: "2"}
AGENT, CALLER = 600, 440
"""Hz."""
GAP_S = 3.0
"""As long as systemd takes to start a node that was killed. The start takes two seconds more."""
STATES_S = 60.0
"""Agents' states are right within this after a restart, on a busy machine."""
WRAPUP = "\n[profile]\nwrapup_s = 60\n"
"""It begins when the talk ended, and the node comes back later."""
TRUE_S = 2.0
"""Times in the records are true to this: less than the gap."""
PACKET_LOSS_S = 1.0
"""A busy machine drops some packets or plays them late. A talk that is cut and bridged again has another bridge."""
PAUSE_S = 2.0
"""Between music, a sentence and music again. A caller whose music stopped would hear nothing for the whole gap."""


async def talking(stage: Stage, service: str, agent: SimAgent) -> tuple[Leg, Leg, str]:
    """A caller who talks with this agent: their leg, the phone's, the contact."""
    caller = await stage.hurried(KEYS[service], tone=CALLER)
    phone = await stage.network.wait_ring(agent.seat)
    await stage.hears_tone(phone, CALLER)  # the words after the caller's key come first
    contact = await until_async(lambda: newest(stage.lab, service))
    await stage.reaches(agent, "talking")
    return caller, phone, contact


async def serve(stage: Stage, count: int, behaviour: PhoneBehaviour) -> None:
    """Let this many agents sign in for the waiting callers and talk with them."""
    seats = [stage.info.seat_of(name) for name in plain(WAITS, count)]
    await stage.network.register_phones({seat.endpoint: seat.secret for seat in seats})
    people = [await stage.lab.sign_in_agent(seat.id, behaviour) for seat in seats]
    await asyncio.gather(*(stage.reaches(person, "talking") for person in people))


def newest(lab: LabSession, service: str) -> str:
    rows = lab.query_store("select contact from contacts where service = ? order by queued_at desc limit 1", service)
    return str(rows[0]["contact"]) if rows else ""


async def stored(lab: LabSession, service: str, count: int) -> list[str]:
    """Return the contacts of a service in order of arrival, once there are this many."""
    def found() -> list[str]:
        rows = lab.query_store("select contact from contacts where service = ? order by queued_at", service)
        return [str(one["contact"]) for one in rows] if len(rows) == count else []

    return await until_async(found, what=f"{count} contacts of {service}")


def contact_row(lab: LabSession, contact: str) -> dict[str, object]:
    return lab.query_store("select * from contacts where contact = ?", contact)[0]


def ends(lab: LabSession) -> Counter[str]:
    """How often each contact has ended, by the facts."""
    return Counter(str(one["contact"]) for one in lab.query_store(
        f"select json_extract(body, '$[0]') as contact from facts where kind = {NUMBERS['Ended']}"))


async def test_a_killed_node_loses_nobody(new_lab: NewLab, tmp_path: Path, asterisk_tree: AsteriskProgram) -> None:
    lab = await new_lab(centre=patient(tmp_path), extra=WRAPUP)
    stage = Stage(lab, tmp_path)
    phone_of = PhoneBehaviour("0", tone=AGENT, record=tmp_path)
    people = {service: await stage.agent(plain(service, 1)[0], phone_of._replace(answer="6") if service == RINGS
                                         else phone_of) for service in (TALKS, ENDS, RINGS)}
    talk, talk_phone, talk_contact = await talking(stage, TALKS, people[TALKS])
    short, _, short_contact = await talking(stage, ENDS, people[ENDS])
    waiting = [await stage.waiting(KEYS[WAITS], WAITS) for _ in range(4)]
    contacts = await stored(lab, WAITS, 4)
    pbx = AsteriskFault(lab.folder, asterisk_tree)
    await in_line(pbx, len(waiting))
    menu = await stage.caller()
    await menu.wait_answered()
    ringer = await stage.hurried(KEYS[RINGS], tone=CALLER)
    ring = await lab.network.wait_ring(people[RINGS].seat)
    await stage.reaches(people[RINGS], "ringing")

    bridge = await bridge_of(pbx, talk_contact)
    killed = time.time()
    await asyncio.to_thread(lab.kill_node)
    leaver = waiting.pop(1)
    left_contact = contacts.pop(1)
    await asyncio.gather(short.hang_up(), leaver.hang_up())
    await asyncio.gather(short.wait_ended(), leaver.wait_ended())
    await ring.wait_answered()
    await until_async(lambda: time.time() > killed + GAP_S, what="the gap is over")
    await lab.start_node()
    back = time.time()

    await asyncio.gather(stage.reaches(people[TALKS], "talking", STATES_S),
                         stage.reaches(people[RINGS], "talking", STATES_S),
                         stage.reaches(people[ENDS], "wrapup", STATES_S))
    assert (await lab.fetch_queue(WAITS))["waiting"] == len(waiting)
    ring_contact = newest(lab, RINGS)
    await stage.talk(ring, 3.0)

    await serve(stage, 3, phone_of)
    order = [one["contact"] for one in lab.query_store("select contact from offers where service = ? order by offer",
        WAITS)]
    assert order == contacts, "the old order, each offered once"

    # The fallback queue gives back a caller who had chosen nothing: to the human service of the menu.
    await until_async(lambda: newest(lab, RINGS) != ring_contact, 120.0, "the caller in the menu waits for a human")
    assert await bridge_of(pbx, talk_contact) == bridge, "the talk was never cut"
    ended = time.time()
    for leg in (talk, ringer, *waiting, menu):
        assert not leg.ended.is_set(), f"{leg} was dropped: {leg.describe_moments()}"
    await lab.network.hang_up_all()
    await lab.wait_until_quiet()
    await asyncio.gather(*(leg.wait_ended() for leg in (talk, talk_phone, *waiting)))
    for leg, tone in ((talk, AGENT), (talk_phone, CALLER)):
        heard = silence.between(leg, killed - 1.0, ended - 1.0)
        assert silence.longest_without(heard, tone) <= PACKET_LOSS_S, f"the talk had a gap: {leg}"
    for leg in waiting:
        assert silence.longest_silence(silence.between(leg, killed - 1.0, back)) <= PAUSE_S, f"{leg}: no music"
    known = {talk_contact, short_contact, ring_contact, left_contact, newest(lab, RINGS), *contacts}
    assert ends(lab) == dict.fromkeys(known, 1), "no call twice, none missing"
    outcomes = {str(one["contact"]): str(one["outcome"])
        for one in lab.query_store("select contact, outcome from contacts")}
    assert set(outcomes) == known and "fallback" not in outcomes.values(), "nobody was in the fallback queue"
    assert [outcomes[contact] for contact in contacts] == ["answered"] * 3
    assert contact_row(lab, talk_contact)["outcome"] == contact_row(lab, ring_contact)["outcome"] == "answered"
    _true_ends(lab, short_contact, short, left_contact, leaver, ring_contact, ring)


def _true_ends(lab: LabSession, short_contact: str, short: Leg, left_contact: str, leaver: Leg, ring_contact: str,
               ring: Leg) -> None:
    """Events during the time without a node are recorded with their true time."""
    found = contact_row(lab, short_contact)
    assert (found["outcome"], found["ended_at"]) == ("answered", pytest.approx(short.ended_at, abs=TRUE_S))
    found = contact_row(lab, left_contact)
    assert str(found["outcome"]).startswith("abandoned")
    assert found["ended_at"] == pytest.approx(leaver.ended_at, abs=TRUE_S)
    offer = lab.query_store("select talk_s, connected_at from offers where contact = ?", short_contact)[0]
    assert short.ended_at is not None
    assert offer["talk_s"] == pytest.approx(short.ended_at - offer["connected_at"], abs=TRUE_S)
    connected = lab.query_store("select connected_at from offers where contact = ?", ring_contact)[0]["connected_at"]
    assert connected == pytest.approx(ring.answered_at, abs=TRUE_S)


async def bridge_of(pbx: AsteriskFault, contact: str) -> str:
    """Return the bridge of a caller who talks."""
    channels = await asyncio.to_thread(pbx.list_channels)
    [bridge] = [one.bridge for one in channels if one.uniqueid == contact]
    assert bridge, channels
    return bridge


async def in_line(pbx: AsteriskFault, count: int) -> None:
    """Wait until this many callers hear the queue. The node counts a caller as waiting before its answer has brought
    them there."""
    places: list[tuple[str, str]] = []

    async def there() -> bool:
        places[:] = [(one.context, one.application) for one in await asyncio.to_thread(pbx.list_channels)]
        return places.count(("santral-hold", "Read")) == count

    try:
        await until_async(there, what=f"{count} in the line")
    except AssertionError as error:
        raise AssertionError(f"{error}; all channels: {places}") from None


async def test_a_frozen_node_drops_nobody(new_lab: NewLab, tmp_path: Path, asterisk_tree: AsteriskProgram) -> None:
    lab = await new_lab(centre=patient(tmp_path))
    stage = Stage(lab, tmp_path)
    agent = await stage.agent(plain(TALKS, 1)[0], PhoneBehaviour("0", tone=AGENT, record=tmp_path))
    talk, phone, contact = await talking(stage, TALKS, agent)
    waits = await stage.waiting(KEYS[WAITS], WAITS)
    pbx = AsteriskFault(lab.folder, asterisk_tree)
    await in_line(pbx, 1)
    bridge = await bridge_of(pbx, contact)
    frozen = time.time()
    lab.freeze_node()
    try:
        await until_async(lambda: time.time() > frozen + 20, what="20 s frozen")
    finally:
        lab.thaw_node()
    await stage.reaches(agent, "talking")
    woke = time.time()
    assert (await lab.fetch_queue(WAITS))["waiting"] == 1
    await serve(stage, 1, PhoneBehaviour("0", tone=AGENT))
    assert not talk.ended.is_set() and not waits.ended.is_set()
    assert await bridge_of(pbx, contact) == bridge, "the talk was never cut"
    await lab.network.hang_up_all()
    await lab.wait_until_quiet()
    await asyncio.gather(*(leg.wait_ended() for leg in (phone, waits)))
    assert silence.longest_without(silence.between(phone, frozen - 1, woke - 1), CALLER) <= PACKET_LOSS_S
    assert silence.longest_silence(silence.between(waits, frozen - 1, woke - 1)) <= PAUSE_S
    assert {str(one["outcome"]) for one in lab.query_store("select outcome from contacts")} == {"answered"}
    assert contact_row(lab, contact)["outcome"] == "answered" and len(ends(lab)) == 2


@pytest.mark.parametrize("node_too", [False, True], ids=["alone", "with its node"])
async def test_a_killed_asterisk_is_nobodys_abandonment(
        new_lab: NewLab, tmp_path: Path, asterisk_tree: AsteriskProgram, node_too: bool) -> None:
    lab = await new_lab()
    stage = Stage(lab, tmp_path)
    pbx = AsteriskFault(lab.folder, asterisk_tree)
    agent = await stage.agent(plain(TALKS, 1)[0], PhoneBehaviour("0", record=tmp_path))
    _, _, talked = await talking(stage, TALKS, agent)
    ringing = await stage.agent(plain(RINGS, 1)[0], PhoneBehaviour("ignore"))
    await stage.hurried(KEYS[RINGS])
    await stage.reaches(ringing, "ringing")
    await stage.waiting(KEYS[WAITS], WAITS)
    gone = {service: (await stored(lab, service, 1))[0] for service in (RINGS, WAITS)}
    if node_too:
        await asyncio.to_thread(lab.kill_node)
    await asyncio.to_thread(pbx.kill_asterisk)
    await asyncio.to_thread(pbx.start_asterisk)
    if node_too:
        await lab.start_node()

    async def up() -> bool:
        return bool((await lab.fetch_status())["link_up"])

    await until_async(up, what="the link is back")
    await lab.network.renew_registrations(person.seat for person in (agent, ringing))
    with suppress(RequestRefused):  # it is over on a busy machine
        await agent.ask_as_agent("wrapup/end")
    await asyncio.gather(stage.reaches(agent, "ready"), stage.reaches(ringing, "ready"))
    assert {service: contact_row(lab, contact)["outcome"] for service, contact in gone.items()} == {
        RINGS: "pbx_failure", WAITS: "pbx_failure"}
    assert contact_row(lab, talked)["outcome"] == "answered", "they talked: that is no failure of ours"
    assert set(ends(lab).values()) == {1} and len(ends(lab)) == 3
    again = await stage.hurried(KEYS[TALKS])
    await stage.reaches(agent, "talking")
    await again.hang_up()


@pytest.mark.long
async def test_a_hold_that_goes_on_through_a_kill_is_counted_whole_and_one_that_ends_in_it_up_to_the_gap(
        new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab()
    stage = Stage(lab, tmp_path)
    name = plain(TALKS, 1)[0]
    seat = lab.info.seat_of(name)
    async with telephone(lab.info.sip) as phone:
        await phone.register(seat.endpoint, seat.secret)
        agent = await stage.sits(name)
        caller = await stage.hurried(KEYS[TALKS], tone=CALLER)
        await stage.reaches(agent, "talking")
        talk, contact = await phone.rings(), newest(lab, TALKS)

        def offer() -> dict[str, object]:
            [row] = lab.query_store("select held_s, held_since from offers where contact = ?", contact)
            return row

        async def held(on: bool) -> float:
            """Until the node knows it; when it was done."""
            await until_async(lambda: (offer()["held_since"] is not None) is on, what=f"on hold: {on}")
            return time.time()

        assert await talk.hold() == 200
        begun = await held(True)
        await asyncio.sleep(GAP_S)
        await asyncio.to_thread(lab.kill_node)
        await asyncio.sleep(GAP_S)
        await lab.start_node()
        assert await talk.hold(False) == 200
        true_s = await held(False) - begun
        assert true_s > 2 * GAP_S and float(str(offer()["held_s"])) == pytest.approx(true_s, abs=TRUE_S)

        assert await talk.hold() == 200
        begun = await held(True)
        await asyncio.to_thread(lab.kill_node)
        gone = time.time()
        assert await talk.hold(False) == 200
        ended = time.time()
        await asyncio.sleep(GAP_S)
        await lab.start_node()
        back = await held(False)
        more_s = float(str(offer()["held_s"])) - true_s
        assert ended - begun - TRUE_S < more_s < ended - begun + (back - gone) + TRUE_S, "no more than the gap too much"
        await caller.hang_up()
        assert await stage.ended(contact) == "answered"


@pytest.mark.long
async def test_agents_who_met_without_a_node_are_left_to_talk(new_lab: NewLab, tmp_path: Path) -> None:
    """One agent consults the other about a caller. A consultant who answers while no node listens must not be cut off
    as one who did not answer."""
    stage = Stage(await new_lab(), tmp_path)
    names = plain(WAITS, 2, alone=False)
    asks = await stage.agent(names[0], PhoneBehaviour("0", record=tmp_path))
    caller, phone, contact = await talking(stage, WAITS, asks)
    asked = await stage.agent(names[1], PhoneBehaviour("5", tone=AGENT, record=tmp_path))
    since = len(stage.network.rung)
    await asks.ask_as_agent("consult", {"agent": asked.id})
    other = await stage.network.wait_ring(asked.seat, since)
    await asyncio.to_thread(stage.lab.kill_node)
    await until_async(lambda: stage.tone_s(phone, AGENT) > 1.0, 60.0, "the two talk")
    await stage.lab.start_node()
    await asyncio.gather(stage.reaches(asked, "talking", STATES_S), stage.reaches(asks, "talking", STATES_S))
    await asyncio.sleep(CONSULT_WAIT_S + GAP_S)
    assert not other.ended.is_set(), "every deadline of ringing and of asking has passed"
    await other.hang_up()
    await stage.reaches(asked, "ready")
    await until_async(lambda: [row["state"] for row in stage.lab.query_store(
        "select state from offers where contact = ? order by offer", contact)] == ["accepted", "canceled"])
    await caller.hang_up()
    assert await stage.ended(contact) == "answered"
