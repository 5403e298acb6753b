"""`santral dashboards` at a terminal: what it writes, what it says, how it ends."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest
import yaml
from typer.testing import CliRunner, Result

from metrics.dashboards import source
from metrics.dashboards.boards import BOARDS
from metrics.dashboards.cli import LANGUAGES, pictures
from metrics.dashboards.grafana import SOURCE
from metrics.dashboards.panel import chosen
from metrics.dashboards.source import Kept
from santral.cli import ANSWERS, DEFAULT_CENTRE, cli, names_of, zone_of

pytestmark = pytest.mark.integration

DOCS = Path(__file__).parents[2] / "docs"
PANELS = sum(len(board.panels) for board in BOARDS)


def said(*words: object) -> Result:
    return CliRunner().invoke(cli, ["dashboards", *map(str, words)])


@contextmanager
def answering(reply: str | None = None) -> Iterator[str]:
    """A Prometheus in which everything is 1 and rises; `reply`: what it says instead."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = {name: values[0] for name, values in parse_qs(
                self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
            start, end = float(query["start"]), float(query["end"])
            body = reply if reply is not None else json.dumps({"status": "success", "data": {"result": [
                {"metric": {}, "values": [[start, "1"], [(start + end) / 2, "NaN"], [end, "2"]]}]}})
            self.send_response(200 if reply is None else 400)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_what_is_written_is_what_grafana_is_told_to_read(tmp_path: Path) -> None:
    done = said("write", "--out", tmp_path, "--prometheus", "http://p:9090", "--place", "/var/lib/x")
    assert done.exit_code == 0, done.output
    (told,) = yaml.safe_load((tmp_path / "provisioning/datasources/santral.yaml").read_text())["datasources"]
    assert told["uid"] == SOURCE and told["url"] == "http://p:9090"
    providers = yaml.safe_load((tmp_path / "provisioning/dashboards/santral.yaml").read_text())["providers"]
    assert [one["options"]["path"] for one in providers] == [f"/var/lib/x/dashboards/{one}" for one in LANGUAGES]
    written = sorted(tmp_path.glob("dashboards/*/*.json"))
    assert len(written) == len(BOARDS) * len(LANGUAGES)
    for path in written:
        board = json.loads(path.read_text())
        assert {panel["datasource"]["uid"] for panel in board["panels"]} == {SOURCE}
    assert said("check", *written).exit_code == 0
    again = {path: path.read_bytes() for path in written}
    said("write", "--out", tmp_path)
    assert again == {path: path.read_bytes() for path in written}, "the same every time"


def test_a_faulty_file_is_told_and_ends_with_one(tmp_path: Path) -> None:
    said("write", "--out", tmp_path)
    board = json.loads((path := tmp_path / "dashboards/tr/service.json").read_text())
    board["panels"][0]["description"] = ""
    path.write_text(json.dumps(board))
    done = said("check", path)
    assert done.exit_code == 1
    assert "it has no description" in done.output and "1 findings" in done.output


def test_a_prometheus_is_asked_and_drawn(tmp_path: Path) -> None:
    with answering() as url:
        checked = said("check", "--prometheus", url)
        assert checked.exit_code == 0, checked.output
        out, kept = tmp_path / "out", tmp_path / "answers"
        done = said("render", "--prometheus", url, "--out", out, "--keep", kept, "--until", "2026-03-02T18:00")
        assert done.exit_code == 0 and f"{PANELS} panels" in done.output and "without data" not in done.output
    assert {path.suffix for path in out.iterdir() if path.is_file()} == {".html", ".svg"}
    ways = {place for board in BOARDS for place in re.findall(r'<a href="([^"]+)"', (
        out / f"{board.key}.html").read_text())}
    assert ways == {f"{board.key}.html" for board in BOARDS}
    pictures = sorted(out.rglob("*.svg"))
    assert len(pictures) == PANELS + len(BOARDS)
    for path in pictures:
        picture = ElementTree.parse(path).getroot()
        assert picture.attrib["role"] == "img" and len(picture.attrib["aria-label"]) > 20
    assert "02.03.2026 12:00 – 02.03.2026 18:00, Europe/Istanbul saati." in (out / "service.html").read_text()
    again = said("render", "--answers", kept, "--out", tmp_path / "again")
    assert again.exit_code == 0
    for path in pictures:
        assert (tmp_path / "again" / path.relative_to(out)).read_bytes() == path.read_bytes()


