"""Topics and payloads: what is published fits its schema, and holds nothing of a person."""

from __future__ import annotations

import json
import typing
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from metrics.mqtt import message as mqtt
from metrics.mqtt.message import Ack, Device, messages_of, node_state_message, pattern_of, queue_state_message, read_ack
from metrics.prometheus.names import ACK_STATUS
from routing.core import events as e
from routing.core.inbox import QueueView
from routing.core.model import facts, talk_facts
from routing.core.model.centre_model import (
    AgentState,
    Channel,
    ContactState,
    OfferState,
    Outcome,
    Profile,
    Trigger,
    WayOut,
    channel_rows,
)
from routing.core.model.facts import AgentChanged, Fact, LoadState, OfferClosed, Offered, OfferRang
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model.talk_facts import Connected
from tests.core.house import House
from tests.unit.routing.core.test_consult import Asking

pytestmark = pytest.mark.unit

HOME = Path(__file__).resolve().parents[4]
SCHEMAS = {path.stem: Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))
           for path in (HOME / "metrics" / "mqtt_schemas").glob("*.json")}
AYSE = AgentId("a1001")
DEVICES = {AYSE: Device("k7Qx", "both")}
OF_TYPE: dict[object, object] = {
    int: 3, float: 1.5, str: "word", bool: True, ContactId: ContactId("1700000000.1"), ServiceId: ServiceId("destek"),
    OfferId: OfferId(7), AgentId: AYSE, SeatId: SeatId("2001"), Channel: Channel.VOICE,
    ContactState: ContactState.PENDING, OfferState: OfferState.TIMEOUT, Outcome: Outcome.ANSWERED,
    AgentState: AgentState.READY, Trigger: Trigger.WAITED, WayOut: WayOut.CALLBACK}


def any_of(kind: type) -> Fact:
    """A fact of the kind, each field filled by its type."""
    hints = typing.get_type_hints(kind)
    given = {}
    for name, hint in hints.items():
        if type(None) in typing.get_args(hint):
            given[name] = None
        else:
            origin = typing.get_origin(hint) or hint
            given[name] = origin() if origin in (tuple, frozenset, LoadState) else OF_TYPE[hint]
    made: Fact = kind(**given)
    return made


@pytest.mark.parametrize(("reason", "told"), [
    ("rescinded", "rescinded"), ("paused", "rescinded"), ("signed_out", "rescinded"), ("no_answer", "no_answer")])
def test_not_now_is_no_word_of_its_own(reason: str, told: str) -> None:
    closed = typing.cast("OfferClosed", any_of(OfferClosed))._replace(reason=reason)
    (event,) = messages_of(closed, {}, {})
    assert json.loads(event.payload)["reason"] == told


def schema_of(topic: str) -> str:
    for start, name in (("acd/v1/events/", "event"), ("acd/v1/signal/", "signal"), ("acd/v1/state/node", "node_state"),
                        ("acd/v1/state/queue/", "queue_state")):
        if topic.startswith(start):
            return name
    raise AssertionError(topic)


@pytest.mark.parametrize("kind", typing.get_args(Fact), ids=lambda kind: kind.__name__)
def test_every_message_fits_its_schema_and_names_nobody(kind: type) -> None:
    for message in messages_of(any_of(kind), DEVICES, {}):
        value = json.loads(message.payload)
        SCHEMAS[schema_of(message.topic)].validate(value)
        assert value["id"] == 3 and value["v"] == 1
        for secret in ("a1001", "2001"):
            assert secret not in message.topic and secret not in message.payload.decode()


def test_the_schema_knows_exactly_the_kinds_and_fields_that_go_out() -> None:
    schema = SCHEMAS["event"].schema
    kinds = {kind.__name__ for kind in mqtt.EVENTS} | {"MenuEndedRecorded", "Alarm"}
    fields = {field for named in mqtt.EVENTS.values() for field in named}
    assert set(schema["properties"]["kind"]["enum"]) == kinds
    assert set(schema["properties"]) == fields | {"v", "id", "ts", "kind", "service", "entry", "lasted_s", "alarm",
                                                  "resumed"}


def test_nothing_about_an_agent_or_a_caller_goes_out() -> None:
    named = {field for fields in mqtt.EVENTS.values() for field in fields}
    assert not named & {"agent", "seat", "leg", "caller_hash", "number_encrypted", "key", "ring_s", "rang_s",
        "wrapup_s",
                        "needs", "slow", "runners_up", "partner"}
    assert not list(messages_of(any_of(AgentChanged), {}, {})), "what agents do is nobody's topic"


def offered(at: float = 100.0, ring_s: float = 15.0) -> Offered:
    return typing.cast(Offered, any_of(Offered))._replace(seq=9, at=at, ring_s=ring_s, rings_at=0.0)


