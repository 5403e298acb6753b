"""`santral status`, `santral agent ...`, `santral reload`: use the API from a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import RenderableType
from rich.live import Live

from desk import announce_cli, recordings_cli, surge_cli, tables
from desk.api.models import Shape
from desk.api.route import AGENT
from desk.api.routes import ROUTES
from desk.client import Answer, ClientError, call_api, centre_zone, find_node
from desk.options import Lab, State, TokenFile, Url, exit_on_error, user_name
from drawing.console_output import JSON_OUTPUT, OutputConsole, print_answer
from routing.core.model.errors import DistressUnconfirmed

RELOAD_S = 120.0
"""The node reads every file and prompt of a centre: a second or two, and far longer on a busy machine."""
REFRESH_S = 1.0
"""Interval of `--watch`: waits are counted in seconds."""

Id = Annotated[str, typer.Argument(help="Id of the agent, such as a1001.")]


def build_commands() -> typer.Typer:
    """Build the commands; they are mounted without a group name."""
    app = typer.Typer(no_args_is_help=True)
    app.command(name="status")(show_status)
    app.add_typer(_agent_commands(), name="agent")
    app.add_typer(_callback_commands(), name="callbacks")
    app.add_typer(_contact_commands(), name="contacts")
    app.add_typer(recordings_cli.build_commands(), name="recordings")
    app.add_typer(announce_cli.build_commands(), name="announce")
    app.add_typer(surge_cli.build_commands(), name="surge")
    app.command(name="reload")(reload_centre)
    return app


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(build_commands())


def show_status(watch: Annotated[bool, typer.Option("--watch", help="Refresh until Ctrl-C.")] = False,
                everybody: Annotated[bool, typer.Option("--all", help="Include agents who are not signed in.")] = False,
                state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
    """Show queues and agents as tables."""
    console = OutputConsole()
    answer = Answer()

    def fetch_tables() -> RenderableType:
        node = find_node(state or lab, url, token_file)
        found = call_api(node, "GET", "/api/v1/status")
        answer.update(found)
        answer.english = found.english
        return tables.status_page(found, centre_zone(node) if found.get("last_known_good") else None,
                                  all_of_them=everybody, english=found.english)

    def refetch_tables() -> RenderableType:
        """Fetch again, and find the node first. A restarted node is away for seconds, and may have another address and
        other tokens."""
        try:
            return fetch_tables()
        except ClientError as trouble:
            return tables.unreachable_notice(str(trouble), english=answer.english)

    # The first failure ends the command. Later ones are shown, because a node may restart while somebody watches.
    first = exit_on_error(fetch_tables)
    if not watch or JSON_OUTPUT.wanted:
        print_answer(answer, first)
        return
    with Live(first, console=console, auto_refresh=False, screen=console.is_terminal) as live:
        try:
            while True:
                time.sleep(REFRESH_S)
                live.update(refetch_tables(), refresh=True)
        except KeyboardInterrupt:
            return


def reload_centre(dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the changes.")] = False,
                  state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
    """Put the centre's files in force while calls go on. Exit 0, or 2 with every problem if nothing was changed."""
    console = OutputConsole(soft_wrap=True, highlight=False)
    done = exit_on_error(lambda: call_api(
        find_node(state or lab, url, token_file, admin=True), "POST", "/api/v1/reload",
        {"dry_run": dry_run, "by": user_name()}, timeout_s=RELOAD_S))
    # 1. Warnings and problems come first: with a problem nothing else has happened.
    for word, found in (("warning: ", done["warnings"]), ("", done["problems"])):
        for one in found:
            console.print(f"{word}{one}", markup=False)
    if done["problems"]:
        console.print(f"problems: {len(done['problems'])}; nothing was changed")
        raise typer.Exit(2)
    # 2. Changes, then those that need more than a reload.
    if done["changes"]:
        console.print(tables.change_table(done["changes"]))
    for one in done["not_applied"]:
        console.print(f"not yet: {one['what']}. {one['how']}", markup=False)
    console.print("nothing to change" if not done["changes"] else
                  "in force" if done["applied"] else "nothing was changed: --dry-run")


