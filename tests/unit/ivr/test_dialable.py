"""Which numbers callers are called back at, and which are refused for which reason."""

from __future__ import annotations

import pytest

from ivr.caller.dialable import NotDialable, Refusal, check_dialable, recheck_dialable

pytestmark = pytest.mark.unit

OWN = ("4440632", "02125551212")


@pytest.mark.parametrize(("keyed", "number"), [
    ("05321234567", "+905321234567"), ("5321234567", "+905321234567"), ("+905321234567", "+905321234567"),
    ("00905321234567", "+905321234567"), ("02124440000", "+902124440000"), ("03124131234", "+903124131234"),
    ("08502221234", "+908502221234"), ("05324440632", "+905324440632"), ("+905324440632", "+905324440632"),
    ("08504440632", "+908504440632")])
def test_telephones_in_tuerkiye_are_called(keyed: str, number: str) -> None:
    assert check_dialable(keyed, OWN) == number


@pytest.mark.parametrize(("keyed", "why"), [
    ("00442079460000", Refusal.ABROAD), ("+4930123456", Refusal.ABROAD), ("0014155550100", Refusal.ABROAD),
    ("09001234567", Refusal.PREMIUM), ("9001234567", Refusal.PREMIUM), ("09981234567", Refusal.PREMIUM),
    ("112", Refusal.SHORT), ("183", Refusal.SHORT), ("1234", Refusal.SHORT), ("0", Refusal.SHORT),
    ("4440632", Refusal.OWN), ("02125551212", Refusal.OWN), ("2125551212", Refusal.OWN), ("+902125551212", Refusal.OWN),
    ("00902125551212", Refusal.OWN), ("904440632", Refusal.OWN),
    ("02124440632", Refusal.OWN), ("3124440632", Refusal.OWN), ("+903124440632", Refusal.OWN),
    ("4441234", Refusal.INVALID), ("05", Refusal.SHORT), ("0532123456", Refusal.INVALID), ("", Refusal.INVALID),
    ("053212345678901234", Refusal.INVALID), ("٠٥٣٢١٢٣٤٥٦٧", Refusal.INVALID), ("0532*123#", Refusal.INVALID),
    ("08001234567", Refusal.INVALID)])
def test_others_are_not_and_it_is_said_why(keyed: str, why: Refusal) -> None:
    assert check_dialable(keyed, OWN) is why


@pytest.mark.parametrize("claimed", ["+449098790000", "+909001234567", "+902125551212", "+90112", "905321234567x", ""])
def test_what_a_call_claims_to_come_from_is_looked_at_before_it_is_dialled(claimed: str) -> None:
    assert recheck_dialable("+905321234567", OWN) == "+905321234567"
    with pytest.raises(NotDialable, match=r"^not to be called: [a-z]+$"):
        recheck_dialable(claimed, OWN)
