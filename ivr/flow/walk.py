"""Where the nodes of a menu lead: what can only be seen by walking. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from ivr.flow.model import (
    HUMAN_KEY,
    LEAVES,
    MAX_DEPTH,
    REFUSE_KEY,
    Digits,
    End,
    Flow,
    Language,
    Menu,
    Message,
    Needs,
    Queue,
    Speech,
    Transfer,
)
from ivr.flow.steps import merged
from prompts.say import LANGUAGE


class Finding(NamedTuple):
    """What is wrong with a node, or with a key of it."""

    node: str
    what: str
    mend: str
    key: str = ""
    """The key of the node that it is about; `option 1 say`: of an option. Empty: the node."""
    warning: bool = False


def ways(flow: Flow, name: str) -> tuple[str, ...]:
    """Where a node leads by what the caller does, the fall-back after failures included."""
    node = flow.nodes[name]
    match node:
        case Speech() | Language():
            return (node.then,)
        case Menu():
            return (*(option.then for option in node.options), node.after_failures)
        case Digits() | Message():
            return node.then, node.after_failures
        case Transfer():
            return (node.after_failures,)
        case Queue() | End():
            return ()


def reached(flow: Flow, starts: Iterable[str]) -> frozenset[str]:
    """Every node on a way from `starts`. Names that lead nowhere are passed over: a faulty menu can be walked too."""
    found: set[str] = set()
    waiting = [name for name in starts if name in flow.nodes]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [then for then in ways(flow, name) if then in flow.nodes]
    return frozenset(found)


def starts(flow: Flow) -> list[str]:
    """Where calls begin."""
    own = [flow.human_first.then] if flow.human_first and flow.human_first.then else []
    return [*flow.entries.values(), *own]


def closed_only(flow: Flow, closed: str | None) -> frozenset[str]:
    """Nodes that callers reach only while the centre is closed. `closed` is the entry used then."""
    if closed is None or closed not in flow.entries:
        return frozenset()
    others = [start for start in starts(flow) if start != flow.entries[closed]]
    return reached(flow, [flow.entries[closed]]) - reached(flow, others)


def first_menu(flow: Flow, start: str) -> Menu | None:
    """The first menu on the way from a node, None when a queue, an end or a question comes first."""
    seen: set[str] = set()
    name = start
    while name not in seen:
        seen.add(name)
        node = flow.nodes[name]
        match node:
            case Menu():
                return node
            case Speech() | Language():
                name = node.then
            case _:
                return None
    return None


def languages(flow: Flow) -> dict[str, frozenset[str]]:
    """Node -> the languages in which it can be heard."""
    heard: dict[str, set[str]] = {name: set() for name in flow.nodes}
    waiting = [(name, LANGUAGE) for name in starts(flow)]
    while waiting:
        name, language = waiting.pop()
        if language in heard[name]:
            continue
        heard[name].add(language)
        node = flow.nodes[name]
        spoken = node.language if isinstance(node, Language) else language
        waiting += [(then, spoken) for then in ways(flow, name)]
    return {name: frozenset(found) for name, found in heard.items()}


def needed(flow: Flow) -> frozenset[tuple[str, Needs]]:
    """Queue node -> what callers may need who come to it; a pair for each way that asks for something else."""
    found: set[tuple[str, Needs]] = set()
    seen: set[tuple[str, Needs]] = set()
    waiting: list[tuple[str, Needs]] = [(name, ()) for name in starts(flow)]
    while waiting:
        name, needs = waiting.pop()
        if (name, needs) in seen:
            continue
        seen.add((name, needs))
        node = flow.nodes[name]
        if isinstance(node, Queue):
            found.add((name, _sorted(merged(needs, node.needs))))
        elif isinstance(node, Menu):
            waiting += [(option.then, _sorted(merged(needs, option.needs))) for option in node.options]
            waiting.append((node.after_failures, needs))
        else:
            own = _sorted(merged(needs, node.needs)) if isinstance(node, Language) else needs
            waiting += [(then, own) for then in ways(flow, name)]
    return frozenset(found)


def _sorted(needs: Needs) -> Needs:
    return tuple(sorted(needs))


def findings(flow: Flow, at_night: Collection[str] = (), distress: Collection[str] = (),
             closed: str | None = None) -> list[Finding]:
    """Problems in the order of the file's nodes. `at_night`: what `closed_only` says; `distress`: services for it;
    `closed`: the entry used while the centre is closed."""
    found: list[Finding] = []
    depths = _depths(flow)
    ends = _ending(flow)
    for name, node in flow.nodes.items():
        if name not in depths:
            found.append(Finding(name, f"nobody reaches node '{name}'",
                                 "Lead to it with an option or 'then', or take it out."))
        if name not in ends:
            found.append(Finding(name, f"node '{name}' is in a loop without a way out",
                                 "Lead it to a queue or an end, or to a menu that has one."))
        if isinstance(node, Menu):
            found += _menu(flow, node, depths.get(name, 0), at_night)
        if isinstance(node, Menu | Digits):
            found += _helped(flow, node, at_night)
        if isinstance(node, Message | Transfer) and node.after_failures == name:
            found.append(Finding(name, f"'after_failures' of node '{name}' leads back to itself",
                                 f"Lead it to '{flow.human}' or to a menu.", "after_failures"))
    return found + list(_texts(flow)) + list(_distress(flow, distress, closed))


def _texts(flow: Flow) -> Iterator[Finding]:
    """Short messages: in the languages that callers hear, and one for each service, for who waits has no node."""
    first: dict[str, Queue] = {}
    for name, spoken in languages(flow).items():
        node = flow.nodes[name]
        if not isinstance(node, Queue | End) or not node.sms:
            continue
        for language in sorted(spoken - {language for language, _ in node.sms}):
            yield Finding(name, f"'sms' of node '{name}' has no words in '{language}': it is sent in '{LANGUAGE}'",
                          f"Write {{{LANGUAGE}: \"…\", {language}: \"…\"}}.", "sms", True)
        if isinstance(node, Queue) and (other := first.setdefault(node.service, node)).sms != node.sms:
            yield Finding(name, f"who waits for '{node.service}' is sent 'sms' of '{other.name}', never that of node "
                          f"'{name}'", "Make them one.", "sms", True)


def _menu(flow: Flow, node: Menu, depth: int, at_night: Collection[str]) -> Iterator[Finding]:
    if depth > MAX_DEPTH:
        yield Finding(node.name, f"menu '{node.name}' is number {depth} one behind the other",
                      f"People find their way through {MAX_DEPTH}: bring it forward.")
    ways_of: dict[str, str] = {}
    for option in node.options:
        if option.then == node.name:
            yield Finding(node.name, f"key {option.key} of menu '{node.name}' leads back to the same menu",
                          "Take the option out; '#' repeats the menu.", f"option {option.key} then")
        if option.then == flow.human and option.key != HUMAN_KEY and node.name not in at_night:
            yield Finding(node.name, f"key {option.key} of menu '{node.name}' leads to the human, as 0 does",
                          "Take the option out, or lead it to a service of its own.", f"option {option.key} then", True)
        elif option.then in ways_of:
            yield Finding(node.name, f"keys {ways_of[option.then]} and {option.key} of menu '{node.name}' lead to the "
                          "same node", "Make one option of the two.", f"option {option.key} then", True)
        ways_of.setdefault(option.then, option.key)
        if option.key == REFUSE_KEY and flow.noticed:
            yield Finding(node.name, f"key {REFUSE_KEY} of menu '{node.name}' is the one that refuses a recording",
                          "Give the option another key.", f"option {option.key} key")
    keys = [option.key for option in node.options]
    if HUMAN_KEY in keys[:-1]:
        yield Finding(node.name, f"in menu '{node.name}' key 0 does not come last",
                      "Say it after the other options: what people look for comes first.", f"option {HUMAN_KEY} key",
                      True)
    numbers = [key for key in keys if key != HUMAN_KEY]
    if numbers != sorted(numbers):
        yield Finding(node.name, f"the keys of menu '{node.name}' are not in their order",
                      "Count upwards: who has heard '2' waits for '3'.", "options", True)


def _helped(flow: Flow, node: Menu | Digits, at_night: Collection[str]) -> Iterator[Finding]:
    after = flow.nodes[node.after_failures]
    if not isinstance(after, Queue) and not (isinstance(after, End) and node.name in at_night):
        what = "menu" if isinstance(node, Menu) else "node"
        yield Finding(node.name, f"'after_failures' of {what} '{node.name}' leads to '{node.after_failures}', "
                      "which is not a queue", f"Lead it to '{flow.human}': a person helps.")


def _distress(flow: Flow, distress: Collection[str], closed: str | None) -> Iterator[Finding]:
    """A service for distress is one key away from the beginning of every call. Who asked for a person at once is in
    the menu of the others by the key of it."""
    queues = [node for node in flow.nodes.values() if isinstance(node, Queue) and node.service in distress]
    wanted = {node.service: node for node in queues}
    for entry, start in flow.entries.items():
        if entry == closed:
            continue
        menu = first_menu(flow, start)
        near = {_behind(flow, option.then) for option in menu.options} if menu else {_behind(flow, start)}
        far = {node.service for name in reached(flow, [start]) if isinstance(node := flow.nodes[name], Queue)}
        for service, node in wanted.items():
            what = f"the service '{service}' is for distress, and from the entry '{entry}' "
            mend = "Give it a key of the first menu of that entry."
            if service not in far:
                yield Finding(node.name, what + "nobody reaches it", mend, "queue", True)
            elif service not in near:
                yield Finding(node.name, what + "it takes more than one key", mend, "queue")


def human_first(flow: Flow, place: str) -> list[Finding]:
    """Who asked for a person at once comes to one without a key. `place`: where the file says it."""
    own = flow.human_first
    if own is None or not own.then or _behind(flow, own.then) == flow.queue(flow.human).service:
        return []
    return [Finding(place, f"callers who asked for a person at once are led to '{own.then}', from where no person "
                    "follows without a key (rule I20)", f"Lead them to '{flow.human}', or to sentences before it.")]


def _behind(flow: Flow, name: str) -> str:
    """The service that follows without another key, empty when there is none."""
    seen: set[str] = set()
    while name not in seen:
        seen.add(name)
        node = flow.nodes[name]
        match node:
            case Queue():
                return node.service
            case Speech() | Language():
                name = node.then
            case _:
                return ""
    return ""


def _depths(flow: Flow) -> dict[str, int]:
    """Node -> how many menus stand on the shortest way to it, itself included."""
    depths: dict[str, int] = {}
    waiting = deque((name, 0) for name in starts(flow))
    while waiting:
        name, before = waiting.popleft()
        depth = before + isinstance(flow.nodes[name], Menu)
        if name in depths and depths[name] <= depth:
            continue
        depths[name] = depth
        waiting.extend((then, depth) for then in ways(flow, name))
    return depths


def _ending(flow: Flow) -> set[str]:
    """Nodes from which a queue or an end can be reached."""
    before: dict[str, list[str]] = {name: [] for name in flow.nodes}
    for name in flow.nodes:
        for then in ways(flow, name):
            before[then].append(name)
    ends = {name for name, node in flow.nodes.items() if isinstance(node, LEAVES)}
    waiting = list(ends)
    while waiting:
        for name in before[waiting.pop()]:
            if name not in ends:
                ends.add(name)
                waiting.append(name)
    return ends
