"""How a channel's contacts reach the engine and its commands reach the contacts.

An adapter posts what happens as events (`ContactQueued`, `OfferRinging`, `OfferConnected`, `TalkEnded`,
`ContactGone` …) and carries out commands. The Asterisk session (`routing.ami.switch`) is one. `routing.channels` gives
each command to the adapter that takes it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from routing.core.commands import Command
from routing.core.ids import ContactId
from routing.core.model import Channel


class ChannelAdapter(Protocol):
    """Carries out offers, rescinds and overflows of its channels, and tells what is alive in them."""

    @property
    def channels(self) -> frozenset[Channel]:
        """Return the channels whose contacts this adapter has."""
        ...

    def takes(self, command: Command) -> bool:
        """Return whether this adapter answers for a command: carries it out, or says by an event that it cannot."""
        ...

    def execute(self, commands: Sequence[Command]) -> None:
        """Begin to carry out commands that the adapter takes, in order. Never wait and never raise: outcomes come back
        as events."""
        ...

    def live(self) -> Collection[ContactId] | None:
        """Return every contact that is really there. Return None while that is not known, and always if the adapter
        itself compares what is there with the engine and posts the differences."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...