def test_a_device_rings_with_the_offer_and_stops_with_it() -> None:
    ring, event = messages_of(offered(), DEVICES, {})
    assert ring.topic == "acd/v1/signal/k7Qx/ring" and ring.until == 115.0 and not ring.retain
    assert json.loads(ring.payload) == {"v": 1, "id": 9, "kind": "ring", "pattern": "both", "ttl_s": 15.0, "ts": 100.0}
    assert event.topic == "acd/v1/events/queue/destek" and event.until is None
    for kind in (OfferClosed, Connected):
        stop, _ = messages_of(any_of(kind), DEVICES, {})
        assert stop.topic == "acd/v1/signal/k7Qx/ringstop"


def test_of_a_pair_the_other_ones_device_rings_too() -> None:
    fact = offered()._replace(agent=AgentId("a1002"), partner=AYSE)
    assert next(one.topic for one in messages_of(fact, DEVICES, {})) == "acd/v1/signal/k7Qx/ring"
    assert len(list(messages_of(fact, {}, {}))) == 1, "without devices only the event"


BOTH = {AgentId("a"): Device("A", "light"), AgentId("b"): Device("B", "light")}
"""Each agent of the house has a lamp."""
PAIRED = Profile(pair_id="p1")
WIDE = Profile(capacity=200, max_concurrency=((Channel.VOICE, 1), (Channel.CHAT, 3)))


def lamps(house: House, rest: int = 0) -> list[tuple[float, str, str]]:
    """When whose device was told what. `rest`: offers that are not over."""
    rings: mqtt.RingingOffers = {}
    found = [(fact.at, *one.topic.split("/")[3:]) for fact in house.facts for one in messages_of(fact, BOTH, rings)
             if "/signal/" in one.topic]
    assert len(rings) == rest, "of what is over nothing is kept"
    return typing.cast("list[tuple[float, str, str]]", found)


def pair(profile: Profile = PAIRED) -> House:
    house = House(dict.fromkeys("ab", 50), profile)
    house.sits("a", "b")
    return house


def test_of_a_pair_both_devices_stop_when_the_call_is_taken_or_gone() -> None:
    for event in (lambda offer: e.OfferConnected(offer, ContactId("c1")),
            lambda _: e.ContactExited(ContactId("c1"), ""),
                  lambda offer: e.OfferEnded(offer, "no_answer"), lambda _: e.AgentPaused(AgentId("b"))):
        house = pair()
        offer = house.calls("edu", 1.0)
        house.tell(event(offer.offer), 3.0)
        assert sorted(lamps(house)) == [(1.0, "A", "ring"), (1.0, "B", "ring"), (3.0, "A", "ringstop"),
                                        (3.0, "B", "ringstop")]


def test_of_a_pair_a_device_stops_too_where_its_agent_chats_meanwhile() -> None:
    house = House(dict.fromkeys("ab", 50), PAIRED._replace(capacity=200))
    house.reload(channels=channel_rows(interruptible=(Channel.CHAT,)))
    house.sits("b")
    house.chats(at=1.0)
    house.sits("a", at=2.0)
    offer = house.calls("edu", 3.0)
    assert house.last(Offered).partner == "b" and house.state("b") is AgentState.TALKING
    house.tell(e.OfferConnected(offer.offer, offer.contact), 5.0)
    assert lamps(house)[2:] == [(3.0, "A", "ring"), (3.0, "B", "ring"), (5.0, "A", "ringstop"), (5.0, "B", "ringstop")]


def test_who_is_asked_by_a_colleague_has_taken_the_call_when_they_answer() -> None:
    asks = Asking()
    house = asks.house
    house.tell(e.TalkEnded(asks.first.offer, "agent"), 60.0)
    house.tell(e.OfferEnded(asks.first.offer, "hangup"), 60.0)
    house.tell(e.OfferConnected(asks.second.offer, ContactId("c1")), 60.1)
    assert lamps(house) == [(10.0, "A", "ring"), (10.0, "A", "ringstop"), (20.0, "B", "ring"), (22.0, "B", "ringstop")]


def test_a_device_goes_on_for_what_still_rings() -> None:
    house = House({"a": 50}, WIDE)
    house.sits("a")
    first, second = house.calls("edu", 1.0, channel=Channel.CHAT), house.calls("edu", 2.0, channel=Channel.CHAT)
    house.tell(e.OfferConnected(first.offer, first.contact), 3.0)
    assert house.state("a") is AgentState.TALKING
    assert lamps(house, 1) == [(1.0, "A", "ring"), (2.0, "A", "ring")], "the second one rings on"
    house.tell(e.OfferConnected(second.offer, second.contact), 4.0)
    assert lamps(house)[2:] == [(4.0, "A", "ringstop")]


def test_what_rang_before_the_start_is_put_out_and_without_devices_nothing_is_kept() -> None:
    taken = typing.cast(Connected, any_of(Connected))
    assert next(one.topic for one in messages_of(taken, DEVICES, {})).endswith("/ringstop")
    left = typing.cast(AgentChanged, any_of(AgentChanged))._replace(before=AgentState.RINGING)
    assert [one.topic for one in messages_of(left, DEVICES, {})] == ["acd/v1/signal/k7Qx/ringstop"]
    rings: mqtt.RingingOffers = {}
    list(messages_of(offered(), DEVICES, rings))
    assert rings == {OfferId(7): mqtt.Rings(frozenset({AYSE}))}
    list(messages_of(left, {}, rings))
    assert rings == {}


