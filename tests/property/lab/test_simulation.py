"""Nodes, database and Asterisk on a virtual clock: whatever fails, nobody is lost, and a protection taken out is found.
"""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from lab.cli import build_commands
from lab.simulation.many_seeds import gather_result, run_chunk, run_seeds
from lab.simulation.simulation import PROTECTIONS, run_seed

pytestmark = pytest.mark.property

PLANTED = {"agi-gate": (117, "I1"), "late-migration": (99, "I8")}
"""A seed that finds each protection taken out, and the rule that it breaks."""


def test_no_seed_breaks_a_rule() -> None:
    result = run_seeds(range(200), processes=2)
    assert result.seeds == 200 and not result.broken


@pytest.mark.parametrize("without", PLANTED)
def test_a_protection_taken_out_is_found(without: str) -> None:
    seed, rule = PLANTED[without]
    result = gather_result(run_chunk(range(seed, seed + 1), without), without)
    assert [(one.seed, one.rules) for one in result.broken] == [(seed, (rule,))]
    assert result.broken[0].repeat == f"santral lab simulate --seed {seed} --without {without}"
    assert not run_seed(seed).violations


def test_the_same_seed_is_the_same_world() -> None:
    first, second = run_seed(7, traced=True), run_seed(7, traced=True)
    assert first == second and len(first.trace) > 20


def test_the_command_prints_what_happened_and_fails_for_a_broken_rule() -> None:
    runner, commands = CliRunner(), build_commands()
    seed, rule = PLANTED["late-migration"]
    one = runner.invoke(commands, ["simulate", "--seed", str(seed), "--without", "late-migration"])
    assert one.exit_code == 1 and f"BROKEN {rule}" in one.stdout
    several = runner.invoke(commands, ["simulate", "--seeds", "0..2", "--processes", "1", "--json"])
    assert several.exit_code == 0 and json.loads(several.stdout)["seeds"] == 3
    for arguments in (["--seeds", "3"], ["--seeds", "3..1"], ["--without", "luck"]):
        wrong = runner.invoke(commands, ["simulate", *arguments])
        assert wrong.exit_code == 1 and wrong.stderr.startswith("santral: --"), wrong.output
    assert set(PLANTED) <= set(PROTECTIONS)
