"""Define `santral people`: the people who sign in at the desk, their roles and their one-use codes.

The commands write the tables of people themselves, whether a node runs or not. A running node takes each change over
within a second.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from sqlalchemy import Connection

from desk.api.tokens import Role
from desk.live import comfort_rows
from desk.people import person_rows
from desk.people.one_use_code import CODE_S, hash_code, make_code
from desk.people.person_rows import Person
from desk.phone import seat_holders
from drawing.console_output import OutputConsole
from routing.store.audit import Audit, asker_name
from routing.store.callers.number_keys import NumberKeys
from routing.store.errors import StoreError
from routing.store.store import Store
from santral.centre.config import DEFAULT_CENTRE, NodeConfig, node_config, store_place
from santral.erased_list import ErasedList
from santral.errors import SantralError, StoreFailure
from santral.privacy.cli import STATE, CentreFolder, Settings, State, Who
from santral.secrets import NodeSecrets
from santral.state_folder import require_owner

T = TypeVar("T")

PERSON = r"[A-Za-z0-9_.-]{1,32}"
NAME_MAX = 60
"""Characters of a display name: it has one line on a page."""

PersonId = Annotated[str, typer.Argument(metavar="PERSON", help="Id of the person. Of an agent: the id in team.yaml.")]
Roles = Annotated[list[str], typer.Option("--role", help="agent, supervisor, needs, unit, admin. May be repeated.")]
Name = Annotated[str, typer.Option("--name", help="Name that colleagues see on pages.")]


def build_commands() -> typer.Typer:
    """Return the commands `add`, `list`, `reset` and `disable`."""
    app = typer.Typer(no_args_is_help=True, help="People who sign in at the desk.")
    app.command("add")(_add_person)
    app.command("list")(_list_people)
    app.command("reset")(_reset_person)
    app.command("disable")(_disable_person)
    return app


def _add_person(
    person: PersonId, role: Roles, name: Name = "", centre: CentreFolder = DEFAULT_CENTRE,
    settings: Settings = None, state: State = STATE, who: Who = None,
) -> None:
    """Add a person, or a disabled one again. Prints a code for one use within 24 hours, to set a password at
    /password."""
    config = node_config(centre, settings)
    new = Person(person, _check_name(name), _check_roles(role), disabled=False)
    if not re.fullmatch(PERSON, person):
        raise SantralError(f"'{person}' cannot be an id: use 1 to 32 letters (no Turkish ones), digits and _ . -")
    if Role.AGENT in new.roles and person not in config.agents:
        raise SantralError(f"team.yaml of {centre} has no agent '{person}'. Add the agent there first, or give "
                           "another role")
    code, now = make_code(), time.time()

    def add_new(connection: Connection) -> None:
        known = person_rows.find_person(connection, person)
        if known is not None and not known.disabled:
            raise SantralError(f"'{person}' is there already. For another password: santral people reset {person}")
        _note(state, who, "person_added", now, person=person, roles=[one.value for one in new.roles])
        person_rows.put_person(connection, new, hash_code(code), now + CODE_S)

    _change(config, state, add_new)
    _note_for_restore(state, person, disabled=False)
    _show_code(config, person, code, now + CODE_S)


def _list_people(centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE) -> None:
    """List all people."""
    now = time.time()
    rows = _change(node_config(centre, settings), state, lambda connection: [
        (one, person_rows.read_secrets(connection, one.person), sum(
            row.person == one.person and row.ended_at is None and row.until > now
            for row in person_rows.load_sessions(connection)))
        for one in person_rows.load_people(connection)])
    table = Table("person", "name", "roles", "state", "sessions")
    for one, secrets, live in rows:
        table.add_row(one.person, one.name, ", ".join(role.value for role in one.roles),
                      _describe_state(secrets, now), str(live))
    OutputConsole(highlight=False, markup=False).print(table)


def _reset_person(
    person: PersonId, centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE,
    who: Who = None,
) -> None:
    """Replace the password of a person by a new one-use code. All sessions of the person end within a second."""
    config, code, now = node_config(centre, settings), make_code(), time.time()

    def reset_known(connection: Connection) -> int:
        if _find(connection, person).disabled:
            raise SantralError(f"'{person}' is disabled. To let the person in again: santral people add {person}")
        _note(state, who, "person_reset", now, person=person)
        return person_rows.reset_person(connection, person, hash_code(code), now + CODE_S, now)

    _show_ends(_change(config, state, reset_known))
    _show_code(config, person, code, now + CODE_S)


def _disable_person(
    person: PersonId, centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE,
    who: Who = None,
) -> None:
    """Let a person in no more. Within a second sessions, API token and PIN end, and the agent is signed out, or after
    the talk. Page seats whose secrets the person was given get new ones."""
    config, now = node_config(centre, settings), time.time()

    def disable_known(connection: Connection) -> tuple[int, tuple[str, ...]]:
        # An agent may work with PIN and token alone, and has no record then.
        if person_rows.find_person(connection, person) is None and person in config.agents:
            person_rows.put_person(connection, Person(person, "", (Role.AGENT,), disabled=False), "", 0.0)
        _find(connection, person)
        _note(state, who, "person_disabled", now, person=person)
        seats = seat_holders.find_seats(connection, person)
        # The secrets come first: a failure later leaves new ones that nobody knows, never old ones.
        renewed = NodeSecrets(state).renew_seats(seats)
        seat_holders.forget_holders(connection, seats)
        # Ear, gain and signals tell something about the hearing of a person who is no longer here.
        comfort_rows.write_wish(connection, person, {})
        return person_rows.disable_person(connection, person, now), renewed

    ended, renewed = _change(config, state, disable_known)
    _note_for_restore(state, person, disabled=True)
    _show_ends(ended)
    if renewed:
        typer.echo(f"New secrets of page seats: {', '.join(renewed)}. To put them in force: santral asterisk-conf, "
                   "copy pjsip.conf, asterisk -rx 'pjsip reload', restart the node", err=True)


def _note_for_restore(state: Path, person: str, *, disabled: bool) -> None:
    """Note next to the backups who was disabled, because an old backup would let the person in again."""
    keys = NumberKeys.load_or_create(state / "secrets" / "numbers.json")
    for folder in ErasedList(state, keys).note_person(person, disabled=disabled):
        typer.echo(f"santral: {folder} cannot be written: a restore of its backups would not know this. Make the "
                   "folder writable, then do this again", err=True)


def _check_roles(names: list[str]) -> tuple[Role, ...]:
    known = [role.value for role in Role]
    for name in names:
        if name not in known:
            raise SantralError(f"no role '{name}'; there are {', '.join(known)}")
    return tuple(role for role in Role if role.value in names)


def _check_name(name: str) -> str:
    name = " ".join(name.split())
    if len(name) > NAME_MAX or not name.isprintable():
        raise SantralError(f"a name has at most {NAME_MAX} characters, and no control characters")
    return name


def _find(connection: Connection, person: str) -> Person:
    found = person_rows.find_person(connection, person)
    if found is None:
        raise SantralError(f"no person '{person}'; santral people list shows all")
    return found


def _note(state: Path, who: str | None, what: str, at: float, **about: object) -> None:
    Audit(state).note_entry(asker_name(who), what, at, **about)


def _change(config: NodeConfig, state: Path, work: Callable[[Connection], T]) -> T:
    """Run `work` in one transaction of the store. A node may run meanwhile: its lease is for routing."""
    require_owner(state)

    async def run_work() -> T:
        store = await Store.open_store(store_place(config, state))
        try:
            return await store.run_write(work)
        finally:
            await store.close()

    try:
        return asyncio.run(run_work())
    except StoreError as error:
        raise StoreFailure(str(error)) from error


def _show_code(config: NodeConfig, person: str, code: str, until: float) -> None:
    """Print the code alone on stdout, for scripts, and what it is for on stderr."""
    end = datetime.fromtimestamp(until, ZoneInfo(config.settings.centre.timezone))
    typer.echo(f"{person} sets a password at /password of the desk, with this code, once, before {end:%d.%m.%Y %H:%M}:",
               err=True)
    typer.echo(code)


def _show_ends(ended: int) -> None:
    typer.echo(f"{ended} sessions end" if ended else "no session was open", err=True)


def _describe_state(secrets: person_rows.Secrets | None, now: float) -> str:
    if secrets is None:
        return "disabled"
    if secrets.password:
        return "password set"
    return "code given" if secrets.code and secrets.code_until > now else "code expired"
