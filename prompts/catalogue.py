"""Check a folder of built sounds, and find the sound of a prompt in it.

`Catalogue.load_built(root, words)` checks a folder of sounds at start, so that all missing sounds are found before the
first caller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from prompts.centre_words import NO_CENTRE, CentreWords
from prompts.errors import CatalogueError, UnknownKey
from prompts.manifest import Entry, Manifest
from prompts.text_reader import FOR_AGENTS, PAUSES, Prompt, all_prompts
from prompts.verbalise.number_prompts import LANGUAGE, LANGUAGES, PAUSE, slow_key

FORMATS = {"wav": 8000, "wav16": 16000}
"""Sample rate by the ending of a file. `wav16` is Asterisk's name for a 16 kHz WAV (formats/format_wav.c)."""

WAV_HEADER_BYTES = 44
"""Size of a WAV header. A file that is not longer holds no sound."""
WAV_BYTES_PER_S = 2 * FORMATS["wav"]

TURKISH_ONLY = ("agent/", "digits/h-", "saatte-", "saatten-")
"""Beginnings of keys that need no other language: words for agents, and the endings of Turkish ordinals."""


def missing_translations(prompts: Mapping[str, Prompt], language: str) -> list[str]:
    """Return keys of `all_prompts()` that `language` lacks, so that callers hear the first language."""
    return [key for key, prompt in prompts.items()
            if prompt.language == LANGUAGE and not prompt.slow and prompt.group not in FOR_AGENTS
            and not prompt.key.startswith(TURKISH_ONLY) and prompt._replace(language=language).id not in prompts]


NAMED_MAX = 10
"""Missing files that are named. After a wrong path all are missing, and the advice must remain visible."""


class Catalogue:
    """A checked folder of built sounds. Questions are cheap: nothing is read after `load_built`."""

    def __init__(self, prompts: Mapping[str, Prompt], seen_as: str, built: Mapping[str, Entry] | None = None,
                 root: Path | None = None) -> None:
        self._prompts, self._seen_as, self._built = prompts, seen_as, built or {}
        self._root = root or Path(seen_as)

    @classmethod
    def load_built(cls, root: Path, words: CentreWords = NO_CENTRE, seen_as: str | None = None) -> Catalogue:
        """Return the sounds of a centre below `root`. `seen_as` is the folder as Asterisk sees it, for example in a
        container.

        Raise CatalogueError with the number of missing and empty files and the names of the first ones, or if the
        sounds are those of another centre.
        """
        prompts = all_prompts(words)
        manifest = Manifest.read_manifest(root)
        # Sounds of a build at work may change under a caller.
        if manifest is not None and not manifest.complete:
            raise CatalogueError(
                f"{root}: a build is at work or did not end. Let it finish: santral prompts build --out {root}"
            )
        # Callers must never hear the words of another centre.
        if manifest is not None and manifest.centre != words.name:
            raise CatalogueError(other_centre(root, manifest.centre, words.name))
        missing = [str(path) for path in expected_files(root, prompts) if not _has_sound(path)]
        if missing:
            more = len(missing) - NAMED_MAX
            raise CatalogueError(
                f"{len(missing)} sound files are missing or empty in {root}:\n  " + "\n  ".join(missing[:NAMED_MAX])
                + (f"\n  and {more} more" if more > 0 else "") + f"\nBuild them: santral prompts build --out {root}"
            )  # fmt: skip
        return cls(prompts, (seen_as or str(root.resolve())).rstrip("/"), manifest.entries if manifest else None,
                   root)

    def file(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> str:
        """Return the path without ending, as Asterisk is told to play it. Raise UnknownKey for an unknown key.

        With `slow` the slow version is returned if there is one. A key that `language` lacks is returned in the first
        language. A language that nobody built raises UnknownKey as well.
        """
        return f"{self._seen_as}/{self._path_of(key, slow, language)}"

    def text_of(self, key: str, *, language: str = LANGUAGE) -> str:
        """Return the text of a prompt. Raise UnknownKey for an unknown key."""
        return self._find_prompt(key, False, language).text

    def prompt_at(self, place: str) -> Prompt | None:
        """Return the prompt of a sound below the root, such as `tr/karsilama`, or None."""
        language, _, key = place.partition("/")
        prompt = self._prompts.get(key if language == LANGUAGE else place)
        return prompt if prompt is not None and prompt.place == place else None

    def seconds_of(self, prompt: Prompt) -> float:
        """Return the length of a built prompt in seconds, or 0 if nobody noted it."""
        built = self._built.get(prompt.id)
        return built.seconds if built is not None else 0.0

    def seconds(self, file: str) -> float:
        """Return the length in seconds of a file, as Asterisk is told to play it. Return 0 if it is not known.

        Announcements are in no manifest, so the size of their sound tells.
        """
        place = file.removeprefix(f"{self._seen_as}/")
        prompt = self.prompt_at(place)
        if prompt is not None and (known := self.seconds_of(prompt)):
            return known
        try:
            size = (self._root / f"{place}.wav").stat().st_size
        except OSError:
            return 0.0
        return max(0, size - WAV_HEADER_BYTES) / WAV_BYTES_PER_S

    def _path_of(self, key: str, slow: bool, language: str) -> str:
        if key == PAUSE:
            return slow_key(PAUSE) if slow else PAUSE
        return self._find_prompt(key, slow, language).place

    def _find_prompt(self, key: str, slow: bool, language: str) -> Prompt:
        return find_prompt(self._prompts, key, slow, language)

    def __contains__(self, key: object) -> bool:
        return key in self._prompts

    def __iter__(self) -> Iterator[str]:
        return iter(self._prompts)

    def __len__(self) -> int:
        return len(self._prompts)


def other_centre(root: Path, built: str, wanted: str) -> str:
    """Return the message about sounds of another centre."""
    return (f"the sounds in {root} are those of the centre '{built}', and '{wanted}' has other words. Give it another "
            f"folder, at [asterisk] sounds of santral.toml and at --out; or, if the centre has a new name: "
            f"santral prompts build --out {root} --renamed")


def find_prompt(prompts: Mapping[str, Prompt], key: str, slow: bool, language: str) -> Prompt:
    """Return the prompt of `all_prompts()` that is played for a key. Raise UnknownKey for an unknown key.

    A key that `language` lacks is returned in the first language, and a prompt without slow version at normal speed.
    """
    first = prompts.get(key)
    if first is None or first.language != LANGUAGE or language not in LANGUAGES:
        raise UnknownKey(key if language == LANGUAGE else f"{language}/{key}")
    # Language comes before speed: a normal sentence in the caller's language is better understood.
    prompt = prompts.get(first._replace(language=language).id, first)
    return prompts.get(prompt._replace(key=slow_key(key)).id, prompt) if slow else prompt


def expected_files(root: Path, prompts: Mapping[str, Prompt]) -> Iterator[Path]:
    """Yield every file of a complete folder."""
    for place in (*(prompt.place for prompt in prompts.values()), *PAUSES):
        for ending in FORMATS:
            yield root / f"{place}.{ending}"


def _has_sound(path: Path) -> bool:
    try:
        return path.stat().st_size > WAV_HEADER_BYTES
    except OSError:
        return False
