"""The dialogue without I/O: (flow, state, input, now) -> (state, next step). The shell plays and listens, nothing else.

The rules are those of accessible telephone menus (COGA, EN 301 549 6.4, 36 CFR 1194.23(d)); `docs/centre/menu.md` lists
them for the people who write menus. Wrong key, no key and a failing machine are three different things: the first two
are counted together (two of them lead to a human), the third is an exception and the dialplan's business.
"""

from __future__ import annotations

from ivr.flow import keying, refusal, sms
from ivr.flow.model import (
    BACK_KEY,
    HEARD,
    HUMAN_KEY,
    OPTION_KEYS,
    REFUSE_KEY,
    REPEAT_KEY,
    SLOW_KEY,
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
    leaf_says,
)
from ivr.flow.steps import (
    AT_TOP,
    BACK_HINT,
    CLOSED,
    FAILURES,
    FORGOTTEN,
    LAST_STEP,
    MORE_GIVEN,
    MORE_OFFER,
    MORE_S,
    NO_KEY,
    NOT_REACHED,
    NOT_RECORDED,
    OFFER_SLOW,
    PAUSED,
    PERSON,
    REMEMBERED,
    SLOW_ON,
    TO_HUMAN,
    WARNING_S,
    WRONG_KEY,
    Ask,
    Enter,
    Input,
    Key,
    Keyed,
    Lead,
    Leave,
    Passed,
    Record,
    Recorded,
    State,
    Step,
    Text,
    Texted,
    merged,
)
from prompts.say import LANGUAGE

OPTION_PAUSE_S = 0.8
"""Silence after each option (rule I4)."""
ANSWER_S = 7.0
"""Time for an answer after the last sentence (rule I5)."""
MORE_TIMES = 2
"""How often more time is given in one menu."""
BACK_S = 0.8
"""Silence after the acknowledgement, in which `9` still takes the choice back. Short: a caller in distress waits for a
person, not for us."""
UNDO_S = 2.0
"""Silence after what was remembered of an earlier call, in which `9` still takes it back."""
PAUSE_S = 60.0
"""A pause for those who read what is said, or have it told by a relay; any key ends it (rule I19)."""
MAX_ROUNDS = 20
"""Sentences asked for again (`#`, `*`, `9`) in one call; then the human. Nobody needs it, a stuck key does."""
MAX_CALL_S = 540.0
"""Longest dialogue; then the human. A relay needs a pause in each of two menus and a number to be looked up and read
back at slow speed: 6 minutes. The dialplan's limit, 600 s, must not come first (`ivr.entry.ALIVE_AGAIN_S`)."""


def begin(flow: Flow, entry: str, now: float, *, slow: bool = False, remembered: bool = False,
          human_first: bool = False, notice: str = "", texts: bool = False) -> tuple[State, Step]:
    """Start at an entry (KeyError when there is none). `slow`: the caller asked for it before in this call;
    `remembered`: in an earlier one, which they are told first; `human_first`: they asked for a person at once, and the
    menu says what that gives; `notice`: what became of the recording notice before; `texts`: short messages can be sent
    to them."""
    own = flow.human_first if human_first else None
    state = State(flow.entries[entry], now, slow=slow or remembered, notice=notice, points=own.priority if own else 0,
                  person=own.then if own else "", texts=texts, remembered=remembered)
    if remembered:
        return _told(state, "remembered", REMEMBERED, ())
    return _first(flow, state, ())


def resume(flow: Flow, node: str, now: float, *, slow: bool = False, language: str = LANGUAGE,
           needs: Needs = (), notice: str = "", texts: bool = False) -> tuple[State, Step]:
    """After a `Lead` that nobody answered: at its `failed`, or with the human when the menu has changed meanwhile."""
    at = node if node in flow.nodes else flow.human
    return _give_up(flow, State(at, now, slow=slow, language=language, needs=needs, notice=notice, texts=texts), at,
                    (NOT_REACHED,))


def closed(flow: Flow, state: State, *, told: bool) -> tuple[State, Step]:
    """The service that was chosen is closed. That is said, unless the caller was `told`; what it has in writing is
    offered, and the menu it was chosen in comes again; without one, or at the end of patience, the human."""
    said, leaf = () if told else (CLOSED,), flow.nodes[state.node]
    if isinstance(leaf, Queue) and leaf.sms and state.texts:
        return _offered(state, said)
    return _turned_away(flow, state, said)


def _turned_away(flow: Flow, state: State, said: tuple[str, ...], typed: str = "") -> tuple[State, Step]:
    if not state.path or state.rounds > MAX_ROUNDS:
        return _give_up(flow, state._replace(typed=typed), flow.human, said)
    *path, last = state.path
    return _enter(flow, state._replace(node=last.menu, path=tuple(path), language=last.language, needs=last.needs,
                                       rounds=state.rounds + 1, failures=0, typed=typed), said)


