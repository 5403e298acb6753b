"""The rendered text: deterministic, whole, with the names the other rooms rely on; plans with holes are refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from asterisk_conf.carrier import Address, Registration, Trunk
from asterisk_conf.conf_plan import Emergency, Pages, PlanError, PlanService
from asterisk_conf.dialplan_values import SAID, TIMINGS, Timings
from asterisk_conf.flat_reader import read_sections
from asterisk_conf.in_call_keys import EXTENSIONS
from asterisk_conf.lint import lint_files
from asterisk_conf.render import ALWAYS, HOOK_NOTE, SECRET_FILES, TEMPLATES, render_files
from asterisk_conf.write import Change, write_files
from ivr import dialplan
from ivr.routes.in_call_keys import IN_CALL_KEYS, InCallKey
from prompts.catalogue import find_prompt
from prompts.text_reader import all_prompts, first_texts
from prompts.verbalise.number_prompts import LANGUAGES, number_keys, ordinal_keys
from tests.fakes.asterisk_plan import pages, plan
from tests.ministry import WORDS

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]


def key(digits: str, name: str = "interpreter", *, asks_number: bool = False) -> InCallKey:
    return InCallKey(digits, name, "", None, asks_number=asks_number)


def test_the_same_plan_gives_the_same_bytes() -> None:
    assert render_files(plan()) == render_files(plan())


def test_every_file_begins_with_what_it_is_and_leaves_no_mark() -> None:
    for name, text in render_files(plan(node_count=2)).items():
        assert text.startswith("; Santral: "), name
        assert not re.search(r"@[A-Z_]+@", text), name
        assert text.isascii(), name


def test_every_file_of_the_list_and_no_other() -> None:
    assert list(render_files(plan())) == sorted(ALWAYS)


def test_the_dialplan_sets_the_names_that_the_node_reads() -> None:
    text = render_files(plan())["extensions.conf"]
    for name in ("__SC=", "__SC_NUMBER=", "__SC_CALLED=", "SC_SEAT=", "SC_FAILS=", "ACD_NEXT=", "ACD_SAY="):
        assert f"Set({name}" in text, name
    for exten in ("s", "whisper", "read", "press", "switch", "pair", "join"):
        assert f"exten => {exten},1," in text.partition("[santral-agent]")[2]


def test_what_a_talk_was_about_is_told_by_the_agents_leg() -> None:
    """The caller's channel has the service of whoever was asked about them last, and kept it when they came back."""
    text = render_files(plan())["extensions.conf"]
    leg, after = (text.partition(f"\n[santral-{name}]\n")[2].partition("\n[")[0] for name in ("agent", "after-talk"))
    told = "Set(SHARED(SC_SERVICE,${SC_CHAN})=${SC_SERVICE})"
    assert told in leg and leg.index(told) < leg.index("Bridge(${SC_CHAN},")
    assert after.index("Set(__SC_SERVICE=${SHARED(SC_SERVICE)})") < after.index("AGI(")


def test_the_dialogue_and_the_dialplan_use_the_same_names() -> None:
    text = render_files(plan())["extensions.conf"]
    assert TIMINGS.undo_ms == 1000 * dialplan.UNDO_S
    for word in (dialplan.HOLD, dialplan.FALLBACK, dialplan.BYE, dialplan.CALLBACK, dialplan.FAREWELL):
        assert f"exten => {word},1," in text.partition("[santral-next]")[2].partition("\n[")[0]
    for name in (dialplan.NEXT, dialplan.SAY, dialplan.NUMBER, dialplan.SERVICE, dialplan.SEAT,
                 *re.findall(r"\$\{(\w+)\}", dialplan.ALIVE)):
        assert name in text
    for route in (dialplan.MENU_ROUTE, dialplan.TICK_ROUTE, dialplan.AFTER_TALK_ROUTE, dialplan.CODES_ROUTE,
                  dialplan.CALLBACK_ROUTE, dialplan.DIAL_ROUTE):
        assert f"/{route}" in text


