"""Hold and check what a person says about a new centre, before any file is written."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import NamedTuple

from centres.base_shapes import minute_of
from prompts.verbalise.turkish_cases import ABLATIVE, DATIVE, UnknownForm, decline_name
from santral.errors import SantralError

KEYS_MOST = 5
"""Most services with a key. A caller does not remember more options of one menu (rule I3)."""
AGENTS_MOST = 500
"""Most agents that are made. A larger team comes from a separate list."""
SEATS_FIRST = 2001
HUMAN = "temsilci"
"""Service of key 0, which every centre has."""
HUMAN_NAME = "Temsilci"

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ALWAYS = "always"
_SPAN = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])-([01]?[0-9]|2[0-4]):([0-5][0-9])")
_LETTERS = str.maketrans({"ç": "c", "ğ": "g", "ı": "i", "ö": "o", "ş": "s", "ü": "u", "â": "a", "î": "i", "û": "u"})


class UnusableAnswer(SantralError):
    """An answer cannot be used. The text says why, and what to write."""


class CentreAnswers(NamedTuple):
    """Everything that is asked about a new centre."""

    name: str
    spoken: str
    numbers: tuple[str, ...]
    services: tuple[str, ...]
    hours: str
    """`always`, or a span such as `08:00-17:00`."""
    days: tuple[str, ...]
    agents: int
    phones: int
    carrier: str
    language: str = "tr"


def check_name(name: str, spoken: str) -> str:
    """Return the name. Raise UnusableAnswer if prompts cannot say it in the cases that they need."""
    name = name.strip()
    if not 1 <= len(name) <= 80 or any(ord(letter) < 32 or letter in '"|;<>\\' for letter in name + spoken):
        raise UnusableAnswer('A name has 1 to 80 letters, without any of " | ; < > \\.')
    for case in (DATIVE, ABLATIVE):
        try:
            decline_name(name, case, spoken)
        except UnknownForm as error:
            raise UnusableAnswer(f"{error}. Write how the name is said, in Turkish letters: "
                                 "--spoken \"...\".") from error
    return name


def check_numbers(text: str) -> tuple[str, ...]:
    """Return called numbers of a text with commas. Raise UnusableAnswer for anything else."""
    found = tuple(re.sub(r"[\s()/-]", "", one) for one in text.split(",") if one.strip())
    if not found or any(re.fullmatch(r"\+?[0-9]{3,15}", one) is None for one in found):
        raise UnusableAnswer("A called number has 3 to 15 digits, such as 444 0 112; write several with commas.")
    return tuple(dict.fromkeys(found))


def check_services(text: str) -> tuple[str, ...]:
    """Return names of services of a text with commas. Raise UnusableAnswer for too many, or two that look alike."""
    found = tuple(one.strip() for one in text.split(",") if one.strip())
    if not 1 <= len(found) <= KEYS_MOST:
        raise UnusableAnswer(f"A menu has 1 to {KEYS_MOST} services. Key 0 is a person in any case.")
    for one in found:
        if len(one) > 40 or not service_id(one) or any(letter in '"|;<>\\:#{}[]' for letter in one):
            raise UnusableAnswer(f"'{one}' is no name of a service: write 1 to 40 letters, such as Randevu.")
    ids = [service_id(one) for one in found]
    if len(set(ids)) < len(ids) or HUMAN in ids:
        raise UnusableAnswer(f"Two services have one name. '{HUMAN_NAME}' is there already, at key 0.")
    return found


def check_hours(text: str) -> str:
    """Return `always` or a span with two digits. Raise UnusableAnswer for anything else."""
    if text.strip().lower() in (ALWAYS, "24"):
        return ALWAYS
    found = _SPAN.fullmatch(text.replace(" ", ""))
    if found is None:
        raise UnusableAnswer("Write hours as 08:00-17:00, or always.")
    begins, ends = f"{int(found[1]):02}:{found[2]}", f"{int(found[3]):02}:{found[4]}"
    if (ends > "24:00") or (minute_of(begins) >= (24 * 60 if ends == "24:00" else minute_of(ends))):
        raise UnusableAnswer(f"{begins}-{ends} ends before it begins. Write hours as 08:00-17:00.")
    return f"{begins}-{ends}"


def check_days(text: str) -> tuple[str, ...]:
    """Return days of the week. A text such as `monday-friday` or `monday,saturday` is read.

    Raise UnusableAnswer for anything else.
    """
    found: list[str] = []
    for part in text.lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        matches = [[day for day in WEEK if len(given) >= 3 and day.startswith(given)]
                   for given in (first, last or first)]
        if any(len(match) != 1 for match in matches) or (dash and not last):
            raise UnusableAnswer("Write days as monday-friday, or monday,saturday.")
        begins, ends = (WEEK.index(match[0]) for match in matches)
        found += WEEK[begins:ends + 1] if begins <= ends else (*WEEK[begins:], *WEEK[:ends + 1])
    return tuple(day for day in WEEK if day in found)


def check_count(text: str, what: str, most: int = AGENTS_MOST) -> int:
    """Return a count from 1. Raise UnusableAnswer for anything else."""
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= most:
        raise UnusableAnswer(f"The number of {what} is 1 to {most}.")
    return int(text)


def check_carrier(text: str) -> str:
    """Return the address of the carrier. Raise UnusableAnswer if it is none."""
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        raise UnusableAnswer("The carrier is an address, such as 192.0.2.10. Nobody else may dial in.") from None


def check_language(text: str) -> str:
    """Return the language of tables and reports. Raise UnusableAnswer for one without texts."""
    word = text.strip().lower()
    if word in ("tr", "türkçe", "turkish"):
        return "tr"
    if word in ("en", "english", "ingilizce"):
        return "en"
    raise UnusableAnswer("Tables and reports are in Turkish or English: write tr or en. Callers hear Turkish first.")


def service_id(name: str) -> str:
    """Return the id of a service: its name in plain small letters."""
    plain = name.replace("İ", "i").replace("I", "ı").lower().translate(_LETTERS)
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_0123456789")[:40].strip("_")
