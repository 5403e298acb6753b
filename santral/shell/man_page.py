"""Write the man page of `santral`, with all commands and their options."""

from __future__ import annotations

from santral.shell.command_tree import Command, CommandTree
from santral.shell.help_text import HELP_OPTION, PROGRAM, describe_parameter, list_options, option_names, usage_line

FILES = (("/etc/santral/centre", "The centre: settings, menu, services and team."),
         ("/etc/santral/local.toml", "Settings of this machine, which replace those of the centre."),
         ("/var/lib/santral", "State of the node: store, secrets, recordings, queue_log."))
VARIABLES = (("SANTRAL_STATE", "State folder, where --state is not given."),
             ("SANTRAL_PLAIN", "If it is set, tables are lines with tabs, as in a pipe."),)
EXIT_CODES = (("0", "Success."), ("1", "Another error, told in one sentence."),
              ("2", "Wrong arguments, or problems in the centre's files."), ("3", "A port is in use."),
              ("4", "The store cannot be opened or written."), ("5", "Asterisk cannot be reached."))


def write_page(tree: CommandTree, version: str) -> str:
    """Return the page in the macros of man(7)."""
    root = tree.find_command(())
    lines = [f'.TH SANTRAL 1 "" "santral {version}" "User Commands"', ".SH NAME",
             f"{PROGRAM} \\- contact\\-centre engine behind one telephone number", ".SH SYNOPSIS",
             f".B {PROGRAM}", "COMMAND [OPTIONS] [ARGUMENTS]", ".SH DESCRIPTION", _escape(root.help)]
    section = None
    for one in tree.all_commands():
        if not one.words:
            continue
        top = tree.find_command(one.words[:1])
        if top.section != section:
            section = top.section
            lines.append(f".SH {_escape((section or 'Commands').upper())}")
        lines += _describe_command(one)
    for title, rows in (("ENVIRONMENT", VARIABLES), ("FILES", FILES), ("EXIT STATUS", EXIT_CODES)):
        lines.append(f".SH {title}")
        for name, text in rows:
            lines += [".TP", f".B {_escape(name)}", _escape(text)]
    return "\n".join(lines) + "\n"


def _describe_command(command: Command) -> list[str]:
    lines = [f".SS {_escape(usage_line(command))}"]
    for place, paragraph in enumerate(command.help.split("\n\n")):
        lines += [*([".PP"] if place else []), _escape(" ".join(paragraph.split()))]
    arguments = [one for one in command.parameters if not one.is_option]
    for one in [*arguments, *(each for each in list_options(command) if each != HELP_OPTION)]:
        name = option_names(one) if one.is_option else one.metavar
        lines += [".TP", f".B {_escape(name)}", _escape(describe_parameter(one) or "No help.")]
    return lines


def _escape(text: str) -> str:
    """Return text that man reads as it is written: a leading dot or quote would be a macro."""
    found = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{found}" if found.startswith((".", "'")) else found
