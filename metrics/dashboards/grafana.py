"""Write boards as Grafana reads them: dashboards in JSON, and the files that provision them with their data source.

The library writes the schema of Grafana 10.1. Later versions read it and update it by themselves.
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

from drawing.texts import Phrase
from metrics.dashboards.choices import NODE, VARIABLES, build_annotations, choose_series
from metrics.dashboards.panel import EVERYTHING, SIZES, UNITS, UP, Board, Kind, Panel, read_board
from metrics.prometheus.runbooks import SERVED_AT, TITLE, page_name

SOURCE = "santral-prometheus"
"""Id of the data source in Grafana. Panels name it, and the provisioning file creates it."""
BOARDS = tuple(map(read_board, ("service", "workload", "platform")))
FOLDER = "Santral"
REFRESH, RANGE = "10s", "now-6h"
"""Range of a board: six hours are most of a shift, and a wall screen is read from afar."""
GOOD, BAD = "green", "red"
FEW = Phrase("beşten az kişi", "fewer than five")
ABSENT: Mapping[str, Phrase] = {
    "acd_mqtt_|acd_signal_": Phrase("MQTT aracısı yok", "no MQTT broker"),
    "asterisk_": Phrase("res_prometheus yok", "no res_prometheus"),
    "acd_agents_distress_limited|acd_agent_state_seconds|team:acd_": Phrase("görevde beşten az kişi",
                                                                          "fewer than five on duty"),
    "acd_agent|acd_break_protection|acd_accommodations_applied": FEW}
"""Prefixes of metrics that not every centre has, and the text of a panel in place of values. The first match counts."""
DATASOURCE = model.DataSourceRef(type_val="prometheus", uid=SOURCE)
INPUT = "DS_PROMETHEUS"
INPUTS: Mapping[str, Any] = {
    "__inputs": [{"name": INPUT, "label": "Prometheus", "description": "", "type": "datasource",
                  "pluginId": "prometheus", "pluginName": "Prometheus"}],
    "__requires": [{"type": "grafana", "id": "grafana", "name": "Grafana", "version": "10.1.0"},
                   {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"}]}
"""Question of Grafana at an import by hand, and what the dashboard needs."""
Builder = timeseries.Panel | stat.Panel | bargauge.Panel


def dashboard_json(board: Board, names: Mapping[str, str], *, english: bool, runbooks: str = SERVED_AT,
                   importable: bool = False) -> str:
    """Return one dashboard as JSON. `names` gives the name of a service for the series that it labels.

    `importable`: for a person who imports the file in Grafana and chooses the data source there.
    """
    def translate_text(text: Phrase) -> str:
        return text.en if english else text.tr

    # 1. The head, with a link to the other boards of the same language.
    tags = ["santral", "en" if english else "tr"]
    made = (dashboard.Dashboard(f"Santral – {translate_text(board.title)}")
            .uid(f"santral-{board.key}{'-en' if english else ''}").description(translate_text(board.description))
            .tags(tags).refresh(REFRESH).time(RANGE, "now").timezone("browser")
            .tooltip(model.DashboardCursorSync.CROSSHAIR).readonly()
            .link(dashboard.DashboardLink("Santral").type(model.DashboardLinkType.DASHBOARDS).tags(tags)
                  .keep_time(True))
            .link(dashboard.DashboardLink(translate_text(TITLE)).type(model.DashboardLinkType.LINK)
                  .url(f"{runbooks.rstrip('/')}/{page_name(english=english)}").target_blank(True)))
    # 2. The variables. A regular expression for "all" also matches queues that appear later.
    for label in board.variables:
        title, query = VARIABLES[label]
        made.with_variable(
            dashboard.QueryVariable(label).label(translate_text(title)).query(query)
            .datasource(DATASOURCE).refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).multi(True).include_all(True)
            .all_value(EVERYTHING).sort(model.VariableSort.ALPHABETICAL_ASC))
    # 3. The panels on the grid. Grafana numbers them from 1.
    for number, (panel, x, y) in enumerate(board.place_panels(), 1):
        made.with_panel(_build_panel(panel, names, english, by_node=NODE in board.variables).id(number).grid_pos(
            model.GridPos(h=SIZES[panel.kind][1], w=SIZES[panel.kind][0], x=x, y=y)))
    # 4. The marks of what happened. The library knows no query in them.
    whole = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    whole["annotations"] = build_annotations({"type": "prometheus", "uid": SOURCE}, english=english)
    text = json.dumps({**INPUTS, **whole} if importable else whole, ensure_ascii=False, indent=1) + "\n"
    return text.replace(f'"{SOURCE}"', f'"${{{INPUT}}}"') if importable else text


def _build_panel(panel: Panel, names: Mapping[str, str], english: bool, *, by_node: bool) -> Builder:
    def translate_text(text: Phrase) -> str:
        return text.en if english else text.tr

    # 1. Title, unit and queries.
    made: Builder = _KINDS[panel.kind](panel)
    made.title(translate_text(panel.title)).description(translate_text(panel.description)).datasource(DATASOURCE)
    made.unit(translate_text(UNITS[panel.unit]))
    for number, query in enumerate(panel.queries):
        legend = f"{{{{{query.by}}}}}" if query.by else translate_text(query.name)
        made.with_target(
            prometheus.Dataquery().expr(choose_series(query.expression, by_node=by_node))
            .legend_format(legend).ref_id(chr(ord("A") + number))
            .datasource(DATASOURCE).format(PromQueryFormat.TIME_SERIES).range())
    # 2. Bounds and thresholds.
    if panel.low is not None:
        made.min(panel.low)
    if panel.high is not None:
        made.max(panel.high)
    # A target that is up or down reads better as a word than as 1 or 0.
    if panel.unit == UP:
        made.mappings([model.ValueMap({
            str(value): model.ValueMappingResult(text=translate_text(text), color=colour)
            for value, text, colour in ((0, Phrase("yok", "down"), BAD), (1, Phrase("var", "up"), GOOD))})])
    missing = explain_no_data(query.expression for query in panel.queries)
    if missing is not None:
        made.no_value(translate_text(missing))
    # Grafana wants a first colour for everything below the first threshold.
    if panel.limit is not None:
        first, then = (GOOD, BAD) if panel.limit_is_most else (BAD, GOOD)
        made.thresholds(dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(
            [model.Threshold(None, first), model.Threshold(panel.limit, then)]))
    else:
        made.thresholds(dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(
            [model.Threshold(None, "blue")]))
    # 3. Names of series for people. A word of the panel overrides the name of a service.
    shown = {**(names if panel.named else {}),
             **{name: translate_text(text) for name, text in panel.words.items()}}
    for query in panel.queries:
        if query.is_limit:
            made.override_by_name(translate_text(query.name), [
                model.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 5]}),
                model.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": "text"})])
    for name, text in shown.items():
        made.override_by_name(name, [model.DynamicConfigValue("displayName", text)])
    return made


def explain_no_data(expressions: Iterable[str]) -> Phrase | None:
    """Return the text of a panel without data. Return None if every centre has the data."""
    text = " ".join(expressions)
    # The name must begin here: `acd_mqtt_` should not match inside the name of a recording rule.
    return next((said for begins, said in ABSENT.items() if re.search(rf"(?<![\w:])(?:{begins})", text)), None)


def _build_timeseries(panel: Panel) -> timeseries.Panel:
    # A line over a gap would invent values, so gaps stay gaps.
    made = (timeseries.Panel().line_width(2).fill_opacity(0).span_nulls(False)
            .show_points(shapes.VisibilityMode.AUTO)
            .legend(common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.TABLE)
                    .placement(shapes.LegendPlacement.BOTTOM).show_legend(True).calcs(["lastNotNull", "max"])))
    if panel.limit is not None:
        made.thresholds_style(common.GraphThresholdsStyleConfig().mode(shapes.GraphTresholdsStyleMode.DASHED))
    return made


def _build_stat(panel: Panel) -> stat.Panel:
    return (stat.Panel().graph_mode(shapes.BigValueGraphMode.AREA)
            .color_mode(shapes.BigValueColorMode.VALUE)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])))


def _build_bargauge(panel: Panel) -> bargauge.Panel:
    return (bargauge.Panel().orientation(shapes.VizOrientation.HORIZONTAL)
            .display_mode(shapes.BarGaugeDisplayMode.BASIC)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])))


_KINDS: Mapping[Kind, Any] = {Kind.LINES: _build_timeseries, Kind.TILE: _build_stat, Kind.BARS: _build_bargauge}


def render_providers(folder: str) -> str:
    """Return the file for `/etc/grafana/provisioning/dashboards/`, which tells Grafana where the dashboards are.

    Each language has its own folder in Grafana. In one folder every dashboard would appear twice.
    """
    return yaml.safe_dump({"apiVersion": 1, "providers": [
        {"name": f"santral-{language}", "folder": name, "type": "file", "allowUiUpdates": False,
         "disableDeletion": True, "options": {"path": f"{folder}/{language}"}}
        for language, name in (("tr", FOLDER), ("en", f"{FOLDER} (English)"))]}, sort_keys=False)


def render_datasources(url: str) -> str:
    """Return the file for `/etc/grafana/provisioning/datasources/`, which names the Prometheus to ask."""
    return yaml.safe_dump({"apiVersion": 1, "datasources": [
        {"name": "Santral Prometheus", "uid": SOURCE, "type": "prometheus", "access": "proxy", "url": url,
         "editable": False, "jsonData": {"httpMethod": "POST"}}]}, sort_keys=False)
