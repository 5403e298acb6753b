"""Units of panels: their name in Grafana, and a value as people read it."""

from __future__ import annotations

from collections.abc import Callable
from math import isclose, isnan
from typing import NamedTuple

from metrics.report_words import Said, number

MINUTE, HOUR = 60.0, 3600.0


class Unit(NamedTuple):
    """`form` writes a value in Turkish (False) or English (True)."""

    axis: Said
    """Beside the axis of a picture."""
    grafana: Said
    """As Grafana names it; a suffix of our own has a language."""
    form: Callable[[float, bool], str]
    whole: bool = False
    """Counts: marks between whole numbers would mean nothing."""
    steps: tuple[float, ...] = ()
    """Distances between marks that people count in; none: 1, 2, 5, 10 …"""
    mark: Callable[[float, bool], str] | None = None
    """At the axis, where its name says the unit; None: as elsewhere."""

    def text(self, value: float, *, english: bool) -> str:
        """A value; what is not a number is a dash."""
        return "–" if isnan(value) else self.form(value, english)


def _plain(value: float, english: bool) -> str:
    digits = 0 if value == round(value) or abs(value) >= 100 else 1 if abs(value) >= 1 else 2
    return number(value, digits, english=english)


def _mark(value: float, english: bool) -> str:
    """At an axis there is room for six letters."""
    if abs(value) < 10_000:
        return _plain(value, english)
    return f"{_plain(value / 1000, english)}{'k' if english else ' bin'}"


def _share(value: float, english: bool) -> str:
    share = value * 100
    most = 0 if abs(share) >= 10 else 1 if abs(share) >= 1 else 2
    digits = next((digits for digits in range(most) if isclose(round(share, digits), share)), most)
    text = number(share, digits, english=english)
    return f"{text} %" if english else f"%{text}"


def _seconds(value: float, english: bool) -> str:
    if value == 0:
        return "0 s" if english else "0 sn"
    for limit, factor, tr, en in ((1e-3, 1e6, "µs", "µs"), (1.0, 1e3, "ms", "ms"), (2 * MINUTE, 1.0, "sn", "s"),
                                  (2 * HOUR, 1 / MINUTE, "dk", "min"), (float("inf"), 1 / HOUR, "sa", "h")):
        if abs(value) < limit:
            return f"{_short(value * factor, english)} {en if english else tr}"
    raise AssertionError(value)


def _bytes(value: float, english: bool) -> str:
    if value == 0:
        return "0"
    for limit, power, name in ((1e6, 1e3, "kB"), (1e9, 1e6, "MB"), (float("inf"), 1e9, "GB")):
        if abs(value) < limit:
            return f"{_short(value / power, english)} {name}"
    raise AssertionError(value)


def _short(value: float, english: bool) -> str:
    return number(value, 0 if value == round(value) or abs(value) >= 10 else 1, english=english)


def _hourly(value: float, english: bool) -> str:
    return f"{_plain(value, english)} {'/h' if english else '/sa'}"


def _up(value: float, english: bool) -> str:
    return ("up" if english else "var") if value >= 1 else ("down" if english else "yok")


COUNT = Unit(Said("adet", "count"), Said("short", "short"), _plain, whole=True, mark=_mark)
SHARE = Unit(Said("oran", "share"), Said("percentunit", "percentunit"), _share)
SECONDS = Unit(Said("süre", "time"), Said("s", "s"), _seconds, steps=(
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 21600.0, 86400.0))
HOURLY = Unit(Said("saatte", "an hour"), Said("suffix: /sa", "suffix: /h"), _hourly, mark=_mark)
BYTES = Unit(Said("bellek", "memory"), Said("decbytes", "decbytes"), _bytes)
UP = Unit(Said("bağlantı", "link"), Said("bool_on_off", "bool_on_off"), _up, whole=True)
