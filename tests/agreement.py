"""What each of those who tell of contacts says, in one shape, and whether they agree to the call.

`of_store` is the measure: rows and facts as SQLite has them. `of_metrics`, `of_queue_log`, `of_mqtt`, `of_report` and
`of_export` read one projection each, by its documents alone, and share no code with what wrote it. A figure belongs to
a service, a channel and a name; what a source cannot say it does not say, and what it says of all channels or services
together is compared with the sum.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from lab import records
from lab.records import Line, Sample
from metrics.figures import Figures
from metrics.past import rules
from metrics.period import Period
from metrics.recorder import Recorder
from metrics.report import Report, read
from routing.core.inbox import Status
from santral.journal import open_facts, open_past

VOICE = "voice"
SHORT_S = 5
"""Who hangs up before is no abandoned caller: `short_abandon_s` of every service of the default centre."""
ENDS = ("answered", "abandoned", "abandoned_short", "overflow", "left", "pbx_failure", "callback_failed")
MOVES = ("overflow", "full", "closed", "chosen", "transfer")
CALLBACKS = ("asked", "reached", "no_answer", "busy", "refused", "no_key", "failed", "stale")

Place = tuple[str, str]
"""Service and channel; empty: all of them together."""
Sums = Counter[tuple[Place, str]]
"""Of a place and a figure."""

ABOUT = {"talk_s": "talks", "answered_wait_s": "answered", "abandoned_wait_s": "all abandoned"}
"""Seconds, and of how many things they are the sum: who writes whole seconds is so much short at most."""
NEAR = 1e-6
"""Sums of the same floats in another order."""


class Told(NamedTuple):
    """What one source says."""

    source: str
    says: frozenset[str]
    """Its figures; those it has none of are nought."""
    sums: Sums
    place: Callable[[Place], Place | None] = lambda place: place
    """Where it puts what happened there; None: it does not tell of that."""
    whole: bool = False
    """Whole seconds, cut off."""


def differences(measure: Told, others: Iterable[Told]) -> list[str]:
    """What the others say otherwise; none: all agree."""
    found = []
    for other in others:
        wanted: Sums = Counter()
        for (where, name), value in measure.sums.items():
            place = other.place(where)
            if place is not None and name in other.says:
                wanted[place, name] += value
        for place, name in sorted({*wanted, *(key for key in other.sums if key[1] in other.says)}):
            ours, theirs = wanted[place, name], other.sums[place, name]
            slack = sum(value for (where, what), value in measure.sums.items()
                        if what == ABOUT.get(name) and other.place(where) == place) if other.whole else 0.0
            if not -NEAR * max(1.0, abs(ours)) <= ours - theirs <= slack + NEAR * max(1.0, abs(ours)):
                found.append(f"{'/'.join(place)}: {name}: {measure.source} {ours:g}, {other.source} {theirs:g}")
        assert other.says <= measure.says, f"nobody measures {sorted(other.says - measure.says)}"
    return found


def agree(measure: Told, *others: Told) -> None:
    """Every figure of the others is the measure's."""
    found = differences(measure, others)
    assert not found, "they do not agree:\n" + "\n".join(found)


def by_service(place: Place) -> Place:
    """All channels together."""
    return place[0], ""


def everything(place: Place) -> Place:
    """All services together."""
    return "", ""


def voice(place: Place) -> Place | None:
    """Nothing but calls."""
    return place if place[1] == VOICE else None


# -- the store: the measure ------------------------------------------------------------------------------------------

STORE = frozenset({
    "offered", *ENDS, "all abandoned", "still", *(f"moved {reason}" for reason in MOVES), "moved on", "within",
    "answered_wait_s", "abandoned_wait_s", "talks", "talk_s", "hold_s", "wrapup_s", "sent on", "transfers",
    "offers missed", "offers taken away", "callbacks", "callbacks reached", "callbacks failed",
    *(f"callback {reason}" for reason in CALLBACKS), "callback dialled", "surveys", "survey cared", "survey solved"})


