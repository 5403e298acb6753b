"""Tables of names that other programs and people rely on: API, commands, metrics, log, codes, dialplan."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import click
from typer.main import get_command

from asterisk_conf.dialplan_names import TABLE as DIALPLAN
from desk.api.openapi import ERRORS
from desk.api.route import ALL, STAFF, Route
from desk.api.routes import ROUTES
from guide.log_meanings import ALARM, MEANINGS
from guide.phone_keys import CODES, EXIT_ADVICE
from guide.tables import ROOT, iterate_product, quote_code, write_table
from ivr.routes.in_call_keys import IN_CALL_KEYS
from metrics.prometheus import names
from metrics.prometheus.alerts import ALERTS
from metrics.prometheus.runbooks import RUNBOOKS
from routing.core.model.errors import Refused
from santral.cli import SECTIONS, cli

COMMANDS = {
    "/api/v1/recordings/search": "recordings list", "/api/v1/recordings/{id}/sound": "recordings play",
    "/api/v1/callers/erase": "privacy erase", "POST /api/v1/callers/preferences": "callers preferences",
    "GET /api/v1/callers/preferences": "callers list", "/api/v1/callbacks": "callbacks",
    "/api/v1/callbacks/{id}/cancel": "callbacks cancel", "/api/v1/contacts": "contacts",
    "/api/v1/contacts/{id}/prioritise": "contacts prioritise", "/api/v1/status": "status",
    "GET /api/v1/announcements": "announce list", "POST /api/v1/announcements": "announce on",
    "/api/v1/announcements/off": "announce off", "/api/v1/hours": "hours", "/api/v1/reload": "reload"}
"""Commands whose names do not follow from the path. Those of `santral agent` do."""

PLACE_OPTIONS = ("--state", "--lab", "--url", "--token-file")
"""Options that name a node. They are told once."""
ROLES = {ALL: "all", STAFF: "staff"}
AGENT_PATH = re.compile(r"/api/v1/agents/\{id\}/(.+)")
LEVELS = ("debug", "info", "warning", "error", "exception", "critical")


@cache
def list_commands() -> dict[str, click.Command]:
    """Return each visible command by its words after `santral`."""
    found: dict[str, click.Command] = {}

    def walk(command: Any, words: tuple[str, ...]) -> None:
        if command.hidden:
            return
        inner = getattr(command, "commands", {})
        if not inner or command.invoke_without_command:
            found[" ".join(words)] = command
        for name, one in inner.items():
            walk(one, (*words, name))

    walk(get_command(cli), ())
    found.pop("", None)
    return found


def find_command(route: Route) -> str:
    """Return the command that calls a route, or an empty text."""
    inside = AGENT_PATH.fullmatch(route.path)
    word = COMMANDS.get(f"{route.method} {route.path}", COMMANDS.get(route.path, ""))
    if inside is not None:
        word = f"agent {inside[1].replace('/', '-')}"
    return word if word in list_commands() else ""


def draw_api() -> str:
    """Return the page of the API's routes."""
    rows = []
    for route in ROUTES:
        roles = ROLES.get(route.roles) or ", ".join(sorted(role.value for role in route.roles))
        body = ", ".join(quote_code(name if field.is_required() else f"{name}?")
                         for name, field in (route.request.model_fields if route.request else {}).items())
        command = find_command(route)
        rows.append((f"`{route.method} {route.path.removeprefix('/api/v1')}`", roles, body,
                     f"{route.summary}. {route.detail}".strip(), quote_code(command) if command else ""))
    return "\n".join([
        "# Routes of the API\n",
        "Paths begin with `/api/v1`. *Agent* is the agent of the path, *staff* are supervisors and administrators. A "
        "question\nmark marks an optional field.\n",
        write_table(("route", "roles", "body", "action", "command"), rows),
        "Without a token: `GET /health/live`, `GET /health/ready`, `GET /health/leader`, "
        "`GET /metrics` (this machine only), `GET /openapi.json`.\n"])


def draw_commands() -> str:
    """Return the page of the commands, by the sections of `santral --help`."""
    commands = list_commands()
    parts = ["# Commands of `santral`\n",
             "`--help` lists the options of each command. NODE means one of "
             f"{', '.join(quote_code(option) for option in PLACE_OPTIONS)}. Commands with tables take `--json`. With "
             "`--plain`, and in a pipe, a row is a line with tabs.\n"]
    for title, first_words in SECTIONS.items():
        rows = [(f"`{name}{_list_parameters(command)}`", _shorten_help(command.help or ""))
                for word in first_words for name, command in commands.items() if name.split()[0] == word]
        parts += [f"## {title}\n", write_table(("command", "action"), rows)]
    return "\n".join(parts)


def _list_parameters(command: click.Command) -> str:
    words = []
    options = {option for one in command.params for option in one.opts}
    node = options.issuperset(PLACE_OPTIONS)
    for one in command.params:
        if one.param_type_name == "argument":
            words.append((one.metavar or str(one.name)).upper())
    return "".join(f" {word}" for word in [*words, *(["NODE"] if node else [])])


def _shorten_help(text: str) -> str:
    return _first_sentence(text.split("\n\n")[0])


