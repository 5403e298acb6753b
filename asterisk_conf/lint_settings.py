"""Check the rules of all files but the dialplan."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping

from asterisk_conf import module_lists
from asterisk_conf.conf_plan import ACTIONS_USER, CALLBACK_ENDPOINT, EVENTS_USER, SECRET_MIN, most_channels
from asterisk_conf.flat_reader import Finding, Section
from asterisk_conf.lint_pages import has_pages

Files = Mapping[str, list[Section]]

CLASSES = {
    EVENTS_USER: ({"system", "call"}, {"reporting"}),
    ACTIONS_USER: (set[str](), {"call", "originate", "reporting", "agent"}),
}
"""Exact classes of read and write of each AMI user."""

WRITE_TIMEOUT_MS = 5000
"""Shortest write timeout. The default of 100 ms cuts a slow reader off in the middle of an event."""

PERSONAL = ("CALLERID", "callerid", "CDR(", "${EXTEN", "appdata", "userfield", "channame", "peer")
"""Fields of a CEL record that are, or may contain, a number or a name."""

TALKATIVE = ("notice", "verbose", "debug", "dtmf", "*")
"""Log levels with callers' numbers and keys. A notice quotes the name that a stranger chose, with its line ends."""

PACKETS = "1"
"""PJSIP's level of errors. "Error processing ... bytes packet" prints the packet (sip_endpoint.c, sip_transport.c)."""
SHOWN = {"asterisk_error": PACKETS, "asterisk_warning": "", "asterisk_notice": "", "asterisk_verbose": ""}
"""Targets of PJSIP's levels, with the levels by default (res_pjproject.c: error is 0 and 1)."""


def check_manager(files: Files) -> list[Finding]:
    """Return findings on AMI: loopback only, two users, no more rights than each needs."""
    return list(_check_manager_users(files.get("manager.conf", [])))


def _check_manager_users(sections: list[Section]) -> Iterator[Finding]:
    name = "manager.conf"
    users = {section.name for section in sections}
    for missing in CLASSES.keys() - users if sections else ():
        yield Finding(name, 0, f"no user {missing}", "the node logs in with it")
    # 1. The listener of AMI itself.
    for section in sections:
        if section.name == "general":
            if not _is_loopback(section.value_of("bindaddr")):
                yield Finding(name, section.line, f"bindaddr is {section.value_of('bindaddr') or 'everybody'}",
                              "bindaddr=127.0.0.1; over a network only through a tunnel")  # fmt: skip
            if section.value_of("webenabled", "no") != "no":
                yield Finding(name, section.line, "AMI over HTTP is on", "webenabled=no")
            continue
    # 2. The two users of the node, and nobody else.
        if section.name not in CLASSES:
            yield Finding(name, section.line, f"user {section.name} is not Santral's", "operators' users elsewhere")
            continue
        for way, wanted in zip(("read", "write"), CLASSES[section.name], strict=True):
            # Fewer rights would break the node, and more would help an intruder.
            has = {word.strip() for word in section.value_of(way).split(",") if word.strip()}
            if has != wanted:
                yield Finding(name, section.line, f"{section.name}: {way} = {','.join(sorted(has)) or 'nothing'}",
                              f"exactly {','.join(sorted(wanted)) or 'nothing'}")  # fmt: skip
        yield from _check_secret(name, section, "secret")
        if not section.value_of("deny") or not section.value_of("permit"):
            yield Finding(name, section.line, f"{section.name}: no deny/permit", "deny all, permit 127.0.0.1")
        timeout = section.value_of("writetimeout", "100")
        if not timeout.isdigit() or int(timeout) < WRITE_TIMEOUT_MS:
            yield Finding(name, section.line, f"{section.name}: writetimeout {timeout}", f"at least {WRITE_TIMEOUT_MS}")
            # Without filters the node would hear 163 events in a call instead of 20.
        if section.name == EVENTS_USER and not any(e.name.startswith("eventfilter(") for e in section.entries):
            yield Finding(name, section.line, f"{section.name}: no eventfilter", "one line an event that is needed")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_secret(name: str, section: Section, key: str) -> Iterator[Finding]:
    secret = section.value_of(key)
    if len(secret) < SECRET_MIN or secret.isdigit() or secret == section.name:
        yield Finding(name, section.line, f"[{section.name}] has a weak {key}",
                      f"random, at least {SECRET_MIN} characters, not digits alone")  # fmt: skip


def check_sip(files: Files) -> list[Finding]:
    """Return findings on SIP: the trunk by its address, the phones by a secret, nobody else."""
    return list(_check_sip_sections(files.get("pjsip.conf", [])))


