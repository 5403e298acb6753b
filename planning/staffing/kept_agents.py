"""Say how many agents a distress service should keep free of other contacts (`keep_free`)."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import NamedTuple

from planning.simulation.arrivals import USUAL_PROFILE, CallProfile
from planning.simulation.outcome import SLOT_S
from planning.staffing.requirement import StaffingPlan
from planning.theory.erlang import ErlangQueue
from planning.theory.kept_free import MEAN_WAIT, WITHIN, KeptFree, fewest_kept, waits_with_kept
from routing.core.model.centre_model import Service
from routing.core.model.ids import ServiceId


class KeptAgents(NamedTuple):
    """The agents to keep free for a service."""

    service: ServiceId
    keep_free: int
    slot: int
    """The half hour that needs most of them."""
    on_duty: int
    """Agents who fit and are on duty then."""
    load: float
    """Load of the service in Erlang."""

    def describe_kept(self) -> str:
        """Return a sentence."""
        clock = f"{self.slot * SLOT_S // 3600:02.0f}:{self.slot * SLOT_S % 3600 // 60:02.0f}"
        return (f"{self.service}: keep_free: {self.keep_free} holds the mean wait below {MEAN_WAIT} times, and the "
                f"share in target above {WITHIN} times, that of the same agents without other contacts "
                f"({self.on_duty} on duty for {self.load:.1f} Erlang at {clock}).")


def find_kept(service: Service, plan: StaffingPlan, on_duty: Mapping[tuple[ServiceId, int], float],
              kinds: Mapping[ServiceId, CallProfile]) -> KeptAgents | None:
    """Return the number for the half hour that needs most, or None if no calls come for the service.

    Half hours without agents on duty are left out: the coverage warns of them.
    """
    others = [kind.handle_s for name, kind in kinds.items() if name != service.id]
    other_s = fmean(others) if others else USUAL_PROFILE.handle_s
    found = None
    for need in plan.needs_of(service.id):
        agents = int(on_duty.get((service.id, need.slot), 0.0))
        if agents and need.load > 0.0:
            queue = queue_of(need.load, kinds.get(service.id, USUAL_PROFILE).handle_s, agents)
            kept = fewest_kept(queue, other_s, service.target_s)
            if found is None or kept > found.keep_free:
                found = KeptAgents(service.id, kept, need.slot, agents, need.load)
    return found


def queue_of(load: float, handle_s: float, agents: int) -> ErlangQueue:
    """Return the queue of the callers of a service, who stay."""
    return ErlangQueue(load / handle_s, handle_s, agents)


def expected_waits(service: Service, load: float, handle_s: float, agents: int, kept: int) -> KeptFree | None:
    """Return the waits at a load if this many agents stay free, or None if the agents cannot carry the load."""
    if load >= agents:
        return None
    return waits_with_kept(queue_of(load, handle_s, agents), kept, USUAL_PROFILE.handle_s, service.target_s)
