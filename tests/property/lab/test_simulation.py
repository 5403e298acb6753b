"""Nodes, database and Asterisk on a virtual clock: whatever fails, nobody is lost, and a protection taken out is found.
"""

from __future__ import annotations

import json
from random import Random

import pytest
from typer.testing import CliRunner

from lab.cli import build_commands
from lab.simulation.many_seeds import gather_result, run_chunk, run_seeds
from lab.simulation.network import Network
from lab.simulation.simulation import PROTECTIONS, Variation, run_seed
from lab.simulation.virtual_time import ProcessLoop, World
from routing.ami.cel_recovery import CelRecovery
from routing.core.model.ids import ContactId
from routing.talk_end_watch import TalkEndWatch

pytestmark = pytest.mark.property

PLANTED = {"fence": (2, True, "I4"), "fence-turns": (262, False, "I1"), "agi-gate": (565, False, "I2"),
           "late-migration": (99, False, "I8")}
"""A seed that finds each protection taken out, whether its faults are double ones, and the rule that it breaks."""

UNSEEN_TALKS = ((Variation(), (602, 734)), (Variation(double=True), (
    34, 45, 60, 89, 102, 105, 159, 180, 184, 222, 228, 257)))
"""Seeds in which a node once ended a talk whose begin it had not seen: the offer was over when the phone answered."""


LATE_ENDS = ((Variation(), (3497, 4197, 4870, 4903, 5116, 6060, 7391, 20506, 35694)), (Variation(double=True), (0, 7)))
"""Seeds in which a Hangup under way for long once cut a talk, a second agent's leg took the caller out of one, or a
talk by an offer that was over was in no record. In one the caller was led back to hold after it."""

FORGOTTEN_ENDS = (49529, 57005, 60776, 62865)
"""Seeds in which the model let a node forget the end of its session as soon as its link stalled."""

RESTARTS = (91409, 94577, 107072, 118429, 144093, 153198, 166960)
"""Seeds in which the model let a node take the lease as soon as a restart of the server had ended its holder's session.
"""

LATE_LOOKS = (85856,)
"""A seed in which a node was frozen in a look at Asterisk, and took for known what had happened meanwhile."""

MISSED_TALKS = (89996, 116489, 188949)
"""Seeds in which a talk began and ended before a stalled link was noticed, and its caller was led back to hold."""

LATE_ANSWERS = (84068,)
"""A seed in which a late answer made a standby take the lease of a leader that lived."""

LATE_TURNS = (3286,)
"""A seed in which a node wrote a turn after it had given up its lease, so that the next one could not write."""

SAME_TIMES = (24, 30, 102, 138, 195, 271)
"""Seeds in which dialogues end at the same time, once in the order of their addresses in memory."""

DEATHS = (134, 196, 577, 621, 4197, 5993)
"""Seeds in which Asterisk died, and a caller of its menu was in no record, or one who had talked counted as lost."""

CUT, CUT_IN_MENU = 1, 71
"""Seeds in which Asterisk dies while callers wait or talk, and while one is in the menu."""

SUSPENDED = 5
"""A seed in which a talk ends while the node is suspended."""

LEFT_MENUS = (7, 30, 271, 89042)
"""Seeds in which a caller hung up in a menu while the database was away, or while the clock was set, and stood in no
record."""


def test_no_seed_breaks_a_rule() -> None:
    result = run_seeds(range(2_000), processes=2)
    assert result.seeds == 2_000 and result.broken == ()


def test_no_seed_in_which_asterisk_dies_breaks_a_rule() -> None:
    variation = Variation(dies=True)
    result = run_seeds(range(200), variation, processes=2)
    assert result.seeds == 200 and result.broken == ()
    trace = run_seed(CUT, variation, traced=True).trace
    assert any(line.endswith("is cut") for line in trace), "callers were there"


def test_a_node_that_leaves_out_the_calls_of_a_dead_asterisk_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    read = CelRecovery.read_outage_calls
    monkeypatch.setattr(CelRecovery, "read_outage_calls", lambda box, alive, seen: read(box, None, seen))
    broken = run_seed(CUT_IN_MENU, Variation(dies=True)).violations
    assert "I3" in {one.rule for one in broken}


def test_a_suspended_node_that_leads_a_served_caller_to_hold_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def take_for_lost(watch: TalkEndWatch, contact: ContactId) -> bool:
        return True

    right = run_seed(SUSPENDED, Variation(), traced=True)
    assert not right.violations and any("node.suspended" in line for line in right.trace)
    monkeypatch.setattr(TalkEndWatch, "was_lost", take_for_lost)
    assert [one.rule for one in run_seed(SUSPENDED, Variation()).violations] == ["I1"]


def test_a_talk_whose_begin_no_node_has_seen_goes_on() -> None:
    usual = Variation(), LATE_TURNS + FORGOTTEN_ENDS + LEFT_MENUS + RESTARTS + LATE_ANSWERS + LATE_LOOKS + MISSED_TALKS
    for variation, seeds in (*UNSEEN_TALKS, *LATE_ENDS, (Variation(dies=True), DEATHS), usual):
        for seed in seeds:
            assert not run_seed(seed, variation).violations, variation.repeat_command(seed)


@pytest.mark.parametrize("without", PROTECTIONS)
def test_a_protection_taken_out_is_found(without: str) -> None:
    seed, double, rule = PLANTED[without]
    found = Variation(without, double)
    result = gather_result(run_chunk(range(seed, seed + 1), found), found)
    assert [(one.seed, one.rules) for one in result.broken] == [(seed, (rule,))]
    assert result.broken[0].repeat == (
        f"santral lab simulate --seed {seed} --without {without}" + " --double-faults" * double)
    assert not run_seed(seed, Variation(double=double)).violations


def test_the_same_seed_is_the_same_world_whatever_ran_before() -> None:
    first, *others = [[run_seed(seed, traced=True) for seed in SAME_TIMES] for _ in range(4)]
    assert all(other == first for other in others) and len(first[0].trace) > 20


def test_an_exception_that_a_call_lets_out_is_told_and_the_process_goes_on() -> None:
    world, errors, done = World(), list[BaseException](), list[float]()
    loop = ProcessLoop(world, Network(world, Random(1)), "a", errors.append)
    loop.call_later(1.0, int, "no number")
    never = loop.call_later(2.0, done.append, 2.0)
    loop.call_later(3.0, lambda: done.append(round(loop.time(), 3)))
    loop.wake()
    world.run_until(1.5)
    never.cancel()
    world.run_until(4.0)
    loop.dispose()
    assert [str(error) for error in errors] == ["invalid literal for int() with base 10: 'no number'"]
    assert done == [3.0]


def test_the_command_prints_what_happened_and_fails_for_a_broken_rule() -> None:
    runner, commands = CliRunner(), build_commands()
    seed, _, rule = PLANTED["late-migration"]
    one = runner.invoke(commands, ["simulate", "--seed", str(seed), "--without", "late-migration"])
    assert one.exit_code == 1 and f"BROKEN {rule}" in one.stdout
    several = runner.invoke(commands, ["simulate", "--seeds", "0..2", "--processes", "1", "--json"])
    assert several.exit_code == 0 and json.loads(several.stdout)["seeds"] == 3
    for arguments in (["--seeds", "3"], ["--seeds", "3..1"], ["--without", "luck"]):
        wrong = runner.invoke(commands, ["simulate", *arguments])
        assert wrong.exit_code == 1 and wrong.stderr.startswith("santral: --"), wrong.output
