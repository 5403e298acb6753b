"""Count the distress load of agents: rest after heavy contacts, and which contacts may be offered meanwhile.

Every contact has a weight: `Service.load`, or the agent's report (`LoadReported`). The weight counts from the moment
the agent and the caller are connected, and halves every `Centre.load_half_life_s`:

    load(t) = sum of weight_i * 2 ** -((t - connected_i) / half-life)

The load keeps only heavy contacts (weight 3 and more) away from an agent. An agent at the limit still gets all others.

| the agent ...                                                | heavy contacts                             |
|--------------------------------------------------------------|--------------------------------------------|
| has a load below `soft`                                      | as to any other agent (tier 0)             |
| has a load from `soft` on                                    | if no other agent is free (tier 1)         |
| has reached `hard`, and is not yet below `release`           | by the emergency ceiling only (tier 2)     |
| said "not now"                                               | none, not even by the ceiling              |
| had one of weight 4, and no rest since                       | weight 4: by the ceiling only              |
| has a live one of weight 4                                   | weight 4: none                             |
| has a live one beyond the limit                              | none beyond it                             |
| had one of weight 4 last, and a rest since                   | weight 4: if no other agent is free        |

In a distress service the limits of the centre only order agents: tier 2 is tier 1 there. The limit of an agent's own
accommodation (`DistressLimit.binds`), "not now" and a live contact of weight 4 hold there too.

A rest is `Centre.decompression_s` without a contact of weight 4 after the last one. Until then nothing at all is
offered, unless the agent ends the rest (AgentResumed). The rule "no two in a row" holds on after that. A lighter
contact, or a real break, between the two ends the rule as well. A centre in which every call is heavy would otherwise
take no calls.

Weights, limits and times are proposals, because no publication has a number for calls in distress. All of them are
settings.
"""

from __future__ import annotations

from math import inf, log2

from routing.core import emit
from routing.core.domain import Domain
from routing.core.matching.agent_cohort import LoadLimits
from routing.core.model import facts
from routing.core.model.centre_model import HEAVY_LOAD, LOAD_MAX, AgentState, OfferState
from routing.core.records import AgentRecord, Offer

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
COMPLETED, WRAPPING = OfferState.COMPLETED, OfferState.WRAPPING

HEAVIEST_LOAD = 4
"""Violence and worse: no two in a row, and a rest after each."""

BY_CEILING = 2
"""Tier of an offer beyond the agent's limit. The caller has waited beyond the service's emergency ceiling."""

NEGLIGIBLE_LOAD = 0.01
"""A smaller load counts as none. It is what a contact of weight 5 is after nine half-lives."""

OVERRIDE_MAX_S = 3600.0
"""Rules are overridden for no longer than this. An emergency that lasts needs another override."""

DECLINE_TIMER = "decline"
"""Kind of the deadline at which "not now" is over."""

WAKE_DELAY_S = 0.001
"""A deadline by a half-life fires this much later. The load is then surely below the bound, and not just at it."""


def load_of(d: Domain, record: AgentRecord) -> float:
    """Return the distress load at this moment."""
    if not record.load:
        return 0.0
    load = float(record.load * 2.0 ** ((record.load_at - d.now) / d.centre.load_half_life_s))
    return load if load >= NEGLIGIBLE_LOAD else 0.0


def occupied_of(d: Domain, record: AgentRecord) -> float:
    """Return the handled seconds, decayed to this moment."""
    share: float = 2.0 ** ((record.occupied_at - d.now) / d.centre.occupied_half_life_s)
    return record.occupied * share


def is_overridden(d: Domain, record: AgentRecord, rule: str) -> bool:
    """Return whether an override sets this rule of the profile aside at the moment."""
    return bool(record.overrides) and record.overrides.get(rule, 0.0) > d.now


