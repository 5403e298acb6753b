"""A node that stands by shows that it could lead: keys, files, prompts and the log-in at Asterisk, again and again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab.lifecycle import CENTRE, SOUNDS
from santral.centre.last_known_good import CentreFiles
from santral.errors import BadCentre
from santral.secrets import NodeSecrets
from santral.standby import node_proofs
from santral.standby.node_proofs import NodeProofs
from tests.fakes.asterisk_ami import FakeAsterisk
from tests.ministry import copied, edit
from tests.until import until_async

pytestmark = pytest.mark.integration


@pytest.fixture
async def asterisk(tmp_path: Path) -> AsyncIterator[FakeAsterisk]:
    secrets = NodeSecrets(tmp_path / "state").ami_secrets()
    async with FakeAsterisk({f"santral-{user}": secret for user, secret in secrets.items()}) as found:
        yield found


def build_proofs(folder: Path, asterisk: FakeAsterisk, centre: Path = CENTRE, sounds: Path = SOUNDS) -> NodeProofs:
    """Return the proofs of a node that has just started."""
    overlay = folder / "own.toml"
    overlay.write_text(f'[asterisk]\nsounds = "{sounds}"\n', encoding="utf-8")
    files, start = CentreFiles(centre, overlay, folder / "state"), None
    with suppress(BadCentre):
        start = files.choose_files()
    return NodeProofs(files, folder / "state", f"127.0.0.1:{asterisk.port}", start)


async def test_a_good_node_is_fit_and_leaves_asterisk_at_once(tmp_path: Path, asterisk: FakeAsterisk) -> None:
    proofs = build_proofs(tmp_path, asterisk)
    assert not proofs.is_fit
    await proofs.prove_once()
    assert (proofs.is_fit, proofs.why, proofs.asterisk_answers) == (True, "", True)
    assert proofs.start is not None and proofs.keys
    # No session stays open, and none asked for events.
    await until_async(lambda: not asterisk.open_sessions)
    assert [(one["Username"], one["Events"]) for one in asterisk.asked("Login")] == [
        (["santral-events"], ["off"]), (["santral-actions"], ["off"])]
    assert not asterisk.names()


async def test_a_refused_log_in_bars_until_the_password_is_right(
        tmp_path: Path, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_proofs, "UNFIT_S", 0.05)
    right, asterisk.users["santral-actions"] = asterisk.users["santral-actions"], "another one"
    proofs = build_proofs(tmp_path, asterisk)
    proving = asyncio.create_task(proofs.keep_proving())
    await proofs.wait_first()
    assert not proofs.is_fit and proofs.asterisk_answers
    assert "refuses the AMI user [santral-actions]" in proofs.why and str(asterisk.port) in proofs.why
    asterisk.users["santral-actions"] = right
    await until_async(lambda: proofs.is_fit)
    proving.cancel()


async def test_silence_bars_a_node_that_never_reached_asterisk_and_no_other(
        tmp_path: Path, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_proofs, "SILENT_S", 0.05)
    proofs = build_proofs(tmp_path, asterisk)
    await asterisk.stop()
    proving = asyncio.create_task(proofs.keep_proving())
    await proofs.wait_first()
    assert (proofs.is_fit, proofs.asterisk_answers) == (False, False)
    assert proofs.why == f"this node reaches no Asterisk at 127.0.0.1:{asterisk.port}"
    await asterisk.listen()
    await until_async(lambda: proofs.is_fit)
    proving.cancel()
    # Asterisk restarts: that is no fault of the node, and a take-over may come just now.
    await asterisk.stop()
    await proofs.prove_once()
    assert (proofs.is_fit, proofs.asterisk_answers) == (True, False)
    # But a node that led and could not reach it must show first that it can.
    proofs.note_failure("Asterisk does not answer")
    assert proofs.why == "Asterisk does not answer"
    await proofs.prove_once()
    assert not proofs.is_fit and "reaches no Asterisk" in proofs.why


async def test_a_node_that_has_just_led_is_not_proved_at_once(
        tmp_path: Path, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_proofs, "AFTER_LEADING_S", 0.05)
    proofs = build_proofs(tmp_path, asterisk)
    await proofs.prove_once()
    before = len(asterisk.asked("Login"))
    proving = asyncio.create_task(proofs.keep_proving())
    await asyncio.sleep(0)
    assert proofs.is_fit and len(asterisk.asked("Login")) == before
    await until_async(lambda: len(asterisk.asked("Login")) > before)
    proving.cancel()


async def test_missing_prompts_bar_until_they_are_built(tmp_path: Path, asterisk: FakeAsterisk) -> None:
    sounds = tmp_path / "sounds"
    proofs = build_proofs(tmp_path, asterisk, sounds=sounds)
    await proofs.prove_once()
    assert (proofs.is_fit, proofs.why, proofs.start) == (False, "prompts missing", None)
    sounds.symlink_to(SOUNDS)
    await proofs.prove_once()
    assert proofs.is_fit and proofs.start is not None
    # They may go again while the node stands by. A take-over does not look at them, and the next proof does.
    sounds.unlink()
    assert proofs.read_changed_files() == ""
    await proofs.prove_once()
    assert (proofs.is_fit, proofs.why) == (False, "prompts missing")


async def test_bad_files_bar_until_they_are_good_and_never_replace_good_ones(
        tmp_path: Path, asterisk: FakeAsterisk) -> None:
    centre = copied(tmp_path)
    good = (centre / "services.yaml").read_text(encoding="utf-8")
    (centre / "services.yaml").write_text("services: [", encoding="utf-8")
    proofs = build_proofs(tmp_path, asterisk, centre)
    await proofs.prove_once()
    assert not proofs.is_fit and "services.yaml" in proofs.why and "\n" not in proofs.why
    (centre / "services.yaml").write_text(good, encoding="utf-8")
    await proofs.prove_once()
    assert proofs.is_fit and proofs.start is not None
    first = proofs.start
    # A node goes on with what it has while somebody saves half a file, as a leader does.
    (centre / "services.yaml").write_text(good[:len(good) // 2], encoding="utf-8")
    await proofs.prove_once()
    assert proofs.is_fit and proofs.start is first
    (centre / "services.yaml").write_text(good, encoding="utf-8")
    edit(centre, "santral.toml", "announce_s = 60", "announce_s = 75")
    await proofs.prove_once()
    assert proofs.is_fit and proofs.start is not first and proofs.start[0].settings.wait.announce_s == 75


async def test_faulty_secrets_bar_a_node(tmp_path: Path, asterisk: FakeAsterisk) -> None:
    proofs = build_proofs(tmp_path, asterisk)
    numbers = tmp_path / "state/secrets/numbers.json"
    numbers.write_text(json.dumps({"format": 1}), encoding="utf-8")
    numbers.chmod(0o600)
    await proofs.prove_once()
    assert not proofs.is_fit and "numbers.json" in proofs.why
    numbers.unlink()
    (tmp_path / "state/secrets/ami.json").chmod(0o644)
    await proofs.prove_once()
    assert not proofs.is_fit and "chmod 600" in proofs.why
