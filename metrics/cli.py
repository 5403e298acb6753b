"""`santral survey`: what callers said after the talk. Exit 2: what was given cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from drawing.output import make_table
from metrics import survey as numbers
from metrics.period import BadPeriod, moment
from routing.core.facts import Fact


class House(NamedTuple):
    """Given by `santral`: what this room may not know."""

    open_facts: Callable[[str], AbstractContextManager[Iterable[Fact]]]
    """The facts of a state, in order."""
    zone: Callable[[Path], ZoneInfo]
    """Of a centre's clock."""
    centre: Path
    """The default centre."""


Place = Annotated[str, typer.Argument(metavar="STATE", help="State folder of a node, its santral.db, or the URL of its "
                                                            "database. A running node is not disturbed.")]
From = Annotated[str | None, typer.Option("--from", help="Only from this time of the centre's clock on: 2026-03-02 or "
                                                         "2026-03-02T08:00.")]
To = Annotated[str | None, typer.Option("--to", help="Only before this time of the centre's clock.")]
Centre = Annotated[Path | None, typer.Option("--centre", help="Folder of the centre: whose clock.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def mount(app: typer.Typer, house: House) -> None:
    """Put the commands beside those of the other rooms."""

    @app.command("survey")
    def survey(state: Place, start: From = None, end: To = None, centre: Centre = None,
               as_json: AsJson = False) -> None:
        """What callers said after the talk, by service: were they cared for, is it solved."""
        first, last = (None if text is None else _moment(text, house.zone(centre or house.centre))
                       for text in (start, end))
        if first is not None and last is not None and first >= last:
            raise typer.BadParameter(f"--from {start} is not before --to {end}")
        with house.open_facts(state) as facts:
            found = numbers.by_service(facts, first, last)
        if as_json:
            typer.echo(json.dumps({service: answers.plain() for service, answers in found.items()},
                                  ensure_ascii=False, indent=1))
        elif found:
            shown = {str(service): answers for service, answers in found.items()}
            Console(highlight=False).print(_table({**shown, "together": numbers.together(found.values())}))
        else:
            typer.echo("nobody was asked in this time")


def _moment(text: str, zone: ZoneInfo) -> float:
    try:
        return moment(text, zone)
    except BadPeriod as error:
        raise typer.BadParameter(str(error)) from None


def _table(found: Mapping[str, numbers.Answers]) -> Table:
    return make_table(("Service", "Asked", "Answered", "Rate", "Mean", "Cared", "Solved", "Messages"), [
        (service, str(answers.asked), str(answers.answered), _share(answers.rate),
         "–" if answers.mean is None else f"{answers.mean:.2f}", _share(answers.cared_share),
         _share(answers.solved_share), str(answers.messages)) for service, answers in found.items()])


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
