"""Distress load of agents, their rests and breaks, and their own reports about heavy contacts."""

from __future__ import annotations

from math import inf, log2

from routing.core import events as e
from tests.oracle import calls, distress, shifts
from tests.oracle.state import AWAY, NOT_RESPONDING, PAUSED, READY, SIGNED_OUT, Offer, Person

ANY, HEAVY, HEAVIEST = 5, 3, 4
NEGLIGIBLE = 0.01
LATER_S = 0.001
"""The engine wakes this long after a bound that is met by a half-life."""

HOUR_S = 3_600.0
LONGEST_BREAK_S = 14_400.0
BREAKS_MOST = HOURS_MOST = 24
RULES = {"rest_gap", "distress_limit", "decompression"}


def load_now(h, p: Person) -> float:
    """Return the load of the agent, decayed to the present time."""
    load = p.load * 2.0 ** ((p.load_at - h.now) / h.centre.load_half_life_s)
    return load if load >= NEGLIGIBLE else 0.0


def is_overridden(h, p: Person, rule: str) -> bool:
    """Return whether an override sets the rule aside for this agent now."""
    return p.overrides.get(rule, 0.0) > h.now


def gap(h, p: Person) -> None:
    """Begin the rest gap of the profile."""
    rest_s = p.agent.profile.rest_gap_s
    if rest_s and not is_overridden(h, p, "rest_gap"):
        p.gap_until = max(p.gap_until, h.now + rest_s)


def limit(h, p: Person) -> float:
    """Update whether the agent is at the hard limit and return the load."""
    load, limits = load_now(h, p), p.agent.profile.distress
    if load >= limits.hard:
        p.limited = True
    elif load < limits.release:
        p.limited = False
    return load


def weigh(h, offer: Offer, weight: int) -> None:
    """Add a weight as from the moment of the connection."""
    if weight:
        for p in offer.people:
            worth = weight * 2.0 ** ((offer.connected_at - h.now) / h.centre.load_half_life_s)
            p.load, p.load_at = max(0.0, limit(h, p) + worth), h.now
            limit(h, p)


def done(h, p: Person, offer: Offer, seconds: float) -> None:
    """Finish a contact: count its handle time, begin the rest gap, and begin the rest after a heavy contact."""
    half_life = h.centre.occupied_half_life_s
    p.occupied, p.occupied_at = p.occupied * 2.0 ** ((p.occupied_at - h.now) / half_life) + seconds, h.now
    gap(h, p)
    rest_s = h.centre.decompression_s
    if offer.load >= HEAVIEST:
        p.last_load, p.rest_after_heavy_until = offer.load, h.now + rest_s
        if not is_overridden(h, p, "decompression"):
            p.rest_until = p.rest_after_heavy_until
    elif offer.connected_at >= p.rest_after_heavy_until - rest_s:
        p.last_load, p.rest_after_heavy_until = offer.load, 0.0


# --- what may be offered, as of the last look


def look(h, p: Person) -> None:
    """Recalculate the loads that the agent may bear and whether the next break is near. This runs after each change of
    the agent or the partner, and after each bound of theirs."""
    p.touched = False
    max_load_normal, max_load_last_resort, max_load_emergency = bears(h, p)
    in_distress = bears_in_distress(h, p)
    if p.lead and p.partner.signed:
        other = bears(h, p.partner)
        max_load_normal, max_load_last_resort, max_load_emergency = (
            min(max_load_normal, other[0]), min(max_load_last_resort, other[1]), min(max_load_emergency, other[2]))
        in_distress = min(in_distress, bears_in_distress(h, p.partner))
    p.bears = max_load_normal, max_load_last_resort, max_load_emergency
    p.bears_in_distress = in_distress
    p.burden = distress.burden(h, p)
    p.protected = break_near(h, p)
    p.wake_at = min((at for at in bounds(h, p) if at > h.now), default=None)


def break_near(h, p: Person) -> bool:
    """Return whether a new contact may reach into the next break."""
    return bool(p.breaks) and p.breaks[0][0] + p.agent.profile.break_grace_s - h.now < needed_s(h, p)


