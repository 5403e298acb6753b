"""Define `santral lab simulate`."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from lab.errors import LabError
from lab.simulation.many_seeds import run_seeds
from lab.simulation.simulation import PROTECTIONS, Variation, run_seed


def simulate(
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Run one seed and print what happens.")] = None,
    seeds: Annotated[str, typer.Option("--seeds", help="Run a range of seeds, such as 0..1999.")] = "0..199",
    without: Annotated[str, typer.Option(
        "--without", help=f"Take one protection out: {', '.join(PROTECTIONS)}.")] = "",
    double: Annotated[bool, typer.Option("--double-faults", help=(
        "Freeze a leader that writes, and the next leader when the first wakes up, instead of other faults."))] = False,
    dies: Annotated[bool, typer.Option(
        "--asterisk-dies", help="End Asterisk once, besides the other faults, and start it again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    processes: Annotated[int, typer.Option("--processes", min=1, help="Number of processes.")] = os.cpu_count() or 1,
) -> None:
    """Simulate nodes, their database and an Asterisk on a virtual clock, with faults by seed. Exit 1 on a broken rule.
    """
    if without and without not in PROTECTIONS:
        raise LabError(f"--without {without}: choose one of {', '.join(PROTECTIONS)}")
    variation = Variation(without, double, dies)
    if seed is not None:
        outcome = run_seed(seed, variation, traced=True)
        if as_json:
            typer.echo(json.dumps({"seed": seed, "trace": outcome.trace, "broken": [
                one._asdict() for one in outcome.violations]}, ensure_ascii=False))
        else:
            typer.echo("\n".join(outcome.trace))
        broken = bool(outcome.violations)
    else:
        result = run_seeds(parse_range(seeds), variation, processes)
        if as_json:
            typer.echo(json.dumps({**result._asdict(), "broken": [one._asdict() for one in result.broken]},
                                  ensure_ascii=False))
        else:
            for one in result.broken:
                typer.echo(f"{', '.join(one.rules)}: {one.what[0]}\n  {one.repeat}")
            typer.echo(f"{result.seeds} seeds, {result.callers} callers, {len(result.broken)} seeds broke a rule")
        broken = bool(result.broken)
    if broken:
        raise typer.Exit(1)


def parse_range(text: str) -> range:
    """Return the seeds of `A..B`, both included. Raise LabError for another form."""
    first, dots, last = text.partition("..")
    if not (dots and first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise LabError(f"--seeds {text}: write the first and the last seed, such as 0..1999")
    return range(int(first), int(last) + 1)
