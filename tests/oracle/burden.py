"""What contacts weigh on agents, their rests, their breaks, and what they say about it."""

from __future__ import annotations

from math import inf, log2

from routing.core import events as e
from tests.oracle import calls, shifts
from tests.oracle.state import AWAY, NOT_RESPONDING, PAUSED, PENDING, READY, SIGNED_OUT, Offer, Person

ANY, HEAVY, HEAVIEST = 5, 3, 4
NEGLIGIBLE = 0.01
LATER_S = 0.001
"""The engine wakes so much after a bound that is met by a half-life."""

HOUR_S = 3_600.0
LONGEST_BREAK_S = 14_400.0
BREAKS_MOST = 24
RULES = {"rest_gap", "distress_limit", "decompression"}


def load_now(h, p: Person) -> float:
    """The load, decayed to now."""
    load = p.load * 2.0 ** ((p.load_at - h.now) / h.centre.load_half_life_s)
    return load if load >= NEGLIGIBLE else 0.0


def relaxed(h, p: Person, rule: str) -> bool:
    """The rule does not hold."""
    return p.relaxed.get(rule, 0.0) > h.now


def gap(h, p: Person) -> None:
    """The rest gap of the profile begins."""
    rest_s = p.agent.profile.rest_gap_s
    if rest_s and not relaxed(h, p, "rest_gap"):
        p.gap_until = max(p.gap_until, h.now + rest_s)


def limit(h, p: Person) -> float:
    """Whether the agent is at the hard limit; gives the load."""
    load, limits = load_now(h, p), p.agent.profile.distress
    if load >= limits.hard:
        p.limited = True
    elif load < limits.again:
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
    """Done with a contact: handled time, rest gap, and the rest after a heavy one."""
    half_life = h.centre.occupied_half_life_s
    p.occupied, p.occupied_at = p.occupied * 2.0 ** ((p.occupied_at - h.now) / half_life) + seconds, h.now
    gap(h, p)
    rest_s = h.centre.decompression_s
    if offer.load >= HEAVIEST:
        p.last_load, p.steady_at = offer.load, h.now + rest_s
        if not relaxed(h, p, "decompression"):
            p.rest_until = p.steady_at
    elif offer.connected_at >= p.steady_at - rest_s:
        p.last_load, p.steady_at = offer.load, 0.0


# --- what may be offered, as of the last look


def look(h, p: Person) -> None:
    """Think again about the agent: what they bear and whether the next break is near. This is done whenever something
    about the agent or their partner has changed and when a bound of theirs is passed."""
    p.touched = False
    gladly, atmost, utmost = bears(h, p)
    if p.lead and p.partner.signed:
        other = bears(h, p.partner)
        gladly, atmost, utmost = min(gladly, other[0]), min(atmost, other[1]), min(utmost, other[2])
    p.bears = gladly, atmost, utmost
    p.protected = break_near(h, p)
    p.wake_at = min((at for at in bounds(h, p) if at > h.now), default=None)


def break_near(h, p: Person) -> bool:
    """A contact may reach into the next break."""
    return bool(p.breaks) and p.breaks[0][0] + p.agent.profile.break_grace_s - h.now < needed_s(h, p)


def bears(h, p: Person) -> tuple[int, int, int]:
    """How heavy a contact may be: gladly, when nobody else is free, and by the emergency ceiling."""
    load, limits = limit(h, p), p.agent.profile.distress
    gladly = atmost = utmost = ANY
    if not relaxed(h, p, "distress_limit"):
        if p.limited:
            gladly = atmost = HEAVY - 1
        elif load >= limits.soft:
            gladly = HEAVY - 1
        if p.steady_at > h.now:
            atmost = min(atmost, HEAVIEST - 1)
        if p.last_load >= HEAVIEST:
            gladly = min(gladly, HEAVIEST - 1)
    for one in p.hands:
        if max(one.load, one.caller.service.load) >= HEAVIEST:
            utmost = HEAVIEST - 1
        if one.tier == 2:
            utmost = min(utmost, atmost)
    if p.spared_until > h.now:
        utmost = HEAVY - 1
    atmost = min(atmost, utmost)
    return min(gladly, atmost), atmost, utmost


def beyond(h, p: Person, load: int) -> bool:
    """A contact of this load is more than the agent's own limit allows; it is 3 at least."""
    steady = load >= HEAVIEST and p.steady_at > h.now
    return (p.limited or steady) and not relaxed(h, p, "distress_limit")


def bounds(h, p: Person) -> list[float]:
    """When to look again."""
    load, limits = load_now(h, p), p.agent.profile.distress
    found = [max(p.not_before, p.gap_until, p.rest_until), p.steady_at, p.spared_until]
    for bound in (limits.again if p.limited else limits.soft, NEGLIGIBLE):
        if load >= bound > 0:
            found.append(h.now + h.centre.load_half_life_s * log2(load / bound) + LATER_S)
    if p.breaks:
        found.append(p.breaks[0][0] + p.agent.profile.break_grace_s - needed_s(h, p) + LATER_S)
    return found


def needed_s(h, p: Person) -> float:
    """What eight of ten contacts take at most, of the slowest service that the agent serves."""
    return max((h.p80_s(name) for name in h.serves(p)), default=0.0)


# --- breaks


def break_changed(h, p: Person, before, before_s: float) -> None:
    """The agent has gone away or come back."""
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
    """The row of the table of reasons; None: it has none."""
    rows = [row for row in h.centre.pause_reasons if row.id == reason]
    return rows[0] if rows else None


