"""Log lines: key and value, to stderr, for a person or as JSON. Personal data never gets this far: rooms log ids."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any

import structlog


def configure(*, as_json: bool) -> None:
    """Once, at the start of a node."""
    # Tracebacks as plain lines: the default shows the values of local variables, and a caller's number is one of them.
    shown: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)] if as_json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(),
                                            exception_formatter=structlog.dev.plain_traceback)])
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, _escape,
                    structlog.processors.TimeStamper(fmt="iso", utc=True), *shown],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def _escape(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What a peer sent may stand in a log, its control characters may not: a terminal would obey them, and a line end
    begins a line that nobody logged. Tracebacks are added later and keep their lines."""
    return {name: _harmless(value) for name, value in event.items()}


def _harmless(value: object) -> object:
    """Texts, however deep, with `\\x1b` for an escape and `\\u202e` for a direction mark."""
    if isinstance(value, str):
        return value if value.isprintable() else "".join(
            sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in value)
    if isinstance(value, Mapping):
        return {_harmless(key): _harmless(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_harmless(one) for one in value]
    return value
