"""What contacts weigh on agents: the distress load, rest after heavy contacts, and what may be offered meanwhile.

Every contact has a weight (`Service.load`, or what the agent said: `ContactWeighed`) that counts from the moment agent
and caller are together and halves every `Centre.load_half_life_s`:

    load(t) = sum of weight_i * 2 ** -((t - connected_i) / half-life)

Only heavy contacts (weight 3 and more) are ever kept from an agent by it; whoever is at the limit still gets all the
others.

| the agent ...                                                | heavy contacts                             |
|--------------------------------------------------------------|--------------------------------------------|
| load below `soft`                                            | like to anybody (tier 0)                   |
| from `soft` on                                               | when nobody else is free (tier 1)          |
| from `hard` on until below `again`                           | by the emergency ceiling only (tier 2)     |
| said "not now"                                               | none, not even by the ceiling              |
| had one of weight 4 and no rest since                        | weight 4: by the ceiling only              |
| has one of weight 4 at hand                                  | weight 4: none                             |
| has one beyond the limit at hand                             | none beyond it                             |
| had one of weight 4 last, and a rest since                   | weight 4: when nobody else is free         |

A rest is `Centre.decompression_s` without a contact of weight 4 after the last one. So long nothing at all is offered,
unless the agent ends it (AgentResumed); "no two in a row" holds on then. A lighter contact or a real break between the
two ends it as well: a house in which every call is heavy would stand still otherwise.

Weights, limits and times are proposals (no number for calls in distress was found in any publication): all of them are
settings.
"""

from __future__ import annotations

from math import inf, log2

from routing.core import emit, facts
from routing.core.domain import Domain
from routing.core.model import AgentState, OfferState
from routing.core.records import AgentRecord, Offer

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
COMPLETED, PENDING, WRAPPING = OfferState.COMPLETED, OfferState.PENDING, OfferState.WRAPPING

ANY = 5
"""The largest weight there is."""

HEAVY = 3
"""From this weight on a contact may be kept from an agent."""

HEAVIEST = 4
"""Violence and worse: no two in a row, and a rest after each."""

BY_CEILING = 2
"""Tier of an offer beyond the agent's limit: the caller waited beyond the service's emergency ceiling."""

NEGLIGIBLE = 0.01
"""A load below this is none: a contact of weight 5 after nine half-lives."""

RELAXED_S = 3600.0
"""Rules are relaxed for no longer than this: an emergency that lasts must be said again."""

LATER_S = 0.001
"""A deadline by a half-life is met this much later, when the load is below the bound for sure and not just at it."""


def load_of(d: Domain, record: AgentRecord) -> float:
    """The distress load at this moment."""
    if not record.load:
        return 0.0
    load = float(record.load * 2.0 ** ((record.load_at - d.now) / d.centre.load_half_life_s))
    return load if load >= NEGLIGIBLE else 0.0


def occupied_of(d: Domain, record: AgentRecord) -> float:
    """Handled seconds, decayed to this moment."""
    share: float = 2.0 ** ((record.occupied_at - d.now) / d.centre.occupied_half_life_s)
    return record.occupied * share


def relaxed(d: Domain, record: AgentRecord, rule: str) -> bool:
    """The rule does not hold at the moment: somebody has said so aloud."""
    return bool(record.relaxed) and record.relaxed.get(rule, 0.0) > d.now


def allow(d: Domain, record: AgentRecord) -> None:
    """Say how heavy a contact may be for this agent now: `gladly`, `atmost`, `utmost`. To be called before the agent is
    put into their places, when they are `strained`."""
    _allow(d, record)
    partner = record.partner
    if partner is not None and record.lead and partner.state is not AgentState.SIGNED_OUT:
        # who stands for both takes what both can
        _allow(d, partner)
        record.gladly = min(record.gladly, partner.gladly)
        record.atmost = min(record.atmost, partner.atmost)
        record.utmost = min(record.utmost, partner.utmost)


def limit(d: Domain, record: AgentRecord) -> float:
    """Whether the agent is at the hard limit now. Gives the load."""
    load, limits = load_of(d, record), record.profile.distress
    if load >= limits.hard:
        record.limited = True
    elif load < limits.again:
        record.limited = False
    return load


