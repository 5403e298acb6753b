"""`santral dashboards`: write them for Grafana, check them, draw them.

Exit 1: a check has found something, or a file cannot be written; 2: what was given cannot be used or nobody answers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, NamedTuple, Never
from zoneinfo import ZoneInfo

import typer

from metrics.alerts import RECORDED
from metrics.dashboards import draw
from metrics.dashboards.boards import BOARDS
from metrics.dashboards.check import BadDashboard, check, read
from metrics.dashboards.source import Keeping, Kept, NoAnswer, Prometheus, Source, Span

POINTS = 240
"""Of a series in a picture: a point each three pixels."""
LANGUAGES = ("tr", "en")


class House(NamedTuple):
    """Given by `santral`: what this room may not know."""

    zone: Callable[[Path], ZoneInfo]
    """Of a centre's clock."""
    names: Callable[[Path], Mapping[str, str]]
    """What its services are called."""
    centre: Path
    """The default centre."""


Centre = Annotated[Path | None, typer.Option("--centre", help="Folder of the centre: names of services, its clock.")]
Url = Annotated[str, typer.Option("--prometheus", metavar="URL", help="Where Prometheus answers.")]
MINUTES_MOST = 60 * 24 * 31
Minutes = Annotated[float, typer.Option("--minutes", min=0.1, max=MINUTES_MOST, help="So long, until now.")]
RENDER_MINUTES = 360.0
"""Of a picture, when nothing is said: most of a shift."""
RenderMinutes = Annotated[float | None, typer.Option("--minutes", min=0.1, max=MINUTES_MOST, help="So long, until now.",
                                                     show_default=f"{RENDER_MINUTES:g}")]


def mount(app: typer.Typer, house: House) -> None:
    """Put the commands beside those of the other rooms."""
    dashboards = typer.Typer(no_args_is_help=True, help="Dashboards for Grafana, and pictures of them without it.")
    for add in (_add_write, _add_check, _add_render):
        add(dashboards, house)
    app.add_typer(dashboards, name="dashboards")


def _add_write(dashboards: typer.Typer, house: House) -> None:
    @dashboards.command("write")
    def write(
        out: Annotated[Path, typer.Option("--out", help="Folder to write into.")],
        prometheus: Url = "http://127.0.0.1:9090",
        place: Annotated[str | None, typer.Option("--place", help="Where Grafana finds that folder, when that is "
                                                                  "another path.")] = None,
        centre: Centre = None,
    ) -> None:
        """Dashboards as JSON, in Turkish and English, and the files that provision them."""
        from metrics.dashboards import grafana  # a node that starts should not wait for its library

        folder = place or str(out.resolve())
        files = {f"dashboards/{name}.json": text for name, text in _built(house, centre).items()}
        files |= {"provisioning/dashboards/santral.yaml": grafana.providers(f"{folder}/dashboards"),
                  "provisioning/datasources/santral.yaml": grafana.sources(prometheus)}
        for name, text in files.items():
            _write(out / name, text)
        typer.echo(f"{len(files)} files in {out}: the folder provisioning/ for Grafana, which finds the dashboards in "
                   f"{folder}/dashboards")


def _add_check(dashboards: typer.Typer, house: House) -> None:
    @dashboards.command("check")
    def check_(
        files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Dashboards as JSON; without "
                                                           "any, those of this version.")] = None,
        prometheus: Annotated[str | None, typer.Option("--prometheus", metavar="URL", help="Ask it every query; "
                                                       "without it only the files are looked at.")] = None,
        minutes: Minutes = 60.0,
    ) -> None:
        """Every panel has a title, a description, a unit, a place of its own, known metrics, no label of a person; and
        data, when a Prometheus is named."""
        try:
            source = _source(prometheus, minutes) if prometheus else None
            boards = read(files) if files else {name: json.loads(text) for name, text in _built(house, None).items()}
            found = check(boards, [rule.name for rule in RECORDED], source)
        except (BadDashboard, NoAnswer) as error:
            _fail(str(error), 2)
        for finding in found.findings:
            typer.echo(str(finding))
        for part in found.absent:
            typer.echo(f"nothing to ask about {', '.join(f'{about}…' for about in part.about)}: {part.missing.en}")
        typer.echo(f"{len(boards)} dashboards, {found.panels} panels, {found.queries} queries: "
                   + (f"{len(found.findings)} findings" if found.findings else "good"))
        if found.findings:
            raise typer.Exit(1)


