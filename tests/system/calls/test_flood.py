"""A flood on a real Asterisk: 20 calls a second on 120 lines. Each call has one end, and distress is greeted at once.

`make test` floods for twenty seconds, `make test-long` for ten minutes too.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import numpy as np
import pytest

from lab.pbx.ports import PortBlock
from lab.people.node_records import MetricSample, fetch_page, parse_samples, sum_samples
from lab.people.sipp_load import LoadPlan, LoadResult, run_sipp
from lab.phones import audio
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from tests.ministry import with_lines
from tests.system.conftest import NewLab
from tests.system.stage import Stage, growing, plain
from tests.until import until_async

pytestmark = pytest.mark.system

COMMON, CRISIS = "4440632", "4440183"
LINES, KEPT, MOST = 120, 24, 36
RATE, EVERY_S = 19.4, 1.7
"""Calls of the common number a second, and seconds between two calls of the crisis number: 20 a second, 3 %."""
HOLD_S = 25.0
"""Time of a caller on the line, who presses 0 at once and hangs up."""
DISTRESS_S = 20.0
GREETED_S, LATE_S = 2.0, 8.0
"""Times from the ring to the first sound: of most, and of each one on a busy machine."""
TALK_S = 10.0


def first_sound_s(leg: Leg) -> float:
    """Seconds from the caller's INVITE to the first sound, by the recording."""
    assert leg.recording is not None and leg.answered_at is not None
    samples = np.abs(growing(leg.recording))
    loud = np.flatnonzero(samples > audio.QUIET_LEVEL)
    assert loud.size, f"{leg} heard nothing: {leg.describe_moments()}"
    return leg.answered_at - leg.began + float(loud[0]) / audio.RATE


async def flood_common(stage: Stage, folder: Path, seconds: float) -> LoadResult:
    """Flood the common number for this time."""
    with contextlib.closing(PortBlock()) as ports:
        sip, (media, _) = ports.free_port(socket.SOCK_DGRAM), ports.media_range(2 * LINES)
        load = LoadPlan(stage.info.sip, COMMON, round(RATE * seconds), RATE, HOLD_S, sip, media, press="0@3s",
                        may_be_busy=True)
        return await asyncio.to_thread(run_sipp, load, folder)


async def call_crisis(stage: Stage, seconds: float) -> list[Leg]:
    """Call the crisis number now and then as long as the flood lasts."""
    legs = []
    for number in range(int(seconds / EVERY_S)):
        legs.append(await stage.network.place_call(CRISIS, stay=DISTRESS_S,
                                                   record=stage.folder / f"crisis-{number:03d}.wav"))
        await asyncio.sleep(EVERY_S)
    return legs


def node_samples(stage: Stage) -> list[MetricSample]:
    """Return the node's metrics now."""
    return parse_samples(fetch_page(stage.info.http))


@pytest.mark.parametrize("seconds", [20.0, pytest.param(600.0, marks=pytest.mark.long)], ids=["short", "ten minutes"])
async def test_each_call_of_a_flood_has_one_end_and_distress_is_greeted_at_once(
        new_lab: NewLab, tmp_path: Path, seconds: float) -> None:
    stage = Stage(await new_lab(centre=with_lines(tmp_path, LINES, KEPT, MOST)), tmp_path)
    await stage.agents([*plain("temsilci", 4, 30), *plain("psikososyal", 4, 70, alone=False)],
                       PhoneBehaviour(answer="0.5", talk=TALK_S))
    # 1. The flood, and people in distress in the middle of it.
    result, crisis = await asyncio.gather(flood_common(stage, tmp_path / "sipp", seconds), call_crisis(stage, seconds))
    for leg in crisis:
        await leg.wait_ended()
    # 2. Nobody is left on a line.
    async def empty() -> bool:
        return sum_samples(node_samples(stage), "acd_lines", **{"class": "all"}) == 0

    await until_async(empty, 120, "all lines free")
    # 3. Each call was answered or told busy, and the node counts the same.
    found = node_samples(stage)
    answered = result.successful - result.busy
    assert result.failed == 0 and result.successful == round(RATE * seconds), result.log
    assert sum_samples(found, "acd_line_refusals_total", result="refused") == result.busy > 0
    assert sum_samples(found, "ivr_calls_total") == answered + len(crisis)
    assert sum_samples(found, "acd_contacts_total") == sum_samples(found, "acd_contacts_offered_total") > 0
    # 4. Those in distress were greeted within 2 s of the ring, in the flood as before it.
    times = sorted(map(first_sound_s, crisis))
    print(f"flood: {result.successful} calls, {answered} answered, {result.busy} busy; distress {len(crisis)}, greeted "
          f"after {times[len(times) // 2]:.2f} s (median), {times[-1]:.2f} s (longest)")
    assert times[len(times) // 2] <= GREETED_S and times[-1] <= LATE_S
