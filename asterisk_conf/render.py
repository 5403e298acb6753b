"""Plan -> the text of Asterisk's files. Pure and deterministic: the same plan gives the same bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from asterisk_conf import modules, plan, say
from asterisk_conf.plan import Address, Plan

TEMPLATES = Path(__file__).parent / "templates"

ALWAYS = ("acl.conf", "ccss.conf", "cdr.conf", "cel.conf", "cel_custom.conf", "extensions.conf", "features.conf",
          "http.conf", "indications.conf", "logger.conf", "manager.conf", "modules.conf", "musiconhold.conf",
          "pjproject.conf", "pjsip.conf", "prometheus.conf", "queuerules.conf", "queues.conf", "rtp.conf", "say.conf",
          "stasis.conf", "udptl.conf")  # fmt: skip
"""Files of every plan. asterisk.conf is not among them: the operator's stays."""

DIALPLAN = ("general", "menu", "lead", "hold", "callback", "agent", "record", "after_talk", "transfer", "consult",
            "survey", "net", "seat")
"""Parts of extensions.conf, in their order: one file below templates/extensions/ each."""

SECRET_FILES = frozenset({"pjsip.conf", "manager.conf"})
"""They hold secrets: mode 0600."""

EVENTS = ("FullyBooted", "Newchannel", "Newstate", "DialBegin", "DialState", "DialEnd", "BridgeEnter", "BridgeLeave",
          "Hangup", "OriginateResponse", "Hold", "Unhold", "BlindTransfer", "AttendedTransfer",
          "DeviceStateChange", "Shutdown", "HangupRequest", "SoftHangupRequest")  # fmt: skip
"""AMI events the node hears: 20 for a whole call instead of 163 (counted on Asterisk 22), and a request to hang up for
each leg that the other side ends."""

_MARK = re.compile(r"@([A-Z][A-Z0-9_]*)@")


def render(chosen: Plan) -> dict[str, str]:
    """Name -> text of every file."""
    values = {**_paths(chosen), **_times(chosen), **_calls(chosen), **_sip(chosen), **_ami(chosen), **_modules(chosen)}
    return {name: fill(template(name), values) for name in ALWAYS}


def template(name: str) -> str:
    """The text of a template."""
    if name == "extensions.conf":
        return "\n".join(template(f"extensions/{part}.conf") for part in DIALPLAN)
    return (TEMPLATES / name).read_text(encoding="utf-8")


def fill(text: str, values: Mapping[str, str]) -> str:
    """Every `@NAME@` replaced by its value; a line that holds an empty one alone disappears. KeyError names the
    unknown."""
    lines = []
    for line in text.splitlines():
        mark = _MARK.fullmatch(line)
        if mark and not values[mark[1]]:
            continue
        lines.append(_MARK.sub(lambda found: values[found[1]], line))
    return "\n".join(lines).rstrip("\n") + "\n"


def _paths(chosen: Plan) -> dict[str, str]:
    said = {name.upper(): chosen.prompt(key) for name, key in chosen.said._asdict().items()}
    said |= {name.upper(): chosen.spoken(key) for name, key in chosen.said.to_callers().items()}
    return {**said, "MUSIC": chosen.music_dir, "MUSIC_CLASS": plan.MUSIC_CLASS, "MUSICS": _musics(chosen),
            "CEL_FILE": plan.CEL_FILE, "SPOOL": chosen.spool,
            "RULES": say.sections(chosen.prompt("digits"))}  # fmt: skip


def _musics(chosen: Plan) -> str:
    """A class for each music of its own."""
    return "\n\n".join(f"[{name}]\nmode=files\ndirectory={chosen.music_dir}/{name}\nsort=alpha"
                       for name in chosen.musics)


def _times(chosen: Plan) -> dict[str, str]:
    times = chosen.timings
    return {
        "TICK": str(times.tick_s), "STEP": str(times.step_s), "MAX_FAILS": str(times.max_fails),
        "RETRY": str(times.retry_s), "MENU": str(times.menu_s), "SURVEY": str(times.survey_s),
        "LEAD_RING": str(times.lead_ring_s),
        "CODE": str(times.code_s), "TALK": str(times.talk_s), "PRESS": str(times.press_s),
        "CONSULT": str(times.consult_s),
        "CALLING_S": str(times.calling_s), "CALLED_KEY": str(times.called_key_s), "PAIR": str(times.pair_s),
        "NET_WAIT": str(times.net_s), "NET_RING": str(times.net_ring_s), "SEAT_RTP": str(times.seat_rtp_s),
        "TRUNK_RTP": str(times.trunk_rtp_s), "HOLD_RTP": str(times.hold_rtp_s),
    }  # fmt: skip


