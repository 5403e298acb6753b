"""Check states after a recovery (I5), the numbers of facts and their readers (I6), and who leads at the end (I8)."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from lab.history.evidence import Evidence, Line
from lab.history.findings import Finding
from lab.history.talks import SeenTalks
from routing.core.model.centre_model import ENGAGED_STATES
from routing.core.model.ids import parse_leg_id
from routing.store.lease.lease_row import ROUTER

RIGHT_S = 10.0
"""Time after an event, or after a recovery, within which the engine must know of it."""
QUIET_S = 7.0
"""Longest pause between two acts of a node that works: it pings Asterisk every 5 s."""
FIRST_ACT_S = 1.0
"""A node that wakes first reads what has happened. Its first act, which shows that it is back, comes so much later."""
ORDER_S = 1.0
"""Largest step back between the times of two facts: clocks of two nodes."""
ENTERS, CONNECTS = "ENTERQUEUE", "CONNECT"
"""Lines of queue_log, the reader of facts whose file a lab keeps."""


def check_recovery(found: Evidence, talks: SeenTalks) -> Iterator[Finding]:
    """Yield the findings of I5, I6 and I8."""
    yield from _check_talk_ends(found, talks)
    yield from _check_last_states(found)
    yield from _check_numbers(found)
    yield from _check_queue_log(found)
    yield from _check_leader(found)


def _check_talk_ends(found: Evidence, talks: SeenTalks) -> Iterator[Finding]:
    """Find talks whose end the engine learned too late, counted from the end or from the recovery after it."""
    if not found.clocks_agree:
        return
    offers = {row.get("offer"): row for row in found.offers()}
    learned = {fact.get("offer"): fact for fact in found.facts("TalkEndedRecorded")}
    recoveries = _find_recoveries(found)
    last: dict[int, tuple[float, tuple[str, ...]]] = {}
    for talk in talks.talks:
        if (ids := parse_leg_id(talk.leg)) is not None and talk.ended is not None:
            last[ids[0]] = (talk.ended, talk.lines)
    for offer, (ended, lines) in last.items():
        fact = learned.get(offer)
        if fact is None or offer not in offers or fact.at - ended <= RIGHT_S:
            continue
        back = max((at for at in recoveries if ended <= at <= fact.at + FIRST_ACT_S), default=-inf)
        if fact.at - back > RIGHT_S:
            yield Finding("I5", "state_late", f"agent {offers[offer].get('agent')}", fact.at,
                          f"The engine learned of the end of the talk after {fact.at - ended:.0f} s.",
                          (fact.where, *lines))


def _find_recoveries(found: Evidence) -> list[float]:
    """Return the times at which a node began to answer, logged in to Asterisk, or went on after a pause."""
    times = []
    for process in found.acts:
        before: Line | None = None
        for act in process:
            paused = before is not None and act.get("steady") - before.get("steady") > QUIET_S
            if act.get("act") == "ready" or act.get("action") == "Login" or paused:
                times.append(act.at)
            before = act
    return times


def _check_last_states(found: Evidence) -> Iterator[Finding]:
    """Find agents who are in a call at the end of the history, when there is none."""
    busy = {row.get("agent") for row in found.rows.get("offers", ()) if row.get("ended_at") is None}
    for row in found.rows.get("agents", ()):
        if row.get("state") in ENGAGED_STATES and row.get("agent") not in busy:
            yield Finding("I5", "state_wrong", f"agent {row.get('agent')}", None,
                          f"The agent is {row.get('state')} at the end, without a call.", (row.where,))


def _check_numbers(found: Evidence) -> Iterator[Finding]:
    """Find gaps and repetitions in the numbers of facts, which readers would skip."""
    before: Line | None = None
    for fact in found.facts():
        if before is not None:
            step = fact.get("seq") - before.get("seq")
            if step != 1:
                yield Finding("I6", "fact_missing" if step > 1 else "fact_repeated", f"fact {fact.get('seq')}", fact.at,
                              f"It comes after fact {before.get('seq')}.", (before.where, fact.where))
            if fact.at < before.at - ORDER_S and found.clocks_agree:
                yield Finding("I6", "fact_out_of_order", f"fact {fact.get('seq')}", fact.at,
                              f"It is {before.at - fact.at:.1f} s before fact {before.get('seq')}.",
                              (before.where, fact.where))
        before = fact
    for row in found.rows.get("cursors", ()):
        if before is None or row.get("seq") > before.get("seq"):
            yield Finding("I6", "reader_ahead", f"reader {row.get('name')}", None,
                          f"It has read to fact {row.get('seq')}, which the store lacks.", (row.where,))


def _check_queue_log(found: Evidence) -> Iterator[Finding]:
    """Find contacts whose entry or talk queue_log lacks, or tells in the wrong order."""
    logs = [path for path in found.logs if path.name.endswith("queue_log")]
    if not logs:
        return
    told: dict[tuple[str, str], int] = {}
    for path in logs:
        for text in path.read_text(encoding="utf-8").splitlines():
            fields = text.split("|")
            if len(fields) > 4:
                told.setdefault((fields[1], fields[4]), int(float(fields[0])))
    for fact in found.facts("Queued", "Connected"):
        contact = fact.get("contact")
        event = ENTERS if fact.get("kind") == "Queued" else CONNECTS
        place, entered = told.get((contact, event)), told.get((contact, ENTERS), 0)
        if fact.get("channel") != "voice":
            continue
        if place is None or place < entered:
            yield Finding("I6", "reader_missed", f"contact {contact}", fact.at,
                          f"queue_log has no {event} of it." if place is None else
                          f"queue_log has its {event} before its {ENTERS}.", (fact.where,))


def _check_leader(found: Evidence) -> Iterator[Finding]:
    """Find a history that ends without a node that leads and works."""
    lease = next((row for row in found.rows.get("leases", ()) if row.get("name") == ROUTER), None)
    led = {act.get("epoch"): act for process in found.acts for act in process
           if act.get("act") == "led" and act.get("epoch") is not None}
    ready = {act.get("epoch") for acts in (*found.acts, found.later) for act in acts if act.get("act") == "ready"}
    led_later = {act.get("epoch") for act in found.later if act.get("act") == "led"}
    if lease is None or not led:
        yield Finding("I8", "no_leader", "nodes", None, "No node has led in this history.",
                      () if lease is None else (lease.where,))
        return
    newest = max(led)
    if lease.get("epoch") in led_later:
        # The leader changed while the store was copied, and nobody saw how that ended.
        return
    if lease.get("epoch") != newest:
        yield Finding("I8", "leader_unknown", f"node {lease.get('node')}", None,
                      f"The lease has epoch {lease.get('epoch')}, and the last node that led had {newest}.",
                      (lease.where, led[newest].where))
    elif newest not in ready:
        yield Finding("I8", "not_recovered", f"node {lease.get('node')}", None,
                      "The last node that led never began to answer callers.", (led[newest].where,))
