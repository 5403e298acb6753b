"""What happened to a contact, line by line, in one language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from planning.why import Account, Waiting
from planning.why_words import HELD, MOVES, TIERS, WORDS, Said, Words
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
            how = "at_end" if isinstance(fact, f.Ended) else "nobody"
            for text in () if waits is None else self._nobody(waits, how):
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
                moved = words.say(Said("{} → {}, {}; {}. sırada, bekleme süresi korunur",
                                       "{} → {}: {}; place {}, the age is kept"),
                                  words.service(centre, fact.before), words.service(centre, fact.service),
                                  words.say(MOVES[fact.reason]), fact.position)
                return [moved, self._looks(centre, fact.service, later)]
            case f.ContactChanged():
                return self._changed(fact)
            case f.Stepped():
                return [self._stepped(fact)]
            case f.CallbackChanged():
                return [words.called_back(fact, self.begin)]
            case f.CallbackDialled():
                return [words.say(Said("Arayan aranıyor; {} hazır", "The caller is dialled; {} is there"), fact.agent)]
            case f.Offered():
                return [self._offered(fact)]
            case f.OfferRang():
                return [words.say(Said("{}: telefonu çalıyor", "{}: the phone rings"), fact.agent)]
            case f.OfferClosed():
                return [words.closed(fact)]
            case tf.Interrupted():
                said = Said("{}: çağrı geldi, bu iletişim beklemede", "{}: a call came, this contact is held") \
                    if fact.on else Said("{}: iletişime geri döndü", "{}: goes on with this contact")
                return [words.say(said, fact.agent)]
            case f.Ended():
                return [words.ended(fact)] if fact.outcome is not Outcome.ANSWERED else []  # the talk's end has said it
            case f.Alarm():
                return [words.say(Said("Uyarı kaydı: {}", "Alarm: {}"), fact.kind)]
            case _:
                return self._of_talk(fact, centre, later)

    def _of_talk(self, fact: Fact, centre: Centre, later: Sequence[Fact]) -> list[str]:
        words = self.words
        match fact:
            case tf.Connected():
                within = Said("hedef içinde{}", "within the target{}") if fact.within else \
                    Said("hedefin dışında{}", "beyond the target{}")
                service = service_of(centre, fact.service)
                target = f" ({words.lasts(service.target_s)})" if service is not None else ""
                return [words.say(Said("{}: görüşme başladı; bekleme {}, {}", "{}: the talk begins; waited {}, {}"),
                                  self._with_partner(fact.offer, fact.agent), words.lasts(fact.wait_s),
                                  words.say(within, target))]
            case tf.HoldChanged():
                said = Said("{}: beklemeye aldı", "{}: put on hold") if fact.on else \
                    Said("{}: beklemeden aldı", "{}: took off hold")
                return [words.say(said, fact.agent)]
            case tf.FollowUpSet():
                said = Said("Arayan, hat kesilirse geri aranmak istiyor",
                            "The caller wants to be called back should the call be lost") if fact.agreed else \
                    Said("Arayan artık geri aranmak istemiyor", "The caller does not want to be called back any more")
                return [words.say(said)]
            case tf.AbuseNoted():
                said = Said("Temsilci, arayanın kötü davrandığını bildirdi",
                            "The agent said that the caller was abusive") if fact.abusive else \
                    Said("Temsilci, arayanla ilgili notu geri aldı", "The agent took the note about the caller back")
                return [words.say(said)]
            case tf.TalkOver():
                own = words.talked(fact, centre)
                to = fact.to if fact.to is not None else None
                moved = any(isinstance(one, f.Moved) for one in later[:1])
                return [own] if to is None or moved else [own, self._looks(centre, to, later)]
            case tf.Consulting():
                return [words.say(Said("{}: önce {} hizmetinden birine soruyor; arayan bekliyor",
                                       "{}: asks somebody of {} first; the caller waits"),
                                  fact.agent, words.service(centre, fact.to))]
            case tf.Returned():
                return [words.say(Said("{}: arayan yeniden onunla", "{}: has the caller again"), fact.agent)]
            case tf.Introduced():
                said = Said("{}: sorduktan sonra arayanı bıraktı: {}", "{}: left the caller to {}") \
                    if fact.by == "transfer" else Said("{}: sorarken arayan kapattı", "{}: the caller hung up")
                return [words.say(said, fact.agent, words.service(centre, fact.to))]
            case tf.WrappedUp() if fact.wrapup_s > 0 and words.needs:  # its length is a rule of the profile
                return [words.say(Said("{}: görüşme sonrası işlem bitti ({})", "{}: wrap-up is over ({})"), fact.agent,
                                  words.lasts(fact.wrapup_s))]
        return []

    def _with_partner(self, offer: OfferId, agent: str) -> str:
        partner = self._partner.get(offer)
        return agent if partner is None or not self.words.needs else f"{agent} + {partner}"

    def _queued(self, fact: f.Queued) -> str:
        words, told = self.words, fact.estimate
        parts = [words.say(Said("Sıraya girdi: {}; {}. sıra, öncelik {}", "In line: {}; place {}, points {}"),
                           words.service(self.account.centre(fact), fact.service), fact.position, fact.priority)]
        if told is not None:
            parts.append(words.say(Said("tahmini bekleme {} ({} ile {} arası)", "expected wait {} ({} to {})"),
                                   words.lasts(told.wait_s), words.lasts(told.low_s), words.lasts(told.high_s)))
        if fact.at - fact.since > AGED_S:
            parts.append(words.say(
                Said("beklemesi {} saatinden sayılır ({} önce)", "the wait counts from {} ({} before)"),
                words.clock(fact.since, self.begin), words.lasts(fact.at - fact.since)))
        if fact.topics and words.needs:
            parts.append(words.say(Said("konu: {}", "topic: {}"), ", ".join(sorted(fact.topics))))
        return "; ".join(parts)

    def _looks(self, centre: Centre, service: ServiceId, later: Sequence[Fact]) -> str:
        """What is looked for first: an agent who knows the caller, or the first step."""
        words = self.words
        first = next((one for one in later if isinstance(one, f.Stepped | f.Moved | f.Offered | f.Ended)), None)
        if (isinstance(first, f.Stepped) and first.reason == "preferred") \
                or (isinstance(first, f.Offered) and first.preferred):
            return words.say(Said("Önce bir temsilciyi şahsen bekler (arayanla en son konuşan ya da aktarılan kişi)",
                                  "Waits for one agent in person first: who spoke with the caller last, or was named"))
        return self._step(centre, service, 0)

    def _step(self, centre: Centre, service: ServiceId, step: int) -> str:
        text = self.words.step(service_of(centre, service), step, self._needs)
        return text[:1].upper() + text[1:] if self.words.english else _capital(text)

    def _stepped(self, fact: f.Stepped) -> str:
        said = {"expired": Said("Adımın süresi doldu, daha azı aranır", "Its time is over, less is asked for"),
                "nobody": Said("Bu adıma uyan kimse çalışmıyor, hemen sonraki adım",
                               "Nobody at work meets this step, the next one at once"),
                "preferred": Said("Şahsen bekleme bitti, herkese açık",
                                  "The wait for one agent is over, anybody may come")}[fact.reason]
        step = self.words.step(service_of(self.account.centre(fact), fact.service), fact.step, self._needs)
        return f"{self.words.say(said)}: {step}"

    def _changed(self, fact: f.ContactChanged) -> list[str]:
        words, found = self.words, []
        if fact.since is not None:
            found.append(words.say(Said("Arayan önceki çağrısının yerini geri verdi; bekleme {} saatinden sayılır",
                                        "The caller gave an earlier place back; the wait counts from {}"),
                                   words.clock(fact.since, self.begin)))
        elif fact.priority != self._points:
            found.append(words.say(Said("Önceliği değişti: {} (gözetmen)", "Other points: {} (a supervisor's word)"),
                                   fact.priority))
        if fact.needs != self._needs:
            found.append(words.say(Said("Arayanın gereksinimi değişti: {}", "The caller needs now: {}"),
                                   ", ".join(f"{skill} ≥ {level}" for skill, level in fact.needs) or "–"))
        self._points, self._needs = fact.priority, fact.needs
        return [", ".join(found) + words.say(Said("; {}. sıra", "; place {}"), fact.position)] if found else []

    def _nobody(self, waits: Waiting, how: str) -> list[str]:
        """Why nobody had the contact at some moment, in a sentence."""
        if waits.held:
            return [self.words.say(HELD[one]) for one in waits.held]
        groups = self.words.grouped(waits.agents)
        counted = ", ".join(f"{text} ({len(names)})" for text, names in groups)
        return [self.words.say(WORDS[how], counted)] if counted else []

    def _offered(self, fact: f.Offered) -> str:
        words = self.words
        idle = words.say(Said("{} boşta", "idle for {}"), words.lasts(fact.idle_s))
        parts = [words.say(Said("düzey {}", "level {}"), fact.level)] if fact.level >= 0 else []
        parts.append(idle)
        if len(_steps(self.account.centre(fact), fact.service)) > 1:
            parts.insert(0, words.say(Said("{}. adım", "step {}"), fact.step + 1))
        if fact.preferred:
            parts.append(words.say(Said("şahsen beklenen temsilci", "waited for in person")))
        if words.needs and fact.tier:
            parts.append(words.say(TIERS[fact.tier]))
        return words.say(Said("{} seçildi (teklif {}): {}", "{} is chosen (offer {}): {}"),
                         self._with_partner(fact.offer, fact.agent), fact.offer, ", ".join(parts))


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
