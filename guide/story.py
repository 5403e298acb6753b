"""A story: inputs of callers and agents at given seconds, and the shipped engine's answers.

    09:00:00  ali, ece sign in
    09:00:10  A calls psikososyal
    09:00:10    A rings at ece: level 80; then ali

A line with two spaces after the time is an input, a line with four is the engine's answer. Phones ring at once and give
up after the agent's ringing time. `STORY_VERBS` is the table of inputs. A name is an agent of the team or any contact.
The worked examples of `docs/develop/routing.md` are such stories, and a test runs them again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from planning.errors import PlanningError
from routing.core import events
from routing.core.engine import Engine
from routing.core.model import commands, facts, talk_facts
from routing.core.model.centre_model import AgentState, Centre, Channel, Outcome
from routing.core.model.commands import Command
from routing.core.model.facts import Fact
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, SkillId

LINE_PATTERN = re.compile(r"^(\d\d):(\d\d):(\d\d)( {2,})(\S.*)$")
INPUT_INDENT = "  "
ANSWER_INDENT = "    "
CHANNELS = {"calls": Channel.VOICE, "chats with": Channel.CHAT, "mails": Channel.EMAIL}


class StoryError(PlanningError):
    """Raised for a line that is no known input."""


class StoryLine(NamedTuple):
    """One line. `at` is seconds after midnight."""

    at: float
    words: str
    answer: bool = False


def read_story(text: str) -> list[StoryLine]:
    """Read the lines of a story. Raise StoryError for a line without a time."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            parts = LINE_PATTERN.match(line)
            if parts is None:
                raise StoryError(f"line {number} of the story: {line!r} has no time; write 09:00:10  A calls temsilci")
            hours, minutes, seconds, gap, words = parts.groups()
            found.append(StoryLine(int(hours) * 3600 + int(minutes) * 60 + int(seconds), words.strip(),
                                   gap == ANSWER_INDENT))
    return found


def write_story(lines: Iterable[StoryLine]) -> str:
    """Return the text of a story."""
    return "".join(f"{format_clock(line.at)}{ANSWER_INDENT if line.answer else INPUT_INDENT}{line.words}\n"
                   for line in lines)


def format_clock(at: float) -> str:
    """Return seconds after midnight as HH:MM:SS, rounded down."""
    return f"{int(at // 3600):02d}:{int(at // 60 % 60):02d}:{int(at % 60):02d}"


def tell_story(centre: Centre, lines: Iterable[StoryLine], engine: Engine | None = None) -> list[StoryLine]:
    """Run a story and return it with the engine's own answers.

    `engine` is a new engine that a caller may observe. Raise StoryError, and `Refused` of the engine.
    """
    teller = _StoryTeller(centre, engine or Engine())
    for line in lines:
        if not line.answer:
            teller.tell_line(line)
    return teller.lines


