"""Check the seats whose phone is a page: their numbers, the address that they reach, and the trunk next to them."""

from __future__ import annotations

from itertools import combinations

from pydantic import TypeAdapter, ValidationError

from centres.base_shapes import Address, holds_address
from centres.document_reader import Mapping
from centres.problem import Problem
from centres.settings import Settings
from centres.validation import Loc, locate_in

RELAY = "127.0.0.1"
"""Address from which the node leads pages to the Asterisk of its machine."""
_ADDRESS: TypeAdapter[str] = TypeAdapter(Address)


def check_seats(settings: Settings, documents: tuple[Mapping, ...]) -> list[Problem]:
    """Check that no number is both a phone's and a page's, and that pages can be reached and recognised."""
    problems = []
    # 1. Each number belongs to one table.
    for (name, numbers), (other, others) in combinations(settings.seats.ranges().items(), 2):
        if shared := range(max(numbers.start, others.start), min(numbers.stop, others.stop)):
            table = "[seats]" if name == "seats" else f"[seats.{name}]"
            problems.append(Problem(
                locate_in(documents, ("seats", other, "first")),
                f"seat {shared[0]} is in {table} and in [seats.{other}]: a phone would be a page too",
                f"Begin [seats.{other}] at a number of {numbers.stop} or more, or lower 'count'."))
    if not settings.seats.page_names():
        return problems
    # 2. Pages must be told one address for sound.
    if not _is_address(settings.asterisk.media_address):
        problems.append(Problem(
            locate_in(documents, ("asterisk", "sip")), "'sip' names no single IPv4 address, so pages are not told "
            "where to send sound", "Add advertise = \"<address of this machine>\" to [asterisk]."))
    # 3. Asterisk looks for the trunk's addresses before it looks for names.
    registration = settings.trunk.registration
    places: list[tuple[str, Loc]] = [
        (match, ("trunk", "match", index)) for index, match in enumerate(settings.trunk.match)]
    if registration is not None:
        places.append((registration.server.partition(":")[0], ("trunk", "registration", "server")))
    for match, place in places:
        if holds_address(match, RELAY):
            problems.append(Problem(
                locate_in(documents, place), f"'{match}' holds {RELAY}, from which the node leads pages to Asterisk: "
                "every page would be the carrier", "Name the carrier's own address, or one address with its port."))
        # The relay of sound sends to this address from the same one, whatever a page gives it to send.
        elif settings.turn.url is not None and holds_address(match, settings.asterisk.media_address):
            problems.append(Problem(
                locate_in(documents, place), f"'{match}' holds {settings.asterisk.media_address}, from which the relay "
                "of [turn] sends what pages give it: an agent could call in as the carrier",
                "Name the carrier's own address, or one address with its port."))
    return problems


def _is_address(text: str) -> bool:
    try:
        _ADDRESS.validate_python(text)
    except ValidationError:
        return False
    return True
