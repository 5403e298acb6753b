"""Every panel of every dashboard has data from real calls, by the queries that Grafana asks a real Prometheus."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lab import lifecycle
from lab.errors import LabError
from lab.phones.network import PhoneBehaviour
from metrics.dashboards.grafana import BOARDS
from metrics.prometheus import names
from metrics.prometheus.rules import SCRAPE, MonitoringPlan, render_files
from tests.fakes.prometheus import ask, watching
from tests.readers.promql import LABELS, choose_all
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

SERVICE, KEY = "gorus_oneri", "4"
EACH_SECOND = 1 / 15
"""Prometheus reads every 15 seconds, a test has less time."""
GOOD_S = 180.0
"""Each look asks for all panels, which takes seconds on a busy machine."""
BROKER = '[mqtt]\nbroker = "127.0.0.1:{port}"\ntls = false\n'
"""One that is down: that it is has its panels, too."""


def test_a_prometheus_that_cannot_start_says_why(tmp_path: Path) -> None:
    (config := tmp_path / "prometheus.yml").write_text("scrape_configs: 1\n", encoding="utf-8")
    with pytest.raises(LabError, match=r"(?s)did not get ready.*ScrapeConfig"), watching(config, tmp_path):
        pass


async def test_every_panel_has_data(new_lab: NewLab, tmp_path: Path, broker_port: int) -> None:
    lab = await new_lab(measured=True, extra=f"{lifecycle.ANY_HOUR}\n{BROKER.format(port=broker_port)}")
    stage, folder = Stage(lab, tmp_path), tmp_path / "prometheus"
    folder.mkdir()
    plan = MonitoringPlan((lab.info.http,), (lab.info.asterisk_web,), factor=EACH_SECOND)
    for name, text in render_files(plan).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    queries = {query.expression for board in BOARDS for panel in board.panels for query in panel.queries}
    with watching(folder / SCRAPE, folder) as url:
        def empty() -> set[str]:
            """Queries that have no data yet. A label that could name somebody fails at once."""
            found = set()
            for query in queries:
                series = ask(url, choose_all(query))
                assert {label for labels, _ in series for label in labels} <= LABELS | {"__name__"}, query
                if all(value != value for _, value in series):
                    found.add(query)
            return found

        await until_async(lambda: asyncio.to_thread(ask, url, "acd_contacts_total"), what="the node is read")
        gives_up = await stage.waiting(KEY, SERVICE)
        await gives_up.hang_up()
        (first,) = plain(SERVICE, 1)
        team = lab.info.seat_of(first).team
        others = [seat.id for seat in lab.info.agents if seat.team == team and seat.id != first][:names.K_MIN - 1]
        agent = await stage.agent(first, PhoneBehaviour("0"))
        caller = await stage.hurried(KEY)
        await stage.reaches(agent, "talking")
        await caller.hang_up()
        await stage.reaches(agent, "wrapup")
        await agent.ask_as_agent("wrapup/end")
        await stage.agents(others)  # what is told of groups is told while five are on duty
        await lab.wait_until_quiet()

        missing = queries

        async def good() -> bool:
            nonlocal missing
            missing = await asyncio.to_thread(empty)
            return not missing

        try:
            await until_async(good, GOOD_S, "every panel has data")
        except AssertionError:
            pytest.fail("no data:\n" + "\n".join(sorted(missing)))
