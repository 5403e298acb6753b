"""`santral surge`: switch what the centre does on the day everybody calls, in one word."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from desk.client import call_api, find_node
from desk.options import Lab, State, TokenFile, Url, exit_on_error, user_name

PATH = "/api/v1/surge"


def build_commands() -> typer.Typer:
    """Build the commands `on`, `off` and `status`."""
    app = typer.Typer(no_args_is_help=True, help="Switch a surge profile for the day everybody calls.")
    app.command("on")(switch_on)
    app.command("off")(switch_off)
    app.command("status")(show_status)
    return app


def switch_on(profile: Annotated[str, typer.Argument(help="Id of a profile in [surge.profiles] of santral.toml.")],
              state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
    """Put a profile in force. It stays until `off`, also after a restart."""
    def post_switch() -> str:
        return describe_state(call_api(find_node(state or lab, url, token_file), "POST", PATH, _body(profile)))

    typer.echo(exit_on_error(post_switch))


def switch_off(state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
    """Take the profile out of force."""
    typer.echo(exit_on_error(lambda: describe_state(call_api(
        find_node(state or lab, url, token_file), "POST", PATH, _body(None)))))


def show_status(state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
    """Show which profile is in force, since when and by whom, and all profiles."""
    typer.echo(exit_on_error(lambda: describe_state(call_api(find_node(state or lab, url, token_file), "GET", PATH))))


def describe_state(found: dict[str, Any]) -> str:
    """Describe the switch in one or two lines."""
    known = ", ".join(f"{one['id']} ({one['name']})" for one in found["profiles"]) or "none in santral.toml"
    if found["profile"] is None:
        return f"no surge profile is in force. Profiles: {known}"
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(found["since"]))
    return f"{found['profile']} is in force since {since}, by {found['by']}; end it: santral surge off"


def _body(profile: str | None) -> dict[str, Any]:
    return {"profile": profile, **({"by": name} if (name := user_name()) is not None else {})}
