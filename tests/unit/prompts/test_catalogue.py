"""The catalogue: complete, well written, and every mistake in it told at once."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest

from prompts.catalogue import FORMATS, NAMED_MAX, Catalogue, expected_files, missing_translations
from prompts.errors import CatalogueError, UnknownKey
from prompts.manifest import Entry, Manifest
from prompts.text_reader import all_prompts, first_texts, read_texts, read_translation
from prompts.verbalise import english_numbers, number_prompts
from prompts.verbalise.text_pieces import cut_pieces
from prompts.verbalise.turkish_numbers import key_dative
from tests.ministry import WORDS

pytestmark = pytest.mark.unit

ENTRY = Entry("kayit-bilgisi", "", "espeak", "", 1.0, 0.0, 0.0, 0.0, "", {}, {})


def test_menu_prompts_have_a_slow_version_and_codes_do_not() -> None:
    catalogue = read_texts()
    for key, prompt in catalogue.items():
        if prompt.slow or prompt.group not in ("menu", "bekleme", "kod"):
            continue
        assert (number_prompts.slow_key(key) in catalogue) == (prompt.group != "kod"), key


def test_the_length_of_a_sound_is_known_by_the_manifest_and_of_an_announcement_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "tr" / "duyuru").mkdir(parents=True)
    (tmp_path / "tr" / "duyuru" / "kar.wav").write_bytes(bytes(44 + 3 * 16_000))
    catalogue = Catalogue(all_prompts(WORDS), "/seen", {"kayit-bilgisi": ENTRY._replace(seconds=7.5)}, tmp_path)
    assert catalogue.seconds(catalogue.file("kayit-bilgisi")) == 7.5
    assert catalogue.seconds(f"{tmp_path}/tr/duyuru/kar") == catalogue.seconds("/seen/tr/duyuru/kar") == 3.0
    assert catalogue.seconds("/seen/tr/duyuru/yok") == 0.0


def test_every_option_says_its_key_in_the_dative() -> None:
    catalogue = first_texts(WORDS)
    for key in "12340":
        assert f", {key_dative(key)} basın." in catalogue[f"ana-menu-{key}"].text


def test_the_set_of_pieces_is_the_one_that_asterisk_asks_for() -> None:
    wanted = {*map(str, range(20)), *(str(ten) for ten in range(20, 100, 10)), "hundred", "thousand", "million", "star",
              "pound", *(f"mon-{month}" for month in range(12)), *(f"day-{day}" for day in range(7))}  # fmt: skip
    wanted |= {f"h-{n}" for n in [*range(20), *range(20, 100, 10), "hundred"]}
    assert {f"digits/{name}" for name in wanted} <= set(read_texts())


def test_letters_are_turkish() -> None:
    for prompt in all_prompts(WORDS).values():
        assert prompt.language != "tr" or re.fullmatch(r"[a-zA-ZçğıöşüÇĞİÖŞÜâîû .,?']+", prompt.text), prompt.text


def test_a_pause_stands_before_the_key_and_between_sentences() -> None:
    assert cut_pieces("Uzaktan eğitim için, ikiye basın. Geri dönmek için, dokuza basın.") == [
        ("Uzaktan eğitim için,", 600), ("ikiye basın.", 350), ("Geri dönmek için,", 600), ("dokuza basın.", 0),
    ]  # fmt: skip
    assert [piece.pause_ms for piece in cut_pieces("Yemek için, ikiye. Evet.", slow=True)] == [1200, 700, 0]
    assert len(cut_pieces("Acele etmeyin, bekliyorum.")) == 1


def test_a_slow_version_may_have_its_own_words_in_each_language(tmp_path: Path) -> None:
    (tmp_path / "tr.yaml").write_text("prompts:\n  a: {text: Kısa., slow: Uzun., when: b, group: menu}\n"
                                      "  c: {text: Bir., slow: true, when: b, group: menu}\n", encoding="utf-8")
    first = read_texts(tmp_path / "tr.yaml")
    assert (first["a"].text, first["a-yavas"].text, first["c-yavas"].text) == ("Kısa.", "Uzun.", "Bir.")
    (tmp_path / "en").mkdir()
    path = tmp_path / "en" / "en.yaml"
    path.write_text("prompts:\n  a: Short.\n  a-yavas: Long.\n  c: One.\n")
    other = read_translation("en", first, path.parent)
    assert (other["a"].text, other["a-yavas"].text, other["c-yavas"].text) == ("Short.", "Long.", "One.")
    assert other["a-yavas"].slow
    path.write_text("prompts:\n  c-yavas: One.\n")
    with pytest.raises(CatalogueError, match="c-yavas: not in prompts/tr"):
        read_translation("en", first, path.parent)


def test_all_mistakes_together(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(
        "prompts:\n  Büyük: {text: a, when: b, group: menu}\n  x: {text: a, when: b, group: none, loud: yes}\n"
        "  sira-1: {text: a, when: b, group: menu}\n  y: 3\n  z: {when: b, group: menu, slow: 2}\n"
        "families:\n  'sira-{n}': {from: 1, to: 2, text: '{ordinal} {other}', when: b, group: menu}\n"
        "  'sira-{n}x': {from: a, text: b, when: b, group: menu}\n"
    )
    with pytest.raises(CatalogueError) as caught:
        read_texts(path)
    told = str(caught.value)
    for part in ("Büyük", "unknown field `loud`", "group `none`", "y: must have", "z: `text` is missing",
                 "true or false", "'other'", "whole numbers"):  # fmt: skip
        assert part in told


@pytest.mark.parametrize("text", ["prompts: [", "- a", "other: {}"])
def test_a_file_that_is_no_catalogue(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(CatalogueError, match=r"c\.yaml"):
        read_texts(tmp_path / "c.yaml")


def test_the_same_key_written_twice_is_not_swallowed(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "prompts:\n  a: {text: a, when: b, group: menu}\n  a: {text: c, when: b, group: menu}\n"
    )
    with pytest.raises(CatalogueError, match=r"line 3.*`a` is there twice"):
        read_texts(tmp_path / "c.yaml")


def test_a_key_that_stands_there_twice(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "prompts:\n  n-1: {text: a, when: b, group: menu}\n"
        "families:\n  'n-{n}': {from: 1, to: 1, text: a, when: b, group: menu}\n"
    )
    with pytest.raises(CatalogueError, match="n-1: is there twice"):
        read_texts(tmp_path / "c.yaml")


def test_a_key_in_two_files(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("prompts:\n  n: {text: a, when: b, group: menu}\n")
    with pytest.raises(CatalogueError, match=r"b\.yaml:2: n: is there twice, at .*a\.yaml:2 too"):
        read_texts(tmp_path)


def sounds(root: Path) -> None:
    for path in expected_files(root, all_prompts(WORDS)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(60))


def test_missing_files_are_told_together(tmp_path: Path) -> None:
    sounds(tmp_path)
    assert len(Catalogue.load_built(tmp_path, WORDS)) == len(all_prompts(WORDS))
    (tmp_path / "tr" / "karsilama.wav").unlink()
    (tmp_path / "tr" / "sira-3.wav16").write_bytes(b"RIFF")
    with pytest.raises(CatalogueError) as caught:
        Catalogue.load_built(tmp_path, WORDS)
    assert "2 sound files" in str(caught.value)
    assert "karsilama.wav\n" in str(caught.value)
    assert "sira-3.wav16" in str(caught.value)
    assert "santral prompts build" in str(caught.value)


def test_of_a_folder_without_sounds_only_a_few_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError) as caught:
        Catalogue.load_built(tmp_path, WORDS)
    lines, all_of_them = str(caught.value).splitlines(), len(list(expected_files(tmp_path, all_prompts(WORDS))))
    assert lines[0].startswith(f"{all_of_them} sound files") and lines[-1].startswith("Build them: ")
    assert lines[-2] == f"  and {all_of_them - NAMED_MAX} more" and len(lines) == NAMED_MAX + 3


def test_a_folder_whose_build_did_not_end_is_refused(tmp_path: Path) -> None:
    sounds(tmp_path)
    Manifest(centre=WORDS.name).write_manifest(tmp_path)
    with pytest.raises(CatalogueError, match="did not end"):
        Catalogue.load_built(tmp_path, WORDS)
    Manifest(centre=WORDS.name, complete=True).write_manifest(tmp_path)
    assert "karsilama" in Catalogue.load_built(tmp_path, WORDS)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(CatalogueError, match="remove it"):
        Catalogue.load_built(tmp_path, WORDS)


def test_how_asterisk_is_told_to_play_it(tmp_path: Path) -> None:
    sounds(tmp_path)
    catalogue = Catalogue.load_built(tmp_path, WORDS, seen_as="/sounds/")
    assert catalogue.file("digits/h-4") == "/sounds/tr/digits/h-4"
    assert catalogue.file("ana-menu-1", slow=True) == "/sounds/tr/ana-menu-1-yavas"
    assert catalogue.file("kod-hazir", slow=True) == "/sounds/tr/kod-hazir"
    assert Catalogue.load_built(tmp_path, WORDS).file("sira-1") == f"{tmp_path}/tr/sira-1"
    assert catalogue.text_of("sira-4") == "Dördüncü sıradasınız."
    assert set(FORMATS) == {"wav", "wav16"}
    assert issubclass(UnknownKey, LookupError)
    for ask in (catalogue.file, catalogue.text_of):
        with pytest.raises(UnknownKey, match="no-such"):
            ask("no-such")


def test_say() -> None:
    assert number_prompts.position_keys(1) == ["sira-1"]
    assert number_prompts.position_keys(50) == ["sira-50"]
    assert number_prompts.position_keys(114) == ["digits/hundred", "digits/h-14", "sira-son"]
    assert number_prompts.minutes_keys(0) == ["sure-kisa"]
    assert number_prompts.minutes_keys(30) == ["sure-30"]
    assert number_prompts.minutes_keys(31) == ["sure-bas", "digits/30", "digits/1", "sure-son"]
    assert number_prompts.minutes_keys(60) == ["sure-bas", "digits/1", "sure-saat"]
    assert number_prompts.minutes_keys(131) == ["sure-bas", "digits/2", "sure-saatler", "digits/15", "sure-son"]
    assert number_prompts.number_keys(15_014) == ["digits/15", "digits/thousand", "digits/14"]
    assert number_prompts.digit_keys("10*#") == ["digits/1", "digits/0", "digits/star", "digits/pound"]
    for call, bad in ((number_prompts.position_keys, 0), (number_prompts.minutes_keys, -1),
            (number_prompts.number_keys, -1)):
        with pytest.raises(ValueError, match=str(bad)):
            call(bad)
    for text in ("", "a", "²"):
        with pytest.raises(ValueError, match="digit by digit"):
            number_prompts.digit_keys(text)
    assert number_prompts.clock_keys(14, 30) == ["digits/14", "digits/30"]
    assert number_prompts.clock_keys(9, 5) == ["digits/9", "digits/0", "digits/5"]
    assert number_prompts.clock_keys(0, 0, "en") == ["digits/0"]
    assert number_prompts.date_keys(datetime.date(2026, 11, 24)) == ["digits/20", "digits/4", "digits/mon-10",
        "digits/day-2"]
    assert number_prompts.date_keys(datetime.date(2027, 1, 3), "en") == ["digits/3", "digits/mon-0", "digits/day-0"]
    for hour, minute in ((24, 0), (0, 60)):
        with pytest.raises(ValueError, match="time of the day"):
            number_prompts.clock_keys(hour, minute)


def test_a_telephone_number_is_said_in_groups_with_pauses() -> None:
    words = {"tr": read_texts(), "en": read_translation("en", read_texts())}

    def spoken_as(number: str, language: str = "tr") -> str:
        keys = number_prompts.telephone_words(number, language)
        return " ".join("," if key == number_prompts.PAUSE else words[language][key].text for key in keys)

    for number in ("05321234567", "+905321234567", "0 532 123 45 67", "0532 123 45 67"):
        assert spoken_as(number) == "sıfır beş yüz otuz iki , yüz yirmi üç , kırk beş , altmış yedi"
    assert spoken_as("4440632") == "dört yüz kırk dört , sıfır , altı yüz otuz iki"
    assert spoken_as("0800 000 01 14") == "sıfır sekiz yüz , sıfır sıfır sıfır , sıfır bir , on dört"
    assert spoken_as("05301000010", "en") == "zero five three zero , one zero zero , zero zero , one zero"
    with pytest.raises(ValueError, match="telephone number"):
        number_prompts.telephone_words("0532-abc")


def test_numbers_in_english() -> None:
    words = read_translation("en", read_texts())
    for value, said in {0: "zero", 14: "fourteen", 40: "forty", 101: "one hundred one", 999: "nine hundred ninety nine",
                        20_010: "twenty thousand ten", 3_000_100: "three million one hundred"}.items():  # fmt: skip
        assert " ".join(words[key].text for key in number_prompts.number_keys(value,
            "en")) == english_numbers.cardinal_words(value) == said
    assert [words[key].text for key in number_prompts.position_keys(114, "en")] == [
        "one", "hundred", "fourteen", "is your number in the queue.",
    ]  # fmt: skip
    assert words["sira-21"].text == "You are number twenty one in the queue."
    assert words["sure-1"].text == "Your estimated wait is one minute."
    for bad in (-1, english_numbers.NUMBER_MAX + 1):
        with pytest.raises(ValueError, match="only 0 to"):
            english_numbers.cardinal_words(bad)


def test_a_language_has_what_callers_hear_and_falls_back_for_the_rest(tmp_path: Path) -> None:
    sounds(tmp_path)
    catalogue = Catalogue.load_built(tmp_path, WORDS, seen_as="/sounds")
    assert catalogue.file("karsilama", language="en") == "/sounds/en/karsilama"
    assert catalogue.file("ana-menu-1", slow=True, language="en") == "/sounds/en/ana-menu-1-yavas"
    assert catalogue.file("kod-hazir", language="en") == "/sounds/tr/kod-hazir"
    assert catalogue.file("digits/h-4", slow=True, language="en") == "/sounds/tr/digits/h-4-yavas"
    assert (catalogue.file(number_prompts.PAUSE), catalogue.file(number_prompts.PAUSE,
        slow=True)) == ("/sounds/pause", "/sounds/pause-yavas")
    assert catalogue.text_of("bekleme-siradaki", language="en") == "You are first in the queue."
    for key, language in (("karsilama", "de"), ("en/karsilama", "tr"), ("no-such", "en")):
        with pytest.raises(UnknownKey, match=key):
            catalogue.file(key, language=language)


def test_what_english_lacks_is_told_and_agents_sentences_are_not_missed() -> None:
    everything = dict(all_prompts(WORDS))
    del everything["en/karsilama"]
    lacking = missing_translations(everything, "en")
    assert "karsilama" in lacking
    assert not [key for key in lacking if key.startswith(("kod-", "bilgi-", "digits/h-")) or key.endswith("-yavas")]


def test_mistakes_of_a_translation_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "prompts:\n  karsilama: Hello.\n  nowhere: a\n  ana-menu-1: {text: a}\n  sira-1-yavas: a\n"
        "families:\n  'sira-{n}': '{ordinal}'\n  'none-{n}': a\n"
    )
    (tmp_path / "b.yaml").write_text("prompts:\n  karsilama: Hello again.\n")
    with pytest.raises(CatalogueError) as caught:
        read_translation("en", first_texts(WORDS), tmp_path)
    for part in ("nowhere: not in prompts/tr", "ana-menu-1: must be the text alone", "sira-1-yavas: not in",
                 "only {cardinal} and {n}", "none-{n}: not in", "b.yaml:2: karsilama: is there twice"):  # fmt: skip
        assert part in str(caught.value)
