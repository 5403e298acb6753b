"""Turn the account of a contact into lines and tables of text in one language, for a terminal and for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from planning.why.conclusion import draw_conclusion
from planning.why.contact_account import ContactAccount, OfferDecision
from planning.why.contact_course import ContactCourse, CourseLine
from planning.why.words import AccountWords
from routing.core.explain import Exclusion, ExclusionReason
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import AgentState, Centre, Channel, ContactState
from routing.core.model.ids import AgentId, OfferId

SHOWN = 8
"""Agents named for each reason, unless all are requested. A team of 180 would fill a page."""
class TextTable(NamedTuple):
    """A small table. Long text belongs into its last column."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    """Indexes of the number columns, from 0."""


class AccountView:
    """An account in words."""

    def __init__(self, account: ContactAccount, words: AccountWords, *, everybody: bool = False) -> None:
        self.account, self.words, self.everybody = account, words, everybody
        self._contact_course = ContactCourse(account, words)
        self._begin = self._contact_course.begin

    # -- the whole -----------------------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """Channel, id, service and day of the contact."""
        account, words = self.account, self.words
        queued = next((fact for fact in account.facts if isinstance(fact, f.Queued)), None)
        service = next((found for fact in account.facts if (found := str(getattr(fact, "service", "")))), "")
        kind = words.translate_text(f"channels.{queued.channel if queued else Channel.VOICE}")
        return " · ".join(filter(None, (
            f"{kind} {account.contact}",
            words.service_name(account.centre_at(account.facts[0]), service) if service else "",
            words.format_date(self._begin))))

    @property
    def summary(self) -> list[str]:
        """The end or the present state of the contact, its agents, and the contacts it comes from."""
        words, account = self.words, self.account
        # 1. The end or the present state, and the agents who talked with the caller.
        found = [self._outcome_text()]
        chain = [f"{fact.agent}, {words.service_name(account.centre_at(fact), fact.service)}" for fact in account.facts
                 if isinstance(fact, tf.Connected)]
        if len(chain) > 1:
            found.append(f"{words.translate_text('chain')}: {' → '.join(chain)}")
        # 2. Contacts before and after it.
        for row, how in account.before:
            found.append(words.translate_text(
                f"before.{how}", contact=row.contact, agent=row.agent or "–",
                time=f"{words.format_date(row.queued_at)} {words.format_time(row.queued_at)}"))
        if account.after is not None:
            found.append(words.translate_text("after", contact=account.after.contact))
        # 3. The conclusion, and notes about the record.
        if (conclusion := draw_conclusion(account, words)) is not None:
            found.append(conclusion)
        if not account.whole:
            found.append(words.translate_text("cut"))
        if words.needs:
            found.append(words.translate_text("needs"))
        return found

    def _outcome_text(self) -> str:
        words, account = self.words, self.account
        ended = next((fact for fact in account.facts if isinstance(fact, f.Ended)), None)
        talks = [fact for fact in account.facts if isinstance(fact, tf.TalkEndedRecorded | tf.ConsultCompleted)]
        if ended is not None:
            talked = words.translate_text("lines.talked", time=words.format_duration(
                sum(one.talk_s for one in talks))) if talks else ""
            # The wait of the last fact counts from the transfer, so the text says so.
            after = words.translate_text("lines.since_transfer") \
                if sum(isinstance(fact, tf.Connected) for fact in account.facts) > 1 and not ended.position else ""
            return f"{words.outcome_text(ended)}{after}{talked}."
        if account.in_menu_only:
            return words.translate_text("lines.never_queued")
        if account.outcome is not None:
            return f"{words.translate_text(f'outcomes.{account.outcome}')}."
        return words.translate_text(
            "lines.state_at_end", state=words.translate_text(f"now.{self._present_state()}"),
            time=words.format_time(account.until, self._begin))

    def _present_state(self) -> ContactState:
        state = ContactState.PENDING
        for fact in self.account.facts:
            match fact:
                case f.Offered():
                    state = ContactState.RESERVED
                case tf.Connected() | tf.ConsultCancelled():
                    state = ContactState.ASSIGNED
                case tf.TalkEndedRecorded():
                    state = fact.state
                case f.OfferClosed() if fact.contact_version is not None:
                    state = ContactState.PENDING
                case tf.ConsultStarted():
                    state = ContactState.PENDING
        return state

    def course_lines(self) -> Iterator[CourseLine]:
        """Return all lines of the course, in order."""
        return self._contact_course.course_lines()

    # -- decisions -----------------------------------------------------------------------------------------------------

    def explain_decision(self, offer: OfferId) -> tuple[list[str], list[TextTable]]:
        """Return the texts and tables below an offer: the rule, the ranking, and the excluded agents."""
        words, account = self.words, self.account
        # 1. The rule and the agents at work.
        fact = next(one for one in account.facts if isinstance(one, f.Offered) and one.offer == offer)
        said = self.rule_texts(fact)
        # 2. The tables, if the replay reached the same decision.
        decision = account.decisions.get(offer)
        if decision is None:
            return [*said, words.translate_text("untold")], []
        tables = [self._ranking_table(decision), self._exclusion_table(decision.agents, fact.tier)]
        return said, [table for table in tables if table.rows]

    def rule_texts(self, fact: f.Offered) -> list[str]:
        """Return the rule of a choice, and the agents at work at that time."""
        words = self.words
        counts = ", ".join(f"{count} {words.translate_text(f'states.{state}')}"
                           for state, count in zip(AgentState, fact.by_state, strict=False) if count)
        rule = words.say_if_known("strategies", fact.strategy, "")
        return [*([words.translate_text("lines.rule", strategy=rule)] if rule and not fact.preferred else []),
                words.translate_text("lines.signed_in", agents=fact.agents_signed_in, states=counts or "–",
                                     waiting=fact.waiting)]

    def _ranking_table(self, decision: OfferDecision) -> TextTable:
        """Return the table of the chosen agent and the runners-up.

        An agent who was kept for later because of a load limit appears only if needs may be shown.
        """
        words, fact = self.words, decision.offered
        merits = {one.agent: one.ranking for one in decision.agents if one.ranking is not None}
        names = [fact.agent, *self._runners_up(decision)]
        if len(names) == 1 or any(name not in merits for name in names):
            return TextTable((), ())
        # In distress the load alone orders agents above a limit. Without access to needs nothing may reveal that.
        distress = any(one.distress for one in decision.centre.services if one.id == fact.service)
        if distress and not words.needs and any(merits[name].tier for name in names):
            return TextTable((), ())
        # 1. Choose the columns.
        kind = "work" if fact.strategy.startswith("least_occ") else \
            "offers" if fact.strategy == "fewest_contacts" else "idle"
        ranked, tiers = fact.level >= 0, words.needs and any(merits[name].tier for name in names)
        # 2. Fill the rows.
        rows = []
        for place, name in enumerate(names, 1):
            merit = merits[name]
            rows.append((str(place), name, *([str(merit.level)] if ranked else []),
                         "-" if distress and merit.tier
                         else self._format_score(kind, merit.score, fact.at, decision.centre),
                         *([str(merit.tier)] if tiers else []), words.translate_text("chosen") if place == 1 else ""))
        head = [words.translate_text("place"), words.translate_text("agent"),
                *([words.translate_text("level")] if ranked else []), words.translate_text(kind),
                *([words.translate_text("tier")] if tiers else [])]
        return TextTable((*head, ""), tuple(rows), (0, *range(2, len(head))))

    def _runners_up(self, decision: OfferDecision) -> list[AgentId]:
        """Return the agents who would have been next, as far as they may be shown."""
        tiers = {one.agent: one.ranking.tier for one in decision.agents if one.ranking is not None}
        return [name for name in decision.offered.runners_up
                if self.words.needs or tiers.get(name, 0) <= decision.offered.tier]

    def _format_score(self, kind: str, score: float, at: float, centre: Centre) -> str:
        """Return the value that the strategy compared, in readable form."""
        if kind == "idle":
            return self.words.format_duration(at - score)
        # Scores are logarithms that grow with time. This turns one into the decayed sum at the time of the decision.
        lately = 2.0 ** (score - at / centre.occupied_half_life_s) if score > -1_000.0 else 0.0
        return self.words.format_duration(lately) if kind == "work" else f"{lately:.1f}"

    def _exclusion_table(self, agents: Sequence[Exclusion], tier: int = 0) -> TextTable:
        """Return the table of excluded agents by reason, from the closest candidates to absent agents."""
        words = self.words
        rows, away = [], words.translate_text(f"reasons.{ExclusionReason.AWAY}")
        for text, names in words.group_by_reason(agents, tier):
            # A long list of absent agents says nothing.
            hidden = text == away and len(names) > SHOWN
            shown = names if self.everybody else [] if hidden else names[:SHOWN]
            more = f"+{len(names) - len(shown)}" if len(names) > len(shown) else ""
            rows.append((text, str(len(names)), "–" if not shown else ", ".join(shown) + (f" {more}" if more else "")))
        return TextTable(
            (words.translate_text("why"), words.translate_text("people"), words.translate_text("who")),
            tuple(rows), (1,))

    def explain_waiting(self) -> tuple[list[str], list[TextTable]] | None:
        """Return why the contact still has no agent, or None if it does not wait."""
        found, words = self.account.waiting, self.words
        if found is None:
            return None
        said = [words.translate_text(f"held.{one}") for one in found.held]
        said.append(words.translate_text("lines.position_at", time=words.format_time(found.at, self._begin),
                                         place=found.position))
        table = self._exclusion_table(found.agents)
        return said, [table] if table.rows else []

    # -- for programs --------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, object]:
        """Return the account as values for programs.

        Each agent has a reason, and reasons that may not be shown are left out.
        """
        account, waits = self.account, self.account.waiting
        return {
            "contact": account.contact, "title": self.title, "summary": self.summary, "over": account.over,
            "events": [{"at": line.at, "kind": line.kind, "text": line.text} for line in self.course_lines()],
            "offers": [self._offer_json(fact) for fact in account.facts if isinstance(fact, f.Offered)],
            "waiting": None if waits is None else {
                "at": waits.at, "position": waits.position, "held": [str(one) for one in waits.held],
                "agents": self._agents_json(waits.agents)},
            "before": [{"contact": row.contact, "how": how} for row, how in account.before],
            "after": None if account.after is None else account.after.contact, "replay_complete": not account.untold,
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
        return [{"agent": one.agent, "why": self.words.exclusion_reason(one, tier),
                 **({"level": one.ranking.level, "score": one.ranking.score}
                    if one.ranking and (self.words.needs or one.ranking.tier <= tier) else {})}
                for one in agents]
