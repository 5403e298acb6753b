"""Lead a caller through the menu, without I/O: (flow, state, input, now) -> (state, next step).

The dialogue that calls this machine plays and listens, and does nothing else. The rules are those of accessible
telephone menus (COGA, EN 301 549 6.4, 36 CFR 1194.23(d)). `docs/centre/menu.md` lists them for authors of menus.

A wrong key, no key and a failing machine are three different things. The first two are counted together, and two of
them lead to a human. The third is an exception, which the dialplan handles.
"""

from __future__ import annotations

from ivr.flow import digit_entry, recording_refusal, sms_text
from ivr.flow.dialogue_steps import (
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
    DialogueState,
    EndCall,
    EnterQueue,
    ExternalTransfer,
    Input,
    KeyedInput,
    KeyPressed,
    PassedMenu,
    Recorded,
    RecordMessage,
    SendText,
    Step,
    Texted,
    merge_needs,
)
from ivr.flow.menu_model import (
    BACK_KEY,
    HUMAN_KEY,
    OPTION_KEYS,
    REFUSE_KEY,
    REPEAT_KEY,
    SLOW_KEY,
    Digits,
    End,
    Language,
    Menu,
    MenuFlow,
    Message,
    Needs,
    Option,
    Queue,
    Speech,
    Transfer,
    leaf_prompts,
)
from prompts.verbalise.number_prompts import LANGUAGE

OPTION_PAUSE_S = 0.8
"""Silence after each option (rule I4)."""
ANSWER_S = 7.0
"""Time for an answer after the last sentence (rule I5)."""
MORE_TIMES = 2
"""Limit of extensions of time in one menu."""
BACK_S = 0.8
"""Silence after the acknowledgement, in which `9` still takes the choice back. It is short for callers in distress."""
UNDO_S = 2.0
"""Silence after a remembered preference was announced, in which `9` still takes it back."""
PAUSE_S = 60.0
"""Length of a pause for callers who read, or who hear a relay. Any key ends the pause (rule I19)."""
MAX_ROUNDS = 20
"""Limit of repeated sentences (`#`, `*`, `9`) in one call, then the human. Only a stuck key needs more."""
MAX_CALL_S = 540.0
"""Longest dialogue, then the human.

A caller with a relay needs six minutes: a pause in each of two menus, and a number that is read back slowly.
"""


def begin_dialogue(flow: MenuFlow, entry: str, now: float, *, slow: bool = False, remembered: bool = False,
                   human_first: bool = False, notice: str = "", texts: bool = False) -> tuple[DialogueState, Step]:
    """Start at an entry of the menu. Raise KeyError if the entry does not exist.

    * `slow`: the caller asked for slow speech earlier in this call.
    * `remembered`: the caller asked for it in an earlier call, and hears that first.
    * `human_first`: the caller asked for a person at once, and the menu defines the advantages.
    * `notice`: result of the recording notice so far.
    * `texts`: short messages can be sent to the caller.
    """
    own = flow.human_first if human_first else None
    state = DialogueState(flow.entries[entry], now, slow=slow or remembered, notice=notice,
                          points=own.priority if own else 0, person=own.then if own else "", texts=texts,
                          remembered=remembered)
    if remembered:
        return _announce_remembered(state, "remembered", REMEMBERED, ())
    return _first_node(flow, state, ())


def resume_dialogue(flow: MenuFlow, node: str, now: float, *, slow: bool = False, language: str = LANGUAGE,
                    needs: Needs = (), notice: str = "", texts: bool = False) -> tuple[DialogueState, Step]:
    """Continue after an `ExternalTransfer` that nobody answered, at its `failed` node.

    The human is next if the menu was replaced and no longer has the node.
    """
    at = node if node in flow.nodes else flow.human
    return _give_up(
        flow, DialogueState(at, now, slow=slow, language=language, needs=needs, notice=notice, texts=texts), at,
        (NOT_REACHED,))


def place_of(flow: MenuFlow, state: DialogueState) -> str:
    """Return the menu that a key answers in this state, or an empty string if no other node could go on there.

    A number that was keyed in before is known to this node only, so another node asks for it again.
    """
    node = flow.nodes[state.node]
    place = node.then if isinstance(node, Speech) else state.node
    # A choice that is being confirmed is answered by the key that was kept.
    asks = isinstance(flow.nodes[place], Menu) and state.phase in ("say", "menu", "warn") and not state.keyed
    return place if asks else ""


