"""Read the outside numbers of remote counsellors.

The numbers are private, so they are kept in the node's secrets (`remote_agents.json`: agent -> number). From there they
go into one file of Asterisk and nowhere else. Asterisk has an endpoint `uzak-<agent>` for each of them, and the node
rings it by that name. So no command, log or record of the node holds a number, and no other number can be dialled this
way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from centres.centre_reader import TEAM, LoadedCentre
from centres.problem import Problem
from routing.core.model.ids import SeatId
from santral.errors import SantralError
from santral.secrets import read_private

FILE = "remote_agents.json"
E164 = re.compile(r"\+[1-9][0-9]{7,14}", re.ASCII)
"""Number by ITU-T E.164: + and country code, at most 15 digits. Fewer than 8 are no subscriber's number."""

REMOTE_DEFAULTS: dict[str, Any] = {"ring_timeout_s": 30.0, "auto_return_s": 300.0}
"""Defaults of an outside number, unless the centre or the agent sets others. A mobile network takes ten seconds to find
a telephone. No code can be dialled to return, so two mailboxes must not end the night."""


def remote_seat(agent: str) -> SeatId:
    """Return the seat of a remote counsellor, which is no phone of the centre."""
    return SeatId(f"uzak-{agent}")


@dataclass(frozen=True)
class RemoteNumbers:
    """Numbers of remote counsellors, and warnings for those who cannot be called."""

    numbers: Mapping[SeatId, str] = field(repr=False)
    warnings: tuple[Problem, ...] = ()


def read_numbers(loaded: LoadedCentre, secrets: Path) -> RemoteNumbers:
    """Return the numbers of a team's remote counsellors from the folder of a node's secrets.

    A counsellor without a number gets no calls. Each one is a warning that never shows a number.
    """
    agents = [agent.id for agent in loaded.agents if agent.on_call is not None]
    if not agents:
        return RemoteNumbers({})
    # 1. Without a carrier none can be called.
    path = secrets / FILE
    warnings = []
    if loaded.settings is not None and loaded.settings.trunk.way_out is None:
        warnings.append(Problem(loaded.where("trunk"), "no carrier to reach the remote counsellors of team.yaml",
                                "Add outgoing = \"host:port\" of the carrier; until then they get no calls."))
    # 2. Read the numbers. An unreadable file is a warning too, because the other agents can work.
    try:
        known = read_private(path)
    except SantralError as error:
        return RemoteNumbers({}, (*warnings, Problem(
            loaded.location_of(TEAM, agents[0], "on_call"),
            f"the numbers of remote counsellors cannot be read: {error}", "Until then they get no calls.")))
    # 3. Sort the agents: with a number, without one, with an invalid one.
    numbers = {remote_seat(agent): number for agent in agents
               if isinstance(number := known.get(agent), str) and E164.fullmatch(number)}
    missing = [agent for agent in agents if known.get(agent) is None]
    wrong = [agent for agent in agents if agent not in missing and remote_seat(agent) not in numbers]
    for some, what in ((missing, "no number"), (wrong, "a number that is not + and 8 to 15 digits")):
        if some:
            who = f"{some[0]} is on call and has" if len(some) == 1 else f"{', '.join(some)} are on call and have"
            warnings.append(Problem(loaded.location_of(TEAM, some[0], "on_call"), f"{who} {what} in {path}",
                                    f'Write it there as in {{"{some[0]}": "+90..."}}; until then they get no calls.'))
    return RemoteNumbers(numbers if loaded.settings is None or loaded.settings.trunk.way_out else {}, tuple(warnings))
