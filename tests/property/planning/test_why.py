"""`santral why` explains every contact for any events of a house, and tells no accommodation to readers who may not
know it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from datetime import UTC
from io import StringIO

import pytest
from rich.console import Console

from planning.journal.recording_engine import RecordingEngine
from planning.why import contact_account
from planning.why.cli import print_account
from planning.why.view import AccountView
from planning.why.words import AccountWords, all_texts
from routing.core.engine import Engine
from routing.core.explain import PRIVATE
from routing.core.model.reasons import NOT_NOW
from tests.core.driver import Driver
from tests.fakes.archive import Archive
from tests.oracle import side_by_side
from tests.oracle.crowd import TOPICS, Crowd

pytestmark = pytest.mark.property

EVENTS = 700
SEEDS = (1, 2, 3)
CONTACTS = 12
"""Told of each house: each is a replay of it."""

NEEDS = ("spared", "tier", "tiers.1", "tiers.2", f"ends.{NOT_NOW}",
         *(f"reasons.{one}" for one in PRIVATE))
NAMED = [word.partition("{")[0].strip() for key in NEEDS for word in all_texts()[key]]
FORBIDDEN = (*NAMED, *TOPICS, '"tier"', '"partner"', " + ")
"""In an account for everybody: words for needs, topics that somebody is spared, the second one of a pair."""

SAID = "flagged the caller as abusive"
"""An agent's report about a caller is no accommodation. That an agent gets no such callers is one."""


def told(archive: Archive, contacts: Iterable[str]) -> list[tuple[str, bool]]:
    """Every account as a terminal and as a program has it, in both languages; and whether needs may be in it."""
    found = []
    for contact in contacts:
        account = contact_account.explain_contact(archive, contact)
        assert not account.untold, account.untold
        for needs in (False, True):
            for english in (False, True):
                out = StringIO()
                view = AccountView(account, AccountWords(UTC, english=english, needs=needs), everybody=True)
                print_account(view, Console(file=out, width=10_000, highlight=False))
                found += [(out.getvalue(), needs), (json.dumps(view.to_json(), ensure_ascii=False), needs)]
    return found


def check(texts: list[tuple[str, bool]]) -> None:
    """Nothing that comes of a need is in what everybody may read; for who may know it, it is."""
    open_, private = [[text.replace(SAID, "") for text, needs in texts if needs is which] for which in (False, True)]
    assert not [word for text in open_ for word in FORBIDDEN if word in text]
    assert any(word in text for text in private for word in NAMED), "there were some"
    assert any(said in text for text in open_ for said in all_texts()["unfit"])


class Stilled(Engine):
    """Learns no handle times, as the engine of `side_by_side`."""

    def __init__(self) -> None:
        super().__init__()
        self._domain.handle_times = side_by_side.Still()


def test_every_contact_of_a_random_house_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With restarts and rows that are lost in them, reloads, lost links, callers who come again, pairs, callbacks."""
    texts = []
    for seed in SEEDS:
        heard: list[RecordingEngine] = []

        def listened(heard: list[RecordingEngine] = heard) -> RecordingEngine:
            heard.append(RecordingEngine())
            return heard[-1]

        monkeypatch.setattr(side_by_side, "Engine", listened)
        monkeypatch.setattr(side_by_side, "SHARES", (1.0,))
        monkeypatch.setattr(contact_account, "Engine", Stilled)
        crowd = Crowd(seed)
        while crowd.side_by_side.events < EVENTS:
            crowd.step()
        archive = Archive.of(*heard)
        names = [str(name) for name in archive.rows]
        texts += told(archive, random.Random(seed).sample(names, min(CONTACTS, len(names))))
    check(texts)


def test_every_contact_of_an_unreliable_world_is_told() -> None:
    """Events late, twice, out of order, about what never was."""
    driver, dice = Driver(), random.Random(5)
    driver.open_house()
    for _ in range(EVENTS):
        driver.some_step(dice)
    archive = Archive(driver.entries, driver.facts)
    texts = told(archive, dice.sample([str(name) for name in archive.rows], CONTACTS))
    assert not [text for text, needs in texts if not needs and any(word in text for word in FORBIDDEN)]
