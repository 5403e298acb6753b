"""Render the help of a command as plain text: no boxes and no colours, so that a screen reader and a pipe read it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from santral.shell.command_tree import JSON_OPTION, PLAIN_OPTION, Command, CommandTree, Parameter

MOST_COLUMNS = 100
"""Wider lines are hard to read, whatever the terminal's width."""
FEWEST_COLUMNS = 40
"""A narrower terminal wraps lines itself."""
NAME_COLUMNS = 28
"""A longer name has a line to itself, so that the others leave room for their text."""
PROGRAM = "santral"
HELP_OPTION = Parameter(("--help",), "Show this message and exit.", "", "", False, ())
PLAIN_HELP = Parameter((PLAIN_OPTION,), "Tables as lines with tabs, as in a pipe. SANTRAL_PLAIN=1 does it always.", "",
                       "", False, ())
JSON_HELP = Parameter((JSON_OPTION,), "Print one JSON object.", "", "", False, ())
ROOT_OPTIONS = (Parameter(("--version",), "Show the version and exit.", "", "", False, ()),)
"""Options of the program itself, which a command has not."""


def render_help(tree: CommandTree, command: Command, columns: int) -> str:
    """Return the help of a command for a terminal of this many columns."""
    width = max(FEWEST_COLUMNS, min(columns, MOST_COLUMNS))
    arguments = [one for one in command.parameters if not one.is_option]
    parts = [f"Usage: {usage_line(command)}", ""]
    for paragraph in command.help.split("\n\n"):
        parts += [textwrap.fill(" ".join(paragraph.split()), width), ""]
    if arguments:
        parts += _list_rows("Arguments", [(one.metavar, describe_parameter(one)) for one in arguments], width)
    parts += _list_rows("Options", [(option_names(one), describe_parameter(one)) for one in list_options(command)],
                        width)
    sections: dict[str, list[tuple[str, str]]] = {}
    for one in tree.list_children(command.words):
        sections.setdefault(one.section or "Commands", []).append((one.words[-1], one.summary))
    for title, rows in sections.items():
        parts += _list_rows(title, rows, width)
    return "\n".join(parts).rstrip("\n") + "\n"


def list_options(command: Command) -> list[Parameter]:
    """Return all options of a command, with those that many commands have."""
    return [*(one for one in command.parameters if one.is_option), *((JSON_HELP,) if command.has_tables else ()),
            *((PLAIN_HELP,) if not command.group or command.alone else ()), *(() if command.words else ROOT_OPTIONS),
            HELP_OPTION]


def usage_line(command: Command) -> str:
    """Return the command with the words that may follow it."""
    words = [PROGRAM, *command.words, "[OPTIONS]"]
    words += [one.metavar if one.required else f"[{one.metavar}]"
              for one in command.parameters if not one.is_option]
    if command.group:
        words.append("[COMMAND]" if command.alone else "COMMAND")
    return " ".join(words)


def option_names(one: Parameter) -> str:
    """Return the spellings of an option with the word for its value."""
    return ", ".join(one.names) + (f" {one.metavar}" if one.metavar else "")


def describe_parameter(one: Parameter) -> str:
    """Return what a parameter means, its choices, its default, and whether it must be given."""
    notes = [*([f"one of: {', '.join(one.choices)}"] if one.choices else []),
             *([f"default: {one.default}"] if one.default else []), *(["required"] if one.required else [])]
    return " ".join([*([one.help] if one.help else []), *(f"[{note}]" for note in notes)])


def _list_rows(title: str, rows: Sequence[tuple[str, str]], width: int) -> list[str]:
    widest = max((len(name) for name, _ in rows if len(name) <= NAME_COLUMNS), default=NAME_COLUMNS)
    indent = " " * (widest + 4)
    lines = [f"{title}:"]
    for name, text in rows:
        wrapped = textwrap.wrap(text, max(20, width - len(indent)), break_on_hyphens=False) or [""]
        if len(name) > widest:
            lines += [f"  {name}", *(indent + line for line in wrapped)]
        else:
            lines += [f"  {name:<{widest}}  {wrapped[0]}".rstrip(), *(indent + line for line in wrapped[1:])]
    return [*lines, ""]