def _add_render(dashboards: typer.Typer, house: House) -> None:
    @dashboards.command("render")
    def render(
        out: Annotated[Path, typer.Option("--out", help="Folder of pages and pictures.")],
        prometheus: Annotated[str | None, typer.Option("--prometheus", metavar="URL", help="Where Prometheus "
                                                       "answers.")] = None,
        minutes: RenderMinutes = None,
        until: Annotated[str | None, typer.Option("--until", help="Up to this local time instead of now: "
                                                                  "2026-03-02T18:00.")] = None,
        answers: Annotated[Path | None, typer.Option("--answers", help="A file of --keep instead of a "
                                                                       "Prometheus.")] = None,
        keep: Annotated[Path | None, typer.Option("--keep", help="Write the answers into this file, too.")] = None,
        centre: Centre = None,
        english: Annotated[bool, typer.Option("--english", help="In English.")] = False,
    ) -> None:
        """A page for each dashboard, and a picture of each panel: drawn from the queries that Grafana asks."""
        if (prometheus is None) == (answers is None):
            _fail("give either --prometheus URL or --answers FILE", 2)
        if answers is not None and (until is not None or minutes is not None):
            _fail("--answers FILE has its own time: leave --until and --minutes out", 2)
        try:
            zone = house.zone(centre or house.centre)
            source: Source = Kept(answers) if answers else _source(
                str(prometheus), RENDER_MINUTES if minutes is None else minutes, _moment(until, zone))
            keeping = Keeping(source)
            look = draw.Look(keeping, zone, house.names(centre or house.centre), english)
            drawn = [(board, draw.draw(board, look)) for board in BOARDS]
        except NoAnswer as error:
            _fail(str(error), 2)
        for board, panels in drawn:
            _write(out / f"{board.key}.html", draw.html(board, panels, look, BOARDS))
            _write(out / f"{board.key}.svg", draw.picture(board, panels, look))
            for one in panels:
                _write(out / board.key / f"{one.panel.key}.svg", one.picture.document())
        if keep is not None:
            _written(keep, lambda: keeping.write(keep))
        empty = [f"{board.key}/{one.panel.key}" for board, panels in drawn for one in panels if not one.rows]
        typer.echo(f"{sum(len(panels) for _, panels in drawn)} panels in {out}"
                   + (f"; without data: {', '.join(empty)}" if empty else ""))


def pictures(answers: Path, zone: ZoneInfo, names: Mapping[str, str]) -> dict[str, str]:
    """Of the documentation, by the name of the file. Raises NoAnswer."""
    look = draw.Look(Kept(answers), zone, names)
    return {f"dashboard-{board.key}.svg": draw.picture(board, draw.draw(board, look), look) for board in BOARDS}


def _built(house: House, centre: Path | None) -> dict[str, str]:
    from metrics.dashboards import grafana

    names = house.names(centre or house.centre)
    return {f"{language}/{board.key}": grafana.dashboard_json(board, names, english=language == "en")
            for language in LANGUAGES for board in BOARDS}


def _source(url: str, minutes: float, end: float | None = None) -> Prometheus:
    """The time until `end`, or now."""
    step = max(1.0, round(minutes * 60.0 / POINTS))
    end = time.time() if end is None else end
    return Prometheus(url, Span(end - int(minutes * 60.0 / step) * step, end, step))


def _moment(text: str | None, zone: ZoneInfo) -> float | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        _fail(f"--until {text!r} is no time; write 2026-03-02T18:00", 2)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()


def _write(path: Path, text: str) -> None:
    def put() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    _written(path, put)


def _written(path: Path, put: Callable[[], object]) -> None:
    try:
        put()
    except OSError as error:
        _fail(f"{path} cannot be written: {error.strerror}", 1)


def _fail(message: str, code: int) -> Never:
    typer.echo(message, err=True)
    raise typer.Exit(code)
