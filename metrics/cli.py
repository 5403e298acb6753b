"""`santral survey`: what callers said after the talk. Exit 2: what was given cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from metrics import survey as numbers
from routing.core.facts import Fact

OpenFacts = Callable[[str], AbstractContextManager[Iterable[Fact]]]
"""Given by `santral`: the facts of a state, in order."""

Place = Annotated[str, typer.Argument(metavar="STATE", help="State folder of a node, its santral.db, or the URL of its "
                                                            "database. A running node is not disturbed.")]
From = Annotated[str | None, typer.Option("--from", help="Only from this local time on: 2026-03-02 or "
                                                         "2026-03-02T08:00.")]
To = Annotated[str | None, typer.Option("--to", help="Only before this local time.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def mount(app: typer.Typer, open_facts: OpenFacts) -> None:
    """Put the commands beside those of the other rooms."""

    @app.command("survey")
    def survey(state: Place, start: From = None, end: To = None, as_json: AsJson = False) -> None:
        """What callers said after the talk, by service: were they cared for, is it solved."""
        first, last = _moment(start), _moment(end)
        if first is not None and last is not None and first >= last:
            raise typer.BadParameter(f"--from {start} is not before --to {end}")
        with open_facts(state) as facts:
            found = numbers.by_service(facts, first, last)
        if as_json:
            typer.echo(json.dumps({service: answers.plain() for service, answers in found.items()},
                                  ensure_ascii=False, indent=1))
        elif found:
            shown = {str(service): answers for service, answers in found.items()}
            Console(highlight=False).print(_table({**shown, "together": numbers.together(found.values())}))
        else:
            typer.echo("nobody was asked in this time")


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write 2026-03-02 or 2026-03-02T08:00") from None


def _table(found: Mapping[str, numbers.Answers]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for title in ("Service", "Asked", "Answered", "Rate", "Mean", "Cared", "Solved", "Messages"):
        table.add_column(title, justify="left" if title == "Service" else "right")
    for service, answers in found.items():
        table.add_row(service, str(answers.asked), str(answers.answered), _share(answers.rate),
                      "–" if answers.mean is None else f"{answers.mean:.2f}", _share(answers.cared_share),
                      _share(answers.solved_share), str(answers.messages), end_section=False)
    return table


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
