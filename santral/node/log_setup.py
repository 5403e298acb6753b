"""Set up log lines with keys and values on stderr, as text or as JSON. Personal data is never logged, rooms log ids."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO, cast

import structlog

PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "exception": 3, "critical": 2}
"""Level of a log line -> priority of the journal, as in `sd-daemon(3)`."""

LOST = "log.lines_lost"
"""Event of the first line after a time in which the log could not be written."""


def configure_logs(*, as_json: bool) -> None:
    """Configure logging once, at the start of a node."""
    # Plain tracebacks: the default shows local variables, and one of them may be a caller's number.
    shown: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)] if as_json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(),
                                            exception_formatter=structlog.dev.plain_traceback)])
    if _is_journal():
        shown.append(_add_priority)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, _escape_event,
                    structlog.processors.TimeStamper(fmt="iso", utc=True), *shown],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, SafeStream(sys.stderr, as_json=as_json))))


class SafeStream:
    """Write lines to a stream, and lose what the stream refuses: a full disk or a closed reader ends no node.

    A line of the log stands in the middle of routing, so its error would end the turn of a caller.
    """

    def __init__(self, stream: TextIO, *, as_json: bool) -> None:
        self._stream, self._as_json = stream, as_json
        self._lost = 0

    def write(self, text: str) -> None:
        """Write a text. The first one that succeeds again comes after a line with the count of lost ones."""
        lost, self._lost = self._lost, 0
        try:
            if lost:
                about = {"event": LOST, "lines": lost, "level": "warning"}
                self._stream.write((json.dumps(about) if self._as_json else f"[warning] {LOST} lines={lost}") + "\n")
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._lost = lost + 1

    def flush(self) -> None:
        """Do nothing: each write flushes, because a loss is counted there."""


def _is_journal() -> bool:
    """Return whether stderr leads to the journal of systemd, which names its own stream to a service."""
    try:
        about = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{about.st_dev}:{about.st_ino}"


def _add_priority(logger: Any, method: str, line: Any) -> str:
    """Begin each line with its priority, because the journal takes each line of a traceback as an entry."""
    return "\n".join(f"<{PRIORITIES.get(method, 6)}>{part}" for part in str(line).split("\n"))


def _escape_event(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Escape control characters in the values of a log line, because a peer may have sent them.

    A terminal would obey them, and a line end would forge a line. Tracebacks are added later and keep their lines.
    """
    return {name: _escape_value(value) for name, value in event.items()}


def _escape_value(value: object) -> object:
    """Return a value with its texts escaped at any depth: `\\x1b` for an escape, `\\u202e` for a direction mark."""
    if isinstance(value, str):
        return value if value.isprintable() else "".join(
            sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in value)
    if isinstance(value, Mapping):
        return {_escape_value(key): _escape_value(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_escape_value(one) for one in value]
    return value
