"""Read from Asterisk's events how talks end, while the node is suspended. Nothing is sent but log-in and pings."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import replace

from routing.ami.errors import AuthFailed, LinkError
from routing.ami.hangup_causes import LOST_CAUSES, cause_number
from routing.ami.link import Link, Login, Timing, backoff_delays
from routing.ami.wire import Message
from routing.core.model.ids import ContactId, parse_leg_id

ENDS_MAX = 1_000
"""Ends remembered: more talks than one Asterisk carries."""

SETTLE_S = 1.5
"""Time to wait for an event. The question of the dialplan may come first, and its step ends after 5 s."""


class TalkEndWatch:
    """A session of AMI that only listens. `run_forever` holds it."""

    def __init__(self, login: Login, timing: Timing | None = None) -> None:
        self._login, self._timing = replace(login, events="call"), timing
        self._lost: OrderedDict[ContactId, bool] = OrderedDict()
        self._heard = asyncio.Event()

    async def run_forever(self) -> None:
        """Listen until cancelled, or until Asterisk refuses the log-in."""
        waits = backoff_delays()
        while True:
            link = Link(self._login, frozenset({"Hangup"}), timing=self._timing)
            try:
                await link.connect_and_login()
                waits = backoff_delays()
                while True:
                    for message in await link.next_events():
                        self._note_end(message)
            except AuthFailed:
                return
            except LinkError:
                pass
            finally:
                await link.close()
            await asyncio.sleep(next(waits))

    async def was_lost(self, contact: ContactId) -> bool | None:
        """Return whether the agent's phone was lost, or None if Asterisk does not say it within `SETTLE_S`."""
        try:
            async with asyncio.timeout(SETTLE_S):
                while contact not in self._lost:
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            return None
        return self._lost.pop(contact)

    def _note_end(self, message: Message) -> None:
        leg = parse_leg_id(message.get("Uniqueid"))
        if leg is None:
            return
        self._lost[leg[1]] = cause_number(message) in LOST_CAUSES
        self._lost.move_to_end(leg[1])
        if len(self._lost) > ENDS_MAX:
            self._lost.popitem(last=False)
        self._heard.set()
