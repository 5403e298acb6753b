"""Write the tree of all commands from the commands themselves: the file that help, completion and man page read."""

from __future__ import annotations

import json
import types
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from typer.main import get_command

from guide.tables import ROOT
from santral.cli import SECTIONS, cli
from santral.shell.command_tree import TREE

WORDS = {int: "INTEGER", float: "FLOAT", str: "TEXT", Path: "PATH", datetime: "DATE"}
"""Word for a value by its type."""


def draw_tree() -> str:
    """Return the tree as JSON, one entry for each visible group and command."""
    found: list[dict[str, Any]] = []

    def walk(command: Any, words: tuple[str, ...]) -> None:
        inner = getattr(command, "commands", None)
        section = next((title for title, names in SECTIONS.items() if words and words[0] in names), "")
        found.append({
            "words": words, "help": _unfold(command.help or ""), "section": section if len(words) == 1 else "",
            "parameters": [_describe_parameter(one) for one in command.params
                           if not one.hidden and one.name != "help" and not one.is_eager],
            "group": inner is not None, "alone": bool(getattr(command, "invoke_without_command", False))})
        if inner is not None:
            for name in command.list_commands(None):
                if not inner[name].hidden:
                    walk(inner[name], (*words, name))

    walk(get_command(cli), ())
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def write_tree(path: Path = TREE) -> None:
    """Write the tree into its file."""
    path.write_text(draw_tree(), encoding="utf-8")


def _unfold(text: str) -> str:
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))


def _describe_parameter(one: Any) -> dict[str, Any]:
    """Return the entry of a parameter. Typer has no public type for one."""
    kind = _plain_type(one.type_descriptor.annotation)
    option = one.param_type_name == "option"
    choices = ([each.value for each in kind] if isinstance(kind, type) and issubclass(kind, Enum) else
               list(get_args(kind)) if get_origin(kind) is Literal else [])
    switch = option and one.is_flag
    word = "" if switch else one.metavar or (WORDS.get(kind, "TEXT") if option else one.name.upper())
    return {"names": [*one.opts, *one.secondary_opts] if option else [one.name], "help": " ".join(
                (one.help or "").split()), "metavar": word + (" ..." if one.multiple or one.nargs == -1 else ""),
            "default": _show_default(one.default, switch=switch) if one.show_default is not False else "",
            "required": bool(one.required), "choices": [str(each) for each in choices]}


def _plain_type(kind: Any) -> Any:
    """Return the type of one value: without None and without the list around it."""
    if get_origin(kind) in (Union, types.UnionType):
        return _plain_type(next(each for each in get_args(kind) if each is not type(None)))
    return _plain_type(get_args(kind)[0]) if get_origin(kind) in (list, tuple) else kind


def _show_default(value: Any, *, switch: bool) -> str:
    """Return a default as text. A path inside this checkout has another beginning on each machine."""
    if value is None or callable(value) or (switch and not value) or value == []:
        return ""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Path) and value.is_relative_to(ROOT):
        return f"{value.relative_to(ROOT)} of this installation"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