def _check_sip_sections(sections: list[Section]) -> Iterator[Finding]:
    name = "pjsip.conf"
    identified = {section.value_of("endpoint") for section in sections if section.value_of("type") == "identify"}
    # 1. Each section by its type.
    outgoing = {section.value_of("outbound_auth") for section in sections}
    for section in sections:
        kind = section.value_of("type")
        if kind == "endpoint":
            yield from _check_endpoint(name, section, identified)
        # The secret of an outbound login belongs to the carrier, who chose it.
        elif kind == "auth" and section.name not in outgoing:
            yield from _check_secret(name, section, "password")
        elif kind == "aor" and section.value_of("max_contacts") not in ("", "0", "1"):
            yield Finding(name, section.line, f"[{section.name}] takes several phones", "max_contacts=1")
        elif kind == "identify":
            for entry in section.entries_of("match"):
                if entry.value.endswith("/0"):
                    yield Finding(name, entry.line, f"match {entry.value} is everybody", "the carrier's addresses only")
        elif kind == "global" and section.value_of("endpoint_identifier_order") != "header,ip,username":
            yield Finding(name, section.line, "endpoint_identifier_order",
                          "header,ip,username: Replaces is turned away, a caller with a phone's number is a caller")
    # 2. A request that no single section refuses.
    if sections and not _is_replaces_blocked(sections):
        yield Finding(name, 0, "an INVITE with Replaces takes over somebody else's talk",
                      "[replaces] with deny=0.0.0.0/0.0.0.0, and an identify with match_header=Replaces: /./ for it")


def _is_replaces_blocked(sections: list[Section]) -> bool:
    """Return whether a request with Replaces belongs to an endpoint that nobody may be."""
    led = {section.value_of("endpoint") for section in sections if section.value_of("match_header") == "Replaces: /./"}
    return any(section.name in led and section.value_of("deny") == "0.0.0.0/0.0.0.0" for section in sections
               if section.value_of("type") == "endpoint")


ENDPOINT = {"trust_id_inbound": "no", "direct_media": "no", "allow_transfer": "no"}
"""Settings that every endpoint must have. A seat may transfer by its key."""


def _check_endpoint(name: str, section: Section, identified: set[str]) -> Iterator[Finding]:
    # 1. Settings of every endpoint.
    if section.name == "anonymous":
        yield Finding(name, section.line, "an anonymous endpoint", "take it out: strangers get nothing")
    for key, value in ENDPOINT.items():
        if section.value_of(key) != value and not (key == "allow_transfer" and section.value_of("auth")):
            yield Finding(name, section.line, f"[{section.name}] without {key}={value}", f"{key}={value}")
    if not section.value_of("callerid").endswith("<0>"):
        yield Finding(name, section.line, f"[{section.name}] has no fixed callerid", 'callerid="..." <0>')
    # The node's own 302 leads a callback to the caller, which keeps the number out of Asterisk's events.
    if section.value_of("redirect_method", "user") != "user" and section.name != CALLBACK_ENDPOINT:
        yield Finding(name, section.line, f"[{section.name}] follows redirects", "redirect_method=user")
    # 2. A 302 of a called phone must lead nowhere.
    outward = section.value_of("identify_by") == "ip" and section.name not in identified
    called = section.value_of("auth") or (outward and section.value_of("aors"))
    if called and not any(entry.value == "FORWARD_CONTEXT=santral-nowhere" for entry in section.entries_of("set_var")):
        yield Finding(name, section.line, f"[{section.name}] may pass an offer on",
                      "set_var=FORWARD_CONTEXT=santral-nowhere")  # fmt: skip
    # 3. The identity. An endpoint that nobody can be needs none.
    if section.value_of("deny") == "0.0.0.0/0.0.0.0":
        return
    if section.value_of("auth"):
        if section.value_of("context") != "santral-seat":
            yield Finding(name, section.line, f"[{section.name}] may dial more than codes", "context=santral-seat")
        return
        # The endpoint is only called, and nobody can be it.
    if outward and section.value_of("context") == "santral-nowhere":
        return
    if section.value_of("identify_by") != "ip" or outward:
        yield Finding(name, section.line, f"[{section.name}] has no secret and no address",
                      "auth=..., or identify_by=ip with an identify section")  # fmt: skip


def check_modules(files: Files) -> list[Finding]:
    """Return findings on modules: denied ones that are loaded, and a deny list that is not complete."""
    name, findings = "modules.conf", []
    denied = module_lists.list_denied(has_pages(files))
    entries = [entry for section in files.get(name, []) for entry in section.entries]
    # An operator may switch autoload on, so the denied modules must be named.
    kept_out = {entry.value for entry in entries if entry.name == "noload"}
    if name in files:
        findings = [Finding(name, 0, f"{module} is not kept out", f"noload => {module} ({why})")
                    for module, why in denied.items() if module not in kept_out]  # fmt: skip
    return findings + [
        Finding(name, entry.line, f"{entry.value} is loaded", denied[entry.value])
        for entry in entries if entry.name in ("load", "require", "preload") and entry.value in denied
    ]  # fmt: skip


