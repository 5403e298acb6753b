"""Share options of commands that ask a node: which node, how errors are shown, and who asks."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from desk.api.models import WORDS
from desk.client import ClientError

State = Annotated[Path | None, typer.Option("--state", help=(
    "State folder of the node. Default: SANTRAL_STATE, else /var/lib/santral."))]
Lab = Annotated[Path | None, typer.Option("--lab", help="Folder of a lab.")]
Url = Annotated[str | None, typer.Option("--url", help="Address of a node, with --token-file.")]
TokenFile = Annotated[Path | None, typer.Option("--token-file", help="File that holds a token.")]


def exit_on_error(work: Callable[[], Any]) -> Any:
    """Return the result of `work`. Exit with 1 and one sentence on stderr if it raises ClientError. Any: each route has
    its own answer."""
    try:
        return work()
    except ClientError as trouble:
        typer.echo(f"santral: {trouble}", err=True)
        raise typer.Exit(1) from None


def user_name() -> str | None:
    """Return the user of this terminal, or None if the API would not take the name."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        return None
    return name if re.fullmatch(WORDS, name) else None
