"""Define `[seats]` of santral.toml: the agents' phones, and the seats whose phone is a page in a browser."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from centres.base_shapes import PREFIX_PATTERN, Shape

First = Annotated[int, Field(ge=10, le=999_999, strict=True)]
Count = Annotated[int, Field(ge=1, le=10_000, strict=True)]


class PageSeats(Shape):
    """[seats.web] and [seats.far]: seats whose phone is the page of the desk. The node chooses one at sign-in."""

    first: First
    """First seat; each seat is an endpoint with its number as name."""
    count: Count
    """Number of seats, counting up."""

    def seat_names(self, prefix: str) -> tuple[str, ...]:
        """Return the endpoint names of these seats."""
        return _name_seats(prefix, self.first, self.count)


class Seats(Shape):
    """[seats]: the agents' phones `first`, `first` + 1, ... Each is an endpoint."""

    first: First = 2001
    """First phone; each seat is an endpoint with its number as name."""
    count: Annotated[int, Field(ge=0, le=10_000, strict=True)] = 1
    """Number of phones, counting up; 0 if pages are the only seats."""
    prefix: Annotated[str, StringConstraints(pattern=PREFIX_PATTERN)] = ""
    """Begin of all endpoint names, such as `sc-`, on an Asterisk that has other work."""
    web: PageSeats | None = None
    """Seats whose phone is the page; left out: none."""
    far: PageSeats | None = None
    """The same for agents at home, with Opus first."""

    @model_validator(mode="after")
    def _require_seat(self) -> Self:
        if not self.all_names():
            raise ValueError("has no seat: raise 'count', or add [seats.web]")
        return self

    def seat_names(self) -> tuple[str, ...]:
        """Return the endpoint names of the phones. They ring without a node."""
        return _name_seats(self.prefix, self.first, self.count)

    def web_names(self) -> tuple[str, ...]:
        """Return the endpoint names of the page seats of the house."""
        return () if self.web is None else self.web.seat_names(self.prefix)

    def far_names(self) -> tuple[str, ...]:
        """Return the endpoint names of the page seats of agents at home."""
        return () if self.far is None else self.far.seat_names(self.prefix)

    def page_names(self) -> tuple[str, ...]:
        """Return the endpoint names of all page seats."""
        return self.web_names() + self.far_names()

    def all_names(self) -> tuple[str, ...]:
        """Return the endpoint names of all phones and page seats."""
        return self.seat_names() + self.page_names()

    def ranges(self) -> dict[str, range]:
        """Return the numbers of each table by the last part of its name. The phones come first."""
        found = {"seats": range(self.first, self.first + self.count)}
        return found | {name: range(one.first, one.first + one.count)
                        for name, one in (("web", self.web), ("far", self.far)) if one is not None}


def _name_seats(prefix: str, first: int, count: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{number}" for number in range(first, first + count))
