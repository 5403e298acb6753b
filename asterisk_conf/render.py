"""Render a plan into the text of Asterisk's files. The same plan always gives the same bytes."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from asterisk_conf import conf_plan, in_call_keys, module_lists
from asterisk_conf.conf_plan import AsteriskPlan
from asterisk_conf.flat_reader import HOOK

ALWAYS = ("acl.conf", "ccss.conf", "cdr.conf", "cel.conf", "cel_custom.conf", "extensions.conf", "features.conf",
          "http.conf", "indications.conf", "logger.conf", "manager.conf", "modules.conf", "musiconhold.conf",
          "pjproject.conf", "pjsip.conf", "prometheus.conf", "queuerules.conf", "queues.conf", "rtp.conf", "say.conf",
          "stasis.conf", "udptl.conf")  # fmt: skip
"""Files of every plan. asterisk.conf is not one of them: it remains the operator's."""

HOOK_NOTE = "; Lines of your own, which no rendering touches:"
SECRET_FILES = frozenset({"extensions.conf", "manager.conf", "pjsip.conf"})
"""Files with secrets, written with mode 0600."""

EVENTS = ("FullyBooted", "Newchannel", "Newstate", "DialBegin", "DialState", "DialEnd", "BridgeEnter", "BridgeLeave",
          "Hangup", "OriginateResponse", "Hold", "Unhold", "BlindTransfer", "AttendedTransfer",
          "DeviceStateChange", "Shutdown", "HangupRequest", "SoftHangupRequest", "MixMonitorStart", "MixMonitorStop",
          "MixMonitorMute")  # fmt: skip
"""AMI events that the node hears, with a request to hang up for each leg that the other side ends.

A whole call has 20 of them instead of 163 (counted on Asterisk 22).
"""

_LEAVES_ITS_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029;]")
_IS_SUBSTITUTED = re.compile(r"\$[{\[]")


def check_literal(value: object) -> Markup:
    """Return a value as text of one line of a file that Asterisk takes unchanged, such as a password.

    Raise ValueError if the value is None, would end the line or would begin a comment. The message does not quote the
    value, which may be a secret.
    """
    if value is None or _LEAVES_ITS_LINE.search(str(value)):
        raise ValueError("a value for Asterisk's files is missing, or has a line break, control character or semicolon")
    return Markup(str(value))  # noqa: S704 - nothing here is HTML: "checked" is what the type says in these templates


def check_value(value: object) -> Markup:
    """Return a value as text of one line of any file.

    Raise ValueError like `check_literal`, and if Asterisk would substitute a variable or expression in the value.
    """
    # The value was checked before, or it is the text of a macro.
    if isinstance(value, Markup):
        return value
    if _IS_SUBSTITUTED.search(str(value)):
        raise ValueError("a value for Asterisk's files has ${ or $[ in it")
    return check_literal(value)


def open_templates(folder: Path) -> Environment:
    """Return the templates of a folder. Each value passes `check_value`.

    Autoescape is on, so the text of a macro is Markup and is not checked a second time.
    """
    found = Environment(loader=FileSystemLoader(folder), undefined=StrictUndefined,
                        autoescape=True, finalize=check_value, trim_blocks=True, lstrip_blocks=True,
                        keep_trailing_newline=True)
    found.filters["literal"] = check_literal
    return found


TEMPLATES = open_templates(Path(__file__).parent / "templates")


def render_files(chosen: AsteriskPlan) -> dict[str, str]:
    """Return the text of every file by name."""
    return {name: TEMPLATES.get_template(f"{name}.j2").render(
        plan=chosen, times=chosen.timings, said=chosen.said, names=conf_plan, modules=module_lists,
        keys=in_call_keys, events=EVENTS).rstrip() + f"\n\n{HOOK_NOTE}\n{HOOK}{name}\n"
        for name in ALWAYS}
