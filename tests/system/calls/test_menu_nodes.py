"""Call each node of docs/centre/menu-example.yaml on a real Asterisk with real keys: digits, a different language, a
message, external numbers, a second menu, a caller with the preference for a person. All calls are made together."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import lifecycle
from lab.pbx.fetch import AsteriskProgram
from lab.people.agent import RequestRefused, SimAgent, ask_node
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from routing.store.callers.number_keys import NumberKeys
from santral.centre.last_known_good import FOLDER
from tests.fakes.menu import RICH_EXAMPLE
from tests.ministry import copied, edit
from tests.system import ended
from tests.system.stage import Stage, length, plain, written
from tests.until import until_async

pytestmark = pytest.mark.system

AGENT, OUTSIDE, SPEAKS = 700, 600, 440
"""Hz of what they say."""
ENGLISH = "a1060"
"""The one agent who speaks English."""
SECOND = "4440633"
"""The called number that leads to the busy outside number at once."""
DIGITS = "7391846205"
KNOWN = "05001112233"
HEARS_S = 80.0
"""From one sentence to the next, on a loaded machine."""


def write(folder: Path) -> Path:
    """The ministry's centre with this menu, two outside numbers, and somebody who speaks English."""
    centre = copied(folder)
    menu = RICH_EXAMPLE.replace("entries:\n", "entries:\n  ikinci: bos\n", 1) + (
        "\n  bos:\n    transfer: bos\n    say: sosyal-destek-baglanti\n    after_failures: temsilci\n"
        "    text: https://www.aile.gov.tr\n")
    (centre / "menu.yaml").write_text(menu, encoding="utf-8")
    edit(centre, "santral.toml", '"4440632" = "ana"', f'"4440632" = "ana"\n"{SECOND}" = "ikinci"')
    edit(centre, "santral.toml", '\nclosed = "kapali"', "\n#")  # this menu has no entry for it
    settings = centre / "santral.toml"
    text = settings.read_text(encoding="utf-8")
    without = re.sub(r"(?ms)^\[surge.*?(?=^\[(?!surge)|\Z)", "", text)  # nor for a surge
    settings.write_text(without, encoding="utf-8")
    with settings.open("a", encoding="utf-8") as file:
        file.write('\n[transfer]\nalo183 = "183"\nbos = "+903124131000"\n')
    begin = f'{{id: {ENGLISH}, number: "1060", team: uzaktan_egitim, skills: {{'
    edit(centre, "team.yaml", begin, f"{begin}en: 80, ")
    return centre


