"""Tell the engine who has a desk open, because messages come only there.

A desk is open while a stream of live events of a session of that agent is open. A stream of a program with a token is
none: nobody may sit in front of it. The engine stores who has a desk, so a new node knows it before any page is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from routing.core.events import DeskChanged
from routing.core.inbox import Inbox
from routing.core.model.ids import AgentId

DESK_GONE_S = 10.0
"""A desk is closed when its last stream has been gone for this long. A reload takes 1 to 3 s. After a restart of the
node (up to 7 s) pages come back within 2 s. So neither takes messages away, and a message waits 10 s more at most."""

WATCH_S = 1.0
"""Time between two looks for desks to close."""

REPEAT_S = 60.0
"""Time for which a report may be on its way: the store may be away. Then it is repeated, because an agent may have been
no member of the team."""


class DeskPresence:
    """The desks that are open, and those that will be closed unless a stream comes back."""

    def __init__(self, inbox: Inbox, clock: Callable[[], float]) -> None:
        self._inbox, self._clock = inbox, clock
        self._streams: dict[str, int] = {}
        """Number of open streams by agent."""
        self._closes_at: dict[str, float] = {}
        """When each desk without a stream is closed."""
        self._reports: dict[str, tuple[bool, float]] = {}
        """The last report of each agent, and until when it may be on its way."""

    def add_stream(self, agent: str) -> None:
        """Note that a stream of an agent's own session was opened."""
        self._streams[agent] = self._streams.get(agent, 0) + 1
        self._closes_at.pop(agent, None)
        self._report(agent, True)

    def remove_stream(self, agent: str) -> None:
        """Note that such a stream has ended. The desk stays open for `DESK_GONE_S`."""
        left = self._streams.pop(agent) - 1
        if left:
            self._streams[agent] = left
        else:
            self._closes_at[agent] = self._clock() + DESK_GONE_S

    def restore_desks(self) -> None:
        """Give each stored desk `DESK_GONE_S` to come back. Do it when the node starts."""
        for view in self._inbox.agent_views():
            if view.desk and view.agent not in self._streams:
                self._closes_at[view.agent] = self._clock() + DESK_GONE_S

    def close_desks(self) -> None:
        """Close the desks that have been without a stream for long enough, and repeat reports that were not taken."""
        now = self._clock()
        for agent in [one for one, at in self._closes_at.items() if at <= now]:
            # A desk without a stream is looked at until the engine knows.
            if self._report(agent, False):
                del self._closes_at[agent]
        for agent in self._streams:
            self._report(agent, True)

    def _report(self, agent: str, present: bool) -> bool:
        """Report a desk to the engine, unless it knows or will soon know. Return whether it knows."""
        view = self._inbox.agent_view(AgentId(agent))
        # An agent who was removed from the team may come back.
        if view is None:
            return False
        # An earlier report may still wait for the engine: what counts is what it will know after that.
        now, (expected, until) = self._clock(), self._reports.get(agent, (view.desk, 0.0))
        if (expected if now < until else view.desk) is not present:
            self._reports[agent] = present, now + REPEAT_S
            self._inbox.post(DeskChanged(AgentId(agent), present))
            return False
        return view.desk is present

    async def watch_desks(self) -> None:
        """Close desks until cancelled."""
        self.restore_desks()
        while True:
            await asyncio.sleep(WATCH_S)
            self.close_desks()
