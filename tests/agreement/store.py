"""The store: rows and facts in SQLite. It is the measure."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

from lab.people import node_records
from tests.agreement.stored_facts import stored_facts
from tests.agreement.told import CALLBACKS, ENDS, MOVES, VOICE, Sums, Told, say
from tests.agreement.ways import ways_of

STORE = frozenset({
    "offered", *ENDS, "all abandoned", "in service level",
    "still", *(f"moved {reason}" for reason in MOVES), "moved on", "within",
    "answered_wait_s", "abandoned_wait_s", "talks", "talk_s", "hold_s", "wrapup_s", "sent on", "transfers",
    "offers missed", "offers taken away", "callbacks", "callbacks reached", "callbacks failed",
    *(f"callback {reason}" for reason in CALLBACKS), "callback dialled", "surveys", "survey cared", "survey solved"})


def of_store(database: Path) -> Told:
    """Return the figures of the store. Rows give the ends of contacts and offers, facts the way through the queues."""
    sums: Sums = Counter()
    facts = stored_facts(database)
    _, ways, within, callbacks = ways_of(facts)
    rows = {row["contact"]: row for row in node_records.query_store(
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
        sums[end, "in service level"] += outcome == "answered" or outcome.startswith(("abandoned", "turned"))
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
    closed: dict[int, list[str]] = {}
    for kind, body in facts:
        if kind == "OfferClosed":
            closed.setdefault(body["offer"], []).append(body["state"])
    for row in node_records.query_store(database, "select * from offers"):
        place, end = (row["service"], row["channel"]), rows[row["contact"]]
        # An offer whose talk is found is opened again. The row has its last state, and the facts have each.
        states = closed.get(row["offer"], [])
        states = states if row["state"] in states[-1:] else [*states, row["state"]]
        sums[place, "offers missed"] += sum(state in ("timeout", "rejected") for state in states)
        sums[place, "offers taken away"] += sum(state in ("canceled", "rescinded") for state in states)
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
        elif kind == "SurveyAnsweredRecorded":
            say(sums, (body["service"], VOICE), body["question"], body["answer"])
    return Told("store", STORE, sums)
