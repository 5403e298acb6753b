"""Check that the records have all that was acknowledged, as others saw it (I4)."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise

from lab.history.evidence import Evidence, Line
from lab.history.findings import Finding
from lab.history.talks import SeenTalk, SeenTalks
from routing.core.model.centre_model import ABANDONS, Outcome
from routing.core.model.ids import parse_leg_id

NEAR_S = 1.0
"""Largest difference of a recorded time from the time that others saw."""
ASK_S = 6.0
"""Longest time from an event to the answer of its request: `routing.runner.ASK_S` with time for its commit."""
HEARD_S = 1.5
"""Shortest talk in which the caller must have heard the agent: a busy machine drops packets."""
SAME_S = 0.002
"""Times of one fact agree to this: the store keeps all digits, and some facts are written in milliseconds."""
AT_ONCE_S = 0.1
"""A caller who hangs up so soon after an answer may not have heard it: the record of the menu is whole then."""
REQUESTS = {"login": "AgentSignedIn", "logout": "AgentSignedOut", "pause": "AgentPaused", "resume": "AgentResumed",
            "wrapup/end": "WrapUpEnded", "wrapup/extend": "WrapUpExtended", "wrapup/request": "WrapUpRequested"}
"""Requests of an agent that are one event of the journal, by the end of their path."""
ROUTE = "POST /api/v1/agents/{id}/"


def check_records(found: Evidence, talks: SeenTalks) -> Iterator[Finding]:
    """Yield the findings of I4."""
    yield from _check_acknowledged(found)
    yield from _check_requests(found)
    yield from _check_versions(found)
    yield from _check_times(found)
    yield from _check_talks(found, talks)
    yield from _check_black_box(found)
    yield from _check_callers(found)


def _check_acknowledged(found: Evidence) -> Iterator[Finding]:
    """Find acts whose offer, contact or last known commit the store does not have."""
    facts = {fact.get("seq"): fact for fact in found.facts()}
    offers = {row.get("offer"): row for row in found.rows.get("offers", ())}
    contacts, menus = found.contacts(), {fact.get("contact") for fact in found.facts("MenuEndedRecorded")}
    left = {line.get("id"): line.at for line in found.box if line.get("event") == "CHAN_END"}
    told: set[int] = set()
    for act in found.acts_in_order():
        # 1. The newest commit that the node knew.
        seq, at = act.get("fact") or (0, 0.0)
        fact = facts.get(seq)
        if seq and seq not in told and (fact is None or abs(fact.at - at) > SAME_S):
            told.add(seq)
            yield Finding("I4", "commit_missing", f"fact {seq}", at, "A node knew this commit, and the store lacks it.",
                          (act.where,))
        # 2. The offer stands in the store before its phone rings.
        ids = parse_leg_id(act.get("channel") or "") if act.get("action") == "Originate" else None
        row = None if ids is None else offers.get(ids[0])
        if ids is not None and (row is None or row.get("contact") != ids[1]):
            yield Finding("I4", "offer_missing", f"offer {ids[0]}", act.at,
                          "A phone was called for an offer that the store lacks.", (act.where,))
        # 3. A caller was led into the hold loop, and has not hung up at that moment.
        contact = act.get("contact")
        if act.get("next") == "hold" and contact not in contacts and not (
                contact in menus and left.get(contact, math.inf) < act.at + AT_ONCE_S):
            yield Finding("I4", "contact_missing", f"contact {contact}", act.at,
                          "A caller was told to hold, and the store lacks the contact.", (act.where,))


def _check_requests(found: Evidence) -> Iterator[Finding]:
    """Find answered requests of agents without their event in the journal."""
    if not found.clocks_agree:
        return
    events: dict[tuple[str, str], list[float]] = {}
    for entry in found.rows.get("journal", ()):
        events.setdefault((entry.get("kind"), entry.get("agent") or ""), []).append(entry.at)
    for act in found.acts_in_order():
        kind = REQUESTS.get((act.get("route") or "").removeprefix(ROUTE))
        if kind is None or not act.get("on"):
            continue
        times = events.get((kind, act.get("on")), [])
        place = bisect_left(times, act.at - ASK_S)
        if place == len(times) or times[place] > act.at + NEAR_S:
            yield Finding("I4", "request_missing", f"agent {act.get('on')}", act.at,
                          f"{act.get('route')} was answered, and the journal has no {kind} for it.", (act.where,))


def _check_versions(found: Evidence) -> Iterator[Finding]:
    """Find contacts and agents whose facts are not one after the other."""
    last: dict[str, tuple[int, Line]] = {}
    for fact in found.facts():
        if fact.get("kind") == "AgentChanged":
            subject, version = f"agent {fact.get('agent')}", fact.get("version")
        else:
            subject, version = f"contact {fact.get('contact')}", fact.get("version") or fact.get("contact_version")
        if version is None:
            continue
        before = last.get(subject)
        if before is not None and version != before[0] + 1:
            yield Finding("I4", "wrong_order", subject, fact.at,
                          f"Its version {version} comes after {before[0]}.", (before[1].where, fact.where))
        last[subject] = (version, fact)


def _check_times(found: Evidence) -> Iterator[Finding]:
    """Find rows that end before they begin."""
    for row in found.rows.get("contacts", ()):
        yield from _check_sequence(row, f"contact {row.get('contact')}", ("queued_at", "ended_at"))
    for row in found.offers():
        yield from _check_sequence(row, f"offer {row.get('offer')}", (
            "offered_at", "rang_at", "connected_at", "talk_ended_at", "ended_at"))


def _check_sequence(row: Line, subject: str, names: tuple[str, ...]) -> Iterator[Finding]:
    known = [(name, float(row.get(name))) for name in names if row.get(name) is not None]
    for (first, began), (second, ended) in pairwise(known):
        if ended < began - SAME_S:
            yield Finding("I4", "end_before_beginning", subject, ended,
                          f"{second} is {began - ended:.3f} s before {first}.", (row.where,))


def _check_talks(found: Evidence, talks: SeenTalks) -> Iterator[Finding]:
    """Compare the talks of the records with those that the witnesses saw."""
    offers = {row.get("offer"): row for row in found.offers()}
    whole: dict[int, tuple[float, float | None, SeenTalk]] = {}
    for talk in talks.talks:
        ids = parse_leg_id(talk.leg)
        if ids is None or ids[1] != talk.contact:
            continue
        row = offers.get(ids[0])
        # 1. The offer is recorded, at the seat where it was talked.
        if row is None:
            yield Finding("I4", "talk_unrecorded", f"offer {ids[0]}", talk.began,
                          "A talk was seen whose offer the store lacks.", talk.lines)
            continue
        if row.get("seat") != talk.seat:
            yield Finding("I4", "talk_elsewhere", f"offer {ids[0]}", talk.began,
                          f"It is recorded at seat {row.get('seat')} and was at seat {talk.seat}.",
                          (row.where, *talk.lines))
        # 2. A talk may have pauses, in which the two are in different bridges.
        began, _, first = whole.get(ids[0], (talk.began, None, talk))
        whole[ids[0]] = (min(began, talk.began), talk.ended, first)
    if not found.clocks_agree:
        return
    for offer, (began, ended, talk) in whole.items():
        row = offers[offer]
        # The engine may learn of an end only later, but the length of the talk must be right.
        connected, talked = row.get("connected_at"), row.get("talk_s")
        over = None if connected is None or talked is None else connected + talked
        for name, at, kept in (("connected_at", began, connected), ("The end by talk_s", ended, over)):
            if at is not None and not found.away(at - NEAR_S, at + NEAR_S) and (
                    kept is None or abs(kept - at) > NEAR_S):
                yield Finding("I4", "time_differs", f"offer {offer}", at,
                              f"{name} is {'missing' if kept is None else f'{abs(kept - at):.1f} s off'}.",
                              (row.where, *talk.lines))


def _check_black_box(found: Evidence) -> Iterator[Finding]:
    """Compare outcomes and ends with Asterisk's CEL file."""
    if not found.box:
        return
    entered: dict[str, Line] = {}
    ended: dict[str, Line] = {}
    for line in found.box:
        if line.get("event") == "BRIDGE_ENTER":
            entered.setdefault(line.get("id"), line)
        elif line.get("event") == "CHAN_END":
            ended[line.get("id")] = line
    connected = {row.get("contact") for row in found.offers() if row.get("connected_at") is not None}
    for contact, row in found.contacts().items():
        if row.get("channel") != "voice" or row.get("queued_at") < found.began or row.get("callback"):
            continue
        bridge, end, outcome = entered.get(contact), ended.get(contact), row.get("outcome")
        # 1. A talk that never was, or one that is not recorded.
        if outcome in (Outcome.ANSWERED, Outcome.FALLBACK) and bridge is None:
            yield Finding("I4", "outcome_contradicted", f"contact {contact}", row.get("ended_at"),
                          f"The outcome is {outcome}, and the black box has no bridge of the caller.", (row.where,))
        if outcome in ABANDONS and bridge is not None and contact not in connected:
            yield Finding("I4", "outcome_contradicted", f"contact {contact}", row.get("ended_at"),
                          f"The outcome is {outcome}, and the black box has a bridge of the caller.",
                          (row.where, bridge.where))
        # 2. A caller who hung up while waiting left when the channel ended.
        if outcome in ABANDONS and end is not None and found.clocks_agree and (
                abs(row.get("ended_at") - end.at) > NEAR_S):
            yield Finding("I4", "time_differs", f"contact {contact}", row.get("ended_at"),
                          f"The recorded end is {abs(row.get('ended_at') - end.at):.1f} s off.", (row.where, end.where))


