"""Files of the lab's telephone network: a second Asterisk that plays the callers' carrier and the agents' phones.

A phone's behaviour is read from global variables when it rings (`D_2001` and its kin), so it is changed by one AMI
`Setvar`, and a phone with hundreds of neighbours costs nothing while it waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

MODULES = (
    "res_pjproject", "res_sorcery_config", "res_sorcery_memory", "res_sorcery_astdb", "res_timing_timerfd",
    "res_rtp_asterisk", "res_pjsip", "res_pjsip_session", "res_pjsip_pubsub", "res_pjsip_sdp_rtp", "chan_pjsip",
    "res_pjsip_caller_id", "res_pjsip_endpoint_identifier_ip", "res_pjsip_authenticator_digest",
    "res_pjsip_outbound_authenticator_digest", "res_pjsip_outbound_registration", "res_pjsip_diversion",
    "res_pjsip_header_funcs", "res_pjsip_refer", "res_pjsip_rfc3326",
    "bridge_simple", "bridge_builtin_features", "pbx_config", "app_exec", "app_playtones", "app_record", "app_senddtmf",
    "app_transfer", "app_userevent", "app_verbose", "func_callerid", "func_channel", "func_global", "func_logic",
    "func_strings", "func_timeout", "func_pjsip_endpoint", "codec_alaw", "codec_ulaw", "codec_a_mu", "codec_g722",
    "codec_resample", "format_wav", "format_pcm", "res_format_attr_g729", "res_audiosocket", "app_audiosocket")
"""Nothing else: it is up in half a second and holds 40 MB less."""

USER = "lab"
"""AMI user of the network; its secret is random."""

CALLERS = "127.0.0.2"
"""Where the lab's callers are: the carrier is known by its address, so its phones (at 127.0.0.1) must have another."""

CALLER_ENDPOINT = "centre"
ANONYMOUS_ENDPOINT = "centre-anonymous"

_EXTENSIONS = """\
[general]
static=yes
writeprotect=yes

; Sound is taken from a line in the line's own thread (Record): MixMonitor's audiohook throws away what it has when no
; packet came for 0.1 s (audiohook.c, AST_AUDIOHOOK_SYNC_TOLERANCE), and a busy machine recorded half a sentence.
; Playtones(0) is silence: a telephone sends sound from the first moment, and Answer() of the other side waits 0.5 s for
; the first packet (main/channel.c, __ast_answer). Record must not replace a tone by silence: no transmit_silence.

[caller]
; A person who calls, after the other end has answered. LAB_LIVE: its name at LAB_EAR, where its sound goes both ways.
; LAB_RECORD: what it hears. LAB_TONE: what it says, in Hz.
exten => s,1,GotoIf($["${LAB_LIVE}"!=""]?live)
 same => n,Playtones(${LAB_TONE})
 same => n,Set(TIMEOUT(absolute)=${LAB_STAY})
 same => n,ExecIf($["${LAB_RECORD}"!=""]?Record(${LAB_RECORD},,,kqx))
 same => n,Wait(86400)
 same => n,Hangup(16)
 same => n(live),AudioSocket(${LAB_LIVE},${LAB_EAR})
 same => n,Hangup(16)
exten => T,1,Hangup(16)

[phone]
; A number in E.164: a telephone outside.
exten => _+X.,1,Goto(${EXTEN:1},1)
; A phone rings. D_: seconds until it is answered, or busy, ignore, decline, redirect, unknown,
; deaf (no codec in common). T_: seconds of talk. F_: tone in Hz. R_: folder of recordings. L_: name and address of live
; sound.
exten => _[0-9a-zA-Z][0-9a-zA-Z].,1,Set(SEAT=${EXTEN})
 same => n,Set(D=${GLOBAL(D_${SEAT})})
 same => n,UserEvent(LabRing,Seat: ${SEAT},Uniqueid: ${UNIQUEID},AlertInfo: ${PJSIP_HEADER(read,Alert-Info)},\
CallInfo: ${PJSIP_HEADER(read,Call-Info)})
 same => n,GotoIf($["${D}"="busy"]?busy)
 same => n,GotoIf($["${D}"="decline"]?decline)
 same => n,GotoIf($["${D}"="redirect"]?redirect)
 same => n,GotoIf($["${D}"="unknown"]?unknown)
 same => n,GotoIf($["${D}"="deaf"]?deaf)
 same => n,Ringing()
 same => n,GotoIf($["${D}"="ignore"]?ignore)
 same => n,ExecIf($["${D}"!="" & "${D}"!="0"]?Wait(${D}))
 same => n,Answer(0)
 same => n,GotoIf($["${GLOBAL(L_${SEAT})}"!=""]?live)
 same => n,Playtones(${IF($["${GLOBAL(F_${SEAT})}"=""]?0:${GLOBAL(F_${SEAT})})})
 same => n,Set(TIMEOUT(absolute)=${IF($["${GLOBAL(T_${SEAT})}"=""]?0:${GLOBAL(T_${SEAT})})})
 same => n,ExecIf($["${GLOBAL(R_${SEAT})}"!=""]?Record(${GLOBAL(R_${SEAT})}/${SEAT}-${UNIQUEID}.wav,,,kqx))
 same => n,Wait(86400)
 same => n,Hangup(16)
 same => n(live),AudioSocket(${GLOBAL(L_${SEAT})})
 same => n,Hangup(16)
 same => n(busy),Hangup(17)
 same => n(decline),Hangup(16)
 same => n(redirect),Transfer(PJSIP/sip:nobody@127.0.0.1:9)
 same => n,Hangup(16)
 same => n(unknown),Hangup(1)
 same => n(deaf),Hangup(58)
 same => n(ignore),Wait(86400)
 same => n,Hangup(16)
exten => T,1,Hangup(16)
"""