def set_skills(agent: Id,
               levels: Annotated[list[str] | None, typer.Argument(
                   help="skill=level ...; default: show the skills.")] = None,
               only: Annotated[bool, typer.Option("--only", help="Take away all other skills.")] = False,
               as_configured: Annotated[bool, typer.Option(
                   "--as-configured", help="Return to the skills of team.yaml.")] = False,
               state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
    """Add skills of an agent until sign-out, or show the skills."""
    if (levels and as_configured) or (only and not levels):
        raise typer.BadParameter("--only takes skill=level words, and --as-configured takes none")
    body = {"skills": _parse_levels(levels) if levels else None, "only": only}
    found = exit_on_error(lambda: call_api(
        find_node(state or lab, url, token_file), "POST" if levels or as_configured else "GET",
        f"/api/v1/agents/{quote(agent, safe='')}/skills", body if levels or as_configured else None))
    print_answer(found, tables.skill_table(found, english=found.english))


def _agent_commands() -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Act for an agent: sign in, take a break, sign out.")

    @app.command("login")
    def login_agent(agent: Id,
                    seat: Annotated[str, typer.Option("--seat", help="Phone at the seat, such as 2001.")],
                    state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Sign in at a seat."""
        _post_for_agent(agent, "login", {"seat": seat}, state or lab, url, token_file)

    @app.command("pause")
    def pause_agent(agent: Id,
                    reason: Annotated[str | None, typer.Option(
                        "--reason", help="Id from `santral agent reasons`; default: the default reason.")] = None,
                    state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Take a break. During a talk it begins afterwards."""
        _post_for_agent(agent, "pause", {"reason": reason} if reason else {}, state or lab, url, token_file)

    @app.command()
    def reasons(state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Show the reasons that a pause may have."""
        found = exit_on_error(lambda: call_api(
            find_node(state or lab, url, token_file), "GET", "/api/v1/pause-reasons"))
        print_answer(found, tables.reasons(found, english=found.english))

    @app.command()
    def report_load(agent: Id,
                    load: Annotated[int, typer.Argument(min=0, max=5, help="From 0, nothing, to 5, the heaviest.")],
                    state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Report the real load of the present contact."""
        _post_for_agent(agent, "report-load", {"load": load}, state or lab, url, token_file)

    @app.command("needs")
    def show_needs(agent: Id, state: State = None, lab: Lab = None, url: Url = None,
                   token_file: TokenFile = None) -> None:
        """Show all stored accommodations of an agent, with the agent's own token."""
        found = exit_on_error(lambda: call_api(
            find_node(state or lab, url, token_file, agent), "GET", f"/api/v1/agents/{quote(agent, safe='')}/needs"))
        print_answer(found, tables.needs_tables(found, english=found.english))

    app.command("skills")(set_skills)

    @app.command("override")
    def override_rules(agent: Id,
                       rules: Annotated[list[str], typer.Argument(help="rest_gap, distress_limit or decompression.")],
                       minutes: Annotated[int, typer.Option(
                           "--minutes", min=0, max=60, help="0 ends the override.")] = 15,
                       state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Override protective rules of a profile in an emergency. It is counted, and the agent sees it."""
        _post_for_agent(agent, "override", {"rules": rules, "minutes": minutes}, state or lab, url, token_file,
                        staff=True)

    # These follow from the table of routes.
    for route in ROUTES:
        if route.command:
            path = route.path.removeprefix(f"{AGENT}/")
            app.command(name=path.replace("/", "-"), help=f"{route.summary}.")(_plain_command(path, route.request))
    return app


def _contact_commands() -> typer.Typer:
    app = typer.Typer(help="Show waiting callers, or act on one.", invoke_without_command=True)

    @app.callback()
    def show_waiting(context: typer.Context, state: State = None, lab: Lab = None, url: Url = None,
                     token_file: TokenFile = None) -> None:
        """Show waiting callers: service, position, wait, points. No number."""
        # The options of the group hold for its commands too.
        context.obj = (state or lab, url, token_file)
        if context.invoked_subcommand is None:
            found = exit_on_error(lambda: call_api(find_node(*context.obj), "GET", "/api/v1/contacts"))
            print_answer(found, tables.waiting_table(found, english=found.english))

    # In `prioritise ID -5` the -5 are points and no option.
    @app.command("prioritise", context_settings={"ignore_unknown_options": True})
    def prioritise_contact(context: typer.Context,
                           contact: Annotated[str, typer.Argument(help="Id from the table.")],
                           points: Annotated[int, typer.Argument(
                               min=-60, max=60, help="One counts as a minute of waiting.")],
                           state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Move a waiting caller up or down the queue. The position changes at once."""
        _act_on_contact(context, contact, "prioritise", {"points": points}, state or lab, url, token_file)

    @app.command("move")
    def move_contact(context: typer.Context,
                     contact: Annotated[str, typer.Argument(help="Id from the table.")],
                     service: Annotated[str | None, typer.Option(help="Id of the service.")] = None,
                     agent: Annotated[str | None, typer.Option(help="Agent who is waited for, up to 30 s.")] = None,
                     yes: Annotated[bool, typer.Option(
                         "--yes", help="Do not ask before a move into a distress service.")] = False,
                     state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Move a waiting caller to a service, an agent, or both. Nobody leaves a distress service so."""
        body: dict[str, Any] = {name: value for name, value in (("service", service), ("agent", agent))
                                if value is not None}
        if not body:
            raise typer.BadParameter("give --service, --agent or both")
        body |= {"confirm": True} if yes else {}
        _act_on_contact(context, contact, "move", body, state or lab, url, token_file)

    @app.command("undo")
    def undo_act(context: typer.Context,
                 contact: Annotated[str, typer.Argument(help="Id from the table.")],
                 state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Take back the last move or points of a waiting caller, until an agent is offered the caller."""
        _act_on_contact(context, contact, "undo", None, state or lab, url, token_file)

    @app.command("withdraw")
    def withdraw_contact(context: typer.Context,
                         contact: Annotated[str, typer.Argument(help="Id from the table.")],
                         prompt: Annotated[str | None, typer.Option(
                             help="Sentence from `santral prompts list`; default: good-bye.")] = None,
                         callback: Annotated[bool, typer.Option(
                             "--callback", help="Call back instead: position and number stay.")] = False,
                         begins: Annotated[str | None, typer.Option(
                             "--from", help="Not before 17:30 or 2026-12-31T12:00 by the centre's clock.")] = None,
                         until: Annotated[str | None, typer.Option("--until", help="Not after; with --from.")] = None,
                         state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """End the wait of a caller with a sentence, or make it a callback."""
        body: dict[str, Any] = {"callback": callback} | ({} if prompt is None else {"prompt": prompt})
        if begins is not None or until is not None:
            if not (callback and begins and until):
                raise typer.BadParameter("give --callback, --from and --until together")
            zone = exit_on_error(lambda: centre_zone(find_node(*_node_place(context, state or lab, url, token_file))))
            now = time.time()
            body |= {"callback_from": exit_on_error(lambda: announce_cli.end_of(begins, now, zone)),
                     "callback_until": exit_on_error(lambda: announce_cli.end_of(until, now, zone))}
        _act_on_contact(context, contact, "withdraw", body, state or lab, url, token_file)

    return app


def _act_on_contact(context: typer.Context, contact: str, act: str, body: dict[str, Any] | None, state: Path | None,
                    url: str | None, token_file: Path | None) -> None:
    place, path = _node_place(context, state, url, token_file), f"/api/v1/contacts/{quote(contact, safe='')}/{act}"

    def ask_node() -> Answer:
        try:
            return call_api(find_node(*place), "POST", path, body)
        except ClientError as trouble:
            if body is None or trouble.code != DistressUnconfirmed.code:
                raise
        typer.confirm(DistressUnconfirmed.turkish, abort=True, err=True)
        return call_api(find_node(*place), "POST", path, {**body, "confirm": True})

    found = exit_on_error(ask_node)
    print_answer(found, tables.waiting_table(found, english=found.english))


def _node_place(context: typer.Context, state: Path | None, url: str | None,
                token_file: Path | None) -> tuple[Path | None, str | None, Path | None]:
    """Return where the node is. Options after the command override those before it."""
    above = context.obj
    return state or above[0], url or above[1], token_file or above[2]


def _callback_commands() -> typer.Typer:
    app = typer.Typer(help="Show or cancel callbacks.", invoke_without_command=True)

    @app.callback()
    def show_callbacks(context: typer.Context, state: State = None, lab: Lab = None, url: Url = None,
                       token_file: TokenFile = None) -> None:
        """Show callbacks: service, start of the wait, tries, next try. No number."""
        context.obj = (state or lab, url, token_file)
        if context.invoked_subcommand is None:
            found = exit_on_error(lambda: call_api(find_node(*context.obj), "GET", "/api/v1/callbacks"))
            print_answer(found, tables.callback_table(found, english=found.english))

    @app.command("cancel")
    def cancel_callback(context: typer.Context,
                        contact: Annotated[str, typer.Argument(help="Id from the table.")],
                        state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Cancel a callback."""
        # Options after the command override those before it.
        above = context.obj
        place = (state or lab or above[0], url or above[1], token_file or above[2])
        found = exit_on_error(lambda: call_api(
            find_node(*place), "POST", f"/api/v1/callbacks/{quote(contact, safe='')}/cancel"))
        print_answer(found, tables.callback_table(found, english=found.english))

    return app


def _plain_command(path: str, request: type[Shape] | None) -> Callable[..., None]:
    """Return the command of a route without a body, or with a body of one yes/no."""
    def post_to_agent(agent: Id, state: State = None, lab: Lab = None, url: Url = None,
                      token_file: TokenFile = None) -> None:
        _post_for_agent(agent, path, None, state or lab, url, token_file)

    def post_yes_no(agent: Id, undo: Annotated[bool, typer.Option("--undo", help="Remove the flag.")] = False,
                    state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        _post_for_agent(agent, path, {field: not undo}, state or lab, url, token_file)

    if request is None:
        return post_to_agent
    [field] = request.model_fields
    return post_yes_no


def _parse_levels(words: list[str]) -> dict[str, int]:
    """Parse `skill=level` words. Exit with 2 and a sentence if one is wrong."""
    found: dict[str, int] = {}
    for word in words:
        skill, _, level = word.partition("=")
        if not skill or not level.isascii() or not level.isdigit():
            raise typer.BadParameter(f"'{word}' is not skill=level, such as tr=80")
        found[skill] = int(level)
    return found


def _post_for_agent(agent: str, path: str, body: dict[str, Any] | None, state: Path | None, url: str | None,
                    token_file: Path | None, *, staff: bool = False) -> None:
    def post_request() -> Answer:
        node = find_node(state, url, token_file, None if staff else agent)
        return call_api(node, "POST", f"/api/v1/agents/{quote(agent, safe='')}/{path}", body)

    found = exit_on_error(post_request)
    # The state may differ from the command: a pause, for example, waits for the end of a talk.
    typer.echo(tables.describe_answer(found, english=found.english))
