"""A story: what callers and agents do at which second, told to the shipped engine, and what it does about it.

    09:00:00  ali, ece sign in
    09:00:10  A calls psikososyal
    09:00:10    A rings at ece: level 80; then ali

A line with two spaces after the time is told to the engine, one with four is its answer. Phones are as they are: they
ring at once and give up after the agent's ringing time. What can be told is the table `VERBS`; a name is an agent of
the team or any contact. The worked examples of `docs/develop/routing.md` are such stories, and a test tells them again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from planning.errors import PlanningError
from routing.core import commands, events, facts, talk_facts
from routing.core.commands import Command
from routing.core.engine import Engine
from routing.core.facts import Fact
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, SkillId
from routing.core.model import AgentState, Centre, Channel, Outcome

LINE = re.compile(r"^(\d\d):(\d\d):(\d\d)( {2,})(\S.*)$")
TOLD = "  "
ANSWER = "    "
CHANNELS = {"calls": Channel.VOICE, "chats with": Channel.CHAT, "mails": Channel.EMAIL}


class StoryError(PlanningError):
    """A line that says nothing we know."""


class Line(NamedTuple):
    """One line. `at`: seconds after midnight."""

    at: float
    words: str
    answer: bool = False


def read(text: str) -> list[Line]:
    """Every line of a story. Raises StoryError for one that has no time."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            parts = LINE.match(line)
            if parts is None:
                raise StoryError(f"line {number} of the story: {line!r} has no time; write 09:00:10  A calls temsilci")
            hours, minutes, seconds, gap, words = parts.groups()
            found.append(Line(int(hours) * 3600 + int(minutes) * 60 + int(seconds), words.strip(), gap == ANSWER))
    return found


def write(lines: Iterable[Line]) -> str:
    """The text of a story."""
    return "".join(f"{clock(line.at)}{ANSWER if line.answer else TOLD}{line.words}\n" for line in lines)


def clock(at: float) -> str:
    """Seconds after midnight as HH:MM:SS, rounded down."""
    return f"{int(at // 3600):02d}:{int(at // 60 % 60):02d}:{int(at % 60):02d}"


def tell(centre: Centre, lines: Iterable[Line], engine: Engine | None = None) -> list[Line]:
    """The same story with the engine's own answers (`engine`: a new one, that somebody listens to). Raises StoryError,
    and `Refused` of the engine."""
    teller = _Teller(centre, engine or Engine())
    for line in lines:
        if not line.answer:
            teller.told(line)
    return teller.lines


