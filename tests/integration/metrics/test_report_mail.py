"""The report of a day by mail: to a real SMTP server on loopback, to one that is busy, and to one that is silent."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import socketserver
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from shutil import copytree

import pytest
import structlog
from typer.testing import CliRunner

from metrics.reports.mail import PAUSE_S, TRIES, MailError, MailPlan, send_mail
from santral.call_records import read_mail_plan
from santral.centre.config import node_config
from santral.cli import cli
from santral.errors import BadCentre
from santral.report_schedule import ReportSchedule, next_mail
from tests.fakes.report_day import ZONE, written
from tests.ministry import MEB

pytestmark = pytest.mark.integration


class Server(socketserver.ThreadingTCPServer):
    """A small SMTP server. `answers` are given to RCPT, one a connection; then 250."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Dialogue)
        self.mails: list[EmailMessage] = []
        self.people: list[str] = []
        self.answers: list[bytes] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Dialogue(socketserver.StreamRequestHandler):
    """One connection, by RFC 5321 as far as a client needs it."""

    server: Server

    def handle(self) -> None:
        self.wfile.write(b"220 lab\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                self.server.people.append(line.partition(b"<")[2].partition(b">")[0].decode())
                self.wfile.write(self.server.answers.pop(0) if self.server.answers else b"250 ok\r\n")
            elif verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                body = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    body += part[1:] if part.startswith(b"..") else part
                mail = email.message_from_bytes(body, policy=email.policy.default)
                assert isinstance(mail, EmailMessage)
                self.server.mails.append(mail)
                self.wfile.write(b"250 taken\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def centre_with(folder: Path, *lines: str, mail: tuple[str, ...] = ()) -> Path:
    centre = folder / "centre"
    copytree(MEB, centre)
    with (centre / "santral.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join(["", "[reports]", *lines, *(["[mail]", *mail] if mail else []), ""]))
    return centre


def mail_at(port: int, *more: str) -> tuple[str, ...]:
    return f'server = "127.0.0.1:{port}"', 'sender = "santral@example.org"', "tls = false", *more


def plan_of(port: int) -> MailPlan:
    return MailPlan(("mudur@example.org",), "santral@example.org", "127.0.0.1", port, tls=False)


def test_a_day_comes_with_paragraph_page_and_workbook(server: Server, tmp_path: Path) -> None:
    asyncio.run(written().keep(str(tmp_path / "santral.db")))
    centre = centre_with(tmp_path, 'to = ["mudur@example.org", "ekip@example.org"]', mail=mail_at(server.port))
    done = CliRunner().invoke(cli, ["report", "mail", str(tmp_path), "--day", "2026-03-02", "--centre", str(centre)])
    assert done.exit_code == 0 and "sent to 2" in done.output, done.output
    assert server.people == ["mudur@example.org", "ekip@example.org"]
    (mail,) = server.mails
    assert mail["Subject"] == "Günlük rapor: 02.03.2026" and mail["From"] == "santral@example.org"
    text = mail.get_body(("plain",))
    assert text is not None and text.get_content().startswith("Sıraya 10 kişi girdi")
    files = {part.get_filename(): part.get_payload(decode=True) for part in mail.iter_attachments()}
    assert files.keys() == {"2026-03-02.html", "2026-03-02.xlsx"}
    assert b"<html" in bytes(files["2026-03-02.html"]) and bytes(files["2026-03-02.xlsx"]).startswith(b"PK")


def test_a_busy_server_is_asked_again_and_a_refusal_is_not(server: Server) -> None:
    mail, pauses = EmailMessage(), list[float]()
    mail["To"], mail["From"], mail["Subject"] = "mudur@example.org", "santral@example.org", "x"
    server.answers = [b"451 later\r\n", b"451 later\r\n"]
    send_mail(plan_of(server.port), mail, sleep=pauses.append)
    assert len(server.mails) == 1 and pauses == [PAUSE_S] * 2
    server.answers = [b"550 no such person\r\n"]
    with pytest.raises(MailError, match="550 no such person"):
        send_mail(plan_of(server.port), mail, sleep=pauses.append)
    assert len(server.mails) == 1 and len(pauses) == 2


def test_a_silent_server_ends_after_its_tries() -> None:
    pauses: list[float] = []
    # Nobody accepts, so the greeting never comes.
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as silent, \
            pytest.raises(MailError, match="timed out"):
        send_mail(plan_of(int(silent.server_address[1])), EmailMessage(), sleep=pauses.append, timeout_s=0.1)
    assert len(pauses) == TRIES - 1
    with pytest.raises(MailError, match="was not sent: 127"):
        send_mail(plan_of(1), EmailMessage(), sleep=pauses.append)


def test_the_password_of_the_one_mail_server_is_read_from_its_file(tmp_path: Path) -> None:
    """Alertmanager reads the same file, so its group may, and everybody may not."""
    asyncio.run(written().keep(str(tmp_path / "santral.db")))
    secret = tmp_path / "mail-password"
    secret.write_text("s3cret words\n", encoding="utf-8")
    secret.chmod(0o640)
    centre = centre_with(tmp_path, 'to = ["m@example.org"]',
                         mail=mail_at(25, 'user = "santral"', f'password_file = "{secret}"'))
    plan = read_mail_plan(centre, None, tmp_path)
    assert (plan.user, plan.password, plan.tls) == ("santral", "s3cret words", False) and "s3cret" not in repr(plan)
    for change, said in ((lambda: secret.chmod(0o644), "chmod o="), (secret.unlink, "cannot be read")):
        change()
        with pytest.raises(BadCentre, match=r"santral\.toml:\d+: .*" + said):
            read_mail_plan(centre, None, tmp_path)


@pytest.mark.parametrize(("lines", "said"), [
    (('to = ["mudur@example.org"]',), r"\[reports\] has mail addresses, but no server takes mail"),
    (('to = ["mudur"]',), "should be a mail address"), ((), "nobody gets reports")])
def test_wrong_settings_are_one_message(lines: tuple[str, ...], said: str, tmp_path: Path) -> None:
    centre = centre_with(tmp_path, *lines)
    done = CliRunner().invoke(cli, ["report", "mail", str(tmp_path), "--centre", str(centre)])
    assert done.exit_code and re.search(said, str(done.exception)), done.exception


def test_a_report_is_due_on_its_days_by_the_clock_of_the_centre(tmp_path: Path) -> None:
    centre = centre_with(tmp_path, 'to = ["m@example.org"]', 'at = "07:30"', 'days = ["monday", "friday"]',
                         mail=mail_at(25))
    settings = node_config(centre).settings

    def at(text: str) -> float:
        return datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()

    for now, due in (("2026-03-02T07:29", "2026-03-02T07:30"), ("2026-03-02T07:30", "2026-03-06T07:30"),
                     ("2026-03-06T08:00", "2026-03-09T07:30")):
        assert next_mail(settings, at(now)) == at(due)
    assert next_mail(node_config(MEB).settings, at("2026-03-02T07:00")) is None


@pytest.mark.parametrize(("code", "event"), [(0, "report.mailed"), (1, "report.mail_failed")])
async def test_the_node_logs_how_the_report_went(code: int, event: str) -> None:
    words = f"print('the server is away'); raise SystemExit({code})"
    with structlog.testing.capture_logs() as logged:
        await ReportSchedule(lambda: node_config(MEB).settings, [sys.executable, "-c", words],
                             lambda: 0.0).send_once()
    assert [one["event"] for one in logged] == [event]
    assert code == 0 or logged[0]["why"] == "the server is away"
