"""Whose word it is that a caller was abusive, when agents say it by key and by code."""

from __future__ import annotations

import pytest

from ivr import abuse
from ivr.abuse import NOBODY, NOTED, TAKEN_BACK, Abuse
from routing.core.errors import CallerUnknown, NotNow
from routing.core.events import AbuseSaid, Event
from routing.core.ids import ContactId, OfferId
from routing.core.inbox import ContactView
from tests.fakes.inbox import FakeInbox, contact_view

pytestmark = pytest.mark.unit

CALLER = ContactId("1.1")
FIRST, SECOND = OfferId(7), OfferId(8)


def noting() -> FakeInbox:
    """An inbox whose contact is as was said last."""
    def heard(event: Event) -> ContactView | None:
        assert isinstance(event, AbuseSaid)
        inbox.contacts = [(contact_view(CALLER)._replace(abusive=event.abusive),)]
        return None

    inbox = FakeInbox(heard)
    inbox.contacts = [(contact_view(CALLER),)]
    return inbox


async def test_said_again_in_the_same_talk_it_is_taken_back() -> None:
    inbox = noting()
    abuses = Abuse(inbox)
    assert [await abuses.said(FIRST, CALLER) for _ in range(3)] == [NOTED, TAKEN_BACK, NOTED]
    assert inbox.events == [AbuseSaid(FIRST, True), AbuseSaid(FIRST, False), AbuseSaid(FIRST, True)]


async def test_who_has_the_caller_next_takes_nothing_back_that_another_said() -> None:
    """The contact stays the same one when a caller is sent on."""
    inbox = noting()
    abuses = Abuse(inbox)
    assert await abuses.said(FIRST, CALLER) == NOTED
    assert await abuses.said(SECOND, CALLER) == NOTED and inbox.events[-1] == AbuseSaid(SECOND, True)
    assert await abuses.said(SECOND, CALLER) == TAKEN_BACK, "by a second word of their own"


async def test_after_a_restart_it_is_noted_again() -> None:
    inbox = noting()
    await Abuse(inbox).said(FIRST, CALLER)
    assert await Abuse(inbox).said(FIRST, CALLER) == NOTED


async def test_what_the_api_took_back_is_noted_anew() -> None:
    inbox = noting()
    abuses = Abuse(inbox)
    await abuses.said(FIRST, CALLER)
    await inbox.ask(AbuseSaid(FIRST, False))
    assert await abuses.said(FIRST, CALLER) == NOTED and inbox.contacts[0][0].abusive


async def test_what_the_engine_refuses_was_not_said() -> None:
    inbox = FakeInbox(CallerUnknown(), NotNow(), None)
    abuses = Abuse(inbox)
    assert await abuses.said(FIRST, CALLER) == NOBODY
    with pytest.raises(NotNow):
        await abuses.said(FIRST, CALLER)
    assert await abuses.said(FIRST, CALLER) == NOTED


async def test_of_a_talk_long_ago_it_is_noted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abuse, "MAX_TALKS", 2)
    abuses = Abuse(noting())
    for offer in range(1, 4):
        await abuses.said(OfferId(offer), CALLER)
    assert len(abuses._said) == 2
    assert await abuses.said(OfferId(3), CALLER) == TAKEN_BACK and await abuses.said(OfferId(1), CALLER) == NOTED
