"""Facts of a run, folded into its outcome as they come: none of them is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import inf
from typing import Any

from planning.order import Order
from planning.outcome import SLOT_S, Cell, Outcome, Tally
from routing.core import refusals
from routing.core.facts import (
    AgentChanged,
    Alarm,
    CallbackChanged,
    ContactChanged,
    Ended,
    Fact,
    Moved,
    OfferClosed,
    Offered,
    Queued,
    ServiceChanged,
    Stepped,
)
from routing.core.ids import AgentId, ContactId, ServiceId
from routing.core.model import AgentState, Centre, ContactState, Needs, OfferState, Profile
from routing.core.model import Outcome as End
from routing.core.talk_facts import Connected, Consulting, Introduced, Returned, TalkOver, WrappedUp

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
READY, RINGING, TALKING, WRAPUP, PAUSED = (
    AgentState.READY, AgentState.RINGING, AgentState.TALKING, AgentState.WRAPUP, AgentState.PAUSED)
PENDING, CANCELED, TIMEOUT = ContactState.PENDING, OfferState.CANCELED, OfferState.TIMEOUT
ANSWERED = End.ANSWERED


class _Clock:
    """What an agent does, since when, and whose time it is."""

    __slots__ = ("idle", "ready_from", "rest_s", "rest_until", "since", "skills", "state", "tally")

    def __init__(self, tally: Tally, rest_s: float, since: float) -> None:
        self.tally, self.rest_s, self.since = tally, rest_s, since
        self.state = AgentState.SIGNED_OUT
        self.ready_from = since
        """From when a ready agent counts as available: after the rest gap, and the rest after a heavy contact."""
        self.rest_until = 0.0
        self.idle = False
        """Had nothing under way, and a phone, until the change just told: an offer that follows is the first."""
        self.skills: Needs | None = None
        """What the agent serves for now instead of what is configured."""

    def spend(self, until: float) -> None:
        """The time in the present state until then, which is later than `since`."""
        state, since, tally = self.state, self.since, self.tally
        self.since = until
        if state is TALKING:
            tally.talk_s += until - since
        elif state is READY:
            if until > self.ready_from:
                tally.available_s += until - max(since, self.ready_from)
        elif state is WRAPUP:
            tally.wrapup_s += until - since
        elif state is RINGING:
            tally.ringing_s += until - since
        elif state is PAUSED:
            tally.paused_s += until - since


class Ledger:
    """Folds facts in order. `count_from`: contacts that entered the queue before are not counted, and agents' time
    begins then."""

    def __init__(self, centre: Centre, count_from: float | None = None) -> None:
        self._names: dict[ServiceId, str] = {}
        self._targets: dict[ServiceId, float] = {}
        self._from = -inf if count_from is None else count_from
        self._order = Order(centre)
        self._cells: dict[tuple[ServiceId, int], Cell] = {}
        self._uncounted = Cell()
        """Where the warm-up goes, and who came before the record begins: a purge cuts a journal at a start of a node,
        and who waits or talks goes through that."""
        self._open: dict[ContactId, Cell] = {}
        """Contacts of which the last word has not been said."""
        self._cut: set[ContactId] = set()
        """Answered, cut off and waiting again: they stay answered, whatever comes."""
        self._clocks: dict[AgentId, _Clock] = {}
        self._unknown = _Clock(Tally(AgentId("")), 0.0, inf)
        """Of agents who are in no rules of the record: they left them before it begins, and had something under way."""
        self._closed: Counter[str] = Counter()
        self._alarms: Counter[str] = Counter()
        self._offers = self._violations = self._facts = 0
        # Any: each method takes its own type of fact; the table's key is that type.
        self._table: dict[type, Callable[[Any], None]] = {
            AgentChanged: self._agent, Queued: self._queued, Moved: self._moved, Offered: self._offered,
            Connected: self._connected, TalkOver: self._talk_over, WrappedUp: self._wrapped_up, Ended: self._ended,
            Consulting: self._consulting, Returned: self._returned, Introduced: self._introduced,
            OfferClosed: self._offer_closed, Alarm: self._alarm, ContactChanged: self._changed,
            CallbackChanged: self._called_back, Stepped: self._stepped, ServiceChanged: self._opens,
        }
        self._know(centre)

    def rules(self, centre: Centre) -> None:
        """These rules are in force from now on. Who is gone from them stays in the figures."""
        self._order.rules(centre)
        self._know(centre)

    def linked(self, node: str, up: bool) -> None:
        """The link to an Asterisk is lost or back."""
        self._order.linked(node, up)

    def _know(self, centre: Centre) -> None:
        self._names |= {service.id: service.name for service in centre.services}
        self._targets |= {service.id: service.target_s for service in centre.services}
        usual = Counter(agent.profile for agent in centre.agents).most_common(1)
        default = usual[0][0] if usual else Profile()
        for agent in centre.agents:
            clock = self._clocks.get(agent.id)
            if clock is None:
                clock = self._clocks[agent.id] = _Clock(Tally(agent.id), 0.0, self._from)
            clock.rest_s = agent.profile.rest_gap_s
            clock.tally.team, clock.tally.accommodated = agent.team, agent.profile != default

    def fold(self, facts: list[Fact]) -> None:
        """Take in what happened."""
        self._facts += len(facts)
        table = self._table
        for fact in facts:
            handler = table.get(type(fact))
            if handler is not None:
                handler(fact)

    def close(self, at: float) -> Outcome:
        """The run is over: what is known of it. What agents do at the end counts until then."""
        for clock in self._clocks.values():
            if at > clock.since:
                clock.spend(at)
        return Outcome(
            at=at, names=self._names, targets=self._targets, cells=self._cells,
            agents={agent: clock.tally for agent, clock in self._clocks.items()}, offers=self._offers,
            violations=self._violations, closed=dict(self._closed), alarms=dict(self._alarms), facts=self._facts)

    def _agent(self, fact: AgentChanged) -> None:
        clock, at, state = self._clocks.get(fact.agent, self._unknown), fact.at, fact.state
        if at > clock.since:
            clock.spend(at)
        clock.state = state
        clock.idle = fact.before is READY
        if fact.skills is not clock.skills:
            clock.skills = fact.skills
            self._order.skilled(fact.agent, fact.skills)
        if fact.wellbeing is not None:
            clock.rest_until = fact.wellbeing.rest_until
        if state is READY and (clock.rest_s or fact.wellbeing is not None):
            idle_since = fact.since if fact.idle_since is None else fact.idle_since
            clock.ready_from = max((at if idle_since is None else idle_since) + clock.rest_s, clock.rest_until)

    def _queued(self, fact: Queued) -> None:
        since, contact = fact.since, fact.contact
        cell = self._uncounted if since < self._from else self._cell(fact.service, since)
        cell.offered += 1
        self._open[contact] = cell
        self._order.comes(contact, fact.service, fact.channel, fact.priority, since, fact.needs, fact.topics, fact.node,
                          fact.position)

    def _cell(self, service: ServiceId, at: float) -> Cell:
        key = service, int(at // SLOT_S)
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = Cell()
        return cell

    def _of(self, contact: ContactId) -> Cell:
        return self._open.get(contact, self._uncounted)

    def _moved(self, fact: Moved) -> None:
        """Counted in the new queue from now on, with the wait of both."""
        before = self._of(fact.contact)
        if before is not self._uncounted:
            before.moved += 1
            cell = self._open[fact.contact] = self._cell(fact.service, fact.at)
            cell.offered += 1
        self._order.moves(fact.contact, fact.service)

    def _changed(self, fact: ContactChanged) -> None:
        self._order.changes(fact.contact, fact.priority, fact.needs, fact.topics, fact.since)

    def _stepped(self, fact: Stepped) -> None:
        self._order.steps(fact.contact, fact.step)

    def _opens(self, fact: ServiceChanged) -> None:
        self._order.opens(fact.service, fact.open)

    def _called_back(self, fact: CallbackChanged) -> None:
        self._order.leaves(fact.contact)

    def _offered(self, fact: Offered) -> None:
        clock = self._clocks.get(fact.agent, self._unknown)
        overtaken = self._order.offered(fact.contact, fact.agent, fact.at, clock.idle)
        clock.idle = False
        if fact.at >= self._from:
            self._offers += 1
            self._violations += overtaken

    def _offer_closed(self, fact: OfferClosed) -> None:
        if fact.state is CANCELED:
            self._order.over(fact.contact)
        else:
            self._order.returns(fact.contact)
            if fact.reason == refusals.REASON:  # set aside: others are offered meanwhile, rightly
                self._order.leaves(fact.contact)
        if fact.at >= self._from:
            self._closed[fact.reason] += 1
            if fact.state is TIMEOUT:
                self._clocks.get(fact.agent, self._unknown).tally.misses += 1

    def _connected(self, fact: Connected) -> None:
        if not self._cut or fact.contact not in self._cut:
            cell = self._of(fact.contact)
            cell.answered += 1
            if fact.within:
                cell.within += 1
            cell.waits.append(fact.wait_s)
        if fact.at >= self._from:
            self._clocks.get(fact.agent, self._unknown).tally.contacts += 1

    def _talk_over(self, fact: TalkOver) -> None:
        self._of(fact.contact).talk_s += fact.talk_s
        if fact.state is PENDING:
            self._cut.add(fact.contact)
            self._order.returns(fact.contact)
        else:
            self._order.over(fact.contact)

    def _consulting(self, fact: Consulting) -> None:
        self._cut.add(fact.contact)
        self._order.returns(fact.contact)

    def _returned(self, fact: Returned) -> None:
        self._order.offered(fact.contact, fact.agent, fact.at, idle=False)

    def _introduced(self, fact: Introduced) -> None:
        self._of(fact.contact).talk_s += fact.talk_s

    def _wrapped_up(self, fact: WrappedUp) -> None:
        self._open.pop(fact.contact, self._uncounted).wrapup_s += fact.wrapup_s

    def _ended(self, fact: Ended) -> None:
        if fact.outcome is ANSWERED:
            return
        self._order.leaves(fact.contact)
        cell = self._open.pop(fact.contact, self._uncounted)
        if fact.contact in self._cut:
            return
        if fact.outcome is End.OVERFLOW:
            cell.overflowed += 1
        elif fact.outcome is End.LEFT:
            cell.left += 1
        elif fact.outcome is End.ABANDONED or fact.outcome is End.ABANDONED_SHORT:
            cell.abandoned += 1
            cell.gave_up.append(fact.wait_s)
            if fact.outcome is End.ABANDONED_SHORT:
                cell.short += 1
        else:
            cell.failed += 1

    def _alarm(self, fact: Alarm) -> None:
        self._alarms[fact.kind] += 1
