"""Run the shipped engine on a virtual clock with given arrivals and duties. No part of the engine is copied.

Time is seconds on any clock, and the plans of this room count from midnight. Events at the same moment have this order:

1. deadlines of the engine
2. duties of agents
3. talks and ringing
4. arrivals
5. callers who give up
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import NamedTuple

from planning.errors import PlanningError
from planning.simulation.arrival import NO_ARRIVAL
from planning.simulation.arrival import Arrival as Arrival
from planning.simulation.ledger import OutcomeLedger
from planning.simulation.outcome import RunOutcome
from planning.simulation.trunk_lines import WORDS_S, TrunkLines
from routing.core import events
from routing.core.engine import Engine
from routing.core.model import commands
from routing.core.model.centre_model import AUTO_ANSWER_MODES, Centre, Rule, WayOut, WrapUpMode
from routing.core.model.commands import Command
from routing.core.model.facts import Fact, WayOutOffered
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId
from routing.core.model.reasons import NO_ANSWER, RULE
from routing.core.records import TURNING_AWAY

WHISPER_SPOKEN_S = 4.0
"""Length of the whisper announcement: service and wait, two short sentences of the prompts."""


FOLD_EVERY = 64
"""Steps of the clock between two folds of facts. A fact is then still in the processor's cache, and the fold costs
nearly nothing."""

PROGRESS_EVERY = 4_096
"""Steps of the clock between two reports of progress: several reports a second."""

TAIL_S = 86_400.0
"""Longest time the engine's deadlines are followed after the last planned event: a wrap-up ends, a caller goes to the
fallback queue. Deadlines that come back every day would never end."""

DUTY, TALK, PATIENCE = 0, 1 << 48, 2 << 48
"""Order of events at the same moment. A running number is added. Arrivals come between the last two."""


class Duty(NamedTuple):
    """Working time of an agent.

    The engine protects the breaks as usual. They begin after a running talk and have their full length. No contact is
    offered that would reach into a break. At the end of the duty the running talk is finished.
    """

    agent: AgentId
    start: float
    end: float
    breaks: tuple[tuple[float, float], ...] = ()


def pre_connect_s(offer: commands.Offer) -> float:
    """Return the seconds from the answered phone to the caller: whisper announcement and reading time."""
    return (WHISPER_SPOKEN_S if offer.whisper else 0.0) + offer.reading_s


class MenuLeft(NamedTuple):
    """A caller with a line keys a service."""

    contact: ContactId
    arrival: Arrival


class LineFreed(NamedTuple):
    """A call without a contact ends: a deflected one, or one beyond `most`."""

    contact: ContactId


Planned = events.Event | MenuLeft | LineFreed
Entry = tuple[float, int, Planned]
"""Time, order and event."""

Watch = Callable[[list[Fact]], None]
Answer = Callable[[commands.Offer], float]


def run_simulation(centre: Centre, arrivals: Iterable[Arrival], duties: Iterable[Duty], *,
                   answer_s: float | Answer = 0.0, until: float | None = None, count_from: float | None = None,
                   also: Iterable[tuple[float, events.Event]] = (), progress: Callable[[float], None] | None = None,
                   watch: Watch | None = None, engine: Engine | None = None,
                   lines: TrunkLines | None = None) -> RunOutcome:
    """Run the engine and return the outcome. The same arguments give the same outcome.

    - `arrivals` must be in order of time and may be a generator.
    - `answer_s` is the time until an offered phone is answered, or a function of the offer. A longer time than the
    ringing time is a ring-no-answer.
    - `until` stops the run. By default the run stops after the last event.
    - `count_from` begins the counting. Earlier contacts are served but not counted (warm-up).
    - `also` holds other events with their times: opening hours, new rules, requests of an agent.
    - `progress` gets the virtual time now and then.
    - `watch` gets all facts in order, in portions.
    - `engine` is a new engine to use, for example one that records.
    - `lines` are the carrier's: each arrival rings first, and may find none. None is a carrier without a limit.

    Raise PlanningError for arrivals out of order and for invalid duties. The engine raises `Refused` for services that
    the centre does not have.
    """
    ledger = OutcomeLedger(centre, count_from)
    house = _SimulationRun(centre, duties, also, float(answer_s) if isinstance(answer_s, int | float) else answer_s,
                   engine or Engine(), lines)

    def take_facts(facts: list[Fact]) -> None:
        ledger.fold_facts(facts)
        if watch is not None:
            watch(facts)

    house.run_until(arrivals, inf if until is None else until, take_facts, ledger.apply_centre, progress)
    return ledger.close_ledger(house.now if until is None else until)


class _SimulationRun:
    """The engine, the heap of planned events, and the state of each contact."""

    def __init__(self, centre: Centre, duties: Iterable[Duty], also: Iterable[tuple[float, events.Event]],
                 answer_s: float | Answer, engine: Engine, lines: TrunkLines | None) -> None:
        self.engine = engine
        self.lines = lines
        self.number = count(1)
        self.heap: list[Entry] = _plan_events(centre, list(duties), also, self.number)
        self.waiting: dict[ContactId, float] = {}
        """Talk time of each contact in the queue or at a ringing phone."""
        self.ringing: set[OfferId] = set()
        """Offers whose phone is not answered at once."""
        self.by_word = {agent.id: agent.profile.wrapup_s for agent in centre.agents
                        if agent.profile.wrapup_mode is WrapUpMode.MANDATORY}
        """Wrap-up of the agents who must end it themselves. In the simulation they do so after the profile's time."""
        self.wrapup_enders: dict[OfferId, AgentId] = {}
        """Offers with such an agent."""
        self.held: dict[OfferId, float] = {}
        """Contacts held for a call, with the start of the hold."""
        self.later: dict[OfferId, float] = {}
        """Seconds for which a contact was held. Its talk ends this much later than planned."""
        self.due: dict[OfferId, float] = {}
        """Planned end of the talk of each held contact."""
        self.answer_s = answer_s
        self.now = min(0.0, self.heap[0][0])
        self.engine.handle(events.Configured(_turn_closed_away(centre)._replace(seats=None)), self.now)
        for agent in centre.agents:
            self.engine.handle(events.SeatChanged(_seat_of(agent.id), True, False), self.now)

    def run_until(self, arrivals: Iterable[Arrival], until: float, look: Callable[[list[Fact]], None],
                  rules: Callable[[Centre], None], progress: Callable[[float], None] | None) -> None:
        """Step from one moment to the next until nothing is left or `until` is reached."""
        # Local names: this loop runs millions of times, and an attribute costs a dictionary look-up each time.
        look = partial(self._look_at, look)
        engine, heap, waiting, obey, lines = self.engine, self.heap, self.waiting, self._execute_commands, self.lines
        handle, tick, next_deadline = engine.handle, engine.tick, engine.next_deadline
        queued, gone, name_of = events.ContactQueued, events.CallerHungUp, ContactId
        coming = iter(arrivals) if lines is None else lines.merge_redials(arrivals)
        arrival, arrives, arrived, steps, now = None, -inf, 0, 0, self.now
        while True:
            # 1. Fetch the next arrival.
            if arrival is None:
                arrival = next(coming, NO_ARRIVAL)
                if arrival.at < arrives:
                    raise _unsorted_error(arrived + 1, arrival.at, arrives)
                arrives = arrival.at
            # 2. Choose the earliest of planned event, arrival and engine deadline.
            at, order, what = heap[0]
            comes = arrives < at or (arrives == at and order >= PATIENCE)
            if comes:
                at = arrives
            due = next_deadline()
            # Nothing is planned any more, so only the deadlines of the engine remain, for a limited time.
            if at == inf:
                until = min(until, now + TAIL_S)
            # 3. Let the engine handle it. A deadline goes first at the same moment.
            if due is not None and due <= at:
                if due > until:
                    break
                now = due
                done = tick(now)
            elif at > until or at == inf:
                break
            elif comes:
                now = at
                arrived += 1
                contact = name_of(str(arrived))
                if lines is not None:
                    self._ring_line(lines, contact, arrival, now)
                    arrival = None
                    continue
                waiting[contact] = arrival.handle_s
                done = handle(queued(contact, arrival.service, "", arrival.channel, None, arrival.priority,
                                     arrival.caller, "", False, "", arrival.needs, arrival.topics), now)
                if done:
                    obey(done, now)
                    done = []
                # Most contacts are answered at once and need no patience.
                if arrival.patience_s != inf and contact in waiting:
                    heappush(heap, (now + arrival.patience_s, PATIENCE + arrived, gone(contact)))
                arrival = None
            else:
                now = at
                heappop(heap)
                if isinstance(what, events.Configured):
                    # Facts before new rules are counted under the old rules.
                    look(engine.take_facts())
                    rules(what.centre)
                done = self._apply_planned(what, now)
            # 4. Execute the commands, then fold the facts now and then.
            if done:
                obey(done, now)
            steps += 1
            if not steps % FOLD_EVERY:
                look(engine.take_facts())
                if progress is not None and not steps % PROGRESS_EVERY:
                    progress(now)
        self.now = now
        self._take_last_facts(look)

    def _take_last_facts(self, look: Callable[[list[Fact]], None]) -> None:
        # A caller who is led out ends the call, which is a fact too.
        while told := self.engine.take_facts():
            look(told)

    def _look_at(self, look: Callable[[list[Fact]], None], told: list[Fact]) -> None:
        """Hand facts on. Callers who may not wait, or who hear good-bye, end the call; others decline and wait on."""
        look(told)
        # Most portions have no such fact. A look at their kinds takes less time than the loop.
        if WayOutOffered not in set(map(type, told)):
            return
        for fact in told:
            if isinstance(fact, WayOutOffered) and (fact.way is WayOut.GOODBYE or fact.trigger in TURNING_AWAY) \
                    and self.waiting.pop(fact.contact, None) is not None:
                if self.lines is not None:
                    self.lines.release_line(fact.contact, fact.at)
                self._execute_commands(self.engine.handle(
                    events.ContactExited(fact.contact, RULE, fact.trigger), fact.at), fact.at)

    def _ring_line(self, lines: TrunkLines, contact: ContactId, arrival: Arrival, now: float) -> None:
        """Let a call ring. With a line it enters the menu, or hears the emergency text and ends."""
        answer = lines.admit_call(contact, arrival, now)
        if answer == "menu":
            after = now + lines.rules.menu_s.get(arrival.service, 0.0)
            heappush(self.heap, (after, PATIENCE + next(self.number), MenuLeft(contact, arrival)))
        elif answer == "words":
            heappush(self.heap, (now + WORDS_S, PATIENCE + next(self.number), LineFreed(contact)))

    def _leave_menu(self, lines: TrunkLines, what: MenuLeft, now: float) -> list[Command]:
        """Queue a caller who has keyed a service, or deflect the call."""
        contact, arrival = what
        lines.note_choice(contact, arrival.service, now)
        load = self.engine.queue_load(arrival.service, now)
        if load is not None and lines.is_deflected(arrival.service, lambda: load.waiting):
            heappush(self.heap, (now + lines.rules.deflect_s, PATIENCE + next(self.number), LineFreed(contact)))
            return []
        self.waiting[contact] = arrival.handle_s
        if arrival.patience_s != inf:
            heappush(self.heap, (now + arrival.patience_s, PATIENCE + next(self.number), events.CallerHungUp(contact)))
        return self.engine.handle(events.ContactQueued(
            contact, arrival.service, "", arrival.channel, None, arrival.priority, arrival.caller, "", False, "",
            arrival.needs, arrival.topics), now)

    def _apply_planned(self, what: Planned, now: float) -> list[Command]:
        """Apply a planned event unless it is out of date, and return the engine's commands."""
        lines = self.lines
        if isinstance(what, events.TalkEnded):
            return self._end_talk(what, now)
        if isinstance(what, events.CallerHungUp):
            # A caller who is answered meanwhile has left `waiting` and does not give up.
            if self.waiting.pop(what.contact, None) is None:
                return []
            if lines is not None:
                lines.release_line(what.contact, now)
            return self.engine.handle(what, now)
        if isinstance(what, MenuLeft | LineFreed):
            assert lines is not None
            if isinstance(what, MenuLeft):
                return self._leave_menu(lines, what, now)
            lines.release_line(what.contact, now)
            return []
        if isinstance(what, events.OfferConnected):
            if what.offer not in self.ringing:
                return []
            self.ringing.discard(what.offer)
            return self._connect_talk(what.offer, what.contact, now)
        return self.engine.handle(what, now)

    def _execute_commands(self, done: list[Command], now: float) -> None:
        """Execute the engine's commands and those that follow from them."""
        for command in done:
            if isinstance(command, commands.Offer):
                # This agent must end the wrap-up, so remember the offer until the talk ends.
                if self.by_word and command.agent in self.by_word:
                    self.wrapup_enders[command.offer] = command.agent
                seconds = self.answer_s if isinstance(self.answer_s, float) else self.answer_s(command)
                if seconds > 0 or command.whisper or command.reading_s:
                    more = self._ring_phone(command, now, 0.0 if command.answer_mode in AUTO_ANSWER_MODES else seconds)
                else:
                    more = self._connect_talk(command.offer, command.contact, now)
            elif isinstance(command, commands.Rescind):
                self.ringing.discard(command.offer)
                continue
            elif isinstance(command, commands.SetInterrupted):
                self._hold_or_resume(command, now)
                continue
            else:
                continue
            if more:
                self._execute_commands(more, now)

    def _connect_talk(self, offer: OfferId, contact: ContactId, now: float) -> list[Command]:
        """Connect caller and agent, and plan the end of the talk."""
        done = self.engine.handle(events.OfferConnected(offer, contact), now)
        if self.lines is not None:
            self.lines.note_talk(offer, contact)
        heappush(self.heap, (now + self.waiting.pop(contact), TALK + next(self.number),
                             events.TalkEnded(offer, "caller")))
        return done

    def _ring_phone(self, command: commands.Offer, now: float, seconds: float) -> list[Command]:
        """Ring the phone until it is answered or the ringing time is over. Then come whisper announcement and reading
        time."""
        number, offer = self.number, command.offer
        before_s = pre_connect_s(command)
        # A phone that rings is reported as ringing only if it does not answer within the reaction time.
        done = self.engine.handle(events.OfferRinging(offer), now) if seconds >= self.engine.centre.phone_reacts_s \
            else []
        if seconds > command.ring_s:
            heappush(self.heap, (now + command.ring_s, TALK + next(number), events.OfferEnded(offer, NO_ANSWER)))
            return done
        self.ringing.add(offer)
        if before_s:
            heappush(self.heap, (now + seconds, TALK + next(number), events.OfferAnswered(offer)))
        heappush(self.heap, (now + seconds + before_s, TALK + next(number),
                             events.OfferConnected(offer, command.contact)))
        return done

    def _hold_or_resume(self, command: commands.SetInterrupted, now: float) -> None:
        """Hold a contact for a call, or resume it."""
        offer = command.offer
        if command.on:
            self.held[offer] = now
            return
        since = self.held.pop(offer, now)
        if offer in self.due:
            heappush(self.heap, (now + self.due.pop(offer) - since, TALK + next(self.number),
                                 events.TalkEnded(offer, "caller")))
        # The planned end is still ahead, so only add up the hold.
        else:
            self.later[offer] = self.later.get(offer, 0.0) + now - since

    def _end_talk(self, what: events.TalkEnded, now: float) -> list[Command]:
        """End a talk, or postpone its end by the time the contact was held."""
        offer = what.offer
        if self.held or self.later:
            later = self.later.pop(offer, 0.0)
            # Still held at the planned end: the resume plans the end again.
            if offer in self.held:
                self.due[offer] = now + later
                return []
            if later:
                heappush(self.heap, (now + later, TALK + next(self.number), what))
                return []
        if self.lines is not None:
            self.lines.end_talk(offer, now)
        agent = self.wrapup_enders.pop(offer, None)
        if agent is not None:
            heappush(self.heap, (now + self.by_word[agent], TALK + next(self.number), events.WrapUpEnded(agent)))
        return self.engine.handle(what, now)


