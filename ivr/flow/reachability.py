"""Walk through a menu and report what single nodes cannot show. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from ivr.flow.dialogue_steps import merge_needs
from ivr.flow.menu_model import (
    HUMAN_KEY,
    LEAVES,
    MAX_DEPTH,
    REFUSE_KEY,
    Digits,
    End,
    Language,
    Menu,
    MenuFlow,
    Message,
    Needs,
    Queue,
    Speech,
    Transfer,
)
from prompts.verbalise.number_prompts import LANGUAGE


class Finding(NamedTuple):
    """A problem of a node, or of a key of the node."""

    node: str
    what: str
    mend: str
    key: str = ""
    """Key of the node with the problem, or `option 1 say` for an option. Empty for the node itself."""
    warning: bool = False


def next_nodes(flow: MenuFlow, name: str) -> tuple[str, ...]:
    """Return the nodes that can follow, including the one after failures."""
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


def reachable_nodes(flow: MenuFlow, starts: Iterable[str]) -> frozenset[str]:
    """Return every node on a path from `starts`. Names without a node are skipped, so a faulty menu can be walked."""
    found: set[str] = set()
    waiting = [name for name in starts if name in flow.nodes]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [then for then in next_nodes(flow, name) if then in flow.nodes]
    return frozenset(found)


def start_nodes(flow: MenuFlow) -> list[str]:
    """Return the nodes at which calls begin."""
    own = [flow.human_first.then] if flow.human_first and flow.human_first.then else []
    return [*flow.entries.values(), *own]


def nodes_when_closed(flow: MenuFlow, closed: str | None) -> frozenset[str]:
    """Return the nodes that callers reach only while the centre is closed. `closed` is the entry used then."""
    if closed is None or closed not in flow.entries:
        return frozenset()
    others = [start for start in start_nodes(flow) if start != flow.entries[closed]]
    return reachable_nodes(flow, [flow.entries[closed]]) - reachable_nodes(flow, others)


def first_menu(flow: MenuFlow, start: str) -> Menu | None:
    """Return the first menu on the path from a node, or None if a queue, an end or a question comes first."""
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


def spoken_languages(flow: MenuFlow) -> dict[str, frozenset[str]]:
    """Return the languages in which each node can be heard."""
    heard: dict[str, set[str]] = {name: set() for name in flow.nodes}
    waiting = [(name, LANGUAGE) for name in start_nodes(flow)]
    while waiting:
        name, language = waiting.pop()
        if language in heard[name]:
            continue
        heard[name].add(language)
        node = flow.nodes[name]
        spoken = node.language if isinstance(node, Language) else language
        waiting += [(then, spoken) for then in next_nodes(flow, name)]
    return {name: frozenset(found) for name, found in heard.items()}


def needs_by_queue(flow: MenuFlow) -> frozenset[tuple[str, Needs]]:
    """Return queue nodes with what their callers may need: one pair for each path with different needs."""
    found: set[tuple[str, Needs]] = set()
    seen: set[tuple[str, Needs]] = set()
    waiting: list[tuple[str, Needs]] = [(name, ()) for name in start_nodes(flow)]
    while waiting:
        name, needs = waiting.pop()
        # A node with the same needs leads to nothing new, so loops end here.
        if (name, needs) in seen:
            continue
        seen.add((name, needs))
        node = flow.nodes[name]
        if isinstance(node, Queue):
            found.add((name, _sort_needs(merge_needs(needs, node.needs))))
        elif isinstance(node, Menu):
            waiting += [(option.then, _sort_needs(merge_needs(needs, option.needs))) for option in node.options]
            waiting.append((node.after_failures, needs))
        else:
            own = _sort_needs(merge_needs(needs, node.needs)) if isinstance(node, Language) else needs
            waiting += [(then, own) for then in next_nodes(flow, name)]
    return frozenset(found)


def _sort_needs(needs: Needs) -> Needs:
    return tuple(sorted(needs))


def find_problems(flow: MenuFlow, at_night: Collection[str] = (), distress: Collection[str] = (),
             closed: str | None = None) -> list[Finding]:
    """Return the problems in the order of the file's nodes.

    `at_night` is the result of `nodes_when_closed`, `distress` has the services for it, and `closed` is the entry of
    the closed centre.
    """
    found: list[Finding] = []
    depths = _menu_depths(flow)
    ends = _ending_nodes(flow)
    for name, node in flow.nodes.items():
        if name not in depths:
            found.append(Finding(name, f"nobody reaches node '{name}'",
                                 "Lead to it with an option or 'then', or take it out."))
        if name not in ends:
            found.append(Finding(name, f"node '{name}' is in a loop without a way out",
                                 "Lead it to a queue or an end, or to a menu that has one."))
        if isinstance(node, Menu):
            found += _check_menu(flow, node, depths.get(name, 0), at_night)
        if isinstance(node, Menu | Digits):
            found += _check_fallback(flow, node, at_night)
        if isinstance(node, Message | Transfer) and node.after_failures == name:
            found.append(Finding(name, f"'after_failures' of node '{name}' leads back to itself",
                                 f"Lead it to '{flow.human}' or to a menu.", "after_failures"))
    return found + list(_check_texts(flow)) + list(_check_distress(flow, distress, closed))


def _check_texts(flow: MenuFlow) -> Iterator[Finding]:
    """Yield problems of short messages: missing languages, and different texts for the same service."""
    first: dict[str, Queue] = {}
    for name, spoken in spoken_languages(flow).items():
        node = flow.nodes[name]
        if not isinstance(node, Queue | End) or not node.sms:
            continue
        for language in sorted(spoken - {language for language, _ in node.sms}):
            yield Finding(name, f"'sms' of node '{name}' has no words in '{language}': it is sent in '{LANGUAGE}'",
                          f"Write {{{LANGUAGE}: \"…\", {language}: \"…\"}}.", "sms", True)
        # A waiting caller has no node, so all nodes of a service must send the same text.
        if isinstance(node, Queue) and (other := first.setdefault(node.service, node)).sms != node.sms:
            yield Finding(name, f"callers of '{node.service}' are sent 'sms' of '{other.name}', never that of node "
                          f"'{name}'", "Make them one.", "sms", True)


def _check_menu(flow: MenuFlow, node: Menu, depth: int, at_night: Collection[str]) -> Iterator[Finding]:
    if depth > MAX_DEPTH:
        yield Finding(node.name, f"menu '{node.name}' is number {depth} one behind the other",
                      f"People find their way through {MAX_DEPTH}: bring it forward.")
    # 1. Each option by itself, and against the earlier ones.
    ways_of: dict[str, str] = {}
    for option in node.options:
        if option.then == node.name:
            yield Finding(node.name, f"key {option.key} of menu '{node.name}' leads back to the same menu",
                          "Take the option out; '#' repeats the menu.", f"option {option.key} then")
        if option.then == flow.human and option.key != HUMAN_KEY and node.name not in at_night:
            yield Finding(node.name, f"key {option.key} of menu '{node.name}' leads to the human, as 0 does",
                          "Take the option out, or lead it to a separate service.", f"option {option.key} then", True)
        elif option.then in ways_of:
            yield Finding(node.name, f"keys {ways_of[option.then]} and {option.key} of menu '{node.name}' lead to the "
                          "same node", "Make one option of the two.", f"option {option.key} then", True)
        ways_of.setdefault(option.then, option.key)
        if option.key == REFUSE_KEY and flow.has_notice:
            yield Finding(node.name, f"key {REFUSE_KEY} of menu '{node.name}' is the one that refuses a recording",
                          "Give the option another key.", f"option {option.key} key")
    # 2. The order of the keys.
    keys = [option.key for option in node.options]
    if HUMAN_KEY in keys[:-1]:
        yield Finding(node.name, f"in menu '{node.name}' key 0 does not come last",
                      "Say it after the other options: what people look for comes first.", f"option {HUMAN_KEY} key",
                      True)
    numbers = [key for key in keys if key != HUMAN_KEY]
    if numbers != sorted(numbers):
        yield Finding(node.name, f"the keys of menu '{node.name}' are not in their order",
                      "Count upwards: a caller who has heard '2' waits for '3'.", "options", True)


def _check_fallback(flow: MenuFlow, node: Menu | Digits, at_night: Collection[str]) -> Iterator[Finding]:
    after = flow.nodes[node.after_failures]
    if not isinstance(after, Queue) and not (isinstance(after, End) and node.name in at_night):
        what = "menu" if isinstance(node, Menu) else "node"
        yield Finding(node.name, f"'after_failures' of {what} '{node.name}' leads to '{node.after_failures}', "
                      "which is not a queue", f"Lead it to '{flow.human}': a person helps.")


def _check_distress(flow: MenuFlow, distress: Collection[str], closed: str | None) -> Iterator[Finding]:
    """Yield services for distress that are more than one key away from the beginning of a call.

    Callers who asked for a person at once reach the usual menu by its key. Their calls need no check.
    """
    queues = [node for node in flow.nodes.values() if isinstance(node, Queue) and node.service in distress]
    wanted = {node.service: node for node in queues}
    for entry, start in flow.entries.items():
        if entry == closed:
            continue
        menu = first_menu(flow, start)
        near = {service_behind(flow, option.then) for option in menu.options} if menu \
            else {service_behind(flow, start)}
        far = {node.service for name in reachable_nodes(flow, [start]) if isinstance(node := flow.nodes[name], Queue)}
        for service, node in wanted.items():
            what = f"the service '{service}' is for distress, and from the entry '{entry}' "
            mend = "Give it a key of the first menu of that entry."
            if service not in far:
                yield Finding(node.name, what + "nobody reaches it", mend, "queue", True)
            elif service not in near:
                yield Finding(node.name, what + "it takes more than one key", mend, "queue")


def check_human_first(flow: MenuFlow, place: str) -> list[Finding]:
    """Return a problem if callers who asked for a person at once need a key. `place` is the file's place of that
    setting."""
    own = flow.human_first
    if own is None or not own.then or service_behind(flow, own.then) == flow.queue_node(flow.human).service:
        return []
    return [Finding(place, f"callers who asked for a person at once are led to '{own.then}', from where no person "
                    "follows without a key (rule I20)", f"Lead them to '{flow.human}', or to sentences before it.")]


def service_behind(flow: MenuFlow, name: str) -> str:
    """Return the service that follows without another key, or an empty string."""
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


def _menu_depths(flow: MenuFlow) -> dict[str, int]:
    """Return the number of menus on the shortest path to each node, including the node."""
    depths: dict[str, int] = {}
    waiting = deque((name, 0) for name in start_nodes(flow))
    while waiting:
        name, before = waiting.popleft()
        depth = before + isinstance(flow.nodes[name], Menu)
        # A longer path to a node that was reached before shows nothing new.
        if name in depths and depths[name] <= depth:
            continue
        depths[name] = depth
        waiting.extend((then, depth) for then in next_nodes(flow, name))
    return depths


def _ending_nodes(flow: MenuFlow) -> set[str]:
    """Return the nodes from which a queue or an end can be reached."""
    before: dict[str, list[str]] = {name: [] for name in flow.nodes}
    for name in flow.nodes:
        for then in next_nodes(flow, name):
            before[then].append(name)
    # Walk backwards from the leaves: every node that is met has a way out.
    ends = {name for name, node in flow.nodes.items() if isinstance(node, LEAVES)}
    waiting = list(ends)
    while waiting:
        for name in before[waiting.pop()]:
            if name not in ends:
                ends.add(name)
                waiting.append(name)
    return ends
