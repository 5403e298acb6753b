"""Settings of the dialogues. Frozen: a reload makes a new object."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class IvrSettings:
    """Durations are seconds."""

    node: str = ""
    """Name of the Asterisk whose calls come here, told to the engine."""
    comfort_s: float = 45.0
    """Shortest time between two comfort sentences."""
    place_s: float = 30.0
    """Shortest time between two places said: a line that moves fast would be all talk and no music."""
    survey: frozenset[str] = frozenset()
    """Services after whose talks callers are asked."""
    messages: frozenset[str] = frozenset()
    """Services that take spoken messages."""
    region: str = "TR"
    """Numbers without a country code belong here."""
