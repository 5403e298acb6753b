"""Check the rules of services against each other: targets that are missing or closed, and loops."""

from __future__ import annotations

from collections.abc import Sequence

from centres.checks.cross_checks import Item
from centres.problem import Problem
from centres.services import WAYS_OUT, Service
from centres.validation import suggest_word


def check_rules(services: Sequence[Item[Service]]) -> list[Problem]:
    """Check that each rule leads to a service that may take its callers, and that no chain of rules leads back."""
    known = {item.value.id: item.value for item in services}
    problems = []
    for item in services:
        for key, to in rules_to_services(item.value):
            problems += _check_target(item, key, known, to)
    return problems + _find_loops(services, known)


def rules_to_services(service: Service) -> list[tuple[str, str]]:
    """Return the key and the target of each rule that leads to another service."""
    return [(key, rule.to) for key, rule in service.rules.items() if rule.to not in WAYS_OUT]


def _check_target(item: Item[Service], key: str, known: dict[str, Service], to: str) -> list[Problem]:
    where, target = item.where(key, "to"), known.get(to)
    if target is None:
        return [Problem(where, f"no service '{to}', and no such way out", suggest_word(to, {*known, *WAYS_OUT}))]
    if target.distress:
        return [Problem(where, f"'{key}' leads to '{to}', which is for distress: others would fill its line",
                        "Lead to another service, or to a way out.")]
    if target.hours is not None and target.when_closed is None:
        return [Problem(where, f"'{key}' leads to '{to}', which closes ('hours') and does not say where its callers go "
                        "then", f"Add 'when_closed' to '{to}', or lead elsewhere.")]
    return []


def _find_loops(services: Sequence[Item[Service]], known: dict[str, Service]) -> list[Problem]:
    """Return one problem for each loop of rules, at the rule that closes it."""
    problems, seen = [], set[frozenset[str]]()
    for item in services:
        for key, to in rules_to_services(item.value):
            way = _way_back(known, item.value.id, to)
            if way is not None and frozenset(way) not in seen:
                seen.add(frozenset(way))
                problems.append(Problem(item.where(key, "to"), f"the rules are a loop: {' -> '.join([*way, way[0]])}",
                                        "Let one of them lead to callback, message or goodbye."))
    return problems


def _way_back(known: dict[str, Service], start: str, to: str) -> list[str] | None:
    """Return the services of the shortest chain of rules from `start` over `to` back to `start`, or None."""
    ways, passed = [[start, to]], {to}
    while ways:
        way = ways.pop(0)
        if way[-1] not in known:
            continue
        for _, following in rules_to_services(known[way[-1]]):
            if following == start:
                return way
            if following not in passed:
                passed.add(following)
                ways.append([*way, following])
    return None
