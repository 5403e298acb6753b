"""Check the files of a centre against each other: missing names and broken promises."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from centres import services as files
from centres.base_shapes import DAY_MIN, Day
from centres.callback import PART_MIN
from centres.centre_reader import SERVICES, LoadedCentre
from centres.problem import Problem
from centres.settings import Settings
from centres.validation import suggest_word
from ivr.flow import reachability, sms_text
from ivr.flow.field_reader import KnownNames
from ivr.flow.menu_model import MenuFlow, Queue, Transfer
from routing.core.queueing.abuse_flags import ABUSIVE

ORDINARY_WEEK = tuple(Day(date(2001, 1, number)) for number in range(1, 8))
"""A week of the past, for which no centre declares other days."""


def names_of(loaded: LoadedCentre, prompts: frozenset[str], looked_in: str) -> KnownNames:
    """Return the names that menu.yaml may use. A file with mistakes permits any name."""
    skills = {skill for agent in loaded.agents for skill in agent.skills} if loaded.team_whole else None
    return KnownNames(
        prompts, loaded.named, _closed_entry(loaded), {service.id for service in loaded.services if service.distress},
        {service.id for service in loaded.services if service.privacy != "normal"},
        None if loaded.settings is None else loaded.settings.transfer.keys(), skills,
        {service.id for service in loaded.services if service.distress or service.privacy == "anonymous"},
        loaded.settings is not None and loaded.settings.sms.url is not None, bool(loaded.documents), looked_in)


def external_without_trunk(loaded: LoadedCentre, flow: MenuFlow) -> list[Problem]:
    """Return a problem if the menu transfers callers to an outside number but the centre has no carrier."""
    led = any(isinstance(node, Transfer) for node in flow.nodes.values())
    if not led or loaded.settings is None or loaded.settings.trunk.way_out is not None:
        return []
    return [Problem(loaded.where("trunk"), "menu.yaml transfers callers to an outside number, but no carrier is set",
                    "Add outgoing = \"host:port\" of the carrier.")]


def conflicting_keys(loaded: LoadedCentre, flow: MenuFlow) -> list[Problem]:
    """Return services whose callback key is also the key for a short message."""
    texted = {node.service for node in flow.nodes.values() if isinstance(node, Queue) and node.sms}
    return [Problem(loaded.location_of(SERVICES, service.id, "callback_key"),
                    f"key {sms_text.KEY} asks for a short message while callers wait for '{service.id}'",
                    "Give the callback another key.")
            for service in loaded.services
            if service.id in texted and service.calls_back != "none" and str(service.callback_key) == sms_text.KEY]


def preferences_not_stored(loaded: LoadedCentre, flow: MenuFlow) -> list[Problem]:
    """Return a problem if only one of two files knows the wish for a person at once (rule I20).

    santral.toml keeps the wish, and menu.yaml says what it gives.
    """
    kept = loaded.settings is not None and loaded.settings.preferences.enabled
    if kept == (flow.human_first is not None):
        return []
    if kept:
        return [Problem(loaded.where("preferences", "enabled"),
                        "a remembered wish for a person at once has no effect: menu.yaml says nothing of "
                        "'human_first'",
                        f"Add to menu.yaml: human_first: {{priority: 10, then: {flow.human}}}.")]
    line = 1 if loaded.menu is None else loaded.menu.lines.get("human_first", loaded.menu.line)
    return [Problem(f"menu.yaml:{line}", "the wish of callers for a person at once is not remembered",
                    "Add to santral.toml: [preferences] enabled = true; or take 'human_first' out.")]


def unknown_prompts(loaded: LoadedCentre, prompts: frozenset[str], looked_in: str) -> list[Problem]:
    """Return unknown prompts of services, closures and pause reasons. `looked_in` names the places of prompts."""
    def suggest(key: str) -> str:
        return f"{suggest_word(key, prompts)} {looked_in}."

    found = [Problem(loaded.location_of(SERVICES, service.id, *place), f"unknown prompt '{key}'", suggest(key))
             for service in loaded.services for place, key in _named_prompts(service) if key not in prompts]
    closures = loaded.settings.calendar.closures if loaded.settings is not None else ()
    pauses = loaded.settings.pause_reasons if loaded.settings is not None else {}
    found += [Problem(loaded.where("pause_reasons", name), f"unknown prompt '{row.prompt}'", suggest(row.prompt))
              for name, row in pauses.items() if row.prompt is not None and row.prompt not in prompts]
    return found + [Problem(loaded.where("calendar", "closures", index, "say"), f"unknown prompt '{one.say}'",
                            suggest(one.say))
                    for index, one in enumerate(closures) if one.say is not None and one.say not in prompts]


def distress_sent_away(loaded: LoadedCentre) -> list[Problem]:
    """Return distress services without an `emergency` prompt.

    Without the text such a caller hears of no other help while nobody can be reached.
    """
    return [Problem(loaded.location_of(SERVICES, service.id, "distress"),
                    f"'{service.id}' is for distress and names no 'emergency': while nobody can be reached its callers "
                    "hear of no other help",
                    "Add emergency: acil-destek, or your own prompt with the numbers that always help.")
            for service in loaded.services if service.distress and service.emergency is None]


def late_steps(loaded: LoadedCentre) -> list[Problem]:
    """Return steps of services that end after the target time. The agents of the next step then answer too late."""
    found = []
    for service in loaded.services:
        passed = 0.0
        for index, step in enumerate(service.steps[:-1]):
            passed += step.lasts_s or 0.0
            if passed >= service.target_s:
                found.append(Problem(
                    loaded.location_of(SERVICES, service.id, "steps", index, "lasts_s"),
                    f"step {index + 1} of '{service.id}' ends after {passed:g} s, and 'target_s' is "
                    f"{service.target_s:g}: agents who fit only the next step answer nobody in time",
                    "Shorten 'lasts_s', or raise 'target_s'."))
                break
    return found


def unheard_notice(loaded: LoadedCentre, flow: MenuFlow) -> list[Problem]:
    """Return a problem if talks are to be recorded and the menu has no notice, or the notice no address.

    Without a notice nothing is recorded.
    """
    settings = loaded.settings
    if settings is None or not settings.recording.talks \
            or all(service.privacy != "normal" for service in loaded.services):
        return []
    if flow.has_notice:
        return [] if settings.privacy.notice else [Problem(
            loaded.where("privacy", "notice"), "callers do not hear where the full privacy notice is: its address is "
            "not set", "Open the page, then write its address without https:// into 'notice' of [privacy].")]
    return [Problem(loaded.where("recording", "talks"), "talks are to be recorded, but no caller hears of it: "
                    "nothing is recorded without a notice",
                    "Write 'notice: kayit-bilgisi' in menu.yaml, or talks = false here.")]


def unasked_nodes(loaded: LoadedCentre) -> list[Problem]:
    """Return a problem if Asterisk calls another address than the one where the node listens.

    An Asterisk on another machine may come through a proxy, so only local addresses are compared.
    """
    settings = loaded.settings
    if settings is None:
        return []
    own, asked = settings.listen.agi, settings.asterisk.agi
    # Port 0 is chosen at the start, so it cannot be compared.
    if own.endswith(":0") or own in asked or not all(one.startswith("127.") for one in asked):
        return []
    return [Problem(loaded.where("asterisk", "agi"), f"Asterisk asks at {', '.join(asked)}, but this node listens at "
                    f"{own}: it would never be asked, and callers would hear of a fault",
                    "Name the same address at [listen] agi and at [asterisk] agi.")]


def untold_waits(loaded: LoadedCentre) -> list[Problem]:
    """Return services whose callers hear neither position nor expected wait (rule I21 of accessible lines).

    In distress neither would comfort.
    """
    return [Problem(loaded.location_of(SERVICES, service.id, "waiting"),
                    f"callers of '{service.id}' are told neither their place in line nor how long it takes",
                    "Take out 'place: false' or 'expected: false'.")
            for service in loaded.services
            if not (service.distress or service.waiting.place or service.waiting.expected)]


def forgotten_early(loaded: LoadedCentre) -> list[Problem]:
    """Return a problem if abuse flags are used but destroyed before they should end.

    A flag is destroyed together with the caller's number.
    """
    settings = loaded.settings
    if settings is None or settings.routing.abusive_days <= settings.privacy.numbers_days:
        return []
    # Without a profile that uses the flags nobody misses them.
    if not any(one.no_abusive_history or ABUSIVE in (one.no_topics or ()) for one in (settings.profile, *loaded.dated)):
        return []
    return [Problem(loaded.where("privacy", "numbers_days"),
                    f"that a caller was abusive should count for {settings.routing.abusive_days:g} days, but it is "
                    f"destroyed with the number after {settings.privacy.numbers_days:g} days: after a restart it "
                    "counts no more",
                    "Raise it, or lower 'abusive_days' of [routing].")]


def watched_callers(loaded: LoadedCentre) -> list[Problem]:
    """Return a problem if supervisors see what callers hear, because a menu may tell a caller's topic."""
    if loaded.settings is None or not loaded.settings.desk.sentences:
        return []
    return [Problem(loaded.where("desk", "sentences"),
                    "supervisors see on /live what each caller hears, which may tell the topic before a private "
                    "service is chosen", "Keep it for demos and training with simulated callers.")]


