"""`santral why`: each way a contact may go is told, who was not chosen and why; needs are named for nobody else."""

from __future__ import annotations

import ast
import re
from datetime import UTC
from pathlib import Path
from string import Formatter

import pytest

from planning.errors import PlanningError
from planning.journal.recording_engine import RecordingEngine
from planning.why import contact_account
from planning.why.view import AccountView
from planning.why.words import AccountWords, all_texts
from routing.core import events as e
from routing.core.callers.menu_outcome import OUTCOMES as MENU_RESULTS
from routing.core.explain import ExclusionReason, WaitReason
from routing.core.matching.strategies import STRATEGIES as ALL_STRATEGIES
from routing.core.model.centre_model import (
    Agent,
    AgentState,
    Channel,
    Outcome,
    Profile,
    Rule,
    Service,
    Step,
    Trigger,
    WayOut,
)
from routing.core.model.facts import Ended
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, SkillId
from routing.core.stored import Started
from tests.core.house import farewell_after
from tests.fakes.archive import Archive
from tests.oracle.side_by_side import rows
from tests.why_house import DESTEK, GENEL, NO_WRAP, SKILL, House, text

pytestmark = pytest.mark.unit


def test_how_long_a_wrap_up_lasted_is_for_those_alone_who_may_know_needs() -> None:
    house = House(agents=(Agent(AgentId("ali"), ((SKILL, 50),), Profile(wrapup_s=40.0)),))
    house.sits(0.0, "ali")
    house.calls(10.0, "c1")
    house.together(11.0, 1, "c1")
    house.at(60.0, e.TalkEnded(OfferId(1), "caller"))
    house.at(101.0)
    account = house.tell("c1")
    assert "işlem" not in text(account) and "40 sn" not in text(account), "when it was over tells how long it was"
    assert "ali: görüşme sonrası işlem bitti (40 sn)" in text(account, needs=True)


def test_a_transfer_names_who_had_the_caller_before() -> None:
    house = House()
    house.sits(0.0, "ali", "ece")
    house.calls(10.0, "c1")
    house.together(11.0, 1, "c1")
    house.at(60.0, e.TransferRequested(OfferId(1), DESTEK))
    house.together(61.0, 2, "c1")
    house.at(100.0, e.TalkEnded(OfferId(2), "agent"))
    told = text(house.tell("c1"))
    assert "Görüşenler: ece, Genel bilgi (genel) → ali, Destek (destek)" in told
    assert "ece: görüşme bitti, 49 sn; arayanı aktardı: Destek (destek)" in told
    assert "Genel bilgi (genel) → Destek (destek), temsilci aktardığı için; 1. sırada" in told
    assert "görüşme 1 dk 28 sn." in told and "ali: görüşme bitti, 39 sn; temsilci kapattı" in told


def test_asking_somebody_first() -> None:
    house = House()
    house.sits(0.0, "ali", "ece")
    house.calls(10.0, "c1")
    house.together(11.0, 1, "c1")
    house.at(30.0, e.ConsultRequested(OfferId(1), DESTEK))
    house.at(31.0, e.OfferEnded(OfferId(2), "busy"))
    house.at(50.0, e.ConsultEndRequested(OfferId(1)))
    told = text(house.tell("c1"), english=True)
    for words in ("ece: consults a colleague of Destek (destek); the caller waits", "ece: put on hold",
                  "ali: not connected; the phone was busy", "ece: has the caller again", "ece: took off hold",
                  "Is talked with; the record ends at 00:00:50"):
        assert words in told, words


def test_a_place_of_a_call_that_dropped_and_giving_it_back() -> None:
    house = House()
    house.calls(10.0, "c1", caller_hash="h")
    house.at(40.0, e.CallerHungUp(ContactId("c1")))
    house.calls(60.0, "c2", caller_hash="h")
    told = text(house.tell("c2"))
    assert "Sıradaki yerini önceki iletişiminden aldı: c1 (01.01.1970 00:00:10)" in told
    assert "beklemesi 00:00:10 saatinden sayılır (50 sn önce)" in told
    house.at(70.0, e.HeldPositionDeclined(ContactId("c2")))
    assert "Arayan önceki çağrısının yerini geri verdi; bekleme 00:01:00 saatinden sayılır" in text(house.tell("c2"))


