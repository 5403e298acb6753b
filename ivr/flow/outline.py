"""A menu as a tree with times: what is heard when, where each key leads. For the terminal and for pictures. Pure."""

from __future__ import annotations

from typing import NamedTuple

from ivr.flow import hear, sms, walk
from ivr.flow.hear import Voice
from ivr.flow.machine import OPTION_PAUSE_S
from ivr.flow.model import (
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
    is_address,
    leaf_says,
    said,
)
from ivr.flow.steps import LAST_STEP
from prompts.say import LANGUAGE


class Item(NamedTuple):
    """A node where it is first reached, or a word that it is drawn elsewhere."""

    node: str
    kind: str
    """`speech`, `menu`, `digits`, `language`, `message`, `queue`, `transfer`, `end`; `again` when it is drawn
    elsewhere."""
    lines: tuple[str, ...]
    """What it says and does."""
    ways: tuple[Way, ...]


class Way(NamedTuple):
    """From a node to the next one."""

    key: str
    """The key that is pressed; empty: without one."""
    words: str
    """What the caller hears of it, or when it is taken."""
    heard_s: float | None
    """When the key has been said: from the answer of the call for its first menu, from its beginning for a menu behind
    that; None: nothing is said."""
    to: Item
    needs: tuple[str, ...] = ()


def outline(flow: Flow, start: str, voice: Voice) -> Item:
    """The tree from a node."""
    return _Drawer(flow, voice).item(start, LANGUAGE, 0.0, 0)


class _Drawer:
    def __init__(self, flow: Flow, voice: Voice) -> None:
        self.flow, self.voice = flow, voice
        self.drawn: set[str] = set()

    def item(self, name: str, language: str, at: float, depth: int) -> Item:
        """`at`: seconds since the answer, as long as no key was needed; `depth`: menus before."""
        node = self.flow.nodes[name]
        if name in self.drawn:
            return Item(name, "again", (), ())
        self.drawn.add(name)
        match node:
            case Speech():
                long = self.length(node.say, language)
                return Item(name, "speech", (*self.words(node.say, language), f"{long:.1f} s"),
                            (Way("", "", None, self.item(node.then, language, at + long, depth)),))
            case Language():
                return Item(name, "language", (f"from here on in '{node.language}'", *_needs(node.needs)),
                            (Way("", "", None, self.item(node.then, node.language, at, depth)),))
            case Menu():
                return self.menu(node, language, at, depth)
            case Digits():
                many = str(node.least) if node.least == node.most else f"{node.least} to {node.most}"
                lines = (*self.words(node.say, language), f"{many} digits, checked as {node.check}")
                return Item(name, "digits", lines, (self.way(node.then, language, depth),
                                                    self.failed(node.after_failures, language, depth)))
            case Message():
                return Item(name, "message", (*self.words(leaf_says(node), language), f"spoken message for "
                            f"{node.service}, up to {node.max_s:.0f} s", *_twin(node)),
                            (self.way(node.then, language, depth),
                             self.failed(node.after_failures, language, depth, "when none was taken")))
            case Transfer():
                return Item(name, "transfer", (*self.words(leaf_says(node), language), f"to the outside number "
                            f"'{node.to}'", *_twin(node)),
                            (self.failed(node.after_failures, language, depth, "when nobody answers"),))
            case Queue():
                points = (f"{node.priority} points",) if node.priority else ()
                return Item(name, "queue", (*self.words(leaf_says(node), language), f"waits for {node.service}",
                                            *points, *_needs(node.needs), *(f"topic {one}" for one in node.topics),
                                            *_twin(node)), ())
            case End():
                return Item(name, "end", (*self.words(leaf_says(node), language), "good-bye", *_twin(node)), ())

    def menu(self, menu: Menu, language: str, at: float, depth: int) -> Item:
        began = at if depth == 0 else 0.0
        timed = hear.times(menu, self.voice, language, behind=depth > 0)
        slow = hear.times(menu, self.voice, language, slow=True, behind=depth > 0)
        limit = hear.MAIN_S if depth == 0 else hear.SUB_S
        human = "" if timed.human_s is None else f"the human's key after {began + timed.human_s:.1f} of {limit:.0f} s"
        lines = (*self.words(menu.intro, language), *((human,) if human else ()),
                 f"all of it {timed.whole_s:.1f} s, slowly {slow.whole_s:.1f} s")
        heard = began + self.length((*((LAST_STEP,) if depth else ()), *menu.intro), language, OPTION_PAUSE_S)
        ways = []
        for option in menu.options:
            heard += self.length((option.say,), language, OPTION_PAUSE_S)
            ways.append((option.key, self.voice.text(option.say, language=language), heard - OPTION_PAUSE_S, option))
        # Drawn in the order of the keys, the way after failures last: it mostly leads where 0 leads.
        return Item(menu.name, "menu", lines, (
            *(Way(key, words, when, self.item(option.then, language, 0.0, depth + 1), _needs(option.needs))
              for key, words, when, option in ways),
            self.failed(menu.after_failures, language, depth + 1)))

    def way(self, then: str, language: str, depth: int) -> Way:
        return Way("", "then", None, self.item(then, language, 0.0, max(depth, 1)))

    def failed(self, then: str, language: str, depth: int, when: str = "after two failures") -> Way:
        return Way("", when, None, self.item(then, language, 0.0, max(depth, 1)))

    def words(self, keys: tuple[str, ...], language: str) -> tuple[str, ...]:
        return tuple(self.voice.text(key, language=language) for key in keys)

    def length(self, keys: tuple[str, ...], language: str, pause: float = 0.0) -> float:
        return sum(self.voice.seconds(key, language=language) + pause for key in keys)


def _needs(needs: Needs) -> tuple[str, ...]:
    return tuple(f"needs {skill} {level}" for skill, level in needs)


def _twin(node: Queue | Transfer | End | Message) -> tuple[str, ...]:
    """Its address, and the words before that in a short message."""
    texts = node.sms if isinstance(node, Queue | End) else ()
    return (*((f"in writing: {node.text}",) if node.text and is_address(node.text) else ()),
            *(f"key {sms.KEY}, with a gateway: short message{'' if language == LANGUAGE else f' in {language!r}'}, "
              f"\"{words}\"" for language, words in texts))


def built(flow: Flow, voice: Voice) -> bool:
    """Whether all times are by built sounds; else some are reckoned."""
    return all(voice.built(key, language=language) for name, languages in walk.languages(flow).items()
               for language in languages for key in said(flow.nodes[name]))
