"""The state of Asterisk compared with the engine's, and the true ends of calls from the CEL file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from routing.ami import cel_recovery
from routing.ami.cel_recovery import CelRecovery, ChannelPast
from routing.ami.resync import (
    Channel,
    Snapshot,
    channels_to_explain,
    diff_events,
    found_talks,
    misbridged_callers,
    stray_legs,
)
from routing.core.events import (
    CallbackFailed,
    CallerHungUp,
    ChannelShown,
    ConsultRequested,
    ContactExited,
    Event,
    FallbackEntered,
    FollowUpAgreed,
    HoldSet,
    LinkChanged,
    OfferAnswered,
    OfferConnected,
    OfferEnded,
    OfferRinging,
    TalkEnded,
    TalkFound,
    TransferRequested,
)
from routing.core.model.centre_model import ContactState, OfferState, Profile
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId
from routing.core.model.live_calls import LiveContact, LiveOffer
from tests.core.house import EDU, House, restore
from tests.oracle.side_by_side import rows

pytestmark = pytest.mark.unit

C, LEG = ContactId("7.1"), "o3-7.1"
CONTACT = LiveContact(C, "PJSIP/trunk-1", ContactState.RESERVED, "")
PENDING = LiveOffer(OfferId(3), C, AgentId("a1"), SeatId("2001"), OfferState.PENDING, False, LEG)
ANSWERED = PENDING._replace(answered=True)
TALKING = PENDING._replace(state=OfferState.ACCEPTED, answered=True)


def now(*channels: tuple[str, str, str]) -> Snapshot:
    return Snapshot("x", {u: Channel(u, f"PJSIP/{u}", state, bridge) for u, state, bridge in channels}, ())


CALLER, CALLER_TALKS = (C, "Up", ""), (C, "Up", "b")


@pytest.mark.parametrize("offer, channels, expected", [
    (PENDING, [CALLER], [OfferEnded(OfferId(3), "failed")]),
    (PENDING, [CALLER, (LEG, "Down", "")], []),
    (PENDING, [CALLER, (LEG, "Ringing", "")], [OfferRinging(OfferId(3))]),
    (PENDING, [CALLER, (LEG, "Up", "")], [OfferAnswered(OfferId(3))]),
    (ANSWERED, [CALLER, (LEG, "Up", "")], []),
    (PENDING, [(LEG, "Up", "b"), CALLER_TALKS], [OfferConnected(OfferId(3), C)]),
    (PENDING, [(LEG, "Up", "b"), CALLER, ("9.9", "Up", "b")], [OfferConnected(OfferId(3), ContactId("9.9"))]),
    (TALKING, [(LEG, "Up", "b"), CALLER_TALKS], []),
    (TALKING, [(LEG, "Up", "b"), CALLER, ("9.9", "Up", "b")], [OfferConnected(OfferId(3), ContactId("9.9"))]),
    (TALKING, [(LEG, "Up", ""), CALLER], []),
    (TALKING, [CALLER], [TalkEnded(OfferId(3), "agent"), OfferEnded(OfferId(3), "hangup")]),
    (TALKING, [], [TalkEnded(OfferId(3), "caller"), OfferEnded(OfferId(3), "hangup"), CallerHungUp(C)]),
    (TALKING, [(LEG, "Up", "")], [TalkEnded(OfferId(3), "caller"), CallerHungUp(C)]),
    (PENDING, [], [OfferEnded(OfferId(3), "failed"), CallerHungUp(C)]),
])
def test_each_difference_becomes_its_event(
        offer: LiveOffer, channels: list[tuple[str, str, str]], expected: list[Event]) -> None:
    assert diff_events(now(*channels), [CONTACT], [offer]) == expected


@pytest.mark.parametrize("offer, held, expected", [
    (TALKING, {LEG: True}, [HoldSet(OfferId(3), True)]),
    (TALKING._replace(held=True), {LEG: True}, []),
    (TALKING._replace(held=True), {LEG: False}, [HoldSet(OfferId(3), False)]),
    (TALKING._replace(held=True), {}, []),
    (PENDING, {LEG: True}, [OfferConnected(OfferId(3), C), HoldSet(OfferId(3), True)]),
    (TALKING._replace(held=True, state=OfferState.CONSULTING), {LEG: False}, [OfferConnected(OfferId(3), C)]),
])
def test_who_was_put_on_hold_or_taken_back_in_the_gap(
        offer: LiveOffer, held: dict[str, bool], expected: list[Event]) -> None:
    assert diff_events(now((LEG, "Up", "b"), CALLER_TALKS), [CONTACT], [offer], held=held) == expected


@pytest.mark.parametrize("channels, expected", [
    ([], [CallbackFailed(None, "failed", C)]), ([(C, "Ringing", "")], []), ([(C, "Up", "")], [])])
def test_a_caller_who_is_dialled_without_an_agent_did_not_hang_up(channels: list[tuple[str, str, str]],
                                                                  expected: list[Event]) -> None:
    dialled = LiveContact(C, "", ContactState.PENDING, "", dialling=True)
    assert diff_events(now(*channels), [dialled], []) == expected
    assert channels_to_explain(now(*channels), [dialled], []) == set(), "the CEL file has nothing to explain"


@pytest.mark.parametrize("channels, past, expected", [
    ([CALLER], {}, [ChannelShown(C)]),
    ([], {}, [CallerHungUp(C)]),
    ([], {C: ChannelPast()}, [ChannelShown(C), CallerHungUp(C)]),
    ([], {C: ChannelPast(ended=12.5)}, [ChannelShown(C), CallerHungUp(C, 12.5)]),
])
def test_a_channel_that_asterisk_has_or_had_shows_its_contact(
        channels: list[tuple[str, str, str]], past: dict[str, ChannelPast], expected: list[Event]) -> None:
    assert diff_events(now(*channels), [CONTACT._replace(shown=False)], [], past=past) == expected


def test_a_restart_of_asterisk_is_no_abandonment_and_the_true_end_is_used() -> None:
    assert diff_events(now(), [CONTACT], [], restarted=True,
        past={C: ChannelPast(ended=12.5)}) == [CallerHungUp(C, 12.5, True)]


def test_who_went_away_with_asterisk_was_lost_and_who_hung_up_before_was_not() -> None:
    over = OfferEnded(OfferId(3), "hangup")
    assert diff_events(now(), [CONTACT], [TALKING], restarted=True) == [
        TalkEnded(OfferId(3), "dropped"), over, CallerHungUp(C, None, True)]
    ended = {LEG: ChannelPast(2.0, 9.0), C: ChannelPast(2.0, 9.001)}
    assert diff_events(now(), [CONTACT], [TALKING], restarted=True, past=ended) == [
        TalkEnded(OfferId(3), "caller", 9.0), over, CallerHungUp(C, 9.001, True)]


def test_a_caller_who_had_agreed_is_called_back_after_a_crash_of_asterisk() -> None:
    service = EDU._replace(distress=True)
    house = House({"a": 50}, services=(service,))
    house.sits("a", at=1.0)
    offer = house.calls("edu", 2.0, caller_hash="h", number_encrypted="box")
    house.tell(OfferConnected(offer.offer, offer.contact), 3.0)
    house.tell(FollowUpAgreed(offer.offer), 4.0)
    engine = house.engine
    for event in diff_events(now(), engine.live_contacts(), engine.live_offers(), restarted=True):
        house.tell(event, 50.0)
    waiting = house.contact(ContactId(f"f{offer.contact}"))
    assert waiting is not None and waiting.callback


def test_a_partners_leg_is_no_caller_and_a_stray_when_its_offer_is_over() -> None:
    state = now(("p3-7.1", "Up", "b"), (LEG, "Up", "b"), CALLER_TALKS, ("p5-7.3", "Ringing", ""))
    assert diff_events(state, [CONTACT._replace(state=ContactState.ASSIGNED)], [TALKING]) == []
    assert stray_legs(state, [TALKING]) == ["p5-7.3"]
    assert state.bridge_members()[0] == ("b", C) and ("p5-7.3", True, False) in state.agent_legs()


@pytest.mark.parametrize(("seen", "asked"), [
    ([("p3-7.1", "Up", "")], True), ([("p3-7.1", "Ringing", "")], False), ([("p4-7.1", "Up", "")], False), ([], False)])
def test_who_of_a_pair_has_picked_up_is_told_before_all_else_and_once(seen: list[Any], asked: bool) -> None:
    rings, told = PENDING._replace(partner_rings=True), [OfferAnswered(OfferId(3), True)] if asked else []
    assert diff_events(now(CALLER, (LEG, "Ringing", ""), *seen), [CONTACT], [rings]) == [*told,
        OfferRinging(OfferId(3))]
    assert diff_events(now(CALLER, *seen), [CONTACT], [rings]) == [*told, OfferEnded(OfferId(3), "failed")]
    assert diff_events(now(CALLER, (LEG, "Ringing", ""), *seen), [CONTACT], [PENDING]) == [OfferRinging(OfferId(3))]


@pytest.mark.parametrize(("up", "misses"), [("o", (0, 1)), ("p", (1, 0)), ("", (1, 1))])
def test_after_a_restart_who_of_a_pair_picks_up_has_missed_nothing_when_the_other_one_does_not_come(
        up: str, misses: tuple[int, int]) -> None:
    profile = Profile(pair_id="x", rna_allowed=3)
    before, house = House({"a": 50, "b": 50}, profile), House({"a": 50, "b": 50}, profile)
    before.sits("a", "b", at=1.0)
    offer = before.calls("edu", 2.0)
    before.tell(OfferRinging(offer.offer), 3.0)
    assert restore(house.engine, *rows(before.engine), 5.0) == []
    house.tell(LinkChanged("", True), 5.0)
    ours = f"{offer.offer}-{offer.contact}"
    state = now((offer.contact, "Up", ""), *((leg + ours, "Up" if leg == up else "Ringing", "") for leg in "op"))
    engine = house.engine
    for event in diff_events(state, engine.live_contacts(), engine.live_offers()):
        house.tell(event, 5.1)
    assert diff_events(state, engine.live_contacts(), engine.live_offers()) in ([],
        [OfferRinging(offer.offer)]), "told once"
    house.tell(OfferEnded(offer.offer, "no_answer", up == "o"), 20.0)
    assert tuple(house.engine._domain.agents[AgentId(name)].rna_count for name in "ab") == misses
    assert house.engine.live_offers() == []


def test_stray_legs_are_found_but_no_talk_is_cut() -> None:
    state = now((LEG, "Ringing", ""), ("o4-7.2", "Up", "b"), ("7.2", "Up", "b"), ("o5-7.3", "Ringing", ""), CALLER)
    assert stray_legs(state, [PENDING]) == ["o5-7.3"]


def test_the_engine_hears_of_a_talk_of_a_caller_who_waits_for_it() -> None:
    state, past = now((LEG, "Up", "b"), CALLER_TALKS), {LEG: ChannelPast(entered=12.5)}
    assert found_talks(state, [], [CONTACT]) == [TalkFound(OfferId(3), C)] and stray_legs(state, [], [CONTACT]) == []
    assert channels_to_explain(state, [CONTACT], []) == {LEG}
    assert found_talks(state, [], [CONTACT], past) == [TalkFound(OfferId(3), C, 12.5)]
    for offers, contacts in (([], [CONTACT._replace(state=ContactState.ASSIGNED)]), ([TALKING], [CONTACT]), ([], [])):
        assert found_talks(state, offers, contacts) == [] and stray_legs(state, offers, contacts) == []


def test_a_talk_of_an_offer_that_was_over_is_told_although_it_has_ended() -> None:
    """The phone answered while the link stalled, and the caller hung up before it was back."""
    past = {LEG: ChannelPast(entered=12.5, ended=20.0), C: ChannelPast(ended=20.0)}
    assert channels_to_explain(now(), [CONTACT], []) == {C}
    told = [TalkFound(OfferId(3), C, 12.5), TalkEnded(OfferId(3), "caller", 20.0), OfferEnded(OfferId(3), "hangup")]
    assert diff_events(now(), [CONTACT], [], past=past) == [*told, CallerHungUp(C, 20.0)]
    # A caller who hears the good-bye was served. One who waits again has lost the agent, or was transferred.
    for context, talked in (("santral-bye", True), ("santral-after-talk", True), ("santral-hold", False)):
        state = now(CALLER)
        state.channels[C] = state.channels[C]._replace(context=context)
        served = [told[0], TalkEnded(OfferId(3), "agent", 20.0), told[2]]
        assert diff_events(state, [CONTACT], [], past=past) == (served if talked else [])
    # A talk that the engine knows is told once.
    assert not any(isinstance(one, TalkFound) for one in diff_events(now(), [CONTACT], [PENDING], past=past))
    # A talk in which Asterisk died has no end in the file.
    cut = {LEG: ChannelPast(entered=12.5), C: ChannelPast(entered=12.5)}
    assert diff_events(now(), [CONTACT], [], past=cut, restarted=True) == [
        told[0], TalkEnded(OfferId(3), "dropped"), told[2], CallerHungUp(C, None, True)]
    assert not any(isinstance(one, TalkFound) for one in diff_events(now(), [CONTACT], [], past=cut))


def test_a_leg_with_another_caller_than_its_own_is_ended_if_that_one_waits() -> None:
    for leg in ("o3-7.2", "p3-7.1"):
        state = now((leg, "Up", "b"), CALLER_TALKS)
        assert stray_legs(state, [], [CONTACT]) == [leg] and found_talks(state, [], [CONTACT]) == []


def test_a_look_goes_over_the_channels_once_whatever_the_number_of_legs() -> None:
    class Counted(dict[str, Channel]):
        looks = 0

        def values(self) -> Any:
            Counted.looks += 1
            return super().values()

    talks = [(f"7.{n}", "Up", f"b{n}") for n in range(50)] + [(f"o{n}-7.{n}", "Up", f"b{n}") for n in range(50)]
    state = now(*talks)._replace(channels=Counted(now(*talks).channels))
    offers = [TALKING._replace(offer=OfferId(n), contact=ContactId(f"7.{n}"), leg=f"o{n}-7.{n}") for n in range(50)]
    contacts = [CONTACT._replace(contact=ContactId(f"7.{n}"), state=ContactState.ASSIGNED) for n in range(50)]
    assert diff_events(state, contacts, offers) == [] and stray_legs(state, offers) == []
    assert Counted.looks <= 4


def test_who_is_first_in_a_bridge_is_the_caller() -> None:
    state = now(("7.9", "Up", "b"), ("7.1", "Up", "b"), (LEG, "Up", "b"), ("7.3", "Up", ""))
    assert state.callers_by_bridge() == {"b": "7.9"}
    assert diff_events(state, [CONTACT], [TALKING]) == [OfferConnected(OfferId(3), ContactId("7.9"))]


LINE = "{at},CHAN_END,{who},{who}\n"


@pytest.mark.parametrize("offer, channels, past, expected", [
    (TALKING, [], {LEG: ChannelPast(2.0, 9.0), C: ChannelPast(2.0, 9.001)},
     [TalkEnded(OfferId(3), "caller", 9.0), OfferEnded(OfferId(3), "hangup"), CallerHungUp(C, 9.001)]),
    (TALKING, [], {LEG: ChannelPast(2.0, 9.0), C: ChannelPast(2.0, 12.0)},
     [TalkEnded(OfferId(3), "agent", 9.0), OfferEnded(OfferId(3), "hangup"), CallerHungUp(C, 12.0)]),
    (TALKING, [CALLER], {LEG: ChannelPast(2.0, 9.0)},
     [TalkEnded(OfferId(3), "agent", 9.0), OfferEnded(OfferId(3), "hangup")]),
    (TALKING, [(LEG, "Up", "")], {C: ChannelPast(2.0, 9.0)},
        [TalkEnded(OfferId(3), "caller", 9.0), CallerHungUp(C, 9.0)]),
    (PENDING, [(LEG, "Up", "")], {LEG: ChannelPast(2.0), C: ChannelPast(2.0, 9.0)},
     [OfferConnected(OfferId(3), C, 2.0), TalkEnded(OfferId(3), "caller", 9.0), CallerHungUp(C, 9.0)]),
    (PENDING, [(LEG, "Up", "b"), CALLER_TALKS], {LEG: ChannelPast(entered=2.0)}, [OfferConnected(OfferId(3), C, 2.0)]),
    (PENDING, [], {LEG: ChannelPast(2.0, 9.0), C: ChannelPast(2.0, 9.0)},
     [OfferConnected(OfferId(3), C, 2.0), TalkEnded(OfferId(3), "caller", 9.0), OfferEnded(OfferId(3), "hangup"),
      CallerHungUp(C, 9.0)]),
    (PENDING, [], {LEG: ChannelPast(None, 9.0), C: ChannelPast(None, 9.0)},
        [OfferEnded(OfferId(3), "failed"), CallerHungUp(C, 9.0)]),
    # A cause tells a phone or a line that was lost from a person who hung up.
    (TALKING, [CALLER], {LEG: ChannelPast(ended=8.0, cause=44)},
        [TalkEnded(OfferId(3), "lost", 8.0), OfferEnded(OfferId(3), "lost")]),
    (TALKING, [CALLER], {LEG: ChannelPast(ended=8.0, cause=16)},
        [TalkEnded(OfferId(3), "agent", 8.0), OfferEnded(OfferId(3), "hangup")]),
    (TALKING, [], {LEG: ChannelPast(ended=8.0, cause=44), C: ChannelPast(ended=12.0, cause=16)},
        [TalkEnded(OfferId(3), "dropped", 8.0), OfferEnded(OfferId(3), "lost"), CallerHungUp(C, 12.0)]),
    (TALKING, [], {LEG: ChannelPast(ended=8.0, cause=16), C: ChannelPast(ended=8.0, cause=44)},
        [TalkEnded(OfferId(3), "dropped", 8.0), OfferEnded(OfferId(3), "hangup"),
         CallerHungUp(C, 8.0, dropped=True)]),
    (TALKING, [(LEG, "Up", "")], {C: ChannelPast(ended=8.0, cause=44)},
        [TalkEnded(OfferId(3), "dropped", 8.0), CallerHungUp(C, 8.0, dropped=True)]),
])
def test_what_happened_in_the_gap_has_its_true_time(
        offer: LiveOffer, channels: list[tuple[str, str, str]], past: dict[str, ChannelPast],
        expected: list[Event]) -> None:
    state = now(*channels)
    assert diff_events(state, [CONTACT], [offer], past=past) == expected
    assert channels_to_explain(state, [CONTACT], [offer]) == set(past)


def test_the_black_box_reads_what_the_rendered_files_write() -> None:
    text = Path("asterisk_conf/templates/cel_custom.conf.j2").read_text(encoding="utf-8")
    order = re.findall(r"CSV_QUOTE\(\$\{(?:CHANNEL\()?(\w+)", text)
    assert order[:4] == ["eventtime", "eventtype", "uniqueid", "linkedid"] and "eventextra" in text
    events = re.search(r"^events=(.*)$", Path("asterisk_conf/templates/cel.conf.j2").read_text(encoding="utf-8"), re.M)
    assert events is not None and {"CHAN_END", "HANGUP", "BRIDGE_ENTER"} <= set(events[1].split(","))


def at(now: float) -> Callable[[], float]:
    """A clock that stands."""
    return lambda: now


def test_the_black_box_tells_true_ends_since_the_mark(tmp_path: Path) -> None:
    file = tmp_path / "cel.csv"
    box = CelRecovery(file, at(100.0), at(100.0))
    box.mark_position(box.find_end())
    assert box.read_past({"7.1"}) == {}
    file.write_text(LINE.format(at="100.25", who="7.1"))
    assert box.read_past({"7.1"}) == {"7.1": ChannelPast(None, 100.25)}
    box.mark_position(box.find_end())
    with file.open("a") as more:
        more.write('"101.0","CHAN_START","7.2","7.2"\n"101.5","BRIDGE_ENTER","7.2","7.2"\n')
        more.write('"102","BRIDGE_ENTER","7.2","7.2"\n"102.5","HANGUP","7.2","7.2"\nrubbish\nx,CHAN_END,7.2,7.2\n')
        more.write(LINE.format(at="103", who="7.3").rstrip())  # still being written
    assert box.read_past({"7.1", "7.2", "7.3"}) == {"7.2": ChannelPast(101.5, 102.5)}


@pytest.mark.parametrize("set_by_s", [-3_600.0, 3_600.0, -86_400.0])
def test_the_black_box_tells_the_nodes_time_when_the_wall_clock_was_set(tmp_path: Path, set_by_s: float) -> None:
    """Fault F-15: a wait of 300 s had become an abandoned one of 0 s, which ended before it began."""
    file, clock = tmp_path / "cel.csv", [1_000_000.0]
    wall = [clock[0]]
    box = CelRecovery(file, lambda: clock[0], lambda: wall[0])
    box.mark_position(box.find_end())
    clock[0], wall[0] = clock[0] + 60.0, wall[0] + 60.0 + set_by_s
    file.write_text(LINE.format(at=clock[0] - 50.0, who="7.1") + LINE.format(at=wall[0] - 5.0, who="7.2")
                    + LINE.format(at=wall[0] - 500_000.0, who="7.3"))
    assert box.set_by_s == set_by_s
    assert box.read_past({"7.1", "7.2", "7.3"}) == {
        "7.1": ChannelPast(None, 1_000_010.0), "7.2": ChannelPast(None,
            1_000_055.0), "7.3": ChannelPast()}, "set meanwhile; and one that nobody can tell"
    box.mark_position(box.find_end())
    clock[0], wall[0] = clock[0] + 30.0, wall[0] + 30.0
    with file.open("a") as more:
        more.write(LINE.format(at=wall[0] - 1.0, who="7.4"))
    assert box.read_past({"7.4"}) == {"7.4": ChannelPast(None, 1_000_089.0)}, "set before the gap"


def test_the_black_box_tells_no_time_that_may_be_either(tmp_path: Path) -> None:
    """Set by a minute within a gap of two: written before that, or a minute earlier and after it?"""
    file, clock = tmp_path / "cel.csv", [1_000_000.0]
    wall = [clock[0]]
    box = CelRecovery(file, lambda: clock[0], lambda: wall[0])
    box.mark_position(box.find_end())
    clock[0], wall[0] = clock[0] + 120.0, wall[0] + 180.0
    file.write_text(LINE.format(at=1_000_070.0, who="7.1") + LINE.format(at=1_000_005.0, who="7.2"))
    assert box.read_past({"7.1", "7.2"}) == {"7.1": ChannelPast(), "7.2": ChannelPast(None, 1_000_005.0)}


def test_the_black_box_says_why_it_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "cel-custom" / "cel.csv"
    assert "cel-custom is not there, and Asterisk does not make it" in CelRecovery(file, at(100.0),
        at(100.0)).find_trouble()
    file.parent.mkdir()
    assert CelRecovery(file, at(100.0), at(100.0)).find_trouble() == "", "Asterisk makes the file at the first call"
    file.touch()
    assert CelRecovery(file, at(100.0), at(100.0)).find_trouble() == ""
    file.unlink()
    file.mkdir()
    assert "cel.csv cannot be read: Is a directory" in CelRecovery(file, at(100.0), at(100.0)).find_trouble()


def test_the_black_box_survives_rotation_and_cutting(tmp_path: Path) -> None:
    file = tmp_path / "cel.csv"
    file.write_text(LINE.format(at="1", who="7.0"))
    box = CelRecovery(file, at(1.0), at(1.0))
    box.mark_position(box.find_end())
    with file.open("a") as more:
        more.write(LINE.format(at="2", who="7.1"))
    file.rename(tmp_path / "cel.csv.1")
    file.write_text(LINE.format(at="3", who="7.2"))
    assert box.read_past({"7.0", "7.1", "7.2"}) == {"7.1": ChannelPast(None, 2.0), "7.2": ChannelPast(None, 3.0)}
    box.mark_position(box.find_end())
    file.write_text("")
    assert box.read_past({"7.2"}) == {}


def test_the_black_box_is_read_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cel.csv"
    file.write_text("".join(LINE.format(at=n, who=f"7.{n}") for n in range(100)))
    monkeypatch.setattr(cel_recovery, "READ_MAX", 100)
    found = CelRecovery(file, at(100.0), at(100.0)).read_past({f"7.{n}" for n in range(100)})
    assert "7.99" in found and 1 <= len(found) <= 5


@pytest.mark.parametrize("state, expected", [
    (ContactState.PENDING, [FallbackEntered(C)]), (ContactState.RESERVED, [FallbackEntered(C)]),
    (ContactState.ASSIGNED, []),
])
def test_who_is_in_the_fallback_queue_waits_for_nobody_of_ours(state: ContactState, expected: list[Event]) -> None:
    found = Snapshot("x", {C: Channel(C, "PJSIP/trunk-1", "Up", "", "santral-fallback")}, ())
    assert diff_events(found, [CONTACT._replace(state=state)], []) == expected
    talks = Snapshot("x", {C: Channel(C, "PJSIP/trunk-1", "Up", "b", "santral-fallback")}, ())
    assert diff_events(talks, [CONTACT._replace(state=state)], []) == (
        [ContactExited(C, "fallback")] if expected else [])
    held = Snapshot("x", {C: Channel(C, "PJSIP/trunk-1", "Up", "", "santral-hold")}, ())
    assert diff_events(held, [CONTACT._replace(state=state)], []) == []


def test_who_asks_on_a_second_line_is_with_the_caller_all_the_same() -> None:
    """The caller stays in the bridge of the first line: it is no sign that the agent is back, as long as there is a
    second one; and a second line is nobody's caller."""
    asks = TALKING._replace(state=OfferState.CONSULTING)
    asked = PENDING._replace(offer=OfferId(4), leg="o4-7.1", answered=True)
    seen = now(CALLER_TALKS, (LEG, "Up", "b"), ("o4-7.1", "Up", "s"))
    back = [OfferConnected(OfferId(3), C)]
    assert diff_events(seen, [CONTACT], [asks, asked]) == back
    names = {LEG: "PJSIP/2001-0a", "8.1": "PJSIP/2001-0b"}
    channels = {u: c._replace(name=names.get(u, c.name)) for u, c in seen.channels.items()}
    for context, expected in (("santral-seat-line", [OfferConnected(OfferId(4), ContactId(LEG))]),
                              ("santral-hold", [*back, OfferConnected(OfferId(4), ContactId("8.1"))])):
        line = Channel("8.1", names["8.1"], "Up", "s", context)
        found = seen._replace(channels=channels | {"8.1": line})
        assert diff_events(found, [CONTACT], [asks, asked]) == expected
    told = seen._replace(channels=channels | {"8.1": line._replace(context="santral-seat-line")})
    assert diff_events(told, [CONTACT],
        [asks, asked._replace(with_consulting_agent=True)]) == [], "who is known to talk is no news"
    other = Channel("8.1", "PJSIP/2002-0b", "Up", "", "santral-seat-line")
    assert diff_events(seen._replace(channels=channels | {"8.1": other}), [CONTACT], [asks, asked]) == back


