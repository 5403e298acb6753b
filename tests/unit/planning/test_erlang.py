"""Erlang's formulae give the published tables to the printed digit."""

from __future__ import annotations

import math

import pytest

from planning.theory import erlang
from planning.theory.erlang import ErlangQueue, erlang_b, erlang_c, fewest_agents

pytestmark = pytest.mark.unit


def printed(value: float, as_printed: str) -> bool:
    """Whether a value, rounded to as many digits as were printed, is what was printed."""
    digits = len(as_printed.partition(".")[2])
    return f"{value:.{digits}f}" == (as_printed if not as_printed.startswith(".") else "0" + as_printed)


@pytest.mark.parametrize(("load", "agents", "share"), [
    (2, 3, "0.4444444444"), (10, 14, "0.1741319336"), (20, 25, "0.2091028266"), (48, 55, "0.2387009364"),
    (123, 132, "0.3211161793"), (171, 180, "0.3874739293"), (12345, 12421, "0.3812250151"),
])
def test_erlang_c_table(load: float, agents: int, share: str) -> None:
    assert printed(erlang_c(load, agents), share)


def test_erlang_c_worked_examples() -> None:
    small = ErlangQueue(10 / 180, 180, 14)
    assert printed(small.mean_wait_s(), "7.8359")
    assert printed(small.service_level(20), "0.8883500192")
    middle = ErlangQueue(48 / 240, 240, 55)
    assert printed(middle.mean_wait_s(), "8.18403")
    assert printed(middle.service_level(15), "0.8458831")
    assert printed(erlang_b(123, 132), "0.0312428")
    assert erlang_c(1000, 900) == 1.0


def test_published_tables_of_erlang_c_and_b() -> None:
    assert erlang_c(3.87, 8) == pytest.approx(0.05, rel=0.01)
    assert erlang_c(4.08, 10) == pytest.approx(0.01, rel=0.01)
    assert erlang_b(8.108, 15) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize(("lines", "loads"), [
    (10, ("3.0920", "4.4612", "5.0840", "6.2157", "7.5106")),
    (30, ("16.6839", "20.3373", "21.9316", "24.8018", "28.1126")),
    (100, ("75.2420", "84.0642", "87.9720", "95.2404", "104.1098")),
    (180, ("147.2621", "160.4156", "166.3702", "177.7583", "192.2273")),
    (200, ("165.6239", "179.7380", "186.1582", "198.5073", "214.3226")),
])
def test_load_at_a_blocking(lines: int, loads: tuple[str, ...]) -> None:
    for blocking, load in zip((0.001, 0.01, 0.02, 0.05, 0.1), loads, strict=True):
        assert erlang_b(float(load), lines) == pytest.approx(blocking, rel=1e-3)


HUNDRED_AND_EIGHTY = """
.80 2160 .002305 .0154 .999885 .0092 .001980 .000082 .0098 .799935 .999897
.85 2295 .020754 .1845 .997813 .1176 .016394 .000786 .0943 .849332 .998890
.90 2430 .110272 1.4703 .975395 .9924 .075899 .004293 .5151 .896137 .993011
.95 2565 .387474 10.3326 .816970 7.3620 .216840 .014662 1.7594 .936071 .971892
.97 2619 .584405 25.9736 .627367 18.8958 .295291 .021515 2.5818 .949130 .955830
.98 2646 .705934 47.0622 .477032 34.5907 .337686 .025556 3.0668 .954955 .945698
.99 2673 .844171 112.5562 .273415 83.5730 .381436 .029995 3.5994 .960305 .934041
1.00 2700 - - - - .425940 .034814 4.1777 .965186 .920787
1.05 2835 - - - - .640197 .063682 7.6418 .983134 .829482
1.10 2970 - - - - .805834 .097575 11.7090 .992667 .699771
1.20 3240 - - - - .962443 .167517 20.1020 .998980 .391016
"""
"""180 agents, handle time 240 s, limit 20 s: load, calls an hour; Erlang C: waits, mean wait, within, queue; Erlang A
with mean patience 120 s: waits, abandoned, mean wait, occupancy, within."""


@pytest.mark.parametrize("line", HUNDRED_AND_EIGHTY.strip().splitlines())
def test_a_centre_of_180(line: str) -> None:
    rho, calls, c_waits, c_asa, c_within, c_queue, waits, abandoned, asa, occupancy, within = line.split()
    rate = float(rho) * 180 / 240
    assert printed(3600 * rate, calls)
    c = ErlangQueue(rate, 240, 180)
    if c_waits == "-":
        assert not c.stable
        assert (c.waiting_share(), c.mean_wait_s(), c.service_level(20), c.agent_occupancy()) == (1.0, math.inf, 0.0,
            1.0)
    else:
        assert all(map(printed, (c.waiting_share(), c.mean_wait_s(), c.service_level(20), c.mean_queue()),
                       (c_waits, c_asa, c_within, c_queue)))
    a = ErlangQueue(rate, 240, 180, 120)
    assert all(map(printed, (a.waiting_share(), a.abandoned_share(), a.mean_wait_s(), a.agent_occupancy(),
        a.service_level(20)),
                   (waits, abandoned, asa, occupancy, within)))


