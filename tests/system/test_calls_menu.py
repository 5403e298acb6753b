"""A caller and the menu, on a real Asterisk: which key leads to whom, and what is heard on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import audio
from lab.leg import Leg
from lab.network import Behaviour
from lab.session import Lab
from lab.up import Info
from tests.system.stage import Stage, plain, prompt

pytestmark = pytest.mark.system

SERVICES = {"1": "psikososyal", "2": "uzaktan_egitim", "3": "ihbar_sikayet", "4": "gorus_oneri", "0": "temsilci"}
CHOSEN = {"1": "secildi-psikososyal", "2": "secildi-uzaktan-egitim", "3": "secildi-ihbar-sikayet",
          "4": "secildi-gorus-oneri", "0": "secildi-temsilci"}
OPTIONS = ("ana-menu-1", "ana-menu-2", "ana-menu-3", "ana-menu-4", "ana-menu-0")
AGENT, CALLER = 700, 440
"""Hz of what they say."""


@pytest.mark.parametrize("key", SERVICES)
async def test_a_key_reaches_the_skill_and_rings_nobody_else(stage: Stage, key: str) -> None:
    """The others have been idle longer; the one agent with the skill comes last."""
    others = [plain(service, 1)[0] for other, service in SERVICES.items() if other != key]
    await stage.agents(others)
    able = await stage.agent(plain(SERVICES[key], 1)[0], Behaviour(tone=AGENT, record=stage.folder))
    caller = await stage.caller(f"{key}@600ms,{key}@1200ms", tone=CALLER)
    phone = await stage.network.wait_ring()
    assert phone.seat == able.seat
    view = await stage.reaches(able, "talking")
    assert view["service"] == SERVICES[key]
    await stage.talk(phone)
    await caller.hangup()
    await phone.wait_ended()
    assert {leg.seat for leg in stage.network.rung} == {able.seat}
    stage.heard(caller, CHOSEN[key])
    assert stage.tone_s(caller, AGENT) > 1.0, "the caller hears the agent"
    assert stage.tone_s(phone, CALLER) > 1.0, "the agent hears the caller"
    assert await stage.ended(view["contact"]) == "answered"


# -- by ear: all these callers are in the menu at the same time ------------------------------------------------------

PRESSED = {
    "patient": "1@54s",
    "interrupts": "2@13500ms",
    "repeats": "#@19s,4@26s",
    "slow": "*@19s,3@36s",
    "wrong": "7@1s,8@24s",
    "mute": "7@600ms",
    "back": "1@600ms,1@1200ms,9@3900ms,2@14s",
    "top": "9@600ms,9@1200ms,1@9s",
}
"""What each of them presses and when: the greeting is over after 5.6 s, the notice after 11.9 s, the options follow."""
MENU_S = 120.0
"""The mute one presses a key that is none at first, then hears the whole menu with all its waits: 75 s."""


@pytest.fixture(scope="module")
def callers(lab_session: Info, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Leg]]:
    """Everybody's call is over; what they heard is recorded."""
    folder = tmp_path_factory.mktemp("menu")
    yield asyncio.run(_everybody(lab_session, folder))


async def _everybody(info: Info, folder: Path) -> dict[str, Leg]:
    async with Lab(info) as lab:
        stage = Stage(lab, folder)
        answers = Behaviour(talk=1.0, tone=AGENT)
        await stage.agents([name for key, service in SERVICES.items() for name in plain(service, 2)], answers)
        legs = {name: await stage.caller(keys) for name, keys in PRESSED.items()}
        await asyncio.gather(*(leg.wait_ended(MENU_S) for leg in legs.values()))
        return legs


@pytest.fixture
def ear(lab: Lab, tmp_path: Path) -> Stage:
    """For its words about recordings."""
    return Stage(lab, tmp_path)


async def test_the_whole_menu_is_heard_in_order(callers: dict[str, Leg], ear: Stage) -> None:
    ear.in_order(callers["patient"], "karsilama", "kayit-bilgisi", *OPTIONS, "tus-bilgisi", "secildi-psikososyal",
                 "system/goodbye")


async def test_after_the_agent_has_hung_up_the_caller_hears_good_bye(callers: dict[str, Leg], ear: Stage) -> None:
    for leg in callers.values():
        [bye] = ear.heard(leg, "system/goodbye")
        assert ear.tone_s(leg, AGENT) > 0.5
        assert bye.offset_s > 5


async def test_a_key_interrupts_what_is_said(callers: dict[str, Leg], ear: Stage) -> None:
    leg = callers["interrupts"]
    notice, chosen = ear.in_order(leg, "kayit-bilgisi", "secildi-uzaktan-egitim")
    ear.not_heard(leg, "ana-menu-2", "geri-bilgisi")
    first_option_ends = notice.offset_s + len(prompt("kayit-bilgisi")) / audio.RATE + len(
        prompt("ana-menu-1")) / audio.RATE
    assert chosen.offset_s < first_option_ends


async def test_hash_says_the_menu_again(callers: dict[str, Leg], ear: Stage) -> None:
    first, second = ear.twice(callers["repeats"], "ana-menu-1")
    assert second.offset_s - first.offset_s > 5
    ear.in_order(callers["repeats"], "kayit-bilgisi", "secildi-gorus-oneri")
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
    ear.in_order(callers["back"], "secildi-psikososyal", "ana-menu-1", "secildi-uzaktan-egitim")


async def test_nine_in_the_main_menu_says_where_one_is(callers: dict[str, Leg], ear: Stage) -> None:
    ear.in_order(callers["top"], "menu-en-basta", "ana-menu-1", "secildi-psikososyal")


async def test_whoever_hangs_up_in_the_menu_was_never_offered(stage: Stage) -> None:
    agent = await stage.agent(plain("psikososyal", 1)[0])
    before = len(stage.lab.queue_log()), stage.lab.rows("select count(*) as n from contacts")
    caller = await stage.caller(stay=3.0)
    await caller.wait_ended()
    again = await stage.caller("1@600ms,1@1200ms", stay=1.6)
    await again.wait_ended()
    assert (len(stage.lab.queue_log()), stage.lab.rows("select count(*) as n from contacts")) == before
    assert not stage.network.rung
    assert (await agent.view())["state"] == "ready"
