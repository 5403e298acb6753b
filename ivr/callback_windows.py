"""Say at which times a caller may be called back: parts of the next open days. No I/O: the moment is an argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from prompts.verbalise import number_prompts

TODAY, TOMORROW = "kural-bugun", "kural-yarin"
WEEKDAYS = tuple(f"kural-gun-{number}" for number in range(1, 8))
"""Names of the days, Monday first."""
PARTS = {"morning": "geri-arama-sabah", "noon": "geri-arama-ogle", "evening": "geri-arama-aksam"}
"""Word for each part of a day, by its key in `[callback]`."""
ASK, AT_TURN, TO, BETWEEN = "geri-arama-zaman", "geri-arama-sirada", "geri-arama-ile", "geri-arama-arasinda"
AT_TURN_KEY = "1"
WINDOW_KEYS = {"2": "geri-arama-icin-2", "3": "geri-arama-icin-3", "4": "geri-arama-icin-4"}
"""Prompt that names the key of a time, by key. There are as many times as keys, so that the question stays short."""
OWN_PROMPTS = (TODAY, TOMORROW, *WEEKDAYS, *PARTS.values(), ASK, AT_TURN, TO, BETWEEN, *WINDOW_KEYS.values())


class CallbackWindow(NamedTuple):
    """A time at which a caller may be called back, by the wall clock of the centre."""

    part: str
    """Part of the day: a key of `PARTS`."""
    begins: datetime
    ends: datetime


CallbackWindows = Callable[[str], Sequence[CallbackWindow]]
"""Return the next times at which callers of a service may be called back, in order."""


def no_windows(service: str) -> Sequence[CallbackWindow]:
    """Return no times. This is the `CallbackWindows` of a centre whose callers choose none."""
    return ()


def day_prompt(day: date, today: date) -> str:
    """Return the prompt that names a day of the coming week."""
    return TODAY if day == today else TOMORROW if day == today + timedelta(days=1) else WEEKDAYS[day.weekday()]


def question_prompts(windows: Sequence[CallbackWindow], now: float) -> list[str]:
    """Return the prompts of the question when to call, with a key for each time."""
    said = [ASK]
    for key, one in zip(WINDOW_KEYS.values(), windows, strict=False):
        said += [*_part_prompts(one, now), key]
    return said


def agreed_prompts(window: CallbackWindow, now: float, language: str) -> list[str]:
    """Return the prompts of a sentence such as "Yarın sabah dokuz ile on iki arasında sizi arayacağız."."""
    begins, ends = ([*number_prompts.clock_keys(at.hour, at.minute, language)] for at in (window.begins, window.ends))
    return [*_part_prompts(window, now), *begins, TO, *ends, BETWEEN]


def _part_prompts(window: CallbackWindow, now: float) -> list[str]:
    today = datetime.fromtimestamp(now, window.begins.tzinfo).date()
    return [day_prompt(window.begins.date(), today), PARTS[window.part]]
