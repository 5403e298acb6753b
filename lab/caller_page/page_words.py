"""List the words of the caller's page, Turkish first and English second."""

from __future__ import annotations

from desk.pages.page_words import Word

WORDS: dict[str, Word] = {key: Word(*texts) for key, texts in {
    "title": ("Santral'ı arayın", "Call Santral"),
    "skip": ("İçeriğe geç", "Skip to content"),
    "lab": ("Deneme santrali: buradan yapılan arama gerçek telefon şebekesine çıkmaz.",
            "A lab: a call from here never reaches the real telephone network."),
    "how": ("Aramak için düğmeye basın, tarayıcı sorarsa mikrofona izin verin ve sesli menüyü dinleyin. Menüde "
            "seçmek için aşağıdaki tuşlara ya da klavyede 0–9, * ve # tuşlarına basın.",
            "Press the button to call, allow the microphone if the browser asks, and listen to the voice menu. To "
            "choose in the menu, press the keys below, or 0–9, * and # on your keyboard."),
    "sound": ("Duyulanlar yalnızca sestir, yazıya dökülmez. Kulaklık kullanırsanız sesiniz yankılanmaz.",
              "The call is sound only, nothing is written down. With headphones your voice has no echo."),
    "call": ("{number} numarasını ara", "Call {number}"),
    "hang_up": ("Görüşmeyi bitir", "Hang up"),
    "state": ("Durum", "State"),
    "keys": ("Telefon tuşları", "Telephone keys"),
    "star": ("yıldız", "star"),
    "hash": ("kare", "hash"),
    "pressed": ("Basılan tuşlar:", "Keys pressed:"),
    "ready": ("Aramaya hazır.", "Ready to call."),
    "asking": ("Mikrofon açılıyor. Tarayıcı sorarsa izin verin.",
               "The microphone is being opened. Allow it if the browser asks."),
    "dialling": ("Aranıyor.", "Calling."),
    "talking": ("Bağlandı. Artık tuşlara basabilirsiniz.", "Connected. You can press keys now."),
    "ended": ("Görüşme bitti.", "The call is over."),
    "refused": ("Mikrofona izin verilmedi. Adres çubuğundaki mikrofon simgesinden izin verip yeniden arayın.",
                "The microphone was not allowed. Allow it at the microphone sign of the address bar and call again."),
    "missing": ("Mikrofon bulunamadı. Bir mikrofon ya da kulaklık takıp yeniden arayın.",
                "No microphone was found. Plug in a microphone or a headset and call again."),
    "network": ("Telefon şebekesine ulaşılamadı. Deneme santrali çalışıyor mu? Biraz sonra yeniden arayın.",
                "The telephone network was not reached. Is the lab running? Call again in a moment."),
    "no_media": ("Arama açıldı ama ses yolu kurulamadı. Yeniden arayın.",
                 "The call was answered, but no sound got through. Call again."),
    "not_taken": ("Arama kabul edilmedi. Biraz sonra yeniden arayın.", "The call was not taken. Call again later."),
}.items()}

SPOKEN = ("call", "hang_up", "ready", "asking", "dialling", "talking", "ended", "refused", "missing", "network",
          "no_media", "not_taken")
"""Words that the script of the page shows."""


def list_words(language: str, number: str) -> dict[str, str]:
    """Return all words of a language by key, with the number that is dialled."""
    return {key: getattr(word, language).replace("{number}", _spell_number(number)) for key, word in WORDS.items()}


def _spell_number(number: str) -> str:
    """Return a number as people write it: 444 0 632."""
    return f"{number[:3]} {number[3]} {number[4:]}" if number.startswith("444") and len(number) == 7 else number
