"""Send a report by mail: the paragraph as text, the page and the workbook attached."""

from __future__ import annotations

import smtplib
import ssl
import time
from collections.abc import Callable
from email.message import EmailMessage
from typing import NamedTuple

from metrics.reports.spreadsheet import render_xlsx
from metrics.reports.view import ReportView

TIMEOUT_S = 30.0
"""Limit of one answer of the server. A report is not urgent, and a server that is silent this long is down."""
TLS_PORT = 465
"""Port at which TLS begins with the connection."""
TRIES = 3
PAUSE_S = 20.0
"""Pause between two tries, in which a server that restarts is back."""
TEMPORARY = range(400, 500)
"""Answers of SMTP that ask for another try."""


class MailError(Exception):
    """The mail could not be sent. The message says what to do."""


class MailPlan(NamedTuple):
    """Where a report goes."""

    to: tuple[str, ...]
    sender: str
    host: str
    port: int
    tls: bool = True
    """From the start at `TLS_PORT`, else after the greeting, as Alertmanager does."""
    user: str = ""
    password: str = ""
    store: str = ""
    """Place of the record: a state folder, a database file or a URL."""

    def __repr__(self) -> str:
        """Return a text without the password."""
        return f"MailPlan({self.host}:{self.port})"


def build_mail(plan: MailPlan, view: ReportView) -> EmailMessage:
    """Return the mail of a report."""
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = view.title, plan.sender, ", ".join(plan.to)
    mail.set_content("\n\n".join(view.intro_lines()) + "\n")
    name = view.report.period.local_time(view.report.period.start).strftime("%Y-%m-%d")
    mail.add_attachment(view.render_page().encode(), maintype="text", subtype="html", filename=f"{name}.html")
    mail.add_attachment(render_xlsx(view), maintype="application",
                        subtype="vnd.openxmlformats-officedocument.spreadsheetml.sheet", filename=f"{name}.xlsx")
    return mail


def send_mail(plan: MailPlan, mail: EmailMessage, *, sleep: Callable[[float], None] = time.sleep,
              timeout_s: float = TIMEOUT_S) -> None:
    """Send a mail, with up to `TRIES` tries if the server is away or busy. Raise MailError if none succeeds."""
    why = ""
    for number in range(TRIES):
        if number:
            sleep(PAUSE_S)
        try:
            _send_once(plan, mail, timeout_s)
        except smtplib.SMTPResponseException as error:
            why = f"{error.smtp_code} {_as_text(error.smtp_error)}"
            if error.smtp_code not in TEMPORARY:
                break
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            why = f"{code} {_as_text(said)}"
            if code not in TEMPORARY:
                break
        except (OSError, smtplib.SMTPException) as error:
            why = str(error) or type(error).__name__
        else:
            return
    raise MailError(f"the report was not sent: {plan.host}:{plan.port} says: {why}. Look at [mail] of santral.toml")


def _send_once(plan: MailPlan, mail: EmailMessage, timeout_s: float) -> None:
    context = ssl.create_default_context()
    at_once = plan.tls and plan.port == TLS_PORT
    server = smtplib.SMTP_SSL(plan.host, plan.port, timeout=timeout_s, context=context) if at_once \
        else smtplib.SMTP(plan.host, plan.port, timeout=timeout_s)
    with server:
        if plan.tls and not at_once:
            server.starttls(context=context)
        if plan.user:
            server.login(plan.user, plan.password)
        refused = server.send_message(mail)
    if refused:
        raise smtplib.SMTPRecipientsRefused(refused)


def _as_text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