@pytest.fixture(scope="module")
def running(asterisk_tree: AsteriskProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[lifecycle.LabInfo]:
    folder = tmp_path_factory.mktemp("nodes")
    info = lifecycle.start_lab(write(folder), folder / "lab")
    try:
        yield info
    finally:
        ended.down(folder / "lab")


@pytest.fixture
async def stage(running: lifecycle.LabInfo, tmp_path: Path) -> AsyncIterator[Stage]:
    async with LabSession(running) as lab:
        yield Stage(lab, tmp_path)


def row(stage: Stage, service: str, *, priority: int = 0) -> dict[str, Any]:
    """The newest contact of a service with these points."""
    rows = stage.lab.query_store(
        "select * from contacts where service = ? and priority = ? order by queued_at desc limit 1",
                          service, priority)
    return dict(rows[0]) if rows else {}


async def starts(stage: Stage, key: str, **more: Any) -> Leg:
    """A caller who presses a key while greeting and menu are said. An earlier one may meet no dialogue yet."""
    caller = await stage.caller(f"{key}@4s", **more)
    await caller.wait_answered()
    return caller


async def at_second_menu(stage: Stage, caller: Leg) -> None:
    """Behind the acknowledgement, in which a key takes nothing but itself."""
    await stage.hears(caller, "menu-son-adim", HEARS_S)


async def keys_in_digits(stage: Stage) -> None:
    """Too few at first, then right; talks with an agent of the service."""
    caller = await starts(stage, "2")
    await stage.hears(caller, "secildi-basvuru", HEARS_S)
    await stage.hears_begin(caller, "basvuru-no-sor", limit=HEARS_S)
    await caller.press_keys("12#")
    await stage.hears(caller, "menu-gecersiz", HEARS_S)
    await caller.press_keys(DIGITS)
    await stage.hears(caller, "digits/9", HEARS_S)  # the third of ten digits
    await caller.press_keys("1")
    await until_async(lambda: stage.tone_s(caller, AGENT) > 0.5, HEARS_S, "the agent is heard")
    await caller.hang_up()
    await caller.wait_ended()
    stage.in_order(caller, "secildi-basvuru", "menu-gecersiz", "digits/7", "digits/3", "digits/9")
    kept = stage.lab.query_store("select * from caller_inputs")
    assert len(kept) == 1 and kept[0]["field"] == "basvuru_no"
    assert len(kept[0]["hash"]) == 32 and not kept[0]["value_encrypted"]
    talks = "select agent from offers where contact = ? and service = 'uzaktan_egitim' and talk_s is not null"
    assert await until_async(lambda: stage.lab.query_store(talks, kept[0]["contact"]), what="their talk in the store")


async def speaks_english(stage: Stage, agent: SimAgent) -> None:
    """Others of the service are free and idle for longer; the one who speaks English gets the call, and what Asterisk
    says by itself, here to somebody who is sent on, is English too."""
    caller = await starts(stage, "4")
    await stage.hears(caller, "en/ingilizce-menu", HEARS_S)
    await caller.press_keys("2")
    await until_async(lambda: stage.lab.query_store("select * from offers where agent = ? and state = 'accepted'",
        ENGLISH),
                      HEARS_S, "the one who speaks English is offered the call")
    await stage.hears(caller, "en/secildi-uzaktan-egitim", HEARS_S)
    await stage.reaches(agent, "talking", HEARS_S)
    with pytest.raises(RequestRefused, match="nobody_there"):
        await agent.ask_as_agent("transfer", {"service": "gorus_oneri"})
    await agent.ask_as_agent("transfer", {"service": "gorus_oneri"})
    await stage.hears(caller, "en/system/sent-on", HEARS_S)
    await caller.hang_up()
    await caller.wait_ended()
    stage.in_order(caller, "en/secildi-dil", "en/menu-son-adim", "en/ana-menu-1", "en/secildi-uzaktan-egitim")
    stage.not_heard(caller, "ingilizce-menu")
    stage.not_heard(caller, "system/sent-on")


async def leaves_a_message(stage: Stage) -> None:
    caller = await starts(stage, "3", tone=SPEAKS)
    await at_second_menu(stage, caller)
    await caller.press_keys("2")
    await stage.hears(caller, "mesaj-gorus", HEARS_S)
    await asyncio.sleep(length("mesaj-konusun") + 8.0)  # it is not looked for: nothing is sent while a caller speaks
    await caller.press_keys("#")
    await stage.hears(caller, "mesaj-tesekkur", HEARS_S)
    await caller.hang_up()
    await caller.wait_ended()
    stage.in_order(caller, "menu-son-adim", "secildi-mesaj", "mesaj-gorus", "mesaj-konusun", "mesaj-alindi",
                   "mesaj-tesekkur")
    kept = await until_async(lambda: stage.lab.query_store("select * from recordings where kind = 'message'"))
    assert kept[0]["service"] == "gorus_oneri" and kept[0]["seconds"] > 1.0


async def goes_outside(stage: Stage) -> None:
    """The other side hears the caller, sees no number of theirs, and its hang-up ends the call."""
    await stage.network.set_behaviour("183", PhoneBehaviour(answer="1", talk=12.0, tone=OUTSIDE, record=stage.folder))
    caller = await starts(stage, "3", tone=SPEAKS, number="05327654321")
    await at_second_menu(stage, caller)
    await caller.press_keys("1")
    phone = await stage.network.wait_ring("183", limit=HEARS_S)
    await asyncio.gather(caller.wait_ended(HEARS_S), phone.wait_ended(HEARS_S))
    stage.in_order(caller, "secildi-sosyal-destek", "sosyal-destek-baglanti")
    assert stage.tone_s(caller, OUTSIDE) > 2.0 and stage.tone_s(phone, SPEAKS) > 2.0
    assert "5327654321" not in f"{phone.shown_name} {phone.shown_number}"


async def finds_it_busy(stage: Stage) -> None:
    """The other outside number is busy: the caller hears so and comes to a person."""
    await stage.network.set_behaviour("903124131000", PhoneBehaviour("busy"))
    caller = await stage.network.place_call(SECOND, caller="05000000001", record=stage.folder / "busy.wav")
    await stage.network.wait_ring("903124131000", limit=HEARS_S)
    await until_async(lambda: stage.tone_s(caller, AGENT) > 0.5, HEARS_S, "a person is heard")
    await caller.hang_up()
    await caller.wait_ended()
    stage.in_order(caller, "sosyal-destek-baglanti", "menu-aktarilamadi", "menu-temsilciye")


async def pauses_and_goes_back(stage: Stage) -> None:
    caller = await starts(stage, "3")
    await at_second_menu(stage, caller)
    went_back = stage.heard_so_far(caller)
    await caller.press_keys("9")
    await stage.hears_begin(caller, "ana-menu-1", went_back, HEARS_S)
    await caller.press_keys("*")
    await stage.hears(caller, "menu-yavas-acildi-yavas", HEARS_S)
    await caller.press_keys("*")
    await stage.hears_begin(caller, "menu-ara-yavas", limit=HEARS_S)
    await asyncio.sleep(length("menu-ara-yavas") + 2.0)  # nothing is sent in the pause, so no more can be looked for
    await caller.press_keys("5")
    await stage.hears(caller, "ana-menu-1-yavas", HEARS_S)
    await caller.press_keys("0")
    await until_async(lambda: stage.tone_s(caller, AGENT) > 0.5, HEARS_S, "a person is heard")
    await caller.hang_up()
    await caller.wait_ended()
    stage.in_order(caller, "menu-son-adim", "menu-ara-yavas", "ana-menu-1-yavas",
                   "secildi-temsilci-yavas")


async def is_known(stage: Stage) -> None:
    """A caller asked for a person at once, and the next call remembers it."""
    digest, _ = NumberKeys.load_keys(stage.lab.folder / "secrets" / "numbers.json").encrypt_number(f"+90{KNOWN[1:]}")
    assert (await ask_node(stage.info, "POST", "/api/v1/callers/preferences",
        {"hashes": [digest], "human_first": True})) == {
        "changed": 1}
    caller = await starts(stage, "0", number=KNOWN)
    await until_async(lambda: row(stage, "temsilci", priority=10), HEARS_S, "ten points")
    await caller.hang_up()
    await caller.wait_ended()


async def test_every_kind_of_node_with_real_keys(stage: Stage) -> None:
    answers = PhoneBehaviour(tone=AGENT)
    await stage.agents([*plain("uzaktan_egitim", 2), *plain("temsilci", 4)], answers)
    english = await stage.agent(ENGLISH, answers)
    await asyncio.gather(keys_in_digits(stage), speaks_english(stage, english), leaves_a_message(stage),
                         goes_outside(stage), finds_it_busy(stage), pauses_and_goes_back(stage), is_known(stage))
    files = written(stage.lab.folder, {"network"})
    assert [path for path, text in files.items() if DIGITS.encode() in text] == [], "digits stand nowhere"
    outside = [path.name for path, text in files.items() if b"+903124131000" in text and path.parent.name != FOLDER]
    assert outside == ["pjsip.conf"], "outside numbers are Asterisk's alone, besides the copy of the centre's files"
