"""Mails of a real Alertmanager, with the file of `santral metrics rules`, at an SMTP server on loopback."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from lab.people import node_records
from metrics.prometheus.receivers import MailServer as Account
from metrics.prometheus.receivers import Receivers
from metrics.prometheus.rules import PAGES, ROUTES, SCRAPE, MonitoringPlan, render_files
from tests.fakes.mail_server import MailServer
from tests.fakes.prometheus import alerting, watching
from tests.until import LIMIT_S, until

pytestmark = pytest.mark.integration

ARRIVES_S = 60.0
DUTY, MANAGER = "nobet@example.org", "uyarlama@example.org"


def _raise_alert(place: str, *alerts: tuple[str, str, str]) -> None:
    """Tell Alertmanager what Prometheus would: name, audience and summary."""
    body = json.dumps([{
        "labels": {"alertname": name, "audience": audience, "severity": "critical", "queue": "destek"},
        "annotations": {"summary": summary, "description": "Açıklama.", "runbook_url": f"http://127.0.0.1/{name}"},
    } for name, audience, summary in alerts]).encode()
    request = urllib.request.Request(f"http://{place}/api/v2/alerts", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
        assert answer.status == 200


def test_each_alert_is_mailed_to_its_own_people(tmp_path: Path) -> None:
    server = MailServer()
    plan = MonitoringPlan(factor=0.02, receivers=Receivers((DUTY,), (MANAGER,), server=Account(
        server.address, "santral@example.org", tls=False)))
    (tmp_path / ROUTES).write_text(render_files(plan)[ROUTES], encoding="utf-8")
    with server.listening(), alerting(tmp_path / ROUTES, tmp_path) as place:
        # The low service level is a symptom: the missing agents are told alone.
        _raise_alert(place, ("QueueUnstaffed", "masa", "destek: görevde kimse yok"),
                     ("ServiceLevelLow", "masa", "destek: hizmet düzeyi düşük"),
                     ("AccommodationViolation", "uyarlama", "Bir uyarlama kuralı çiğnendi: rest_gap"))
        until(lambda: len(server.mails) >= 2, ARRIVES_S, what="both mails have come")
        _raise_alert(place, ("ScrapeAbsent", "isletim", "Düğümün ölçümleri okunamıyor"))
        until(lambda: len(server.mails) >= 3, ARRIVES_S, what="the last mail has come")
    told = {str(mail["Subject"]): (people, mail) for people, mail in server.mails}
    assert {subject: people for subject, (people, _) in told.items()} == {
        "Uyarı: destek: görevde kimse yok": (DUTY,), "Uyarı: Düğümün ölçümleri okunamıyor": (DUTY,),
        "Uyarı: Bir uyarlama kuralı çiğnendi: rest_gap": (MANAGER,)}
    text = told["Uyarı: destek: görevde kimse yok"][1].get_body(("plain",))
    assert text is not None
    assert "Açıklama." in text.get_content() and "Ne yapmalı: http://127.0.0.1/QueueUnstaffed" in text.get_content()


def test_prometheus_serves_the_runbooks_while_no_node_runs(tmp_path: Path) -> None:
    for name, text in render_files(MonitoringPlan(("127.0.0.1:9",))).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    with watching(tmp_path / SCRAPE, tmp_path) as url:
        page = node_records.fetch_page(url.removeprefix("http://"), "/consoles/tr.html")
    assert page.strip() == (tmp_path / PAGES / "tr.html").read_text(encoding="utf-8").strip()
    assert '<h2 id="ScrapeAbsent">Düğümün ölçümleri okunamıyor' in page
