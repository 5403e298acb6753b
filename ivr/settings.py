"""Hold the settings of the dialogues. They are frozen: a reload makes a new object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.quiet_hours import QuietHours

CALLERS_MOST = 2_000
"""Callers who can wait at once if nobody says how many lines there are: five times the callers of one Asterisk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSettings:
    """Sentences and offers for callers who wait for a service. The texts are keys of prompts."""

    first: str = "bekleme-ilk"
    """Prompt at the start of the wait."""
    say_position: bool = True
    expected: bool = True
    """Whether the expected wait is said. `say_position` does the same for the position."""
    comfort: tuple[str, ...] = ("bekleme-teselli-1", "bekleme-teselli-2", "bekleme-teselli-3")
    """Prompts said in turn while there is nothing else to say."""
    asks_held_position: bool = True
    """Whether a caller with a held position is asked to confirm it. Without the question the caller has it."""
    music: str = "santral"
    emergency: str = ""
    """Prompt with emergency numbers, for callers in distress whom no agent can take. Empty for none."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Sentences of the rules that name one, by reason (`Trigger`)."""
    preferences: bool = False
    """Whether a caller with slow speech may be asked to have it remembered."""
    callback_after_s: float = 120.0
    callback_key: str = ""
    """Key that asks for a callback. Empty if callbacks are not offered."""


DISTRESS_HOLD = HoldSettings(first="bekleme-ilk-destek", asks_held_position=False, music="sakin",
                             comfort=("bekleme-destek-1", "bekleme-destek-2", "bekleme-destek-3"))
"""Gentle settings for callers in distress. The settings of the centre's service override them."""

DEFAULT_HOLD = HoldSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class IvrSettings:
    """Settings of all dialogues of a node. Durations are in seconds."""

    node: str = ""
    """Name of the Asterisk whose calls come here, for the engine."""
    comfort_s: float = 45.0
    """Shortest time between two comfort sentences."""
    place_s: float = 30.0
    """Shortest time between two positions. Without this limit a fast queue would be all talk and no music."""
    survey: frozenset[str] = frozenset()
    """Services with a survey after the talk."""
    recorded: frozenset[str] = frozenset()
    """Services whose talks are recorded, so that their callers hear the recording notice."""
    messages: frozenset[str] = frozenset()
    """Services that take spoken messages."""
    line_classes: frozenset[str] = frozenset()
    """Services whose callers have lines of the carrier for themselves."""
    callers_most: int = CALLERS_MOST
    """Callers who can wait at once: the lines of the carrier."""
    own_numbers: frozenset[str] = frozenset()
    """Numbers by which the centre is called. They are never called back."""
    quiet: QuietHours | None = None
    """Hours in which no callback is dialled unless the caller wants it. None for no such hours."""
    waits: Mapping[str, HoldSettings] = field(default_factory=dict)
    """Settings by service. A service that is missing has the default settings."""
    region: str = "TR"
    """Region of numbers without a country code."""