class _Teller:
    """The engine, the phones, and what is written down."""

    def __init__(self, centre: Centre, engine: Engine) -> None:
        self.centre = centre
        self.profiles = {str(agent.id): agent.profile for agent in centre.agents}
        self.engine = engine
        self.lines: list[Line] = []
        self.ringing: dict[OfferId, tuple[float, commands.Offer]] = {}
        """Phones that ring, and when they give up."""
        self.held: dict[str, dict[str, commands.Offer]] = {}
        """Offers of each agent by contact."""
        self.now = 0.0
        self._handle(events.Configured(centre._replace(seats=None)))

    def told(self, line: Line) -> None:
        self._until(line.at)
        self.lines.append(line)
        for pattern, verb in VERBS:
            found = re.fullmatch(pattern, line.words)
            if found is not None:
                for event in verb(self, **found.groupdict()):
                    self._handle(event)
                return
        raise StoryError(f"{clock(line.at)}  {line.words}: nothing we know; see planning/story.py")

    def _until(self, at: float) -> None:
        """What the clock and the phones do before."""
        while True:
            deadline = self.engine.next_deadline()
            phone = min(((until, offer) for offer, (until, _) in self.ringing.items()), default=None)
            if deadline is not None and deadline <= at and (phone is None or deadline <= phone[0]):
                self.now = max(self.now, deadline)
                self._answer(self.engine.tick(self.now))
            elif phone is not None and phone[0] <= at:
                self.now = phone[0]
                self._handle(events.OfferEnded(phone[1], "no_answer"))
            else:
                break
        self.now = max(self.now, at)

    def _handle(self, event: events.Event) -> None:
        self._answer(self.engine.handle(event, self.now))

    def _answer(self, wanted: list[Command]) -> None:
        told = self.engine.take_facts()
        offered = {fact.contact for fact in told if isinstance(fact, facts.Offered)}
        for fact in told:
            if not (isinstance(fact, facts.Queued) and fact.contact in offered):
                self.lines += [Line(fact.at, words, True) for words in self._words(fact)]
        for command in wanted:
            match command:
                case commands.Offer():
                    self.held.setdefault(command.agent, {})[command.contact] = command
                    self.ringing[command.offer] = self.now + command.ring_s, command
                case commands.Rescind():
                    self.ringing.pop(command.offer, None)
                case commands.Overflow():
                    self.lines.append(Line(self.now, f"{command.contact} is sent to the safety net", True))
        for command in wanted:
            if isinstance(command, commands.Offer):
                self._handle(events.OfferRinging(command.offer))

    def _words(self, fact: Fact) -> list[str]:
        """A fact in words; facts that a reader need not see have none."""
        match fact:
            case facts.Queued():
                told = fact.estimate
                waits = "" if told is None else (f", expected wait {told.wait_s:.0f} s "
                                                 f"({told.low_s:.0f} to {told.high_s:.0f} s)")
                return [f"{fact.contact} waits at place {fact.position}{waits}"]
            case facts.Offered():
                return [self._offered(fact)]
            case facts.OfferClosed():
                self._forget(fact.offer, fact.agent, fact.contact)
                return [f"{fact.contact} rings at {fact.agent} no more: {fact.reason}"]
            case talk_facts.Connected():
                self.ringing.pop(fact.offer, None)
                return [f"{fact.contact} and {fact.agent} speak; {fact.contact} waited {fact.wait_s:.0f} s"]
            case facts.Stepped():
                if fact.reason == "preferred":
                    return [f"{fact.contact} waits for this agent no more: step 1"]
                return [f"{fact.contact} asks for less: step {fact.step + 1} ({fact.reason})"]
            case facts.Moved():
                return [f"{fact.contact} goes to {fact.service} ({fact.reason}), place {fact.position}"]
            case talk_facts.TalkOver():
                sent = "" if fact.to is None else f", sent on to {fact.to}"
                return [f"{fact.contact} and {fact.agent} have spoken {fact.talk_s:.0f} s{sent}"]
            case talk_facts.Consulting():
                return [f"{fact.agent} asks {fact.to} about {fact.contact}"]
            case talk_facts.Returned():
                return [f"{fact.contact} is with {fact.agent} again"]
            case talk_facts.AbuseNoted():
                return [f"{fact.contact} is noted as abusive"]
            case talk_facts.Introduced():
                return [f"{fact.agent} has left {fact.contact} to {fact.to}"]
            case talk_facts.WrappedUp():
                self._forget(fact.offer, fact.agent, fact.contact)
            case facts.Ended() if fact.outcome is not Outcome.ANSWERED:
                return [f"{fact.contact} has waited {fact.wait_s:.0f} s: {fact.outcome.value}"]
            case facts.ContactChanged():
                return [f"{fact.contact} is at place {fact.position}"]
            case facts.CallbackDialled():
                return [f"{fact.contact} is called back for {fact.agent}"]
            case facts.CallbackChanged() if not fact.callback:
                return [f"{fact.contact} is on the line again"]
            case facts.CallbackChanged():
                when = "" if fact.reason == "asked" else f", next try from {clock(fact.not_before)}"
                return [f"{fact.contact} is to be called back: {fact.reason}{when}"]
            case talk_facts.Interrupted():
                return [f"{fact.contact} is held" if fact.on else f"{fact.contact} goes on"]
            case facts.Overridden():
                return [f"said aloud: {fact.rule} of {fact.agent} does not hold (by {fact.by})"]
            case facts.AgentChanged():
                return self._changed(fact)
        return []

    def _offered(self, fact: facts.Offered) -> str:
        said = []
        if fact.level >= 0:
            said.append(f"level {fact.level}")
        if len(next(one for one in self.centre.services if one.id == fact.service).steps) > 1:
            said.append(f"step {fact.step + 1}")
        if fact.preferred:
            said.append("spoke with this caller last")
        if fact.partner is not None:
            said.append(f"with {fact.partner}")
        if fact.tier:
            said.append("nobody else is free" if fact.tier == 1 else "by the ceiling, to be taken by a key")
        then = f"; then {', '.join(fact.runners_up)}" if fact.runners_up else ""
        return f"{fact.contact} rings at {fact.agent}: {', '.join(said) or 'fits'}{then}"

    def _changed(self, fact: facts.AgentChanged) -> list[str]:
        name = fact.agent
        if fact.state is fact.before or fact.before is AgentState.SIGNED_OUT:
            return []
        match fact.state:
            case AgentState.READY if fact.before is not AgentState.RINGING:
                return [f"{name} is ready"]
            case AgentState.WRAPUP:
                return [f"{name} wraps up" + ("" if fact.wrapup_until is None else
                                              f" until {clock(fact.wrapup_until)}")]
            case AgentState.PAUSED:
                return [f"{name} is on a break"]
            case AgentState.NOT_RESPONDING:
                return [f"{name} counts as not responding"]
            case AgentState.SIGNED_OUT:
                return [f"{name} is signed out"]
        return []

    def _forget(self, offer: OfferId, agent: str, contact: str) -> None:
        self.ringing.pop(offer, None)
        self.held.get(agent, {}).pop(contact, None)

    def offer(self, agent: str, contact: str | None) -> commands.Offer:
        """What this agent has at hand. StoryError when that is nothing, or not told apart."""
        has = self.held.get(agent, {})
        if contact is None and len(has) == 1:
            (contact,) = has
        if contact is None or contact not in has:
            raise StoryError(f"{clock(self.now)}: {agent} has {', '.join(has) or 'nothing'} at hand; name one of them")
        return has[contact]


