"""What can be said: the texts by key, and the built sounds they became.

`texts()` reads `prompts/tr/*.yaml` (what a menu may name), `spoken()` adds the other languages; `Catalogue.load(root)`
checks a folder of built sounds at start, so that what is missing is found before the first caller, all of it at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from prompts import english, number
from prompts.errors import CatalogueTrouble, UnknownKey
from prompts.manifest import Manifest
from prompts.say import LANGUAGE as LANGUAGE  # said here too: it is the catalogue's first folder
from prompts.say import LANGUAGES, OTHERS, PAUSE
from prompts.say import slow as slow_key

HOME = Path(__file__).parent
SOURCE = HOME / LANGUAGE
"""The catalogue: one file for each part of what is said."""
FORMATS = {"wav": 8000, "wav16": 16000}
"""Ending of a file -> its sample rate. `wav16` is Asterisk's name for a 16 kHz WAV (formats/format_wav.c)."""

PAUSES = {PAUSE: 300, slow_key(PAUSE): 600}
"""Silence in milliseconds between the groups of a number that is said, and its double for slow speech."""

WAV_HEADER_BYTES = 44
"""A file not longer than its header holds no sound."""

FOR_AGENTS = ("kod", "bilgi")
"""Groups that only agents hear: they need no other language."""
TURKISH_ONLY = ("agent/", "digits/h-")
"""Beginnings of keys that need no other language: what agents hear, and the ends of Turkish ordinals."""
GROUPS = ("menu", "bekleme", "anket", "kod", "sistem", "bilgi", "sayi")

_KEY = re.compile(r"[a-z0-9_-]+(/[a-z0-9_-]+)?")
_FIELDS = {"text", "when", "group", "slow"}
_RANGE = {"from", "to", "step"}


