"""A caller and the menu, on a real Asterisk: which key leads to whom, and what is heard on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.flow.dialogue_machine import OPTION_PAUSE_S
from ivr.flow.dialogue_steps import SLOW_FACTOR
from lab.lifecycle import LabInfo
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from routing.store.kinds import NUMBERS
from tests.fakes.sip_uac import telephone
from tests.system.stage import Stage, length, plain
from tests.until import until_async

pytestmark = pytest.mark.system

SERVICES = {"1": "psikososyal", "2": "uzaktan_egitim", "3": "ihbar_sikayet", "4": "gorus_oneri", "0": "temsilci"}
CHOSEN = {"1": "secildi-psikososyal", "2": "secildi-uzaktan-egitim", "3": "secildi-ihbar-sikayet",
          "4": "secildi-gorus-oneri", "0": "secildi-temsilci"}
OPTIONS = ("ana-menu-1", "ana-menu-2", "ana-menu-3", "ana-menu-4", "ana-menu-0")
AGENT, CALLER = 700, 440
"""Hz of what they say."""
CARRIER = "127.0.0.2"


@pytest.mark.parametrize("key", SERVICES)
async def test_a_key_reaches_the_skill_and_rings_nobody_else(stage: Stage, key: str) -> None:
    """The others have been idle longer; the one agent with the skill comes last."""
    others = [plain(service, 1)[0] for other, service in SERVICES.items() if other != key]
    await stage.agents(others)
    able = await stage.agent(plain(SERVICES[key], 1)[0], PhoneBehaviour(tone=AGENT, record=stage.folder))
    caller = await stage.caller(f"{key}@1s", tone=CALLER)
    phone = await stage.network.wait_ring()
    assert phone.seat == able.seat
    view = await stage.reaches(able, "talking")
    assert view["service"] == SERVICES[key]
    await stage.hears_tone(caller, AGENT, 1.2)
    await stage.hears_tone(phone, CALLER, 1.2)
    await caller.hang_up()
    await phone.wait_ended()
    assert {leg.seat for leg in stage.network.rung} == {able.seat}
    if key != "1":  # in distress the talk ends the words
        stage.heard(caller, CHOSEN[key])
    assert stage.tone_s(caller, AGENT) > 1.0, "the caller hears the agent"
    assert stage.tone_s(phone, CALLER) > 1.0, "the agent hears the caller"
    assert await stage.ended(view["contact"]) == "answered"


# -- by ear: all these callers are in the menu at the same time ------------------------------------------------------

LISTENED = ("karsilama", *OPTIONS, "tus-bilgisi")
PAUSE, SLOW_PAUSE = OPTION_PAUSE_S, OPTION_PAUSE_S * SLOW_FACTOR
INTO_S = 1.2
"""So far into a sentence a key falls that shall interrupt it, or that answers what was said before."""


def begins(key: str) -> float:
    """Seconds from the answer until this prompt begins, for who listens."""
    before = LISTENED[: LISTENED.index(key)]
    return sum(length(one) + (PAUSE if one in OPTIONS else 0.0) for one in before)


def pressed() -> dict[str, str]:
    """Return the keys of each caller with their times: `key@s,key@s`."""
    in_second = begins("ana-menu-2") + INTO_S
    once_more = length("ana-menu-1") + PAUSE + INTO_S
    slowly = length("menu-yavas-acildi-yavas") + length("ana-menu-1-yavas") + 2 * SLOW_PAUSE + INTO_S
    wrong = sum(map(length, ("menu-tus-yanlis", "menu-yavas-onerisi"))) + 2 * PAUSE
    chosen = 0.8 + 0.95 * length("secildi-uzaktan-egitim")
    keys = {
        "patient": [("3", begins("tus-bilgisi") + length("tus-bilgisi") + 1.0)],
        "interrupts": [("2", begins("ana-menu-1") + INTO_S)],
        "repeats": [("#", in_second), ("4", in_second + once_more)],
        "slow": [("*", in_second), ("3", in_second + slowly)],
        "wrong": [("7", 0.6), ("6", 0.6 + wrong + once_more)],
        "mute": [("7", 0.6)],
        "back": [("2", 0.8), ("9", chosen), ("4", chosen + once_more)],
        "top": [("9", 0.6), ("9", 1.2), ("3", 1.2 + length("menu-en-basta") + PAUSE + once_more)],
    }
    return {name: ",".join(f"{key}@{at:.2f}s" for key, at in steps) for name, steps in keys.items()}


UNASKED = ("patient", "top", "slow")
"""They chose the anonymous service, where nobody is asked after the talk; the others leave when they are."""
TALK_S = 30.0
"""From the answer: agents wait for acknowledgement, notice and hint, which take 19 s."""
MENU_S = 150.0
"""The mute one presses a key that is none at first, then hears the whole menu with all its waits: 75 s."""


@pytest.fixture(scope="module")
def callers(lab_session: LabInfo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Leg]]:
    """Everybody's call is over; what they heard is recorded."""
    folder = tmp_path_factory.mktemp("menu")
    yield asyncio.run(_everybody(lab_session, folder))


