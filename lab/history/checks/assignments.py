"""Check that no agent has two calls, no call two agents, and that only the leader acts (I2)."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from lab.history.evidence import Evidence, Line
from lab.history.findings import Finding
from lab.history.talks import SeenTalk, SeenTalks
from routing.core.model.ids import parse_leg_id, parse_partner_leg_id
from routing.core.model.reasons import FOUND

OVERLAP_S = 0.2
"""Overlap of two talks that is none: the events of one moment are seen in any order, by a client that may be late."""
LATE_S = 0.25
"""Time between the comparison with the lease and the line of the history, on a busy machine."""
ACTS = ("ami", "agi", "api")
UNDECIDED = (None, "hold", "bye")
"""Answers that decide nothing: the dialplan itself holds a caller whom no node answers, and leads one to good-bye whose
agent has hung up. A suspended node gives them."""


def check_assignments(found: Evidence, talks: SeenTalks) -> Iterator[Finding]:
    """Yield the findings of I2."""
    yield from _check_offers(found)
    yield from _check_talks(found, talks)
    yield from _check_originates(found)
    yield from _check_epochs(found)


def _check_offers(found: Evidence) -> Iterator[Finding]:
    """Find offers of one agent, or of one contact, that overlap in the records."""
    # An agent who consults a colleague about a caller has an offer besides the colleague's.
    consults = {fact.get("offer") for fact in found.facts("ConsultStarted", "ConsultCompleted", "ConsultCancelled")}
    last: dict[tuple[str, str], tuple[float, Line]] = {}
    for offer in sorted(found.offers(), key=lambda row: float(row.get("offered_at"))):
        ended = _or_endless(offer.get("ended_at"))
        for owner, until in ((("agent", offer.get("agent")), ended),
                             (("contact", offer.get("contact")), min(_or_endless(offer.get("talk_ended_at")), ended))):
            # An offer that another one's talk took back rang while that talk went on unseen. Nobody answered it.
            if owner[0] == "contact" and (offer.get("offer") in consults or offer.get("reason") == FOUND):
                continue
            before = last.get(owner)
            if before is not None and offer.get("offered_at") < before[0]:
                yield Finding("I2", f"{owner[0]}_offered_twice", f"{owner[0]} {owner[1]}", offer.get("offered_at"),
                              f"Offer {offer.get('offer')} began before offer {before[1].get('offer')} had ended.",
                              (before[1].where, offer.where))
            last[owner] = max((until, offer), before or (-inf, offer), key=lambda one: one[0])


def _check_talks(found: Evidence, talks: SeenTalks) -> Iterator[Finding]:
    """Find wrong talks in what the witnesses saw."""
    consults = {fact.get("offer") for fact in found.facts("ConsultStarted", "ConsultCompleted", "ConsultCancelled")}
    for pair in talks.pairs:
        yield Finding("I2", "callers_bridged", f"contact {pair.first}", pair.at,
                      f"The caller was bridged with the caller {pair.second}.", pair.lines)
    last: dict[tuple[str, str], SeenTalk] = {}
    for talk in sorted(talks.talks, key=lambda one: one.began):
        ids = parse_leg_id(talk.leg) or parse_partner_leg_id(talk.leg)
        # 1. The leg of an offer belongs to one caller.
        if ids is not None and ids[1] != talk.contact:
            yield Finding("I2", "wrong_caller", f"offer {ids[0]}", talk.began,
                          f"The agent's leg was called for {ids[1]} and bridged with {talk.contact}.", talk.lines)
        # 2. A seat has one talk, and a caller talks with one agent, or with both of a pair.
        several = ids is not None and (ids[0] in consults or parse_partner_leg_id(talk.leg) is not None)
        for owner in (("seat", talk.seat), *([] if several else [("contact", talk.contact)])):
            before = last.get(owner)
            if before is not None and before.leg != talk.leg and before.ended is not None and (
                    talk.began < before.ended - OVERLAP_S):
                yield Finding("I2", "two_talks_at_once", f"{owner[0]} {owner[1]}", talk.began,
                              f"The talk of {talk.leg} began before that of {before.leg} had ended.",
                              (*before.lines, *talk.lines))
            last[owner] = talk


def _check_originates(found: Evidence) -> Iterator[Finding]:
    """Find offers whose leg was called twice. Asterisk refuses the second call, but nobody may ask for it."""
    called: dict[str, Line] = {}
    for act in found.acts_in_order():
        leg = act.get("channel") or ""
        if act.get("action") != "Originate" or (parse_leg_id(leg) or parse_partner_leg_id(leg)) is None:
            continue
        before = called.setdefault(leg, act)
        if before is not act:
            yield Finding("I2", "double_offer", f"leg {leg}", act.at, "The leg of one offer was called twice.",
                          (before.where, act.where))


def _check_epochs(found: Evidence) -> Iterator[Finding]:
    """Find acts of a node after another one has led, after the end of its lease, or without one.

    Answers that decide nothing are none: a suspended node gives them until another one leads.
    """
    newest: Line | None = None
    for act in found.acts_in_order():
        epoch = act.get("epoch")
        subject = f"node {act.where.partition(':')[0].removesuffix('.jsonl')}"
        what = act.get("action") or act.get("route") or act.get("verb")
        decides = act.get("act") in ACTS and not _is_undecided(act)
        if epoch is None:
            if decides:
                yield Finding("I2", "act_without_lease", subject, act.at, f"{what} came from a node without a lease.",
                              (act.where,))
            continue
        if newest is None or epoch > newest.get("epoch"):
            newest = act
        elif epoch < newest.get("epoch") and decides:
            yield Finding("I2", "act_of_old_epoch", subject, act.at,
                          f"{what} of epoch {epoch} came after epoch {newest.get('epoch')} had begun.",
                          (newest.where, act.where))
        if decides and act.get("steady") > act.get("until") + LATE_S:
            yield Finding("I2", "act_after_lease", subject, act.at,
                          f"{what} came {act.get('steady') - act.get('until'):.1f} s after the end of the lease.",
                          (act.where,))


def _is_undecided(act: Line) -> bool:
    """Return whether an act decides nothing: a suspended node goes on with a dialogue, or leads a caller on."""
    return act.get("act") == "agi" and act.get("next") in UNDECIDED


def _or_endless(at: float | None) -> float:
    return inf if at is None else at
