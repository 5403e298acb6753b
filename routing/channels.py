"""Give every command to the adapter of its channel, and answer the engine if no adapter takes it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence

import structlog

from routing.core.events import CallbackFailed, CallerHungUp, CommandRefused, Event
from routing.core.model.adapter import ChannelAdapter
from routing.core.model.centre_model import Channel
from routing.core.model.commands import Command, DialCaller, Offer
from routing.core.model.ids import ContactId
from routing.core.model.live_calls import LiveContact

log = structlog.get_logger()

LOOK_S = 60.0
"""Pause between comparisons of the engine's live contacts with those of the adapters: as often as for Asterisk."""

Believed = Callable[[Collection[Channel]], Sequence[LiveContact]]
"""Return the contacts of some channels that the engine believes to be alive."""


class Channels:
    """Dispatch commands to adapters. `post` hands an event to the engine."""

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
        """Give each command to the first adapter that takes it. Each adapter gets its commands in order."""
        # 1. Sort by adapter first, so that each adapter gets one batch.
        batches: dict[int, list[Command]] = {}
        for command in commands:
            for place, adapter in enumerate(self._adapters):
                if adapter.takes(command):
                    batches.setdefault(place, []).append(command)
                    break
            else:
                self._refuse(command)
        # 2. Nothing is carried out before every command has its adapter.
        for place, batch in batches.items():
            self._adapters[place].execute(batch)

    async def run(self) -> None:
        """Run all adapters until cancelled, and compare the live contacts. Raises what an adapter raises."""
        async with asyncio.TaskGroup() as group:
            for adapter in self._adapters:
                group.create_task(adapter.run_session(), name=f"channel {type(adapter).__name__}")
            while True:
                self.settle_differences()
                await asyncio.sleep(LOOK_S)

    def settle_differences(self) -> None:
        """Report contacts as lost that the engine believes to be alive and that no adapter of their channel has.

        A channel is left alone while one of its adapters cannot tell.
        """
        # 1. Gather what the adapters have.
        alive: dict[Channel, set[str]] = {}
        unknown: set[Channel] = set()
        for adapter in self._adapters:
            live = adapter.live()
            for channel in adapter.channels:
                if live is None:
                    unknown.add(channel)
                else:
                    alive.setdefault(channel, set()).update(live)
        # 2. Compare with the engine.
        for channel in alive.keys() - unknown:
            for one in self._believed((channel,)):
                if one.contact not in alive[channel]:
                    log.warning("channel.contact_lost", channel=channel.value, call=one.contact)
                    self._post(CallerHungUp(one.contact, failure=True))

    def _refuse(self, command: Command) -> None:
        """Report a command that certainly nobody carried out. Commands that end or hold something need no answer."""
        self.refused[command.channel] += 1
        log.warning("channel.command_refused", channel=command.channel.value, command=type(command).__name__,
                    call=command.contact)
        if isinstance(command, Offer):
            self._post(CommandRefused(command.contact, command.offer))
        elif isinstance(command, DialCaller):
            self._post(CallbackFailed(command.offer, "failed",
                                      command.contact if command.offer is None else ContactId("")))
