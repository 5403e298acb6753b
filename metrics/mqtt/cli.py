"""`santral mqtt-conf`: write the files of mosquitto for a centre."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from drawing.output import write_files
from metrics.mqtt.mosquitto_conf import BrokerPlan, render_files

PlanFactory = Callable[[Path, Path | None, Path], BrokerPlan]
"""(centre, settings, state) -> plan. It creates missing secrets in the state folder."""

STATE = Path("/var/lib/santral")
"""The default state folder of a node. Another folder would give other passwords than the node's."""


def add_commands(app: typer.Typer, plan_of: PlanFactory) -> None:
    """Add the command to the command line."""

    @app.command("mqtt-conf")
    def write_mqtt_conf(
        centre: Annotated[Path, typer.Argument(help="Folder of the centre.")],
        out: Annotated[Path, typer.Option("--out", help="Folder to write into.")],
        settings: Annotated[Path | None, typer.Option("--settings", help="This machine's settings.")] = None,
        state: Annotated[Path, typer.Option("--state", envvar="SANTRAL_STATE", help=(
            "State folder of the node, for its secrets."))] = STATE,
        folder: Annotated[str | None, typer.Option(
            "--as-seen-by-broker", help="Folder of the files on the broker's machine, if not --out.")] = None,
        certificates: Annotated[str, typer.Option(help="Folder of server.crt and server.key.")]
        = "/etc/mosquitto/certs",
        data: Annotated[str, typer.Option(help="Folder in which the broker keeps messages.")] = "/var/lib/mosquitto",
    ) -> None:
        """Render the configuration of an MQTT broker (mosquitto 2): users, passwords and access rights. Exit 2: the
        centre has problems or names no broker."""
        # The paths are those of the broker's machine, which may be another one.
        plan = replace(plan_of(centre, settings, state), folder=folder or str(out.absolute()),
                       certificates=certificates, data=data)
        write_files(out, render_files(plan), private=True)
        typer.echo(f"{out}: mosquitto.conf, acl, passwords of {len(plan.users)} users. Only you can read them: "
                   "give them to the broker's user")