def calls_nobody_back(loaded: LoadedCentre) -> list[Problem]:
    """Return services with callbacks in a centre without a carrier.

    Rule I21 of accessible lines demands callbacks, so a centre without them must say so.
    """
    if loaded.settings is None or loaded.settings.trunk.way_out is not None:
        return []
    found = [Problem(loaded.location_of(SERVICES, service.id, "callback"),
                      f"service '{service.id}' calls callers back, but no carrier is set",
                     "Add outgoing = \"host:port\" of the carrier at [trunk]; until then nobody is called back.")
             for service in loaded.services if service.callback not in (None, "none")]
    if usual := [f"'{one.id}'" for one in loaded.services if one.callback is None and one.calls_back != "none"]:
        found.append(Problem(loaded.where("trunk"),
                             f"callers of {', '.join(usual)} are offered no callback: no carrier is set",
                             "Add outgoing = \"host:port\" of the carrier; or write callback: none at each of these "
                             "services."))
    return found


def not_recorded(loaded: LoadedCentre) -> list[Problem]:
    """Return services at [recording] that do not exist or whose talks are private."""
    if loaded.settings is None or loaded.settings.recording.services is None:
        return []
    privacy = {service.id: service.privacy for service in loaded.services}
    found = []
    for index, name in enumerate(loaded.settings.recording.services):
        where = loaded.where("recording", "services", index)
        if name not in privacy:
            found.append(Problem(where, f"unknown service '{name}'", suggest_word(name, privacy)))
        elif privacy[name] != "normal":
            found.append(Problem(where, f"service '{name}' is {privacy[name]}: its talks are never recorded",
                                 "Take it out here, or change its 'privacy' in services.yaml."))
    return found


