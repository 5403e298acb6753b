"""The words of the pages are complete in both languages, and agree in what is filled in."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from desk.pages.page_templates import TEMPLATES, PageTemplates, to_data_block
from desk.pages.page_words import LANGUAGES, WORDS, list_words
from desk.pages.static_files import StaticFiles
from drawing import page

pytestmark = pytest.mark.unit

PAGES = Path("desk/pages")
SAME = {"brand", "keys.set", "offer.short", "say.where"}
"""Words that are the same in both languages."""


def filled_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("key", sorted(WORDS))
def test_each_word_is_complete_in_both_languages(key: str) -> None:
    word = WORDS[key]
    assert word.tr.strip() == word.tr != "" and word.en.strip() == word.en != ""
    assert filled_in(word.tr) == filled_in(word.en)
    assert key in SAME or word.tr != word.en


def test_words_that_templates_and_scripts_name_are_in_the_table() -> None:
    named = set()
    for path in [*PAGES.glob("templates/*.html"), *PAGES.glob("static/*.js")]:
        named |= set(re.findall(r"words\[[\"']([a-z0-9_.]+)[\"']\]", path.read_text(encoding="utf-8")))
    assert named and named <= WORDS.keys()


def test_every_language_has_all_words() -> None:
    assert [list_words(language).keys() for language in LANGUAGES] == [WORDS.keys(), WORDS.keys()]


def test_a_data_block_cannot_end_its_element() -> None:
    text = to_data_block({"name": "</script><b>&\u2028"})
    assert not set("<>&\u2028") & set(text)
    assert text == '{"name":"\\u003c/script\\u003e\\u003cb\\u003e\\u0026\\u2028"}'


def test_a_template_escapes_values_and_refuses_unknown_names() -> None:
    rendered = TEMPLATES.from_string("{{ name }}").render(name="<b>")
    assert rendered == "&lt;b&gt;"
    with pytest.raises(UndefinedError, match="undefined"):
        TEMPLATES.from_string("{{ unknown }}").render()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_frame_says_its_language_and_offers_the_other(language: str) -> None:
    text = PageTemplates(StaticFiles()).render_document("base.html", language)
    assert f'<html lang="{language}">' in text
    assert f'href="?language={"en" if language == "tr" else "tr"}"' in text


def test_colours_are_those_of_all_pictures() -> None:
    palette = re.findall(r"--\w+: #\w+", page.TEMPLATES.get_template("palette.css.j2").render())
    own = re.findall(r"--\w+: #\w+", (PAGES / "static/desk.css").read_text(encoding="utf-8"))
    assert palette == own != []
