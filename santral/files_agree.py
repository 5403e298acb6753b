"""What a centre's files say of each other: names that another one lacks, promises that another one breaks."""

from __future__ import annotations

from collections.abc import Iterator

from centres import services as files
from centres.load import SERVICES, Loaded
from centres.problem import Problem
from centres.shape import guess
from ivr.flow import sms, walk
from ivr.flow.fields import Names
from ivr.flow.model import Flow, Queue, Transfer
from routing.core.abuse import ABUSIVE


def names_of(loaded: Loaded, prompts: frozenset[str]) -> Names:
    """What menu.yaml may name. Files with mistakes are not held against it."""
    skills = {skill for agent in loaded.agents for skill in agent.skills} if loaded.team_whole else None
    return Names(
        prompts, loaded.named, _closed(loaded), {service.id for service in loaded.services if service.distress},
        {service.id for service in loaded.services if service.privacy != "normal"},
        None if loaded.settings is None else loaded.settings.transfer.keys(), skills,
        {service.id for service in loaded.services if service.distress or service.privacy == "anonymous"},
        loaded.settings is not None and loaded.settings.sms.url is not None, bool(loaded.documents))


def led_nowhere(loaded: Loaded, flow: Flow) -> list[Problem]:
    """Who is led outside goes through the carrier."""
    led = any(isinstance(node, Transfer) for node in flow.nodes.values())
    if not led or loaded.settings is None or loaded.settings.trunk.way_out is not None:
        return []
    return [Problem(loaded.where("trunk"), "menu.yaml leads callers to an outside number, and there is no way out",
                    "Add outgoing = \"host:port\" of the carrier.")]


def two_keys(loaded: Loaded, flow: Flow) -> list[Problem]:
    """A waiting caller has one key for a callback and another one for a short message."""
    texted = {node.service for node in flow.nodes.values() if isinstance(node, Queue) and node.sms}
    return [Problem(loaded.place(SERVICES, service.id, "callback_key"),
                    f"key {sms.KEY} asks for a short message while callers wait for '{service.id}'",
                    "Give the callback another key.")
            for service in loaded.services
            if service.id in texted and service.calls_back != "none" and str(service.callback_key) == sms.KEY]


def no_wish_kept(loaded: Loaded, flow: Flow) -> list[Problem]:
    """Who asks for a person at once gets one (rule I20): that it is kept, and what it gives, stand in two files."""
    kept = loaded.settings is not None and loaded.settings.wishes.kept
    if kept == (flow.human_first is not None):
        return []
    if kept:
        return [Problem(loaded.where("wishes", "kept"), "who asks for a person at once gets nothing by it: menu.yaml "
                        "says nothing of 'human_first'",
                        f"Add to menu.yaml: human_first: {{priority: 10, then: {flow.human}}}.")]
    line = 1 if loaded.menu is None else loaded.menu.lines.get("human_first", loaded.menu.line)
    return [Problem(f"menu.yaml:{line}", "nobody's wish for a person at once is remembered",
                    "Add to santral.toml: [wishes] kept = true; or take 'human_first' out.")]


def unknown_prompts(loaded: Loaded, prompts: frozenset[str]) -> list[Problem]:
    """Prompts that services, closures and pause reasons name must be there to be heard."""
    found = [Problem(loaded.place(SERVICES, service.id, *place), f"unknown prompt '{key}'", guess(key, prompts))
             for service in loaded.services for place, key in _named(service) if key not in prompts]
    closures = loaded.settings.calendar.closures if loaded.settings is not None else ()
    pauses = loaded.settings.pause_reasons if loaded.settings is not None else {}
    found += [Problem(loaded.where("pause_reasons", name), f"unknown prompt '{row.prompt}'", guess(row.prompt, prompts))
              for name, row in pauses.items() if row.prompt is not None and row.prompt not in prompts]
    return found + [Problem(loaded.where("calendar", "closures", index, "say"), f"unknown prompt '{one.say}'",
                            guess(one.say, prompts))
                    for index, one in enumerate(closures) if one.say is not None and one.say not in prompts]


def sent_away(loaded: Loaded) -> list[Problem]:
    """Who is in distress is never sent away: in the safety net that is so by the text of `emergency` alone."""
    return [Problem(loaded.place(SERVICES, service.id, "distress"),
                    f"'{service.id}' is for distress and names no 'emergency': while nobody can be reached its callers "
                    "hear of no other help, and the safety net sends them away after ten minutes",
                    "Add emergency: acil-destek, or a prompt of your own with the numbers that always help.")
            for service in loaded.services if service.distress and service.emergency is None]


def unasked(loaded: Loaded) -> list[Problem]:
    """One of the two lines was changed and the other not. An Asterisk of another machine comes by a proxy."""
    settings = loaded.settings
    if settings is None:
        return []
    own, asked = settings.listen.agi, settings.asterisk.agi
    if own.endswith(":0") or own in asked or not all(one.startswith("127.") for one in asked):
        return []
    return [Problem(loaded.where("asterisk", "agi"), f"Asterisk asks at {', '.join(asked)}, and this node listens at "
                    f"{own}: it would never be asked, and callers would hear an apology",
                    "Name the same address at [listen] agi and at [asterisk] agi.")]


