"""Proves the rules on rendered files: what a carrier, a caller or a phone may never be able to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from asterisk_conf import lint_dialplan, lint_settings
from asterisk_conf.flat import Finding, Section, read
from asterisk_conf.render import ALWAYS

__all__ = ["Finding", "lint", "lint_folder"]

Rules = Callable[[Mapping[str, list[Section]]], list[Finding]]

CHECKS: tuple[Rules, ...] = (
    lint_dialplan.check,
    lint_settings.manager,
    lint_settings.sip,
    lint_settings.module_list,
    lint_settings.privacy,
    lint_settings.safety_net,
    lint_settings.switches,
    lint_settings.web_server,
)


def lint(files: Mapping[str, str]) -> list[Finding]:
    """All findings on a whole set of files (name -> text), in the order of file and line."""
    findings = [Finding(name, 0, "is missing", "render the whole set again") for name in ALWAYS if name not in files]
    read_files: dict[str, list[Section]] = {}
    for name, text in files.items():
        read_files[name], faults = read(name, text)
        findings += faults
    for check in CHECKS:
        findings += check(read_files)
    return sorted(set(findings))


def lint_folder(folder: Path) -> list[Finding]:
    """The same on a folder of files, e.g. one that an operator has changed."""
    return lint({path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.conf"))})
