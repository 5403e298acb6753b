"""Reports and exports: the values of `metrics.reports.daily_report`, and the CSV of `santral report` and
`santral export contacts`.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from metrics.reports.daily_report import Report
from metrics.reports.figures import Figures
from tests.agreement.told import ENDS, NEAR, Place, Sums, Told, by_service, end, everything

REPORT = frozenset({
    "offered", "answered", "all abandoned", "abandoned_short", "turned_away", "in service level", "still",
    "moved on", "within", "answered_wait_s",
    "abandoned_wait_s", "talks", "talk_s", "hold_s", "wrapup_s", "transfers", "callbacks", "callbacks reached",
    "callbacks failed", "surveys", "survey cared", "survey solved"})


def of_report(report: Report) -> Told:
    """Return the figures of `metrics.reports.daily_report.read` by service. Check that the parts add up."""
    sums: Sums = Counter()
    for service, figures in report.services.items():
        _figures(sums, (service, ""), figures)
    for name, value in _total(figures for _, figures in report.parts).items():
        assert abs(value - _total(report.services.values())[name]) < NEAR * max(1.0, value), name
        assert abs(value - _total([report.total])[name]) < NEAR * max(1.0, value), name
    for service, answers in report.surveys.items():
        place = (str(service), "")
        sums[place, "surveys"] = answers.asked
        sums[place, "survey cared"] = sum(key * many for key, many in answers.cared.items())
        sums[place, "survey solved"] = answers.solved[True]
    return Told("report", REPORT, sums, by_service)


def _figures(sums: Sums, place: Place, one: Figures) -> None:
    for name, value in {
            "offered": one.offered, "answered": one.answered, "all abandoned": one.abandoned,
            "abandoned_short": one.short, "turned_away": one.turned_away,
            "in service level": one.judged, "still": one.still, "moved on": one.moved, "within": one.within,
            "answered_wait_s": sum(one.waits), "abandoned_wait_s": sum(one.gave_up), "talks": one.talks,
            "talk_s": one.talk_s + one.hold_s, "hold_s": one.hold_s, "wrapup_s": one.wrapup_s,
            "transfers": one.transfers, "callbacks": one.asked, "callbacks reached": one.reached,
            "callbacks failed": one.failed}.items():
        sums[place, name] += value


def _total(parts: Iterable[Figures]) -> Counter[str]:
    sums: Sums = Counter()
    for one in parts:
        _figures(sums, ("", ""), one)
    return Counter({name: value for (_, name), value in sums.items()})


REPORT_CSV = REPORT - {"in service level", "surveys", "survey cared", "survey solved"}


def of_report_csv(path: Path) -> Told:
    """Return the figures of `--csv`. The line of a whole service is its last one, after those of half hours."""
    sums: Sums = Counter()
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["service"]: row for row in csv.DictReader(file)}
    del rows[""]
    for service, row in rows.items():
        one = {name: float(value or 0.0) for name, value in row.items() if name not in ("from", "to", "service")}
        for name, value in {
                "offered": one["offered"], "answered": one["answered"], "all abandoned": one["abandoned"],
                "abandoned_short": one["short"], "turned_away": one["turned_away"], "still": one["still"],
                "moved on": one["moved"], "within": one["within"], "answered_wait_s": one["asa_s"] * one["answered"],
                "abandoned_wait_s": one["abandon_wait_s"] * one["abandoned"], "talks": one["talks"],
                "talk_s": one["talk_s"] + one["hold_s"], "hold_s": one["hold_s"], "wrapup_s": one["wrapup_s"],
                "transfers": one["transfers"], "callbacks": one["callbacks"],
                "callbacks reached": one["callbacks_reached"], "callbacks failed": one["callbacks_failed"]}.items():
            sums[(service, ""), name] = value
    return Told("report CSV", REPORT_CSV, sums, by_service)


EXPORT = frozenset({"offered", *ENDS, "all abandoned", "still", "moved on", "within", "answered_wait_s",
                    "abandoned_wait_s", "transfers", "callbacks", "callbacks reached", "callbacks failed"})
EXPORT_TALKS = frozenset({"talks", "talk_s", "hold_s", "wrapup_s"})


def of_export(path: Path) -> list[Told]:
    """Return the figures of the CSV of `santral export contacts`. All talks of a contact are in one line, so talks are
    compared over all services together."""
    sums: Sums = Counter()
    talks: Sums = Counter()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            place = (row["service"], row["channel"])
            way = row["services"].split(">")
            assert way[-1] == row["service"]
            for service in way:
                sums[(service, row["channel"]), "offered"] += 1
            for service in way[:-1]:
                sums[(service, row["channel"]), "moved on"] += 1
            if row["outcome"]:
                end(sums, place, row["outcome"], float(row["wait_s"] or 0.0))
            else:
                sums[place, "still"] += 1
            sums[place, "within"] += row["within"] == "true"
            sums[place, "transfers"] += int(row["transfers"])
            sums[place, "callbacks"] += row["callback"] != ""
            sums[place, "callbacks reached"] += row["callback"] == "reached"
            sums[place, "callbacks failed"] += row["callback"] == "failed"
            for name in ("talks", "hold_s", "wrapup_s"):
                talks[("", ""), name] += float(row[name])
            talks[("", ""), "talk_s"] += float(row["talk_s"]) + float(row["hold_s"])
    return [Told("export", EXPORT, sums), Told("export", EXPORT_TALKS, talks, everything)]
