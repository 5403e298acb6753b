"""`santral mqtt-conf`: the files of mosquitto for a centre."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from metrics.mqtt_conf import BrokerPlan, render

PlanOf = Callable[[Path, Path | None, Path], BrokerPlan]
"""(centre, settings, state) -> plan; makes missing secrets in the state folder."""

STATE = Path("/var/lib/santral")
"""The state folder that a node takes by default: another one would make other passwords than the node's."""
UNWRITABLE = 1


def mount(app: typer.Typer, plan_of: PlanOf) -> None:
    """Put the command beside those of the other rooms."""

    @app.command("mqtt-conf")
    def mqtt_conf(
        centre: Annotated[Path, typer.Argument(help="Folder of the centre.")],
        out: Annotated[Path, typer.Option("--out", help="Folder the files are written into.")],
        settings: Annotated[Path | None, typer.Option("--settings", help="This machine's settings.")] = None,
        state: Annotated[Path, typer.Option("--state", help="State folder of the node: its secrets.")] = STATE,
        folder: Annotated[str | None, typer.Option("--as-seen-by-broker", help="Where the files will lie on the "
                                                                               "broker's machine, if not in --out.")]
        = None,
        certificates: Annotated[str, typer.Option(help="Folder of server.crt and server.key.")]
        = "/etc/mosquitto/certs",
        data: Annotated[str, typer.Option(help="Folder in which the broker keeps messages.")] = "/var/lib/mosquitto",
    ) -> None:
        """Render the configuration of an MQTT broker (mosquitto 2): users, passwords, who may hear and say what.
        Exit 2: the centre has problems or names no broker."""
        plan = replace(plan_of(centre, settings, state), folder=folder or str(out.absolute()),
                       certificates=certificates, data=data)
        try:
            out.mkdir(mode=0o750, parents=True, exist_ok=True)
            for name, text in render(plan).items():
                path = out / name
                path.touch(mode=0o600)
                path.chmod(0o600)
                path.write_text(text, encoding="utf-8")
        except OSError as error:
            typer.echo(f"{error.filename or out} cannot be written: {error.strerror}. Name another folder with --out",
                       err=True)
            raise typer.Exit(UNWRITABLE) from None
        typer.echo(f"{out}: mosquitto.conf, acl, passwords of {len(plan.users)} users. They are yours alone: give them "
                   "to the broker's user")
