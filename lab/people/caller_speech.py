"""Sentences of the simulated callers of a demo: what they say fits the key that they press.

A voice of the prompts speaks them once, and the files stay in a cache. The telephone network plays a file again and
again as a class of music on hold, with a pause in which the agent can speak.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from lab.errors import LabError
from prompts.audio.voices import choose_voice
from prompts.build import join_prompts
from prompts.errors import PromptError
from prompts.text_reader import Prompt

SENTENCES: Mapping[str, str] = {
    "1": "İyi günler. Son günlerde kendimi çok yorgun ve yalnız hissediyorum, biriyle konuşmak istedim.",
    "2": "Merhaba. Uzaktan eğitim sistemine giremiyorum, parolamı kabul etmiyor. Yardımcı olur musunuz?",
    "3": "İyi günler. Okulun servisinde emniyet kemerleri çalışmıyor, bunu bildirmek istiyorum.",
    "4": "Merhaba. Okul kütüphanelerinin hafta sonu da açık olmasını öneriyorum.",
    "0": "İyi günler. Bir temsilciyle görüşmek istiyorum, kayıt yenileme tarihlerini soracaktım.",
}
"""Sentence of a caller by the key of the main menu."""
PAUSE_MS = 2500
"""Silence between two times, in which the agent answers."""


def speech_class(key: str) -> str:
    """Return the class of music on hold with the sentence of a key."""
    return f"caller-{key}"


def build_speech(folder: Path) -> dict[str, Path]:
    """Return the folder of each class, and build the files that are missing. Raise LabError if no voice can speak."""
    try:
        voice = choose_voice()
        found = {}
        for key, text in SENTENCES.items():
            place = folder / speech_class(key)
            # Another text or voice is another file. A folder has only one, or both would be played in turn.
            path = place / f"{hashlib.sha256(f'{text} {voice.identity} {PAUSE_MS}'.encode()).hexdigest()[:16]}.wav16"
            if not path.exists():
                place.mkdir(parents=True, exist_ok=True)
                draft = place / "draft"
                join_prompts((Prompt(speech_class(key), text, "", ""), PAUSE_MS), {"tr": voice}, draft)
                for old in place.glob("*.wav16"):
                    old.unlink()
                draft.replace(path)
            found[speech_class(key)] = place
        return found
    except PromptError as error:
        raise LabError(f"the callers of the demo cannot speak: {error}") from error
