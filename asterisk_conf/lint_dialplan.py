"""Check the rules of extensions.conf."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from asterisk_conf.conf_plan import ANY_NOTATION
from asterisk_conf.flat_reader import Finding, Section
from asterisk_conf.module_lists import APPLICATIONS

FILE = "extensions.conf"

CONTEXTS = ("santral-in", "santral-hold", "santral-agent", "santral-after-talk", "santral-fallback", "santral-bye",
            "santral-seat", "santral-callback", "santral-calling", "santral-called", "santral-transferred",
            "santral-consult")  # fmt: skip
"""Contexts that the node relies on."""

DANGEROUS = ("System", "TrySystem", "ExternalIVR", "Originate", "EAGI", "DeadAGI", "Exec", "TryExec", "Dial",
             "Transfer")  # fmt: skip
"""Applications that start programs or calls, or run the text of a variable. Nobody dials out through Santral."""
KEY_QUESTION = "Local/${SC_QUESTION}@santral-key/n,"
"""The one target of `Dial`: a channel that asks the node about a key and rings nobody."""
FUNCTIONS = ("SHELL(", "CURL(", "ENV(", "FILE(", "ODBC_", "EVAL(")
"""Functions that reach the system or evaluate text."""

CONSULT_BRIDGES = {("${SC_WITH}", "F(santral-consult^back^1)"), ("${SC_WITH}", "F(santral-seat-line^back^1)")}
"""Bridges of a consult transfer, by full channel name and with the way back to the caller. Both agents talk first."""

LINES, SEAT, SEAT_CALLS = "santral-lines", "santral-seat", "santral-seat-calls"
"""Contexts that count the calls of the carrier, that a seat dials, and that count the calls of seats."""

LINE_CAUSES = ("17", "34")
"""Hangup causes of a call without a line, of the carrier or a seat: busy and service unavailable."""

RAW = "SC_RAW"
"""Variable with the caller's own text."""

NUMBER, DIALLED = "__SC_NUMBER", "SC_DIALLED"
"""Variables of the caller's number and of the called one, which other steps may trust."""

ASK_AGAIN = "ask_again"
"""Label at which a question goes to the other one of two nodes."""

_CATEGORY = re.compile(r"GROUP_COUNT\([^@]*@([a-z]+)\)")
"""The category in which calls are counted."""

_NODE = re.compile(r"agi://([^/]+)/")
"""The address of a node."""

_HAS_KEY = re.compile(r"agi://[^/]+/[A-Za-z0-9_-]{20,}/[a-z]")
"""An address of a node with its key before the route."""

_STEP = re.compile(r"(?:(?P<exten>[^,]+),)?(?P<prio>n|\d+)(?:\((?P<label>[^)]*)\))?,(?P<call>.*)\Z")


class Step(NamedTuple):
    """One priority of an extension."""

    context: str
    exten: str
    label: str
    app: str
    data: str
    line: int


def check_dialplan(files: Mapping[str, list[Section]]) -> list[Finding]:
    """Return all findings on the dialplan."""
    # 1. The contexts that strangers reach: endpoints without a secret that the outside can be.
    sections = files.get(FILE, [])
    steps = list(_read_steps(sections))
    phones = files.get("pjsip.conf", [])
    found = {section.value_of("endpoint") for section in phones if section.value_of("type") == "identify"}
    public = {section.value_of("context") for section in phones if section.value_of("type") == "endpoint"
              and not section.value_of("auth") and section.value_of("deny") != "0.0.0.0/0.0.0.0"
              and (section.value_of("identify_by") != "ip" or section.name in found)}
    # 2. Contexts and includes.
    findings: list[Finding] = []
    known = {section.name for section in sections}
    for context in CONTEXTS:
        if context not in known:
            findings.append(Finding(FILE, 0, f"context {context} is missing", "the node relies on it"))
    for section in sections:
        for entry in section.entries_of("include"):
            findings.append(Finding(FILE, entry.line, f"[{section.name}] includes {entry.value}",
                                    "write the extensions out: an include opens one context to another's callers"))
    # 3. The single steps.
    findings += _check_public(steps, public)
    for rule in RULES:
        findings += rule(steps)
    return findings