def draw_metrics() -> str:
    """Return the page of metrics and alerts."""
    rows = [(quote_code(one.name), one.kind, " ".join(quote_code(label) for label in one.labels), one.meaning)
            for one in names.OURS]
    alerts = [(f"[{one.name}](runbooks.md#{one.name.lower()})", one.severity, one.audience,
               f"{one.holds_s:g} s" if one.holds_s else "at once") for one in ALERTS]
    return "\n".join(["# Metrics and alerts\n", "Besides, `prometheus_client` reports the process as "
                      "`process_*`.\n", write_table(("metric", "kind", "labels", "meaning"), rows),
                      "## Alerts\n", write_table(("alert", "severity", "audience", "holds"), alerts)])


def draw_runbooks() -> str:
    """Return the page of runbooks in English. `santral metrics rules` writes the same in both languages."""
    parts = ["# Runbooks\n"]
    for alert in ALERTS:
        book = RUNBOOKS[alert.name]
        parts += [f"## {alert.name}\n", f"{book.meaning.en}\n", "Check:\n",
                  "\n".join(f"- {step.en}" for step in book.check), "\nFix:\n",
                  "\n".join(f"{number}. {step.en}" for number, step in enumerate(book.fix, 1)) + "\n"]
    return "\n".join(parts)


@cache
def list_log_events() -> dict[str, tuple[str, set[str], set[str]]]:
    """Return each event of the log with its level, fields and rooms. The most serious level counts."""
    found: dict[str, tuple[str, set[str], set[str]]] = {}
    for file, tree in iterate_product():
        for level, event, fields in _iterate_log_calls(tree):
            before, known, rooms = found.get(event, ("debug", set(), set()))
            worst = max(before, level, key=LEVELS.index)
            found[event] = (worst, known | fields, rooms | {file.partition("/")[0]})
    return dict(sorted(found.items()))


def _iterate_log_calls(tree: ast.Module) -> Iterator[tuple[str, str, set[str]]]:
    for node in ast.walk(tree):
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS
                and isinstance(node.func.value, ast.Name) and node.func.value.id == "log" and node.args
                and isinstance(node.args[0], ast.Constant)):
            yield node.func.attr, str(node.args[0].value), {word.arg for word in node.keywords if word.arg}


def draw_log() -> str:
    """Return the page of log events."""
    rows, quiet = [], []
    for event, (level, fields, rooms) in list_log_events().items():
        shown = " ".join(quote_code(field) for field in sorted(fields))
        if event in MEANINGS:
            weight, meaning = MEANINGS[event]
            rows.append((quote_code(event), level + (", alarm" if (level, weight) == ("warning", ALARM) else ""), shown,
                         meaning))
        else:
            quiet.append((quote_code(event), level, shown, ", ".join(sorted(rooms))))
    return "\n".join([
        "# Log events\n",
        "One line each on stderr, `--log-json` for programs. Ids only: no number, no name. Act at once on an error or\n"
        "an alarm, and within hours on a warning that repeats.\n",
        write_table(("event", "level", "fields", "meaning and action"), rows),
        "## Without action\n", write_table(("event", "level", "fields", "room"), quiet)])


def list_refusals(kind: type[Refused] = Refused) -> Iterator[type[Refused]]:
    """Yield an error of the API and its subclasses."""
    yield kind
    for one in kind.__subclasses__():
        yield from list_refusals(one)


def draw_codes() -> str:
    """Return the page of exit codes, error codes and telephone keys."""
    refusals = sorted((one.code, 404 if one.code.startswith("unknown_") else 409, _first_sentence(one.__doc__ or ""))
                      for one in list_refusals())
    server = {(code, status) for status, code in _find_server_errors()}
    others = [(code, status, ERRORS.get(str(status), "")) for code, status in sorted(server)]
    return "\n".join([
        "# Codes\n",
        "## Exit codes\n", "Of `santral run`. Other commands describe theirs in `--help`.\n",
        write_table(("code", "meaning", "action"), [(str(code), *told) for code, told in EXIT_ADVICE.items()]),
        "## Error codes of the API\n",
        write_table(("code", "status", "meaning"),
                    [(quote_code(code), str(status), text) for code, status, text in [*refusals, *others]]),
        "## Codes of an agent's phone\n",
        write_table(("code", "action"), [(quote_code(code), text) for code, text in CODES.items()]),
        "## Keys of an agent during a talk\n",
        write_table(("key", "action"), sorted((quote_code(key.digits), key.meaning) for key in IN_CALL_KEYS))])


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=\.)\s", " ".join(text.split()), maxsplit=1)[0]


def _find_server_errors() -> Iterator[tuple[int, str]]:
    text = (ROOT / "desk" / "server.py").read_text(encoding="utf-8")
    for status, code in re.findall(r'_Problem\((\d{3}), "(\w+)"', text):
        yield int(status), code


def draw_dialplan() -> str:
    """Return the page of names in the dialplan."""
    kinds = dict.fromkeys(one.kind for one in DIALPLAN)
    parts = ["# Names in the dialplan\n",
             "AGI routes follow `agi://NODE/`. *Inherited* variables reach each channel that the channel creates.\n"]
    for kind in kinds:
        rows = [(" ".join(quote_code(name) for name in one.name.split()), one.meaning)
                for one in DIALPLAN if one.kind == kind]
        parts += [f"## {kind[:1].upper()}{kind[1:]}s\n", write_table((kind, "meaning"), rows)]
    return "\n".join(parts)
