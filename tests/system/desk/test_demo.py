"""A visitor of the demo opens the printed address, signs in with the printed name, and takes calls with sound."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.async_api import Browser, Page, expect

from tests.integration.desk.pages.test_desk_access import run_axe
from tests.system.desk.caller import INCOMING, OWN_VOICE, VOICE, WATCHED, CallerPage
from tests.system.desk.chromium import MICROPHONE
from tests.system.desk.test_live_page import sign_in
from tests.until import until, until_async

pytestmark = pytest.mark.system

START_S = 120.0
END_S = 90.0
PRESSES, PRESS_S = 4, 15.0
BEGUN = ("Hazır", "Çağrı geliyor")
"""States of a visitor who works: a caller may come at once."""
VISITOR = round(VOICE, -2)
"""Tone of the visitor's microphone, to the nearest 100 Hz."""


class Demo(NamedTuple):
    """A running demo and what it has printed before its live view."""

    folder: Path
    text: str
    desk: str
    caller_page: str
    agent: str
    password: str
    behind: str
    supervisor_password: str


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """Start the demo as a visitor does, and end it by the signal of Ctrl-C."""
    folder, output = tmp_path / "state", tmp_path / "output.txt"
    with output.open("wb") as file:
        running = subprocess.Popen(
            [sys.executable, "-m", "santral", "lab", "demo", "--state", str(folder), "--agents", "6", "--every", "4"],
            stdout=file, stderr=file, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        until(lambda: running.poll() is not None or "ssh -L" in output.read_text(), START_S,
              "the demo prints all of it")
        text = output.read_text()
        desk, page = re.search(r"Desk .*?(http://\S+)", text), re.search(r"Caller's page +(http://\S+)", text)
        agent = re.search(r"^ +(\S+) +(\S+) +agent: Temsilci", text, re.MULTILINE)
        behind = re.search(r"Behind the scenes +(http://\S+)", text)
        supervisor = re.search(r"^ +sorumlu +(\S+)", text, re.MULTILINE)
        assert desk and page and agent and behind and supervisor, text
        # The live calls come first.
        assert text.index(f"{desk[1]}live") < text.index(f"{desk[1]} ")
        yield Demo(folder, text, desk[1], page[1], agent[1], agent[2], behind[1], supervisor[1])
        running.send_signal(signal.SIGINT)
        assert running.wait(END_S) == 0, output.read_text()
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()
    assert json.loads((folder / "lab.json").read_text())["processes"] == []


async def test_a_visitor_signs_in_and_takes_calls_of_the_lab_and_of_the_caller_page(demo: Demo,
                                                                                    browser: Browser) -> None:
    # 1. The demo printed what lab.json has, and a forward for each port.
    found = json.loads((demo.folder / "lab.json").read_text())
    assert (found["desk"], found["caller_page"]) == (demo.desk, demo.caller_page)
    assert {one["person"]: one["password"] for one in found["people"]}[demo.agent] == demo.password
    assert [one["roles"] for one in found["people"]].count(["agent"]) == 5
    assert ["supervisor"] in [one["roles"] for one in found["people"]]
    assert "6 agents are signed in" in demo.text
    for address in (demo.desk, demo.caller_page):
        port = address.strip("/").rpartition(":")[2]
        assert f"-L {port}:127.0.0.1:{port}" in demo.text
    # 2. The visitor signs in at the desk and begins to work.
    desk = await _sign_in(browser, demo)
    # 3. A simulated caller comes by itself. The visitor answers by key, and hears the caller.
    await _answer(desk)
    await until_async(lambda: desk.evaluate(INCOMING), 30.0, "the caller's sound at the desk")
    await _end_call(desk)
    # 4. The visitor's own call from the caller's page reaches the same desk, with sound both ways.
    caller = await CallerPage.open_page(browser, demo.caller_page, OWN_VOICE)
    await caller.page.click("#line")
    await caller.says("Bağlandı")
    await caller.hears_sound()
    await caller.page.keyboard.press("0")
    for _ in range(4):
        await _answer(desk)
        # A simulated caller may have been faster.
        if VISITOR in (heard := [round(float(await desk.evaluate(INCOMING)), -2) for _ in range(4)]):
            break
        print("another caller was at the desk:", heard)
        await _end_call(desk)
    else:
        pytest.fail("the call from the caller's page did not reach the desk")
    await caller.hears_tone(MICROPHONE)
    # 5. The visitor hangs up at the desk, and the page of the caller goes on to the good-bye or ends.
    await desk.keyboard.press("Shift+F2")
    await _shows(desk, "Görüşme sonrası")
    await caller.page.close()
    assert caller.errors == []
    await _kill_the_node(browser, demo)


async def _kill_the_node(browser: Browser, demo: Demo) -> None:
    """Watch the calls while the node is killed and starts again: nobody is lost."""
    live = await sign_in(browser, demo.desk, "sorumlu", demo.supervisor_password)
    await expect(live.locator("ul.calls > li").first).to_be_visible(timeout=60_000)

    async def tells_sentences() -> bool:
        # A call that goes to a private service has no course, so another one is chosen then.
        await live.locator('ul.calls button[aria-expanded="false"]').first.click()
        try:
            await expect(live.locator('#course [data-part="heard"] q').first).to_be_visible(timeout=5000)
        except AssertionError:
            return False
        return True

    await until_async(tells_sentences, what="a chosen call tells what its caller hears")
    behind = await (await browser.new_context(locale="tr-TR")).new_page()
    await behind.goto(demo.behind)
    # 1. The page says what a caller hears.
    await expect(behind.locator("#calls li").filter(has_text=re.compile("[“]MEBİM'e|bas.n")).first).to_be_visible(
        timeout=60_000)
    assert await run_axe(behind) == {"violations": [], "incomplete": []}
    # 2. The button, and the return.
    await behind.get_by_role("button", name="Düğümü öldür").click()
    await expect(behind.locator("#node")).to_contain_text("Düğüm yok")
    await expect(behind.locator("#node")).to_contain_text("saniye sonra döndü", timeout=120_000)
    told = await behind.inner_text("#node")
    print(told)
    assert re.search(r"hatta [1-9][0-9]* arayan vardı, kaybolan: 0\.$", told), told
    # 3. The page of live calls goes on by itself.
    await expect(live.locator("ul.calls > li").first).to_be_visible(timeout=60_000)
    await expect(live.locator("#trouble-lost")).to_be_hidden()


async def _sign_in(browser: Browser, demo: Demo) -> Page:
    desk = await (await browser.new_context()).new_page()
    await desk.add_init_script(WATCHED)
    await desk.goto(demo.desk)
    await desk.fill('[name="name"]', demo.agent)
    await desk.fill('[name="password"]', demo.password)
    await desk.keyboard.press("Enter")
    # A busy machine may refuse the telephone in time. The page says so, and the visitor presses again.
    for _ in range(PRESSES):
        await desk.click('[data-do="begin"]')
        with suppress(AssertionError):
            await _shows(desk, *BEGUN, within_s=PRESS_S)
            return desk
    await _shows(desk, *BEGUN)
    return desk


async def _answer(desk: Page) -> None:
    """Answer the next call by key. The talk begins when the caller has heard all words of the menu."""
    async def talks() -> bool:
        state = await _state(desk)
        if state == "Çağrı geliyor":
            await desk.keyboard.press("F2")
            await desk.wait_for_timeout(400)
        return state == "Görüşmede"

    await until_async(talks, 90.0, "a call is answered at the desk")


async def _end_call(desk: Page) -> None:
    await desk.keyboard.press("Shift+F2")
    await _shows(desk, "Görüşme sonrası", "Hazır")
    await desk.keyboard.press("F8")
    await _shows(desk, "Hazır", "Çağrı geliyor")


async def _state(desk: Page) -> str:
    return await desk.inner_text("#state .state strong")


async def _shows(desk: Page, *states: str, within_s: float = 60.0) -> None:
    """Wait until the desk shows one of these states."""
    async def there() -> bool:
        return await _state(desk) in states

    try:
        await until_async(there, within_s, f"the desk shows {states}")
    except AssertionError as error:
        raise AssertionError(f"{error}; it shows {await desk.inner_text('#state')}") from None

