"""What can be said: the texts by key, and the built sounds they became.

`texts()` reads `prompts/tr/*.yaml` (what a menu may name); `Catalogue.load(root)` checks a folder of built
sounds at start, so that a missing prompt is found before the first caller, all of them at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from prompts import number
from prompts.errors import CatalogueTrouble, UnknownKey
from prompts.manifest import Manifest
from prompts.say import slow as slow_key

SOURCE = Path(__file__).parent / "tr"
"""The catalogue: one file for each part of what is said."""
LANGUAGE = "tr"
FORMATS = {"wav": 8000, "wav16": 16000}
"""Ending of a file -> its sample rate. `wav16` is Asterisk's name for a 16 kHz WAV (formats/format_wav.c)."""

WAV_HEADER_BYTES = 44
"""A file not longer than its header holds no sound."""

GROUPS = ("menu", "bekleme", "kod", "sistem", "bilgi", "kuyruk", "sayi")

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


def _whole(path: Path) -> dict[str, Any]:
    try:
        whole = yaml.load(path.read_text(encoding="utf-8"), Loader=_Reader)  # noqa: S506 (a SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CatalogueTrouble(f"{path}: cannot be read: {error}") from error
    if not isinstance(whole, dict) or not set(whole) <= {"prompts", "families"}:
        raise CatalogueTrouble(f"{path}: must be a mapping with `prompts` and `families` only")
    return whole


class Catalogue:
    """A checked folder of built sounds. Cheap to ask: nothing is read after `load`."""

    def __init__(self, prompts: Mapping[str, Prompt], prefix: str) -> None:
        self._prompts = prompts
        self._prefix = prefix

    @classmethod
    def load(cls, root: Path, seen_as: str | None = None, source: Path = SOURCE) -> Catalogue:
        """The sounds below `root`; `seen_as`: the same folder as Asterisk sees it (a container), default `root` itself.

        CatalogueTrouble lists every missing or empty file at once.
        """
        prompts = texts(source)
        manifest = Manifest.read(root)
        if manifest is not None and not manifest.complete:
            raise CatalogueTrouble(
                f"{root}: a build is at work or did not end; let it finish: santral prompts build --out {root}"
            )
        missing = [str(path) for path in expected(root, prompts) if not _has_sound(path)]
        if missing:
            raise CatalogueTrouble(
                f"{len(missing)} sound files are missing or empty in {root}:\n  " + "\n  ".join(missing)
                + f"\nBuild them: santral prompts build --out {root}"
            )  # fmt: skip
        return cls(prompts, f"{(seen_as or str(root.resolve())).rstrip('/')}/{LANGUAGE}")

    def file(self, key: str, *, slow: bool = False) -> str:
        """How Asterisk is told to play it: the path without ending. With `slow` the slow version where there is one.

        Raises UnknownKey.
        """
        if slow and slow_key(key) in self._prompts:
            key = slow_key(key)
        if key not in self._prompts:
            raise UnknownKey(key)
        return f"{self._prefix}/{key}"

    def text(self, key: str) -> str:
        """What it says. Raises UnknownKey."""
        if key not in self._prompts:
            raise UnknownKey(key)
        return self._prompts[key].text

    def __contains__(self, key: object) -> bool:
        return key in self._prompts

    def __iter__(self) -> Iterator[str]:
        return iter(self._prompts)

    def __len__(self) -> int:
        return len(self._prompts)


def expected(root: Path, prompts: Mapping[str, Prompt]) -> Iterator[Path]:
    """Every file that a complete folder has."""
    for key in prompts:
        for ending in FORMATS:
            yield root / LANGUAGE / f"{key}.{ending}"


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
