"""Explain a call that goes on, in the words of `santral why`, from its facts and the engine as it is now.

Nothing is replayed, so the account tells who was chosen and why, but not who was not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import NamedTuple

from planning.why.contact_account import ContactAccount, WaitExplanation
from planning.why.view import AccountView
from planning.why.words import AccountWords
from routing.core.engine import Engine
from routing.core.explain import ExclusionReason
from routing.core.model.facts import Fact, Offered
from routing.core.model.ids import ContactId


class LiveAccount(NamedTuple):
    """A call in words."""

    lines: tuple[tuple[str, str], ...]
    """Time and text of each line of the course."""
    why: tuple[str, ...]
    """Why the call stands where it stands."""


class LiveAccounts:
    """Explain calls of a running engine. `zone` returns the clock of the centre."""

    def __init__(self, engine: Engine, zone: Callable[[], tzinfo]) -> None:
        self._engine, self._zone = engine, zone

    def explain_call(self, contact: ContactId, facts: Sequence[Fact], *, whole: bool, now: float,
                     english: bool) -> LiveAccount:
        """Return the course of a call by its facts, of which there is at least one, and why it stands where it does.

        A waiting call costs a look at all agents.
        """
        words = AccountWords(self._zone(), english=english)
        account = ContactAccount(contact, tuple(facts), whole, {}, {}, self._explain_wait(contact, now),
                                 ((0, self._engine.centre),), now, ())
        view = AccountView(account, words)
        return LiveAccount(tuple((line.time, line.text) for line in view.course_lines()),
                           tuple(self._explain_place(view, account)))

    def _explain_wait(self, contact: ContactId, now: float) -> WaitExplanation | None:
        waits, view = self._engine.explain_waiting(contact), self._engine.contact_view(contact, now)
        return None if waits is None or view is None else WaitExplanation(now, waits[0], tuple(waits[1]), view.position)

    def _explain_place(self, view: AccountView, account: ContactAccount) -> list[str]:
        words = view.words
        # 1. A call that is over, or in wrap-up: its end.
        if account.over:
            return [view.summary[0]]
        # 2. A call that waits: what holds it, or whom it needs.
        if account.waiting is not None:
            found = [words.translate_text(f"held.{one}") for one in account.waiting.held]
            groups = words.group_by_reason(account.waiting.agents)
            able = words.translate_text(f"reasons.{ExclusionReason.ABLE}")
            counted = ", ".join(f"{text} ({len(names)})" for text, names in groups if text != able)
            if not found and counted:
                found.append(words.translate_text("nobody", reasons=counted))
            if account.waiting.position:
                found.append(words.translate_text("lines.position_at", time=words.format_time(account.waiting.at),
                                                  place=account.waiting.position))
            return found
        # 3. A call that rings at an agent, or is there: how the agent was chosen.
        offered = next((fact for fact in reversed(account.facts) if isinstance(fact, Offered)), None)
        if offered is None:
            return []
        chosen = [line.text for line in view.course_lines() if line.offer == offered.offer]
        return [*chosen, *view.rule_texts(offered)]
