"""The menu: walks the machine over a call, then hands the caller to the engine and to the hold loop."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from ivr import dialplan
from ivr.agi.session import ANY_KEY, Session
from ivr.contact import Contacts
from ivr.flow import machine
from ivr.flow.model import Flow
from ivr.sounds import Sounds, files
from routing.core.errors import Refused
from routing.core.inbox import Inbox, InboxClosed

SORRY = "menu-ozur"
"""Said when the engine does not answer; the hold loop then tries again with each tick."""

EntryNow = Callable[[str], str]
"""From the entry of the called number to the entry in force at this moment: another one while the centre is closed."""

log = structlog.get_logger(__name__)


def always_open(entry: str) -> str:
    """The `EntryNow` of a centre that never closes."""
    return entry


class Entry:
    """Endpoint of `agi://node/menu,<entry>`. `clock` gives Unix seconds. `flow` and `sounds` may be changed: a call in
    the menu goes on with those it began with."""

    def __init__(self, inbox: Inbox, flow: Flow, sounds: Sounds, contacts: Contacts,
                 clock: Callable[[], float] = time.time, entry_now: EntryNow = always_open) -> None:
        self.inbox, self.flow, self.sounds, self.contacts, self.clock = inbox, flow, sounds, contacts, clock
        self.entry_now = entry_now

    async def menu(self, session: Session) -> None:
        """One caller, from the greeting to `ACD_NEXT`."""
        limit = await session.get_variable(dialplan.MENU_LIMIT)
        if limit:  # the dialplan gave us seconds to show that we are alive; now the dialogue may take its time
            await session.set_variable(dialplan.LIMIT, limit)
        flow, sounds = self.flow, self.sounds
        entry = session.argument(1)
        if entry not in flow.entries:
            log.warning("ivr.unknown_entry", entry=entry[:40], known=sorted(flow.entries))
            entry = next(iter(flow.entries))
        slow = await session.get_variable(dialplan.SLOW) == "1"
        state, step = machine.begin(flow, self.entry_now(entry), time.monotonic(), slow=slow)
        while isinstance(step, machine.Ask):
            given = await ask(session, sounds, step)
            state, step = machine.step(flow, state, given, time.monotonic())
        await session.say(files(sounds, step.say, slow=step.slow))
        if isinstance(step, machine.Leave):
            await session.set_variable(dialplan.NEXT, dialplan.BYE)
        else:
            await self._wait(session, sounds, step)

    async def _wait(self, session: Session, sounds: Sounds, chosen: machine.Enter) -> None:
        """Variables first: from then on the place in line outlives us. Then the engine, then `ACD_NEXT`."""
        since, queue = self.clock(), chosen.queue
        service = queue.service if queue.service in self.contacts.services else self.contacts.human
        for name, value in ((dialplan.SERVICE, service), (dialplan.SINCE, f"{since:.3f}"),
                            (dialplan.PRIORITY, str(queue.priority)), (dialplan.SLOW, "1" if chosen.slow else "")):
            await session.set_variable(dialplan.INHERITED + name, value)
        event = await self.contacts.queued(session, service, since, queue.priority, chosen.slow)
        onward = dialplan.HOLD
        try:
            await self.inbox.ask(event)
        except Refused as error:
            log.error("ivr.refused", call=session.uniqueid, service=service, code=error.code)
            onward = dialplan.NET
        except (InboxClosed, TimeoutError):
            log.warning("ivr.engine_silent", call=session.uniqueid)
            await session.say(files(sounds, (SORRY,), slow=chosen.slow))
        await session.set_variable(dialplan.NEXT, onward)


async def ask(session: Session, sounds: Sounds, step: machine.Ask) -> machine.Key | machine.Silence:
    """Say and listen. A key at any moment ends it, in the silences too."""
    for number, file in enumerate(files(sounds, step.say, slow=step.slow), 1):
        digit = (await session.stream_file(file, ANY_KEY)).digit
        if not digit and step.pause_s and number < len(step.say):
            digit = await session.wait_for_digit(round(step.pause_s * 1000))
        if digit:
            return machine.Key(digit)
    if step.wait_s and (digit := await session.wait_for_digit(round(step.wait_s * 1000))):
        return machine.Key(digit)
    return machine.Silence()