async def _everybody(info: LabInfo, folder: Path) -> dict[str, Leg]:
    async with LabSession(info) as lab:
        stage = Stage(lab, folder)
        answers = PhoneBehaviour(talk=TALK_S, tone=AGENT)
        await stage.agents([name for key, service in SERVICES.items() for name in plain(service, 2)], answers)
        legs = {name: await stage.caller(keys) for name, keys in pressed().items()}
        asked = f"select count(*) as asked from facts where kind = {NUMBERS['SurveyAnsweredRecorded']}"
        await until_async(lambda: lab.query_store(asked)[0]["asked"] >= len(legs) - len(UNASKED), MENU_S,
            "all talks are over")
        for name, leg in legs.items():
            if name not in UNASKED:  # what they were asked is for test_calls_survey
                await leg.hang_up()
        await asyncio.gather(*(leg.wait_ended() for leg in legs.values()))
        return legs


@pytest.fixture
def ear(lab: LabSession, tmp_path: Path) -> Stage:
    """For its words about recordings."""
    return Stage(lab, tmp_path)


async def test_the_whole_menu_is_heard_in_order(callers: dict[str, Leg], ear: Stage) -> None:
    ear.in_order(callers["patient"], "karsilama", *OPTIONS, "tus-bilgisi", "secildi-ihbar-sikayet", "system/goodbye")
    ear.not_heard(callers["patient"], "kayit-bilgisi")


async def test_after_the_agent_has_hung_up_the_caller_hears_good_bye(callers: dict[str, Leg], ear: Stage) -> None:
    for name, leg in callers.items():
        assert ear.tone_s(leg, AGENT) > 0.5
        if name in UNASKED:
            [bye] = ear.heard(leg, "system/goodbye-yavas" if name == "slow" else "system/goodbye")
            assert bye.offset_s > 5


async def test_a_key_interrupts_what_is_said(callers: dict[str, Leg], ear: Stage) -> None:
    leg = callers["interrupts"]
    chosen, _ = ear.in_order(leg, "secildi-uzaktan-egitim", "kayit-bilgisi")
    ear.not_heard(leg, "ana-menu-2", "geri-bilgisi")
    assert chosen.offset_s < begins("ana-menu-2")


async def test_hash_says_the_menu_again(callers: dict[str, Leg], ear: Stage) -> None:
    first, second = ear.twice(callers["repeats"], "ana-menu-1")
    assert second.offset_s - first.offset_s > 5
    ear.in_order(callers["repeats"], "secildi-gorus-oneri", "kayit-bilgisi")
    ear.not_heard(callers["repeats"], "ana-menu-4")


async def test_star_speaks_slowly_from_then_on(callers: dict[str, Leg], ear: Stage) -> None:
    leg = callers["slow"]
    ear.in_order(leg, "ana-menu-1", "menu-yavas-acildi-yavas", "ana-menu-1-yavas", "secildi-ihbar-sikayet-yavas",
                 "geri-bilgisi-yavas")
    ear.not_heard(leg, "secildi-ihbar-sikayet", "ana-menu-4-yavas")


async def test_two_wrong_keys_lead_to_a_person(callers: dict[str, Leg], ear: Stage) -> None:
    leg = callers["wrong"]
    ear.in_order(leg, "menu-yavas-onerisi", "ana-menu-1", "menu-temsilciye")
    ear.twice(leg, "menu-tus-yanlis")
    assert ear.tone_s(leg, AGENT) > 0.5


async def test_a_wrong_key_and_no_key_lead_to_a_person(callers: dict[str, Leg], ear: Stage) -> None:
    """More time is offered before the end."""
    ear.in_order(callers["mute"], "menu-tus-yanlis", "menu-yavas-onerisi", *OPTIONS, "tus-bilgisi",
                 "menu-sure-uyarisi", "menu-tus-yok", "menu-temsilciye")
    assert ear.tone_s(callers["mute"], AGENT) > 0.5


async def test_nine_takes_a_choice_back(callers: dict[str, Leg], ear: Stage) -> None:
    """The telephone that rang for the first choice stops. The caller hears the menu and chooses again."""
    ear.in_order(callers["back"], "ana-menu-1", "secildi-gorus-oneri", "kayit-bilgisi")
    assert ear.tone_s(callers["back"], AGENT) > 0.5


async def test_nine_in_the_main_menu_says_where_one_is(callers: dict[str, Leg], ear: Stage) -> None:
    ear.in_order(callers["top"], "menu-en-basta", "ana-menu-1", "secildi-ihbar-sikayet")


async def test_whoever_hangs_up_in_the_menu_was_never_offered(stage: Stage) -> None:
    agent = await stage.agent(plain("psikososyal", 1)[0])
    before = len(stage.lab.read_queue_log()), stage.lab.query_store("select count(*) as n from contacts")
    caller = await stage.caller(stay=3.0)
    await caller.wait_ended()
    again = await stage.caller("#@600ms,#@1200ms", stay=1.6)
    await again.wait_ended()
    assert (len(stage.lab.read_queue_log()), stage.lab.query_store("select count(*) as n from contacts")) == before
    assert not stage.network.rung
    assert (await agent.fetch_view())["state"] == "ready"


async def test_keys_that_are_tones_in_the_sound_are_heard(stage: Stage) -> None:
    """Not every carrier has RFC 4733: whose keys nobody hears cannot choose, nor press anything while they wait."""
    async with telephone(stage.info.sip, CARRIER, tones=True) as phone:
        call = await phone.call(stage.info.numbers[0].encode())
        await call.speak(0.6)
        for _ in range(8):  # one that is pressed before the dialogue has begun is lost, one too many does nothing
            await call.press("2")
            await call.speak(0.4)
        await stage.counts("uzaktan_egitim", 1)
