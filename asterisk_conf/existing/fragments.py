"""Make fragments of Santral's files for an Asterisk that has other work.

A fragment has whole sections, or the lines of one section that the Asterisk already has. Settings that hold for the
whole Asterisk are written only where a call would fail without them, and each of them is listed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from asterisk_conf.conf_plan import AsteriskPlan
from asterisk_conf.existing.live_reader import OWN, LiveFolder, LiveSection
from asterisk_conf.module_lists import list_needed
from asterisk_conf.render import HOOK_NOTE, render_files

MODULES, SIP, FEATURES = "modules.conf", "pjsip.conf", "features.conf"
IDENTIFIER_ORDER = "header,ip,username"

KEPT_OUT = {
    "bridge_native_rtp.so": "Santral's callers would be silent in half of the talks",
    "res_pjsip_diversion.so": "the number of a caller would stand in events of the channel",
}
"""Modules that may not run next to Santral. Every other module that Santral never loads is the operator's to decide."""

DROPPED = {
    "extensions.conf": ("general",), "pjsip.conf": ("global",), "manager.conf": ("general",),
    "queues.conf": ("general",), "musiconhold.conf": ("general", "default"), "cel_custom.conf": ("mappings",),
    "indications.conf": ("general",),
}
"""Sections of the files that stay as they are in the existing Asterisk."""


class Fragment(NamedTuple):
    """Text that one file of Asterisk includes."""

    file: str
    """File of Asterisk that includes the fragment."""
    section: str
    """Section in which the include belongs. Empty if the fragment has whole sections."""
    text: str

    @property
    def path(self) -> str:
        """Name of the fragment's file below the folder of Asterisk."""
        return OWN + (self.file if not self.section else f"{self.file.removesuffix('.conf')}_{self.section}.conf")


class GlobalChange(NamedTuple):
    """A setting that holds for all work of the Asterisk."""

    file: str
    section: str
    key: str
    before: str
    """Value in force. Empty if nobody has set it."""
    after: str
    why: str

    def __str__(self) -> str:
        return (f"{self.file} [{self.section}] {self.key}: {self.before or 'not set'} -> {self.after} ({self.why})")


def share_plan(plan: AsteriskPlan, live: LiveFolder) -> AsteriskPlan:
    """Return the plan with the transport of the existing Asterisk, if one listens at the address of the plan."""
    for section in live.read_sections(SIP):
        if section.value_of("type") == "transport" and section.value_of("protocol", "udp") == "udp" \
                and not section.file.startswith(OWN) \
                and (section.value_of("bind").rpartition(":")[2] or "5060") == str(plan.sip.port):
            return replace(plan, shared_transport=section.name)
    return plan


def make_fragments(plan: AsteriskPlan, live: LiveFolder) -> tuple[list[Fragment], list[GlobalChange]]:
    """Return the fragments for this Asterisk, and the settings that change for all of its work."""
    files = render_files(plan)
    # 1. Files with separate sections.
    found = [Fragment(name, "", _drop_sections(name, files[name])) for name in DROPPED if name != "cel_custom.conf"
             and not (name == "indications.conf" and _has_section(live, name, "tr"))]
    # 2. Lines of sections that exist.
    lines: dict[tuple[str, str], list[str]] = {}
    lines["features.conf", "applicationmap"] = _lines_of(files[FEATURES], "applicationmap")
    lines["cel_custom.conf", "mappings"] = _lines_of(files["cel_custom.conf"], "mappings")
    lines["logger.conf", "logfiles"] = ["security.log => security"]
    if plan.pages is not None and plan.pages.others:
        lines["rtp.conf", "ice_host_candidates"] = _lines_of(files["rtp.conf"], "ice_host_candidates")
    # 3. Settings of the whole Asterisk, where a call would fail without them.
    changes = list(_find_changes(plan, live))
    for one in changes:
        if (one.file, one.section) != (SIP, "global") or _find_global(live) is not None:
            lines.setdefault((one.file, one.section), []).append(
                f"{one.key} => {one.after}" if one.file == MODULES else f"{one.key}={one.after}")
    note = f"; Santral: lines for [{{}}] of {{}}. Rendered by `santral asterisk-conf {live.folder}`."
    found += [Fragment(file, section, "\n".join([note.format(section, file), *text]) + "\n")
              for (file, section), text in lines.items() if text]
    # 4. An Asterisk without a [global] in pjsip.conf gets one.
    return [_add_global(one, live) for one in found], changes


def _add_global(fragment: Fragment, live: LiveFolder) -> Fragment:
    if fragment.file != SIP or _find_global(live) is not None:
        return fragment
    return fragment._replace(text=f"{fragment.text}\n[global]\ntype=global\nendpoint_identifier_order="
                                  f"{IDENTIFIER_ORDER}\n")


