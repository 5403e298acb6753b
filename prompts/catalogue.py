"""Read the catalogue of prompts, and check a folder of built sounds.

`read_texts()` reads `prompts/tr/*.yaml`, which a menu may name. `all_prompts()` adds the other languages.
`Catalogue.load_built(root)` checks a folder of sounds at start, so that all missing sounds are found before the first
caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from prompts.errors import CatalogueError, UnknownKey
from prompts.manifest import Manifest
from prompts.verbalise import english_numbers, turkish_numbers
from prompts.verbalise.number_prompts import LANGUAGE as LANGUAGE  # exported: it is the catalogue's first folder
from prompts.verbalise.number_prompts import LANGUAGES, OTHERS, PAUSE
from prompts.verbalise.number_prompts import slow_key as slow_key

HOME = Path(__file__).parent
SOURCE = HOME / LANGUAGE
"""Folder of the catalogue, with one file for each subject."""
FORMATS = {"wav": 8000, "wav16": 16000}
"""Sample rate by the ending of a file. `wav16` is Asterisk's name for a 16 kHz WAV (formats/format_wav.c)."""

PAUSES = {PAUSE: 300, slow_key(PAUSE): 600}
"""Silence in milliseconds between the groups of a spoken number, and its double for slow speech."""

WAV_HEADER_BYTES = 44
"""Size of a WAV header. A file that is not longer holds no sound."""

FOR_AGENTS = ("kod", "bilgi")
"""Groups that only agents hear. They need no other language."""
TURKISH_ONLY = ("agent/", "digits/h-")
"""Beginnings of keys that need no other language: words for agents, and the endings of Turkish ordinals."""
GROUPS = ("menu", "bekleme", "anket", "kod", "sistem", "bilgi", "sayi")

_KEY = re.compile(r"[a-z0-9_-]+(/[a-z0-9_-]+)?")
_FIELDS = {"text", "when", "group", "slow"}
_RANGE = {"from", "to", "step"}


