"""Reports of abusive callers by key and by code, and which agent's report counts."""

from __future__ import annotations

import pytest

from ivr.routes import abuse_flag
from ivr.routes.abuse_flag import NOBODY, NOTED, TAKEN_BACK, AbuseFlags
from routing.core.events import CallerFlaggedAbusive, Event
from routing.core.inbox import ContactView
from routing.core.model.errors import CallerUnknown, NotNow
from routing.core.model.ids import ContactId, OfferId
from tests.fakes.inbox import FakeInbox, contact_view

pytestmark = pytest.mark.unit

CALLER = ContactId("1.1")
FIRST, SECOND = OfferId(7), OfferId(8)


def noting() -> FakeInbox:
    """An inbox whose contact is as was said last."""
    def heard(event: Event) -> ContactView | None:
        assert isinstance(event, CallerFlaggedAbusive)
        inbox.contacts = [(contact_view(CALLER)._replace(abusive=event.abusive),)]
        return None

    inbox = FakeInbox(heard)
    inbox.contacts = [(contact_view(CALLER),)]
    return inbox


async def test_said_again_in_the_same_talk_it_is_taken_back() -> None:
    inbox = noting()
    abuses = AbuseFlags(inbox)
    assert [await abuses.flag_caller(FIRST, CALLER) for _ in range(3)] == [NOTED, TAKEN_BACK, NOTED]
    assert inbox.events == [CallerFlaggedAbusive(FIRST, True), CallerFlaggedAbusive(FIRST, False),
        CallerFlaggedAbusive(FIRST, True)]


async def test_who_has_the_caller_next_takes_nothing_back_that_another_said() -> None:
    """The contact stays the same one when a caller is sent on."""
    inbox = noting()
    abuses = AbuseFlags(inbox)
    assert await abuses.flag_caller(FIRST, CALLER) == NOTED
    assert await abuses.flag_caller(SECOND, CALLER) == NOTED and inbox.events[-1] == CallerFlaggedAbusive(SECOND, True)
    assert await abuses.flag_caller(SECOND, CALLER) == TAKEN_BACK, "by their second report"


async def test_after_a_restart_it_is_noted_again() -> None:
    inbox = noting()
    await AbuseFlags(inbox).flag_caller(FIRST, CALLER)
    assert await AbuseFlags(inbox).flag_caller(FIRST, CALLER) == NOTED


async def test_what_the_api_took_back_is_noted_again() -> None:
    inbox = noting()
    abuses = AbuseFlags(inbox)
    await abuses.flag_caller(FIRST, CALLER)
    await inbox.ask(CallerFlaggedAbusive(FIRST, False))
    assert await abuses.flag_caller(FIRST, CALLER) == NOTED and inbox.contacts[0][0].abusive


async def test_what_the_engine_refuses_was_not_said() -> None:
    inbox = FakeInbox(CallerUnknown(), NotNow(), None)
    abuses = AbuseFlags(inbox)
    assert await abuses.flag_caller(FIRST, CALLER) == NOBODY
    with pytest.raises(NotNow):
        await abuses.flag_caller(FIRST, CALLER)
    assert await abuses.flag_caller(FIRST, CALLER) == NOTED


async def test_of_a_talk_long_ago_it_is_noted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abuse_flag, "MAX_TALKS", 2)
    abuses = AbuseFlags(noting())
    for offer in range(1, 4):
        await abuses.flag_caller(OfferId(offer), CALLER)
    assert len(abuses._said) == 2
    assert await abuses.flag_caller(OfferId(3), CALLER) == TAKEN_BACK \
        and await abuses.flag_caller(OfferId(1), CALLER) == NOTED