def resume_menu(flow: MenuFlow, menu: str, typed: str, now: float, *, slow: bool = False, language: str = LANGUAGE,
                needs: Needs = (), notice: str = "", texts: bool = False) -> tuple[DialogueState, Step]:
    """Continue at a menu (`place_of`) after the node that led the dialogue. `typed` is the key that it left behind."""
    return _enter_node(flow, DialogueState(menu, now, slow=slow, language=language, needs=needs, notice=notice,
                                           texts=texts, typed=typed), ())


def on_closed(flow: MenuFlow, state: DialogueState, *, told: bool) -> tuple[DialogueState, Step]:
    """Continue after the caller chose a closed service.

    The caller hears that the service is closed, unless an announcement already `told` it. The written form is offered.
    Then the last menu comes again. The human follows if there was no menu, or after too many rounds.
    """
    said, leaf = () if told else (CLOSED,), flow.nodes[state.node]
    if isinstance(leaf, Queue) and leaf.sms and state.texts:
        return _offer_sms(state, said)
    return _return_to_menu(flow, state, said)


def _return_to_menu(flow: MenuFlow, state: DialogueState, said: tuple[str, ...],
        typed: str = "") -> tuple[DialogueState, Step]:
    if not state.path or state.rounds > MAX_ROUNDS:
        return _give_up(flow, state._replace(typed=typed), flow.human, said)
    *path, last = state.path
    return _enter_node(flow, state._replace(node=last.menu, path=tuple(path), language=last.language, needs=last.needs,
                                       rounds=state.rounds + 1, failures=0, typed=typed), said)


def next_step(flow: MenuFlow, state: DialogueState, given: Input, now: float) -> tuple[DialogueState, Step]:
    """Return the state and the step after the caller's input. `now` is by the same steady clock as at the beginning."""
    node = flow.nodes[state.node]
    # 1. Inputs that count in any state: the answer about a short message, and a recorded message.
    if state.phase == "sms":
        return _on_sms_answer(flow, state, given)
    # A recorded message counts even if the dialogue has lasted too long.
    if isinstance(given, Recorded) and isinstance(node, Message):
        return (_enter_node(flow, state._replace(node=node.then), ()) if given.kept
                else _give_up(flow, state, node.after_failures, ()))
    # 2. A dialogue without end leads to a person. A refusal pressed now still counts.
    if now - state.since > MAX_CALL_S or state.rounds > MAX_ROUNDS:
        last = state._replace(typed=REFUSE_KEY) if recording_refusal.is_refusal(flow, state, given) else state
        return _give_up(flow, last, _find_refuge(flow, state.node), ())
    # 3. Otherwise the kind of the node decides.
    if state.phase in ("remembered", "person"):
        return _on_remembered(flow, state, given)
    match node:
        case Speech():
            return _enter_node(flow, *recording_refusal.keep_typed(flow, state._replace(node=node.then), given))
        case Menu():
            if state.phase == "confirm":
                return _on_confirmed(flow, node, state, given)
            if state.phase == "pause" and not recording_refusal.is_refusal(flow, state, given):
                return _enter_node(flow, state, ())
            if isinstance(given, KeyPressed):
                return _on_key(flow, node, state, given.digit)
            return _on_silence(flow, node, state)
        case Digits():
            if recording_refusal.is_refusal(flow, state, given):
                # A refusal does not answer whether the digits are right, so that question comes again.
                return _on_digits(flow, node, digit_entry.repeat_question(
                    node, recording_refusal.with_refusal(state._replace(rounds=state.rounds + 1)), NOT_RECORDED))
            return _on_digits(flow, node, digit_entry.next_step(node, state, given))
        case Language() | Message() | Queue() | Transfer() | End():
            return _enter_node(flow, state, ())


