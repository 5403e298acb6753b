"""What is said to callers at once because somebody switched it on: to everybody, or to those of a service. Each caller
hears each of them once, in the menu between two sentences, while waiting in the next round.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ivr.sounds import Sounds, file
from prompts.say import LANGUAGE

AT_ONCE = 3
"""Announcements one after another: the next ones come between the next sentences."""
HEARD_MAX = 20
"""Announcements remembered of one caller. Nobody hears more of them in a call."""
_IDS = re.compile(r"-?\d{1,9}(,-?\d{1,9}){0,19}\Z", re.ASCII)


class Announcement(NamedTuple):
    """One that is on."""

    id: int
    service: str
    """Empty: everybody."""
    prompt: str = ""
    """Key of the catalogue; empty: `path`."""
    path: str = ""
    """As Asterisk is told to play it."""
    slow_path: str = ""

    def file(self, sounds: Sounds, *, slow: bool, language: str) -> str:
        """What is played."""
        if self.prompt:
            return file(sounds, self.prompt, slow=slow, language=language)
        return self.slow_path if slow else self.path


Now = Callable[[], Iterable[Announcement]]
"""Those that are on at this moment and have something to say."""


def none() -> tuple[Announcement, ...]:
    """The `Now` of a node that announces nothing."""
    return ()


def fresh(now: Now, heard: set[int], sounds: Sounds, service: str = "", *, slow: bool = False,
          language: str = LANGUAGE) -> list[str]:
    """Files of those for everybody, and with `service` for its callers, that this caller has not heard; notes them."""
    found: list[str] = []
    for one in now():
        if one.service in ("", service) and one.id not in heard and len(heard) < HEARD_MAX and len(found) < AT_ONCE:
            heard.add(one.id)
            found.append(one.file(sounds, slow=slow, language=language))
    return found


def written(heard: set[int]) -> str:
    """For a variable of the channel."""
    return ",".join(map(str, sorted(heard)))


def read(text: str | None) -> set[int]:
    """Back; what is no list of ours is nothing heard."""
    return {int(one) for one in text.split(",")} if text and _IDS.match(text) else set()
