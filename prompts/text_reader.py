"""Read the texts of prompts: those of the product in `prompts/<language>/*.yaml`, and those of a centre over them.

A text of the product has `text`, `when` and `group`. A text of a centre may be the words alone: it takes everything
else from the product's prompt of this key. Every mistake is reported with file and line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from prompts.centre_words import NO_CENTRE, CentreWords, MissingForm
from prompts.errors import CatalogueError
from prompts.verbalise import english_numbers, turkish_numbers
from prompts.verbalise.number_prompts import LANGUAGE as LANGUAGE
from prompts.verbalise.number_prompts import LANGUAGES, OTHERS, PAUSE
from prompts.verbalise.number_prompts import slow_key as slow_key
from prompts.verbalise.turkish_cases import locative_words

HOME = Path(__file__).parent
SOURCE = HOME / LANGUAGE
"""Folder of the product's texts, with one file for each subject."""

PAUSES = {PAUSE: 300, slow_key(PAUSE): 600}
"""Silence in milliseconds between the groups of a spoken number, and its double for slow speech."""

FOR_AGENTS = ("kod", "bilgi")
"""Groups that only agents hear. They need no other language."""
NUMBERS = "sayi"
"""Group of spoken numbers."""
GROUPS = ("menu", "bekleme", "anket", "kod", "sistem", "bilgi", NUMBERS)
WHISPER = "bilgi-"
"""Beginning of the key of a whisper announcement. The id of the service follows."""

_KEY = re.compile(r"[a-z0-9_-]+(/[a-z0-9_-]+)?")
_FIELDS = {"text", "when", "group", "slow"}
_RANGE = {"from", "to", "step"}


class _LinedKey(str):
    """Key of a YAML mapping that knows its line."""

    line: int


class _Reader(yaml.SafeLoader):
    """YAML reader that notes the line of each key, and refuses a key written twice. PyYAML would silently keep the
    last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping after a check of its keys."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.value in lines:
                raise yaml.YAMLError(f"line {line}: `{key.value}` is there twice, at line {lines[key.value]} too")
            lines[key.value] = line
        return {_lined(key, lines.get(str(key), 0)): value
                for key, value in super().construct_mapping(node, deep).items()}


def _lined(key: Any, line: int) -> Any:
    if not isinstance(key, str):
        return key
    lined = _LinedKey(key)
    lined.line = line
    return lined


def _place(path: Path, key: object) -> str:
    """Return `file:line` of a key."""
    return f"{path}:{key.line}" if isinstance(key, _LinedKey) else str(path)


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
    where: str = ""
    """`file:line` of the text."""

    @property
    def id(self) -> str:
        """Name of the prompt in all languages: the key, or `en/<key>` in a language other than the first."""
        return self.key if self.language == LANGUAGE else f"{self.language}/{self.key}"

    @property
    def place(self) -> str:
        """Place of the sounds below the root, without ending."""
        return f"{self.language}/{self.key}"


def read_texts(source: Path = SOURCE, shared: Mapping[str, Prompt] | None = None) -> Mapping[str, Prompt]:
    """Return all prompts of a file, or of all `*.yaml` in a folder, by key. Slow versions and families are included.

    With `shared` the source is a centre's, whose texts may be the words alone. Raise CatalogueError with every mistake.
    """
    faults: list[str] = []
    found: dict[str, Prompt] = {}
    for path in sorted(source.glob("*.yaml")) if source.is_dir() else [source]:
        for prompt in _read_prompts(path, _read_yaml(path), shared, faults):
            # The slow version of a key that is there twice is no second mistake.
            if prompt.key in found and not (prompt.slow and f"{prompt.where}: " in "".join(faults[-1:])):
                faults.append(f"{prompt.where}: {prompt.key}: is there twice, at {found[prompt.key].where} too")
            found[prompt.key] = prompt
    if faults:
        raise CatalogueError("\n".join(dict.fromkeys(faults)))
    return found


def first_texts(words: CentreWords = NO_CENTRE) -> Mapping[str, Prompt]:
    """Return the prompts of the first language: the centre's over the product's, and a whisper for each service.

    The name of the centre is not filled in. Raise CatalogueError with every mistake.
    """
    found = dict(read_texts())
    if words.folder is not None and (words.folder / LANGUAGE).is_dir():
        own = read_texts(words.folder / LANGUAGE, found)
        for key in own:
            # The slow version of other words would be another sentence.
            found.pop(slow_key(key), None)
        found.update(own)
    for service, name in words.services.items():
        key = WHISPER + service
        found.setdefault(key, Prompt(key, f"{name}.", "whisper announcement, from the name of the service", "bilgi",
                                     where=words.where))
    return found


def other_texts(language: str, first: Mapping[str, Prompt], words: CentreWords = NO_CENTRE) -> Mapping[str, Prompt]:
    """Return the prompts of another language: the centre's over the product's. Raise CatalogueError with all faults."""
    found = {key: prompt for key, prompt in read_translation(language, read_texts()).items() if key in first}
    if words.folder is not None and (words.folder / language).is_dir():
        found.update(read_translation(language, first, words.folder / language))
    return found


def all_prompts(words: CentreWords = NO_CENTRE) -> Mapping[str, Prompt]:
    """Return everything that is built for a centre, in all languages, by `Prompt.id`.

    Raise CatalogueError with every mistake.
    """
    first = first_texts(words)
    whole = {**first, **{prompt.id: prompt for other in OTHERS for prompt in other_texts(other, first, words).values()}}
    faults: list[str] = []
    missing: dict[str, str] = {}
    for id_, prompt in whole.items():
        if "{centre" in prompt.text or "{notice}" in prompt.text:
            try:
                whole[id_] = prompt._replace(text=words.fill_names(prompt.text, prompt.language, prompt.where))
            except MissingForm as error:
                missing[error.case] = str(error)
            except CatalogueError as error:
                faults.append(str(error))
    # One name has one message, however many sentences say it.
    if missing:
        faults.append(words.explain_missing(missing))
    if faults:
        raise CatalogueError("\n".join(dict.fromkeys(faults)))
    return whole


def read_translation(language: str, first: Mapping[str, Prompt], source: Path | None = None) -> Mapping[str, Prompt]:
    """Return the prompts of another language by key, from the `*.yaml` of a folder. A key has its text only.

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
                faults.append(f"{_place(path, name)}: {name}: not in prompts/{LANGUAGE}; every key has to be there "
                              "first")
            elif not isinstance(text, str) or not text.strip():
                faults.append(f"{_place(path, name)}: {name}: must be the text alone, as in `{name}: \"...\"`")
            elif key in found:
                faults.append(f"{_place(path, name)}: {key}: is there twice, at {found[key].where} too")
            else:
                try:
                    said = text if name == key \
                        else text.format(cardinal=english_numbers.cardinal_words(_trailing_number(key)),
                            n=_trailing_number(key))
                except (KeyError, ValueError, IndexError) as error:
                    faults.append(f"{_place(path, name)}: {name}: only {{cardinal}} and {{n}} are known here: {error}")
                    continue
                like = first[key]._replace(text=said, language=language, where=_place(path, name))
                found[key] = like
                if slow_key(key) in first and slow_key(key) not in own:
                    found[slow_key(key)] = like._replace(key=slow_key(key), slow=True)
    if faults:
        raise CatalogueError("\n".join(dict.fromkeys(faults)))
    return found


