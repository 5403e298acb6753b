"""Check a live configuration with all its includes: what Santral needs is in force, in the section it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from asterisk_conf import lint_dialplan, lint_settings
from asterisk_conf.existing.fragments import DROPPED, KEPT_OUT, MODULES, SIP, Fragment
from asterisk_conf.existing.live_reader import OWN, LiveFolder, LiveSection
from asterisk_conf.flat_reader import Entry, Finding, Section
from asterisk_conf.in_call_keys import InCallKey
from asterisk_conf.module_lists import NEEDED

FILES = tuple(dict.fromkeys((*DROPPED, MODULES, "features.conf", "cel.conf", "logger.conf", "rtp.conf", "http.conf")))
"""Files of Asterisk that are read. `say.conf`, `cdr.conf` and others stay the operator's."""
SHARED = frozenset({"general", "globals", "default", "logfiles", "mappings", "applicationmap", "featuremap", "modules",
                    "global", "ice_host_candidates"})
"""Sections that Asterisk has once, whoever writes into them."""
LOCAL = "local/"
"""Folder of the operator's own files, which the rendered ones include at their end."""
TRUE = ("yes", "true", "1", "on")


def find_conflicts(fragments: Sequence[Fragment], live: LiveFolder, ami_port: int) -> list[Finding]:
    """Return findings on names and addresses that the existing work has already."""
    found: list[Finding] = []
    for fragment in fragments:
        ours = {line[1:line.index("]")] for line in fragment.text.splitlines() if line.startswith("[")} - SHARED
        for section in live.read_sections(fragment.file):
            if section.name in ours and not section.file.startswith(OWN):
                found.append(Finding(section.file, section.line, f"[{section.name}] exists already",
                                     'rename it, or give Santral\'s seats another begin: [seats] prefix = "sc-"'))
    # The carrier belongs to one endpoint: Asterisk takes the first match that it finds.
    ours = {line.partition("=")[2] for one in fragments if one.file == SIP for line in one.text.splitlines()
            if line.startswith("match=")}
    for section in live.read_sections(SIP):
        for entry in section.entries:
            if section.value_of("type") == "identify" and entry.name == "match" and entry.value in ours \
                    and not entry.file.startswith(OWN):
                found.append(Finding(entry.file, entry.line, f"{entry.value} belongs to [{section.name}] already",
                                     "the carrier's address may stand in [trunk] match of the centre only"))
    found += _check_manager(live, ami_port)
    found += _check_kept_out(live)
    return sorted(set(found))


def lint_live(live: LiveFolder, keys: Sequence[InCallKey]) -> list[Finding]:
    """Return all findings on a live configuration."""
    found: list[Finding] = []
    everything = {name: live.read_sections(name) for name in FILES}
    # 1. Files that are named and not there: Asterisk refuses the whole file.
    found += [Finding(file, line, f"{wanted} is not there", "make the file, or use #tryinclude")
              for file, line, wanted in sorted(set(live.missing))]
    # 2. Lines in a section that they do not belong to.
    for name, sections in everything.items():
        found += _check_sections(name, sections)
    # 3. The parts that Santral cannot do without.
    if not any(section.name == "santral-in" for section in everything["extensions.conf"]):
        found.append(Finding("extensions.conf", 0, "nothing of Santral is included",
                             "santral asterisk-conf CENTRE --existing DIR"))
        return sorted(set(found))
    active = {entry.name for section in everything["features.conf"] if section.name == "applicationmap"
              for entry in section.entries}
    if dead := [key.feature for key in keys if key.feature not in active]:
        found.append(Finding("features.conf", 0, f"{len(dead)} of {len(keys)} keys of a talk are dead, as {dead[0]}",
                             "include santral/features_applicationmap.conf in [applicationmap]"))
    found += [*_check_kept_out(live), *_check_loaded(live)]
    # 4. The rules on Santral's own parts.
    found += _check_rules(everything)
    return sorted(set(found))


def lint_logs(live: LiveFolder) -> list[Finding]:
    """Return findings on logs of the existing work that hold numbers and keys of callers, Santral's too."""
    return lint_settings.check_privacy({"logger.conf": [
        Section(one.name, one.line, tuple(Entry(entry.name, entry.value, entry.line) for entry in one.entries))
        for one in live.read_sections("logger.conf")]})


