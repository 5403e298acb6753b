"""Compare two readers of a queue_log with the store: its rows, and its facts where rows have no answer."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from routing.core.journal import round_stored
from tests.agreement.stored_facts import stored_facts
from tests.readers.asternic import STEPS, Asternic
from tests.readers.queuemetrics import MISSED, QueueMetrics

VOICE = "voice"
NEAR_S = 5
"""Tolerance for an agent's times in whole seconds, one of which may fall into the next second."""

STARTS = 2
"""Starts of a node without a fault: its start, and the start that checks its state."""

Sums = Counter[str]
"""Counts by queue, agent or verb."""

RULES = ("closed", "full", "nobody", "expected", "waited")
"""Reasons for which a rule moves a contact to another queue."""


NEEDLESS = ("merged", "served", "replaced", "withdrawn", "message", *RULES)
"""Keys of contacts that a later call, a supervisor or a rule of the service made unnecessary."""


class Store:
    """The measure."""

    def __init__(self, database: Path) -> None:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10.0)) as connection:
            connection.row_factory = sqlite3.Row
            self.contacts = [dict(one) for one in connection.execute(
                "select * from contacts where channel = ?", (VOICE,))]
            offers = [dict(one) for one in connection.execute("select * from offers where channel = ?", (VOICE,))]
        self.facts = stored_facts(database)
        self.connected = [one for one in offers if one["connected_at"] is not None]
        self.talks = [one for one in self.connected if one["talk_s"] is not None]
        self.complete = [one for one in self.talks if one["reason"] != "transfer"]
        self.closed = [one for one in offers if one["state"] in ("timeout", "rejected", "canceled", "rescinded")]

    def of(self, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield facts of these kinds, of calls where a channel is named, with their fields."""
        return ((kind, body) for kind, body in self.facts
                if kind in kinds and body.get("channel", VOICE) == VOICE)

    def outcomes(self, *wanted: str) -> Sums:
        """Return the contacts with these outcomes by service."""
        return Counter(one["service"] for one in self.contacts if one["outcome"] in wanted)

    def moved(self, *reasons: str) -> Sums:
        """Return the contacts that left each service for these reasons. During a consult transfer the caller is not
        queued yet."""
        found: Sums = Counter()
        asking = set()
        for kind, body in self.of("Moved", "ConsultStarted", "ConsultCancelled", "ConsultCompleted"):
            if kind == "ConsultStarted":
                asking.add(body["contact"])
            elif kind != "Moved":
                asking.discard(body["contact"])
            elif body["reason"] in reasons and body["contact"] not in asking:
                found[body["before"]] += 1
        return found

    def left(self, *, needless: bool) -> Sums:
        """Return by service the callers who left by key, or whom a later call or a supervisor made unnecessary."""
        return Counter(body["service"] for _, body in self.of("Ended")
                       if body["outcome"] == "left" and (body["key"] in NEEDLESS) is needless)

    def sent(self) -> Sums:
        """Return by service the callers whom agents transferred to it."""
        return Counter(body["to"] for kind, body in self.of("TalkEndedRecorded", "ConsultCompleted")
                       if body["to"] is not None and body["by"] == "transfer")

    def spent(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return the seconds for which agents were signed in and away until now, for times that are over."""
        here: dict[str, float] = defaultdict(float)
        away: dict[str, float] = defaultdict(float)
        came: dict[str, float] = {}
        left: dict[str, float] = {}
        for _, body in self.of("AgentChanged"):
            agent, at, before, after = body["agent"], body["at"], body["before"], body["state"]
            if not body["services"]:
                continue
            if before == "signed_out" != after:
                came[agent] = at
            if after in ("paused", "not_responding"):
                left.setdefault(agent, at)
            elif agent in left:
                away[agent] += at - left.pop(agent)
            if after == "signed_out" and agent in came:
                here[agent] += at - came.pop(agent)
        return here, away


def differences(text: str, database: Path) -> list[str]:
    """Return the places where a reader of this text disagrees with this store."""
    store, lines = Store(database), text.splitlines()
    with closing(Asternic()) as reader:
        return [*_asternic(reader, store, lines), *_queuemetrics(store, lines)]


def _seconds(value: float) -> int:
    """Return whole seconds of a row or a fact. Rows have more digits than facts, which queue_log follows."""
    return int(round_stored(value))


def _same(what: str, wanted: Any, found: Any) -> Iterator[str]:  # Any: counts of any shape
    if wanted != found:
        yield f"{what}: store {wanted}, reader {found}"


def _asternic(reader: Asternic, store: Store, lines: list[str]) -> Iterator[str]:
    reader.parse(lines)
    yield from _same("asternic dropped", [], [one for one in reader.dropped if "|QUEUESTART|" not in one])
    answered = reader.answered()
    yield from _same("asternic answered", Counter(one["service"] for one in store.complete),
                     Counter({queue: calls for queue, (calls, _, _) in answered.items()}))
    yield from _same("asternic talk", sum(_seconds(one["talk_s"]) for one in store.complete),
                     sum(talk for _, _, talk in answered.values()))
    yield from _same("asternic hold", sum(
        _seconds(body["wait_s"]) for kind, body in store.of("TalkEndedRecorded", "ConsultCompleted")
        if body["by"] != "transfer"),
        sum(hold for _, hold, _ in answered.values()))
    yield from _same("asternic agents", Counter(one["agent"] for one in store.complete), Counter(reader.by_agent()))
    level = [0] * (len(STEPS) + 1)
    for _, body in store.of("Connected"):
        level[sum(_seconds(body["wait_s"]) > step for step in STEPS)] += 1
    yield from _same("asternic level", level, reader.level())
    if any("|TRANSFER|" in line for line in lines):
        yield from _same("asternic transferred", Counter({f"{to}@santral": many for to, many in store.sent().items()}),
                         Counter(reader.transferred()))
    unanswered = reader.unanswered()
    gone = store.outcomes("abandoned", "abandoned_short")
    yield from _same("asternic abandoned", gone,
                     +Counter({queue: many for queue, (many, _, _) in unanswered.items()}))
    yield from _same("asternic timed out", store.outcomes(
        "fallback", "callback_failed", "pbx_failure", "turned_away") + store.moved(*RULES),
        +Counter({queue: many for queue, (_, _, many) in unanswered.items()}))
    yield from _same("asternic abandoned after", sum(
        _seconds(one["wait_s"]) for one in store.contacts if one["outcome"] in ("abandoned", "abandoned_short")),
        sum(waits for _, waits, _ in unanswered.values()))


def _queuemetrics(store: Store, lines: list[str]) -> Iterator[str]:
    reader = QueueMetrics()
    reader.load(line for line in lines if "|TRANSFER|" not in line)
    yield from _same("queuemetrics odd", [], reader.odd)
    taken, lost = reader.taken(), reader.lost()
    yield from _same("queuemetrics taken", Counter((one["service"], one["agent"]) for one in store.talks),
                     Counter((one.queue, one.taken_by) for one in taken))
    yield from _same("queuemetrics talk", sum(_seconds(one["talk_s"]) for one in store.talks),
                     sum(one.talk_s for one in taken))
    yield from _same("queuemetrics sent on", len(store.talks) - len(store.complete),
                     sum(one.end.endswith("TRANSFER") for one in taken))
    yield from _same("queuemetrics under way", len(store.connected) - len(store.talks),
                     sum(bool(one.taken_by) and not one.end for one in reader.records))
    verbs = {
        "ABANDON": store.outcomes("abandoned", "abandoned_short"),
        "EXITWITHTIMEOUT": store.outcomes("fallback", "callback_failed", "pbx_failure", "turned_away")
        + store.moved(*RULES),
        "EXITWITHKEY": store.left(needless=False) + store.moved("chosen"), "WITHDRAW": store.left(needless=True)}
    for verb, wanted in verbs.items():
        yield from _same(f"queuemetrics {verb}", wanted, Counter(one.queue for one in lost if one.end == verb))
    held_s, holds = sum(one["held_s"] for one in store.talks), len(list(store.of("HoldSetRecorded")))
    found_s = sum(one.holds_s for one in taken)
    # A talk that ended on hold while the node was away ends here when that is known: the store has its true end.
    killed = sum("|QUEUESTART|" in line for line in lines) > STARTS
    if found_s < held_s - holds or (found_s > held_s + holds and not killed):
        yield f"queuemetrics hold: store {held_s}, reader {found_s}"
    yield from _rings(store, reader)
    own: Sums = Counter(verb for one in reader.records for verb, *_ in one.own)
    yield from _same("queuemetrics own verbs", Counter(
        "CALLBACKASKED" if body["reason"] == "requested" else "CALLBACKFAILED" if body["callback"]
        else "CALLBACKREACHED"
        for _, body in store.of("CallbackChanged") if body["reason"] != "time_chosen")
        + Counter("SURVEY" for _ in store.of("SurveyAnsweredRecorded")),
        own)
    for what, wanted_s, reader_s in zip(("session", "pause"), store.spent(), (reader.sessions_s, reader.pauses_s),
                                        strict=True):
        for agent, seconds in wanted_s.items():
            if abs(seconds - reader_s[agent]) > NEAR_S:
                yield f"queuemetrics {what} of an agent: store {seconds:.1f}, reader {reader_s[agent]}"


def _rings(store: Store, reader: QueueMetrics) -> Iterator[str]:
    """Yield differences in rings. Of several rings in one second only one line remains."""
    for verb, states in zip(MISSED, (("timeout", "rejected"), ("canceled", "rescinded"), ("rejected",)), strict=True):
        closed = [one for one in store.closed if one["state"] in states
                  and (one["reason"] == "pre_connect_hangup") is (verb == "AGENTDUMP")]
        most, least = len(closed), len({(one["contact"], one["agent"], one["service"]) for one in closed})
        found = sum(many for (_, what), many in reader.rings.items() if what == verb)
        if not least <= found <= most:
            yield f"queuemetrics {verb}: store {least} to {most}, reader {found}"