def usual(h) -> str:
    """The reason of breaks that the clock begins."""
    rows = h.centre.pause_reasons
    return ([row.id for row in rows if row.default] or [rows[0].id])[0]


def works(h, reason: str) -> bool:
    """A pause for this reason is work."""
    return row_of(h, reason) is not None and row_of(h, reason).work


def limit_pause(h, p: Person, since: float) -> None:
    """How long the pause may last. The clock ends its own breaks: they have no limit."""
    row = row_of(h, p.reason) if p.state is PAUSED and not p.break_until else None
    p.limit_at = inf if row is None or row.limit_s is None else since + row.limit_s
    p.limit_told = p.limit_at <= h.now


def limit_over(h, p: Person) -> None:
    """Nothing happens to the agent: it is only told."""
    p.limit_told = True
    h.tell("PauseLimitReached", p.id, p.reason)


def at_work(p: Person) -> bool:
    """Breaks wait until the agent is back."""
    return p.state is NOT_RESPONDING or (p.state is PAUSED and p.works)


def refreshed(h, p: Person) -> None:
    """A real break lies behind the agent."""
    p.working_since, p.last_load = h.now, 0


def forgone(h, p: Person) -> None:
    """The agent does not want the break that was to come."""
    if p.break_s:
        p.break_s = 0.0
        refreshed(h, p)


def kept(h, p: Person) -> None:
    """The leave is taken back; the break that waited with it is not."""
    if p.break_s:
        p.pause_pending = usual(h)


def break_due(h, p: Person) -> float:
    """When the next break is due."""
    if not p.signed or p.break_until:
        return inf
    at = p.breaks[0][0] if p.breaks else inf
    if at_work(p):
        return at if at > h.now else inf  # later, should there be something left of it
    if p.state not in AWAY and not (p.break_s or p.pause_pending or p.leave_pending):
        at = min(at, short_due(p))
    return at


def short_due(p: Person) -> float:
    """When the next short break is due: spread over the last quarter of the time by the agent's place in the team, and
    not at all when a planned one comes in time."""
    limit_s = p.agent.profile.max_continuous_s
    if p.breaks and p.breaks[0][0] <= p.working_since + limit_s:
        return inf
    return p.working_since + limit_s * (1.0 - 0.25 * (p.index * 0.6180339887498949 % 1.0))


def break_alarm(h, p: Person) -> float:
    """The same, or the end of the break that the agent is in."""
    return p.break_until if p.signed and p.break_until else break_due(h, p)


def clock_says(h, p: Person) -> None:
    """The clock has come to something in the agent's day."""
    h.touch(p)
    if p.break_until:
        if p.break_until <= h.now:
            p.misses = 0
            shifts.become(h, p, READY, "resumed")
        return
    length = 0.0
    while not at_work(p) and p.breaks and p.breaks[0][0] <= h.now:
        start, end = p.breaks[0]
        p.breaks, p.break_begun, length = p.breaks[1:], start, max(length, end - h.now)
    works = p.state not in AWAY
    if length > 0 and works and p.leave_pending:
        p.break_s = max(p.break_s, length)
    if length <= 0 and works and not p.break_s and h.now >= short_due(p):
        length = h.centre.micro_break_s
    if p.break_s:
        p.break_s = max(p.break_s, length)
    if length > 0 and works and not p.pause_pending and not p.leave_pending:
        p.break_s = length
        shifts.pause(h, p, usual(h))


def planned(h, event: e.BreaksPlanned) -> None:
    """The breaks of the day."""
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


# --- what agents and others say


def weighed(h, event: e.ContactWeighed) -> None:
    """What a contact really weighed."""
    if not 0 <= event.load <= ANY:
        h.refuse("out_of_range")
    offer = h.offers.get(event.offer)
    if offer is None or offer.state is PENDING or (offer.weighed and offer.load == event.load):
        return
    more, offer.load, offer.weighed = event.load - offer.load, event.load, True
    weigh(h, offer, more)
    for p in offer.people:
        h.touch(p)


def spared(h, event: e.AgentSpared) -> None:
    """Not now: a heavy one that rings is taken back."""
    p = shifts.signed(h, event.agent)
    p.spared_until = h.now + h.centre.spared_s
    h.touch(p)
    for one in [one for one in p.hands if one.state is PENDING and one.caller.service.load >= HEAVY]:
        calls.rescind(h, one, "taken_back")
        calls.close(h, one, "rescinded", "taken_back")


def rules_relaxed(h, event: e.RulesRelaxed) -> None:
    """These rules do not hold until then."""
    p = shifts.known(h, event.agent)
    if not event.rules or event.rules - RULES or event.until > h.now + HOUR_S:
        h.refuse("out_of_range")
    new = [rule for rule in sorted(event.rules)
           if p.relaxed.get(rule, 0.0) != event.until and (event.until > h.now or rule in p.relaxed)]
    for rule in new:
        if event.until > h.now:
            p.relaxed[rule] = event.until
        else:
            del p.relaxed[rule]
        h.tell("Overridden", p.id, None, rule, event.by)
    if new:
        if "rest_gap" in p.relaxed:
            p.gap_until = 0.0
        if "decompression" in p.relaxed:
            p.rest_until = 0.0
        h.touch(p)


def rules_hold_again(h, p: Person) -> None:
    """The time of a relaxed rule is over."""
    p.relaxed = {rule: until for rule, until in p.relaxed.items() if until > h.now}
    h.touch(p)
