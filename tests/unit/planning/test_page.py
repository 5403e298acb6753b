"""Pages and pictures: values alone in, well-formed and escaped text out."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from math import nan
from xml.etree import ElementTree

import pytest

from drawing import chart, page

pytestmark = pytest.mark.unit

X = chart.Axis("Time", chart.format_clock, 0.0, 7200.0, 3600.0)
LINES = [chart.Series("<one>", [(0.0, 0.0), (7200.0, 10.0)]), chart.Series("two", [(0.0, 5.0)]),
         chart.Series("none", [])]


def svg(figure: str) -> ElementTree.Element:
    found = re.search(r"<svg viewBox.*?</svg>", figure, re.DOTALL)
    assert found
    return ElementTree.fromstring(found.group())


def test_lines_lie_where_their_values_are() -> None:
    figure = chart.draw_lines("Title", "The picture", X, chart.Axis("Calls"), LINES)
    picture = svg(figure)
    assert picture.attrib["aria-label"] == "Title. The picture"
    first, second = picture.findall("path")
    low, high = chart.HEIGHT - chart.BOTTOM, chart.TOP
    assert first.attrib["d"] == f"M{chart.LEFT}.0 {low}.0 L{chart.WIDTH - chart.RIGHT}.0 {high}.0"
    assert second.attrib["stroke-dasharray"] != first.attrib["stroke-dasharray"], "not by colour alone"
    times = [text.text for text in picture.findall("text") if text.text and ":" in text.text]
    assert times == ["00:00", "01:00", "02:00"]
    assert "&lt;one&gt;" in figure
    assert figure.count("<li>") == 3
    (dot,) = picture.findall("circle")  # a line of one point would not be seen
    assert float(dot.attrib["cx"]) == chart.LEFT


def test_a_gap_breaks_a_line() -> None:
    known = [(0.0, 1.0), (1.0, 1.0), (2.0, nan), (3.0, 1.0), (4.0, nan), (5.0, 1.0), (6.0, 1.0)]
    picture = svg(chart.draw_lines("Title", "", chart.Axis("s"), chart.Axis("n"), [
        chart.Series("line", known)]))
    (line,) = picture.findall("path")
    assert line.attrib["d"].count("M") == 3 and len(picture.findall("circle")) == 1


def test_no_two_of_many_series_are_drawn_alike() -> None:
    assert len({(chart.colour_of(number), chart.dashes_of(number)) for number in range(25)}) == 25


def test_bars_stand_on_the_axis() -> None:
    picture = svg(chart.draw_histogram("Title", "", chart.Axis("s"), chart.Axis("n"),
        [(0.0, 1.0, 4.0), (1.0, 2.0, 0.0)]))
    tall, flat = picture.findall("rect")
    assert float(tall.attrib["y"]) == chart.TOP
    assert float(tall.attrib["height"]) == chart.HEIGHT - chart.BOTTOM - chart.TOP
    assert float(flat.attrib["height"]) == 0.0


def test_nothing_can_be_drawn_too() -> None:
    svg(chart.draw_lines("Title", "", chart.Axis("s"), chart.Axis("n"), []))
    svg(chart.draw_histogram("Title", "", chart.Axis("s"), chart.Axis("n"), []))
    svg(chart.draw_lines("Title", "", X, chart.Axis("n"), [chart.Series("flat", [(0.0, 0.0), (1.0, 0.0)])]))


@pytest.mark.parametrize(("low", "high", "step", "found"), [
    (0.0, 1.0, None, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0.0, 43.0, None, [0.0, 10.0, 20.0, 30.0, 40.0]),
    (3.0, 9.0, None, [4.0, 6.0, 8.0]), (25_200.0, 36_000.0, 7200.0, [28_800.0, 36_000.0]),
    (0.0, 0.03, None, [0.0, 0.01, 0.02, 0.03]),
])
def test_marks_are_round(low: float, high: float, step: float | None, found: list[float]) -> None:
    assert chart.tick_values(low, high, step) == pytest.approx(found)


def test_numbers_are_short() -> None:
    assert [chart.format_plain(value) for value in (0.0, 3.0, 1234.5, 0.1234)] == ["0", "3", "1,234", "0.123"]
    assert (chart.format_percent(0.5), chart.format_clock(93_600.0)) == ("50 %", "26:00")


class _Outline(HTMLParser):
    """The open elements, and the elements seen."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_is_closed_everywhere_and_needs_nothing_else() -> None:
    text = page.render_page("A & B", [
        page.render_heading("<Part>"), page.render_paragraph("1 < 2"),
        page.render_table('Çağrılar "hepsi"', ("Name", "<n>"), [("İhbar", "1")]),
        chart.draw_histogram("b", "", chart.Axis("s"), chart.Axis("n"), [(0.0, 1.0, 4.0)])])
    outline = _Outline()
    outline.feed(text)
    assert outline.open == []
    assert outline.links == []
    assert "url(" not in text
    assert "<h2>&lt;Part&gt;</h2>" in text
    assert "<title>A &amp; B</title>" in text
    assert '<th scope="row">İhbar</th><td>1</td>' in text
    assert 'aria-label="Çağrılar &#34;hepsi&#34;"' in text


HOSTILE = "</title><script>alert('x')</script>\" onload=\"x"


def test_names_that_are_html_stay_text_everywhere() -> None:
    axis = chart.Axis(HOSTILE, lambda _: HOSTILE)
    series = [chart.Series(HOSTILE, [(0.0, 1.0), (1.0, 2.0)]), chart.Series("b", [(0.0, 1.0)])]
    whole = page.render_page(HOSTILE, [
        page.render_heading(HOSTILE), page.render_paragraph(HOSTILE),
        page.render_table(HOSTILE, (HOSTILE, "n"), [(HOSTILE, HOSTILE)]),
        chart.draw_lines(HOSTILE, HOSTILE, axis, axis, series),
        chart.draw_histogram(HOSTILE, HOSTILE, axis, axis, [(0.0, 1.0, 1.0)])])
    alone = chart.draw_lines(HOSTILE, HOSTILE, axis, axis, series, alone=True)
    for text in (whole, alone):
        assert "<script" not in text and '" onload' not in text and text.count("&lt;script&gt;") >= 8
    outline = _Outline()
    outline.feed(whole)
    assert outline.open == []
    assert ElementTree.fromstring(alone).attrib["aria-label"] == f"{HOSTILE}. {HOSTILE}"
