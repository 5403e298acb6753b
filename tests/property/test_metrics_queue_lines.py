"""Whatever happens, each call's lines form a word of the grammar and readers' rules hold."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.queue_lines import LineState, lines
from routing.core.model import AgentState, OfferState, Outcome
from tests.fakes.facts import Story

pytestmark = pytest.mark.property

VISIT = r"E(?:r*)(?:C(?:A|L)|X)"
WORD = re.compile(rf"(?:Er*CA)*(?:{VISIT})\Z")
LETTERS = {"ENTERQUEUE": "E", "CONNECT": "C", "COMPLETEAGENT": "A", "COMPLETECALLER": "L", "ABANDON": "X",
           "EXITWITHTIMEOUT": "X", "EXITWITHKEY": "X", "RINGNOANSWER": "r", "RINGCANCELED": "r"}
FIELDS = {"ENTERQUEUE": 3, "CONNECT": 3, "COMPLETEAGENT": 3, "COMPLETECALLER": 3, "ABANDON": 3, "EXITWITHTIMEOUT": 3,
          "EXITWITHKEY": 4, "RINGNOANSWER": 1, "RINGCANCELED": 1, "ADDMEMBER": 1, "REMOVEMEMBER": 1, "PAUSE": 1,
          "UNPAUSE": 1, "PAUSEALL": 1, "UNPAUSEALL": 1, "CONFIGRELOAD": 1}

AGENT = st.sampled_from(["a1", "a2", "şef|x'"])
LINE = st.tuples(AGENT, st.sampled_from([OfferState.TIMEOUT, OfferState.CANCELED, OfferState.REJECTED]))
CALL = st.tuples(st.lists(LINE, max_size=3),
                 st.lists(AGENT, max_size=2),
                 st.sampled_from(["caller", "agent", *(one for one in Outcome if one is not Outcome.ANSWERED)]))


def tell(story: Story, call: str, plan: tuple[list[tuple[str, OfferState]], list[str], str], gap: float) -> None:
    missed, cut, end = plan
    story.queued(call, "psikososyal")
    for agent, state in missed:
        story.at += gap
        story.missed(call, agent, state)
    for agent in cut:
        story.at += gap
        story.connected(call, agent)
        story.talked(call, agent, by="lost")
    story.at += gap
    if end in ("caller", "agent"):
        story.connected(call, "a1")
        story.at += gap
        story.talked(call, "a1", by=end)
    else:
        story.ended(call, Outcome(end), "5")


@given(st.lists(st.tuples(CALL, st.sampled_from([0.0, 0.3, 2.0, 40.0])), max_size=6),
       st.lists(st.tuples(st.sampled_from(AgentState), st.sampled_from(AgentState)), max_size=5))
def test_every_call_is_a_word(plans: list[tuple[tuple[list[tuple[str, OfferState]], list[str], str], float]],
                              shifts: list[tuple[AgentState, AgentState]]) -> None:
    story = Story()
    for number, (plan, gap) in enumerate(plans):
        tell(story, f"179{number}.1", plan, gap)
        for before, after in shifts:
            story.agent("a1", before, after, "mola|\n")
    state = LineState()
    found = [line for fact in story.facts for line in lines(fact, state)]
    check_grammar(found, len(plans))
    check_asternic(found, sum(1 for (_, _, end), _ in plans if end in ("caller", "agent")),
                   sum(len(cut) for (_, cut, _), _ in plans))
    assert state.talking == {}
    again = LineState()
    assert found == [line for fact in story.facts for line in lines(fact, again)]


def check_grammar(found: list[str], calls: int) -> None:
    words: dict[str, str] = defaultdict(str)
    for line in found:
        epoch, call, queue, agent, event, *data = line.split("|")
        assert re.fullmatch(r"\d{10}", epoch) and len(data) == FIELDS[event], line
        assert all(re.fullmatch(r"[A-Za-z0-9_./-]{1,40}", one) for one in (call, queue, agent)), line
        if event in LETTERS:
            words[call] += LETTERS[event]
    assert len(words) == calls
    for word in words.values():
        assert WORD.match(word), word


def check_asternic(found: list[str], answered: int, cut: int) -> None:
    """Asternic's reader: lines with a non-digit in the time are dropped, so are those 10 s older than the newest, and
    (uniqueid, time, queue, agent, event) is unique. Answered = COMPLETE*."""
    newest, stored = 0, set()
    for line in found:
        fields = line.split("|")[:8]
        if not fields[0].isdigit() or int(fields[0]) < newest:
            pytest.fail(f"dropped by the reader: {line}")
        newest = int(fields[0])
        key = (fields[1], fields[0], fields[2], fields[3], fields[4])
        assert key not in stored, line
        stored.add(key)
    completed = [key for key in stored if key[4].startswith("COMPLETE")]
    connected = [key for key in stored if key[4] == "CONNECT"]
    assert len(completed) == len(connected) == answered + cut
