"""A plan for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from asterisk_conf.carrier import Address, Trunk
from asterisk_conf.conf_plan import AsteriskPlan, Pages, PlanService
from ivr.routes.in_call_keys import IN_CALL_KEYS


def plan(node_count: int = 1, **changes: Any) -> AsteriskPlan:
    """A small centre."""
    base = AsteriskPlan(
        numbers={"4440632": "ana"},
        nodes=tuple(Address("127.0.0.1", 4573 + n) for n in range(node_count)),
        sounds="/var/lib/santral/sounds",
        seats=(("2001", "SeatSecret2001abcdefghij"), ("2002", "SeatSecret2002abcdefghij")),
        in_call_keys=IN_CALL_KEYS,
        trunk=Trunk(("192.0.2.10",), way_out="192.0.2.10:5060"),
        remote_agents=(("uzak-a1201", "+905321112233"),),
        agi_key="AgiKey0123456789abcdefgh",
        events_secret="EventsSecret0123456789abc",
        actions_secret="ActionsSecret0123456789ab",
        services=(PlanService("psikososyal", "bilgi-psikososyal", distress=True), PlanService("temsilci")),
        unknown_service="temsilci",
    )
    return replace(base, **changes)


def pages(far: bool = True) -> Pages:
    """Two pages in the house and one at home, on a machine with two addresses."""
    return Pages((("3001", "PageSecret3001abcdefghij"), ("3002", "PageSecret3002abcdefghij")),
                 (("3101", "PageSecret3101abcdefghij"),) if far else (), "127.0.0.1", ("192.0.2.9", "192.0.2.10"))
