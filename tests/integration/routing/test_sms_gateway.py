"""The way to a gateway for short messages: what is asked over a real socket, and what each answer means."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from routing.sms.gateway import ANSWER_MAX, GatewayPlan, SendResult, SmsGateway
from tests.fakes import sms_gateway as fake
from tests.fakes.sms_gateway import Do, answer, gateway
from tests.fakes.tls import certificates
from tests.until import LIMIT_S

pytestmark = pytest.mark.integration

NUMBER, TEXT = "+905321234567", "Uzaktan eğitim: şöyle. https://mebim.meb.gov.tr"


def plan(url: str, **changes: Any) -> GatewayPlan:
    return GatewayPlan(url, "json", "to", "text", "plus", {"from": "MEB"}, {"Authorization": "Bearer s3"}, None, None,
                LIMIT_S)._replace(**changes)


async def test_what_is_asked_as_json_and_as_a_form() -> None:
    async with gateway() as there:
        assert (await SmsGateway(plan(there.url)).send_message(NUMBER, TEXT)).result is SendResult.SENT
        form = plan(there.url, body="form", number_form="national", number_field="gsm", text_field="mesaj",
                    fields={"from": "MEB", "dil": "TR", "n": 1})
        assert (await SmsGateway(form).send_message(NUMBER, TEXT)).result is SendResult.SENT
    assert there.asked == [{"from": "MEB", "to": NUMBER, "text": TEXT},
                           {"from": "MEB", "dil": "TR", "n": "1", "gsm": "5321234567", "mesaj": TEXT}]
    assert all(head.startswith("POST /send HTTP/1.1") and "Authorization: Bearer s3" in head for head in there.heads)
    assert not any(NUMBER[3:] in head for head in there.heads), "no number in an address or a header"
    assert "s3" not in repr(plan(there.url))


@pytest.mark.parametrize(("do", "result", "why"), [
    (answer(202), SendResult.SENT, ""),
    (answer(503, "no"), SendResult.NOT_NOW, "it answers 503"),
    (answer(500, "no"), SendResult.UNSURE, "it answers 500"),
    (answer(504, "no"), SendResult.UNSURE, "it answers 504"),
    (answer(429, more="Retry-After: 5\r\n"), SendResult.NOT_NOW, "it answers 429"),
    (answer(401), SendResult.REFUSED, "it answers 401"),
    (answer(302, more="Location: /other\r\n"), SendResult.REFUSED, "it answers 302"),
    (answer(200, "OK", length=99), SendResult.SENT, ""),
    (fake.endless, SendResult.SENT, ""),
    (fake.silent, SendResult.UNSURE, "it does not answer in time"),
    (fake.closes, SendResult.UNSURE, "its answer is not valid (ServerDisconnectedError)"),
    (fake.garbage, SendResult.UNSURE, "its answer is not valid (ClientResponseError)"),
], ids=lambda value: getattr(value, "__name__", str(value)))
async def test_what_an_answer_means(do: Do, result: SendResult, why: str) -> None:
    async with gateway(do) as there:
        # Only an answer that never comes is waited for in vain.
        found = await SmsGateway(plan(there.url, timeout_s=1.0 if do is fake.silent else LIMIT_S)).send_message(
            NUMBER, TEXT)
        assert (found.result, found.why) == (result, why)
        assert len(there.asked) == 1, "asked once, nowhere else"
        assert len(found.words) <= ANSWER_MAX


@pytest.mark.parametrize(("do", "result"), [
    (answer(200, "00 71234"), SendResult.SENT), (answer(200, "30"), SendResult.REFUSED),
    (answer(200), SendResult.REFUSED),
    (answer(200, "0", length=9), SendResult.UNSURE)])
async def test_a_gateway_that_says_in_its_answer_whether_it_took_it(do: Do, result: SendResult) -> None:
    async with gateway(do) as there:
        assert (await SmsGateway(plan(there.url, accepted="00")).send_message(NUMBER, TEXT)).result is result


async def test_nobody_listens() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        found = await SmsGateway(plan(f"http://127.0.0.1:{closed.getsockname()[1]}/")).send_message(NUMBER, TEXT)
    assert found.result is SendResult.NOT_NOW and found.why.startswith("no connection: ")


async def test_tls_is_verified(tmp_path: Path) -> None:
    ca, other = certificates(tmp_path), tmp_path / "other"
    other.mkdir()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    async with gateway(tls=context) as there:
        assert (await SmsGateway(plan(there.url, ca=str(ca))).send_message(NUMBER, TEXT)).result is SendResult.SENT
        for wrong in (None, str(certificates(other))):
            found = await SmsGateway(plan(there.url, ca=wrong)).send_message(NUMBER, TEXT)
            assert found.result is SendResult.NOT_NOW \
                and found.why.startswith("its certificate is not trusted: "), found
        found = await SmsGateway(plan(there.url.replace("127.0.0.1", "localhost"), ca=str(ca))).send_message(NUMBER,
            TEXT)
        assert found.result is SendResult.NOT_NOW, "a certificate of another name"
        missing = await SmsGateway(plan(there.url, ca=str(tmp_path / "none.crt"))).send_message(NUMBER, TEXT)
        assert missing.result is SendResult.NOT_NOW and "[sms] ca" in missing.why
        assert len(there.asked) == 1
    async with gateway() as plain:
        found = await SmsGateway(plan(plain.url.replace("http:", "https:"), timeout_s=2.0)).send_message(NUMBER, TEXT)
        assert found.result is SendResult.NOT_NOW and not plain.asked, "no word in the clear to who speaks no TLS"