def closed_parts(loaded: LoadedCentre) -> list[Problem]:
    """Return written parts of a day in which no service that calls back is open long enough on any weekday."""
    settings = loaded.settings
    if settings is None or "parts" not in settings.callback.model_fields_set:
        return []
    calls_back = [service for service in loaded.services if service.calls_back != "none"]
    return [Problem(loaded.where("callback", "parts", part), f"no service that calls back is open at '{part}' on any "
                    "weekday, so it is offered to nobody", "Change its span or the hours, or take it out.")
            for part, begins, ends in settings.callback.day_parts()
            if calls_back and not any(_is_open_within(settings, service, begins, ends) for service in calls_back)]


def _is_open_within(settings: Settings, service: files.Service, begins: int, ends: int) -> bool:
    """Return whether line and service are open for `PART_MIN` minutes within a part of some ordinary weekday."""
    whole_day = ((0, DAY_MIN),)
    return any(min(ends, line[1], own[1]) - max(begins, line[0], own[0]) >= PART_MIN
               for day in ORDINARY_WEEK for line in settings.hours.spans_on(day)
               for own in (whole_day if service.hours is None else service.hours.spans_on(day)))


def _named_prompts(service: files.Service) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Yield the prompts that a service names, each with its place in the file."""
    if service.emergency is not None:
        yield ("emergency",), service.emergency
    if service.waiting.first is not None:
        yield ("waiting", "first"), service.waiting.first
    for index, key in enumerate(service.waiting.comfort or ()):
        yield ("waiting", "comfort", index), key
    for name, rule in service.rules.items():
        if rule.say is not None:
            yield (name, "say"), rule.say


def _closed_entry(loaded: LoadedCentre) -> str | None:
    """Return the entry of a closed centre from the raw file.

    santral.toml may have problems elsewhere, but menu.yaml is checked anyway.
    """
    for document in loaded.documents:
        hours = document.get("hours")
        if isinstance(hours, dict) and isinstance(hours.get("closed"), str):
            return str(hours["closed"])
    return None


def missing_entries(loaded: LoadedCentre) -> list[Problem]:
    """Return entries that santral.toml names but menu.yaml lacks.

    The raw file is used. In a checked menu, one wrong name would hide all entries that lead to it.
    """
    entries = None if loaded.menu is None else loaded.menu.get("entries")
    if not isinstance(entries, dict) or not entries:
        return []
    mend = f"Name one of its entries: {', '.join(sorted(entries))}."
    numbers = {} if loaded.settings is None else loaded.settings.numbers
    found = [Problem(loaded.where("numbers", number),
                     f"the called number {number} leads to '{entry}', which menu.yaml does not have", mend)
             for number, entry in numbers.items() if entry not in entries]
    closed = _closed_entry(loaded)
    if closed is not None and closed not in entries:
        found.append(Problem(loaded.where("hours", "closed"),
                             f"'closed' names '{closed}', which menu.yaml does not have", mend))
    return found


def check_closed_entry(loaded: LoadedCentre, flow: MenuFlow) -> tuple[list[Problem], list[Problem]]:
    """Return problems and warnings of the entry for a closed centre."""
    # 1. Find the entry. `missing_entries` reports an unknown one.
    closed, where = _closed_entry(loaded), loaded.where("hours", "closed")
    if closed is None:
        return [], []
    if closed not in flow.entries:
        return [], []
    # 2. Find the services that callers reach from it.
    distress = {service.id for service in loaded.services if service.distress}
    nodes = [flow.nodes[name] for name in reachability.reachable_nodes(flow, [flow.entries[closed]])]
    served = {node.service for node in nodes if isinstance(node, Queue)}
    # 3. Warn of services that stay open, and of distress services that do not.
    warnings = [Problem(where, f"while the centre is closed, callers can still wait for '{service}'",
                        "See that somebody is on duty for it, or take it out of that entry's menu.")
                for service in sorted(served - distress)]
    if distress and not distress & served:
        names = ", ".join(f"'{service}'" for service in sorted(distress))
        warnings.append(Problem(where, f"while the centre is closed, nobody reaches {names}, which is for distress",
                                "Lead an option of that entry's menu there: distress knows no hours."))
    return [], warnings
