"""Services are looked at once a second, however many desks ask."""

from __future__ import annotations

import pytest

from desk.api.queue_snapshot import AGE_S, QueueSnapshot
from routing.core.inbox import QueueStatus
from tests.fakes.inbox import FakeInbox

pytestmark = pytest.mark.unit


class CountingInbox(FakeInbox):
    """Count the looks, each of which has the next time."""

    looks = 0

    def queue_status(self) -> QueueStatus:
        self.looks += 1
        return super().queue_status()._replace(at=float(self.looks))


def test_an_answer_is_given_again_for_a_second_and_then_asked_anew() -> None:
    inbox, now = CountingInbox(), 100.0
    snapshot = QueueSnapshot(inbox, lambda: now)
    assert [snapshot.read_queues().at for _ in range(500)] == [1.0] * 500 and inbox.looks == 1
    now += AGE_S - 0.01
    assert snapshot.read_queues().at == 1.0
    now += 0.01
    assert [snapshot.read_queues().at for _ in range(500)] == [2.0] * 500 and inbox.looks == 2
