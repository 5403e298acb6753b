"""Alerts at 5, 50, 500 and 5,000 calls an hour, in Prometheus' own test: quick in a fault, silent on ordinary days."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from metrics.prometheus.alerts import ALERTS, DESK
from metrics.prometheus.rules import build_rules
from tests.fakes.call_days import DAY_S, HOUR_S, Days, play_days, write_series

pytestmark = pytest.mark.unit

VOLUMES = (5, 50, 500, 5000)
MAIL_S = 30
"""Alertmanager waits this long before it sends."""
QUICK_S, ALWAYS_S = 15 * 60, 5 * 60
FAULT_AT = 10 * HOUR_S
SHARES = ("NobodyAnswered", "ServiceLevelLow", "AbandonmentHigh", "OldestWaitHigh", "IvrTimeoutSpike")
"""Alerts that chance could raise on an ordinary day."""


def _fires(folder: Path, series: dict[str, str], step_s: int, alerts: tuple[str, ...], moments: list[int],
           window: str) -> list[dict[str, int]]:
    """Return for each moment how many samples of each alert fired in the window before it."""
    rules = build_rules()
    for group in rules["groups"]:
        del group["interval"]
        # Rules that none of these alerts needs would only take time.
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert") in alerts or (
            len(alerts) > 1 and "record" in rule and not rule["record"].endswith(("rate5m", "rate30m", "10m")))]
    (folder / "rules.yml").write_text(json.dumps(rules), encoding="utf-8")
    # No sample has this label, so promtool prints what it found instead.
    expression = f'sum by (alertname) (count_over_time(ALERTS{{alertstate="firing"}}[{window}]))'
    nothing = [{"labels": '{alertname="none"}', "value": 1}]
    (folder / "test.yml").write_text(json.dumps({
        "rule_files": ["rules.yml"], "evaluation_interval": f"{step_s}s",
        "group_eval_order": [group["name"] for group in rules["groups"]], "tests": [{
            "interval": f"{step_s}s",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "promql_expr_test": [{"expr": expression, "eval_time": f"{moment}s", "exp_samples": nothing}
                                 for moment in moments]}]}), encoding="utf-8")
    program = shutil.which("promtool")
    assert program is not None, "promtool is missing: apt-get install prometheus"
    done = subprocess.run([program, "test", "rules", "test.yml"], cwd=folder, capture_output=True, text=True,
                          timeout=3600, check=False)
    answers = re.findall(r"^ +got: ?(.*)$", done.stdout + done.stderr, re.MULTILINE)
    assert len(answers) == len(moments), done.stdout + done.stderr
    return [{name: int(float(count)) for name, count in re.findall(r'alertname="(\w+)"\} ([\d.E+]+)', answer)}
            for answer in answers]


def _outage(calls: int, seed: int) -> Days:
    """Return a day on which nobody answers from `FAULT_AT` on."""
    long = 3 * HOUR_S if calls < 50 else 1800
    return play_days(calls, FAULT_AT + long, seed, staff=lambda moment, agents: agents if moment < FAULT_AT else 0)


@pytest.mark.parametrize("calls", VOLUMES[1:])
def test_nobody_answers_is_told_within_a_quarter_of_an_hour(tmp_path: Path, calls: int) -> None:
    series = write_series(_outage(calls, 1), 15)
    before, after = _fires(tmp_path, series, 15, ("NobodyAnswered",), [FAULT_AT, FAULT_AT + QUICK_S - MAIL_S], "1h")
    assert before == {} and after["NobodyAnswered"] > 0


@pytest.mark.parametrize("seed", range(3))
def test_nobody_answers_is_told_after_three_calls_where_few_call(tmp_path: Path, seed: int) -> None:
    days = _outage(5, seed)
    third = round(days.abandons_after(FAULT_AT)[2])
    before, after = _fires(tmp_path, write_series(days, 15), 15, ("NobodyAnswered",), [FAULT_AT, third + 45], "1h")
    assert before == {} and after["NobodyAnswered"] > 0


@pytest.mark.parametrize(("alert", "series"), (
    ("QueueUnstaffed", {'acd_queue_agents{queue="destek",state="signed_in"}': "2x40 0x80",
                        'acd_queue_open{queue="destek"}': "1x120", 'acd_queue_distress{queue="destek"}': "0x120"}),
    ("CounsellorMissing", {'acd_queue_agents{queue="destek",state="signed_in"}': "2x40 0x80",
                           'acd_queue_open{queue="destek"}': "1x120", 'acd_queue_distress{queue="destek"}': "1x120"}),
    ("AsteriskLinkDown", {'acd_asterisk_connected{link="ami",job="santral"}': "1x40 0x80"}),
    ("NobodyLeads", {"acd_node_leads": "1x40 0x80"}),
    ("ScrapeAbsent", {'up{job="santral"}': "1x40 0x80"}),
    ("LinesFull", {'acd_lines{class="all"}': "2x40 10x80", 'acd_lines_limit{class="all"}': "10x120"}),
    ("CentreFilesBad", {"acd_centre_files_good": "1x40 0x80"}),
    ("MqttDown", {'acd_mqtt_connected{broker="mqtt"}': "1x40 0x80"}),
))
def test_a_fault_without_volume_is_told_within_five_minutes(tmp_path: Path, alert: str, series: dict[str, str]) -> None:
    fault_s = 41 * 15
    before, after = _fires(tmp_path, series, 15, (alert,), [fault_s - 15, fault_s + ALWAYS_S - MAIL_S], "10m")
    assert before == {} and after[alert] > 0


def _false_alarms(folder: Path, calls: int, days: int, seed: int) -> list[str]:
    """Return the alerts of ordinary days, each once a day."""
    step_s = 120
    played = play_days(calls, days * DAY_S, seed)
    assert played.service_level() > 0.78, "the days are not ordinary"
    told = _fires(folder, write_series(played, step_s), step_s, SHARES,
                  [DAY_S * (day + 1) - step_s for day in range(days)], "1d")
    return [name for day in told for name in day]


def test_the_alerts_of_shares_are_those_that_chance_can_raise() -> None:
    shares = {alert.name for alert in ALERTS if "ratio" in alert.expression or "wait_seconds" in alert.expression
              or "streak" in alert.expression}
    # Distress is told at once, whatever the day. The others are about agents or devices, not callers.
    assert shares - set(SHARES) == {"DistressWaiting", "OccupancyTooHigh", "SignalUnacked"}
    assert {alert.audience for alert in ALERTS if alert.name in SHARES[:4]} == {DESK}


@pytest.mark.parametrize("calls", VOLUMES[:3])
def test_a_day_as_all_others_raises_no_alert(tmp_path: Path, calls: int) -> None:
    assert _false_alarms(tmp_path, calls, 1, 3) == []


@pytest.mark.long
@pytest.mark.parametrize("calls", VOLUMES)
def test_a_month_of_ordinary_days_raises_one_alert_at_most(tmp_path: Path, calls: int) -> None:
    told = _false_alarms(tmp_path, calls, 30, 7)
    assert len(told) <= 1, told
