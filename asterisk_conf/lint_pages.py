"""Check the rules of seats whose phone is a page: who they are, what they need, and what only they may have."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from asterisk_conf import module_lists
from asterisk_conf.conf_plan import CALLBACK_ENDPOINT, RELAY
from asterisk_conf.flat_reader import Finding, Section

Files = Mapping[str, list[Section]]

SIP, MODULES, HTTP, RTP = "pjsip.conf", "modules.conf", "http.conf", "rtp.conf"
ARI = "res_ari"
"""Begin of the names of the modules that command Asterisk over its web server."""


def has_pages(files: Files) -> bool:
    """Return whether an endpoint is a page."""
    return any(_is_page(section) for section in files.get(SIP, []))


def check_pages(files: Files) -> list[Finding]:
    """Return findings on pages, and on a second use of Asterisk's web server."""
    found = [*_check_names(files.get(SIP, [])), *_check_commands(files.get(MODULES, []))]
    return [*found, *_check_carrier(files[SIP]), *_check_needs(files)] if has_pages(files) else found


def _is_page(section: Section) -> bool:
    return section.value_of("type") == "endpoint" and section.value_of("webrtc", "no") == "yes"


def _check_names(sections: list[Section]) -> Iterator[Finding]:
    """Yield endpoints that are a phone and a page, and pages whose sound is not at one address."""
    seen: set[str] = set()
    for section in sections:
        if section.value_of("type") != "endpoint":
            continue
        # 1. Asterisk would take the lines of both sections, in the order of the file.
        if section.name in seen:
            yield Finding(SIP, section.line, f"[{section.name}] is there twice", "one endpoint for a phone or a page")
        seen.add(section.name)
        # 2. The transport tells a phone from a page. Without it a phone could come through the web server.
        if _is_page(section):
            if section.value_of("transport") or section.value_of("auth") == "":
                yield Finding(SIP, section.line, f"[{section.name}] is a phone and a page",
                              "a page has auth=... and no transport; a phone has no webrtc")
            if not _is_for_relay_alone(section):
                yield Finding(SIP, section.line, f"[{section.name}] is a page that any address may speak as",
                              f"deny=0.0.0.0/0.0.0.0, deny=::/0 and permit={RELAY}/255.255.255.255: the secret of a "
                              "page is in a browser")
            if not section.value_of("media_address") or section.value_of("bind_rtp_to_media_address") != "yes":
                yield Finding(SIP, section.line, f"[{section.name}] takes sound at every address",
                              "media_address=... and bind_rtp_to_media_address=yes")
        elif not section.value_of("transport") and section.name != CALLBACK_ENDPOINT:
            yield Finding(SIP, section.line, f"[{section.name}] may come by any transport, as a page does",
                          "name its transport")


def _is_for_relay_alone(section: Section) -> bool:
    """Return whether only the relay's address may speak as this page."""
    denied = {entry.value for entry in section.entries_of("deny")}
    permitted = [entry.value for entry in section.entries_of("permit")]
    return {"0.0.0.0/0.0.0.0", "::/0"} <= denied and permitted == [f"{RELAY}/255.255.255.255"]


def _check_commands(sections: list[Section]) -> Iterator[Finding]:
    """Yield modules of ARI. Each of them is a way to command Asterisk over its web server."""
    for section in sections:
        for entry in section.entries:
            if entry.name in ("load", "require", "preload") and entry.value.startswith(ARI) \
                    and entry.value not in module_lists.DENIED:
                yield Finding(MODULES, entry.line, f"{entry.value} is loaded", module_lists.DENIED["res_ari.so"])


def _check_carrier(sections: list[Section]) -> Iterator[Finding]:
    """Yield addresses of the carrier that hold the relay's. Addresses are looked for before names."""
    for section in sections:
        for entry in section.entries_of("match") if section.value_of("type") == "identify" else ():
            if _holds_relay(entry.value):
                yield Finding(SIP, entry.line, f"match {entry.value} holds {RELAY}, from which pages come: every page "
                              "would be the carrier", "the carrier's own address, or one address with its port")


def _holds_relay(match: str) -> bool:
    try:
        return ipaddress.ip_address(RELAY) in ipaddress.ip_network(match, strict=False)
    # A host name, or one address with a port.
    except ValueError:
        return False


def _check_needs(files: Files) -> Iterator[Finding]:
    """Yield the parts without which a page cannot register or be heard."""
    loaded = {entry.value for section in files.get(MODULES, []) for entry in section.entries if entry.name == "load"}
    for module in module_lists.PAGES if MODULES in files else ():
        if module not in loaded:
            yield Finding(MODULES, 0, f"pages need {module}", f"load => {module}")
    if not any(section.value_of("protocol") == "ws" for section in files[SIP]):
        yield Finding(SIP, 0, "pages have no transport", "[transport-ws] with type=transport and protocol=ws")
    for name, key in ((HTTP, "enabled"), (RTP, "icesupport")):
        general = next((section for section in files.get(name, []) if section.name == "general"), None)
        if name in files and (general is None or general.value_of(key) != "yes"):
            yield Finding(name, general.line if general else 0, f"pages need {key}=yes", f"{key}=yes")
