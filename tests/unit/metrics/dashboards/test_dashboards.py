"""Dashboards: what they say of themselves, and whether their queries name what exists."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest

from metrics.dashboards.choices import choose_series
from metrics.dashboards.cli import LANGUAGES
from metrics.dashboards.grafana import BOARDS, SOURCE, dashboard_json, explain_no_data
from metrics.dashboards.panel import COLUMNS, SIZES, Board
from metrics.prometheus import names
from metrics.prometheus.alerts import ALERTS, RECORDING_RULES
from metrics.reports.menu_paths import MENU_LIMIT_S
from routing.core.model.centre_model import AgentState, Channel, Outcome, Profile
from tests.readers.promql import find_unknown, known_series, read_names

pytestmark = pytest.mark.unit

Made = dict[str, Any]
NAMES = {"psikososyal": "Psikososyal destek"}
RULES = frozenset(rule.name for rule in RECORDING_RULES)


SERVICE, WORKLOAD, PLATFORM = BOARDS


def made(board: Board = SERVICE, *, english: bool = False) -> Made:
    whole: Made = json.loads(dashboard_json(board, NAMES, english=english))
    return whole


# -- the three dashboards ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.key)
def test_each_panel_has_words_a_unit_and_known_queries(board: Board, language: str) -> None:
    whole = made(board, english=language == "en")
    assert whole["title"] and whole["uid"]
    for panel in whole["panels"]:
        assert panel["title"].strip() and panel["description"].strip() and panel["targets"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        for target in panel["targets"]:
            assert not find_unknown(target["expr"], RULES), panel["title"]


@pytest.mark.parametrize("rule", [*ALERTS, *RECORDING_RULES], ids=lambda rule: rule.name)
def test_each_rule_names_what_exists(rule: Any) -> None:
    assert not find_unknown(rule.expression, RULES)


@pytest.mark.parametrize(("expression", "metrics", "labels"), [
    ("up", {"up"}, set()),
    ('sum by (queue) (rate(a_total{x="b{c}", y!~"d"}[5m])) / on (queue) group_left (z) q:r:s offset 5m',
     {"a_total", "q:r:s"}, {"queue", "x", "y", "z"}),
    ("histogram_quantile(0.9, sum(rate(a_bucket[1h:30s])) by (le)) or vector(0)", {"a_bucket"}, {"le"}),
    ("topk(5, a) > bool 1e3 and b unless c # d", {"a", "b", "c"}, set()),
    ("-Inf + NaN + 0x1f", set(), set()),
])
def test_names_in_an_expression(expression: str, metrics: set[str], labels: set[str]) -> None:
    assert read_names(expression)[:2] == (metrics, labels)


@pytest.mark.parametrize(("expression", "said"), [
    ("acd_waiting", "acd_waiting is no metric"),
    ("acd_queue_wait_seconds", "acd_queue_wait_seconds is no metric"),  # a histogram: its parts are
    ("sum by (agent) (acd_agents)", "label agent is from no closed set"),
    ('acd_agents{agent="a1"}', "label agent is from no closed set"),
    ('acd_agents{queue="a"}', "acd_agents has no label queue"),
    ("1 + 1", "no metric is named"),
])
def test_a_planted_fault_is_found(expression: str, said: str) -> None:
    assert any(said in one for one in find_unknown(expression, RULES))


def test_turkish_and_english_say_the_same_with_other_words() -> None:
    for board in BOARDS:
        turkish, english = made(board), made(board, english=True)
        assert turkish["uid"] != english["uid"], "Grafana holds both"
        assert not re.search("[ğışĞİŞ]", json.dumps(english["panels"], ensure_ascii=False))
        for tr, en in zip(turkish["panels"], english["panels"], strict=True):
            assert tr["description"] != en["description"]
            assert [one["expr"] for one in tr["targets"]] == [one["expr"] for one in en["targets"]]
            assert tr["gridPos"] == en["gridPos"]


def test_every_panel_has_its_own_key_and_place() -> None:
    for board in BOARDS:
        assert len({panel.key for panel in board.panels}) == len(board.panels)
        cells = [{(x + across, y + down) for across in range(SIZES[panel.kind][0])
                  for down in range(SIZES[panel.kind][1])} for panel, x, y in board.place_panels()]
        assert not any(one & other for one, other in combinations(cells, 2))
        assert max(x for one in cells for x, _ in one) < COLUMNS


def test_every_value_of_a_closed_set_has_words() -> None:
    words = {(board.key, panel.key): set(panel.words) for board in BOARDS for panel in board.panels}
    assert words["service", "outcomes"] == {one.value for one in Outcome}
    assert words["service", "channels"] == {one.value for one in Channel}
    states = {one.value for one in AgentState} - {"signed_out"} | {"resting"}
    assert words["workload", "states"] == states
    rules = {one.removesuffix("_s") for one in Profile._fields} | {"break", names.POOLED}
    assert words["workload", "accommodations"] == rules
    signals = re.findall(r"\b(sent|late|shown|felt|failed|expired)\b", names.SIGNALS.meaning)
    assert words["platform", "signals"] == set(signals)


def test_the_limits_of_panels_are_those_of_alert_and_report() -> None:
    limits = [one.limit for board in BOARDS for one in board.panels if one.limit not in (None, 1.0)]
    assert len(limits) == 3 and MENU_LIMIT_S in limits
    tiring = next(alert.expression for alert in ALERTS if alert.name == "OccupancyTooHigh")
    assert float(tiring.rpartition(" ")[2]) in limits, "panel and alert have one limit"


def test_groups_are_as_large_as_the_metrics_say() -> None:
    """Figures of people who work together are shown from `K_MIN` people on."""
    asked = [query.expression for board in BOARDS for panel in board.panels for query in panel.queries]
    asked += [one.expression for one in (*RECORDING_RULES, *ALERTS)]
    least = {int(found) for expression in asked for found in re.findall(
        r'state!="signed_out"[^)]*}\)* >= (\d+)', expression)}
    assert least == {names.K_MIN}


def test_a_service_has_its_name_and_a_variable_to_choose_it() -> None:
    board = made()
    centre, variable = board["templating"]["list"]
    assert centre["name"] == "centre" and centre["allValue"] == ".*"
    assert variable["name"] == "queue" and variable["allValue"] == ".*"
    panel = next(one for one in board["panels"] if "{{queue}}" in one["targets"][0]["legendFormat"])
    assert {"matcher": {"id": "byName", "options": "psikososyal"},
            "properties": [{"id": "displayName", "value": "Psikososyal destek"}]} in panel["fieldConfig"]["overrides"]


def test_a_panel_says_what_a_centre_lacks() -> None:
    said = {panel.key: explain_no_data(query.expression for query in panel.queries)
            for board in BOARDS for panel in board.panels}
    english = {key: words and words.en for key, words in said.items()}
    assert english["mqtt"] == english["signals"] == "no MQTT broker" and english["channels"] == "no res_prometheus"
    assert english["occupancy"] == english["limited"] == "fewer than five on duty"
    assert english["states"] == english["accommodations"] == "fewer than five" and english["level"] is None
    panel = next(one for one in made(PLATFORM)["panels"] if "acd_mqtt_connected" in one["targets"][0]["expr"])
    assert panel["fieldConfig"]["defaults"]["noValue"] == "MQTT aracısı yok"


@pytest.mark.parametrize(("expression", "chosen"), [
    ("up", 'up{centre=~"$centre",instance=~"$node"}'),
    ('sum by (le) (rate(acd_x_bucket{le="5"}[5m]))',
     'sum by (le) (rate(acd_x_bucket{centre=~"$centre",instance=~"$node",le="5"}[5m]))'),
    ("asterisk_calls_count", 'asterisk_calls_count{centre=~"$centre"}'),
])
def test_a_choice_reaches_each_series(expression: str, chosen: str) -> None:
    assert choose_series(expression, by_node=True) == chosen


def test_each_panel_follows_the_choice_of_the_centre() -> None:
    for board in BOARDS:
        for panel in made(board)["panels"]:
            for target in panel["targets"]:
                named = read_names(target["expr"])
                assert {metric for metric, label in named.chosen if label == "centre"} == named.metrics, target["expr"]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.key)
def test_a_board_marks_what_happened_and_links_the_runbooks(board: Board) -> None:
    whole = json.loads(dashboard_json(board, NAMES, english=False, runbooks="https://example.org/kitap"))
    marks = {one["name"]: one["expr"] for one in whole["annotations"]["list"]}
    assert set(marks) == {"Yeniden başlama", "Yeniden yükleme", "Duyuru", "Uyarı"}
    known = {"ALERTS", *known_series()}
    assert all(read_names(query).metrics <= known for query in marks.values())
    assert [one["url"] for one in whole["links"] if one["type"] == "link"] == ["https://example.org/kitap/tr.html"]


def test_a_board_for_an_import_asks_for_its_data_source() -> None:
    text = dashboard_json(SERVICE, NAMES, english=True, importable=True)
    whole = json.loads(text)
    (asked,) = whole["__inputs"]
    assert (asked["name"], asked["pluginId"]) == ("DS_PROMETHEUS", "prometheus") and SOURCE not in text
    places = [*whole["panels"], *whole["templating"]["list"], *whole["annotations"]["list"]]
    assert {one["datasource"]["uid"] for one in places} == {"${DS_PROMETHEUS}"}
    assert whole["panels"] and "__inputs" not in made(SERVICE)
