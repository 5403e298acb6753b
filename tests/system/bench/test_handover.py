"""The benches against app_queue, short: both sides get their callers, the witness sees what it must, nobody is lost."""

from __future__ import annotations

import asyncio

import pytest

from bench import handover, service, skills
from bench.row import Row

pytestmark = pytest.mark.system


def by_name(rows: list[Row]) -> dict[str, Row]:
    return {row.name: row for row in rows}


async def test_an_agent_who_becomes_free_is_called_long_before_app_queue_would_look() -> None:
    rows = by_name(await asyncio.to_thread(handover.measure_handovers, 6))
    assert rows["hand-over count"].value >= 6
    mean = rows["hand-over mean"]
    assert mean.ratio is not None and mean.ratio > 3


async def test_the_same_callers_go_through_both_and_nobody_is_overtaken() -> None:
    peak = service.PEAK._replace(agents=9, seconds=14.0, warm_s=2.0, compression=12.0)
    rows = by_name(await asyncio.to_thread(service.measure_peak, peak))
    callers = rows["service callers"]
    assert callers.value > 5 and f"app_queue {callers.value:.0f};" in callers.beside
    assert rows["service order violations"].value == 0
    assert 0 < rows["service occupancy"].value <= 100


async def test_levels_floors_and_accommodations_go_through_both() -> None:
    peak = skills.PEAK._replace(agents=18, seconds=20.0, warm_s=2.0)
    rows = by_name(await asyncio.to_thread(skills.measure_peak, peak, skills.build_team()[:18]))
    offers = rows["skills offers"]
    assert offers.value > 5 and not offers.beside.endswith(" 0")
    assert all(rows[f"skills {one}"].value == 0 for one in ("below the floor", "in a rest", "beyond a limit"))


@pytest.mark.long
async def test_half_an_hour_of_the_peak_without_compression(capsys: pytest.CaptureFixture[str]) -> None:
    """Both columns are printed; what must hold on any machine is asserted."""
    rows = by_name(await asyncio.to_thread(service.measure_half_hour))
    with capsys.disabled():
        print("", *rows.values(), sep="\n")
    assert rows["service order violations"].value == 0
    for name in ("service wait p99", "service wait max"):
        ratio = rows[name].ratio
        assert ratio is not None and ratio < 1
