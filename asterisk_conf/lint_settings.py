"""Rules of everything but the dialplan."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from asterisk_conf import modules
from asterisk_conf.flat import Finding, Section
from asterisk_conf.plan import ACTIONS_USER, CALLBACK_ENDPOINT, EVENTS_USER, NET_QUEUE, SECRET_MIN

Files = Mapping[str, list[Section]]

CLASSES = {
    EVENTS_USER: ({"system", "call"}, {"reporting"}),
    ACTIONS_USER: (set[str](), {"call", "originate", "reporting"}),
}
"""AMI user -> exactly these classes of read and write."""

WRITE_TIMEOUT_MS = 5000
"""The default of 100 ms cuts a slow reader off in the middle of an event."""

PERSONAL = ("CALLERID", "callerid", "CDR(", "${EXTEN", "appdata", "userfield", "channame", "peer")
"""Fields of a CEL record that are, or may hold, a number or a name."""

TALKATIVE = ("notice", "verbose", "debug", "dtmf", "*")
"""Levels of the log with callers' numbers and keys; a notice quotes what a stranger called himself, line ends too."""

PACKETS = "1"
"""PJSIP's level of errors: "Error processing ... bytes packet", with the packet (sip_endpoint.c, sip_transport.c)."""
SHOWN = {"asterisk_error": PACKETS, "asterisk_warning": "", "asterisk_notice": "", "asterisk_verbose": ""}
"""Where a level of PJSIP would be seen, and whether it is when nothing is said (res_pjproject.c: error is 0 and 1)."""


def manager(files: Files) -> list[Finding]:
    """AMI: loopback, two users, no more than each needs."""
    return list(_manager(files.get("manager.conf", [])))


def _manager(sections: list[Section]) -> Iterator[Finding]:
    name = "manager.conf"
    users = {section.name for section in sections}
    for missing in CLASSES.keys() - users if sections else ():
        yield Finding(name, 0, f"no user {missing}", "the node logs in with it")
    for section in sections:
        if section.name == "general":
            if not _loopback(section.get("bindaddr")):
                yield Finding(name, section.line, f"bindaddr is {section.get('bindaddr') or 'everybody'}",
                              "bindaddr=127.0.0.1; over a network only through a tunnel")  # fmt: skip
            if section.get("webenabled", "no") != "no":
                yield Finding(name, section.line, "AMI over HTTP is on", "webenabled=no")
            continue
        if section.name not in CLASSES:
            yield Finding(name, section.line, f"user {section.name} is not Santral's", "operators' users elsewhere")
            continue
        for way, wanted in zip(("read", "write"), CLASSES[section.name], strict=True):
            has = {word.strip() for word in section.get(way).split(",") if word.strip()}
            if has != wanted:
                yield Finding(name, section.line, f"{section.name}: {way} = {','.join(sorted(has)) or 'nothing'}",
                              f"exactly {','.join(sorted(wanted)) or 'nothing'}")  # fmt: skip
        yield from _secret(name, section, "secret")
        if not section.get("deny") or not section.get("permit"):
            yield Finding(name, section.line, f"{section.name}: no deny/permit", "deny all, permit 127.0.0.1")
        timeout = section.get("writetimeout", "100")
        if not timeout.isdigit() or int(timeout) < WRITE_TIMEOUT_MS:
            yield Finding(name, section.line, f"{section.name}: writetimeout {timeout}", f"at least {WRITE_TIMEOUT_MS}")
        if section.name == EVENTS_USER and not any(e.name.startswith("eventfilter(") for e in section.entries):
            yield Finding(name, section.line, f"{section.name}: no eventfilter", "one line an event that is needed")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _secret(name: str, section: Section, key: str) -> Iterator[Finding]:
    secret = section.get(key)
    if len(secret) < SECRET_MIN or secret.isdigit() or secret == section.name:
        yield Finding(name, section.line, f"[{section.name}] has a weak {key}",
                      f"random, at least {SECRET_MIN} characters, not digits alone")  # fmt: skip


def sip(files: Files) -> list[Finding]:
    """The trunk by address, the phones by secret, nobody else."""
    return list(_sip(files.get("pjsip.conf", [])))


def _sip(sections: list[Section]) -> Iterator[Finding]:
    name = "pjsip.conf"
    identified = {section.get("endpoint") for section in sections if section.get("type") == "identify"}
    outgoing = {section.get("outbound_auth") for section in sections}
    for section in sections:
        kind = section.get("type")
        if kind == "endpoint":
            yield from _endpoint(name, section, identified)
        elif kind == "auth" and section.name not in outgoing:
            yield from _secret(name, section, "password")
        elif kind == "aor" and section.get("max_contacts") not in ("", "0", "1"):
            yield Finding(name, section.line, f"[{section.name}] takes several phones", "max_contacts=1")
        elif kind == "identify":
            for entry in section.all("match"):
                if entry.value.endswith("/0"):
                    yield Finding(name, entry.line, f"match {entry.value} is everybody", "the carrier's addresses only")
        elif kind == "global" and section.get("endpoint_identifier_order") != "header,ip,username":
            yield Finding(name, section.line, "endpoint_identifier_order",
                          "header,ip,username: Replaces is turned away, a caller with a phone's number is a caller")
    if sections and not _replaces_is_nobodys(sections):
        yield Finding(name, 0, "an INVITE with Replaces takes over somebody else's talk",
                      "[replaces] with deny=0.0.0.0/0.0.0.0, and an identify with match_header=Replaces: /./ for it")


def _replaces_is_nobodys(sections: list[Section]) -> bool:
    """Such a request belongs to an endpoint that nobody may be."""
    led = {section.get("endpoint") for section in sections if section.get("match_header") == "Replaces: /./"}
    return any(section.name in led and section.get("deny") == "0.0.0.0/0.0.0.0" for section in sections
               if section.get("type") == "endpoint")


