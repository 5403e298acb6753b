"""Check the rules on rendered files: what a carrier, a caller or a phone must never be able to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from asterisk_conf import lint_dialplan, lint_fallback, lint_pages, lint_settings
from asterisk_conf.flat_reader import Finding, Section, read_sections
from asterisk_conf.render import ALWAYS

__all__ = ["Finding", "lint_files", "lint_folder"]

Rules = Callable[[Mapping[str, list[Section]]], list[Finding]]

CHECKS: tuple[Rules, ...] = (
    lint_dialplan.check_dialplan,
    lint_settings.check_manager,
    lint_settings.check_sip,
    lint_settings.check_modules,
    lint_settings.check_privacy,
    lint_fallback.check_fallback,
    lint_settings.check_switches,
    lint_settings.check_web_server,
    lint_pages.check_pages,
    lint_settings.check_max_calls,
)


def lint_files(files: Mapping[str, str]) -> list[Finding]:
    """Return all findings on a whole set of files (name -> text), ordered by file and line."""
    # A missing file is a fault too: Asterisk would use the defaults of its module.
    findings = [Finding(name, 0, "is missing", "render the whole set again") for name in ALWAYS if name not in files]
    read_files: dict[str, list[Section]] = {}
    for name, text in files.items():
        read_files[name], faults = read_sections(name, text)
        findings += faults
    for check in CHECKS:
        findings += check(read_files)
    return sorted(set(findings))


def lint_folder(folder: Path) -> list[Finding]:
    """Return all findings on a folder of files, for example one that an operator has changed."""
    return lint_files({path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.conf"))})
