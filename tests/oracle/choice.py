"""The assignment: every waiting contact in order, every agent for each contact."""

from __future__ import annotations

from math import log2
from typing import Any, NamedTuple

from routing.core.model import commands
from routing.core.model.centre_model import AnswerMode, Channel, PreConnect, Step
from tests.oracle import (
    ahead,
    burden,
    callbacks,
    calls,
    claims,
    distress,
    first_words,
    settings,
    shifts,
    steps,
    words,
)
from tests.oracle.state import (
    ACCEPTED,
    BESIDE,
    BUSY,
    NOT_RESPONDING,
    PAUSED,
    PENDING,
    READY,
    RESERVED,
    SIGNED_OUT,
    UNREACHABLE,
    VOICE,
    WAITS,
    WRAPPING,
    Caller,
    Offer,
    Person,
)

HEAVY = 3
"""Agents may decline contacts from this load."""


class Candidate(NamedTuple):
    """An agent for a contact. The smallest order is the best."""

    order: tuple[Any, ...]
    person: Person
    tier: int
    score: float
    level: int
    step: int


def decide(h) -> None:
    """Make every offer that can be made, and claim agents for people in distress who are left."""
    while True:
        find_steps(h)
        open_to = {p: channels for p in h.people.values() if (channels := takes(h, p))}
        if not (open_to and offer_one(h, open_to)) and not claims.claim_one(h):
            return


def offer_one(h, open_to: dict[Person, list[Channel]]) -> bool:
    """Offer the first contact for whom an agent is there to the best of the candidates. Return False if there is none.
    """
    now = h.now
    looking = [c for c in h.callers.values() if c.state is WAITS and c.looks(now, h.quiet) and not ahead.predictive(c)]
    looking += [c for c in h.callers.values() if distress.seeks(h, c)]
    free = distress.free_for(h, open_to)
    kinds: dict[bool, tuple[Caller, list[Candidate]]] = {}  # the first deferred callback, and the first other contact
    for caller in sorted(looking, key=lambda c: (
            not c.service.distress, c.state is not WAITS, c.service.distress and c.callback,
            c.place[0] - now * c.service.weight, c.number)):
        if caller.channel is not VOICE and not caller.service.distress and settings.distress_behind_lost_link(h):
            h.seen["messages that waited for a lost link"] += 1
            continue
        late = caller.deferred and not caller.service.distress
        if not h.reaches(caller) or quota_full(h, caller) or late in kinds:
            continue
        if caller.state is not WAITS:
            found = distress.further_candidates(h, caller, open_to)
        elif caller.service.distress:
            found = distress.candidates(h, caller, open_to)
        else:
            found = candidates(h, caller, open_to, free)
        if found:
            kinds[late] = caller, found
        if caller.service.distress and found:
            break
    contested = len(kinds) == 2
    if contested and h.credit + h.centre.callback_share < 1.0 - 1e-9:
        del kinds[True]  # it is not the turn of callbacks
    for caller, found in kinds.values():
        if too_near(h, caller, found[0].person):  # expected handle time has grown since the last look
            h.seen["breaks that came near while idle"] += 1
            for p in who(caller, found[0].person):
                burden.look(h, p)
            return True
        if contested:
            h.seen["turns of deferred callbacks"] += caller.deferred
            h.seen["turns of others"] += not caller.deferred
            h.credit = h.credit + h.centre.callback_share - 1.0 if caller.deferred else min(
                h.credit + h.centre.callback_share, 1.0)
        offer(h, caller, found)
        return True
    return False


