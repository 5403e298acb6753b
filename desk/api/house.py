"""What the API may have done that is not the engine's: the centre's files, its calendar. Implemented by `santral`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from desk.api import shapes, views
from routing.core.errors import Refused
from routing.core.ids import AgentId, ContactId, OfferId


class CannotAnnounce(Refused):
    """What was asked for cannot be said; why, and how to mend it, is its text."""

    code = "cannot_announce"
    turkish = "Bu duyuru yapılamıyor."


class NotKept(Refused):
    """What the caller wishes cannot be kept."""

    code = "wish_not_kept"
    turkish = "Bu arayan için istek kaydedilemiyor."


class House(Protocol):
    """The node around the engine. `by` is who asks, as a token says it."""

    async def reload(self, wanted: shapes.Reload, by: str) -> shapes.Reloaded:
        """Read the centre's files again and put them in force; with any problem nothing changes."""
        ...

    def last_good(self) -> views.LastGood | None:
        """What is in force instead of the centre's files, which had problems at the start; None: the files are."""
        ...

    def nobody_left(self) -> list[str]:
        """What nobody can take today by what agents need: file, line and what it is, the first ones."""
        ...

    async def find(self, wanted: shapes.Find, by: str) -> shapes.Recordings:
        """The newest recordings that fit. The access is noted."""
        ...

    def sound(self, recording: str, by: str) -> AsyncGenerator[bytes, None]:
        """One of them as a WAV, in pieces. Raises UnknownRecording. The access is noted first."""
        ...

    def can_call(self, offer: OfferId) -> bool:
        """Whether the caller of an offer could be called back: their number may be dialled."""
        ...

    def needs(self, agent: AgentId) -> shapes.OwnNeeds:
        """What is stored of what the agent needs."""
        ...

    async def hush(self, agent: AgentId, on: bool, by: str) -> None:
        """Silence in the recording of the agent's talk, or an end to it. Raises NotNow."""
        ...

    async def wish(self, contact: ContactId, wanted: shapes.Wish) -> None:
        """Keep what the caller of a contact wants in later calls. Raises NotKept."""
        ...

    async def keep_wishes(self, wanted: shapes.Wishes) -> shapes.Changed:
        """The same of callers by their hashes. Raises NotKept."""
        ...

    def wished(self) -> shapes.Wished:
        """How many callers want what."""
        ...

    async def forget(self, caller_hash: str) -> None:
        """Nobody knows any more what this caller wants."""
        ...

    async def announce(self, wanted: shapes.Announce, by: str) -> shapes.Announcement:
        """Say it to callers from now on. Raises `CannotAnnounce`."""
        ...

    async def silence(self, wanted: shapes.Silence, by: str) -> shapes.Announcements:
        """Switch one off. Raises `CannotAnnounce` when it is not on."""
        ...

    async def announcements(self) -> shapes.Announcements:
        """The last ones."""
        ...

    def days(self) -> shapes.Days:
        """Opening hours and rosters of the next days."""
        ...
