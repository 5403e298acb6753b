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
    "sign_in.error": ("Hata", "Error"),
    "sign_in.done": ("Oturumunuz kapandı.", "You are signed out."),
    "sign_in.have_code": ("Kodum var, parola belirleyeceğim", "I have a code and want to set a password"),
    "sign_in.forgotten": ("Parolanızı unuttuysanız yöneticinizden yeni bir kod isteyin.",
                          "If you have forgotten your password, ask your supervisor for a new code."),
    "sign_in.wrong": ("Kullanıcı adı veya parola yanlış. İkisini de denetleyip yeniden deneyin.",
                      "User name or password is wrong. Check both and try again."),
    "sign_in.busy": ("Şu anda çok kişi oturum açıyor. Birkaç saniye sonra yeniden deneyin.",
                     "Many people are signing in right now. Try again in a few seconds."),
    "sign_in.too_many": ("Bu ad için çok fazla deneme oldu. Bir dakika sonra yeniden deneyin.",
                         "There were too many tries for this name. Try again in a minute."),
    "sign_in.away": ("Santral şu anda yanıt veremiyor. Birkaç saniye sonra yeniden deneyin.",
                     "Santral cannot answer right now. Try again in a few seconds."),
    "password.title": ("Parola belirle", "Set a password"),
    "password.intro": ("Yöneticinizin verdiği kodla kendi parolanızı belirleyin. Kod bir kez kullanılır.",
                       "Set your own password with the code from your supervisor. The code works once."),
    "password.code": ("Tek kullanımlık kod", "One-use code"),
    "password.code_hint": ("Beş gruptan oluşur. Çizgi, boşluk ve küçük harf fark etmez.",
                           "It has five groups. Hyphens, spaces and small letters make no difference."),
    "password.new": ("Yeni parola", "New password"),
    "password.rule": ("En az {least} karakter. Yapıştırabilir veya parola yöneticisi kullanabilirsiniz.",
                      "At least {least} characters. You may paste it or use a password manager."),
    "password.again": ("Yeni parola, bir kez daha", "New password, once more"),
    "password.submit": ("Parolayı kaydet", "Save the password"),
    "password.have": ("Parolam var, oturum açacağım", "I have a password and want to sign in"),
    "password.wrong": ("Kullanıcı adı veya kod yanlış, ya da kodun süresi geçti. Yöneticiniz yeni bir kod verebilir.",
                       "User name or code is wrong, or the code is too old. Your supervisor can give you a new one."),
    "password.too_short": ("Parola en az {least} karakter olmalı.", "The password needs at least {least} characters."),
    "password.different": ("İki parola aynı değil. İkisini de yeniden yazın.",
                           "The two passwords differ. Type both again."),
}.items()}