def bears(h, p: Person) -> tuple[int, int, int]:
    """Return the largest load of a contact: normally, as the last resort, and by the emergency ceiling."""
    load, limits = limit(h, p), p.agent.profile.distress
    max_load_normal = max_load_last_resort = max_load_emergency = ANY
    if not is_overridden(h, p, "distress_limit"):
        if p.limited:
            max_load_normal = max_load_last_resort = HEAVY - 1
        elif load >= limits.soft:
            max_load_normal = HEAVY - 1
        if p.rest_after_heavy_until > h.now:
            max_load_last_resort = min(max_load_last_resort, HEAVIEST - 1)
        if p.last_load >= HEAVIEST:
            max_load_normal = min(max_load_normal, HEAVIEST - 1)
    for one in p.hands:
        if max(one.load, one.caller.service.load) >= HEAVIEST:
            max_load_emergency = HEAVIEST - 1
        if one.tier == 2:
            max_load_emergency = min(max_load_emergency, max_load_last_resort)
    if p.heavy_declined_until > h.now:
        max_load_emergency = HEAVY - 1
    max_load_last_resort = min(max_load_last_resort, max_load_emergency)
    return min(max_load_normal, max_load_last_resort), max_load_last_resort, max_load_emergency


def bears_in_distress(h, p: Person) -> int:
    """Return the largest load of a contact in distress without the emergency ceiling."""
    if p.agent.profile.distress.binds:
        return bears(h, p)[1]
    if p.heavy_declined_until > h.now:
        return HEAVY - 1
    return HEAVIEST - 1 if any(max(one.load, one.caller.service.load) >= HEAVIEST for one in p.hands) else ANY


def beyond(h, p: Person, load: int) -> bool:
    """Return whether a contact of this load, which is at least 3, exceeds the limit of the agent."""
    resting = load >= HEAVIEST and p.rest_after_heavy_until > h.now
    return (p.limited or resting) and not is_overridden(h, p, "distress_limit")


def bounds(h, p: Person) -> list[float]:
    """Return the times at which the agent must be looked at again."""
    load, limits = load_now(h, p), p.agent.profile.distress
    found = [max(p.not_before, p.gap_until, p.rest_until), p.rest_after_heavy_until, p.heavy_declined_until]
    for bound in (limits.release if p.limited else limits.soft, NEGLIGIBLE):
        if load >= bound > 0:
            found.append(h.now + h.centre.load_half_life_s * log2(load / bound) + LATER_S)
    if p.breaks:
        found.append(p.breaks[0][0] + p.agent.profile.break_grace_s - needed_s(h, p) + LATER_S)
    return found


def needed_s(h, p: Person) -> float:
    """Return the 80th percentile of handle time for the slowest service that the agent or the lead of a pair serves."""
    served = [*h.serves(p)]
    if p.partner is not None and p.partner.lead and p.partner.signed:
        served += h.serves(p.partner)
    return max((h.p80_s(name) for name in served), default=0.0)


# --- breaks


def break_changed(h, p: Person, before, before_s: float) -> None:
    """Update the breaks after the agent has gone away or come back."""
    short_s = h.centre.micro_break_s
    if p.state is SIGNED_OUT:
        p.break_s = p.break_until = 0.0
        p.limit_at = inf
        return
    if before is SIGNED_OUT:
        p.breaks = tuple(one for one in p.breaks if one[0] > h.now)
        if before_s >= short_s or not p.working_since:
            refreshed(h, p)
    elif before is PAUSED and (p.state is not PAUSED or p.works is not works(h, p.reason)):
        length_s = h.now - p.paused_at
        if p.works:
            half_life = h.centre.occupied_half_life_s
            p.occupied, p.occupied_at = p.occupied * 2.0 ** ((p.occupied_at - h.now) / half_life) + length_s, h.now
            h.seen["pauses at work"] += 1
            h.seen["breaks that waited for work"] += bool(p.breaks) and p.breaks[0][0] <= h.now < p.breaks[0][1]
        elif p.break_until or length_s >= short_s:
            refreshed(h, p)
        p.break_until = 0.0
    elif before is NOT_RESPONDING and p.state is not PAUSED:
        h.seen["breaks that waited for an absent agent"] += bool(p.breaks) and p.breaks[0][0] <= h.now < p.breaks[0][1]
    if p.state is PAUSED:
        if before is not PAUSED or p.works is not works(h, p.reason):
            p.paused_at, p.works = h.now, works(h, p.reason)
        p.break_until = h.now + p.break_s if p.break_s else 0.0
        p.break_s = 0.0
    limit_pause(h, p, h.now)