def candidates(h, caller: Caller, open_to: dict[Person, list[Channel]],
               free: list[tuple[int, list[Person]]]) -> list[Candidate]:
    """Return the agents for a contact that is not in distress, the best first. `free` is of `distress.free_for`."""
    found = []
    asked = h.asked(caller)
    for p in open_to if caller.preferred is None else [caller.preferred]:
        if caller.channel not in open_to.get(p, ()):
            continue
        if caller.channel is VOICE and any(
                one.caller.service.distress and (one.rings or h.yields(one))
                for each in who(caller, p) for one in each.hands):
            h.seen["messages in distress that no other call interrupted"] += 1
            continue
        tier, mask = tier_of(p, caller), distress.mask(free, p)
        if mask is None:
            h.seen["agents kept free for distress"] += 1
        if tier is None or mask is None:
            continue
        if caller.preferred is not None:
            level = level_of(asked, p.agent.skills)
            return [Candidate((), p, tier, p.idle_since, -1 if level is None else level, caller.step)]
        level = fits(h, caller, asked, p)
        if level is not None:
            name = caller.service.strategy
            score = key(h, name, p)
            found.append(Candidate((mask, tier, -rank(name, p, level), score, p.index), p, tier, score, level,
                                   caller.step))
    return sorted(found, key=lambda one: one.order)


def who(caller: Caller, p: Person) -> list[Person]:
    """Return the agents who would have this contact: one, or both of a pair."""
    return [p, p.partner] if caller.channel is VOICE and p.lead else [p]


def too_near(h, caller: Caller, p: Person) -> bool:
    """Return whether the break of one of these agents is too near."""
    return any(burden.break_near(h, one) for one in who(caller, p))


def tier_of(p: Person, caller: Caller) -> int | None:
    """Return 0 for a normal load, 1 as the last resort, 2 by the emergency ceiling, or None if the agent may not."""
    load = caller.service.load
    max_load_normal, max_load_last_resort, max_load_emergency = p.bears
    if load < HEAVY or load <= max_load_normal:
        return 0
    if load <= max_load_last_resort:
        return 1
    return 2 if caller.urgent and load <= max_load_emergency else None


def quota_full(h, caller: Caller) -> bool:
    """Return whether as many contacts of this service as its quota are already at agents."""
    limit = None if caller.service.distress else caller.service.max_talking
    return limit is not None and limit <= sum(
        one.caller.service.id == caller.service.id for one in h.offers.values() if one.state in (PENDING, ACCEPTED))


# --- requirements


def asked_for(service, step: int | None, needs: tuple) -> tuple[list[tuple[str, int]], list[tuple], bool]:
    """Return the skills with levels in order, further conditions, and whether the step's condition ranks by a level.
    Without a step only the floor and the needs are asked for."""
    wanted: dict[str, int] = {}
    conditions: list[tuple] = []
    own = Step(()) if step is None else service.steps[step]
    parts = ((own.needs, own.where), (service.floor, service.floor_where), (needs, ""))
    for least, where in parts:
        simple = []
        if where:
            tree = words.read(where)
            simple = words.plain_needs(tree)
            if simple is None:
                conditions.append(tree)
                simple = []
        for skill, level in [*least, *simple]:
            wanted[skill] = max(level, wanted.get(skill, level))
    ranks = not own.needs and own.where != "" and words.plain_needs(words.read(own.where)) is None and words.asks(
        words.read(own.where))
    return list(wanted.items()), conditions, ranks


def level_of(asked: tuple, skills: tuple) -> int | None:
    """Return the level that ranks a person with these skills, -1 if nothing ranks, or None if the skills do not fit."""
    wanted, conditions, by_step = asked
    if not wanted and not conditions:
        return -1
    has = dict(skills)
    for skill, least in wanted:
        if skill not in has or has[skill] < least:
            return None
    for tree in conditions:
        if not words.holds(tree, has):
            return None
    if wanted and not by_step:
        return has[wanted[0][0]]
    return words.ranks(conditions[0], has) or 0


def no_topics(p: Person) -> frozenset[str]:
    """Return the topics that the agent excludes. The lead of a pair also excludes those of the partner."""
    own = p.agent.profile.no_topics
    return own | p.partner.agent.profile.no_topics if p.lead else own


def fits(h, caller: Caller, asked: tuple, p: Person) -> int | None:
    """Return the level of the agent by skills and topics, or None."""
    banned = no_topics(p)
    if banned and not (banned & h.excluded).isdisjoint(caller.topics | {caller.service.id}):
        return None
    return level_of(asked, p.agent.skills)


def ever(p: Person, channel: Channel) -> bool:
    """Return whether the profile has the channel, with a seat for calls and a desk for messages."""
    profile = p.agent.profile
    return has(p, channel) and dict(profile.max_concurrency).get(channel, 1) > 0


