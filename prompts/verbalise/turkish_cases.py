"""Decline the name of a centre in Turkish: "Şehir Hastanesine", "Kurumundan", "KOSGEB'e", "PTT'ye". No I/O.

Names of institutions take their endings without an apostrophe. Abbreviations, numbers, names with a given reading and
names of one word take one (TDK, Yazım Kılavuzu, "Kesme işareti"). A name that ends in a possessive takes an n before
the ending. Spelling does not always tell the sound. Then `UnknownForm` is raised, and a person writes the form.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from prompts.verbalise.turkish_numbers import cardinal_words

DATIVE, LOCATIVE, ABLATIVE, GENITIVE, ACCUSATIVE, INSTRUMENTAL = CASES = (
    "dative", "locative", "ablative", "genitive", "accusative", "instrumental")
"""Cases in which a prompt may name the centre: to, at, from, of, the object, with."""

APOSTROPHE = "'"
BACK, FRONT = "aıou", "eiöü"
VOWELS = BACK + FRONT
ROUNDED = "oöuü"
VOICELESS = "çfhkpsşt"
"""Last letters after which d becomes t: "Hizmet'te"."""

FRONT_LOANS = ("santral", "terminal", "portal", "festival", "final", "hal", "ideal", "hilal", "istiklal", "kontrol",
               "petrol", "alkol", "gol", "rol", "saat", "dikkat", "kalp", "harf", "seyahat", "sıhhat", "ziraat",
               "menkul", "mahsul", "meşgul", "usul", "protokol", "futbol", "voleybol", "basketbol")
"""Loans with a back vowel at their end that take the endings of a front one: "santrale"."""

HARD_ENDS = ("hukuk", "ittifak", "tetkik", "trafik", "plastik", "elektronik", "mekanik", "teknik", "grafik", "politik",
             "park", "bank", "disk", "blok", "kart", "sepet", "grup", "kulüp")
"""Words that keep their last consonant before a vowel, or change it against the rule."""

POSSESSIVE_HEADS = (
    "ajansı", "alanı", "birimi", "bölümü", "dispanseri", "eğitimi", "evi", "federasyonu", "feneri", "fonu", "grubu",
    "hattı", "hizmeti", "holdingi", "kampüsü", "kenti", "koleji", "komisyonu", "konseyi", "kulübü", "kurulu", "kurumu",
    "köyü", "limanı", "meclisi", "merkezi", "müzesi", "ofisi", "okulu", "oteli", "parkı", "programı", "santrali",
    "servisi", "sistemi", "şirketi", "teşkilatı", "vakfı", "yardımı", "yayını", "yurdu")
"""Last words of names that are possessives: "Danışma Hattı"."""
PLAIN_HEADS = ("akademi", "çağrı", "eczacı", "endüstri", "enerji", "galeri", "gemi", "güneşli", "güvenli", "kapı",
               "mavi", "medikal", "psikoloji", "sanayi", "taksi", "teknoloji", "türkiye", "yeni", "yazı", "yolcu",
               "köprü", "ütü", "koru", "su", "komşu", "dolu", "kuyu", "sevgi", "bilgi", "ilgi", "iletişimci", "öncü")
"""Last words with the same letters that are no possessives: "Yeşil Enerji" takes y, not n."""
_POSSESSIVE_END = re.compile(r"(?:[aeıioöuü]ğ[ıiuü]|lar[ıi]|ler[ıi]|[aeıioöuü]s[ıiuü])$")
"""End of a word that is a possessive in a name of several words: -lığı, -iği, -ları, -sı after a vowel."""

CODAS = ("rk", "rt", "rs", "rç", "rp", "rm", "lk", "lt", "lp", "lç", "nk", "nt", "nç", "ns", "st", "ks", "ft", "vk",
         "şk", "şt", "ht", "kt")
"""Pairs of consonants at the end of a word that one can say."""
_FOREIGN = re.compile(r"[qwx]|sh|ch|th|ph|ck|gh|oo|ee|ea|ou|ow|[^a-zçğıöşüâîû]")
"""Letters that Turkish words do not have, so that the sound is not known."""
_PLAIN_LETTERS = str.maketrans({"â": "a", "î": "i", "û": "u"})
LETTER_NAMES = {letter: letter if letter in VOWELS else letter + "e" for letter in "abcçdefgğhıijklmnoöprsştuüvyz"}


class UnknownForm(ValueError):
    """The case of a name cannot be known from its letters."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"the endings of {name!r} are not known: {why}")
        self.name, self.why = name, why


class _Sound(NamedTuple):
    """Sound of the end of a name, and how an ending is written after it."""

    word: str
    """Last word as it is said, in small letters."""
    possessive: bool
    apostrophe: bool
    softens: bool
    """Whether a k, ç or p at the end may become ğ, c or b before a vowel."""


