"""The watch of what callers hear: prompts by the commands of a dialogue, and no number."""

from __future__ import annotations

import pytest

from ivr.caller.sentence_watch import HIDDEN_NUMBER, SentenceWatch, SpokenSentence
from prompts.catalogue import Catalogue
from prompts.manifest import Entry
from prompts.text_reader import Prompt
from routing.core.model.ids import ContactId

pytestmark = pytest.mark.unit

PROMPTS = {one.id: one for one in (
    Prompt("karsilama", "Hoş geldiniz.", "", "menu"), Prompt("karsilama", "Welcome.", "", "menu", language="en"),
    Prompt("sirada", "kişi var.", "", "bekleme"), Prompt("digits/3", "üç", "", "sayi"),
    Prompt("digits/5", "beş", "", "sayi"))}
BUILT = {id_: Entry(id_, "", "espeak", "", 1.0, -3.0, -20.0, 2.0, "", {}, {}) for id_ in PROMPTS}


class Watched:
    """A watch that notes what it tells."""

    def __init__(self) -> None:
        self.told: list[tuple[str, list[str], bool]] = []
        self.said: list[SpokenSentence] = []
        self.watch = SentenceWatch(Catalogue(PROMPTS, "/s", BUILT), self._note)

    def _note(self, contact: ContactId, sentences: object, later: bool) -> None:
        assert isinstance(sentences, list)
        self.said += sentences
        self.told.append((contact, [one.text for one in sentences], later))


def test_sentences_of_a_dialogue_and_of_the_dialplan_are_told() -> None:
    watched = Watched()
    watched.watch.note_command("1.7", "GOSUB", ("santral-dialogue", "ask", "1", "/s/en/karsilama,0.001,ana-menu"))
    watched.watch.note_command("1.7", "SET VARIABLE", (
        "ARRAY(SC_WORDS,SC_WORDS_KEY)", "/s/tr/karsilama&/s/tr/sirada,3"))
    watched.watch.note_command("1.7", "SET VARIABLE", ("SC_NOTICE_WORDS", "/s/tr/sirada"))
    assert watched.told == [("1.7", ["Welcome."], False), ("1.7", ["Hoş geldiniz.", "kişi var."], True),
                            ("1.7", ["kişi var."], True)]
    assert watched.said[0] == SpokenSentence("Welcome.", "en", 2.0)


def test_numbers_are_never_told() -> None:
    watched = Watched()
    watched.watch.note_command("1.7", "SET VARIABLE", ("ACD_SAY", "/s/tr/digits/3&/s/tr/digits/5&/s/tr/sirada"))
    assert watched.told == [("1.7", [HIDDEN_NUMBER, "kişi var."], True)]
    assert watched.said[0].seconds == 4.0


@pytest.mark.parametrize(("verb", "arguments"), [
    ("GOSUB", ("santral-dialogue", "say", "1", "/spool/announcement-17")),
    ("GOSUB", ("santral-dialogue", "say", "1", "/s/tr/unknown")), ("GOSUB", ("elsewhere", "s", "1", "/s/tr/karsilama")),
    ("SET VARIABLE", ("SC_SPOKEN", "/s/tr/karsilama")), ("SET VARIABLE", ("ACD_SAY", "")),
    ("GET VARIABLE", ("ACD_SAY",)), ("GOSUB", ("santral-dialogue", "ask", "1", ",0.5,"))])
def test_other_commands_tell_nothing(verb: str, arguments: tuple[str, ...]) -> None:
    watched = Watched()
    watched.watch.note_command("1.7", verb, arguments)
    assert watched.told == []
