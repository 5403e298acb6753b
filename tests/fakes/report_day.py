"""A day written by hand and run through the real engine: every way of a contact, with figures that can be counted on
fingers.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from routing.core import events
from routing.core.engine import Engine
from routing.core.model import commands
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.facts import Fact
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, SkillId
from routing.core.stored import ChangeLog, Started
from routing.runner import RunnerTurn
from routing.store.store import Store
from tests.core.house import farewell_after

ZONE = ZoneInfo("Europe/Istanbul")
MIDNIGHT = datetime(2026, 3, 2, tzinfo=ZONE).timestamp()
BILGI, TIP = ServiceId("bilgi"), ServiceId("tip")
SKILL = SkillId("k")
OTHERS = 6
"""Number of agents in each group: with and without accommodations."""


def centre(others: int = OTHERS) -> Centre:
    """Return two services that every agent serves; `others` agents have an individual profile, one more has the usual
    one."""
    slow = Profile(wrapup_s=30.0, ring_timeout_s=40.0)
    return Centre(
        tuple(Service(one, str(one).title(), (Step(((SKILL, 1),)),),
                      when_waited=farewell_after(120.0) if one == BILGI else None,
                      callback_retry_s=60.0, callback_tries=2) for one in (BILGI, TIP)),
        tuple(Agent(AgentId(f"a{number}"), ((SKILL, 50),), slow if number < others else Profile(wrapup_s=20.0))
              for number in range(2 * others + 1)))


class Day:
    """Told event by event. `at` is the time of day in seconds."""

    def __init__(self, rules: Centre | None = None) -> None:
        self.centre = centre() if rules is None else rules
        self.engine = Engine()
        self.entries: list[tuple[float, events.Event | None]] = []
        self.facts: list[Fact] = []
        self.changes = ChangeLog()
        self.offers: dict[ContactId, OfferId] = {}
        self.give(-3600.0, Started(self.centre))
        self.give(-3600.0, events.LinkChanged("", True))

    def give(self, at: float, event: events.Event | None) -> None:
        """Tell an event after the deadlines that have passed, as a node does."""
        now = MIDNIGHT + at
        while (due := self.engine.next_deadline()) is not None and due < now:
            self._take(due, None)
        self._take(now, event)

    def _take(self, now: float, event: events.Event | None) -> None:
        self.entries.append((now, event))
        made = self.engine.tick(now) if event is None else self.engine.handle(event, now)
        self.changes.add(self.engine.take_changes())
        self.facts += self.engine.take_facts()
        for one in made:
            if isinstance(one, commands.Offer):
                self.offers[one.contact] = one.offer
                self._take(now, events.OfferRinging(one.offer))

    def sign_in(self, at: float, *numbers: int) -> None:
        """Sign agents in at their seats."""
        for number in numbers:
            self.give(at, events.SeatChanged(SeatId(f"20{number}"), True, False))
            self.give(at, events.AgentSignedIn(AgentId(f"a{number}"), SeatId(f"20{number}")))

    def call(self, at: float, name: str, service: ServiceId = BILGI, caller: str = "") -> ContactId:
        """Queue a caller."""
        contact = ContactId(name)
        self.give(at, events.ContactQueued(contact, service, f"PJSIP/{name}", caller_hash=caller))
        return contact

    def offer(self, at: float, contact: ContactId) -> OfferId:
        """Return the offer of the contact at that time."""
        self.give(at, None)
        return self.offers[contact]

    def connect(self, at: float, contact: ContactId) -> None:
        """Connect the contact with the agent who is offered it."""
        offer = self.offer(at, contact)
        self.give(at, events.OfferAnswered(offer))
        self.give(at, events.OfferConnected(offer, contact))

    def over(self, at: float, contact: ContactId, by: str = "caller") -> None:
        """End the talk."""
        self.give(at, events.TalkEnded(self.offers[contact], by))

    async def keep(self, where: str) -> None:
        """Write the day into a store."""
        store = await Store.open_store(where)
        try:
            await store.take_lease("day")
            changes = self.changes.take()
            await store.commit(RunnerTurn(self.entries, self.facts, changes))
            self.changes.add(changes)  # for the next store
        finally:
            await store.close()


def written() -> Day:
    """Return the day: 9 contacts on 2 March, one on the day before and two on the day after."""
    day = Day()
    day.sign_in(-1800.0, 0)
    before = day.call(-5.0, "gece", caller="ali")  # came on 1 March, talks on 2 March
    day.connect(2.0, before)
    day.over(62.0, before)
    day.sign_in(8 * 3600.0, *range(1, 13))
    at = 9 * 3600.0
    one = day.call(at, "bir", caller="ali")  # called yesterday too: no first contact
    day.connect(at + 10.0, one)
    day.give(at + 40.0, events.HoldSet(day.offers[one], True))
    day.give(at + 60.0, events.HoldSet(day.offers[one], False))
    day.over(at + 110.0, one)
    two = day.call(at + 200.0, "iki", TIP, "ayşe")  # sent on to the other service
    day.connect(at + 230.0, two)
    day.give(at + 290.0, events.TransferRequested(day.offers[two], BILGI))
    day.connect(at + 295.0, two)
    day.over(at + 355.0, two)
    three = day.call(at + 1900.0, "üç", caller="fatma")  # a first contact, solved
    day.connect(at + 1904.0, three)
    day.over(at + 1964.0, three, "agent")
    day.give(at + 1970.0, events.SurveyAnswered(three, BILGI, "asked", 0))
    day.give(at + 1975.0, events.SurveyAnswered(three, BILGI, "cared", 5))
    day.give(at + 2000.0, events.AgentPaused(AgentId("a7")))
    day.give(at + 2600.0, events.AgentResumed(AgentId("a7")))
    day.give(at + 2700.0, events.RulesOverridden(AgentId("a8"), frozenset({"rest_gap"}), MIDNIGHT + at + 3600.0,
        "admin"))
    quick = day.call(at + 3000.0, "dört")  # hangs up at once
    day.give(at + 3002.0, events.CallerHungUp(quick))
    for number in range(13):
        day.give(17 * 3600.0, events.AgentSignedOut(AgentId(f"a{number}")))
    patient = day.call(18 * 3600.0, "beş", TIP)  # nobody is there
    day.give(18 * 3600.0 + 45.0, events.CallerHungUp(patient))
    full = day.call(18 * 3600.0 + 100.0, "altı")  # to the fallback queue after two minutes
    day.give(18 * 3600.0 + 220.0, events.ContactExited(full, "fallback"))
    back = day.call(19 * 3600.0, "yedi", TIP, "can")  # is called back, and comes
    day.give(19 * 3600.0 + 30.0, events.CallbackRequested(back))
    day.give(19 * 3600.0 + 31.0, events.CallerHungUp(back))
    vain = day.call(20 * 3600.0, "sekiz", TIP, "eda")  # is called back twice, in vain
    day.give(20 * 3600.0 + 30.0, events.CallbackRequested(vain))
    day.give(20 * 3600.0 + 31.0, events.CallerHungUp(vain))
    day.sign_in(21 * 3600.0, 0)
    day.give(21 * 3600.0 + 5.0, events.CallbackAccepted(day.offer(21 * 3600.0 + 5.0, back)))
    day.give(21 * 3600.0 + 15.0, events.CallbackReached(back, "PJSIP/geri"))
    day.give(21 * 3600.0 + 16.0, events.OfferConnected(day.offers[back], back))
    day.over(21 * 3600.0 + 76.0, back)
    for offset in (110.0, 192.0):  # while the phone rings: the second time a minute after the first
        offer = day.offer(21 * 3600.0 + offset, vain)
        day.give(21 * 3600.0 + offset, events.CallbackAccepted(offer))
        day.give(21 * 3600.0 + offset + 20.0, events.CallbackFailed(offer, "no_answer"))
    day.give(22 * 3600.0, events.AgentSignedOut(AgentId("a0")))
    day.sign_in(23.5 * 3600.0, 6)
    late = day.call(23 * 3600.0 + 3595.0, "dokuz", TIP, "gül")  # comes before midnight, talks after it
    day.connect(24 * 3600.0 + 20.0, late)
    day.over(24 * 3600.0 + 80.0, late)
    day.give(24.5 * 3600.0, events.AgentSignedOut(AgentId("a6")))
    day.sign_in(32.5 * 3600.0, 7)
    next_day = day.call(33 * 3600.0, "ertesi", TIP, "ayşe")  # ayşe again: her first contact did not solve it
    day.connect(33 * 3600.0 + 1.0, next_day)
    day.over(33 * 3600.0 + 61.0, next_day)
    day.call(34 * 3600.0, "bekler", TIP)  # still waits
    for name, nodes, outcome, lasted in (
            ("bir", ("karsilama", "ana"), "queued", 20.0), ("iki", ("karsilama", "ana"), "operator", 50.0),
            ("m1", ("karsilama",), "abandoned", 3.0), ("m2", ("karsilama", "ana"), "self_service", 30.0)):
        day.give(34 * 3600.0 + 1.0, events.MenuEnded(ContactId(name), "ana", nodes, outcome, lasted))
    return day
