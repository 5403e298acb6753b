"""Facts of the real engine, from random events: metrics and queue_log tell the same counts, each call is one word."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metrics.prometheus.recorder import MetricsRecorder
from metrics.queue_log.lines import LineState, lines_of
from routing.core import events
from routing.core.domain import ENDED_S
from routing.core.engine import Engine
from routing.core.model import commands
from routing.core.model.centre_model import Agent, Centre, Outcome, Service, Step
from routing.core.model.errors import RoutingError
from routing.core.model.facts import Ended, Fact
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, SkillId
from routing.core.model.talk_facts import TalkEndedRecorded
from routing.core.stored import ChangeLog
from tests.examples import examples
from tests.readers import words

pytestmark = pytest.mark.property

SKILL = SkillId("s")
CENTRE = Centre((Service(ServiceId("s"), "S", (Step(((SKILL, 1),)),)),),
                tuple(Agent(AgentId(f"a{n}"), ((SKILL, 50),)) for n in range(3)))
KINDS = ("queue", "gone", "left", "connect", "miss", "busy", "caller", "agent", "lost", "pause", "resume", "wrapped",
         "tick")
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 5), st.sampled_from([0.0, 0.2, 3.0, 20.0])),
                 max_size=40)


class Run:
    """An engine, its offers so far, and everything it said."""

    def __init__(self) -> None:
        self.now, self.engine = 1_700_000_000.0, Engine()
        self.facts: list[Fact] = []
        self.changes = ChangeLog()
        self.offers: list[commands.Offer] = []
        self.callers: dict[int, ContactId] = {}
        self.give(events.Configured(CENTRE))
        for number in range(3):
            self.give(events.AgentSignedIn(AgentId(f"a{number}"), SeatId(f"200{number}")))
            self.give(events.SeatChanged(SeatId(f"200{number}"), True, False))
        self.give(events.LinkChanged("", True))

    def give(self, event: events.Event | None) -> None:
        try:
            made = self.engine.tick(self.now) if event is None else self.engine.handle(event, self.now)
        except RoutingError:
            made = []
        self.offers += [one for one in made if isinstance(one, commands.Offer)]
        self.changes.add(self.engine.take_changes())
        self.facts += self.engine.take_facts()

    def caller(self, number: int, *, comes: bool) -> ContactId:
        """Return the contact id. A caller who comes again long after the end of their call gets another id
        (`ENDED_S`)."""
        name = self.callers.setdefault(number, ContactId(f"179{number}.1"))
        ended = max((fact.at for fact in self.facts if isinstance(fact, Ended) and fact.contact == name), default=None)
        if comes and ended is not None and self.now - ended >= ENDED_S:
            name = self.callers[number] = ContactId(f"179{number}.{int(name.rpartition('.')[2]) + 1}")
        return name

    def step(self, what: str, number: int) -> None:
        contact, agent = self.caller(number, comes=what == "queue"), AgentId(f"a{number % 3}")
        offer = self.offers[-1 - number % len(self.offers)] if self.offers else None
        on_call = {
            "queue": events.ContactQueued(contact, ServiceId("s"), "PJSIP/x"), "gone": events.CallerHungUp(contact),
            "left": events.ContactExited(contact, "fallback" if number % 2 else "key", "*"),
            "pause": events.AgentPaused(agent), "resume": events.AgentResumed(agent),
            "wrapped": events.WrapUpEnded(agent), "tick": None}
        if what in on_call:
            self.give(on_call[what])
        elif offer is not None and what == "connect":
            self.give(events.OfferAnswered(offer.offer))
            self.give(events.OfferConnected(offer.offer, offer.contact))
        elif offer is not None and what in ("miss", "busy"):
            self.give(events.OfferEnded(OfferId(offer.offer), "no_answer" if what == "miss" else "busy"))
        elif offer is not None:
            self.give(events.TalkEnded(offer.offer, what))


def test_the_run_reaches_every_line() -> None:
    run = Run()
    for what, number, gap in (("queue", 0, 0), ("connect", 0, 1), ("lost", 0, 9), ("connect", 0, 1), ("caller", 0, 9),
                              ("queue", 1, 0), ("miss", 0, 9), ("connect", 0, 1), ("agent", 0, 9), ("pause", 0, 0),
                              ("pause", 1, 0), ("pause", 2, 0), ("tick", 0, 99), ("queue", 2, 0), ("gone", 2, 9),
                              ("queue", 3, 0), ("left", 3, 1), ("queue", 4, 0), ("left", 4, 1),
                              ("resume", 1, 1), ("resume", 2, 1), ("queue", 5, 0), ("gone", 5, 1)):
        run.now += gap
        run.step(what, number)
    state = LineState()
    said = {line.split("|")[4] for fact in run.facts for line in lines_of(fact, state)}
    assert said >= {"ENTERQUEUE", "CONNECT", "COMPLETEAGENT", "COMPLETECALLER", "ABANDON", "EXITWITHTIMEOUT",
                    "EXITWITHKEY", "RINGNOANSWER", "RINGCANCELED", "ADDMEMBER", "PAUSE", "PAUSEALL", "UNPAUSE",
                    "UNPAUSEALL", "CONFIGRELOAD"}


@settings(max_examples=examples(150))
@example([("queue", 1, 0.0), ("gone", 1, 0.0), ("queue", 0, 20.0), ("queue", 0, 20.0), ("queue", 1, 20.0)])
@given(STEPS)
def test_metrics_and_queue_log_agree(steps: list[tuple[str, int, float]]) -> None:
    run = Run()
    for what, number, gap in steps:
        run.now += gap
        run.step(what, number)
    for name in run.callers.values():  # everybody hangs up
        run.now += 1
        run.give(events.CallerHungUp(name))
    state, recorder = LineState(), MetricsRecorder(CENTRE)
    found = [line for fact in run.facts for line in lines_of(fact, state)]
    recorder.count_facts(run.facts)
    read = words.check("".join(f"{line}\n" for line in found), finished=True)
    assert state.talking == {}

    def outcomes(*wanted: Outcome) -> float:
        return sum(recorder.registry.get_sample_value("acd_contacts_total", {
            "queue": "s", "channel": "voice", "outcome": one.value}) or 0 for one in wanted)

    said = Counter(line.split("|")[4] for line in found)
    ended = [fact for fact in run.facts if isinstance(fact, Ended)]
    cut = sum(1 for fact in run.facts if isinstance(fact, TalkEndedRecorded) and fact.by == "lost")
    assert len(read.state) == len({fact.contact for fact in ended}) == len(ended)
    assert said["COMPLETECALLER"] + said["COMPLETEAGENT"] == said["CONNECT"] == outcomes(Outcome.ANSWERED) + cut
    assert said["ENTERQUEUE"] == len(ended) + cut
    assert said["ABANDON"] == outcomes(Outcome.ABANDONED, Outcome.ABANDONED_SHORT)
    assert said["EXITWITHTIMEOUT"] == outcomes(Outcome.FALLBACK, Outcome.FAILURE)
    assert said["EXITWITHKEY"] == outcomes(Outcome.LEFT)