def _allow(d: Domain, record: AgentRecord) -> None:
    load, limits = limit(d, record), record.profile.distress
    gladly = atmost = utmost = ANY
    if not relaxed(d, record, "distress_limit"):
        if record.limited:
            gladly = atmost = HEAVY - 1
        elif load >= limits.soft:
            gladly = HEAVY - 1
        if record.steady_at > d.now:
            atmost = min(atmost, HEAVIEST - 1)
        if record.last_load >= HEAVIEST:
            gladly = min(gladly, HEAVIEST - 1)
    for offer in record.offers.values():
        if max(offer.load, offer.contact.service.load) >= HEAVIEST:
            utmost = HEAVIEST - 1
        if offer.tier == BY_CEILING:
            utmost = min(utmost, atmost)
    if record.spared_until > d.now:
        utmost = HEAVY - 1
    record.utmost, record.atmost = utmost, min(atmost, utmost)
    record.gladly = min(gladly, record.atmost)
    _wake(d, record, load)


def _heaviest_at_hand(record: AgentRecord) -> bool:
    return any(max(offer.load, offer.contact.service.load) >= HEAVIEST for offer in record.offers.values())


def _wake(d: Domain, record: AgentRecord, load: float) -> None:
    """Think again when the next of the bounds is passed; a load that is none is forgotten."""
    limits = record.profile.distress
    nothing = load < NEGLIGIBLE and not record.limited
    bound = limits.again if record.limited else limits.soft if load >= limits.soft else NEGLIGIBLE
    at = inf if nothing else d.now + d.centre.load_half_life_s * max(0.0, log2(load / bound)) + LATER_S
    for until in (record.steady_at, record.spared_until):
        if d.now < until < at:
            at = until
    if at < inf and record.state is not AgentState.SIGNED_OUT:
        # Never later than it was: who leads a pair asks for both, and the other one must be placed in time.
        key = "calm", record.id
        known = d.timers.at(key)
        if known is None or known > at:
            d.timers.set(key, at)
    if nothing:
        record.load, record.load_at = 0.0, d.now
        record.strained = at < inf or record.last_load >= HEAVIEST or _heaviest_at_hand(record)


def not_before(record: AgentRecord) -> float:
    """The earliest moment of the next offer: rest gap, decompression, or the moment after a declined call."""
    at = record.not_before
    if record.gap_until > at:
        at = record.gap_until
    return record.rest_until if record.rest_until > at else at


def gap(d: Domain, record: AgentRecord) -> None:
    """The agent is done with something: the profile's rest gap begins."""
    rest_s = record.profile.rest_gap_s
    if rest_s and not relaxed(d, record, "rest_gap"):
        record.gap_until = max(record.gap_until, d.now + rest_s)


def people(offer: Offer) -> tuple[AgentRecord, ...]:
    """Who hears the caller: the agent, or both of a pair."""
    return (offer.agent,) if offer.partner is None else (offer.agent, offer.partner)


def offered(d: Domain, offer: Offer) -> None:
    """An offer of a contact that weighs something was made (tell it before the agent is placed anew)."""
    if offer.contact.service.load >= HEAVIEST:
        for record in people(offer):
            record.strained = True


def by_ceiling(d: Domain, offer: Offer) -> None:
    """Say aloud that the offer goes beyond the agent's limit, because the caller waited beyond the ceiling. Of a
    pair it is said of whose limit it is."""
    load = offer.contact.service.load
    for record in [one for one in people(offer) if _beyond(d, one, load)] or [offer.agent]:
        emit.overridden(
            d, agent=record.id, offer=offer.id, rule="distress_limit", until=d.now + offer.ring_s, by="ceiling")


def _beyond(d: Domain, record: AgentRecord, load: int) -> bool:
    """What `_allow` has of `atmost`, but for what is at hand: this offer is."""
    return not relaxed(d, record, "distress_limit") and (
        record.limited or (load >= HEAVIEST and record.steady_at > d.now))


def refused(d: Domain, offer: Offer) -> None:
    """An offer beyond the agent's limit was not taken. That is their right: it is heard as "not now", or the same phone
    would ring every few seconds for as long as the caller waits."""
    for record in people(offer):
        spare(d, record)


def spare(d: Domain, record: AgentRecord) -> None:
    """No heavy contacts for a while."""
    record.spared_until = d.now + d.centre.spared_s
    record.strained = record.untold = True


