"""Facts of whole calls, numbered and timed as the engine does it, for projections under test."""

from __future__ import annotations

from metrics.queue_log.lines import LineState, lines_of
from routing.core.model.centre_model import AgentState, Channel, ContactState, OfferState, Outcome
from routing.core.model.facts import AgentChanged, Alarm, CentreChanged, Ended, Fact, Moved, OfferClosed, Queued
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model.talk_facts import Connected, HoldSetRecorded, TalkEndedRecorded, WrappedUp

VOICE = Channel.VOICE
T = 1_700_000_000
"""The second in which a story begins."""


class Story:
    """Tells the events of calls and agents. `facts` is the record, `at` the clock."""

    def __init__(self, at: float = T + 0.25) -> None:
        self.at = at
        self.facts: list[Fact] = []
        self._offer = 0
        self._since: dict[str, float] = {}
        self._service: dict[str, ServiceId] = {}

    def _stamp(self) -> tuple[int, float]:
        return len(self.facts) + 1, self.at

    def queued(self, call: str, service: str = "temsilci", box: str = "", position: int = 1) -> None:
        self._since[call], self._service[call] = self.at, ServiceId(service)
        self.facts.append(Queued(*self._stamp(), ContactId(call), 1, ServiceId(service), VOICE, self.at, 0, position,
                                 "", box, False, ""))

    def missed(self, call: str, agent: str, state: OfferState = OfferState.TIMEOUT, rang: float = 15.0,
               reason: str = "no_answer") -> None:
        self._offer += 1
        self.facts.append(OfferClosed(*self._stamp(), OfferId(self._offer), ContactId(call), AgentId(agent), 1,
                                      self._service[call], VOICE, state, reason, rang, None))

    def connected(self, call: str, agent: str, within: bool = True) -> None:
        self._offer += 1
        self.facts.append(Connected(*self._stamp(), OfferId(self._offer), ContactId(call), 3, AgentId(agent), 1,
                                    SeatId("2001"), self._service[call], VOICE, self.at - self._since[call], 2.9, 1,
                                    within))

    def talked(self, call: str, agent: str, by: str = "caller", talk: float = 60.0, held: float = 0.0) -> None:
        state = ContactState.PENDING if by == "lost" else ContactState.WRAPPING
        self.facts.append(TalkEndedRecorded(*self._stamp(), OfferId(self._offer), ContactId(call), 4, state,
            AgentId(agent), 1,
                                   self._service[call], VOICE, by, 3.7, talk, held, 1))
        if by != "lost":
            self.ended(call, Outcome.ANSWERED)

    def sent_on(self, call: str, agent: str, to: str, talk: float = 60.0) -> None:
        """Transfer the caller blind to another service."""
        before, self._service[call] = self._service[call], ServiceId(to)
        self.facts.append(TalkEndedRecorded(*self._stamp(), OfferId(self._offer), ContactId(call), 4,
            ContactState.PENDING,
                                   AgentId(agent), 1, before, VOICE, "transfer", 3.7, talk, 0.0, 1, ServiceId(to)))
        self.facts.append(Moved(*self._stamp(), ContactId(call), 5, before, ServiceId(to), VOICE, "transfer", 0.0, 1))

    def held(self, call: str, agent: str, on: bool) -> None:
        self.facts.append(HoldSetRecorded(*self._stamp(), OfferId(self._offer), ContactId(call), AgentId(agent), on,
            0.0))

    def wrapped(self, call: str, agent: str, seconds: float) -> None:
        self.facts.append(WrappedUp(*self._stamp(), OfferId(self._offer), ContactId(call), 5, AgentId(agent), 1,
                                    self._service[call], VOICE, seconds))

    def ended(self, call: str, outcome: Outcome, key: str = "") -> None:
        self.facts.append(Ended(*self._stamp(), ContactId(call), 5, ContactState.CANCELED, self._service[call], VOICE,
                                outcome, self.at - self._since[call], 2, 3, key))

    def agent(self, agent: str, before: AgentState, state: AgentState, reason: str = "", team: str = "genel",
              before_s: float = 10.0, services: tuple[str, ...] = ("temsilci", "gorus_oneri")) -> None:
        self.facts.append(AgentChanged(*self._stamp(), AgentId(agent), 1, team, before, state, reason,
                                       SeatId("2001"), before_s, tuple(map(ServiceId, services)), 0))

    def alarm(self, kind: str) -> None:
        self.facts.append(Alarm(*self._stamp(), kind, None, None, None))

    def configured(self) -> None:
        self.facts.append(CentreChanged(*self._stamp(), 5, 180))


def day(calls: int = 1) -> Story:
    """Return a story of this many calls, each not answered by one agent and answered by the next."""
    story = Story()
    for call in range(calls):
        story.queued(f"1795.{call}", position=3)
        story.missed(f"1795.{call}", "a1002")
        story.at += 16
        story.connected(f"1795.{call}", "a1001")
        story.at += 60
        story.talked(f"1795.{call}", "a1001")
    return story


def text(story: Story, *, asternic: bool = False) -> list[str]:
    """Return the lines of queue_log for the story."""
    state = LineState(asternic=asternic)
    return [line for fact in story.facts for line in lines_of(fact, state)]
