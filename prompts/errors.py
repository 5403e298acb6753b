"""Define the errors of the prompts. Each names the fault, its place and a solution.

PromptError         exit code 1
├── UnknownKey      a key that the catalogue does not have
├── CatalogueError  the catalogue or the built sounds have faults, all of them listed
├── VoiceError      no voice is present, or a voice failed
│   └── ServiceStopped   a speech service can speak no text at all
└── SoundError      a sound cannot be used: it is clipped, silent or not readable
"""

from __future__ import annotations


class PromptError(Exception):
    """Base of the errors of this room."""

    exit_code = 1


class UnknownKey(PromptError, LookupError):
    """The catalogue does not have the key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no prompt has the key {key!r}. `santral prompts list` shows all of them")
        self.key = key


class CatalogueError(PromptError):
    """The catalogue or the built sounds have faults."""


class VoiceError(PromptError):
    """A voice is missing or failed."""


class ServiceStopped(VoiceError):
    """A speech service can speak no text at all."""


class SoundError(PromptError):
    """A sound cannot be used."""
