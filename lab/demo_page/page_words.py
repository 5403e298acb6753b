"""List the words of the demo's own page, Turkish first and English second."""

from __future__ import annotations

from desk.pages.page_words import Word

WORDS: dict[str, Word] = {key: Word(*texts) for key, texts in {
    "title": ("Sahne arkası", "Behind the scenes"),
    "skip": ("İçeriğe geç", "Skip to content"),
    "lab": ("Deneme santrali: arayanlar yapaydır, bu sayfa ürünün değil denemenin parçasıdır.",
            "A lab: the callers are simulated, and this page is part of the demo, not of the product."),
    "live": ("Canlı çağrılar", "Live calls"),
    "node": ("Düğüm", "The node"),
    "about": ("Düğme, çağrıları yöneten programı kill -9 ile öldürür; üç saniye sonra yeniden başlatılır. Arayanlar "
              "Asterisk'te kalır: müzik ve görüşmeler sürer, herkes sırasını korur.",
              "The button kills the program that routes the calls with kill -9, and starts it again after three "
              "seconds. Callers stay in Asterisk: music and talks go on, and everybody keeps the place in line."),
    "kill": ("Düğümü öldür", "Kill the node"),
    "up": ("Düğüm çalışıyor.", "The node is running."),
    "away": ("Düğüm yok. Hatta {on_line} arayan var, kaybolan: {lost}.",
             "The node is away. {on_line} callers are on the line, {lost} lost."),
    "back": ("Düğüm {seconds} saniye sonra döndü. Öldüğünde hatta {callers} arayan vardı, kaybolan: {lost}.",
             "The node was back after {seconds} seconds. {callers} callers were on the line, {lost} lost."),
    "failed": ("Düğüm başlatılamadı. Denemenin günlüğüne bakın.", "The node did not start. See the log of the demo."),
    "calls": ("Arayanların duydukları", "Sentences that callers hear"),
    "none": ("Şu anda arayan yok.", "Nobody is calling right now."),
    "call": ("Çağrı {call}", "Call {call}"),
    "talking": ("Görüşmede", "Talking"),
    "hears": ("Şimdi duyuyor:", "Hears now:"),
    "music": ("Müzik ya da sessizlik; son duyduğu:", "Music or silence; heard last:"),
    "nothing": ("Henüz bir şey duymadı", "Has heard nothing yet"),
    "ended": ("Bitti; son duyduğu:", "Over; heard last:"),
}.items()}


def list_words(language: str) -> dict[str, str]:
    """Return all words of a language by key."""
    return {key: getattr(word, language) for key, word in WORDS.items()}
