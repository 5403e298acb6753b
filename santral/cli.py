"""Assemble the command line: mount the commands of each room and pass in what a room may not import."""

from __future__ import annotations

import re
import sys
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from typer.core import TyperGroup

from asterisk_conf import cli as asterisk_conf_cli
from asterisk_conf.conf_plan import AsteriskPlan, PlanError
from asterisk_conf.existing.live_lint import lint_live, lint_logs
from asterisk_conf.existing.live_reader import LiveFolder, NoAsteriskFolder
from asterisk_conf.existing.running import CONSOLE, ask_by, check_running
from asterisk_conf.lint import lint_files
from asterisk_conf.render import render_files
from centres.centre_reader import load_centre
from centres.settings import Identity
from desk import cli as desk_cli
from drawing.chart import svg_document
from drawing.console_output import OutputConsole
from drawing.texts import Language
from ivr import cli as ivr_cli
from ivr.flow.sound_checks import NOT_APPLICABLE
from ivr.routes.in_call_keys import IN_CALL_KEYS
from lab import cli as lab_cli
from lab.history import cli as history_cli
from metrics.dashboards import cli as dashboards_cli
from metrics.mqtt import cli as mqtt_cli
from metrics.prometheus import cli as prometheus_cli
from metrics.reports import cli as reports_cli
from metrics.reports import survey_cli as metrics_cli
from planning import cli as planning_cli
from planning.simulation.opening import OpeningOn
from planning.simulation.trunk_lines import LineRules
from planning.staffing.week_cli import RecordSources
from planning.why import cli as why_cli
from prompts import cli as prompts_cli
from prompts.prompt_lengths import PromptLengths
from prompts.robot_voice import describe_robot
from routing.core.model.centre_model import Centre as RoutingCentre
from routing.core.model.ids import ServiceId
from santral import people_cli, phones_cli, preferences_cli, process, sms_cli, store_cli
from santral.backup import cli as backup_cli
from santral.call_records import read_calendar, read_mail_plan, read_opening, read_record
from santral.centre import config, coverage_by_date, remote_agents
from santral.centre.centre_words import centre_words, read_words
from santral.centre.config import DEFAULT_CENTRE
from santral.centre.monitoring import check_receivers, plan_monitoring, runbooks_of
from santral.centre.page_address import check_advertised, check_relay
from santral.centre.speech_plan import check_speech, read_speech
from santral.cluster import cli as cluster_cli
from santral.errors import BadCentre
from santral.first_centre import cli as first_centre_cli
from santral.node import mqtt_setup
from santral.node.opening_hours import build_pages, hours_table, opening_on
from santral.node.state_reader import note_needs, open_facts, open_journal, open_past
from santral.privacy import cli as privacy_cli
from santral.secrets import NodeSecrets, write_private
from santral.shell.command_tree import CommandTree
from santral.shell.completion import write_script
from santral.shell.man_page import write_page
from santral.shell.quick_answers import read_version
from santral.standby import nodes_cli
from santral.studio import cli as studio_cli

CHECKOUT = Path(__file__).resolve().parents[1]
"""Folder of the repository, if the packages were not copied out of it."""

SECTIONS = {
    "A centre's files": ("init", "check", "hours", "menu", "prompts", "asterisk-conf", "phones", "mqtt-conf", "metrics",
                         "dashboards"),
    "A node and its calls": ("run", "nodes", "cluster", "status", "reload", "announce", "surge", "agent", "contacts",
                             "callbacks", "callers", "recordings", "sms"),
    "People of the desk": ("people",),
    "Records": ("report", "export", "survey", "why", "replay", "what-if", "privacy", "backup", "restore",
                "release-callbacks", "store"),
    "Planning": ("simulate", "staff"),
    "To try and to measure": ("lab", "history", "bench"),
    "The shell": ("completion", "man")}
"""Sections of `santral --help`. Commands in no section come first."""


