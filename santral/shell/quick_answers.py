"""Answer what needs no room of Santral: help, version, completion and the man page."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Sequence
from importlib import metadata

from santral.shell.command_tree import CommandTree
from santral.shell.help_text import PROGRAM, render_help

NO_COMMAND = 2
"""Exit code of a group without a command: the help is shown, but nothing was done."""


def find_answer(arguments: Sequence[str]) -> tuple[str, int] | None:
    """Return the text for stdout and the exit code, or None if the arguments name something to run."""
    if list(arguments) == ["--version"]:
        return f"{PROGRAM} {read_version()} (Python {platform.python_version()})\n", 0
    tree = CommandTree.read_file()
    asked = tree.asked_help(arguments)
    if asked is not None:
        code = 0 if "--help" in arguments else NO_COMMAND
        return render_help(tree, asked, shutil.get_terminal_size().columns), code
    if arguments[:1] == ["completion"] and len(arguments) == 2:
        from santral.shell.completion import SHELLS, write_script

        return (write_script(tree, arguments[1]), 0) if arguments[1] in SHELLS else None
    if list(arguments) == ["man"]:
        from santral.shell.man_page import write_page

        return write_page(tree, read_version()), 0
    return None


def read_version() -> str:
    """Return the installed version, or the sign of a folder that was never installed."""
    try:
        return metadata.version(PROGRAM)
    except metadata.PackageNotFoundError:
        return "0+unknown"
