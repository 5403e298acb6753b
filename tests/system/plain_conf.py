"""A few hand-written files of an Asterisk without Santral: what the lab's telephone network is proved against."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

SOUND_S = 5
"""Of the noise that 103 plays: no second of it is like another."""
PJSIP = """\
[global]
type=global
endpoint_identifier_order=username,ip
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{sip}
[trunk]
type=endpoint
transport=udp
context=in
disallow=all
allow=alaw
direct_media=no
[trunk]
type=identify
endpoint=trunk
match=127.0.0.0/8
"""

SEAT = """\
[{seat}]
type=endpoint
transport=udp
context=seat
disallow=all
allow=alaw
direct_media=no
auth={seat}
aors={seat}
[{seat}]
type=auth
auth_type=userpass
username={seat}
password={secret}
[{seat}]
type=aor
max_contacts=1
remove_existing=yes
"""

EXTENSIONS = """\
[in]
exten => 100,1,Answer()
 same => n,Echo()
exten => 101,1,Answer()
 same => n,Read(K,,4,,1,8)
 same => n,System(echo "${K} ${CALLERID(num)}" >> @keys@)
 same => n,Hangup()
exten => 102,1,Answer()
 same => n,Read(K,,3,,1,8)
 same => n,System(echo "${K} ${CALLERID(num)}" >> @keys@)
 same => n,Wait(30)
exten => 103,1,Answer()
 same => n,Playback(@noise@)
 same => n,Hangup()
exten => _2XXX,1,Dial(PJSIP/${EXTEN},3)
 same => n,System(echo "${EXTEN} ${DIALSTATUS} ${HANGUPCAUSE}" >> @keys@)
 same => n,Hangup()
[seat]
exten => *45,1,Answer()
 same => n,System(echo "45 ${CALLERID(num)}" >> @keys@)
 same => n,Wait(30)
"""

MODULES = "[modules]\nautoload=yes\nnoload=bridge_native_rtp.so\nnoload=chan_iax2.so\nnoload=chan_unistim.so\n"


def write(folder: Path, sip: int, rtp: tuple[int, int], seats: dict[str, str], told: Path) -> None:
    """`told`: the file into which the dialplan writes what it saw. `folder/noise.wav`: what 103 plays."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(1).normal(0, 3000, SOUND_S * 8000).clip(-32000, 32000).astype("<i2")
    with wave.open(str(folder / "noise.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(noise.tobytes())
    files = {
        "modules.conf": MODULES,
        "logger.conf": "[logfiles]\nconsole => warning,error\n",
        "rtp.conf": f"[general]\nrtpstart={rtp[0]}\nrtpend={rtp[1]}\n",
        "extensions.conf": EXTENSIONS.replace("@keys@", str(told)).replace("@noise@", str(folder / "noise")),
        "pjsip.conf": PJSIP.format(sip=sip)
        + "".join(SEAT.format(seat=seat, secret=secret) for seat, secret in seats.items()),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
