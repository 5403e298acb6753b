"""The parts of the page's scripts that touch no document, in Chromium: announcer, keys, what is due."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page

from desk.pages.desk_view import shorten_name
from tests.fakes.desk_page import PlayedNode
from tests.integration.desk.pages.conftest import open_page

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

ANNOUNCER = """async ([steps, until]) => {
  const { Announcer } = await import("/static/announcer.js");
  let at = 0, timers = [];
  const log = [];
  const region = (name) => ({ text: "", get textContent() { return this.text; },
    set textContent(value) { this.text = value; log.push([at, name, value]); } });
  const announcer = new Announcer(region("status"), region("alert"),
    { now: () => at, later: (run, ms) => timers.push([at + ms, run]) });
  for (; at <= until; at += 10) {
    for (const due of timers.filter((one) => one[0] <= at)) { timers.splice(timers.indexOf(due), 1); due[1](); }
    for (const [when, what, drop] of steps) if (when === at) drop ? announcer.drop(drop) : announcer.say(what);
  }
  return log;
}"""


@pytest_asyncio.fixture(loop_scope="module")
async def modules(context: BrowserContext, node: PlayedNode) -> Page:
    page = await open_page(context)
    await page.goto(node.base + "/static/desk.css")
    return page


async def announce(page: Page, *steps: list[Any], until: int = 3000) -> list[list[Any]]:
    """Say texts at times in milliseconds. Return each change of a region: time, region, text."""
    found: list[list[Any]] = await page.evaluate(ANNOUNCER, [list(steps), until])
    return found


async def test_two_texts_at_once_are_said_one_after_the_other(modules: Page) -> None:
    assert await announce(modules, [0, {"key": "a", "text": "bir"}], [0, {"key": "b", "text": "iki"}]) == [
        [0, "status", "bir"], [250, "status", "iki"]]


async def test_two_regions_never_change_within_the_distance(modules: Page) -> None:
    found = await announce(modules, [0, {"key": "a", "text": "bir"}], [10, {"key": "b", "text": "iki"}],
                           [10, {"key": "offer", "text": "Psikososyal 12 sn.", "alert": True}])
    assert found == [[0, "status", "bir"], [250, "alert", "Psikososyal 12 sn."], [500, "status", "iki"]]


async def test_a_later_text_of_the_same_key_replaces_a_waiting_one(modules: Page) -> None:
    steps = [[0, {"key": "x", "text": "ilk"}], *([10 * n, {"key": "a", "text": str(n)}] for n in range(1, 21))]
    assert await announce(modules, *steps) == [[0, "status", "ilk"], [250, "status", "20"]]


async def test_a_text_that_waited_too_long_is_no_news(modules: Page) -> None:
    steps = [[0, {"key": str(n), "text": str(n), "expiry": 600}] for n in range(5)]
    assert await announce(modules, *steps) == [[0, "status", "0"], [250, "status", "1"], [500, "status", "2"]]


async def test_the_same_text_is_said_again(modules: Page) -> None:
    found = await announce(modules, [0, {"key": "a", "text": "bir"}], [500, {"key": "a", "text": "bir"}])
    assert found == [[0, "status", "bir"], [500, "status", ""], [600, "status", "bir"]]


async def test_a_text_with_a_delay_can_be_dropped(modules: Page) -> None:
    found = await announce(modules, [0, {"key": "hold", "text": "beklemede", "after": 1000}], [500, {}, "hold"],
                           [600, {"key": "b", "text": "iki"}])
    assert found == [[600, "status", "iki"]]


async def test_an_alert_is_emptied_after_it_was_read(modules: Page) -> None:
    found = await announce(modules, [0, {"key": "offer", "text": "Temsilci 3 sn.", "alert": True}], until=12000)
    assert found == [[0, "alert", "Temsilci 3 sn."], [10000, "alert", ""]]


async def test_a_flood_is_bounded_and_keeps_the_alert(modules: Page) -> None:
    steps = [[0, {"key": "offer", "text": "Çağrı.", "alert": True}],
             *([10, {"key": str(n), "text": str(n), "expiry": 60000}] for n in range(50)),
             [10, {"key": "offer", "text": "Yeni çağrı.", "alert": True}]]
    found = await announce(modules, *steps, until=9000)
    # 20 wait: the new alert, the end of the old one, and the last 18 texts.
    assert found[:2] == [[0, "alert", "Çağrı."], [250, "alert", "Yeni çağrı."]]
    assert [text for _, region, text in found if region == "status"] == [str(n) for n in range(32, 50)]


@pytest.mark.parametrize(("key", "conflicts"), [
    ("F2", []), ("Shift+F2", []), ("F4", []), ("F8", []), ("F9", []), ("Ctrl+F2", ["browser"]),
    ("F7", ["browser", "readers"]),
    ("F3", ["browser"]), ("F6", ["browser"]), ("F12", ["browser"]), ("Alt+Shift+A", ["browser"]),
    ("Ctrl+Alt+E", ["altgr"]), ("Alt+E", ["browser"]), ("Numpad5", ["readers"]), ("H", ["typing"]),
    ("Tab", ["navigation"]),
    ("Enter", ["navigation"]), ("", [])])
async def test_what_else_uses_a_key_is_known(modules: Page, key: str, conflicts: list[str]) -> None:
    assert await modules.evaluate(
        "async (key) => (await import('/static/keys.js')).findConflicts(key)", key) == conflicts


@pytest.mark.parametrize(("event", "name"), [
    ({"key": "F2", "code": "F2"}, "F2"), ({"key": "F2", "code": "F2", "shiftKey": True}, "Shift+F2"),
    ({"key": "Shift", "code": "ShiftLeft", "shiftKey": True}, ""), ({"key": "5", "code": "Numpad5"}, "Numpad5"),
    ({"key": "i", "code": "KeyI"}, "I"), ({"key": " ", "code": "Space"}, "Space")])
async def test_a_pressed_key_has_a_name(modules: Page, event: dict[str, Any], name: str) -> None:
    assert await modules.evaluate("""async (event) =>
      (await import("/static/keys.js")).nameKey(new KeyboardEvent("keydown", event))""", event) == name


@pytest.mark.parametrize(("gone", "may"), [("noteOfferGone", "mayAnswer"), ("noteTalkGone", "mayHangUp")])
async def test_a_key_waits_a_second_after_what_it_was_meant_for_has_gone(modules: Page, gone: str, may: str) -> None:
    assert await modules.evaluate("""async ([gone, may]) => {
      const { Keys } = await import("/static/keys.js");
      let at = 5000;
      const keys = new Keys(localStorage, { now: () => at });
      const found = [keys[may]()];
      keys[gone]();
      for (at of [5000, 5999, 6000]) found.push(keys[may]());
      return found;
    }""", [gone, may]) == [True, False, False, True]


async def test_a_stream_that_brings_nothing_is_opened_again_after_the_last_event(modules: Page) -> None:
    assert await modules.evaluate("""async () => {
      const { Events, FRESH_MS, SILENT_MS, STALE_MS } = await import("/static/events.js");
      let at = 0, watch = null;
      const later = [], opened = [], said = [];
      class Source extends EventTarget {
        constructor(address) { super(); opened.push(address); Source.newest = this; }
        close() {}
      }
      const tell = (name, id = "") => Source.newest.dispatchEvent(
        new MessageEvent(name, { data: "{}", lastEventId: id }));
      const names = ["state", "notice", "tick", "lost", "back"];
      const on = Object.fromEntries(names.map((one) => [one, () => said.push(one)]));
      const events = new Events("/events", on, { Source, now: () => at, later: (run) => later.push(run),
        every: (run) => { watch = run; } });
      events.open();
      tell("state", "17");
      for (at of [SILENT_MS - 1, 2 * SILENT_MS - 2]) { watch(); tell("beat", "17"); }
      for (const more of [SILENT_MS, STALE_MS - SILENT_MS]) { at += more; watch(); }
      // The new connection may hang as well. It is given up sooner.
      for (const more of [FRESH_MS - 1, 1]) { at += more; watch(); }
      for (const run of later) run();
      tell("state", "18");
      events.close();
      at += STALE_MS;
      watch();
      return [opened, said];
    }""") == [["/events", "/events?last_event_id=17", "/events?last_event_id=17"], ["state", "lost", "back", "state"]]


async def test_a_cut_stream_is_opened_again_sooner_than_a_browser_would_and_then_less_often(modules: Page) -> None:
    assert await modules.evaluate("""async () => {
      const { Events, RETRY_MS, SPREAD } = await import("/static/events.js");
      const said = [], pauses = [];
      let run = null;
      class Source extends EventTarget {
        static CLOSED = 2;
        constructor() { super(); Source.newest = this; }
        close() { this.readyState = 2; }
      }
      const names = ["state", "notice", "tick", "lost", "back", "refused"];
      const on = Object.fromEntries(names.map((one) => [one, () => said.push(one)]));
      on.back = (told) => said.push(told ? "back" : "back, untold");
      // The timer of the announcement is not run: the loss is short.
      const later = (next, ms) => { if (ms <= RETRY_MS[1] * (1 + SPREAD)) { run = next; pauses.push(ms); } };
      const events = new Events("/events", on, { Source, now: () => 0, later, every: () => {}, chance: () => 1 });
      const fail = (readyState) => {
        Source.newest.readyState = readyState;
        Source.newest.dispatchEvent(new Event("error"));
      };
      const tell = (name) => Source.newest.dispatchEvent(new MessageEvent(name, { data: "{}" }));
      events.open();
      tell("state");
      // A killed node cuts the stream, then the proxy has no leader, then the next node leads.
      fail(0);
      for (let count = 0; count < 3; count += 1) { run(); fail(2); }
      run();
      tell("state");
      // A stream that was there for a beat starts over.
      tell("beat");
      fail(0);
      // The page has ended it meanwhile.
      events.close();
      run();
      return [pauses, said];
    }""") == [[375, 750, 750, 750, 375], ["state", "refused", "refused", "refused", "back, untold", "state"]]


async def test_a_press_waits_for_a_leader_and_no_longer(modules: Page) -> None:
    """The node that stands by says 421, and a proxy without a leader 503 with its own page. Neither did anything."""
    assert await modules.evaluate("""async () => {
      const { Api, RETRY_MS, WAITS_MS } = await import("/static/api.js");
      const play = async (...answers) => {
        let asked = 0, waited = 0, told = 0;
        window.fetch = async () => {
          const [status, body] = answers[Math.min(asked++, answers.length - 1)];
          return new Response(body, { status });
        };
        const api = new Api("a1", () => {}, { later: async (ms) => { waited += ms; } });
        const found = await api.press("/ready", undefined, () => { told += 1; });
        return [found.status, asked, waited, told];
      };
      const away = [503, "<html>"], standby = [421, '{"error":"not_leading"}'], done = [200, "{}"];
      return [await play(done), await play(away, standby, done), await play(away, away, away, standby, standby, done),
        await play(away), await play([503, '{"error":"unavailable"}']), await play([409, "{}"]), WAITS_MS / RETRY_MS];
    }""") == [[200, 1, 0, 0], [200, 3, 1000, 0], [200, 6, 2500, 1], [0, 17, 8000, 1], [503, 1, 0, 0], [409, 1, 0, 0],
              16]


async def test_credentials_of_the_relay_are_renewed_while_the_page_is_there(modules: Page) -> None:
    """Each has 10 minutes. A page that had no network for longer asks as soon as its phone is back."""
    assert await modules.evaluate("""async () => {
      const { PagePhone } = await import("/static/page_phone.js");
      let at = 1_000_000;
      const said = [];
      class Softphone extends EventTarget {
        state = { registered: true, ended: "", call: null };
        start() {}
        tick() { said.push("tick"); }
        renewAccess(access) { said.push("renew " + access.turn); }
        async openMicrophone() { return true; }
      }
      const api = { post: async () => ({ ok: true, status: 200, body: { turn: at } }) };
      const names = ["trouble", "fine", "replaced", "over", "changed", "rings"];
      const on = Object.fromEntries(names.map((one) => [one, () => {}]));
      const phone = new PagePhone(api, Softphone, on, () => at);
      await phone.open(false);
      for (let minute = 0; minute < 5; minute += 1) { at += 60_000; await phone.tick(); }
      at += 3_600_000;
      phone.phone.dispatchEvent(new CustomEvent("registered", { detail: {} }));
      await new Promise((done) => setTimeout(done, 0));
      return said;
    }""") == ["tick", "tick", "tick", "tick", "renew 1240000", "tick", "renew 4900000"]


@pytest.mark.parametrize(("flags", "due"), [
    (["signed_out"], "begin"), (["ready"], "where"), (["offer", "offer_rings", "page_phone"], "answer"),
    (["offer", "offer_rings", "own_phone"], "where"), (["offer", "offer_reads", "page_phone"], "connect"),
    (["talk"], "hangup"), (["talk", "on_hold", "page_phone"], "hold"), (["talk", "on_hold", "consults", "page_phone"],
    "consult-back"), (["wrapup", "wrapup_now"], "wrapup-end"), (["paused", "resumable"], "ready")])
async def test_one_thing_is_due_in_each_state(modules: Page, flags: list[str], due: str) -> None:
    assert await modules.evaluate(
        """async (flags) => (await import('/static/one_switch.js')).listSteps(new Set(flags),
          { services: {}, reasons: {} })[0].action""", flags) == due


@pytest.mark.parametrize(("name", "cells", "short"), [
    ("Psikososyal destek", 12, "Psikososyal"), ("İhbar ve şikâyet", 12, "İhbar"), ("Temsilci", 12, "Temsilci"),
    ("Danışmanlıkhizmetleri", 12, "Danışmanlıkh")])
async def test_the_first_words_of_an_offer_fit_a_braille_line(modules: Page, name: str, cells: int, short: str) -> None:
    assert await modules.evaluate("""async ([name, cells]) =>
      (await import("/static/state_view.js")).shortenName(name, cells)""", [name, cells]) == short
    assert shorten_name(name, cells) == short


@pytest.mark.parametrize("sound", ["CallerSound", "Ringer"])
async def test_a_sound_goes_back_to_the_standard_device_once(modules: Page, sound: str) -> None:
    assert await modules.evaluate("""async (name) => {
      const sound = new (await import("/static/sound_output.js"))[name]();
      const found = [await sound.dropDevice([])];
      await sound.set({ device: "headset" });
      found.push(await sound.dropDevice(["headset"]), await sound.dropDevice(["other"]), await sound.dropDevice([]));
      return found;
    }""", sound) == [False, False, True, False]


async def test_the_ringer_follows_its_loudness_and_a_refused_device_is_the_standard_one(modules: Page) -> None:
    assert await modules.evaluate("""async () => {
      const { Ringer } = await import("/static/sound_output.js");
      const made = [];
      window.AudioContext = class extends AudioContext { constructor(how) { super(how); made.push(this); } };
      const ringer = new Ringer();
      ringer.start();
      await ringer.set({ volume: 0.2, device: "nowhere" });
      const refused = await ringer.dropDevice([]);
      await ringer.set({ on: false });
      ringer.start();
      return [made.length, refused];
    }""") == [1, False]
