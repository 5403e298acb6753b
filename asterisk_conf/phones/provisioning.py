"""Write the provisioning files of agents' phones: Yealink (text) and Grandstream (XML).

The keys come from the makers' manuals. No file was tried on a real phone of these makers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from asterisk_conf.conf_plan import PHONE_EXPIRATION_S

UNTRIED = "Rendered by santral phones from the maker's manual; not tried on a real phone."
YEALINK_CODECS = {"alaw": "pcma", "ulaw": "pcmu", "g722": "g722", "opus": "opus"}
GRANDSTREAM_CODECS = {"ulaw": "0", "alaw": "8", "g722": "9", "opus": "123"}
GRANDSTREAM_CHOICES = ("P57", "P58", "P59", "P60")
"""Keys of the preferred codecs, in order."""
_MAC = re.compile(r"[0-9a-f]{12}\Z")


class BadAddress(ValueError):
    """A line of the file of hardware addresses is wrong. The text names the line."""


class PhoneAccount(NamedTuple):
    """SIP account of a seat."""

    seat: str
    secret: str
    server: str
    port: int
    codecs: tuple[str, ...]


def read_macs(text: str, seats: Iterable[str]) -> dict[str, str]:
    """Return the hardware address of each seat's phone, from lines `seat,address`. Raise BadAddress."""
    known, found = set(seats), dict[str, str]()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        seat, _, address = (part.strip() for part in line.partition(","))
        mac = re.sub(r"[:.\-]", "", address.lower())
        if seat not in known or not _MAC.match(mac):
            raise BadAddress(f"line {number}: seat,address with a seat of [seats] and 12 hexadecimal digits, as in "
                             "2001,00:15:65:aa:bb:cc")
        if mac in found.values() or seat in found:
            raise BadAddress(f"line {number}: seat {seat} or its address is there twice")
        found[seat] = mac
    return found


def render_yealink(account: PhoneAccount) -> str:
    """Return the file of a Yealink phone: one account, no call waiting, answer by the node's Call-Info header."""
    lines = [
        "#!version:1.0.0.1", f"## {UNTRIED}", "account.1.enable = 1", f"account.1.label = {account.seat}",
        f"account.1.display_name = {account.seat}", f"account.1.user_name = {account.seat}",
        f"account.1.auth_name = {account.seat}", f"account.1.password = {account.secret}",
        f"account.1.sip_server.1.address = {account.server}", f"account.1.sip_server.1.port = {account.port}",
        "account.1.sip_server.1.transport_type = 0", f"account.1.sip_server.1.expires = {PHONE_EXPIRATION_S}",
        "account.1.dtmf.type = 1", "call_waiting.enable = 0", "features.intercom.allow = 1",
        "features.missed_call_popup.enable = 0", "phone_setting.redial_by_handset = 0"]
    for codec, name in YEALINK_CODECS.items():
        wanted = codec in account.codecs
        lines.append(f"account.1.codec.{name}.enable = {int(wanted)}")
        if wanted:
            lines.append(f"account.1.codec.{name}.priority = {account.codecs.index(codec) + 1}")
    return "\n".join(lines) + "\n"


def render_grandstream(account: PhoneAccount, mac: str) -> str:
    """Return the file of a Grandstream phone: one account, no call waiting, answer by Call-Info."""
    values = {
        "P271": "1", "P270": account.seat, "P47": f"{account.server}:{account.port}", "P35": account.seat,
        "P36": account.seat, "P34": account.secret, "P3": account.seat, "P130": "0",
        "P32": str(PHONE_EXPIRATION_S // 60), "P91": "1", "P298": "1"}
    known = [GRANDSTREAM_CODECS[codec] for codec in account.codecs if codec in GRANDSTREAM_CODECS]
    values |= dict(zip(GRANDSTREAM_CHOICES, known, strict=False))
    rows = "".join(f"    <{key}>{escape(value)}</{key}>\n" for key, value in values.items())
    address = f"  <mac>{mac}</mac>\n" if mac else ""
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- {UNTRIED} -->\n<gs_provision version="1">\n{address}'
            f'  <config version="1">\n{rows}  </config>\n</gs_provision>\n')


def render_phones(accounts: Sequence[PhoneAccount], macs: Mapping[str, str]) -> dict[str, str]:
    """Return all provisioning files by name. A phone without a known address has its seat in the name."""
    files = {}
    for account in accounts:
        mac = macs.get(account.seat, "")
        files[f"yealink/{mac or account.seat}.cfg"] = render_yealink(account)
        files[f"grandstream/cfg{mac or account.seat}.xml"] = render_grandstream(account, mac)
    return files