@pytest.mark.parametrize(("pools", "asa", "within"), [
    (1, "10.33", ".8170"), (2, "28.08", ".6381"), (3, "47.92", ".5335"), (6, "112.72", ".3783"), (9, "181.30", ".3050"),
    (18, "396.28", ".2081"),
])
def test_splitting_a_centre_costs_its_callers(pools: int, asa: str, within: str) -> None:
    part = ErlangQueue(0.95 * 180 / 240 / pools, 240, 180 // pools)
    assert printed(part.mean_wait_s(), asa)
    assert printed(part.service_level(20), within)


@pytest.mark.parametrize(("agents", "asa"), [
    (500, "1.699"), (1000, ".3276"), (2880, ".0060"), (3000, ".0048"), (10_000, "9.3e-8"),
])
def test_one_national_pool(agents: int, asa: str) -> None:
    wait = ErlangQueue(0.95 * agents / 240, 240, agents).mean_wait_s()
    assert f"{wait:.1e}" == "9.3e-08" if "e" in asa else printed(wait, asa)


def test_a_national_pool_at_its_limit() -> None:
    full = ErlangQueue(0.99 * 2880 / 240, 240, 2880)
    assert all(map(printed, (full.waiting_share(), full.mean_wait_s(), full.service_level(20)),
        (".477829", "3.982", ".956652")))


@pytest.mark.parametrize(("load", "agents"), [
    (20, 25), (50, 56), (100, 108), (165, 174), (180, 189), (500, 512), (1000, 1013), (2850, 2865),
])
def test_fewest_agents_for_80_percent_in_20_seconds(load: float, agents: int) -> None:
    assert fewest_agents(load / 240, 240, 0.8, 20) == agents


def test_garnetts_50_agents() -> None:
    rate = 2880 / 3600
    c = ErlangQueue(rate, 60, 50)
    assert all(map(printed, (c.waiting_share(), c.mean_wait_s(), c.agent_occupancy(), c.mean_queue()),
                   ("0.694456", "20.8337", "0.96", "16.6669")))
    a = ErlangQueue(rate, 60, 50, 120)
    assert all(map(printed, (a.waiting_share(), a.mean_wait_s(), a.abandoned_share(), a.agent_occupancy(),
        a.mean_queue()),
                   ("0.467774", "3.70947", "0.0309122", "0.930324", "2.96758")))


def test_shares_that_approximations_for_many_agents_are_compared_with() -> None:
    assert printed(erlang_c(990, 1000), "0.65908")
    assert printed(ErlangQueue(171 / 240, 240, 180, 120).waiting_share(), "0.21684")
    assert printed(ErlangQueue(990 / 240, 240, 1000, 120).waiting_share(), "0.31671")


def test_the_edges_of_a_pool() -> None:
    assert erlang_b(0, 0) == 1.0 and erlang_b(0, 5) == 0.0 and erlang_b(7, 0) == 1.0
    assert erlang_b(10, 10_000) == 0.0, "rarer than a double can say"
    idle = ErlangQueue(0.0, 240, 10, 120)
    assert (idle.waiting_share(), idle.mean_wait_s(), idle.abandoned_share(), idle.agent_occupancy(),
        idle.service_level(20)) == (0, 0, 0, 0, 1)
    nobody = ErlangQueue(1.0, 240, 0, 120)
    assert nobody.waiting_share() == 1.0 and nobody.abandoned_share() == pytest.approx(1.0) \
        and nobody.service_level(1000) == 0.0
    assert nobody.mean_wait_s() == pytest.approx(120) and nobody.agent_occupancy() == 0.0
    assert ErlangQueue(0.7, 240, 180, 120).service_level(0) == pytest.approx(1
        - ErlangQueue(0.7, 240, 180, 120).waiting_share())


def test_an_overload_of_a_hundredfold_is_computed_without_overflow() -> None:
    flooded = ErlangQueue(100.0, 240, 180, 600)
    assert flooded.abandoned_share() == pytest.approx(1 - 180 / 240 / 100.0), "as fluid: the agents serve what they can"
    assert flooded.waiting_share() == 1.0 and flooded.service_level(20) == pytest.approx(0.0, abs=1e-12)


def test_what_no_pool_can_have_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        erlang_b(-1, 3)
    with pytest.raises(ValueError, match="cannot be negative"):
        ErlangQueue(1, 240, 180).service_level(-1)
    with pytest.raises(ValueError, match="infinite: nobody gives up"):
        ErlangQueue(1, 240, 180, 2 * erlang.PATIENCE_MAX_S).waiting_share()
    with pytest.raises(ValueError, match="target share"):
        fewest_agents(1, 240, 1.0, 20)


def test_the_search_for_agents_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erlang, "AGENTS_MAX", 100)
    with pytest.raises(ValueError, match="no number of agents answers"):
        fewest_agents(1.0, 240, 0.8, 20)
    assert fewest_agents(0.0, 240, 0.8, 20) == 0
