"""Say to an agent at a phone where they are: state, time left, who waits, and the codes on request.

A screen shows the same on the desk. This module is for agents who work by telephone alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from prompts.verbalise import number_prompts
from routing.core.inbox import DeskView
from routing.core.model.centre_model import AgentState
from routing.core.model.ids import ServiceId

STATES = {
    AgentState.READY: "kod-durum-hazir",
    # The call of this code itself makes the phone busy, so a ready agent is usually found in this state.
    AgentState.BUSY: "kod-durum-hazir",
    AgentState.UNREACHABLE: "kod-durum-ulasilamiyor",
    AgentState.RINGING: "kod-durum-caliyor",
    AgentState.TALKING: "kod-durum-gorusme",
    AgentState.WRAPUP: "kod-durum-toparlama",
    AgentState.PAUSED: "kod-durum-mola",
    AgentState.NOT_RESPONDING: "kod-durum-yanitsiz",
}
MINUTES_LEFT, MINUTE_LEFT, TIME_OVER = "kod-dakika-kaldi", "kod-dakika-az", "kod-sure-doldu"
BREAK_IN, PAUSE_FOLLOWS, SIGN_OUT_FOLLOWS = "kod-mola-kadar", "kod-mola-sonra", "kod-cikis-sonra"
NOBODY_WAITS, WAIT = "kod-bekleyen-yok", "kod-kisi-bekliyor"
NO_HEAVY = "kod-agir-gelmez"
WHISPER = "bilgi-"
"""Beginning of the prompt that names a service."""

SERVICES_MOST = 4
"""Services whose callers are told one by one. A fifth number would not be remembered."""
BREAK_SOON_S = 3600.0
"""A planned break farther away is not told. The agent asks about the present."""

ASK_CODES = "kod-kodlar-sor"
CODES_KEY = "1"
CODE_LIST = ("kod-liste-41", "kod-liste-42", "kod-liste-43", "kod-liste-44", "kod-liste-45", "kod-liste-46",
             "kod-liste-47", "kod-liste-48", "kod-liste-49")
"""One sentence for each code that every agent may dial."""
OWN_PROMPTS = (*STATES.values(), MINUTES_LEFT, MINUTE_LEFT, TIME_OVER, BREAK_IN, PAUSE_FOLLOWS, SIGN_OUT_FOLLOWS,
               NOBODY_WAITS, WAIT, NO_HEAVY, ASK_CODES, *CODE_LIST)


def status_prompts(desk: DeskView, waiting: Mapping[ServiceId, int]) -> list[str]:
    """Return the prompts that say the state of an agent. `waiting` counts the callers of each service they serve."""
    view, now = desk.agent, desk.at
    # 1. The state, and the time until it ends.
    said = [STATES.get(view.state, "kod-durum-hazir")]
    ends = desk.break_until or view.pause_limit_at if view.state is AgentState.PAUSED else \
        view.until if view.state is AgentState.WRAPUP else None
    if ends is not None:
        said += _time_left(ends - now)
    # 2. The events that follow the state.
    if view.pause_pending:
        said.append(PAUSE_FOLLOWS)
    if desk.leave_pending:
        said.append(SIGN_OUT_FOLLOWS)
    until_break = None if desk.break_planned_at is None else desk.break_planned_at - now
    if until_break is not None and 60 <= until_break <= BREAK_SOON_S and not view.pause_pending:
        said += [*number_prompts.number_keys(math.ceil(until_break / 60)), BREAK_IN]
    if view.heavy_declined_until is not None and view.heavy_declined_until > now:
        said.append(NO_HEAVY)
    # 3. The callers who wait for this agent's services.
    return said + _callers_waiting(waiting)


def _time_left(seconds: float) -> list[str]:
    if seconds <= 0:
        return [TIME_OVER]
    return [MINUTE_LEFT] if seconds < 60 else [*number_prompts.number_keys(int(seconds // 60)), MINUTES_LEFT]


def _callers_waiting(waiting: Mapping[ServiceId, int]) -> list[str]:
    """Return name and count of each service with callers who wait, in the order of the centre."""
    found = [(service, count) for service, count in waiting.items() if count > 0][:SERVICES_MOST]
    if not found:
        return [NOBODY_WAITS]
    return [key for service, count in found
            for key in (f"{WHISPER}{service}", *number_prompts.number_keys(count), WAIT)]
