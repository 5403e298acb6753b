"""Every command to the adapter of its channel, and the answer to the engine where no adapter takes one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence

import structlog

from routing.core.adapter import ChannelAdapter
from routing.core.commands import Command, Dial, Offer, Overflow
from routing.core.events import CallbackFailed, CommandRefused, ContactGone, Event
from routing.core.live import LiveContact
from routing.core.model import Channel

log = structlog.get_logger()

LOOK_S = 60.0
"""Between two comparisons of what the engine believes to be alive with what the adapters have: as often as Asterisk is
looked at."""

Believed = Callable[[Collection[Channel]], Sequence[LiveContact]]
"""The contacts of some channels that the engine believes to be alive."""


class Channels:
    """Dispatches commands. `post` hands an event to the engine."""

    def __init__(self, adapters: Sequence[ChannelAdapter], post: Callable[[Event], None], believed: Believed) -> None:
        self._adapters = tuple(adapters)
        self._post = post
        self._believed = believed
        self.refused: Counter[Channel] = Counter()
        """Commands that no adapter took, by channel."""

    @property
    def channels(self) -> frozenset[Channel]:
        """Return the channels that have an adapter."""
        return frozenset().union(*[adapter.channels for adapter in self._adapters])

    def execute(self, commands: Sequence[Command]) -> None:
        """Give each command to the first adapter that takes it. The order of the commands of one adapter stays."""
        batches: dict[int, list[Command]] = {}
        for command in commands:
            for place, adapter in enumerate(self._adapters):
                if adapter.takes(command):
                    batches.setdefault(place, []).append(command)
                    break
            else:
                self._refuse(command)
        for place, batch in batches.items():
            self._adapters[place].execute(batch)

    async def run(self) -> None:
        """Run all adapters until cancelled, and compare what is alive. Raises what an adapter raises."""
        async with asyncio.TaskGroup() as group:
            for adapter in self._adapters:
                group.create_task(adapter.run(), name=f"channel {type(adapter).__name__}")
            while True:
                self.settle_differences()
                await asyncio.sleep(LOOK_S)

    def settle_differences(self) -> None:
        """Tell the engine of contacts that it believes to be alive and no adapter of their channel has. A channel is
        left alone while one of its adapters does not know."""
        alive: dict[Channel, set[str]] = {}
        unknown: set[Channel] = set()
        for adapter in self._adapters:
            live = adapter.live()
            for channel in adapter.channels:
                if live is None:
                    unknown.add(channel)
                else:
                    alive.setdefault(channel, set()).update(live)
        for channel in alive.keys() - unknown:
            for one in self._believed((channel,)):
                if one.contact not in alive[channel]:
                    log.warning("channel.contact_lost", channel=channel.value, call=one.contact)
                    self._post(ContactGone(one.contact, failure=True))

    def _refuse(self, command: Command) -> None:
        """Nothing was done, surely. A command to end or hold something needs no answer: nothing is there."""
        self.refused[command.channel] += 1
        log.warning("channel.command_refused", channel=command.channel.value, command=type(command).__name__,
                    call=command.contact)
        if isinstance(command, Offer):
            self._post(CommandRefused(command.contact, command.offer))
        elif isinstance(command, Overflow):
            self._post(CommandRefused(command.contact))
        elif isinstance(command, Dial):
            self._post(CallbackFailed(command.offer, "failed"))