Told = Iterable[events.Event]


def _sign_in(teller: _Teller, agents: str) -> Told:
    for name in re.split(r", | and ", agents):
        seat = SeatId(f"seat of {name}")
        yield events.SeatChanged(seat, True, False)
        yield events.AgentSignedIn(AgentId(name), seat)


def _calls(_teller: _Teller, contact: str, how: str, service: str, points: str | None, skill: str | None,
           topic: str | None, caller: str | None) -> Told:
    yield events.ContactQueued(
        ContactId(contact), ServiceId(service), f"PJSIP/{contact}", CHANNELS[how], priority=int(points or 0),
        caller_hash=caller or "", needs=((SkillId(skill), 1),) if skill else (),
        topics=frozenset([topic] if topic else []))


def _answers(teller: _Teller, agent: str, contact: str | None) -> Told:
    offer = teller.offer(agent, contact)
    teller.ringing.pop(offer.offer, None)
    yield events.OfferAnswered(offer.offer)
    yield events.CallbackTaken(offer.offer) if offer.callback else events.OfferConnected(offer.offer, offer.contact)


def _hangs_up(teller: _Teller, name: str, contact: str | None) -> Told:
    if name in teller.profiles:
        yield events.TalkEnded(teller.offer(name, contact).offer, "agent")
    else:
        yield events.ContactGone(ContactId(name))


def _declines(teller: _Teller, agent: str, contact: str | None) -> Told:
    yield events.OfferEnded(teller.offer(agent, contact).offer, "rejected")


def _sends(teller: _Teller, agent: str, contact: str, service: str) -> Told:
    yield events.TransferAsked(teller.offer(agent, contact).offer, ServiceId(service))