class Sections(TyperGroup):
    """A group whose commands are listed by section."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands without a section, then section by section."""
        titled = [(title, name) for title, names in SECTIONS.items() for name in names if name in self.commands]
        for title, name in titled:
            setattr(self.commands[name], "rich_help_panel", title)  # noqa: B010 - commands and groups of typer have it
        found = [name for _, name in titled]
        return [*(name for name in super().list_commands(ctx) if name not in found), *found]


cli = typer.Typer(cls=Sections, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  rich_markup_mode=None,
                  help="Santral: a contact-centre engine behind one telephone number.")

Centre = Annotated[Path, typer.Argument(help="Folder of the centre.")]
Settings = Annotated[Path | None, typer.Option("--settings", help=(
    "TOML file whose values replace those of santral.toml on this machine."))]


@cli.command("check")
def check_centre(
    centre: Centre = DEFAULT_CENTRE,
    settings: Settings = None,
    state: Annotated[Path, typer.Option("--state", envvar="SANTRAL_STATE", help=(
        "State folder of the node, with the numbers of remote counsellors."))] = Path("/var/lib/santral"),
    asterisk: Annotated[Path | None, typer.Option("--asterisk", help=(
        "Folder of a live Asterisk to check too, with its includes, and the running one if it answers."))] = None,
    console_command: Annotated[str, typer.Option("--console", help="Command that asks the running one.")] = CONSOLE,
) -> None:
    """Check a centre's files and the Asterisk files made of them. All problems are shown at once. Exit 0 or 2."""
    # 1. Check the files of the centre. Warnings do not change the exit code.
    console = Console(highlight=False, soft_wrap=True)
    found = config.check_centre(centre, settings)
    warnings = (*found.warnings, *config.unsent_sms(found),
                *remote_agents.read_numbers(found.loaded, state / "secrets").warnings,
                *check_relay(found.loaded, state / "secrets"), *check_speech(found.loaded),
                *check_receivers(found.loaded),
                *coverage_by_date.coming_problems(found.loaded, found.flow))
    for warning in warnings:
        console.print(f"warning: {warning}", markup=False)
    problems = (*found.problems, *found.today, *check_advertised(found.loaded))
    for problem in problems:
        console.print(str(problem), markup=False)
    if problems:
        console.print(f"{config.format_count(len(problems))} in {centre}", markup=False)
        raise typer.Exit(2)
    # 2. Render the Asterisk files and check them too.
    try:
        findings = lint_files(render_files(_plan_to_look_at(centre, settings)))
    except PlanError as error:
        for fault in error.faults:
            console.print(f"santral.toml: {fault}", markup=False)
        raise typer.Exit(2) from None
    for finding in findings:
        console.print(str(finding), markup=False)
    if findings:
        raise typer.Exit(2)
    if asterisk is not None:
        _check_asterisk(asterisk, console_command, console)
    # 3. Report success.
    loaded = found.loaded
    for sentence in (*found.sentences, *describe_robot(config.sound_folders(loaded), centre_words(loaded).name)):
        console.print(sentence, markup=False)
    console.print(f"{centre}: good. {len(loaded.services)} services, {len(loaded.agents)} agents, "
                  f"{len(loaded.accommodations)} with accommodations, "
                  f"{config.format_count(len(warnings), 'warning')}", markup=False)
    console.print(NOT_APPLICABLE, markup=False)


@cli.command("run")
def run_node(
    centre: Centre = DEFAULT_CENTRE,
    state: Annotated[Path, typer.Option("--state", envvar="SANTRAL_STATE", help=(
        "Folder of the node's records and secrets."))] = Path("/var/lib/santral"),
    settings: Settings = None,
    node: Annotated[str, typer.Option("--node", help=(
        "Name of this node. Each node on one PostgreSQL needs its own name."))] = config.NODE,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log lines as JSON.")] = False,
    history: Annotated[Path | None, typer.Option("--history", help=(
        "For labs: write each act into this folder, for santral history check."))] = None,
) -> None:
    """Run a node with your own Asterisk until SIGTERM or Ctrl-C. On PostgreSQL one node leads, others stand by."""
    if not re.fullmatch(config.NODE_NAME, node, re.ASCII):
        raise typer.BadParameter("at most 32 small letters, digits and -, the first one a letter or digit",
                                 param_hint="--node")
    raise typer.Exit(process.run_node(centre, settings, state, name=node, log_json=log_json, history=history))


