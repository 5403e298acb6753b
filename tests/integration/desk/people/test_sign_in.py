"""Signing in by a form: cookies, one sentence for every mistake, late answers, codes for one use, both languages."""

from __future__ import annotations

import asyncio
import re
import threading
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlencode

import pytest
from argon2 import PasswordHasher
from structlog.testing import capture_logs

from desk.pages import sign_in_pages
from desk.people import attempts, person_rows
from desk.people.attempts import LATE_S, WRONG_MAX
from desk.people.fair_line import SOURCE_MAX, Asker, TooManyWaiting
from desk.people.one_use_code import hash_code
from desk.people.passwords import AT_ONCE, PASSWORD_MIN
from desk.people.session_requests import BROWSER_COOKIE, COOKIE
from tests.fakes.desk import PEOPLE, QUICK, Desk, running
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.integration

PASSWORD = "Uzun bir parola ğüş"
CODE = "ABCD-EFGH-JKMN-PQRS-TVWX"
OURS = {"Sec-Fetch-Site": "same-origin"}


class Hands:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Page(NamedTuple):
    """An answer of a page."""

    status: int
    text: str
    location: str
    cookies: SimpleCookie


async def ask(desk: Desk, method: str, path: str, fields: dict[str, str] | None = None,
              headers: dict[str, str] | None = None) -> Page:
    data = None if fields is None else urlencode(fields)
    sent = {**OURS, **({"Content-Type": "application/x-www-form-urlencoded"} if data else {}), **(headers or {})}
    async with desk.http.request(method, desk.base + path, data=data, headers=sent, allow_redirects=False) as answer:
        cookies = SimpleCookie[str]()
        for line in answer.headers.getall("Set-Cookie", []):
            cookies.load(line)
        return Page(answer.status, await answer.text(), answer.headers.get("Location", ""), cookies)


async def sign_in(desk: Desk, name: str, password: str, headers: dict[str, str] | None = None) -> Page:
    return await ask(desk, "POST", "/sign-in", {"name": name, "password": password}, headers)


async def give_passwords(desk: Desk) -> None:
    """Give everybody the same password, and a code to nobody."""
    for person in PEOPLE:
        await desk.store.run_write(lambda connection, person=person: (  # type: ignore[misc]
            person_rows.reset_person(connection, person, hash_code(CODE), 1e12, 0.0),
            person_rows.use_code(connection, person, hash_code(CODE), QUICK.hash(PASSWORD), 0.0)))


def browser_of(page: Page) -> dict[str, str]:
    """Return the headers of a browser that has this page's cookies."""
    return {"Cookie": "; ".join(f"{name}={one.value}" for name, one in page.cookies.items())}


