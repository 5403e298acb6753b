"""A node freezes: nobody waits in silence for it, no key is lost or ends a talk, and what ends meanwhile has its own
time.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

WAITS, KEY = "uzaktan_egitim", "2"
TALKS, TALK_KEY = "gorus_oneri", "4"
ENDS, END_KEY = "ihbar_sikayet", "3"
AGENT, CALLER = 600, 440
"""Hz."""
NEXT_S = 25.0
"""The dialplan's limit of a step is 5 s, and the sentence that is heard is found some seconds later."""
ENDS_FIRST_S = 6.0
"""Between the ends in the freeze and its end: more than records may be wrong by."""
TRUE_S = 1.0
"""Records have the times of the calls themselves."""


async def in_menu(stage: Stage) -> Leg:
    """A caller who hears the menu."""
    leg = await stage.caller()
    await stage.hears_begin(leg, "ana-menu-1")
    return leg


async def talking(stage: Stage, service: str, key: str) -> tuple[Leg, Leg, str]:
    """A caller who talks with an agent of the service: their leg, the phone's, the agent."""
    agent = await stage.agent(plain(service, 1)[0], PhoneBehaviour("0", tone=AGENT, record=stage.folder))
    caller = await stage.hurried(key, tone=CALLER)
    phone = await stage.network.wait_ring(agent.seat)
    await stage.hears_tone(phone, CALLER)
    return caller, phone, agent.id


async def test_a_frozen_node_costs_a_step(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab(centre=patient(tmp_path))
    stage = Stage(lab, tmp_path)
    # 1. Somebody talks and presses a key, a talk ends, a caller gives up, and two are in the menu.
    talk, phone, agent = await talking(stage, TALKS, TALK_KEY)
    ends, _, _ = await talking(stage, ENDS, END_KEY)
    waits = await stage.waiting(KEY, WAITS)
    presses, listens = await asyncio.gather(in_menu(stage), in_menu(stage))
    lab.freeze_node()
    frozen = time.monotonic()
    try:
        await asyncio.gather(phone.press_keys("*5"), presses.press_keys(KEY), ends.hang_up(), waits.hang_up())
        # 2. The key in the menu ends the sentence. Without a key the sentence goes on to its end.
        await stage.hears_begin(presses, "system/outage", limit=NEXT_S)
        print(f"\nfrozen in a menu: next sound {time.monotonic() - frozen:.1f} s after the key")
        await stage.hears_begin(listens, "system/outage", limit=NEXT_S)
        print(f"and {time.monotonic() - frozen:.1f} s after the freeze for who has pressed no key")
        # 3. The agent hears that it was not possible, and both talk on.
        await stage.hears(phone, "agent/unavailable")
        before = stage.tone_s(phone, CALLER), stage.tone_s(talk, AGENT)
        await until_async(lambda: stage.tone_s(phone, CALLER) > before[0] + 1
                          and stage.tone_s(talk, AGENT) > before[1] + 1, what="the two are together again")
        await asyncio.gather(ends.wait_ended(), waits.wait_ended())
        last = max(ends.ended_at or 0.0, waits.ended_at or 0.0)
        await until_async(lambda: time.time() > last + ENDS_FIRST_S, what="the ends are long ago")
    finally:
        lab.thaw_node()
    assert not any(leg.ended.is_set() for leg in (talk, phone, presses, listens))
    # 4. Awake again, the node has the true times, and takes keys.
    for leg, service in ((ends, ENDS), (waits, WAITS)):
        rows = await until_async(lambda service=service: lab.query_store(
            "select ended_at, queued_at from contacts where service = ? and outcome is not null", service))
        off = float(rows[0]["ended_at"]) - (leg.ended_at or 0.0)
        print(f"{service}: the record's end is {off:+.2f} s off")
        assert abs(off) < TRUE_S
    spoke = lab.query_store("select connected_at, talk_s, talk_ended_at from offers where service = ?", ENDS)[0]
    assert abs(spoke["connected_at"] + spoke["talk_s"] - (ends.ended_at or 0.0)) < TRUE_S, dict(spoke)
    assert abs(spoke["talk_ended_at"] - (ends.ended_at or 0.0)) < TRUE_S, dict(spoke)
    await phone.press_keys("*5")
    await stage.hears(phone, "takip-tamam")
    goes_on = lab.query_store("select agent from offers where service = ? and state = 'accepted'", TALKS)
    assert [row["agent"] for row in goes_on] == [agent]


@pytest.mark.long
async def test_the_other_node_goes_on_with_the_key_of_a_frozen_one(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab(nodes=2, store="postgres", standby=True, centre=patient(tmp_path))
    stage = Stage(lab, tmp_path)
    presses, listens = await asyncio.gather(in_menu(stage), in_menu(stage))
    lab.freeze_node("a")
    frozen = time.monotonic()
    try:
        await presses.press_keys(KEY)
        assert (await lab.find_leader()).name == "b"
        await stage.counts(WAITS, 1)
        print(f"\nthe key counted {time.monotonic() - frozen:.1f} s after it was pressed")
        await stage.hears_begin(listens, "ana-menu-1", after=stage.heard_so_far(listens))
        await listens.press_keys(KEY)
        await stage.counts(WAITS, 2)
        for leg in (presses, listens):
            stage.not_heard(leg, "system/outage")
    finally:
        lab.thaw_node("a")
