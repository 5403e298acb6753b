"""Settings of the dialogues. Frozen: a reload makes a new object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.quiet import Quiet


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What callers of a service hear while they wait. Keys are those of prompts."""

    first: str = "bekleme-ilk"
    """Begins the wait."""
    place: bool = True
    expected: bool = True
    """The place in line and the expected wait are said."""
    comfort: tuple[str, ...] = ("bekleme-teselli-1", "bekleme-teselli-2", "bekleme-teselli-3")
    """In turn, while nothing else is said."""
    asks: bool = True
    """Who has the place of a call that dropped is asked whether they want it; else they just have it."""
    music: str = "santral"
    emergency: str = ""
    """Prompt with the numbers that always help, for callers in distress whom nobody can be found for; empty: none."""
    wishes: bool = False
    """Who has slow speech may be asked whether it is to be remembered."""
    callback_after_s: float = 120.0
    callback_key: str = ""
    """Asks for a callback; empty: there is none."""


DISTRESS = Wait(first="bekleme-ilk-destek", asks=False, music="sakin",
                comfort=("bekleme-destek-1", "bekleme-destek-2", "bekleme-destek-3"))
"""As it is kind to who is in distress; what a centre says of its service goes before."""

USUAL = Wait()


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
    own_numbers: frozenset[str] = frozenset()
    """The centre's called numbers: nobody is called back at one of these."""
    quiet: Quiet | None = None
    """When nobody is called back but who wants it; None: never."""
    waits: Mapping[str, Wait] = field(default_factory=dict)
    """By service; one that is not there: as usual."""
    region: str = "TR"
    """Numbers without a country code belong here."""
