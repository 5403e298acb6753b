"""A random house and its events: mostly expected ones, often unexpected ones. Everything follows from the seed."""

from __future__ import annotations

import random
from typing import Any

from routing.core import events as e
from routing.core.matching.strategies import STRATEGIES
from routing.core.model.centre_model import (
    Agent,
    AnswerMode,
    CallbackOrder,
    Centre,
    Channel,
    DistressLimit,
    PauseReason,
    PreConnect,
    Profile,
    Rule,
    Service,
    Step,
    WayOut,
    WrapUpMode,
    channel_rows,
)
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, SkillId
from tests.oracle.callbacks import SERVED_S
from tests.oracle.side_by_side import SideBySide
from tests.oracle.state import (
    ACCEPTED,
    CONSULTING,
    FREE,
    NOT_RESPONDING,
    PENDING,
    RINGING,
    TALKING,
    WRAPPING,
    Offer,
)

AGENTS = 9
PAUSES = (PauseReason("egitim", work=True), PauseReason("mola", default=True), PauseReason("yemek", limit_s=15.0),
          PauseReason("teknik", work=True, limit_s=40.0))
"""Reasons for a pause. The last reason is not always in the table."""
PSY, EDU, TIP, TR = SkillId("psy"), SkillId("edu"), SkillId("tip"), SkillId("tr")
SKILLS = (PSY, EDU, TIP, TR)
LEVELS = (0, 10, 40, 50, 80, 100)
TOPICS = ("abusive", "deprem")
WORDS = ("", "", "", "tr", "tr >= 40", "edu > 10 or tip", "not (edu < 40)", "psy >= 10 ve tr", "tip değil",
         "(tip >= 10 or edu == 50) and tr != 80")
REASONS = ("no_answer", "no_answer", "busy", "rejected", "unreachable", "failed", "hangup", "lost")
SILENT = "silent"
"""Prefix of the hash of callers whose line is lost without a sound and who call again before this is known."""
ONE = "one"
"""Prefix of the hash of a number to which several people want callbacks."""
AGAIN = "again"
"""Prefix of the hash of callers who have a callback and call for something else."""
WAITING_MOST = 14
"""When more callers wait than this, some hang up. A queue that only grows tests nothing new."""


def service_of(rng: random.Random, name: str, others: list[str]) -> Service:
    """Return a service with everything that a service may have."""
    def needs() -> tuple:
        return tuple((skill, rng.choice(LEVELS[:4])) for skill in rng.sample(SKILLS, rng.choice((0, 1, 1, 1, 2))))

    def rule(*over_s: float) -> Rule | None:
        if rng.random() < 0.35:
            return None
        over = rng.choice(over_s) if over_s else 0.0
        if rng.random() < 0.6:
            return Rule(ServiceId(rng.choice(others)), over_s=over)
        return Rule(None, rng.choice(tuple(WayOut)), over, rng.choice(("", "kapali-iyi-gunler")))

    count = rng.randint(1, 3)
    steps = tuple(Step(needs(), rng.choice((4.0, 11.0, 25.0, None)) if number < count - 1 else None, rng.choice(WORDS))
                  for number in range(count))
    return Service(
        ServiceId(name), name.title(), steps, floor=((PSY, 40),) if rng.random() < 0.2 else (),
        floor_where="tr >= 10 or psy" if rng.random() < 0.1 else "", priority=rng.choice((0, 0, 1, 3)),
        distress=rng.random() < 0.3, keep_free=rng.choice((0, 0, 1, 2)), keep_free_percent=rng.choice((0, 0, 20, 35)),
        anonymous=rng.random() < 0.1,
        strategy=rng.choice(("longest_idle", "longest_idle", *STRATEGIES)),
        weight=rng.choice((1.0, 1.0, 1.0, 2.0, 0.5)),
        preferred_s=rng.choice((0.0, 0.0, 8.0)), preferred_days=rng.choice((30.0, 0.001)),
        max_waiting=rng.choice((None, None, 2, 4)), max_talking=rng.choice((None, None, None, 1, 2)),
        load=rng.choice((0, 0, 1, 2, 3, 3, 4, 4, 5)), ceiling_s=rng.choice((None, 5.0, 15.0)),
        callback=rng.choice((*CallbackOrder, *list(CallbackOrder)[1:])),
        callback_max=rng.choice((1, 3, 100)), callback_press=rng.random() < 0.5,
        callback_tries=rng.choice((1, 2, 3)), callback_retry_s=rng.choice((3.0, 20.0)),
        position_held_s=rng.choice((0.0, 20.0, 300.0)),
        when_closed=rule(), when_full=rule(), when_nobody=rule(), when_expected=rule(20.0, 60.0, 150.0),
        when_waited=rule(20.0, 45.0))


