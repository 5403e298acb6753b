"""The lab's telephone network: callers and agents' phones, played by a second private Asterisk over real SIP and RTP.

    place = start(program, folder, target="127.0.0.1:5060", ports=ports)
    async with Network(place) as network:
        call = await network.call("4440632", press="1@2s")

Several processes may attach to one network at the same time; each has its own AMI session and sees all phones.
"""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import json
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lab import network_conf
from lab.asterisk import PrivateAsterisk
from lab.errors import LabError, NotReady
from lab.fetch import Program
from lab.keys import Press, parse
from lab.leg import LIMIT_S, Leg
from lab.ports import Ports
from lab.wire_client import AmiClient, AmiError
from routing.ami.wire import Message

if TYPE_CHECKING:  # numpy with it: no other command of the lab should wait for that
    from lab.audiosocket import Live

DIAL_S = 90
"""A caller lets it ring this long. Longer than any node needs to come back."""
KEY_MS = 120
"""How long a key is held: a person's quick press. Keys under 40 ms are lost by some networks."""
KEY_REST_S = 0.1
"""Between two keys, so that the end packets of the first are out before the second begins."""
REGISTER_S = 30.0
"""200 phones registered 1.7 s after start on two idle cores."""
STAY_S = 86_400
"""A caller without a time hangs up when told to."""
POLL_S = 0.05
"""Between two looks at the registrations, or at a lock somebody holds."""
CALLER = "lab"
"""Ids of callers' lines begin so, in every session of the network: a line that does not is a phone that was called."""


class Place(NamedTuple):
    """Where a network runs; what another process needs to attach."""

    folder: str
    sip: int
    ami: int
    target: str
    """host:port of the Asterisk that is called and registered at."""
    secret: str
    pid: int
    started: int


class Behaviour(NamedTuple):
    """How a phone acts when it rings."""

    answer: str = "0"
    """Seconds until it is answered, or `busy`, `ignore` (rings out), `decline` (603), `redirect` (302), `unknown`
    (404), `deaf` (488: no codec in common)."""
    talk: float | None = None
    """Seconds until it hangs up; None: never by itself."""
    tone: int | None = None
    """Hz; None: silence."""
    press: str = ""
    """As `lab.keys` reads it, times from the answer. Only the session that set it presses."""
    record: Path | None = None
    """Folder for a WAV of each call: what the phone heard."""
    live: Live | None = None
    """Where its sound goes both ways; then it has no tone, keys or recording of its own."""


def start(program: Program, folder: Path, target: str, ports: Ports, phones: Mapping[str, str] | None = None,
          media: int = 480, sip: int | None = None, bind: str = "127.0.0.1") -> tuple[Place, PrivateAsterisk]:
    """Start a network; `phones` (seat -> secret) register at once. `sip`: its port; None: any free one. `bind`: its
    address. It outlives this process."""
    conf, secret = folder / "conf", secrets.token_urlsafe(24)
    sip, ami = sip or ports.one(socket.SOCK_DGRAM), ports.one()
    network_conf.write(conf, sip=sip, ami=ami, rtp=ports.media(media), target=target, secret=secret, bind=bind)
    _write_phones(conf, target, dict(phones or {}))
    asterisk = PrivateAsterisk(program, conf, folder)
    identity = asterisk.start()
    try:
        asterisk.wait_ready()
    except BaseException:
        asterisk.stop()
        raise
    return Place(str(folder), sip, ami, target, secret, identity.pid, identity.started), asterisk


