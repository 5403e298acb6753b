"""Estimate the wait of a contact with an interval, and learn from the waits that followed.

The model. A contact gets its turn when the contacts before it had theirs and one more agent becomes free. Before it are
the contacts of an earlier place in its own group. From groups that compete for the same agents, only the share counts
that such agents will take. Agents become free at rate r = sum of 1 / (mean handle time of their present contacts +
ringing). For few agents the age of their present contacts decides the first moment. Waiting callers give up at rate t
each. With k contacts before it the wait is a sum of exponential times. Their rates are r, r + t, ..., r + k t. This is
the estimator QL_m of Ibrahim and Whitt ("Real-time delay estimation based on delay history", M&SOM 11(3), 2009). Its
quantiles are those of a gamma of the same mean and variance (Wilson and Hilferty 1931). When a step ends earlier, the
agents of the next step count.

The correction. The model leaves out points of later callers, breaks and a forecast of arrivals. Their effect is
learned: for each service the three quantiles are multiplied by factors. The factors follow the answered contacts in
small steps. In the end a tenth, half and nine tenths of the waits are below the quantiles. The step is the gradient of
the pinball loss. For intervals it is the adaptive conformal inference of Gibbs and Candès (NeurIPS 2021). In the long
run the interval therefore holds 80 of 100 waits, whatever the model misses.

The cost. Findings about the agents are used for a while (`agent_supply`), and contacts are never looked at one by one.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

from routing.core.matching.agent_pool import Group, precedence_of, virtual_start
from routing.core.matching.matching_index import IndexedContact
from routing.core.matching.protocols import WaitingContact
from routing.core.matching.skill_requirement import step_duration_s
from routing.core.memory.waits import LearnedService
from routing.core.model.centre_model import Centre, Channel, ContactState, Estimate, Needs, Service
from routing.core.model.ids import ServiceId
from routing.core.waiting_time.agent_supply import AgentSupply, Moment, SupplyRate

MODEL_ERROR = 0.2
"""Relative error of the model itself, added to the spread that chance makes."""

Z_90 = 1.2815515655446004
"""The normal quantile of nine tenths."""

EXACT_TERMS = 8
"""This many terms of the sum are added one by one, the rest by its integral."""

NOBODY_PLANNED_S = 86_400.0
"""Wait after the last agent who fits has left, if nobody is planned to come: long enough for each rule of a long
wait."""


class State(Moment, Protocol):
    """The state of the engine that an estimate is calculated from.

    Reads have a separate supply. A read of an estimate must not change what the engine decides, or a replay would
    decide differently.
    """

    @property
    def centre(self) -> Centre:
        """Return the settings in force."""

    @property
    def supply(self) -> AgentSupply:
        """Return the supply of agents that decisions use."""

    @property
    def supply_read(self) -> AgentSupply:
        """Return the supply of agents that reads use."""

    @property
    def next_number(self) -> int:
        """Return the number of the next contact."""

    def can_reach(self, contact: WaitingContact) -> bool:
        """Return whether a contact can be led to an agent now: a call needs the link to its Asterisk."""

    def learn_about(self, service: ServiceId) -> LearnedService | None:
        """Return what is learned of a configured service, to be changed."""


class TakenOffer(Protocol):
    """An offer whose ring time is learned."""

    @property
    def offered_at(self) -> float:
        """Return when the offer was made."""


class SteppedContact(WaitingContact, Protocol):
    """A contact whose wait can be estimated, in a queue or not."""

    @property
    def entry(self) -> tuple[float, int, Any]:
        """Return virtual start and number: the place among contacts of the same weight."""

    @property
    def step_at(self) -> float:
        """Return when `timed_step` began."""

    @property
    def timed_step(self) -> int:
        """Return the step that the contact has reached by time."""

    @property
    def group(self) -> Group[Any, Any] | None:
        """Return the group in which the contact waits, or None if it is in none."""


class EstimatedContact(IndexedContact, Protocol):
    """A contact that has an estimate, or may get one."""

    estimate: Estimate | None
    """The wait that was estimated at entry."""

    @property
    def step_at(self) -> float:
        """Return when the contact's present step began."""

    @property
    def state(self) -> ContactState:
        """Return the state of the contact."""

    @property
    def since(self) -> float:
        """Return the start of the contact's wait, with the age that it brought."""

    @property
    def queued_at(self) -> float:
        """Return when the contact came."""

    @property
    def offer(self) -> TakenOffer | None:
        """Return the contact's present offer."""


class Newcomer(NamedTuple):
    """A caller who might come now."""

    service: Service
    entry: tuple[float, int, None]
    step_at: float
    step: int = 0
    timed_step: int = 0
    channel: Channel = Channel.VOICE
    needs: Needs = ()
    topics: frozenset[str] = frozenset()
    node: str = ""
    beyond_ceiling: bool = False
    deferred: bool = False
    callback: bool = False
    group: None = None


