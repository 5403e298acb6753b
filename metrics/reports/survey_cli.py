"""`santral survey`: show the answers of callers after the talk. Exit 2: an argument cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from drawing.console_output import OutputConsole
from drawing.output import make_table
from metrics.reports import survey as numbers
from metrics.reports.period import BadPeriod, parse_moment
from routing.core.model.facts import Fact


class SurveySources(NamedTuple):
    """Functions of `santral` that this room may not import."""

    open_facts: Callable[[str], AbstractContextManager[Iterable[Fact]]]
    """Open the facts of a state, in order."""
    zone: Callable[[Path], ZoneInfo]
    """Return the zone of a centre's clock."""
    centre: Path
    """The default centre."""


Place = Annotated[str, typer.Argument(metavar="STATE", help="State folder of a node, its santral.db, or the URL of its "
                                                            "database. A running node is not disturbed.")]
From = Annotated[str | None, typer.Option("--from", help="Start, by the centre's clock: 2026-03-02 or "
                                                         "2026-03-02T08:00.")]
To = Annotated[str | None, typer.Option("--to", help="End, by the centre's clock, not included.")]
Centre = Annotated[Path | None, typer.Option("--centre", help="Folder of the centre, for its clock.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def add_commands(app: typer.Typer, house: SurveySources) -> None:
    """Add the command to the command line."""

    @app.command("survey")
    def show_survey(state: Place, start: From = None, end: To = None, centre: Centre = None,
                    as_json: AsJson = False) -> None:
        """Show the answers of callers after the talk, by service: whether the agent cared, and whether the problem is
        solved."""
        first, last = (None if text is None else _parse_moment(text, house.zone(centre or house.centre))
                       for text in (start, end))
        if first is not None and last is not None and first >= last:
            raise typer.BadParameter(f"--from {start} is not before --to {end}")
        with house.open_facts(state) as facts:
            found = numbers.answers_by_service(facts, first, last)
        if as_json:
            typer.echo(json.dumps({service: answers.to_json() for service, answers in found.items()},
                                  ensure_ascii=False, indent=1))
        elif found:
            shown = {str(service): answers for service, answers in found.items()}
            OutputConsole(highlight=False).print(
                _survey_table({**shown, "together": numbers.sum_answers(found.values())}))
        else:
            typer.echo("nobody was asked in this time")


def _parse_moment(text: str, zone: ZoneInfo) -> float:
    try:
        return parse_moment(text, zone)
    except BadPeriod as error:
        raise typer.BadParameter(str(error)) from None


def _survey_table(found: Mapping[str, numbers.SurveyAnswers]) -> Table:
    return make_table(("Service", "Asked", "Answered", "Rate", "Mean", "Cared", "Solved", "Messages"), [
        (service, str(answers.asked), str(answers.answered), _format_share(answers.rate),
         "–" if answers.mean is None else f"{answers.mean:.2f}", _format_share(answers.cared_share),
         _format_share(answers.solved_share), str(answers.messages)) for service, answers in found.items()])


def _format_share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
