"""What a prompt says and how long that takes, without its sounds being there: for those who check a menu.

The length is that of the built sound where there is one of the same text, else it is reckoned.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prompts.catalogue import LANGUAGE, Prompt, spoken
from prompts.manifest import Entry, Manifest, text_hash
from prompts.say import OTHERS
from prompts.say import slow as slow_key

LETTERS_PER_S = 9.0
"""Between pauses, as the voices in use speak the sentences of a menu (8.5 to 10, measured)."""
COMMA_S, SENTENCE_S = 0.6, 0.4
"""Pauses that the build puts there."""
SLOW_SPEED = 0.75
"""Speed of a slow version by its length: 0.8 in the voice and longer pauses."""


class Lengths:
    """Texts and lengths of all prompts."""

    def __init__(self, prompts: Mapping[str, Prompt], built: Mapping[str, Entry]) -> None:
        self._prompts = prompts
        self._built = {id_: entry.seconds for id_, entry in built.items()
                       if id_ in prompts and entry.text_sha256 == text_hash(prompts[id_].text)}

    @classmethod
    def of(cls, *roots: Path) -> Lengths:
        """With the lengths of the first of these folders that has sounds. CatalogueTrouble when its manifest cannot be
        understood."""
        for root in roots:
            manifest = Manifest.read(root)
            if manifest is not None:
                return cls(spoken(), manifest.entries)
        return cls(spoken(), {})

    @property
    def keys(self) -> frozenset[str]:
        """Everything that can be named: keys, and `en/<key>` for one in its own language."""
        return frozenset(self._prompts)

    def has(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> bool:
        """Whether there is such a prompt in that very language and speed."""
        return self._prompt(key, slow, language) is not None

    def text(self, key: str, *, language: str = LANGUAGE) -> str:
        """What is said; in the first language when `language` does not have the key."""
        return self._found(key, False, language).text

    def built(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> bool:
        """Whether its length is that of a built sound."""
        return self._found(key, slow, language).id in self._built

    def seconds(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> float:
        """How long it takes."""
        prompt = self._found(key, slow, language)
        if (built := self._built.get(prompt.id)) is not None:
            return built
        pauses = COMMA_S * prompt.text.count(",") + SENTENCE_S * max(0, prompt.text.count(".") - 1)
        return (len(prompt.text) / LETTERS_PER_S + pauses) / (SLOW_SPEED if prompt.slow else 1.0)

    def _prompt(self, key: str, slow: bool, language: str) -> Prompt | None:
        own, _, rest = key.partition("/")
        if own in OTHERS:
            key, language = rest, own
        first = self._prompts.get(slow_key(key) if slow else key)
        return None if first is None else self._prompts.get(first._replace(language=language).id)

    def _found(self, key: str, slow: bool, language: str) -> Prompt:
        for at, speed in ((language, slow), (language, False), (LANGUAGE, slow), (LANGUAGE, False)):
            if (prompt := self._prompt(key, speed, at)) is not None:
                return prompt
        raise LookupError(f"no prompt {key!r}")