ASKS, ASKED_LEG = TALKING._replace(state=OfferState.CONSULTING), "o4-7.1"
ASKED = PENDING._replace(offer=OfferId(4), leg=ASKED_LEG)
MET, LEFT = OfferConnected(OfferId(4), ContactId(LEG)), OfferEnded(OfferId(4), "hangup")
GONE = OfferEnded(OfferId(3), "hangup")
THEY_TALK = [CALLER, (LEG, "Up", "s"), (ASKED_LEG, "Up", "s")]


@pytest.mark.parametrize("channels, past, known, expected", [
    (THEY_TALK, {}, False, [MET]),
    (THEY_TALK, {}, True, []),
    ([CALLER, (LEG, "Up", ""), (ASKED_LEG, "Up", "")], {}, False, [OfferAnswered(OfferId(4))]),
    # who was asked came and went: the caller is with the one who asked, or they are on the way to each other
    ([CALLER, (LEG, "Up", "")], {ASKED_LEG: ChannelPast(5.0, 9.0)}, False, [MET, LEFT]),
    ([CALLER, (LEG, "Up", "")], {ASKED_LEG: ChannelPast(5.0, 9.0)}, True, [LEFT]),
    ([CALLER, (LEG, "Up", "")], {ASKED_LEG: ChannelPast(None, 9.0)}, False, [OfferEnded(OfferId(4), "failed")]),
    # both have gone: the caller was theirs who was asked only if those stayed longer
    ([CALLER], {ASKED_LEG: ChannelPast(5.0, 9.0), LEG: ChannelPast(5.0, 9.1)}, False, [GONE, LEFT]),
    ([CALLER], {ASKED_LEG: ChannelPast(5.0, 19.0), LEG: ChannelPast(5.0, 9.0)}, False, [
        GONE, OfferConnected(OfferId(4), C, 9.0), TalkEnded(OfferId(4), "agent", 19.0), LEFT]),
])
def test_agents_who_met_in_the_gap_and_what_became_of_it(
        channels: list[tuple[str, str, str]], past: dict[str, ChannelPast], known: bool, expected: list[Event]) -> None:
    assert diff_events(now(*channels), [CONTACT], [ASKS, ASKED._replace(with_consulting_agent=known)],
        past=past) == expected