def _check_sections(name: str, sections: Sequence[LiveSection]) -> Iterator[Finding]:
    seen: dict[str, LiveSection] = {}
    for section in sections:
        ours = section.file.startswith(OWN)
        # 1. A fragment in another section than its own. Its lines would mean something else there.
        for entry in section.entries:
            fragment = entry.file.startswith(OWN)
            wanted = _section_of(entry.file) if fragment else ""
            if fragment and wanted and section.name != wanted:
                yield Finding(entry.file, entry.line, f"{entry.name} falls into [{section.name}] of {section.file}",
                              f"include {entry.file} in [{wanted}] of {name}")
            elif fragment and not wanted and not ours:
                yield Finding(entry.file, entry.line, f"{entry.name} falls into [{section.name}] of {section.file}",
                              f"include {entry.file} at the end of {name}")
            elif ours and not fragment and section.name not in SHARED:
                yield Finding(entry.file, entry.line, f"{entry.name} falls into Santral's [{section.name}]",
                              f"put the include of {section.file} behind this line, or before the next section")
            elif entry.file.startswith(LOCAL) and section.file != entry.file and section.name not in SHARED:
                yield Finding(entry.file, entry.line, f"{entry.name} falls into [{section.name}] of {section.file}",
                              f"begin {entry.file} with the [section] of this line")
        # 2. A line for modules.conf that stands elsewhere does nothing.
            if name == MODULES and entry.name in ("load", "noload", "preload", "require") \
                    and section.name != "modules" and not fragment:
                yield Finding(entry.file, entry.line, f"{entry.name} => {entry.value} stands in [{section.name}]",
                              "put it into [modules]: it does nothing elsewhere")
        # 3. One name, two meanings.
        known = seen.setdefault(section.name, section)
        if name == "extensions.conf" and known is not section and section.name not in SHARED \
                and known.file.startswith(OWN) != ours:
            yield Finding(section.file, section.line, f"[{section.name}] is Santral's and the operator's",
                          f"take one out; the other is at {known.file}:{known.line}")


def _section_of(file: str) -> str:
    """Return the section of a fragment that has lines only, such as `modules` of `santral/modules_modules.conf`."""
    stem = PurePosixPath(file).stem
    return next((stem.removeprefix(f"{name.removesuffix('.conf')}_") for name in FILES
                 if stem.startswith(f"{name.removesuffix('.conf')}_") and f"{stem}.conf" not in FILES), "")


def _check_manager(live: LiveFolder, port: int) -> Iterator[Finding]:
    general = next((one for one in live.read_sections("manager.conf") if one.name == "general"), None)
    if general is not None and (there := general.value_of("port", "5038")) != str(port):
        yield Finding(general.file, general.line, f"AMI listens at port {there}, and the node asks at {port}",
                      f'[asterisk] ami = "127.0.0.1:{there}"')


def _check_kept_out(live: LiveFolder) -> Iterator[Finding]:
    """Yield needed modules that the operator keeps out. A noload line is stronger than any load line."""
    kept_out = {entry.value: entry for one in live.read_sections(MODULES) if one.name == "modules"
                for entry in one.entries if entry.name == "noload"}
    for module in NEEDED:
        if module in kept_out:
            yield Finding(kept_out[module].file, kept_out[module].line, f"{module} is kept out, and Santral needs it",
                          "take the noload line out")


def _check_loaded(live: LiveFolder) -> Iterator[Finding]:
    """Yield needed modules that nothing loads."""
    sections = [one for one in live.read_sections(MODULES) if one.name == "modules"]
    loads = {entry.value for one in sections for entry in one.entries if entry.name in ("load", "preload", "require")}
    autoload = any(one.value_of("autoload").lower() in TRUE for one in sections)
    for module in NEEDED:
        if not autoload and module not in loads:
            yield Finding(MODULES, 0, f"{module} is not loaded", f"load => {module} in [modules]")


def _check_rules(everything: dict[str, list[LiveSection]]) -> list[Finding]:
    """Return findings of the rules on rendered files, for Santral's own sections."""
    shared = any(section.file.startswith(OWN) for sections in everything.values() for section in sections)
    flat = {name: [Section(one.name, one.line, tuple(Entry(entry.name, entry.value, entry.line)
                                                     for entry in one.entries))
                   for one in sections if not shared or one.file.startswith(OWN)]
            for name, sections in everything.items()}
    found = lint_dialplan.check_dialplan(flat)
    # The operator's users of AMI and phones keep other rules.
    out = {entry.value for one in everything[MODULES] if one.name == "modules" for entry in one.entries
           if entry.name == "noload"}
    found += [Finding(MODULES, 0, f"{module} is not kept out: {why}", f"noload => {module} in [modules]")
              for module, why in KEPT_OUT.items() if module not in out]
    place = f"{OWN}" if shared else ""
    return [one._replace(file=f"{place}{one.file}") if one.file in ("extensions.conf",) else one for one in found]
