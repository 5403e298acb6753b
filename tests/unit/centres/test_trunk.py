"""The carrier's settings: what is refused, and where callbacks go."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterisk_conf.carrier import Address, Nat, Tls, Trunk
from asterisk_conf.conf_plan import PlanError
from centres.trunk import Registration as RegistrationSettings
from centres.trunk import Trunk as TrunkSettings
from santral.centre.config import check_centre
from tests.fakes.asterisk_plan import plan
from tests.ministry import copied, edit

pytestmark = pytest.mark.unit

MATCH = 'match = ["127.0.0.2"]'


@pytest.mark.parametrize(("line", "what"), [
    ('codecs = ["g729"]', "no prompt can be played in it"),
    ("srtp = true", "'srtp' needs transport"),
    ('reserve = ["sip:x"]', "should be the carrier's server"),
    ("options_s = 4000", "options_s"),
])
def test_a_carrier_that_cannot_work_is_refused(tmp_path: Path, line: str, what: str) -> None:
    folder = copied(tmp_path)
    edit(folder, "santral.toml", MATCH, f"{MATCH}\n{line}")
    found = [str(one) for one in check_centre(folder).problems]
    assert len(found) == 1 and what in found[0] and "santral.toml" in found[0], found


def test_an_address_outside_needs_the_networks_inside(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    edit(folder, "santral.toml", 'sip = "127.0.0.1:5060"', 'sip = "127.0.0.1:5060"\nexternal = "198.51.100.7"')
    (problem,) = check_centre(folder).problems
    assert "'external' needs 'local'" in str(problem)


def test_callbacks_go_to_the_carriers_in_order() -> None:
    wanted = TrunkSettings(match=("192.0.2.1",), outgoing="a.example", reserve=("b.example:5070",))
    assert wanted.callback_ways == ("a.example", "b.example:5070")
    secure = TrunkSettings(match=("192.0.2.1",), outgoing="a.example", proxy="sbc.example", transport="tls")
    assert secure.callback_ways == ("sbc.example;transport=tls",)
    alone = TrunkSettings(match=("192.0.2.1",))
    assert alone.callback_ways == () and alone.asks_every_s == 0
    assert TrunkSettings(registration=RegistrationSettings(server="a.example", user="1")).asks_every_s == 60


@pytest.mark.parametrize(("changes", "what"), [
    ({"trunk": Trunk(("192.0.2.1",), codecs=("g729",))}, "no prompt can be played"),
    ({"trunk": Trunk(("192.0.2.1",), srtp=True)}, "SRTP without TLS"),
    ({"trunk": Trunk(("192.0.2.1",), tls=True)}, "[asterisk] tls names no address"),
    ({"trunk": Trunk(("192.0.2.1",), proxy="-x")}, "trunk proxy"),
    ({"nat": Nat("here")}, "NAT address 'here'"),
    ({"tls": Tls(Address("0.0.0.0", 5061), "/a;b", "/k", "/c")}, "TLS file '/a;b'"),
])
def test_a_plan_names_the_fault(changes: dict[str, object], what: str) -> None:
    with pytest.raises(PlanError) as error:
        plan(remote_agents=(), **changes)
    assert any(what in fault for fault in error.value.faults), error.value.faults
