"""The requests of an agent for the own desk, on a real engine and a real store."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desk.api import own_models as models
from routing.core import events as e
from routing.core.model.centre_model import AgentState, OfferState, Profile
from routing.core.model.errors import NotNow, UnknownAgent
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId
from routing.core.model.live_calls import LiveOffer
from routing.store.audit import NEWEST_BYTES, Audit, AuditError
from santral.node.own_desk import OwnDesk
from santral.node.recording_access import RecordingAccess
from tests.fakes.live_node import CENTRE, Node, live_node
from tests.until import until_async

pytestmark = pytest.mark.integration

A1, A2 = AgentId("a1"), AgentId("a2")


class Asterisk:
    """Notes which legs are hung up. `there` are those that it has."""

    def __init__(self) -> None:
        self.there: set[str] = set()
        self.done: list[tuple[str, bool]] = []

    async def hang_up(self, leg: str, refuse: bool) -> bool:
        self.done.append((leg, refuse))
        return leg in self.there


class Own:
    def __init__(self, node: Node, folder: Path) -> None:
        self.node, self.audit, self.asterisk = node, Audit(folder), Asterisk()
        self.live: list[LiveOffer] = []
        self.desk = OwnDesk(node.store, node.runner, self.audit, lambda: self.live, self.asterisk.hang_up,
                            lambda: "Europe/Istanbul")


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Own]:
    async with live_node(tmp_path) as node:
        yield Own(node, tmp_path)


async def test_only_the_agents_own_leg_is_hung_up_and_a_ringing_one_is_refused(own: Own) -> None:
    with pytest.raises(NotNow):
        await own.desk.hang_up(A1)
    own.live = [LiveOffer(OfferId(7), ContactId("c1"), A1, SeatId("2001"), OfferState.ACCEPTED, True, "o7-c1"),
                LiveOffer(OfferId(8), ContactId("c2"), A2, SeatId("2002"), OfferState.PENDING, False, "o8-c2")]
    own.asterisk.there = {"o7-c1", "o8-c2"}
    await own.desk.hang_up(A1)
    await own.desk.hang_up(A2)
    assert own.asterisk.done == [("o7-c1", False), ("o8-c2", True)]
    # A leg that has just ended is no success.
    own.asterisk.there = set()
    with pytest.raises(NotNow):
        await own.desk.hang_up(A1)


async def test_either_of_a_pair_pauses_the_recording(tmp_path: Path) -> None:
    pair = Profile(pair_id="p1")
    centre = CENTRE._replace(agents=tuple(one._replace(profile=pair) for one in CENTRE.agents))
    hushed: list[tuple[str, bool]] = []

    async def hush(leg: str, on: bool) -> bool:
        hushed.append((leg, on))
        return True

    async with live_node(tmp_path, centre=centre) as node:
        access = RecordingAccess(None, node.store, Audit(tmp_path), node.engine.live_offers, hush, time.time)  # type: ignore[arg-type]
        await node.sits("a1", "2001")
        await node.sits("a2", "2002")
        offer = await node.rings("c1")
        node.post(e.OfferConnected(offer.offer, offer.contact))
        await until_async(lambda: node.runner.agent_view(A2).state is AgentState.TALKING)  # type: ignore[union-attr]
        await access.pause_by_api(A2, True, "a2")
        await access.pause_by_api(A1, False, "a1", offer.contact)
        assert hushed == [(f"o{offer.offer}-c1", True), (f"o{offer.offer}-c1", False)], "the leg that is recorded"
        with pytest.raises(NotNow):
            await access.pause_by_api(A2, True, "a2", ContactId("c2"))


async def test_each_of_a_pair_hangs_up_the_own_leg(tmp_path: Path) -> None:
    pair = Profile(pair_id="p1")
    centre = CENTRE._replace(agents=tuple(one._replace(profile=pair) for one in CENTRE.agents))
    async with live_node(tmp_path, centre=centre) as node:
        own = Own(node, tmp_path)
        await node.sits("a1", "2001")
        await node.sits("a2", "2002")
        offer = await node.rings("c1")
        mine, theirs = f"o{offer.offer}-c1", f"p{offer.offer}-c1"
        own.asterisk.there = {mine, theirs}
        ringing = LiveOffer(offer.offer, offer.contact, A1, SeatId("2001"), OfferState.PENDING, False, mine,
                            partner_rings=True, partner=A2)
        own.live = [ringing]
        # 1. While it rings, each declines at the own phone.
        await own.desk.hang_up(A2)
        # 2. In the talk, each leaves it.
        node.post(e.OfferConnected(offer.offer, offer.contact))
        await until_async(lambda: node.runner.agent_view(A2).state is AgentState.TALKING)  # type: ignore[union-attr]
        own.live = [ringing._replace(state=OfferState.ACCEPTED, answered=True, partner_rings=False)]
        await own.desk.hang_up(A2)
        await own.desk.hang_up(A1)
        assert own.asterisk.done == [(theirs, True), (theirs, False), (mine, False)]
        # 3. Both may say how heavy it was: they have heard the same caller.
        for agent, load in (("a2", 4), ("a1", 3)):
            await node.ask("POST", f"/api/v1/agents/{agent}/report-load", agent, json={"load": load})
        rows = await node.store.load_state()
        assert [(one.load, one.load_reported) for one in rows.offers] == [(3, True)]


async def test_comfort_is_the_agents_choice_over_the_profile_and_is_kept(own: Own) -> None:
    before = await own.desk.comfort(A1)
    assert (before.ear, before.gain_db, before.chosen) == ("both", 0.0, [])
    after = await own.desk.save_comfort(A1, models.ComfortWish(ear="left", gain_db=12.0, ring=["visual", "audio"]))
    assert (after.ear, after.gain_db, after.verbosity) == ("left", 12.0, "normal")
    assert after.chosen == ["ear", "gain_db", "ring"] and after.ring == ["audio", "visual"]
    assert await own.desk.comfort(A1) == after and (await own.desk.comfort(A2)).chosen == []
    # A value that is left out goes back to the profile.
    assert (await own.desk.save_comfort(A1, models.ComfortWish(verbosity="low"))).chosen == ["verbosity"]
    assert (await own.desk.save_comfort(A1, models.ComfortWish())) == before
    with pytest.raises(UnknownAgent):
        await own.desk.comfort(AgentId("nobody"))


async def test_the_day_counts_each_fact_once(own: Own) -> None:
    node = own.node
    await node.sits("a1", "2001")
    offer = await node.talks("c1")
    node.post(e.TalkEnded(offer.offer, "caller"), e.WrapUpEnded(A1))
    await node.runner.ask(e.AgentPaused(A1, "yemek"))
    for _ in range(2):
        day = await own.desk.own_day(A1)
        assert (day.calls, len(day.breaks), day.breaks[0].reason, day.breaks_kept) == (1, 1, "yemek", 0)
    await node.runner.ask(e.AgentResumed(A1))
    day = await own.desk.own_day(A1)
    assert day.breaks[0].ends is not None and (await own.desk.own_day(A2)).calls == 0
    assert time.time() - 90_000 < day.since <= time.time()


async def test_colleagues_and_callbacks_are_those_of_the_agent(own: Own) -> None:
    node = own.node
    await node.sits("a1", "2001")
    assert node.runner.colleagues_of(A1) == ()
    await node.sits("a2", "2002")
    (one,) = node.runner.colleagues_of(A1)
    assert (one.agent, one.serves, one.free) == ("a2", ("bilgi",), True)
    await node.runner.ask(e.AgentPaused(A2, "yemek"))
    assert not node.runner.colleagues_of(A1)[0].free
    await node.runner.ask(e.AgentPaused(A1, "yemek"))
    node.post(e.ContactQueued(ContactId("c9"), node.runner.colleagues_of(A1)[0].serves[0], "PJSIP/c9",
                              caller_hash="5b" * 16, number_encrypted="x"))
    await node.runner.ask(e.CallbackRequested(ContactId("c9")))
    assert [view.contact for view in node.runner.callbacks_for(A1)] == ["c9"]
    await node.runner.ask(e.AgentSignedOut(A2))
    assert node.runner.callbacks_for(A2) == () and node.runner.colleagues_of(A1) == ()


async def test_the_access_log_shows_who_saw_needs_and_which_rules_were_set_aside(own: Own) -> None:
    own.audit.note_entry("ayse", "needs", 1_764_000_000.0, contact="c1")
    own.audit.note_entry("supervisor omer", "rules_overridden", 1_764_000_001.0, agent="a1", rules=["rest_gap"])
    own.audit.note_entry("supervisor omer", "rules_overridden", 1_764_000_002.0, agent="a2", rules=["rest_gap"])
    own.audit.note_entry("ayse", "heard", 1_764_000_003.0, recording="x")
    await own.node.sits("a1", "2001")
    until = own.node.runner.now() + 300.0
    await own.node.runner.ask(e.RulesOverridden(A1, frozenset({"rest_gap"}), until, "supervisor omer"))
    log = await own.desk.access_log(A1)
    assert [(one.who, one.what) for one in log.shown] == [("supervisor omer", "rules_overridden"), ("ayse", "needs")]
    assert [(one.rule, one.by, one.offer) for one in log.rules] == [("rest_gap", "supervisor omer", None)]
    other = await own.desk.access_log(A2)
    assert len(other.shown) == 2 and other.rules == []


def test_only_the_end_of_a_long_audit_is_read(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    assert audit.newest_entries(["needs"], lambda one: True, 5) == []
    audit.note_entry("old", "needs", 1.0)
    first = audit.path.read_bytes()
    audit.path.write_bytes(first + b'{"what":"needs"}\n' * (NEWEST_BYTES // 17) + first)
    with pytest.raises(AuditError):
        audit.newest_entries(["needs"], lambda one: True, 5)
    audit.path.write_bytes(b"x" * NEWEST_BYTES + b"\n" + first + first)
    assert [one.who for one in audit.newest_entries(["needs"], lambda one: True, 5)] == ["old", "old"]
    assert len(audit.newest_entries(["needs"], lambda one: True, 1)) == 1


def test_a_damaged_line_of_another_kind_keeps_no_page_from_its_access_log(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    audit.note_entry("ayse", "needs", 1.0)
    audit.note_entry("ayse", "heard", 2.0, words='"what":"needs"')
    first, second = audit.path.read_bytes().splitlines(keepends=True)
    audit.path.write_bytes(first + second[:40] + b"\n" + second)
    assert [one.what for one in audit.newest_entries(["needs"], lambda one: True, 5)] == ["needs"]