def test_the_first_words_that_the_menu_gives_are_heard_from_there_alone() -> None:
    """A caller who enters the loop by another way is asked about. The menu's words may belong to another queue."""
    text = render_files(plan())["extensions.conf"]
    menu, hold = (text.partition(f"\n[santral-{name}]\n")[2].partition("\n[")[0] for name in ("menu", "hold"))
    assert menu.index(f"Set({dialplan.FIRST_ROUND_DONE}=)") < menu.index("AGI(") < menu.index("?santral-hold,begun,1)")
    assert dialplan.FIRST_ROUND_DONE in hold.partition("exten => begun,1,")[2]
    assert dialplan.FIRST_ROUND_DONE not in hold.partition("exten => begun,1,")[0].partition("; A caller from")[0]


def test_a_caller_from_the_fallback_queue_hears_what_the_node_has_just_said() -> None:
    """The words of the choice belong to the first wait, and the pause after them would be a silence in the music."""
    text = render_files(plan())["extensions.conf"]
    fallback, hold = (text.partition(f"\n[santral-{name}]\n")[2].partition("\n[")[0] for name in ("fallback", "hold"))
    assert 'GotoIf($["${ACD_NEXT}"="hold"]?santral-hold,returned,1)' in fallback
    returned = hold.partition("exten => returned,1,")[2].partition("\nexten =>")[0]
    assert returned.rstrip().endswith("Goto(s,served)")
    assert not {"Read(", "AGI(", dialplan.WORDS} & set(re.findall(r"\w+\(?", returned))
    assert "CELGenUserEvent(SC_HOLD-" in returned


def test_only_a_notice_that_was_played_to_its_end_counts_and_agents_wait_for_it() -> None:
    text = render_files(plan())["extensions.conf"]
    hold = text.partition("exten => begun,1,")[2].partition("\nexten =>")[0]
    notice = hold.partition(f"Read(SC_KEY,${{{dialplan.NOTICE_WORDS}}}")[2]
    assert notice.index('"Surrogate"') < notice.index('"${READSTATUS}"!="TIMEOUT"]?said') < notice.index(
        f"Set(__{dialplan.NOTICE}=heard)")
    assert text.count(f"Set(__{dialplan.NOTICE}=heard)") == 1
    agent = text.partition("\n[santral-agent]\n")[2].partition("\n[")[0]
    assert agent.index("Gosub(santral-words") < agent.index("Gosub(santral-record")


def test_every_prompt_of_the_dialplan_is_in_the_catalogue() -> None:
    known = first_texts(WORDS)
    text = render_files(plan())
    named = set(re.findall(r"/var/lib/santral/sounds/tr/([a-z0-9/_-]+)", text["extensions.conf"]))
    assert named
    assert named <= set(known), named - set(known)
    pieces = {key for key in known if key.startswith("digits/")}
    whole = set(re.findall(r"/tr/(digits/[a-z0-9-]+)(?:,|$)", text["say.conf"], re.MULTILINE))
    assert {piece for piece in whole if not piece.endswith("-")} <= pieces


def test_the_second_node_is_asked_after_the_first() -> None:
    text = render_files(plan(node_count=2))["extensions.conf"]
    assert text.index("AGI(agi://127.0.0.1:4573/AgiKey0123456789abcdefgh/tick") < text.index(
        "AGI(agi://127.0.0.1:4574/AgiKey0123456789abcdefgh/tick")
    assert "4574" not in render_files(plan(node_count=1))["extensions.conf"]


@pytest.mark.parametrize(("nodes", "misses"), [(1, 2), (2, 5)])
def test_a_new_caller_gives_a_second_node_time_to_take_over(nodes: int, misses: int) -> None:
    text = render_files(plan(node_count=nodes))["extensions.conf"]
    assert f"GotoIf($[${{SC_FAILS}}>={misses}]?santral-fallback,s,1)" in text


def test_a_trunk_may_be_known_by_the_port_it_calls_from() -> None:
    trunk = Trunk(("192.0.2.10:5060", "2001:db8::1"), way_out="192.0.2.10:5060")
    sections, faults = read_sections("pjsip.conf", render_files(plan(trunk=trunk))["pjsip.conf"])
    assert not faults
    identify = next(section for section in sections if section.name == "trunk-identify")
    assert [entry.value for entry in identify.entries_of("match")] == ["192.0.2.10:5060", "2001:db8::1"]


