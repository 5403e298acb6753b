"""The composition root: which room is wired to which, in what order they start and stop. Wiring, no behaviour.

Start: files of the centre, sounds, store and lease, engine as it was, addresses, Asterisk. Whatever fails is told in
one sentence with an exit code, and nothing is left half-started. End (SIGTERM, Ctrl-C): no new calls, dialogues drain,
what is known is kept.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path

import structlog

from desk.api.tokens import Tokens
from desk.server import CannotListen
from desk.server import Server as HttpServer
from desk.server import build as build_desk
from ivr.agi.server import FastAgi
from ivr.app import Dialogues
from ivr.dialable import NotDialable, last_look
from ivr.transfer import CanCall
from metrics.health import ready
from metrics.mqtt_outbox import Outbox
from metrics.recorder import Recorder
from prompts.catalogue import Catalogue
from routing.ami.errors import AuthFailed
from routing.ami.link import Login
from routing.ami.settings import SwitchSettings
from routing.ami.switch import Live, Switch
from routing.channels import Channels
from routing.clock import Clock
from routing.core.commands import Command
from routing.core.engine import Engine
from routing.core.events import ContactTicked, Event, LinkChanged
from routing.core.ids import AgentId, ContactId, OfferId
from routing.core.inbox import InboxClosed
from routing.redirect import Redirect
from routing.runner import Runner
from routing.sms import Outbox as SmsOutbox
from routing.store import keyed
from routing.store.audit import Audit
from routing.store.errors import KeyFileError, StoreError
from routing.store.keyed import Keyed
from routing.store.numbers import NumberKeys
from routing.store.store import Store
from routing.store.vault import Vault
from routing.talk_recorder import TalkRecorder
from santral import broker, logs, outside, sms
from santral.announce import Board
from santral.archive import Archive
from santral.calendar import Calendar
from santral.config import NODE, NodeConfig, address, store_place
from santral.errors import AddressTaken, AsteriskTrouble, SantralError, StoreTrouble
from santral.house import NodeHouse, hang_up_is_reload
from santral.last_good import CentreFiles
from santral.projections import Projections
from santral.reload import New, Reloader
from santral.secrets import Secrets, same, write_private
from santral.wishes import Wishes

log = structlog.get_logger()

ASTERISK_S = 15.0
"""How long a starting node waits for Asterisk: longer than its restart without modules to load, short enough that the
person at the terminal still looks."""

ASTERISK_BEGAN = "asterisk_started"
"""Note in the store: when the Asterisk began whose calls the store holds, in its own words."""

VERSION = version("santral")

TOLD: dict[type[Exception], type[SantralError]] = {
    AuthFailed: AsteriskTrouble, StoreError: StoreTrouble, CannotListen: AddressTaken}
"""Errors of the rooms that end a node, and what the person at the terminal is told (with which exit code)."""


def run(centre: Path, settings: Path | None, state: Path, *, log_json: bool = False) -> int:
    """Run a node until it is told to stop; the exit code. Raises SantralError when it cannot work."""
    logs.configure(as_json=log_json)
    files = CentreFiles(centre, settings, state)
    config, sounds = files.begin()
    for warning in config.warnings:
        log.warning("centre", warning=str(warning))
    try:
        state.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreTrouble(f"the state folder {state} cannot be made: {error.strerror}. Name another with --state, or "
                           "create it for this user") from error
    try:
        asyncio.run(Node(config, state, files).serve(sounds))
    except Exception as error:
        first: BaseException = error
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        for kind, ours in TOLD.items():
            if isinstance(first, kind):
                raise ours(str(first)) from error
        if isinstance(first, SantralError):
            raise first from None
        raise
    return 0


class Node:
    """One node: the rooms, wired."""

    def __init__(self, config: NodeConfig, state: Path, files: CentreFiles | None = None) -> None:
        self._config = config
        self._files = files or CentreFiles(config.loaded.folder, None, state)
        self._pins: Mapping[str, str] = {}
        self._state = state
        self._where = state / "node.json"
        self._secrets = Secrets(state)
        self._away = outside.read(config.loaded, self._secrets.folder)
        self._clock = Clock()
        self._engine = Engine()
        self._stop = asyncio.Event()
        self._up = asyncio.Event()
        self._again = asyncio.Event()
        """SIGHUP came: read the centre's files again."""
        self._outbox: Outbox | None = None
        self._sms: SmsOutbox | None = None

    async def serve(self, sounds: Catalogue) -> None:
        """Start, work until SIGTERM or SIGINT, stop in order. `sounds`: the built prompts."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        if hang_up_is_reload():
            loop.add_signal_handler(signal.SIGHUP, self._again.set)
        for warning in self._away.warnings:
            log.warning("centre", warning=str(warning))
        numbers = NumberKeys.load_or_create(self._secrets.folder / "numbers.json")
        async with AsyncExitStack() as stack:
            store = await Store.open(store_place(self._config, self._state))
            stack.push_async_callback(store.close)
            self._store = store
            await store.take_lease(NODE)
            # It tells where this state's node is: it goes with the node, and what a killed one left goes now.
            stack.callback(self._where.unlink, missing_ok=True)
            self._where.unlink(missing_ok=True)
            told = Projections.of(self._config, self._state, numbers, lambda: self._engine.centre, VERSION)
            recorder = told.recorder
            stack.callback(told.queue_log.close)
            before = await told.remember(self._engine, store, self._config.centre, self._clock)
            self._outbox = broker.outbox(self._config, self._secrets, store, lambda: runner.status(), self._clock,
                                         recorder.acknowledged, lambda: runner.waiting)
            if self._outbox is not None:
                await self._outbox.begin(before)
            runner = Runner(self._engine, store, clock=self._clock, execute=self._execute,
                            projections=[told.recorder.take, told.queue_log.take,
                                         *([] if self._outbox is None else [self._outbox.take])],
                            measure=recorder.decision, on_overflow=self._resync)

            def post(event: Event) -> None:
                if isinstance(event, LinkChanged) and event.up:
                    self._up.set()
                runner.post(event)

            self._sms = sms.outbox(self._config, self._secrets, store, numbers, Audit(self._state), self._clock)
            vault = self._vault(store)
            stack.push_async_callback(vault.close)
            self._talks = TalkRecorder(vault, lambda: self._engine.live_offers(), self._config.recorded,
                                       Audit(self._state))
            redirect = await self._dialling()
            if redirect is not None:
                stack.callback(redirect.stop)
            self._switch = Switch(self._switch_settings(), post, self._live, started=await store.noted(ASTERISK_BEGAN),
                                  remember=lambda started: self._note_start(runner, store, started),
                                  record=self._talks.file, way_out=None if redirect is None else
                                  lambda box: redirect.uri(lambda: self.to_call(numbers.open(box))),
                                  clock=self._clock)
            self._channels = Channels([self._switch], runner.post, self._engine.live_contacts)
            recorder.begin_channels(self._channels.channels)
            board = Board(store, self._state, lambda: self._config, time.time)
            await board.load()
            calendar = Calendar(self._config, runner.post, closings=board.closings,
                                away=self._away.numbers)
            board.changed = calendar.tell
            self._wishes = Wishes(store, lambda: self._config.settings.wishes, time.time)
            await self._wishes.load()
            archive = Archive(vault, store, Audit(self._state), lambda: self._engine.live_offers(),
                              self._switch.orders.hush, time.time)
            can_call = partial(self._can_call, numbers)
            dialogues = self._dialogues(runner, sounds, numbers, calendar, board, archive, can_call)
            tokens = Tokens(*self._secrets.tokens(self._config.agents))
            reloader = Reloader(self._files, lambda: self._config, partial(
                self._put_in_force, runner, calendar, dialogues, tokens))
            house = NodeHouse(lambda: self._config, reloader, time.time, board, archive, can_call, self._wishes,
                              lambda: self._files.instead, lambda: calendar.nobody_left)
            desk = self._desk(runner, recorder, dialogues.server, house, tokens)
            await self._work(stack, store, runner, dialogues.server, desk, calendar, house)
            await runner.flush()

    async def _work(self, stack: AsyncExitStack, store: Store, runner: Runner, agi: FastAgi, desk: HttpServer,
                    calendar: Calendar, house: NodeHouse) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(store.keep_lease(), name="lease"),
                     group.create_task(runner.run(), name="runner"),
                     group.create_task(calendar.run(), name="calendar"),
                     group.create_task(self._talks.run(), name="recordings"),
                     group.create_task(house.run(self._again), name="house"),
                     group.create_task(self._wishes.run(), name="wishes")]
            dialogues = group.create_task(self._listen(agi), name="agi")
            await self._listening(agi, dialogues)
            http = await desk.start(self._config.settings.listen.http)
            stack.push_async_callback(desk.stop)
            tasks.append(group.create_task(self._channels.run(), name="channels"))
            await self._asterisk()
            if self._outbox is not None:
                tasks.append(group.create_task(self._outbox.run(), name="mqtt"))
            if self._sms is not None:
                tasks.append(group.create_task(self._sms.run(), name="sms"))
            if not self._stop.is_set():
                self._announce(http, agi)
                await asyncio.to_thread(self._files.begun)
            await self._stop.wait()
            log.info("node.stopping")
            await desk.stop()
            agi.stop()
            await dialogues
            with suppress(StoreError):
                await self._wishes.sweep()
            for task in tasks:
                task.cancel()

    # -- wiring --------------------------------------------------------------------------------------------------------

    def _vault(self, store: Store) -> Vault:
        wanted = self._config.settings.recording
        return Vault(self._state / "recordings", Path(self._config.settings.asterisk.spool),
                     self._secrets.folder / "recordings.json", store, keep_days=wanted.keep_days,
                     private=self._config.unrecorded)

    async def _dialling(self) -> Redirect | None:
        """Where Asterisk asks for the number of a caller who is called back; None: there is no way out to them."""
        way_out, listen = self._config.settings.trunk.way_out, self._config.settings.listen.dial
        if way_out is None:
            return None
        redirect = Redirect(way_out)
        try:
            await redirect.start(*address(listen))
        except OSError as error:
            raise AddressTaken(f"dial cannot listen on {listen}: {error.strerror}. End the other program, or set "
                               "another address at [listen] dial") from error
        return redirect

    def to_call(self, number: str) -> str:
        """The number of a caller who is dialled now. Raises NotDialable."""
        return last_look(number, self._config.settings.numbers)

    def _can_call(self, numbers: NumberKeys, offer: OfferId) -> bool:
        """Whether the caller of an offer may be promised to be called back. Of who has no number the engine says so."""
        box = self._engine.box(offer)
        try:
            return not box or bool(self.to_call(numbers.open(box)))
        except (NotDialable, KeyFileError):
            return False

    def _switch_settings(self) -> SwitchSettings:
        settings, ami = self._config.settings, self._secrets.ami()
        host, port = address(settings.asterisk.ami)
        return SwitchSettings(
            NODE, Login(host, port, "santral-events", ami["events"], events="system,call"),
            Login(host, port, "santral-actions", ami["actions"]), next(iter(settings.numbers)),
            cel=Path(settings.asterisk.cel), seats=frozenset(settings.seats.names()),
            outside=frozenset(self._away.numbers),
            by_number=lambda number: self._config.by_number(number) or (None, None))

    def _dialogues(self, runner: Runner, sounds: Catalogue, numbers: NumberKeys, calendar: Calendar,
                   board: Board, archive: Archive, can_call: CanCall) -> Dialogues:
        config = self._config
        self._pins = self._secrets.pins(config.agents)

        async def verify_pin(agent: AgentId, pin: str) -> bool:
            return same(pin, self._pins[agent])

        host, port = address(config.settings.listen.agi)
        return Dialogues(runner, config.flow, sounds, config.ivr(NODE),
                         seal=numbers.seal, verify_pin=verify_pin,
                         agent_by_number=lambda number: self._config.sign_in.get(number),
                         services=config.centre.services, host=host, port=port, clock=self._clock,
                         spool=self._talks.vault.spool, keep=self._talks.vault.keep, silence=archive.silence,
                         still=self._switch.orders.hush,
                         entry_now=calendar.entry, announced=board.spoken, is_open=calendar.is_open,
                         keep_keyed=self._keep_keyed, texts=None if self._sms is None else self._sms.ask,
                         texts_after_s=config.settings.sms.offer_after_s, wishes=self._wishes,
                         by_number=lambda number: self._config.by_number(number), can_call=can_call)

    async def _keep_keyed(self, contact: ContactId, field: str, digest: str, box: str) -> None:
        """A caller is not kept waiting for the store to be mended: what was keyed in is lost then, and that is told."""
        try:
            await self._store.work(partial(keyed.add, one=Keyed(contact, field, digest, box, self._clock())))
        except StoreError as error:
            log.error("node.keyed_lost", contact=contact, field=field, why=str(error))

    def _desk(self, runner: Runner, recorder: Recorder, agi: FastAgi, house: NodeHouse, tokens: Tokens) -> HttpServer:
        def page() -> bytes:
            switch = self._switch
            recorder.asterisk(reconnects=switch.reconnects, mismatches=switch.mismatches, events=switch.heard)
            recorder.centre(files_good=house.last_good() is None and not house.nobody_left())
            recorder.inbox(waiting=runner.waiting, dropped=runner.refused)
            recorder.commands_refused(self._channels.refused)
            recorder.wishes(self._wishes.counts())
            recorder.recordings(self._talks.done, possible=not self._talks.trouble)
            if (out := self._outbox) is not None:
                recorder.mqtt(connected=out.connected, behind=out.behind, signals=out.signals)
            if self._sms is not None:
                recorder.sms(self._sms.done, waiting=self._sms.waiting)
            return recorder.text(runner.status())

        def is_ready() -> tuple[bool, dict[str, bool]]:
            health = ready(link_up=self._switch.connected, store_ok=runner.keeping, agi_listening=not agi.stopping,
                           closing=self._stop.is_set())
            return health.ok, health.parts

        return HttpServer(build_desk(runner, house, tokens, page, is_ready, version=VERSION))

    async def _put_in_force(self, runner: Runner, calendar: Calendar, dialogues: Dialogues, tokens: Tokens,
                            new: New) -> None:
        """New files of the centre. What can fail comes first, the engine last of it; the rest is done at one moment."""
        config = new.config
        pins, known = self._secrets.pins(config.agents), self._secrets.tokens(config.agents)
        await calendar.change(config, runner.ask)
        self._config, self._pins = config, pins
        dialogues.change(config.flow, config.centre.services, config.ivr(NODE), new.sounds)
        tokens.change(*known)
        vault = self._talks.vault
        self._talks.services, vault.private = config.recorded, config.unrecorded
        vault.keep_days = config.settings.recording.keep_days
        if self._outbox is not None:
            self._outbox.devices = broker.devices(config.centre, self._secrets)

    def _execute(self, commands: Sequence[Command]) -> None:
        self._channels.execute(commands)

    def _resync(self) -> None:
        self._switch.resync("the inbox was full")

    def _live(self) -> Live:
        return self._engine.live_contacts(), self._engine.live_offers()

    @staticmethod
    async def _note_start(runner: Runner, store: Store, started: str) -> None:
        """Only after what it explains is stored: events are handled in order, so an answer to one that was put in later
        says that all before it are. Missed, it is done after the next connect."""
        with suppress(InboxClosed, TimeoutError, StoreError):
            await runner.ask(ContactTicked(ContactId("")))
            await store.note(ASTERISK_BEGAN, started)

    # -- starting ------------------------------------------------------------------------------------------------------

    async def _listen(self, agi: FastAgi) -> None:
        try:
            await agi.run()
        except OSError as error:
            raise AddressTaken(f"agi cannot listen on {self._config.settings.listen.agi}: {error.strerror}. End the "
                               "other program, or set another address at [listen] agi") from error

    async def _listening(self, agi: FastAgi, task: asyncio.Task[None]) -> None:
        listening = asyncio.create_task(agi.listening(), name="agi.listening")
        await asyncio.wait({listening, task}, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            listening.cancel()
            await task

    async def _asterisk(self) -> None:
        """Wait for the link; the first time only. Later losses are the switch's own business."""
        where = self._config.settings.asterisk.ami
        log.info("node.waiting_for_asterisk", ami=where)
        up = asyncio.create_task(self._up.wait(), name="asterisk up")
        stop = asyncio.create_task(self._stop.wait(), name="stop")
        done, waiting = await asyncio.wait({up, stop}, timeout=ASTERISK_S, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if not done:
            raise AsteriskTrouble(f"Asterisk does not answer at {where} (AMI) within {ASTERISK_S:.0f} s. Does it run, "
                                  "is its manager.conf the rendered one, is [asterisk] ami right?")

    def _announce(self, http: str, agi: FastAgi) -> None:
        where = {"http": http, "agi": f"{agi.address[0]}:{agi.address[1]}", "ami": self._config.settings.asterisk.ami}
        write_private(self._where, json.dumps(where))
        # What a node is made of stays to its end. A full look for garbage went through all 175,000 things of it, for
        # 90 ms of CPU in which nobody is routed; through what has come since it takes 1 ms.
        gc.freeze()
        log.info("node.ready", **where)
