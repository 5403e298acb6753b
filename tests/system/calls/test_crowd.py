"""A crowd on a real Asterisk: a thousand callers in ten seconds. Each is greeted or told busy, and none vanishes.

Each caller has a number and an address for the sound, so the test knows what each of them heard and what is recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import re
import socket
from collections import Counter
from pathlib import Path

import pytest

from asterisk_conf.conf_plan import CEL_CALLED
from ivr.caller.identity import normalise_number
from lab.faults.judge import read_facts, read_store
from lab.faults.patient_centre import drop_rules
from lab.faults.random_result import Usage, read_usage
from lab.history.recorder import BLACK_BOX
from lab.pbx.ports import PortBlock
from lab.people.crowd_media import CrowdMedia, crowd_address
from lab.people.node_records import sum_samples
from lab.people.sipp_load import CrowdCaller, LoadPlan, LoadResult, run_sipp
from lab.phones.network import PhoneBehaviour
from routing.store.callers.number_keys import NumberKeys
from tests.ministry import with_lines
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = [pytest.mark.system, pytest.mark.long]

COMMON, KEY, SERVICE = "4440632", "2", "uzaktan_egitim"
"""Number of the crowd, and the service that nine of ten choose. Nobody serves it, so they wait."""
CALLERS, RATE = 1_000, 100.0
HOLD_S = 25.0
"""Stay of each caller: all of them are on the line at the same time."""
THINK_S = 1.0
"""Time from the first sound to the key."""
TALKS = 3
LINES, KEPT, MOST = 300, 24, 36
"""Lines of the ministry, those kept for its crisis number, and most of that number."""
EMPTY_S = 180.0
"""Limit until all lines are free, on a machine whose cores have been busy with sound."""
GROWTH_MB, GROWTH_HANDLES = 60.0, 8
"""Most memory and handles that a node keeps of a crowd: rows and caches of a thousand calls, and open readers."""


def make_crowd() -> list[CrowdCaller]:
    """Return the callers. Their block of numbers belongs to nobody."""
    return [CrowdCaller(f"0500{number:07d}", crowd_address(number)) for number in range(CALLERS)]


async def call_at_once(stage: Stage, crowd: list[CrowdCaller], folder: Path) -> tuple[LoadResult, CrowdMedia]:
    """Let the crowd call. Every tenth caller presses nothing."""
    media = CrowdMedia({one.address: KEY for number, one in enumerate(crowd) if number % 10}, THINK_S, HOLD_S)
    with contextlib.closing(PortBlock()) as ports:
        sip, (port, _) = ports.free_port(socket.SOCK_DGRAM), ports.media_range(2)
        media.start(port)
        try:
            load = LoadPlan(stage.info.sip, COMMON, CALLERS, RATE, HOLD_S, sip, port, may_be_busy=True, crowd=crowd)
            return await asyncio.to_thread(run_sipp, load, folder), media
        finally:
            media.stop()


def read_black_box(stage: Stage) -> tuple[set[str], set[str]]:
    """Return the callers' channels that Asterisk has seen, and those of them that came to the menu."""
    with (stage.lab.folder / BLACK_BOX).open(encoding="utf-8", newline="") as file:
        events = [row for row in csv.reader(file) if len(row) > 2 and re.fullmatch(r"\d+\.\d+", row[2])]
    return ({row[2] for row in events if row[1] == "CHAN_START"},
            {row[2] for row in events if row[1].startswith(CEL_CALLED)})


