"""Boards as Grafana reads them: JSON of dashboards, and the files that provision them with their data source.

The library writes the schema of Grafana 10.1; later ones read it and bring it up to date by themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from drawing.texts import Said
from metrics.dashboards.panel import EVERYTHING, SIZES, UNITS, UP, Board, Kind, Panel, read_board

SOURCE = "santral-prometheus"
"""Unique id of the data source in Grafana: panels name it, the provisioning file makes it."""
BOARDS = tuple(map(read_board, ("service", "workload", "platform")))
FOLDER = "Santral"
REFRESH, RANGE = "10s", "now-6h"
"""A wall screen is looked at from afar: six hours are most of a shift."""
GOOD, BAD = "green", "red"
VARIABLES: Mapping[str, tuple[Said, str]] = {
    "queue": (Said("Hizmet", "Service"), "acd_contacts_offered_total"),
    "team": (Said("Ekip", "Team"), "acd_agents"),
}
"""Label -> its name for people, and the metric that has all its values from the start of a node."""
FEW = Said("beşten az kişi", "fewer than five")
ABSENT: Mapping[str, Said] = {
    "acd_mqtt_|acd_signal_": Said("MQTT aracısı yok", "no MQTT broker"),
    "asterisk_": Said("res_prometheus yok", "no res_prometheus"),
    "acd_agents_distress_limited|acd_agent_state_seconds|team:acd_": Said("görevde beşten az kişi",
                                                                          "fewer than five on duty"),
    "acd_agent|acd_break_protection|acd_accommodations_applied": FEW}
"""How the metrics begin that not every centre has, and what a panel says in place of their values. The first match
counts."""
DATASOURCE = model.DataSourceRef(type_val="prometheus", uid=SOURCE)
Builder = timeseries.Panel | stat.Panel | bargauge.Panel


def dashboard_json(board: Board, names: Mapping[str, str], *, english: bool) -> str:
    """One dashboard. `names`: what a series that is named by a service is called."""
    def said(text: Said) -> str:
        return text.en if english else text.tr

    tags = ["santral", "en" if english else "tr"]
    made = (dashboard.Dashboard(f"Santral – {said(board.title)}")
            .uid(f"santral-{board.key}{'-en' if english else ''}").description(said(board.description))
            .tags(tags).refresh(REFRESH).time(RANGE, "now").timezone("browser")
            .tooltip(model.DashboardCursorSync.CROSSHAIR).readonly()
            .link(dashboard.DashboardLink("Santral").type(model.DashboardLinkType.DASHBOARDS).tags(tags)
                  .keep_time(True)))
    for label in board.variables:
        title, metric = VARIABLES[label]
        made.with_variable(
            dashboard.QueryVariable(label).label(said(title)).query(f"label_values({metric}, {label})")
            .datasource(DATASOURCE).refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).multi(True).include_all(True)
            .all_value(EVERYTHING).sort(model.VariableSort.ALPHABETICAL_ASC))
    for number, (panel, x, y) in enumerate(board.placed(), 1):
        made.with_panel(_panel(panel, names, english).id(number).grid_pos(
            model.GridPos(h=SIZES[panel.kind][1], w=SIZES[panel.kind][0], x=x, y=y)))
    return json.dumps(made.build(), cls=JSONEncoder, ensure_ascii=False, indent=1) + "\n"


def _panel(panel: Panel, names: Mapping[str, str], english: bool) -> Builder:
    def said(text: Said) -> str:
        return text.en if english else text.tr

    made: Builder = _KINDS[panel.kind](panel)
    made.title(said(panel.title)).description(said(panel.description)).datasource(DATASOURCE)
    made.unit(said(UNITS[panel.unit]))
    for number, query in enumerate(panel.queries):
        legend = f"{{{{{query.by}}}}}" if query.by else said(query.name)
        made.with_target(
            prometheus.Dataquery().expr(query.expression).legend_format(legend).ref_id(chr(ord("A") + number))
            .datasource(DATASOURCE).format(PromQueryFormat.TIME_SERIES).range())
    if panel.low is not None:
        made.min(panel.low)
    if panel.high is not None:
        made.max(panel.high)
    if panel.unit == UP:
        made.mappings([model.ValueMap({
            str(value): model.ValueMappingResult(text=said(text), color=colour)
            for value, text, colour in ((0, Said("yok", "down"), BAD), (1, Said("var", "up"), GOOD))})])
    missing = explain_no_data(query.expression for query in panel.queries)
    if missing is not None:
        made.no_value(said(missing))
    if panel.limit is not None:
        first, then = (GOOD, BAD) if panel.limit_is_most else (BAD, GOOD)
        made.thresholds(dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(
            [model.Threshold(None, first), model.Threshold(panel.limit, then)]))
    else:
        made.thresholds(dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(
            [model.Threshold(None, "blue")]))
    shown = {**(names if panel.named else {}),
             **{name: said(text) for name, text in panel.words.items()}}
    for query in panel.queries:
        if query.mark:
            made.override_by_name(said(query.name), [
                model.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 5]}),
                model.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": "text"})])
    for name, text in shown.items():
        made.override_by_name(name, [model.DynamicConfigValue("displayName", text)])
    return made


def explain_no_data(expressions: Iterable[str]) -> Said | None:
    """Return what a panel with these queries says when it has no data. Return None if every centre has the data."""
    text = " ".join(expressions)
    return next((said for begins, said in ABSENT.items() if re.search(rf"(?<![\w:])(?:{begins})", text)), None)


def _lines(panel: Panel) -> timeseries.Panel:
    made = (timeseries.Panel().line_width(2).fill_opacity(0).span_nulls(False)
            .show_points(shapes.VisibilityMode.AUTO)
            .legend(common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.TABLE)
                    .placement(shapes.LegendPlacement.BOTTOM).show_legend(True).calcs(["lastNotNull", "max"])))
    if panel.limit is not None:
        made.thresholds_style(common.GraphThresholdsStyleConfig().mode(shapes.GraphTresholdsStyleMode.DASHED))
    return made


def _tile(panel: Panel) -> stat.Panel:
    return (stat.Panel().graph_mode(shapes.BigValueGraphMode.AREA)
            .color_mode(shapes.BigValueColorMode.VALUE)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])))


def _bars(panel: Panel) -> bargauge.Panel:
    return (bargauge.Panel().orientation(shapes.VizOrientation.HORIZONTAL)
            .display_mode(shapes.BarGaugeDisplayMode.BASIC)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])))


_KINDS: Mapping[Kind, Any] = {Kind.LINES: _lines, Kind.TILE: _tile, Kind.BARS: _bars}


def providers(folder: str) -> str:
    """For `/etc/grafana/provisioning/dashboards/`: where Grafana finds the dashboards. Turkish and English beside each
    other would show everything twice, so each is a folder of its own in Grafana."""
    return yaml.safe_dump({"apiVersion": 1, "providers": [
        {"name": f"santral-{language}", "folder": name, "type": "file", "allowUiUpdates": False,
         "disableDeletion": True, "options": {"path": f"{folder}/{language}"}}
        for language, name in (("tr", FOLDER), ("en", f"{FOLDER} (English)"))]}, sort_keys=False)


def sources(url: str) -> str:
    """For `/etc/grafana/provisioning/datasources/`: the Prometheus that is asked."""
    return yaml.safe_dump({"apiVersion": 1, "datasources": [
        {"name": "Santral Prometheus", "uid": SOURCE, "type": "prometheus", "access": "proxy", "url": url,
         "editable": False, "jsonData": {"httpMethod": "POST"}}]}, sort_keys=False)
