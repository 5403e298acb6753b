"""Put Santral next to the existing work of an Asterisk: fragments, includes, and a list of what changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from asterisk_conf.conf_plan import AsteriskPlan
from asterisk_conf.existing.fragments import KEPT_OUT, GlobalChange, make_fragments, share_plan
from asterisk_conf.existing.live_lint import find_conflicts, lint_live, lint_logs
from asterisk_conf.existing.live_reader import LiveFolder
from asterisk_conf.existing.placement import NoPlace, Placed, place_fragments
from asterisk_conf.flat_reader import Finding
from asterisk_conf.lint import lint_files
from asterisk_conf.module_lists import list_denied
from asterisk_conf.render import render_files

NO_PREFIX = Finding("santral.toml", 0, "[seats] prefix is empty",
                    'set it, as in prefix = "sc-": all endpoints of Santral begin with it, and none can be another\'s')


@dataclass(frozen=True)
class Shared:
    """Result of `share_asterisk`. With findings nothing is to be written."""

    files: dict[str, str]
    """Fragments and changed files, by name below the folder of Asterisk."""
    placed: list[Placed]
    changes: list[GlobalChange]
    findings: list[Finding]
    left: dict[str, str]
    """Modules that Santral never loads and that this Asterisk may, with the reason."""
    logs: list[Finding] = field(default_factory=list)
    """Logs of the existing work that hold numbers of callers."""


def share_asterisk(plan: AsteriskPlan, folder: Path) -> Shared:
    """Return the files that put a plan next to the work of the Asterisk in this folder. Nothing is written.

    Raise NoAsteriskFolder if the folder is none of an Asterisk.
    """
    live = LiveFolder(folder)
    if not plan.prefix:
        return Shared({}, [], [], [NO_PREFIX], {})
    # 1. The rules hold for the whole set, before it is taken apart.
    plan = share_plan(plan, live)
    findings = lint_files(render_files(plan))
    fragments, changes = make_fragments(plan, live)
    findings += find_conflicts(fragments, live, plan.ami.port)
    # 2. The places, and a look at the result as Asterisk will read it.
    placed: list[Placed] = []
    try:
        after, placed = place_fragments(fragments, live)
    except NoPlace as error:
        return Shared({}, [], changes, [*findings, Finding(str(folder), 0, str(error), "see above")], {})
    findings += lint_live(after, plan.in_call_keys)
    left = {name: why for name, why in list_denied(plan.pages is not None).items() if name not in KEPT_OUT}
    return Shared(dict(after.changed), placed, changes, findings, left, lint_logs(after))
