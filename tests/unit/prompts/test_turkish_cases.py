"""The name of a centre in each case, against a table; and one clear message where the letters do not tell."""

from __future__ import annotations

from typing import get_args

import pytest

from centres.settings import Case
from prompts.verbalise.turkish_cases import (
    ABLATIVE,
    ACCUSATIVE,
    CASES,
    DATIVE,
    GENITIVE,
    INSTRUMENTAL,
    LOCATIVE,
    UnknownForm,
    decline_name,
    locative_words,
)

pytestmark = pytest.mark.unit

TABLE = {
    # Possessives take an n: the name of an institution has no apostrophe.
    "Millî Eğitim Bakanlığı": ("Bakanlığına", "Bakanlığında", "Bakanlığından", "Bakanlığının", "Bakanlığını",
                               "Bakanlığıyla"),
    "Şehir Hastanesi": ("Hastanesine", "Hastanesinde", "Hastanesinden", "Hastanesinin", "Hastanesini", "Hastanesiyle"),
    "Danışma Hattı": ("Hattına", "Hattında", "Hattından", "Hattının", "Hattını", "Hattıyla"),
    "Çocuk Esirgeme Kurumu": ("Kurumuna", "Kurumunda", "Kurumundan", "Kurumunun", "Kurumunu", "Kurumuyla"),
    "Sağlık Müdürlüğü": ("Müdürlüğüne", "Müdürlüğünde", "Müdürlüğünden", "Müdürlüğünün", "Müdürlüğünü", "Müdürlüğüyle"),
    "Göz Kliniği": ("Kliniğine", "Kliniğinde", "Kliniğinden", "Kliniğinin", "Kliniğini", "Kliniğiyle"),
    "Sosyal İşler Hizmetleri": ("Hizmetlerine", "Hizmetlerinde", "Hizmetlerinden", "Hizmetlerinin", "Hizmetlerini",
                                "Hizmetleriyle"),
    # Other institutions.
    "Mavi Destek": ("Desteğe", "Destekte", "Destekten", "Desteğin", "Desteği", "Destekle"),
    "Açık Park": ("Parka", "Parkta", "Parktan", "Parkın", "Parkı", "Parkla"),
    "Yeşil Enerji": ("Enerjiye", "Enerjide", "Enerjiden", "Enerjinin", "Enerjiyi", "Enerjiyle"),
    "Acil Taksi": ("Taksiye", "Takside", "Taksiden", "Taksinin", "Taksiyi", "Taksiyle"),
    "Bursa Su": ("Suya", "Suda", "Sudan", "Suyun", "Suyu", "Suyla"),
    "Doğu Terminal": ("Terminale", "Terminalde", "Terminalden", "Terminalin", "Terminali", "Terminalle"),
    # A name of one word has an apostrophe, and keeps its last letter.
    "Ankara": ("Ankara'ya", "Ankara'da", "Ankara'dan", "Ankara'nın", "Ankara'yı", "Ankara'yla"),
    "Zonguldak": ("Zonguldak'a", "Zonguldak'ta", "Zonguldak'tan", "Zonguldak'ın", "Zonguldak'ı", "Zonguldak'la"),
    "Türkiye": ("Türkiye'ye", "Türkiye'de", "Türkiye'den", "Türkiye'nin", "Türkiye'yi", "Türkiye'yle"),
    "Üsküdar": ("Üsküdar'a", "Üsküdar'da", "Üsküdar'dan", "Üsküdar'ın", "Üsküdar'ı", "Üsküdar'la"),
    "Gölköy": ("Gölköy'e", "Gölköy'de", "Gölköy'den", "Gölköy'ün", "Gölköy'ü", "Gölköy'le"),
    # Abbreviations as a word, letter by letter, and a number.
    "MEBİM": ("MEBİM'e", "MEBİM'de", "MEBİM'den", "MEBİM'in", "MEBİM'i", "MEBİM'le"),
    "ASELSAN": ("ASELSAN'a", "ASELSAN'da", "ASELSAN'dan", "ASELSAN'ın", "ASELSAN'ı", "ASELSAN'la"),
    "TÜRKSAT": ("TÜRKSAT'a", "TÜRKSAT'ta", "TÜRKSAT'tan", "TÜRKSAT'ın", "TÜRKSAT'ı", "TÜRKSAT'la"),
    "TBMM": ("TBMM'ye", "TBMM'de", "TBMM'den", "TBMM'nin", "TBMM'yi", "TBMM'yle"),
    "ABD": ("ABD'ye", "ABD'de", "ABD'den", "ABD'nin", "ABD'yi", "ABD'yle"),
    "İETT": ("İETT'ye", "İETT'de", "İETT'den", "İETT'nin", "İETT'yi", "İETT'yle"),
    "Alo 183": ("183'e", "183'te", "183'ten", "183'ün", "183'ü", "183'le"),
    "Hat 6": ("6'ya", "6'da", "6'dan", "6'nın", "6'yı", "6'yla"),
}
"""Name, and its last word in each of `CASES`."""


@pytest.mark.parametrize("name", TABLE)
def test_names_in_every_case(name: str) -> None:
    before = name.rpartition(" ")[0]
    for case, wanted in zip((DATIVE, LOCATIVE, ABLATIVE, GENITIVE, ACCUSATIVE, INSTRUMENTAL), TABLE[name], strict=True):
        assert decline_name(name, case) == f"{before} {wanted}".strip(), case


@pytest.mark.parametrize(("name", "spoken", "dative", "ablative"), [
    ("Acme Life", "Ekmi Layf", "Ekmi Layf'a", "Ekmi Layf'tan"),
    ("Google", "Gugıl", "Gugıl'a", "Gugıl'dan"),
    ("SGK", "Segeka", "Segeka'ya", "Segeka'dan"),
])
def test_a_reading_tells_the_sound_of_a_foreign_name(name: str, spoken: str, dative: str, ablative: str) -> None:
    assert (decline_name(name, DATIVE, spoken), decline_name(name, ABLATIVE, spoken)) == (dative, ablative)


@pytest.mark.parametrize(("name", "why"), [
    ("Acme Wax", "'Wax' has 'w'"), ("Blue Moon", "'Moon' has 'oo'"), ("Kırmızı Balonu", "may be a possessive"),
    ("WXQ", "a letter that Turkish does not have"), ("Hrr", "no vowel"), ("Destek (gece)", "has '('"), ("", "letters"),
])
def test_what_the_letters_do_not_tell_is_not_guessed(name: str, why: str) -> None:
    with pytest.raises(UnknownForm) as caught:
        decline_name(name, DATIVE)
    assert why in str(caught.value)


def test_an_unknown_case_is_refused_and_settings_have_the_same_cases() -> None:
    with pytest.raises(ValueError, match="Known are: dative"):
        decline_name("Ankara", "nominative")
    assert get_args(Case) == CASES


def test_times_in_the_locative() -> None:
    said = {0: "sıfırda", 1: "birde", 2: "ikide", 3: "üçte", 4: "dörtte", 5: "beşte", 6: "altıda", 7: "yedide",
            8: "sekizde", 9: "dokuzda", 10: "onda", 20: "yirmide", 21: "yirmi birde", 30: "otuzda", 40: "kırkta",
            50: "ellide", 55: "elli beşte"}
    assert {number: locative_words(number) for number in said} == said
