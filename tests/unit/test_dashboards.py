"""Dashboards: what they say of themselves, what the checker finds, what is drawn."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from math import nan
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from metrics import names
from metrics.alerts import RECORDED
from metrics.dashboards import draw, platform, service, workload
from metrics.dashboards.boards import BOARDS
from metrics.dashboards.check import BadDashboard, check, read
from metrics.dashboards.cli import LANGUAGES
from metrics.dashboards.grafana import dashboard_json
from metrics.dashboards.panel import COLUMNS, SIZES, Board, Kind, Panel, Query, chosen
from metrics.dashboards.parts import ASTERISK, GROUPS, MQTT, ON_DUTY, PARTS, RULES, part_of
from metrics.dashboards.promql import spoken
from metrics.dashboards.source import Found, Keeping, Kept, NoAnswer, Span
from metrics.dashboards.unit import BYTES, COUNT, HOURLY, SECONDS, SHARE, UP, Unit
from metrics.report_words import Said
from routing.core.model import AgentState, Channel, Outcome, Profile
from tests.fakes.answers import SPAN, Answers, found

pytestmark = pytest.mark.unit

Made = dict[str, Any]
NAMES = {"psikososyal": "Psikososyal destek"}


def made(board: Board = service.BOARD, *, english: bool = False) -> Made:
    whole: Made = json.loads(dashboard_json(board, NAMES, english=english))
    return whole


def findings(board: Made, source: Answers | None = None) -> list[str]:
    return [str(one) for one in check({"board": board}, [rule.name for rule in RECORDED], source).findings]


# -- the three dashboards ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.key)
def test_ours_are_good(board: Board, language: str) -> None:
    assert findings(made(board, english=language == "en")) == []


def test_turkish_and_english_say_the_same_with_other_words() -> None:
    for board in BOARDS:
        turkish, english = made(board), made(board, english=True)
        assert turkish["uid"] != english["uid"], "Grafana holds both"
        for tr, en in zip(turkish["panels"], english["panels"], strict=True):
            assert tr["description"] != en["description"]
            assert [one["expr"] for one in tr["targets"]] == [one["expr"] for one in en["targets"]]
            assert tr["gridPos"] == en["gridPos"]


def test_every_panel_has_a_key_of_its_own_and_lies_beside_the_others() -> None:
    for board in BOARDS:
        assert len({panel.key for panel in board.panels}) == len(board.panels)
        cells = [(x + across, y + down) for panel, x, y in board.placed()
                 for across in range(SIZES[panel.kind][0]) for down in range(SIZES[panel.kind][1])]
        assert len(set(cells)) == len(cells) and max(x for x, _ in cells) < COLUMNS


def test_every_value_of_a_closed_set_has_words() -> None:
    assert set(service.OUTCOMES) == {one.value for one in Outcome}
    assert set(service.CHANNELS) == {one.value for one in Channel}
    assert set(workload.STATES) == {one.value for one in AgentState} - {"signed_out"} | {"resting"}
    assert set(workload.RULES) == {one.removesuffix("_s") for one in Profile._fields} | {"break", names.POOLED}
    assert set(platform.SIGNALS) == set(re.findall(r"\b(sent|late|shown|felt|failed|expired)\b", names.SIGNALS.meaning))


def test_the_words_of_a_limit_say_the_limit() -> None:
    named = [(one.limit, one.limit_name.tr) for board in BOARDS for one in board.panels if one.limit not in (None, 1.0)]
    assert len(named) == 3
    for limit, name in named:
        assert limit is not None and f"{limit * 100 if limit < 1 else limit:.0f}" in name


def test_a_service_has_its_name_and_a_variable_to_choose_it() -> None:
    board = made()
    (variable,) = board["templating"]["list"]
    assert variable["name"] == "queue" and variable["allValue"] == ".*"
    panel = next(one for one in board["panels"] if "{{queue}}" in one["targets"][0]["legendFormat"])
    assert {"matcher": {"id": "byName", "options": "psikososyal"},
            "properties": [{"id": "displayName", "value": "Psikososyal destek"}]} in panel["fieldConfig"]["overrides"]


def test_what_a_centre_may_lack() -> None:
    asked = {panel.key: part_of(query.expression for query in panel.queries)
             for board in BOARDS for panel in board.panels}
    assert asked["mqtt"] is MQTT and asked["signals"] is MQTT and asked["channels"] in (ASTERISK, None)
    assert asked["occupancy"] is ON_DUTY and asked["limited"] is ON_DUTY and asked["states"] is GROUPS
    assert asked["accommodations"] is RULES and asked["level"] is None


# -- PromQL ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("expression", "metrics", "labels"), [
    ("up", {"up"}, set()),
    ('sum by (queue) (rate(a_total{x="b{c}", y!~"d"}[5m])) / on (queue) group_left (z) q:r:s offset 5m',
     {"a_total", "q:r:s"}, {"queue", "x", "y", "z"}),
    ("histogram_quantile(0.9, sum(rate(a_bucket[1h:30s])) by (le)) or vector(0)", {"a_bucket"}, {"le"}),
    ("topk(5, a) > bool 1e3 and b unless c # d", {"a", "b", "c"}, set()),
    ("-Inf + NaN + 0x1f", set(), set()),
])
def test_names_in_an_expression(expression: str, metrics: set[str], labels: set[str]) -> None:
    assert spoken(expression) == (metrics, labels)


def test_variables_are_everything_until_somebody_chooses() -> None:
    assert chosen('a{queue=~"$queue",team=~"$team"}', {"team": "x"}) == 'a{queue=~".*",team=~"x"}'


# -- what the checker finds --------------------------------------------------------------------------------------------

def _spoil(change: Callable[[Made], object]) -> Made:
    board = made()
    change(board["panels"][0])
    return board


def _asks(expression: str) -> Callable[[Made], object]:
    return lambda panel: panel["targets"][0].update(expr=expression)


@pytest.mark.parametrize(("change", "said"), [
    (lambda panel: panel.pop("title"), "it has no title"),
    (lambda panel: panel.update(description=" "), "it has no description"),
    (lambda panel: panel["fieldConfig"]["defaults"].pop("unit"), "it has no unit"),
    (lambda panel: panel.update(targets=[]), "it has no query"),
    (lambda panel: panel["gridPos"].update(x=2), "overlap"),
    (lambda panel: panel["gridPos"].update(w=30), "does not lie on the grid"),
    (_asks("acd_waiting"), "acd_waiting is no metric"),
    (_asks("acd_queue_wait_seconds"), "acd_queue_wait_seconds is no metric"),  # a histogram: its parts are
    (_asks("sum by (agent) (acd_agents)"), "label agent is from no closed set"),
    (_asks('acd_agents{agent="a1"}'), "label agent is from no closed set"),
    (_asks("sum by (queue"), "a bracket is not closed"),
    (_asks("1 + 1"), "asks for no metric"),
])
def test_a_planted_fault_is_found(change: Callable[[Made], object], said: str) -> None:
    (finding, *more) = findings(_spoil(change))
    assert said in finding and all("overlap" in one for one in more)


def test_no_data_is_found_and_zero_is_data() -> None:
    board = made()
    board["panels"] = board["panels"][:1]
    expression = chosen(board["panels"][0]["targets"][0]["expr"])
    assert findings(board, Answers(otherwise=[found(0.0)])) == []
    there = {part.sign: [found(1.0)] for part in PARTS}
    for nothing in ([], [found(nan)]):
        (finding,) = findings(board, Answers({**there, expression: nothing}))
        assert "no data" in finding
    (finding,) = findings(board, Answers({**there, expression: [found(1.0, agent="a1")]}))
    assert "the answer has a label agent" in finding
    (finding,) = findings(board, Answers({**there, expression: NoAnswer("parse error")}))
    assert "parse error" in finding


def test_what_the_centre_does_not_have_is_not_asked_for() -> None:
    board = made(platform.BOARD)
    there = Answers(otherwise=[found(1.0)])
    there.given[MQTT.sign] = []
    checked = check({"board": board}, [rule.name for rule in RECORDED], there)
    assert checked.absent == (MQTT,) and not checked.findings
    assert not any(one.startswith("max(acd_mqtt") for one in there.asked)


def test_panels_within_a_row_are_looked_at() -> None:
    board = made()
    board["panels"] = [{"type": "row", "title": "row", "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1},
                        "panels": [{"title": "inside", "description": "d", "targets": []}]}]
    assert findings(board) == ["board: inside: it has no unit", "board: inside: it has no query"]


def test_a_file_that_is_no_dashboard(tmp_path: Path) -> None:
    for text, said in (("{", "is no JSON"), ("[]", "no dashboard"), ("{}", "no panels")):
        (path := tmp_path / "a.json").write_text(text)
        with pytest.raises(BadDashboard, match=said):
            read([path])
    with pytest.raises(BadDashboard, match="cannot be read"):
        read([tmp_path / "none.json"])


# -- answers -----------------------------------------------------------------------------------------------------------

def test_answers_are_kept_and_read_again(tmp_path: Path) -> None:
    source = Keeping(Answers({"a": [found(1.0, 1.0, 2.1234567, queue="q"), found()], "b": []}))
    before = {name: source.ask(name) for name in ("a", "b")}
    source.write(path := tmp_path / "answers")
    kept = Kept(path)
    assert kept.span == SPAN and kept.ask("b") == []
    again = kept.ask("a")
    assert [one.labels for one in again] == [one.labels for one in before["a"]]
    assert again[0].known == [1.0, 1.0, 2.12346] and again[0].last == 2.12346
    assert again[1].known == [] and again[1].last != again[1].last
    with pytest.raises(NoAnswer, match="has no answer to 'c'"):
        kept.ask("c")


@pytest.mark.parametrize("text", ["", "{}", "[]\n", '{"start":0,"end":60,"step":60}\n{"query":"a","labels":{},'
                                  '"values":[1]}', '{"start":0,"end":60,"step":60}\nx'])
def test_a_broken_file_of_answers(text: str, tmp_path: Path) -> None:
    (path := tmp_path / "answers").write_text(text)
    with pytest.raises(NoAnswer, match="no file of answers"):
        Kept(path)


# -- what is drawn -----------------------------------------------------------------------------------------------------

LOOK = draw.Look(Answers(), ZoneInfo("Europe/Istanbul"), NAMES)


def panel(kind: Kind, unit: Unit = COUNT, **more: Any) -> Panel:
    return Panel("key", Said("Başlık <b>", "Title"), Said("Anlamı.", "Meaning."), unit, kind,
                 (Query("up", Said("{{queue}}", "{{queue}}")),), named=True, **more)


def drawn(panel: Panel, *series: Any) -> draw.Drawn:
    board = Board("b", Said("Pano", "Board"), Said("", ""), (panel,))
    look = LOOK._replace(source=Answers(otherwise=series))
    (one,) = draw.draw(board, look)
    ElementTree.fromstring(one.picture.document())
    ElementTree.fromstring(draw.picture(board, [one], look))
    page = draw.html(board, [one], look)
    assert "Başlık &lt;b&gt;" in page and '<html lang="tr">' in page and "Anlamı." in page
    return one


def test_lines_have_a_table_words_and_gaps() -> None:
    one = drawn(panel(Kind.LINES, SHARE, limit=0.8, high=1.0),
                found(0.5, nan, 0.7, 0.9, queue="psikososyal"), found(0.25, queue="<i>"))
    assert one.head == ("Seri", "Son", "En az", "Ortalama", "En çok")
    assert one.rows == [("Psikososyal destek", "%90", "%50", "%70", "%90"), ("<i>", "%25", "%25", "%25", "%25")]
    assert one.picture.words == "Anlamı. Psikososyal destek: %90. <i>: %25."
    text = one.picture.document()
    assert text.count("<circle") == 2, "what stands between gaps alone"
    assert ">hedef<" in text and 'stroke="var(--axis)"' in text


def times(zone: str, start: str, hours: float) -> list[str]:
    """The marks at the axis of time of a picture that begins then."""
    first = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).timestamp()
    answers = Answers(otherwise=[Found({}, (1.0, 2.0))])
    answers.span = Span(first, first + hours * 3600.0, hours * 3600.0)
    (one,) = draw.draw(Board("b", Said("", ""), Said("", ""), (panel(Kind.LINES),)),
                       draw.Look(answers, ZoneInfo(zone), {}))
    return re.findall(r">([\d.]+\.(?: \d\d:\d\d)?|\d\d:\d\d)</text>", one.picture.document())


@pytest.mark.parametrize(("zone", "start", "hours", "marks"), [
    ("Europe/Istanbul", "2026-03-02T08:00", 4, ["08:00", "08:30", "09:00", "09:30", "10:00", "10:30", "11:00", "11:30",
                                                "12:00"]),
    ("Europe/Istanbul", "2026-03-02T00:00", 36, ["02.03. 00:00", "02.03. 12:00", "03.03. 00:00", "03.03. 12:00"]),
    ("Europe/Istanbul", "2026-03-02T00:00", 24 * 7, [f"{day:02}.03." for day in range(2, 10)]),
    ("Europe/Istanbul", "2026-03-01T00:00", 24 * 31, [f"{day:02}.{month:02}." for day, month in (
        (1, 3), (5, 3), (9, 3), (13, 3), (17, 3), (21, 3), (25, 3), (29, 3))]),
    ("Europe/Berlin", "2026-03-29T01:00", 8, ["01:00", "03:00", "04:00", "05:00", "06:00", "07:00", "08:00", "09:00",
                                              "10:00"]),
    ("Europe/Berlin", "2026-10-24T00:00", 24 * 7, [f"{day}.10." for day in range(24, 31)])])
def test_marks_of_time_are_those_of_the_clock(zone: str, start: str, hours: float, marks: list[str]) -> None:
    assert times(zone, start, hours)[:len(marks)] == marks


def test_bars_stand_by_their_size_and_a_tile_shows_the_present() -> None:
    one = drawn(panel(Kind.BARS), found(3.0, queue="az"), found(8.0, queue="cok"))
    assert re.findall(r">(az|cok)<", one.picture.document()) == ["cok", "az"]
    tile = drawn(panel(Kind.TILE, SECONDS), found(10.0, 95.0))
    assert ">95 sn<" in tile.picture.document()


@pytest.mark.parametrize("kind", list(Kind))
def test_no_data_is_said(kind: Kind) -> None:
    one = drawn(panel(kind))
    assert one.rows == [] and one.picture.words == "Anlamı. veri yok."
    assert ">veri yok<" in one.picture.document()


def test_english_is_english() -> None:
    look = LOOK._replace(source=Answers(otherwise=[found(1.0)]), english=True)
    for board in BOARDS:
        page = draw.html(board, draw.draw(board, look), look)
        assert '<html lang="en">' in page and not re.search("[ğışĞİŞ]", page.replace("Santral", ""))


@pytest.mark.parametrize(("unit", "value", "turkish", "english"), [
    (COUNT, 1234.0, "1.234", "1,234"), (COUNT, 1.5, "1,5", "1.5"), (COUNT, nan, "–", "–"),
    (SHARE, 0.0005, "%0,05", "0.05 %"), (SHARE, 0.805, "%80", "80 %"), (SHARE, 0.005, "%0,5", "0.5 %"),
    (SHARE, 1.0, "%100", "100 %"),
    (SECONDS, 0.0, "0 sn", "0 s"), (SECONDS, 25e-6, "25 µs", "25 µs"), (SECONDS, 0.0125, "12 ms", "12 ms"),
    (SECONDS, 20.0, "20 sn", "20 s"), (SECONDS, 300.0, "5 dk", "5 min"), (SECONDS, 9000.0, "2,5 sa", "2.5 h"),
    (HOURLY, 120.0, "120 /sa", "120 /h"), (BYTES, 123_456_789.0, "123 MB", "123 MB"), (BYTES, 5e9, "5 GB", "5 GB"),
    (UP, 1.0, "var", "up"), (UP, 0.0, "yok", "down"),
])
def test_units_are_read_as_people_say_them(unit: Unit, value: float, turkish: str, english: str) -> None:
    assert (unit.text(value, english=False), unit.text(value, english=True)) == (turkish, english)


def test_marks_of_an_axis_are_short() -> None:
    for unit in (COUNT, HOURLY):
        assert unit.mark is not None
        assert [unit.mark(value, False) for value in (1500.0, 15_000.0)] == ["1.500", "15 bin"]
        assert [unit.mark(value, True) for value in (1500.0, 15_000.0)] == ["1,500", "15k"]


@pytest.mark.parametrize(("unit", "top", "high", "step"), [
    (COUNT, 0.0, 1.0, 1.0), (COUNT, 3.0, 3.0, 1.0), (COUNT, 43.0, 50.0, 10.0), (SHARE, 0.07, 0.08, 0.02),
    (SECONDS, 55.0, 60.0, 15.0), (SECONDS, 0.0004, 0.0004, 0.0001), (SECONDS, 1000.0, 1200.0, 300.0),
])
def test_an_axis_ends_at_a_mark_above_everything(unit: Unit, top: float, high: float, step: float) -> None:
    assert draw.scale(unit, top) == pytest.approx((high, step))