def _enter_node(flow: MenuFlow, state: DialogueState, before: tuple[str, ...]) -> tuple[DialogueState, Step]:
    """Arrive at `state.node`, and say `before` first."""
    node = flow.nodes[state.node]
    # No later menu will handle a refusal that was pressed just before a queue or a transfer.
    if state.typed == REFUSE_KEY and flow.has_notice and isinstance(node, Queue | Transfer):
        return _enter_node(flow, recording_refusal.with_refusal(state._replace(typed="")), (*before, NOT_RECORDED))
    match node:
        case Speech():
            return state._replace(phase="say"), Ask((*before, *node.say), 0.0, 0.0, state.slow, state.language)
        case Language():
            spoken = state._replace(node=node.then, language=node.language, needs=merge_needs(state.needs, node.needs))
            # A caller who chose this language may not have understood the announcement in the first one.
            if state.remembered and not state.typed:
                return _announce_remembered(spoken._replace(remembered=False), "remembered", REMEMBERED, before)
            return _enter_node(flow, spoken, before)
        case Menu():
            arrived = state.phase not in ("menu", "warn", "pause")
            fresh = state._replace(phase="menu", more=0, chosen="")
            typed = state.typed
            if typed:
                # A key pressed over earlier words answers this menu, and the menu itself is not said.
                after, step = _on_key(flow, node, fresh._replace(typed=""), typed)
                return after, step._replace(say=(*before, *step.say))
            where = (LAST_STEP,) if arrived and state.path else ()
            said = (*before, *where, *node.intro, *(option.say for option in node.options), *node.closing)
            return fresh, fresh.ask_step(said, OPTION_PAUSE_S, ANSWER_S - WARNING_S)
        case Digits():
            return _on_digits(flow, node, digit_entry.begin_question(node, state, before))
        case Message():
            said = (*before, *leaf_prompts(node))
            return (state._replace(phase="say"),
                    RecordMessage(node.service, node.max_s, state.slow, said, state.language))
        case Queue():
            queue = node._replace(priority=node.priority + state.points)
            return state, EnterQueue(queue, state.slow, (*before, *leaf_prompts(node)), state.language,
                                merge_needs(state.needs, node.needs), state.keyed, state.chosen)
        case Transfer():
            return state, ExternalTransfer(node.to, node.after_failures, state.slow, (*before, *leaf_prompts(node)),
                                           state.language, state.needs)
        case End() if node.sms and state.texts:
            return _offer_sms(state, (*before, *leaf_prompts(node)))
        case End():
            return state, EndCall(state.slow, (*before, *leaf_prompts(node)), state.language)


def _announce_remembered(state: DialogueState, phase: str, sentence: str,
                         before: tuple[str, ...]) -> tuple[DialogueState, Step]:
    """Announce a preference of an earlier call, with time to take it back."""
    told = state._replace(phase=phase)
    return told, told.ask_step((*before, sentence), 0.0, UNDO_S)


def _first_node(flow: MenuFlow, state: DialogueState, before: tuple[str, ...]) -> tuple[DialogueState, Step]:
    """Go to a person if the caller prefers that, or else to the entry.

    A caller who presses a key of the menu goes to the entry. The path to help in distress is the same for everybody.
    """
    if state.person and not state.typed:
        return _announce_remembered(state, "person", PERSON, before)
    return _enter_node(flow, state._replace(phase="say", person=""), before)


def _on_remembered(flow: MenuFlow, state: DialogueState, given: Input) -> tuple[DialogueState, Step]:
    """Handle the answer to a remembered preference. `9` takes it back, and a digit is kept for the menu.

    A refusal to be recorded is neither.
    """
    digit = given.digit if isinstance(given, KeyPressed) else ""
    refuses = recording_refusal.is_refusal(flow, state, given)
    # 1. Keys that only repeat the announcement.
    if refuses or digit in (REPEAT_KEY, SLOW_KEY):
        again = state._replace(rounds=state.rounds + 1, slow=state.slow or digit == SLOW_KEY)
        return _announce_remembered(recording_refusal.with_refusal(again) if refuses else again, state.phase,
                     REMEMBERED if state.phase == "remembered" else PERSON, (NOT_RECORDED,) if refuses else ())
    # 2. Slow speech was announced: `9` declines it, and any other digit answers the menu.
    typed = state._replace(typed="" if digit == BACK_KEY else digit)
    if state.phase == "remembered":
        if digit == BACK_KEY:
            return _first_node(flow, typed._replace(slow=False, remembered=False, slow_declined=True), (FORGOTTEN,))
        return _first_node(flow, typed, ())
    # 3. A person was announced: silence or `0` accepts.
    if digit in ("", HUMAN_KEY):
        return _enter_node(flow, state._replace(node=state.person, phase="say"), ())
    return _enter_node(flow, typed._replace(phase="say", person=""), ())


