"""`santral mqtt-conf`: the files of mosquitto for a centre."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from drawing.output import write_files
from metrics.mqtt_conf import BrokerPlan, render

PlanOf = Callable[[Path, Path | None, Path], BrokerPlan]
"""(centre, settings, state) -> plan; makes missing secrets in the state folder."""

STATE = Path("/var/lib/santral")
"""The state folder that a node takes by default: another one would make other passwords than the node's."""


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
        write_files(out, render(plan), private=True)
        typer.echo(f"{out}: mosquitto.conf, acl, passwords of {len(plan.users)} users. They are yours alone: give them "
                   "to the broker's user")