def _abused(teller: _Teller, agent: str, contact: str) -> Told:
    yield events.AbuseSaid(teller.offer(agent, contact).offer)


def _break(teller: _Teller, agent: str, start: str, end: str) -> Told:
    first, last = (int(text[:2]) * 3600.0 + int(text[3:]) * 60.0 for text in (start, end))
    yield events.BreaksPlanned(AgentId(agent), ((first, last),))


def _dialled(teller: _Teller, contact: str, taken: bool) -> Told:
    """A callback's caller, when the agent has taken the offer."""
    agent = next((name for name, has in teller.held.items() if contact in has), "")
    offer = teller.offer(agent, contact).offer
    if not taken:
        yield events.CallbackFailed(offer, "no_answer")
        return
    yield events.CallbackReached(ContactId(contact), f"PJSIP/{contact}")
    yield events.OfferConnected(offer, ContactId(contact))


def _skilled(_teller: _Teller, agent: str, skill: str, level: str) -> Told:
    yield events.AgentSkilled(AgentId(agent), ((SkillId(skill), int(level)),))


def _of_agent(kind: Callable[[AgentId], events.Event]) -> Callable[..., Told]:
    return lambda _teller, agent: [kind(AgentId(agent))]


VERBS: tuple[tuple[str, Callable[..., Told]], ...] = (
    (r"(?P<agents>.+?) signs? in", _sign_in),
    (r"(?P<contact>\w+) (?P<how>calls|chats with|mails) (?P<service>\w+)(?: with (?P<points>-?\d+) points)?"
     r"(?: in (?P<skill>\w+))?(?: about (?P<topic>\w+))?(?: as (?P<caller>\w+))?", _calls),
    (r"(?P<agent>\w+) answers(?: (?P<contact>\w+))?", _answers),
    (r"(?P<agent>\w+) declines(?: (?P<contact>\w+))?", _declines),
    (r"(?P<name>\w+) hangs up(?: on (?P<contact>\w+))?", _hangs_up),
    (r"(?P<agent>\w+) sends (?P<contact>\w+) on to (?P<service>\w+)", _sends),
    (r"(?P<agent>\w+) says that (?P<contact>\w+) was abusive", _abused),
    (r"(?P<agent>\w+) takes a break", _of_agent(events.AgentPaused)),
    (r"(?P<agent>\w+) is back", _of_agent(events.AgentResumed)),
    (r"(?P<agent>\w+) is done", _of_agent(events.WrapUpEnded)),
    (r"(?P<agent>\w+) wants more time", _of_agent(events.WrapUpExtended)),
    (r"(?P<agent>\w+) asks for a wrap-up", _of_agent(events.WrapUpAsked)),
    (r"(?P<agent>\w+) says not now", _of_agent(events.AgentSpared)),
    (r"(?P<agent>\w+) signs out", _of_agent(events.AgentSignedOut)),
    (r"(?P<agent>\w+) now does (?P<skill>\w+) (?P<level>\d+)", _skilled),
    (r"(?P<agent>\w+) has a break (?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)", _break),
    (r"(?P<contact>\w+) asks to be called back", lambda _teller, contact: [events.CallbackAsked(ContactId(contact))]),
    (r"(?P<contact>\w+) picks up", lambda teller, contact: _dialled(teller, contact, True)),
    (r"(?P<contact>\w+) does not pick up", lambda teller, contact: _dialled(teller, contact, False)),
    (r"(?P<contact>\w+) gets (?P<points>-?\d+) points",
     lambda _teller, contact, points: [events.ContactRanked(ContactId(contact), int(points))]),
    (r"(?P<service>\w+) (?P<how>opens|closes)",
     lambda _teller, service, how: [events.ServiceHours(ServiceId(service), how == "opens")]),
    (r"time goes by", lambda _teller: []),
)
"""What can be told, and the events it is."""