def estimate_at_entry(d: State, contact: EstimatedContact) -> Estimate | None:
    """Return the expected wait of a contact that has just come.

    Return None if an agent is free for it, or if nobody is there who could take it. The same holds while the link of a
    call is down. A callback whose time has not come has no estimate either.
    """
    group = contact.group
    if group is None or group.pool.mask & group.allowed:
        return None
    return _estimate_wait(d, d.supply, contact, contact.step, d.now, d.forecast.peek_learned(contact.service.id))


def estimate_now(d: State, contact: EstimatedContact, at: float) -> Estimate | None:
    """Return the wait that a waiting contact may still expect. The read changes nothing that decisions use."""
    group = contact.group
    if contact.state is not ContactState.PENDING or group is None or group.has_ready_agent:
        return None
    return _estimate_wait(d, d.supply_read, contact, contact.step, at, d.forecast.peek_learned(contact.service.id))


def has_ready_agent(d: State, service: Service, at: float) -> bool:
    """Return whether an agent is ready for a caller who would come now."""
    contact = Newcomer(service, (virtual_start(service, at, 0), d.next_number, None), at)
    return d.matching.group_of(contact, d.matching.first_servable_step(contact)).has_ready_agent


def estimate_newcomer(d: State, service: Service, at: float) -> Estimate | None:
    """Return the wait of a caller who would come now, or None as in `estimate_at_entry`. The read changes nothing."""
    contact = Newcomer(service, (virtual_start(service, at, 0), d.next_number, None), at)
    step = d.matching.first_servable_step(contact)
    if d.matching.group_of(contact, step).has_ready_agent:
        return None
    return _estimate_wait(d, d.supply_read, contact, step, at, d.forecast.peek_learned(service.id))


def initial_estimate(contact: EstimatedContact) -> Estimate | None:
    """Return the estimate that a contact was given at entry, counted from `since` like its wait.

    A contact with an age (a dropped call, a merged callback, an adopted call) has waited before.
    """
    expected, before_s = contact.estimate, contact.queued_at - contact.since
    if expected is None:
        return None
    return expected if before_s == 0.0 else Estimate(*[before_s + one for one in expected])


def learn_from_answer(d: State, contact: EstimatedContact, at: float) -> None:
    """Learn from a contact that is connected and was given an estimate.

    Callbacks have no estimate any more. Neither has a second connection after a dropped talk.
    """
    told, contact.estimate = contact.estimate, None
    offer = contact.offer
    if told is None or offer is None or (learned := d.learn_about(contact.service.id)) is None:
        return
    waited_s = max(0.0, at - contact.queued_at)
    learned.correct_estimate(told, waited_s)
    learned.learn_patience(waited_s, False)
    d.forecast.learn_ring(learned, max(0.0, at - offer.offered_at))


def learn_from_abandon(d: State, contact: EstimatedContact, at: float) -> None:
    """Learn from a waiting caller who has hung up."""
    learned = d.learn_about(contact.service.id)
    if learned is not None:
        learned.learn_patience(max(0.0, at - contact.queued_at), True)


def _estimate_wait(d: State, crew: AgentSupply, contact: SteppedContact, step: int, at: float,
                   learned: LearnedService) -> Estimate | None:
    # Findings about the agents are some seconds old, and a caller whom nobody can take is told no wait at all.
    if not d.can_reach(contact) or not d.matching.is_manned(contact, contact.timed_step):
        return None
    mean, variance = _time_to_turn(d, crew, contact, step, at, learned.given_up / learned.waited_s)
    if mean == math.inf:
        return None
    # 1. A gamma of this mean and variance, with its quantiles by Wilson and Hilferty.
    variance += (MODEL_ERROR * mean) ** 2
    shape = mean * mean / variance
    ninth = 1.0 / (9.0 * shape)
    root = Z_90 * math.sqrt(ninth)
    # 2. The learned corrections. Each quantile has its own factor, so the three may cross and are sorted.
    low, middle, high = learned.by
    ring_s = d.forecast.ring_s
    low_s, wait_s, high_s = sorted((
        ring_s + mean * max(0.0, 1.0 - ninth - root) ** 3 * low,
        ring_s + mean * (1.0 - ninth) ** 3 * middle,
        ring_s + mean * (1.0 - ninth + root) ** 3 * high))
    return Estimate(wait_s, low_s, high_s)


