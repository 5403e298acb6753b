"""The lab's telephone network. A second private Asterisk plays callers and agents' phones over real SIP and RTP.

    place, _ = start_network(program, folder, target="127.0.0.1:5060", ports=ports)
    async with PhoneNetwork(place) as network:
        call = await network.place_call("4440632", press="1@2s")

Several processes may attach to one network at the same time. Each has a separate AMI session and sees all phones.
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

from lab.errors import LabError, NotReady
from lab.pbx.asterisk import PrivateAsterisk
from lab.pbx.fetch import AsteriskProgram
from lab.pbx.ports import PortBlock
from lab.phones import network_conf
from lab.phones.ami_client import AmiClient, AmiError
from lab.phones.keys import KeyPress, parse_presses
from lab.phones.leg import LIMIT_S, Leg
from routing.ami.wire import Message

if TYPE_CHECKING:  # loads numpy, for which no other command should wait
    from lab.phones.audio_socket import LiveAddress

DIAL_S = 90
"""Ringing time of a caller, longer than any node needs to come back."""
KEY_MS = 120
"""Length of a pressed key: a person's quick press. Some networks lose keys under 40 ms."""
KEY_REST_S = 0.1
"""Pause between two keys. The end packets of the first go out before the second begins."""
REGISTER_S = 30.0
"""Limit for registrations. 200 phones registered 1.7 s after the start on two idle cores."""
STAY_S = 86_400
"""Stay of a caller without a given time, who hangs up only when told to."""
POLL_S = 0.05
"""Pause between two looks at the registrations, or at a lock that somebody holds."""
CALLER = "lab"
"""Prefix of the ids of callers' lines, in every session. A line without the prefix is a phone that was called."""


class NetworkPlace(NamedTuple):
    """Address of a running network, for other processes that attach to it."""

    folder: str
    sip: int
    ami: int
    target: str
    """host:port of the Asterisk that callers dial and phones register at."""
    secret: str
    pid: int
    started: int


class PhoneBehaviour(NamedTuple):
    """Behaviour of a phone that rings."""

    answer: str = "0"
    """Seconds until the answer, or a word.

    `busy`, `ignore` (rings until the caller ends), `decline` (603), `redirect` (302), `unknown` (404), `deaf` (488: no
    common codec).
    """
    talk: float | None = None
    """Seconds until the phone hangs up, None for never."""
    tone: int | None = None
    """Frequency in Hz, None for silence."""
    press: str = ""
    """Keys as `lab.phones.keys` reads them, with times from the answer. Only the session that set the behaviour
    presses."""
    record: Path | None = None
    """Folder for a WAV of each call: what the phone heard."""
    live: LiveAddress | None = None
    """Address for its sound in both directions, instead of keys and recording. A tone is spoken instead of what comes
    from there."""


def start_network(program: AsteriskProgram, folder: Path, target: str, ports: PortBlock,
                  phones: Mapping[str, str] | None = None, media: int = 480, sip: int | None = None,
                  bind: str = "127.0.0.1", page: network_conf.VisitorLine | None = None,
                  speech: Mapping[str, Path] | None = None) -> tuple[NetworkPlace, PrivateAsterisk]:
    """Start a network that outlives this process. The `phones` (seat -> secret) register at once.

    `sip` is its port, or None for any free one. `bind` is its address. `page` is the line of the caller's page
    (`lab.caller_page`), or None. `speech` names what callers can say (`place_call`), with folders of sounds.
    """
    conf, secret = folder / "conf", secrets.token_urlsafe(24)
    sip, ami = sip or ports.free_port(socket.SOCK_DGRAM), ports.free_port()
    network_conf.write_files(conf, sip=sip, ami=ami, rtp=ports.media_range(media), target=target, secret=secret,
                             bind=bind, page=page, speech=speech)
    _write_phones(conf, target, dict(phones or {}))
    asterisk = PrivateAsterisk(program, conf, folder)
    identity = asterisk.start_process()
    try:
        asterisk.wait_ready()
    except BaseException:
        asterisk.stop_process()
        raise
    return NetworkPlace(str(folder), sip, ami, target, secret, identity.pid, identity.started), asterisk


