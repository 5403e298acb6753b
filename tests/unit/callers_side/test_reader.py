"""The third reader: it finds each fault that people once had, in the days on which they had it, and imports no rule."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests import callers_side
from tests.callers_side.observations import KINDS, Seen, read_day
from tests.callers_side.reader import read
from tests.callers_side.stories import STORIES

pytestmark = pytest.mark.unit

FOLDER = Path(callers_side.__file__).parent
CRISIS, USUAL = Seen(0.0, "line", "destek", "", "distress"), Seen(0.0, "line", "bilgi")
ALI, ECE = (Seen(0.0, "card", name, "", "destek bilgi") for name in ("ali", "ece"))
ALI_FREE, ECE_FREE = (Seen(0.0, "own", name, "", "free") for name in ("ali", "ece"))
HOUSE = [CRISIS, USUAL, ALI, ECE, ALI_FREE]

PLANTED = {
    "nobody_idle_beside_distress": [*HOUSE, Seen(5.0, "asks", "A", "destek")],
    "an_answering_agent_hears_the_caller": [
        *HOUSE, Seen(5.0, "asks", "A", "bilgi"), Seen(5.1, "rings", "ali", "A"), Seen(7.0, "answers", "ali", "A")],
    "ending_before_the_voice_costs_the_caller_nothing": [
        *HOUSE, Seen(5.0, "asks", "A", "bilgi"), Seen(5.1, "rings", "ali", "A"), Seen(7.0, "answers", "ali", "A"),
        Seen(9.5, "quiet", "ali", "A", "ended")],
    "a_key_around_the_take_over_is_used": [
        *HOUSE, Seen(5.0, "asks", "A", "bilgi"), Seen(9.0, "presses", "A", "", "3")],
    "a_turned_away_caller_is_in_the_figures": [
        USUAL, *(Seen(1.0, "asks", name, "bilgi") for name in "ABC"),
        *(Seen(9.0, "hears", name, "", "good-bye") for name in "AB"), Seen(10.0, "voice", "ali", "C"),
        Seen(60.0, "figures", "bilgi", "", "", 1, 1)],
    "a_partner_is_called_when_nobody_is_here": [
        Seen(0.0, "line", "destek", "komsu", "distress"), Seen(5.0, "asks", "A", "destek"),
        Seen(5.5, "hears", "A", "", "emergency")],
    "somebody_in_distress_is_not_sent_away_by_a_change": [
        USUAL, ALI, ALI_FREE, Seen(5.0, "asks", "A", "bilgi"), Seen(6.0, "hears", "A", "", "good-bye"),
        Seen(7.0, "line", "bilgi", "", "distress")],
    "a_promised_call_comes_or_is_taken_back": [
        *HOUSE, Seen(5.0, "asks", "A", "bilgi"), Seen(6.0, "hears", "A", "", "promised for", 3_600.0),
        Seen(7.0, "gone", "A", "", "hung up"), Seen(4_000.0, "quiet hours", n=1.0)],
    "nobody_is_promised_a_call_in_quiet_hours": [
        *HOUSE, Seen(5.0, "asks", "A", "bilgi"), Seen(6.0, "hears", "A", "", "promised for", float("nan"))],
    "a_promise_is_not_forgotten": [
        *HOUSE, Seen(5.0, "asks", "A", "bilgi"), Seen(6.0, "hears", "A", "", "promise"),
        Seen(9.0, "gone", "A", "", "forgotten")],
    "a_told_place_never_grows": [
        *HOUSE, *(Seen(1.0, "asks", name, "bilgi") for name in "ABC"), Seen(2.0, "hears", "A", "", "place", 2),
        Seen(9.0, "hears", "A", "", "place", 3)],
    "no_ring_in_a_break": [
        *HOUSE, Seen(2.0, "own", "ali", "own", "break"), Seen(5.0, "asks", "A", "bilgi"),
        Seen(5.1, "rings", "ali", "A")],
    "no_phone_rings_twice": [
        *HOUSE, *(Seen(1.0, "asks", name, "bilgi") for name in "AB"), Seen(2.0, "rings", "ali", "A"),
        Seen(3.0, "rings", "ali", "B")],
    "no_phone_rings_beside_a_talk": [
        *HOUSE, *(Seen(1.0, "asks", name, "bilgi") for name in "AB"), Seen(2.0, "voice", "ali", "A"),
        Seen(3.0, "rings", "ali", "B")],
    "nobody_has_two_talks": [
        *HOUSE, Seen(1.0, "asks", "A", "destek"), Seen(2.0, "voice", "ali", "A"), Seen(2.0, "voice", "ece", "A")],
    "nobody_in_distress_is_sent_away": [
        CRISIS, Seen(5.0, "asks", "A", "destek"), Seen(6.0, "hears", "A", "", "good-bye")],
    "nobody_is_offered_after_good_bye": [
        *HOUSE, Seen(5.0, "asks", "A", "bilgi"), Seen(6.0, "hears", "A", "", "good-bye"),
        Seen(7.0, "rings", "ali", "A")],
    "the_house_answers": [*HOUSE, Seen(5.0, "broke", words="KeyError: -1")],
}
"""Days with one fault each, as a caller, an agent or a person at the shelf of reports had it."""

GOOD_DAY = [
    *HOUSE, ECE_FREE, Seen(5.0, "asks", "A", "destek"), Seen(5.3, "rings", "ali", "A"), Seen(12.4, "rings", "ece", "A"),
    Seen(14.0, "answers", "ece", "A"), Seen(14.6, "voice", "ece", "A"), Seen(14.7, "quiet", "ali", "A"),
    Seen(20.0, "asks", "B", "bilgi"), Seen(20.2, "rings", "ali", "B"), Seen(24.0, "answers", "ali", "B"),
    Seen(24.8, "voice", "ali", "B"), Seen(30.0, "asks", "C", "bilgi"), Seen(31.0, "hears", "C", "", "place", 1),
    Seen(31.0, "hears", "C", "", "wait", 2), Seen(152.0, "hears", "C", "", "anew"),
    Seen(400.0, "hears", "C", "", "promise"),
    Seen(402.0, "gone", "C", "", "hung up"), Seen(600.0, "dialled", "C")]


@pytest.mark.parametrize("rule", PLANTED)
def test_a_planted_fault_is_found_in_one_plain_sentence(rule: str) -> None:
    found = read(PLANTED[rule], 120.0)
    assert rule in {one.rule for one in found}, found
    assert all(one.said and one.said[-1] != "." for one in found)


@pytest.mark.parametrize("name", STORIES)
def test_a_day_of_the_code_of_before_is_found(name: str) -> None:
    """The recorded days are of the engine that had these faults."""
    found = read(read_day(FOLDER / "recorded" / f"{name}.jsonl"))
    assert STORIES[name][1] in {one.rule for one in found}, found


def test_a_good_day_has_no_finding() -> None:
    assert read(GOOD_DAY, 60.0) == []


def test_every_kind_of_observation_can_be_taken() -> None:
    assert all(read([CRISIS, Seen(1.0, kind, "x", "y")]) is not None for kind in KINDS)


def imported_by(path: Path) -> set[str]:
    """Return the modules that a file imports from."""
    return {node.module or "" for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}


def test_the_reader_knows_no_rule_of_routing() -> None:
    """Only adapters and stories know the product. Reader, scene and invariants know the observations alone."""
    plain = {"__future__", "collections", "dataclasses", "json", "math", "pathlib", "typing"}
    for path in (*FOLDER.glob("*.py"), *FOLDER.glob("invariants/*.py")):
        others = {name for name in imported_by(path) if not name.startswith("tests.callers_side")}
        assert path.name == "stories.py" or {name.partition(".")[0] for name in others} <= plain, path
    for path in FOLDER.glob("adapters/*.py"):
        rules = {name for name in imported_by(path) if name.startswith("tests.oracle.")}
        assert rules <= {"tests.oracle.side_by_side"}, path