def test_a_trunk_by_registration_matches_the_server_and_logs_in() -> None:
    trunk = Trunk(registration=Registration("sip.example.com:5070", "902120000000", "carrier-gave-this"),
                  way_out="sip.example.com:5070")
    sections, faults = read_sections("pjsip.conf", render_files(plan(trunk=trunk))["pjsip.conf"])
    assert not faults
    registration = next(section for section in sections if section.value_of("type") == "registration")
    assert registration.value_of("server_uri") == "sip:sip.example.com:5070"
    assert (registration.value_of("fatal_retry_interval"),
        registration.value_of("auth_rejection_permanent")) == ("60", "no"), \
        "it never gives up"
    assert next(s for s in sections if s.value_of("type") == "identify").value_of("match") == "sip.example.com"
    login = next(section for section in sections if section.name == registration.value_of("outbound_auth"))
    assert login.value_of("password") == "carrier-gave-this"


def test_a_remote_counsellor_is_an_endpoint_that_nobody_can_be() -> None:
    trunk = Trunk(registration=Registration("sip.example.com", "902120000000", "s"), way_out="sip.example.com:5070")
    files = render_files(plan(trunk=trunk))
    sections, _ = read_sections("pjsip.conf", files["pjsip.conf"])
    endpoint, aor = [section for section in sections if section.name == "uzak-a1201"]
    assert aor.value_of("contact") == "sip:+905321112233@sip.example.com:5070"
    assert (endpoint.value_of("identify_by"), endpoint.value_of("context")) == ("ip", "santral-nowhere")
    assert not [one for one in sections if one.value_of("type") == "identify"
        and one.value_of("endpoint") == "uzak-a1201"]
    assert (endpoint.value_of("outbound_auth"), endpoint.value_of("from_user")) == ("trunk-registration-auth",
        "902120000000")
    assert [name for name, text in files.items() if "5321112233" in text] == ["pjsip.conf"]
    assert "outbound_auth" not in render_files(plan())["pjsip.conf"]


def test_callers_are_called_back_by_an_endpoint_that_nobody_can_be_and_that_holds_no_number() -> None:
    trunk = Trunk(registration=Registration("sip.example.com", "902120000000", "s"), way_out="sip.example.com:5070")
    sections, _ = read_sections("pjsip.conf", render_files(plan(trunk=trunk))["pjsip.conf"])
    (endpoint,) = [section for section in sections if section.name == "geri-arama"]
    assert (endpoint.value_of("identify_by"), endpoint.value_of("context")) == ("ip", "santral-nowhere")
    assert not [one for one in sections if one.value_of("type") == "identify"
        and one.value_of("endpoint") == "geri-arama"]
    assert not endpoint.value_of("aors") and endpoint.value_of("redirect_method") == "uri_pjsip"
    assert (endpoint.value_of("outbound_auth"), endpoint.value_of("from_user")) == ("trunk-registration-auth",
        "902120000000")
    sections, _ = read_sections("pjsip.conf",
        render_files(plan(trunk=Trunk(("192.0.2.10",)), remote_agents=()))["pjsip.conf"])
    assert not [section for section in sections if section.name == "geri-arama"], "no way out, nobody is called"


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="nobody"):
        TEMPLATES.from_string("a={{ nobody }}").render()


HOSTILE = ("ana\nexten => _X.,1,Dial(PJSIP/0900)", "ana\r", "a;b", "a\x00b", "a\x85b", "a\u2028b")
SUBSTITUTED = ("${SHELL(true)}", "$[1+1]")


@pytest.mark.parametrize("value", [*HOSTILE, *SUBSTITUTED])
def test_a_value_that_says_more_than_itself_is_refused_whoever_let_it_through(value: str) -> None:
    for text in ("SC_ENTRY={{ value }}", "{% macro shown(one) %}x={{ one }}{% endmacro %}{{ shown(value) }}",
                 "{{ [value]|join(',') }}"):
        with pytest.raises(ValueError) as caught:
            TEMPLATES.from_string(text).render(value=value)
        assert value not in str(caught.value), "it may be a secret"


