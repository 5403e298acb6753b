"""Read the tree of all commands from a file, so that help needs no room: `guide/command_tree.py` writes it.

A test compares the file with the commands themselves. This module imports nothing heavy, because `santral --help` and a
key of the shell's completion wait for it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

TREE = Path(__file__).with_name("commands.json")
"""File of the tree: one entry for each group and command."""


TABLES = frozenset((
    "hours", "nodes", "status", "reload", "agent reasons", "agent needs", "contacts", "callbacks", "recordings list",
    "announce list", "announce on", "announce off", "people list", "privacy audit", "report day", "report week",
    "report month", "report interval", "prompts list"))
"""Commands that print tables and nothing else that a program needs. Each takes `--json`; others have it as their own
option, if it says more than their table."""
PLAIN_OPTION, JSON_OPTION = "--plain", "--json"


class Parameter(NamedTuple):
    """One argument or option of a command."""

    names: tuple[str, ...]
    """Of an option its spellings, of an argument its one name."""
    help: str
    metavar: str
    """Word for the value; empty for a switch."""
    default: str
    required: bool
    choices: tuple[str, ...]

    @property
    def is_option(self) -> bool:
        """Return True unless the parameter stands by its place."""
        return self.names[0].startswith("-")


class Command(NamedTuple):
    """One command, or a group of commands."""

    words: tuple[str, ...]
    """Words after `santral`."""
    help: str
    section: str
    parameters: tuple[Parameter, ...]
    group: bool
    alone: bool
    """Tell whether a group does something when no command follows it."""

    @property
    def has_tables(self) -> bool:
        """Tell whether `--json` prints the tables of the command."""
        return " ".join(self.words) in TABLES

    @property
    def summary(self) -> str:
        """Return the first sentence of the help."""
        first = " ".join(self.help.split("\n\n")[0].split())
        end = first.find(". ")
        return first if end < 0 else first[:end + 1]


class CommandTree:
    """All commands, found by their words."""

    def __init__(self, commands: Sequence[Command]) -> None:
        self._by_words = {one.words: one for one in commands}

    @classmethod
    def read_file(cls, path: Path = TREE) -> CommandTree:
        """Return the tree of a file."""
        return cls([
            Command(tuple(one["words"]), one["help"], one["section"], tuple(
                Parameter(tuple(each["names"]), each["help"], each["metavar"], each["default"], each["required"],
                          tuple(each["choices"])) for each in one["parameters"]), one["group"], one["alone"])
            for one in json.loads(path.read_text(encoding="utf-8"))])

    def all_commands(self) -> list[Command]:
        """Return groups and commands in the order of the help."""
        return list(self._by_words.values())

    def find_command(self, words: Sequence[str]) -> Command:
        """Return a command by its words. Raise KeyError if there is none."""
        return self._by_words[tuple(words)]

    def list_children(self, words: Sequence[str]) -> list[Command]:
        """Return the commands of a group."""
        return [one for one in self._by_words.values()
                if len(one.words) == len(words) + 1 and one.words[:-1] == tuple(words)]

    def take_output_options(self, arguments: Sequence[str]) -> tuple[list[str], bool, bool]:
        """Return the arguments without `--plain`, and without `--json` of a command that has tables.

        The other two values tell whether these options were there.
        """
        end = arguments.index("--") if "--" in arguments else len(arguments)
        before, after = list(arguments[:end]), list(arguments[end:])
        plain = PLAIN_OPTION in before
        before = [one for one in before if one != PLAIN_OPTION]
        words: tuple[str, ...] = ()
        for one in before:
            if (*words, one) not in self._by_words:
                break
            words = (*words, one)
        wanted = JSON_OPTION in before and self._by_words[words].has_tables
        return [*(one for one in before if not (wanted and one == JSON_OPTION)), *after], plain, wanted

    def asked_help(self, arguments: Sequence[str]) -> Command | None:
        """Return the command whose help the arguments of a command line ask for, or None.

        A group without a command asks for its help too, unless it does something alone.
        """
        words: tuple[str, ...] = ()
        rest = list(arguments)
        while self._by_words[words].group and rest and not rest[0].startswith("-"):
            if (*words, rest[0]) not in self._by_words:
                # A misspelt name: the command line itself says so, and names what is alike.
                return None
            words = (*words, rest.pop(0))
        found = self._by_words[words]
        before = rest[:rest.index("--")] if "--" in rest else rest
        if "--help" in before or (not rest and found.group and not found.alone):
            return found
        return None