def _plan_events(centre: Centre, duties: list[Duty], also: Iterable[tuple[float, events.Event]],
                 number: Iterator[int]) -> list[Entry]:
    """Return the duties as a heap of events. The last entry never comes, so the heap is never empty."""
    # 1. Check the duties.
    team = {agent.id for agent in centre.agents}
    for duty in duties:
        if duty.agent not in team:
            raise PlanningError(f"no agent {duty.agent} in the team; add it to the centre or take its duty away")
        if not duty.start < duty.end:
            raise PlanningError(f"duty of {duty.agent} ends at {duty.end:g} s, not after it begins ({duty.start:g} s)")
        for begin, end in duty.breaks:
            if not duty.start <= begin < end <= duty.end:
                raise PlanningError(f"a break of {duty.agent} ({begin:g} to {end:g} s) is not within the duty "
                                    f"({duty.start:g} to {duty.end:g} s)")
    # 2. Plan the events. Sign-outs get the lowest numbers, so at the same moment agents leave before others come.
    heap: list[Entry] = [(inf, 0, events.CallerHungUp(ContactId("")))]
    for duty in duties:
        heap.append((duty.end, DUTY + next(number), events.AgentSignedOut(duty.agent)))
    for duty in duties:
        # Everybody works at a desk, so messages may come.
        heap.append((duty.start, DUTY + next(number), events.DeskChanged(duty.agent, True)))
        heap.append((duty.start, DUTY + next(number), events.AgentSignedIn(duty.agent, _seat_of(duty.agent))))
        if duty.breaks:
            heap.append((duty.start, DUTY + next(number), events.BreaksPlanned(duty.agent, duty.breaks)))
    heap += [(at, DUTY + next(number), event) for at, event in also]
    heapify(heap)
    return heap


def _seat_of(agent: AgentId) -> SeatId:
    """Return the agent's seat. In a simulation each agent has a phone."""
    return SeatId(f"s-{agent}")


def _unsorted_error(number: int, at: float, before: float) -> PlanningError:
    return PlanningError(f"arrival {number} comes at {at:g} s, before the one at {before:g} s: "
                         "sort the arrivals by time")


def _turn_closed_away(centre: Centre) -> Centre:
    """Return the centre with a rule for closed services that have none: the menu keeps their callers."""
    away = Rule(way=WayOut.GOODBYE)
    return centre._replace(services=tuple([
        one if one.when_closed is not None or one.distress else one._replace(when_closed=away)
        for one in centre.services]))
