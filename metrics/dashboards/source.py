"""Where answers to queries come from: a Prometheus, or a file of answers that one has given before."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite, nan
from pathlib import Path
from typing import Any, NamedTuple, Protocol

ANSWER_S = 30.0
"""Prometheus itself gives up after two minutes; nobody waits so long for a picture."""
ANSWER_MAX = 64 * 1024 * 1024
"""Bytes of an answer: a hundred series of thousands of points are one megabyte."""
POINTS_MAX = 11_000
"""Of a series; Prometheus gives no more in one answer."""
LATEST = 1e11
"""Unix seconds, the year 5138: later than any calendar of a reader knows."""
DIGITS = 6
"""Kept of a value: a picture shows three."""


class NoAnswer(Exception):
    """Nothing could be learnt: one sentence, which says what to do."""


class Span(NamedTuple):
    """From when to when, Unix seconds, and how far the points are apart."""

    start: float
    end: float
    step: float

    @property
    def points(self) -> int:
        """How many there are."""
        return int((self.end - self.start) / self.step + 1e-6) + 1

    @classmethod
    def of(cls, start: float, end: float, step: float) -> Span:
        """As a file has it. Raises ValueError when nothing can be drawn over it."""
        if not (0 <= start <= end <= LATEST and step > 0 and (end - start) / step < POINTS_MAX):
            raise ValueError(f"from {start} to {end} each {step} s is no time of at most {POINTS_MAX} points")
        return cls(start, end, step)


class Found(NamedTuple):
    """One series of an answer: a value for each point, nan where there is none."""

    labels: dict[str, str]
    values: tuple[float, ...]

    @property
    def last(self) -> float:
        """The present value; of what has ended the last one there was."""
        return next((value for value in reversed(self.values) if value == value), nan)

    @property
    def known(self) -> list[float]:
        """The values there are."""
        return [value for value in self.values if value == value]


class Source(Protocol):
    """Answers queries over one span."""

    span: Span

    def ask(self, expression: str) -> list[Found]:
        """The series of the answer, in the order of their labels. Raises NoAnswer."""


class Prometheus:
    """Asks over HTTP (`/api/v1/query_range`)."""

    def __init__(self, url: str, span: Span) -> None:
        self._url, self.span = url.rstrip("/"), span
        if not _is_address(self._url):
            raise NoAnswer(f"{url!r} is no address; write http://127.0.0.1:9090")

    def ask(self, expression: str) -> list[Found]:
        """See Source."""
        span = self.span
        answer = self._get("query_range", query=expression, start=f"{span.start:.3f}", end=f"{span.end:.3f}",
                           step=f"{span.step:g}")
        try:
            return _read(answer["result"], span)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise NoAnswer(f"what answers at {self._url} is no Prometheus") from None

    def _get(self, call: str, **query: str) -> Any:
        data = urllib.parse.urlencode(query).encode()
        try:
            try:
                reply = urllib.request.urlopen(f"{self._url}/api/v1/{call}", data, timeout=ANSWER_S)  # noqa: S310
            except urllib.error.HTTPError as refused:
                reply = refused
            with reply:
                body = reply.read(ANSWER_MAX + 1)
        except http.client.HTTPException:  # another protocol, or an answer that breaks off
            raise NoAnswer(f"what answers at {self._url} is no Prometheus") from None
        except (OSError, ValueError) as error:
            raise NoAnswer(f"no Prometheus answers at {self._url}: {getattr(error, 'reason', error)}") from error
        if len(body) > ANSWER_MAX:
            raise NoAnswer(f"the answer to {query['query']!r} is longer than {ANSWER_MAX >> 20} MB: "
                           "ask for fewer series or points")
        try:
            answer = json.loads(body)
            if answer["status"] == "success":
                return answer["data"]
            said = str(answer["error"])
        except (ValueError, KeyError, TypeError):
            raise NoAnswer(f"what answers at {self._url} is no Prometheus") from None
        raise NoAnswer(f"Prometheus does not take {query['query']!r}: {said}")


def _is_address(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 \
            and url.isprintable() and " " not in url
    except ValueError:  # a bracket that is not closed, a port that is no number
        return False


def _read(result: Sequence[Any], span: Span) -> list[Found]:
    found = []
    for one in result:
        values = [nan] * span.points
        for at, value in one["values"]:
            number = float(value)
            place = round((at - span.start) / span.step)
            if 0 <= place < span.points and isfinite(number):  # what is divided by nothing is not known
                values[place] = number
        found.append(Found({name: label for name, label in one["metric"].items() if name != "__name__"},
                           tuple(values)))
    return sorted(found, key=lambda one: sorted(one.labels.items()))


class Keeping:
    """Another source, whose answers are kept to be written into a file."""

    def __init__(self, source: Source) -> None:
        self._source, self.span = source, source.span
        self._kept: dict[str, list[Found]] = {}

    def ask(self, expression: str) -> list[Found]:
        """See Source."""
        if expression not in self._kept:
            self._kept[expression] = self._source.ask(expression)
        return self._kept[expression]

    def write(self, path: Path) -> None:
        """One line for each series; a value that is there again and again stands once. Raises OSError."""
        lines = [json.dumps({"start": self.span.start, "end": self.span.end, "step": self.span.step})]
        for expression, found in sorted(self._kept.items()):
            lines += [json.dumps({"query": expression, "labels": one.labels, "values": _packed(one.values)},
                                 separators=(",", ":")) for one in found] or [json.dumps({"query": expression})]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class Kept:
    """The answers in such a file."""

    def __init__(self, path: Path) -> None:
        self._path, self._found = path, dict[str, list[Found]]()
        with _told(path):
            first, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
            self.span = Span.of(**json.loads(first))
            for line in lines:
                one = json.loads(line)
                found = self._found.setdefault(one["query"], [])
                if "values" in one:
                    values = tuple(_unpacked(one["values"]))
                    if len(values) != self.span.points:
                        raise ValueError(f"{len(values)} values instead of {self.span.points}")
                    found.append(Found(dict(one["labels"]), values))

    def ask(self, expression: str) -> list[Found]:
        """See Source."""
        if expression not in self._found:
            raise NoAnswer(f"{self._path} has no answer to {expression!r}: record it anew (docs/operate/dashboards.md)")
        return self._found[expression]


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NoAnswer(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise NoAnswer(f"{path} is no file of answers: {error}") from error


def _packed(values: Sequence[float]) -> list[Any]:
    """Values, and [value, times] where one is repeated; null is a gap."""
    runs: list[list[Any]] = []
    for value in values:
        short = None if value != value else float(f"{value:.{DIGITS}g}")
        short = int(short) if short is not None and short == int(short) else short
        if runs and runs[-1][0] == short:
            runs[-1][1] += 1
        else:
            runs.append([short, 1])
    return [run if run[1] > 1 else run[0] for run in runs]


def _unpacked(packed: Sequence[Any]) -> Iterator[float]:
    for one in packed:
        value, times = one if isinstance(one, list) else (one, 1)
        yield from [nan if value is None else float(value)] * times
