"""Serve Asterisk's fallback queues over AMI: keep their members, and call their callers back after a gap.

Members follow the agents as they sign in, out and pause. app_queue writes its store once a second, so that a kill may
lose the last changes, and a node may have missed some. Both sides are therefore compared after every connect and with
every audit.

A caller in a fallback queue asks the node at most once a minute. A node that is back withdraws its callers, so that
they ask at once and return to the hold loop with their age. A caller whose phone rings is asked after that ring, and a
caller who talks is refused by app_queue (both measured on Asterisk 22).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import structlog

from routing.ami.errors import LinkError
from routing.ami.fallback.members import FallbackMembers, Members
from routing.ami.link import Link
from routing.ami.wire import Message
from routing.core.inbox import AgentView
from routing.core.model.centre_model import Centre

log = structlog.get_logger()

LIST_DEADLINE_S = 10.0
"""Limit for one list of all queues. 180 agents in six queues take milliseconds."""
AGAIN_S = 60.0
"""Time after which a caller is withdrawn again. A caller whose question the node does not answer would otherwise go
round with each look."""
WITHDRAWN_MAX = 2_000
"""Callers remembered as withdrawn, five times the callers of one Asterisk. The oldest is forgotten first."""
LOOK_S = 1.0
"""Pause between looks at the queues after a gap. Callers who hear a sentence before their queue are found later."""
LOOKS = 30
"""Looks after a gap. The longest sentence before a queue is the slow emergency text of 22 s."""
FROZEN_S = 3.0
"""Lateness of a look from which this process counts as having been frozen. The fallback queue takes new callers after
5 s without an answer, and its link may have survived."""
SETTLE_S = 0.2
"""Pause before a changed member is sent, so that the sign-ins of a shift are one comparison."""


class AgentSource(NamedTuple):
    """Functions that return the centre, and all agents, as they are now. Views cost a look at each agent."""

    centre: Callable[[], Centre]
    views: Callable[[], Sequence[AgentView]]


class _Listed(NamedTuple):
    """The fallback queues as Asterisk has them."""

    queues: frozenset[str]
    members: Members
    waiting: tuple[tuple[str, str, str], ...]
    """Queue, channel and uniqueid of each caller."""


class FallbackQueues:
    """Keep members and callers of the fallback queues. `link` returns the link for actions, or None without one."""

    def __init__(self, members: FallbackMembers, agents: AgentSource, link: Callable[[], Link | None],
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._members = members
        self._agents = agents
        self._link = link
        self._clock = clock
        self._changed = asyncio.Event()
        self._gap = asyncio.Event()
        self._withdrawn: dict[str, float] = {}
        """Time of the last withdrawal by uniqueid."""
        self._told_missing = False
        self.waiting = 0
        """Callers in the fallback queues at the last look."""
        self.called_back = 0
        """Callers withdrawn from the fallback queues."""
        self.corrected = 0
        """Members added, removed or paused because Asterisk differed."""

    def service_ids(self) -> frozenset[str]:
        """Return the ids of all services of the centre."""
        return frozenset(service.id for service in self._agents.centre().services)

    def note_change(self) -> None:
        """Compare the members soon, because an agent or the centre has changed."""
        self._changed.set()

    def note_gap(self) -> None:
        """Compare the members and call the callers back: a link is up again, or this process was frozen."""
        self._gap.set()
        self._changed.set()

    async def run_forever(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_members(), name="fallback members")
            group.create_task(self._call_back_callers(), name="fallback callers")

    # -- members -----------------------------------------------------------------------------------------------------

    async def _follow_members(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(SETTLE_S)
            self._changed.clear()
            if (link := self._link()) is not None:
                await _run_safely(self._compare_members(link))

    async def _compare_members(self, link: Link) -> None:
        """Make the members in Asterisk those that the engine wants."""
        listed = await self._list_queues(link)
        centre = self._agents.centre()
        wanted = self._members.wanted_members(centre, self._agents.views())
        # 1. Remove first: a phone whose agent has left must not ring.
        for queue, interface in [one for one in listed.members if one not in wanted]:
            await self._send(link, {"Action": "QueueRemove", "Queue": queue, "Interface": interface})
        # 2. Add and pause. Equal penalties: a member who does not answer would keep callers from the others.
        missing = set(self._members.queue_names(centre)) - listed.queues
        for (queue, interface), reason in wanted.items():
            if queue in missing:
                continue
            known = (queue, interface) in listed.members
            if not known:
                await self._send(link, {
                    "Action": "QueueAdd", "Queue": queue, "Interface": interface, "Penalty": "0",
                    "Paused": "0" if reason is None else "1", **({} if reason is None else {"Reason": reason}),
                    "MemberName": interface.removeprefix("PJSIP/"), "StateInterface": interface})
            elif listed.members[queue, interface] != reason:
                await self._send(link, {
                    "Action": "QueuePause", "Queue": queue, "Interface": interface,
                    "Paused": "false" if reason is None else "true", **({} if reason is None else {"Reason": reason})})
        if missing and not self._told_missing:
            self._told_missing = True
            log.warning("ami.fallback_queues_missing", queues=sorted(missing),
                        mend="Asterisk has older files. Run santral asterisk-conf, copy the files, core reload")

    async def _send(self, link: Link, action: dict[str, str]) -> None:
        reply = await link.run_action(dict(action))
        self.corrected += reply.ok
        if not reply.ok:
            log.warning("ami.command_failed", command=action["Action"], reason=reply.get("Message"))

    # -- callers -----------------------------------------------------------------------------------------------------

    async def _call_back_callers(self) -> None:
        """Look at the queues after a gap, a number of times. Between gaps watch for a frozen process."""
        looks = 0
        while True:
            before = self._clock()
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._gap.wait()
            except TimeoutError:
                pass
            if self._gap.is_set() or self._clock() - before > LOOK_S + FROZEN_S:
                self._gap.clear()
                looks = LOOKS
            if looks and (link := self._link()) is not None:
                looks -= 1
                await _run_safely(self._withdraw_callers(link))

    async def _withdraw_callers(self, link: Link) -> None:
        listed, now = await self._list_queues(link), self._clock()
        for queue, channel, uniqueid in listed.waiting:
            if now - self._withdrawn.get(uniqueid, -AGAIN_S) < AGAIN_S:
                continue
            self._withdrawn.pop(uniqueid, None)
            self._withdrawn[uniqueid] = now
            if len(self._withdrawn) > WITHDRAWN_MAX:
                del self._withdrawn[next(iter(self._withdrawn))]
            # A caller who talks or has left is refused, which is right.
            reply = await link.run_action({"Action": "QueueWithdrawCaller", "Queue": queue, "Caller": channel})
            self.called_back += reply.ok

    async def look_once(self) -> None:
        """Compare the members and call back callers, with an audit. A caller may be there by a fault of one dialogue.
        """
        self._changed.set()
        if (link := self._link()) is not None:
            await _run_safely(self._withdraw_callers(link))

    # -- both --------------------------------------------------------------------------------------------------------

    async def _list_queues(self, link: Link) -> _Listed:
        ours = set(self._members.queue_names(self._agents.centre()))
        queues: set[str] = set()
        members: dict[tuple[str, str], str | None] = {}
        waiting: list[tuple[str, str, str]] = []
        items: list[Message] = await link.list_action({"Action": "QueueStatus"}, LIST_DEADLINE_S)
        for item in items:
            queue = item.get("Queue")
            if queue not in ours:
                continue
            if item.name == "QueueParams":
                queues.add(queue)
            elif item.name == "QueueMember":
                paused = item.get("Paused") == "1"
                members[queue, item.get("Location")] = item.get("PausedReason") if paused else None
            elif item.name == "QueueEntry":
                waiting.append((queue, item.get("Channel"), item.get("Uniqueid")))
        self.waiting = len(waiting)
        return _Listed(frozenset(queues), members, tuple(waiting))


async def _run_safely(work: Awaitable[None]) -> None:
    """Await the work. A lost link ends it: the next connect begins again."""
    try:
        await work
    except LinkError as error:
        log.warning("ami.command_failed", command="QueueStatus", reason=str(error))
