"""Provide `santral prompts studio`: a page in which a person reads the sentences of a centre."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from ivr.settings import IvrSettings
from prompts.errors import PromptError
from prompts.text_reader import all_prompts
from prompts.verbalise.number_prompts import LANGUAGE, LANGUAGES
from santral.centre.centre_words import centre_words
from santral.centre.config import DEFAULT_CENTRE, NodeConfig, node_config
from santral.errors import BadCentre, NoJournal, StoreFailure
from santral.node.state_reader import open_facts
from santral.studio.heard_order import CONTACTS_MAX, count_heard, fold_waits, simulate_waits
from santral.studio.page_server import StudioPage, serve_studio
from santral.studio.takes import Takes, order_sentences

TAKES = "takes"
"""Usual folder of the takes, in the folder of the sounds."""


def add_command(prompts: typer.Typer) -> None:
    """Add the command to `santral prompts`."""
    prompts.command("studio")(_open_studio)


def _open_studio(
    centre: Annotated[Path, typer.Argument(help="Folder of the centre.")] = DEFAULT_CENTRE,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the sounds. Default: that of the settings.")]
    = None,
    takes: Annotated[Path | None, typer.Option("--takes", help="Folder of the takes. Default: takes/ in --out.")]
    = None,
    settings: Annotated[Path | None, typer.Option("--settings", help="Overlay of the settings.")] = None,
    state: Annotated[Path | None, typer.Option("--state", help=(
        "State folder whose records give the order. Default: a simulated hour."))] = None,
    language: Annotated[str, typer.Option("--language", help=" or ".join(LANGUAGES) + ".")] = LANGUAGE,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1; 0: any free one.")] = 0,
) -> None:
    """Open a page on this machine, in which a person reads the sentences of a centre into a microphone."""
    if language not in LANGUAGES:
        raise typer.BadParameter(f"{language} is none of {', '.join(LANGUAGES)}", param_hint="--language")
    try:
        config = node_config(centre, settings)
        sounds = out or Path(config.settings.asterisk.sounds)
        heard, source = _count_heard(config, state)
        prompts = all_prompts(centre_words(config.loaded))
        kept = Takes(takes or sounds / TAKES, prompts, sounds)
        sentences = order_sentences(prompts, heard, language)
    except (BadCentre, NoJournal, PromptError, StoreFailure) as error:
        typer.echo(f"santral prompts: {error}", err=True)
        raise typer.Exit(1) from error
    often = sum(one.often for one in sentences)
    typer.echo(f"{len(sentences)} sentences, those heard most first ({source}); the first {often} are marked.")
    command = f"santral prompts build --centre {centre} --out {sounds}"
    page = StudioPage(sentences, kept, command)
    try:
        asyncio.run(serve_studio(page, port, lambda address: typer.echo(
            f"Open {address}\nTakes stay in {kept.folder}. Ctrl-C ends the studio; the same command goes on.")))
    except OSError as error:
        typer.echo(f"santral prompts: 127.0.0.1:{port}: {error.strerror or error}", err=True)
        raise typer.Exit(1) from error


def _count_heard(config: NodeConfig, state: Path | None) -> tuple[Counter[str], str]:
    """Return how often each prompt is heard, and the source of the numbers in words."""
    settings: IvrSettings = config.ivr_settings("studio")
    tick_s = float(config.settings.wait.tick_s)
    if state is not None:
        with open_facts(str(state)) as facts:
            waits = list(islice(fold_waits(facts), CONTACTS_MAX))
        return count_heard(config.flow, settings, tick_s, waits), f"{len(waits)} calls of the records"
    waits = simulate_waits(config.centre)
    return count_heard(config.flow, settings, tick_s, waits), f"{len(waits)} calls of a simulated hour"
