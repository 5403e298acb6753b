"""All input of the engine is read back from the journal exactly as it was, and its output in milliseconds."""

from __future__ import annotations

import json
import typing
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from routing.core import events, journal
from routing.core.events import Event
from routing.core.model.centre_model import Centre
from routing.core.model.facts import Fact, Offered
from routing.store.kinds import PERSONAL_NAMES
from tests.core.centres import CENTRES
from tests.examples import examples

pytestmark = pytest.mark.property

PATIENT = settings(max_examples=examples(40))
"""A whole centre of random fields takes its time on a machine with other work."""

NO_NUMBER = "NaN"
"""Not equal to itself, so no test of equality can speak of it; the engine's clock never gives it."""


@pytest.mark.parametrize("kind", [*typing.get_args(Event), *typing.get_args(Fact)], ids=lambda kind: kind.__name__)
@PATIENT
@given(data=st.data())
def test_every_event_and_fact_comes_back(kind: type, data: st.DataObject) -> None:
    told = data.draw(st.from_type(kind))
    name, text = journal.encode_record(told)
    assume(NO_NUMBER not in text)
    if kind in typing.get_args(Event):
        back: object = journal.decode_event(name, text)
        assert back == without_numbers(told) and type(back) is kind
    else:
        told = rounded(told)
        back = journal.decode_fact(name, text, told.seq, told.at)
        assert type(back) is kind and rounded(back) == told
    # Nothing but the last defaults is left out.
    if kind not in journal.NAMED:
        values, names = json.loads(text), journal.field_names(name)
        absent = names[len(values):]
        assert all(getattr(told, one) == kind._field_defaults[one] for one in absent)  # type: ignore[attr-defined]
        assert not values or names[len(values) - 1] not in kind._field_defaults or (  # type: ignore[attr-defined]
            values[-1] != kind._field_defaults[names[len(values) - 1]]  # type: ignore[attr-defined]
            or type(values[-1]) is float)


def without_numbers(event: Any) -> Any:
    """Return an event with the mark that the journal has for an encrypted number."""
    if type(event) in journal.NAMED:
        return event
    return event._replace(**{name: journal.HIDDEN_NUMBER for name in ("number_encrypted",)
                             if getattr(event, name, "")})


def rounded(value: Any) -> Any:
    """Return a fact with times in milliseconds and nothing of a caller."""
    if isinstance(value, float):
        return round(value, 3 if abs(value) >= 1.0 else 6)
    if hasattr(value, "_fields"):
        hidden = {name: "" for name in value._fields if name in PERSONAL_NAMES}
        return value._replace(**{name: rounded(one) for name, one in zip(value._fields, value, strict=True)
                                 if name != "at"} | hidden)
    return tuple(map(rounded, value)) if isinstance(value, tuple) else value


@PATIENT
@given(st.from_type(Centre))
def test_nested_settings_come_back_with_their_types(centre: Centre) -> None:
    name, text = journal.encode_record(events.Configured(centre))
    assume(NO_NUMBER not in text)
    back = journal.decode_event(name, text)
    assert isinstance(back, events.Configured) and back.centre == centre
    for mine, theirs in zip(back.centre.agents, centre.agents, strict=True):
        assert type(mine.profile.channels) is frozenset
        assert {type(one) for one in mine.profile.channels} == {type(one) for one in theirs.profile.channels}


def test_a_whole_centre_is_small_and_turkish_stays_readable() -> None:
    _, text = journal.encode_record(events.Configured(CENTRES[0]))
    assert "Uzaktan eğitim" in text
    assert journal.decode_event("Configured", text) == events.Configured(CENTRES[0])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), -0.0, 1e300, 0.1 + 0.2, 7, True])
def test_a_number_is_written_as_json_writes_it(value: float) -> None:
    assert journal.encode_record(events.OfferConnected(1, "7.1", value))[1] == json.dumps(  # type: ignore[arg-type]
        [1, "7.1", value], separators=(",", ":"))


def test_a_tick_is_an_entry() -> None:
    assert journal.decode_event(*journal.encode_record(None)) is None


@pytest.mark.parametrize(("kind", "text"), [
    ("Nothing", "[]"), ("OfferRinging", "[]"), ("OfferRinging", '["1"]'), ("OfferRinging", "[true]"),
    ("OfferRinging", "[1,2,3]"), ("OfferRinging", '{"offer":1}'), ("OfferRinging", "{"), ("OfferRinging", "1"),
    ("ContactQueued", '["1.1","edu","leg","smoke"]'), ("ContactQueued", '["1.1","edu","leg","voice","now"]'),
    ("Configured", '{"centre":1}'), ("Configured", '{"more":2}'),
])
def test_what_is_no_record_is_refused_by_name(kind: str, text: str) -> None:
    with pytest.raises(journal.JournalError, match=r"kind|field|type|number"):
        journal.decode_event(kind, text)


def test_offered_keeps_its_runners_up_as_a_tuple() -> None:
    fact = Offered(1, 0.1, 1, "c", 2, "a", 3, "s", "edu", "voice", 15.0, 0, -1, 0.0, ("b",), 1, 1, 1)  # type: ignore[arg-type]
    back = journal.decode_fact(*journal.encode_record(fact), fact.seq, fact.at)
    assert isinstance(back, Offered) and back.runners_up == ("b",)