def row_of(h, reason: str):
    """Return the row of this reason in the table of pause reasons, or None."""
    rows = [row for row in h.centre.pause_reasons if row.id == reason]
    return rows[0] if rows else None


def usual(h) -> str:
    """Return the reason of the breaks that the clock begins."""
    rows = h.centre.pause_reasons
    return ([row.id for row in rows if row.default] or [rows[0].id])[0]


def works(h, reason: str) -> bool:
    """Return whether a pause for this reason counts as work."""
    return row_of(h, reason) is not None and row_of(h, reason).work


def limit_pause(h, p: Person, since: float) -> None:
    """Set how long the pause may last. The clock ends its own breaks, so those have no limit."""
    row = row_of(h, p.reason) if p.state is PAUSED and not p.break_until else None
    p.limit_at = inf if row is None or row.limit_s is None else since + row.limit_s
    p.limit_told = p.limit_at <= h.now


def limit_over(h, p: Person) -> None:
    """Report that the pause is over its limit. The agent stays paused."""
    p.limit_told = True
    h.tell("PauseLimitReached", p.id, p.reason)


def at_work(p: Person) -> bool:
    """Return whether the agent is at work. A break waits until then."""
    return p.state is NOT_RESPONDING or (p.state is PAUSED and p.works)


def refreshed(h, p: Person) -> None:
    """Count from the end of a real break."""
    p.working_since, p.last_load, p.short_retry_at = h.now, 0, 0.0


def idle_over(h, p: Person) -> None:
    """Count from the end of a time without contacts that was as long as a short break."""
    if h.now - p.since >= h.centre.micro_break_s:
        p.working_since, p.short_retry_at = h.now, 0.0
        h.seen["idle times that were a rest"] += 1


def forgone(h, p: Person) -> None:
    """Cancel the break that was to come, because the agent does not want it."""
    if p.break_s:
        p.break_s = 0.0
        refreshed(h, p)


def kept(h, p: Person) -> None:
    """Take back the sign-out, but not the break that waited with it."""
    if p.break_s:
        p.pause_pending = usual(h)


def break_due(h, p: Person) -> float:
    """Return when the next break is due."""
    if not p.signed or p.break_until:
        return inf
    at = p.breaks[0][0] if p.breaks else inf
    if at_work(p):
        return at if at > h.now else inf  # later, if something is left of it
    if p.state not in AWAY and not (p.break_s or p.pause_pending or p.leave_pending):
        at = min(at, short_due(h, p))
    return at


def short_due(h, p: Person) -> float:
    """Return when the next short break is due. Short breaks are spread over the last quarter of the time by the agent's
    place in the team. A planned break that comes in time replaces the short one."""
    limit_s = p.agent.profile.max_continuous_s
    if p.breaks and p.breaks[0][0] <= p.working_since + limit_s:
        return inf
    at = max(p.working_since + limit_s * (1.0 - 0.25 * (p.index * 0.6180339887498949 % 1.0)), p.short_retry_at)
    return inf if p.state is READY and at >= p.since + h.centre.micro_break_s else at


def break_alarm(h, p: Person) -> float:
    """Return when the next break is due, or the end of the break that the agent is in."""
    return p.break_until if p.signed and p.break_until else break_due(h, p)