def of_store(database: Path) -> Told:
    """Rows tell how each contact and offer ended; facts tell the way through the queues."""
    sums: Sums = Counter()
    facts = [(row["kind"], json.loads(row["body"])) for row in records.rows(
        database, "select kind, body from facts order by seq")]
    _, ways, within, callbacks = _ways(facts)
    rows = {row["contact"]: row for row in records.rows(
        database, "select contact, service, channel, outcome, wait_s from contacts")}
    assert set(rows) == set(ways), "a contact is a row, and began with a fact"
    for contact, row in rows.items():
        way = ways[contact]
        end = (way[-1][0], row["channel"])
        assert row["outcome"] is None or way[-1][0] == row["service"], f"{contact} ended in {row['service']}: {way}"
        for service, _ in way:
            sums[(service, row["channel"]), "offered"] += 1
        for (before, _), (_, reason) in pairwise(way):
            sums[(before, row["channel"]), f"moved {reason}"] += 1
            sums[(before, row["channel"]), "moved on"] += 1
        outcome = row["outcome"] or "still"
        sums[end, outcome] += 1
        if outcome == "answered":
            sums[end, "within"] += within[contact]
            sums[end, "answered_wait_s"] += row["wait_s"]
        elif outcome.startswith("abandoned"):
            sums[end, "all abandoned"] += 1
            sums[end, "abandoned_wait_s"] += row["wait_s"]
        if contact in callbacks:
            sums[end, "callbacks"] += 1
            sums[end, "callbacks reached"] += callbacks[contact] == "reached" and outcome != "callback_failed"
            sums[end, "callbacks failed"] += outcome == "callback_failed"
    for row in records.rows(database, "select * from offers"):
        place, end = (row["service"], row["channel"]), rows[row["contact"]]
        sums[place, "offers missed"] += row["state"] in ("timeout", "rejected")
        sums[place, "offers taken away"] += row["state"] in ("canceled", "rescinded")
        if row["connected_at"] is not None and row["talk_s"] is not None:
            sums[place, "talks"] += 1
            sums[place, "talk_s"] += row["talk_s"]
            sums[place, "hold_s"] += row["held_s"]
            sums[place, "wrapup_s"] += row["wrapup_s"] or 0.0
            sums[place, "sent on"] += row["reason"] == "transfer"
            sums[(ways[row["contact"]][-1][0], end["channel"]), "transfers"] += row["reason"] == "transfer"
    for kind, body in facts:
        if kind == "CallbackChanged":
            sums[(body["service"], VOICE), f"callback {body['reason']}"] += 1
        elif kind == "CallbackDialled":
            sums[(body["service"], VOICE), "callback dialled"] += 1
        elif kind == "Surveyed":
            _say(sums, (body["service"], VOICE), body["question"], body["answer"])
    return Told("store", STORE, sums)


def _say(sums: Sums, place: Place, question: str, answer: int, times: float = 1) -> None:
    sums[place, "surveys"] += times * (question == "asked")
    sums[place, "survey cared"] += times * answer * (question == "cared")
    sums[place, "survey solved"] += times * answer * (question == "solved")


