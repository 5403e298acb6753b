"""Check the rules of the fallback queues: each service has one, and nobody loses a call or a position in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from asterisk_conf.conf_plan import FALLBACK_PREFIX, FALLBACK_UNKNOWN
from asterisk_conf.flat_reader import Finding, Section

Files = Mapping[str, list[Section]]

QUEUES, DIALPLAN = "queues.conf", "extensions.conf"
POINTS = "SC_FALLBACK_"
"""Prefix of the dialplan's variable with the points of a service."""
CONTEXT = "santral-fallback"

SETTINGS = {
    "strategy": ("rrmemory", "agents who do not pick up would keep callers from the others"),
    "timeoutpriority": ("conf", "the end of a round would cut a ring"),
    "ringinuse": ("no", "it would ring phones that talk"),
    "joinempty": ("yes", "callers would be turned away while nobody is ready"),
    "leavewhenempty": ("no", "callers would leave while nobody is ready"),
}
"""Settings that every fallback queue must have, with the harm without them."""


def check_fallback(files: Files) -> list[Finding]:
    """Return findings on the fallback queues of the dialplan."""
    return [*_check_queues(files), *_check_way(files)] if QUEUES in files and DIALPLAN in files else []


def _check_queues(files: Files) -> Iterator[Finding]:
    queues = {section.name: section for section in files[QUEUES]}
    # 1. Members must outlive a restart of Asterisk without a node.
    general = queues.get("general")
    if general is None or general.value_of("persistentmembers") != "yes":
        yield Finding(QUEUES, general.line if general else 0, "members are lost with Asterisk", "persistentmembers=yes")
    # 2. Each service that the dialplan knows has a queue.
    points = {entry.name.removeprefix(POINTS): entry.value for section in files[DIALPLAN] if section.name == "globals"
              for entry in section.entries if entry.name.startswith(POINTS)}
    wanted = {FALLBACK_UNKNOWN: "0", **{f"{FALLBACK_PREFIX}{service}": value for service, value in points.items()}}
    for name, first in wanted.items():
        queue = queues.get(name)
        if queue is None:
            yield Finding(QUEUES, 0, f"no queue {name}", "the dialplan leads callers there: render the whole set again")
            continue
        # 3. The settings of each queue.
        for key, (value, why) in SETTINGS.items():
            if queue.value_of(key) != value:
                yield Finding(QUEUES, queue.line, f"[{name}] without {key}={value}: {why}", f"{key}={value}")
        if first != "0" and not queue.value_of("weight", "0").strip("0"):
            yield Finding(QUEUES, queue.line, f"[{name}] is for distress and has no weight",
                          "weight=10: priority orders the callers of one queue only")
        for entry in queue.entries_of("member"):
            yield Finding(QUEUES, entry.line, f"[{name}] has a fixed member",
                          "take it out: it would ring without an agent; the node adds members")


def _check_way(files: Files) -> Iterator[Finding]:
    """Yield hang-ups of callers, and rounds that are too long to be asked for."""
    for section in files[DIALPLAN]:
        for entry in section.entries if section.name.startswith(CONTEXT) else ():
            # The ghost of a channel that Bridge() has taken over may end.
            if entry.value.partition(",")[2].startswith("Hangup") and not entry.value.startswith("n(gone)"):
                yield Finding(DIALPLAN, entry.line, f"[{section.name}] hangs up", "lead the caller into another round")
