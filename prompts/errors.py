"""Errors of the prompts: each says what is wrong, where, and how to mend it.

PromptError             exit code 1
├── UnknownKey          a key that the catalogue does not have
├── CatalogueTrouble    the catalogue itself, or the built sounds, have problems (all listed)
├── VoiceTrouble        no voice, or a voice that did not do its work
└── SoundTrouble        a sound that cannot be used: clipped, silent, not readable
"""

from __future__ import annotations


class PromptError(Exception):
    """Root of the errors of this room."""

    exit_code = 1


class UnknownKey(PromptError, LookupError):
    """The catalogue has no such key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no prompt has the key {key!r}; `santral prompts list` shows all of them")
        self.key = key


class CatalogueTrouble(PromptError):
    """The catalogue or the built sounds have problems."""


class VoiceTrouble(PromptError):
    """A voice is missing or failed."""


class SoundTrouble(PromptError):
    """A sound cannot be used."""
