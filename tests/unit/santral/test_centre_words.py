"""A centre's own words: over the product's, none of them in it, and one clear message for each mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prompts.catalogue import Catalogue, expected_files
from prompts.errors import CatalogueError
from prompts.manifest import Manifest
from prompts.studio import RecordingStudio
from prompts.text_reader import all_prompts
from santral.centre.centre_words import read_words
from santral.centre.config import check_centre
from tests.ministry import MEB, copied, edit

pytestmark = pytest.mark.unit

ROOT = MEB.parents[1]
PRODUCT = ("asterisk_conf", "centres", "desk", "drawing", "ivr", "metrics", "planning", "prompts", "routing", "santral")
MINISTRY = re.compile(r"bakanl|mebim|ministry|millî eğitim|national education", re.IGNORECASE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(tmp_path)


def problems(folder: Path) -> list[str]:
    return [str(one) for one in check_centre(folder).problems]


def say(folder: Path, text: str, name: str = "kendi.yaml", language: str = "tr") -> None:
    path = folder / "prompts" / language / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"prompts:\n{text}", encoding="utf-8")


def drop(folder: Path, *keys: str) -> None:
    """Take sentences out of the ministry's own ones, in both languages."""
    for path in (folder / "prompts").glob("*/*.yaml"):
        text = path.read_text(encoding="utf-8")
        for key in keys:
            text = re.sub(rf"(?m)^  {key}(-yavas)?:.*\n(    .*\n)*", "", text)
        path.write_text(text, encoding="utf-8")


def test_nothing_of_the_product_names_a_ministry() -> None:
    found = []
    for room in PRODUCT:
        for path in (ROOT / room).rglob("*"):
            if path.is_file() and path.suffix in (".py", ".yaml", ".j2", ".js", ".css", ".toml", ".html") \
                    and "meb" not in path.relative_to(ROOT).parts:
                found += [f"{path}:{line}" for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
                          if MINISTRY.search(text)]
    assert found == []
    assert MINISTRY.search((MEB / "prompts" / "tr" / "menu.yaml").read_text(encoding="utf-8"))


def test_a_centre_speaks_over_the_product_and_adds_its_own(folder: Path) -> None:
    drop(folder, "karsilama", "geri-arama-merhaba")
    edit(folder, "santral.toml", 'name = "MEB İletişim Merkezi"', 'name = "Şehir Hastanesi"\nenglish = "City Hospital"')
    say(folder, "  tus-bilgisi: Yıldıza basın.\n  poliklinik: '{centre:locative} bekliyoruz.'\n"
                "  bilgi-temsilci: Danışma.\n")
    say(folder, "  poliklinik: We wait at {centre}.\n", language="en")
    said = all_prompts(read_words(folder))
    assert said["karsilama"].text == "Şehir Hastanesine hoş geldiniz."
    assert said["geri-arama-merhaba-yavas"].text.startswith("Merhaba, Şehir Hastanesinden arıyoruz.")
    assert said["en/karsilama"].text == "Welcome to City Hospital."
    assert (said["tus-bilgisi"].text, said["tus-bilgisi-yavas"].text) == ("Yıldıza basın.", "Yıldıza basın.")
    assert (said["poliklinik-yavas"].text, said["en/poliklinik"].text) == (
        "Şehir Hastanesinde bekliyoruz.", "We wait at City Hospital.")
    assert (said["bilgi-temsilci"].text, said["bilgi-uzaktan_egitim"].text) == ("Danışma.", "Uzaktan eğitim.")
    assert "bilgi-temsilci-yavas" not in said, "agents' words have no slow version"
    assert not [one.id for one in said.values() if MINISTRY.search(one.text)]


def test_a_sentence_replaced_by_a_centre_loses_the_slow_words_of_the_product(folder: Path) -> None:
    say(folder, "  yogun-ozur: {text: Doluyuz., slow: false}\n")
    said = all_prompts(read_words(folder))
    assert said["yogun-ozur"].text == "Doluyuz." and "yogun-ozur-yavas" not in said


def test_two_texts_of_one_key_are_told_with_both_places(folder: Path) -> None:
    say(folder, "  yeni: Bir.\n  tus-bilgisi: Kısa.\n", "a.yaml")
    say(folder, "  tus-bilgisi: Uzun.\n", "b.yaml")
    (told,) = problems(folder)
    assert told.startswith("prompts/tr/b.yaml:2: tus-bilgisi: is there twice, at ")
    assert "prompts/tr/a.yaml:3 too" in told