def has(p: Person, channel: Channel) -> bool:
    """Return whether the profile names the channel, with a seat for calls and a desk for messages."""
    return channel in p.agent.profile.channels and (p.phone is not None if channel is VOICE else p.desk)


def find_steps(h) -> None:
    """Find the step in force of each contact that looks for an agent: the first one, from the step reached by time on,
    that a signed-in agent can meet. The last step stays."""
    signed = [p for p in h.people.values() if p.signed]
    for caller in h.callers.values():
        if not caller.looks(h.now, h.quiet):
            continue
        caller.step = caller.timed_step
        if caller.preferred is not None:
            continue
        while steps.step_lasts(caller.service, caller.step) is not None:
            asked = h.asked(caller)
            if any(ever(p, caller.channel) and fits(h, caller, asked, p) is not None for p in signed):
                break
            caller.step += 1
            h.seen["steps passed because nobody was signed in"] += 1


# --- what an agent can take


def takes(h, p: Person) -> list[Channel]:
    """Return the channels of which the agent may be offered a contact now."""
    found = alone(h, p)
    if VOICE in found and p.agent.profile.pair_id and not (p.lead and VOICE in alone(h, p.partner)):
        found.remove(VOICE)
    return found


def alone(h, p: Person) -> list[Channel]:
    """Return the same channels without a look at the partner."""
    if p.state in (SIGNED_OUT, PAUSED, NOT_RESPONDING, BUSY) or not p.configured or p.detached_wrapup \
            or p.pause_pending or p.leave_pending or (not p.hands and p.state not in (READY, UNREACHABLE)):
        return []
    phone = p.phone
    if phone is not None and phone.in_use and not p.calls():
        return []  # a private call, or the end of ours that the phone has not told yet
    if max(p.not_before, p.gap_until, p.rest_until) > h.now or p.protected or burden.break_due(h, p) <= h.now:
        return []
    return [channel for channel in Channel if ever(p, channel) and beside(h, p, channel)
            and not (channel is VOICE and (phone.in_use or not phone.reachable))
            and not (channel is not VOICE and p.messages_from > h.now)]


def beside(h, p: Person, channel: Channel) -> bool:
    """Return whether one more contact of this channel fits together with the contacts at hand."""
    profile, live = p.agent.profile, p.hands
    cost = h.cost(channel)
    if not live:
        return cost <= profile.capacity
    call = p.calls()
    yielding = [one for one in live if h.yields(one)]
    if profile.one_at_a_time or p.rna_count >= profile.rna_allowed:
        return False
    if sum(one.caller.channel is channel for one in live) >= dict(profile.max_concurrency).get(channel, 1):
        return False
    if call and (yielding or h.interruptible(channel)):
        return False
    counted = live
    if channel is VOICE:
        if any(one.state is WRAPPING for one in live):
            return False
        counted = [one for one in live if one not in yielding]
    return cost <= profile.capacity and sum(one.cost for one in counted) + cost <= profile.capacity


# --- strategies


def rank(name: str, p: Person, level: int) -> int:
    """Return the rank of the agent. Higher is better."""
    level = max(level, 0)
    if name in ("longest_idle_any", "least_occupied_any"):
        return 0
    if name == "fewest_skills":
        return 8 * (15 - min(len(p.agent.skills), 15)) + level * 8 // 101
    return 100 - level if name == "weakest_first" else level


def key(h, name: str, p: Person) -> float:
    """Return the order of the agent. Smaller is better."""
    half_life = h.centre.occupied_half_life_s
    if name in ("least_occupied", "least_occupied_any"):
        return log2(p.occupied) + p.occupied_at / half_life if p.occupied > 0 else -1100.0
    if name == "fewest_contacts":
        return log2(p.offered) + p.offered_at / half_life if p.offered > 0 else -1100.0
    return p.idle_since


# --- the offer