ENDPOINT = {"trust_id_inbound": "no", "direct_media": "no", "allow_transfer": "no"}
"""What every endpoint must say; a seat has a transfer key."""


def _endpoint(name: str, section: Section, identified: set[str]) -> Iterator[Finding]:
    if section.name == "anonymous":
        yield Finding(name, section.line, "an anonymous endpoint", "take it out: strangers get nothing")
    for key, value in ENDPOINT.items():
        if section.get(key) != value and not (key == "allow_transfer" and section.get("auth")):
            yield Finding(name, section.line, f"[{section.name}] without {key}={value}", f"{key}={value}")
    if not section.get("callerid").endswith("<0>"):
        yield Finding(name, section.line, f"[{section.name}] has no fixed callerid", 'callerid="..." <0>')
    # Callers are called back through the node's own 302, which keeps their numbers out of Asterisk's events.
    if section.get("redirect_method", "user") != "user" and section.name != CALLBACK_ENDPOINT:
        yield Finding(name, section.line, f"[{section.name}] follows redirects", "redirect_method=user")
    outward = section.get("identify_by") == "ip" and section.name not in identified
    called = section.get("auth") or (outward and section.get("aors"))
    if called and not any(entry.value == "FORWARD_CONTEXT=santral-nowhere" for entry in section.all("set_var")):
        yield Finding(name, section.line, f"[{section.name}] may pass an offer on",
                      "set_var=FORWARD_CONTEXT=santral-nowhere")  # fmt: skip
    if section.get("deny") == "0.0.0.0/0.0.0.0":
        return  # nobody may be it
    if section.get("auth"):
        if section.get("context") != "santral-seat":
            yield Finding(name, section.line, f"[{section.name}] may dial more than codes", "context=santral-seat")
        return
    if outward and section.get("context") == "santral-nowhere":
        return  # is called, and nobody can be it
    if section.get("identify_by") != "ip" or outward:
        yield Finding(name, section.line, f"[{section.name}] has no secret and no address",
                      "auth=..., or identify_by=ip with an identify section")  # fmt: skip


def module_list(files: Files) -> list[Finding]:
    """Nothing that is denied is loaded, and the deny list stands there."""
    name, findings = "modules.conf", []
    entries = [entry for section in files.get(name, []) for entry in section.entries]
    kept_out = {entry.value for entry in entries if entry.name == "noload"}
    if name in files:
        findings = [Finding(name, 0, f"{module} is not kept out", f"noload => {module} ({why})")
                    for module, why in modules.DENIED.items() if module not in kept_out]  # fmt: skip
    return findings + [
        Finding(name, entry.line, f"{entry.value} is loaded", modules.DENIED[entry.value])
        for entry in entries if entry.name in ("load", "require", "preload") and entry.value in modules.DENIED
    ]  # fmt: skip


def privacy(files: Files) -> list[Finding]:
    """No number, name or key of a caller in the black box or a log."""
    findings = []
    for section in files.get("cel_custom.conf", []):
        for entry in section.entries:
            for word in PERSONAL:
                if word in entry.value:
                    findings.append(Finding("cel_custom.conf", entry.line, f"the black box would hold {word}",
                                            "ids, event and time only"))
    for section in files.get("logger.conf", []):
        for entry in section.entries if section.name == "logfiles" else ():
            levels = {level.strip().partition("(")[0] for level in entry.value.split(",")}
            for level in sorted(levels.intersection(TALKATIVE)):
                findings.append(Finding("logger.conf", entry.line, f"{entry.name} logs {level}",
                                        "warning,error: the others hold numbers and keys"))
    if "pjproject.conf" in files:
        mapped = next((section for section in files["pjproject.conf"] if section.name == "log_mappings"), None)
        if mapped is None or any(PACKETS in (mapped.get(level) or default) for level, default in SHOWN.items()):
            findings.append(Finding("pjproject.conf", mapped.line if mapped else 0,
                                    "the SIP library prints the packets it does not understand into the log",
                                    f"[log_mappings] with level {PACKETS} in asterisk_debug only"))
    return findings


def safety_net(files: Files) -> list[Finding]:
    """app_queue loads only when queues.conf has something; a net with nobody in it is none."""
    name = "queues.conf"
    nets = [section for section in files.get(name, []) if section.name == NET_QUEUE]
    if name in files and not nets:
        return [Finding(name, 0, f"no queue {NET_QUEUE}", "the safety net of the dialplan")]
    return [Finding(name, net.line, "nobody is in the safety net", "net.seats: phones that are always manned")
            for net in nets if not net.all("member")] + [
        Finding(name, net.line, "the safety net rings phones that talk", "ringinuse=no")
        for net in nets if net.get("ringinuse") != "no"]  # fmt: skip


def web_server(files: Files) -> list[Finding]:
    """Asterisk's web server is off, or tells its metrics to this machine."""
    name = "http.conf"
    for section in files.get(name, []):
        on = section.name == "general" and section.get("enabled", "no") != "no"
        if on and not _loopback(section.get("bindaddr")):
            return [Finding(name, section.line, f"the web server answers {section.get('bindaddr') or 'everybody'}",
                            "bindaddr=127.0.0.1, or enabled=no")]
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
"""File, section, name, value."""


def switches(files: Files) -> list[Finding]:
    """Single settings that must be so."""
    findings = []
    for name, section, key, value in SWITCHES:
        if name not in files:
            continue
        found = next((part for part in files[name] if part.name == section), None)
        if found is None or found.get(key) != value:
            findings.append(Finding(name, found.line if found else 0, f"[{section}] without {key}={value}",
                                    f"{key}={value}"))
    return findings
