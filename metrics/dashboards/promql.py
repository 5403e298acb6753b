"""Which metrics and labels a PromQL expression speaks of. No parser: Prometheus is one, and says what is wrong."""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|\[[^\]]*\]|[A-Za-z_:][\w:]*|[0-9][\w.]*|\S")
_GROUPINGS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_AGGREGATIONS = {"sum", "min", "max", "avg", "count", "topk", "bottomk", "quantile", "stddev", "stdvar", "group",
                 "count_values", "limitk"}
_WORDS = {"and", "or", "unless", "offset", "bool", "atan2", "inf", "nan", "start", "end"}


class Spoken(NamedTuple):
    """What an expression names."""

    metrics: frozenset[str]
    labels: frozenset[str]


def spoken(expression: str) -> Spoken:
    """Names in selectors, in braces and in groupings. Functions and strings are neither."""
    words = _TOKEN.findall(re.sub(r"#.*", "", expression))
    metrics: set[str] = set()
    labels: set[str] = set()
    place = 0
    while place < len(words):
        word, after = words[place], words[place + 1] if place + 1 < len(words) else ""
        place += 1
        if word in _GROUPINGS and after == "(":
            end = words.index(")", place)
            labels |= {one for one in words[place:end] if one.isidentifier()}
            place = end + 1
        elif word == "{":
            end = words.index("}", place)
            labels |= {one for one, next_ in zip(words[place:end], words[place + 1:], strict=False)
                       if one.isidentifier() and next_ in ("=", "!")}
            place = end + 1
        elif (re.match(r"[A-Za-z_:]", word) and after != "(" and word.lower() not in _WORDS
              and word not in _GROUPINGS and word not in _AGGREGATIONS):
            metrics.add(word)
    return Spoken(frozenset(metrics), frozenset(labels))