def _on_key(flow: MenuFlow, menu: Menu, state: DialogueState, digit: str) -> tuple[DialogueState, Step]:
    again = state._replace(rounds=state.rounds + 1)
    # 1. Keys with the same meaning in every menu.
    if digit == SLOW_KEY:
        return _on_star(flow, state, again)
    if digit == REPEAT_KEY:
        return _enter_node(flow, again, ())
    if digit == BACK_KEY:
        if not state.path:
            return _enter_node(flow, again, (AT_TOP,))
        *path, last = state.path
        return _enter_node(flow, again._replace(node=last.menu, path=tuple(path), language=last.language,
                                           needs=last.needs), ())
    # 2. An option, a refusal where the menu has a notice, or a wrong key.
    option = menu.option_for(digit)
    if option is None and digit == REFUSE_KEY and flow.has_notice:
        return _enter_node(flow, recording_refusal.with_refusal(again), (NOT_RECORDED,))
    if option is None:
        return _on_failure(flow, menu, state, WRONG_KEY)
    chosen = state._replace(phase="confirm", chosen=digit)
    # `9` is explained to callers who have shown that they need time. Everybody else goes on at once.
    explain = option.then != flow.human and (state.slow or state.failures > 0)
    said = (option.confirm, BACK_HINT) if explain else (option.confirm,)
    # 3. A queue: the caller waits from this key on, and hears the acknowledgement while telephones ring.
    if (waits := _queue_behind(flow, option.then)) is not None:
        queue, words = waits
        return _enter_node(flow, _after_option(menu, option, state)._replace(node=queue, phase="say", chosen=digit),
                           (*said, *words))
    # 4. Another question: the acknowledgement comes first.
    return chosen, chosen.ask_step(said, 0.0, BACK_S)


