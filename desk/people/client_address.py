"""Find the address of the browser that makes a request, also behind a proxy."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web

HOPS_MAX = 20
"""Addresses of `X-Forwarded-For` that are looked at, from the end. A browser may have written the others."""
HOME_BITS = 64
"""Bits of an IPv6 address that a provider gives to one house. A machine there changes the others as it likes."""


class ClientAddress:
    """Know which proxies may name the browser's address."""

    def __init__(self, proxies: Iterable[str] = ()) -> None:
        self._proxies: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(one, strict=False) for one in proxies)

    def of_request(self, request: web.Request) -> str:
        """Return the address of the browser, of IPv6 the network of its house.

        A proxy of ours appends the address that it sees, so the last address that is no proxy of ours counts.
        Addresses before it may be invented.
        """
        return _find_house(self._find_browser(request))

    def _find_browser(self, request: web.Request) -> str:
        found = request.remote or ""
        hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        for hop in reversed(hops[-HOPS_MAX:]):
            if not self._is_proxy(found):
                return found
            try:
                found = str(ip_address(hop.strip()))
            except ValueError:
                return found
        return found

    def _is_proxy(self, address: str) -> bool:
        try:
            where = ip_address(address)
        except ValueError:
            return False
        return any(where in network for network in self._proxies)


def _find_house(address: str) -> str:
    """Return the network of an IPv6 address, or another address as it is.

    A house has 2^64 of them, and with each one the first guesses of a password would be free again.
    """
    try:
        where = ip_address(address)
    except ValueError:
        return address
    if not isinstance(where, IPv6Address):
        return address
    if where.ipv4_mapped is not None:
        return str(where.ipv4_mapped)
    return str(IPv6Network((int(where), HOME_BITS), strict=False))