def _ways(facts: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[
        dict[str, str], dict[str, list[tuple[str, str]]], dict[str, bool], dict[str, str]]:
    """Of each contact its channel, the queues it went through with the reason of each, whether it was answered within
    the target, and what came of a callback. While an agent asks somebody the caller is theirs: only who is given over
    has gone on. An id that Asterisk gives again names the later contact; the row of the earlier one is called
    `<id>~<number of the fact with which the later one came>`."""
    channel: dict[str, str] = {}
    ways: dict[str, list[tuple[str, str]]] = {}
    asking: set[str] = set()
    within: dict[str, bool] = {}
    callbacks: dict[str, str] = {}
    for kind, body in facts:
        contact = body.get("contact")
        if kind == "Queued":
            for known in (channel, ways, within, callbacks):
                if contact in known:
                    known[f"{contact}~{body.get('seq', body.get('id'))}"] = known.pop(contact)  # type: ignore[attr-defined]
            channel[contact], ways[contact] = body["channel"], [(body["service"], "")]
        elif kind == "Consulting":
            asking.add(contact)
        elif kind == "Returned":
            asking.discard(contact)
        elif kind == "Introduced":
            asking.discard(contact)
            if body["by"] == "transfer" and body["to"] != ways[contact][-1][0]:
                ways[contact].append((body["to"], "transfer"))
        elif kind == "Moved" and contact not in asking:
            ways[contact].append((body["service"], body["reason"]))
        elif kind == "Connected":
            within.setdefault(contact, body["within"])
        elif kind == "CallbackChanged" and body["reason"] in ("asked", "reached"):
            callbacks[contact] = body["reason"]
    return channel, ways, within, callbacks


# -- /metrics --------------------------------------------------------------------------------------------------------

METRICS = frozenset({"offered", *ENDS, "all abandoned", "within", "answered_wait_s", "abandoned_wait_s", "talks",
                     "talk_s", "hold_s", "wrapup_s"})
METRICS_BY_QUEUE = frozenset({
    "moved on", *(f"moved {reason}" for reason in MOVES), "offers missed", "offers taken away", "callback dialled",
    *(f"callback {reason}" for reason in CALLBACKS), "surveys", "survey cared", "survey solved"})
RESULTS = {"ring_no_answer": "offers missed", "rejected": "offers missed", "cancelled": "offers taken away",
           "rescinded": "offers taken away"}


def of_metrics(found: Sequence[Sample]) -> list[Told]:
    """A page that was scraped: what has a channel in its labels, and what has none."""
    sums: Sums = Counter()
    for one in found:
        labels = one.labels
        if "queue" not in labels:
            continue
        place, queue = (labels["queue"], labels.get("channel", "")), (labels["queue"], "")
        outcome, phase = labels.get("outcome", ""), labels.get("phase", "")
        match one.name:
            case "acd_contacts_offered_total":
                sums[place, "offered"] += one.value
            case "acd_contacts_total":
                sums[place, outcome] += one.value
                sums[place, "all abandoned"] += one.value * outcome.startswith("abandoned")
            case "acd_sla_contacts_total":
                sums[place, "within"] += one.value * (labels["within"] == "true")
            case "acd_queue_wait_seconds_sum" if outcome.startswith(("answered", "abandoned")):
                sums[place, f"{outcome.removesuffix('_short')}_wait_s"] += one.value
            case "acd_handle_seconds_count" if phase == "talk":
                sums[place, "talks"] += one.value
            case "acd_handle_seconds_sum" if phase in ("talk", "hold", "wrapup"):
                sums[place, "talk_s"] += one.value * (phase != "wrapup")
                sums[place, f"{phase}_s"] += one.value * (phase != "talk")
            case "acd_contacts_moved_total":
                sums[queue, "moved on"] += one.value
                sums[queue, f"moved {labels['reason']}"] += one.value
            case "acd_offers_total" if labels["result"] in RESULTS:
                sums[queue, RESULTS[labels["result"]]] += one.value
            case "acd_callbacks_total":
                sums[queue, f"callback {labels['result']}"] += one.value
            case "acd_survey_answers_total":
                _say(sums, queue, labels["question"], int(labels["answer"]), one.value)
    return [Told("/metrics", METRICS, sums), Told("/metrics", METRICS_BY_QUEUE, sums, by_service)]


# -- queue_log -------------------------------------------------------------------------------------------------------

QUEUE_LOG = frozenset({
    "offered", "answered", "abandoned", "abandoned_short", "all abandoned", "moved chosen", "moved transfer",
    "moved on", "left", "answered_wait_s", "abandoned_wait_s", "talks", "talk_s", "sent on", "callback asked",
    "callback reached", "offers missed", "offers taken away"})
SENT_ON = ("BLINDTRANSFER", "ATTENDEDTRANSFER")
COMPLETE = ("COMPLETECALLER", "COMPLETEAGENT")
EXITS = ("ABANDON", "EXITWITHKEY", "WITHDRAW", "EXITWITHTIMEOUT", "EXITEMPTY")


class Visit(NamedTuple):
    """A call in one queue, from ENTERQUEUE on."""

    queue: str
    lines: list[Line]

    @property
    def end(self) -> Line | None:
        """The line that closed it; None: it is open."""
        return next((line for line in reversed(self.lines) if line.event in (*COMPLETE, *SENT_ON, *EXITS)), None)


def visits(lines: Iterable[Line]) -> dict[str, list[Visit]]:
    """Of each call, in order."""
    found: dict[str, list[Visit]] = defaultdict(list)
    for line in lines:
        if line.contact in ("NONE", "MANAGER"):
            continue
        if line.event == "ENTERQUEUE":
            found[line.contact].append(Visit(line.queue, []))
        if line.contact in found:  # a survey's lines come after the last visit
            found[line.contact][-1].lines.append(line)
    return found


def of_queue_log(lines: Iterable[Line], short_s: int = SHORT_S) -> Told:
    """A call that comes back into the queue in which its talk was cut, or is sent on to somebody of it, is not offered
    anew."""
    sums: Sums = Counter()
    for stay in visits(lines).values():
        before: Visit | None = None
        for visit, after in zip(stay, [*stay[1:], None], strict=True):
            ended = None if before is None else before.end
            again = before is not None and before.queue == visit.queue and ended is not None \
                and ended.event not in EXITS
            sums[(visit.queue, VOICE), "offered"] += not again
            _of_visit(sums, (visit.queue, VOICE), visit, after, short_s)
            before = visit
    return Told("queue_log", QUEUE_LOG, sums, voice, whole=True)


def _of_visit(sums: Sums, place: Place, visit: Visit, after: Visit | None, short_s: int) -> None:
    wait_s = 0
    for line in visit.lines:
        name = {"RINGNOANSWER": "offers missed", "RINGCANCELED": "offers taken away",
                "CALLBACKASKED": "callback asked", "CALLBACKREACHED": "callback reached"}.get(line.event)
        if name is not None:
            sums[(line.queue, VOICE), name] += 1
        elif line.event == "CONNECT":
            wait_s = int(line.data[0])
    end = visit.end
    if end is None:
        return
    if end.event in (*COMPLETE, *SENT_ON):
        sums[place, "talks"] += 1
        sums[place, "talk_s"] += int(end.data[1 if end.event in COMPLETE else 3])
        sums[place, "sent on"] += end.event in SENT_ON
        if after is None:
            sums[place, "answered"] += 1
            sums[place, "answered_wait_s"] += wait_s
        elif after.queue != visit.queue:
            sums[place, "moved transfer"] += 1
            sums[place, "moved on"] += 1
    elif after is not None:
        sums[place, "moved chosen"] += end.event == "EXITWITHKEY"
        sums[place, "moved on"] += 1
    elif end.event == "ABANDON":
        wait_s = int(end.data[2])
        sums[place, "abandoned_short" if wait_s < short_s else "abandoned"] += 1
        sums[place, "all abandoned"] += 1
        sums[place, "abandoned_wait_s"] += wait_s
    else:
        sums[place, "left"] += end.event in ("EXITWITHKEY", "WITHDRAW")


# -- MQTT ------------------------------------------------------------------------------------------------------------

MQTT = STORE - {"wrapup_s", "callbacks", "callbacks reached", "callbacks failed", "transfers"}


def of_mqtt(heard: Iterable[Mapping[str, Any]]) -> Told:
    """Events of `acd/v1/events/#`, counted by id: the same number twice is the same message again."""
    events = sorted({event["id"]: event for event in heard}.values(), key=lambda event: event["id"])
    sums: Sums = Counter()
    channel, ways, _, _ = _ways((event["kind"], event) for event in events)
    within: dict[str, bool] = {}
    for contact, way in ways.items():
        for service, _ in way:
            sums[(service, channel[contact]), "offered"] += 1
        for (before, _), (_, reason) in pairwise(way):
            sums[(before, channel[contact]), f"moved {reason}"] += 1
            sums[(before, channel[contact]), "moved on"] += 1
        sums[(way[-1][0], channel[contact]), "still"] += 1
    for event in events:
        kind, place = event["kind"], (event.get("service", ""), event.get("channel", VOICE))
        if kind == "Surveyed":
            _say(sums, place, event["question"], event["answer"])
        elif kind == "Connected":
            within.setdefault(event["contact"], event["within"])
        elif kind == "Ended":
            _end(sums, place, event["outcome"], event["wait_s"])
            sums[place, "still"] -= 1
            sums[place, "within"] += within.pop(event["contact"], False) and event["outcome"] == "answered"
        elif kind in ("TalkOver", "Introduced"):
            sums[place, "talks"] += 1
            sums[place, "talk_s"] += event["talk_s"]
            sums[place, "hold_s"] += event["held_s"]
            sums[place, "sent on"] += event["by"] == "transfer"
        elif kind == "OfferClosed":
            sums[place, "offers missed" if event["state"] in ("timeout", "rejected") else "offers taken away"] += 1
        elif kind == "CallbackChanged":
            sums[place, f"callback {event['reason']}"] += 1
        elif kind == "CallbackDialled":
            sums[place, "callback dialled"] += 1
    return Told("MQTT", MQTT, sums)


def _end(sums: Sums, place: Place, outcome: str, wait_s: float) -> None:
    sums[place, outcome] += 1
    if outcome == "answered":
        sums[place, "answered_wait_s"] += wait_s
    elif outcome.startswith("abandoned"):
        sums[place, "all abandoned"] += 1
        sums[place, "abandoned_wait_s"] += wait_s


# -- reports and exports ---------------------------------------------------------------------------------------------

REPORT = frozenset({
    "offered", "answered", "all abandoned", "abandoned_short", "still", "moved on", "within", "answered_wait_s",
    "abandoned_wait_s", "talks", "talk_s", "hold_s", "wrapup_s", "transfers", "callbacks", "callbacks reached",
    "callbacks failed", "surveys", "survey cared", "survey solved"})


def of_report(report: Report) -> Told:
    """As `metrics.report.read` gives it, by service; that its total and its parts are the same is asked as well."""
    sums: Sums = Counter()
    for service, figures in report.services.items():
        _figures(sums, (service, ""), figures)
    for name, value in _total(figures for _, figures in report.parts).items():
        assert abs(value - _total(report.services.values())[name]) < NEAR * max(1.0, value), name
        assert abs(value - _total([report.total])[name]) < NEAR * max(1.0, value), name
    for service, answers in report.surveys.items():
        place = (str(service), "")
        sums[place, "surveys"] = answers.asked
        sums[place, "survey cared"] = sum(key * many for key, many in answers.cared.items())
        sums[place, "survey solved"] = answers.solved[True]
    return Told("report", REPORT, sums, by_service)


def _figures(sums: Sums, place: Place, one: Figures) -> None:
    for name, value in {
            "offered": one.offered, "answered": one.answered, "all abandoned": one.abandoned,
            "abandoned_short": one.short, "still": one.still, "moved on": one.moved, "within": one.within,
            "answered_wait_s": sum(one.waits), "abandoned_wait_s": sum(one.gave_up), "talks": one.talks,
            "talk_s": one.talk_s + one.hold_s, "hold_s": one.hold_s, "wrapup_s": one.wrapup_s,
            "transfers": one.transfers, "callbacks": one.asked, "callbacks reached": one.reached,
            "callbacks failed": one.failed}.items():
        sums[place, name] += value


def _total(parts: Iterable[Figures]) -> Counter[str]:
    sums: Sums = Counter()
    for one in parts:
        _figures(sums, ("", ""), one)
    return Counter({name: value for (_, name), value in sums.items()})


REPORT_CSV = REPORT - {"surveys", "survey cared", "survey solved"}


def of_report_csv(path: Path) -> Told:
    """Its lines of whole services (`--csv`): the last one of each, behind those of half hours."""
    sums: Sums = Counter()
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["service"]: row for row in csv.DictReader(file)}
    del rows[""]
    for service, row in rows.items():
        one = {name: float(value or 0.0) for name, value in row.items() if name not in ("from", "to", "service")}
        for name, value in {
                "offered": one["offered"], "answered": one["answered"], "all abandoned": one["abandoned"],
                "abandoned_short": one["short"], "still": one["still"], "moved on": one["moved"],
                "within": one["within"], "answered_wait_s": one["asa_s"] * one["answered"],
                "abandoned_wait_s": one["abandon_wait_s"] * one["abandoned"], "talks": one["talks"],
                "talk_s": one["talk_s"] + one["hold_s"], "hold_s": one["hold_s"], "wrapup_s": one["wrapup_s"],
                "transfers": one["transfers"], "callbacks": one["callbacks"],
                "callbacks reached": one["callbacks_reached"], "callbacks failed": one["callbacks_failed"]}.items():
            sums[(service, ""), name] = value
    return Told("report CSV", REPORT_CSV, sums, by_service)