def _queue_behind(flow: MenuFlow, name: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the queue that follows without a question, with the sentences before it, or None.

    A change of the language is a question here: the sentences after it are in another language.
    """
    words: tuple[str, ...] = ()
    while isinstance(node := flow.nodes[name], Speech):
        name, words = node.then, (*words, *node.say)
    return (name, words) if isinstance(node, Queue) else None


def _after_option(menu: Menu, option: Option, state: DialogueState) -> DialogueState:
    """Return the state behind an option. Failures belong to one question, so the next one begins without any."""
    path = (*state.path, PassedMenu(menu.name, state.language, state.needs))
    return state._replace(node=option.then, path=path, chosen="", failures=0,
        needs=merge_needs(state.needs, option.needs))


def take_choice_back(flow: MenuFlow, state: DialogueState) -> tuple[DialogueState, Step]:
    """Continue after a caller who already waits took the choice back (`9`), at the last menu."""
    return _return_to_menu(flow, state._replace(phase="menu", chosen="", typed=""), ())


def _on_star(flow: MenuFlow, state: DialogueState, again: DialogueState) -> tuple[DialogueState, Step]:
    """Handle `*`. In the last seconds it gives more time and slow speech.

    At other moments it repeats the menu in slow speech, or begins a pause if speech is slow already.
    """
    if state.phase == "warn" and state.more < MORE_TIMES:
        given = state._replace(phase="menu", more=state.more + 1, slow=True)
        # The 20 seconds include the warning before their end, so the caller can ask for more time once more.
        return given, given.ask_step((MORE_GIVEN,), OPTION_PAUSE_S, MORE_S - WARNING_S)
    if not state.slow:
        return _enter_node(flow, again._replace(slow=True), (SLOW_ON,))
    paused = again._replace(phase="pause")
    return paused, Ask((PAUSED,), 0.0, PAUSE_S, state.slow, state.language)


def _on_silence(flow: MenuFlow, menu: Menu, state: DialogueState) -> tuple[DialogueState, Step]:
    if state.phase == "menu":
        warned = state._replace(phase="warn")
        # After MORE_TIMES there is nothing left to offer, so the last seconds pass in silence.
        said = (MORE_OFFER,) if state.more < MORE_TIMES else ()
        return warned, warned.ask_step(said, OPTION_PAUSE_S, WARNING_S)
    return _on_failure(flow, menu, state, NO_KEY)


def _on_failure(flow: MenuFlow, menu: Menu, state: DialogueState, why: str) -> tuple[DialogueState, Step]:
    failures = state.failures + 1
    if failures >= FAILURES:
        return _give_up(flow, state, menu.after_failures, (why,))
    # The caller may have failed because speech is too fast, so slow speech is offered.
    offer = () if state.slow else (OFFER_SLOW,)
    return _enter_node(flow, state._replace(failures=failures), (why, *offer))


def _on_digits(flow: MenuFlow, node: Digits, outcome: digit_entry.DigitsOutcome) -> tuple[DialogueState, Step]:
    """Handle the result of a question of several keys."""
    state, told = outcome
    if isinstance(told, Ask):
        return state, told
    if told is digit_entry.DigitsVerdict.HUMAN:
        return _give_up(flow, state._replace(digits=""), flow.human, ())
    if told is digit_entry.DigitsVerdict.ACCEPTED:
        # A question that is asked again replaces its earlier answer.
        kept = (*(one for one in state.keyed if one.field != node.field),
                KeyedInput(node.field, node.check, state.digits, node.keep_encrypted))
        return _enter_node(flow, state._replace(node=node.then, phase="say", digits="", failures=0, keyed=kept), ())
    failures = state.failures + 1
    if failures >= FAILURES:
        return _give_up(flow, state._replace(digits=""), node.after_failures, (str(told),))
    return _on_digits(flow, node, digit_entry.repeat_question(node, state._replace(failures=failures), str(told)))


def _offer_sms(state: DialogueState, said: tuple[str, ...]) -> tuple[DialogueState, Step]:
    """Offer what the leaf said as a short message. A call has one offer."""
    asked = state._replace(phase="sms", failures=0, texts=False)
    return asked, asked.ask_step((*said, sms_text.OFFER), OPTION_PAUSE_S, ANSWER_S)


def _on_sms_answer(flow: MenuFlow, state: DialogueState, given: Input) -> tuple[DialogueState, Step]:
    """Handle the answer to the offer of a short message. Silence means no.

    At the end of a call another key is reported as wrong once. Behind a closed service it answers the menu that comes
    again.
    """
    leaf = flow.nodes[state.node]
    assert isinstance(leaf, Queue | End)
    key, again = given.digit if isinstance(given, KeyPressed) else "", state._replace(rounds=state.rounds + 1)
    if key == sms_text.KEY:
        return state, SendText(leaf, state.slow, state.language)
    if key in (REPEAT_KEY, SLOW_KEY) and state.rounds <= MAX_ROUNDS:
        again = again._replace(slow=state.slow or key == SLOW_KEY)
        return again, again.ask_step(
            (*((SLOW_ON,) if again.slow and not state.slow else ()), sms_text.OFFER), OPTION_PAUSE_S, ANSWER_S)
    said = (given.said,) if isinstance(given, Texted) else ()
    if isinstance(leaf, Queue):
        return _return_to_menu(flow, state._replace(phase="say"), said, key if key in OPTION_KEYS else "")
    if key and not state.failures:
        again = again._replace(failures=1)
        return again, again.ask_step((WRONG_KEY, sms_text.OFFER), OPTION_PAUSE_S, ANSWER_S)
    return state, EndCall(state.slow, said, state.language)


def _give_up(flow: MenuFlow, state: DialogueState, name: str, why: tuple[str, ...]) -> tuple[DialogueState, Step]:
    helped = isinstance(flow.nodes[name], Queue)
    # Only a refusal keeps its meaning. Other keys belonged to the menu that is left behind.
    kept = REFUSE_KEY if state.typed == REFUSE_KEY else ""
    return _enter_node(flow, state._replace(node=name, phase="say", typed=kept), (*why, TO_HUMAN) if helped else why)


def _find_refuge(flow: MenuFlow, name: str) -> str:
    """Return the node for a dialogue that would never end.

    It is the human. A menu of a closed centre has no key 0, so its path after failures counts.
    """
    seen: set[str] = set()
    while name not in seen:
        seen.add(name)
        node = flow.nodes[name]
        match node:
            case Menu():
                return flow.human if node.option_for(HUMAN_KEY) else node.after_failures
            case Queue() | End():
                return name
            case Speech() | Language():
                name = node.then
            case Digits() | Message() | Transfer():
                name = node.after_failures
    return flow.human


def _on_confirmed(flow: MenuFlow, menu: Menu, state: DialogueState, given: Input) -> tuple[DialogueState, Step]:
    """Handle the input after the acknowledgement. `9` takes the choice back, and silence goes on.

    Any other key goes on too and answers the next question: callers who know the menu need not wait for its words. The
    same key again is ignored, as a nervous finger.
    """
    if isinstance(given, KeyPressed) and given.digit == BACK_KEY:
        return _enter_node(flow, state._replace(phase="menu", rounds=state.rounds + 1), ())
    option = menu.option_for(state.chosen)
    assert option is not None
    onward = _after_option(menu, option, state)
    # A refusal comes before every other meaning of the key, because the notice promises it for any menu.
    if recording_refusal.is_refusal(flow, state, given):
        return _enter_node(flow, recording_refusal.with_refusal(onward), (NOT_RECORDED,))
    if isinstance(given, KeyPressed) and given.digit.isdigit() and given.digit != state.chosen:
        onward = onward._replace(typed=given.digit)
    return _enter_node(flow, onward, ())
