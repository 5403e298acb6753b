"""Expressions: what they mean, and what is said of mistakes."""

from __future__ import annotations

import pytest

from routing.core.matching.skill_expression import (
    DEPTH_MAX,
    LENGTH_MAX,
    All,
    Any,
    Compare,
    ExpressionError,
    Has,
    Not,
    as_needs,
    fits_skills,
    named_skills,
    parse_expression,
    ranking_level,
)
from routing.core.model.ids import SkillId

pytestmark = pytest.mark.unit

PSY, TR, EN, NEW = (SkillId(name) for name in ("psikososyal", "tr", "en", "stajyer"))
TEXT = "psikososyal >= 60 and (tr or en) and not stajyer"


def test_the_words_of_the_text_become_a_tree() -> None:
    assert parse_expression(TEXT) == All((Compare(PSY, ">=", 60), Any((Has(TR), Has(EN))), Not(Has(NEW))))


@pytest.mark.parametrize("text", [
    "psikososyal >= 60 ve (tr veya en) ve değil stajyer",
    "psikososyal >= 60 ve (tr veya en) ve stajyer değil",
    "psikososyal>=60 VE (tr VEYA en) VE DEĞİL stajyer",
    "psikososyal >= 60 AND (tr OR en) AND NOT stajyer",
    "psikososyal >= 60 ve (tr veya en) ve deg\u0306il stajyer",
    "psikososyal >= 60\n  and (tr or en)\n  and not stajyer",
])
def test_turkish_words_capitals_and_line_breaks_mean_the_same(text: str) -> None:
    assert parse_expression(text) == parse_expression(TEXT)


def test_and_binds_closer_than_or() -> None:
    assert parse_expression("tr or en and stajyer") == Any((Has(TR), All((Has(EN), Has(NEW)))))


@pytest.mark.parametrize("sign", [">=", ">", "<=", "<", "==", "!="])
def test_a_comparison_with_an_undefined_skill_is_false_whatever_the_sign(sign: str) -> None:
    assert not fits_skills(parse_expression(f"en {sign} 50"), {})
    assert not fits_skills(parse_expression(f"en {sign} 0"), {})


def test_not_turns_what_is_false_for_want_of_the_skill() -> None:
    assert fits_skills(parse_expression("not (en >= 50)"), {})
    assert not fits_skills(parse_expression("en < 50"), {})


@pytest.mark.parametrize(("sign", "held"), [
    (">=", (50, 51)), (">", (51,)), ("<=", (49, 50)), ("<", (49,)), ("==", (50,)), ("!=", (49, 51))])
def test_signs_compare(sign: str, held: tuple[int, ...]) -> None:
    assert tuple(level for level in (49, 50, 51) if fits_skills(parse_expression(f"en {sign} 50"), {EN: level})) == held


def test_a_bare_skill_asks_for_the_skill_on_any_level() -> None:
    assert fits_skills(parse_expression("tr"), {TR: 0})
    assert not fits_skills(parse_expression("tr"), {EN: 100})


def test_rank_is_the_first_level_asked_for_in_a_part_that_holds() -> None:
    have = {PSY: 70, EN: 30, TR: 90}
    assert ranking_level(parse_expression(TEXT), have) == 70
    assert ranking_level(parse_expression("en >= 50 or tr"), have) == 90
    assert ranking_level(parse_expression("not stajyer and en < 50"), have) == 0, "neither asks for a level"
    assert ranking_level(parse_expression("not stajyer and tr"), have) == 90
    assert ranking_level(parse_expression("en >= 50"), have) == 0, "does not fit"


def test_a_pure_conjunction_is_the_same_as_needs() -> None:
    assert as_needs(parse_expression("psikososyal >= 60 and (tr and en >= 20) and en >= 10")) == ((PSY, 60), (TR, 0),
        (EN, 20))
    assert as_needs(parse_expression("tr")) == ((TR, 0),)
    for more in (TEXT, "tr or en", "not tr", "tr > 5", "tr == 5", "tr and (en or stajyer)"):
        assert as_needs(parse_expression(more)) is None


def test_every_skill_that_is_named() -> None:
    assert named_skills(parse_expression(TEXT)) == {PSY, TR, EN, NEW}


@pytest.mark.parametrize(("text", "column", "what"), [
    ("", 1, "something is missing"),
    ("tr and", 7, "something is missing"),
    ("and tr", 1, "has nothing before it"),
    ("tr en", 4, "without a word between"),
    ("(tr", 1, "never closed"),
    ("tr)", 3, "never opened"),
    ("tr = 5", 4, "no comparison"),
    ("tr >= en", 7, "a level must follow"),
    ("tr >=", 6, "a level must follow"),
    ("tr >= 101", 7, "no level 101"),
    ("tr >= 99999999999999", 7, "no level 999999999"),
    ("60 <= tr", 1, "begins with a skill"),
    ("tr >= 20 <= 60", 10, "second comparison"),
    ("tr & en", 4, "means nothing"),
    ("tr >= 60,5", 9, "means nothing"),
    ("şğü >= 5 and ?", 14, "means nothing"),
    ("tr = 50", 4, "'=' is no comparison; write '>='"),
    ("tr => 50", 4, "'=>' is no comparison; write '>='"),
    ("tr ≥ 50", 4, "'≥' means nothing here; write '>='"),
    ("tr && en", 4, "'&&' means nothing here; write 'and'"),
    ("tr || en", 4, "'||' means nothing here; write 'or'"),
    ("tr ! 50", 4, "'!' is no comparison; write '!='"),
    ("!tr", 1, "'!' has nothing before it; write 'not'"),
])
def test_a_mistake_is_marked_in_its_column(text: str, column: int, what: str) -> None:
    with pytest.raises(ExpressionError, match=what) as found:
        parse_expression(text)
    assert found.value.column == column
    _, shown, caret = str(found.value).split("\n")
    assert shown == "    " + text and caret == " " * (3 + column) + "^"
    assert found.value.mend in str(found.value)


def test_length_and_depth_are_bounded() -> None:
    longest = "a" * LENGTH_MAX
    assert parse_expression(longest) == Has(SkillId(longest))
    with pytest.raises(ExpressionError, match="longer than"):
        parse_expression(longest + "a")
    assert fits_skills(parse_expression("not " * DEPTH_MAX + "tr"), {TR: 1})
    with pytest.raises(ExpressionError, match="within each other"):
        parse_expression("not " * DEPTH_MAX + "(tr)")
    with pytest.raises(ExpressionError, match="within each other"):
        parse_expression("(" * (DEPTH_MAX + 1) + "tr" + ")" * (DEPTH_MAX + 1))
