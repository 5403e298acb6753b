"""Decide whether a service takes another contact, and where a contact goes that it does not take.

A chain of `overflow_to` leads to the first service that is open and has room. The chain passes each service once, and
never returns to a service in which the contact was before. Without such a service the caller waits in the own queue.

A distress service is never full and never closed. Callers who wait when their service closes stay in its queue.
"""

from __future__ import annotations

from routing.core import emit
from routing.core.domain import Domain
from routing.core.events import ServiceHoursSet
from routing.core.model.centre_model import Service
from routing.core.model.errors import UnknownService
from routing.core.model.ids import ServiceId


def refusal_reason(d: Domain, service: Service) -> str:
    """Return why a service takes no more contacts: `closed`, `full`, or an empty text if it does. Callbacks need no
    room."""
    if service.distress:
        return ""
    if service.id in d.closed:
        return "closed"
    if service.max_waiting is not None \
            and d.queues[service.id].size - len(d.waiting_callbacks.get(service.id, ())) >= service.max_waiting:
        return "full"
    return ""


def find_overflow_target(d: Domain, service: Service, visited: tuple[ServiceId, ...]) -> Service | None:
    """Return the service that takes a contact which cannot stay, or None if there is none."""
    # A chain of `overflow_to` may be a circle.
    passed = {service.id, *visited}
    while (name := service.overflow_to) is not None and name not in passed:
        to = d.services.get(name)
        if to is None:
            return None
        if not refusal_reason(d, to):
            return to
        passed.add(name)
        service = to
    return None


def on_service_hours_set(d: Domain, event: ServiceHoursSet) -> None:
    """Open or close a service. Do nothing if nothing changes, or for a distress service. Raise UnknownService if the
    centre has no such service."""
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


def review_closed(d: Domain) -> None:
    """Forget the closed services that no longer exist after new settings, and open those that are now distress
    services."""
    # The order of a set may differ in a replay, so the facts follow the names.
    for name in sorted(d.closed):
        service = d.services.get(name)
        if service is None or service.distress:
            d.closed.discard(name)
            if service is not None:
                emit.service_changed(d, service=name, open=True)
