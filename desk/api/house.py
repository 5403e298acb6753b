"""What the API may have done that is not the engine's: the centre's files, its calendar. Implemented by `santral`."""

from __future__ import annotations

from typing import Protocol

from desk.api import shapes


class House(Protocol):
    """The node around the engine. `by` is who asks, as a token says it."""

    async def reload(self, wanted: shapes.Reload, by: str) -> shapes.Reloaded:
        """Read the centre's files again and put them in force; with any problem nothing changes."""
        ...

    def days(self) -> shapes.Days:
        """Opening hours and rosters of the next days."""
        ...
