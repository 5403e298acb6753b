"""Check how a text speaks: one voice, one word for one thing, nothing that a telephone turns into another word.

The voice is one person. It says "ben" of what it does itself while the caller listens: it speaks, waits, is silent and
connects. It says "biz" for the people of the centre: they call, keep a place and apologise. Agents hear facts without
either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from prompts.prompt_lengths import PromptLengths
from prompts.text_reader import FOR_AGENTS, Prompt
from prompts.verbalise.number_prompts import LANGUAGE

VOICE_GROUPS = ("menu", "bekleme")
"""Groups in which the voice may say "ben"."""
VOICE_VERBS = ("bağl", "bekl", "konuş", "sus", "söyl", "değiştir")
"""Stems of what the voice does itself: it connects, waits, speaks, is silent, tells and changes the language."""
_I = re.compile(r"\b(\w+?)(?:[ıiuü]yorum|[ae]cağım|[ae]ceğim|m[ae]d[ıi]m)\b", re.IGNORECASE)
_WE_INSTEAD = re.compile(r"\b(?:konuşuyoruz|susuyoruz|bekliyoruz|bağlıyoruz|söylüyoruz)\b", re.IGNORECASE)
_WE = re.compile(r"\b\w+(?:[ıiuü]yoruz|[ae]cağız|[ae]ceğiz)\b", re.IGNORECASE)

WORDS = {
    LANGUAGE: {
        r"!": "no exclamation",
        r"\b(?:sen|sana|seni|senin|sende|senden)\b|(?:yor|acak|ecek)s[ıiuü]n\b": "callers and agents are 'siz'",
        r"(?<!herhangi )\bbir tuş": "heard as key one: say 'herhangi bir tuşa'",
        r"\bayrılmayın\b": "say 'hatta kalın'",
        r"\b(?:girin|girdiğiniz|girmek|girmeniz)\b": "keys are pressed: say 'tuşlayın'",
        r"\bduyuyoruz\b": "nobody hears a caller who waits",
        r"\b(?:danışman|terapist|arkadaş)\w*": "the counsellor is 'uzmanımız', anybody else 'temsilci'",
        r"\bpsikososyal\w*": "loses its first sound on a telephone",
        r"\bkaydedil\w*": "heard as 'kaybedil-', to be lost: say 'kayda al-'",
        r"\bgeri aranma(?:k|yı)\w*": "say 'sizi aramamızı'",
        r"\bağır (?:çağrı|görüşme)\w*": "say 'zor görüşme'",
        r"\b(?:zaten|maalesef)\b": "scolds or regrets: leave it out",
        r"\bseçtiniz\b": "say what happens now",
        r"\bsonrasında\b|\bönemli(?:dir)?\b": "an office's word",
        r"\bdilerim\b": "the centre apologises: 'dileriz'",
    },
    "en": {
        r"!": "no exclamation",
        r"\bpress a key\b|\bneed not\b|\bnot sooner\b|\bin the line\b|\bat this hour\b": "reads translated",
        r"\bwe hear you\b": "nobody hears a caller who waits",
        r"\b(?:expert|adviser|advisor|psychologist|specialist)s?\b": "the word is 'counsellor'",
        r"\bfeel unwell\b": "means an illness: say 'in distress'",
        r"\bmatters to us\b|\bis important to us\b": "a cliché",
        r"\b(?:enter|entered)\b": "say 'key in'",
    },
}
"""Words that are not said, with the reason."""

LONGEST_S = {"menu": 12.5, "bekleme": 14.0, "anket": 11.0, "sistem": 10.0, "kod": 10.0, "bilgi": 4.0, "sayi": 3.0}
"""Longest prompt of a group in seconds, by its letters. A listener has forgotten the first option after more."""
EMERGENCY_S = 25.0
"""Longest emergency text: it has two numbers and says who is being looked for."""
EMERGENCY = "acil-"
"""Beginning of the keys of emergency texts."""
NOTICE_S = 18.0
"""Longest recording notice. Its key comes before the address of the full notice, so nobody has to remember it. A
longer address is no address for a telephone."""
NOTICE = "kayit-bilgisi"
"""Key of the recording notice."""
MOST_WORDS = 14
"""Most words of a sentence."""


def find_style_faults(prompts: Mapping[str, Prompt]) -> list[str]:
    """Return the faults of all texts, each with file, line and key. Slow versions have the same words."""
    lengths = PromptLengths(prompts, {})
    return [f"{prompt.where}: {prompt.id}: {fault}" for prompt in prompts.values() if not prompt.slow
            for fault in (*_wrong_words(prompt), *_wrong_person(prompt), *_too_long(prompt, lengths))]


def _wrong_words(prompt: Prompt) -> Iterator[str]:
    for pattern, why in WORDS.get(prompt.language, {}).items():
        if found := re.search(pattern, prompt.text, re.IGNORECASE):
            yield f"'{found[0]}': {why}"


def _wrong_person(prompt: Prompt) -> Iterator[str]:
    if prompt.language != LANGUAGE:
        return
    for found in _I.finditer(prompt.text):
        if prompt.group not in VOICE_GROUPS:
            yield f"'{found[0]}': the voice says 'ben' only in {' and '.join(VOICE_GROUPS)}"
        elif not found[1].lower().startswith(VOICE_VERBS):
            yield f"'{found[0]}': the voice speaks, waits and connects; everything else is done by 'biz'"
    if prompt.group in VOICE_GROUPS and (plural := _WE_INSTEAD.search(prompt.text)):
        yield f"'{plural[0]}': the voice does this itself: 'ben'"
    if prompt.group in FOR_AGENTS and (plural := _WE.search(prompt.text)):
        yield f"'{plural[0]}': agents hear facts, without 'biz'"


def _too_long(prompt: Prompt, lengths: PromptLengths) -> Iterator[str]:
    most_s = EMERGENCY_S if prompt.key.startswith(EMERGENCY) else NOTICE_S if prompt.key == NOTICE \
        else LONGEST_S[prompt.group]
    length_s = lengths.length_s(prompt.key, language=prompt.language)
    if length_s > most_s:
        yield f"takes about {length_s:.1f} s, and the longest of group {prompt.group} {most_s:.1f} s"
    words = max((len(sentence.split()) for sentence in re.split(r"[.?:]", prompt.text)), default=0)
    if words > MOST_WORDS:
        yield f"has a sentence of {words} words, and {MOST_WORDS} are the most"
