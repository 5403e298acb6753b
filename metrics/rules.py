"""The table of `alerts` as files of Prometheus and Alertmanager, with what they scrape and whom they tell.

Pure: the same plan gives the same bytes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import yaml

from metrics.alerts import ALERTS, CRITICAL, MANAGER, RECORDED

RULES, SCRAPE, ROUTES = "santral.rules.yml", "prometheus.yml", "alertmanager.yml"
"""Names of the files."""

NODE_JOB, ASTERISK_JOB = "santral", "asterisk"
SERIES_MOST = 20_000
"""Of one scrape: a node has fewer than 10,000, and what tells more is no node of ours."""

KEPT = "asterisk_(core_.+|channels_count|calls_(count|sum)|endpoints_count|bridges_count)"
"""Of Asterisk's own metrics. The others have series for each channel, phone and bridge, labelled with their names: they
never end, and say who is on the line."""
DROPPED_LABELS = "eid|id|name|linkedid|channel_name|resource|tech|type|state|class|technology|username|domain"
"""No label of a kept metric says more than which Asterisk it is; should a version add one of these, it goes."""


class Plan(NamedTuple):
    """Where everything is. `factor` makes waits and intervals shorter (below 1), for tests."""

    nodes: tuple[str, ...] = ("127.0.0.1:8063",)
    """`host:port` of each node's `[listen] http`."""
    asterisks: tuple[str, ...] = ()
    """`host:port` of each Asterisk's `[asterisk] metrics`; none: it is not asked."""
    alertmanager: str = "127.0.0.1:9093"
    webhook: str | None = None
    """Where Alertmanager tells of alerts; None: nowhere, its own page shows them."""
    manager_webhook: str | None = None
    """And of those for the manager of accommodations, which the others do not get."""
    factor: float = 1.0


def files(plan: Plan) -> dict[str, str]:
    """Name -> text."""
    return {RULES: _text(rules(plan.factor)), SCRAPE: _text(scrape(plan)), ROUTES: _text(routes(plan))}


def rules(factor: float = 1.0) -> dict[str, Any]:
    """Recording rules and alerts."""
    return {"groups": [
        {"name": "santral-figures", "interval": _duration(15, factor),
         "rules": [{"record": one.name, "expr": one.expression} for one in RECORDED]},
        {"name": "santral-alerts", "interval": _duration(5, factor), "rules": [{
            "alert": one.name, "expr": one.expression,
            **({"for": _duration(one.holds_s, factor)} if one.holds_s else {}),
            "labels": {"severity": one.severity, "audience": one.audience},
            "annotations": {"summary": one.summary, "description": one.description, "runbook": one.runbook},
        } for one in ALERTS]}]}


def scrape(plan: Plan) -> dict[str, Any]:
    """What Prometheus reads."""
    jobs: list[dict[str, Any]] = [{
        "job_name": NODE_JOB, "sample_limit": SERIES_MOST, "static_configs": [{"targets": list(plan.nodes)}]}]
    if plan.asterisks:
        jobs.append({
            "job_name": ASTERISK_JOB, "sample_limit": SERIES_MOST,
            "static_configs": [{"targets": list(plan.asterisks)}],
            "metric_relabel_configs": [
                {"action": "keep", "source_labels": ["__name__"], "regex": KEPT},
                {"action": "labeldrop", "regex": DROPPED_LABELS}]})
    return {
        "global": {"scrape_interval": _duration(15, plan.factor), "evaluation_interval": _duration(15, plan.factor),
                   "scrape_timeout": _duration(10, plan.factor)},
        "rule_files": [RULES],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [plan.alertmanager]}]}]},
        "scrape_configs": jobs}


def routes(plan: Plan) -> dict[str, Any]:
    """Whom Alertmanager tells. What concerns accommodations goes to their manager and to nobody else."""
    def receiver(name: str, url: str | None) -> dict[str, Any]:
        return {"name": name, **({"webhook_configs": [{"url": url, "send_resolved": True}]} if url else {})}

    return {
        "route": {
            "receiver": "nobet", "group_by": ["alertname", "queue"], "group_wait": _duration(30, plan.factor),
            "group_interval": _duration(300, plan.factor), "repeat_interval": "4h",
            "routes": [{"receiver": MANAGER, "matchers": [f'audience="{MANAGER}"']},
                       {"receiver": "nobet", "matchers": [f'severity="{CRITICAL}"'],
                        "group_wait": _duration(5, plan.factor), "repeat_interval": "1h"}]},
        "receivers": [receiver("nobet", plan.webhook), receiver(MANAGER, plan.manager_webhook)]}


def _duration(seconds: float, factor: float) -> str:
    """As Prometheus writes it: whole units, milliseconds at least."""
    ms = max(1, round(seconds * factor * 1000))
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"


def _text(value: dict[str, Any]) -> str:
    head = "# Rendered by `santral metrics rules`.\n"
    return head + yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=118)
