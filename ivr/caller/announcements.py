"""Choose the announcements that a caller has not heard yet.

An announcement is for everybody or for the callers of one service. Each caller hears it once: in the menu between two
sentences, or while waiting in the next round.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ivr.sounds import Sounds, prompt_file
from prompts.verbalise.number_prompts import LANGUAGE

AT_ONCE = 3
"""Announcements played one after another. Further ones come between the next sentences."""
HEARD_MAX = 20
"""Announcements remembered for one caller, and so the most that a caller hears in one call."""
_IDS = re.compile(r"-?\d{1,9}(,-?\d{1,9}){0,19}\Z", re.ASCII)


class Announcement(NamedTuple):
    """An announcement that is switched on."""

    id: int
    service: str
    """Service whose callers hear the announcement. Empty for everybody."""
    prompt: str = ""
    """Key of the catalogue. If empty, `path` is played."""
    path: str = ""
    """Path as Asterisk is told to play it."""
    slow_path: str = ""

    def file(self, sounds: Sounds, *, slow: bool, language: str) -> str:
        """Return the file to play."""
        if self.prompt:
            return prompt_file(sounds, self.prompt, slow=slow, language=language)
        return self.slow_path if slow else self.path


CurrentAnnouncements = Callable[[], Iterable[Announcement]]
"""Return the announcements that are switched on at this moment and have something to say."""


def no_announcements() -> tuple[Announcement, ...]:
    """Return no announcements. This is the `CurrentAnnouncements` of a node that announces nothing."""
    return ()


def unheard_files(now: CurrentAnnouncements, heard: set[int], sounds: Sounds, service: str = "", *, slow: bool = False,
          language: str = LANGUAGE) -> list[str]:
    """Return the files that this caller has not heard, and note their announcements in `heard`.

    Announcements for everybody count, and with `service` also those for its callers.
    """
    found: list[str] = []
    for one in now():
        if one.service in ("", service) and one.id not in heard and len(heard) < HEARD_MAX and len(found) < AT_ONCE:
            heard.add(one.id)
            found.append(one.file(sounds, slow=slow, language=language))
    return found


def format_heard(heard: set[int]) -> str:
    """Return the ids as the text of a channel variable."""
    return ",".join(map(str, sorted(heard)))


def parse_heard(text: str | None) -> set[int]:
    """Return the ids in a channel variable, or no ids if its text is not a list of them."""
    return {int(one) for one in text.split(",")} if text and _IDS.match(text) else set()
