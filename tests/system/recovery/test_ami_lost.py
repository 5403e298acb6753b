"""The link to Asterisk is away while the dialogues answer: nobody is held for ever, and everybody comes back.

The node answers each tick, and can ring no phone. The ticks let the count run, so callers reach the fallback queue.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

import pytest

from lab.faults.pbx import AsteriskFault
from lab.pbx.fetch import AsteriskProgram
from lab.session import LabSession
from tests.system.conftest import Link, NewLab
from tests.system.recovery.test_fallback import AGE_S, QUICK, TALK, member_line, since_of, wait_places
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

SERVICE, KEY, DISTRESS, DISTRESS_KEY = "uzaktan_egitim", "2", "psikososyal", "1"
AWAY_S = 60.0
MISSED_S = {"quick": 2 * 2.0, "as shipped": 4 * 15.0}
"""Ticks that fail before a caller goes to the fallback queue, times their distance."""
WORDS_S = 120.0
"""Two ticks, and the emergency text of those in distress in the hold loop and again before their queue."""
NOTICED_S = 30.0
"""A stalled link is noticed within 8 s (ping 5 s, silence 3 s), and on a busy machine somewhat later."""
BACK_S = 90.0
"""Until the link is up again and all callers are back in the hold loop."""


async def link_up(lab: LabSession, wanted: bool) -> bool:
    return bool((await lab.fetch_status())["link_up"]) is wanted


@pytest.mark.parametrize(("ticks", "settings", "stalls"), [
    ("quick", QUICK, False),
    pytest.param("quick", QUICK, True, marks=pytest.mark.long),
    pytest.param("as shipped", "", False, marks=pytest.mark.long),
], ids=["cut", "stalled", "as shipped"])
async def test_callers_of_a_lost_link_reach_the_fallback_queue_and_come_back(
        new_lab: NewLab, link: Link, tmp_path: Path, asterisk_tree: AsteriskProgram, ticks: str, settings: str,
        stalls: bool) -> None:
    lab = await new_lab(through=link.through, extra=settings)
    assert link.proxy is not None
    stage, pbx, proxy = Stage(lab, tmp_path), AsteriskFault(lab.folder, asterisk_tree), link.proxy
    # 1. One talks, three wait for the same agent, two are in distress, and nobody is there for these.
    agent = await stage.agent(plain(SERVICE, 1)[0], TALK._replace(record=tmp_path))
    await until_async(partial(member_line, pbx, SERVICE, agent), what="the agent is a member")
    first = await stage.hurried(KEY, tone=440)
    talk = await lab.network.wait_ring(agent.seat)
    await stage.reaches(agent, "talking", 60.0)
    waiting = [await stage.waiting(KEY, SERVICE, tone=500) for _ in range(3)]
    troubled = [await stage.waiting(DISTRESS_KEY, DISTRESS) for _ in range(2)]
    await wait_places(pbx, {("santral-hold", "Read"): 5})
    before = since_of(lab)

    # 2. The link goes, and one more caller comes: the menu answers as before.
    began = time.monotonic()
    (proxy.stall_traffic if stalls else proxy.drop_connections)()
    await until_async(partial(link_up, lab, False), NOTICED_S, "the loss is noticed")
    late = await stage.caller(f"{KEY}@600ms")
    await stage.hears(late, "secildi-uzaktan-egitim")
    await wait_places(pbx, {("santral-fallback", "Queue"): 6}, MISSED_S[ticks] + WORDS_S)
    held_s = time.monotonic() - began
    for leg in (first, talk, late, *waiting, *troubled):
        assert not leg.ended.is_set(), f"{leg} was dropped: {leg.describe_moments()}"

    # 3. The agent's talk ends. Asterisk rings the agent for the caller who has waited longest.
    rung = len(lab.network.rung)
    await first.hang_up()
    phone = await lab.network.wait_ring(agent.seat, rung)
    await stage.hears_tone(phone, 500)
    await stage.hears_tone(waiting[0], 600)
    await wait_places(pbx, {("santral-fallback", "Queue"): 6})  # one of them talks there
    await asyncio.sleep(max(0.0, AWAY_S - (time.monotonic() - began)))

    # 4. The link is back, and so are the callers, with their age. The talk goes on.
    proxy.restore_traffic()
    restored = time.monotonic()
    await until_async(partial(link_up, lab, True), BACK_S, "the link is back")
    up_s = time.monotonic() - restored
    await wait_places(pbx, {("santral-hold", "Read"): 5, ("santral-fallback", "Queue"): 1}, BACK_S)
    print(f"\n{ticks}: all in the fallback queue {held_s:.1f} s after the loss; link back in {up_s:.1f} s, callers "
          f"{time.monotonic() - restored:.1f} s after it could be")
    found = since_of(lab)
    kept = [contact for contact, since in before.items() if abs(found.get(contact, 0.0) - since) < AGE_S]
    assert len(kept) >= 4, (before, found)
    await stage.talk(phone, 1.0)
    for leg in (phone, late, *waiting, *troubled):
        assert not leg.ended.is_set(), f"{leg} was dropped: {leg.describe_moments()}"
    await lab.network.hang_up_all()
    await lab.wait_until_quiet()
    ends = {str(row["outcome"]).replace("_short", ""): int(row["n"]) for row in lab.query_store(
        "select outcome, count(*) as n from contacts group by outcome")}
    assert ends == {"answered": 1, "fallback": 1, "abandoned": 5}, ends
