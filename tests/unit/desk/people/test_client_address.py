"""The address of a browser, as far as it may count: behind proxies, and of IPv6 the network of its house."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from desk.people.client_address import ClientAddress

pytestmark = pytest.mark.unit

PROXIES = ("127.0.0.1", "10.0.0.0/8", "2001:db8:ffff::/48")


@pytest.mark.parametrize(("remote", "header", "expected"), [
    ("192.0.2.7", "198.51.100.1", "192.0.2.7"), ("127.0.0.1", "198.51.100.1, 192.0.2.7, 10.1.1.1", "192.0.2.7"),
    ("127.0.0.1", "192.0.2.7, nonsense", "127.0.0.1"), ("127.0.0.1", "", "127.0.0.1"),
    # Both are one house, and one source of guesses.
    ("127.0.0.1", "2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
    ("127.0.0.1", "2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
    ("2001:db8:1:3::1", "", "2001:db8:1:3::/64"), ("::1", "", "::/64"),
    ("2001:db8:ffff::1", "192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "", "192.0.2.7"), ("", "", "")])
def test_the_address_is_that_of_the_browser_or_its_house(remote: str, header: str, expected: str) -> None:
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": header} if header else {})
    assert ClientAddress(PROXIES).of_request(request.clone(remote=remote)) == expected
