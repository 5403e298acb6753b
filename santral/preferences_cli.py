"""Define `santral callers`: the preferences of callers for later calls, such as slow speech or a person at once.

Numbers are typed at a prompt or come from standard input. No number and no list of callers is ever shown, and the node
gets only keyed hashes.
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

from centres.settings import Preferences as Rules
from desk import client
from ivr.caller.identity import ANONYMOUS, normalise_number
from metrics.prometheus.names import K_MIN
from routing.store.callers.number_keys import NumberKeys
from routing.store.errors import StoreError
from routing.store.store import Store
from santral.centre.config import DEFAULT_CENTRE, NODE, node_config, store_place
from santral.errors import SantralError, StoreFailure
from santral.node.caller_preferences import NodePreferences
from santral.privacy.cli import LEASE_S, STATE, CentreFolder, Settings, State, is_node_running
from santral.state_folder import require_owner

PREFERENCES_PATH = "/api/v1/callers/preferences"
BOM = "\ufeff"
"""Byte order mark, which some editors write before the first line."""
PAGE = 50
"""Callers in one request, because the size of a request is limited."""

Region = Annotated[str, typer.Option("--region", help="Country of numbers without a country code.")]
Slow = Annotated[bool | None, typer.Option("--slow/--no-slow", help="Slow speech from the beginning of a call.")]
HumanFirst = Annotated[bool | None, typer.Option("--human-first/--no-human-first", help=(
    "A person at once, without the menu."))]


def build_commands() -> typer.Typer:
    """Return the commands `preferences` and `list`."""
    app = typer.Typer(no_args_is_help=True, help="Preferences of callers for later calls. No number is shown.")

    @app.command("preferences")
    def save_preferences(
        centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE, slow: Slow = None,
        human_first: HumanFirst = None, region: Region = "TR",
    ) -> None:
        """Set or clear preferences of callers. Asks for a number, or reads numbers from stdin, one per line.

        No reason is asked for or stored.
        """
        if slow is None and human_first is None:
            raise typer.BadParameter("name a preference: --slow, --no-slow, --human-first or --no-human-first")
        # 1. Read the numbers, and turn them into keyed hashes.
        require_owner(state)
        keys = _load_keys(state)
        hashes = [keys.encrypt_number(number)[0] for number in _read_numbers(region)]
        # 2. Save page by page. The node may start or stop in between, so ask for each page.
        wanted = {"slow": slow, "human_first": human_first}
        changed = 0
        for begin in range(0, len(hashes), PAGE):
            page = hashes[begin: begin + PAGE]
            if is_node_running(state):
                changed += _ask_node(state, "POST", {"hashes": page, **wanted})["changed"]
            else:
                changed += _save_without_node(centre, settings, state, page, wanted)
        typer.echo(f"{changed} of {len(hashes)} changed")

    @app.command(name="list")
    def show_counts(state: State = STATE) -> None:
        """Show how many callers of the running node have each preference, never which."""
        found = _ask_node(state, "GET")
        for name, text in (("slow", "slow speech"), ("human_first", "a person at once")):
            typer.echo(f"{text}: {found[name] or f'none, or fewer than {K_MIN}'}")
        stopped = "" if found["enabled"] else ". Not kept now: [preferences] enabled is false"
        typer.echo(f"{found['max_callers']} callers can be remembered. A caller without a call for "
                   f"{found['expiry_days']} days is forgotten{stopped}")


    return app


def _ask_node(state: Path, method: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        return client.call_api(client.find_node(state, None, None), method, PREFERENCES_PATH, body)
    except client.ClientError as error:
        raise SantralError(str(error)) from error


def _save_without_node(centre: Path, settings: Path | None, state: Path, hashes: Sequence[str],
                       wanted: dict[str, bool | None]) -> int:
    """Save preferences while no node runs. The lease keeps a node from starting meanwhile."""
    config = node_config(centre, settings)
    rules: Rules = config.settings.preferences

    async def save_rows() -> int:
        store = await Store.open_store(store_place(config, state))
        try:
            await store.take_lease(NODE, LEASE_S)
            wishes = NodePreferences(store, lambda: rules, time.time)
            await wishes.load_preferences()
            return await wishes.save_for_hashes(hashes, **wanted)
        finally:
            await store.close()

    if not rules.enabled and any(wanted.values()):
        raise SantralError("preferences are not kept: set enabled = true at [preferences] of santral.toml")
    try:
        return asyncio.run(save_rows())
    except StoreError as error:
        raise StoreFailure(str(error)) from error


def _load_keys(state: Path) -> NumberKeys:
    """Return the keys of the node's state. With other keys no caller would be found."""
    path = state / "secrets" / "numbers.json"
    if not path.exists():
        raise StoreFailure(f"no node has started with the state {state} yet. Name its folder with --state")
    try:
        return NumberKeys.load_keys(path)
    except StoreError as error:
        raise StoreFailure(str(error)) from error


def _read_numbers(region: str) -> list[str]:
    if region not in SUPPORTED_REGIONS:
        raise typer.BadParameter(f"{region} is no country code: write two capital letters, such as TR")
    if sys.stdin.isatty():
        given = [typer.prompt("Number", hide_input=True)]
    else:
        given = sys.stdin.read().removeprefix(BOM).splitlines()
    # Report all invalid lines at once, and change nothing then. Lines are named, not numbers.
    found, wrong = [], []
    for place, text in enumerate(given, 1):
        number = normalise_number("".join(char for char in text if char not in " ()-\t"), region)
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