def agent_of(rng: random.Random, number: int) -> Agent:
    """Return an agent with a random profile."""
    def some(usual: Any, *others: Any) -> Any:
        return usual if rng.random() < 0.65 else rng.choice(others)

    skills = tuple((skill, rng.choice(LEVELS)) for skill in rng.sample(SKILLS, rng.randint(1, 4)))
    profile = Profile(
        channels=some(frozenset(Channel), frozenset({Channel.VOICE}), frozenset({Channel.CHAT, Channel.EMAIL})),
        max_concurrency=some(((Channel.VOICE, 1), (Channel.CHAT, 3)), ((Channel.CHAT, 2), (Channel.EMAIL, 2)), (),
                             ((Channel.VOICE, 1), (Channel.CHAT, 0))),
        ring_timeout_s=rng.choice((10.0, 15.0)) + number / 128, answer_mode=rng.choice(tuple(AnswerMode)),
        pre_connect=rng.choice(tuple(PreConnect)), pre_connect_s=rng.choice((0.0, 5.0)),
        wrapup_s=some(3.0 + number / 64, 0.0, 12.0 + number / 64), wrapup_extend_s=rng.choice((2.0, 9.0)),
        rest_gap_s=some(0.0, 2.0 + number / 64, 6.0 + number / 64), rna_allowed=rng.choice((1, 2, 3)),
        wrapup_mode=some(WrapUpMode.MANDATORY_TIMEOUT, *WrapUpMode), capacity=some(100, 60, 180),
        one_at_a_time=some(False, False, True), break_grace_s=some(0.0, 15.0),
        max_continuous_s=some(7_200.0, 120.0 + number, 400.0 + number),
        distress=rng.choice((DistressLimit(), DistressLimit(4.0, 6.0, 3.0), DistressLimit(2.0, 2.5, 1.0)))._replace(
            binds=rng.random() < 0.5),
        no_topics=some(frozenset(), frozenset({"abusive"}), frozenset({"deprem", "b"})),
        pair_id=("p", "p", "q", "", "r", "r", "", "", "")[number] if rng.random() < 0.7 else "",
        auto_return_s=some(None, 20.0 + number / 64))
    return Agent(AgentId(f"a{number}"), skills, profile, f"t{number % 2}", remote=rng.random() < 0.08)


def centre_of(rng: random.Random) -> Centre:
    """Return a centre of four or five services and about nine agents, in any order."""
    names = ["a", "b", "c", "d", "e"][:rng.choice((4, 5, 5))]
    agents = [agent_of(rng, number) for number in rng.sample(range(AGENTS), rng.choice((AGENTS, AGENTS, AGENTS - 1)))]
    return Centre(
        tuple(service_of(rng, name, names) for name in names), tuple(agents),
        seats=None if rng.random() < 0.8 else frozenset(SeatId(f"s{number}") for number in range(AGENTS - 1)),
        channels=channel_rows(interruptible=rng.choice((None, frozenset(Channel) - {Channel.VOICE}, frozenset()))),
        load_half_life_s=rng.choice((40.0, 300.0, 5_400.0)), occupied_half_life_s=rng.choice((100.0, 3_600.0)),
        decompression_s=rng.choice((7.0, 30.0)), heavy_declined_s=rng.choice((10.0, 40.0)),
        micro_break_s=rng.choice((5.0, 20.0)), abusive_days=rng.choice((180.0, 0.002)),
        callback_share=rng.choice((0.5, 0.25, 0.2)),
        callback_hours=rng.choice((24.0, 24.0, 0.05)), callback_dials_per_day=rng.choice((6, 2, 1)),
        phone_reacts_s=2.0 if len(agents) == AGENTS else 3.5,
        second_phone_s=0.4 if len(names) == 4 else 1.5,
        pause_reasons=rng.choice((PAUSES, PAUSES, PAUSES[:3])))