def untold(loaded: Loaded) -> list[Problem]:
    """Rule I21 of accessible lines: who waits is told where they stand. In distress that is no comfort."""
    return [Problem(loaded.place(SERVICES, service.id, "waiting"),
                    f"callers of '{service.id}' are told neither their place in line nor how long it takes",
                    "Take out 'place: false' or 'expected: false'.")
            for service in loaded.services
            if not (service.distress or service.waiting.place or service.waiting.expected)]


def forgotten_early(loaded: Loaded) -> list[Problem]:
    """What agents say of callers is destroyed with the callers' numbers; told where somebody relies on it."""
    settings = loaded.settings
    if settings is None or settings.routing.abusive_days <= settings.privacy.numbers_days:
        return []
    if not any(one.no_abusive_history or ABUSIVE in (one.no_topics or ()) for one in (settings.profile, *loaded.dated)):
        return []
    return [Problem(loaded.where("privacy", "numbers_days"),
                    f"that a caller was abusive should count for {settings.routing.abusive_days:g} days, and is "
                    f"destroyed with the number after {settings.privacy.numbers_days:g}: from the next restart on it "
                    "counts no more",
                    "Raise it, or lower 'abusive_days' of [routing].")]


def calls_nobody_back(loaded: Loaded) -> list[Problem]:
    """Who is to be called back is called through the carrier. Rule I21 of accessible lines wants it offered, so a
    centre that offers none says so itself."""
    if loaded.settings is None or loaded.settings.trunk.way_out is not None:
        return []
    found = [Problem(loaded.place(SERVICES, service.id, "callback"),
                     f"service '{service.id}' calls callers back, and there is no way out",
                     "Add outgoing = \"host:port\" of the carrier at [trunk]; until then nobody is called back.")
             for service in loaded.services if service.callback not in (None, "none")]
    if usual := [f"'{one.id}'" for one in loaded.services if one.callback is None and one.calls_back != "none"]:
        found.append(Problem(loaded.where("trunk"), f"callers of {', '.join(usual)} are offered no callback: there is "
                             "no way out to them", "Add outgoing = \"host:port\" of the carrier; or say callback: none "
                             "at each of these services."))
    return found


def not_recorded(loaded: Loaded) -> list[Problem]:
    """Services named at [recording] must be there, and not be private."""
    if loaded.settings is None or loaded.settings.recording.services is None:
        return []
    privacy = {service.id: service.privacy for service in loaded.services}
    found = []
    for index, name in enumerate(loaded.settings.recording.services):
        where = loaded.where("recording", "services", index)
        if name not in privacy:
            found.append(Problem(where, f"unknown service '{name}'", guess(name, privacy)))
        elif privacy[name] != "normal":
            found.append(Problem(where, f"service '{name}' is {privacy[name]}: its talks are never recorded",
                                 "Take it out here, or change its 'privacy' in services.yaml."))
    return found


def _named(service: files.Service) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Prompts that a service names, each with its place in the file."""
    if service.emergency is not None:
        yield ("emergency",), service.emergency
    if service.waiting.first is not None:
        yield ("waiting", "first"), service.waiting.first
    for index, key in enumerate(service.waiting.comfort or ()):
        yield ("waiting", "comfort", index), key


def _closed(loaded: Loaded) -> str | None:
    """The entry of a closed centre as it is written: santral.toml may have problems elsewhere, and menu.yaml is judged
    all the same."""
    for document in loaded.documents:
        hours = document.get("hours")
        if isinstance(hours, dict) and isinstance(hours.get("closed"), str):
            return str(hours["closed"])
    return None


def no_entry(loaded: Loaded) -> list[Problem]:
    """Entries that santral.toml names and menu.yaml lacks. By the file as it stands: where a name is wrong, all that
    follows from it in the menu is wrong too, and would hide it."""
    entries = None if loaded.menu is None else loaded.menu.get("entries")
    if not isinstance(entries, dict) or not entries:
        return []
    mend = f"Name one of its entries: {', '.join(sorted(entries))}."
    numbers = {} if loaded.settings is None else loaded.settings.numbers
    found = [Problem(loaded.where("numbers", number),
                     f"the called number {number} leads to '{entry}', which menu.yaml does not have", mend)
             for number, entry in numbers.items() if entry not in entries]
    closed = _closed(loaded)
    if closed is not None and closed not in entries:
        found.append(Problem(loaded.where("hours", "closed"),
                             f"'closed' names '{closed}', which menu.yaml does not have", mend))
    return found


def closing(loaded: Loaded, flow: Flow) -> tuple[list[Problem], list[Problem]]:
    """Problems and warnings of the entry used while the centre is closed."""
    closed, where = _closed(loaded), loaded.where("hours", "closed")
    if closed is None:
        return [], []
    if closed not in flow.entries:
        return [], []  # `no_entry` tells
    distress = {service.id for service in loaded.services if service.distress}
    nodes = [flow.nodes[name] for name in walk.reached(flow, [flow.entries[closed]])]
    served = {node.service for node in nodes if isinstance(node, Queue)}
    warnings = [Problem(where, f"while the centre is closed, callers can still wait for '{service}'",
                        "See that somebody is on duty for it, or take it out of that entry's menu.")
                for service in sorted(served - distress)]
    if distress and not distress & served:
        names = ", ".join(f"'{service}'" for service in sorted(distress))
        warnings.append(Problem(where, f"while the centre is closed, nobody reaches {names}, which is for distress",
                                "Lead an option of that entry's menu there: distress knows no hours."))
    return [], warnings
