"""say.conf: how Asterisk itself says numbers and dates in Turkish (and, as its last resort, in English).

`mode=new` replaces the built-in rules for all languages, and a language without a rule is silence and success, so an
[en] section stands beside [tr] (main/say.c, apps/app_playback.c). Rules are tried in the order of the file; the body is
split at commas. A piece is named by its full path, so Asterisk's own sounds folder needs nothing of ours.
"""

from __future__ import annotations

from collections.abc import Iterator

Rule = tuple[str, str]
"""Pattern and what it plays."""


def sections(digits: str) -> str:
    """Text of [tr] and [en]. `digits`: path of the pieces, e.g. `/var/lib/santral/sounds/tr/digits`."""
    turkish = [*_digits(digits), *_cardinals(digits), *_ordinals(digits), *_dates(digits)]
    english = [*_digits("digits"), ("_[n]um:.", "digits/${SAY}")]
    return "\n".join([
        "[tr]", *(f"{pattern} => {plays}" for pattern, plays in turkish), "",
        "[en]", *(f"{pattern} => {plays}" for pattern, plays in english),
    ])


def _digits(root: str) -> Iterator[Rule]:
    yield "_digit:[0-9]", f"{root}/${{SAY}}"
    yield "_digit:[*]", f"{root}/star"
    yield "_digit:[#]", f"{root}/pound"
    yield "_digit:[0-9].", "digit:${SAY:0:1}, digit:${SAY:1}"


def _cardinals(root: str) -> Iterator[Rule]:
    yield "_[n]um:0.", "num:${SAY:1}"
    for pattern in ("X", "1X", "[2-9]0"):
        yield f"_[n]um:{pattern}", f"{root}/${{SAY}}"
    yield "_[n]um:[2-9][1-9]", f"{root}/${{SAY:0:1}}0, num:${{SAY:1}}"
    for name, zeros in (("hundred", 2), ("thousand", 3)):
        none, rest = "0" * zeros, "X" * zeros
        yield f"_[n]um:1{none}", f"{root}/{name}"
        yield f"_[n]um:1{rest}", f"{root}/{name}, num:${{SAY:1}}"
        yield f"_[n]um:[2-9]{none}", f"{root}/${{SAY:0:1}}, {root}/{name}"
        yield f"_[n]um:[2-9]{rest}", f"{root}/${{SAY:0:1}}, {root}/{name}, num:${{SAY:1}}"
    for name, zeros, leading in (("thousand", 3, (2, 3)), ("million", 6, (1, 2, 3))):
        for count in leading:
            yield f"_[n]um:{'X' * count}{'0' * zeros}", f"num:${{SAY:0:{count}}}, {root}/{name}"
            yield f"_[n]um:{'X' * count}{'X' * zeros}", f"num:${{SAY:0:{count}}}, {root}/{name}, num:${{SAY:{count}}}"


def _ordinals(root: str) -> Iterator[Rule]:
    yield "_e[n]um:0.", "enum:${SAY:1}"
    for pattern in ("X", "1X", "[2-9]0"):
        yield f"_e[n]um:{pattern}", f"{root}/h-${{SAY}}"
    yield "_e[n]um:[2-9][1-9]", f"{root}/${{SAY:0:1}}0, {root}/h-${{SAY:1}}"
    yield "_e[n]um:100", f"{root}/h-hundred"
    yield "_e[n]um:1XX", f"{root}/hundred, enum:${{SAY:1}}"
    yield "_e[n]um:[2-9]00", f"{root}/${{SAY:0:1}}, {root}/h-hundred"
    yield "_e[n]um:[2-9]XX", f"{root}/${{SAY:0:1}}, {root}/hundred, enum:${{SAY:1}}"


def _dates(root: str) -> Iterator[Rule]:
    """Data is YYYYMMDDHHmm.ss-w-yday. At full hours no minute is said."""
    yield "_date:Y:.", "num:${SAY:0:4}"
    yield "_date:[Bbh]:.", f"{root}/mon-$[${{SAY:4:2}}-1]"
    yield "_date:[Aa]:.", f"{root}/day-${{SAY:16:1}}"
    yield "_date:[de]:.", "num:${SAY:6:2}"
    yield "_date:[HkIl]:.", "num:${SAY:8:2}"
    yield "_date:[S]:.", "num:${SAY:13:2}"
    yield f"_date:[M]:{'X' * 10}00.", "date:0:${SAY}"
    yield f"_date:[M]:{'X' * 10}0X.", f"{root}/0, num:${{SAY:11:1}}"
    yield f"_date:[M]:{'X' * 10}[1-5]X.", "num:${SAY:10:2}"
    yield "_date:[TR]:.", "date:H:${SAY}, date:M:${SAY}"
    yield "_date::.", "date:dBYA:${SAY}"
    yield "_time::.", "date:HM:${SAY}"
    yield "_datetime::.", "date:dBYAHM:${SAY}"
    for form in ("HM", "dB", "dBY", "dBYA", "dBYAHM"):
        yield f"_datetime:{form}:.", f"date:{form}:${{SAY}}"