def _has_own_words(key: str, first: Mapping[str, Prompt]) -> bool:
    """Return whether a slow version has other words than the normal one, so that a translation may have them too."""
    return any(slow_key(one.key) == key and one.text != first[key].text for one in first.values() if not one.slow)


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


def _read_prompts(path: Path, whole: dict[str, Any], shared: Mapping[str, Prompt] | None,
                  faults: list[str]) -> Iterator[Prompt]:
    """Yield the prompts of a file. Each fault begins with its file and line."""
    for key, entry in (whole.get("prompts") or {}).items():
        at, mistakes = _place(path, key), list[str]()
        given = entry if shared is None else _with_defaults(str(key), entry, shared.get(str(key)))
        if _is_sound(key, given, _FIELDS, mistakes):
            yield from _with_slow(str(key), given["text"], given, at)
        faults += [f"{at}: {mistake}" for mistake in mistakes]
    for pattern, several in (whole.get("families") or {}).items():
        at, mistakes = _place(path, pattern), []
        # A family may have several ranges with different texts.
        for family in several if isinstance(several, list) else [several]:
            if _is_sound(str(pattern).replace("{n}", "0"), family, _FIELDS | _RANGE, mistakes):
                yield from _expand_family(str(pattern), family, at, mistakes)
        faults += [f"{at}: {mistake}" for mistake in mistakes]


def _with_defaults(key: str, entry: Any, shared: Prompt | None) -> Any:
    """Return an entry of a centre with the fields that it leaves out, from the product's prompt of this key."""
    group = shared.group if shared is not None else "bilgi" if key.startswith(WHISPER) else "menu"
    usual = {"when": "a sentence of the centre" if shared is None else shared.when, "group": group,
             "slow": group not in FOR_AGENTS}
    if isinstance(entry, str):
        return {**usual, "text": entry}
    return {**usual, **entry} if isinstance(entry, dict) else entry


def _expand_family(pattern: str, family: dict[str, Any], at: str, faults: list[str]) -> Iterator[Prompt]:
    try:
        for n in range(family["from"], family["to"] + 1, family.get("step", 1)):
            ordinal = turkish_numbers.ordinal_words(n)
            text = family["text"].format(
                cardinal=turkish_numbers.cardinal_words(n), ordinal=ordinal, dative=turkish_numbers.dative_words(n),
                Ordinal=capitalise_turkish(ordinal), locative=locative_words(n)
            )
            yield from _with_slow(pattern.replace("{n}", str(n)), text, family, at)
    except (KeyError, TypeError, ValueError) as error:
        faults.append(f"{pattern}: needs whole numbers `from`, `to` (and `step`) and a text with known names: {error}")


def _with_slow(key: str, text: str, entry: Mapping[str, Any], at: str) -> Iterator[Prompt]:
    yield Prompt(key, text, entry["when"], entry["group"], where=at)
    if slow := entry.get("slow"):
        yield Prompt(slow_key(key), slow if isinstance(slow, str) else text, entry["when"], entry["group"], slow=True,
                     where=at)


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
