"""Warnings of transfers to where nobody is: the same request within some seconds confirms, once."""

from __future__ import annotations

import pytest

from routing.core.memory.transfer_warnings import CONFIRM_S, WARNINGS_MAX, TransferWarnings
from routing.core.model.ids import OfferId, ServiceId

pytestmark = pytest.mark.unit

TIP = OfferId(1), ServiceId("tip"), None


def test_the_same_request_confirms_once_and_in_time() -> None:
    warnings = TransferWarnings()
    assert not warnings.is_confirmed(TIP, 0.0)
    warnings.note_warning(TIP, 0.0)
    assert not warnings.is_confirmed((OfferId(1), ServiceId("edu"), None), 1.0)
    assert warnings.is_confirmed(TIP, CONFIRM_S) and not warnings.is_confirmed(TIP, CONFIRM_S)
    warnings.note_warning(TIP, 0.0)
    assert not warnings.is_confirmed(TIP, CONFIRM_S + 0.1)


def test_only_the_newest_warnings_are_remembered() -> None:
    warnings = TransferWarnings()
    for number in range(WARNINGS_MAX + 1):
        warnings.note_warning((OfferId(number), None, None), 0.0)
    assert not warnings.is_confirmed((OfferId(0), None, None), 1.0)
    assert warnings.is_confirmed((OfferId(1), None, None), 1.0)
