"""Fold the facts of a run into its outcome as they come. No fact is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import inf
from typing import Any

from planning.simulation.order_monitor import OrderMonitor
from planning.simulation.outcome import SLOT_S, AgentTally, OutcomeCell, RunOutcome
from routing.core.calls import refusals
from routing.core.model.centre_model import AgentState, Centre, ContactState, Needs, OfferState, Profile, WayOut
from routing.core.model.centre_model import Outcome as End
from routing.core.model.facts import (
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
    WayOutOffered,
)
from routing.core.model.ids import AgentId, ContactId, ServiceId
from routing.core.model.talk_facts import (
    Connected,
    ConsultCancelled,
    ConsultCompleted,
    ConsultStarted,
    TalkEndedRecorded,
    WrappedUp,
)
from routing.core.records import TURNING_AWAY

# Global names: reading a member from its enum takes ten times as long on Python 3.11.
READY, RINGING, TALKING, WRAPUP, PAUSED = (
    AgentState.READY, AgentState.RINGING, AgentState.TALKING, AgentState.WRAPUP, AgentState.PAUSED)
PENDING, CANCELED, TIMEOUT = ContactState.PENDING, OfferState.CANCELED, OfferState.TIMEOUT
ANSWERED = End.ANSWERED


class _StateClock:
    """Present state of an agent, its start, and the tally that gets its time."""

    __slots__ = ("idle", "ready_from", "rest_s", "rest_until", "since", "skills", "state", "tally")

    def __init__(self, tally: AgentTally, rest_s: float, since: float) -> None:
        self.tally, self.rest_s, self.since = tally, rest_s, since
        self.state = AgentState.SIGNED_OUT
        self.ready_from = since
        """Time from which a ready agent counts as available: after the rest gap and the rest after a heavy contact."""
        self.rest_until = 0.0
        self.idle = False
        """Whether the agent had a phone and no contact before the last change. An offer right after it is then the
        first."""
        self.skills: Needs | None = None
        """Skills the agent serves for now, or None for the configured ones."""

    def count_time(self, until: float) -> None:
        """Add the time in the present state up to `until`, which is later than `since`."""
        state, since, tally = self.state, self.since, self.tally
        self.since = until
        if state is TALKING:
            tally.talk_s += until - since
        elif state is READY:
            # Rest after a contact belongs to no figure.
            if until > self.ready_from:
                tally.available_s += until - max(since, self.ready_from)
        elif state is WRAPUP:
            tally.wrapup_s += until - since
        elif state is RINGING:
            tally.ringing_s += until - since
        elif state is PAUSED:
            tally.paused_s += until - since


class OutcomeLedger:
    """Fold facts in order.

    Contacts that entered the queue before `count_from` are not counted, and the time of agents begins then.
    """

    def __init__(self, centre: Centre, count_from: float | None = None) -> None:
        self._names: dict[ServiceId, str] = {}
        self._targets: dict[ServiceId, float] = {}
        self._from = -inf if count_from is None else count_from
        self._order = OrderMonitor(centre)
        self._cells: dict[tuple[ServiceId, int], OutcomeCell] = {}
        self._uncounted = OutcomeCell()
        """Cell of the warm-up and of contacts that are older than the record. A purge cuts a journal at a start of a
        node, and waiting or talking contacts survive that start."""
        self._open: dict[ContactId, OutcomeCell] = {}
        """Cells of contacts with facts still to come."""
        self._dropped: set[ContactId] = set()
        """Contacts that were answered and wait again. They stay answered, however they end."""
        self._clocks: dict[AgentId, _StateClock] = {}
        self._unknown = _StateClock(AgentTally(AgentId("")), 0.0, inf)
        """Clock of agents in no rules of the record. They were removed before it begins, but still had a contact."""
        self._closed: Counter[str] = Counter()
        self._alarms: Counter[str] = Counter()
        self._offers = self._violations = self._facts = 0
        # Any: each method takes one type of fact, and the table's key is that type.
        self._table: dict[type, Callable[[Any], None]] = {
            AgentChanged: self._on_agent_changed, Queued: self._on_queued, Moved: self._on_moved,
            Offered: self._on_offered, Connected: self._on_connected, TalkEndedRecorded: self._on_talk_ended,
            WrappedUp: self._on_wrapped_up, Ended: self._on_ended,
            ConsultStarted: self._on_consult_started, ConsultCancelled: self._on_consult_cancelled,
            ConsultCompleted: self._on_consult_completed, OfferClosed: self._on_offer_closed,
            Alarm: self._on_alarm, ContactChanged: self._on_contact_changed,
            CallbackChanged: self._on_callback_changed, Stepped: self._on_stepped,
            ServiceChanged: self._on_service_changed, WayOutOffered: self._on_way_out_offered,
        }
        self._note_centre(centre)

    def apply_centre(self, centre: Centre) -> None:
        """Apply new rules from now on. Agents and services without a rule stay in the figures."""
        self._order.apply_centre(centre)
        self._note_centre(centre)

    def note_link(self, node: str, up: bool) -> None:
        """Note that the link to an Asterisk was lost or restored."""
        self._order.note_link(node, up)

    def _note_centre(self, centre: Centre) -> None:
        self._names |= {service.id: service.name for service in centre.services}
        self._targets |= {service.id: service.target_s for service in centre.services}
        # The most common profile is the norm. Any other profile counts as an accommodation.
        usual = Counter(agent.profile for agent in centre.agents).most_common(1)
        default = usual[0][0] if usual else Profile()
        for agent in centre.agents:
            clock = self._clocks.get(agent.id)
            if clock is None:
                clock = self._clocks[agent.id] = _StateClock(AgentTally(agent.id), 0.0, self._from)
            clock.rest_s = agent.profile.rest_gap_s
            clock.tally.team, clock.tally.accommodated = agent.team, agent.profile != default

    def fold_facts(self, facts: list[Fact]) -> None:
        """Fold these facts into the figures."""
        self._facts += len(facts)
        table = self._table
        for fact in facts:
            handler = table.get(type(fact))
            if handler is not None:
                handler(fact)

    def close_ledger(self, at: float) -> RunOutcome:
        """End the run and return its outcome. The present state of each agent counts until `at`."""
        for clock in self._clocks.values():
            if at > clock.since:
                clock.count_time(at)
        return RunOutcome(
            at=at, names=self._names, targets=self._targets, cells=self._cells,
            agents={agent: clock.tally for agent, clock in self._clocks.items()}, offers=self._offers,
            violations=self._violations, closed=dict(self._closed), alarms=dict(self._alarms), facts=self._facts)

    def _on_agent_changed(self, fact: AgentChanged) -> None:
        # 1. Close the time in the state before.
        clock, at, state = self._clocks.get(fact.agent, self._unknown), fact.at, fact.state
        if at > clock.since:
            clock.count_time(at)
        clock.state = state
        clock.idle = fact.before is READY
        # 2. Note skills and load. Most facts carry the same skills object, so identity is a quick check.
        if fact.skills is not clock.skills:
            clock.skills = fact.skills
            self._order.note_skills(fact.agent, fact.skills)
        if fact.load_state is not None:
            clock.rest_until = fact.load_state.rest_until
        # 3. A ready agent counts as available only after the rest.
        if state is READY and (clock.rest_s or fact.load_state is not None):
            idle_since = fact.since if fact.idle_since is None else fact.idle_since
            clock.ready_from = max((at if idle_since is None else idle_since) + clock.rest_s, clock.rest_until)

    def _on_queued(self, fact: Queued) -> None:
        since, contact = fact.since, fact.contact
        cell = self._uncounted if since < self._from else self._cell_at(fact.service, since)
        cell.offered += 1
        self._open[contact] = cell
        self._order.add_contact(contact, fact.service, fact.channel, fact.priority, since, fact.needs, fact.topics,
                                fact.node, fact.position)

    def _cell_at(self, service: ServiceId, at: float) -> OutcomeCell:
        key = service, int(at // SLOT_S)
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = OutcomeCell()
        return cell

    def _cell_of(self, contact: ContactId) -> OutcomeCell:
        return self._open.get(contact, self._uncounted)

    def _on_moved(self, fact: Moved) -> None:
        """Count the contact in its new queue from now on, with the wait in both queues."""
        before = self._cell_of(fact.contact)
        if before is not self._uncounted:
            before.moved += 1
            cell = self._open[fact.contact] = self._cell_at(fact.service, fact.at)
            cell.offered += 1
        self._order.move_contact(fact.contact, fact.service)

    def _on_way_out_offered(self, fact: WayOutOffered) -> None:
        # Callers who are asked about a callback or a message wait on, and an agent may take them.
        if fact.way is WayOut.GOODBYE or fact.trigger in TURNING_AWAY:
            self._order.lead_out(fact.contact)

    def _on_contact_changed(self, fact: ContactChanged) -> None:
        self._order.change_contact(fact.contact, fact.priority, fact.needs, fact.topics, fact.since)

    def _on_stepped(self, fact: Stepped) -> None:
        self._order.note_step(fact.contact, fact.step)

    def _on_service_changed(self, fact: ServiceChanged) -> None:
        self._order.note_opening(fact.service, fact.open)

    def _on_callback_changed(self, fact: CallbackChanged) -> None:
        self._order.remove_contact(fact.contact)

    def _on_offered(self, fact: Offered) -> None:
        clock = self._clocks.get(fact.agent, self._unknown)
        overtaken = self._order.note_offer(fact.contact, fact.agent, fact.at, clock.idle)
        clock.idle = False
        if fact.at >= self._from:
            self._offers += 1
            self._violations += overtaken

    def _on_offer_closed(self, fact: OfferClosed) -> None:
        if fact.state is CANCELED:
            self._order.end_talk(fact.contact)
        else:
            self._order.return_contact(fact.contact)
            # The contact is set aside for a time, so others may rightly be offered meanwhile.
            if fact.reason == refusals.REASON:
                self._order.remove_contact(fact.contact)
        if fact.at >= self._from:
            self._closed[fact.reason] += 1
            if fact.state is TIMEOUT:
                self._clocks.get(fact.agent, self._unknown).tally.rna_count += 1

    def _on_connected(self, fact: Connected) -> None:
        if not self._dropped or fact.contact not in self._dropped:
            cell = self._cell_of(fact.contact)
            cell.answered += 1
            if fact.within:
                cell.within += 1
            cell.waits.append(fact.wait_s)
        if fact.at >= self._from:
            self._clocks.get(fact.agent, self._unknown).tally.contacts += 1

    def _on_talk_ended(self, fact: TalkEndedRecorded) -> None:
        self._cell_of(fact.contact).talk_s += fact.talk_s
        # The talk was dropped and the contact waits again.
        if fact.state is PENDING:
            self._dropped.add(fact.contact)
            self._order.return_contact(fact.contact)
        else:
            self._order.end_talk(fact.contact)

    def _on_consult_started(self, fact: ConsultStarted) -> None:
        # The consulting agent gives the contact back to the queue, with its age.
        self._dropped.add(fact.contact)
        self._order.return_contact(fact.contact)

    def _on_consult_cancelled(self, fact: ConsultCancelled) -> None:
        self._order.note_offer(fact.contact, fact.agent, fact.at, idle=False)

    def _on_consult_completed(self, fact: ConsultCompleted) -> None:
        self._cell_of(fact.contact).talk_s += fact.talk_s

    def _on_wrapped_up(self, fact: WrappedUp) -> None:
        self._open.pop(fact.contact, self._uncounted).wrapup_s += fact.wrapup_s

    def _on_ended(self, fact: Ended) -> None:
        # An answered contact ends with its wrap-up, not here.
        if fact.outcome is ANSWERED:
            return
        self._order.remove_contact(fact.contact)
        cell = self._open.pop(fact.contact, self._uncounted)
        if fact.contact in self._dropped:
            return
        if fact.outcome is End.FALLBACK:
            cell.overflowed += 1
        elif fact.outcome is End.LEFT:
            cell.left += 1
        elif fact.outcome is End.TURNED_AWAY:
            cell.turned_away += 1
        elif fact.outcome is End.ABANDONED or fact.outcome is End.ABANDONED_SHORT:
            cell.abandoned += 1
            cell.gave_up.append(fact.wait_s)
            if fact.outcome is End.ABANDONED_SHORT:
                cell.short += 1
        else:
            cell.failed += 1

    def _on_alarm(self, fact: Alarm) -> None:
        self._alarms[fact.kind] += 1
