"""`santral cluster init` and `join`: secrets reach the next machine once, whole, and nobody else."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner, Result

from routing.store.audit import Audit, AuditError
from routing.store.callers.note_keys import NoteKeys
from routing.store.callers.number_keys import NumberKeys
from routing.store.recordings.recording_keys import RecordingKeys
from santral import secrets
from santral.cli import cli
from santral.cluster import cli as cluster_cli
from santral.cluster import join_client, join_server, secret_files
from santral.cluster.certificate import JoinCertificate, client_context
from santral.cluster.join_code import JoinCode
from santral.cluster.join_server import JoinServer
from santral.cluster.secret_files import DRAFT, Files, read_files
from santral.errors import AddressTaken, SantralError, StoreFailure
from santral.secrets import NodeSecrets

pytestmark = pytest.mark.integration

HERE = "127.0.0.1"


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """Return the state of a node that has worked, with a certificate of the database."""
    state = tmp_path / "first"
    made = NodeSecrets(state)
    made.ami_secrets(), made.agi_key(), made.api_tokens(["a1"]), made.agent_pins(["a1"]), made.seat_secrets(["2001"])
    for kind, name in ((NumberKeys, "numbers"), (NoteKeys, "notes"), (RecordingKeys, "recordings")):
        kind.load_or_create(made.folder / f"{name}.json")
    secrets.write_private(made.folder / "turn.json", '{"secret": "of the relay"}')
    secrets.write_private(made.folder / "database-ca.pem", "-----BEGIN CERTIFICATE-----\nçş\n")
    return state


class Waiting(NamedTuple):
    """A machine that hands out its secrets."""

    port: int
    code: str
    done: Future[str]


@contextmanager
def waiting(state: Path) -> Iterator[Waiting]:
    """Let a machine wait for one that joins, in another thread."""
    with ThreadPoolExecutor() as threads:
        shown: Future[tuple[int, str]] = Future()
        ends: list[Callable[[], object]] = []

        async def serve() -> str:
            task, loop = asyncio.current_task(), asyncio.get_running_loop()
            assert task is not None
            ends.append(partial(loop.call_soon_threadsafe, task.cancel))
            server = JoinServer(read_files(state), version("santral"),
                                lambda peer: Audit(state).note_entry("test", "secrets_sent", 1.0, peer=peer))
            return await server.serve_until_joined(
                HERE, 0, lambda port: shown.set_result((port, str(server.code))))

        done = threads.submit(asyncio.run, serve())
        try:
            yield Waiting(*shown.result(timeout=30), done)
        finally:
            with suppress(RuntimeError):  # it has ended by itself
                ends[0]()


def join(port: int, code: str, state: Path) -> Result:
    return CliRunner().invoke(cli, ["cluster", "join", f"{HERE}:{port}", "--state", str(state)], input=f"{code}\n")


def is_refused(done: Result | BaseException | None, kind: type[Exception], words: str) -> bool:
    """Return whether it failed with exactly this kind of error, in one sentence with these words."""
    error = done.exception if isinstance(done, Result) else done
    return type(error) is kind and words in str(error) and "\n" not in str(error)


def files_of(state: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (state / "secrets").iterdir()} \
        if (state / "secrets").exists() else {}


def test_the_next_machine_gets_all_secrets_once(first: Path, tmp_path: Path) -> None:
    second, third = tmp_path / "second", tmp_path / "third"
    with waiting(first) as init:
        done = join(init.port, init.code, second)
        assert done.exit_code == 0, done.exception
        assert init.done.result(timeout=30) == HERE
    # 1. Everything is there, byte for byte, and closed to others.
    assert files_of(second) == files_of(first) and len(files_of(second)) == 10
    assert stat.S_IMODE((second / "secrets").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (second / "secrets").iterdir()} == {0o600}
    assert sorted(path.name for path in second.iterdir()) == ["secrets"]
    # 2. A node there recognises callers of here, and makes no secret again.
    numbers = [NumberKeys.load_keys(state / "secrets" / "numbers.json") for state in (first, second)]
    assert numbers[0].fingerprint == numbers[1].fingerprint
    assert NodeSecrets(second).api_tokens(["a1"]) == NodeSecrets(first).api_tokens(["a1"])
    # 3. The record says that they left, and nothing secret.
    [entry] = list(Audit(first).read_entries())
    assert entry.what == "secrets_sent" and entry.about["peer"] == HERE
    # 4. The code is used up.
    assert is_refused(join(init.port, init.code, third), SantralError, "cannot be reached")
    assert files_of(third) == {}


def test_two_processes_do_it_as_people_type_it(first: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    santral = [sys.executable, "-m", "santral", "cluster"]
    with subprocess.Popen([*santral, "init", "--state", str(first), "--listen", f"{HERE}:0"], stdout=subprocess.PIPE,
                          text=True) as init:
        assert init.stdout is not None
        shown = [init.stdout.readline() for _ in range(7)]
        [command] = [line.split() for line in shown if "cluster join" in line]
        code = shown[6].strip()
        joined = subprocess.run([*santral, *command[2:-1], str(second)], input=code, capture_output=True, text=True,
                                check=False, timeout=60)
        assert joined.returncode == 0 and f"{second}/secrets has the secrets now" in joined.stdout, joined.stderr
        assert init.wait(timeout=30) == 0
        assert init.stdout.read().strip().endswith("has the secrets, and the code is used up")
    assert files_of(second) == files_of(first)


def test_a_machine_that_has_the_same_secrets_joins_and_one_with_others_does_not(
        first: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    other = NodeSecrets(second)
    other.ami_secrets()
    before = files_of(second)
    with waiting(first) as init:
        refused = join(init.port, init.code, second)
        assert is_refused(refused, StoreFailure, "has other secrets already (agi.json, ami.json,"), refused.exception
        assert f"mv {second}/secrets {second}/secrets.before" in str(refused.exception)
        assert files_of(second) == before and sorted(path.name for path in second.iterdir()) == ["secrets"]
        # The code is not used up by that, and the sentence tells how to go on.
        (second / "secrets").rename(second / "secrets.before")
        assert join(init.port, init.code, second).exit_code == 0
    kept = (second / "secrets" / "ami.json").stat()
    with waiting(first) as init:
        again = join(init.port, init.code, second)
        assert again.exit_code == 0
    assert (second / "secrets" / "ami.json").stat().st_mtime_ns == kept.st_mtime_ns


def test_nothing_half_written_stays_after_a_fault_of_the_disk(
        first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = tmp_path / "second"
    (second / DRAFT).mkdir(parents=True)
    (second / DRAFT / "ami.json").write_text("left by a power cut", encoding="utf-8")

    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with waiting(first) as init:
        with monkeypatch.context() as patched:
            patched.setattr(secret_files, "sync_folder", full)
            refused = join(init.port, init.code, second)
        assert is_refused(refused, StoreFailure, "No space left on device. Nothing was changed"), refused.exception
        assert list(second.iterdir()) == []
        assert join(init.port, init.code, second).exit_code == 0
    assert files_of(second) == files_of(first)


def test_a_code_of_another_time_and_a_typing_error_are_told(first: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    with waiting(first) as init:
        earlier = str(JoinCode.make_code(JoinCertificate().der))
        for code, words in ((earlier, "is not the machine of this code"), ("ABCD-EFGH", "no join code"),
                            ("", "no join code")):
            assert is_refused(join(init.port, code, second), SantralError, words), words
        assert files_of(second) == {}
        assert join(init.port, init.code, second).exit_code == 0


def test_wrong_codes_are_slow_and_end_it(first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger who sees the certificate knows the fingerprint, not the secret."""
    monkeypatch.setattr(join_server, "WRONG_PAUSE_S", 0.01)
    second = tmp_path / "second"
    with waiting(first) as init:
        right = JoinCode.read_code(init.code)
        guess = str(JoinCode(b"\0" * 16, right.fingerprint))
        for _ in range(join_server.WRONG_MAX):
            assert is_refused(join(init.port, guess, second), SantralError, "refused the code: it is wrong")
        told = init.done.exception(timeout=30)
        assert is_refused(told, SantralError, f"5 wrong codes came, the last from {HERE}. Nobody got anything")
        assert is_refused(join(init.port, init.code, second), SantralError, "cannot be reached")
    assert files_of(second) == {} and not (first / "audit.jsonl").exists()