def step(flow: Flow, state: State, given: Input, now: float) -> tuple[State, Step]:
    """The next step. `now` in seconds of any steady clock, the same as in `begin`."""
    node = flow.nodes[state.node]
    if state.phase == "sms":
        return _texting(flow, state, given)
    if isinstance(given, Recorded) and isinstance(node, Message):  # whatever the clock says: the message is taken
        return (_enter(flow, state._replace(node=node.then), ()) if given.kept
                else _give_up(flow, state, node.after_failures, ()))
    if now - state.since > MAX_CALL_S or state.rounds > MAX_ROUNDS:
        last = state._replace(typed=REFUSE_KEY) if refusal.refuses(flow, state, given) else state
        return _give_up(flow, last, _refuge(flow, state.node), ())
    if state.phase in ("remembered", "person"):
        return _remembered(flow, state, given)
    match node:
        case Speech() if node.notice:
            return _noticed(flow, node, state, given)
        case Speech():
            return _enter(flow, *refusal.typed(flow, state._replace(node=node.then), given))
        case Menu():
            if state.phase == "confirm":
                return _confirmed(flow, node, state, given)
            if state.phase == "pause" and not refusal.refuses(flow, state, given):
                return _enter(flow, state, ())
            if isinstance(given, Key):
                return _pressed(flow, node, state, given.digit)
            return _silent(flow, node, state)
        case Digits():
            if refusal.refuses(flow, state, given):  # no answer to whether it is right: that is asked again
                return _keyed(flow, node, keying.again(node, refusal.refused(state._replace(rounds=state.rounds + 1)),
                                                       NOT_RECORDED))
            return _keyed(flow, node, keying.step(node, state, given))
        case Language() | Message() | Queue() | Transfer() | End():
            return _enter(flow, state, ())


def _enter(flow: Flow, state: State, before: tuple[str, ...]) -> tuple[State, Step]:
    """Arrive at `state.node`, saying `before` first."""
    node = flow.nodes[state.node]
    if state.typed == REFUSE_KEY and flow.noticed and isinstance(node, Queue | Transfer):  # no menu will take it
        return _enter(flow, refusal.refused(state._replace(typed="")), (*before, NOT_RECORDED))
    match node:
        case Speech():
            return state._replace(phase="say"), Ask((*before, *node.say), 0.0, 0.0, state.slow, state.language)
        case Language():
            spoken = state._replace(node=node.then, language=node.language, needs=merged(state.needs, node.needs))
            if state.remembered and not state.typed:  # who has chosen this language may not have understood it before
                return _told(spoken._replace(remembered=False), "remembered", REMEMBERED, before)
            return _enter(flow, spoken, before)
        case Menu():
            arrived = state.phase not in ("menu", "warn", "pause")
            fresh = state._replace(phase="menu", more=0, chosen="")
            typed = state.typed
            if typed:
                after, step = _pressed(flow, node, fresh._replace(typed=""), typed)
                return after, step._replace(say=(*before, *step.say))
            where = (LAST_STEP,) if arrived and state.path else ()
            said = (*before, *where, *node.intro, *(option.say for option in node.options), *node.closing)
            return fresh, fresh.ask(said, OPTION_PAUSE_S, ANSWER_S - WARNING_S)
        case Digits():
            return _keyed(flow, node, keying.begin(node, state, before))
        case Message():
            said = (*before, *leaf_says(node))
            return state._replace(phase="say"), Record(node.service, node.max_s, state.slow, said, state.language)
        case Queue():
            queue = node._replace(priority=node.priority + state.points)
            return state, Enter(queue, state.slow, (*before, *leaf_says(node)), state.language,
                                merged(state.needs, node.needs), state.keyed)
        case Transfer():
            return state, Lead(node.to, node.after_failures, state.slow, (*before, *leaf_says(node)), state.language,
                               state.needs)
        case End() if node.sms and state.texts:
            return _offered(state, (*before, *leaf_says(node)))
        case End():
            return state, Leave(state.slow, (*before, *leaf_says(node)), state.language)


def _told(state: State, phase: str, sentence: str, before: tuple[str, ...]) -> tuple[State, Step]:
    """What an earlier call has left, with time to take it back."""
    told = state._replace(phase=phase)
    return told, told.ask((*before, sentence), 0.0, UNDO_S)


