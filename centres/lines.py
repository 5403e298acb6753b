"""Define `[lines]` of santral.toml: the lines of the carrier, and how many are kept for callers in distress."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from centres.base_shapes import ServiceId, Shape

LINES_MOST = 20_000
"""Most lines of one Asterisk. A server carries some hundreds; the bound only catches a slip of the finger."""

Count = Annotated[int, Field(ge=1, le=LINES_MOST, strict=True)]


class Lines(Shape):
    """[lines]: lines of the carrier, and how many of them callers in distress have for themselves."""

    total: Count
    """Calls that the carrier brings at once. A further call is refused before it is answered."""
    kept: dict[ServiceId, Count] = {}
    """Lines that other calls never take, by service for distress."""
    most: dict[ServiceId, Count] = {}
    """Most lines of a number that leads only to this service. Further callers hear its emergency text."""
    refusal: Literal["busy", "unavailable"] = "busy"
    """Answer to a refused call: `busy` is 486, `unavailable` is 503 and lets a carrier try another way."""

    def most_of(self, service: str) -> int:
        """Return the most lines of a service's own number. Without a limit it may take all lines."""
        return self.most.get(service, self.total)

    @property
    def classes(self) -> tuple[str, ...]:
        """Services whose lines are counted apart from all others."""
        return tuple(dict.fromkeys((*self.kept, *self.most)))

    @property
    def others(self) -> int:
        """Lines that calls to no service of `classes` may hold."""
        return self.total - sum(self.kept.values())

    def limits(self) -> dict[str, int]:
        """Return the most lines of each class, as the metrics name them."""
        return {"all": self.total, "other": self.others} | {name: self.most_of(name) for name in self.classes}