@pytest.mark.parametrize(("text", "place", "what"), [
    ("  Büyük: a\n", "prompts/tr/kendi.yaml:2: ", "a key has small letters"),
    ("  iyi: a\n  eksik: {when: b}\n", "prompts/tr/kendi.yaml:3: ", "`text` is missing"),
    ("  hal: '{centre:genitif} merhaba'\n", "prompts/tr/kendi.yaml:2: ", "is no case; known are dative"),
    ("  hal: a\n  hal: b\n", "", "line 3: `hal` is there twice, at line 2 too"),
])
def test_a_mistake_in_a_text_has_its_place(folder: Path, text: str, place: str, what: str) -> None:
    say(folder, text)
    (told,) = problems(folder)
    assert told.startswith(place) and what in told


def test_an_unknown_prompt_is_told_with_both_places(folder: Path) -> None:
    edit(folder, "menu.yaml", "say: ana-menu-2", "say: ana-menu-22")
    told = next(one for one in problems(folder) if "unknown prompt 'ana-menu-22'" in one)
    assert f"Looked in {folder}/prompts/tr and in Santral's own prompts." in told


def test_a_suffix_of_a_foreign_name_is_asked_for_once_and_can_be_given(folder: Path) -> None:
    drop(folder, "karsilama", "geri-arama-merhaba")
    say(folder, "  selam: '{centre:dative} selam.'\n")
    edit(folder, "santral.toml", 'name = "MEB İletişim Merkezi"', 'name = "Acme Wax"')
    (told,) = problems(folder)
    assert told.startswith("santral.toml:5: the endings of 'Acme Wax' are not known: ")
    assert "forms = { dative = \"...\", ablative = \"...\" }" in told
    edit(folder, "santral.toml", 'name = "Acme Wax"', 'name = "Acme Wax"\nspoken = "Ekmi Veks"')
    assert problems(folder) == []
    assert all_prompts(read_words(folder))["karsilama"].text == "Ekmi Veks'e hoş geldiniz."
    edit(folder, "santral.toml", 'spoken = "Ekmi Veks"',
         'forms = { dative = "Ekmi Veksimize", ablative = "Ekmi Veksimizden" }')
    assert all_prompts(read_words(folder))["selam"].text == "Ekmi Veksimize selam."


@pytest.mark.parametrize(("name", "what"), [
    ("'...'", "has no whisper announcement"), ("Görüş ve Öneri", "are the same, so agents do not hear who calls"),
])
def test_a_service_without_a_whisper_of_its_own_is_refused(folder: Path, name: str, what: str) -> None:
    edit(folder, "services.yaml", "name: Temsilci", f"name: {name}")
    (told,) = problems(folder)
    assert what in told and "write bilgi-temsilci in prompts/tr" in told
    say(folder, "  bilgi-temsilci: Danışma.\n")
    assert problems(folder) == []


def test_a_folder_of_sounds_has_the_words_of_one_centre(folder: Path, tmp_path: Path) -> None:
    sounds, words = tmp_path / "sounds", read_words(folder)
    for path in expected_files(sounds, all_prompts(words)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(45))
    Manifest(centre="Şehir Hastanesi", complete=True).write_manifest(sounds)
    with pytest.raises(CatalogueError) as caught:
        Catalogue.load_built(sounds, words)
    assert f"the sounds in {sounds} are those of the centre 'Şehir Hastanesi'" in str(caught.value)
    Manifest(centre=words.name, complete=True).write_manifest(sounds)
    assert Catalogue.load_built(sounds, words).text_of("karsilama") == "MEBİM'e hoş geldiniz."


def test_a_recording_beside_the_text_is_played(folder: Path, tmp_path: Path) -> None:
    said = all_prompts(read_words(folder))
    studio = RecordingStudio(tmp_path / "sounds", folder / "prompts")
    assert studio.find_recording(said["karsilama"]) is None
    own = folder / "prompts" / "tr" / "karsilama.flac"
    own.write_bytes(b"x")
    assert studio.find_recording(said["karsilama"]) == (own, False)
    assert studio.find_recording(said["karsilama-yavas"]) == (own, True)
    assert studio.find_recording(said["en/karsilama"]) is None