def test_a_call_back_after_a_lost_talk_and_the_talk_name_each_other() -> None:
    house = House(Service(GENEL, "Genel bilgi", (Step(((SKILL, 1),)),), follows_up=True))
    house.sits(0.0, "ece")
    house.calls(10.0, "17.1", caller_hash="h")
    house.together(11.0, 1, "17.1")
    house.at(20.0, e.FollowUpAgreed(OfferId(1), True))
    house.at(40.0, e.TalkEnded(OfferId(1), "dropped"))
    lost, again = text(house.tell("17.1")), text(house.tell("f17.1"))
    assert "Görüşme kesildi; arayan geri aranıyor: f17.1" in lost
    assert "Arayan, hat kesilirse geri aranmak istiyor" in lost
    assert "Kesilen bir görüşme için geri arama: 17.1 (01.01.1970 00:00:10), ece" in again


def test_a_caller_who_chooses_a_time_for_a_callback() -> None:
    house = House(Service(GENEL, "Genel bilgi", (Step(((SKILL, 1),)),)))
    house.calls(10.0, "17.1", caller_hash="h")
    house.at(20.0, e.CallbackRequested(ContactId("17.1")))
    house.at(25.0, e.CallbackRequested(ContactId("17.1"), window=(3_600.0, 7_200.0)))
    assert "Geri arama için bir zaman seçti: en erken 01:00:00" in text(house.tell("17.1"))


def test_a_call_back_of_somebody_else_whose_id_begins_so_is_not_named() -> None:
    house = House(Service(GENEL, "Genel bilgi", (Step(((SKILL, 1),)),), follows_up=True))
    house.sits(0.0, "ece", "ali")
    for number, contact in enumerate(("17.1", "17.12"), 1):
        house.calls(10.0 + 2 * number, contact, caller_hash=f"h{number}")
        house.together(11.0 + 2 * number, number, contact)
    house.at(20.0, e.FollowUpAgreed(OfferId(2), True))
    house.at(40.0, e.TalkEnded(OfferId(2), "dropped"))
    house.at(40.0, e.TalkEnded(OfferId(1), "caller"))
    assert "f17.12" in text(house.tell("17.12")) and "f17.12" not in text(house.tell("17.1"))


def test_whose_end_is_older_than_the_record_is_not_said_to_wait() -> None:
    house = House()
    house.sits(0.0, "ece")
    house.calls(10.0, "c1")
    house.together(11.0, 1, "c1")
    house.at(30.0, e.TalkEnded(OfferId(1), "caller"))
    house.at(300.0)
    account = house.tell("c1")
    cut = account._replace(facts=account.facts[-1:], whole=False)
    assert not any(isinstance(fact, Ended) for fact in cut.facts)
    told = text(cut)
    assert " Yanıtlandı. " in told and "Bekliyor" not in told


def test_a_call_that_was_cut_goes_in_front() -> None:
    house = House()
    house.sits(0.0, "ece")
    house.calls(10.0, "c1")
    house.together(11.0, 1, "c1")
    house.at(30.0, e.TalkEnded(OfferId(1), "lost"))
    told = text(house.tell("c1"))
    assert "görüşme koptu; arayan sıranın önüne alındı" in told
    assert "Boşta uygun kimse yoktu: telefonu hazır değildi (1), oturumu kapalıydı (1)." in told
    assert "Bekliyor; kaydın sonu" in told


def test_who_gave_up_is_told_who_was_there_then() -> None:
    house = House()
    house.sits(0.0, "ece")
    house.calls(10.0, "c1")
    house.together(11.0, 1, "c1")
    house.calls(20.0, "c2")
    house.at(50.0, e.AgentSignedIn(AgentId("ali"), SeatId("nowhere")))
    house.at(90.0, e.CallerHungUp(ContactId("c2")))
    told = text(house.tell("c2"))
    assert "Arayan beklerken kapattı; bekleme 1 dk 10 sn; 1. sıradaydı." in told
    assert "Boşta uygun kimse yoktu: başka bir iletişimle ilgileniyordu (1), oturumu kapalıydı (1)." in told
    assert ("Ayrılırken boşta uygun kimse yoktu: telefonu hazır değildi (1), başka bir iletişimle ilgileniyordu (1)."
            in told)


