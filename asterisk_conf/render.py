"""Plan -> the text of Asterisk's files. Pure and deterministic: the same plan gives the same bytes."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from asterisk_conf import modules, plan
from asterisk_conf.plan import Plan

ALWAYS = ("acl.conf", "ccss.conf", "cdr.conf", "cel.conf", "cel_custom.conf", "extensions.conf", "features.conf",
          "http.conf", "indications.conf", "logger.conf", "manager.conf", "modules.conf", "musiconhold.conf",
          "pjproject.conf", "pjsip.conf", "prometheus.conf", "queuerules.conf", "queues.conf", "rtp.conf", "say.conf",
          "stasis.conf", "udptl.conf")  # fmt: skip
"""Files of every plan. asterisk.conf is not among them: the operator's stays."""

SECRET_FILES = frozenset({"pjsip.conf", "manager.conf"})
"""They hold secrets: mode 0600."""

EVENTS = ("FullyBooted", "Newchannel", "Newstate", "DialBegin", "DialState", "DialEnd", "BridgeEnter", "BridgeLeave",
          "Hangup", "OriginateResponse", "Hold", "Unhold", "BlindTransfer", "AttendedTransfer",
          "DeviceStateChange", "Shutdown", "HangupRequest", "SoftHangupRequest")  # fmt: skip
"""AMI events the node hears: 20 for a whole call instead of 163 (counted on Asterisk 22), and a request to hang up for
each leg that the other side ends."""

_LEAVES_ITS_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029;]")
_IS_SUBSTITUTED = re.compile(r"\$[{\[]")


def check_literal(value: object) -> Markup:
    """Return a value as text of one line of a file that Asterisk takes as it is, such as a password. Raise ValueError
    if the value would end the line, begin a comment, or is None. The message does not quote it: it may be a secret."""
    if value is None or _LEAVES_ITS_LINE.search(str(value)):
        raise ValueError("a value for Asterisk's files is missing, or has a line break, control character or semicolon")
    return Markup(str(value))  # noqa: S704 - nothing here is HTML: "checked" is what the type says in these templates


def check_value(value: object) -> Markup:
    """Return a value as text of one line of any file. Raise ValueError as `check_literal` does, and if Asterisk would
    substitute a variable or an expression in the value."""
    if isinstance(value, Markup):  # already checked, or the text of a macro
        return value
    if _IS_SUBSTITUTED.search(str(value)):
        raise ValueError("a value for Asterisk's files has ${ or $[ in it")
    return check_literal(value)


def open_templates(folder: Path) -> Environment:
    """Return the templates of a folder. Each value passes `check_value`. Autoescape stays on: the text of a macro is
    Markup and is not checked again as if it were somebody else's."""
    found = Environment(loader=FileSystemLoader(folder), undefined=StrictUndefined,
                        autoescape=True, finalize=check_value, trim_blocks=True, lstrip_blocks=True,
                        keep_trailing_newline=True)
    found.filters["literal"] = check_literal
    return found


TEMPLATES = open_templates(Path(__file__).parent / "templates")


def render(chosen: Plan) -> dict[str, str]:
    """Return name -> text of every file."""
    return {name: TEMPLATES.get_template(f"{name}.j2").render(
        plan=chosen, times=chosen.timings, said=chosen.said, names=plan, modules=modules, events=EVENTS).rstrip() + "\n"
        for name in ALWAYS}
