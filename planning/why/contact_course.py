"""Describe the course of a contact, line by line, in one language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from planning.why.contact_account import ContactAccount, WaitExplanation
from planning.why.words import AccountWords
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import Centre, Needs, Outcome, Service
from routing.core.model.facts import Fact
from routing.core.model.ids import OfferId, ServiceId
from routing.core.model.reasons import FOUND, TRANSFER

AGED_S = 1.0
"""Seconds by which the wait must begin before the queue entry to be mentioned."""


class CourseLine(NamedTuple):
    """One event of the course."""

    at: float
    time: str
    text: str
    kind: str
    """Type of the fact."""
    offer: OfferId | None = None
    """Offer whose decision belongs below the line."""


class ContactCourse:
    """The course of one contact as text."""

    def __init__(self, account: ContactAccount, words: AccountWords) -> None:
        self.account, self.words = account, words
        self._facts = sorted(account.facts, key=begin_of)
        self.begin = begin_of(self._facts[0])
        self._needs: Needs = ()
        self._points: int | None = None
        self._partner = {fact.offer: fact.partner for fact in account.facts if isinstance(fact, f.Offered)}

    def course_lines(self) -> Iterator[CourseLine]:
        """Yield all lines in order."""
        self._needs, self._points = (), None
        for place, fact in enumerate(self._facts):
            at = begin_of(fact)
            for text in filter(None, self._fact_texts(fact, self._facts[place + 1:])):
                offer = fact.offer if isinstance(fact, f.Offered) and fact.strategy != FOUND else None
                yield CourseLine(at, self.words.format_time(at, self.begin), text, type(fact).__name__, offer)
            waits = self.account.waits.get(fact.seq)
            for text in () if waits is None else self._waiting_texts(waits, at_end=isinstance(fact, f.Ended)):
                yield CourseLine(fact.at, "", text, "Nobody")

    def _fact_texts(self, fact: Fact, later: Sequence[Fact]) -> list[str]:
        words, centre = self.words, self.account.centre_at(fact)
        match fact:
            case f.MenuEndedRecorded():
                return [words.menu_text(fact, centre)]
            case f.Queued():
                self._needs, self._points = fact.needs, fact.priority
                return [self._queued_text(fact), self._search_text(centre, fact.service, later)]
            case f.Moved():
                moved = words.translate_text(
                    "lines.moved", before=words.service_name(centre, fact.before),
                    service=words.service_name(centre, fact.service),
                    why=words.translate_text(f"moves.{fact.reason}"), place=fact.position)
                return [moved, self._search_text(centre, fact.service, later)]
            case f.ContactChanged():
                return self._change_texts(fact)
            case f.Stepped():
                return [self._stepped_text(fact)]
            case f.CallbackChanged():
                return [words.callback_text(fact, self.begin)]
            case f.CallbackDialled():
                return [words.translate_text("lines.callback_dialled", agent=fact.agent) if fact.agent is not None
                        else words.translate_text("lines.callback_dialled_alone")]
            case f.Offered():
                return [self._offer_text(fact)]
            case f.OfferRang():
                return [words.translate_text("lines.rings", agent=fact.agent)]
            case f.OfferClosed():
                return [words.offer_end_text(fact)]
            case tf.Interrupted():
                return [words.translate_text("lines.interrupted" if fact.on else "lines.resumed", agent=fact.agent)]
            case f.Ended():
                # The line of the talk's end has already told an answered contact.
                return [words.outcome_text(fact)] if fact.outcome is not Outcome.ANSWERED else []
            case f.Alarm():
                return [words.translate_text("lines.alarm", kind=fact.kind)]
            case _:
                return self._talk_texts(fact, centre, later)

    def _talk_texts(self, fact: Fact, centre: Centre, later: Sequence[Fact]) -> list[str]:
        words = self.words
        match fact:
            case tf.Connected():
                service = service_of(centre, fact.service)
                target = f" ({words.format_duration(service.target_s)})" if service is not None else ""
                within = words.translate_text("lines.within" if fact.within else "lines.beyond", target=target)
                return [words.translate_text(
                    "lines.connected", agent=self._with_partner(fact.offer, fact.agent),
                    waited=words.format_duration(fact.wait_s), within=within)]
            case tf.HoldSetRecorded():
                return [words.translate_text("lines.held" if fact.on else "lines.unheld", agent=fact.agent)]
            case tf.FollowUpAgreedRecorded():
                return [words.translate_text("lines.follow_up_agreed" if fact.agreed else "lines.follow_up_withdrawn")]
            case tf.CallerFlaggedAbusiveRecorded():
                return [words.translate_text("lines.abusive" if fact.abusive else "lines.not_abusive")]
            case tf.TalkEndedRecorded():
                own = words.talk_end_text(fact, centre)
                to = fact.to if fact.to is not None else None
                # A move to another service tells the new search itself.
                moved = any(isinstance(one, f.Moved) for one in later[:1])
                return [own] if to is None or moved else [own, self._search_text(centre, to, later)]
            case tf.ConsultStarted():
                return [words.translate_text("lines.consulting", agent=fact.agent,
                                             service=words.service_name(centre, fact.to))]
            case tf.ConsultCancelled():
                return [words.translate_text("lines.returned", agent=fact.agent)]
            case tf.ConsultCompleted():
                return [words.translate_text(
                    "lines.introduced" if fact.by == TRANSFER else "lines.consult_hung_up",
                    agent=fact.agent, service=words.service_name(centre, fact.to))]
            # The length of the wrap-up is a rule of the profile, so it is shown only with needs.
            case tf.WrappedUp() if fact.wrapup_s > 0 and words.needs:
                return [words.translate_text("lines.wrapped_up", agent=fact.agent,
                                             time=words.format_duration(fact.wrapup_s))]
        return []

    def _with_partner(self, offer: OfferId, agent: str) -> str:
        partner = self._partner.get(offer)
        return agent if partner is None or not self.words.needs else f"{agent} + {partner}"

    def _queued_text(self, fact: f.Queued) -> str:
        words, told = self.words, fact.estimate
        parts = [words.translate_text(
            "lines.queued", service=words.service_name(self.account.centre_at(fact), fact.service),
            place=fact.position, points=fact.priority)]
        if told is not None:
            parts.append(words.translate_text(
                "lines.expected", time=words.format_duration(told.wait_s), low=words.format_duration(told.low_s),
                high=words.format_duration(told.high_s)))
        if fact.at - fact.since > AGED_S:
            parts.append(words.translate_text(
                "lines.counts_from", time=words.format_time(fact.since, self.begin),
                before=words.format_duration(fact.at - fact.since)))
        # Only profiles use topics, so they are shown only together with needs.
        if fact.topics and words.needs:
            parts.append(words.translate_text("lines.topics", topics=", ".join(sorted(fact.topics))))
        return "; ".join(parts)

    def _search_text(self, centre: Centre, service: ServiceId, later: Sequence[Fact]) -> str:
        """Return what the contact looks for first: its preferred agent, or an agent of the first step."""
        first = next((one for one in later if isinstance(one, f.Stepped | f.Moved | f.Offered | f.Ended)), None)
        if (isinstance(first, f.Stepped) and first.reason == "preferred") \
                or (isinstance(first, f.Offered) and first.preferred):
            return self.words.translate_text("lines.in_person")
        return self._step_text(centre, service, 0)

    def _step_text(self, centre: Centre, service: ServiceId, step: int) -> str:
        text = self.words.step_text(service_of(centre, service), step, self._needs)
        return text[:1].upper() + text[1:] if self.words.english else _capitalise_turkish(text)

    def _stepped_text(self, fact: f.Stepped) -> str:
        step = self.words.step_text(service_of(self.account.centre_at(fact), fact.service), fact.step, self._needs)
        return f"{self.words.translate_text(f'steps.{fact.reason}')}: {step}"

    def _change_texts(self, fact: f.ContactChanged) -> list[str]:
        words, found = self.words, []
        if fact.since is not None:
            found.append(words.translate_text("lines.place_given_back", time=words.format_time(fact.since, self.begin)))
        elif fact.priority != self._points:
            found.append(words.translate_text("lines.points_changed", points=fact.priority))
        if fact.needs != self._needs:
            found.append(words.translate_text("lines.needs_changed", needs=", ".join(
                f"{skill} ≥ {level}" for skill, level in fact.needs) or "–"))
        # Facts hold the new state only, so keep it for the next comparison.
        self._points, self._needs = fact.priority, fact.needs
        return [", ".join(found) + words.translate_text("lines.new_place", place=fact.position)] if found else []

    def _waiting_texts(self, waits: WaitExplanation, *, at_end: bool) -> list[str]:
        """Return the sentence that says why the contact had no agent at this time."""
        if waits.held:
            return [self.words.translate_text(f"held.{one}") for one in waits.held]
        groups = self.words.group_by_reason(waits.agents)
        counted = ", ".join(f"{text} ({len(names)})" for text, names in groups)
        return [self.words.translate_text("at_end" if at_end else "nobody", reasons=counted)] if counted else []

    def _offer_text(self, fact: f.Offered) -> str:
        words = self.words
        if fact.strategy == FOUND:
            return words.translate_text("lines.found", agent=fact.agent, offer=fact.offer)
        idle = words.translate_text("lines.idle_for", time=words.format_duration(fact.idle_s))
        parts = [words.translate_text("lines.at_level", level=fact.level)] if fact.level >= 0 else []
        parts.append(idle)
        if len(_steps_of(self.account.centre_at(fact), fact.service)) > 1:
            parts.insert(0, words.translate_text("lines.at_step", step=fact.step + 1))
        if fact.preferred:
            parts.append(words.translate_text("lines.preferred"))
        if words.needs and fact.tier:
            parts.append(words.translate_text(f"tiers.{fact.tier}"))
        return words.translate_text("lines.chosen", agent=self._with_partner(fact.offer, fact.agent),
                                    offer=fact.offer, why=", ".join(parts))


def begin_of(fact: Fact) -> float:
    """Return the time at which the subject of a fact began. The fact of an IVR path comes at its end."""
    return fact.at - fact.lasted_s if isinstance(fact, f.MenuEndedRecorded) else fact.at


def service_of(centre: Centre, service: ServiceId) -> Service | None:
    """Return the service from the rules, or None if the rules do not have it."""
    return next((one for one in centre.services if one.id == service), None)


def _steps_of(centre: Centre, service: ServiceId) -> tuple[object, ...]:
    found = service_of(centre, service)
    return () if found is None else found.steps


def _capitalise_turkish(text: str) -> str:
    """Return the text with its first letter as a Turkish capital."""
    return {"i": "İ", "ı": "I"}.get(text[:1], text[:1].upper()) + text[1:]