class Crowd:
    """Tells engine and oracle the same random events."""

    def __init__(self, seed: int, *, restarts: bool = True, crises: bool = False) -> None:
        self.rng = random.Random(seed)
        self.times = random.Random(seed)
        """Separate, so that a choice of a time leaves all other choices as they are."""
        self.plans = random.Random(seed)
        """Separate too, for working hours."""
        self.channels = random.Random(seed)
        """Separate too, for callers whose channel comes later or never."""
        self.centre = centre_of(self.rng)
        self.finds = random.Random(seed)
        """Separate too, for talks that a look at Asterisk finds."""
        self.words = random.Random(seed)
        """Separate too, for the words that callers hear first."""
        self.crises = random.Random(seed) if crises else None
        """For people in distress who come while phones ring. Separate, so that older houses stay as they are."""
        self.in_crisis = 0
        self.side_by_side = SideBySide(self.centre)
        self.restarts = restarts
        self.numbers = 0
        self.mean_s = self.rng.choice((0.3, 0.7, 1.5))
        for number in range(AGENTS):
            self.side_by_side.tell(e.SeatChanged(SeatId(f"s{number}"), True, False))
            self.side_by_side.tell(e.AgentSignedIn(AgentId(f"a{number}"), SeatId(f"s{number}")))
            self.side_by_side.tell(e.DeskChanged(AgentId(f"a{number}"), number % 4 > 0))

    def step(self) -> None:
        """Make the next event happen."""
        rng, side_by_side = self.rng, self.side_by_side
        side_by_side.pass_time(side_by_side.now + rng.expovariate(1.0 / self.mean_s), late=rng.random() < 0.1)
        roll = rng.random()
        if roll < 0.008:
            rng.choice((self._calls_again, self._calls_again, self._one_number, self._line_goes_silent))()
        elif roll < 0.014:
            self._quiet_spell()
        elif roll < 0.22:
            self._arrives()
        elif roll < 0.60:
            event = self._of_offer()
            if isinstance(event, e.TransferRequested | e.ConsultRequested):
                event = event._replace(confirmed=rng.random() < 0.6)
            side_by_side.tell(event)
        elif roll < 0.73:
            side_by_side.tell(self._of_caller())
        elif roll < 0.90:
            side_by_side.tell(self._of_agent())
        elif roll < 0.98:
            self._phone()
        else:
            self._house()
        if self.plans.random() < 0.02:
            side_by_side.tell(self._plans_hours())
        if self.finds.random() < 0.04:
            side_by_side.tell(self._found_talk())
        if self.channels.random() < 0.1:
            side_by_side.tell(e.ChannelShown(self._hidden_contact()))

        if self.crises is not None and self.crises.random() < 0.06:
            self._crisis(self.crises)

    def _crisis(self, rng: random.Random) -> None:
        """Let agents become free for what waits, and then people in distress come while phones ring."""
        side_by_side, house = self.side_by_side, self.side_by_side.house
        services = [service.id for service in house.services.values() if service.distress]
        if not services:
            return
        # 1. Links are up, talks and wrap-ups end, agents come back.
        for node in ("", "b"):
            side_by_side.tell(e.LinkChanged(node, True))
        for offer in list(house.offers.values()):
            if offer.state is ACCEPTED and rng.random() < 0.7:
                side_by_side.tell(e.TalkEnded(offer.id, "agent"))
        for number in range(AGENTS):
            if rng.random() < 0.5:
                side_by_side.tell(e.AgentResumed(AgentId(f"a{number}")))
            side_by_side.tell(e.WrapUpEnded(AgentId(f"a{number}")))
            side_by_side.tell(e.SeatChanged(SeatId(f"s{number}"), True, False))
        # 2. Ringing phones are reported or answered, and callbacks are dialled.
        for offer in list(house.offers.values()):
            if offer.state is not PENDING:
                continue
            if rng.random() < 0.5 and offer.voice:
                side_by_side.tell(e.SeatChanged(offer.seat, True, True))
            event = rng.choice((e.OfferRinging(offer.id), e.OfferRinging(offer.id), e.OfferAnswered(offer.id)))
            side_by_side.tell(e.CallbackAccepted(offer.id) if offer.calls_back and rng.random() < 0.7 else event)
        # 3. People in distress come, and the phones that were taken back report.
        for _ in range(rng.randint(1, 5)):
            self.in_crisis += 1
            side_by_side.tell(e.ContactQueued(
                ContactId(f"1800000000.{self.in_crisis}"), rng.choice(services), "PJSIP/crisis",
                rng.choice((Channel.VOICE,) * 6 + tuple(Channel)), node=rng.choice(("", "", "", "b")),
                caller_hash=rng.choice(("", f"h{rng.randint(0, 12)}"))))
            if rng.random() < 0.3:
                side_by_side.tell(e.SeatChanged(SeatId(f"s{rng.randint(0, AGENTS - 1)}"), True, False))
            side_by_side.pass_time(side_by_side.now + rng.choice((0.0, 0.1, 1.0, 2.5)))
        theirs = [one.id for one in house.callers.values() if one.callback and one.in_line]
        if theirs and rng.random() < 0.2:
            side_by_side.tell(e.CallbackFailed(None, rng.choice(("no_key", "refused")), rng.choice(theirs)))
        leaving = [one for one in house.callers.values() if one.id.startswith("1800") and one.in_line]
        for caller in leaving[:-2]:
            side_by_side.tell(e.CallerHungUp(caller.id))

    def _found_talk(self) -> e.Event:
        """Find the talk of an offer that is over, seldom one that cannot be."""
        rng, now = self.finds, self.side_by_side.now
        closed = [one for caller in self.side_by_side.house.callers.values() for one in caller.closed]
        if closed and rng.random() < 0.9:
            one = rng.choice(closed[-6:])
            return e.TalkFound(one.id, one.caller.id, rng.choice((None, now - rng.random())))
        first = max(1, self.side_by_side.house.next_offer - 20)
        return e.TalkFound(OfferId(rng.randint(first, max(first, self.numbers + 2))),
                           ContactId(f"1700000000.{rng.randint(1, self.numbers + 2)}"))

    def _hidden_contact(self) -> ContactId:
        """Return a contact whose channel was not seen, seldom any other."""
        hidden = [one.id for one in self.side_by_side.house.callers.values() if not one.shown]
        if hidden and self.channels.random() < 0.9:
            return self.channels.choice(hidden)
        return ContactId(f"1700000000.{self.channels.randint(1, self.numbers + 2)}")

    def _plans_hours(self) -> e.Event:
        """Plan the hours of an agent: of some who leave soon, of some who come soon, or a plan that cannot be."""
        rng, now = self.plans, self.side_by_side.now
        agent, begin = AgentId(f"a{rng.randint(0, AGENTS)}"), now + rng.choice((-5_000.0, -5.0, 30.0, 200.0, 2_500.0))
        first = begin, begin + rng.choice((10.0, 300.0, 5_100.0))
        spans = first, (first[1] + rng.choice((-1.0, 0.0, 100.0)), first[1] + 1_000.0)
        return e.WorkingHoursPlanned(agent, spans[: rng.choice((0, 1, 1, 2, 2))])

    def _contact(self) -> ContactId:
        """Return a contact that waits or talks, seldom any other."""
        known = list(self.side_by_side.house.callers)
        if known and self.rng.random() < 0.9:
            found = self.rng.choice(known)
            # Mostly leave these callers to their talk.
            if self.side_by_side.house.callers[found].hash.startswith((AGAIN, SILENT)):
                found = self.rng.choice(known)
            return ContactId(found)
        return ContactId(f"1700000000.{self.rng.randint(max(1, self.numbers - 30), self.numbers + 2)}")

    def _service(self) -> ServiceId:
        return ServiceId(self.rng.choice("abcde"))

    def _agent(self) -> AgentId:
        return AgentId(f"a{self.rng.randint(0, AGENTS - 1 + (self.rng.random() < 0.02))}")

    def _arrives(self) -> None:
        rng = self.rng
        in_line = [c for c in self.side_by_side.house.callers.values()
                   if c.in_line and not c.hash.startswith((AGAIN, SILENT))]
        if len(in_line) >= WAITING_MOST:
            self.side_by_side.tell(e.ContactExited(rng.choice(in_line).id, rng.choice(("fallback", "key")), "9"))
            return
        self.numbers += 1
        number = self.numbers
        self.side_by_side.tell(e.ContactQueued(
            ContactId(f"1700000000.{number}"), self._service(), f"PJSIP/trunk-{number}",
            rng.choice((Channel.VOICE,) * 5 + tuple(Channel)),
            rng.choice((None, None, self.side_by_side.now - 30.0 * rng.random())), rng.choice((0, 0, 0, 2)),
            rng.choice(("", f"h{rng.randint(0, 12)}")), "", rng.random() < 0.1, rng.choice(("", "", "", "b")),
            ((TR, 10),) if rng.random() < 0.08 else (), frozenset({rng.choice(TOPICS)}) if rng.random() < 0.08 else
            frozenset(), "en" if number % 3 == 0 else "", self.channels.random() >= 0.1, self._words_s()))

    def _words_s(self) -> float:
        """Return the length of the words that a caller hears first."""
        return self.words.choice((0.0, 0.0, 4.0, 12.0, 60.0))

    def _calls_again(self) -> None:
        """Let a caller who has a callback call for something else. Chance alone seldom brings such a caller to a talk.
        """
        rng, side_by_side = self.rng, self.side_by_side
        service, other = rng.sample("abcd", 2)
        self.numbers += 2
        name = f"{AGAIN}{self.numbers}"
        asks, calls = (ContactId(f"1700000000.{number}") for number in (self.numbers - 1, self.numbers))
        side_by_side.tell(e.ContactQueued(asks, ServiceId(service), "PJSIP/asks", caller_hash=name))
        later = rng.choice((5.0, 20.0, 90.0, 400.0))
        side_by_side.tell(e.CallbackRequested(asks, later, caller_hash=rng.choice(("", "", "other"))))
        side_by_side.tell(e.CallerHungUp(asks))
        side_by_side.pass_time(side_by_side.now + 1.0)
        side_by_side.tell(e.ContactQueued(calls, ServiceId(other), "PJSIP/calls", priority=100, caller_hash=name))

    def _quiet_spell(self) -> None:
        """Let most callers leave and most agents become free, so that callers are dialled without a reserved agent."""
        rng, side_by_side, house = self.rng, self.side_by_side, self.side_by_side.house
        ahead = [service.id for service in self.centre.services if service.dials_ahead]
        if not ahead:
            return
        # 1. Links are up, and some callers ask for a callback.
        for node in ("", "b"):
            side_by_side.tell(e.LinkChanged(node, True))
        side_by_side.tell(e.QuietHoursChanged(False))
        for _ in range(rng.randint(1, 3)):
            self.numbers += 1
            contact = ContactId(f"1700000000.{self.numbers}")
            side_by_side.tell(e.ContactQueued(contact, rng.choice(ahead), "PJSIP/ahead",
                                              caller_hash=f"h{rng.randint(0, 12)}"))
            now = side_by_side.now
            side_by_side.tell(e.CallbackRequested(contact, anytime=True, window=rng.choice((None, None, (
                now + 1.0, now + 60.0)))))
            side_by_side.tell(e.CallerHungUp(contact))
        # 2. The others leave, talks end, and agents come back.
        for caller in list(house.callers.values()):
            if caller.in_line and not caller.callback and rng.random() < 0.8:
                side_by_side.tell(e.ContactExited(caller.id, "key", "9"))
        talks_end, skills = rng.random(), tuple((skill, 90) for skill in rng.sample(SKILLS, rng.randint(2, 4)))
        for offer in list(house.offers.values()):
            if offer.state is ACCEPTED and rng.random() < talks_end:
                side_by_side.tell(e.TalkEnded(offer.id, "agent"))
        for number in range(AGENTS):
            if rng.random() < 0.7:
                side_by_side.tell(e.AgentSignedIn(AgentId(f"a{number}"), SeatId(f"s{number}")))
                side_by_side.tell(e.AgentResumed(AgentId(f"a{number}")))
                side_by_side.tell(e.AgentSkillsChanged(AgentId(f"a{number}"), skills))
            side_by_side.tell(e.SeatChanged(SeatId(f"s{number}"), True, False))
        for number in range(AGENTS):
            if rng.random() < talks_end:
                side_by_side.tell(e.WrapUpEnded(AgentId(f"a{number}")))
        # 3. Some looks pass, and the dialled phones ring.
        side_by_side.pass_time(side_by_side.now + rng.choice((6.0, 11.0)))
        for _ in range(rng.randint(0, 6)):
            dialled = [one.id for one in house.callers.values() if one.dialling]
            if dialled:
                side_by_side.tell(self._of_dial(rng.choice(dialled)))
            side_by_side.pass_time(side_by_side.now + rng.random() * 4.0)

    def _one_number(self) -> None:
        """Let several people ask for callbacks to one number, whose owner refuses them or asks too."""
        rng, side_by_side = self.rng, self.side_by_side
        number = f"{ONE}{rng.randint(0, 1)}"
        service = ServiceId(rng.choice("abcd"))
        for own in rng.sample((True, False, False), 2):
            self.numbers += 1
            contact = ContactId(f"1700000000.{self.numbers}")
            side_by_side.tell(e.ContactQueued(
                contact, service if rng.random() < 0.6 else self._service(), "PJSIP/one", priority=100,
                caller_hash=number if own else f"h{rng.randint(0, 12)}"))
            side_by_side.tell(e.CallbackRequested(contact, 0.0, True, number))
            side_by_side.tell(e.CallerHungUp(contact))
            side_by_side.pass_time(side_by_side.now + 1.0)

    def _line_goes_silent(self) -> None:
        """Queue two calls of one caller. The first talks when the second one comes; `_lost` decides which one is
        served."""
        rng, side_by_side = self.rng, self.side_by_side
        service = ServiceId(rng.choice("abcd"))
        for _ in range(2):
            self.numbers += 1
            contact = ContactId(f"1700000000.{self.numbers}")
            side_by_side.tell(e.ContactQueued(contact, service, "PJSIP/silent", priority=100,
                                              caller_hash=f"{SILENT}{service}"))
            side_by_side.pass_time(side_by_side.now + 1.0)

    def _lost(self, offer: Offer) -> e.Event:
        """Lose the caller's older call, with consent to a follow-up, when the newer one was served."""
        number, caller = offer.id, offer.caller
        if offer.state is PENDING:
            return e.OfferConnected(number, caller.id)
        theirs = [one for one in self.side_by_side.house.callers.values() if one.hash == caller.hash]
        talked_s = self.side_by_side.now - offer.connected_at
        if caller is not theirs[0]:
            return self._of_agent() if talked_s < SERVED_S else e.TalkEnded(number, "agent")
        if not caller.follow_up:
            return e.FollowUpAgreed(number)
        if len(theirs) == 1 or talked_s > 6 * SERVED_S:
            return e.TalkEnded(number, "dropped")
        wraps = [one.offer.person.id for one in theirs[1:] if one.offer is not None and one.offer.state is WRAPPING]
        return e.WrapUpEnded(wraps[0]) if wraps else self._of_agent()

    def _comes(self, offer: Offer) -> e.Event:
        """Move the caller to the service of their callback, if possible, while an agent's phone rings for it."""
        service, number = offer.caller.service.id, offer.id
        for one in self.side_by_side.house.callers.values():
            if one.hash == offer.caller.hash and not one.callback:
                if one.in_line:
                    return e.ContactQueued(one.id, service, one.leg, node=one.node)
                if one.offer is not None and one.offer.state is ACCEPTED:
                    return e.TransferRequested(one.offer.id, service)
        return e.CallbackAccepted(number)

    def _served(self, offer: Offer) -> e.Event:
        """Mostly connect the caller, transfer them to the service of their callback, and let them talk long enough
        there."""
        number, caller, rng = offer.id, offer.caller, self.rng
        if offer.state is PENDING:
            return e.OfferConnected(number, caller.id)
        waits = [c.service.id for c in self.side_by_side.house.callers.values() if c.callback and c.hash == caller.hash]
        if waits and caller.service.id not in waits:
            return rng.choice((e.TransferRequested, e.TransferRequested, e.ConsultRequested))(number, rng.choice(waits))
        if self.side_by_side.now - offer.connected_at < SERVED_S and rng.random() < 0.9:
            return self._of_agent()
        return e.TalkEnded(number, rng.choice(("agent", "caller", "dropped")))

    def _partner(self, offer: Offer) -> bool:
        """Return whether the event is about the partner of a pair. This is rare where there is no partner."""
        return self.rng.random() < (0.02 if offer.partner is None else 0.5)

    def _of_offer(self) -> e.Event:
        rng, house = self.rng, self.side_by_side.house
        live = list(house.offers.values())
        if not live or rng.random() < 0.03:
            number = OfferId(rng.randint(max(1, house.next_offer - 20), house.next_offer))
            return rng.choice((
                e.OfferRinging(number), e.OfferAnswered(number), e.OfferConnected(number, self._contact()),
                e.OfferEnded(number, rng.choice(REASONS)), e.TalkEnded(number, "agent"), e.HoldSet(number, True),
                e.FollowUpAgreed(number), e.CallerFlaggedAbusive(number), e.TransferRequested(number, self._service()),
                e.LoadReported(number, rng.randint(-1, 6)), e.CallbackFailed(number, "busy"),
                e.CallbackAccepted(number)))
        offer = rng.choice(live)
        number, caller, caller_hash = offer.id, offer.caller.id, offer.caller.hash
        late = rng.choice((None, None, None, self.side_by_side.now - rng.random()))
        if offer.state is CONSULTING:
            return self._of_consult(offer)
        if caller_hash.startswith(SILENT) and not offer.calls_back and offer.state in (PENDING, ACCEPTED) \
                and rng.random() < 0.95:
            return self._lost(offer)
        if offer.caller.dialled.startswith(ONE) and offer.calls_back and offer.state is PENDING \
                and offer.caller.callback and rng.random() < 0.7:
            return rng.choice((e.CallbackFailed(number, "refused"), e.CallbackFailed(number, "refused"),
                               e.CallbackFailed(number, "no_answer"))) if offer.dialling else e.CallbackAccepted(number)
        if caller_hash.startswith(AGAIN) and not offer.calls_back and offer.state in (PENDING, ACCEPTED) \
                and rng.random() < 0.9:
            return self._served(offer)
        if offer.state is PENDING and offer.voice and offer.answered_at is not None and not offer.calls_back \
                and rng.random() < 0.5:
            return e.OfferEnded(number, "hangup", self._partner(offer), late)
        if offer.state is PENDING and offer.caller.consulting_offer is not None and rng.random() < 0.5:
            return e.OfferConnected(number, ContactId(f"o{offer.caller.consulting_offer.id}-{caller}"))
        if offer.partner is not None and offer.state is PENDING and rng.random() < 0.4:
            return e.OfferEnded(number, "no_answer", self._partner(offer)) if offer.answered_at or \
                offer.partner_answered else e.OfferAnswered(number, self._partner(offer))
        if offer.state is PENDING:
            if not offer.voice and rng.random() < 0.08:
                return e.DeskChanged(offer.person.id, False)
            if rng.random() < 0.03:
                return e.HeavyContactsDeclined(offer.person.id)
            if rng.random() < 0.03:
                return e.CommandRefused(caller, number)
            if caller_hash.startswith(AGAIN) and offer.calls_back and not offer.dialling and rng.random() < 0.6:
                return self._comes(offer)
            if offer.dialling:  # mostly the phone rings on, sometimes for too long
                return self._of_agent() if rng.random() < 0.7 else rng.choice((
                    e.CallbackReached(caller, "PJSIP/called"), e.CallbackReached(caller, "PJSIP/called"),
                    e.CallbackFailed(number, rng.choice(("no_answer", "busy", "refused"))),
                    e.OfferAnswered(number, self._partner(offer)),
                    e.OfferEnded(number, rng.choice(REASONS), self._partner(offer)), e.CallerHungUp(caller)))
            if offer.calls_back and rng.random() < 0.6:
                return rng.choice((
                    e.CallbackAccepted(number), e.CallbackAccepted(number), e.CallbackReached(caller, "PJSIP/called"),
                    e.CallbackFailed(number, rng.choice(("busy", "refused", "refused")))))
            return rng.choice((
                e.OfferRinging(number), e.OfferRinging(number, late),
                e.OfferAnswered(number, self._partner(offer), late),
                e.OfferConnected(number, caller, late), e.OfferConnected(number, caller),
                e.OfferConnected(number, caller), e.OfferConnected(number, self._contact()) if rng.random() < 0.1 else
                e.OfferRinging(number), e.OfferEnded(number, rng.choice(REASONS), self._partner(offer), late)))
        if offer.state is ACCEPTED:
            if not offer.voice and rng.random() < 0.8:  # messages take long, so that calls come meanwhile
                return e.HoldSet(number, rng.random() < 0.5)
            if offer.voice and rng.random() < (0.6 if offer.caller.follow_up else 0.25):
                if rng.random() < 0.5:
                    return e.ConsultRequested(number, self._service() if rng.random() < 0.8 else None,
                                          self._agent() if rng.random() < 0.3 else None,
                                          number % 3 == 0 or offer.caller.follow_up)
                return e.TransferRequested(number, self._service() if rng.random() < 0.6 else None,
                                       self._agent() if rng.random() < 0.5 else None, rng.random() < 0.2,
                                       number % 2 == 0)
            return rng.choice((
                e.TalkEnded(number, "caller", late), e.TalkEnded(number, "agent"), e.TalkEnded(number, "agent"),
                e.OfferEnded(number, rng.choice(REASONS), self._partner(offer), late) if rng.random() < 0.5 else
                e.TalkEnded(number, "agent"),
                e.TalkEnded(number, "lost") if rng.random() < 0.4 else e.TalkEnded(number, "caller"),
                e.TalkEnded(number, "dropped", late), e.FollowUpAgreed(number, rng.random() < 0.9),
                e.FollowUpAgreed(number), e.CallerFlaggedAbusive(number, rng.random() < 0.7),
                e.HoldSet(number, rng.random() < 0.5), e.LoadReported(number, rng.randint(0, 5)),
                e.HoldTick(caller) if rng.random() < 0.3 else
                e.CallerHungUp(caller, late, dropped=rng.random() < 0.5),
                e.WrapUpRequested(offer.person.id, caller), e.PageReturned(offer.person.id),
                e.OfferConnected(number, self._contact()) if rng.random() < 0.1 else
                e.HoldSet(number, False)))
        return rng.choice((
            e.LoadReported(number, rng.randint(0, 5)), e.CallerFlaggedAbusive(number, rng.random() < 0.7),
            e.WrapUpEnded(offer.person.id),
            e.WrapUpEnded(offer.person.id, caller), e.WrapUpEnded(offer.person.id),
            e.WrapUpExtended(offer.person.id, caller)))

    def _of_consult(self, offer: Offer) -> e.Event:
        rng, number, caller = self.rng, offer.id, offer.caller
        other = caller.offer
        if caller.follow_up and rng.random() < 0.3:
            return e.TalkEnded(number, "dropped")
        return rng.choice((
            e.ConsultEndRequested(number), e.ConsultEndRequested(number), e.ConsultEndRequested(number, True),
            e.OfferConnected(number, caller.id),
            e.OfferEnded(number, rng.choice(REASONS)), e.TalkEnded(number, rng.choice(("caller", "dropped", "agent"))),
            e.HoldSet(number, False), e.CallerHungUp(caller.id, dropped=rng.random() < 0.5) if rng.random() < 0.5 else
            e.ContactExited(caller.id, "fallback"),
            e.CallbackRequested(caller.id), e.HoldTick(caller.id),
            e.HoldSet(number, True) if other is None else e.OfferEnded(other.id, rng.choice(REASONS)),
            e.HoldSet(number, True) if other is None else e.OfferConnected(other.id,
                ContactId(f"o{number}-{caller.id}")),
            e.ConsultRequested(number, self._service()), e.TransferRequested(number, self._service())))

    def _of_caller(self) -> e.Event:
        rng, contact = self.rng, self._contact()
        house = self.side_by_side.house
        dialled = [one.id for one in house.callers.values() if one.dialling]
        if dialled and rng.random() < 0.3:
            return self._of_dial(rng.choice(dialled))
        caller = house.callers.get(contact)
        node = "" if caller is None else caller.node
        if caller is not None and caller.callback and caller.leg:
            if rng.random() < 0.8:
                return e.CallerHungUp(contact)
            if self.times.random() < 0.7:
                return e.CallbackRequested(contact, window=self._window(self.times))
        if caller is not None and rng.random() < 0.15:
            return e.CallbackRequested(contact)
        if caller is not None and caller.act is not None and self.times.random() < 0.3:
            return e.ActUndone(contact, "amir")
        if caller is not None and rng.random() < 0.06:
            return rng.choice((
                e.MoveRequested(contact, self._service() if rng.random() < 0.7 else None,
                                self._agent() if rng.random() < 0.5 else None, "amir", self.times.random() < 0.7),
                e.WithdrawalRequested(contact, rng.choice(("", "bilgi")), rng.random() < 0.5, rng.choice((
                    None, (self.side_by_side.now - 5.0, self.side_by_side.now + 40.0))), "amir")))
        if caller is not None and caller.way_out in ("callback", "message") and rng.random() < 0.4:
            return rng.choice((e.CallbackRequested(contact), e.ContactExited(contact, "rule", caller.way_out)))
        if caller is not None and caller.farewell and rng.random() < 0.7:
            return e.CallerHungUp(contact)
        if caller is not None and caller.own is not None and rng.random() < 0.9:
            return e.HeldPositionDeclined(contact)
        return rng.choice((
            e.CallerHungUp(contact, rng.choice((None, self.side_by_side.now - 3.0))),
            e.CallerHungUp(contact, None, True),
            e.CallerHungUp(contact, dropped=True),
            e.ContactExited(contact, "fallback"), e.ContactExited(contact, "key", "9"), e.HoldTick(contact),
            e.ContactExited(contact, "rule", "message"),
            e.ReturnedToMenu(contact), e.ReturnedToMenu(contact),
            e.FallbackEntered(contact),
            e.OutageCallFound(contact, self._service(), self.side_by_side.now - 40.0,
                              self.side_by_side.now - rng.choice((38.0, 5.0)), rng.random() < 0.5),
            e.ContactQueued(contact, self._service(), "PJSIP/new", node=node, words_s=self._words_s()),
            e.ContactQueued(contact, self._service(), "", node=node, needs=((EDU, 10),)) if rng.random() < 0.3 else
            e.ContactQueued(contact, ServiceId("none"), "PJSIP/new", node=node, topics=frozenset(TOPICS[:1])),
            e.ContactQueued(contact, self._service(), "PJSIP/b", node=rng.choice(("", "b"))),
            e.ContactPrioritised(contact, rng.choice((0, 1, 4))), e.ContactPrioritised(contact, rng.choice((0, 1, 4))),
            e.HeldPositionDeclined(contact), e.CallbackRequested(contact), e.CallbackRequested(contact),
            e.CallbackRequested(contact),
            e.CallbackRequested(contact, rng.choice((-1.0, 0.0, 12.0)), rng.random() < 0.5, f"h{rng.randint(0, 12)}"),
            e.CallbackRequested(contact, window=self._window(rng)),
            e.CallbackReached(contact, "PJSIP/again"), e.QuietHoursChanged(rng.random() < 0.15),
            e.SurveyAnswered(contact, self._service(), "asked"),
            e.MenuEnded(contact, "ana", ("karsilama", "ana-menu") * rng.randint(0, 21),
                       rng.choice(("queued", "abandoned", "none")), rng.choice((3.0, 3.0, -1.0))),
            e.CallsRefused(rng.choice(("unknown_number", "no_line", "other")), rng.randint(0, 3),
                           rng.choice(("", "plus-13", "plus-13 and a number"))),
            e.SurveyAnswered(contact, self._service() if rng.random() < 0.9 else ServiceId("none"),
                             rng.choice(("asked", "cared", "solved", "message", "other")), rng.randint(0, 5)),
            e.ServiceHoursSet(self._service(), rng.random() < 0.7)))

    def _of_dial(self, contact: ContactId) -> e.Event:
        """Return what becomes of a caller who is dialled without a reserved agent."""
        rng = self.rng
        return rng.choice((
            e.CallbackReached(contact, "PJSIP/called"), e.CallbackReached(contact, "PJSIP/called"),
            e.CallbackFailed(None, rng.choice(("no_answer", "busy", "refused", "no_key")), contact),
            e.CallbackFailed(None, "no_answer", contact), e.CallerHungUp(contact), e.ContactExited(contact, "key", "9"),
            e.CallbackFailed(None, "busy", self._contact()), self._same_number(contact)))

    def _same_number(self, contact: ContactId) -> e.Event:
        """Return a new call of a caller whose phone rings for a callback."""
        self.numbers += 1
        caller = self.side_by_side.house.callers[contact]
        return e.ContactQueued(ContactId(f"1700000000.{self.numbers}"), caller.service.id, "PJSIP/same",
                               caller_hash=caller.dialled)

    def _window(self, rng: random.Random) -> tuple[float, float]:
        """Return a time that a caller chooses for a callback. It may be over, or end before it begins."""
        now = self.side_by_side.now
        return now + rng.choice((-5.0, 8.0)), now + rng.choice((-1.0, 5.0, 60.0))

    def _of_agent(self) -> e.Event:
        rng, agent = self.rng, self._agent()
        p = self.side_by_side.house.people.get(agent)
        seat = SeatId("s" + agent[1:]) if rng.random() < 0.93 else SeatId(f"s{rng.randint(0, AGENTS)}")
        if p is not None and p.agent.remote and p.state in (RINGING, TALKING) and rng.random() < 0.3:
            return e.AgentSignedIn(agent, SeatId(f"s{rng.randint(0, AGENTS)}"))  # their hours begin
        if p is not None and not p.desk and rng.random() < 0.1:
            return e.DeskChanged(agent, True)
        start = self.side_by_side.now + rng.choice((-5.0, 2.0, 30.0, 120.0, 200.0)) + rng.random()
        if p is not None and p.state is NOT_RESPONDING and rng.random() < 0.3:
            return e.BreaksPlanned(agent, ((start, start + 60.0),))
        if p is not None and p.state not in FREE and rng.random() < 0.4:
            if not p.signed:
                return e.AgentSignedIn(agent, seat)
            return e.AgentResumed(agent) if rng.random() < 0.7 else e.WrapUpEnded(agent)
        return rng.choice((
            e.AgentSignedIn(agent, seat), e.AgentSignedIn(agent, seat), e.AgentResumed(agent), e.AgentResumed(agent),
            e.AgentPaused(agent), e.AgentPaused(agent, rng.choice(("yemek", "egitim", "egitim", "teknik", "yok"))),
            e.AgentSignedOut(agent), e.AgentSignedIn(agent) if rng.random() < 0.5 else e.WrapUpEnded(agent),
            e.DeskChanged(agent, rng.random() < 0.7), e.WrapUpEnded(agent),
            e.WrapUpExtended(agent), e.WrapUpRequested(agent), e.WrapUpRequested(agent), e.PageReturned(agent),
            e.HeavyContactsDeclined(agent),
            e.AgentSkillsChanged(agent,
                rng.choice((None, None, ((PSY, 50), (TIP, 80)), ((TR, 50), (EDU, 50), (PSY, 90)),
                                              ())), rng.random() < 0.3),
            e.BreaksPlanned(agent, ((start, start + rng.choice((-1.0, 20.0, 60.0))),)),
            e.BreaksPlanned(agent, ((start, start + 9.0), (start + 400.0, start + 430.0))),
            e.BreaksPlanned(agent, ()) if rng.random() < 0.9 else e.BreaksPlanned(agent, ((start, start + 1.0),) * 30),
            e.RulesOverridden(agent, frozenset(rng.sample(("rest_gap", "distress_limit", "decompression"), 2)),
                           self.side_by_side.now + rng.choice((-1.0, 30.0)) + rng.random()),
            e.RulesOverridden(agent, frozenset({rng.choice(("channels", "decompression"))}),
                           self.side_by_side.now + rng.choice((20.0, 5_000.0)), "amir")))

    def _phone(self) -> None:
        """Report the state of a phone, also of phones on which a leg of the node rings or ends."""
        rng = self.rng
        seat = SeatId(f"s{rng.randint(0, AGENTS)}")
        phone = self.side_by_side.house.phones.get(seat)
        person = None if phone is None else phone.person
        in_use = rng.random() < (0.7 if person is not None and person.calls() else 0.15)
        self.side_by_side.tell(e.SeatChanged(seat, rng.random() < 0.92, in_use))

    def _house(self) -> None:
        rng, side_by_side, roll = self.rng, self.side_by_side, self.rng.random()
        if roll < 0.5:
            node = rng.choice(("", "b"))
            side_by_side.tell(e.LinkChanged(node, rng.random() < (0.7 if node in side_by_side.house.down else 0.3)))
        elif roll < 0.8:
            self._reload()
        elif roll < 0.9 and self.restarts:
            side_by_side.restart((lambda found: [one for one in found if rng.random() < 0.85])
                                 if rng.random() < 0.5 else None)
            side_by_side.seen["restarts"] += 1
            for node in ("", "b"):
                side_by_side.tell(e.LinkChanged(node, True))
            for number in range(AGENTS):
                side_by_side.tell(e.SeatChanged(SeatId(f"s{number}"), True, False))
        elif roll >= 0.9:
            theirs = [caller.hash for caller in side_by_side.house.callers.values() if caller.callback] or [""]
            side_by_side.tell(e.CallerErased(rng.choice((rng.choice(theirs), f"h{rng.randint(0, 12)}"))))

    def _reload(self) -> None:
        """Reload with some services or agents new, changed or gone, and sometimes with a different centre."""
        rng = self.rng
        if rng.random() < 0.2:
            self.centre = centre_of(rng)
        else:
            names = [service.id for service in self.centre.services]
            services = [service_of(rng, service.id, names) if rng.random() < 0.3 else service
                        for service in self.centre.services]
            agents = [agent_of(rng, int(agent.id[1:])) if rng.random() < 0.2 else agent
                      for agent in self.centre.agents]
            if rng.random() < 0.2 and len(agents) > 6:
                del agents[rng.randrange(len(agents))]
            self.centre = self.centre._replace(services=tuple(services), agents=tuple(agents))
        self.side_by_side.tell(e.Configured(self.centre))