def test_who_waits_for_somebody_who_is_not_there_is_told_why() -> None:
    house = House(Service(GENEL, "Genel", (Step(((SkillId("isaret"), 1),)),)))
    house.sits(0.0, "ali")
    house.calls(10.0, "c1")
    house.at(100.0, e.HoldTick(ContactId("c1")))
    told = text(house.tell("c1"))
    assert "Bekliyor; kaydın sonu 00:01:40." in told
    waits = told.partition("Neden hâlâ bekliyor")[2]
    assert "00:01:40 itibarıyla 1. sırada." in waits
    assert "gereken beceri yok: isaret 1 ali" in waits and "oturumu kapalıydı 1 ece" in waits


def test_what_keeps_a_contact_from_everybody() -> None:
    house = House(Service(GENEL, "Genel", (Step(((SKILL, 1),)),), max_talking=1, when_waited=farewell_after(30.0)))
    house.sits(0.0, "ali", "ece")
    house.calls(10.0, "c1")
    house.calls(11.0, "c2")
    assert house.tell("c2").waiting is not None
    full = text(house.tell("c2")).partition("Neden hâlâ")[2]
    assert "Bu hizmetten aynı anda görüşülebilecek sayı dolu." in full and "uygun 1 ali" in full
    house.at(12.0, e.LinkChanged("", False))
    house.calls(13.0, "c3")
    assert all_texts()[f"held.{WaitReason.LINK}"].tr in text(house.tell("c3"))
    house.at(14.0, e.LinkChanged("", True))
    house.at(45.0, e.QuietHoursChanged(True), e.CallbackRequested(ContactId("c3")), e.CallerHungUp(ContactId("c3")))
    assert all_texts()[f"held.{WaitReason.QUIET_HOURS}"].tr in text(house.tell("c3"))


def test_a_closed_service_turns_away_and_the_caller_hears_of_another_way() -> None:
    house = House(Service(GENEL, "Genel bilgi", (Step(((SKILL, 1),)),), when_closed=Rule(way=WayOut.CALLBACK)))
    house.sits(0.0, "ali")
    house.at(5.0, e.ServiceHoursSet(GENEL, False))
    house.calls(10.0, "c1")
    assert all_texts()[f"held.{WaitReason.TURNED_AWAY}"].tr in text(house.tell("c1"))
    house.at(12.0, e.ContactExited(ContactId("c1"), "rule", "closed"))
    assert "Hizmet kapalıydı; arayan başka yolu istemedi; bekleme 2 sn" in text(house.tell("c1"))


def test_the_way_through_the_menu_and_who_never_came_out_of_it() -> None:
    house = House()
    house.at(5.0, e.MenuEnded(ContactId("c1"), "ana", ("karsilama", "ana-menu"), "queued", 31.0, "genel", 1, 2))
    house.calls(5.0, "c1")
    house.at(7.0, e.MenuEnded(ContactId("c2"), "ana", ("karsilama",), "abandoned", 4.0))
    assert ("Menü (ana): karsilama › ana-menu; 31 sn; seçim: Genel bilgi (genel), 1 soruya tuş gelmedi, 2 yanlış tuş"
            in text(house.tell("c1")))
    assert "questions without a key: 1, wrong keys: 2" in text(house.tell("c1"), english=True)
    only = text(house.tell("c2"))
    assert "Hiç sıraya girmedi." in only and "menüde kapattı" in only


def test_other_points_and_another_service() -> None:
    house = House()
    house.calls(5.0, "c1")
    house.at(6.0, e.ContactPrioritised(ContactId("c1"), 4))
    house.calls(8.0, "c1", DESTEK)
    told = text(house.tell("c1"))
    assert "Önceliği değişti: 4 (gözetmen); 1. sıra" in told
    assert "Genel bilgi (genel) → Destek (destek), arayan kendisi seçtiği için" in told