def _first(flow: Flow, state: State, before: tuple[str, ...]) -> tuple[State, Step]:
    """To a person, for who asked for that, or to the entry. Who presses a key of the menu already goes there: the way
    to help in distress is the same for everybody."""
    if state.person and not state.typed:
        return _told(state, "person", PERSON, before)
    return _enter(flow, state._replace(phase="say", person=""), before)


def _remembered(flow: Flow, state: State, given: Input) -> tuple[State, Step]:
    """After what was remembered. `9` takes it back; a digit of the menu is kept for it. A refusal is neither."""
    digit = given.digit if isinstance(given, Key) else ""
    refuses = refusal.refuses(flow, state, given)
    if refuses or digit in (REPEAT_KEY, SLOW_KEY):
        again = state._replace(rounds=state.rounds + 1, slow=state.slow or digit == SLOW_KEY)
        return _told(refusal.refused(again) if refuses else again, state.phase,
                     REMEMBERED if state.phase == "remembered" else PERSON, (NOT_RECORDED,) if refuses else ())
    typed = state._replace(typed="" if digit == BACK_KEY else digit)
    if state.phase == "remembered":
        if digit == BACK_KEY:
            return _first(flow, typed._replace(slow=False, remembered=False, unwished=True), (FORGOTTEN,))
        return _first(flow, typed, ())
    if digit in ("", HUMAN_KEY):
        return _enter(flow, state._replace(node=state.person, phase="say"), ())
    return _enter(flow, typed._replace(phase="say", person=""), ())


def _noticed(flow: Flow, node: Speech, state: State, given: Input) -> tuple[State, Step]:
    """The recording notice: heard when it was said to its end; whoever cuts it off with another key has not heard it.
    A refusal stands."""
    onward = state._replace(node=node.then)
    if isinstance(given, Key) and given.digit == REFUSE_KEY:
        return _enter(flow, refusal.refused(onward), (NOT_RECORDED,))
    if isinstance(given, Key):
        return _enter(flow, *refusal.typed(flow, onward, given))
    return _enter(flow, onward._replace(notice=state.notice or HEARD), ())


def _pressed(flow: Flow, menu: Menu, state: State, digit: str) -> tuple[State, Step]:
    again = state._replace(rounds=state.rounds + 1)
    if digit == SLOW_KEY:
        return _starred(flow, state, again)
    if digit == REPEAT_KEY:
        return _enter(flow, again, ())
    if digit == BACK_KEY:
        if not state.path:
            return _enter(flow, again, (AT_TOP,))
        *path, last = state.path
        return _enter(flow, again._replace(node=last.menu, path=tuple(path), language=last.language,
                                           needs=last.needs), ())
    option = menu.option(digit)
    if option is None and digit == REFUSE_KEY and flow.noticed:
        return _enter(flow, refusal.refused(again), (NOT_RECORDED,))
    if option is None:
        return _failed(flow, menu, state, WRONG_KEY)
    chosen = state._replace(phase="confirm", chosen=digit)
    # `9` is explained to those who have shown that they need time; everybody else is on the way at once.
    explain = option.then != flow.human and (state.slow or state.failures > 0)
    said = (option.confirm, BACK_HINT) if explain else (option.confirm,)
    return chosen, chosen.ask(said, 0.0, BACK_S)


def _starred(flow: Flow, state: State, again: State) -> tuple[State, Step]:
    """`*`: in the last seconds more time, and slow speech with it; at any other moment slow speech from the beginning
    of the menu; for who has that already a pause."""
    if state.phase == "warn" and state.more < MORE_TIMES:
        given = state._replace(phase="menu", more=state.more + 1, slow=True)
        # The 20 seconds include the warning before their end, so that more time can be asked for once more.
        return given, given.ask((MORE_GIVEN,), OPTION_PAUSE_S, MORE_S - WARNING_S)
    if not state.slow:
        return _enter(flow, again._replace(slow=True), (SLOW_ON,))
    paused = again._replace(phase="pause")
    return paused, Ask((PAUSED,), 0.0, PAUSE_S, state.slow, state.language)


def _silent(flow: Flow, menu: Menu, state: State) -> tuple[State, Step]:
    if state.phase == "menu":
        warned = state._replace(phase="warn")
        # After MORE_TIMES there is no more to offer: the last seconds pass in silence.
        said = (MORE_OFFER,) if state.more < MORE_TIMES else ()
        return warned, warned.ask(said, OPTION_PAUSE_S, WARNING_S)
    return _failed(flow, menu, state, NO_KEY)


def _failed(flow: Flow, menu: Menu, state: State, why: str) -> tuple[State, Step]:
    failures = state.failures + 1
    if failures >= FAILURES:
        return _give_up(flow, state, menu.after_failures, (why,))
    offer = () if state.slow else (OFFER_SLOW,)
    return _enter(flow, state._replace(failures=failures), (why, *offer))


