"""The account of a contact as lines and tables of text, in one language: for a terminal and for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from planning.why import Account, Decision
from planning.why_course import Course, Line
from planning.why_words import Words
from routing.core import facts as f
from routing.core import talk_facts as tf
from routing.core.excluded import Exclusion, Why
from routing.core.ids import AgentId, OfferId
from routing.core.model import AgentState, Centre, Channel, ContactState

SHOWN = 8
"""Agents named for each reason, unless all are asked for: a team of 180 fills a page otherwise."""

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
        self._course = Course(account, words)
        self._begin = self._course.begin

    # -- the whole -----------------------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """What it is: channel, id, service, day."""
        account, words = self.account, self.words
        queued = next((fact for fact in account.facts if isinstance(fact, f.Queued)), None)
        service = next((found for fact in account.facts if (found := str(getattr(fact, "service", "")))), "")
        kind = words.say(f"channels.{queued.channel if queued else Channel.VOICE}")
        return " · ".join(filter(None, (
            f"{kind} {account.contact}", words.service(account.centre(account.facts[0]), service) if service else "",
            words.day(self._begin))))

    @property
    def summary(self) -> list[str]:
        """How it ended, or what it does now; who had the caller; what this one comes from."""
        words, account = self.words, self.account
        found = [self._outcome()]
        chain = [f"{fact.agent}, {words.service(account.centre(fact), fact.service)}" for fact in account.facts
                 if isinstance(fact, tf.Connected)]
        if len(chain) > 1:
            found.append(f"{words.say('chain')}: {' → '.join(chain)}")
        for row, how in account.before:
            found.append(words.say(f"before.{how}", contact=row.contact, agent=row.agent or "–",
                                   time=f"{words.day(row.queued_at)} {words.clock(row.queued_at)}"))
        if account.after is not None:
            found.append(words.say("after", contact=account.after.contact))
        if not account.whole:
            found.append(words.say("cut"))
        if words.needs:
            found.append(words.say("needs"))
        return found

    def _outcome(self) -> str:
        words, account = self.words, self.account
        ended = next((fact for fact in account.facts if isinstance(fact, f.Ended)), None)
        talks = [fact for fact in account.facts if isinstance(fact, tf.TalkOver | tf.Introduced)]
        if ended is not None:
            talked = words.say("lines.talked", time=words.lasts(sum(one.talk_s for one in talks))) if talks else ""
            after = words.say("lines.since_transfer") \
                if sum(isinstance(fact, tf.Connected) for fact in account.facts) > 1 and not ended.position else ""
            return f"{words.ended(ended)}{after}{talked}."
        if account.in_menu_only:
            return words.say("lines.never_queued")
        if account.outcome is not None:
            return f"{words.say(f'outcomes.{account.outcome}')}."
        return words.say("lines.state_at_end", state=words.say(f"now.{self._state()}"),
                         time=words.clock(account.until, self._begin))

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

    def lines(self) -> Iterator[Line]:
        """Everything that happened, in order."""
        return self._course.lines()

    # -- decisions -----------------------------------------------------------------------------------------------------

    def decision(self, offer: OfferId) -> tuple[list[str], list[Table]]:
        """What stands under an offer: how it was chosen, the comparison, and who was excluded."""
        words, account = self.words, self.account
        fact = next(one for one in account.facts if isinstance(one, f.Offered) and one.offer == offer)
        counts = ", ".join(f"{count} {words.say(f'states.{state}')}"
                           for state, count in zip(AgentState, fact.by_state, strict=False) if count)
        rule = words.say_if_known("strategies", fact.strategy, "")
        said = [words.say("lines.rule", strategy=rule) if rule and not fact.preferred else "",
                words.say("lines.signed_in", agents=fact.agents_signed_in, states=counts or "–", waiting=fact.waiting)]
        decision = account.decisions.get(offer)
        if decision is None:
            return [*filter(None, said), words.say("untold")], []
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
                         *([str(merit.tier)] if tiers else []), words.say("chosen") if place == 1 else ""))
        head = [words.say("place"), words.say("agent"), *([words.say("level")] if ranked else []), words.say(kind),
                *([words.say("tier")] if tiers else [])]
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
        rows, away = [], words.say(f"reasons.{Why.AWAY}")
        for text, names in words.grouped(agents, tier):
            hidden = text == away and len(names) > SHOWN  # so many who were not there tell nothing
            shown = names if self.everybody else [] if hidden else names[:SHOWN]
            more = f"+{len(names) - len(shown)}" if len(names) > len(shown) else ""
            rows.append((text, str(len(names)), "–" if not shown else ", ".join(shown) + (f" {more}" if more else "")))
        return Table((words.say("why"), words.say("people"), words.say("who")), tuple(rows), (1,))

    def waiting(self) -> tuple[list[str], list[Table]] | None:
        """Why nobody has come yet; None: that is no question."""
        found, words = self.account.waiting, self.words
        if found is None:
            return None
        said = [words.say(f"held.{one}") for one in found.held]
        said.append(words.say("lines.position_at", time=words.clock(found.at, self._begin), place=found.position))
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
            "before": [{"contact": row.contact, "how": how} for row, how in account.before],
            "after": None if account.after is None else account.after.contact, "told_again": not account.untold,
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


