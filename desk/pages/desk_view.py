"""Derive from the state of a desk what its page shows: which parts, and their texts.

The page is rendered with these values, and `static/state_view.js` derives the same ones from each later state. A test
compares both for every state.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

State = Mapping[str, Any]
"""A state as it is sent: `DeskState` in JSON."""

BRAILLE_CELLS = 20
"""The shortest braille line. The first words about an offer fit into it."""
BRAILLE_SIGNS = 2
"""Cells for the signs before a capital and before a number."""
LINKING_WORD = 2
"""Letters of a word such as "ve" with which a shortened name may not end."""

class DeskContext(NamedTuple):
    """Names and words that the page shows, in one language."""

    words: Mapping[str, str]
    reasons: Mapping[str, str]
    """Words of the pause reasons by id."""
    names: Mapping[str, str]
    """Display names of colleagues by id. An id without one is shown itself."""
    services: Mapping[str, str]
    zone: ZoneInfo


class DeskView(NamedTuple):
    """Content of a page: conditions that hold, and texts by name."""

    flags: frozenset[str]
    texts: Mapping[str, str]

    def holds(self, condition: str) -> bool:
        """Return whether all flags of a condition hold. `!` before a flag means that it does not hold."""
        return all((flag[1:] not in self.flags) if flag.startswith("!") else flag in self.flags
                   for flag in condition.split())

    def show(self, condition: str) -> Markup:
        """Return the attributes of an element that is seen while a condition holds."""
        return self._mark_attributes("show", condition, "" if self.holds(condition) else " hidden")

    def enable(self, condition: str) -> Markup:
        """Return the attributes of a control that works while a condition holds."""
        return self._mark_attributes("enable", condition, "" if self.holds(condition) else " disabled")

    def press(self, condition: str) -> Markup:
        """Return the attributes of a switch that is on while a condition holds."""
        on = "true" if self.holds(condition) else "false"
        return self._mark_attributes("press", condition, f' aria-pressed="{on}"')

    def _mark_attributes(self, kind: str, condition: str, rest: str) -> Markup:
        return Markup('data-{}="{}"{}').format(kind, condition, Markup(rest))  # noqa: S704  constants

    def text(self, name: str) -> Markup:
        """Return the attribute and the text of an element. The element's tag ends after the attribute."""
        return Markup('data-text="{}">{}').format(name, escape(self.texts[name]))


def build_desk_view(state: State, context: DeskContext, now: float | None = None) -> DeskView:
    """Return what the page of a state shows. `now` is the time of the node, by default that of the state."""
    at = state["at"] if now is None else now
    return DeskView(frozenset(_list_flags(state)), _write_texts(state, context, at))


