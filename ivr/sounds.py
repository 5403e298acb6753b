"""How a prompt is named to Asterisk. The built catalogue of `prompts` is one of these."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from prompts import say
from prompts.say import LANGUAGE, OTHERS


class Sounds(Protocol):
    """Prompt key -> file without ending."""

    def file(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> str:
        """With `slow` the slow version where there is one, in `language` where it has the key, else in the first.
        LookupError for a key that does not exist."""
        ...


class Folder:
    """A folder of sounds in one language by its path alone: `<root>/tr/<key>`."""

    def __init__(self, root: str, keys: Collection[str]) -> None:
        self._prefix = f"{root.rstrip('/')}/tr"
        self._keys = frozenset(keys)

    def file(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> str:
        """See `Sounds`."""
        if key not in self._keys:
            raise LookupError(f"no prompt {key!r}; build it: santral prompts build")
        if slow and say.slow(key) in self._keys:
            key = say.slow(key)
        return f"{self._prefix}/{key}"


def files(sounds: Sounds, keys: Iterable[str], *, slow: bool = False, language: str = LANGUAGE) -> list[str]:
    """The files of several prompts in order."""
    return [file(sounds, key, slow=slow, language=language) for key in keys]


def file(sounds: Sounds, key: str, *, slow: bool = False, language: str = LANGUAGE) -> str:
    """The file of a prompt. A key may name its own language, whatever is spoken around it: `en/dil-ingilizce`."""
    own, _, rest = key.partition("/")
    if own in OTHERS:
        return sounds.file(rest, slow=slow, language=own)
    return sounds.file(key, slow=slow, language=language)
