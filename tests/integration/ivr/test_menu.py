"""The other nodes of a menu over a real socket: what is sealed, what the dialplan finds, what a caller hears."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from asterisk_conf.dialplan_values import TIMINGS
from ivr.caller import voice_message
from ivr.dialogues import Dialogues
from ivr.flow import dialogue_machine, node_reader
from ivr.flow.menu_model import Digits, MenuFlow, Message
from ivr.routes import menu_dialogue
from ivr.settings import IvrSettings
from ivr.sounds import SoundFolder
from routing.core.events import ContactQueued
from routing.core.model.ids import ContactId, ServiceId
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, contact_view
from tests.fakes.menu import PROMPTS, rich
from tests.integration.ivr_node import Serve, services
from tests.until import until_async

pytestmark = pytest.mark.integration

TCKN = "10000000146"
ANSWERS = {"basvuru-menu": "2", "menu-dogru-mu": "1"}
NUMBER = {"SC_NUMBER": "05321234567"}


class Languages(SoundFolder):
    """A folder of sounds that has the other language too."""

    def file(self, key: str, *, slow: bool = False, language: str = "tr") -> str:
        return super().file(key, slow=slow).replace("/tr/", f"/{language}/")


class House:
    """A node with the rich menu; what it kept of callers."""

    def __init__(self, inbox: FakeInbox) -> None:
        self.port, self.inbox = 0, inbox
        self.dialogues: Dialogues
        self.kept: list[tuple[str, str, str, str]] = []

    async def keep_keyed(self, contact: ContactId, field: str, digest: str, box: str) -> None:
        self.kept.append((contact, field, digest, box))

    async def keep(self, path: Path, contact: ContactId, kind: str, service: ServiceId) -> bool:
        self.kept.append((contact, kind, service, path.suffix))
        return True

    async def call(self, keys: list[str] | None = None, *, entry: str = "ana", variables: dict[str, str] | None = None,
                   by_file: dict[str, str] | None = None) -> Dialler:
        return await Dialler(self.port, "menu", entry, variables={**NUMBER, **(variables or {})}, keys=keys,
                             by_file=by_file).call()

    @property
    def queued(self) -> ContactQueued:
        event = self.inbox.events[-1]
        assert isinstance(event, ContactQueued)
        return event


Start = Callable[..., Awaitable[House]]


@pytest.fixture
def start(serve: Serve) -> Start:
    async def begin(flow: MenuFlow | None = None, *, spool: Path | None = None,
            anonymous: str = "psikososyal") -> House:
        house = House(FakeInbox(contact_view(UNIQUEID)))
        dialogues = await serve(
            house.inbox, flow or rich(), IvrSettings(node="one", messages=frozenset({"gorus_oneri"})),
            sounds=Languages("/sounds", PROMPTS | {"pause"}), services=services(anonymous), spool=spool,
            keep=house.keep, keep_keyed=house.keep_keyed)
        house.port, house.dialogues = dialogues.server.address[1], dialogues
        return house

    return begin


@pytest.mark.parametrize(("woken", "outcome"), [(False, "abandoned"), (True, "error")])
async def test_a_caller_whom_asterisk_led_on_has_not_hung_up(start: Start, woken: bool, outcome: str) -> None:
    """A frozen node finds its dialogues closed when it wakes. Their callers may be in the fallback queue."""
    house = await start()
    house.dialogues.entry.has_just_woken = lambda: woken
    caller = Dialler(house.port, "menu", "ana", variables=NUMBER)
    caller.hang_up_at, caller.how = 4, "eof"
    await caller.call()
    await until_async(lambda: bool(house.inbox.passed))
    assert [passed.outcome for passed in house.inbox.passed] == [outcome]


def asking(check: str, digits: tuple[int, int], *, boxed: bool = False) -> MenuFlow:
    flow = rich()
    node = flow.nodes["basvuru"]
    assert isinstance(node, Digits)
    return flow._replace(nodes={**flow.nodes, "basvuru": node._replace(check=check, least=digits[0], most=digits[1],
                                                                       keep_encrypted=boxed)})


# -- digits


async def test_what_is_keyed_in_is_kept_as_a_hash_and_nothing_else_has_it(
        start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    house = await start(asking("tckn", (11, 11)))
    dialler = await house.call(["", "", *TCKN[1:]], by_file=ANSWERS | {"basvuru-no-sor": TCKN[0]})
    assert dialler.played[-13:] == ["menu-girilen", *TCKN, "menu-dogru-mu"], "read back digit by digit"
    assert house.kept == [(UNIQUEID, "basvuru_no", f"hash(tckn:{TCKN})", "")]
    assert TCKN not in str(house.inbox.events), "the journal"
    assert not [line for line in dialler.commands if TCKN in line], "the variables of the channel"
    assert TCKN not in capsys.readouterr().out, "the log"
    assert dialler.variables["ACD_NEXT"] == "hold"


async def test_a_telephone_number_is_recognised_as_that_of_a_caller_and_kept_to_be_read(start: Start) -> None:
    house = await start(asking("telefon", (10, 11), boxed=True))
    await house.call(["", "", *"5321234567", "#"], by_file=ANSWERS | {"basvuru-no-sor": "0"})
    assert house.kept == [(UNIQUEID, "basvuru_no", "hash(+905321234567)", "box(+905321234567)")]
    assert house.queued.caller_hash == "hash(+905321234567)"


async def test_an_anonymous_service_keeps_nothing_of_it(start: Start) -> None:
    house = await start(anonymous="uzaktan_egitim")
    dialler = await house.call(["", "", *"0632", "#"], by_file=ANSWERS | {"basvuru-no-sor": "4"})
    assert dialler.variables["SC_SERVICE"] == "uzaktan_egitim" and house.kept == []


async def test_the_times_of_digits(start: Start) -> None:
    house = await start()
    dialler = await house.call(["", "", "4", "0"], by_file={"basvuru-menu": "2"})
    assert dialler.waited[2:] == [17_000, 5_000, 5_000, 3_000, 17_000, 3_000]
    assert dialler.words == ["menu-tus-yok", "menu-temsilciye"]


# -- languages and needs


async def test_another_language_is_heard_and_needed(start: Start) -> None:
    house = await start()
    dialler = await house.call(by_file={"dil-ingilizce": "4", "ingilizce-menu": "2"})
    streams = [line.split('"')[7].split(",")[0] for line in dialler.commands
               if "/sounds/" in line and line.startswith("GOSUB")]
    assert streams[:4] == [f"/sounds/tr/{key}" for key in ("karsilama", "ana-menu-1", "basvuru-menu",
                                                           "diger-menu")]
    assert streams[4:] == ["/sounds/en/dil-ingilizce", "/sounds/en/secildi-dil", "/sounds/en/menu-son-adim",
                           "/sounds/en/ana-menu-1", "/sounds/en/ingilizce-menu"]
    assert dialler.variables["SC_WORDS"] == "/sounds/en/secildi-uzaktan-egitim"
    assert house.queued.needs == (("en", 1),) and house.queued.service == "uzaktan_egitim"
    assert house.queued.language == "en"
    assert (dialler.variables["SC_LANGUAGE"], dialler.variables["SC_NEEDS"]) == ("en", "en:1")
    again = await Dialler(house.port, "tick", "", variables=dict(dialler.variables)).call()
    assert again.variables["ACD_NEXT"] == "hold"


@pytest.mark.parametrize(("told", "needs"), [
    ("en:1", (("en", 1),)), ("en:1,isaret:50", (("en", 1), ("isaret", 50))), ("en", ()), ("en:1,", ()),
    ("en:1;x", ()), ("${SHELL(id)}:1", ()), ("en:1000", ()), (",".join(["en:1"] * 9), ())])
async def test_needs_outlive_the_engine_and_hostile_ones_do_not(start: Start, told: str, needs: object) -> None:
    house = await start()
    house.inbox.answers = [None, contact_view(UNIQUEID)]
    await Dialler(house.port, "tick", "", variables={"SC_SERVICE": "temsilci", "SC_NEEDS": told}).call()
    assert house.queued.needs == needs


async def test_what_callers_of_a_queue_talk_about_is_known_of_them(start: Start) -> None:
    flow = rich()
    queue = flow.queue_node("temsilci")._replace(topics=("siddet", "miras"))
    house = await start(flow._replace(nodes={**flow.nodes, "temsilci": queue}))
    dialler = await house.call(by_file={"ana-menu-1": "0"})
    assert house.queued.topics == {"siddet", "miras"} and dialler.variables["SC_TOPICS"] == "siddet,miras"


@pytest.mark.parametrize(("told", "topics"), [
    ("siddet", {"siddet"}), ("siddet,miras", {"siddet", "miras"}), ("siddet,", set()), ("${SHELL(id)}", set()),
    (",".join(["a"] * 9), set())])
async def test_topics_outlive_the_engine_and_hostile_ones_do_not(start: Start, told: str, topics: object) -> None:
    house = await start()
    house.inbox.answers = [None, contact_view(UNIQUEID)]
    await Dialler(house.port, "tick", "", variables={"SC_SERVICE": "temsilci", "SC_TOPICS": told}).call()
    assert house.queued.topics == topics


# -- outside numbers


async def test_an_outside_number_is_announced_and_the_dialplan_dials(start: Start) -> None:
    house = await start()
    dialler = await house.call(by_file={"diger-menu": "3", "sosyal-destek-menu": "1"})
    assert dialler.played[-2:] == ["secildi-sosyal-destek", "sosyal-destek-baglanti"]
    assert dialler.variables["ACD_NEXT"] == "external" and house.inbox.events == []
    assert (dialler.variables["SC_EXTERNAL"], dialler.variables["SC_EXTERNAL_FAILED"]) == ("alo183", "temsilci")


async def test_nobody_answers_there_and_the_menu_goes_on(start: Start) -> None:
    house = await start()
    back = {"SC_EXTERNAL_FAILED": "temsilci", "SC_LANGUAGE": "en", "SC_NEEDS": "en:1", "SC_SLOW": "1"}
    dialler = await house.call(variables=back)
    assert dialler.words == ["menu-aktarilamadi-yavas", "menu-temsilciye-yavas"] and dialler.played == []
    assert dialler.variables["SC_WORDS"].count("/en/") == 2
    assert house.queued.needs == (("en", 1),) and house.queued.slow
    assert dialler.variables["SC_EXTERNAL_FAILED"] == "", "the second time begins from the start"
    [rest] = house.inbox.passed
    assert (rest.entry, rest.nodes, rest.outcome, rest.resumed) == ("ana", ("temsilci",), "operator", True)


# -- spoken messages


async def test_a_message_is_taken_from_the_menu(start: Start, tmp_path: Path) -> None:
    house = await start(spool=tmp_path)
    dialler = Dialler(house.port, "menu", "ana", variables=NUMBER, by_file={"diger-menu": "3", "mesaj-menu": "2"})
    dialler.recording = bytes(64_000)
    await dialler.call()
    assert house.kept == [(UNIQUEID, "message", "gorus_oneri", ".wav")]
    heard = ["mesaj-gorus", "mesaj-konusun", "mesaj-alindi", "mesaj-tesekkur", "yazili-bilgi"]
    assert [one for one in dialler.played if one in heard] == heard
    assert dialler.variables["ACD_NEXT"] == "bye" and house.inbox.events == []


async def test_a_message_that_cannot_be_taken_brings_a_person(start: Start) -> None:
    house = await start(spool=None)
    dialler = await house.call(by_file={"diger-menu": "3", "mesaj-menu": "2"})
    assert dialler.variables["ACD_NEXT"] == "hold" and house.queued.service == "temsilci"


class Slowly(Dialler):
    """A caller whose every second counts, over `now`: a sentence takes five, silences and messages all they may.
    Presses a key in the first menu when `left_s` are left of what the machine gives."""

    def __init__(self, port: int, now: list[float], key: str, left_s: float) -> None:
        super().__init__(port, "menu", "ana", variables={**NUMBER, "SC_SLOW": "1"},
                         by_file={"ana-menu-1-yavas": key, "mesaj-menu-yavas": "2"})
        self.now, self.at, self.recorded_s = now, dialogue_machine.MAX_CALL_S - left_s, 0.0
        self.limit = float(TIMINGS.step_s)

    def _reply(self, command: str) -> str:
        silences = len(self.waited)
        reply = super()._reply(command)
        if command.startswith("GOSUB"):
            self.now[0] += self.waited[-1] / 1000 if len(self.waited) > silences else 5.0
            if self.played[-1] == "ana-menu-1-yavas":
                self.now[0] = max(self.now[0], self.at)
            self.limit = self.now[0] + TIMINGS.step_s
        elif command.startswith('SET VARIABLE "TIMEOUT(absolute)"'):
            self.limit = self.now[0] + float(self.variables["TIMEOUT(absolute)"])
        elif command.startswith("RECORD FILE"):
            self.recorded_s += int(re.findall(r'"([^"]*)"', command)[3]) / 1000
            self.now[0] += int(re.findall(r'"([^"]*)"', command)[3]) / 1000
        assert self.now[0] < self.limit, "Asterisk has ended the dialogue"
        return reply


@pytest.mark.parametrize(("key", "left_s", "said", "recorded_s", "onward"), [
    ("3", 60.0, bytes(64_000), node_reader.MOST_MESSAGE_S, "bye"),
    ("3", 60.0, b"", voice_message.TRIES * node_reader.MOST_MESSAGE_S, "hold"), ("*", 1.0, b"", 0, "hold")],
    ids=["a message", "nothing heard", "a pause"])
async def test_no_limit_of_the_dialplan_cuts_the_longest_dialogue(
        start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, left_s: float, said: bytes,
        recorded_s: int, onward: str) -> None:
    now, flow = [0.0], rich()
    monkeypatch.setattr(menu_dialogue, "time", SimpleNamespace(monotonic=lambda: now[0]))
    left = flow.nodes["mesaj"]
    assert isinstance(left, Message)
    longest = left._replace(max_s=float(node_reader.MOST_MESSAGE_S))
    house = await start(flow._replace(nodes={**flow.nodes, "mesaj": longest}), spool=tmp_path)
    dialler = Slowly(house.port, now, key, left_s)
    dialler.recording = said
    await dialler.call()
    assert (dialler.recorded_s, dialler.variables["ACD_NEXT"], len(house.kept)) == (recorded_s, onward, bool(said))
    assert now[0] > dialogue_machine.MAX_CALL_S, "longer than the machine gives"


@pytest.mark.parametrize(("key", "played"), [
    ("2", []), ("", ["ingilizce-menu"])], ids=["with the key", "without a key"])
async def test_a_node_goes_on_in_the_menu_where_another_one_left_the_caller(
        start: Start, key: str, played: list[str]) -> None:
    house = await start()
    dialler = await house.call(variables={"SC_PLACE": "ingilizce-menu", "SC_PLACE_KEY": key, "SC_LANGUAGE": "en",
                                          "SC_NEEDS": "en:1"}, by_file={"ingilizce-menu": "2"})
    assert [one for one in dialler.played if one in ("karsilama", "ingilizce-menu")] == played
    assert dialler.variables["ACD_NEXT"] == "hold" and dialler.variables["SC_PLACE"] == ""
    assert house.queued.language == "en"


@pytest.mark.parametrize("place", ["a-node-of-the-menu-before", "${SHELL(id)}"])
async def test_a_place_that_no_menu_has_is_the_beginning(start: Start, place: str) -> None:
    house = await start()
    dialler = await house.call(variables={"SC_PLACE": place, "SC_PLACE_KEY": "1"}, by_file={"karsilama": "2"})
    assert dialler.played[0] == "karsilama"


@pytest.mark.parametrize("told", ["de", "../x", "${SHELL(id)}"])
async def test_a_language_that_nobody_speaks_is_the_first_one(start: Start, told: str) -> None:
    house = await start()
    dialler = await house.call(variables={"SC_EXTERNAL_FAILED": "temsilci", "SC_LANGUAGE": told})
    assert dialler.variables["ACD_NEXT"] == "hold"
    assert all("/tr/" in line for line in dialler.commands if line.startswith("GOSUB") and "/sounds/" in line)