def test_an_agent_on_a_break_is_that_whatever_else_they_need() -> None:
    """Somebody whose profile excludes calls, or this service, and who is on a break: told as a need it would show that
    there is one."""
    quiet = Agent(AgentId("can"), ((SKILL, 50),), NO_WRAP._replace(no_topics=frozenset({"genel"})))
    chats = Agent(AgentId("ece"), ((SKILL, 50),), NO_WRAP._replace(channels=frozenset({Channel.CHAT})))
    house = House(agents=(Agent(AgentId("ali"), ((SKILL, 50),), NO_WRAP), quiet, chats))
    house.sits(0.0, "ali", "can", "ece")
    house.at(5.0, e.AgentPaused(AgentId("can")))
    house.calls(10.0, "c1")
    told, named = text(house.tell("c1")), text(house.tell("c1"), needs=True)
    assert "hazır değildi: molada 1 can" in told and "uygun değildi 1 ece" in told
    assert "bu konuyu almıyor: genel 1 can" in named and "bu kanaldan iletişim almıyor 1 ece" in named


def test_names_and_steps_are_those_of_the_time() -> None:
    steps = (Step(((SKILL, 95),), 60.0), Step(((SKILL, 1),)))
    house = House(Service(GENEL, "Genel bilgi", steps), Service(DESTEK, "Destek", (Step(()),)), agents=(
        Agent(AgentId("ali"), ((SKILL, 96),), NO_WRAP), Agent(AgentId("ece"), ((SKILL, 90),), NO_WRAP)))
    house.sits(0.0, "ali", "ece")
    house.at(1.0, e.AgentPaused(AgentId("ali")))
    house.calls(5.0, "c1")
    house.at(10.0, e.Configured(house.centre._replace(services=(
        Service(GENEL, "Bilgi hattı", (Step(((SKILL, 80),)),)), house.centre.services[1]))))
    told = text(house.tell("c1"))
    assert "Sıraya girdi: Genel bilgi (genel)" in told and "1. adım; aranan: genel ≥ 95" in told
    assert "ece seçildi (teklif 1): düzey 90" in told and "1. adım, düzey" not in told, "one step is left"
    house.at(11.0, e.OfferConnected(OfferId(1), ContactId("c1")), e.TransferRequested(OfferId(1), DESTEK))
    assert "Bilgi hattı (genel) → Destek (destek)" in text(house.tell("c1"))


def test_a_contact_lives_through_a_restart() -> None:
    house = House()
    house.calls(10.0, "c1")
    contacts, offers, agents = rows(house.heard)
    again = RecordingEngine()
    again.handle(Started(house.centre, tuple(contacts), tuple(offers), tuple(agents), next_offer=1,
                         next_fact=len(house.heard.happened) + 1), 20.0)
    again.take_facts()
    before, house.heard = house.heard, again
    house.sits(30.0, "ece")
    assert all_texts()[f"held.{WaitReason.LINK}"].tr in text(contact_account.explain_contact(Archive.of(before,
        again), "c1")), "not heard of since"
    house.at(31.0, e.LinkChanged("", True))
    account = contact_account.explain_contact(Archive.of(before, again), "c1")
    assert not account.untold and "ece seçildi (teklif 1): düzey 90, 1 sn boşta" in text(account)


def test_an_id_that_was_used_before() -> None:
    house = House()
    house.calls(10.0, "c1")
    house.at(20.0, e.CallerHungUp(ContactId("c1")))
    house.calls(500.0, "c1", DESTEK)
    older, later = (text(house.tell(name)) for name in (
        next(name for name in Archive.of(house.heard).rows if "~" in name), "c1"))
    assert "Arayan beklerken kapattı" in older and "Destek" not in older
    assert "Bekliyor" in later and "00:08:20 Sıraya girdi: Destek" in later and "kapattı" not in later


def test_which_contact_is_meant() -> None:
    house = House()
    for number in range(10, 18):
        house.calls(float(number), f"17.{number}")
    archive = Archive.of(house.heard)
    assert contact_account.explain_contact(archive, "17.10").contact == "17.10"
    for words, message in (
            ("17.1", "17.1 is the beginning of several contacts: 17.10, 17.11, 17.12, 17.13, 17.14, 17.15 and more."),
            ("18", "no contact 18 in this journal"), (" ", "name a contact")):
        with pytest.raises(PlanningError, match=re.escape(message)):
            contact_account.explain_contact(archive, words)


def test_a_record_without_its_beginning() -> None:
    house = House()
    house.calls(10.0, "c1")
    archive = Archive.of(house.heard)
    archive._facts = []
    with pytest.raises(PlanningError, match="contact c1 is older than the journal"):
        contact_account.explain_contact(archive, "c1")