EXPORT = frozenset({"offered", *ENDS, "all abandoned", "still", "moved on", "within", "answered_wait_s",
                    "abandoned_wait_s", "transfers", "callbacks", "callbacks reached", "callbacks failed"})
EXPORT_TALKS = frozenset({"talks", "talk_s", "hold_s", "wrapup_s"})


def of_export(path: Path) -> list[Told]:
    """The CSV of `santral export contacts`. A contact's talks stand in one line whatever services they were in: they
    are compared for all services together."""
    sums: Sums = Counter()
    talks: Sums = Counter()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            place = (row["service"], row["channel"])
            way = row["services"].split(">")
            assert way[-1] == row["service"]
            for service in way:
                sums[(service, row["channel"]), "offered"] += 1
            for service in way[:-1]:
                sums[(service, row["channel"]), "moved on"] += 1
            if row["outcome"]:
                _end(sums, place, row["outcome"], float(row["wait_s"] or 0.0))
            else:
                sums[place, "still"] += 1
            sums[place, "within"] += row["within"] == "true"
            sums[place, "transfers"] += int(row["transfers"])
            sums[place, "callbacks"] += row["callback"] != ""
            sums[place, "callbacks reached"] += row["callback"] == "reached"
            sums[place, "callbacks failed"] += row["callback"] == "failed"
            for name in ("talks", "hold_s", "wrapup_s"):
                talks[("", ""), name] += float(row[name])
            talks[("", ""), "talk_s"] += float(row["talk_s"]) + float(row["hold_s"])
    return [Told("export", EXPORT, sums), Told("export", EXPORT_TALKS, talks, everything)]