def _read_steps(sections: list[Section]) -> Iterator[Step]:
    for section in sections:
        exten = ""
        for entry in section.entries:
            if entry.name not in ("exten", "same"):
                continue
            # An entry that is no step, such as a hint, is no concern of these rules.
            found = _STEP.match(entry.value)
            if found is None:
                continue
            exten = found["exten"] or exten
            app, _, data = found["call"].partition("(")
            yield Step(section.name, exten, found["label"] or "", app.strip(), data.removesuffix(")"), entry.line)


def _check_public(steps: list[Step], public: set[str]) -> Iterator[Finding]:
    for step in steps:
        # A notation is read by one extension only, which looks the digits up in a table ([santral-number]).
        if step.context in public and step.exten != ANY_NOTATION and not step.exten.removeprefix("+").isdigit():
            yield Finding(FILE, step.line, f"[{step.context}] answers {step.exten!r}",
                          "strangers reach this context: called numbers only, no pattern and no letters")  # fmt: skip


def _check_targets(steps: list[Step]) -> Iterator[Finding]:
    """Yield jumps with a fixed target that does not exist."""
    there = {(step.context, step.exten) for step in steps}
    labels = {(step.context, step.exten, step.label) for step in steps if step.label}
    for step in steps:
        if step.app in ("Goto", "Gosub"):
            jumps = [step.data]
        elif step.app == "GotoIf":
            jumps = step.data.rpartition("?")[2].split(":")
        else:
            continue
        # An empty branch of GotoIf goes on with the next priority.
        for jump in filter(None, jumps):
            parts = jump.split(",")
            # A target may be written as priority, as extension and priority, or in full.
            context, exten, mark = [step.context, step.exten, ""][: 3 - len(parts)] + parts
            # A variable in the target leaves only the context to be checked.
            if "${" in context + exten + mark:
                missing = context not in {known for known, _ in there} and "${" not in context
            else:
                missing = (context, exten) not in there or not (mark.isdigit() or (context, exten, mark) in labels)
            if missing:
                yield Finding(FILE, step.line, f"{step.app} to {jump}, which is not there", "correct the name")


def _check_agi(steps: list[Step]) -> Iterator[Finding]:
    """Yield AGI steps without a limit, without a way out of a frozen node, or without a test of the answer."""
    contexts = {step.context for step in steps if step.exten == "T"}
    for step in steps:
        if step.app != "AGI":
            continue
        # Only steps of the same extension count, because a jump could skip the others.
        same = [other for other in steps if (other.context, other.exten) == (step.context, step.exten)]
        before = [other for other in same if other.line < step.line]
        after = [other for other in same if other.line > step.line]
        cleared = [other for other in before if other.data == "ACD_NEXT="]
        limits = [other.data.partition("=")[2] for other in before if other.data.startswith("TIMEOUT(absolute)=")]
        if not _HAS_KEY.match(step.data):
            yield Finding(FILE, step.line, "AGI without the node's key", "the node answers nobody without it: render "
                          "this file again")
        # Each check covers another way in which a node fails: frozen, dead in the middle, or silent.
        if not any(other.data == "AGIEXITONHANGUP=yes" for other in before):
            yield Finding(FILE, step.line, "AGI without AGIEXITONHANGUP=yes", "a frozen node would keep the caller")
        if not limits or limits[-1] == "0":
            yield Finding(FILE, step.line, "AGI without a limit", "Set(TIMEOUT(absolute)=...) before it")
        if not cleared:
            yield Finding(FILE, step.line, "ACD_NEXT is not cleared before AGI", "an old answer would count as new")
        if not any(other.app == "GotoIf" and "${ACD_NEXT}" in other.data for other in after):
            yield Finding(FILE, step.line, "nobody asks for ACD_NEXT after AGI",
                          "AGISTATUS is SUCCESS when the node dies in the middle: test ACD_NEXT")  # fmt: skip
        if step.context not in contexts:
            yield Finding(FILE, step.line, f"[{step.context}] has no T", "the limit would end the call")


