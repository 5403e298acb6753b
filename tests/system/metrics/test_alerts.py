"""Real alerts: a lab, Prometheus and Alertmanager with the files of `santral metrics rules`, and a receiver. Asterisk's
own metrics are scraped as well, without a name in them.
"""

from __future__ import annotations

import asyncio
import http.server
import json
import signal
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab import lifecycle
from lab.pbx import process
from lab.people import node_records
from lab.session import LabSession
from metrics.prometheus.receivers import Receivers
from metrics.prometheus.rules import ROUTES, SCRAPE, MonitoringPlan, render_files
from tests.fakes.prometheus import alerting, watching
from tests.system.conftest import NewLab
from tests.until import until

pytestmark = pytest.mark.system

FACTOR = 0.06
"""A minute of patience is 3.6 s here; Prometheus looks every 900 ms, and a page that takes 600 ms is none."""
TOLD_S = 240.0
WANTED = {"asterisk_core_uptime_seconds", "asterisk_calls_count", "asterisk_channels_count", "asterisk_endpoints_count"}


class Told:
    """Somebody whom Alertmanager tells: alerts by name, as they came."""

    def __init__(self) -> None:
        self.alerts: dict[str, dict[str, Any]] = {}
        told = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in body["alerts"]:
                    if alert["status"] == "firing":
                        told.alerts.setdefault(alert["labels"]["alertname"] + alert["labels"].get("queue", ""), alert)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing to standard error."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"

    @contextmanager
    def listening(self) -> Iterator[None]:
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join(10)


def _asked(url: str, query: str) -> list[dict[str, Any]]:
    place = url.removeprefix("http://")
    page = node_records.fetch_page(place, "/api/v1/query?" + urllib.parse.urlencode({"query": query}))
    return json.loads(page)["data"]["result"]  # type: ignore[no-any-return]


async def test_three_alerts_reach_who_is_to_be_told(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab(extra=lifecycle.ANY_HOUR, measured=True)
    desk, manager = Told(), Told()
    with desk.listening(), manager.listening():
        await asyncio.to_thread(_watch, lab, desk, manager, tmp_path)
    assert not manager.alerts, "nothing was about accommodations"
    missing, link, silent = (desk.alerts[name] for name in (
        "CounsellorMissingpsikososyal", "AsteriskLinkDown", "ScrapeAbsent"))
    assert missing["labels"]["severity"] == "critical" and missing["labels"]["audience"] == "masa"
    assert missing["annotations"]["summary"] == "psikososyal: görevde kimse yok"
    assert link["annotations"]["description"].startswith(f"{lab.info.http} Asterisk'e bağlı değil.")
    assert silent["annotations"]["runbook_url"].endswith("/consoles/tr.html#ScrapeAbsent")


def _watch(lab: LabSession, desk: Told, manager: Told, folder: Path) -> None:
    def write(alertmanager: str) -> None:
        plan = MonitoringPlan((lab.info.http,), (lab.info.asterisk_web,), alertmanager,
                              Receivers(webhook=desk.url, manager_webhook=manager.url), FACTOR)
        for name, text in render_files(plan).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")

    write("127.0.0.1:9")  # whom Alertmanager tells is known before its own address
    with alerting(folder / ROUTES, folder) as place:
        write(place)
        with watching(folder / SCRAPE, folder) as url:
            until(lambda: "CounsellorMissingpsikososyal" in desk.alerts, TOLD_S, what="nobody is on duty")
            _asterisk_beside_the_node(lab, url)
            process.send_signal(lifecycle.find_process(lab.folder, "asterisk"), signal.SIGKILL)
            until(lambda: "AsteriskLinkDown" in desk.alerts, TOLD_S, what="Asterisk is gone")
            lab.kill_node()
            until(lambda: "ScrapeAbsent" in desk.alerts, TOLD_S, what="the node is gone")


def _asterisk_beside_the_node(lab: LabSession, url: str) -> None:
    raw = node_records.fetch_page(lab.info.asterisk_web)
    assert 'resource="2001"' in raw and "asterisk_endpoints_state" in raw, "there is something to be dropped"
    kept: list[dict[str, Any]] = []

    def scraped() -> bool:
        kept[:] = _asked(url, '{__name__=~"asterisk_.+",job="asterisk"}')
        return {one["metric"]["__name__"] for one in kept} >= WANTED

    until(scraped, TOLD_S, what="Asterisk is scraped")
    assert len(kept) < 20
    said = {(label, value) for one in kept for label, value in one["metric"].items()}
    assert {label for label, _ in said} <= {"__name__", "instance", "job", "version"} | {
        label for label, _ in said if label.startswith("build_")}
    until(lambda: bool(_asked(url, 'up{job="santral"} == 1') and _asked(url, "acd_build_info")), TOLD_S,
          what="the node is scraped as well")
