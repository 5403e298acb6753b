"""Describe the small centre of all simulations: two services, a few equal agents, and a menu without questions."""

from __future__ import annotations

from ivr.flow.menu_model import MenuFlow, Queue
from ivr.settings import HoldSettings, IvrSettings
from lab.simulation.schedule import SERVICES
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ServiceId

DISTRESS, USUAL = SERVICES

PROFILE = Profile(wrapup_s=1.5, rna_allowed=1_000, ring_timeout_s=8.0)
"""Agents who are soon ready again, and who never count as not responding."""


SECOND_PHONE_S = 1.5
"""Time after which a further phone rings in distress: often two agents answer at nearly the same moment."""


def seats(agents: int) -> tuple[str, ...]:
    """Return the phones."""
    return tuple(str(2001 + number) for number in range(agents))


def make_centre(agents: int) -> Centre:
    """Return the centre. Each agent serves both services."""
    anybody = (Step(()),)
    return Centre(
        (Service(ServiceId(DISTRESS), "Destek", anybody, distress=True), Service(ServiceId(USUAL), "Bilgi", anybody)),
        tuple(Agent(AgentId(f"a{seat}"), (), PROFILE) for seat in seats(agents)), second_phone_s=SECOND_PHONE_S)


FLOW = MenuFlow({name: name for name in SERVICES}, USUAL,
                {name: Queue(name, name, say=("bekleme-ilk",)) for name in SERVICES})
"""A menu whose entries lead into the queues at once."""

IVR = IvrSettings(node="asterisk", waits={DISTRESS: HoldSettings(first="bekleme-ilk-destek")})


class NamedSounds:
    """Sounds that exist by their names alone."""

    def file(self, key: str, *, slow: bool = False, language: str = "tr") -> str:
        """Return the name of a sound file."""
        return f"{language}/{key}"

    def seconds(self, file: str) -> float:
        """Return 0, because a name has no length."""
        return 0.0
