"""Tell the text of a prompt and its length, even if no sounds are built. Checks of a menu use this.

The length is that of the built sound if its text is the same. Otherwise it is estimated.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prompts.centre_words import NO_CENTRE, CentreWords
from prompts.manifest import Entry, Manifest, text_hash
from prompts.text_reader import Prompt, all_prompts
from prompts.verbalise.number_prompts import LANGUAGE, OTHERS
from prompts.verbalise.number_prompts import slow_key as slow_key

LETTERS_PER_S = 9.0
"""Letters a second between pauses, as the voices in use speak the sentences of a menu (8.5 to 10, measured)."""
COMMA_S, SENTENCE_S = 0.6, 0.4
"""Length of the pauses that the build makes."""
SLOW_SPEED = 0.75
"""Speed of a slow version by its length: 0.8 in the voice, with longer pauses."""


class PromptLengths:
    """Texts and lengths of all prompts."""

    def __init__(self, prompts: Mapping[str, Prompt], built: Mapping[str, Entry]) -> None:
        self._prompts = prompts
        # A sound of an older text has another length.
        self._built = {id_: entry.seconds for id_, entry in built.items()
                       if id_ in prompts and entry.text_sha256 == text_hash(prompts[id_].text)}

    @classmethod
    def of_folders(cls, *roots: Path, words: CentreWords = NO_CENTRE) -> PromptLengths:
        """Return the lengths of a centre's prompts in the first of these folders that has sounds.

        Raise CatalogueError if a text or the manifest cannot be understood.
        """
        prompts = all_prompts(words)
        for root in roots:
            manifest = Manifest.read_manifest(root)
            if manifest is not None:
                return cls(prompts, manifest.entries)
        return cls(prompts, {})

    @property
    def keys(self) -> frozenset[str]:
        """All names of prompts: keys, and `en/<key>` for a prompt in a language other than the first."""
        return frozenset(self._prompts)

    def has_prompt(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> bool:
        """Return whether the prompt exists in exactly this language and speed."""
        return self._exact_prompt(key, slow, language) is not None

    def text_of(self, key: str, *, language: str = LANGUAGE) -> str:
        """Return the text of a prompt, in the first language if `language` does not have the key."""
        return self._find_prompt(key, False, language).text

    def is_built(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> bool:
        """Return whether the length comes from a built sound."""
        return self._find_prompt(key, slow, language).id in self._built

    def length_s(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> float:
        """Return the length of a prompt in seconds."""
        prompt = self._find_prompt(key, slow, language)
        if (built := self._built.get(prompt.id)) is not None:
            return built
        pauses = COMMA_S * prompt.text.count(",") + SENTENCE_S * max(0, prompt.text.count(".") - 1)
        return (len(prompt.text) / LETTERS_PER_S + pauses) / (SLOW_SPEED if prompt.slow else 1.0)

    def _exact_prompt(self, key: str, slow: bool, language: str) -> Prompt | None:
        own, _, rest = key.partition("/")
        # A key may name its own language.
        if own in OTHERS:
            key, language = rest, own
        first = self._prompts.get(slow_key(key) if slow else key)
        return None if first is None else self._prompts.get(first._replace(language=language).id)

    def _find_prompt(self, key: str, slow: bool, language: str) -> Prompt:
        # The nearest prompt that exists is the one that callers hear.
        for at, speed in ((language, slow), (language, False), (LANGUAGE, slow), (LANGUAGE, False)):
            if (prompt := self._exact_prompt(key, speed, at)) is not None:
                return prompt
        raise LookupError(f"no prompt {key!r}")