def set_load_limits(d: Domain, record: AgentRecord) -> None:
    """Set how heavy a contact may be for this agent:

    `max_load_normal`, `max_load_last_resort`, `max_load_emergency` and `max_load_distress`. Call this before the agent
    is indexed, if `load_limits_apply` is set.
    """
    _set_own_limits(d, record)
    partner = record.partner
    if partner is not None and record.leads_pair and partner.state is not AgentState.SIGNED_OUT:
        # The lead is indexed for both agents, so the stricter limits of the two count.
        _set_own_limits(d, partner)
        record.max_load_normal = min(record.max_load_normal, partner.max_load_normal)
        record.max_load_last_resort = min(record.max_load_last_resort, partner.max_load_last_resort)
        record.max_load_emergency = min(record.max_load_emergency, partner.max_load_emergency)
        record.max_load_distress = min(record.max_load_distress, partner.max_load_distress)


def update_hard_limit(d: Domain, record: AgentRecord) -> float:
    """Return the load of an agent, and note whether the agent is at the hard limit."""
    load, limits = load_of(d, record), record.profile.distress
    # Two bounds: an agent at the hard limit stays there until the load is below `release`.
    if load >= limits.hard:
        record.at_hard_limit = True
    elif load < limits.release:
        record.at_hard_limit = False
    return load


def limits_without(d: Domain, agents: tuple[AgentRecord, ...], offer: Offer) -> LoadLimits:
    """Return how heavy a contact may be for these agents together if this offer were not there."""
    return LoadLimits(*map(min, zip(*[_own_limits(d, one, offer) for one in agents], strict=True)))


def _set_own_limits(d: Domain, record: AgentRecord) -> None:
    (record.max_load_normal, record.max_load_last_resort, record.max_load_emergency,
     record.max_load_distress) = _own_limits(d, record)
    _schedule_recheck(d, record, load_of(d, record))


def _own_limits(d: Domain, record: AgentRecord, without: Offer | None = None) -> LoadLimits:
    load, limits = update_hard_limit(d, record), record.profile.distress
    normal = last_resort = emergency = distress = LOAD_MAX
    # 1. The load and the last heavy contact, unless a supervisor has overridden the limit.
    if not is_overridden(d, record, "distress_limit"):
        if record.at_hard_limit:
            normal = last_resort = HEAVY_LOAD - 1
        elif load >= limits.soft:
            normal = HEAVY_LOAD - 1
        if record.rest_after_heavy_until > d.now:
            last_resort = min(last_resort, HEAVIEST_LOAD - 1)
        if record.last_load >= HEAVIEST_LOAD:
            normal = min(normal, HEAVIEST_LOAD - 1)
    # 2. Live contacts. No override allows two of the heaviest at one time.
    for offer in record.offers.values():
        if offer is without:
            continue
        if max(offer.load, offer.contact.service.load) >= HEAVIEST_LOAD:
            emergency = distress = HEAVIEST_LOAD - 1
        if offer.tier == BY_CEILING:
            emergency = min(emergency, last_resort)
    # 3. "Not now" holds against the emergency ceiling too.
    if record.heavy_declined_until > d.now:
        emergency = distress = HEAVY_LOAD - 1
    last_resort = min(last_resort, emergency)
    # 4. In distress the limit of the centre only orders agents. An accommodation's own limit holds.
    return LoadLimits(min(normal, last_resort), last_resort, emergency, last_resort if limits.binds else distress)


def _heaviest_at_hand(record: AgentRecord) -> bool:
    return any(max(offer.load, offer.contact.service.load) >= HEAVIEST_LOAD for offer in record.offers.values())


def _schedule_recheck(d: Domain, record: AgentRecord, load: float) -> None:
    """Set the timer for the moment when the load passes the next bound. Forget a load that counts as none."""
    limits = record.profile.distress
    nothing = load < NEGLIGIBLE_LOAD and not record.at_hard_limit
    bound = limits.release if record.at_hard_limit else limits.soft if load >= limits.soft else NEGLIGIBLE_LOAD
    at = inf if nothing else d.now + d.centre.load_half_life_s * max(0.0, log2(load / bound)) + WAKE_DELAY_S
    for until in (record.rest_after_heavy_until, record.heavy_declined_until):
        if d.now < until < at:
            at = until
    if at < inf and record.state is not AgentState.SIGNED_OUT:
        # Never later than before: the lead of a pair asks for both agents, and the partner must be placed in time.
        key = "load_recheck", record.id
        known = d.timers.deadline_of(key)
        if known is None or known > at:
            d.timers.set_deadline(key, at)
    if nothing:
        record.load, record.load_at = 0.0, d.now
        record.load_limits_apply = at < inf or record.last_load >= HEAVIEST_LOAD or _heaviest_at_hand(record)


