"""Each rule of the linter finds its planted fault, and the rendered files have none."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterisk_conf.conf_plan import REFUSED_AT_ONCE, SEAT_CALLS, LineClass, LinePlan
from asterisk_conf.lint import lint_files, lint_folder
from asterisk_conf.module_lists import DENIED, WEBSOCKET
from asterisk_conf.render import render_files
from asterisk_conf.write import write_files
from tests.fakes.asterisk_plan import pages, plan

pytestmark = pytest.mark.unit

DIALPLAN = "extensions.conf"

PLANTED = [
    (DIALPLAN, "[santral-bye]", "[santral-by]", "santral-bye"),
    (DIALPLAN, "Goto(santral-hold,s,1)", "Goto(santral-hold,s,9x)", "which is not there"),
    (DIALPLAN, "exten => 4440632,1,", "exten => _X.,1,", "answers '_X.'"),
    (DIALPLAN, "exten => 4440632,1,", "exten => s,1,", "answers 's'"),
    (DIALPLAN, "exten => _[+0-9(]!,1,", "exten => _.,1,", "answers '_.'"),
    (DIALPLAN, 'GotoIf(${REGEX("^[+]?[0-9]{2,20}$" ${SC_RAW})}?:refused)', "NoOp()", "called number is not checked"),
    (DIALPLAN, "n,Set(SC_RAW=${REPLACE(SC_RAW,-.() )})", "n,NoOp()", "may end the REGEX"),
    (DIALPLAN, "Set(SC_RAW=${EXTEN})", "Playback(${EXTEN})", "own text in Playback"),
    (DIALPLAN, "[santral-in]\n", "[santral-in]\ninclude => santral-seat\n", "includes santral-seat"),
    (DIALPLAN, "Set(AGIEXITONHANGUP=yes)", "NoOp()", "without AGIEXITONHANGUP"),
    (DIALPLAN, "Set(TIMEOUT(absolute)=5)", "NoOp()", "AGI without a limit"),
    (DIALPLAN, "Set(ACD_NEXT=)", "NoOp()", "not cleared"),
    (DIALPLAN, 'GotoIf($["${ACD_NEXT}"', 'GotoIf($["${AGISTATUS}"', "nobody asks for ACD_NEXT"),
    (DIALPLAN, "exten => T,1", "exten => t,1", "has no T"),
    (DIALPLAN, "Bridge(${SC_CHAN}", "Bridge(${SC}", "Bridge to ${SC}"),
    (DIALPLAN, "BridgeAdd(${SC_CHAN})", "BridgeAdd(${SC_PAIR_LEAD})", "BridgeAdd to ${SC_PAIR_LEAD}"),
    (DIALPLAN, ",F(santral-after-talk^s^1)", "", "without F(santral-after-talk"),
    (DIALPLAN, "Set(TIMEOUT(absolute)=7200)", "NoOp()", "Bridge without a limit"),
    (DIALPLAN, 'GotoIf($["${SC_RECORD}"=""]?end)', "NoOp()", "without a look at SC_RECORD"),
    (DIALPLAN, 'GotoIf($["${IMPORT(${SC_CHAN},SC_NOTICE)}"!="heard"]?end)', "NoOp()", "without a look at SC_NOTICE"),
    (DIALPLAN, "n,StopMixMonitor()\n same => n,MixMonitor", "n,NoOp()\n same => n,MixMonitor", "may begin twice"),
    (DIALPLAN, ".alaw,ab)", ".alaw)", "than a file and ab"),
    (DIALPLAN, ".alaw,ab)", ".alaw,b)", "than a file and ab"),
    (DIALPLAN, ".alaw,ab)", ".alaw,ab,true)", "than a file and ab"),
    (DIALPLAN, 'h,1,GotoIf($["${CHANNEL(channeltype)}"="Surrogate"]?end)', "h,1,NoOp()", "not guarded"),
    (DIALPLAN, "_to_.,1,", "_[a-z]!,1,", "matches h too"),
    (DIALPLAN, "StopMusicOnHold()", "System(true)", "application System"),
    (DIALPLAN, "Playback(${SC_WHISPER})", "ExecIf($[1]?Playback(${SC_WHISPER}))", "application ExecIf is not loaded"),
    (DIALPLAN, "Set(SC_RAW=)", "Set(X=${SHELL(true)})", "function SHELL("),
    (DIALPLAN, "Set(SC_RAW=)", "Set(CALLERID(num)=1)", "sets CALLERID"),
    (DIALPLAN, "Set(SC_RAW=)", "ExecIf($[1]?Set(X=${SC_RAW}))", "own text in ExecIf"),
    (DIALPLAN, "Set(SC_RAW=${REPLACE(SC_RAW,-.())})", "NoOp()", "may end the REGEX"),
    (DIALPLAN, 'GotoIf(${REGEX("^[+]?[0-9]{3,15}$" ${SC_RAW})}?known:answer)', "NoOp()", "number is not checked"),
    (DIALPLAN, "[general]", "[general](!)", "not flat"),
    (DIALPLAN, "[general]", "[general]\n#include x.conf", "not flat"),
    ("manager.conf", "bindaddr=127.0.0.1", "bindaddr=0.0.0.0", "bindaddr is 0.0.0.0"),
    ("manager.conf", "webenabled=no", "webenabled=yes", "AMI over HTTP"),
    ("manager.conf", "read=system,call", "read=all", "read = all"),
    ("manager.conf", "write=call,originate,reporting,agent", "write=call,originate,reporting,agent,command", "command"),
    ("manager.conf", "writetimeout=5000", "writetimeout=100", "writetimeout 100"),
    ("manager.conf", "permit=127.0.0.1/255.255.255.255", "", "no deny/permit"),
    ("manager.conf", "[santral-actions]", "[admin]", "no user santral-actions"),
    ("manager.conf", "eventfilter(", "; (", "no eventfilter"),
    ("manager.conf", "secret=EventsSecret0123456789abc", "secret=12345678901234567890", "weak secret"),
    ("pjsip.conf", "password=SeatSecret2001abcdefghij", "password=2001", "weak password"),
    ("pjsip.conf", "identify_by=ip", "identify_by=username", "no secret and no address"),
    ("pjsip.conf", "trust_id_inbound=no", "trust_id_inbound=yes", "trust_id_inbound=no"),
    ("pjsip.conf", "direct_media=no", "", "direct_media=no"),
    ("pjsip.conf", "allow_transfer=no", "allow_transfer=yes", "allow_transfer=no"),
    ("pjsip.conf", 'callerid="trunk" <0>', "", "no fixed callerid"),
    ("pjsip.conf", "redirect_method=user", "redirect_method=uri_pjsip", "follows redirects"),
    ("pjsip.conf", "set_var=FORWARD_CONTEXT=santral-nowhere", "", "pass an offer on"),
    ("pjsip.conf", "context=santral-seat", "context=santral-hold", "more than codes"),
    ("pjsip.conf", "context=santral-nowhere", "context=santral-in", "no secret and no address"),
    ("pjsip.conf", "identify_by=ip\ncontext=santral-nowhere", "context=santral-nowhere", "no secret and no address"),
    ("pjsip.conf", "max_contacts=1", "max_contacts=5", "several phones"),
    ("pjsip.conf", "match=192.0.2.10", "match=0.0.0.0/0", "is everybody"),
    ("pjsip.conf", "endpoint_identifier_order=header,", "endpoint_identifier_order=", "identifier_order"),
    ("pjsip.conf", "match_header=Replaces: /./", "match=192.0.2.1", "takes over somebody else's talk"),
    ("pjsip.conf", "deny=0.0.0.0/0.0.0.0", "", "takes over somebody else's talk"),
    ("pjsip.conf", "[trunk]\n", "[anonymous]\n", "an anonymous endpoint"),
    ("modules.conf", "load => app_read.so", "load => app_system.so", "app_system.so is loaded"),
    ("cel_custom.conf", "${eventtype}", "${CALLERID(num)}", "would hold CALLERID"),
    ("logger.conf", "messages.log => warning,error", "messages.log => error,verbose", "logs verbose"),
    ("logger.conf", "messages.log => warning,error", "messages.log => notice,error", "logs notice"),
    ("pjproject.conf", "asterisk_error=0", "asterisk_error=0,1", "prints the packets"),
    ("queues.conf", "[santral-temsilci]", "[other]", "no queue santral-temsilci"),
    ("queues.conf", "[santral-fallback-unknown]", "[other]", "no queue santral-fallback-unknown"),
    ("queues.conf", "ringinuse=no", "ringinuse=yes", "phones that talk"),
    ("queues.conf", "persistentmembers=yes", "persistentmembers=no", "members are lost"),
    ("queues.conf", "timeoutpriority=conf", "timeoutpriority=app", "would cut a ring"),
    ("queues.conf", "strategy=rrmemory", "strategy=ringall", "keep callers from the others"),
    ("queues.conf", "joinempty=yes", "joinempty=no", "turned away"),
    ("queues.conf", "leavewhenempty=no", "leavewhenempty=yes", "callers would leave"),
    ("queues.conf", "weight=10", "weight=0", "for distress and has no weight"),
    ("queues.conf", "ringinuse=no", "ringinuse=no\nmember=PJSIP/2001", "has a fixed member"),
    (DIALPLAN, "n(missed),Set(SC_FAILS=$[0${SC_FAILS} + 1])", "n(missed),Hangup()", "[santral-fallback] hangs up"),
    ("http.conf", "enabled=no\nbindaddr=127.0.0.1", "enabled=yes\nbindaddr=0.0.0.0", "the web server answers 0.0.0.0"),
    ("http.conf", "enablestatic=no", "enablestatic=yes", "enablestatic=no"),
    ("http.conf", "enable_status=no", "", "enable_status=no"),
    ("cdr.conf", "enable=no", "enable=yes", "enable=no"),
    ("rtp.conf", "strictrtp=yes", "strictrtp=no", "strictrtp=yes"),
    ("logger.conf", "queue_log=no", "queue_log=yes", "queue_log=no"),
    ("say.conf", "mode=new", "mode=old", "mode=new"),
    ("cel.conf", "enable=yes", "enable=no", "enable=yes"),
]


@pytest.mark.parametrize("nodes", [1, 2])
def test_the_rendered_files_break_no_rule(nodes: int) -> None:
    assert lint_files(render_files(plan(node_count=nodes))) == []


def test_a_web_server_for_this_machine_breaks_no_rule() -> None:
    assert lint_files(render_files(plan(metrics=True))) == []


@pytest.mark.parametrize(("name", "good", "bad", "what"), PLANTED, ids=[f"{p[0]}-{p[3]}" for p in PLANTED])
def test_a_planted_fault_is_found(name: str, good: str, bad: str, what: str) -> None:
    files = render_files(plan())
    assert good in files[name], "the fault cannot be planted: the text has changed"
    files[name] = files[name].replace(good, bad)
    found = lint_files(files)
    assert any(finding.file == name and what in finding.what for finding in found), found
    assert all(finding.mend for finding in found)


@pytest.mark.parametrize(("good", "bad", "what"), [
    ("AGI(agi://127.0.0.1:4574/AgiKey0123456789abcdefgh/after-talk)", "NoOp()", "asks 127.0.0.1:4573 alone"),
    ("AGI(agi://127.0.0.1:4573/AgiKey0123456789abcdefgh/codes,${SC_CODE})", "NoOp()", "asks 127.0.0.1:4574 alone"),
    (" same => n,Goto(${SC_ASKER},ask_again)\n", "", "does not ask the other node after a frozen one"),
])
def test_a_question_to_one_of_two_nodes_is_found(good: str, bad: str, what: str) -> None:
    files = render_files(plan(node_count=2))
    assert good in files[DIALPLAN]
    files[DIALPLAN] = files[DIALPLAN].replace(good, bad)
    assert any(what in finding.what for finding in lint_files(files)), lint_files(files)


LINES = LinePlan(12, (LineClass("psikososyal", 4, 6, "tr/acil-destek"),))


@pytest.mark.parametrize(("good", "bad", "what"), [
    ("exten => other,1,Set(GROUP(lines)=all)", "exten => other,1,NoOp()", "counted before Set(GROUP(lines)"),
    (" same => n,Set(GROUP(class)=other)\n", " same => n,Answer(0)\n same => n,Set(GROUP(class)=other)\n",
     "counted after the answer"),
    ("exten => full_other,1,Set(GROUP(lines)=)", "exten => full_other,1,NoOp()", "keeps its line"),
    ("n,Goto(santral-lines,other,1)", "n,Goto(santral-menu,s,1)", "passes the count"),
])
def test_a_fault_in_the_count_of_lines_is_found(good: str, bad: str, what: str) -> None:
    files = render_files(plan(lines=LINES))
    assert lint_files(files) == [] and good in files[DIALPLAN]
    files[DIALPLAN] = files[DIALPLAN].replace(good, bad, 1)
    assert any(what in finding.what for finding in lint_files(files)), lint_files(files)


@pytest.mark.parametrize(("good", "bad", "what"), [
    ("exten => _*4[1-9],1,Gosub(santral-seat-calls,s,1)", "exten => _*4[1-9],1,NoOp()", "before it counts the call"),
    ("exten => _X.,1,Gosub(santral-seat-calls,s,1)", "exten => _X.,1,Answer(0)", "before it counts the call"),
    ("exten => s,1,Set(GROUP(seat)=${CHANNEL(endpoint)})", "exten => s,1,Set(SC_SEAT=x)",
     "counted before Set(GROUP(seat)"),
    (" same => n,Set(GROUP(seats)=all)\n", " same => n,Answer(0)\n same => n,Set(GROUP(seats)=all)\n",
     "counted after the answer"),
    ("exten => full_seat,1,Set(GROUP(seat)=)\n same => n,Set(GROUP(seats)=)\n", "exten => full_seat,1,NoOp()\n",
     "keeps its line"),
])
@pytest.mark.parametrize("lines", [LINES, None])
def test_a_fault_in_the_count_of_a_seats_calls_is_found(lines: LinePlan | None, good: str, bad: str,
                                                        what: str) -> None:
    files = render_files(plan(lines=lines))
    assert lint_files(files) == [] and good in files[DIALPLAN]
    files[DIALPLAN] = files[DIALPLAN].replace(good, bad, 1)
    assert any(what in finding.what for finding in lint_files(files)), lint_files(files)


def test_seats_never_take_more_than_their_share_of_the_media_ports() -> None:
    seats = tuple((str(number), f"SeatSecret{number}abcdefghij") for number in range(2001, 2201))
    for ports, most in (((10000, 10015), SEAT_CALLS), ((10000, 10255), 32), ((10000, 20000), 200)):
        chosen = plan(seats=seats, remote_agents=(), rtp=ports)
        assert chosen.seat_calls == most
        assert f"GROUP_COUNT(all@seats)}}>{most}]" in render_files(chosen)[DIALPLAN]


@pytest.mark.parametrize(("limit", "fault"), [("maxcalls=49", False), ("maxcalls=48", True), ("", True)])
def test_the_operators_own_limit_leaves_room_for_all_lines_and_legs(limit: str, fault: bool) -> None:
    chosen = plan(lines=LINES, remote_agents=())
    assert chosen.max_calls == 12 + 2 + SEAT_CALLS + REFUSED_AT_ONCE == 49
    files = {**render_files(chosen), "asterisk.conf": f"[options]\nlive_dangerously=no\n{limit}\n"}
    assert [one.file for one in lint_files(files)] == ["asterisk.conf"] * fault


PAGE = "[3001]\ntype=endpoint\nwebrtc=yes\n"
PLANTED_FOR_PAGES = [
    (DIALPLAN, "Set(TIMEOUT(absolute)=15)\n same => n,Answer(0)\n same => n,Echo", "Answer(0)\n same => n,Echo",
     "Echo without a limit"),
    (DIALPLAN, "n(end),Set(TIMEOUT(absolute)=0)\n same => n,GotoIf($[\"${SC}\"!=\"\"]?santral-seat-line,caller,1)\n "
     "same => n,Hangup()\nexten => T,1,Goto(s,end)", "n(end),Hangup()\nexten => T,1,Goto(s,end)",
     "Echo would end a caller's call"),
    ("modules.conf", "load => app_echo.so", "; ", "pages need app_echo.so"),
    ("pjsip.conf", "match=192.0.2.10", "match=127.0.0.1", "every page would be the carrier"),
    ("pjsip.conf", "match=192.0.2.10", "match=192.0.2.10\nmatch=127.0.0.0/8", "every page would be the carrier"),
    ("pjsip.conf", PAGE, PAGE + "transport=transport-udp\n", "[3001] is a phone and a page"),
    ("pjsip.conf", "auth=3001-auth\n", "", "[3001] is a phone and a page"),
    ("pjsip.conf", "[2001]\ntype=endpoint\ntransport=transport-udp\n", "[2001]\ntype=endpoint\n",
     "[2001] may come by any transport"),
    ("pjsip.conf", PAGE, PAGE.replace("3001", "2001"), "[2001] is there twice"),
    ("pjsip.conf", "media_address=127.0.0.1\n", "", "[3001] takes sound at every address"),
    ("pjsip.conf", "permit=127.0.0.1/255.255.255.255\n", "", "any address may speak as"),
    ("pjsip.conf", "permit=127.0.0.1/255.255.255.255\n", "permit=127.0.0.0/255.0.0.0\n", "any address may speak as"),
    ("pjsip.conf", "deny=::/0\n", "", "any address may speak as"),
    ("pjsip.conf", "bind_rtp_to_media_address=yes", "bind_rtp_to_media_address=no", "takes sound at every address"),
    ("pjsip.conf", "protocol=ws\n", "protocol=udp\n", "pages have no transport"),
    ("pjsip.conf", "context=santral-seat", "context=santral-hold", "[3001] may dial more than codes"),
    ("pjsip.conf", "PageSecret3001abcdefghij", "3001", "weak password"),
    ("modules.conf", "load => res_http_websocket.so", "; ", "pages need res_http_websocket.so"),
    ("modules.conf", "load => res_pjsip_transport_websocket.so", "; ", "pages need res_pjsip_transport_websocket.so"),
    ("modules.conf", "load => res_srtp.so", "; ", "pages need res_srtp.so"),
    ("modules.conf", "load => res_srtp.so", "load => res_ari_channels.so", "res_ari_channels.so is loaded"),
    ("modules.conf", "load => res_srtp.so", "load => res_ari.so", "res_ari.so is loaded"),
    ("http.conf", "bindaddr=127.0.0.1", "bindaddr=0.0.0.0", "the web server answers 0.0.0.0"),
    ("http.conf", "enabled=yes", "enabled=yes\ntlsenable=yes", "a second door"),
    ("http.conf", "enablestatic=no", "enablestatic=yes", "enablestatic=no"),
    ("http.conf", "enable_status=no", "", "enable_status=no"),
    ("http.conf", "enabled=yes", "enabled=no", "pages need enabled=yes"),
    ("rtp.conf", "icesupport=yes", "icesupport=no", "pages need icesupport=yes"),
]


@pytest.mark.parametrize("far", [True, False])
def test_pages_break_no_rule(far: bool) -> None:
    files = render_files(plan(pages=pages(far)))
    assert lint_files(files) == []
    assert f"load => {WEBSOCKET}" in files["modules.conf"] and f"noload => {WEBSOCKET}" not in files["modules.conf"]


@pytest.mark.parametrize(("name", "good", "bad", "what"), PLANTED_FOR_PAGES,
                         ids=[f"{p[0]}-{p[3]}" for p in PLANTED_FOR_PAGES])
def test_a_planted_fault_of_pages_is_found(name: str, good: str, bad: str, what: str) -> None:
    files = render_files(plan(pages=pages()))
    assert good in files[name], "the fault cannot be planted: the text has changed"
    files[name] = files[name].replace(good, bad)
    found = lint_files(files)
    assert any(finding.file == name and what in finding.what for finding in found), found
    assert all(finding.mend for finding in found)


@pytest.mark.parametrize("match", ["127.0.0.1:5062", "carrier.example", "192.0.2.0/24"])
def test_a_carrier_next_to_pages_breaks_no_rule(match: str) -> None:
    files = render_files(plan(pages=pages()))
    files["pjsip.conf"] = files["pjsip.conf"].replace("match=192.0.2.10", f"match={match}")
    assert lint_files(files) == []


def test_without_pages_the_websocket_is_kept_out() -> None:
    files = render_files(plan())
    assert f"noload => {WEBSOCKET}" in files["modules.conf"]
    files["modules.conf"] = files["modules.conf"].replace(f"noload => {WEBSOCKET}", f"load => {WEBSOCKET} ;")
    assert {one.what for one in lint_files(files)} == {f"{WEBSOCKET} is loaded", f"{WEBSOCKET} is not kept out"}


@pytest.mark.parametrize("module", DENIED)
def test_a_module_that_is_not_kept_out_is_found(module: str) -> None:
    files = render_files(plan())
    files["modules.conf"] = files["modules.conf"].replace(f"noload => {module}", "; ")
    assert [f for f in lint_files(files) if f.what == f"{module} is not kept out"]


@pytest.mark.parametrize(("value", "fault"), [("no", False), ("yes", True)])
def test_an_operators_own_asterisk_conf_is_looked_at_too(value: str, fault: bool) -> None:
    files = {**render_files(plan()), "asterisk.conf": f"[options]\nlive_dangerously={value}\n"}
    assert [one.file for one in lint_files(files)] == ["asterisk.conf"] * fault


def test_a_missing_file_is_found() -> None:
    files = render_files(plan())
    del files["queues.conf"]
    assert [f.file for f in lint_files(files)] == ["queues.conf"]


def test_the_line_of_a_fault_is_the_line_of_the_file(tmp_path: Path) -> None:
    files = render_files(plan())
    files["rtp.conf"] = files["rtp.conf"].replace("strictrtp=yes", "strictrtp=no")
    write_files(files, tmp_path)
    found = lint_folder(tmp_path)
    assert len(found) == 1
    assert files["rtp.conf"].splitlines()[found[0].line - 1] == "[general]"