def clock_says(h, p: Person) -> None:
    """Act on a break or an end of break that has come due."""
    h.touch(p)
    if p.break_until:
        if p.break_until <= h.now:
            p.rna_count = 0
            shifts.become(h, p, READY, "resumed")
        return
    length = 0.0
    while not at_work(p) and p.breaks and p.breaks[0][0] <= h.now:
        start, end = p.breaks[0]
        p.breaks, p.break_begun, length = p.breaks[1:], start, max(length, end - h.now)
    works = p.state not in AWAY
    if length > 0 and works and p.leave_pending:
        p.break_s = max(p.break_s, length)
    if length <= 0 and works and not p.break_s and (due := short_due(h, p)) <= h.now:
        service = None if p.pause_pending or p.leave_pending else distress.last_on_duty(h, p)
        if service is not None:
            if not p.short_retry_at:
                h.tell("BreakPostponed", p.id, service)
                h.seen["short breaks that were postponed"] += 1
            p.short_retry_at = due
            while p.short_retry_at <= h.now:
                p.short_retry_at += distress.POSTPONED_S
        else:
            length = h.centre.micro_break_s
    if p.break_s:
        p.break_s = max(p.break_s, length)
    if length > 0 and works and not p.pause_pending and not p.leave_pending:
        p.break_s = length
        shifts.pause(h, p, usual(h))


def planned(h, event: e.BreaksPlanned) -> None:
    """Store the planned breaks of the day."""
    p = shifts.known(h, event.agent)
    if len(event.breaks) > BREAKS_MOST:
        h.refuse("out_of_range")
    before = -inf
    for start, end in event.breaks:
        if not (before <= start < end <= start + LONGEST_BREAK_S):
            h.refuse("out_of_range")
        before = end
    p.breaks = tuple(one for one in event.breaks if one[1] > h.now and one[0] > p.break_begun)
    if p.signed:
        h.touch(p)
        if p.breaks and p.breaks[0][0] <= h.now:
            clock_says(h, p)


def plan_hours(h, event: e.WorkingHoursPlanned) -> None:
    """Refuse a plan that cannot be. Hours change expected waits alone, which are taken from the engine."""
    shifts.known(h, event.agent)
    edges = [edge for span in event.hours for edge in span]
    if len(event.hours) > HOURS_MOST or edges != sorted(edges) or any(begin == end for begin, end in event.hours):
        h.refuse("out_of_range")


# --- what agents and others say


def report_load(h, event: e.LoadReported) -> None:
    """Store the load that the agent reports for a contact."""
    if not 0 <= event.load <= ANY:
        h.refuse("out_of_range")
    offer = h.offers.get(event.offer)
    if offer is None or offer.rings or (offer.load_reported and offer.load == event.load):
        return
    more, offer.load, offer.load_reported = event.load - offer.load, event.load, True
    weigh(h, offer, more)
    for p in offer.people:
        h.touch(p)


def spared(h, event: e.HeavyContactsDeclined) -> None:
    """Decline heavy contacts for a while, and rescind a heavy offer that rings."""
    p = shifts.signed(h, event.agent)
    if not any(h.services[name].load >= HEAVY for one in (p, p.partner) if one is not None and one.signed
               for name in h.serves(one)):
        h.refuse("nothing_to_decline")
    p.heavy_declined_until = h.now + h.centre.heavy_declined_s
    h.touch(p)
    for one in [one for one in p.hands if one.rings and one.caller.service.load >= HEAVY]:
        calls.rescind(h, one, "rescinded")
        calls.close(h, one, "rescinded", "rescinded")


def override_rules(h, event: e.RulesOverridden) -> None:
    """Set these rules of the profile aside until the given time."""
    p = shifts.known(h, event.agent)
    if not event.rules or event.rules - RULES or event.until > h.now + HOUR_S:
        h.refuse("out_of_range")
    new = [rule for rule in sorted(event.rules)
           if p.overrides.get(rule, 0.0) != event.until and (event.until > h.now or rule in p.overrides)]
    for rule in new:
        if event.until > h.now:
            p.overrides[rule] = event.until
        else:
            del p.overrides[rule]
        h.tell("Overridden", p.id, None, rule, event.by)
    if new:
        if "rest_gap" in p.overrides:
            p.gap_until = 0.0
        if "decompression" in p.overrides:
            p.rest_until = 0.0
        h.touch(p)


def rules_hold_again(h, p: Person) -> None:
    """End the overrides whose time is over."""
    p.overrides = {rule: until for rule, until in p.overrides.items() if until > h.now}
    h.touch(p)