def earliest_offer_at(record: AgentRecord) -> float:
    """Return the earliest moment of the next offer: the end of the rest gap, of the decompression, or of the gap after
    a declined call.
    """
    at = record.not_before
    if record.gap_until > at:
        at = record.gap_until
    return record.rest_until if record.rest_until > at else at


def start_rest_gap(d: Domain, record: AgentRecord) -> None:
    """Start the rest gap of the profile, because the agent has finished something."""
    rest_s = record.profile.rest_gap_s
    if rest_s and not is_overridden(d, record, "rest_gap"):
        record.gap_until = max(record.gap_until, d.now + rest_s)


def hearing_agents(offer: Offer) -> tuple[AgentRecord, ...]:
    """Return the agents who hear the caller: the agent of the offer, or both of a pair."""
    return (offer.agent,) if offer.partner is None else (offer.agent, offer.partner)


def on_heavy_offered(d: Domain, offer: Offer) -> None:
    """Apply the load limits of the agents from this offer on, if its contact is of the heaviest kind.

    Call this before the agent is placed again.
    """
    if offer.contact.service.load >= HEAVIEST_LOAD:
        for record in hearing_agents(offer):
            record.load_limits_apply = True


def emit_ceiling_override(d: Domain, offer: Offer) -> None:
    """Emit an override for each agent whose limit the offer exceeds.

    The caller has waited beyond the emergency ceiling.
    """
    load = offer.contact.service.load
    for record in [one for one in hearing_agents(offer) if _is_beyond_limit(d, one, load)] or [offer.agent]:
        emit.overridden(
            d, agent=record.id, offer=offer.id, rule="distress_limit", until=d.now + offer.ring_s, by="ceiling")


def _is_beyond_limit(d: Domain, record: AgentRecord, load: int) -> bool:
    """Return whether the load exceeds `max_load_last_resort`, without counting the live offers.

    The offer in question is one of them.
    """
    return not is_overridden(d, record, "distress_limit") and (
        record.at_hard_limit or (load >= HEAVIEST_LOAD and record.rest_after_heavy_until > d.now))


def on_beyond_limit_declined(d: Domain, offer: Offer) -> None:
    """Treat the declined offer beyond the agent's limit as "not now".

    Declining it is the agent's right. The same phone would otherwise ring every few seconds while the caller waits.
    """
    for record in hearing_agents(offer):
        decline_heavy(d, record)


def decline_heavy(d: Domain, record: AgentRecord) -> None:
    """Keep heavy contacts away from the agent for `Centre.heavy_declined_s`."""
    record.heavy_declined_until = d.now + d.centre.heavy_declined_s
    record.load_limits_apply = record.load_state_changed = True
    note_declining(d, record)


def note_declining(d: Domain, record: AgentRecord) -> None:
    """Tell the index whether the agent declines heavy contacts, and do so again when the time is over.

    The first of a pair declines what the second one declines.
    """
    if record.heavy_declined_until > d.now:
        d.timers.set_deadline((DECLINE_TIMER, record.id), record.heavy_declined_until)
    for one in (record, record.partner):
        if one is not None and (one is record or one.leads_pair):
            second = one.partner if one.leads_pair else None
            d.matching.set_declining(one, one.heavy_declined_until > d.now or (
                second is not None and second.state is not AgentState.SIGNED_OUT
                and second.heavy_declined_until > d.now))


def on_contact_connected(d: Domain, offer: Offer) -> None:
    """Count the weight of a contact from now on, because the agent and the caller are connected.

    Call this before the change of the agent is emitted.
    """
    load = offer.contact.service.load
    if load:
        offer.load = load
        add_weight(d, offer, load)


def add_weight(d: Domain, offer: Offer, weight: int) -> None:
    """Add a weight as from the moment of the connection. A negative weight is taken off."""
    since = d.now if offer.connected_at is None else offer.connected_at
    now_worth = weight * 2.0 ** ((since - d.now) / d.centre.load_half_life_s)
    for record in hearing_agents(offer):
        # `update_hard_limit` runs before the weight is added: the limit may have ended while nothing could be offered.
        record.load, record.load_at = max(0.0, update_hard_limit(d, record) + now_worth), d.now
        record.load_limits_apply = record.load_state_changed = True
        set_load_limits(d, record)