def _calls(chosen: Plan) -> dict[str, str]:
    called = []
    for number, entry in chosen.numbers.items():
        called += [f"exten => {number},1,Set(__SC=${{UNIQUEID}})", f" same => n,Set(__SC_CALLED={number})",
                   f" same => n,Set(SC_ENTRY={entry})", " same => n,Goto(santral-menu,s,1)"]  # fmt: skip
    briefs = [f"SC_BRIEF_{service}={chosen.prompt(key)}" for service, key in chosen.services if key is not None]
    emergencies = [f"SC_EMERGENCY_{one.language}_{'1' if one.slow else ''}_{one.service}={chosen.sounds}/{one.place}"
                   for one in chosen.emergencies]
    return {
        "CALLED": "\n".join(called),
        "BRIEFS": "\n".join(briefs),
        "EMERGENCIES": "\n".join(emergencies),
        "AGI_MENU": _ask(chosen.nodes, "menu,${SC_ENTRY}"),
        "LEADS": "\n".join(_lead(name, chosen.timings) for name, _ in chosen.transfers),
        "LEAD_QUEUES": "\n".join(fill(template("queues_lead.conf"), {
            "NAME": plan.LEAD_PREFIX + name, "MUSIC_CLASS": plan.MUSIC_CLASS,
            "LEAD_RING": str(chosen.timings.lead_ring_s)}) for name, _ in chosen.transfers),
        "AGI_TICK": _ask(chosen.nodes, "tick,${SC_KEY}"),
        "AGI_SURVEY": _ask(chosen.nodes, "survey"),
        "AGI_CALLBACK": _ask(chosen.nodes, "callback"),
        "AGI_DIAL": _ask(chosen.nodes, "dial"),
        "AGI_AFTER_TALK": _ask(chosen.nodes, "after-talk"),
        "AGI_HUSH": _ask(chosen.nodes, "hush,${SC_HUSHED}"),
        "AGI_STILL": _ask(chosen.nodes, "hush,still"),
        "AGI_SEND": _ask(chosen.nodes, "transfer,${SC_HOW},${SC_TO}"),
        "AGI_LINE": _ask(chosen.nodes, "transfer,line,${SC_TO}"),
        "AGI_CODES": _ask(chosen.nodes, "codes,${SC_CODE}"),
        "NET_QUEUE": plan.NET_QUEUE,
        "MEMBERS": "\n".join(f"member=PJSIP/{seat}" for seat in chosen.net_members),
    }


def _lead(name: str, times: plan.Timings) -> str:
    """The extension of an outside number: one try, with music until it is answered."""
    return "\n".join([f"exten => {name},1,Set(TIMEOUT(absolute)={times.talk_s})",
                      f" same => n,Queue({plan.LEAD_PREFIX}{name},n,,,{times.lead_wait_s})", " same => n,Goto(back,1)"])


def _ask(nodes: tuple[Address, ...], what: str) -> str:
    """AGI to the first node, and to the second when the first refused. A frozen node leaves by T before the second is
    asked, so after an odd number of misses the second comes first."""
    first = f"AGI(agi://{nodes[0]}/{what})"
    if len(nodes) == 1:
        return f" same => n,{first}"
    return "\n".join([
        " same => n,GotoIf($[0${SC_FAILS} % 2 = 1]?second)",
        f" same => n,{first}",
        ' same => n,GotoIf($["${ACD_NEXT}"!=""]?asked)',
        f" same => n(second),AGI(agi://{nodes[1]}/{what})",
    ])  # fmt: skip


