"""Callers who wait, ring and talk, on a real Asterisk: every way in which it goes on, and nobody loses their place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from lab.lifecycle import LabInfo
from lab.pbx.fetch import AsteriskProgram
from lab.pbx.ports import PortBlock
from lab.people.agent import SimAgent
from lab.phones import audio, network
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour, PhoneNetwork
from lab.session import LabSession
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

SERVICE, KEY = "gorus_oneri", "4"
TONES = (400, 500, 600)
"""Hz of three callers."""
BEST, SECOND = reversed(plain(SERVICE, 2))
"""Two agents: whoever knows more is offered a caller first."""
AGENT = 900
FREED_S = 10.0
"""An agent whose caller hung up is ready again within this: long before the phone would have rung out."""


async def connected(stage: Stage, person: SimAgent, tone: int) -> Leg:
    """The phone of this agent is called and hears this caller."""
    before = [leg for leg in stage.network.rung if leg.seat == person.seat and leg.ended.is_set()]
    phone = await stage.network.wait_ring(person.seat, since=stage.network.rung.index(before[-1]) + 1 if before else 0)
    await stage.hears_tone(phone, tone)  # the words after the caller's key come first
    heard = {one: stage.tone_s(phone, one) for one in TONES}
    assert heard[tone] > 0.8, f"{person.id} hears {heard} instead of {tone}: {phone.describe_moments()}"
    return phone


async def free(stage: Stage, person: SimAgent, caller: Leg) -> None:
    """The talk is over and so is the wrap-up, and the phone knows it."""
    await caller.hang_up()
    for phone in stage.network.rung:
        if phone.seat == person.seat:
            await phone.wait_ended()
    await stage.reaches(person, "wrapup")
    await person.ask_as_agent("wrapup/end")


# -- the caller hangs up ---------------------------------------------------------------------------------------------


async def test_hangs_up_while_waiting(stage: Stage) -> None:
    caller = await stage.waiting(KEY, SERVICE)
    contact = await stage.newest()
    await caller.hang_up()
    assert await stage.ended(contact) in ("abandoned", "abandoned_short")
    assert (await stage.lab.fetch_queue(SERVICE))["waiting"] == 0


async def test_hangs_up_while_the_agent_rings(stage: Stage) -> None:
    agent = await stage.agent(BEST, PhoneBehaviour("ignore"))
    caller = await stage.hurried(KEY)
    phone = await stage.network.wait_ring(agent.seat)
    contact = (await stage.reaches(agent, "ringing"))["contact"]
    await caller.hang_up()
    await caller.wait_ended()
    began = time.monotonic()
    await stage.reaches(agent, "ready")
    assert time.monotonic() - began < FREED_S
    await phone.wait_ended()
    assert not phone.was_answered
    assert await stage.ended(contact) in ("abandoned", "abandoned_short")
    assert (await agent.fetch_view())["rna_count"] == 0, "it was not the agent's doing"


async def test_hangs_up_while_talking(stage: Stage) -> None:
    agent = await stage.agent(BEST, PhoneBehaviour(record=stage.folder))
    caller = await stage.hurried(KEY, tone=TONES[0])
    phone = await connected(stage, agent, TONES[0])
    contact = (await stage.reaches(agent, "talking"))["contact"]
    await caller.hang_up()
    await stage.reaches(agent, "wrapup")
    assert await stage.ended(contact) == "answered"
    await phone.wait_ended()


# -- the agent does not take it --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "reason"), [("busy", "busy"), ("decline", "rejected"), ("redirect", "rejected")])
async def test_a_phone_that_refuses_is_no_answer_and_the_next_agent_takes_it(
        stage: Stage, answer: str, reason: str) -> None:
    refuses, takes = await stage.agents([BEST, SECOND])
    await refuses.set_behaviour(PhoneBehaviour(answer))
    await takes.set_behaviour(PhoneBehaviour(record=stage.folder))
    caller = await stage.hurried(KEY, tone=TONES[0])
    phone = await connected(stage, takes, TONES[0])
    assert [leg.seat for leg in stage.network.rung] == [refuses.seat, takes.seat]
    assert not stage.network.rung[0].was_answered
    contact = (await takes.fetch_view())["contact"]
    rows = stage.lab.query_store("select agent, reason, connected_at from offers where contact = ? order by offer",
        contact)
    assert [row["agent"] for row in rows] == [refuses.id, takes.id]
    assert rows[0]["reason"] == reason
    assert rows[0]["connected_at"] is None
    await caller.hang_up()
    await phone.wait_ended()
    lines = [line for line in stage.lab.read_queue_log() if line.contact == contact]
    assert [line.event for line in lines].count("CONNECT") == 1


@pytest.mark.parametrize(("answer", "word"), [("busy", "busy"), ("decline", "rejected"), ("deaf", "rejected")])
async def test_a_phone_that_refuses_every_call_gets_none_and_the_caller_keeps_the_place(
        stage: Stage, answer: str, word: str) -> None:
    """"Do not disturb": had been offered the same caller every 5 s for ever, and the agent had been shown as ready."""
    agent = await stage.agent(BEST, PhoneBehaviour(answer))
    first = await stage.hurried(KEY, tone=TONES[0])
    gone = await stage.reaches(agent, "not_responding")
    assert (gone["reason"], gone["rna_count"]) == ("declines", 2)
    await until_async(lambda: stage.closed(agent.id) == ("rejected", word), what=f"{answer} is {word}")
    await until_async(lambda: len(stage.network.rung) >= 2, what="the network tells of the second ring, too")
    assert len(stage.network.rung) == 2
    second = await stage.hurried(KEY, tone=TONES[1])
    await stage.counts(SERVICE, 2)
    await agent.set_behaviour(PhoneBehaviour(record=stage.folder))
    await agent.ask_as_agent("resume")
    await connected(stage, agent, TONES[0])
    await free(stage, agent, first)
    await connected(stage, agent, TONES[1])
    await second.hang_up()


async def test_a_phone_that_is_not_registered_gets_no_call(stage: Stage) -> None:
    away, takes = await stage.agents([BEST, SECOND], PhoneBehaviour(record=stage.folder))
    await stage.network.unregister_phone(away.seat)
    await stage.reaches(away, "unreachable")
    caller = await stage.hurried(KEY, tone=TONES[0])
    await connected(stage, takes, TONES[0])
    assert {leg.seat for leg in stage.network.rung} == {takes.seat}
    await stage.network.register_phones({away.seat: away.place.secret})
    await stage.reaches(away, "ready")
    await caller.hang_up()


# -- all are busy ----------------------------------------------------------------------------------------------------


async def test_two_callers_at_once_and_one_agent(stage: Stage) -> None:
    agent = await stage.agent(BEST, PhoneBehaviour(tone=AGENT, record=stage.folder))
    callers = dict(zip(TONES[:2], await asyncio.gather(*(stage.hurried(KEY, tone=tone) for tone in TONES[:2])),
                       strict=True))
    served: list[int] = []
    for _ in callers:
        phone = await stage.network.wait_ring(agent.seat, since=len(served))
        await phone.wait_answered()
        await until_async(lambda leg=phone: any(stage.tone_s(leg, tone) > 0.8 for tone in callers), 60, "a caller")
        [tone] = [tone for tone in callers if stage.tone_s(phone, tone) > 0.8]
        await stage.hears_tone(callers[tone], AGENT)
        served.append(tone)
        await free(stage, agent, callers[tone])
        await phone.wait_ended()
    assert sorted(served) == sorted(callers)
    assert len(stage.network.rung) == 2
    for caller in callers.values():
        await caller.wait_ended()
        assert stage.tone_s(caller, AGENT) > 0.5


# -- long stories, told at the same time in services that have nothing to do with each other ---------------------------


async def nobody_answers(stage: Stage, key: str, service: str, _: AsteriskProgram) -> None:
    """The best agent never answers: the second one takes the first caller. Then both are away from their phones or
    busy, and of two waiting callers the one who was rung for in vain is still the first."""
    second, best = plain(service, 2)
    ignores, takes = await stage.agents([best, second])
    await ignores.set_behaviour(PhoneBehaviour("ignore"))
    await takes.set_behaviour(PhoneBehaviour(record=stage.folder))
    talks = await stage.hurried(key, tone=TONES[0])
    in_vain = await stage.network.wait_ring(ignores.seat)
    await connected(stage, takes, TONES[0])
    assert in_vain.ended.is_set() and not in_vain.was_answered
    assert (await ignores.fetch_view())["rna_count"] == 1
    first = await stage.hurried(key, tone=TONES[1])
    await stage.reaches(ignores, "ringing")
    second_caller = await stage.hurried(key, tone=TONES[2])
    await stage.reaches(ignores, "not_responding", 60.0)
    await stage.counts(service, 2)
    await free(stage, takes, talks)
    await connected(stage, takes, TONES[1])
    await free(stage, takes, first)
    await connected(stage, takes, TONES[2])
    await second_caller.hang_up()


async def all_busy(stage: Stage, key: str, service: str, _: AsteriskProgram) -> None:
    """Music, the place is spoken, then they are served in order."""
    agent = await stage.agent(plain(service, 1)[0], PhoneBehaviour(tone=AGENT, record=stage.folder))
    talks = await stage.hurried(key, tone=TONES[0])
    await connected(stage, agent, TONES[0])
    first = await stage.hurried(key, tone=TONES[1])
    await stage.counts(service, 1)
    second = await stage.hurried(key, tone=TONES[2])
    await stage.counts(service, 2)
    await stage.hears(first, "bekleme-siradaki")
    await stage.hears(second, "sira-2")
    await stage.hears_music(first)
    await stage.hears_music(second)
    assert stage.tone_s(first, AGENT) == 0, "nobody talks to who waits"
    await free(stage, agent, talks)
    await connected(stage, agent, TONES[1])
    await free(stage, agent, first)
    await connected(stage, agent, TONES[2])
    await free(stage, agent, second)
    stage.in_order(first, "bekleme-ilk", "bekleme-siradaki")
    stage.in_order(second, "bekleme-ilk", "sira-2")


async def the_phone_vanishes(stage: Stage, key: str, service: str, program: AsteriskProgram) -> None:
    """One phone runs in a separate process that is killed in the talk, while another caller waits. The caller who was
    cut off hears that, is first in the queue, and the next agent serves them first."""
    second, best = plain(service, 2)
    seat, ports = stage.info.seat_of(best), PortBlock()
    place, own = await asyncio.to_thread(network.start_network, program, stage.folder / "own", stage.info.sip, ports,
                                         {seat.endpoint: seat.secret}, 20)
    try:
        async with PhoneNetwork(place) as phones:
            await phones.wait_registered([seat.endpoint])
            await phones.set_behaviour(seat.endpoint, PhoneBehaviour(tone=AGENT))
            agent = await stage.sits(best)
            cut = await stage.hurried(key, tone=TONES[0])
            await (await phones.wait_ring(seat.endpoint)).wait_answered()
            view = await stage.reaches(agent, "talking")
            waits = await stage.hurried(key, tone=TONES[1])
            await stage.counts(service, 1)
            own.kill_process()
        await stage.counts(service, 2, 60.0)  # the phone is lost after 15 s of silence
        assert not cut.ended.is_set(), cut.describe_moments()
        await stage.reaches(agent, "unreachable")
        await stage.hears(cut, "gorusme-kesildi")
        takes = await stage.lab.sign_in_agent(second, PhoneBehaviour(record=stage.folder))
        await connected(stage, takes, TONES[0])
        assert (await takes.fetch_view())["contact"] == view["contact"]
        await free(stage, takes, cut)
        await connected(stage, takes, TONES[1])
        await free(stage, takes, waits)
        assert stage.tone_s(cut, AGENT) > 0.1
        assert await stage.ended(view["contact"]) == "answered"
    finally:
        await asyncio.to_thread(own.stop_process)
        ports.close()


Story = Callable[[Stage, str, str, AsteriskProgram], Coroutine[Any, Any, None]]
STORIES: dict[Story, tuple[str, str]] = {
    nobody_answers: ("4", "gorus_oneri"), all_busy: ("3", "ihbar_sikayet"), the_phone_vanishes: ("2", "uzaktan_egitim")}


async def tell_alone(story: Story, stage: Stage, key: str, service: str, program: AsteriskProgram) -> None:
    """Tell a story that leaves nobody on the line, however it goes: the others' labs end together with it."""
    try:
        await story(stage, key, service, program)
    finally:
        for leg in list(stage.network.calls.values()):
            await leg.hang_up()