class _StoryTeller:
    """The engine, the phones, and the lines of the story."""

    def __init__(self, centre: Centre, engine: Engine) -> None:
        self.centre = centre
        self.profiles = {str(agent.id): agent.profile for agent in centre.agents}
        self.engine = engine
        self.lines: list[StoryLine] = []
        self.ringing: dict[OfferId, tuple[float, commands.Offer]] = {}
        """Ringing phones with the time at which they give up."""
        self.held: dict[str, dict[str, commands.Offer]] = {}
        """Offers of each agent by contact."""
        self.kept: set[OfferId] = set()
        """Offers whose phones do not ring at once."""
        self.now = 0.0
        self._handle_event(events.Configured(centre._replace(seats=None)))

    def tell_line(self, line: StoryLine) -> None:
        self._advance_to(line.at)
        self.lines.append(line)
        for pattern, verb in STORY_VERBS:
            found = re.fullmatch(pattern, line.words)
            if found is not None:
                for event in verb(self, **found.groupdict()):
                    self._handle_event(event)
                return
        raise StoryError(f"{format_clock(line.at)}  {line.words}: no known input; see STORY_VERBS in guide/story.py")

    def _advance_to(self, at: float) -> None:
        """Run all timers of the engine and of the phones up to `at`, in their order."""
        while True:
            deadline = self.engine.next_deadline()
            phone = min(((until, offer) for offer, (until, _) in self.ringing.items()), default=None)
            if deadline is not None and deadline <= at and (phone is None or deadline <= phone[0]):
                self.now = max(self.now, deadline)
                self._write_answers(self.engine.tick(self.now))
            elif phone is not None and phone[0] <= at:
                self.now = phone[0]
                self._handle_event(events.OfferEnded(phone[1], "no_answer"))
            else:
                break
        self.now = max(self.now, at)

    def _handle_event(self, event: events.Event) -> None:
        self._write_answers(self.engine.handle(event, self.now))

    def _write_answers(self, wanted: list[Command]) -> None:
        told = self.engine.take_facts()
        offered = {fact.contact for fact in told if isinstance(fact, facts.Offered)}
        for fact in told:
            if not (isinstance(fact, facts.Queued) and fact.contact in offered):
                self.lines += [StoryLine(fact.at, words, True) for words in self._fact_words(fact)]
        for command in wanted:
            match command:
                case commands.Offer():
                    self.held.setdefault(command.agent, {})[command.contact] = command
                    self.ringing[command.offer] = self.now + command.ring_s, command
                case commands.Rescind():
                    self.ringing.pop(command.offer, None)
        for command in wanted:
            if isinstance(command, commands.Offer):
                self._handle_event(events.OfferRinging(command.offer))

    def _fact_words(self, fact: Fact) -> list[str]:
        """Describe a fact in words. Facts that a reader does not need have none."""
        match fact:
            case facts.OfferRang() if fact.offer in self.kept:
                return [f"{fact.contact} rings at {fact.agent}"]
            case facts.Queued():
                told = fact.estimate
                waits = "" if told is None else (f", expected wait {told.wait_s:.0f} s "
                                                 f"({told.low_s:.0f} to {told.high_s:.0f} s)")
                return [f"{fact.contact} waits at place {fact.position}{waits}"]
            case facts.Offered():
                return [self._offer_words(fact)]
            case facts.OfferClosed():
                self._forget_offer(fact.offer, fact.agent, fact.contact)
                return [f"{fact.contact} rings at {fact.agent} no more: {fact.reason}"]
            case talk_facts.Connected():
                self.ringing.pop(fact.offer, None)
                return [f"{fact.contact} and {fact.agent} speak; {fact.contact} waited {fact.wait_s:.0f} s"]
            case facts.WayOutOffered():
                return [f"{fact.contact} hears of a way out: {fact.way} ({fact.trigger})"]
            case facts.Stepped():
                if fact.reason == "preferred":
                    return [f"{fact.contact} waits for this agent no more: step 1"]
                return [f"{fact.contact} asks for less: step {fact.step + 1} ({fact.reason})"]
            case facts.Moved():
                return [f"{fact.contact} goes to {fact.service} ({fact.reason}), place {fact.position}"]
            case talk_facts.TalkEndedRecorded():
                sent = "" if fact.to is None else f", sent on to {fact.to}"
                return [f"{fact.contact} and {fact.agent} have spoken {fact.talk_s:.0f} s{sent}"]
            case talk_facts.ConsultStarted():
                return [f"{fact.agent} asks {fact.to} about {fact.contact}"]
            case talk_facts.ConsultCancelled():
                return [f"{fact.contact} is with {fact.agent} again"]
            case talk_facts.CallerFlaggedAbusiveRecorded():
                return [f"{fact.contact} is noted as abusive"]
            case talk_facts.ConsultCompleted():
                return [f"{fact.agent} has left {fact.contact} to {fact.to}"]
            case talk_facts.WrappedUp():
                self._forget_offer(fact.offer, fact.agent, fact.contact)
            case facts.Ended() if fact.outcome is not Outcome.ANSWERED:
                return [f"{fact.contact} has waited {fact.wait_s:.0f} s: {fact.outcome.value}"]
            case facts.ContactChanged():
                return [f"{fact.contact} is at place {fact.position}"]
            case facts.CallbackDialled():
                return [f"{fact.contact} is called back" + ("" if fact.agent is None else f" for {fact.agent}")]
            case facts.CallbackChanged() if not fact.callback:
                return [f"{fact.contact} is on the line again"]
            case facts.CallbackChanged():
                when = "" if fact.reason == "requested" else f", next try from {format_clock(fact.not_before)}"
                return [f"{fact.contact} is to be called back: {fact.reason}{when}"]
            case talk_facts.Interrupted():
                return [f"{fact.contact} is held" if fact.on else f"{fact.contact} goes on"]
            case facts.Overridden():
                return [f"said aloud: {fact.rule} of {fact.agent} does not hold (by {fact.by})"]
            case facts.AgentChanged():
                return self._agent_words(fact)
        return []

    def _offer_words(self, fact: facts.Offered) -> str:
        said = []
        if fact.level >= 0:
            said.append(f"level {fact.level}")
        if len(next(one for one in self.centre.services if one.id == fact.service).steps) > 1:
            said.append(f"step {fact.step + 1}")
        if fact.preferred:
            said.append("spoke with this caller last")
        if fact.partner is not None:
            said.append(f"with {fact.partner}")
        if fact.beside:
            said.append("next to another phone")
        if fact.tier:
            said.append("nobody else is free" if fact.tier == 1 else "by the ceiling, to be taken by a key")
        then = f"; then {', '.join(fact.runners_up)}" if fact.runners_up else ""
        if fact.rings_at:
            self.kept.add(fact.offer)
            return f"{fact.contact} is kept for {fact.agent} until {format_clock(fact.rings_at)}: " \
                f"{', '.join(said) or 'fits'}{then}"
        return f"{fact.contact} rings at {fact.agent}: {', '.join(said) or 'fits'}{then}"

    def _agent_words(self, fact: facts.AgentChanged) -> list[str]:
        name = fact.agent
        if fact.state is fact.before or fact.before is AgentState.SIGNED_OUT:
            return []
        match fact.state:
            case AgentState.READY if fact.before is not AgentState.RINGING:
                return [f"{name} is ready"]
            case AgentState.WRAPUP:
                return [f"{name} wraps up" + ("" if fact.wrapup_until is None else
                                              f" until {format_clock(fact.wrapup_until)}")]
            case AgentState.PAUSED:
                return [f"{name} is on a break"]
            case AgentState.NOT_RESPONDING:
                return [f"{name} counts as not responding"]
            case AgentState.SIGNED_OUT:
                return [f"{name} is signed out"]
        return []

    def _forget_offer(self, offer: OfferId, agent: str, contact: str) -> None:
        self.ringing.pop(offer, None)
        self.held.get(agent, {}).pop(contact, None)

    def offer_of(self, agent: str, contact: str | None) -> commands.Offer:
        """Return the agent's offer for a contact. Raise StoryError if there is none, or several to choose from."""
        has = self.held.get(agent, {})
        if contact is None and len(has) == 1:
            (contact,) = has
        if contact is None or contact not in has:
            raise StoryError(
                f"{format_clock(self.now)}: {agent} has {', '.join(has) or 'nothing'} at hand; name one of them")
        return has[contact]


