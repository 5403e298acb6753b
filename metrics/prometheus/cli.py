"""`santral metrics rules`: write the files of Prometheus and Alertmanager."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from drawing.output import write_files
from metrics.prometheus.rules import MonitoringPlan, render_files

PlanFactory = Callable[[Path, Path | None], MonitoringPlan]
Places = Annotated[list[str] | None, typer.Option(
    "--node", metavar="HOST:PORT", help="Address of a node, if not [listen] http. May be given again.")]
Asterisks = Annotated[list[str] | None, typer.Option(
    "--asterisk", metavar="HOST:PORT", help="Address of an Asterisk's own metrics, if not [asterisk] http.")]


def add_commands(app: typer.Typer, plan_of: PlanFactory, default: Path) -> None:
    """Add the commands to the command line. `plan_of` reads a centre's settings."""
    metrics = typer.Typer(no_args_is_help=True, help="Rules and alerts on a node's metrics.")

    @metrics.command("rules")
    def write_rules(
        out: Annotated[Path, typer.Option("--out", help="Folder to write into.")],
        centre: Annotated[Path, typer.Argument(help="Folder of the centre.")] = default,
        settings: Annotated[Path | None, typer.Option("--settings", help=(
            "TOML file whose values replace those of santral.toml on this machine."))] = None,
        node: Places = None,
        asterisk: Asterisks = None,
        alertmanager: Annotated[str, typer.Option(
            "--alertmanager", metavar="HOST:PORT", help="Address of Alertmanager.")] = MonitoringPlan().alertmanager,
        factor: Annotated[float, typer.Option(
            "--factor", min=0.001, max=10.0,
            help="Multiply waits and intervals by this; below 1 for tests.")] = 1.0,
    ) -> None:
        """Write the configuration of Prometheus and Alertmanager: targets, recording rules, alerts and the receivers of
        [alerts]. Exit 1: a file cannot be written; 2: an address or the settings are not valid."""
        # Check every address before a file is written.
        for place in (*(node or ()), *(asterisk or ()), alertmanager):
            _require_address(place)
        plan = plan_of(centre, settings)
        plan = plan._replace(nodes=tuple(node or plan.nodes), asterisks=tuple(asterisk or plan.asterisks),
                             alertmanager=alertmanager, factor=factor)
        write_files(out, render_files(plan))
        typer.echo(f"{out}: {', '.join(render_files(plan))}")

    app.add_typer(metrics, name="metrics")


def _require_address(text: str) -> None:
    host, _, port = text.rpartition(":")
    if not host or "/" in host or any(map(str.isspace, text)) or not port.isdigit() or not 0 < int(port) < 65536:
        raise typer.BadParameter(f"{text!r} is no address; write host:port, as 127.0.0.1:8063")