def test_a_password_is_written_as_it_is_and_stays_in_its_line() -> None:
    template = TEMPLATES.from_string("password={{ value|literal }}")
    assert template.render(value="a${b}$[1]<&\"'>") == "password=a${b}$[1]<&\"'>"
    for value in (*HOSTILE, None):
        with pytest.raises(ValueError, match="line break"):
            template.render(value=value)


def test_signs_that_mean_something_in_html_alone_stay_as_they_are() -> None:
    assert TEMPLATES.from_string("a={{ value }}").render(value="<script>&'\"") == "a=<script>&'\""


@pytest.mark.parametrize(("changes", "what"), [
    ({"numbers": {}}, "no called number"),
    ({"numbers": {"_X.": "ana"}}, "2 to 15 digits"),
    ({"numbers": {"444": "a,b"}}, "entry"),
    ({"nodes": ()}, "0 nodes"),
    ({"nodes": (Address("127.0.0.1", 4573), Address("127.0.0.1", 4573))}, "is there twice"),
    ({"nodes": (Address("127.0.0.1", 0),)}, "host and port"),
    ({"seats": (("2001", "short"),)}, "secret of seat 2001"),
    ({"seats": (("2001", "1" * 30),)}, "secret of seat 2001"),
    ({"seats": (("2001", "SeatSecret2001abcdef\nx"),)}, "secret of seat 2001"),
    ({"seats": (("trunk", "SeatSecret2001abcdefghij"),)}, "seat 'trunk'"),
    ({"seats": (("geri-arama", "SeatSecret2001abcdefghij"),)}, "seat 'geri-arama'"),
    ({"seats": (("2001", "SeatSecret2001abcdefghij"),) * 2}, "twice"),
    ({"unknown_service": "bilgi"}, "no service"),
    ({"services": (PlanService("temsilci", ring_s=0),)}, "at least 1 s"),
    ({"trunk": Trunk()}, "neither an address"),
    ({"trunk": Trunk(("0.0.0.0/0",))}, "everybody"),
    ({"trunk": Trunk(("example",))}, "an address or a network"),
    ({"trunk": Trunk(registration=Registration("h", "u", "a\nb"))}, "the secret is empty"),
    ({"remote_agents": (("uzak-a1201", "05321112233"),)}, "remote counsellor uzak-a1201: the number"),
    ({"remote_agents": (("2001", "+905321112233"),)}, "no name that is there already"),
    ({"trunk": Trunk(("192.0.2.10",))}, "no way out of the trunk"),
    ({"external_numbers": (("alo 183", "183"),)}, "outside number 'alo 183'"),
    ({"external_numbers": (("alo183", "18x"),)}, "outside number alo183: 3 to 15 digits"),
    *(({"external_numbers": ((name, "183"),)}, f"outside number '{name}': back and names of one letter") for name in (
        "back", "i", "t", "h", "s", "i-")),
    ({"external_numbers": (("ab-c", "183"), ("abc", "184"))}, "'ab-c' and 'abc': Asterisk does not see the -"),
    ({"external_numbers": (("alo183", "183"),), "trunk": Trunk(("192.0.2.10",))},
        "numbers of the menu, and no way out"),
    ({"rtp": (20000, 10000)}, "the smaller first"),
    ({"codecs": ("g729",)}, "codec 'g729'"),
    ({"media_encryption": "maybe"}, "media_encryption"),
    ({"sounds": "relative"}, "absolute path"),
    ({"sounds": "/a&b"}, "absolute path"),
    ({"services": (PlanService("Psiko Sosyal"),)}, "service"),
    ({"services": (PlanService("genel", "a&b"),)}, "whisper announcement"),
    *(({"trunk": Trunk((match,))}, "belongs to one address") for match in (
        "192.0.2.0/28:5060", "192.0.2.10/32:5060", "192.0.2.10:0", "192.0.2.10:65536", "192.0.2.10:",
        "192.0.2.10:+5060", "192.0.2.10: 5060", "192.0.2.10:5_060", "192.0.2.10:05060",
        "192.0.2.10:\u0665\u0660\u0666\u0660", "192.0.2.10:5060\n")),
    ({"timings": Timings(tick_s=16)}, "at most 15"),
    ({"timings": Timings(step_s=0)}, "at least 1"),
    ({"events_secret": "ActionsSecret0123456789ab"}, "each its own"),
    ({"in_call_keys": (key("1"),)}, "key '1': * or #"),
    ({"in_call_keys": (key("*" + 11 * "1"),)}, "up to 10 digits"),
    ({"in_call_keys": (key("*1", "a key"),)}, "its names 'a key'"),
    ({"in_call_keys": (key("*1", "one"), key("*12", "two"))}, "*12 begins with it"),
    ({"in_call_keys": (key("*1", "one"), key("*2", "one"))}, "*2 has the same name 'one'"),
])  # fmt: skip
def test_a_plan_with_a_hole_is_refused(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(PlanError) as caught:
        plan(**changes)
    assert any(what in fault for fault in caught.value.faults), caught.value.faults


def test_each_key_of_a_talk_leads_from_the_phone_to_the_node() -> None:
    features, text = (render_files(plan())[name] for name in ("features.conf", "extensions.conf"))
    assert dict(re.findall(r'=> (\S+),self,Gosub,"([a-z,_-]+),1",santral\n', features)) == {
        "*0": "santral-keys,abusive", "*1": "santral-keys,transfer", "*2": "santral-record,keys",
        "*3": "santral-keys,consult", "*4": "santral-keys,wrapup", "*5": "santral-keys,agree",
        "*6": "santral-keys,withdraw", "*7": "santral-keys,person_first", "*8": "santral-keys,menu_first",
        "*9": "santral-keys,consult_cancel", "#1": "santral-talk-limit,extend"}
    active = re.findall(r"DYNAMIC_FEATURES=([^)]*)\)", text)
    assert len(active) == 2 and all(one.split("#") == re.findall(r"^(santral-\S+) =>", features, re.MULTILINE)
                                    for one in active)
    keys = text.partition("\n[santral-keys]\n")[2].partition("\n[")[0]
    asked = {name: "Goto(number,1)" in steps for name, steps in re.findall(
        r"exten => (\w+),1,Set\(_SC_HOW=\1\)\n(.*?)(?=exten)", keys, re.DOTALL)}
    assert asked == {one.name: one.asks_number for one in IN_CALL_KEYS if one.name not in EXTENSIONS}


def test_only_talks_of_distress_services_have_no_limit() -> None:
    text = render_files(plan())["extensions.conf"]
    assert re.findall(r"^SC_UNLIMITED_(\w+)=1$", text, re.MULTILINE) == ["psikososyal"]
    leg = text.partition("\n[santral-agent]\n")[2].partition("\n[")[0]
    assert leg.index("Gosub(santral-talk-limit,s,1)") < leg.index("F(santral-after-talk^s^1)${SC_TALK_WARNS})")
    assert "L(720000000:713100000:7200000)" in text, "the first warning after 6900 s, then every 7200 s"
    for context in ("santral-keys", "santral-record"):
        steps = text.partition(f"\n[{context}]\n")[2].partition("\n[")[0]
        keys = steps.partition("exten => keys,1")[2].partition("exten => T,")[0] or steps
        assert "TIMEOUT(absolute)" not in keys, "a key gives no new time"


def test_one_more_key_is_in_every_file_that_needs_it() -> None:
    more = (*IN_CALL_KEYS, key("#3"), key("#22", "second_one", asks_number=True))
    before, after = (render_files(plan(in_call_keys=keys)) for keys in (IN_CALL_KEYS, more))
    assert {name for name in after if after[name] != before[name]} == {"features.conf", "extensions.conf"}
    assert 'santral-second-one => #22,self,Gosub,"santral-keys,second_one,1",santral\n' in after["features.conf"]
    assert after["extensions.conf"].count("#santral-interpreter#santral-second-one)\n") == 2
    assert ("exten => interpreter,1,Set(_SC_HOW=interpreter)\n same => n,Set(_SC_TO=)\n same => n,Goto(number,node)\n"
            "exten => second_one,1,Set(_SC_HOW=second_one)\n same => n,Goto(number,1)\n") in after["extensions.conf"]


def test_an_outside_number_is_reached_by_its_name_alone() -> None:
    files = render_files(plan(external_numbers=(("alo183", "183"), ("rehberlik", "+903124131000"))))
    there = files["extensions.conf"].partition("[santral-external]")[2].partition("\n[")[0]
    assert "exten => alo183,1," in there and "Queue(disari-alo183,n,,,60)" in there and "183)" not in there.replace(
        "alo183", "")
    assert "\n[disari-alo183]\n" in files["queues.conf"] and "member=PJSIP/disari-rehberlik" in files["queues.conf"]
    assert files["pjsip.conf"].count("contact=sip:183@") == 1
    assert "contact=sip:+903124131000@" in files["pjsip.conf"]
    assert lint_files(files) == []


def test_a_caller_in_distress_hears_the_emergency_text_and_nobody_is_hung_up_on() -> None:
    files = render_files(plan(emergencies=(Emergency("psikososyal", "tr", False, "tr/acil-destek"),
                                     Emergency("psikososyal", "en", True, "en/acil-destek-yavas"))))
    text = files["extensions.conf"]
    assert re.search(r"^SC_EMERGENCY_tr__psikososyal=.*/tr/acil-destek$", text, re.MULTILINE)
    assert re.search(r"^SC_EMERGENCY_en_1_psikososyal=.*/en/acil-destek-yavas$", text, re.MULTILINE)
    assert "Set(SC_EMERGENCY=${SC_EMERGENCY_${SC_SPOKEN}_${SC_SLOW}_${SC_SERVICE}})" in text and lint_files(files) == []
    queue = text.partition("[santral-fallback]")[2].partition("\n[")[0]
    assert queue.index("QUEUE_MEMBER(${SC_QUEUE},ready)") < queue.index("Playback(${SC_EMERGENCY})") \
        < queue.index("Queue(${SC_QUEUE}")
    assert queue.count("Hangup") == 1 and "n(gone),Hangup()" in queue, "that of a ghost"
    globals_ = dict(re.findall(r"^SC_FALLBACK_(\w+)=(\d+)$", text, re.MULTILINE))
    assert globals_ == {"psikososyal": "1000000000", "temsilci": "0"}
    for service, place in (("psikososyal", "tr/../x"), ("a b", "tr/acil-destek"), ("psikososyal", "acil-destek")):
        with pytest.raises(PlanError, match="emergency text"):
            plan(emergencies=(Emergency(service, "tr", False, place),))


def test_each_service_has_its_queue_and_unknown_callers_have_a_key_only_where_there_are_counsellors() -> None:
    services = (PlanService("psikososyal", distress=True, ring_s=45), PlanService("temsilci", ring_s=30))
    files = render_files(plan(services=services))
    sections, faults = read_sections("queues.conf", files["queues.conf"])
    assert not faults
    queues = {one.name: one for one in sections}
    assert [(name, queues[name].value_of("timeout"), queues[name].value_of("weight"), queues[name].value_of("context"))
            for name in ("santral-psikososyal", "santral-temsilci", "santral-fallback-unknown")] == [
        ("santral-psikososyal", "45", "10", ""), ("santral-temsilci", "30", "0", ""),
        ("santral-fallback-unknown", "30", "0", "santral-fallback-key")]
    key = files["extensions.conf"].partition("\n[santral-fallback-key]\n")[2].partition("\n[")[0]
    assert "Set(__SC_SERVICE=psikososyal)" in key
    plain = render_files(plan(services=(PlanService("temsilci"),)))
    assert "outage-key" not in plain["extensions.conf"] and "santral-fallback-key" not in "".join(plain.values())
    assert "system/outage$" in plain["extensions.conf"] and lint_files(plain) == []


def test_the_sentence_for_unknown_callers_is_short() -> None:
    """It takes at most 6 s at the pace of the shipped voice (50 letters take 5.75 s)."""
    text = find_prompt(all_prompts(WORDS), SAID.outage, False, "tr").text
    assert len(text) <= 60, text


def test_what_the_dialplan_says_to_callers_is_in_their_language_and_at_their_pace() -> None:
    text, built = render_files(plan())["extensions.conf"], all_prompts(WORDS)
    for key in SAID.to_callers().values():
        assert set(re.findall(rf"[^&(,]*/{key}(?!-key)[^&,)]*", text)) == {
            f"/var/lib/santral/sounds/${{SC_SPOKEN}}/{key}${{SC_PACE}}"}
        for language in LANGUAGES:
            assert {find_prompt(built, key, slow, language).place for slow in (False, True)} == {
                f"{language}/{key}", f"{language}/{key}-yavas"}, "no sound, and they would hear nothing"
    steps = [line for line in text.splitlines() if "${SC_SPOKEN}/" in line]
    for context in ("santral-fallback", "santral-bye", "santral-transferred", "santral-called"):
        part = text.partition(f"\n[{context}]")[2].partition("\n[")[0]
        assert part.index("Gosub(santral-spoken,s,1)") > 0, context
        assert any(line in part for line in steps), context


def test_a_plan_shows_no_secret() -> None:
    trunk = Trunk(registration=Registration("h.example", "u", "carrier-secret"), way_out="h.example")
    shown = repr(plan(trunk=trunk, remote_agents=(("uzak-a1201", "+905321112233"),)))
    assert "5321112233" not in shown
    assert "Secret" not in shown
    assert "carrier-secret" not in shown


def test_files_with_secrets_are_for_the_owner_alone(tmp_path: Path) -> None:
    files = render_files(plan())
    assert set(write_files(files, tmp_path).values()) == {Change.NEW}
    assert set(write_files(files, tmp_path).values()) == {Change.SAME}
    files["rtp.conf"] += "; more\n"
    assert [name for name, change in write_files(files, tmp_path).items() if change is Change.CHANGED] == ["rtp.conf"]
    for name in files:
        mode = (tmp_path / name).stat().st_mode & 0o777
        assert mode == (0o600 if name in SECRET_FILES else 0o644), name
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files), "no temporary file is left"


