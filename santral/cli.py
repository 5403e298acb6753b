"""The command line: mounts each room's commands and passes in what a room may not import itself."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from typer.core import TyperGroup

from asterisk_conf import cli as asterisk_conf_cli
from asterisk_conf.lint import lint
from asterisk_conf.plan import Plan, PlanError
from asterisk_conf.render import render
from centres.load import load
from desk import cli as desk_cli
from drawing.chart import document
from ivr import cli as ivr_cli
from ivr.flow.hear import NOT_APPLICABLE
from lab import cli as lab_cli
from lab.bench.cli import bench
from metrics import cli as metrics_cli
from metrics import mqtt_cli, report_cli, rules_cli
from metrics.dashboards import cli as dashboards_cli
from planning import cli as planning_cli
from planning import why_cli
from planning.opening import OpeningOn
from prompts import cli as prompts_cli
from prompts.lengths import Lengths
from routing.core.model import Centre as RoutingCentre
from santral import app, broker, by_date, callers_cli, config, outside, privacy_cli, sms_cli
from santral.config import DEFAULT_CENTRE
from santral.errors import BadCentre
from santral.hours import opening_on, pages, table
from santral.journal import note_needs, open_facts, open_journal, open_past
from santral.secrets import Secrets, write_private

SECTIONS = {
    "A centre's files": ("check", "hours", "menu", "prompts", "asterisk-conf", "mqtt-conf", "metrics", "dashboards"),
    "A node and its calls": ("run", "status", "reload", "announce", "agent", "contacts", "callbacks", "callers",
                             "recordings", "sms"),
    "What happened": ("report", "export", "survey", "why", "replay", "what-if", "privacy"),
    "Planning": ("simulate", "staff"),
    "To try and to measure": ("lab", "bench")}
"""Of `santral --help`; what is in none of them stands first."""


class Sections(TyperGroup):
    """The commands as somebody looks for them, not as the rooms are mounted."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Those in no section, then section by section."""
        titled = [(title, name) for title, names in SECTIONS.items() for name in names if name in self.commands]
        for title, name in titled:
            setattr(self.commands[name], "rich_help_panel", title)  # noqa: B010 - commands and groups of typer have it
        found = [name for _, name in titled]
        return [*(name for name in super().list_commands(ctx) if name not in found), *found]


cli = typer.Typer(cls=Sections, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="Santral: a contact-centre engine behind one telephone number.")

Centre = Annotated[Path, typer.Argument(help="Folder of the centre.")]
Settings = Annotated[Path | None, typer.Option("--settings", help="TOML laid over santral.toml: what this machine has "
                                                                  "otherwise.")]


@cli.command()
def check(
    centre: Centre = DEFAULT_CENTRE,
    settings: Settings = None,
    state: Annotated[Path, typer.Option("--state", help="State folder of the node: numbers of remote counsellors.")]
    = Path("/var/lib/santral"),
) -> None:
    """Check a centre's files, and the Asterisk files made of them: all problems at once. Exit 0 or 2."""
    console = Console(highlight=False, soft_wrap=True)
    found = config.check(centre, settings)
    warnings = (*found.warnings, *config.unsent(found), *outside.read(found.loaded, state / "secrets").warnings,
                *by_date.coming(found.loaded, found.flow))
    for warning in warnings:
        console.print(f"warning: {warning}", markup=False)
    problems = found.problems + found.today
    for problem in problems:
        console.print(str(problem), markup=False)
    if problems:
        console.print(f"{config.counted(len(problems))} in {centre}", markup=False)
        raise typer.Exit(2)
    try:
        findings = lint(render(_plan_to_look_at(centre, settings)))
    except PlanError as error:
        for fault in error.faults:
            console.print(f"santral.toml: {fault}", markup=False)
        raise typer.Exit(2) from None
    for finding in findings:
        console.print(str(finding), markup=False)
    if findings:
        raise typer.Exit(2)
    loaded = found.loaded
    console.print(f"{centre}: good. {len(loaded.services)} services, {len(loaded.agents)} agents, "
                  f"{len(loaded.accommodations)} with accommodations, "
                  f"{config.counted(len(warnings), 'warning')}", markup=False)
    console.print(NOT_APPLICABLE, markup=False)


