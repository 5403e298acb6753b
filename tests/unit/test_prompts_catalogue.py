"""The catalogue: complete, well written, and every mistake in it told at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prompts import say
from prompts.catalogue import FORMATS, Catalogue, expected, texts
from prompts.errors import CatalogueTrouble, UnknownKey
from prompts.manifest import Manifest
from prompts.number import key_dative
from prompts.text import pieces

pytestmark = pytest.mark.unit

MENU = Path(__file__).resolve().parents[2] / "docs" / "menu.md"


def test_what_the_menu_promises_is_what_is_said() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([A-ZÇĞİÖŞÜ].+[.?]) \|$", MENU.read_text(encoding="utf-8"), re.MULTILINE)
    catalogue = texts()
    assert len(rows) > 40
    assert [key for key, text in rows if key not in catalogue or catalogue[key].text != text] == []


def test_menu_prompts_have_a_slow_version_and_codes_do_not() -> None:
    catalogue = texts()
    for key, prompt in catalogue.items():
        if prompt.slow or prompt.group not in ("menu", "bekleme", "kod"):
            continue
        assert (say.slow(key) in catalogue) == (prompt.group != "kod"), key


def test_every_option_says_its_key_in_the_dative() -> None:
    catalogue = texts()
    for key in "12340":
        assert f", {key_dative(key)} basın." in catalogue[f"ana-menu-{key}"].text


def test_the_set_of_pieces_is_the_one_that_asterisk_asks_for() -> None:
    wanted = {*map(str, range(20)), *(str(ten) for ten in range(20, 100, 10)), "hundred", "thousand", "million", "star",
              "pound", *(f"mon-{month}" for month in range(12)), *(f"day-{day}" for day in range(7))}  # fmt: skip
    wanted |= {f"h-{n}" for n in [*range(20), *range(20, 100, 10), "hundred"]}
    assert {f"digits/{name}" for name in wanted} <= set(texts())


def test_letters_are_turkish() -> None:
    for prompt in texts().values():
        assert re.fullmatch(r"[a-zA-ZçğıöşüÇĞİÖŞÜâîû .,]+", prompt.text), prompt.text


def test_a_pause_stands_before_the_key_and_between_sentences() -> None:
    assert pieces("Uzaktan eğitim için, ikiye basın. Geri dönmek için, dokuza basın.") == [
        ("Uzaktan eğitim için,", 600), ("ikiye basın.", 350), ("Geri dönmek için,", 600), ("dokuza basın.", 0),
    ]  # fmt: skip
    assert [piece.pause_ms for piece in pieces("Yemek için, ikiye. Evet.", slow=True)] == [1200, 700, 0]
    assert len(pieces("Acele etmeyin, bekliyorum.")) == 1


def test_all_mistakes_together(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(
        "prompts:\n  Büyük: {text: a, when: b, group: menu}\n  x: {text: a, when: b, group: none, loud: yes}\n"
        "  sira-1: {text: a, when: b, group: menu}\n  y: 3\n  z: {when: b, group: menu, slow: 2}\n"
        "families:\n  'sira-{n}': {from: 1, to: 2, text: '{ordinal} {other}', when: b, group: menu}\n"
        "  'sira-{n}x': {from: a, text: b, when: b, group: menu}\n"
    )
    with pytest.raises(CatalogueTrouble) as caught:
        texts(path)
    told = str(caught.value)
    for part in ("Büyük", "unknown field `loud`", "group `none`", "y: must have", "z: `text` is missing",
                 "true or false", "'other'", "whole numbers"):  # fmt: skip
        assert part in told


@pytest.mark.parametrize("text", ["prompts: [", "- a", "other: {}"])
def test_a_file_that_is_no_catalogue(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(CatalogueTrouble, match=r"c\.yaml"):
        texts(tmp_path / "c.yaml")


def test_the_same_key_written_twice_is_not_swallowed(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "prompts:\n  a: {text: a, when: b, group: menu}\n  a: {text: c, when: b, group: menu}\n"
    )
    with pytest.raises(CatalogueTrouble, match=r"line 3.*`a` stands there twice"):
        texts(tmp_path / "c.yaml")


def test_a_key_that_stands_there_twice(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "prompts:\n  n-1: {text: a, when: b, group: menu}\n"
        "families:\n  'n-{n}': {from: 1, to: 1, text: a, when: b, group: menu}\n"
    )
    with pytest.raises(CatalogueTrouble, match="n-1: stands there twice"):
        texts(tmp_path / "c.yaml")


def test_a_key_in_two_files(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("prompts:\n  n: {text: a, when: b, group: menu}\n")
    with pytest.raises(CatalogueTrouble, match=r"b\.yaml: n: stands in a\.yaml too"):
        texts(tmp_path)


def sounds(root: Path) -> None:
    for path in expected(root, texts()):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(60))


def test_missing_files_are_told_together(tmp_path: Path) -> None:
    sounds(tmp_path)
    assert len(Catalogue.load(tmp_path)) == len(texts())
    (tmp_path / "tr" / "karsilama.wav").unlink()
    (tmp_path / "tr" / "sira-3.wav16").write_bytes(b"RIFF")
    with pytest.raises(CatalogueTrouble) as caught:
        Catalogue.load(tmp_path)
    assert "2 sound files" in str(caught.value)
    assert "karsilama.wav\n" in str(caught.value)
    assert "sira-3.wav16" in str(caught.value)
    assert "santral prompts build" in str(caught.value)


def test_a_folder_whose_build_did_not_end_is_refused(tmp_path: Path) -> None:
    sounds(tmp_path)
    Manifest().write(tmp_path)
    with pytest.raises(CatalogueTrouble, match="did not end"):
        Catalogue.load(tmp_path)
    Manifest(complete=True).write(tmp_path)
    assert "karsilama" in Catalogue.load(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(CatalogueTrouble, match="remove it"):
        Catalogue.load(tmp_path)


def test_how_asterisk_is_told_to_play_it(tmp_path: Path) -> None:
    sounds(tmp_path)
    catalogue = Catalogue.load(tmp_path, seen_as="/sounds/")
    assert catalogue.file("digits/h-4") == "/sounds/tr/digits/h-4"
    assert catalogue.file("ana-menu-1", slow=True) == "/sounds/tr/ana-menu-1-yavas"
    assert catalogue.file("kod-hazir", slow=True) == "/sounds/tr/kod-hazir"
    assert Catalogue.load(tmp_path).file("sira-1") == f"{tmp_path}/tr/sira-1"
    assert catalogue.text("sira-4") == "Dördüncü sıradasınız."
    assert set(FORMATS) == {"wav", "wav16"}
    assert issubclass(UnknownKey, LookupError)
    for ask in (catalogue.file, catalogue.text):
        with pytest.raises(UnknownKey, match="no-such"):
            ask("no-such")


def test_say() -> None:
    assert say.position(1) == ["sira-1"]
    assert say.position(50) == ["sira-50"]
    assert say.position(114) == ["digits/hundred", "digits/h-14", "sira-son"]
    assert say.minutes(0) == ["sure-kisa"]
    assert say.minutes(30) == ["sure-30"]
    assert say.minutes(31) == ["sure-bas", "digits/30", "digits/1", "sure-son"]
    assert say.number(15_014) == ["digits/15", "digits/thousand", "digits/14"]
    assert say.digits("10*#") == ["digits/1", "digits/0", "digits/star", "digits/pound"]
    for call, bad in ((say.position, 0), (say.minutes, -1), (say.number, -1)):
        with pytest.raises(ValueError, match=str(bad)):
            call(bad)
    for text in ("", "a", "²"):
        with pytest.raises(ValueError, match="digit by digit"):
            say.digits(text)
