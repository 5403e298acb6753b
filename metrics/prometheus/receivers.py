"""Build the configuration of Alertmanager: who gets an alert, by mail or webhook, and which alert silences which.

Alerts about accommodations go to their manager and to nobody else.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from drawing.texts import Phrase
from metrics.prometheus.alerts import CRITICAL, MANAGER, SILENCES

DUTY = "nobet"
"""Receiver of all alerts that are not for the manager of accommodations."""
SUBJECT = Phrase('{{ if eq .Status "firing" }}Uyarı{{ else }}Bitti{{ end }}: {{ .CommonAnnotations.summary }}',
                 '{{ if eq .Status "firing" }}Alert{{ else }}Over{{ end }}: {{ .CommonAnnotations.summary }}')
_BODY = """{{ range .Alerts }}{{ .Annotations.summary }}
{{ .Annotations.description }}
{{ if eq .Status "firing" }}%s: {{ .StartsAt.Local.Format "%s" }}{{ else }}%s: {{ .EndsAt.Local.Format "%s" }}{{ end }}
%s: {{ .Annotations.runbook_url }}

{{ end }}"""
BODY = Phrase(_BODY % ("Başladı", "02.01.2006 15:04", "Bitti", "02.01.2006 15:04", "Ne yapmalı"),
              _BODY % ("Since", "2006-01-02 15:04", "Until", "2006-01-02 15:04", "Runbook"))
"""A mail is plain text, which every reader and screen reader takes."""


class MailServer(NamedTuple):
    """The server that takes mail, and its login."""

    address: str
    """`host:port`."""
    sender: str
    tls: bool = True
    user: str | None = None
    password_file: str | None = None
    """Path on the machine of Alertmanager."""


class Receivers(NamedTuple):
    """Addresses of people and programs. Without any, alerts are only on the page of Alertmanager."""

    mail: tuple[str, ...] = ()
    manager_mail: tuple[str, ...] = ()
    webhook: str | None = None
    manager_webhook: str | None = None
    """URL for alerts about accommodations, which the first URL does not get."""
    server: MailServer | None = None


def build_routes(receivers: Receivers, factor: float = 1.0, *, english: bool = False) -> dict[str, Any]:
    """Return the configuration of Alertmanager. `factor` makes waits shorter, for tests."""
    return {
        **({} if receivers.server is None else {"global": _build_server(receivers.server)}),
        "route": {
            "receiver": DUTY, "group_by": ["alertname", "centre", "queue"], "group_wait": format_duration(30, factor),
            "group_interval": format_duration(300, factor), "repeat_interval": "4h",
            # The first matching route takes the alert, so the manager's alerts never reach the second.
            "routes": [{"receiver": MANAGER, "matchers": [f'audience="{MANAGER}"']},
                       {"receiver": DUTY, "matchers": [f'severity="{CRITICAL}"'],
                        "group_wait": format_duration(5, factor), "repeat_interval": "1h"}]},
        "inhibit_rules": [{
            "source_matchers": [_match_names(one.causes)], "target_matchers": [_match_names(one.symptoms)],
            "equal": list(one.equal)} for one in SILENCES],
        "receivers": [_build_receiver(DUTY, receivers.webhook, receivers.mail, english),
                      _build_receiver(MANAGER, receivers.manager_webhook, receivers.manager_mail, english)]}


def _match_names(names: tuple[str, ...]) -> str:
    return f'alertname=~"{"|".join(names)}"'


def _build_server(server: MailServer) -> dict[str, Any]:
    return {"smtp_smarthost": server.address, "smtp_from": server.sender, "smtp_require_tls": server.tls,
            **({"smtp_auth_username": server.user} if server.user else {}),
            **({"smtp_auth_password_file": server.password_file} if server.password_file else {})}


def _build_receiver(name: str, url: str | None, people: tuple[str, ...], english: bool) -> dict[str, Any]:
    mails = [{"to": person, "send_resolved": True, "headers": {"Subject": SUBJECT.text(english=english)},
              "html": "", "text": BODY.text(english=english)} for person in people]
    return {"name": name, **({"webhook_configs": [{"url": url, "send_resolved": True}]} if url else {}),
            **({"email_configs": mails} if mails else {})}


def format_duration(seconds: float, factor: float) -> str:
    """Return a duration as Prometheus writes it: a whole number of the largest unit, at least one millisecond."""
    ms = max(1, round(seconds * factor * 1000))
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"