def test_a_device_rings_with_the_phone_and_not_while_the_caller_still_hears_words() -> None:
    rings: mqtt.RingingOffers = {}
    kept = offered()._replace(rings_at=110.0)
    assert not [one for one in messages_of(kept, DEVICES, rings) if "/signal/" in one.topic]
    rang = typing.cast(OfferRang, any_of(OfferRang))._replace(seq=10, at=110.2, offer=kept.offer, agent=AYSE)
    [ring] = messages_of(rang, DEVICES, rings)
    assert ring.topic == "acd/v1/signal/k7Qx/ring" and ring.until == pytest.approx(125.2)
    assert not list(messages_of(rang._replace(seq=11), DEVICES, rings)), "the phone rings once"


def test_a_device_tells_a_missed_call_and_a_rest() -> None:
    changed = typing.cast(AgentChanged, any_of(AgentChanged))._replace(at=100.0, before=AgentState.RINGING)
    stop, alert = messages_of(changed._replace(state=AgentState.NOT_RESPONDING), DEVICES, {})
    assert stop.topic.endswith("/ringstop") and alert.topic.endswith("/alert")
    changed = changed._replace(before=AgentState.READY)
    [rest] = messages_of(changed._replace(state=AgentState.PAUSED, load_state=LoadState(break_until=400.0)), DEVICES,
        {})
    assert rest.topic.endswith("/break")
    assert not list(messages_of(changed._replace(state=AgentState.PAUSED), DEVICES, {})), "a break at their request"


@pytest.mark.parametrize(("ring_signal", "pattern"), [
    ({"audio", "visual"}, ""), ({"haptic"}, "vibration"), ({"mqtt_device", "audio"}, "light"),
    ({"haptic", "mqtt_device"}, "both")])
def test_the_pattern_is_what_the_profile_asks_for(ring_signal: set[str], pattern: str) -> None:
    assert pattern_of(frozenset(ring_signal)) == pattern


def test_the_state_of_a_queue_and_of_the_node_is_retained() -> None:
    view = QueueView(ServiceId("destek"), "Destek", 2, 1, 4, 30.0, 5, 0)
    state = queue_state_message(view, 12, 1000.0)
    assert state.retain and state.topic == "acd/v1/state/queue/destek"
    value = json.loads(state.payload)
    SCHEMAS["queue_state"].validate(value)
    assert value["oldest_since"] == 970.0 and value["waiting"] == 2 and value["id"] == 12
    SCHEMAS["queue_state"].validate(json.loads(queue_state_message(view._replace(waiting=0), 12, 1000.0).payload))
    for online in (True, False):
        assert node_state_message(online).retain
        SCHEMAS["node_state"].validate(json.loads(node_state_message(online).payload))


def test_an_acknowledgement_is_read() -> None:
    text = b'{"v":1,"id":9,"status":"felt"}'
    SCHEMAS["ack"].validate(json.loads(text))
    assert read_ack("acd/v1/ack/k7Qx/status", text) == Ack("k7Qx", 9, "felt")
    assert SCHEMAS["ack"].schema["properties"]["status"]["enum"] == list(ACK_STATUS)


@pytest.mark.parametrize("payload", [
    b"", b"felt", b"[]", b'{"v":2,"id":9,"status":"felt"}', b'{"v":1,"id":true,"status":"felt"}',
    b'{"v":1,"id":0,"status":"felt"}', b'{"v":1,"id":9,"status":"dropped"}', b'{"v":1,"id":9}', b"\xff\xfe",
    b"[" * 500, b'{"v":1,"id":9,"status":"felt","x":"' + b"x" * mqtt.ACK_MAX_BYTES + b'"}'])
def test_what_is_no_acknowledgement_is_none(payload: bytes) -> None:
    assert read_ack("acd/v1/ack/k7Qx/status", payload) is None


def test_an_acknowledgement_elsewhere_is_none() -> None:
    for topic in ("acd/v1/ack/k7Qx", "acd/v1/ack/k7Qx/status/more", "acd/v1/signal/k7Qx/ring"):
        assert read_ack(topic, b'{"v":1,"id":9,"status":"felt"}') is None


def test_facts_that_stay_inside_are_named_here() -> None:
    """A new kind of fact is decided on: it goes out, or it is put into this list."""
    inside = {facts.ContactChanged, talk_facts.Interrupted, facts.Overridden, facts.OfferRang,
        talk_facts.HoldSetRecorded,
              talk_facts.FollowUpAgreedRecorded, talk_facts.CallerFlaggedAbusiveRecorded,
              talk_facts.WrapUpRequestedRecorded,
              facts.AgentChanged, facts.CentreChanged, facts.PauseLimitReached, facts.BreakPostponed,
              facts.DeskChangedRecorded, facts.CallsRefusedRecorded,
              # MQTT gets the result of a way out: Moved, CallbackChanged or Ended.
              facts.WayOutOffered}
    assert set(typing.get_args(Fact)) == set(mqtt.EVENTS) | inside | {facts.MenuEndedRecorded, facts.Alarm}
