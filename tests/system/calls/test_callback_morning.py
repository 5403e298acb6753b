"""The morning after sixty callbacks on a real Asterisk: how long live callers wait, next to a morning without any.

Talks last a minute, and the words before a callback last as long as always. So the waits are compared with those of the
same morning on the virtual clock, which also tells them for talks of three minutes. Both mornings run side by side on
two exchanges, for 80 minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from pathlib import Path

import pytest

from lab.people.agent import RequestRefused, SimAgent, ask_node
from lab.phones.network import PhoneBehaviour
from tests.fakes.callback_morning import Pace, play_morning
from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.stage import THROUGH, Stage, plain
from tests.until import until_async

pytestmark = [pytest.mark.system, pytest.mark.long]

SERVICE, KEY = "temsilci", "0"
CALLBACKS, SEED = 60, 1
PACE = Pace(talk_s=60.0, wrapup_s=0.0, rings_s=1.0, picks_up_s=14.0, equal=True)
"""Seconds as this exchange has them: a callback takes 75 s of its agent, another call 61 s."""
LOOK_S = 0.5
"""Between two looks for talks that are over. Agents end them: their phones are answered before the caller of a callback
is dialled."""
BETWEEN_S = 0.3
"""Between two callers of the night."""
NIGHT_S = 60.0
"""Time to sign in before the callbacks are due."""
OVER_S = 300.0
WITHIN = 0.25
"""Largest difference from the virtual clock, as a part of its wait."""
SETTINGS = '[callback]\nquiet_from = "00:00"\nquiet_to = "00:00"\n[profile]\nwrapup_s = 0\n'


async def promise_callbacks(stage: Stage, count: int, opens_at: float) -> None:
    """Let callers wait, and lead each into a callback of the morning, as a supervisor does."""
    press = THROUGH.format(key=KEY)
    for number in range(count):
        caller = f"0532100{number:04d}"
        await stage.network.set_behaviour(f"90{caller[1:]}", PhoneBehaviour("0.5"))
        await stage.network.place_call(stage.info.numbers[0], caller=caller, press=press)
        await asyncio.sleep(BETWEEN_S)
    await stage.counts(SERVICE, count)
    waiting = await ask_node(stage.info, "GET", "/api/v1/contacts")
    for one in waiting["contacts"]:
        await ask_node(stage.info, "POST", f"/api/v1/contacts/{one['id']}/withdraw", {
            "callback": True, "callback_from": opens_at, "callback_until": opens_at + 3_600.0})
    found = await ask_node(stage.info, "GET", "/api/v1/callbacks")
    assert len(found["callbacks"]) == count


async def end_talks(stage: Stage, people: list[SimAgent]) -> None:
    """End each talk that is old enough, until cancelled."""
    by_name = {one.id: one for one in people}
    ended: set[int] = set()
    while True:
        rows = stage.lab.query_store("select offer, agent from offers where state = 'accepted' and connected_at < ?",
                                     time.time() - PACE.talk_s)
        for row in rows:
            if row["offer"] not in ended:
                # A node that is busy is asked again.
                with contextlib.suppress(RequestRefused):
                    await by_name[row["agent"]].ask_as_agent("hangup")
                    ended.add(row["offer"])
        await asyncio.sleep(LOOK_S)


async def run_morning(stage: Stage, callbacks: int) -> float:
    """Return the mean wait of live callers in seconds."""
    opens_at = time.time() + callbacks * BETWEEN_S * 2 + NIGHT_S
    await promise_callbacks(stage, callbacks, opens_at)
    people = await stage.agents(plain(SERVICE, PACE.agents, 30, alone=False), PhoneBehaviour("0.3"))
    ends = asyncio.create_task(end_talks(stage, people))
    await asyncio.sleep(max(0.0, opens_at - time.time()))
    # The same people come at the same moments of both mornings.
    chance, loop = random.Random(SEED), asyncio.get_running_loop()
    at = began = loop.time()
    for _ in range(PACE.callers):
        at += chance.expovariate(1.0 / PACE.gap_s)
        await asyncio.sleep(max(0.0, at - loop.time()))
        await stage.network.place_call(stage.info.numbers[0], press=THROUGH.format(key=KEY))
    late = loop.time() - at
    found = "select o.connected_at - c.queued_at wait, o.ended_at - o.offered_at cycle from contacts c " \
            "join offers o using (contact) where o.talk_s is not null and c.queued_at "

    async def served() -> bool:
        return len(stage.lab.query_store(f"{found} >= ?", opens_at)) >= PACE.callers

    await until_async(served, OVER_S, f"{PACE.callers} live callers served")
    ends.cancel()
    live, led = (stage.lab.query_store(f"{found} {sign} ?", opens_at) for sign in (">=", "<"))
    mean = sum(row["wait"] for row in live) / len(live)
    print(f"{callbacks} callbacks, {len(led)} of them served within {loop.time() - began:.0f} s: {len(live)} live "
          f"callers waited {mean:.2f} s on average, {max(row['wait'] for row in live):.1f} s at most; cycles of "
          f"{sum(row['cycle'] for row in live) / len(live):.1f} s; the last call came {late:.2f} s late")
    assert len(live) == PACE.callers and len(led) >= callbacks * 0.9
    return mean


async def test_live_callers_wait_as_long_as_on_the_virtual_clock(new_lab: NewLab, tmp_path: Path) -> None:
    labs = [await new_lab(centre=patient(tmp_path / str(number)), extra=SETTINGS) for number in range(2)]
    without, with_them = await asyncio.gather(*(
        run_morning(Stage(lab, tmp_path), callbacks) for lab, callbacks in zip(labs, (0, CALLBACKS), strict=True)))
    expected = [play_morning(SEED, callbacks, PACE).mean_s for callbacks in (0, CALLBACKS)]
    print(f"{with_them / without:.2f} times as long; {expected[1] / expected[0]:.2f} times on the virtual clock, with "
          f"waits of {expected[0]:.2f} and {expected[1]:.2f} s")
    assert [without, with_them] == [pytest.approx(wait, rel=WITHIN) for wait in expected]
