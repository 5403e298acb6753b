"""A day in the house: the shipped engine told of arrivals and duties on a virtual clock. Nothing of it is copied.

Time is seconds on any clock; the plans of this room count from midnight. What happens at the same moment happens in
this order: the engine's own deadlines, people's duties, talks and ringing, arrivals, callers who give up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import NamedTuple

from planning.errors import PlanningError
from planning.ledger import Ledger
from planning.outcome import Outcome
from routing.core import commands, events
from routing.core.commands import Command
from routing.core.engine import Engine
from routing.core.facts import Fact
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model import AnswerMode, Centre, Channel, Needs, WrapUpMode

BRIEF_SPOKEN_S = 4.0
"""How long the brief before the connection is (service and wait: two short sentences of the prompts)."""

BY_ITSELF = (AnswerMode.AUTO, AnswerMode.AUTO_AFTER_BRIEF, AnswerMode.SINGLE_SWITCH)
"""Phones that answer by themselves: nobody has to pick them up."""

FOLD_EVERY = 64
"""Steps of the clock between two looks at the facts: few enough that a fact is still in the processor's cache, many
enough that the look costs nothing."""

PROGRESS_EVERY = 4_096
"""Steps of the clock between two signs of life: several a second."""

TAIL_S = 86_400.0
"""When nobody comes, talks or gives up any more, the engine's own deadlines are followed for this long at most: a
wrap-up ends, a caller goes to the safety net. Deadlines that come back every day would never end."""

DUTY, TALK, PATIENCE = 0, 1 << 48, 2 << 48
"""Order of what happens at the same moment, with a running number below. Arrivals come between the last two."""


class Arrival(NamedTuple):
    """A contact to be, with all that chance decides about it."""

    at: float
    service: ServiceId
    handle_s: float
    """Talk time, without wrap-up: that is the agent's own."""
    patience_s: float = inf
    """Gives up after waiting so long; `inf`: never."""
    channel: Channel = Channel.VOICE
    priority: int = 0
    """Points added to the service's own."""
    caller: str = ""
    """Keyed hash of the caller; equal ones are the same person."""
    needs: Needs = ()
    """What this contact needs whatever the step."""
    topics: frozenset[str] = frozenset()
    """What an agent's profile may exclude."""


NOBODY = Arrival(inf, ServiceId(""), 0.0)
"""Comes after everybody else: never."""


class Duty(NamedTuple):
    """An agent's time at work. The engine keeps the breaks safe as it always does: they begin after a running talk and
    have their full length, and before one no contact comes that would reach into it. At the end a running talk is
    finished."""

    agent: AgentId
    start: float
    end: float
    breaks: tuple[tuple[float, float], ...] = ()


def between_s(offer: commands.Offer) -> float:
    """From the answered phone to the caller: the brief, and the time to read."""
    return (BRIEF_SPOKEN_S if offer.brief else 0.0) + offer.reading_s


Entry = tuple[float, int, events.Event]
"""When, in which order, what."""

Watch = Callable[[list[Fact]], None]
Answer = Callable[[commands.Offer], float]


def run(centre: Centre, arrivals: Iterable[Arrival], duties: Iterable[Duty], *, answer_s: float | Answer = 0.0,
        until: float | None = None, count_from: float | None = None, also: Iterable[tuple[float, events.Event]] = (),
        progress: Callable[[float], None] | None = None, watch: Watch | None = None,
        engine: Engine | None = None) -> Outcome:
    """What comes of it. Same arguments, same outcome.

    `arrivals` in order of time (it may be a generator). `answer_s`: seconds until an offered phone is picked up, or a
    function that says it for each offer; longer than the ringing time is a miss. `until`: stop there (default: when
    everything is over). `count_from`: contacts that came before are served but not counted (warm-up). `also`: other
    events with their times (opening hours, new rules, an agent's wish). `progress` is given the virtual time now and
    then, `watch` every fact in order, in portions. `engine`: a new one to take, that somebody listens to.

    Raises PlanningError for arrivals out of order and for duties that cannot be, `Refused` of the engine for services
    that the centre has not."""
    ledger = Ledger(centre, count_from)
    house = _House(centre, duties, also, float(answer_s) if isinstance(answer_s, int | float) else answer_s,
                   engine or Engine())

    def look(facts: list[Fact]) -> None:
        ledger.fold(facts)
        if watch is not None:
            watch(facts)

    house.go(arrivals, inf if until is None else until, look, ledger.rules, progress)
    return ledger.close(house.now if until is None else until)


