"""Warn of needs in a centre's files that nothing serves, or not on every phone, so nobody relies on them."""

from __future__ import annotations

from centres.centre_reader import LoadedCentre
from centres.problem import Problem
from routing.core.model.centre_model import PHONE_CHANNELS

UNUSED = ("braille_cells",)
"""Keys that are read and passed on, and that no desk, phone or device of Santral uses."""

OF_PAGES = ("ear", "limiter")
"""Keys that the page of an agent serves. Asterisk's AGC is no limiter: after a burst it takes 140 ms to -9 dBFS."""

WITHOUT_CALLS = {"captions": "'captions' (nothing makes live captions yet)", "channels": "'channels' without voice"}
"""Keys by which no call comes to an agent, as the warning names them."""

CARRIED = frozenset(channel.value for channel in PHONE_CHANNELS)
"""Channels that a node has an adapter for."""


def unused_needs(loaded: LoadedCentre) -> list[Problem]:
    """Return a warning for each key that nothing uses yet, and for agents who get no contacts because of one.

    A warning stands at the first place of its key.
    """
    phones = loaded.settings is None or loaded.settings.seats.count > 0
    # 1. Find the first place of each key. Needs of all agents come first.
    places: dict[str, str] = {}
    everybody = {} if loaded.settings is None else loaded.settings.profile.set_fields()
    for key in everybody:
        places.setdefault(key, loaded.where("profile", key))
    idle = {"captions": 0, "channels": 0}
    unlimited = False
    for name, own in loaded.accommodations.items():
        for key in own.set_fields():
            places.setdefault(key, loaded.location_of_need(name, key))
    # 2. Count the agents without calls.
    for agent in loaded.agents:
        accommodation = loaded.accommodations.get(agent.id)
        needs = everybody | ({} if accommodation is None else accommodation.set_fields())
        limiter = needs.get("limiter", not phones)
        unlimited = unlimited or (bool(needs.get("gain_db")) and not limiter)
        if needs.get("captions"):
            idle["captions"] += 1
        elif "channels" in needs and not CARRIED & set(needs["channels"]):
            idle["channels"] += 1
    # 3. Name the keys without an effect, and what the others mean today.
    return [Problem(places[key], f"'{key}' is stored, but no desk or phone of Santral uses it yet",
                    "Agree on another way with the agent, such as a setting of the phone.")
            for key in UNUSED if key in places] + [
        Problem(places[key], f"'{key}' is served in the pages of agents; on a phone it is the headset's",
                "Give these agents a headset that has it, or a page.")
        for key in OF_PAGES if phones and key in places] + [
        Problem(places["gain_db"], "'gain_db' without 'limiter' makes sudden loudness louder as well",
                "Add limiter: true, and for a phone a headset that limits.") for _ in range(unlimited)] + [
        Problem(places[key], f"{count} agent(s) with {WITHOUT_CALLS[key]} get no contacts: no call comes, and no "
                f"adapter carries other channels yet", "Give these agents other work, or agree on calls that fit.")
        for key, count in idle.items() if count]