SAY_CONF = render_files(plan())["say.conf"].partition("[tr]\n")[2].partition("\n[en]")[0].replace(
    "/var/lib/santral/sounds/tr/", "")


def said(key: str) -> list[str]:
    """Return the sounds of say.conf's [tr] for `num:5` or `enum:5`: the first match in the order of the file."""
    rules = [line.split(" => ", 1) for line in SAY_CONF.splitlines() if line.startswith("_")]
    for pattern, plays in rules:
        body = pattern.removeprefix("_").replace(".", ".+").replace("[*]", r"\*").replace("X", "[0-9]")
        if re.fullmatch(body.replace("_[n]um", "num"), key):
            pieces = [piece.strip() for piece in _filled(plays, key.partition(":")[2]).split(",")]
            return [heard for piece in pieces for heard in (said(piece) if ":" in piece else [piece])]
    return []


def _filled(plays: str, text: str) -> str:
    return re.sub(r"\$\{SAY(?::(\d+)(?::(\d+))?)?\}", lambda found: _cut(text, found[1], found[2]), plays)


def _cut(text: str, start: str | None, length: str | None) -> str:
    if start is None:
        return text
    return text[int(start):][: int(length) if length else None]


NUMBERS = [*range(130), 199, 200, 250, 999, 1000, 1001, 1250, 2000, 9999, 10_000, 21_345, 100_000, 999_999,
           1_000_000, 1_000_001, 21_000_300, 999_999_999]  # fmt: skip


