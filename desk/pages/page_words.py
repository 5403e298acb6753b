"""List the words of all pages in one table, Turkish first and English second.

A page has all words of one language. A script of a page reads them from the page, so no script has words.
"""

from __future__ import annotations

from typing import NamedTuple

LANGUAGES = ("tr", "en")
"""Languages of pages. The first one is used if nothing else was chosen."""


class Word(NamedTuple):
    """One text in both languages. Names in braces are filled in later."""

    tr: str
    en: str


def list_words(language: str) -> dict[str, str]:
    """Return all words of a language by key."""
    return {key: getattr(word, language) for key, word in WORDS.items()}


WORDS: dict[str, Word] = {key: Word(*texts) for key, texts in {
    # Frame of every page.
    "skip": ("İçeriğe geç", "Skip to content"),
    "brand": ("Santral", "Santral"),
    "help": ("Yardım", "Help"),
    "other_language": ("English", "Türkçe"),
    "site": ("Sayfa bağlantıları", "Links of the page"),
    # Sign-in and password.
    "sign_in.title": ("Oturum aç", "Sign in"),
    "sign_in.name": ("Kullanıcı adı", "User name"),
    "sign_in.password": ("Parola", "Password"),
    "sign_in.submit": ("Oturum aç", "Sign in"),
    "sign_in.out": ("Oturumu kapat", "Sign out"),
}.items()}
