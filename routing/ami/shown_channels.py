"""Follow which channels Asterisk has shown, so that no phone rings for a caller whom only a question names.

A question of AGI is no proof of a call: a program with the key can ask about a channel that never was. Asterisk reports
each channel (`Newchannel`) before its dialplan asks, so a real caller waits for nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable

from routing.core.events import ChannelShown, Event
from routing.core.model.ids import ContactId, is_leg

CHANNELS_MAX = 8_000
"""Channels known at once. The oldest is forgotten first, and a look at Asterisk finds it."""
AWAITED_MAX = 1_000
"""Contacts whose channel is still to come: as many as may ask at one moment. The oldest is forgotten first, and the
audit finds it."""


class ShownChannels:
    """Hold the channels of callers, and the contacts whose channel is still to come."""

    def __init__(self) -> None:
        self._channels: OrderedDict[str, None] = OrderedDict()
        self._awaited: OrderedDict[ContactId, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._channels) + len(self._awaited)

    def __contains__(self, uniqueid: str) -> bool:
        return uniqueid in self._channels

    @property
    def awaited(self) -> Collection[ContactId]:
        """Return the contacts whose channel is still to come."""
        return self._awaited.keys()

    def note_channel(self, uniqueid: str) -> list[Event]:
        """Note a new channel. Return the news if a contact waits for it. An agent's leg is no caller."""
        if is_leg(uniqueid):
            return []
        if len(self._channels) >= CHANNELS_MAX:
            self._channels.popitem(last=False)
        self._channels[uniqueid] = None
        contact = ContactId(uniqueid)
        if contact not in self._awaited:
            return []
        del self._awaited[contact]
        return [ChannelShown(contact)]

    def end_channel(self, uniqueid: str) -> None:
        """Forget a channel that is gone."""
        self._channels.pop(uniqueid, None)

    def adopt_channels(self, uniqueids: Iterable[str]) -> list[Event]:
        """Begin again with the channels of a snapshot. Return the news for contacts that wait for one of them."""
        self._channels.clear()
        return [event for uniqueid in uniqueids for event in self.note_channel(uniqueid)]

    def await_channel(self, contact: ContactId) -> None:
        """Remember a contact whose channel was not shown yet."""
        if len(self._awaited) >= AWAITED_MAX:
            self._awaited.popitem(last=False)
        self._awaited[contact] = None

    def settle_contacts(self, contacts: Iterable[ContactId]) -> None:
        """Await the channels of these contacts no longer."""
        for contact in contacts:
            self._awaited.pop(contact, None)