def test_a_record_that_is_not_what_the_engine_decides() -> None:
    house = House()
    house.sits(0.0, "ali", "ece")
    house.calls(10.0, "c1")
    archive = Archive.of(house.heard)
    archive._facts = [fact._replace(agent=AgentId("ali")) if type(fact).__name__ == "Offered" else fact  # type: ignore
                      for fact in archive._facts]
    account = contact_account.explain_contact(archive, "c1")
    assert account.untold == [1] and account.waiting is None
    assert "kayıt yeniden oynatılınca aynı karar çıkmıyor" in text(account)
    assert AccountView(account, AccountWords(UTC)).to_json()["replay_complete"] is False


def test_everybody_is_named_when_asked_for() -> None:
    house = House(agents=tuple(Agent(AgentId(f"a{number}"), ((SKILL, 50),)) for number in range(12)))
    house.sits(0.0, "a0")
    house.calls(10.0, "c1")
    account = house.tell("c1")
    assert "oturumu kapalıydı 11 –" in text(account)
    assert "a9, a10, a11" in text(account, everybody=True)
    offers = AccountView(account, AccountWords(UTC)).to_json()["offers"]
    assert isinstance(offers, list) and len(offers[0]["agents"]) == 12


def test_every_word_there_may_be_has_both_languages() -> None:
    sections: dict[str, set[str]] = {}
    for key in all_texts():
        section, _, name = key.rpartition(".")
        sections.setdefault(section, set()).add(name)
    for section, wanted in {"reasons": ExclusionReason, "held": WaitReason, "states": AgentState, "outcomes": Outcome,
                            "menu": MENU_RESULTS, "strategies": ALL_STRATEGIES, "channels": Channel,
                            "now": {"pending", "reserved", "assigned", "wrapping"}, "tiers": {"1", "2"},
                            "moves": {*Trigger, "chosen", "supervisor", "transfer"}}.items():
        assert sections[section] == {str(one) for one in wanted}, section
    core = Path(__file__).resolve().parents[3] / "routing" / "core"
    taken = {word for file in core.rglob("*.py") for word in re.findall(
        r"\w*close_offer\(d, [\w.]+, \"\w+\", \"(\w+)\"", file.read_text(encoding="utf-8"))}
    assert taken and taken <= sections["ends"] | {"sign_out", "pause"}


def test_the_catalogue_and_the_code_agree() -> None:
    """Each text is used, each key exists, and both languages have the placeholders that the code fills in."""
    texts = all_texts()
    planning = Path(__file__).resolve().parents[3] / "planning"
    trees = [ast.parse((planning / "why" / f"{name}.py").read_text(encoding="utf-8"))
             for name in ("words", "contact_course", "view", "cli", "conclusion")]
    filled: dict[str, set[str]] = {}
    used: set[str] = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            used.add(node.value)
        elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            used.add(str(node.values[0].value).rstrip("."))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "translate_text":
            keys = [one for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)]
            for key in {str(one.value) for one in keys}:
                filled.setdefault(key.rstrip("."), set()).update(str(word.arg) for word in node.keywords)
    for key, said in texts.items():
        names = [{name for _, name, _, _ in Formatter().parse(text) if name is not None} for text in said]
        assert all(said) and names[0] == names[1], key
        section = key.rpartition(".")[0]
        assert key in used or section in used, f"{key} is used nowhere"
        if names[0]:
            assert names[0] <= filled.get(key, filled.get(section, set())), key
    assert {key for key in filled if key.startswith("lines.")} <= set(texts)


def test_lengths_of_time_read_well() -> None:
    turkish, english = AccountWords(UTC), AccountWords(UTC, english=True)
    assert [turkish.format_duration(seconds) for seconds in (0.2, 34, 60, 192, 3_600, 7_325)] == [
        "0 sn", "34 sn", "1 dk", "3 dk 12 sn", "1 sa", "2 sa 2 dk"]
    assert english.format_duration(192) == "3 min 12 s"
    assert turkish.format_time(86_400.0 + 5.0, 0.0) == "02.01.1970 00:00:05" \
        and turkish.format_time(5.0, 0.0) == "00:00:05"
