"""Define `santral cluster`: bring secrets and certificates to the next machine.

The code is typed at a prompt or comes from standard input. It is never an argument, because all processes of a machine
can see arguments.
"""

from __future__ import annotations

import asyncio
import ipaddress
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from routing.store.audit import Audit, asker_name
from routing.store.errors import StoreError
from santral.cluster.certificate import CODE_S
from santral.cluster.join_client import join_machine
from santral.cluster.join_code import JoinCode
from santral.cluster.join_server import JoinServer
from santral.cluster.secret_files import Files, read_files
from santral.errors import StoreFailure
from santral.privacy.cli import STATE, State, Who
from santral.state_folder import require_owner

PORT = 8066
"""Port of a join, if the operator names none."""


def build_commands() -> typer.Typer:
    """Return the commands `init` and `join`."""
    app = typer.Typer(no_args_is_help=True, help="Bring secrets and certificates to the next machine of a cluster.")

    @app.command("init")
    def hand_out_secrets(
        state: State = STATE,
        listen: Annotated[str, typer.Option("--listen", metavar="ADDRESS[:PORT]", help=(
            "Address of this machine that the next one reaches. By default only this machine does."
        ))] = f"127.0.0.1:{PORT}",
        who: Who = None,
    ) -> None:
        """Hand out the secrets of this machine once, to the machine that gives the printed code within ten minutes.
        Exit 0: it has them. Exit 1: nobody joined, or too many wrong codes came."""
        host, port = _read_address(listen, "--listen")
        if _is_wildcard(host):
            raise typer.BadParameter("name the one address that the next machine reaches", param_hint="--listen")
        require_owner(state)
        joined = asyncio.run(_serve_files(read_files(state), state, host, port, asker_name(who)))
        typer.echo(f"{joined} has the secrets, and the code is used up")

    @app.command("join")
    def fetch_secrets(
        address: Annotated[str, typer.Argument(metavar="ADDRESS[:PORT]", help="Address that `init` printed.")],
        state: State = STATE,
    ) -> None:
        """Bring the secrets of the first machine into an empty state. The code is typed, or comes from stdin."""
        host, port = _read_address(address, "ADDRESS")
        try:
            state.mkdir(mode=0o711, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreFailure(f"{state} cannot be made: {error.strerror}. Create it for this user") from error
        require_owner(state)
        typed = typer.prompt("Code", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
        written = join_machine(host, port, JoinCode.read_code(typed), state, version("santral"))
        typer.echo(f"{state / 'secrets'} {'has the secrets now' if written else 'had the same secrets already'}. Next: "
                   f"santral run CENTRE --state {state} --node NAME, with a name that no other node has")

    return app


async def _serve_files(files: Files, state: Path, host: str, port: int, who: str) -> str:
    def note_peer(peer: str) -> None:
        try:
            Audit(state).note_entry(who, "secrets_sent", time.time(), peer=peer)
        except StoreError as error:
            raise StoreFailure(str(error)) from error

    server = JoinServer(files, version("santral"), note_peer)

    def show_code(bound: int) -> None:
        typer.echo(f"{len(files)} files wait {CODE_S / 60:.0f} minutes for one machine. Type there:\n\n"
                   f"    santral cluster join {_show_host(host)}:{bound} --state {state}\n\n"
                   f"and, when it asks for the code:\n\n    {server.code}\n")

    return await server.serve_until_joined(host, port, show_code)


def _read_address(text: str, hint: str) -> tuple[str, int]:
    """Return host and port. Raise BadParameter for anything else."""
    host, colon, port = text.rpartition(":")
    if not colon or "]" in port or (text.count(":") > 1 and not text.startswith("[")):
        host, port = text, str(PORT)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise typer.BadParameter("write it as 192.0.2.10 or 192.0.2.10:8066", param_hint=hint)
    return host, int(port)


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _show_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