def _find_global(live: LiveFolder) -> LiveSection | None:
    return next((one for one in live.read_sections(SIP)
                 if one.value_of("type") == "global" and not one.file.startswith(OWN)), None)


def _find_changes(plan: AsteriskPlan, live: LiveFolder) -> list[GlobalChange]:
    found: list[GlobalChange] = []

    def want(file: str, section: str, key: str, value: str, why: str, good: tuple[str, ...] = ()) -> None:
        before = _operator_value(live, file, section, key)
        if before.lower() not in (value, *good):
            found.append(GlobalChange(file, section, key, before, value, why))

    # 1. Modules: what may not run, and what must run where nothing is loaded by itself.
    for module, why in KEPT_OUT.items():
        if module not in _operator_values(live, MODULES, "modules", "noload"):
            found.append(GlobalChange(MODULES, "modules", "noload", "", module, why))
    if _operator_value(live, MODULES, "modules", "autoload").lower() not in ("yes", "true", "1", "on"):
        loaded = {value for key in ("load", "preload", "require")
                  for value in _operator_values(live, MODULES, "modules", key)}
        found += [GlobalChange(MODULES, "modules", "load", "", module, "Santral uses it, and nothing loads it")
                  for module in list_needed(plan) if module not in loaded]
    # 2. SIP: a request that takes over a talk is found by its header before anything else.
    section = _find_global(live)
    want(SIP, "global" if section is None else section.name, "endpoint_identifier_order", IDENTIFIER_ORDER,
         "a request with Replaces would take over a talk, and a caller with a phone's number would be the phone")
    # 3. AMI and CEL.
    want("manager.conf", "general", "enabled", "yes", "the node speaks to Asterisk by AMI", ("true", "1", "on"))
    want("cel.conf", "general", "enable", "yes", "the node reads what happened while it was away", ("true", "1", "on"))
    events = _operator_value(live, "cel.conf", "general", "events")
    wanted = re.findall(r"^events=(.*)$", render_files(plan)["cel.conf"], re.MULTILINE)[0].split(",")
    there = [one.strip().upper() for one in events.split(",") if one.strip()]
    if "ALL" not in there and (lacking := [one for one in wanted if one not in there]):
        found.append(GlobalChange("cel.conf", "general", "events", events, ",".join([*there, *lacking]),
                                  "the node reads these events"))
    want("cel.conf", "general", "dateformat", "%s.%6q", "the node reads times as Unix seconds")
    # 4. Pages and metrics.
    if plan.pages or plan.metrics:
        want("http.conf", "general", "enabled", "yes", "pages and metrics", ("true", "1", "on"))
        want("http.conf", "general", "bindaddr", plan.http.host, "pages and metrics, on this machine only")
        want("http.conf", "general", "bindport", str(plan.http.port), "pages and metrics")
    if plan.pages:
        want("rtp.conf", "general", "icesupport", "yes", "sound of pages", ("true", "1", "on"))
        want("http.conf", "general", "sessionlimit", str(plan.pages.most_sessions), "one connection for each page")
    return found


def _operator_values(live: LiveFolder, file: str, section: str, key: str) -> list[str]:
    """Return the values of a key that come from the operator's files, not from Santral's fragments."""
    return [entry.value for one in live.read_sections(file) if one.name == section
            for entry in one.entries if entry.name == key and not entry.file.startswith(OWN)]


def _operator_value(live: LiveFolder, file: str, section: str, key: str) -> str:
    return ["", *_operator_values(live, file, section, key)][-1]


def _has_section(live: LiveFolder, file: str, name: str) -> bool:
    return any(one.name == name and not one.file.startswith(OWN) for one in live.read_sections(file))


def _split_sections(text: str) -> list[tuple[str, str]]:
    """Return the parts of a rendered file: name of the section (empty before the first), and text with its header."""
    parts: list[tuple[str, str]] = []
    name, lines = "", list[str]()
    for line in text.splitlines():
        if line.startswith("["):
            parts.append((name, "\n".join(lines)))
            name, lines = line[1:line.index("]")], []
        lines.append(line)
    return [*parts, (name, "\n".join(lines))]


def _drop_sections(name: str, text: str) -> str:
    # The operator's lines are in the operator's files here, so the fragments have no hook.
    text = text.partition(HOOK_NOTE)[0]
    kept = [part for section, part in _split_sections(text) if section not in DROPPED[name]]
    return "\n".join(kept).rstrip() + "\n"


def _lines_of(text: str, wanted: str) -> list[str]:
    return [line for section, part in _split_sections(text) if section == wanted
            for line in part.splitlines() if line and not line.startswith(("[", ";", "#"))]