class Network:
    """A session with a telephone network."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.calls: dict[str, Leg] = {}
        """Lines that this session dialled, by Uniqueid."""
        self.rung: list[Leg] = []
        """Lines of phones that were called, in order, by whomever."""
        self.on_ring: Callable[[Leg], None] = lambda leg: None
        self._legs: dict[str, Leg] = {}
        self._ami = AmiClient(self._take)
        self._numbers = itertools.count(1)
        self._tag = secrets.token_hex(4)
        self._callers = itertools.count(secrets.randbelow(10**7))
        self._tasks: set[asyncio.Task[None]] = set()
        self._ring = asyncio.Condition()
        self._behaviour: dict[str, Behaviour] = {}
        self._again: dict[str, asyncio.Event] = {}
        """Seats that say REGISTER anew: set when it was taken."""

    async def __aenter__(self) -> Network:
        try:
            await self._ami.connect(self.place.ami, network_conf.USER, self.place.secret)
        except OSError as error:
            raise NotReady(f"the lab's telephone network in {self.place.folder} is not running. Start the lab again: "
                           f"santral lab up") from error
        return self

    async def __aexit__(self, *_: Any) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._ami.close()

    # --- callers -----------------------------------------------------------------------------------------------------

    async def call(self, number: str, *, caller: str | None = None, press: str = "", stay: float | None = None,
                   tone: int | None = None, record: Path | None = None, seat: str | None = None,
                   live: Live | None = None) -> Leg:
        """Dial. `caller`: whose number it is; None: one of its own, since one number is one person. `press`: as
        `lab.keys` reads it, times from the answer. `stay`: seconds from the answer until it hangs up. `record`: WAV of
        what the caller hears. `seat`: the phone that dials, instead of somebody outside. `live`: where its sound goes
        both ways, instead of tone and record.
        Returns at once; what happens stands in the leg."""
        presses = parse(press)
        # Fixed width: Asterisk refuses an id that is the beginning of a living one (do_ids_conflict in channel.c).
        uniqueid = f"{CALLER}{self._tag}-{next(self._numbers):06d}"
        leg = Leg(uniqueid, self._act, seat or "", record)
        self.calls[uniqueid] = self._legs[uniqueid] = leg
        leg.note(time.time(), f"calls {number}")
        if caller is None:
            caller = f"0500{next(self._callers) % 10**7:07d}"
        anonymous = caller in ("", "anonymous")
        endpoint = seat or (network_conf.ANONYMOUS_ENDPOINT if anonymous else network_conf.CALLER_ENDPOINT)
        host = f"sip:{number}@{self.place.target}"
        fields = [("Channel", f"PJSIP/{endpoint}/{host}"), ("Context", "caller"), ("Exten", "s"), ("Priority", "1"),
                  ("Async", "true"), ("ChannelId", uniqueid), ("Timeout", str(DIAL_S * 1000)),
                  ("Variable", f"LAB_STAY={STAY_S if stay is None else stay}"),
                  ("Variable", f"LAB_TONE={tone or 0}"), ("Variable", f"LAB_RECORD={record or ''}")]
        if live is not None:
            fields += [("Variable", f"LAB_LIVE={live.name}"), ("Variable", f"LAB_EAR={live.address}")]
        if not seat and not anonymous:
            fields.append(("CallerID", f'"" <{caller}>'))
        if record is not None:
            record.parent.mkdir(parents=True, exist_ok=True)
        try:
            await self._ami.action("Originate", *fields)
        except AmiError:
            self._legs.pop(uniqueid, None)
            raise
        self._press(leg, presses)
        return leg

    def _press(self, leg: Leg, presses: tuple[Press, ...]) -> None:
        if presses:
            self._spawn(self._press_later(leg, presses), f"lab.press[{leg.uniqueid}]")

    async def _press_later(self, leg: Leg, presses: tuple[Press, ...]) -> None:
        await leg.answered.wait()
        began = asyncio.get_running_loop().time()
        for press in presses:
            rest = began + press.at - asyncio.get_running_loop().time()
            if rest > 0:
                await asyncio.sleep(rest)
            if leg.ended.is_set():
                return
            await leg.press(press.key)

    # --- phones ------------------------------------------------------------------------------------------------------

    async def register(self, phones: Mapping[str, str], limit: float = REGISTER_S) -> None:
        """Make these phones (seat -> secret) register; returns when they are."""
        conf = Path(self.place.folder) / "conf"
        async with _locked(conf):
            known = _read_phones(conf)
            if any(known.get(seat) != secret for seat, secret in phones.items()):
                _write_phones(conf, self.place.target, known | dict(phones))
                for module in ("res_pjsip.so", "res_pjsip_outbound_registration.so"):
                    await self._ami.action("Reload", ("Module", module))
        await self.wait_registered(phones, limit)

    async def register_again(self, seats: Iterable[str], limit: float = REGISTER_S) -> None:
        """Registered phones take their registration back and say REGISTER anew; returns when they are told that it is
        taken. Asterisk keeps registrations on disk, but those of the last seconds before a power cut are lost, and the
        phones do not know. Raises NotReady."""
        again = {seat: asyncio.Event() for seat in seats}
        self._again |= again
        for seat in again:
            await self._ami.action("PJSIPRegister", ("Registration", seat))
        try:
            async with asyncio.timeout(limit):
                await asyncio.gather(*(told.wait() for told in again.values()))
        except TimeoutError:
            missing = ", ".join(seat for seat, told in again.items() if not told.is_set())
            raise NotReady(f"phones did not register again at {self.place.target} within {limit:.0f} s: {missing}"
                           ) from None

    async def wait_registered(self, seats: Mapping[str, str] | list[str], limit: float = REGISTER_S) -> None:
        """Until all these phones are registered. Raises NotReady naming those that are not."""
        wanted, end, asked = set(seats), time.monotonic() + limit, set[str]()
        while True:
            states = await self.registrations()
            missing = sorted(seat for seat in wanted if states.get(seat) != "Registered")
            if not missing:
                return
            if time.monotonic() >= end:
                some = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
                raise NotReady(f"{len(missing)} phones did not register at {self.place.target} within {limit:.0f} s: "
                               f"{some} ({states.get(missing[0], 'unknown')}). Is the seat's secret right?")
            for seat in missing:
                if states.get(seat) in ("Unregistered", "Stopped", "Rejected") and seat not in asked:
                    asked.add(seat)
                    await self._ami.action("PJSIPRegister", ("Registration", seat))
            await asyncio.sleep(POLL_S)

    async def registrations(self) -> dict[str, str]:
        """Seat -> `Registered`, `Unregistered`, `Rejected`, ..."""
        try:
            items = await self._ami.listing("PJSIPShowRegistrationsOutbound")
        except AmiError:
            return {}  # none is an error to Asterisk
        return {item.get("ObjectName"): item.get("Status") for item in items
                if item.name == "OutboundRegistrationDetail"}

    async def unregister(self, seat: str) -> None:
        """Take a phone off the network in order (REGISTER with expiry 0)."""
        await self._ami.action("PJSIPUnregister", ("Registration", seat))
        end = time.monotonic() + REGISTER_S
        while (await self.registrations()).get(seat) == "Registered":
            if time.monotonic() >= end:
                raise NotReady(f"phone {seat} is still registered after {REGISTER_S:.0f} s")
            await asyncio.sleep(POLL_S)

    async def behave(self, seat: str, behaviour: Behaviour) -> None:
        """Set how a phone acts from its next ring on. Raises BadInput."""
        parse(behaviour.press)
        if behaviour.record is not None:
            behaviour.record.mkdir(parents=True, exist_ok=True)
        self._behaviour[seat] = behaviour
        values = {"D": behaviour.answer, "T": "" if behaviour.talk is None else str(behaviour.talk),
                  "F": str(behaviour.tone or ""), "R": str(behaviour.record or ""),
                  "L": ",".join(behaviour.live or ())}
        for letter, value in values.items():
            await self._ami.action("Setvar", ("Variable", f"{letter}_{seat}"), ("Value", value))

    async def wait_ring(self, seat: str | None = None, since: int = 0, limit: float = LIMIT_S) -> Leg:
        """The first line in `rung[since:]` (of this seat), waiting for it. Raises LabError."""
        def found() -> Leg | None:
            return next((leg for leg in self.rung[since:] if seat is None or leg.seat == seat), None)

        async with self._ring:
            try:
                await asyncio.wait_for(self._ring.wait_for(lambda: found() is not None), limit)
            except TimeoutError:
                raise LabError(f"{'no phone' if seat is None else f'phone {seat} was not'} called within "
                               f"{limit:.0f} s") from None
        leg = found()
        assert leg is not None
        return leg

    async def hang_up_all(self) -> None:
        """End every line that this session dialled."""
        await asyncio.gather(*(leg.hangup() for leg in self.calls.values()))

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _act(self, leg: Leg, what: str, value: str) -> None:
        try:
            if what == "press":
                await self._ami.action("PlayDTMF", ("Channel", leg.channel), ("Digit", value),
                                       ("Duration", str(KEY_MS)))
                leg.note(time.time(), f"pressed {value}")
                await asyncio.sleep(KEY_REST_S)
            else:
                # By its exact id where it is ours; AMI Hangup by name is exact too.
                await self._ami.action("Hangup", ("Channel", leg.channel or leg.uniqueid), ("Cause", value))
        except AmiError:
            if not leg.ended.is_set() and not self._ami.connected:
                raise

    def _take(self, message: Message) -> None:
        at = float(message.get("Timestamp") or time.time())
        if message.name == "Registry":
            told = self._again.get(message.get("Username").removeprefix("sip:").partition("@")[0])
            if told is not None and message.get("Status") == "Registered":
                told.set()
            return
        uniqueid = message.get("Uniqueid")
        called = message.name == "Newchannel" and message.get("Context") == "phone"
        if called and uniqueid not in self._legs and not uniqueid.startswith(CALLER):
            seat = message.get("Exten").removeprefix("+")
            acts = self._behaviour.get(seat, Behaviour())
            leg = Leg(uniqueid, self._act, seat, acts.record and acts.record / f"{seat}-{uniqueid}.wav")
            self._legs[uniqueid] = leg
            self.rung.append(leg)
            leg.take(message, at)
            self._spawn(self._tell_ring(), "lab.ring")
            self._press(leg, parse(acts.press))
            self.on_ring(leg)
            return
        known = self._legs.get(uniqueid)
        if known is None:
            return
        if message.name == "OriginateResponse":
            if message.get("Response") == "Failure" and not known.channel:
                known.finish(at, 20)
        elif message.name == "UserEvent" and message.get("UserEvent") == "LabRing":
            known.headers = {name: message.get(name) for name in ("AlertInfo", "CallInfo")}
        else:
            known.take(message, at)
        if known.ended.is_set():
            self._legs.pop(uniqueid, None)

    async def _tell_ring(self) -> None:
        async with self._ring:
            self._ring.notify_all()

    def _spawn(self, work: Any, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _read_phones(conf: Path) -> dict[str, str]:
    path = conf / "phones.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _write_phones(conf: Path, target: str, phones: Mapping[str, str]) -> None:
    network_conf.write_phones(conf, target, phones)
    path = conf / "phones.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(dict(phones)), encoding="utf-8")


@asynccontextmanager
async def _locked(conf: Path) -> AsyncIterator[None]:
    """Two `santral lab agent` at the same time add their phones one after the other; so do two tasks of one process,
    where waiting in flock() itself would hold up the holder."""
    handle = os.open(conf / "phones.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(POLL_S)
        yield
    finally:
        os.close(handle)
