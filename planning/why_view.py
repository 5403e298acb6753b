"""The account of a contact as lines and tables of text, in one language: for a terminal and for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from planning.why import Account, Decision, Waiting
from planning.why_words import CHANNELS, HELD, MOVES, NOW, STATES, STRATEGIES, TIERS, UNFIT, WORDS, Said, Words
from routing.core import facts as f
from routing.core import talk_facts as tf
from routing.core.excluded import Exclusion, Why
from routing.core.facts import Fact
from routing.core.ids import AgentId, OfferId, ServiceId
from routing.core.model import AgentState, Centre, ContactState, Needs, Outcome, Service

SHOWN = 8
"""Agents named for each reason, unless all are asked for: a team of 180 fills a page otherwise."""

NEAR_UNFIT = list(Why).index(Why.PAIR)
"""Among the reasons, from the hardest to the softest: after all that can be seen."""

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


class Table(NamedTuple):
    """A small table. The last column holds what is long."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    """Columns of numbers, from 0."""


class View:
    """An account in words."""

    def __init__(self, account: Account, words: Words, *, everybody: bool = False) -> None:
        self.account, self.words, self.everybody = account, words, everybody
        self._begin = account.facts[0].at
        self._needs: Needs = ()
        self._points: int | None = None
        self._partner = {fact.offer: fact.partner for fact in account.facts if isinstance(fact, f.Offered)}

    # -- the whole -----------------------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """What it is: channel, id, service, day."""
        account, words = self.account, self.words
        queued = next((fact for fact in account.facts if isinstance(fact, f.Queued)), None)
        service = next((found for fact in account.facts if (found := str(getattr(fact, "service", "")))), "")
        kind = words.say(CHANNELS[queued.channel]) if queued else words.say(Said("Çağrı", "Call"))
        return " · ".join(filter(None, (
            f"{kind} {account.contact}", words.service(account.centre, service) if service else "",
            words.day(self._begin))))

    @property
    def summary(self) -> list[str]:
        """How it ended, or what it does now; who had the caller; what this one comes from."""
        words, account = self.words, self.account
        found = [self._outcome()]
        chain = [f"{fact.agent}, {words.service(account.centre, fact.service)}" for fact in account.facts
                 if isinstance(fact, tf.Connected)]
        if len(chain) > 1:
            found.append(f"{words.of('chain')}: {' → '.join(chain)}")
        queued = next((fact for fact in account.facts if isinstance(fact, f.Queued)), None)
        for row in account.before:
            place = queued is not None and row.since == queued.since and row.outcome is not Outcome.ANSWERED
            said = (Said("Sıradaki yeri önceki iletişiminden: {} ({})", "Has the place of an earlier contact: {} ({})")
                    if place else Said("Tanıdık temsilci önceki iletişiminden: {} ({}), {}",
                                       "The agent knows the caller from contact {} ({}): {}"))
            found.append(words.say(said, row.contact, f"{words.day(row.queued_at)} {words.clock(row.queued_at)}",
                                   row.agent or ""))
        if not account.whole:
            found.append(words.of("cut"))
        if words.needs:
            found.append(words.of("needs"))
        return found

    def _outcome(self) -> str:
        words, account = self.words, self.account
        ended = next((fact for fact in account.facts if isinstance(fact, f.Ended)), None)
        talks = [fact for fact in account.facts if isinstance(fact, tf.TalkOver | tf.Introduced)]
        if ended is not None:
            talked = words.say(Said("; görüşme {}", "; talked {}"), words.lasts(sum(one.talk_s for one in talks))) \
                if talks else ""
            after = words.say(Said(" (son aktarmadan sonra)", " (since the last transfer)")) \
                if any(one.to is not None for one in talks) and not ended.position else ""
            return f"{words.ended(ended)}{after}{talked}."
        if account.in_menu_only:
            return words.say(Said("Hiç sıraya girmedi.", "Never came into a line."))
        state = NOW[self._state()]
        since = words.clock(account.until, self._begin)
        return words.say(Said("{}; kaydın sonu {}.", "{}; the record ends at {}."), words.say(state), since)

    def _state(self) -> ContactState:
        state = ContactState.PENDING
        for fact in self.account.facts:
            match fact:
                case f.Offered():
                    state = ContactState.RESERVED
                case tf.Connected() | tf.Returned():
                    state = ContactState.ASSIGNED
                case tf.TalkOver():
                    state = fact.state
                case f.OfferClosed() if fact.contact_version is not None:
                    state = ContactState.PENDING
                case tf.Consulting():
                    state = ContactState.PENDING
        return state

    # -- what happened -------------------------------------------------------------------------------------------------

    def lines(self) -> Iterator[Line]:
        """Everything, in order."""
        facts = self.account.facts
        for place, fact in enumerate(facts):
            for text in filter(None, self._told(fact, facts[place + 1:])):
                offer = fact.offer if isinstance(fact, f.Offered) else None
                yield Line(fact.at, self.words.clock(fact.at, self._begin), text, type(fact).__name__, offer)
            waits = self.account.waits.get(fact.seq)
            how = "at_end" if isinstance(fact, f.Ended) else "nobody"
            for text in () if waits is None else self._nobody(waits, how):
                yield Line(fact.at, "", text, "Nobody")

    def _told(self, fact: Fact, later: Sequence[Fact]) -> list[str]:
        words, centre = self.words, self.account.centre
        match fact:
            case f.MenuPassed():
                return [words.menu(fact, centre)]
            case f.Queued():
                self._needs, self._points = fact.needs, fact.priority
                return [self._queued(fact), self._looks(fact.service, later)]
            case f.Moved():
                return [words.say(Said("{} → {}, {}; {}. sırada, bekleme süresi korunur",
                                       "{} → {}: {}; place {}, the age is kept"),
                                  words.service(centre, fact.before), words.service(centre, fact.service),
                                  words.say(MOVES[fact.reason]), fact.position), self._looks(fact.service, later)]
            case f.ContactChanged():
                return self._changed(fact)
            case f.Stepped():
                return [self._stepped(fact)]
            case f.CallbackChanged():
                return [words.called_back(fact, self._begin)]
            case f.CallbackDialled():
                return [words.say(Said("Arayan aranıyor; {} hazır", "The caller is dialled; {} is there"), fact.agent)]
            case f.Offered():
                return [self._offered(fact)]
            case f.OfferRang():
                return [words.say(Said("{}: telefonu çalıyor", "{}: the phone rings"), fact.agent)]
            case f.OfferClosed():
                return [words.closed(fact)]
            case f.Interrupted():
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
                within = Said("hedef içinde", "within the target") if fact.within else \
                    Said("hedefin dışında", "beyond the target")
                return [words.say(Said("{}: görüşme başladı; bekleme {}, {}", "{}: the talk begins; waited {}, {}"),
                                  self._with_partner(fact.offer, fact.agent), words.lasts(fact.wait_s),
                                  words.say(within))]
            case tf.HoldChanged():
                said = Said("{}: beklemeye aldı", "{}: put on hold") if fact.on else \
                    Said("{}: beklemeden aldı", "{}: took off hold")
                return [words.say(said, fact.agent)]
            case tf.TalkOver():
                own = words.talked(fact, centre)
                to = fact.to if fact.to is not None else None
                moved = any(isinstance(one, f.Moved) for one in later[:1])
                return [own] if to is None or moved else [own, self._looks(to, later)]
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
            case tf.WrappedUp() if fact.wrapup_s > 0:
                return [words.say(Said("{}: görüşme sonrası işlem bitti ({})", "{}: wrap-up is over ({})"), fact.agent,
                                  words.lasts(fact.wrapup_s))]
        return []

    def _with_partner(self, offer: OfferId, agent: str) -> str:
        partner = self._partner.get(offer)
        return agent if partner is None or not self.words.needs else f"{agent} + {partner}"

    def _queued(self, fact: f.Queued) -> str:
        words, told = self.words, fact.estimate
        parts = [words.say(Said("Sıraya girdi: {}; {}. sıra, öncelik {}", "In line: {}; place {}, points {}"),
                           words.service(self.account.centre, fact.service), fact.position, fact.priority)]
        if told is not None:
            parts.append(words.say(Said("tahmini bekleme {} ({} ile {} arası)", "expected wait {} ({} to {})"),
                                   words.lasts(told.wait_s), words.lasts(told.low_s), words.lasts(told.high_s)))
        if fact.at - fact.since > AGED_S:
            parts.append(words.say(
                Said("beklemesi {} saatinden sayılır ({} önce)", "the wait counts from {} ({} before)"),
                words.clock(fact.since, self._begin), words.lasts(fact.at - fact.since)))
        if fact.topics and words.needs:
            parts.append(words.say(Said("konu: {}", "topic: {}"), ", ".join(sorted(fact.topics))))
        return "; ".join(parts)

    def _looks(self, service: ServiceId, later: Sequence[Fact]) -> str:
        """What is looked for first: an agent who knows the caller, or the first step."""
        words = self.words
        first = next((one for one in later if isinstance(one, f.Stepped | f.Moved | f.Offered | f.Ended)), None)
        if (isinstance(first, f.Stepped) and first.reason == "preferred") \
                or (isinstance(first, f.Offered) and first.preferred):
            return words.say(Said("Önce bir temsilciyi şahsen bekler (arayanla en son konuşan ya da aktarılan kişi)",
                                  "Waits for one agent in person first: who spoke with the caller last, or was named"))
        return self._step(service, 0)

    def _step(self, service: ServiceId, step: int) -> str:
        text = self.words.step(_service(self.account.centre, service), step, self._needs)
        return text[:1].upper() + text[1:] if self.words.english else _capital(text)

    def _stepped(self, fact: f.Stepped) -> str:
        said = {"expired": Said("Süresi doldu, daha azı aranır", "Its time is over, less is asked for"),
                "nobody": Said("Bu adıma uyan kimse oturum açmamış, hemen sonraki adım",
                               "Nobody signed in meets this step, the next one at once"),
                "preferred": Said("Şahsen bekleme bitti, herkese açık",
                                  "The wait for one agent is over, anybody may come")}[fact.reason]
        step = self.words.step(_service(self.account.centre, fact.service), fact.step, self._needs)
        return f"{self.words.say(said)}: {step}"

    def _changed(self, fact: f.ContactChanged) -> list[str]:
        words, found = self.words, []
        if fact.since is not None:
            found.append(words.say(Said("Arayan önceki çağrısının yerini geri verdi; bekleme {} saatinden sayılır",
                                        "The caller gave an earlier place back; the wait counts from {}"),
                                   words.clock(fact.since, self._begin)))
        elif fact.priority != self._points:
            found.append(words.say(Said("Önceliği değişti: {} (gözetmen)", "Other points: {} (a supervisor's word)"),
                                   fact.priority))
        if fact.needs != self._needs:
            found.append(words.say(Said("Arayanın gereği değişti: {}", "The caller needs now: {}"),
                                   ", ".join(f"{skill} ≥ {level}" for skill, level in fact.needs) or "–"))
        self._points, self._needs = fact.priority, fact.needs
        return [", ".join(found) + words.say(Said("; {}. sıra", "; place {}"), fact.position)] if found else []

    # -- decisions -----------------------------------------------------------------------------------------------------

    def _offered(self, fact: f.Offered) -> str:
        words = self.words
        idle = words.say(Said("{} boşta", "idle for {}"), words.lasts(fact.idle_s))
        parts = [words.say(Said("düzey {}", "level {}"), fact.level)] if fact.level >= 0 else []
        parts.append(idle)
        if len(_steps(self.account.rules(fact.offer), fact.service)) > 1:
            parts.insert(0, words.say(Said("{}. adım", "step {}"), fact.step + 1))
        if fact.preferred:
            parts.append(words.say(Said("şahsen beklenen temsilci", "waited for in person")))
        if words.needs and fact.tier:
            parts.append(words.say(TIERS[fact.tier]))
        return words.say(Said("{} seçildi (teklif {}): {}", "{} is chosen (offer {}): {}"),
                         self._with_partner(fact.offer, fact.agent), fact.offer, ", ".join(parts))

    def decision(self, offer: OfferId) -> tuple[list[str], list[Table]]:
        """What stands under an offer: how it was chosen, the comparison, and who was excluded."""
        words, account = self.words, self.account
        fact = next(one for one in account.facts if isinstance(one, f.Offered) and one.offer == offer)
        counts = ", ".join(f"{count} {words.say(STATES[state])}"
                           for state, count in zip(AgentState, fact.by_state, strict=False) if count)
        said = [words.say(Said("Seçim kuralı: {}.", "Rule: {}."), words.say(STRATEGIES[fact.strategy]))
                if not fact.preferred and fact.strategy in STRATEGIES else "",
                words.say(Said("Oturumu açık {} temsilci: {}; bu hizmette bununla birlikte {} bekleyen.",
                               "{} agents signed in: {}; {} waiting for this service, this one included."),
                          fact.agents_signed_in, counts or "–", fact.waiting)]
        decision = account.decisions.get(offer)
        if decision is None:
            return [*filter(None, said), words.of("untold")], []
        tables = [self._ranked(decision), self._excluded(decision.agents, fact.tier)]
        return list(filter(None, said)), [table for table in tables if table.rows]

    def _ranked(self, decision: Decision) -> Table:
        """The chosen one and the runners-up. Who was spared stands among them only for who may know it."""
        words, fact = self.words, decision.offered
        merits = {one.agent: one.merit for one in decision.agents if one.merit is not None}
        names = [fact.agent, *self._runners_up(decision)]
        if len(names) == 1 or any(name not in merits for name in names):
            return Table((), ())
        kind = "work" if fact.strategy.startswith("least_occ") else \
            "offers" if fact.strategy == "fewest_contacts" else "idle"
        ranked, tiers = fact.level >= 0, words.needs and any(merits[name].tier for name in names)
        rows = []
        for place, name in enumerate(names, 1):
            merit = merits[name]
            rows.append((str(place), name, *([str(merit.level)] if ranked else []),
                         self._score(kind, merit.score, fact.at, decision.centre),
                         *([str(merit.tier)] if tiers else []), words.of("chosen") if place == 1 else ""))
        head = [words.of("place"), words.of("agent"), *([words.of("level")] if ranked else []), words.of(kind),
                *([words.of("tier")] if tiers else [])]
        return Table((*head, ""), tuple(rows), (0, *range(2, len(head))))

    def _runners_up(self, decision: Decision) -> list[AgentId]:
        """Who would have been next, as far as it may be told."""
        tiers = {one.agent: one.merit.tier for one in decision.agents if one.merit is not None}
        return [name for name in decision.offered.runners_up
                if self.words.needs or tiers.get(name, 0) <= decision.offered.tier]

    def _score(self, kind: str, score: float, at: float, centre: Centre) -> str:
        """What the strategy compared, as a person would say it."""
        if kind == "idle":
            return self.words.lasts(at - score)
        lately = 2.0 ** (score - at / centre.occupied_half_life_s) if score > -1_000.0 else 0.0
        return self.words.lasts(lately) if kind == "work" else f"{lately:.1f}"

    def _excluded(self, agents: Sequence[Exclusion], tier: int = 0) -> Table:
        """Who was not chosen, by reason: those who came nearest first, those who were not there last."""
        words = self.words
        rows = []
        for text, names in self._grouped(agents, tier):
            shown = names if self.everybody else names[:SHOWN]
            more = len(names) - len(shown)
            rows.append((text, str(len(names)), ", ".join(shown) + (f" +{more}" if more else "")))
        return Table((words.of("why"), words.of("people"), words.of("who")), tuple(rows), (1,))

    def _grouped(self, agents: Sequence[Exclusion], tier: int = 0) -> list[tuple[str, list[str]]]:
        groups: dict[str, list[str]] = {}
        nearness: dict[str, int] = {}
        for one in agents:
            if one.why is not Why.CHOSEN:
                text = self.words.reason(one, tier)
                groups.setdefault(text, []).append(self.words.name(one))
                # where the one word for needs stands must not tell which of them it was
                near = NEAR_UNFIT if text == self.words.say(UNFIT) else list(Why).index((one.seen or (one.why, ""))[0])
                nearness[text] = max(near, nearness.get(text, 0))
        return sorted(groups.items(), key=lambda group: (-nearness[group[0]], group[0]))

    def _nobody(self, waits: Waiting, how: str) -> list[str]:
        """Why nobody had the contact at some moment, in a sentence."""
        if waits.held:
            return [self.words.say(HELD[one]) for one in waits.held]
        groups = self._grouped(waits.agents)
        counted = ", ".join(f"{text} ({len(names)})" for text, names in groups)
        return [self.words.say(WORDS[how], counted)] if counted else []

    def waiting(self) -> tuple[list[str], list[Table]] | None:
        """Why nobody has come yet; None: that is no question."""
        found, words = self.account.waiting, self.words
        if found is None:
            return None
        said = [words.say(HELD[one]) for one in found.held]
        said.append(words.say(Said("{} itibarıyla {}. sırada.", "At {}: place {}."),
                              words.clock(found.at, self._begin), found.position))
        table = self._excluded(found.agents)
        return said, [table] if table.rows else []

    # -- for programs --------------------------------------------------------------------------------------------------

    def as_json(self) -> dict[str, object]:
        """The same as values; every agent has a reason, and what may not be told is not in it."""
        account, waits = self.account, self.account.waiting
        return {
            "contact": account.contact, "title": self.title, "summary": self.summary, "over": account.over,
            "events": [{"at": line.at, "kind": line.kind, "text": line.text} for line in self.lines()],
            "offers": [self._offer_json(fact) for fact in account.facts if isinstance(fact, f.Offered)],
            "waiting": None if waits is None else {
                "at": waits.at, "position": waits.position, "held": [str(one) for one in waits.held],
                "agents": self._agents_json(waits.agents)},
            "before": [str(row.contact) for row in account.before], "told_again": not account.untold,
        }

    def _offer_json(self, fact: f.Offered) -> dict[str, object]:
        decision = self.account.decisions.get(fact.offer)
        found: dict[str, object] = {
            "offer": fact.offer, "at": fact.at, "agent": fact.agent, "service": fact.service, "step": fact.step,
            "level": fact.level, "strategy": fact.strategy, "score": fact.score,
            "runners_up": None if decision is None else self._runners_up(decision),
            "waiting": fact.waiting, "preferred": fact.preferred,
            "by_state": {str(state): count for state, count in zip(AgentState, fact.by_state, strict=False)},
            "agents": None if decision is None else self._agents_json(decision.agents, fact.tier)}
        if self.words.needs:
            found |= {"tier": fact.tier, "partner": fact.partner}
        return found

    def _agents_json(self, agents: Sequence[Exclusion], tier: int = 0) -> list[dict[str, object]]:
        return [{"agent": one.agent, "why": self.words.reason(one, tier),
                 **({"level": one.merit.level, "score": one.merit.score}
                    if one.merit and (self.words.needs or one.merit.tier <= tier) else {})}
                for one in agents]


def _service(centre: Centre, service: ServiceId) -> Service | None:
    return next((one for one in centre.services if one.id == service), None)


def _steps(centre: Centre, service: ServiceId) -> tuple[object, ...]:
    found = _service(centre, service)
    return () if found is None else found.steps


def _capital(text: str) -> str:
    """The first letter a capital one, as Turkish has it."""
    return {"i": "İ", "ı": "I"}.get(text[:1], text[:1].upper()) + text[1:]
