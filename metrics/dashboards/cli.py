"""`santral dashboards write`: write the dashboards as files that Grafana reads.

Exit code 1: a file cannot be written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from drawing.output import write_files

LANGUAGES = ("tr", "en")


class CentreInfo(NamedTuple):
    """Parts of a centre that this room may not import."""

    names: Callable[[Path], Mapping[str, str]]
    """Return the names of the services of a centre."""
    runbooks: Callable[[Path], str]
    """Return the address of the runbooks of a centre."""
    centre: Path
    """Default centre."""


def add_commands(app: typer.Typer, house: CentreInfo) -> None:
    """Add the group `dashboards` to the command line."""
    dashboards = typer.Typer(no_args_is_help=True, help="Dashboards for Grafana.")

    @dashboards.callback()
    def group() -> None:
        """Dashboards for Grafana."""

    @dashboards.command("write")
    def write(
        out: Annotated[Path, typer.Option("--out", help="Folder to write into.")],
        prometheus: Annotated[str, typer.Option(
            "--prometheus", metavar="URL", help="Address of Prometheus.")] = "http://127.0.0.1:9090",
        place: Annotated[str | None, typer.Option(
            "--place", help="Path of that folder as Grafana sees it, if different.")] = None,
        centre: Annotated[Path | None, typer.Option(
            "--centre", help="Folder of the centre, for names of services.")] = None,
    ) -> None:
        """Write dashboards as JSON, in Turkish and English, and the files that provision them. Those in import/ are for
        an import by hand."""
        # The import is here because the library is slow to load, and a starting node does not need it.
        from metrics.dashboards import grafana

        # Grafana may see the folder under another path, for example in a container.
        folder = place or str(out.resolve())
        names, runbooks = house.names(centre or house.centre), house.runbooks(centre or house.centre)
        # Each board in both languages, once for provisioning and once for an import by hand. Then the two files by
        # which Grafana finds boards and data source.
        files = {f"{kind}/{language}/{board.key}.json": grafana.dashboard_json(
                     board, names, english=language == "en", runbooks=runbooks, importable=kind == "import")
                 for kind in ("dashboards", "import") for language in LANGUAGES for board in grafana.BOARDS}
        files |= {"provisioning/dashboards/santral.yaml": grafana.render_providers(f"{folder}/dashboards"),
                  "provisioning/datasources/santral.yaml": grafana.render_datasources(prometheus)}
        write_files(out, files)
        typer.echo(f"{len(files)} files in {out}: the folder provisioning/ for Grafana, which finds the dashboards in "
                   f"{folder}/dashboards")

    app.add_typer(dashboards, name="dashboards")
