"""Check that no caller is dropped by us or loses the place in line (I1), and that each arrival has one end (I3)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from lab.history.evidence import Evidence, Line
from lab.history.findings import Finding
from routing.core.callers.menu_outcome import HUNG_UP
from routing.core.model.centre_model import ABANDONS, Outcome

GONE_S = 120.0
"""Time before the end of a call in which Asterisk may have died: its callers notice by their own timers."""
PLACE_S = 1.0
"""Difference of two waits below which their order is not judged: two dialogues may end in either order."""
SPECIAL = frozenset({"ContactChanged", "CallbackChanged", "CallbackDialled", "WayOutOffered", "Stepped", "Moved",
                     "OfferClosed", "ConsultStarted"})
"""Facts after which a rule, a person or an agent may have changed whom a contact waits for, so its order is not
judged."""


def check_arrivals(found: Evidence) -> Iterator[Finding]:
    """Yield the findings of I1 and I3."""
    yield from _check_rows(found)
    yield from _check_callers(found)
    yield from _check_order(found)


def _check_rows(found: Evidence) -> Iterator[Finding]:
    """Compare rows of contacts with their facts, and with the channels that anybody has seen."""
    contacts = found.contacts()
    ends: dict[str, list[Line]] = {}
    for fact in found.facts("Ended"):
        ends.setdefault(fact.get("contact"), []).append(fact)
    known = {line.get("id") for lines in (found.box, found.seen) for line in lines} | {
        act.get("contact") for process in found.acts for act in process}
    # 1. Each row has one end, and the fact of it says the same.
    for contact, row in contacts.items():
        subject, told = f"contact {contact}", ends.get(contact, [])
        lines = (row.where, *(fact.where for fact in told))
        if row.get("outcome") is None:
            yield Finding("I3", "end_missing", subject, row.get("queued_at"), "The contact has no outcome.", lines)
        elif len(told) != 1:
            yield Finding("I3", "ends_wrong", subject, row.get("ended_at"),
                          f"The contact has the outcome {row.get('outcome')} and {len(told)} facts of its end.", lines)
        elif told[0].get("outcome") != row.get("outcome"):
            yield Finding("I3", "ends_differ", subject, row.get("ended_at"),
                          f"Its row says {row.get('outcome')}, and its fact {told[0].get('outcome')}.", lines)
        # 2. A record of a call that never was.
        if row.get("channel") == "voice" and row.get("queued_at") >= found.began and contact not in known:
            yield Finding("I3", "record_of_nobody", subject, row.get("queued_at"),
                          "No witness, black box or dialogue has seen the channel of this contact.", (row.where,))
    # 3. Facts of a contact without a row.
    for fact in found.facts("Queued"):
        if fact.get("contact") not in contacts:
            yield Finding("I3", "record_missing", f"contact {fact.get('contact')}", fact.at,
                          "The contact came into a queue and has no row.", (fact.where,))


def _check_callers(found: Evidence) -> Iterator[Finding]:
    """Compare each caller's own line with the record of the call."""
    contacts = found.contacts()
    menus = {fact.get("contact"): fact for fact in found.facts("MenuEndedRecorded")}
    for caller in found.callers:
        contact = caller.get("contact")
        if not contact or caller.get("answered") is None:
            continue
        subject, row, menu = f"contact {contact}", contacts.get(contact), menus.get(contact)
        if row is None and menu is None:
            yield Finding("I3", "arrival_unrecorded", subject, caller.get("dialled"),
                          "A caller was answered, and neither a contact nor a path through the menu is recorded.",
                          (caller.where,))
            continue
        if not caller.get("cut"):
            continue
        if row is None and menu is not None and menu.get("outcome") == HUNG_UP:
            yield Finding("I1", "caller_dropped", subject, caller.get("ended"),
                          "The line was cut from our side in the menu, and the record says that the caller hung up.",
                          (caller.where, menu.where))
        elif row is not None and row.get("outcome") in ABANDONS:
            yield Finding("I1", "caller_dropped", subject, caller.get("ended"),
                          f"The line was cut from our side, and the record says {row.get('outcome')}.",
                          (caller.where, row.where))
    # The end of Asterisk excuses no other contact than those of that moment.
    for contact, row in contacts.items():
        if row.get("outcome") == Outcome.FAILURE and not found.away(row.get("ended_at") - GONE_S,
                                                                  row.get("ended_at") + GONE_S):
            yield Finding("I1", "caller_dropped", f"contact {contact}", row.get("ended_at"),
                          "The record blames Asterisk, and the witness saw it all the time.", (row.where,))


def _check_order(found: Evidence) -> Iterator[Finding]:
    """Find callers who were offered before somebody who had waited longer for the same service.

    Only contacts are compared that no rule, person or agent has treated in a special way.
    """
    special = {fact.get("contact") for fact in found.facts(*SPECIAL)}
    waits: dict[str, list[tuple[float, str, Line]]] = {}
    waiting: dict[str, Line] = {}
    for fact in found.facts("Queued", "Offered", "Ended"):
        contact = fact.get("contact")
        if fact.get("kind") == "Queued":
            if contact not in special and not fact.get("needs") and not fact.get("topics"):
                waiting[contact] = fact
                heapq.heappush(waits.setdefault(fact.get("service"), []),
                               (fact.get("since") - 60.0 * fact.get("priority"), contact, fact))
            continue
        mine = waiting.pop(contact, None)
        if mine is None or fact.get("kind") == "Ended":
            continue
        line = waits[fact.get("service")]
        while line and line[0][1] not in waiting:
            heapq.heappop(line)
        own = mine.get("since") - 60.0 * mine.get("priority")
        if line and line[0][0] < own - PLACE_S and not fact.get("preferred") and not fact.get("tier"):
            yield Finding("I1", "place_lost", f"contact {line[0][1]}", fact.at,
                          f"Contact {contact} came later and was offered first.", (line[0][2].where, mine.where,
                                                                                  fact.where))