def _check_callers(found: Evidence) -> Iterator[Finding]:
    """Compare the agents whom each caller heard with those of the records."""
    spoke: dict[str, dict[str, Line]] = {}
    for row in found.offers():
        if row.get("connected_at") is not None:
            for agent in (row.get("agent"), row.get("partner")):
                spoke.setdefault(row.get("contact"), {})[agent] = row
    contacts = found.contacts()
    for caller in found.callers:
        contact, mine = caller.get("contact"), contacts.get(caller.get("contact"))
        if mine is None or not caller.get("recorded") or mine.get("outcome") == Outcome.FALLBACK:
            continue
        recorded = spoke.get(contact, {})
        heard = {one["agent"] for one in caller.get("heard")}
        # 1. Somebody was heard who is not in the records.
        for one in caller.get("heard"):
            if one["agent"] not in recorded:
                yield Finding("I4", "heard_another", f"contact {contact}", one["from"],
                              f"The caller heard agent {one['agent']}, who has no talk with this contact.",
                              (caller.where, mine.where, *(offer.where for offer in recorded.values())))
        # 2. Somebody is in the records who was not heard.
        for agent, talk in recorded.items():
            talked = talk.get("talk_s") or 0.0
            if agent in found.tones and agent not in heard and talked >= HEARD_S:
                yield Finding("I4", "not_heard", f"contact {contact}", talk.get("connected_at"),
                              f"A talk of {talked:.1f} s with agent {agent} is recorded, and the caller did not hear "
                              "the agent.", (caller.where, talk.where))
