"""Find the sound file of a prompt, as Asterisk is told to play it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from prompts.verbalise import number_prompts
from prompts.verbalise.number_prompts import LANGUAGE, OTHERS


class Sounds(Protocol):
    """Table from prompt key to sound file without ending, with its length. The built catalogue of `prompts` is one."""

    def file(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> str:
        """Return the file of a prompt. Raise LookupError if the key does not exist.

        With `slow` the slow version is returned if there is one. A key that `language` lacks is returned in the first
        language.
        """
        ...

    def seconds(self, file: str) -> float:
        """Return the length of a file, which `file` or an announcement has named. Return 0 if it is not known."""
        ...


class SoundFolder:
    """Folder of sounds in one language, used by its path alone: `<root>/tr/<key>`."""

    def __init__(self, root: str, keys: Collection[str]) -> None:
        self._prefix = f"{root.rstrip('/')}/tr"
        self._keys = frozenset(keys)

    def file(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> str:
        """Return the file of a prompt. See `Sounds`."""
        if key not in self._keys:
            raise LookupError(f"no prompt {key!r}; build it: santral prompts build")
        if slow and number_prompts.slow_key(key) in self._keys:
            key = number_prompts.slow_key(key)
        return f"{self._prefix}/{key}"

    def seconds(self, file: str) -> float:
        """Return 0, because paths have no length."""
        return 0.0


def prompt_files(sounds: Sounds, keys: Iterable[str], *, slow: bool = False, language: str = LANGUAGE) -> list[str]:
    """Return the files of several prompts in order."""
    return [prompt_file(sounds, key, slow=slow, language=language) for key in keys]


def prompt_file(sounds: Sounds, key: str, *, slow: bool = False, language: str = LANGUAGE) -> str:
    """Return the file of a prompt. A key may name its own language, whatever the caller speaks: `en/dil-ingilizce`."""
    own, _, rest = key.partition("/")
    if own in OTHERS:
        return sounds.file(rest, slow=slow, language=own)
    return sounds.file(key, slow=slow, language=language)
