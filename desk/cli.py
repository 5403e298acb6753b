"""`santral status`, `santral agent ...`, `santral reload`: the API from a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console, RenderableType
from rich.live import Live

from desk import announce, recordings, tables
from desk.client import Trouble, call, clock, find
from desk.options import Lab, State, TokenFile, Url, me, told

RELOAD_S = 120.0
"""The node reads every file and every prompt of a centre: a second or two, on a machine under full load many more."""
REFRESH_S = 1.0
"""`--watch` asks this often: waiting is counted in seconds."""

Id = Annotated[str, typer.Argument(help="Id of the agent, such as a1001.")]


def commands() -> typer.Typer:
    """The commands, to be mounted without a name."""
    app = typer.Typer(no_args_is_help=True)
    app.command(name="status")(status)
    app.add_typer(_agent_commands(), name="agent")
    app.add_typer(_callback_commands(), name="callbacks")
    app.add_typer(_contact_commands(), name="contacts")
    app.add_typer(recordings.commands(), name="recordings")
    app.add_typer(announce.commands(), name="announce")
    app.command(name="reload")(reload)
    return app


def mount(app: typer.Typer) -> None:
    """Put the commands beside those of the other rooms."""
    app.add_typer(commands())


def status(watch: Annotated[bool, typer.Option("--watch", help="Keep fresh until Ctrl-C.")] = False,
           everybody: Annotated[bool, typer.Option("--all", help="Agents who are not signed in too.")] = False,
           state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
    """Queues and agents as tables."""
    console = Console()

    def look() -> RenderableType:
        node = find(state or lab, url, token_file)
        found = call(node, "GET", "/api/v1/status")
        return tables.whole(found, clock(node) if found.get("last_good") else None, all_of_them=everybody)

    def again() -> RenderableType:
        """A node that is started anew is not there for seconds, and may have another address and other tokens then."""
        try:
            return look()
        except Trouble as trouble:
            return tables.away(str(trouble))

    first = told(look)
    if not watch:
        console.print(first)
        return
    with Live(first, console=console, auto_refresh=False, screen=console.is_terminal) as live:
        try:
            while True:
                time.sleep(REFRESH_S)
                live.update(again(), refresh=True)
        except KeyboardInterrupt:
            return


def reload(dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
           state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
    """Put the centre's files in force while calls go on. Exit 0, or 2 with every problem and nothing changed."""
    console = Console(soft_wrap=True, highlight=False)
    done = told(lambda: call(find(state or lab, url, token_file, admin=True), "POST", "/api/v1/reload",
                              {"dry_run": dry_run, "by": me()}, timeout_s=RELOAD_S))
    for word, found in (("warning: ", done["warnings"]), ("", done["problems"])):
        for one in found:
            console.print(f"{word}{one}", markup=False)
    if done["problems"]:
        console.print(f"problems: {len(done['problems'])}; nothing was changed")
        raise typer.Exit(2)
    if done["changes"]:
        console.print(tables.changes(done["changes"]))
    for one in done["later"]:
        console.print(f"not yet: {one['what']}. {one['how']}", markup=False)
    console.print("nothing to change" if not done["changes"] else
                  "in force" if done["applied"] else "nothing was changed: --dry-run")


