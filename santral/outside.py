"""Remote counsellors: at which outside number each of them is called.

The numbers are colleagues' own, so they stand in the node's secrets (`outside.json`: agent -> number), and go from
there into one file of Asterisk and nowhere else. Asterisk has an endpoint for each, `uzak-<agent>`: by that name alone
the node rings them, so nothing it says, writes or logs holds a number, and nobody who makes it ring can dial another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from centres.load import TEAM, Loaded
from centres.problem import Problem
from routing.core.ids import SeatId
from santral.errors import SantralError
from santral.secrets import read_private

FILE = "outside.json"
E164 = re.compile(r"\+[1-9][0-9]{7,14}", re.ASCII)
"""As ITU-T E.164 has it: + and country code, 15 digits at most. Shorter than 8 is no subscriber's number."""

NEEDS: dict[str, Any] = {"ring_timeout_s": 30.0, "auto_return_s": 300.0}
"""What an outside number needs where neither the centre nor the agent says otherwise: a mobile network takes ten
seconds to find a telephone, and no code can be dialled to come back, so two mailboxes must not end the night."""


def outside_seat(agent: str) -> SeatId:
    """Where a remote counsellor sits: a seat that is no phone of ours."""
    return SeatId(f"uzak-{agent}")


@dataclass(frozen=True)
class Outside:
    """Who can be called, and who cannot although the team says so."""

    numbers: Mapping[SeatId, str] = field(repr=False)
    warnings: tuple[Problem, ...] = ()


def read(loaded: Loaded, secrets: Path) -> Outside:
    """The numbers of a team's remote counsellors, from the folder of a node's secrets. Whoever has none gets no calls:
    that is a warning each, and never names a number."""
    agents = [agent.id for agent in loaded.agents if agent.on_call is not None]
    if not agents:
        return Outside({})
    path = secrets / FILE
    warnings = []
    if loaded.settings is not None and loaded.settings.trunk.way_out is None:
        warnings.append(Problem(loaded.where("trunk"), "no way out to the remote counsellors of team.yaml",
                                "Add outgoing = \"host:port\" of the carrier; until then they get no calls."))
    try:
        known = read_private(path)
    except SantralError as error:
        return Outside({}, (*warnings, Problem(loaded.place(TEAM, agents[0], "on_call"),
                                               f"the numbers of remote counsellors cannot be read: {error}",
                                               "Until then they get no calls.")))
    numbers = {outside_seat(agent): number for agent in agents
               if isinstance(number := known.get(agent), str) and E164.fullmatch(number)}
    missing = [agent for agent in agents if known.get(agent) is None]
    wrong = [agent for agent in agents if agent not in missing and outside_seat(agent) not in numbers]
    for some, what in ((missing, "no number"), (wrong, "a number that is not + and 8 to 15 digits")):
        if some:
            who = f"{some[0]} is on call and has" if len(some) == 1 else f"{', '.join(some)} are on call and have"
            warnings.append(Problem(loaded.place(TEAM, some[0], "on_call"), f"{who} {what} in {path}",
                                    f'Write it there as in {{"{some[0]}": "+90..."}}; until then they get no calls.'))
    return Outside(numbers if loaded.settings is None or loaded.settings.trunk.way_out else {}, tuple(warnings))