class _Reader(yaml.SafeLoader):
    """YAML that refuses a key written twice: PyYAML would silently keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As the parent, after a look at the keys."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.YAMLError(f"line {key.start_mark.line + 1}: `{key.value}` stands there twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class Prompt(NamedTuple):
    """One thing that is said."""

    key: str
    text: str
    when: str
    """Where it is said, for those who write and record."""
    group: str
    slow: bool = False
    """This is the slow version of another prompt."""
    language: str = LANGUAGE

    @property
    def id(self) -> str:
        """One name for it in all languages: the key, `en/<key>` in another language than the first."""
        return self.key if self.language == LANGUAGE else f"{self.language}/{self.key}"

    @property
    def place(self) -> str:
        """Where its sounds stand below the root, without ending."""
        return f"{self.language}/{self.key}"


def texts(source: Path = SOURCE) -> Mapping[str, Prompt]:
    """All prompts by key, the slow versions and the families written out, of a file or of all `*.yaml` in a folder.
    CatalogueTrouble names every mistake."""
    faults: list[str] = []
    found: dict[str, Prompt] = {}
    where: dict[str, Path] = {}
    for path in sorted(source.glob("*.yaml")) if source.is_dir() else [source]:
        mistakes: list[str] = []
        for prompt in _read(_whole(path), mistakes):
            if prompt.key in found:
                mistakes.append(f"{prompt.key}: stands there twice" if where[prompt.key] == path
                                else f"{prompt.key}: stands in {where[prompt.key].name} too")
            found[prompt.key], where[prompt.key] = prompt, path
        faults += [f"{path}: {mistake}" for mistake in mistakes]
    if faults:
        raise CatalogueTrouble("\n".join(faults))
    return found


def translated(language: str, first: Mapping[str, Prompt], source: Path | None = None) -> Mapping[str, Prompt]:
    """The prompts of another language by key: `prompts/<language>/*.yaml`, where a key has its text and nothing else.

    All the rest is as in the `first` language: where it is said, its slow version, how far a family goes (a member that
    has a text of its own keeps it). What is not there is said in the first language. CatalogueTrouble tells all faults.
    """
    faults: list[str] = []
    found: dict[str, Prompt] = {}
    for path in sorted((source or HOME / language).glob("*.yaml")):
        whole = _whole(path)
        own = whole.get("prompts") or {}
        written = [(key, key, text) for key, text in own.items()]
        for pattern, text in (whole.get("families") or {}).items():
            members = [key for key in _members(pattern, first) if key not in own]
            written += [(pattern, key, text) for key in members] or [(pattern, pattern, text)]
        for name, key, text in written:
            if key not in first or first[key].slow:
                faults.append(f"{path}: {name}: not in prompts/{LANGUAGE}; every key has to be there first")
            elif not isinstance(text, str) or not text.strip():
                faults.append(f"{path}: {name}: must be the text alone, as in `{name}: \"...\"`")
            elif key in found:
                faults.append(f"{path}: {key}: stands there twice")
            else:
                try:
                    said = text if name == key else text.format(cardinal=english.cardinal(_tail(key)), n=_tail(key))
                except (KeyError, ValueError, IndexError) as error:
                    faults.append(f"{path}: {name}: only {{cardinal}} and {{n}} are known here: {error}")
                    continue
                like = first[key]._replace(text=said, language=language)
                found[key] = like
                if slow_key(key) in first:
                    found[slow_key(key)] = like._replace(key=slow_key(key), slow=True)
    if faults:
        raise CatalogueTrouble("\n".join(dict.fromkeys(faults)))
    return found


def spoken() -> Mapping[str, Prompt]:
    """Everything that is built, in all languages, by `Prompt.id`."""
    first = texts()
    return {**first, **{prompt.id: prompt for other in OTHERS for prompt in translated(other, first).values()}}


def untranslated(prompts: Mapping[str, Prompt], language: str) -> list[str]:
    """Keys of `spoken()` that a caller hears in the first language, because `language` does not have them."""
    return [key for key, prompt in prompts.items()
            if prompt.language == LANGUAGE and not prompt.slow and prompt.group not in FOR_AGENTS
            and not prompt.key.startswith(TURKISH_ONLY) and prompt._replace(language=language).id not in prompts]


def _members(pattern: str, first: Mapping[str, Prompt]) -> list[str]:
    """Keys of a family: what stands in the place of {n} is a number."""
    before, mark, after = str(pattern).partition("{n}")
    member = re.compile(re.escape(before) + r"\d+" + re.escape(after))
    return [key for key in first if mark and member.fullmatch(key)]


def _tail(key: str) -> int:
    return int(re.findall(r"\d+", key)[-1])


def _whole(path: Path) -> dict[str, Any]:
    try:
        whole = yaml.load(path.read_text(encoding="utf-8"), Loader=_Reader)  # noqa: S506 (a SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CatalogueTrouble(f"{path}: cannot be read: {error}") from error
    if not isinstance(whole, dict) or not set(whole) <= {"prompts", "families"}:
        raise CatalogueTrouble(f"{path}: must be a mapping with `prompts` and `families` only")
    return whole


NAMED_MOST = 10
"""So many missing files are named: after a wrong path all of them are missing, and the advice must stay in sight."""


class Catalogue:
    """A checked folder of built sounds. Cheap to ask: nothing is read after `load`."""

    def __init__(self, prompts: Mapping[str, Prompt], seen_as: str) -> None:
        self._prompts, self._seen_as = prompts, seen_as

    @classmethod
    def load(cls, root: Path, seen_as: str | None = None) -> Catalogue:
        """The sounds below `root`; `seen_as`: the same folder as Asterisk sees it (a container), default `root` itself.

        CatalogueTrouble counts the missing and empty files and names the first of them.
        """
        prompts = spoken()
        manifest = Manifest.read(root)
        if manifest is not None and not manifest.complete:
            raise CatalogueTrouble(
                f"{root}: a build is at work or did not end; let it finish: santral prompts build --out {root}"
            )
        missing = [str(path) for path in expected(root, prompts) if not _has_sound(path)]
        if missing:
            more = len(missing) - NAMED_MOST
            raise CatalogueTrouble(
                f"{len(missing)} sound files are missing or empty in {root}:\n  " + "\n  ".join(missing[:NAMED_MOST])
                + (f"\n  and {more} more" if more > 0 else "") + f"\nBuild them: santral prompts build --out {root}"
            )  # fmt: skip
        return cls(prompts, (seen_as or str(root.resolve())).rstrip("/"))

    def file(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> str:
        """How Asterisk is told to play it: the path without ending. With `slow` the slow version where there is one, in
        `language` where it has the key, else in the first.

        Raises UnknownKey, for a language that nobody built too.
        """
        return f"{self._seen_as}/{self._place(key, slow, language)}"

    def text(self, key: str, *, language: str = LANGUAGE) -> str:
        """What it says. Raises UnknownKey."""
        return self._prompt(key, False, language).text

    def _place(self, key: str, slow: bool, language: str) -> str:
        if key == PAUSE:
            return slow_key(PAUSE) if slow else PAUSE
        return self._prompt(key, slow, language).place

    def _prompt(self, key: str, slow: bool, language: str) -> Prompt:
        return found_in(self._prompts, key, slow, language)

    def __contains__(self, key: object) -> bool:
        return key in self._prompts

    def __iter__(self) -> Iterator[str]:
        return iter(self._prompts)

    def __len__(self) -> int:
        return len(self._prompts)


def found_in(prompts: Mapping[str, Prompt], key: str, slow: bool, language: str) -> Prompt:
    """The prompt of `spoken()` that is played for a key: in `language` where it has it, else in the first; slow where
    it is there slowly. Raises UnknownKey."""
    first = prompts.get(key)
    if first is None or first.language != LANGUAGE or language not in LANGUAGES:
        raise UnknownKey(key if language == LANGUAGE else f"{language}/{key}")
    prompt = prompts.get(first._replace(language=language).id, first)
    return prompts.get(prompt._replace(key=slow_key(key)).id, prompt) if slow else prompt


def expected(root: Path, prompts: Mapping[str, Prompt]) -> Iterator[Path]:
    """Every file that a complete folder has."""
    for place in (*(prompt.place for prompt in prompts.values()), *PAUSES):
        for ending in FORMATS:
            yield root / f"{place}.{ending}"


def _has_sound(path: Path) -> bool:
    try:
        return path.stat().st_size > WAV_HEADER_BYTES
    except OSError:
        return False


def _read(whole: dict[str, Any], faults: list[str]) -> Iterator[Prompt]:
    for key, entry in (whole.get("prompts") or {}).items():
        if _sound(key, entry, _FIELDS, faults):
            yield from _with_slow(key, entry["text"], entry)
    for pattern, several in (whole.get("families") or {}).items():
        for family in several if isinstance(several, list) else [several]:
            if _sound(str(pattern).replace("{n}", "0"), family, _FIELDS | _RANGE, faults):
                yield from _family(pattern, family, faults)


def _family(pattern: str, family: dict[str, Any], faults: list[str]) -> Iterator[Prompt]:
    try:
        for n in range(family["from"], family["to"] + 1, family.get("step", 1)):
            ordinal = number.ordinal(n)
            text = family["text"].format(
                cardinal=number.cardinal(n), ordinal=ordinal, dative=number.dative(n), Ordinal=capital(ordinal)
            )
            yield from _with_slow(pattern.replace("{n}", str(n)), text, family)
    except (KeyError, TypeError, ValueError) as error:
        faults.append(f"{pattern}: needs whole numbers `from`, `to` (and `step`) and a text with known names: {error}")


def _with_slow(key: str, text: str, entry: Mapping[str, Any]) -> Iterator[Prompt]:
    yield Prompt(key, text, entry["when"], entry["group"])
    if entry.get("slow"):
        yield Prompt(slow_key(key), text, entry["when"], entry["group"], slow=True)


def _sound(key: object, entry: object, allowed: set[str], faults: list[str]) -> bool:
    """Whether an entry can be used; what is wrong with it goes into `faults`."""
    before = len(faults)
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        faults.append(f"{key}: a key has small letters a-z, digits, _ and -, with at most one folder before a /")
    elif key.partition("/")[0] in LANGUAGES or key in PAUSES:
        faults.append(f"{key}: languages and pauses have these names; take another one")
    if not isinstance(entry, dict):
        faults.append(f"{key}: must have `text`, `when` and `group`")
        return False
    faults += [f"{key}: unknown field `{name}`; allowed: {', '.join(sorted(allowed))}" for name in set(entry) - allowed]
    for name in ("text", "when", "group"):
        if not isinstance(entry.get(name), str) or not entry[name].strip():
            faults.append(f"{key}: `{name}` is missing or not a text")
    if isinstance(entry.get("group"), str) and entry["group"] not in GROUPS:
        faults.append(f"{key}: group `{entry['group']}` is none of {', '.join(GROUPS)}")
    if not isinstance(entry.get("slow", False), bool):
        faults.append(f"{key}: `slow` is true or false")
    return len(faults) == before


def capital(text: str) -> str:
    """Turkish capital at the beginning: i becomes İ, ı becomes I."""
    first = {"i": "İ", "ı": "I"}.get(text[0], text[0].upper())
    return first + text[1:]