def check_privacy(files: Files) -> list[Finding]:
    """Return findings on privacy: numbers, names or keys of callers in the CEL file or in a log."""
    findings = []
    # 1. The CEL file, which the node reads after a lost link.
    for section in files.get("cel_custom.conf", []):
        for entry in section.entries:
            for word in PERSONAL:
                if word in entry.value:
                    findings.append(Finding("cel_custom.conf", entry.line, f"the CEL file would hold {word}",
                                            "ids, event and time only"))
    # 2. Asterisk's own logs.
    for section in files.get("logger.conf", []):
        for entry in section.entries if section.name == "logfiles" else ():
            levels = {level.strip().partition("(")[0] for level in entry.value.split(",")}
            for level in sorted(levels.intersection(TALKATIVE)):
                findings.append(Finding("logger.conf", entry.line, f"{entry.name} logs {level}",
                                        "warning,error: the others hold numbers and keys"))
    # 3. The SIP library, which prints packets that it does not understand.
    if "pjproject.conf" in files:
        mapped = next((section for section in files["pjproject.conf"] if section.name == "log_mappings"), None)
        if mapped is None or any(PACKETS in (mapped.value_of(level) or default) for level, default in SHOWN.items()):
            findings.append(Finding("pjproject.conf", mapped.line if mapped else 0,
                                    "the SIP library prints the packets it does not understand into the log",
                                    f"[log_mappings] with level {PACKETS} in asterisk_debug only"))
    return findings


def check_web_server(files: Files) -> list[Finding]:
    """Return findings on Asterisk's web server: it is off, or serves metrics and pages to this machine only."""
    name = "http.conf"
    for section in files.get(name, []):
        on = section.name == "general" and section.value_of("enabled", "no") != "no"
        if on and not _is_loopback(section.value_of("bindaddr")):
            return [Finding(name, section.line, f"the web server answers {section.value_of('bindaddr') or 'everybody'}",
                            "bindaddr=127.0.0.1, or enabled=no")]
        if on and section.value_of("tlsenable", "no") != "no":
            return [Finding(name, section.line, "the web server has a second door (tlsenable)", "tlsenable=no")]
    return []


SWITCHES = (
    ("asterisk.conf", "options", "live_dangerously", "no"),
    ("http.conf", "general", "enablestatic", "no"),
    ("http.conf", "general", "enable_status", "no"),
    ("cdr.conf", "general", "enable", "no"),
    ("rtp.conf", "general", "strictrtp", "yes"),
    ("logger.conf", "general", "queue_log", "no"),
    ("say.conf", "general", "mode", "new"),
    ("cel.conf", "general", "enable", "yes"),
)
"""File, section, name and value of single settings."""


def check_switches(files: Files) -> list[Finding]:
    """Return findings on single settings with one allowed value."""
    findings = []
        # The operator's asterisk.conf is not rendered, so it may be absent.
    for name, section, key, value in SWITCHES:
        if name not in files:
            continue
        found = next((part for part in files[name] if part.name == section), None)
        if found is None or found.value_of(key) != value:
            findings.append(Finding(name, found.line if found else 0, f"[{section}] without {key}={value}",
                                    f"{key}={value}"))
    return findings


_TOTAL = re.compile(r"GROUP_COUNT\(all@lines\)\}>([0-9]+)\]")


def check_max_calls(files: Files) -> list[Finding]:
    """Return a finding if the operator's `maxcalls` is missing, or refuses calls for which there are lines.

    Asterisk counts agents' legs as calls too, so each phone may need two of them. Calls that are just being refused
    count as well.
    """
    name, dialplan = "asterisk.conf", files.get("extensions.conf", [])
    totals = [int(found[1]) for section in dialplan for entry in section.entries
              if (found := _TOTAL.search(entry.value))]
    if name not in files or not totals:
        return []
    seats = sum(section.value_of("type") == "endpoint" and bool(section.value_of("auth"))
                for section in files.get("pjsip.conf", []))
    least = most_channels(totals[0], seats)
    options = next((section for section in files[name] if section.name == "options"), None)
    has = "" if options is None else options.value_of("maxcalls")
    if has.isdigit() and int(has) >= least:
        return []
    return [Finding(name, options.line if options else 0, f"[options] maxcalls = {has or 'no limit'}",
                    f"maxcalls = {least} or more: {totals[0]} lines, two legs for each of {seats} phones, and "
                    "calls that are just being refused")]
