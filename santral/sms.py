"""The gateway for short messages of a centre: how it is asked, and the outbox of a node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from centres.settings import Sms
from routing.sms import HOUR_S, MINUTE_S, Limits, Outbox
from routing.sms_gateway import Gateway, Plan
from routing.store.audit import Audit
from routing.store.numbers import NumberKeys
from routing.store.store import Store
from santral.config import NodeConfig
from santral.errors import SantralError
from santral.secrets import Secrets, read_private

FILE = "sms.json"


def outbox(config: NodeConfig, secrets: Secrets, store: Store, numbers: NumberKeys, audit: Audit,
           clock: Callable[[], float]) -> Outbox | None:
    """The way out for short messages; None: the centre has no gateway. Raises SantralError."""
    wanted = config.settings.sms
    if wanted.url is None:
        return None
    limits = Limits(wanted.per_minute, wanted.again_h * HOUR_S, wanted.expires_min * MINUTE_S)
    return Outbox(store, Gateway(plan(wanted, secrets.folder)), limits, numbers.open, audit, clock)


def plan(wanted: Sms, secrets: Path) -> Plan:
    """How the gateway is asked, with what is secret of it: `{"headers": {…}, "fields": {…}}` in `sms.json`, written by
    hand. Raises SantralError."""
    kept = read_private(secrets / FILE)
    headers, fields = (_texts(secrets / FILE, kept, part) for part in ("headers", "fields"))
    if unknown := sorted(kept.keys() - {"headers", "fields"}):
        raise SantralError(f"{secrets / FILE} has '{unknown[0]}'; it may have \"headers\" and \"fields\"")
    sender = {wanted.sender_field: wanted.sender} if wanted.sender else {}
    assert wanted.url is not None
    return Plan(wanted.url, wanted.body, wanted.number_field, wanted.text_field, wanted.number_form,
                {**wanted.fields, **sender, **fields}, headers, wanted.accepted, wanted.ca, wanted.timeout_s)


def _texts(path: Path, kept: dict[str, object], part: str) -> dict[str, str]:
    found = kept.get(part, {})
    if not isinstance(found, dict) or not all(
            isinstance(value, str) and value.isprintable() for value in found.values()):
        raise SantralError(f'{path}: write "{part}" as {{"name": "value"}}, each in one line')
    return {str(name): str(value) for name, value in found.items()}
