"""What commands that ask a node have in common: which node, how errors are told, who asks."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from desk.api.shapes import WORDS
from desk.client import Trouble

State = Annotated[Path | None, typer.Option("--state", help="State folder of the node.")]
Lab = Annotated[Path | None, typer.Option("--lab", help="Folder of a lab.")]
Url = Annotated[str | None, typer.Option("--url", help="Address of a node, with --token-file.")]
TokenFile = Annotated[Path | None, typer.Option("--token-file", help="File that holds a token.")]


def told(work: Callable[[], Any]) -> Any:
    """The result, or one sentence on stderr and exit code 1. Any: of whatever the API gives."""
    try:
        return work()
    except Trouble as trouble:
        typer.echo(f"santral: {trouble}", err=True)
        raise typer.Exit(1) from None


def me() -> str | None:
    """Who sits at this terminal, as the API takes it."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        return None
    return name if re.fullmatch(WORDS, name) else None