def _time_to_turn(d: State, crew: AgentSupply, contact: SteppedContact, step: int, at: float,
                  impatience: float) -> tuple[float, float]:
    """Return mean and variance of the time until a contact has its turn, in this step or a later one.

    The mean is infinite if the turn never comes as things are.
    """
    # 1. The turn by the agents of the present step alone.
    service, first = contact.service, step
    rate = crew.rate_for(d, contact, step)
    ahead = _contacts_ahead(d, crew, rate, contact, at)
    mean, variance = _sum_turns(rate, impatience, ahead, at)
    # 2. Each later step that begins before that turn. Contacts that were served meanwhile are not before it any more.
    elapsed = done = 0.0
    while (stays := step_duration_s(service, step)) is not None:
        left = max(0.0, step_ends_at(contact, step) - at) if step == first else stays
        # A step that no agent who is signed in could meet ends at once.
        if rate.per_s <= 0 and d.matching.group_of(contact, step).is_unservable:
            left = 0.0
        if mean <= elapsed + left:
            break
        elapsed += left
        done += left * rate.per_s
        step += 1
        rate = crew.rate_for(d, contact, step)
        after, variance_after = _sum_turns(rate, impatience,
            max(0.0, _contacts_ahead(d, crew, rate, contact, at) - done), at + elapsed)
        if elapsed + after < mean:
            mean, variance = elapsed + after, variance_after
    return mean, variance


def step_ends_at(contact: SteppedContact, step: int) -> float:
    """Return the end of a step by time. Each step before it lasts its whole time, whether an agent could meet it or
    not."""
    steps = contact.service.steps
    return contact.step_at + sum([steps[one].lasts_s or 0.0 for one in range(contact.timed_step, step + 1)])


def _sum_turns(rate: SupplyRate, impatience: float, ahead: float, at: float) -> tuple[float, float]:
    """Return mean and variance of the time from `at` until `ahead` contacts and then this one had their turn.

    The mean is infinite if no agent is at work now.
    """
    if rate.per_s <= 0:
        return math.inf, 0.0
    elapsed, per_s = 0.0, rate.per_s
    mean, variance = _sum_terms(rate.first_per_s, per_s, impatience, ahead)
    # Agents come and leave by their planned hours, and the contacts that had their turn until then are not ahead.
    for change in rate.changes:
        left = change.at - at - elapsed
        if left > 0.0:
            if mean <= left:
                break
            elapsed += left
            ahead = max(0.0, ahead - left * per_s)
            if ahead < change.arriving:
                return elapsed, 0.0
            ahead -= change.arriving
        per_s = change.per_s
        mean, variance = (NOBODY_PLANNED_S, 0.0) if per_s <= 0 else _sum_terms(per_s, per_s, impatience, ahead)
    return elapsed + mean, variance


def _sum_terms(first_per_s: float, per_s: float, impatience: float, ahead: float) -> tuple[float, float]:
    """Return mean and variance of the sum of the times between the turns, at a constant supply."""
    mean = 1.0 / first_per_s
    variance = mean * mean
    # The first terms are added, and the others replaced by an integral: a queue of thousands costs no more.
    one_by_one = min(int(ahead), EXACT_TERMS)
    for number in range(1, one_by_one + 1):
        takes = 1.0 / (per_s + number * impatience)
        mean += takes
        variance += takes * takes
    rest = ahead - one_by_one
    if rest > 0:
        slow = per_s + (one_by_one + 0.5) * impatience
        fast = slow + rest * impatience
        mean += math.log(fast / slow) / impatience
        variance += (1.0 / slow - 1.0 / fast) / impatience
    return mean, variance


def _contacts_ahead(d: State, crew: AgentSupply, rate: SupplyRate, contact: SteppedContact, at: float) -> float:
    """Return how many contacts have their turn before this one. Without any agent at work nobody has a turn.

    They have an earlier place in their group. Each group counts by the share that the same agents will take. Of
    callbacks that were held back, only as many count as have their turn before a live caller.
    """
    if rate.per_s <= 0:
        return 0.0
    entry, weight, own = contact.entry, contact.service.weight, contact.group
    since, number, _ = entry
    ahead, late, precedence = 0.0, 0.0, precedence_of(contact.service.distress, contact.callback)
    for group in d.matching.waiting_groups:
        # A further phone for somebody who is offered already is in front of nobody.
        if group.beside:
            continue
        if group is own:
            ahead += group.queue.rank(entry)
            continue
        # Another class comes wholly before or wholly after this one, whatever the age.
        if group.precedence != precedence:
            if group.precedence < precedence:
                ahead += group.queue.size * crew.share_taken(d, rate, group)
            continue
        # Weights differ, so the place in the other group is the one of equal weighted age now.
        if share := crew.share_taken(d, rate, group):
            before = share * group.queue.rank((since + at * (group.weight - weight), number, contact))
            if group.late and not contact.deferred:
                late += before
            else:
                ahead += before
    turns = d.centre.callback_share
    return ahead + min(late, ahead * turns / (1.0 - turns))
