"""Do what agents ask of the desk: hang up, comfort, the day, colleagues, and who was shown their needs.

Implements this part of the API's `NodeOperations`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from desk.api import own_models as models
from desk.live import comfort_rows
from desk.live.day_book import COUNTED, DayBook
from routing.core.inbox import Inbox
from routing.core.model.errors import NotNow, UnknownAgent
from routing.core.model.facts import Overridden
from routing.core.model.ids import AgentId, ContactId, partner_leg_id
from routing.core.model.live_calls import LiveOffer
from routing.store.audit import Audit, Entry
from routing.store.store import Store

HangUp = Callable[[str, bool], Awaitable[bool]]
"""End a leg (`CommandExecutor.hang_up`). The flag refuses a leg that rings."""

FACTS_MAX = 1_000_000
"""Facts that the first look at a day goes through: more than a full centre makes in a day."""
SHOWN = ("needs", "rules_overridden")
"""Kinds of audit lines by which somebody was shown an agent's needs."""
ACCESSES_MAX = 200
"""Entries of each kind in an access log, the newest."""
OVERRIDES_DAYS = 90
"""Days of rules that were set aside in an access log."""


class OwnDesk:
    """The operations of an agent's own desk. `live` returns the offers that ring or talk."""

    def __init__(self, store: Store, inbox: Inbox, audit: Audit, live: Callable[[], Sequence[LiveOffer]],
                 hang_up: HangUp, timezone: Callable[[], str]) -> None:
        self._store, self._inbox, self._audit, self._live = store, inbox, audit, live
        self._hang_up, self._timezone = hang_up, timezone
        self._days: DayBook | None = None
        self._lock = asyncio.Lock()

    async def hang_up(self, agent: AgentId, contact: ContactId | None = None) -> None:
        """Hang up the leg of the agent, or that of one contact. Raise NotNow if there is none."""
        # The second agent of a pair has a leg of the offer that names the first one.
        legs = [(one.leg, not one.answered) if one.agent == agent else
                (partner_leg_id(one.offer, one.contact), one.partner_rings)
                for one in self._live() if agent in (one.agent, one.partner) and contact in (None, one.contact)]
        done = [await self._hang_up(leg, rings) for leg, rings in legs]
        if not any(done):
            raise NotNow("the agent has no call to hang up")

    async def comfort(self, agent: AgentId) -> models.Comfort:
        """Return the agent's comfort in force."""
        view = self._inbox.desk_view(agent)
        if view is None:
            raise UnknownAgent
        usual = view.comfort
        wish = await self._store.run_query(partial(comfort_rows.read_wish, agent=agent))
        values = {"ear": usual.ear, "gain_db": usual.gain_db, "limiter": usual.limiter, "verbosity": usual.verbosity,
                  "ring": sorted(usual.ring_signal)} | dict(wish)
        return models.Comfort.model_validate({**values, "chosen": sorted(wish)})

    async def save_comfort(self, agent: AgentId, wish: models.ComfortWish) -> models.Comfort:
        """Store the wish of the agent, and return what is in force."""
        chosen = {name: value for name, value in wish.model_dump().items() if value is not None}
        if "ring" in chosen:
            chosen["ring"] = sorted(set(chosen["ring"]))
        await self._store.run_write(partial(comfort_rows.write_wish, agent=agent, wish=chosen))
        return await self.comfort(agent)

    async def own_day(self, agent: AgentId) -> models.OwnDay:
        """Return the day of the agent since midnight."""
        now = self._inbox.now()
        async with self._lock:
            book = await self._read_day(now)
        view, day = self._inbox.desk_view(agent), book.day_of(agent)
        return models.OwnDay(
            since=book.since, signed_in_s=round(day.signed_in_s(now), 1), calls=day.calls, talk_s=round(day.talk_s, 1),
            hold_s=round(day.hold_s, 1), wrapup_s=round(day.wrapup_s, 1), missed=day.missed,
            breaks=[models.DayBreak(**one._asdict()) for one in day.breaks],
            breaks_kept=sum(one.planned for one in day.breaks),
            next_break_at=None if view is None else view.break_planned_at)

    async def _read_day(self, now: float) -> DayBook:
        """Count the facts that the day book does not have yet. At midnight a new book begins."""
        zone = ZoneInfo(self._timezone())
        since = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        book = self._days
        if book is None or book.since != since:
            book = self._days = DayBook(since)
        async for page in self._store.recent_facts(COUNTED, since, FACTS_MAX, after=book.last_fact):
            book.add_facts(page)
        return book

    async def access_log(self, agent: AgentId) -> models.AccessLog:
        """Return who was shown the agent's needs, and which rules of the agent were set aside."""
        shown = await asyncio.to_thread(self._audit.newest_entries, SHOWN, partial(_concerns, agent), ACCESSES_MAX)
        since = self._inbox.now() - 86_400.0 * OVERRIDES_DAYS
        rules = [one for one in await self._store.overrides_since(since)
                 if isinstance(one, Overridden) and one.agent == agent]
        return models.AccessLog(
            shown=[models.Shown(at=one.at, who=one.who, what=one.what) for one in shown],
            rules=[models.RuleSetAside(at=one.at, rule=one.rule, offer=one.offer, until=one.until, by=one.by)
                   for one in rules[-ACCESSES_MAX:]])


def _concerns(agent: str, entry: Entry) -> bool:
    """Return whether an entry of the audit shows needs of this agent. `needs` shows those of all agents."""
    return entry.what == "needs" or (entry.what == "rules_overridden" and entry.about.get("agent") == agent)