@pytest.mark.parametrize("value", NUMBERS)
def test_asterisk_says_a_number_as_the_verbaliser_does(value: int) -> None:
    assert said(f"num:{value}") == number_keys(value)


@pytest.mark.parametrize("value", [*range(130), 200, 234, 300, 999])
def test_asterisk_says_an_ordinal_as_the_verbaliser_does(value: int) -> None:
    assert said(f"enum:{value}") == ordinal_keys(value)


def section_of(text: str, name: str) -> dict[str, str]:
    """Return the endpoint of this name in pjsip.conf."""
    found, _ = read_sections("pjsip.conf", text)
    return {entry.name: entry.value for one in found if one.name == name and one.value_of("type") == "endpoint"
            for entry in one.entries}


def test_a_page_is_an_endpoint_without_transport() -> None:
    text = render_files(plan(pages=pages()))["pjsip.conf"]
    page, far, phone = (section_of(text, name) for name in ("3001", "3101", "2001"))
    own = {"webrtc": "yes", "dtls_auto_generate_cert": "yes", "media_address": "127.0.0.1",
           "bind_rtp_to_media_address": "yes", "deny": "::/0",
           "permit": "127.0.0.1/255.255.255.255", "allow": "alaw,g722", "dtmf_mode": "rfc4733"}
    assert own.items() <= page.items() and "transport" not in page and "media_encryption" not in page
    assert far == page | {"allow": "opus,alaw,g722", "auth": "3101-auth", "aors": "3101", "callerid": '"3101" <0>'}
    # Everything else is as at a phone.
    same = {name: value.replace("2001", "3001") for name, value in phone.items()
            if name not in ("transport", "media_encryption", *own)}
    assert page == same | own | {"disallow": "all"}


