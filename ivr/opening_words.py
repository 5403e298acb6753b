"""Say when a closed line or service opens again: "Yarın saat dokuzda açılacak.". No I/O: the moment is an argument."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ivr.callback_windows import day_prompt
from prompts.verbalise import number_prompts
from prompts.verbalise.number_prompts import LANGUAGE

OPENS = "acilacak"
CENTRE_CLOSED, SERVICE_CLOSED = "merkez-kapali", "hizmet-kapali"
"""Sentences after which the opening is said."""
LINE = ""
"""The whole line, in the place of a service."""
OWN_PROMPTS = (OPENS, *number_prompts.TIME_AT_PROMPTS)

OpensAt = Callable[[str], datetime | None]
"""Return the local time at which a closed service, or `LINE`, opens again. Return None if that is not known or a week
away."""


def opens_never(service: str) -> datetime | None:
    """Return None. This is the `OpensAt` of a centre whose services have no hours."""
    return None


def opening_prompts(opens: datetime | None, now: float, language: str) -> list[str]:
    """Return the prompts of a sentence such as "Yarın saat dokuzda açılacak." Empty if nothing is known."""
    if opens is None:
        return []
    day = day_prompt(opens.date(), datetime.fromtimestamp(now, opens.tzinfo).date())
    at = number_prompts.time_at_keys(opens.hour, opens.minute, language)
    # English has the verb first: "It opens tomorrow at nine a m".
    return [day, *at, OPENS] if language == LANGUAGE else [OPENS, day, *at]