class _House:
    """The engine, the heap of what is to come, and who is where."""

    def __init__(self, centre: Centre, duties: Iterable[Duty], also: Iterable[tuple[float, events.Event]],
                 answer_s: float | Answer, engine: Engine) -> None:
        self.engine = engine
        self.number = count(1)
        self.heap: list[Entry] = _plan(centre, list(duties), also, self.number)
        self.waiting: dict[ContactId, float] = {}
        """Talk time of each contact in the queue or at a ringing phone."""
        self.ringing: set[OfferId] = set()
        """Phones that are not picked up at once."""
        self.by_word = {agent.id: agent.profile.wrapup_s for agent in centre.agents
                        if agent.profile.wrapup_mode is WrapUpMode.MANDATORY}
        """Whose wrap-up ends by their own word only: they say it after the profile's time."""
        self.says: dict[OfferId, AgentId] = {}
        """Who of those talks for which offer."""
        self.held: dict[OfferId, float] = {}
        """Contacts held for a call, and since when."""
        self.later: dict[OfferId, float] = {}
        """Seconds for which a contact was held: its talk ends so much later than planned."""
        self.due: dict[OfferId, float] = {}
        """When the talk of a contact that is held would have ended."""
        self.answer_s = answer_s
        self.now = min(0.0, self.heap[0][0])
        self.engine.handle(events.Configured(centre._replace(seats=None)), self.now)
        for agent in centre.agents:
            self.engine.handle(events.SeatChanged(_seat(agent.id), True, False), self.now)

    def go(self, arrivals: Iterable[Arrival], until: float, look: Callable[[list[Fact]], None],
           rules: Callable[[Centre], None], progress: Callable[[float], None] | None) -> None:
        """Step from one moment to the next until nothing is left or `until` has come."""
        engine, heap, waiting, obey = self.engine, self.heap, self.waiting, self._obey
        handle, tick, next_deadline = engine.handle, engine.tick, engine.next_deadline
        queued, gone, name_of = events.ContactQueued, events.ContactGone, ContactId
        coming = iter(arrivals)
        arrival, arrives, arrived, steps, now = None, -inf, 0, 0, self.now
        while True:
            if arrival is None:
                arrival = next(coming, NOBODY)
                if arrival.at < arrives:
                    raise PlanningError(f"arrival {arrived + 1} comes at {arrival.at:g} s, before the one at "
                                        f"{arrives:g} s: sort the arrivals by time")
                arrives = arrival.at
            at, order, what = heap[0]
            comes = arrives < at or (arrives == at and order >= PATIENCE)
            if comes:
                at = arrives
            due = next_deadline()
            if at == inf:
                until = min(until, now + TAIL_S)
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
                waiting[contact] = arrival.handle_s
                done = handle(queued(contact, arrival.service, "", arrival.channel, None, arrival.priority,
                                     arrival.caller, "", False, "", arrival.needs, arrival.topics), now)
                if done:
                    obey(done, now)
                    done = []
                if arrival.patience_s != inf and contact in waiting:  # most are answered at once
                    heappush(heap, (now + arrival.patience_s, PATIENCE + arrived, gone(contact)))
                arrival = None
            else:
                now = at
                heappop(heap)
                if isinstance(what, events.Configured):  # facts before it are by the rules before
                    look(engine.take_facts())
                    rules(what.centre)
                done = self._happen(what, now)
            if done:
                obey(done, now)
            steps += 1
            if not steps % FOLD_EVERY:
                look(engine.take_facts())
                if progress is not None and not steps % PROGRESS_EVERY:
                    progress(now)
        self.now = now
        look(engine.take_facts())

    def _happen(self, what: events.Event, now: float) -> list[Command]:
        """What was planned comes to pass, unless it is out of date."""
        if isinstance(what, events.TalkEnded):
            return self._talk_ended(what, now)
        if isinstance(what, events.ContactGone):
            return [] if self.waiting.pop(what.contact, None) is None else self.engine.handle(what, now)
        if isinstance(what, events.OfferConnected):
            if what.offer not in self.ringing:
                return []
            self.ringing.discard(what.offer)
            return self._connect(what.offer, what.contact, now)
        return self.engine.handle(what, now)

    def _obey(self, done: list[Command], now: float) -> None:
        """Carry out what the engine wants done, and what comes of that."""
        for command in done:
            if isinstance(command, commands.Offer):
                if self.by_word and command.agent in self.by_word:
                    self.says[command.offer] = command.agent
                seconds = self.answer_s if isinstance(self.answer_s, float) else self.answer_s(command)
                if seconds > 0 or command.brief or command.reading_s:
                    more = self._ring(command, now, 0.0 if command.answer_mode in BY_ITSELF else seconds)
                else:
                    more = self._connect(command.offer, command.contact, now)
            elif isinstance(command, commands.Rescind):
                self.ringing.discard(command.offer)
                continue
            elif isinstance(command, commands.Interrupt):
                self._interrupt(command, now)
                continue
            elif isinstance(command, commands.Overflow):
                self.waiting.pop(command.contact, None)
                more = self.engine.handle(events.ContactLeft(command.contact, "net"), now)
            else:
                continue
            if more:
                self._obey(more, now)

    def _connect(self, offer: OfferId, contact: ContactId, now: float) -> list[Command]:
        """Caller and agent are together, and will be for as long as was decided."""
        done = self.engine.handle(events.OfferConnected(offer, contact), now)
        heappush(self.heap, (now + self.waiting.pop(contact), TALK + next(self.number),
                             events.TalkEnded(offer, "caller")))
        return done

    def _ring(self, command: commands.Offer, now: float, seconds: float) -> list[Command]:
        """The phone rings until it is picked up, or for as long as it may; then the brief and the time to read."""
        number, offer = self.number, command.offer
        before_s = between_s(command)
        done = self.engine.handle(events.OfferRinging(offer), now) if seconds >= self.engine.centre.reacts_s else []
        if seconds > command.ring_s:
            heappush(self.heap, (now + command.ring_s, TALK + next(number), events.OfferEnded(offer, "no_answer")))
            return done
        self.ringing.add(offer)
        if before_s:
            heappush(self.heap, (now + seconds, TALK + next(number), events.OfferAnswered(offer)))
        heappush(self.heap, (now + seconds + before_s, TALK + next(number),
                             events.OfferConnected(offer, command.contact)))
        return done

    def _interrupt(self, command: commands.Interrupt, now: float) -> None:
        """A contact is held for a call, or goes on where it was."""
        offer = command.offer
        if command.on:
            self.held[offer] = now
            return
        since = self.held.pop(offer, now)
        if offer in self.due:
            heappush(self.heap, (now + self.due.pop(offer) - since, TALK + next(self.number),
                                 events.TalkEnded(offer, "caller")))
        else:
            self.later[offer] = self.later.get(offer, 0.0) + now - since

    def _talk_ended(self, what: events.TalkEnded, now: float) -> list[Command]:
        """A talk is over, unless it was held meanwhile: then it ends so much later."""
        offer = what.offer
        if self.held or self.later:
            later = self.later.pop(offer, 0.0)
            if offer in self.held:
                self.due[offer] = now + later
                return []
            if later:
                heappush(self.heap, (now + later, TALK + next(self.number), what))
                return []
        agent = self.says.pop(offer, None)
        if agent is not None:
            heappush(self.heap, (now + self.by_word[agent], TALK + next(self.number), events.WrapUpEnded(agent)))
        return self.engine.handle(what, now)


def _plan(centre: Centre, duties: list[Duty], also: Iterable[tuple[float, events.Event]],
          number: Iterator[int]) -> list[Entry]:
    """Duties as a heap of events, with one at the end that never comes."""
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
    heap: list[Entry] = [(inf, 0, events.ContactGone(ContactId("")))]
    for duty in duties:  # first of all: who leaves, leaves before others come
        heap.append((duty.end, DUTY + next(number), events.AgentSignedOut(duty.agent)))
    for duty in duties:
        heap.append((duty.start, DUTY + next(number), events.AgentSignedIn(duty.agent, _seat(duty.agent))))
        if duty.breaks:
            heap.append((duty.start, DUTY + next(number), events.BreaksPlanned(duty.agent, duty.breaks)))
    heap += [(at, DUTY + next(number), event) for at, event in also]
    heapify(heap)
    return heap


def _seat(agent: AgentId) -> SeatId:
    """Everybody has a phone: a plan is about people."""
    return SeatId(f"s-{agent}")