def test_two_agents_who_met_in_the_gap_talk_as_long_as_they_like_and_the_caller_is_back_when_they_are_done() -> None:
    """The engine, a gap, and the engine again: no deadline of ringing or asking cuts them, and who asked has the caller
    again. Once the deadlines ended their talk after a minute."""
    house = House({"a": 50, "b": 50})
    house.sits("a", at=1.0)
    offer = house.calls("edu", 2.0)
    house.tell(OfferConnected(offer.offer, offer.contact), 3.0)
    house.sits("b", at=4.0)
    house.tell(ConsultRequested(offer.offer, EDU.id), 5.0)
    house.tell(LinkChanged("", up=False), 6.0)
    engine = house.engine
    asks, asked = engine.live_offers()
    seen = now((offer.contact, "Up", ""), (asks.leg, "Up", "s"), (asked.leg, "Up", "s"))
    for event in [*diff_events(seen, engine.live_contacts(), engine.live_offers()), LinkChanged("", up=True)]:
        house.tell(event, 20.0)
    assert diff_events(seen, engine.live_contacts(), engine.live_offers()) == []
    for at in range(30, 620, 10):
        house.tick(float(at))
    assert [(one.offer, one.state, one.with_consulting_agent) for one in engine.live_offers()] == [
        (asks.offer, OfferState.CONSULTING, False), (asked.offer, OfferState.PENDING, True)]
    seen = now((offer.contact, "Up", "b"), (asks.leg, "Up", "b"))
    for event in diff_events(seen, engine.live_contacts(), engine.live_offers()):
        house.tell(event, 700.0)
    assert [(one.offer, one.state) for one in engine.live_offers()] == [(asks.offer, OfferState.ACCEPTED)]


def test_two_callers_in_one_bridge_are_found_and_wait_in_front() -> None:
    other = CONTACT._replace(contact=ContactId("9.1"), state=ContactState.ASSIGNED)
    both = [CONTACT._replace(state=ContactState.ASSIGNED), other]
    seen = now(CALLER_TALKS, ("9.1", "Up", "b"))
    assert misbridged_callers(seen, both) == [C, "9.1"] and misbridged_callers(seen, both[:1]) == []
    assert misbridged_callers(now(CALLER_TALKS, ("9.1", "Up", "c")), both) == []
    assert diff_events(seen, both, [TALKING]) == [TransferRequested(OfferId(3), gone=True)]