def _check_nodes(steps: list[Step]) -> Iterator[Finding]:
    """Yield questions to one of two nodes alone. The other one may lead, and the first one may be frozen."""
    asked: dict[tuple[str, str], set[str]] = {}
    for step in steps:
        if step.app == "AGI" and (found := _NODE.match(step.data)):
            asked.setdefault((step.context, step.exten), set()).add(found[1])
    nodes = set().union(*asked.values())
    for (context, exten), own in asked.items() if len(nodes) > 1 else ():
        line = next(step.line for step in steps if (step.context, step.exten, step.app) == (context, exten, "AGI"))
        if own != nodes:
            yield Finding(FILE, line, f"[{context}] asks {', '.join(sorted(own))} alone", "ask the other node after it")
        ends = [step for step in steps if (step.context, step.exten) == (context, "T")]
        if not any(step.app == "Goto" and step.data.rpartition(",")[2] == ASK_AGAIN for step in ends):
            yield Finding(FILE, line, f"[{context}] does not ask the other node after a frozen one",
                          f"Goto(${{SC_ASKER}},{ASK_AGAIN}) in its T")


def _check_bridges(steps: list[Step]) -> Iterator[Finding]:
    for step in steps:
        if step.app not in ("Bridge", "BridgeAdd"):
            continue
        target, _, options = step.data.partition(",")
        # The agents of a consult transfer talk to each other first, without the caller.
        first = step.app == "Bridge" and (target, options) in CONSULT_BRIDGES
        if target != "${SC_CHAN}" and not first:
            yield Finding(FILE, step.line, f"{step.app} to {target}",
                          "only the full channel name in SC_CHAN: it matches by prefix, finding strangers")  # fmt: skip
        if step.app == "Bridge" and not first and "F(santral-after-talk^s^1)" not in options:
            yield Finding(FILE, step.line, "Bridge without F(santral-after-talk^s^1)",
                          "the caller would fall back into the queue when the agent hangs up")  # fmt: skip
        limits = [other for other in steps if (other.context, other.exten) == (step.context, step.exten)
                  and other.line < step.line and other.data.startswith("TIMEOUT(absolute)=")]  # fmt: skip
        if not limits and "L(" not in options:
            yield Finding(FILE, step.line, f"{step.app} without a limit",
                          "Set(TIMEOUT(absolute)=...) on the agent's leg")  # fmt: skip


def _check_echoes(steps: list[Step]) -> Iterator[Finding]:
    """Yield echoes without a limit, or without a way out for a caller whom the transfer key has led there."""
    for step in steps:
        if step.app != "Echo":
            continue
        same = [other for other in steps if (other.context, other.exten) == (step.context, step.exten)]
        if not any(other.line < step.line and other.data.startswith("TIMEOUT(absolute)=") for other in same):
            yield Finding(FILE, step.line, "Echo without a limit", "Set(TIMEOUT(absolute)=...) before it")
        if not any(other.line > step.line and "santral-seat-line,caller,1" in other.data for other in same):
            yield Finding(FILE, step.line, "Echo would end a caller's call",
                          "GotoIf($[\"${SC}\"!=\"\"]?santral-seat-line,caller,1) after it")


