"""`santral metrics rules`: the files of Prometheus and Alertmanager."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drawing.output import write_files
from metrics.rules import Plan, files

Places = Annotated[list[str] | None, typer.Option("--node", metavar="HOST:PORT", help="Where a node answers "
                                                                                        "([listen] http). May be given "
                                                                                        "again.")]
Asterisks = Annotated[list[str] | None, typer.Option("--asterisk", metavar="HOST:PORT", help="Where an Asterisk tells "
                                                     "its own metrics ([asterisk] metrics).")]


def mount(app: typer.Typer) -> None:
    """Put the commands beside those of the other rooms."""
    metrics = typer.Typer(no_args_is_help=True, help="What is made of a node's metrics.")

    @metrics.command("rules")
    def rules(
        out: Annotated[Path, typer.Option("--out", help="Folder the files are written into.")],
        node: Places = None,
        asterisk: Asterisks = None,
        alertmanager: Annotated[str, typer.Option("--alertmanager", metavar="HOST:PORT", help="Where it answers.")]
        = Plan().alertmanager,
        webhook: Annotated[str | None, typer.Option("--webhook", metavar="URL", help="Whom Alertmanager tells of "
                                                    "alerts.")] = None,
        manager: Annotated[str | None, typer.Option("--manager-webhook", metavar="URL", help="Whom it tells of those "
                                                    "for the manager of accommodations, who alone gets them.")] = None,
        factor: Annotated[float, typer.Option("--factor", min=0.001, max=10.0, help="Waits and intervals times this; "
                                                                                    "below 1 for tests.")] = 1.0,
    ) -> None:
        """Write the configuration of Prometheus and Alertmanager: what is scraped, recording rules, alerts and whom
        they call. Exit 1: a file cannot be written; 2: an address is none."""
        for place in (*(node or ()), *(asterisk or ()), alertmanager):
            _address(place)
        for url in (webhook, manager):
            if url is not None and not url.startswith(("http://", "https://")):
                raise typer.BadParameter(f"{url!r} is no address of a web page; write http://host:port/path")
        plan = Plan(tuple(node) if node else Plan().nodes, tuple(asterisk or ()), alertmanager, webhook, manager,
                    factor)
        write_files(out, files(plan))
        typer.echo(f"{out}: {', '.join(files(plan))}")

    app.add_typer(metrics, name="metrics")


def _address(text: str) -> None:
    host, _, port = text.rpartition(":")
    if not host or "/" in host or any(map(str.isspace, text)) or not port.isdigit() or not 0 < int(port) < 65536:
        raise typer.BadParameter(f"{text!r} is no address; write host:port, as 127.0.0.1:8063")
