"""Compare what the engine believes with what Asterisk does."""

from __future__ import annotations

from typing import Any

from lab.faults.pbx import ConsoleChannel
from lab.people.agent import SimAgent
from lab.session import LabSession
from routing.core.model.ids import parse_leg_id


def find_differences(lab: LabSession, channels: list[ConsoleChannel], status: dict[str, Any],
                     people: list[SimAgent]) -> list[str]:
    """Return how callers in the hold loop, agents' legs and talks differ between Asterisk and the engine."""
    live = lab.query_store("select contact, state from contacts where state in ('pending', 'reserved', 'assigned')")
    legs = {(one.uniqueid, "talks" if one.bridge else "rings") for one in channels if parse_leg_id(one.uniqueid)}
    mine = {(f"o{one['offer']}-{one['contact']}", "talks" if one["state"] == "accepted" else "rings")
            for one in lab.query_store(
                "select offer, contact, state from offers where state in ('pending', 'accepted')")}
    there = {one.uniqueid for one in channels}
    held = {one.uniqueid for one in channels if one.context == "santral-hold" and not one.bridge}
    known = {str(one["contact"]) for one in live}
    waiting = {str(one["contact"]) for one in live if one["state"] != "assigned"}
    found = [f"leg {one}" for one in sorted(legs ^ mine)]
    found += [f"ghost {one}" for one in sorted(known - there)] + [f"unknown {one}" for one in sorted(held - waiting)]
    states = {one["id"]: one["state"] for one in status["agents"]}
    busy = {one["agent"]: {"pending": "ringing", "accepted": "talking"}[one["state"]] for one in
            lab.query_store("select agent, state from offers where state in ('pending', 'accepted')")}
    for person in people:
        state = states.get(person.id, "signed_out")
        if (state if state in ("ringing", "talking") else None) != busy.get(person.id):
            found.append(f"agent {person.id} is {state}, by the offers {busy.get(person.id)}")
    return found