def _check_asterisk(folder: Path, command: str, console: Console) -> None:
    """Show the findings on a live Asterisk and exit with 2 if there are any."""
    try:
        live = LiveFolder(folder)
        findings = lint_live(live, IN_CALL_KEYS)
    except NoAsteriskFolder as error:
        console.print(str(error), markup=False)
        raise typer.Exit(2) from None
    for log in lint_logs(live):
        console.print(f"warning: {log}", markup=False)
    running = check_running(ask_by(command), live, IN_CALL_KEYS)
    for finding in (*findings, *(running or ())):
        console.print(str(finding), markup=False)
    asked = "no Asterisk answers, so only its files were read" if running is None else "the running Asterisk was asked"
    console.print(f"{folder}: {config.format_count(len(findings) + len(running or ()), 'finding')}; {asked}.",
                  markup=False)
    if findings or running:
        raise typer.Exit(2)


@cli.command("hours")
def show_hours(
    centre: Centre = DEFAULT_CENTRE,
    settings: Settings = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=800, help="Number of days.")] = 7,
) -> None:
    """Show day by day when the line and its services are open and who is on call, as the files say. Exit 0 or 2."""
    found = config.node_config(centre, settings)
    today = datetime.now(ZoneInfo(found.settings.centre.timezone))
    day = (first or today).date()
    # The last day of the calendar has no midnight after it.
    if (date.max - day).days < days:
        raise typer.BadParameter(f"{days} days from {day} are beyond the calendar, which ends at {date.max}",
                                 param_hint="--from")
    shown = build_pages(found.settings, found.loaded, day, days)
    OutputConsole(highlight=False).print(hours_table(shown, {one.id: one.name for one in found.loaded.services}))


@cli.command("completion")
def print_completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="Shell that shall complete commands.")],
) -> None:
    """Print the completion script of a shell. For bash: santral completion bash > /etc/bash_completion.d/santral."""
    typer.echo(write_script(CommandTree.read_file(), shell), nl=False)


@cli.command("man")
def print_man_page() -> None:
    """Print the man page: santral man | man -l -."""
    typer.echo(write_page(CommandTree.read_file(), read_version()), nl=False)


def plan_of(centre: Path, settings: Path | None, state: Path) -> AsteriskPlan:
    """Return the plan of the Asterisk files, for the room that renders them."""
    found = config.node_config(centre, settings)
    if wrong := check_advertised(found.loaded):
        raise BadCentre(config.format_problems(wrong, centre))
    return config.asterisk_plan(found, NodeSecrets(state))


def lines_of(centre: Path) -> LineRules | None:
    """Return the lines of the carrier of a centre, for the planning room."""
    found = config.node_config(centre)
    lines, alone = found.settings.lines, found.line_entries
    if lines is None:
        return None
    own = {alone[entry] for entry in found.settings.numbers.values() if entry in alone}
    return LineRules(lines.total, {ServiceId(name): count for name, count in lines.kept.items()},
                     {ServiceId(name): count for name, count in lines.most.items()}, frozenset(map(ServiceId, own)))


def opening_of(centre: Path) -> OpeningOn:
    """Return the opening and on-call hours of a centre, for the planning room."""
    found = config.node_config(centre)
    return partial(opening_on, found.settings, found.loaded)


def centre_of(centre: Path) -> RoutingCentre:
    """Return the engine's values of a centre, for the planning room. Raise BadCentre with all problems."""
    return config.node_config(centre).centre


def menu_of(centre: Path, settings: Path | None = None) -> ivr_cli.CentreMenu:
    """Return the menu of a centre and the lengths of its prompts, for the commands of the menu."""
    node = config.node_config(centre, settings)
    return ivr_cli.CentreMenu(node.flow, PromptLengths.of_folders(
        *config.sound_folders(node.loaded), words=centre_words(node.loaded)),
                              node.settings.numbers)


def zone_of(centre: Path) -> ZoneInfo:
    """Return the time zone of a centre for reports. Only its settings must be valid."""
    return ZoneInfo(_identity_of(centre).timezone)


