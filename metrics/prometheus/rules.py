"""Write the table of `alerts` as files of Prometheus and Alertmanager, with their targets and receivers.

This is pure: the same plan gives the same bytes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import yaml

from metrics.prometheus.alerts import ALERTS, RECORDING_RULES
from metrics.prometheus.receivers import Receivers, build_routes, format_duration
from metrics.prometheus.runbooks import SERVED_AT, link_runbook, page_name, render_page

RULES, SCRAPE, ROUTES = "santral.rules.yml", "prometheus.yml", "alertmanager.yml"
"""Names of the files."""
PAGES = "runbooks"
"""Folder of the runbooks."""

NODE_JOB, ASTERISK_JOB = "santral", "asterisk"
SERIES_MOST = 20_000
"""Limit of one scrape. A node has fewer than 10,000 series; a larger page is no node of this project."""

SCRAPED_METRICS = "asterisk_(core_.+|channels_count|calls_(count|sum)|endpoints_count|bridges_count)"
"""Metrics of Asterisk that are kept.

The others have series for each channel, phone and bridge, labelled with their names. Such series never end, and show
who is on the line.
"""
DROPPED_LABELS = "eid|id|name|linkedid|channel_name|resource|tech|type|state|class|technology|username|domain"
"""Labels that are dropped. No label of a kept metric says more than which Asterisk it is; a later version could add
one."""


class MonitoringPlan(NamedTuple):
    """Addresses of everything. `factor` below 1 makes waits and intervals shorter, for tests."""

    nodes: tuple[str, ...] = ("127.0.0.1:8063",)
    """`host:port` of each node's `[listen] http`."""
    asterisks: tuple[str, ...] = ()
    """`host:port` of each Asterisk's `[asterisk] metrics`; none: Asterisk is not asked."""
    alertmanager: str = "127.0.0.1:9093"
    receivers: Receivers = Receivers()
    factor: float = 1.0
    centre: str = ""
    """Name of the centre, a label of all its series, for a Prometheus of several centres. Empty: no label."""
    english: bool = False
    """Language of alerts: English in place of Turkish."""
    runbooks: str = SERVED_AT
    """Address at which the pages of `PAGES` are served."""


def render_files(plan: MonitoringPlan) -> dict[str, str]:
    """Return the files by name."""
    return {RULES: _render_yaml(build_rules(plan.factor, english=plan.english, runbooks=plan.runbooks)),
            SCRAPE: _render_yaml(build_scrape(plan)),
            ROUTES: _render_yaml(build_routes(plan.receivers, plan.factor, english=plan.english)),
            **{f"{PAGES}/{page_name(english=english)}": render_page(english=english) for english in (False, True)}}


def build_rules(factor: float = 1.0, *, english: bool = False, runbooks: str = SERVED_AT) -> dict[str, Any]:
    """Return recording rules and alerts."""
    return {"groups": [
        {"name": "santral-figures", "interval": format_duration(15, factor),
         "rules": [{"record": one.name, "expr": one.expression} for one in RECORDING_RULES]},
        {"name": "santral-alerts", "interval": format_duration(5, factor), "rules": [{
            "alert": one.name, "expr": one.expression,
            **({"for": format_duration(one.holds_s, factor)} if one.holds_s else {}),
            **({"keep_firing_for": format_duration(one.keeps_s, factor)} if one.keeps_s else {}),
            "labels": {"severity": one.severity, "audience": one.audience},
            "annotations": {"summary": one.summary.text(english=english),
                            "description": one.description.text(english=english),
                            "runbook_url": link_runbook(runbooks, one.name, english=english)},
        } for one in ALERTS]}]}


def build_scrape(plan: MonitoringPlan) -> dict[str, Any]:
    """Return the targets of Prometheus."""
    named: dict[str, Any] = {"labels": {"centre": plan.centre}} if plan.centre else {}
    jobs: list[dict[str, Any]] = [{
        "job_name": NODE_JOB, "sample_limit": SERIES_MOST,
        "static_configs": [{"targets": list(plan.nodes), **named}]}]
    if plan.asterisks:
        jobs.append({
            "job_name": ASTERISK_JOB, "sample_limit": SERIES_MOST,
            "static_configs": [{"targets": list(plan.asterisks), **named}],
            # Drop on the scrape, so that unwanted series are never stored.
            "metric_relabel_configs": [
                {"action": "keep", "source_labels": ["__name__"], "regex": SCRAPED_METRICS},
                {"action": "labeldrop", "regex": DROPPED_LABELS}]})
    return {
        "global": {"scrape_interval": format_duration(15, plan.factor),
                   "evaluation_interval": format_duration(15, plan.factor),
                   "scrape_timeout": format_duration(10, plan.factor)},
        "rule_files": [RULES],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [plan.alertmanager]}]}]},
        "scrape_configs": jobs}


def _render_yaml(value: dict[str, Any]) -> str:
    head = "# Rendered by `santral metrics rules`.\n"
    return head + yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=118)