StoryEvents = Iterable[events.Event]


def _sign_in_events(teller: _StoryTeller, agents: str) -> StoryEvents:
    for name in re.split(r", | and ", agents):
        seat = SeatId(f"seat of {name}")
        yield events.SeatChanged(seat, True, False)
        yield events.AgentSignedIn(AgentId(name), seat)
        yield events.DeskChanged(AgentId(name), True)


def _call_events(_teller: _StoryTeller, contact: str, how: str, service: str, points: str | None, skill: str | None,
                 topic: str | None, caller: str | None, words_s: str | None) -> StoryEvents:
    yield events.ContactQueued(
        ContactId(contact), ServiceId(service), f"PJSIP/{contact}", CHANNELS[how], priority=int(points or 0),
        caller_hash=caller or "", needs=((SkillId(skill), 1),) if skill else (),
        topics=frozenset([topic] if topic else []), words_s=float(words_s or 0))


def _answer_events(teller: _StoryTeller, agent: str, contact: str | None) -> StoryEvents:
    offer = teller.offer_of(agent, contact)
    teller.ringing.pop(offer.offer, None)
    yield events.OfferAnswered(offer.offer)
    yield events.CallbackAccepted(offer.offer) if offer.callback else events.OfferConnected(offer.offer, offer.contact)


def _hang_up_events(teller: _StoryTeller, name: str, contact: str | None) -> StoryEvents:
    if name in teller.profiles:
        yield events.TalkEnded(teller.offer_of(name, contact).offer, "agent")
    else:
        yield events.CallerHungUp(ContactId(name))


def _decline_events(teller: _StoryTeller, agent: str, contact: str | None) -> StoryEvents:
    yield events.OfferEnded(teller.offer_of(agent, contact).offer, "rejected")


def _give_back_events(teller: _StoryTeller, agent: str, contact: str) -> StoryEvents:
    offer = teller.offer_of(agent, contact)
    teller.ringing.pop(offer.offer, None)
    yield events.OfferAnswered(offer.offer)
    yield events.OfferEnded(offer.offer, "hangup")


def _transfer_events(teller: _StoryTeller, agent: str, contact: str, service: str) -> StoryEvents:
    yield events.TransferRequested(teller.offer_of(agent, contact).offer, ServiceId(service))


def _abuse_events(teller: _StoryTeller, agent: str, contact: str) -> StoryEvents:
    yield events.CallerFlaggedAbusive(teller.offer_of(agent, contact).offer)