@pytest.fixture(scope="module")
def told(lab_session: LabInfo, asterisk_tree: AsteriskProgram, tmp_path_factory: pytest.TempPathFactory
         ) -> dict[Story, BaseException | None]:
    """How each story went; they take half a minute each, mostly ringing and waiting."""
    async def everything() -> list[BaseException | None]:
        async with AsyncExitStack() as stack:
            labs = [await stack.enter_async_context(LabSession(lab_session)) for _ in STORIES]
            return await asyncio.gather(*(
                tell_alone(story, Stage(lab, tmp_path_factory.mktemp("story")), *where, asterisk_tree)
                for lab, (story, where) in zip(labs, STORIES.items(), strict=True)), return_exceptions=True)

    return dict(zip(STORIES, asyncio.run(everything()), strict=True))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_long_story(told: dict[Story, BaseException | None], story: Story) -> None:
    trouble = told[story]
    if trouble is not None:
        raise trouble


# -- many ------------------------------------------------------------------------------------------------------------

MANY = 20
CALLER_TONES = [400 + 50 * number for number in range(MANY)]
TRIES = 3
"""A busy machine may take longer than a second for all calls. Then no id begins as another one."""


async def call_at_once(stage: Stage) -> tuple[dict[str, int], list[Leg], bool]:
    """Let twenty callers come within a second and talk. Return the tones of the seats, the callers, and whether an id
    is the beginning of another one."""
    people = await stage.agents(plain("temsilci", MANY, 30, alone=False))
    tones = {person.seat: 1500 + 50 * number for number, person in enumerate(people)}
    await asyncio.gather(*(person.set_behaviour(PhoneBehaviour(tone=tones[person.seat], record=stage.folder))
                           for person in people))
    # An id begins with the second, all of them in one; a timer may go off a moment before the second does.
    await asyncio.sleep(1.05 - time.time() % 1)
    callers = await asyncio.gather(*(stage.hurried("0", tone=tone) for tone in CALLER_TONES))

    async def all_talk() -> bool:
        return bool((await stage.lab.fetch_queue("temsilci"))["talking"] == MANY)

    await until_async(all_talk, 120, "20 talks")
    contacts = [row["contact"] for row in stage.lab.query_store("select contact from contacts")]
    assert len(contacts) == MANY
    return tones, callers, any(one != other and other.startswith(one) for one in contacts for other in contacts)