def of_the_past(folder: Path) -> None:
    """A state that a node has left behind: what the next one's /metrics would say, and a report of all of it, are what
    the store says. Not of one whose old facts were purged: it tells of later than its rows do."""
    database = folder / "santral.db"
    facts = records.rows(database, "select min(seq) as first, min(at) as began, max(at) as ended from facts")[0]
    if facts["first"] != 1:
        return
    period = Period("interval", facts["began"] - 1.0, facts["ended"] + 1.0, ZoneInfo("UTC"))
    with open_past(str(folder)) as ask, open_facts(str(folder)) as told:
        recorder = Recorder(rules(ask, period.end))
        recorder.remember(list(told))
        found = read(ask, period)
    page = recorder.text(Status(facts["ended"], False, (), (), ())).decode()
    agree(of_store(database), *of_metrics(records.samples(page)), of_report(found))


def never_falls(before: Iterable[Sample], after: Iterable[Sample]) -> Iterator[str]:
    """Counters of what happened in queues and menus that have less in `after`: a scraper would take that for a restart
    from nought. What no fact tells (decisions, links, acknowledgements) does begin anew with a node."""
    known = {(one.name, *sorted(one.labels.items())): one.value for one in after}
    for one in before:
        if {"queue", "flow"} & set(one.labels) and one.name.endswith(("_total", "_count", "_bucket", "_sum")):
            now = known.get((one.name, *sorted(one.labels.items())), 0.0)
            if now < one.value - NEAR:
                yield f"{one.name}{one.labels} fell from {one.value:g} to {now:g}"