def _agent_commands() -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="What an agent does: sign in, take a break, leave.")

    @app.command()
    def login(agent: Id, seat: Annotated[str, typer.Option("--seat", help="The phone at the seat, such as 2001.")],
              state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Sign in at a seat."""
        _do(agent, "login", {"seat": seat}, state or lab, url, token_file)

    @app.command()
    def pause(agent: Id, reason: Annotated[str | None, typer.Option(
            "--reason", help="An id of `santral agent reasons`; without it the default.")] = None,
              state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Take a break; during a talk it begins afterwards."""
        _do(agent, "pause", {"reason": reason} if reason else {}, state or lab, url, token_file)

    @app.command()
    def reasons(state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Show the reasons that a pause may have."""
        found = told(lambda: call(find(state or lab, url, token_file), "GET", "/api/v1/pause-reasons"))
        Console().print(tables.reasons(found))

    @app.command()
    def weigh(agent: Id, load: Annotated[int, typer.Argument(min=0, max=5, help="0: nothing, 5: the heaviest.")],
              state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Say how heavy the contact at hand really is."""
        _do(agent, "weigh", {"load": load}, state or lab, url, token_file)

    @app.command()
    def abusive(agent: Id, back: Annotated[bool, typer.Option("--back", help="Take it back.")] = False,
                state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Say that the caller at hand is abusive: they come no more to whom the profile spares it."""
        _do(agent, "abusive", {"abusive": not back}, state or lab, url, token_file)

    @app.command()
    def needs(agent: Id, state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Show an agent everything that is stored of what they need, by their own token."""
        Console().print(tables.needs(told(lambda: call(find(state or lab, url, token_file, agent), "GET",
                                                       f"/api/v1/agents/{quote(agent, safe='')}/needs"))))

    @app.command()
    def skills(agent: Id, levels: Annotated[list[str] | None, typer.Argument(
            help="skill=level ...; none: as configured.")] = None,
               state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Other duties until the agent signs out."""
        _do(agent, "skills", {"skills": _levels(levels) if levels else None}, state or lab, url, token_file, staff=True)

    @app.command()
    def relax(agent: Id, rules: Annotated[list[str], typer.Argument(
            help="rest_gap, distress_limit or decompression.")],
              minutes: Annotated[int, typer.Option("--minutes", min=0, max=60, help="0: they hold again.")] = 15,
              state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Let protective rules of a profile rest in an emergency. It is counted, and the agent sees it."""
        _do(agent, "relax", {"rules": rules, "minutes": minutes}, state or lab, url, token_file, staff=True)

    for name, path, text in (("resume", "resume", "Be ready again."), ("logout", "logout", "Sign out."),
                             ("wrapup-end", "wrapup/end", "End wrap-up early."),
                             ("wrapup-extend", "wrapup/extend", "Take more time for wrap-up."),
                             ("wrapup-ask", "wrapup/ask", "Ask for a wrap-up after this talk."),
                             ("recording-pause", "recording/pause", "Silence in the recording of this talk."),
                             ("recording-resume", "recording/resume", "The recording goes on."),
                             ("spare", "spare", "No heavy contacts for a while.")):
        app.command(name=name, help=text)(_plain(path))
    return app


def _contact_commands() -> typer.Typer:
    app = typer.Typer(help="Callers who wait in line.", invoke_without_command=True)

    @app.callback()
    def show(context: typer.Context, state: State = None, lab: Lab = None, url: Url = None,
             token_file: TokenFile = None) -> None:
        """Show them: service, place, wait, points. No number."""
        context.obj = (state or lab, url, token_file)
        if context.invoked_subcommand is None:
            Console().print(tables.waiting(told(lambda: call(find(*context.obj), "GET", "/api/v1/contacts"))))

    @app.command(context_settings={"ignore_unknown_options": True})  # `rank ID -5`: -5 are points, and no option
    def rank(context: typer.Context, contact: Annotated[str, typer.Argument(help="Id, as the table shows it.")],
             points: Annotated[int, typer.Argument(min=-60, max=60, help="One counts as a minute of waiting.")],
             state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Serve one sooner (or later) than by their wait; the place changes at once."""
        above = context.obj
        place = (state or lab or above[0], url or above[1], token_file or above[2])
        found = told(lambda: call(find(*place), "POST", f"/api/v1/contacts/{quote(contact, safe='')}/rank",
                                  {"points": points}))
        Console().print(tables.waiting(found))

    return app


def _callback_commands() -> typer.Typer:
    app = typer.Typer(help="Callers who wait to be called back.", invoke_without_command=True)

    @app.callback()
    def show(context: typer.Context, state: State = None, lab: Lab = None, url: Url = None,
             token_file: TokenFile = None) -> None:
        """Show them: service, since when, tries, when next. No number."""
        context.obj = (state or lab, url, token_file)
        if context.invoked_subcommand is None:
            Console().print(tables.callbacks(told(lambda: call(find(*context.obj), "GET", "/api/v1/callbacks"))))

    @app.command()
    def cancel(context: typer.Context, contact: Annotated[str, typer.Argument(help="Id, as the table shows it.")],
               state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Do not call this caller back."""
        above = context.obj
        place = (state or lab or above[0], url or above[1], token_file or above[2])
        found = told(lambda: call(find(*place), "POST", f"/api/v1/callbacks/{quote(contact, safe='')}/cancel"))
        Console().print(tables.callbacks(found))

    return app


def _plain(path: str) -> Callable[..., None]:
    def command(agent: Id, state: State = None, lab: Lab = None, url: Url = None,
                token_file: TokenFile = None) -> None:
        _do(agent, path, None, state or lab, url, token_file)

    return command


def _levels(words: list[str]) -> dict[str, int]:
    """`skill=level` each; exit 2 with what is wrong."""
    found: dict[str, int] = {}
    for word in words:
        skill, _, level = word.partition("=")
        if not skill or not level.isascii() or not level.isdigit():
            raise typer.BadParameter(f"'{word}' is not skill=level, such as tr=80")
        found[skill] = int(level)
    return found


def _do(agent: str, path: str, body: dict[str, Any] | None, state: Path | None, url: str | None,
        token_file: Path | None, *, staff: bool = False) -> None:
    def work() -> dict[str, Any]:
        node = find(state, url, token_file, None if staff else agent)
        return call(node, "POST", f"/api/v1/agents/{quote(agent, safe='')}/{path}", body)

    found = told(work)
    word = tables.STATES.get(found["state"], found["state"])
    typer.echo(f"{found['id']}: {word}" + (f", masa {found['seat']}" if found["seat"] else "")
               + (", görüşmeden sonra mola" if found["pause_pending"] else ""))