async def test_twenty_callers_whose_ids_begin_alike_each_have_their_own_agent(
        new_lab: NewLab, tmp_path: Path) -> None:
    """On a fresh Asterisk the ids end in .1, .2, … .10, .11, …: many begin as another one."""
    for number in range(TRIES):
        (tmp_path / str(number)).mkdir()
        stage = Stage(await new_lab(), tmp_path / str(number))
        agent_tones, callers, alike = await call_at_once(stage)
        if alike:
            break
        await stage.lab.clear_lab()
    assert alike, "no id is the beginning of another one"
    phones = {leg.seat: leg for leg in stage.network.rung}
    assert len(phones) == len(stage.network.rung) == MANY
    # The words after the key are over, so what the phones record now is the talk.
    talked = {path: path.stat().st_size + 3 * audio.RATE for phone in phones.values() if (path := phone.recording)}
    await until_async(lambda: all(path.stat().st_size > size for path, size in talked.items()), 60, "1.5 s of talk")
    await stage.network.hang_up_all()
    await asyncio.gather(*(leg.wait_ended() for leg in (*callers, *phones.values())))
    met: dict[int, int] = {}
    for seat, phone in phones.items():
        heard = [tone for tone in CALLER_TONES if stage.tone_s(phone, tone) > 0.5]
        assert len(heard) == 1, f"phone {seat} heard {heard}"
        met[heard[0]] = agent_tones[seat]
    assert len(met) == MANY
    for caller, tone in zip(callers, CALLER_TONES, strict=True):
        assert caller.recording is not None
        samples = audio.read_wav(caller.recording)
        assert [other for other in agent_tones.values() if audio.tone_s(samples, other) > 0.5] == [met[tone]]
    await stage.lab.clear_lab()
    outcomes = stage.lab.query_store("select outcome, count(*) as n from contacts group by outcome")
    assert [(row["outcome"], row["n"]) for row in outcomes] == [("answered", MANY)]
