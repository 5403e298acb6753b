"""`[sms]` as a centre's files say it, the gateway's secrets, and `santral sms test` at a gateway over a real socket."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
import time
from pathlib import Path

import pytest

from centres.sms import Sms
from routing.sms.gateway import GatewayPlan
from routing.store.audit import Audit
from routing.store.callers.number_keys import NumberKeys
from santral.centre.config import check_centre, node_config, unsent_sms
from santral.errors import SantralError
from santral.node.sms_setup import build_outbox, gateway_plan
from santral.secrets import NodeSecrets
from santral.sms_cli import TEXT
from tests.fakes.sms_gateway import Do, answer, gateway
from tests.ministry import copied

pytestmark = pytest.mark.integration

NUMBER = "0532 123 45 67"


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    return copied(tmp_path)


def gets(folder: Path, sms: str) -> Path:
    """The centre's own settings with this table at their end."""
    path = folder / "santral.toml"
    path.write_text(f"{path.read_text(encoding='utf-8')}\n[sms]\n{sms}\n", encoding="utf-8")
    return folder


def secrets(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = NodeSecrets(folder).folder / "sms.json"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path.parent


# -- the files


@pytest.mark.parametrize(("sms", "told"), [
    ('url = "http://sms.example/send"', "'url' may be http only at 127.0.0.1"),
    ('url = "https://user:word@sms.example/"', "a password belongs in the node's secrets"),
    ('url = "sms.example/send"', "should be https://host/path"),
    ('url = "https://sms.example:99999/"', "should be https://host/path"),
    ('url = "https://sms.example/"\ntext_field = "to"', "names one field twice"),
    ('url = "https://sms.example/"\naccepted = "("', "should be a regular expression"),
    ('url = "https://sms.example/"\nbody = "xml"', "body"),
    ('url = "https://sms.example/"\ntimeout_s = 0', "timeout_s"),
    ('url = "https://sms.example/"\nsendr = "MEB"', "unknown key 'sendr'"),
])
def test_a_mistake_is_told_with_its_line(centre: Path, sms: str, told: str) -> None:
    found = [str(one) for one in check_centre(gets(centre, sms)).problems]
    lines = (centre / "santral.toml").read_text(encoding="utf-8").splitlines()
    begin = lines.index("[sms]") + 1
    assert len(found) == 1 and told in found[0], found
    assert int(found[0].split(":")[1]) in range(begin, len(lines) + 1)


def test_a_centre_with_words_and_no_gateway_is_told_and_one_with_both_is_not(centre: Path) -> None:
    [one] = unsent_sms(check_centre(centre))
    menu = (centre / "menu.yaml").read_text(encoding="utf-8").splitlines()
    assert "sms: " in menu[int(one.where.rpartition(":")[2]) - 1] and "docs/operate/sms.md" in one.mend
    checked = check_centre(gets(centre, 'url = "https://sms.example/send"'))
    assert checked.problems == () and unsent_sms(checked) == []


def test_the_key_of_a_callback_is_another_one(centre: Path) -> None:
    path = centre / "services.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("    name: Temsilci\n", "    name: Temsilci\n    callback: agent_first\n"
                                 "    callback_key: 6\n"), encoding="utf-8")
    [one] = check_centre(centre).problems
    assert "key 6 asks for a short message while callers wait for 'temsilci'" in one.what
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[int(one.where.rpartition(":")[2]) - 1] == "    callback_key: 6"


def test_what_the_gateway_is_asked_with(tmp_path: Path) -> None:
    wanted = Sms(url="https://sms.example/send", sender="MEB", fields={"dil": "TR"}, number_form="digits")
    kept = secrets(tmp_path, '{"headers": {"Authorization": "Bearer s3"}, "fields": {"password": "p"}}')
    assert gateway_plan(wanted, kept) == GatewayPlan("https://sms.example/send", "json", "to", "text", "digits", {
        "dil": "TR", "from": "MEB", "password": "p"}, {"Authorization": "Bearer s3"}, None, None, 10.0)
    assert gateway_plan(Sms(url="https://sms.example/"), tmp_path / "nothing").headers == {}


@pytest.mark.parametrize(("text", "mode", "told"), [
    ("{}", 0o644, "readable by others"), ("[]", 0o600, "must hold a JSON object"),
    ('{"headers": ["a"]}', 0o600, 'write "headers" as'), ('{"header": {}}', 0o600, "has 'header'"),
    ('{"headers": {"Authorization": "a\\nX: b"}}', 0o600, "each in one line")])
def test_secrets_that_cannot_be_used(tmp_path: Path, text: str, mode: int, told: str) -> None:
    with pytest.raises(SantralError, match=told):
        gateway_plan(Sms(url="https://sms.example/"), secrets(tmp_path, text, mode))


async def test_a_centre_without_a_gateway_has_no_outbox(centre: Path, tmp_path: Path) -> None:
    numbers = NumberKeys.load_or_create(tmp_path / "numbers.json")
    assert build_outbox(node_config(centre), NodeSecrets(tmp_path), None, numbers, Audit(tmp_path), time.time) is None  # type: ignore[arg-type]


# -- the command


async def tries(centre: Path, state: Path, url: str, number: str = NUMBER) -> tuple[int, str]:
    overlay = state / "node.toml"
    overlay.write_text(f'[sms]\nurl = "{url}"\ntimeout_s = 5.0\n' if url else "", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "santral", "sms", "test", str(centre), "--settings", str(overlay), "--state", str(state),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    out, _ = await process.communicate(f"{number}\n".encode())
    assert process.returncode is not None
    return process.returncode, out.decode()


@pytest.mark.parametrize(("do", "code", "told"), [
    (answer(200, "00 71234"), 0, "HTTP 200\n00 71234\nThe gateway accepted it."),
    (answer(401, "yetki yok"), 1, "HTTP 401\nyetki yok\nRefused: it answers 401."),
    (answer(503), 1, "HTTP 503\nNot accepted: it answers 503."),
], ids=["taken", "refused", "not now"])
async def test_the_gateways_own_words_are_shown(centre: Path, tmp_path: Path, do: Do, code: int, told: str) -> None:
    secrets(tmp_path, json.dumps({"headers": {"Authorization": "Bearer s3"}}))
    async with gateway(do) as there:
        done = await tries(centre, tmp_path, there.url)
    assert done[0] == code and told in done[1], done
    assert there.asked == [{"to": "+905321234567", "text": TEXT}] and "Bearer s3" in there.heads[0]
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


@pytest.mark.parametrize(("url", "number", "code", "told"), [
    ("", NUMBER, 2, "has no gateway"),
    ("http://127.0.0.1:9/", "0312 413 10 00", 1, "no mobile number of Türkiye"),
], ids=["no gateway", "a fixed line"])
async def test_what_is_not_even_tried(centre: Path, tmp_path: Path, url: str, number: str, code: int,
                                      told: str) -> None:
    done = await tries(centre, tmp_path, url, number)
    assert done[0] == code and told in done[1], done