def test_a_page_may_stay_registered_for_longer_than_a_phone() -> None:
    sections, _ = read_sections("pjsip.conf", render_files(plan(pages=pages()))["pjsip.conf"])
    longest = {one.name: one.value_of("maximum_expiration") for one in sections if one.value_of("type") == "aor"}
    assert (longest["2001"], longest["3001"], longest["3101"]) == ("300", "600", "600")


def test_sound_of_pages_is_offered_at_one_address() -> None:
    files = render_files(plan(pages=pages()))
    assert files["rtp.conf"].partition(f"\n{HOOK_NOTE}")[0].endswith(
        "[ice_host_candidates]\n192.0.2.9 => 127.0.0.1\n192.0.2.10 => 127.0.0.1\n")
    alone = Pages(pages().web, (), "192.0.2.9")
    assert "icesupport=yes" in render_files(plan(pages=alone))["rtp.conf"]
    assert "ice_host_candidates" not in render_files(plan(pages=alone))["rtp.conf"]
    assert "icesupport=no" in render_files(plan())["rtp.conf"]


def test_the_web_server_is_on_for_metrics_or_pages_and_takes_every_page() -> None:
    seats = tuple((str(number), f"PageSecret{number}abcdefghij") for number in range(3001, 3181))
    most = pages(far=False)._replace(web=seats)
    assert "enabled=no" in render_files(plan())["http.conf"]
    assert "sessionlimit" not in render_files(plan(metrics=True))["http.conf"]
    text = render_files(plan(pages=most, http=Address("127.0.0.1", 9000)))["http.conf"]
    assert "enabled=yes\nbindaddr=127.0.0.1\nbindport=9000\n" in text and "sessionlimit=380\n" in text


@pytest.mark.parametrize(("changes", "fault"), [
    ({"pages": pages()._replace(web=(("2001", "PageSecret2001abcdefghij"),))}, "seat 2001 is there twice"),
    ({"pages": pages()._replace(far=pages().web[:1])}, "seat 3001 is there twice"),
    ({"pages": pages()._replace(web=(("3001", "short"),))}, "secret of seat 3001"),
    ({"pages": pages()._replace(media="0.0.0.0")}, "address of pages '0.0.0.0'"),
    ({"pages": pages()._replace(others=("pbx.example",))}, "address of pages 'pbx.example'"),
    ({"http": Address("0.0.0.0", 8088)}, "http 0.0.0.0:8088"),
])
def test_pages_that_cannot_work_are_refused(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(PlanError) as refused:
        plan(**changes)
    assert len(refused.value.faults) == 1 and fault in refused.value.faults[0]


def test_the_echo_is_there_for_pages_alone() -> None:
    with_pages, without = (render_files(plan(pages=one)) for one in (pages(), None))
    assert "exten => *40,1," in with_pages["extensions.conf"] and "app_echo.so" in with_pages["modules.conf"]
    assert "*40" not in without["extensions.conf"] and "app_echo.so" not in without["modules.conf"]
