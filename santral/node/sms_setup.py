"""Set up the gateway for short messages of a centre, and the outbox of a node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from centres.sms import Sms
from routing.sms.gateway import GatewayPlan, SmsGateway
from routing.sms.outbox import HOUR_S, MINUTE_S, SmsLimits, SmsOutbox
from routing.store.audit import Audit
from routing.store.callers.number_keys import NumberKeys
from routing.store.store import Store
from santral.centre.config import NodeConfig
from santral.errors import SantralError
from santral.secrets import NodeSecrets, read_private

FILE = "sms.json"


def build_outbox(config: NodeConfig, secrets: NodeSecrets, store: Store, numbers: NumberKeys, audit: Audit,
                 clock: Callable[[], float]) -> SmsOutbox | None:
    """Return the outbox for short messages, or None if the centre has no gateway. Raise SantralError for invalid
    secrets."""
    wanted = config.settings.sms
    if wanted.url is None:
        return None
    limits = SmsLimits(wanted.per_minute, wanted.repeat_after_h * HOUR_S, wanted.expires_min * MINUTE_S)
    return SmsOutbox(store, SmsGateway(gateway_plan(wanted, secrets.folder)), limits, numbers.decrypt_number, audit,
                     clock)


def gateway_plan(wanted: Sms, secrets: Path) -> GatewayPlan:
    """Return how the gateway is asked, including its secrets.

    The secrets are in `sms.json` as `{"headers": {…}, "fields": {…}}`, written by hand. Raise SantralError for invalid
    content.
    """
    kept = read_private(secrets / FILE)
    headers, fields = (_read_texts(secrets / FILE, kept, part) for part in ("headers", "fields"))
    if unknown := sorted(kept.keys() - {"headers", "fields"}):
        raise SantralError(f"{secrets / FILE} has '{unknown[0]}'; it may have \"headers\" and \"fields\"")
    # Secret fields come last, so that they replace those of the settings.
    sender = {wanted.sender_field: wanted.sender} if wanted.sender else {}
    assert wanted.url is not None
    return GatewayPlan(wanted.url, wanted.body, wanted.number_field, wanted.text_field, wanted.number_form,
                       {**wanted.fields, **sender, **fields}, headers, wanted.accepted, wanted.ca, wanted.timeout_s)


def _read_texts(path: Path, kept: dict[str, object], part: str) -> dict[str, str]:
    found = kept.get(part, {})
    # A line end in a header would begin another header.
    if not isinstance(found, dict) or not all(
            isinstance(value, str) and value.isprintable() for value in found.values()):
        raise SantralError(f'{path}: write "{part}" as {{"name": "value"}}, each in one line')
    return {str(name): str(value) for name, value in found.items()}