def test_the_time_of_a_code_ends(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(join_server, "CODE_S", 0.1)
    with waiting(first) as init:
        assert is_refused(init.done.exception(timeout=30), SantralError, "the code is good no more")


@pytest.mark.parametrize(("hours", "words"), [(-1, "expired at"), (1, "begins at")])
def test_a_certificate_of_another_time_is_told(
        first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int, words: str) -> None:
    now = datetime.now(UTC) + timedelta(hours=hours)
    monkeypatch.setattr(join_server, "JoinCertificate", partial(JoinCertificate, now))
    with waiting(first) as init:
        refused = join(init.port, init.code, tmp_path / "second")
        assert is_refused(refused, SantralError, words) and "Compare the clocks" in str(refused.exception)
    assert files_of(tmp_path / "second") == {}


def test_another_version_is_told(first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with waiting(first) as init:
        with monkeypatch.context() as patched:
            patched.setattr(cluster_cli, "version", lambda name: "9.0")
            refused = join(init.port, init.code, tmp_path / "second")
        assert is_refused(refused, SantralError, "and this machine has '9.0'. Install the same version on both")
        assert files_of(tmp_path / "second") == {}
        assert join(init.port, init.code, tmp_path / "second").exit_code == 0


def test_addresses_where_nobody_waits_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, state = str(JoinCode.make_code(JoinCertificate().der)), tmp_path / "second"
    with socket.create_server((HERE, 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setattr(join_client, "TIMEOUT_S", 0.2)
        assert is_refused(join(port, code, state), SantralError, "gave no answer")
    assert is_refused(join(port, code, state), SantralError, "cannot be reached (Connection refused)")
    monkeypatch.setattr(join_client, "TIMEOUT_S", 30.0)
    with socket.create_server((HERE, 0)) as plain, ThreadPoolExecutor() as threads:
        def answer_plainly() -> None:
            link, _ = plain.accept()
            with link:
                link.recv(4096)
                link.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threads.submit(answer_plainly)
        refused = join(plain.getsockname()[1], code, state)
        assert is_refused(refused, SantralError, "not as `santral cluster init`"), refused.exception
    assert files_of(state) == {}


def test_it_listens_nowhere_by_itself(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    async def note_address(files: Files, state: Path, host: str, port: int, who: str) -> str:
        asked.append((host, port))
        return "nobody"

    monkeypatch.setattr(cluster_cli, "_serve_files", note_address)
    for words in ((), ("--listen", "192.0.2.10"), ("--listen", "[::1]:77"), ("--listen", "::1")):
        assert CliRunner().invoke(cli, ["cluster", "init", "--state", str(first), *words]).exit_code == 0
    assert asked == [(HERE, 8066), ("192.0.2.10", 8066), ("::1", 77), ("::1", 8066)]
    for wrong in ("0.0.0.0", "[::]:8066", "192.0.2.10:x", "192.0.2.10:70000", ":8066"):
        assert CliRunner().invoke(cli, ["cluster", "init", "--state", str(first), "--listen", wrong]).exit_code == 2


def test_a_taken_address_and_a_state_without_secrets_are_told(first: Path, tmp_path: Path) -> None:
    def init(state: Path, listen: str) -> Result:
        return CliRunner().invoke(cli, ["cluster", "init", "--state", str(state), "--listen", listen])

    with socket.create_server((HERE, 0)) as taken:
        port = taken.getsockname()[1]
        assert is_refused(init(first, f"{HERE}:{port}"), AddressTaken, f"cannot listen on {HERE}:{port}")
    assert is_refused(init(first, "192.0.2.1:0"), AddressTaken, "Name an address of this machine")
    assert is_refused(init(tmp_path / "none", HERE), StoreFailure, "is no state folder")
    (tmp_path / "new").mkdir()
    assert is_refused(init(tmp_path / "new", HERE), SantralError, "has no agi.json, ami.json, notes.json, numbers")
    (first / "secrets" / "ami.json").chmod(0o640)
    assert is_refused(init(first, HERE), SantralError, "is readable by others. Close it: chmod 600")
    (first / "secrets" / "ami.json").chmod(0o600)
    (first / "secrets" / "link.pem").symlink_to("/etc/passwd")
    assert is_refused(init(first, HERE), StoreFailure, "link.pem cannot be read")


def test_too_much_is_no_secret(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = sum(map(len, files_of(first).values()))
    monkeypatch.setattr(secret_files, "TOTAL_MAX", size)
    assert read_files(first) == files_of(first)
    monkeypatch.setattr(secret_files, "TOTAL_MAX", size - 1)
    with pytest.raises(SantralError, match="are the limit"):
        read_files(first)


async def test_connections_that_say_nothing_keep_nobody_out(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger opens connections, and sends too much or nothing."""
    monkeypatch.setattr(join_server, "CONNECTIONS_MAX", 3)
    monkeypatch.setattr(join_server, "ANSWER_S", 0.5)
    files = read_files(first)
    ports: asyncio.Queue[int] = asyncio.Queue()
    server = JoinServer(files, "1", lambda peer: None)
    serving = asyncio.create_task(server.serve_until_joined(HERE, 0, ports.put_nowait))
    port = await ports.get()

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(HERE, port, ssl=client_context())

    # 1. Silent connections are closed, and those beyond the limit at once.
    silent = [await connect() for _ in range(5)]
    assert [await reader.read() for reader, _ in silent] == [b""] * 5
    # 2. A message that is too long, or none, is closed.
    for line in (b"x" * (2 * join_server.REQUEST_MAX), b"[]\n", b"{\n", b"\xff\n"):
        reader, writer = await connect()
        writer.write(line)
        assert await reader.read() == b""
    # 3. The right machine comes through.
    reader, writer = await connect()
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.write(json.dumps({"version": "1", "proof": server.code.prove_secret(der)}).encode() + b"\n")
    assert set(json.loads(await reader.readline())["files"]) == set(files)
    writer.write(b'{"joined": true}\n')
    assert await serving == HERE


def test_nothing_leaves_that_cannot_be_noted(first: Path, tmp_path: Path) -> None:
    (first / "audit.jsonl").mkdir()
    with waiting(first) as init:
        assert is_refused(join(init.port, init.code, tmp_path / "second"), SantralError, "closed the connection")
        assert is_refused(init.done.exception(timeout=30), AuditError, "audit.jsonl")
    assert files_of(tmp_path / "second") == {}


def test_old_versions_of_tls_are_refused(first: Path) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode, old.maximum_version = False, ssl.CERT_NONE, ssl.TLSVersion.TLSv1_2
    with waiting(first) as init, socket.create_connection((HERE, init.port)) as plain, \
            pytest.raises(ssl.SSLError):
        old.wrap_socket(plain)
