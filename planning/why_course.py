"""What happened to a contact, line by line, in one language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from planning.why import Account, Waiting
from planning.why_words import Words
from routing.core import facts as f
from routing.core import talk_facts as tf
from routing.core.facts import Fact
from routing.core.ids import OfferId, ServiceId
from routing.core.model import Centre, Needs, Outcome, Service

AGED_S = 1.0
"""A wait that counts from before the entry by more than this is told."""


class Line(NamedTuple):
    """One thing that happened."""

    at: float
    time: str
    text: str
    kind: str
    """Of the fact."""
    offer: OfferId | None = None
    """The decision that belongs under it."""


class Course:
    """The way of one contact."""

    def __init__(self, account: Account, words: Words) -> None:
        self.account, self.words = account, words
        self._facts = sorted(account.facts, key=began)
        self.begin = began(self._facts[0])
        """Unix seconds."""
        self._needs: Needs = ()
        self._points: int | None = None
        self._partner = {fact.offer: fact.partner for fact in account.facts if isinstance(fact, f.Offered)}

    def lines(self) -> Iterator[Line]:
        """Everything, in order."""
        self._needs, self._points = (), None
        for place, fact in enumerate(self._facts):
            at = began(fact)
            for text in filter(None, self._told(fact, self._facts[place + 1:])):
                offer = fact.offer if isinstance(fact, f.Offered) else None
                yield Line(at, self.words.clock(at, self.begin), text, type(fact).__name__, offer)
            waits = self.account.waits.get(fact.seq)
            for text in () if waits is None else self._nobody(waits, at_end=isinstance(fact, f.Ended)):
                yield Line(fact.at, "", text, "Nobody")

    def _told(self, fact: Fact, later: Sequence[Fact]) -> list[str]:
        words, centre = self.words, self.account.centre(fact)
        match fact:
            case f.MenuPassed():
                return [words.menu(fact, centre)]
            case f.Queued():
                self._needs, self._points = fact.needs, fact.priority
                return [self._queued(fact), self._looks(centre, fact.service, later)]
            case f.Moved():
                moved = words.say("lines.moved", before=words.service(centre, fact.before),
                                  service=words.service(centre, fact.service),
                                  why=words.say(f"moves.{fact.reason}"), place=fact.position)
                return [moved, self._looks(centre, fact.service, later)]
            case f.ContactChanged():
                return self._changed(fact)
            case f.Stepped():
                return [self._stepped(fact)]
            case f.CallbackChanged():
                return [words.called_back(fact, self.begin)]
            case f.CallbackDialled():
                return [words.say("lines.callback_dialled", agent=fact.agent)]
            case f.Offered():
                return [self._offered(fact)]
            case f.OfferRang():
                return [words.say("lines.rings", agent=fact.agent)]
            case f.OfferClosed():
                return [words.closed(fact)]
            case tf.Interrupted():
                return [words.say("lines.interrupted" if fact.on else "lines.resumed", agent=fact.agent)]
            case f.Ended():
                return [words.ended(fact)] if fact.outcome is not Outcome.ANSWERED else []  # the talk's end has said it
            case f.Alarm():
                return [words.say("lines.alarm", kind=fact.kind)]
            case _:
                return self._of_talk(fact, centre, later)

    def _of_talk(self, fact: Fact, centre: Centre, later: Sequence[Fact]) -> list[str]:
        words = self.words
        match fact:
            case tf.Connected():
                service = service_of(centre, fact.service)
                target = f" ({words.lasts(service.target_s)})" if service is not None else ""
                within = words.say("lines.within" if fact.within else "lines.beyond", target=target)
                return [words.say("lines.connected", agent=self._with_partner(fact.offer, fact.agent),
                                  waited=words.lasts(fact.wait_s), within=within)]
            case tf.HoldChanged():
                return [words.say("lines.held" if fact.on else "lines.unheld", agent=fact.agent)]
            case tf.FollowUpSet():
                return [words.say("lines.follow_up_agreed" if fact.agreed else "lines.follow_up_withdrawn")]
            case tf.AbuseNoted():
                return [words.say("lines.abusive" if fact.abusive else "lines.not_abusive")]
            case tf.TalkOver():
                own = words.talked(fact, centre)
                to = fact.to if fact.to is not None else None
                moved = any(isinstance(one, f.Moved) for one in later[:1])
                return [own] if to is None or moved else [own, self._looks(centre, to, later)]
            case tf.Consulting():
                return [words.say("lines.consulting", agent=fact.agent, service=words.service(centre, fact.to))]
            case tf.Returned():
                return [words.say("lines.returned", agent=fact.agent)]
            case tf.Introduced():
                return [words.say("lines.introduced" if fact.by == "transfer" else "lines.consult_hung_up",
                                  agent=fact.agent, service=words.service(centre, fact.to))]
            case tf.WrappedUp() if fact.wrapup_s > 0 and words.needs:  # its length is a rule of the profile
                return [words.say("lines.wrapped_up", agent=fact.agent, time=words.lasts(fact.wrapup_s))]
        return []

    def _with_partner(self, offer: OfferId, agent: str) -> str:
        partner = self._partner.get(offer)
        return agent if partner is None or not self.words.needs else f"{agent} + {partner}"

    def _queued(self, fact: f.Queued) -> str:
        words, told = self.words, fact.estimate
        parts = [words.say("lines.queued", service=words.service(self.account.centre(fact), fact.service),
                           place=fact.position, points=fact.priority)]
        if told is not None:
            parts.append(words.say("lines.expected", time=words.lasts(told.wait_s), low=words.lasts(told.low_s),
                                   high=words.lasts(told.high_s)))
        if fact.at - fact.since > AGED_S:
            parts.append(words.say("lines.counts_from", time=words.clock(fact.since, self.begin),
                                   before=words.lasts(fact.at - fact.since)))
        if fact.topics and words.needs:
            parts.append(words.say("lines.topics", topics=", ".join(sorted(fact.topics))))
        return "; ".join(parts)

    def _looks(self, centre: Centre, service: ServiceId, later: Sequence[Fact]) -> str:
        """What is looked for first: an agent who knows the caller, or the first step."""
        first = next((one for one in later if isinstance(one, f.Stepped | f.Moved | f.Offered | f.Ended)), None)
        if (isinstance(first, f.Stepped) and first.reason == "preferred") \
                or (isinstance(first, f.Offered) and first.preferred):
            return self.words.say("lines.in_person")
        return self._step(centre, service, 0)

    def _step(self, centre: Centre, service: ServiceId, step: int) -> str:
        text = self.words.step(service_of(centre, service), step, self._needs)
        return text[:1].upper() + text[1:] if self.words.english else _capital(text)

    def _stepped(self, fact: f.Stepped) -> str:
        step = self.words.step(service_of(self.account.centre(fact), fact.service), fact.step, self._needs)
        return f"{self.words.say(f'steps.{fact.reason}')}: {step}"

    def _changed(self, fact: f.ContactChanged) -> list[str]:
        words, found = self.words, []
        if fact.since is not None:
            found.append(words.say("lines.place_given_back", time=words.clock(fact.since, self.begin)))
        elif fact.priority != self._points:
            found.append(words.say("lines.points_changed", points=fact.priority))
        if fact.needs != self._needs:
            found.append(words.say("lines.needs_changed", needs=", ".join(
                f"{skill} ≥ {level}" for skill, level in fact.needs) or "–"))
        self._points, self._needs = fact.priority, fact.needs
        return [", ".join(found) + words.say("lines.new_place", place=fact.position)] if found else []

    def _nobody(self, waits: Waiting, *, at_end: bool) -> list[str]:
        """Why nobody had the contact at some moment, in a sentence."""
        if waits.held:
            return [self.words.say(f"held.{one}") for one in waits.held]
        groups = self.words.grouped(waits.agents)
        counted = ", ".join(f"{text} ({len(names)})" for text, names in groups)
        return [self.words.say("at_end" if at_end else "nobody", reasons=counted)] if counted else []

    def _offered(self, fact: f.Offered) -> str:
        words = self.words
        idle = words.say("lines.idle_for", time=words.lasts(fact.idle_s))
        parts = [words.say("lines.at_level", level=fact.level)] if fact.level >= 0 else []
        parts.append(idle)
        if len(_steps(self.account.centre(fact), fact.service)) > 1:
            parts.insert(0, words.say("lines.at_step", step=fact.step + 1))
        if fact.preferred:
            parts.append(words.say("lines.preferred"))
        if words.needs and fact.tier:
            parts.append(words.say(f"tiers.{fact.tier}"))
        return words.say("lines.chosen", agent=self._with_partner(fact.offer, fact.agent), offer=fact.offer,
                         why=", ".join(parts))


def began(fact: Fact) -> float:
    """When what a fact tells began: a way through the menu is told when it is over."""
    return fact.at - fact.lasted_s if isinstance(fact, f.MenuPassed) else fact.at


def service_of(centre: Centre, service: ServiceId) -> Service | None:
    """The service, as the rules have it; None: they have not."""
    return next((one for one in centre.services if one.id == service), None)


def _steps(centre: Centre, service: ServiceId) -> tuple[object, ...]:
    found = service_of(centre, service)
    return () if found is None else found.steps


def _capital(text: str) -> str:
    """The first letter a capital one, as Turkish has it."""
    return {"i": "İ", "ı": "I"}.get(text[:1], text[:1].upper()) + text[1:]