def offer(h, caller: Caller, found: list[Candidate]) -> None:
    """Reserve the contact for the best candidate and ring the phone."""
    _, p, tier, score, level, step = found[0]
    runners_up = tuple(one.person.id for one in found[1:6] if not too_near(h, caller, one.person))
    if h.counts:
        p.offered = p.offered * 2.0 ** ((p.offered_at - h.now) / h.centre.occupied_half_life_s) + 1.0
        p.offered_at = h.now
    further = caller.state is not WAITS
    personal = caller.preferred is not None and not further
    partner = p.partner if caller.channel is VOICE and p.lead else None
    pair = [p] if partner is None else [p, partner]
    if caller.channel is VOICE:
        for one in pair:
            clear_way(h, one)
    ring_s = max(one.agent.profile.ring_timeout_s for one in pair)
    spared = [one for one in pair if burden.beyond(h, one, caller.service.load)] or [p]
    made = Offer(h.next_offer, caller, p, p.seat or "", partner, h.now, ring_s, step, level, tier,
                 h.cost(caller.channel))
    h.next_offer += 1
    h.offers[made.id] = made
    caller.act = None
    if further:
        made.state = BESIDE
        caller.beside.append(made)
    else:
        caller.offer, caller.state = made, RESERVED
    for one in pair:
        one.talked_until = None
        one.hands.append(made)
        shifts.engage(h, one)
    for one in h.people.values():  # also the partners
        if one.touched:
            burden.look(h, one)
    h.tell("Offered", made.id, caller.id, p.id, made.seat, caller.service.id, ring_s, made.step, level, runners_up,
           "longest_idle" if personal else caller.service.strategy, round(score, 6), tier, personal,
           None if partner is None else partner.id, further)
    if tier == 2:
        for one in spared:
            h.tell("Overridden", one.id, made.id, "distress_limit", "ceiling")
        h.seen["beyond the limit of the second of a pair"] += spared == [partner]
    if caller.callback:
        made.calls_back, made.caller_first = True, caller.service.callback == "caller_first"
    if made.caller_first:
        callbacks.dial(h, made)
    else:
        first_words.begin(h, made)


def ring(h, made: Offer) -> None:
    """Ring the agent's phone."""
    made.told_at = h.now
    if made.voice and not made.person.agent.remote:
        made.due["vanish"] = h.now + h.centre.phone_reacts_s
    made.due["ring"] = h.now + made.ring_s + 3.0
    h.commands.append(command(h, made))


def clear_way(h, p: Person) -> None:
    """Rescind what rings at the agent when a call comes. The agent stays at the seat."""
    later, p.next_seat = p.next_seat, None
    for one in list(p.hands):
        if one.rings:
            calls.rescind(h, one, "call")
            calls.close(h, one, "rescinded", "call", keep_idle=True)
    p.next_seat = later


def command(h, made: Offer) -> commands.Offer:
    """Return the offer command for the shell."""
    caller, agent = made.caller, made.person.agent
    profile = agent.profile
    by_key = agent.remote or made.tier == 2
    spoken = profile.pre_connect in (PreConnect.WHISPER, PreConnect.BOTH)
    reads = profile.pre_connect in (PreConnect.SCREEN, PreConnect.BOTH)
    return commands.Offer(
        made.id, caller.id, caller.leg, agent.id, made.seat, caller.service.id, caller.service.name, made.ring_s,
        AnswerMode.PRESS_ONE if by_key else profile.answer_mode, by_key or spoken, h.now - caller.waits_from,
        caller.node, caller.channel, profile.pre_connect_s if reads else 0.0, caller.callback,
        None if made.partner is None else joining(made), agent.remote, profile.comfort,
        "" if caller.consulting_offer is None or made.partner is not None
        else f"o{caller.consulting_offer.id}-{caller.id}")


def joining(made: Offer) -> commands.Partner:
    """Return the command for the phone of the partner."""
    agent = made.partner.agent
    profile = agent.profile
    by_key = agent.remote or made.tier == 2
    spoken = profile.pre_connect in (PreConnect.WHISPER, PreConnect.BOTH)
    reads = profile.pre_connect in (PreConnect.SCREEN, PreConnect.BOTH)
    return commands.Partner(
        agent.id, made.partner.seat, AnswerMode.PRESS_ONE if by_key else profile.answer_mode, by_key or spoken,
        profile.pre_connect_s if reads else 0.0, agent.remote, profile.comfort)