def on_contact_handled(d: Domain, offer: Offer) -> None:
    """Count a contact that is over, after its wrap-up or after a drop.

    Call this before the change of the agent is emitted.
    """
    if offer.connected_at is None:
        return
    seconds = d.now - offer.connected_at
    # A dropped contact says nothing about how long it would have taken.
    if offer.state is WRAPPING and (learned := d.learn_about(offer.contact.service.id)) is not None:
        learned.handle_times.note_contact(seconds)
    _count_handled(d, offer.agent, offer, seconds)


def on_partner_done(d: Domain, partner: AgentRecord, offer: Offer) -> None:
    """Count a talk for the partner of a pair, who wraps up separately.

    Call this before the change of the partner is emitted.
    """
    if offer.connected_at is not None:
        _count_handled(d, partner, offer, d.now - offer.connected_at)


def _count_handled(d: Domain, record: AgentRecord, offer: Offer, seconds: float) -> None:
    add_occupied(d, record, seconds)
    if record.profile.rest_gap_s:
        start_rest_gap(d, record)
    if record.load_limits_apply:
        _start_decompression(d, record, offer)


def add_occupied(d: Domain, record: AgentRecord, seconds: float) -> None:
    """Add time at work to the handled time that the least-occupied strategies compare."""
    record.occupied, record.occupied_at, record.load_state_changed = occupied_of(d, record) + seconds, d.now, True


def _start_decompression(d: Domain, record: AgentRecord, offer: Offer) -> None:
    """Start a rest after a heavy contact. A lighter contact that began after the heavy one ends the row."""
    rest_s = d.centre.decompression_s
    if offer.load >= HEAVIEST_LOAD:
        record.last_load, record.rest_after_heavy_until = offer.load, d.now + rest_s
        if not is_overridden(d, record, "decompression"):
            record.rest_until = record.rest_after_heavy_until
    elif offer.connected_at is not None and offer.connected_at >= record.rest_after_heavy_until - rest_s:
        record.last_load, record.rest_after_heavy_until = offer.load, 0.0


def mark_break_taken(d: Domain, record: AgentRecord) -> None:
    """Note a real break: the next contact is not in a row with those before the break."""
    record.working_since, record.last_load, record.load_state_changed = d.now, 0, True
    record.break_retry_at = 0.0


def current_load_state(record: AgentRecord) -> facts.LoadState:
    """Return the load state. The agent's next change carries it."""
    record.load_state_changed = False
    return emit.new_load_state(
        record, tuple(sorted(record.overrides.items())) if record.overrides else ())


def settle_decay(d: Domain, record: AgentRecord) -> None:
    """Decay the load and the handled time to this moment. Call this before a reload changes the half-lives."""
    # The hard limit is updated by the old bounds: a limit that has ended under them stays ended.
    record.load, record.load_at = update_hard_limit(d, record), d.now
    record.occupied, record.occupied_at = occupied_of(d, record), d.now


def restore_load_state(d: Domain, record: AgentRecord, rules: tuple[tuple[str, float], ...]) -> None:
    """Restore the load state of an agent after a restart.

    `rules` has the overridden rules. Times that are further ahead than they can be come nearer, because the clock may
    have been set back.
    """
    centre, now = d.centre, d.now
    record.heavy_declined_until = min(record.heavy_declined_until, now + centre.heavy_declined_s)
    record.rest_until = min(record.rest_until, now + centre.decompression_s)
    record.rest_after_heavy_until = min(record.rest_after_heavy_until, now + centre.decompression_s)
    record.overrides = {rule: min(until, now + OVERRIDE_MAX_S) for rule, until in rules if until > now}
    record.load_limits_apply = True
    set_load_limits(d, record)
    note_declining(d, record)


def restore_offer(offer: Offer) -> None:
    """Set the weight of a live contact after a restart. The load itself is in the agent's row."""
    if not offer.rings and not offer.load_reported:
        offer.load = offer.contact.service.load