def _break_events(teller: _StoryTeller, agent: str, start: str, end: str) -> StoryEvents:
    first, last = (int(text[:2]) * 3600.0 + int(text[3:]) * 60.0 for text in (start, end))
    yield events.BreaksPlanned(AgentId(agent), ((first, last),))


def _callback_events(teller: _StoryTeller, contact: str, taken: bool) -> StoryEvents:
    """Yield the events of a callback's caller, after an agent has taken the offer, or without a reserved agent."""
    if any(one.contact == contact and one.dialling for one in teller.engine.live_contacts()):
        yield events.CallbackReached(ContactId(contact), f"PJSIP/{contact}") if taken \
            else events.CallbackFailed(None, "no_answer", ContactId(contact))
        return
    agent = next((name for name, has in teller.held.items() if contact in has), "")
    offer = teller.offer_of(agent, contact).offer
    if not taken:
        yield events.CallbackFailed(offer, "no_answer")
        return
    yield events.CallbackReached(ContactId(contact), f"PJSIP/{contact}")
    yield events.OfferConnected(offer, ContactId(contact))


def _skill_events(_teller: _StoryTeller, agent: str, skill: str, level: str) -> StoryEvents:
    yield events.AgentSkillsChanged(AgentId(agent), ((SkillId(skill), int(level)),))


def _agent_event(kind: Callable[[AgentId], events.Event]) -> Callable[..., StoryEvents]:
    return lambda _teller, agent: [kind(AgentId(agent))]


STORY_VERBS: tuple[tuple[str, Callable[..., StoryEvents]], ...] = (
    (r"(?P<agents>.+?) signs? in", _sign_in_events),
    (r"(?P<contact>\w+) (?P<how>calls|chats with|mails) (?P<service>\w+)(?: with (?P<points>-?\d+) points)?"
     r"(?: in (?P<skill>\w+))?(?: about (?P<topic>\w+))?(?: as (?P<caller>\w+))?"
     r"(?: and hears words for (?P<words_s>\d+) s)?", _call_events),
    (r"(?P<agent>\w+) gives (?P<contact>\w+) back", _give_back_events),
    (r"(?P<agent>\w+) answers(?: (?P<contact>\w+))?", _answer_events),
    (r"(?P<agent>\w+) declines(?: (?P<contact>\w+))?", _decline_events),
    (r"(?P<name>\w+) hangs up(?: on (?P<contact>\w+))?", _hang_up_events),
    (r"(?P<agent>\w+) sends (?P<contact>\w+) on to (?P<service>\w+)", _transfer_events),
    (r"(?P<agent>\w+) says that (?P<contact>\w+) was abusive", _abuse_events),
    (r"(?P<agent>\w+) takes a break", _agent_event(events.AgentPaused)),
    (r"(?P<agent>\w+) is back", _agent_event(events.AgentResumed)),
    (r"(?P<agent>\w+) is done", _agent_event(events.WrapUpEnded)),
    (r"(?P<agent>\w+) wants more time", _agent_event(events.WrapUpExtended)),
    (r"(?P<agent>\w+) asks for a wrap-up", _agent_event(events.WrapUpRequested)),
    (r"(?P<agent>\w+) says not now", _agent_event(events.HeavyContactsDeclined)),
    (r"(?P<agent>\w+) signs out", _agent_event(events.AgentSignedOut)),
    (r"(?P<agent>\w+) now does (?P<skill>\w+) (?P<level>\d+)", _skill_events),
    (r"(?P<agent>\w+) has a break (?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)", _break_events),
    (r"(?P<contact>\w+) asks to be called back",
     lambda _teller, contact: [events.CallbackRequested(ContactId(contact))]),
    (r"(?P<contact>\w+) picks up", lambda teller, contact: _callback_events(teller, contact, True)),
    (r"(?P<contact>\w+) does not pick up", lambda teller, contact: _callback_events(teller, contact, False)),
    (r"(?P<contact>\w+) gets (?P<points>-?\d+) points",
     lambda _teller, contact, points: [events.ContactPrioritised(ContactId(contact), int(points))]),
    (r"a supervisor moves (?P<contact>\w+) to (?P<service>\w+)",
     lambda _teller, contact, service: [events.MoveRequested(ContactId(contact), ServiceId(service), confirmed=True)]),
    (r"a supervisor takes back the act on (?P<contact>\w+)",
     lambda _teller, contact: [events.ActUndone(ContactId(contact))]),
    (r"(?P<service>\w+) (?P<how>opens|closes)",
     lambda _teller, service, how: [events.ServiceHoursSet(ServiceId(service), how == "opens")]),
    (r"time goes by", lambda _teller: []),
)
"""Pattern of each input, with the function that returns its events."""
