"""The access of a person from its code to its end in a talk: real commands, real Chromium, real Asterisk."""

from __future__ import annotations

import time

import pytest
from playwright.async_api import Browser, Page, expect

from lab.phones import audio
from tests.system.desk.chromium import MICROPHONE, PhonePage
from tests.system.desk.test_page_call import CALLER, KEY, SKILL, sign_in_page
from tests.system.stage import Stage, growing, plain
from tests.system.web_person import PASSWORD, run_people
from tests.until import until_async

pytestmark = pytest.mark.system


async def set_password(page: Page, base: str, person: str, code: str) -> None:
    await page.goto(f"{base}/password")
    await page.get_by_label("Kullanıcı adı").fill(person)
    await page.get_by_label("Tek kullanımlık kod").fill(code)
    await page.get_by_label("Yeni parola", exact=True).fill(PASSWORD)
    await page.get_by_label("Yeni parola, bir kez daha").fill(PASSWORD)
    async with page.expect_navigation():
        await page.get_by_role("button", name="Parolayı kaydet").click()


async def test_disabled_in_a_talk_it_ends_in_order_and_then_there_is_no_page(stage: Stage, browser: Browser) -> None:
    # Other tests of this lab have given sessions to the first counsellors.
    known = {row["person"] for row in stage.lab.query_store("select person from people")}
    base, agent = f"http://{stage.lab.info.http}", next(one for one in plain(SKILL, 6) if one not in known)
    # 1. A code becomes a password, and the session of the form is that of the telephone.
    context = await browser.new_context(bypass_csp=True, locale="tr-TR")
    form = await context.new_page()
    code = await run_people(stage.lab, "add", agent, "--role", "agent", "--name", "Ayşe")
    await set_password(form, base, agent, code)
    await expect(form.get_by_role("heading", level=1)).to_have_text("Masanız")
    await form.close()
    page = await PhonePage.open_in(context, stage.lab, agent)
    person = await sign_in_page(stage, page)
    caller = await stage.hurried(KEY, tone=CALLER)
    await page.sees("offer")
    await page.do("window.phone.answer()")
    await page.sees("talking")
    await stage.hears_tone(caller, MICROPHONE)
    # 2. Disabled in the talk: no other route takes the session, but the telephone does everything.
    await run_people(stage.lab, "disable", agent)

    async def is_over() -> bool:
        answer = await page.do("window.post('pause')")
        return isinstance(answer, dict) and answer.get("error") == "session_over"

    await until_async(is_over, what="the node has taken the end of the session over")
    await page.do("window.phone.hold()")
    await stage.hears_music(caller)
    await page.do("window.phone.resume()")
    await page.hears(CALLER)
    assert caller.recording is not None
    heard = audio.tone_s(growing(caller.recording), MICROPHONE)
    await stage.hears_tone(caller, MICROPHONE, seconds=heard + 1.0)
    # 3. The talk ends: no further offer, no telephone, no page.
    await caller.hang_up()
    began = time.monotonic()
    assert (await page.sees("ended"))["by"] == "caller"
    await page.sees("unregistered")
    took = time.monotonic() - began
    print(f"telephone closed {took:.1f} s after the talk")
    assert (await page.seen("unregistered"))[-1]["reason"] == "session_ended" and len(await page.seen("offer")) == 1
    await stage.reaches(person, "signed_out")
    await page.page.goto(base)
    await expect(page.page.get_by_role("heading", level=1)).to_have_text("Oturum aç")
    lines = [line for line in (stage.lab.folder / "audit.jsonl").read_text(encoding="utf-8").splitlines()
             if agent in line]
    for what, line in zip(("person_added", "signed_in", "person_disabled"), lines, strict=True):
        assert what in line and PASSWORD not in line
    await context.close()