class _Reader(yaml.SafeLoader):
    """YAML reader that refuses a key written twice. PyYAML would silently keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping after a check of its keys."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.YAMLError(f"line {key.start_mark.line + 1}: `{key.value}` is there twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class Prompt(NamedTuple):
    """One sentence or piece of speech."""

    key: str
    text: str
    when: str
    """Situation in which the prompt is played, for people who write and record."""
    group: str
    slow: bool = False
    """Whether this is the slow version of another prompt."""
    language: str = LANGUAGE

    @property
    def id(self) -> str:
        """Name of the prompt in all languages: the key, or `en/<key>` in a language other than the first."""
        return self.key if self.language == LANGUAGE else f"{self.language}/{self.key}"

    @property
    def place(self) -> str:
        """Place of the sounds below the root, without ending."""
        return f"{self.language}/{self.key}"


def read_texts(source: Path = SOURCE) -> Mapping[str, Prompt]:
    """Return all prompts of a file, or of all `*.yaml` in a folder, by key. Slow versions and families are included.

    Raise CatalogueError with every mistake.
    """
    faults: list[str] = []
    found: dict[str, Prompt] = {}
    where: dict[str, Path] = {}
    for path in sorted(source.glob("*.yaml")) if source.is_dir() else [source]:
        mistakes: list[str] = []
        for prompt in _read_prompts(_read_yaml(path), mistakes):
            if prompt.key in found:
                mistakes.append(f"{prompt.key}: is there twice" if where[prompt.key] == path
                                else f"{prompt.key}: is in {where[prompt.key].name} too")
            found[prompt.key], where[prompt.key] = prompt, path
        faults += [f"{path}: {mistake}" for mistake in mistakes]
    if faults:
        raise CatalogueError("\n".join(faults))
    return found


def read_translation(language: str, first: Mapping[str, Prompt], source: Path | None = None) -> Mapping[str, Prompt]:
    """Return the prompts of another language by key, from `prompts/<language>/*.yaml`. A key has its text only.

    Everything else is as in the `first` language: the situation, the slow version, the size of a family. A member of a
    family with a separate text keeps it, and so does a slow version that has other words in the first language. A
    missing key is played in the first language. Raise CatalogueError with all faults.
    """
    faults: list[str] = []
    found: dict[str, Prompt] = {}
    for path in sorted((source or HOME / language).glob("*.yaml")):
        # 1. The keys of the file. A family stands for its members, except those with a separate text.
        whole = _read_yaml(path)
        own = whole.get("prompts") or {}
        written = [(key, key, text) for key, text in own.items()]
        for pattern, text in (whole.get("families") or {}).items():
            members = [key for key in _family_members(pattern, first) if key not in own]
            written += [(pattern, key, text) for key in members] or [(pattern, pattern, text)]
        # 2. The text of each key.
        for name, key, text in written:
            if key not in first or (first[key].slow and not _has_own_words(key, first)):
                faults.append(f"{path}: {name}: not in prompts/{LANGUAGE}; every key has to be there first")
            elif not isinstance(text, str) or not text.strip():
                faults.append(f"{path}: {name}: must be the text alone, as in `{name}: \"...\"`")
            elif key in found:
                faults.append(f"{path}: {key}: is there twice")
            else:
                try:
                    said = text if name == key \
                        else text.format(cardinal=english_numbers.cardinal_words(_trailing_number(key)),
                            n=_trailing_number(key))
                except (KeyError, ValueError, IndexError) as error:
                    faults.append(f"{path}: {name}: only {{cardinal}} and {{n}} are known here: {error}")
                    continue
                like = first[key]._replace(text=said, language=language)
                found[key] = like
                if slow_key(key) in first and slow_key(key) not in own:
                    found[slow_key(key)] = like._replace(key=slow_key(key), slow=True)
    if faults:
        raise CatalogueError("\n".join(dict.fromkeys(faults)))
    return found


def _has_own_words(key: str, first: Mapping[str, Prompt]) -> bool:
    """Return whether a slow version has other words than the normal one, so that a translation may have them too."""
    return any(slow_key(one.key) == key and one.text != first[key].text for one in first.values() if not one.slow)


def all_prompts() -> Mapping[str, Prompt]:
    """Return everything that is built, in all languages, by `Prompt.id`."""
    first = read_texts()
    return {**first, **{prompt.id: prompt for other in OTHERS for prompt in read_translation(other, first).values()}}


def missing_translations(prompts: Mapping[str, Prompt], language: str) -> list[str]:
    """Return keys of `all_prompts()` that `language` lacks, so that callers hear the first language."""
    return [key for key, prompt in prompts.items()
            if prompt.language == LANGUAGE and not prompt.slow and prompt.group not in FOR_AGENTS
            and not prompt.key.startswith(TURKISH_ONLY) and prompt._replace(language=language).id not in prompts]


def _family_members(pattern: str, first: Mapping[str, Prompt]) -> list[str]:
    """Return the keys of a family. They have a number in the place of {n}."""
    before, mark, after = str(pattern).partition("{n}")
    member = re.compile(re.escape(before) + r"\d+" + re.escape(after))
    return [key for key in first if mark and member.fullmatch(key)]


def _trailing_number(key: str) -> int:
    return int(re.findall(r"\d+", key)[-1])


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        whole = yaml.load(path.read_text(encoding="utf-8"), Loader=_Reader)  # noqa: S506 (a SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CatalogueError(f"{path}: cannot be read: {error}") from error
    if not isinstance(whole, dict) or not set(whole) <= {"prompts", "families"}:
        raise CatalogueError(f"{path}: must be a mapping with `prompts` and `families` only")
    return whole


NAMED_MAX = 10
"""Missing files that are named. After a wrong path all are missing, and the advice must remain visible."""


class Catalogue:
    """A checked folder of built sounds. Questions are cheap: nothing is read after `load_built`."""

    def __init__(self, prompts: Mapping[str, Prompt], seen_as: str) -> None:
        self._prompts, self._seen_as = prompts, seen_as

    @classmethod
    def load_built(cls, root: Path, seen_as: str | None = None) -> Catalogue:
        """Return the sounds below `root`. `seen_as` is the folder as Asterisk sees it, for example in a container.

        Raise CatalogueError with the number of missing and empty files and the names of the first ones.
        """
        prompts = all_prompts()
        manifest = Manifest.read_manifest(root)
        # Sounds of a build at work may change under a caller.
        if manifest is not None and not manifest.complete:
            raise CatalogueError(
                f"{root}: a build is at work or did not end. Let it finish: santral prompts build --out {root}"
            )
        missing = [str(path) for path in expected_files(root, prompts) if not _has_sound(path)]
        if missing:
            more = len(missing) - NAMED_MAX
            raise CatalogueError(
                f"{len(missing)} sound files are missing or empty in {root}:\n  " + "\n  ".join(missing[:NAMED_MAX])
                + (f"\n  and {more} more" if more > 0 else "") + f"\nBuild them: santral prompts build --out {root}"
            )  # fmt: skip
        return cls(prompts, (seen_as or str(root.resolve())).rstrip("/"))

    def file(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> str:
        """Return the path without ending, as Asterisk is told to play it. Raise UnknownKey for an unknown key.

        With `slow` the slow version is returned if there is one. A key that `language` lacks is returned in the first
        language. A language that nobody built raises UnknownKey as well.
        """
        return f"{self._seen_as}/{self._path_of(key, slow, language)}"

    def text_of(self, key: str, *, language: str = LANGUAGE) -> str:
        """Return the text of a prompt. Raise UnknownKey for an unknown key."""
        return self._find_prompt(key, False, language).text

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


def _read_prompts(whole: dict[str, Any], faults: list[str]) -> Iterator[Prompt]:
    for key, entry in (whole.get("prompts") or {}).items():
        if _is_sound(key, entry, _FIELDS, faults):
            yield from _with_slow(key, entry["text"], entry)
    for pattern, several in (whole.get("families") or {}).items():
        # A family may have several ranges with different texts.
        for family in several if isinstance(several, list) else [several]:
            if _is_sound(str(pattern).replace("{n}", "0"), family, _FIELDS | _RANGE, faults):
                yield from _expand_family(pattern, family, faults)


def _expand_family(pattern: str, family: dict[str, Any], faults: list[str]) -> Iterator[Prompt]:
    try:
        for n in range(family["from"], family["to"] + 1, family.get("step", 1)):
            ordinal = turkish_numbers.ordinal_words(n)
            text = family["text"].format(
                cardinal=turkish_numbers.cardinal_words(n), ordinal=ordinal, dative=turkish_numbers.dative_words(n),
                Ordinal=capitalise_turkish(ordinal)
            )
            yield from _with_slow(pattern.replace("{n}", str(n)), text, family)
    except (KeyError, TypeError, ValueError) as error:
        faults.append(f"{pattern}: needs whole numbers `from`, `to` (and `step`) and a text with known names: {error}")


def _with_slow(key: str, text: str, entry: Mapping[str, Any]) -> Iterator[Prompt]:
    yield Prompt(key, text, entry["when"], entry["group"])
    if slow := entry.get("slow"):
        yield Prompt(slow_key(key), slow if isinstance(slow, str) else text, entry["when"], entry["group"], slow=True)


def _is_sound(key: object, entry: object, allowed: set[str], faults: list[str]) -> bool:
    """Return whether an entry can be used. Add its faults to `faults`."""
    before = len(faults)
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        faults.append(f"{key}: a key has small letters a-z, digits, _ and -, with at most one folder before a /")
    elif key.partition("/")[0] in LANGUAGES or key in PAUSES:
        faults.append(f"{key}: languages and pauses have these names, so take another one")
    if not isinstance(entry, dict):
        faults.append(f"{key}: must have `text`, `when` and `group`")
        return False
    faults += [f"{key}: unknown field `{name}`. Allowed: {', '.join(sorted(allowed))}" for name in set(entry) - allowed]
    for name in ("text", "when", "group"):
        if not isinstance(entry.get(name), str) or not entry[name].strip():
            faults.append(f"{key}: `{name}` is missing or not a text")
    if isinstance(entry.get("group"), str) and entry["group"] not in GROUPS:
        faults.append(f"{key}: group `{entry['group']}` is none of {', '.join(GROUPS)}")
    if not isinstance(entry.get("slow", False), bool | str) or entry.get("slow") == "":
        faults.append(f"{key}: `slow` is true or false, or the words of the slow version")
    return len(faults) == before


def capitalise_turkish(text: str) -> str:
    """Return a text with a Turkish capital at its beginning: i becomes İ, and ı becomes I."""
    first = {"i": "İ", "ı": "I"}.get(text[0], text[0].upper())
    return first + text[1:]
