"""List the words of the recording studio, Turkish first and English second."""

from __future__ import annotations

from desk.pages.page_words import Word

WORDS: dict[str, Word] = {key: Word(*texts) for key, texts in {
    "title": ("Kayıt stüdyosu", "Recording studio"),
    "skip": ("İçeriğe geç", "Skip to content"),
    "how": ("Sessiz bir odada, ağzınızı mikrofondan bir karış uzakta tutarak okuyun. Kayıt düğmesine basın, bir saniye "
            "bekleyin, cümleyi okuyun. Susunca kayıt kendiliğinden biter, ölçülür ve saklanır.",
            "Read in a quiet room, a hand's width from the microphone. Press the record button, wait one second, read "
            "the sentence. When you are silent the recording ends by itself, is measured and kept."),
    "keys": ("Kayıt düğmesindeyken: Boşluk başlatır ve bitirir, sağ ve sol ok başka cümleye geçer.",
             "On the record button: Space starts and stops, the right and left arrow go to another sentence."),
    "progress": ("{done} / {all} cümle kaydedildi. En çok duyulan {often} cümleden {left} tanesi kaldı.",
                 "{done} of {all} sentences are recorded. Of the {often} heard most, {left} are left."),
    "open": ("Mikrofonu aç", "Open the microphone"),
    "microphone": ("Mikrofon", "Microphone"),
    "level": ("Ses düzeyi", "Level"),
    "level_off": ("Mikrofon kapalı.", "The microphone is off."),
    "level_now": ("{level} dBFS, oda gürültüsü {noise} dBFS", "{level} dBFS, noise of the room {noise} dBFS"),
    "sentence": ("Cümle {number} / {all}", "Sentence {number} of {all}"),
    "often": ("En çok duyulanlardan", "One of those heard most"),
    "record": ("Kaydet", "Record"),
    "stop": ("Kaydı bitir", "Stop"),
    "listen": ("Dinle", "Listen"),
    "back": ("Önceki", "Back"),
    "next": ("Sonraki", "Next"),
    "missing_next": ("Sonraki eksik", "Next missing"),
    "auto_stop": ("Susunca kaydı bitir", "Stop when I am silent"),
    "auto_next": ("İyi bir kayıttan sonra sonraki cümleye geç", "Go to the next sentence after a good recording"),
    "jump": ("Cümle seç", "Choose a sentence"),
    "state": ("Durum", "State"),
    "import": ("Kayıtları içeri al", "Import the recordings"),
    "import_how": ("İyi kayıtlar santralın seslerine alınır. Sonra seslerin yeniden üretilmesi gerekir.",
                   "Good recordings are taken into the sounds. The sounds must be built again afterwards."),
    "said.none": ("Bu cümle henüz kaydedilmedi.", "This sentence is not recorded yet."),
    "said.recording": ("Kayıt sürüyor. Okuyun.", "Recording. Read."),
    "said.saving": ("Kayıt ölçülüyor.", "The recording is measured."),
    "said.good": ("Kayıt iyi. Ses {level} dBFS, gürültü {noise} dBFS.",
                  "The recording is good. Voice {level} dBFS, noise {noise} dBFS."),
    "said.good_next": ("Önceki kayıt iyi. Ses {level} dBFS, gürültü {noise} dBFS. Sıradaki cümleyi okuyun.",
                       "The last recording is good. Voice {level} dBFS, noise {noise} dBFS. Read this sentence now."),
    "said.kept": ("Bu cümlenin iyi bir kaydı var.", "This sentence has a good recording."),
    "said.bad": ("Yeniden okuyun. {faults}", "Read it again. {faults}"),
    "said.nothing": ("Ses duyulmadı. Yeniden okuyun.", "No voice was heard. Read it again."),
    "said.refused": ("Mikrofona izin verilmedi. Adres çubuğundaki mikrofon simgesinden izin verip yeniden deneyin.",
                     "The microphone was not allowed. Allow it at the microphone sign of the address bar, try again."),
    "said.no_microphone": ("Mikrofon bulunamadı. Bir mikrofon takıp yeniden deneyin.",
                           "No microphone was found. Plug one in and try again."),
    "said.away": ("Stüdyo programı yanıt vermedi, kayıt saklanmadı. Program çalışıyor mu?",
                  "The studio program did not answer, and the recording was not kept. Is the program running?"),
    "said.imported": ("{count} kayıt alındı. Şimdi: {command}", "{count} recordings were taken in. Now: {command}"),
    "said.left": ("{count} kayıt yeniden okunmalı: {names}", "{count} must be read again: {names}"),
    "fault.damaged": ("Kayıt bozuk.", "The recording is damaged."),
    "fault.format": ("Ses biçimi uygun değil.", "The format does not fit."),
    "fault.short": ("Cümlenin bir parçası eksik.", "A part of the sentence is missing."),
    "fault.long": ("Kayıtta bu cümleden fazlası var.", "There is more in it than this sentence."),
    "fault.silent": ("Kayıtta ses yok.", "It is silent."),
    "fault.clipped": ("Ses patlıyor; mikrofondan uzaklaşın.", "It is clipped; move away from the microphone."),
    "fault.soft": ("Ses çok kısık; mikrofona yaklaşın.", "It is too soft; come nearer to the microphone."),
    "fault.loud": ("Ses çok yüksek; mikrofondan uzaklaşın.", "It is too loud; move away from the microphone."),
    "fault.beginning": ("Başı kesik; düğmeye basınca bir saniye bekleyin.",
                        "Its beginning is cut off; wait one second after the button."),
    "fault.end": ("Sonu kesik; okuduktan sonra biraz bekleyin.", "Its end is cut off; wait a little after the words."),
    "fault.noise": ("Oda gürültülü; pencereyi kapatın ya da mikrofona yaklaşın.",
                    "The room is noisy; close the window or come nearer to the microphone."),
}.items()}


def list_words(language: str) -> dict[str, str]:
    """Return all words of a language by key."""
    return {key: getattr(word, language) for key, word in WORDS.items()}