@pytest.mark.parametrize("lines", [LINES, CALLERS + 100], ids=["the ministry's lines", "a line for each"])
async def test_a_thousand_callers_in_ten_seconds_are_greeted_or_told_busy(
        new_lab: NewLab, tmp_path: Path, lines: int) -> None:
    """While events waited for AMI, Asterisk did not answer 274 of the callers with a line for each."""
    centre = with_lines(tmp_path, lines, KEPT, MOST)
    drop_rules(centre)
    stage = Stage(await new_lab(centre=centre, crowd=True), tmp_path)
    # 1. Some talk already.
    agents = await stage.agents(plain("temsilci", TALKS, 30), PhoneBehaviour(answer="0"))
    talks = [await stage.hurried("0") for _ in agents]
    for agent in agents:
        await stage.reaches(agent, "talking")
    before = read_usage(stage.info.pid)
    # 2. The crowd comes, waits and hangs up.
    crowd = make_crowd()
    result, media = await call_at_once(stage, crowd, tmp_path / "sipp")

    async def empty() -> bool:
        return sum_samples(await stage.lab.fetch_metrics(), "acd_lines", **{"class": "all"}) == TALKS

    await until_async(empty, EMPTY_S, "only the talks have lines")
    # 3. SIPp, what each caller heard, and Asterisk's black box agree.
    begun = sorted(result.begun.values())
    greeted = result.successful - result.busy
    waits = sorted(media.heard[one.address] - result.begun[one.number] for one in crowd if one.address in media.heard)
    median, most, last = waits[len(waits) // 2], waits[len(waits) * 95 // 100], waits[-1]
    took = begun[-1] - begun[0]
    print(f"crowd: {CALLERS} callers in {took:.1f} s on {lines} lines: {greeted} greeted, {result.busy} "
          f"told busy; first sound after {median:.2f} s (median), {most:.2f} s (95 %), {last:.2f} s (last)")
    assert (result.successful, result.failed) == (CALLERS, 0), result.log
    assert len(waits) == greeted
    seen, menu = read_black_box(stage)
    assert (len(seen), len(menu)) == (CALLERS + TALKS, greeted + TALKS)
    # 4. Those who talked before go on, until they hang up.
    for talk in talks:
        assert not talk.ended.is_set(), talk.describe_moments()
        await talk.hang_up()
        await talk.wait_ended()
    await stage.lab.wait_until_quiet()
    # 5. Store, queue_log and metrics tell of the same callers.
    rows = read_store(stage.lab)
    keys = NumberKeys.load_keys(Path(stage.info.tokens).parent / "numbers.json")
    numbers = Counter(one["caller_hash"] for one in rows.contacts)
    known = {keys.encrypt_number(normalise_number(one.number))[0]: one for one in crowd}
    chose = {code for code in numbers if code in known}
    names = {str(one["contact"]) for one in rows.contacts}
    left = [fact for fact in read_facts(stage.lab, "MenuEndedRecorded") if str(fact[0]) not in names]
    outcomes = Counter(str(one["outcome"]) for one in rows.contacts if one["caller_hash"] in known)
    print(f"crowd: {outcomes}, {len(left)} left in the menu")
    assert outcomes.total() == len(chose), "nobody has two records"
    assert outcomes.total() + len(left) == greeted and set(outcomes) <= {"abandoned", "abandoned_short"}
    assert all(known[code].address in media.heard for code in chose)
    assert len(rows.contacts) == outcomes.total() + TALKS
    logged = {one for one in rows.logged if one[0].isdigit()}  # the others are lines of agents and of the node
    assert set(rows.ends.values()) == {1} and set(rows.ends) == names == logged
    found = await stage.lab.fetch_metrics()
    assert sum_samples(found, "ivr_calls_total") == greeted + TALKS
    assert sum_samples(found, "acd_contacts_total") == len(rows.contacts)
    assert sum_samples(found, "acd_line_refusals_total", result="refused") == result.busy

    # 6. Memory and handles of the node come back.
    def kept() -> Usage:
        now = read_usage(stage.info.pid)
        return Usage(now.at, now.rss_mb - before.rss_mb, now.handles - before.handles)

    print(f"crowd: the node keeps {kept().rss_mb:+.0f} MB and {kept().handles:+d} handles of {before}")
    await until_async(lambda: kept().handles <= GROWTH_HANDLES, what="handles are closed")
    assert kept().rss_mb <= GROWTH_MB