def _check_recordings(steps: list[Step]) -> Iterator[Finding]:
    """Yield recordings that do not wait for the node and the caller, or that start a program.

    A talk is recorded only in a bridge, after the caller has heard the notice and the node has agreed.
    """
    for step in steps:
        if step.app != "MixMonitor":
            continue
        before = [other.data for other in steps if (other.context, other.exten) == (step.context, step.exten)
                  and other.line < step.line and other.app == "GotoIf"]
        for what, why in (("SC_RECORD}", "the node has not said that it may be"),
                          ("SC_NOTICE)}", "the caller may not have heard the notice, or have refused")):
            if not any(what in test for test in before):
                yield Finding(FILE, step.line, f"MixMonitor without a look at {what.rstrip(')}')}", why)
        # Each bridge of a talk passes here, and a second recording would write into the same file.
        if steps[steps.index(step) - 1].app != "StopMixMonitor":
            yield Finding(FILE, step.line, "MixMonitor may begin twice", "StopMixMonitor() before it: two would write "
                          "the same talk into one file")
        if step.data.rpartition(",")[2] != "ab" or step.data.count(",") != 1:
            yield Finding(FILE, step.line, f"MixMonitor({step.data}) takes more or less than a file and ab",
                          "without a the talk before a consultation is lost, without b the words before the talk are "
                          "in it, and a third argument starts a program")


_TAKES_H = re.compile(r"_(?:[.!]|\[[^]]*(?:a-z|h))")
"""Patterns that match the extension `h`."""


def _check_ends(steps: list[Step]) -> Iterator[Finding]:
    seen: set[str] = set()
    # 1. A pattern that takes h runs for callers who have hung up.
    for step in {(step.context, step.exten): step for step in reversed(steps)}.values():
        if _TAKES_H.match(step.exten):
            yield Finding(FILE, step.line, f"{step.exten} of [{step.context}] matches h too",
                          "Asterisk runs it after a hang-up, in spite of an h: begin the pattern otherwise")
    # 2. An h must tell a real hang-up from the Surrogate of a masquerade.
    for step in steps:
        if step.exten != "h" or step.context in seen:
            continue
        seen.add(step.context)
        if step.app != "GotoIf" or '"${CHANNEL(channeltype)}"="Surrogate"' not in step.data:
            yield Finding(FILE, step.line, f"h of [{step.context}] is not guarded",
                          "it runs at every connect: begin with GotoIf: CHANNEL(channeltype) = Surrogate")  # fmt: skip


def _check_dangers(steps: list[Step]) -> Iterator[Finding]:
    for step in steps:
        if step.app in DANGEROUS and not (step.app == "Dial" and step.data.startswith(KEY_QUESTION)):
            yield Finding(FILE, step.line, f"application {step.app}", "Santral does not need it: take it out")
        for function in FUNCTIONS:
            if function in step.data:
                yield Finding(FILE, step.line, f"function {function}", "it reaches the system: take it out")
        # The node keeps numbers out of every event, so CALLERID must never get one.
        if step.data.startswith("CALLERID("):
            yield Finding(FILE, step.line, "sets CALLERID", "AMI events would carry it: keep the number in SC_NUMBER")


def _check_hostile(steps: list[Step]) -> Iterator[Finding]:
    """Yield uses of the caller's own text beyond a copy and a REGEX. In IF or ExecIf a `:` of the text becomes code."""
    for step in steps:
        text = step.data
        raw = f"{{{RAW}" in text or "PJSIP_HEADER(read" in text or (step.exten == ANY_NOTATION and "{EXTEN" in text)
        if not raw or (step.app == "Set" and "IF(" not in text and "$[" not in text):
            continue
        # REGEX itself is safe only if no bracket of the text can end the expression.
        if step.app == "GotoIf" and text.startswith("${REGEX("):
            if f"{{{RAW}" in text and not any(
                    (other.context, other.exten) == (step.context, step.exten) and other.line < step.line
                    and other.data.startswith(f"{RAW}=${{REPLACE({RAW},") and "()" in other.data for other in steps):
                yield Finding(FILE, step.line, "a caller's own text may end the REGEX",
                              "take ( and ) out by REPLACE before: after a ) of it Asterisk reads a : as its own")
            continue
        yield Finding(FILE, step.line, f"a caller's own text in {step.app}", "copy it by Set, ask by REGEX only")
    # A number counts as checked only if one expression covers all of it, in the same extension.
    whole = f'$" ${{{RAW}}})}}'
    for step in steps:
        name, _, value = step.data.partition("=")
        if step.app != "Set" or (name, value) not in ((NUMBER, f"${{{RAW}}}"), (DIALLED, f"${{{RAW}}}")):
            continue
        if not any(other.app == "GotoIf" and other.data.startswith('${REGEX("^') and whole in other.data
                   for other in steps if (other.context, other.exten) == (step.context, step.exten)):
            whose = "caller's" if name == NUMBER else "called"
            yield Finding(FILE, step.line, f"the {whose} number is not checked",
                          f"REGEX it from ^ to $ before {name.lstrip('_')} takes it")


