"""Declare what connects a channel with the engine: contacts come in as events, and commands go out.

An adapter posts events (`ContactQueued`, `OfferRinging`, `OfferConnected`, `TalkEnded`, `CallerHungUp` …) and carries
out commands. The Asterisk session (`routing.ami.asterisk_session`) is an adapter. `routing.channels` gives each command
to the adapter that takes it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from routing.core.model.centre_model import Channel
from routing.core.model.commands import Command
from routing.core.model.ids import ContactId


class ChannelAdapter(Protocol):
    """The adapter of one or more channels.

    It carries out their offers, rescinds and overflows, and reports which contacts are alive.
    """

    @property
    def channels(self) -> frozenset[Channel]:
        """Return the channels whose contacts this adapter has."""
        ...

    def takes(self, command: Command) -> bool:
        """Return whether this adapter answers for a command.

        It then carries the command out, or reports by an event that it cannot.
        """
        ...

    def execute(self, commands: Sequence[Command]) -> None:
        """Begin to carry out commands that the adapter takes, in order.

        Never wait and never raise: outcomes come back as events.
        """
        # A slow or broken channel must not stop the engine, which decides for all channels.
        ...

    def live(self) -> Collection[ContactId] | None:
        """Return every contact that is really there.

        Return None while that is not known. Return None always if the adapter itself compares the contacts with the
        engine and posts the differences.
        """
        ...

    async def run_session(self) -> None:
        """Work until cancelled."""
        ...