def _list_flags(state: State) -> list[str]:
    offer, talk, wrapup, breaks = state["offer"], state["talk"], state["wrapup"], state["break"]
    phone, name = state["phone"], state["state"]
    signed_in = name != "signed_out"
    found = {
        name: True,
        "signed_in": signed_in,
        "resumable": name in ("paused", "not_responding"),
        "breakable": signed_in and name != "paused" and not breaks["pending_reason"],
        "page_phone": phone["kind"] == "page",
        "own_phone": phone["kind"] == "own",
        "phone_lost": phone["kind"] == "page" and not phone["registered"],
        "offer": offer is not None,
        "offer_rings": offer is not None and offer["answered_at"] is None
        and (offer["told_until"] is None or offer["rings_until"] is not None),
        "offer_told": offer is not None and offer["told_until"] is not None and offer["rings_until"] is None,
        "offer_reads": offer is not None and offer["answered_at"] is not None and bool(offer["time_to_read"]),
        "offer_comes": offer is not None and offer["answered_at"] is not None and not offer["time_to_read"]
        and offer["told_until"] is None,
        "talk": talk is not None,
        "wrapup_now": wrapup is not None,
        "wrapup_limited": wrapup is not None and wrapup["until"] is not None,
        "weighable": talk is not None or (wrapup is not None and wrapup["contact"] is not None),
        "break_planned": breaks["planned_at"] is not None and name != "paused",
        "break_pending": bool(breaks["pending_reason"]),
        "break_ends": breaks["until"] is not None,
        "break_limited": breaks["limit_at"] is not None and not breaks["over_limit"],
        "break_over": breaks["over_limit"],
        "break_postponed": breaks["postponed"],
        "heavy_declined": state["heavy_declined_until"] is not None,
        "rests": state["resting_until"] is not None,
        "overridden": bool(state["overrides"]),
        "leaving": state["leaving"],
    }
    if (contact := talk or wrapup) is not None and contact["reported_load"] is not None:
        found[f"load_{contact['reported_load']}"] = True
    if talk is not None:
        consult = talk["consult"]
        found |= {
            "with_caller": talk["asked_by"] is None,
            "on_hold": talk["on_hold_since"] is not None,
            "recorded": talk["recording"] != "none",
            "recording_paused": talk["recording"] == "paused",
            "consults": consult is not None,
            "consult_talks": consult is not None and consult["state"] == "talking",
            "paired": talk["partner"] is not None,
            "follow_up": talk["follow_up"],
            "abusive": talk["abusive"],
            "wrapup_on_request": talk["wrapup_after"] in ("on_request", "requested"),
            "wrapup_requested": talk["wrapup_after"] == "requested",
            "wrapup_follows": talk["wrapup_after"] == "follows",
        }
    return [flag for flag, holds in found.items() if holds]


def _write_texts(state: State, context: DeskContext, at: float) -> dict[str, str]:
    offer, talk, wrapup, breaks = state["offer"], state["talk"], state["wrapup"], state["break"]
    words, clock, length = context.words, _ClockWords(context), _LengthWords(context)
    texts = dict.fromkeys(TEXTS, "")
    # 1. The state and the breaks.
    texts["state"] = _name_state(state, context)
    texts["since"] = words["state.since"].format(time=clock.write_time(state["since"]))
    texts["for"] = words["state.for"].format(length=length.write_length(at - state["since"]))
    texts["break_pending"] = words["break.pending"].format(
        reason=context.reasons.get(breaks["pending_reason"], breaks["pending_reason"]))
    overrides = max(state["overrides"].values(), default=None)
    for name, word, moment in (("break_next", "break.next", breaks["planned_at"]),
                               ("break_until", "break.until", breaks["until"]),
                               ("break_limit", "break.limit", breaks["limit_at"]),
                               ("heavy", "heavy.until", state["heavy_declined_until"]),
                               ("rest", "rest.until", state["resting_until"]),
                               ("overrides", "overrides", overrides)):
        texts[name] = "" if moment is None else words[word].format(time=clock.write_time(moment))
    texts["end"] = words["work.stay" if state["leaving"] else
                         "work.end_talk" if talk is not None or offer is not None else "work.end"]
    texts["title"] = texts["state"]
    # 2. The offer. Its wait is that of its first ring, so that the description does not change while it is read.
    if offer is not None:
        waited = length.write_length(state["since"] - offer["waiting_since"])
        texts["offer_short"] = words["offer.short"].format(
            service=shorten_name(offer["service_name"], BRAILLE_CELLS - BRAILLE_SIGNS - 1 - len(waited)), length=waited)
        texts["offer_facts"] = " ".join([words["offer.waited"].format(service=offer["service_name"], length=waited),
                                         *_describe_caller(offer, context)])
        if offer["rings_until"] is not None:
            texts["offer_left"] = words["offer.left"].format(length=length.write_length(offer["rings_until"] - at))
        if offer["told_until"] is not None:
            texts["offer_told"] = words["offer.told"].format(
                length=length.write_length(max(0.0, offer["told_until"] - at)))
    # 3. The talk.
    if talk is not None:
        texts["talk_service"] = talk["service_name"]
        texts["talk_for"] = length.write_length(at - talk["since"])
        texts["talk_recording"] = words[f"recording.{talk['recording']}"]
        texts["talk_about"] = " ".join(_describe_caller(talk, context)) or words["talk.nothing_special"]
        if talk["pair_role"] is not None:
            texts["talk_partner"] = words[f"pair.{talk['pair_role']}"].format(
                who=_name_agent(talk["partner"], context))
        if talk["on_hold_since"] is not None:
            texts["talk_hold"] = words["talk.on_hold"].format(length=length.write_length(at - talk["on_hold_since"]))
            texts["title"] = words["state.held"]
        if (consult := talk["consult"]) is not None:
            who = _name_agent(consult["to"], context) or context.services.get(consult["service"], consult["service"])
            texts["consult"] = words[f"consult.{consult['state']}"].format(who=who)
    # 4. The wrap-up.
    if wrapup is not None:
        if wrapup["service_name"] is not None:
            texts["wrapup_of"] = words["wrapup.of"].format(service=wrapup["service_name"])
        texts["wrapup_left"] = words["wrapup.open"] if wrapup["until"] is None else words["wrapup.left"].format(
            length=length.write_length(wrapup["until"] - at), time=clock.write_time(wrapup["until"]))
    return texts