def _check_lines(steps: list[Step]) -> Iterator[Finding]:
    """Yield counts of lines that two calls at once could pass, and refusals that keep a line."""
    # 1. The counts, before the answer.
    counted = [step for step in steps if "GROUP_COUNT(" in step.data]
    categories: dict[str, set[str]] = {}
    for step in counted:
        same = [other for other in steps if (other.context, other.exten) == (step.context, step.exten)]
        found = _CATEGORY.search(step.data)
        category = "" if found is None else found[1]
        categories.setdefault(step.context, set()).add(category)
        if not any(other.app == "Set" and other.data.startswith(f"GROUP({category})=") and other.line < step.line
                   for other in same):
            yield Finding(FILE, step.line, f"lines are counted before Set(GROUP({category})=...)",
                          "count the call first, then look: two calls at once would both pass")  # fmt: skip
        if any(other.app in ("Answer", "AGI", "Read", "Playback") and other.line < step.line for other in same):
            yield Finding(FILE, step.line, "lines are counted after the answer", "look before Answer: a refused call "
                          "must cost its caller nothing")
    # 2. Refusals give back what they have counted. No way leads past a count.
    for step in steps:
        before = [other.data for other in steps if (other.context, other.exten) == (step.context, step.exten)
                  and other.line < step.line]
        if step.app == "Hangup" and step.data in LINE_CAUSES and any(
                f"GROUP({category})=" not in before for category in categories.get(step.context, ())):
            yield Finding(FILE, step.line, "a refused call keeps its line", "Set(GROUP(...)=) before Hangup: the "
                          "refusal is on the wire before the channel is gone")
        if LINES in categories and step.context == "santral-in" and step.app == "Goto" \
                and step.data == "santral-menu,s,1":
            yield Finding(FILE, step.line, f"{step.exten} passes the count of the lines", f"Goto({LINES},...)")
        # The first step of each number of a seat counts the call. A step before it would cost a port.
        if step.context == SEAT and not before and step.data != f"{SEAT_CALLS},s,1":
            yield Finding(FILE, step.line, f"[{SEAT}] answers {step.exten!r} before it counts the call",
                          f"Gosub({SEAT_CALLS},s,1) first: one seat would take all media ports")


def _check_applications(steps: list[Step]) -> Iterator[Finding]:
    """Yield applications of modules that are not loaded. Asterisk notices that only in the call, and ends it."""
    for step in steps:
        if step.app not in APPLICATIONS and step.app not in DANGEROUS:
            yield Finding(FILE, step.line, f"application {step.app} is not loaded",
                          "use another, or name its module in asterisk_conf/module_lists.py")  # fmt: skip


RULES: tuple[Callable[[list[Step]], Iterator[Finding]], ...] = (
    _check_targets, _check_agi, _check_nodes, _check_bridges, _check_echoes, _check_recordings, _check_ends,
    _check_dangers, _check_hostile, _check_lines, _check_applications)  # fmt: skip
