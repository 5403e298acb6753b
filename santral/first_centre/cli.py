"""Provide `santral init`: ask about a new centre, or take flags, and write its files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from prompts.errors import CatalogueError
from santral.centre import config
from santral.errors import BadCentre
from santral.first_centre import answers as given
from santral.first_centre.answers import CentreAnswers, UnusableAnswer
from santral.first_centre.centre_files import refuse_filled, write_files

Value = TypeVar("Value")

DEFAULT_HOURS, DEFAULT_DAYS, DEFAULT_AGENTS = "09:00-18:00", "monday-friday", "5"


def add_commands(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("init")(make_centre)


def make_centre(
    folder: Annotated[Path, typer.Argument(help="New folder of the centre.")],
    name: Annotated[str | None, typer.Option("--name", help="Name of the centre, as callers hear it.")] = None,
    spoken: Annotated[str, typer.Option("--spoken", help="How a foreign name is said, in Turkish letters.")] = "",
    numbers: Annotated[str | None, typer.Option("--numbers", help="Called numbers, with commas.")] = None,
    services: Annotated[str | None, typer.Option("--services", help="Services of keys 1 to 5, with commas.")] = None,
    hours: Annotated[str | None, typer.Option("--hours", help="Opening hours: 08:00-17:00, or always.")] = None,
    days: Annotated[str | None, typer.Option("--days", help="Open days: monday-friday.")] = None,
    agents: Annotated[str | None, typer.Option("--agents", help="Number of agents.")] = None,
    phones: Annotated[str | None, typer.Option("--phones", help="Number of phones; usual: one for each agent.")] = None,
    carrier: Annotated[str, typer.Option("--carrier", help="Address of the carrier; may be set later.")] = "",
    language: Annotated[str | None, typer.Option(
        "--language", help="Language of tables and reports: tr or en.")] = None,
) -> None:
    """Write the files of a new centre. On a terminal, what no flag says is asked. Exit 1 if something is missing."""
    # 1. Ask, or take the flags. Every answer is checked when it is given.
    refuse_filled(folder)
    ask = _Questions(terminal=sys.stdin.isatty())
    found_name = ask.answer("--name", name, "Name of the centre, as callers hear it", "", lambda text: (
        given.check_name(text, spoken)))
    found_numbers = ask.answer("--numbers", numbers, "Numbers that callers dial", "", given.check_numbers)
    found_services = ask.answer("--services", services, "Services, in the order of their keys", "",
                                given.check_services)
    found_hours = ask.answer("--hours", hours, "Opening hours, or always", DEFAULT_HOURS, given.check_hours)
    found_days = given.WEEK if found_hours == given.ALWAYS else ask.answer(
        "--days", days, "Open days", DEFAULT_DAYS, given.check_days)
    found_agents = ask.answer("--agents", agents, "Number of agents", DEFAULT_AGENTS, lambda text: (
        given.check_count(text, "agents")))
    found_phones = ask.answer("--phones", phones, "Number of phones", str(found_agents), lambda text: (
        given.check_count(text, "phones")))
    found_language = ask.answer("--language", language, "Language of tables and reports", "tr", given.check_language)
    write_files(folder, CentreAnswers(
        found_name, spoken, found_numbers, found_services, found_hours, found_days, found_agents, found_phones,
        given.check_carrier(carrier) if carrier else "", found_language))
    # 2. Check what was written, as `santral check` does.
    try:
        checked = config.check_centre(folder)
    except CatalogueError as error:
        raise BadCentre(str(error)) from error
    if checked.problems:
        raise BadCentre(config.format_problems(checked.problems, folder))
    typer.echo(_next_steps(folder, found_numbers[0]))


class _Questions:
    """Answers from flags, from a terminal, or from the usual values where nobody can be asked."""

    def __init__(self, *, terminal: bool) -> None:
        self._terminal = terminal

    def answer(self, flag: str, value: str | None, question: str, usual: str,
               check: Callable[[str], Value]) -> Value:
        """Return a checked answer. Raise UnusableAnswer for a wrong flag, or a missing one without a terminal."""
        if value is not None:
            return check(value)
        if not self._terminal:
            if not usual:
                raise UnusableAnswer(f"{flag} is missing: there is no terminal at which to ask.")
            return check(usual)
        while True:
            try:
                return check(typer.prompt(question, default=usual or None))
            except UnusableAnswer as error:
                typer.echo(str(error))


def _next_steps(folder: Path, number: str) -> str:
    return f"""{folder} has the files of a centre, and santral check finds no problem. Next:
  1. Read and change them: {folder}/menu.yaml, services.yaml, team.yaml, accommodations.yaml
  2. Say it in your words: {folder}/prompts/tr/menu.yaml
  3. santral check {folder}
  4. santral lab up {folder} --state my-lab --no-traffic
     santral lab call {number} --lab my-lab --record call.wav
     santral lab down --state my-lab
  5. Name your carrier at [trunk] of {folder}/santral.toml, and set up your Asterisk: docs/operate/install.md
  6. Let a person read the sentences: santral prompts studio {folder} --out DIR"""