def _keyed(flow: Flow, node: Digits, outcome: keying.Outcome) -> tuple[State, Step]:
    """Where a question of several keys leads."""
    state, told = outcome
    if isinstance(told, Ask):
        return state, told
    if told is keying.Verdict.HUMAN:
        return _give_up(flow, state._replace(digits=""), flow.human, ())
    if told is keying.Verdict.ACCEPTED:
        kept = (*(one for one in state.keyed if one.field != node.field),
                Keyed(node.field, node.check, state.digits, node.boxed))
        return _enter(flow, state._replace(node=node.then, phase="say", digits="", failures=0, keyed=kept), ())
    failures = state.failures + 1
    if failures >= FAILURES:
        return _give_up(flow, state._replace(digits=""), node.after_failures, (str(told),))
    return _keyed(flow, node, keying.again(node, state._replace(failures=failures), str(told)))


def _offered(state: State, said: tuple[str, ...]) -> tuple[State, Step]:
    """What was said at the leaf can be had by short message; that is offered once in a call."""
    asked = state._replace(phase="sms", failures=0, texts=False)
    return asked, asked.ask((*said, sms.OFFER), OPTION_PAUSE_S, ANSWER_S)


def _texting(flow: Flow, state: State, given: Input) -> tuple[State, Step]:
    """The answer to that. Silence is one; at the end of a call another key is told once to be wrong, behind a closed
    service it answers the menu that comes again."""
    leaf = flow.nodes[state.node]
    assert isinstance(leaf, Queue | End)
    key, again = given.digit if isinstance(given, Key) else "", state._replace(rounds=state.rounds + 1)
    if key == sms.KEY:
        return state, Text(leaf, state.slow, state.language)
    if key in (REPEAT_KEY, SLOW_KEY) and state.rounds <= MAX_ROUNDS:
        again = again._replace(slow=state.slow or key == SLOW_KEY)
        return again, again.ask((*((SLOW_ON,) if again.slow and not state.slow else ()), sms.OFFER), OPTION_PAUSE_S,
                                ANSWER_S)
    said = (given.said,) if isinstance(given, Texted) else ()
    if isinstance(leaf, Queue):
        return _turned_away(flow, state._replace(phase="say"), said, key if key in OPTION_KEYS else "")
    if key and not state.failures:
        again = again._replace(failures=1)
        return again, again.ask((WRONG_KEY, sms.OFFER), OPTION_PAUSE_S, ANSWER_S)
    return state, Leave(state.slow, said, state.language)


def _give_up(flow: Flow, state: State, name: str, why: tuple[str, ...]) -> tuple[State, Step]:
    helped = isinstance(flow.nodes[name], Queue)
    kept = REFUSE_KEY if state.typed == REFUSE_KEY else ""  # nothing else still means anything
    return _enter(flow, state._replace(node=name, phase="say", typed=kept), (*why, TO_HUMAN) if helped else why)


def _refuge(flow: Flow, name: str) -> str:
    """Where a dialogue is led that would never end: the human, or in a menu of a closed centre, which has no key 0, the
    way after failures."""
    seen: set[str] = set()
    while name not in seen:
        seen.add(name)
        node = flow.nodes[name]
        match node:
            case Menu():
                return flow.human if node.option(HUMAN_KEY) else node.after_failures
            case Queue() | End():
                return name
            case Speech() | Language():
                name = node.then
            case Digits() | Message() | Transfer():
                name = node.after_failures
    return flow.human


def _confirmed(flow: Flow, menu: Menu, state: State, given: Input) -> tuple[State, Step]:
    """After the acknowledgement. `9` takes the choice back; silence goes on, and so does any other key, which answers
    what is asked next: who knows the way need not wait for the words. The same key again is a nervous finger."""
    if isinstance(given, Key) and given.digit == BACK_KEY:
        return _enter(flow, state._replace(phase="menu", rounds=state.rounds + 1), ())
    option = menu.option(state.chosen)
    assert option is not None
    path = (*state.path, Passed(menu.name, state.language, state.needs))
    # Failures are of one question: a caller who answered begins the next one afresh.
    onward = state._replace(node=option.then, path=path, chosen="", failures=0, needs=merged(state.needs, option.needs))
    if refusal.refuses(flow, state, given):  # before anything else takes it: the promise is "in any menu"
        return _enter(flow, refusal.refused(onward), (NOT_RECORDED,))
    if isinstance(given, Key) and given.digit.isdigit() and given.digit != state.chosen:
        onward = onward._replace(typed=given.digit)
    return _enter(flow, onward, ())
