"""`santral callers`: what callers have asked for in later calls: slow speech, a person at once.

Numbers are typed at a prompt or come from standard input; no number and no list of callers is ever shown, and the node
is told keyed hashes.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from phonenumbers import SUPPORTED_REGIONS

from centres.settings import Wishes as Rules
from desk import client
from ivr.caller import ANONYMOUS, normalise
from metrics.names import K_MIN
from routing.store.errors import StoreError
from routing.store.numbers import NumberKeys
from routing.store.store import Store
from santral.config import DEFAULT_CENTRE, NODE, node_config, store_place
from santral.errors import SantralError, StoreTrouble
from santral.privacy_cli import LEASE_S, STATE, CentreFolder, Settings, State, answers, ours
from santral.wishes import Wishes

WISHES = "/api/v1/callers/wishes"
BOM = "\ufeff"
"""Some editors write it before the first line."""
PAGE = 50
"""Callers of one request: the body of one is bounded."""

Region = Annotated[str, typer.Option("--region", help="Where numbers without a country code belong.")]
Slow = Annotated[bool | None, typer.Option("--slow/--no-slow", help="Slow speech from the beginning.")]
HumanFirst = Annotated[bool | None, typer.Option("--human-first/--no-human-first", help="A person at once.")]


def commands() -> typer.Typer:
    """`wish`, `list`."""
    app = typer.Typer(no_args_is_help=True, help="What callers have asked for in later calls. No number is shown.")

    @app.command()
    def wish(centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE, slow: Slow = None,
             human_first: HumanFirst = None, region: Region = "TR") -> None:
        """Keep what a caller asks for, or let go of it. Asks for the number; without a terminal it reads numbers from
        its input, one a line. No reason is asked, and none is kept."""
        if slow is None and human_first is None:
            raise typer.BadParameter("say what: --slow, --no-slow, --human-first or --no-human-first")
        ours(state)
        keys = _keys(state)
        hashes = [keys.seal(number)[0] for number in _numbers(region)]
        wanted = {"slow": slow, "human_first": human_first}
        changed = 0
        for begin in range(0, len(hashes), PAGE):
            page = hashes[begin: begin + PAGE]
            if answers(state):
                changed += _ask(state, "POST", {"hashes": page, **wanted})["changed"]
            else:
                changed += _alone(centre, settings, state, page, wanted)
        typer.echo(f"{changed} of {len(hashes)} changed")

    @app.command(name="list")
    def show(state: State = STATE) -> None:
        """How many callers have asked for what, of the running node; never who."""
        found = _ask(state, "GET")
        for name, text in (("slow", "slow speech"), ("human_first", "a person at once")):
            typer.echo(f"{text}: {found[name] or f'none, or fewer than {K_MIN}'}")
        typer.echo(f"{found['most']} can be remembered; who has not called for {found['forgotten_days']} days is "
                   f"forgotten{'' if found['kept'] else '. Not kept now: [wishes] kept is false'}")

    return app


def _ask(state: Path, method: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        return client.call(client.find(state, None, None), method, WISHES, body)
    except client.Trouble as error:
        raise SantralError(str(error)) from error


def _alone(centre: Path, settings: Path | None, state: Path, hashes: Sequence[str],
           wanted: dict[str, bool | None]) -> int:
    """No node runs: do what it would do."""
    config = node_config(centre, settings)
    rules: Rules = config.settings.wishes

    async def work() -> int:
        store = await Store.open(store_place(config, state))
        try:
            await store.take_lease(NODE, LEASE_S)
            wishes = Wishes(store, lambda: rules, time.time)
            await wishes.load()
            return await wishes.keep_all(hashes, **wanted)
        finally:
            await store.close()

    if not rules.kept and any(wanted.values()):
        raise SantralError("wishes are not kept: set kept = true at [wishes] of santral.toml")
    try:
        return asyncio.run(work())
    except StoreError as error:
        raise StoreTrouble(str(error)) from error


def _keys(state: Path) -> NumberKeys:
    """Those of the node's own state: under others nobody would be found."""
    path = state / "secrets" / "numbers.json"
    if not path.exists():
        raise StoreTrouble(f"no node has started with the state {state} yet. Name its folder with --state")
    try:
        return NumberKeys.load(path)
    except StoreError as error:
        raise StoreTrouble(str(error)) from error


def _numbers(region: str) -> list[str]:
    if region not in SUPPORTED_REGIONS:
        raise typer.BadParameter(f"{region} is no country: two capital letters, such as TR")
    if sys.stdin.isatty():
        given = [typer.prompt("Number", hide_input=True)]
    else:
        given = sys.stdin.read().removeprefix(BOM).splitlines()
    found, wrong = [], []
    for place, text in enumerate(given, 1):
        number = normalise("".join(char for char in text if char not in " ()-\t"), region)
        if number != ANONYMOUS:
            found.append(number)
        elif text.strip():
            wrong.append(place)
    if wrong or not found:
        which = ", ".join(map(str, wrong[:10]))
        typer.echo(f"line {which}: no telephone number; write it as 0532 112 34 56" if wrong else
                   "no number was given", err=True)
        raise typer.Exit(2)
    return list(dict.fromkeys(found))
