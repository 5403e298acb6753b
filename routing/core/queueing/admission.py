"""Decide whether a service takes another contact. `service_rules` leads those that it does not take.

A distress service is never full and never closed. Callers who wait when their service closes stay in its queue.
"""

from __future__ import annotations

from routing.core import emit
from routing.core.domain import Domain
from routing.core.events import ServiceHoursSet
from routing.core.model.centre_model import Service, Trigger
from routing.core.model.errors import UnknownService


def refusal_reason(d: Domain, service: Service) -> Trigger | None:
    """Return why a service takes no more contacts: closed or full. Return None if it does.

    Callbacks and contacts that were turned away take no room.
    """
    if service.distress:
        return None
    if service.id in d.closed:
        return Trigger.CLOSED
    if service.max_waiting is not None and d.queues[service.id].size - len(d.waiting_callbacks.get(service.id, ())) \
            - d.turned_away.get(service.id, 0) >= service.max_waiting:
        return Trigger.FULL
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