async def test_a_right_password_opens_a_session_with_a_safe_cookie(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        await give_passwords(desk)
        page = await sign_in(desk, " ayse ", PASSWORD)
        assert (page.status, page.location) == (303, "/")
        for name, age in ((COOKIE, 12 * 3600), (BROWSER_COOKIE, 400 * 86400)):
            one = page.cookies[name]
            assert one["secure"] and one["httponly"] and one["samesite"] == "Strict" and one["path"] == "/"
            assert one["max-age"] == str(age) and one["domain"] == ""
        assert (await desk.ask("GET", "/api/v1/status", None, headers={**OURS, **browser_of(page)}))[0] == 200
        # A person with a session needs no form.
        again = await ask(desk, "GET", "/sign-in", headers=browser_of(page))
        assert (again.status, again.location) == (303, "/")
        assert [(one.who, one.what) for one in desk.audit.read_entries()] == [("supervisor ayse", "signed_in")]
        gone = await ask(desk, "POST", "/sign-out", {}, browser_of(page))
        assert (gone.status, gone.location, gone.cookies[COOKIE]["max-age"]) == (303, "/sign-in?out=1", "0")
        assert "Oturumunuz kapandı." in (await ask(desk, "GET", gone.location)).text
        assert (await desk.ask("GET", "/api/v1/status", None, headers={**OURS, **browser_of(page)}))[0] == 401


async def test_the_next_person_at_a_machine_ends_the_session_of_the_one_before(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        await give_passwords(desk)
        first = await sign_in(desk, "a1", PASSWORD)
        second = await sign_in(desk, "ayse", PASSWORD, browser_of(first))
        assert second.cookies[BROWSER_COOKIE].value == first.cookies[BROWSER_COOKIE].value
        found = [(await desk.ask("GET", "/api/v1/queues", None, headers={**OURS, **browser_of(one)}))[0]
                 for one in (first, second)]
        assert found == [401, 200] and [dict(one.about) for one in desk.audit.read_entries()][-1] == {
            "reason": "replaced"}


async def test_a_script_signs_out_without_leaving_its_page(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        headers = {**await desk.sign_in("a1"), "Accept": "application/json"}
        assert (await ask(desk, "POST", "/sign-out", {}, headers)).status == 204
        assert (await ask(desk, "POST", "/sign-out", {}, headers)).status == 204, "safe to repeat"


async def test_one_sentence_says_that_something_is_wrong_and_not_what(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        await give_passwords(desk)
        await desk.store.run_write(lambda connection: person_rows.disable_person(connection, "omer", 0.0))
        pages = [await sign_in(desk, name, password) for name, password in (
            ("ayse", "falsch falsch falsch"), ("kimse", PASSWORD), ("omer", PASSWORD), ("", PASSWORD), ("ayse", ""),
            ("ayse\0", PASSWORD), ("x" * 400, PASSWORD), ("ayşe", PASSWORD), ("ayse", "x" * 2000))]
        assert {page.status for page in pages} == {403} and not any(page.cookies for page in pages)
        said = {re.search(r'<p class="trouble".*?>(.*?)</p>', page.text) for page in pages}
        assert {found and found[1] for found in said} == {
            "Kullanıcı adı veya parola yanlış. İkisini de denetleyip yeniden deneyin."}
        # The forms differ only in the name that was typed, and nothing is in the audit.
        assert len({re.sub(r'value="[^"]*"| autofocus', "", page.text) for page in pages}) == 1
        assert list(desk.audit.read_entries()) == []


async def test_an_error_is_tied_to_its_fields_and_gets_the_focus(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        text = (await sign_in(desk, "ayse", "x")).text
        name, password = re.findall(r"<input[^>]*>", text)
        assert 'aria-describedby="trouble"' in name and 'aria-invalid="true"' in name
        assert 'autocomplete="username"' in name
        assert 'aria-describedby="trouble"' in password and 'autocomplete="current-password"' in password
        assert "autofocus" in password and "autofocus" not in name and 'value="ayse"' in name
        assert "value=" not in password and "<title>Hata – Oturum aç" in text
        # The sentence comes once, and its id once.
        assert text.count('id="trouble"') == 1


class Elements(HTMLParser):
    """The elements of a page, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("name", ['"><script>alert(1)</script>', "' onfocus=alert(1) x='", "{{ 7*7 }}", "</title><b>"])
async def test_what_was_typed_is_shown_as_text(tmp_path: Path, name: str) -> None:
    async with running(folder=tmp_path) as desk:
        plain = {tag for path in ("/sign-in", "/password")
                 for tag, _ in Elements((await ask(desk, "GET", path)).text).found}
        for page in (await sign_in(desk, name, "x"), await ask(desk, "POST", "/password", {
                "name": name, "code": name, "password": PASSWORD, "again": PASSWORD})):
            found = Elements(page.text).found
            shown = [attrs["value"] for tag, attrs in found if tag == "input" and "value" in attrs]
            assert page.status == 403 and set(shown) == {name}
            assert {tag for tag, _ in found} <= plain
            assert not any(key[:2] == "on" for _, attrs in found for key in attrs)


async def test_a_display_name_is_text_on_the_desk_of_a_colleague(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        mine = await desk.sign_in("a1")
        plain = Elements((await ask(desk, "GET", "/", headers=mine)).text).found
        evil = '</script><script>alert(1)</script><img src=x onerror=alert(1)>'
        desk.house.display_name = lambda person: evil  # type: ignore[method-assign]
        page = await ask(desk, "GET", "/", headers=mine)
        assert page.status == 200 and evil not in page.text and "alert(1)" in page.text
        assert [tag for tag, _ in Elements(page.text).found] == [tag for tag, _ in plain]


async def test_a_code_sets_a_password_once_and_only_in_time(tmp_path: Path) -> None:
    clock = Hands()
    async with running(folder=tmp_path, clock=clock) as desk:
        async def send(**fields: str) -> Page:
            return await ask(desk, "POST", "/password", {
                "name": "ayse", "code": "abcd efgh jkmn pqrs tvwx", "password": PASSWORD, "again": PASSWORD, **fields})

        async def give(until: float) -> None:
            await desk.store.run_write(lambda connection: person_rows.reset_person(
                connection, "ayse", hash_code(CODE), until, clock.now))

        await give(clock.now + 60)
        assert (await send(password="x" * (PASSWORD_MIN - 1))).status == 400
        different = await send(again=PASSWORD + "x")
        assert different.status == 400 and "İki parola aynı değil." in different.text
        assert 'value="abcd efgh jkmn pqrs tvwx"' in different.text and PASSWORD not in different.text
        assert (await send(code="falsch")).status == (await send(name="omer")).status == 403
        done = await send()
        assert (done.status, done.location) == (303, "/") and done.cookies[COOKIE].value
        used = await send()
        assert used.status == 403 and "Kullanıcı adı veya kod yanlış" in used.text and not used.cookies
        assert (await sign_in(desk, "ayse", PASSWORD)).status == 303
        await give(clock.now)
        assert (await send()).status == 403, "too late"
        assert (await sign_in(desk, "ayse", PASSWORD)).status == 403, "a reset takes the old password away"


async def test_two_uses_of_a_code_at_once_are_one(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        await desk.store.run_write(lambda connection: person_rows.reset_person(
            connection, "ayse", hash_code(CODE), 1e12, 0.0))
        pages = await asyncio.gather(*(ask(desk, "POST", "/password", {
            "name": "ayse", "code": CODE, "password": PASSWORD, "again": PASSWORD}) for _ in range(3)))
        assert sorted(page.status for page in pages) == [303, 403, 403]


async def test_guesses_make_their_own_pair_late_and_nobody_else(tmp_path: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    sleep = asyncio.sleep

    async def note_wait(seconds: float) -> None:
        waited.append(seconds)
        await sleep(0)

    async with running(folder=tmp_path, proxies=["127.0.0.0/8", "10.0.0.0/8"]) as desk:
        await give_passwords(desk)
        home = browser_of(await sign_in(desk, "ayse", PASSWORD, {"X-Forwarded-For": "192.0.2.7"}))
        monkeypatch.setattr("desk.people.sign_in.asyncio.sleep", note_wait)
        attacker = {"X-Forwarded-For": "198.51.100.1, 192.0.2.7, 10.1.1.1"}
        for _ in range(WRONG_MAX):
            await sign_in(desk, "ayse", "falsch", attacker)
        assert waited == []
        # The right password comes late as well, or the delay would tell.
        assert (await sign_in(desk, "ayse", PASSWORD, {"X-Forwarded-For": "192.0.2.7"})).status == 303
        assert waited == [pytest.approx(LATE_S, abs=1.0)]
        for _ in range(WRONG_MAX + 1):
            await sign_in(desk, "ayse", "falsch", attacker)
        waited.clear()
        # The usual browser is not late, though it has the same address. Another address is not late either.
        assert (await sign_in(desk, "ayse", PASSWORD, {**home, "X-Forwarded-For": "192.0.2.7"})).status == 303
        assert (await sign_in(desk, "ayse", PASSWORD, {"X-Forwarded-For": "198.51.100.1"})).status == 303
        assert (await sign_in(desk, "omer", PASSWORD, {**home, "X-Forwarded-For": "192.0.2.7"})).status == 303
        assert waited == []


async def test_too_many_guesses_at_once_are_refused_with_a_sentence(tmp_path: Path,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    late, pages, sleep = list[float](), list[Page](), asyncio.sleep

    async def wait_late(seconds: float) -> None:
        if seconds < 1.0:
            await sleep(seconds)
            return
        # However slowly the tries come, the answers are late until one was refused, and come one after the other.
        late.append(seconds)
        place = len(late)
        await until_async(lambda: len(pages) >= place)

    async def guess() -> None:
        pages.append(await sign_in(desk, "ayse", "falsch"))

    async with running(folder=tmp_path) as desk:
        for _ in range(WRONG_MAX):
            assert (await sign_in(desk, "ayse", "falsch")).status == 403
        monkeypatch.setattr("desk.people.sign_in.asyncio.sleep", wait_late)
        await asyncio.gather(*(guess() for _ in range(attempts.QUEUE_MAX + 1)))
        assert sorted(page.status for page in pages) == [403] * attempts.QUEUE_MAX + [429]
        assert any("çok fazla deneme" in page.text for page in pages if page.status == 429)


async def test_a_crowd_is_asked_to_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(folder=tmp_path) as desk:
        async def full(*_: object) -> bool:
            raise TooManyWaiting

        monkeypatch.setattr("desk.people.passwords.Passwords.check_password", full)
        for _ in range(2 * WRONG_MAX):
            page = await sign_in(desk, "ayse", PASSWORD)
            assert page.status == 503 and "Birkaç saniye sonra yeniden deneyin." in page.text


class Patient(PasswordHasher):
    """Checks no password before it is told to, and notes the order."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.go, self.order = threading.Event(), list[str | bytes]()

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.order.append(password)
        self.go.wait(2 * LIMIT_S)
        return super().verify(hash, password)


async def test_a_flood_of_names_from_one_address_delays_nobody_elsewhere(tmp_path: Path) -> None:
    """Behind the proxy, the address is the one that the proxy names."""
    patient, answers = Patient(), list[tuple[str, int]]()

    async def try_once(name: str, password: str, address: str) -> None:
        page = await sign_in(desk, name, password, {"X-Forwarded-For": address})
        answers.append((name, page.status))

    async with running(folder=tmp_path, proxies=["127.0.0.1"], hasher=patient) as desk:
        await give_passwords(desk)
        flood = [asyncio.create_task(try_once(f"n{number}", "falsch", "192.0.2.7"))
                 for number in range(3 * SOURCE_MAX)]
        await until_async(lambda: len(answers) == 3 * SOURCE_MAX - SOURCE_MAX - AT_ONCE)
        # Those above the bound of an address are asked to come back at once.
        assert {status for _, status in answers} == {503}
        answers.clear()
        # A second try is refused while the first one waits.
        person = [asyncio.create_task(try_once("ayse", PASSWORD, "198.51.100.9")) for _ in range(2)]
        await until_async(lambda: answers == [("ayse", 503)])
        patient.go.set()
        await asyncio.gather(*person, *flood)
    # The wait is that of the hashes that had begun and of one more, and not of all of the flood.
    assert ("ayse", 303) in answers and patient.order.index(PASSWORD) <= 2 * AT_ONCE


@pytest.mark.parametrize(("sent", "status"), [({"Origin": "http://[", "Sec-Fetch-Site": ""}, 403),
                                              ({"Content-Encoding": "gzip"}, 415)])
async def test_a_request_that_cannot_be_read_is_no_fault_of_the_node(tmp_path: Path, sent: dict[str, str],
                                                                     status: int) -> None:
    async with running(folder=tmp_path) as desk:
        headers = {name: value for name, value in {**OURS, **sent}.items() if value}
        with capture_logs() as logs:
            async with desk.http.post(f"{desk.base}/sign-in", data=b"name=ayse", headers=headers) as answer:
                assert answer.status == status
        assert not [one for one in logs if one["log_level"] == "error"]


async def test_a_crowd_of_strangers_keeps_nobody_out_of_the_usual_browser(tmp_path: Path,
                                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(folder=tmp_path) as desk:
        await give_passwords(desk)
        home = browser_of(await sign_in(desk, "ayse", PASSWORD))

        async def crowded(passwords: object, hashed: str, password: str, asker: Asker) -> bool:
            if not asker.known:
                raise TooManyWaiting
            return True

        monkeypatch.setattr("desk.people.passwords.Passwords.check_password", crowded)
        assert (await sign_in(desk, "ayse", PASSWORD)).status == 503
        assert (await sign_in(desk, "omer", PASSWORD, home)).status == 503
        assert (await sign_in(desk, "ayse", PASSWORD, home)).status == 303


@pytest.mark.parametrize("path", ["/sign-in", "/password", "/sign-out"])
@pytest.mark.parametrize("sent", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "none"}])
async def test_another_site_cannot_send_our_forms(tmp_path: Path, path: str, sent: dict[str, str]) -> None:
    async with running(folder=tmp_path) as desk:
        await give_passwords(desk)
        signed_in = await desk.sign_in("ayse")
        fields = {"name": "ayse", "password": PASSWORD, "again": PASSWORD, "code": CODE}
        page = await ask(desk, "POST", path, fields, {"Cookie": signed_in["Cookie"], **sent})
        assert page.status == 403 and not page.cookies
        assert (await desk.ask("GET", "/api/v1/status", None, headers=signed_in))[0] == 200


async def test_forms_are_read_in_both_languages_and_have_the_headers_of_pages(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        titles = {"/sign-in": ("Oturum aç", "Sign in"), "/password": ("Parola belirle", "Set a password")}
        for path in titles:
            for language, word in zip(("tr", "en"), titles[path], strict=True):
                async with desk.http.get(f"{desk.base}{path}?language={language}") as answer:
                    text = await answer.text()
                    assert f'<html lang="{language}">' in text and f"<h1>{word}</h1>" in text
                    policy = answer.headers["Content-Security-Policy"]
                    assert "script-src 'self'" in policy and "unsafe" not in policy
                    assert answer.headers["Permissions-Policy"] == "microphone=(self)"
                    assert answer.headers["Cache-Control"] == "no-store"
                    found = Elements(text).found
                    assert not any(tag in ("script", "style") for tag, _ in found)
                    assert not any(key == "style" or key[:2] == "on" for _, attrs in found for key in attrs)


async def test_strange_forms_are_only_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(folder=tmp_path) as desk:
        for raw in (b"\xff\xfe=\x00", b"&" * 50, b"a=1&" * 20, b"name=%FF%00&password=%ED%A0%80", b"{}"):
            async with desk.http.post(f"{desk.base}/sign-in", data=raw, headers=OURS) as answer:
                assert answer.status in (403, 429), raw
        long = b"x" * (sign_in_pages.FORM_MAX + 1)
        async with desk.http.post(f"{desk.base}/sign-in", data=long, headers=OURS) as answer:
            assert answer.status == 413
        monkeypatch.setattr(sign_in_pages, "READ_S", 0.05)
        host, port = desk.base.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /sign-in HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 9\r\n\r\nn")
        assert b" 408 " in await reader.readline()
        writer.close()
        await writer.wait_closed()
