"""Admission: services that are full or closed, and where their contacts go instead.

A chain of `overflow_to` is followed to the first service that is open and has room, through each one at most once and
never back into one the contact was in before. When there is none, the safety net takes the caller: they stay in line,
not offered to anybody, until they have left; a caller who is still there after `contacts.OVERFLOW_AGAIN_S` waits like
any other (the net did not take them). Distress is never full and never closed. Who waits already is not touched when
their service closes.
"""

from __future__ import annotations

from routing.core import emit
from routing.core.domain import Domain
from routing.core.errors import UnknownService
from routing.core.events import ServiceHours
from routing.core.ids import ServiceId
from routing.core.model import Service


def refuses(d: Domain, service: Service) -> str:
    """Why one more contact cannot wait here: `closed`, `full`; empty: it can. Callbacks take no room."""
    if service.distress:
        return ""
    if service.id in d.closed:
        return "closed"
    if service.max_waiting is not None \
            and d.lines[service.id].size - d.deferred.get(service.id, 0) >= service.max_waiting:
        return "full"
    return ""


def onward(d: Domain, service: Service, visited: tuple[ServiceId, ...]) -> Service | None:
    """Where a contact of this service goes that cannot stay; None: to the safety net."""
    passed = {service.id, *visited}
    while (name := service.overflow_to) is not None and name not in passed:
        to = d.services.get(name)
        if to is None:
            return None
        if not refuses(d, to):
            return to
        passed.add(name)
        service = to
    return None


def hours(d: Domain, event: ServiceHours) -> None:
    """A service opens or closes. Said again, or of one in distress (never closed), it changes nothing."""
    service = d.services.get(event.service)
    if service is None:
        raise UnknownService(f"no service {event.service} in the centre; add it to services.yaml and reload")
    if event.open is (service.id not in d.closed) or service.distress:
        return
    if event.open:
        d.closed.discard(service.id)
    else:
        d.closed.add(service.id)
    emit.service_changed(d, service=service.id, open=event.open)


def review(d: Domain) -> None:
    """After new settings: of a service that is gone nothing is closed, and one in distress opens."""
    for name in sorted(d.closed):
        service = d.services.get(name)
        if service is None or service.distress:
            d.closed.discard(name)
            if service is not None:
                emit.service_changed(d, service=name, open=True)