class PhoneNetwork:
    """A session with a telephone network."""

    def __init__(self, place: NetworkPlace) -> None:
        self.place = place
        self.calls: dict[str, Leg] = {}
        """Lines that this session dialled, by Uniqueid."""
        self.rung: list[Leg] = []
        """Lines of phones that were called, in order, by any caller."""
        self.on_ring: Callable[[Leg], None] = lambda leg: None
        self._legs: dict[str, Leg] = {}
        self._ami = AmiClient(self._handle_event)
        self._numbers = itertools.count(1)
        self._tag = secrets.token_hex(4)
        self._callers = itertools.count(secrets.randbelow(10**7))
        self._tasks: set[asyncio.Task[None]] = set()
        self._ring = asyncio.Condition()
        self._behaviour: dict[str, PhoneBehaviour] = {}
        self._reregistering: dict[str, asyncio.Event] = {}
        """Seats that register again. The event is set when the registration was accepted."""

    async def __aenter__(self) -> PhoneNetwork:
        try:
            await self._ami.connect_to(self.place.ami, network_conf.USER, self.place.secret)
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

    async def place_call(self, number: str, *, caller: str | None = None, press: str = "", stay: float | None = None,
                         tone: int | None = None, record: Path | None = None, seat: str | None = None,
                         live: LiveAddress | None = None, speech: str = "") -> Leg:
        """Dial `number` and return the leg at once. The leg records what happens.

        - `caller`: the caller's number. None takes a new number, since one number is one person.
        - `press`: keys as `lab.phones.keys` reads them, with times from the answer.
        - `stay`: seconds from the answer until the caller hangs up.
        - `record`: WAV of what the caller hears.
        - `seat`: phone that dials, instead of a caller from outside.
        - `live`: address for the sound in both directions. A tone is spoken instead of what comes from there, and what
          is there writes the record.
        - `speech`: name of what the caller says, instead of the tone (`start_network`).
        """
        # 1. Register the leg before dialling: its first event may come before the answer to the action.
        presses = parse_presses(press)
        # Fixed width: Asterisk refuses an id that is the beginning of a live one (do_ids_conflict in channel.c).
        uniqueid = f"{CALLER}{self._tag}-{next(self._numbers):06d}"
        leg = Leg(uniqueid, self._act_on_leg, seat or "", record)
        self.calls[uniqueid] = self._legs[uniqueid] = leg
        leg.add_moment(time.time(), f"calls {number}")
        # 2. Describe the call to the network's dialplan.
        if caller is None:
            caller = f"0500{next(self._callers) % 10**7:07d}"
        anonymous = caller in ("", "anonymous")
        endpoint = seat or (network_conf.ANONYMOUS_ENDPOINT if anonymous else network_conf.CALLER_ENDPOINT)
        host = f"sip:{number}@{self.place.target}"
        fields = [("Channel", f"PJSIP/{endpoint}/{host}"), ("Context", "caller"), ("Exten", "s"), ("Priority", "1"),
                  ("Async", "true"), ("ChannelId", uniqueid), ("Timeout", str(DIAL_S * 1000)),
                  ("Variable", f"LAB_STAY={STAY_S if stay is None else stay}"),
                  ("Variable", f"LAB_TONE={tone or 0}"), ("Variable", f"LAB_RECORD={record or ''}"),
                  ("Variable", f"LAB_SPEECH={speech}")]
        if live is not None:
            fields += [("Variable", f"LAB_LIVE={live.name}"), ("Variable", f"LAB_EAR={live.address}")]
        leg.caller = "" if seat or anonymous else caller
        if not seat and not anonymous:
            fields.append(("CallerID", f'"" <{caller}>'))
        if record is not None:
            record.parent.mkdir(parents=True, exist_ok=True)
        # 3. Dial. A refused action has no leg.
        try:
            await self._ami.send_action("Originate", *fields)
        except AmiError:
            self._legs.pop(uniqueid, None)
            raise
        self._press_at_times(leg, presses)
        return leg

    def _press_at_times(self, leg: Leg, presses: tuple[KeyPress, ...]) -> None:
        if presses:
            self._spawn_task(self._press_later(leg, presses), f"lab.press[{leg.uniqueid}]")

    async def _press_later(self, leg: Leg, presses: tuple[KeyPress, ...]) -> None:
        await leg.answered.wait()
        began = asyncio.get_running_loop().time()
        for press in presses:
            rest = began + press.at - asyncio.get_running_loop().time()
            if rest > 0:
                await asyncio.sleep(rest)
            if leg.ended.is_set():
                return
            await leg.press_keys(press.key)

    # --- phones ------------------------------------------------------------------------------------------------------

    async def register_phones(self, phones: Mapping[str, str], limit: float = REGISTER_S) -> None:
        """Make these phones (seat -> secret) register and wait until they are registered. Raise NotReady."""
        conf = Path(self.place.folder) / "conf"
        async with _lock_phones(conf):
            known = _read_phones(conf)
            # Phones stay in the file, so only new ones or new secrets need a reload.
            if any(known.get(seat) != secret for seat, secret in phones.items()):
                _write_phones(conf, self.place.target, known | dict(phones))
                for module in ("res_pjsip.so", "res_pjsip_outbound_registration.so"):
                    await self._ami.send_action("Reload", ("Module", module))
        await self.wait_registered(phones, limit)

    async def renew_registrations(self, seats: Iterable[str], limit: float = REGISTER_S) -> None:
        """Make registered phones unregister and register again, and wait until the registrar accepts them. Raise
        NotReady.

        Asterisk keeps registrations on disk, but a power cut loses those of the last seconds. The phones do not notice.
        """
        again = {seat: asyncio.Event() for seat in seats}
        self._reregistering |= again
        for seat in again:
            await self._ami.send_action("PJSIPRegister", ("Registration", seat))
        try:
            async with asyncio.timeout(limit):
                await asyncio.gather(*(told.wait() for told in again.values()))
        except TimeoutError:
            missing = ", ".join(seat for seat, told in again.items() if not told.is_set())
            raise NotReady(f"phones did not register again at {self.place.target} within {limit:.0f} s: {missing}"
                           ) from None

    async def wait_registered(self, seats: Mapping[str, str] | list[str], limit: float = REGISTER_S) -> None:
        """Wait until all these phones are registered. Raise NotReady with the names of those that are not."""
        wanted, end, asked = set(seats), time.monotonic() + limit, set[str]()
        while True:
            states = await self.list_registrations()
            missing = sorted(seat for seat in wanted if states.get(seat) != "Registered")
            if not missing:
                return
            if time.monotonic() >= end:
                some = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
                raise NotReady(f"{len(missing)} phones did not register at {self.place.target} within {limit:.0f} s: "
                               f"{some} ({states.get(missing[0], 'unknown')}). Is the seat's secret right?")
            # Each phone is asked once: asking in every round would begin its registration over and over.
            for seat in missing:
                if states.get(seat) in ("Unregistered", "Stopped", "Rejected") and seat not in asked:
                    asked.add(seat)
                    await self._ami.send_action("PJSIPRegister", ("Registration", seat))
            await asyncio.sleep(POLL_S)

    async def list_registrations(self) -> dict[str, str]:
        """Return each seat with its state: `Registered`, `Unregistered`, `Rejected` and others."""
        try:
            items = await self._ami.fetch_list("PJSIPShowRegistrationsOutbound")
        except AmiError:
            return {}  # Asterisk reports an error if there is none
        return {item.get("ObjectName"): item.get("Status") for item in items
                if item.name == "OutboundRegistrationDetail"}

    async def unregister_phone(self, seat: str) -> None:
        """Take a phone off the network in order (REGISTER with expiry 0). Raise NotReady."""
        await self._ami.send_action("PJSIPUnregister", ("Registration", seat))
        end = time.monotonic() + REGISTER_S
        while (await self.list_registrations()).get(seat) == "Registered":
            if time.monotonic() >= end:
                raise NotReady(f"phone {seat} is still registered after {REGISTER_S:.0f} s")
            await asyncio.sleep(POLL_S)

    async def set_behaviour(self, seat: str, behaviour: PhoneBehaviour) -> None:
        """Set how a phone acts from its next ring on. Raise BadInput."""
        parse_presses(behaviour.press)
        if behaviour.record is not None:
            behaviour.record.mkdir(parents=True, exist_ok=True)
        self._behaviour[seat] = behaviour
        # The dialplan of the network reads these global variables when the phone rings.
        values = {"D": behaviour.answer, "T": "" if behaviour.talk is None else str(behaviour.talk),
                  "F": str(behaviour.tone or ""), "R": str(behaviour.record or ""),
                  "L": ",".join(behaviour.live or ())}
        for letter, value in values.items():
            await self._ami.send_action("Setvar", ("Variable", f"{letter}_{seat}"), ("Value", value))

    def behaviour_of(self, seat: str) -> PhoneBehaviour:
        """Return how a phone acts, as this session has set it."""
        return self._behaviour.get(seat, PhoneBehaviour())

    async def wait_ring(self, seat: str | None = None, since: int = 0, limit: float = LIMIT_S) -> Leg:
        """Return the first line in `rung[since:]`, of this seat if given. Wait for it. Raise LabError."""
        def matching_leg() -> Leg | None:
            return next((leg for leg in self.rung[since:] if seat is None or leg.seat == seat), None)

        async with self._ring:
            try:
                await asyncio.wait_for(self._ring.wait_for(lambda: matching_leg() is not None), limit)
            except TimeoutError:
                raise LabError(f"{'no phone' if seat is None else f'phone {seat} was not'} called within "
                               f"{limit:.0f} s") from None
        leg = matching_leg()
        assert leg is not None
        return leg

    async def hang_up_all(self) -> None:
        """Hang up every line that this session dialled."""
        await asyncio.gather(*(leg.hang_up() for leg in self.calls.values()))

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _act_on_leg(self, leg: Leg, what: str, value: str) -> None:
        try:
            if what == "press":
                await self._ami.send_action("PlayDTMF", ("Channel", leg.channel), ("Digit", value),
                                            ("Duration", str(KEY_MS)))
                leg.add_moment(time.time(), f"pressed {value}")
                await asyncio.sleep(KEY_REST_S)
            else:
                # The id is exact for a line of this session, and AMI Hangup by name is exact too.
                await self._ami.send_action("Hangup", ("Channel", leg.channel or leg.uniqueid), ("Cause", value))
        except AmiError:
            # A line that ended meanwhile refuses the action. Only a lost connection is an error.
            if not leg.ended.is_set() and not self._ami.connected:
                raise

    def _handle_event(self, message: Message) -> None:
        at = float(message.get("Timestamp") or time.time())
        # 1. A phone's registration was accepted.
        if message.name == "Registry":
            told = self._reregistering.get(message.get("Username").removeprefix("sip:").partition("@")[0])
            if told is not None and message.get("Status") == "Registered":
                told.set()
            return
        # 2. A new channel in the context of phones is a phone that is called. Other sessions see it too.
        uniqueid = message.get("Uniqueid")
        called = message.name == "Newchannel" and message.get("Context") == "phone"
        if called and uniqueid not in self._legs and not uniqueid.startswith(CALLER):
            seat = message.get("Exten").removeprefix("+")
            acts = self._behaviour.get(seat, PhoneBehaviour())
            leg = Leg(uniqueid, self._act_on_leg, seat, acts.record and acts.record / f"{seat}-{uniqueid}.wav")
            self._legs[uniqueid] = leg
            self.rung.append(leg)
            leg.apply_event(message, at)
            self._spawn_task(self._notify_ring(), "lab.ring")
            self._press_at_times(leg, parse_presses(acts.press))
            self.on_ring(leg)
            return
        # 3. Other events belong to a known line of this session, or to nobody here.
        known = self._legs.get(uniqueid)
        if known is None:
            return
        if message.name == "OriginateResponse":
            # No channel means that dialling failed before any other event could end the leg.
            if message.get("Response") == "Failure" and not known.channel:
                known.end_leg(at, 20)
        elif message.name == "UserEvent" and message.get("UserEvent") == "LabRing":
            known.headers = {name: message.get(name) for name in ("AlertInfo", "CallInfo")}
        else:
            known.apply_event(message, at)
        if known.ended.is_set():
            self._legs.pop(uniqueid, None)

    async def _notify_ring(self) -> None:
        async with self._ring:
            self._ring.notify_all()

    def _spawn_task(self, work: Any, name: str) -> None:
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
async def _lock_phones(conf: Path) -> AsyncIterator[None]:
    """Hold the lock of the phones file, without blocking the loop.

    Two `santral lab agent` then add their phones one after the other, and so do two tasks of one process. There,
    waiting inside flock() would block the holder itself.
    """
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
