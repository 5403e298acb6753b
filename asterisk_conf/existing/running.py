"""Ask a running Asterisk what is in force: modules, keys of a talk and endpoints."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Sequence

from asterisk_conf.existing.fragments import KEPT_OUT
from asterisk_conf.existing.live_reader import LiveFolder
from asterisk_conf.flat_reader import Finding
from asterisk_conf.in_call_keys import InCallKey
from asterisk_conf.module_lists import NEEDED

ANSWER_S = 20.0
"""Limit for one answer of the console, which takes milliseconds on an idle machine."""
CONSOLE = "asterisk -rx"
"""Command that asks the running Asterisk. The question follows as one word."""

AskConsole = Callable[[str], str | None]
"""Return the answer of the console. Return None if no Asterisk runs."""


def ask_by(command: str) -> AskConsole:
    """Return a function that asks by this command line."""
    def ask(question: str) -> str | None:
        try:
            done = subprocess.run([*shlex.split(command), question], capture_output=True, text=True, errors="replace",
                                  timeout=ANSWER_S, check=False, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return None if done.returncode else done.stdout
    return ask


def check_running(ask: AskConsole, live: LiveFolder, keys: Sequence[InCallKey]) -> list[Finding] | None:
    """Return findings on the running Asterisk. Return None if none runs."""
    # 1. Modules. A module is listed with its state in the last columns.
    shown = ask("module show")
    if shown is None:
        return None
    running = {line.split()[0] for line in shown.splitlines() if " Running" in line and ".so" in line}
    found = [Finding("(running)", 0, f"{module} runs: {why}", "noload it in [modules], and restart Asterisk")
             for module, why in KEPT_OUT.items() if module in running]
    if lacking := [module for module in NEEDED if module not in running]:
        found.append(Finding("(running)", 0, f"{len(lacking)} of {len(NEEDED)} modules do not run, as {lacking[0]}",
                             "load them in [modules], and restart Asterisk"))
    # 2. The keys of a talk.
    features = ask("features show") or ""
    if dead := [key.feature for key in keys if key.feature not in features]:
        found.append(Finding("(running)", 0, f"{len(dead)} of {len(keys)} keys of a talk are dead, as {dead[0]}",
                             "include santral/features_applicationmap.conf, then: module reload features"))
    # 3. The endpoints of the files.
    endpoints = ask("pjsip show endpoints") or ""
    there = {line.split()[1].partition("/")[0] for line in endpoints.splitlines()
             if line.strip().startswith("Endpoint:") and len(line.split()) > 1}
    wanted = [section for section in live.read_sections("pjsip.conf") if section.value_of("type") == "endpoint"]
    if absent := [section for section in wanted if section.name not in there]:
        found.append(Finding(absent[0].file, absent[0].line, f"{len(absent)} of {len(wanted)} endpoints are not in "
                             f"force, as {absent[0].name}", "core reload, or look for errors in the log"))
    # 4. The entry of callers.
    if "santral-in" not in (ask("dialplan show santral-in") or ""):
        found.append(Finding("(running)", 0, "the context santral-in is not in force", "dialplan reload"))
    return found
