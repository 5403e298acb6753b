"""Read from a centre's settings what Prometheus watches and who is told, and warn if nobody is."""

from __future__ import annotations

from pathlib import Path

from centres.centre_reader import LoadedCentre, load_centre
from centres.problem import Problem
from metrics.prometheus.receivers import MailServer, Receivers
from metrics.prometheus.rules import MonitoringPlan
from santral.errors import BadCentre


def plan_monitoring(centre: Path, settings: Path | None) -> MonitoringPlan:
    """Return the addresses and receivers of a centre. Raise BadCentre if its settings are not valid."""
    found = load_centre(centre, settings)
    if found.settings is None:
        raise BadCentre("\n".join(map(str, found.problems)))
    told, server = found.settings.alerts, found.settings.mail
    mail = None
    if server.server is not None and server.sender is not None:
        mail = MailServer(server.server, server.sender, server.tls, server.user, server.password_file)
    asterisk = found.settings.asterisk
    return MonitoringPlan(
        (found.settings.listen.http,), (asterisk.http,) if asterisk.metrics else (),
        receivers=Receivers(told.mail, told.manager_mail, told.webhook, told.manager_webhook, mail),
        centre=found.settings.centre.name, english=found.settings.centre.language == "en", runbooks=told.runbooks)


def runbooks_of(centre: Path) -> str:
    """Return the address of the pages of runbooks."""
    return plan_monitoring(centre, None).runbooks


def check_receivers(loaded: LoadedCentre) -> list[Problem]:
    """Return a warning for alerts that reach nobody."""
    if loaded.settings is None:
        return []
    told, missing = loaded.settings.alerts, []
    if not told.mail and told.webhook is None:
        missing.append(Problem(loaded.where("alerts", "mail"), "nobody is told of a fault",
                               "Name people in 'mail' of [alerts], or a program in 'webhook'."))
    if loaded.accommodations and not told.manager_mail and told.manager_webhook is None:
        missing.append(Problem(loaded.where("alerts", "manager_mail"),
                               "nobody is told when a rule of an accommodation is broken",
                               "Name their manager in 'manager_mail' of [alerts]: no other receiver gets it."))
    return missing