def taken(d: Domain, offer: Offer) -> None:
    """Agent and caller are together: the contact weighs from now on. To be told before the agent's change is."""
    load = offer.contact.service.load
    if load:
        offer.load = load
        weigh(d, offer, load)


def weigh(d: Domain, offer: Offer, weight: int) -> None:
    """Add a weight (or take it off, when negative) as from the moment of the connection."""
    since = d.now if offer.connected_at is None else offer.connected_at
    now_worth = weight * 2.0 ** ((since - d.now) / d.centre.load_half_life_s)
    for record in people(offer):
        # `limit` first: the limit may have ended before, while nothing could be offered anyway.
        record.load, record.load_at = max(0.0, limit(d, record) + now_worth), d.now
        record.strained = record.untold = True
        allow(d, record)


def handled(d: Domain, offer: Offer) -> None:
    """A contact is done, with its wrap-up or torn off. To be told before the agent's change is."""
    if offer.connected_at is None:
        return
    seconds = d.now - offer.connected_at
    if offer.state is WRAPPING:  # one torn off says nothing about how long it would have taken
        d.handled[offer.contact.service.id].note(seconds)
    _done(d, offer.agent, offer, seconds)


def heard(d: Domain, partner: AgentRecord, offer: Offer) -> None:
    """For the second one of a pair it is done with the talk: the wrap-up is their own. To be told before the change."""
    if offer.connected_at is not None:
        _done(d, partner, offer, d.now - offer.connected_at)


def _done(d: Domain, record: AgentRecord, offer: Offer, seconds: float) -> None:
    add_occupied(d, record, seconds)
    if record.profile.rest_gap_s:
        gap(d, record)
    if record.strained:
        _rest(d, record, offer)


def add_occupied(d: Domain, record: AgentRecord, seconds: float) -> None:
    """Add time at work to what *least occupied* compares."""
    record.occupied, record.occupied_at, record.untold = occupied_of(d, record) + seconds, d.now, True


def _rest(d: Domain, record: AgentRecord, offer: Offer) -> None:
    """After a heavy contact a rest begins; a lighter one that began after it is something between."""
    rest_s = d.centre.decompression_s
    if offer.load >= HEAVIEST:
        record.last_load, record.steady_at = offer.load, d.now + rest_s
        if not relaxed(d, record, "decompression"):
            record.rest_until = record.steady_at
    elif offer.connected_at is not None and offer.connected_at >= record.steady_at - rest_s:
        record.last_load, record.steady_at = offer.load, 0.0


def refreshed(d: Domain, record: AgentRecord) -> None:
    """A real break lies behind the agent: what comes next is not in a row with what came before."""
    record.working_since, record.last_load, record.untold = d.now, 0, True


def burden(record: AgentRecord) -> facts.Wellbeing:
    """What must outlive a restart, to be told with the agent's next change."""
    record.untold = False
    return emit.new_wellbeing(
        record, relaxed=tuple(sorted(record.relaxed.items())) if record.relaxed else (),
        weighed=tuple([(offer.id, offer.load) for offer in record.offers.values()
                       if offer.weighed and offer.state is not COMPLETED]) if record.offers else ())


def settle(d: Domain, record: AgentRecord) -> None:
    """Bring what decays to this moment: before the half-lives of the settings change."""
    record.load, record.load_at = limit(d, record), d.now  # a limit that has ended has ended by its own bounds
    record.occupied, record.occupied_at = occupied_of(d, record), d.now


def restore(d: Domain, record: AgentRecord, rules: tuple[tuple[str, float], ...]) -> None:
    """Bring near what lies further ahead than it can: a clock may have been set back. `rules`: those relaxed."""
    centre, now = d.centre, d.now
    record.spared_until = min(record.spared_until, now + centre.spared_s)
    record.rest_until = min(record.rest_until, now + centre.decompression_s)
    record.steady_at = min(record.steady_at, now + centre.decompression_s)
    record.relaxed = {rule: min(until, now + RELAXED_S) for rule, until in rules if until > now}
    record.strained = True
    allow(d, record)


def restore_offer(offer: Offer) -> None:
    """Set what a contact weighs that goes on after a restart; the load itself is in the agent's row."""
    if offer.state is not PENDING and not offer.weighed:
        offer.load = offer.contact.service.load