TEXTS = ("state", "since", "for", "break_next", "break_pending", "break_until", "break_limit", "heavy", "rest",
         "overrides", "end", "title", "offer_short", "offer_facts", "offer_left", "offer_told", "talk_service",
         "talk_for", "talk_recording", "talk_about", "talk_partner", "talk_hold", "consult", "wrapup_of", "wrapup_left")
"""Names of the texts. A text that does not apply is empty."""


class _ClockWords:
    """Writes times of the day."""

    def __init__(self, context: DeskContext) -> None:
        self._context = context

    def write_time(self, at: float) -> str:
        """Return hour and minute in the time zone of the centre."""
        moment = datetime.fromtimestamp(at, self._context.zone)
        return self._context.words["time"].format(h=f"{moment.hour:02}", m=f"{moment.minute:02}")


class _LengthWords:
    """Writes lengths of time."""

    def __init__(self, context: DeskContext) -> None:
        self._words = context.words

    def write_length(self, seconds: float) -> str:
        """Return a length in seconds, in minutes, or in hours and minutes. A negative one is 0."""
        whole = max(0, math.floor(seconds))
        if whole < 60:
            return self._words["length.s"].format(s=whole)
        if whole < 3600:
            return self._words["length.m"].format(m=whole // 60)
        return self._words["length.h"].format(h=whole // 3600, m=whole % 3600 // 60)


def shorten_name(name: str, cells: int) -> str:
    """Return the first whole words of a name that fit, without a linking word at the end. Cut a single long word."""
    if len(name) <= cells:
        return name
    words = name.split(" ")
    while words and (len(" ".join(words)) > cells or len(words[-1]) <= LINKING_WORD):
        words.pop()
    return " ".join(words) or name[:max(cells, 0)]


def _name_state(state: State, context: DeskContext) -> str:
    if state["state"] == "paused" and state["reason"] in context.reasons:
        return context.words["state.paused_for"].format(reason=context.reasons[state["reason"]])
    return context.words[f"state.{state['state']}"]


def _name_agent(agent: str | None, context: DeskContext) -> str:
    return "" if agent is None else context.names.get(agent, agent)


def _describe_caller(contact: Mapping[str, Any], context: DeskContext) -> list[str]:
    """Return one sentence for each thing that is known about a caller."""
    words = context.words
    found = [words[f"offer.{key}"] for key in ("callback", "slow", "returned") if contact[key]]
    if contact["language"]:
        name = words.get(f"language.{contact['language']}", contact["language"])
        found.append(words["offer.language"].format(language=name))
    if contact["asked_by"] is not None:
        found.append(words["offer.asked_by"].format(who=_name_agent(contact["asked_by"], context)))
    return found