_PJSIP = """\
[global]
type=global
endpoint_identifier_order=ip
user_agent=santral-lab

[system]
type=system
; 200 phones register at once.
threadpool_initial_size=4
threadpool_max_size=16
timer_t1=500

[udp]
type=transport
protocol=udp
bind={bind}:{sip}

{carrier}[base](!)
type=endpoint
transport=udp
context=phone
disallow=all
allow=alaw
allow=ulaw
allow=g722
direct_media=no
rtp_symmetric=yes
dtmf_mode=rfc4733
send_rpid=no
trust_id_outbound=yes
aors=centre

[centre](base)
{through}
[centre-anonymous](base)
{through}from_user=anonymous
from_domain=anonymous.invalid

[centre]
type=aor
contact=sip:{target}

[centre]
type=identify
endpoint=centre
match={match}

#tryinclude phones.conf
"""

_CARRIER = """\
[carrier]
type=transport
protocol=udp
bind={callers}:{sip}

"""

_THROUGH = """\
transport=carrier
; Sound is taken where the transport is; without this the other side is told of another address.
media_address={callers}
"""

_PHONE = """\
[{seat}]
type=auth
auth_type=userpass
username={seat}
password={secret}

[{seat}]
type=registration
transport=udp
outbound_auth={seat}
server_uri=sip:{target}
client_uri=sip:{seat}@{target}
contact_user={seat}
expiration=300
retry_interval=2
forbidden_retry_interval=5
fatal_retry_interval=5
max_retries=100
; Default: a random time within 10 s before the first REGISTER.
max_random_initial_delay=0

[{seat}](base)
from_user={seat}
outbound_auth={seat}

"""


def write(folder: Path, *, sip: int, ami: int, rtp: tuple[int, int], target: str, secret: str,
          bind: str = "127.0.0.1") -> None:
    """Render the files into `folder`. `target`: host:port of the Asterisk that the network calls and registers at.
    `bind`: where it listens for SIP; another Asterisk than one of this machine cannot send to the loopback. On the
    loopback callers have an address of their own."""
    apart = bind == "127.0.0.1"
    match = "127.0.0.0/8" if apart else target.rpartition(":")[0]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = {
        "modules.conf": "[modules]\nautoload=no\n" + "".join(f"load={name}.so\n" for name in MODULES),
        "logger.conf": "[general]\n[logfiles]\nconsole => warning,error\n",
        "rtp.conf": f"[general]\nrtpstart={rtp[0]}\nrtpend={rtp[1]}\nstrictrtp=no\nicesupport=no\n",
        "manager.conf": f"[general]\nenabled=yes\nwebenabled=no\nbindaddr=127.0.0.1\nport={ami}\n"
                        f"timestampevents=yes\n\n[{USER}]\nsecret={secret}\nread=all\nwrite=all\n"
                        "writetimeout=10000\ndeny=0.0.0.0/0.0.0.0\npermit=127.0.0.1/255.255.255.255\n",
        "extensions.conf": _EXTENSIONS,
        "acl.conf": "", "udptl.conf": "", "pjproject.conf": "", "ccss.conf": "", "stasis.conf": "",
        "cel.conf": "", "features.conf": "",
        "indications.conf": "[general]\n", "cdr.conf": "[general]\nenable=no\n",
        "pjsip.conf": _PJSIP.format(
            sip=sip, target=target, bind=bind, match=match,
            through=_THROUGH.format(callers=CALLERS) if apart else "",
            carrier=_CARRIER.format(callers=CALLERS, sip=sip) if apart else ""),
    }
    for name, text in files.items():
        _private(folder / name, text)


def write_phones(folder: Path, target: str, seats: Mapping[str, str]) -> None:
    """Render the phones: seat -> secret. They register when the network starts or reloads."""
    _private(folder / "phones.conf", "".join(
        _PHONE.format(seat=seat, secret=secret, target=target) for seat, secret in seats.items()))


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")