def test_what_cannot_be_used_is_said_in_one_sentence(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with answering("<html>") as url:
        wrong = said("check", "--prometheus", url)
    with answering('{"status":"error","error":"too many"}') as url:
        refused = said("render", "--prometheus", url, "--out", out)
    (broken := tmp_path / "broken").write_text("x")
    (file := tmp_path / "file").write_text("")
    with answering() as url:
        unwritable = said("render", "--prometheus", url, "--out", file)
        assert unwritable.exit_code == 1 and "cannot be written" in unwritable.output
    for done, sentence in (
            (wrong, "is no Prometheus"), (refused, "too many"),
            (said("check", "--prometheus", url), "no Prometheus answers at"),
            (said("check", "--prometheus", "ftp://x"), "is no address"),
            (said("check", tmp_path / "none"), "cannot be read"), (said("check", broken), "is no JSON"),
            (said("render", "--answers", broken, "--out", out), "no file of answers"),
            (said("render", "--out", out), "give either"),
            (said("render", "--out", out, "--prometheus", url, "--until", "now"), "is no time"),
            (said("render", "--out", out, "--answers", broken, "--prometheus", url), "give either")):
        assert done.exit_code == 2 and sentence in done.output, done.output
        assert done.output.count("\n") == 1, done.output


@pytest.mark.parametrize("url", ["http://:x", "http://a b:90", "http://[::1", "http://", "http://a:70000", "http://a\n"])
def test_what_is_no_address_is_said(url: str) -> None:
    done = said("check", "--prometheus", url)
    assert done.exit_code == 2 and "is no address; write http://" in done.output and done.output.count("\n") == 1


def test_a_port_that_speaks_another_protocol() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        def answer() -> None:
            peer, _ = other.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        done = said("check", "--prometheus", f"http://127.0.0.1:{other.getsockname()[1]}")
        thread.join()
    assert done.exit_code == 2 and "is no Prometheus" in done.output and done.output.count("\n") == 1


@pytest.mark.parametrize("data", ["[]", '{"result":3}', '{"result":[{"metric":{},"values":[[0,"x"]]}]}'])
def test_an_answer_of_another_shape(data: str) -> None:
    with answering(f'{{"status":"success","data":{data}}}') as url:
        done = said("check", "--prometheus", url)
    assert done.exit_code == 2 and "is no Prometheus" in done.output and done.output.count("\n") == 1


@pytest.mark.parametrize(("panel", "told"), [
    ("3", "a panel is 3"), ('{"title":"a","gridPos":{"x":"left"}}', 'the gridPos of panel "a" holds no numbers'),
    ('{"id":7,"gridPos":[1]}', "the gridPos of panel 7 holds no numbers"),
    ('{"id":7,"gridPos":{"w":NaN}}', "the gridPos of panel 7 holds no numbers"),
    ('{"id":7,"fieldConfig":"x"}', "the fieldConfig of panel 7 is no object"),
    ('{"id":7,"targets":"up"}', "the targets of panel 7 are no list"),
    ('{"id":7,"targets":["up"]}', "a target of panel 7 is no object"),
    ('{"id":7,"panels":[null]}', "a panel is null")])
def test_json_that_is_no_dashboard(tmp_path: Path, panel: str, told: str) -> None:
    (path := tmp_path / "board.json").write_text(f'{{"title":"t","uid":"u","panels":[{panel}]}}')
    done = said("check", path)
    assert done.exit_code == 2 and done.output == f"{path} is no dashboard of Grafana: {told}\n"


@pytest.mark.parametrize("text", [
    "", '{"start":1,"end":2,"step":0}', '{"start":2,"end":1,"step":1}', '{"start":0,"end":1e10,"step":1}',
    '{"start":0,"end":1e300,"step":1e299}', '{"start":NaN,"end":1,"step":1}', '{"start":0,"end":1,"step":"x"}', "[]",
    '{"start":0,"end":1,"step":1}\n{"query":"up","labels":3,"values":[1,2]}'])
def test_a_file_that_holds_no_answers(tmp_path: Path, text: str) -> None:
    (path := tmp_path / "answers.jsonl").write_text(text)
    done = said("render", "--answers", path, "--out", tmp_path / "out")
    assert done.exit_code == 2 and done.output.startswith(f"{path} is no file of answers: ")
    assert done.output.count("\n") == 1


@pytest.mark.parametrize("more", [("--until", "2026-03-02T18:00"), ("--minutes", "360")])
def test_answers_have_their_own_time(tmp_path: Path, more: tuple[str, str]) -> None:
    done = said("render", "--answers", ANSWERS, "--out", tmp_path, *more)
    assert done.exit_code == 2 and "leave --until and --minutes out" in done.output


def test_a_prometheus_that_says_too_much_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering() as url:
        monkeypatch.setattr(source, "ANSWER_MAX", 100)
        done = said("check", "--prometheus", url)
        assert done.exit_code == 2 and "ask for fewer series" in done.output
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(source, "ANSWER_S", 0.1)
        done = said("check", "--prometheus", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert done.exit_code == 2 and "timed out" in done.output


def test_the_pictures_of_the_documentation_are_those_of_today() -> None:
    drawn = pictures(ANSWERS, zone_of(DEFAULT_CENTRE), names_of(DEFAULT_CENTRE))
    there = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "pictures").glob("dashboard-*.svg")}
    assert drawn.keys() == there.keys()
    old = [name for name, text in drawn.items() if there[name] != text]
    assert not old, f"draw them anew with make pictures: {', '.join(old)}"


def test_every_panel_of_the_documentation_has_data() -> None:
    kept = Kept(ANSWERS)
    empty = [f"{board.key}/{panel.key}" for board in BOARDS for panel in board.panels for query in panel.queries
             if not any(one.known for one in kept.ask(chosen(query.expression)))]
    assert not empty, f"record the answers anew: santral lab watched {ANSWERS.name}"


def test_the_page_knows_every_dashboard() -> None:
    told = (DOCS / "operate" / "dashboards.md").read_text(encoding="utf-8")
    for board in BOARDS:
        assert f"{board.title.tr} (`{board.key}`)" in told and f"(../pictures/dashboard-{board.key}.svg)" in told
