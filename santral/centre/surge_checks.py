"""Check the surge profiles of a centre against its menu, its team and its prompts."""

from __future__ import annotations

from centres.centre_reader import LoadedCentre
from centres.problem import Problem
from centres.validation import suggest_word
from ivr.flow import reachability
from ivr.flow.menu_model import MenuFlow, Queue


def check_profiles(loaded: LoadedCentre, flow: MenuFlow, prompts: frozenset[str]) -> list[Problem]:
    """Return the problems of all surge profiles. A profile without a way to distress is one of them."""
    if loaded.settings is None:
        return []
    surge, agents = loaded.settings.surge, {one.id: one for one in loaded.agents}
    problems: list[Problem] = []
    # 1. The people who may switch.
    for index, name in enumerate(surge.supervisors):
        if loaded.team_whole and name not in agents:
            problems.append(Problem(loaded.where("surge", "supervisors", index), f"no agent '{name}'",
                                    suggest_word(name, agents)))
    for id_, profile in surge.profiles.items():
        place = ("surge", "profiles", id_)
        # 2. The words and the menu.
        if profile.say is not None and profile.say not in prompts:
            problems.append(Problem(loaded.where(*place, "say"), f"unknown prompt '{profile.say}'",
                                    suggest_word(profile.say, prompts)))
        problems += _check_entry(loaded, flow, id_, profile.entry, loaded.where(*place, "entry"))
        ordinary = [one.id for one in loaded.services if not one.distress]
        problems += [Problem(loaded.where(*place, "shared", index), f"'{name}' is no ordinary service",
                             suggest_word(name, ordinary))
                     for index, name in enumerate(profile.shared) if name not in ordinary and loaded.services_whole]
    return problems


def _check_entry(loaded: LoadedCentre, flow: MenuFlow, profile: str, entry: str, at: str) -> list[Problem]:
    """Return a problem if the menu of a profile does not lead to distress, or does not say so first."""
    distress = {service.id for service in loaded.services if service.distress}
    if entry not in flow.entries:
        return [Problem(at, f"the profile '{profile}' names the entry '{entry}', which menu.yaml does not have",
                        f"Name one of its entries: {', '.join(sorted(flow.entries))}.")]
    start = flow.entries[entry]
    if not distress:
        return []
    if not distress & _served(flow, start):
        return [Problem(at, f"the menu of the profile '{profile}' has no way to a service for distress",
                        "Lead an option of its menu there: distress is never closed.")]
    menu = reachability.first_menu(flow, start)
    if menu is not None and not distress & _served(flow, menu.options[0].then):
        return [Problem(at, f"distress is not the first option in the menu of the profile '{profile}'",
                        "Say it first: callers in danger do not listen to the end.")]
    return []


def _served(flow: MenuFlow, start: str) -> set[str]:
    nodes = [flow.nodes[name] for name in reachability.reachable_nodes(flow, [start])]
    return {node.service for node in nodes if isinstance(node, Queue)}
