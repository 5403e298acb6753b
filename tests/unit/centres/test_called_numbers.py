"""One number in every notation that carriers use."""

from __future__ import annotations

from pathlib import Path

import pytest

from centres.called_numbers import list_forms, national_number
from santral.centre.config import check_centre
from tests.ministry import copied, edit

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("written", "national"), [
    ("4440632", "4440632"), ("04440632", "4440632"), ("904440632", "4440632"), ("+904440632", "4440632"),
    ("00904440632", "4440632"), ("+9004440632", "4440632"), ("3124131234", "3124131234"),
    ("03124131234", "3124131234"), ("903124131234", "3124131234"), ("+903124131234", "3124131234"),
    ("00903124131234", "3124131234"), ("9003124131234", "3124131234"), ("08502221234", "8502221234"),
    # Extensions, short numbers and numbers abroad stay as they are.
    ("2001", ""), ("112", ""), ("183", ""), ("+493012345678", ""), ("00493012345678", ""), ("9031241", ""),
    ("+3124131234", ""), ("4440183", "4440183"),
])
def test_the_notations_of_one_number_agree(written: str, national: str) -> None:
    assert national_number(written) == national
    assert written in list_forms(written)
    if national:
        assert set(list_forms(written)) - {written} <= set(list_forms(national))
        assert {national_number(form) for form in list_forms(written)} == {national}
    else:
        assert list_forms(written) == (written,)


def test_a_444_number_has_no_notation_of_a_premium_number() -> None:
    assert "9004440632" not in list_forms("4440632")  # 0900 444 06 32 is somebody else's


def test_a_number_in_two_notations_is_a_mistake(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    edit(folder, "santral.toml", '"4440632" = "ana"', '"4440632" = "ana"\n"+904440632" = "ana"')
    (problem,) = check_centre(folder).problems
    assert "+904440632 and 4440632 are one number" in str(problem) and "santral.toml:11" in str(problem)