def _sip(chosen: Plan) -> dict[str, str]:
    seat = template("pjsip_seat.conf")
    fixed = {"CODECS": ",".join(chosen.codecs), "ENCRYPTION": chosen.media_encryption, **_times(chosen)}
    seats = [fill(seat, {**fixed, "SEAT": name, "SECRET": secret}) for name, secret in chosen.seats]
    registration = chosen.trunk.registration
    outside = template("pjsip_outside.conf")
    login = "" if registration is None else "\n".join([
        f"outbound_auth={plan.TRUNK_ENDPOINT}-registration-auth", f"from_user={registration.user.partition('@')[0]}"])
    led = [(plan.LEAD_PREFIX + name, number) for name, number in chosen.transfers]
    away = [fill(outside, {**fixed, "SEAT": name, "LOGIN": login, "CONTACT": f"sip:{number}@{chosen.trunk.way_out}"})
            for name, number in (*chosen.outside, *led)]
    match = list(chosen.trunk.match)
    if registration is not None:
        match.append(registration.server.partition(":")[0])
    return {
        "SIP": str(chosen.sip), "CODECS": fixed["CODECS"], "TRUNK": plan.TRUNK_ENDPOINT, "SEATS": "\n".join(seats),
        "OUTSIDE": "\n".join(away),
        "CALLING": "" if chosen.trunk.way_out is None else fill(template("pjsip_callback.conf"), {
            **fixed, "CALLBACK": plan.CALLBACK_ENDPOINT, "LOGIN": login, "MUSIC_CLASS": plan.MUSIC_CLASS}),
        "MATCH": "\n".join(f"match={address}" for address in match),
        "TRUNK_AOR": "" if registration is None else _keep_awake(registration.server),
        "REGISTRATION": "" if registration is None else _register(*registration),
        "RTP_FIRST": str(chosen.rtp[0]), "RTP_LAST": str(chosen.rtp[1]),
    }  # fmt: skip


def _keep_awake(server: str) -> str:
    name = plan.TRUNK_ENDPOINT
    return f"aors={name}\n\n[{name}]\ntype=aor\ncontact=sip:{server}\nqualify_frequency=60\n"


def _register(server: str, user: str, secret: str) -> str:
    name = f"{plan.TRUNK_ENDPOINT}-registration"
    return "\n".join([
        "", f"[{name}]", "type=registration", "transport=transport-udp", f"outbound_auth={name}-auth",
        f"server_uri=sip:{server}", f"client_uri=sip:{user.partition('@')[0]}@{server}",
        f"contact_user={user.partition('@')[0]}", "retry_interval=30", "forbidden_retry_interval=300",
        "; A carrier that changes over says 404 or refuses the password for minutes: without these Asterisk gives up",
        "; for good at the first such answer, and nobody can call until somebody sees it.",
        "fatal_retry_interval=60", "auth_rejection_permanent=no",
        "max_retries=100000", "expiration=300", "",
        f"[{name}-auth]", "type=auth", "auth_type=userpass", f"username={user}", f"password={secret}", "",
    ])  # fmt: skip


def _ami(chosen: Plan) -> dict[str, str]:
    return {
        "AMI_HOST": chosen.ami.host, "AMI_PORT": str(chosen.ami.port),
        "EVENTS": plan.EVENTS_USER, "EVENTS_SECRET": chosen.events_secret,
        "ACTIONS": plan.ACTIONS_USER, "ACTIONS_SECRET": chosen.actions_secret,
        "HTTP": "no" if chosen.metrics is None else "yes",
        "HTTP_ADDRESS": (chosen.metrics or plan.METRICS).host, "HTTP_PORT": str((chosen.metrics or plan.METRICS).port),
        "FILTERS": "\n".join(f"eventfilter(name({event})) =" for event in EVENTS),
    }  # fmt: skip


def _modules(chosen: Plan) -> dict[str, str]:
    load = list(modules.NEEDED)
    for codec in chosen.codecs:
        load += modules.BY_CODEC.get(codec, ())
    load += modules.BY_ENCRYPTION[chosen.media_encryption]
    if chosen.metrics is not None:
        load.append(modules.METRICS)
    width = max(map(len, modules.DENIED))
    return {
        "DENY": "\n".join(f"noload => {name:<{width}} ; {why}" for name, why in modules.DENIED.items()),
        "LOAD": "\n".join(f"load => {name}" for name in load),
    }