def language_of(centre: Path) -> Language:
    """Return the language of tables and reports of a centre. Only its settings must be valid."""
    return Language(_identity_of(centre).language)


def _identity_of(centre: Path) -> Identity:
    found = load_centre(centre)
    if found.settings is None:
        raise BadCentre("\n".join(map(str, found.problems)))
    return found.settings.centre


def _take_screenshot(page: Path, out: Path) -> None:
    # Imported here, because it loads the sound measurement, which no other command needs.
    from prompts.prompt_report import take_screenshot

    take_screenshot(page, out)


def names_of(centre: Path) -> dict[str, str]:
    """Return the names of a centre's services, for the dashboards."""
    return {one.id: one.name for one in load_centre(centre).services}


def _plan_to_look_at(centre: Path, settings: Path | None) -> AsteriskPlan:
    """Return a plan with secrets of nobody, because `check` writes nothing."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="santral-check-") as folder:
        write_private(NodeSecrets(Path(folder)).folder / "trunk.json", '{"secret": "of-nobody"}')
        return plan_of(centre, settings, Path(folder))


# Each room builds its commands. Functions of other rooms are passed in, because rooms do not import each other.
cli.add_typer(asterisk_conf_cli.build_commands(plan_of))
prompts_commands = prompts_cli.build_commands(
    lambda folder: read_words(folder or DEFAULT_CENTRE),
    lambda folder, overlay: read_speech(folder or DEFAULT_CENTRE, overlay))
studio_cli.add_command(prompts_commands)
cli.add_typer(prompts_commands, name="prompts")
cli.add_typer(lab_cli.build_commands(), name="lab")
cli.add_typer(history_cli.build_commands(), name="history")
cli.add_typer(ivr_cli.build_commands(menu_of, svg_document, DEFAULT_CENTRE), name="menu")
cli.add_typer(planning_cli.build_commands(
    centre_of, opening_of, zone_of, DEFAULT_CENTRE, open_journal, note_needs, lines_of,
    RecordSources(read_record, read_calendar)))
cli.add_typer(preferences_cli.build_commands(), name="callers")
cli.add_typer(people_cli.build_commands(), name="people")
cli.add_typer(privacy_cli.build_commands(), name="privacy")
cli.add_typer(sms_cli.build_commands(), name="sms")
nodes_cli.add_command(cli)
cli.add_typer(cluster_cli.build_commands(), name="cluster")
cli.add_typer(store_cli.build_commands(), name="store")
backup_cli.add_commands(cli)
why_cli.add_commands(cli, open_journal, note_needs, why_cli.CentreInfo(zone_of, language_of, DEFAULT_CENTRE))
first_centre_cli.add_commands(cli)
phones_cli.add_commands(cli)
desk_cli.add_commands(cli)
metrics_cli.add_commands(cli, metrics_cli.SurveySources(open_facts, zone_of, DEFAULT_CENTRE))
mqtt_cli.add_commands(cli, mqtt_setup.broker_plan)
prometheus_cli.add_commands(cli, plan_monitoring, DEFAULT_CENTRE)
dashboards_cli.add_commands(cli, dashboards_cli.CentreInfo(names_of, runbooks_of, DEFAULT_CENTRE))
reports_cli.add_commands(cli, reports_cli.ReportSources(
    open_past, zone_of, language_of, DEFAULT_CENTRE, _take_screenshot, read_opening, read_mail_plan))

# Benchmarks belong to a checkout of the repository. They are not installed, also not by an editable installation.
if (CHECKOUT / "bench" / "cli.py").is_file():
    sys.path.append(str(CHECKOUT))
try:
    from bench.cli import run_benchmarks
except ModuleNotFoundError:
    @cli.command("bench", context_settings={"ignore_unknown_options": True})
    def explain_benchmarks(names: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
        """Run benchmarks, in a checkout of the repository only."""
        typer.echo("santral: benchmarks are not installed. Run this command in a checkout of the repository.", err=True)
        raise typer.Exit(1)
else:
    cli.command(name="bench")(run_benchmarks)