def decline_name(name: str, case: str, spoken: str = "") -> str:
    """Return a name in a case. `spoken` is the reading of a foreign name or an abbreviation: then it takes the place of
    the name.

    Raise UnknownForm if the letters do not tell the ending. Raise ValueError for an unknown case.
    """
    if case not in CASES:
        raise ValueError(f"{case!r} is no case. Known are: {', '.join(CASES)}")
    said = (spoken or name).strip()
    sound = _sound_of(said, reading_given=bool(spoken))
    ending = _ending_of(sound, case)
    stem = said
    if sound.softens and ending[0] in VOWELS:
        stem = said[:-1] + {"k": "ğ", "ç": "c", "p": "b"}[said[-1]]
    return f"{stem}{APOSTROPHE if sound.apostrophe else ''}{ending}"


def locative_words(number: int) -> str:
    """Return the locative of a number, as for a time: "dokuzda", "dörtte", "yirmi birde"."""
    words = cardinal_words(number)
    return words + _ending_of(_Sound(words.split()[-1], False, False, False), LOCATIVE)


def _ending_of(sound: _Sound, case: str) -> str:
    """Return the ending with its buffer letter, by vowel harmony and the last sound."""
    word = sound.word
    last_vowel = next((letter for letter in reversed(word) if letter in VOWELS), "")
    if not last_vowel:
        raise UnknownForm(word, "it has no vowel")
    is_front = last_vowel in FRONT or word in FRONT_LOANS
    low = "e" if is_front else "a"
    if is_front:
        high = "ü" if last_vowel in ROUNDED else "i"
    else:
        high = "u" if last_vowel in ROUNDED else "ı"
    # "Su" is the one noun whose genitive has a y: "suyun".
    if word == "su" and case == GENITIVE:
        return "yun"
    open_end = word[-1] in VOWELS
    hard = "t" if word[-1] in VOICELESS else "d"
    n = "n" if sound.possessive else ""
    buffer = n or ("y" if open_end else "")
    return {DATIVE: f"{buffer}{low}", ACCUSATIVE: f"{buffer}{high}",
            GENITIVE: f"{'n' if open_end else ''}{high}n",
            LOCATIVE: f"{n}{'d' if n else hard}{low}", ABLATIVE: f"{n}{'d' if n else hard}{low}n",
            INSTRUMENTAL: f"{'y' if open_end else ''}l{low}"}[case]


def _sound_of(name: str, *, reading_given: bool) -> _Sound:
    """Return how the end of a name sounds. Raise UnknownForm if that cannot be known."""
    words = name.split()
    if not words:
        raise UnknownForm(name, "it has no letters")
    last, alone = words[-1], len(words) == 1
    # 1. A number is read as a number.
    if last.isascii() and last.isdigit():
        return _Sound(cardinal_words(int(last)).split()[-1], False, True, False)
    plain = _lower_turkish(last.replace(".", "")).translate(_PLAIN_LETTERS)
    # 2. An abbreviation is read as a word or letter by letter.
    if not reading_given and len(plain) > 1 and (_is_capital(last) or "." in last):
        if not all(letter in LETTER_NAMES for letter in plain):
            raise UnknownForm(name, f"'{last}' has a letter that Turkish does not have")
        return _Sound(LETTER_NAMES[plain[-1]] if "." in last or not _can_be_said(plain) else plain, False, True, False)
    # 3. A foreign word has a sound that its letters do not tell.
    if (found := _FOREIGN.search(plain)) is not None:
        why = f"'{last}' has '{found.group()}', so it is said otherwise than it is written"
        raise UnknownForm(name, why)
    # 4. A Turkish word. Several words are an institution, whose last word may be a possessive.
    possessive = not alone and _is_possessive(name, plain)
    softens = not (alone or reading_given or possessive or plain in HARD_ENDS) and _softens(plain)
    return _Sound(plain, possessive, reading_given or alone, softens)


def _is_possessive(name: str, word: str) -> bool:
    if word[-1] not in "ıiuü" or word in PLAIN_HEADS:
        return False
    if word in POSSESSIVE_HEADS or _POSSESSIVE_END.search(word):
        return True
    raise UnknownForm(name, f"'{word}' may be a possessive, which takes an n before its ending, or not")


def _softens(word: str) -> bool:
    """Return whether the last consonant changes before a vowel: "Destek" to "Desteğe". A single syllable keeps it."""
    return word[-1] in "kçp" and sum(letter in VOWELS for letter in word) > 1 and word[-2] in VOWELS


def _can_be_said(word: str) -> bool:
    """Return whether an abbreviation can be read as a word: KOSGEB and ASELSAN, but not PTT or ABD."""
    consonants = re.split(f"[{VOWELS}]", word)
    return len(consonants) > 1 and len(consonants[0]) < 2 and all(len(run) < 4 for run in consonants) \
        and (len(consonants[-1]) < 2 or consonants[-1] in CODAS)


def _is_capital(word: str) -> bool:
    letters = [letter for letter in word if letter.isalpha()]
    return len(letters) > 1 and all(letter.isupper() for letter in letters)


def _lower_turkish(text: str) -> str:
    return text.replace("İ", "i").replace("I", "ı").lower()