@cli.command()
def run(
    centre: Centre = DEFAULT_CENTRE,
    state: Annotated[Path, typer.Option("--state", help="Folder of records and secrets.")] = Path("/var/lib/santral"),
    settings: Settings = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log lines as JSON.")] = False,
) -> None:
    """Run a node against your own Asterisk, until SIGTERM or Ctrl-C."""
    raise typer.Exit(app.run(centre, settings, state, log_json=log_json))


@cli.command("hours")
def hours_(
    centre: Centre = DEFAULT_CENTRE,
    settings: Settings = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=800, help="So many days.")] = 7,
) -> None:
    """When the line and its services are open and who is on call, day by day, as the files say. Exit 0 or 2."""
    found = config.node_config(centre, settings)
    today = datetime.now(ZoneInfo(found.settings.centre.timezone))
    day = (first or today).date()
    if (date.max - day).days < days:  # and the last one has no midnight after it
        raise typer.BadParameter(f"{days} days from {day} are beyond the calendar, which ends at {date.max}",
                                 param_hint="--from")
    shown = pages(found.settings, found.loaded, day, days)
    Console(highlight=False).print(table(shown, {one.id: one.name for one in found.loaded.services}))


def plan_of(centre: Path, settings: Path | None, state: Path) -> Plan:
    """For the rooms that render Asterisk's files."""
    return config.asterisk_plan(config.node_config(centre, settings), Secrets(state))


def opening_of(centre: Path) -> OpeningOn:
    """For the rooms that plan: when services are open and who is on call."""
    found = config.node_config(centre)
    return partial(opening_on, found.settings, found.loaded)


def centre_of(centre: Path) -> RoutingCentre:
    """For the rooms that plan: what decides routing. BadCentre with every problem."""
    return config.node_config(centre).centre


def menu_of(centre: Path, settings: Path | None = None) -> ivr_cli.Menu:
    """For the commands of the menu: it, and how long its sentences are."""
    node = config.node_config(centre, settings)
    return ivr_cli.Menu(node.flow, Lengths.of(*config.sounds(node.loaded)), node.settings.numbers)


def zone_of(centre: Path) -> ZoneInfo:
    """The clock of a centre, for reports: of its settings alone, whatever is wrong in its other files."""
    found = load(centre)
    if found.settings is None:
        raise BadCentre("\n".join(map(str, found.problems)))
    return ZoneInfo(found.settings.centre.timezone)


def _shot(page: Path, out: Path) -> None:
    from prompts.report import picture  # it loads what measures sounds, and no other command needs that

    picture(page, out)


def names_of(centre: Path) -> dict[str, str]:
    """For the dashboards: what the services of a centre are called."""
    return {one.id: one.name for one in load(centre).services}


def _other_pictures() -> dict[str, str]:
    return {"menu.svg": ivr_cli.draw(menu_of(DEFAULT_CENTRE), document)}


def _plan_to_look_at(centre: Path, settings: Path | None) -> Plan:
    """A plan with secrets of nobody: `check` writes nothing."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="santral-check-") as folder:
        write_private(Secrets(Path(folder)).folder / "trunk.json", '{"secret": "of-nobody"}')
        return plan_of(centre, settings, Path(folder))


cli.add_typer(asterisk_conf_cli.commands(plan_of))
cli.add_typer(prompts_cli.commands(), name="prompts")
cli.add_typer(lab_cli.commands(), name="lab")
cli.add_typer(ivr_cli.commands(menu_of, document, DEFAULT_CENTRE), name="menu")
cli.add_typer(planning_cli.commands(centre_of, opening_of, zone_of, DEFAULT_CENTRE, open_journal, note_needs,
                                    _other_pictures))
cli.add_typer(callers_cli.commands(), name="callers")
cli.add_typer(privacy_cli.commands(), name="privacy")
cli.add_typer(sms_cli.commands(), name="sms")
why_cli.mount(cli, open_journal, note_needs, zone_of, DEFAULT_CENTRE)
desk_cli.mount(cli)
metrics_cli.mount(cli, metrics_cli.House(open_facts, zone_of, DEFAULT_CENTRE))
mqtt_cli.mount(cli, broker.plan)
rules_cli.mount(cli)
dashboards_cli.mount(cli, dashboards_cli.House(names_of, DEFAULT_CENTRE))
report_cli.mount(cli, report_cli.House(open_past, zone_of, DEFAULT_CENTRE, _shot))
cli.command(name="bench")(bench)

