"""Tell which sentences a caller hears, from the commands of the dialogues and the texts of the prompts.

Only prompts have a text here. Numbers are never told, because some read back what a caller has keyed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ivr import dialplan
from ivr.agi.session import SOUNDS
from prompts.catalogue import Catalogue
from prompts.text_reader import NUMBERS
from routing.core.model.ids import ContactId

HIDDEN_NUMBER = "…"
"""Text in place of spoken numbers."""
_SOUND = re.compile(r"/((?:tr|en)/[^\s&,\"|]+)")
_PLAYED_LATER = re.compile(rf"\b(?:{dialplan.SAY}|{dialplan.WORDS}|{dialplan.NOTICE_WORDS})\b")
"""Variables with files that the dialplan plays after the dialogue."""


class SpokenSentence(NamedTuple):
    """A sentence that is played to a caller."""

    text: str
    language: str
    seconds: float


NoteSentences = Callable[[ContactId, Sequence[SpokenSentence], bool], None]
"""Learn what a caller hears from now on. The flag tells that the dialplan plays it after the dialogue."""


def find_sounds(command: str) -> list[str]:
    """Return the sounds of prompts that a command of AGI or the dialplan names, such as `tr/karsilama`."""
    return _SOUND.findall(command)


class SentenceWatch:
    """Reads the commands that dialogues send for a call."""

    def __init__(self, prompts: Catalogue, note: NoteSentences) -> None:
        self._prompts, self._note = prompts, note

    def note_command(self, call: str, verb: str, arguments: Sequence[str]) -> None:
        """Note the sentences of one command, if it plays any."""
        later = verb == "SET VARIABLE" and bool(_PLAYED_LATER.search(arguments[0]))
        if not (verb == "GOSUB" and arguments[0] == SOUNDS) and not later:
            return
        said: list[SpokenSentence] = []
        for place in find_sounds(" ".join(arguments)):
            prompt = self._prompts.prompt_at(place)
            if prompt is None or not prompt.text:
                continue
            seconds = self._prompts.seconds_of(prompt)
            if prompt.group != NUMBERS:
                said.append(SpokenSentence(prompt.text, prompt.language, seconds))
            elif said and said[-1].text == HIDDEN_NUMBER:
                said[-1] = said[-1]._replace(seconds=said[-1].seconds + seconds)
            else:
                said.append(SpokenSentence(HIDDEN_NUMBER, prompt.language, seconds))
        if said:
            self._note(ContactId(call), said, later)
