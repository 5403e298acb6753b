"""Every panel of every dashboard has data from real calls, by the queries that Grafana asks a real Prometheus."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lab import up, watched
from lab.errors import LabError
from lab.network import Behaviour
from lab.prometheus import watching
from metrics import names
from metrics.alerts import RECORDED
from metrics.dashboards import draw
from metrics.dashboards.boards import BOARDS
from metrics.dashboards.check import Checked, check
from metrics.dashboards.grafana import dashboard_json
from metrics.dashboards.source import Keeping, Kept, Prometheus, Span
from metrics.rules import SCRAPE
from tests.integration.test_mqtt_outbox import free_port
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

SERVICE, KEY = "gorus_oneri", "4"
EACH_SECOND = 1 / 15
"""Prometheus reads every 15 seconds, a test has less time."""
BROKER = '[mqtt]\nbroker = "127.0.0.1:{port}"\ntls = false\n'
"""One that is down: that it is has its panels, too."""


def test_a_prometheus_that_cannot_start_says_why(tmp_path: Path) -> None:
    (config := tmp_path / "prometheus.yml").write_text("scrape_configs: 1\n", encoding="utf-8")
    with pytest.raises(LabError, match=r"(?s)did not get ready.*ScrapeConfig"), watching(config, tmp_path):
        pass


async def test_every_panel_has_data(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab(measured=True, extra=f"{up.ANY_HOUR}\n{BROKER.format(port=free_port())}")
    stage, folder = Stage(lab, tmp_path), tmp_path / "prometheus"
    folder.mkdir()
    watched.write(lab.info, folder, EACH_SECOND)
    boards = {board.key: json.loads(dashboard_json(board, {}, english=False)) for board in BOARDS}
    with watching(folder / SCRAPE, folder) as url:
        def source() -> Prometheus:
            now = time.time()
            return Prometheus(url, Span(now - 120.0, now, 1.0))

        def looked() -> Checked:
            return check(boards, [one.name for one in RECORDED], source())

        await until_async(lambda: asyncio.to_thread(source().ask, "acd_contacts_total"), what="the node is read")
        gives_up = await stage.waiting(KEY, SERVICE)
        await gives_up.hangup()
        (first,) = plain(SERVICE, 1)
        team = lab.info.seat(first).team
        others = [seat.id for seat in lab.info.agents if seat.team == team and seat.id != first][:names.K_MIN - 1]
        agent = await stage.agent(first, Behaviour("0"))
        caller = await stage.hurried(KEY)
        await stage.reaches(agent, "talking")
        await caller.hangup()
        await stage.reaches(agent, "wrapup")
        await agent.ask("wrapup/end")
        await stage.agents(others)  # what is told of groups is told while five are on duty
        await lab.quiet()

        async def good() -> Checked | None:
            found = await asyncio.to_thread(looked)
            return None if found.findings or found.absent else found

        try:
            checked = await until_async(good, what="every panel has data, and nothing was left out")
        except AssertionError:
            pytest.fail("\n".join(map(str, [*looked().findings, *looked().absent])))
        assert checked.panels == sum(len(board.panels) for board in BOARDS)
        look = draw.Look(Keeping(source()), ZoneInfo("Europe/Istanbul"), {})
        for board in BOARDS:
            assert [one.panel.key for one in draw.draw(board, look) if not one.rows] == []


@pytest.mark.long
def test_what_the_pictures_are_drawn_from_can_be_recorded_anew(tmp_path: Path) -> None:
    watched.record(1.0, out := tmp_path / "answers.jsonl", say=print)
    look = draw.Look(Kept(out), ZoneInfo("Europe/Istanbul"), {})
    for board in BOARDS:
        assert len(draw.draw(board, look)) == len(board.panels), "every query was asked"
    assert "127.0.0.1" not in out.read_text(encoding="utf-8"), "nothing of the machine"
