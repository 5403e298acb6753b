"""Outline a menu as a tree with times, for the terminal and for pictures. No I/O."""

from __future__ import annotations

from typing import NamedTuple

from ivr.flow import reachability, sms_text, sound_checks
from ivr.flow.dialogue_machine import OPTION_PAUSE_S
from ivr.flow.dialogue_steps import LAST_STEP
from ivr.flow.menu_model import (
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
    is_address,
    leaf_prompts,
    prompts_of,
)
from ivr.flow.sound_checks import PromptVoice
from prompts.verbalise.number_prompts import LANGUAGE


class OutlineItem(NamedTuple):
    """A node at its first appearance, or a reference to it elsewhere in the tree."""

    node: str
    kind: str
    """`speech`, `menu`, `digits`, `language`, `message`, `queue`, `transfer`, `end`, or `again` for a reference."""
    lines: tuple[str, ...]
    """Lines of text with the node's words and properties."""
    ways: tuple[OutlineWay, ...]


class OutlineWay(NamedTuple):
    """Connection from a node to the next one."""

    key: str
    """Key to press. Empty if no key is needed."""
    words: str
    """Words of the option, or the condition of the connection."""
    heard_s: float | None
    """Second in which the key has been said, or None if nothing is said.

    The time begins at the answer of the call for the first menu, and at its own beginning for later menus.
    """
    to: OutlineItem
    needs: tuple[str, ...] = ()


def build_outline(flow: MenuFlow, start: str, voice: PromptVoice) -> OutlineItem:
    """Return the tree that begins at a node."""
    return _OutlineBuilder(flow, voice).build_item(start, LANGUAGE, 0.0, 0)


class _OutlineBuilder:
    def __init__(self, flow: MenuFlow, voice: PromptVoice) -> None:
        self.flow, self.voice = flow, voice
        self.drawn: set[str] = set()

    def build_item(self, name: str, language: str, at: float, depth: int) -> OutlineItem:
        """Return the item of a node. `at` is the time since the answer as long as no key was needed.

        `depth` is the number of menus before the node.
        """
        node = self.flow.nodes[name]
        if name in self.drawn:
            return OutlineItem(name, "again", (), ())
        self.drawn.add(name)
        match node:
            case Speech():
                long = self.total_length_s(node.say, language)
                return OutlineItem(name, "speech", (*self.prompt_texts(node.say, language), f"{long:.1f} s"),
                            (OutlineWay("", "", None, self.build_item(node.then, language, at + long, depth)),))
            case Language():
                return OutlineItem(name, "language", (f"from here on in '{node.language}'", *_format_needs(node.needs)),
                            (OutlineWay("", "", None, self.build_item(node.then, node.language, at, depth)),))
            case Menu():
                return self.build_menu(node, language, at, depth)
            case Digits():
                many = str(node.least) if node.least == node.most else f"{node.least} to {node.most}"
                lines = (*self.prompt_texts(node.say, language), f"{many} digits, checked as {node.check}")
                return OutlineItem(name, "digits", lines, (self.plain_way(node.then, language, depth),
                                                    self.failure_way(node.after_failures, language, depth)))
            case Message():
                return OutlineItem(
                    name, "message",
                    (*self.prompt_texts(leaf_prompts(node), language),
                     f"spoken message for {node.service}, up to {node.max_s:.0f} s", *_describe_twin(node)),
                    (self.plain_way(node.then, language, depth),
                     self.failure_way(node.after_failures, language, depth, "when none was taken")))
            case Transfer():
                return OutlineItem(
                    name, "transfer",
                    (*self.prompt_texts(leaf_prompts(node), language), f"to the outside number '{node.to}'",
                     *_describe_twin(node)),
                    (self.failure_way(node.after_failures, language, depth, "when nobody answers"),))
            case Queue():
                points = (f"{node.priority} points",) if node.priority else ()
                return OutlineItem(
                    name, "queue",
                    (*self.prompt_texts(leaf_prompts(node), language), f"waits for {node.service}", *points,
                     *_format_needs(node.needs), *(f"topic {one}" for one in node.topics), *_describe_twin(node)), ())
            case End():
                return OutlineItem(
                    name, "end",
                    (*self.prompt_texts(leaf_prompts(node), language), "good-bye", *_describe_twin(node)), ())

    def build_menu(self, menu: Menu, language: str, at: float, depth: int) -> OutlineItem:
        began = at if depth == 0 else 0.0
        timed = sound_checks.menu_times(menu, self.voice, language, behind=depth > 0)
        slow = sound_checks.menu_times(menu, self.voice, language, slow=True, behind=depth > 0)
        limit = sound_checks.MAIN_S if depth == 0 else sound_checks.SUB_S
        human = "" if timed.human_s is None else f"the human's key after {began + timed.human_s:.1f} of {limit:.0f} s"
        lines = (*self.prompt_texts(menu.intro, language), *((human,) if human else ()),
                 f"all of it {timed.whole_s:.1f} s, slowly {slow.whole_s:.1f} s")
        heard = began + self.total_length_s((*((LAST_STEP,) if depth else ()), *menu.intro), language, OPTION_PAUSE_S)
        ways = []
        for option in menu.options:
            heard += self.total_length_s((option.say,), language, OPTION_PAUSE_S)
            ways.append((option.key, self.voice.text_of(option.say, language=language), heard - OPTION_PAUSE_S, option))
        # Draw in the order of the keys, with the way after failures last: it mostly leads where 0 leads.
        return OutlineItem(menu.name, "menu", lines, (
            *(OutlineWay(key, words, when, self.build_item(option.then, language, 0.0, depth + 1),
                _format_needs(option.needs))
              for key, words, when, option in ways),
            self.failure_way(menu.after_failures, language, depth + 1)))

    def plain_way(self, then: str, language: str, depth: int) -> OutlineWay:
        return OutlineWay("", "then", None, self.build_item(then, language, 0.0, max(depth, 1)))

    def failure_way(self, then: str, language: str, depth: int, when: str = "after two failures") -> OutlineWay:
        return OutlineWay("", when, None, self.build_item(then, language, 0.0, max(depth, 1)))

    def prompt_texts(self, keys: tuple[str, ...], language: str) -> tuple[str, ...]:
        return tuple(self.voice.text_of(key, language=language) for key in keys)

    def total_length_s(self, keys: tuple[str, ...], language: str, pause: float = 0.0) -> float:
        return sum(self.voice.length_s(key, language=language) + pause for key in keys)


def _format_needs(needs: Needs) -> tuple[str, ...]:
    return tuple(f"needs {skill} {level}" for skill, level in needs)


def _describe_twin(node: Queue | Transfer | End | Message) -> tuple[str, ...]:
    """Return the address of the written form, and the words before it in a short message."""
    texts = node.sms if isinstance(node, Queue | End) else ()
    return (*((f"in writing: {node.text}",) if node.text and is_address(node.text) else ()),
            *(f"key {sms_text.KEY}, with a gateway: short message"
              f"{'' if language == LANGUAGE else f' in {language!r}'}, \"{words}\"" for language, words in texts))


def all_built(flow: MenuFlow, voice: PromptVoice) -> bool:
    """Return whether all times come from built sounds. Otherwise some are estimated."""
    return all(voice.is_built(key, language=language) for name, languages in reachability.spoken_languages(flow).items()
               for language in languages for key in prompts_of(flow.nodes[name]))
