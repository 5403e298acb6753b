"""Compose a node: connect its rooms, and start and stop them in order. This module has no behaviour besides.

The start has this order: restored engine, addresses, Asterisk. Files, sounds, store and lease come from
`santral.standby`. A failure ends it with one sentence and an exit code, and nothing is left half-started. At the end
(SIGTERM, Ctrl-C) new calls are refused, dialogues finish, and pending data is stored.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from desk.api.tokens import Tokens
from desk.desk import Desk
from desk.live.call_streams import CallSources
from desk.live.desk_state import DeskSources
from desk.live.notices import NoticeBoard
from desk.phone.turn import TurnRelay
from desk.phone.web_seats import PagePhones
from desk.server import HttpServer as HttpServer
from desk.server import build_application as build_desk
from ivr.agi.server import FastAgi, Limits
from ivr.caller.dialable import NotDialable, recheck_dialable
from ivr.caller.sentence_watch import SentenceWatch
from ivr.dialogues import Dialogues
from ivr.flow.menu_model import Speech
from ivr.routes.in_call_keys import CanCall
from ivr.suspended_dialogues import keep_only_menus
from metrics.mqtt.outbox import MqttOutbox
from metrics.prometheus.health import check_health
from planning.why.live_account import LiveAccounts
from prompts.catalogue import Catalogue
from routing.act_history import ActHistory
from routing.ami.asterisk_session import AsteriskSession, LiveCalls
from routing.ami.fallback.members import changes_members
from routing.ami.fallback.queues import AgentSource
from routing.ami.link import Login
from routing.ami.settings import AsteriskSettings
from routing.channels import Channels
from routing.clock import Clock
from routing.core.engine import Engine
from routing.core.events import CallerErased, Event, HoldTick, LinkChanged
from routing.core.inbox import InboxClosed
from routing.core.model.commands import Command
from routing.core.model.facts import Fact
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId
from routing.runner import Runner
from routing.sip_redirect import SipRedirect
from routing.sms.outbox import SmsOutbox as SmsOutbox
from routing.store.audit import Audit
from routing.store.callers import caller_input
from routing.store.callers.caller_input import CallerInput
from routing.store.callers.contact_history import find_recorded
from routing.store.callers.note_keys import NoteKeys
from routing.store.callers.number_keys import NumberKeys
from routing.store.errors import KeyFileError, StoreError
from routing.store.recordings.recording_store import RecordingStore
from routing.store.store import Store
from routing.talk_recorder import AUDIT_NAME, TalkRecorder
from santral.backup.callback_hold import CallbackHold
from santral.centre import remote_agents
from santral.centre.config import NODE, NodeConfig, parse_address
from santral.centre.file_reload import CentreReloader, NewFiles
from santral.centre.last_known_good import CentreFiles
from santral.centre.secret_setup import make_secrets, mqtt_devices
from santral.errors import AddressTaken, AsteriskFailure
from santral.node import mqtt_setup, sms_setup
from santral.node.announcement_board import AnnouncementBoard
from santral.node.callback_windows import find_windows
from santral.node.caller_preferences import NodePreferences
from santral.node.centre_calendar import CentreCalendar, require_on_duty
from santral.node.contact_notes import ContactNotes
from santral.node.nightly_purge import NightlyPurge
from santral.node.operations import RunningNodeOperations
from santral.node.own_desk import OwnDesk
from santral.node.projections import Projections, log_ended_calls, log_phone_faults
from santral.node.recording_access import RecordingAccess
from santral.node.service_manager import ServiceManager
from santral.node.supervision import run_supervised
from santral.node.surge_switch import SurgeSwitch
from santral.node.unreached_callers import UnreachedCallers
from santral.privacy.caller_data import CallerData
from santral.report_schedule import ReportSchedule, mail_command
from santral.secrets import NodeSecrets, compare_secret, write_private

log = structlog.get_logger()

ASTERISK_S = 15.0
"""Longest wait of a starting node for Asterisk. It covers a restart of Asterisk without modules to load, and a person
at the terminal still watches."""

ASTERISK_BEGAN = "asterisk_started"
"""Name of a note in the store: the start time of the Asterisk whose calls the store holds, in its own words."""

OUTAGES_READ = "outages_read"
"""Name of a note in the store: the time up to which calls that met no node are recorded, Unix seconds."""

VERSION = version("santral")

NODE_FILE = "node.json"
"""Name of the file in the state folder that tells commands where the node answers."""

Vacate = Callable[[], Awaitable[None]]
"""Gives the addresses free on which the process has answered while it did not lead."""


def _agi_limits(config: NodeConfig) -> Limits:
    """Return the limits of the AGI listener. Each line of the carrier can have a dialogue and a tick at once."""
    usual, lines = Limits(), config.settings.lines
    return usual if lines is None else replace(usual, calls=max(usual.calls, lines.total),
                                               urgent=max(usual.urgent, lines.total))


class Node:
    """One node with its connected rooms."""

    def __init__(self, config: NodeConfig, state: Path, files: CentreFiles | None = None, *,
                 stop: asyncio.Event, again: asyncio.Event, manager: ServiceManager, vacate: Vacate,
                 history: ActHistory | None = None, hands_over: Callable[[], bool] = lambda: False) -> None:
        """`stop` ends the node, and `again` lets it read the centre's files. `vacate` gives its addresses free.

        `hands_over` tells whether another node can lead as soon as this one has stopped.

        `history` notes each act, or is None."""
        self._config = config
        self._files = files or CentreFiles(config.loaded.folder, None, state)
        self._pins: Mapping[str, str] = {}
        self._state = state
        self._where = state / NODE_FILE
        self._secrets = NodeSecrets(state)
        self._remote_agents = remote_agents.read_numbers(config.loaded, self._secrets.folder)
        for warning in self._remote_agents.warnings:
            log.warning("centre.warned", warning=str(warning))
        self._clock = Clock()
        self._engine = Engine()
        self._manager, self._stop, self._again, self._vacate = manager, stop, again, vacate
        self._hands_over = hands_over
        self._up = asyncio.Event()
        self._history = history
        self._outbox: MqttOutbox | None = None
        self._sms: SmsOutbox | None = None
        self._unreached: UnreachedCallers | None = None
        self._desk: Desk | None = None
        self._answered = self._suspended = False
        """Callers were answered, so the dialogues are complete. They may go on without the lease."""
        self._answering: asyncio.Task[None] | None = None

    async def lead_until_stopped(self, store: Store, sounds: Catalogue, numbers: NumberKeys,
                                 told: Projections) -> None:
        """Start, work until the node is stopped, and stop in order. `sounds` are the built prompts. `told` are metrics
        and queue_log, which this node closes.

        This node holds the lease of the store. Raise `LeaseLost` inside a group if the lease is lost.
        """
        async with asyncio.TaskGroup() as group:
            # A large state may take longer to read than a lease lasts.
            renewing = group.create_task(store.keep_lease(), name="lease")
            await self._serve_until_stopped(store, sounds, numbers, told)
            renewing.cancel()

    async def _serve_until_stopped(self, store: Store, sounds: Catalogue, numbers: NumberKeys,
                                   told: Projections) -> None:
        async with AsyncExitStack() as stack:
            # 1. All secrets, before anybody joins and needs them.
            stack.callback(told.queue_log.close)
            make_secrets(self._config, self._secrets)
            self._note_keys = NoteKeys.load_or_create(self._secrets.folder / "notes.json")
            # 2. The store, whose only node this is.
            self._store = store
            if self._history is not None:
                self._history.begin_leading(store.lease_times)
            # The file tells the address of this state's node. A killed node left its own, so remove it now.
            stack.callback(self._where.unlink, missing_ok=True)
            self._where.unlink(missing_ok=True)
            # 3. Restore the engine. The runner does not exist yet, so the outbox asks for it later.
            recorder = told.recorder
            before = await told.restore_engine(self._engine, store, self._config.centre, self._clock)
            self._outbox = mqtt_setup.build_outbox(
                self._config, self._secrets, store, lambda: runner.queue_status(), self._clock,
                recorder.observe_acknowledgement, lambda: runner.waiting_count)
            if self._outbox is not None:
                await self._outbox.load_cursor(before)
            runner = self._build_runner(store, told)

            def post_event(event: Event) -> None:
                if isinstance(event, LinkChanged) and event.up:
                    self._up.set()
                runner.post(event)

            # 4. Short messages and recordings.
            self._build_messages(store, numbers)
            vault = self._open_recording_store(store)
            stack.push_async_callback(vault.close)
            self._talks = TalkRecorder(vault, lambda: self._engine.live_offers(), self._config.recorded,
                                       Audit(self._state))
            self._night = self._build_purge(store, vault, numbers, runner)
            await self._night.load_time()
            # 5. Asterisk. It asks the redirect for a number, so that no number passes through AMI.
            redirect = await self._start_redirect(stack)
            self._switch = await self._build_switch(store, runner, numbers, redirect, post_event)
            self._channels = Channels([self._switch], runner.post, self._engine.live_contacts)
            recorder.begin_channels(self._channels.channels)
            # 6. Announcements, calendar and caller preferences.
            board, calendar = await self._load_calendar(store, runner)
            self._wishes = NodePreferences(store, lambda: self._config.settings.preferences, time.time)
            await self._wishes.load_preferences()
            # 7. Dialogues with callers, and HTTP.
            archive = RecordingAccess(vault, store, Audit(self._state), lambda: self._engine.live_offers(),
                              self._switch.orders.pause_recording, time.time)
            can_call = partial(self._can_call, numbers)
            dialogues = self._dialogues = self._build_dialogues(
                runner, sounds, numbers, calendar, board, archive, can_call)
            tokens = Tokens(*self._secrets.api_tokens(self._config.agents))
            reloader = CentreReloader(self._files, lambda: self._config, partial(
                self._put_in_force, runner, calendar, dialogues, tokens))
            desk = self._desk = await self._load_desk(store, runner, told.notices)
            dialogues.server.may_act = lambda: store.may_act() or self._suspended
            dialogues.entry.has_just_woken = runner.has_just_woken
            self._watch_sentences(dialogues.server, sounds)
            own = OwnDesk(store, runner, Audit(self._state), lambda: self._engine.live_offers(),
                          self._switch.orders.hang_up, lambda: self._config.settings.centre.timezone)
            notes = ContactNotes(store, runner, self._note_keys, lambda: self._config, archive.audit_access,
                                 partial(self._last_digits, numbers))
            house = RunningNodeOperations(
                lambda: self._config, reloader, time.time, board, archive, can_call, self._wishes,
                lambda: self._files.instead, lambda: calendar.unservable_needs, self._surge, own, notes,
                desk.sessions.display_name, lambda: self._switch.refused_numbers)
            http = self._build_http_server(runner, told, dialogues.server, house, tokens, desk)
            # 8. Work. Events that were deferred at the end are committed before the store closes.
            read_past = partial(told.read_past, store)
            await self._run_tasks(stack, runner, dialogues.server, http, desk, calendar, house, read_past)
            await runner.commit_deferred()

    @property
    def reaches_asterisk(self) -> bool | None:
        """Return whether the link to Asterisk stands, or None before the first try."""
        return self._switch.connected if self._up.is_set() else None

    @property
    def asterisk_silent_s(self) -> float:
        """Return for how many seconds Asterisk has been silent. 0 before the first connection."""
        return self._switch.silent_s if self._up.is_set() else 0.0

    def suspend_dialogues(self) -> Dialogues | None:
        """Return the dialogues with callers, which may go on without the lease from now on.

        Return None if this node has answered nobody yet.
        """
        if not self._answered:
            return None
        # Nobody else comes to these dialogues.
        self._dialogues.server.stop()
        self._suspended = True
        return self._dialogues

    async def finish_dialogues(self) -> None:
        """Let menus of a node that has stopped come to their end, which the listener limits (`Limits.drain_s`)."""
        if self._answering is not None:
            await asyncio.wait([self._answering])

    async def end_dialogues(self) -> None:
        """End what is left of the dialogues, after the node has led."""
        if self._answering is not None:
            self._answering.cancel()
            await asyncio.wait([self._answering])

    def events_login(self) -> Login:
        """Return the log-in of the AMI user that only listens."""
        return self._switch_settings().events

    def _tell_unreached(self, facts: Sequence[Fact]) -> None:
        """Tell callers of failed callbacks by short message, if there is a gateway."""
        if self._unreached is not None:
            self._unreached.note_facts(facts)

    def _update_desks(self, events: Sequence[Event], facts: Sequence[Fact]) -> None:
        """Bring open desks up to date after a turn of the engine."""
        if self._desk is not None:
            self._desk.note_turn(events, facts)

    def _watch_menu(self, contact: ContactId, node: str) -> None:
        """Tell the watched calls that a caller has come to a node of the menu. A node that asks nothing greets."""
        if self._desk is not None:
            self._desk.calls.note_menu(contact, greeting=isinstance(self._config.flow.nodes.get(node), Speech))

    def _watch_sentences(self, agi: FastAgi, sounds: Catalogue) -> None:
        """Tell the watched calls what callers hear, in a centre that shows it."""
        desk = self._desk if self._config.settings.desk.sentences else None
        told = None if desk is None else SentenceWatch(sounds, desk.calls.note_sentences).note_command
        agi.watch = told if self._history is None else self._history.watch_commands(told)

    async def _run_tasks(self, stack: AsyncExitStack, runner: Runner, agi: FastAgi, http: HttpServer,
                         desk: Desk, calendar: CentreCalendar, house: RunningNodeOperations,
                         read_past: Callable[[], Awaitable[None]]) -> None:
        async with asyncio.TaskGroup() as group:
            # 1. Tasks that need no address.
            tasks = [group.create_task(runner.run_forever(), name="runner"),
                     group.create_task(calendar.run_calendar(), name="calendar"),
                     group.create_task(run_supervised("recordings", self._talks.run_sweeps), name="recordings"),
                     group.create_task(run_supervised("reloads", lambda: house.run_reloads(self._again)), name="house"),
                     group.create_task(run_supervised("purge", self._night.run_nights), name="purge"),
                     group.create_task(run_supervised("reports", self._build_schedule().run_days), name="reports"),
                     group.create_task(run_supervised("preferences", self._wishes.run_sweeps), name="wishes"),
                     group.create_task(run_supervised("callbacks", self._hold.watch_release), name="hold"),
                     group.create_task(run_supervised("desk", desk.run_forever), name="desk")]
            # 2. Addresses, then Asterisk. Asterisk asks for calls at once, so AGI must listen before.
            await self._vacate()
            # Callers in the menu outlive the tasks: they go on while the node is suspended.
            dialogues = self._answering = asyncio.create_task(self._run_agi(agi), name="agi")
            tasks.append(group.create_task(self._watch_answering(), name="agi watch"))
            await self._wait_for_agi(agi, dialogues)
            self._answered = True
            address = await http.start_listening(self._config.settings.listen.http)
            stack.push_async_callback(http.stop_listening)
            tasks.append(group.create_task(self._channels.run(), name="channels"))
            await self._wait_for_asterisk()
            tasks.append(group.create_task(run_supervised("projections", read_past), name="projections"))
            # 3. Outgoing messages, then tell that the node is ready.
            if self._outbox is not None:
                tasks.append(group.create_task(run_supervised("mqtt", self._outbox.run), name="mqtt"))
            if self._sms is not None:
                tasks.append(group.create_task(run_supervised("messages", self._sms.send_forever), name="sms"))
            if not self._stop.is_set():
                self._announce_ready(address, agi)
                self._manager.notify_ready()
                await asyncio.to_thread(self._files.confirm_start)
            await self._stop.wait()
            # 4. Stop in reverse order: no new requests, then wait for the dialogues, then the tasks.
            log.info("node.stop_requested")
            self._manager.notify_stopping()
            await http.stop_listening()
            if self._hands_over() and (menus := self.suspend_dialogues()) is not None:
                # New callers ask the node that leads next. Menus of this one go on and decide nothing, so nobody waits
                # for their end without a leader.
                await agi.wait_closed()
                keep_only_menus(menus)
            else:
                agi.stop()
                await dialogues
            with suppress(StoreError):
                await self._wishes.sweep_expired()
            for task in tasks:
                task.cancel()

    # -- wiring --------------------------------------------------------------------------------------------------------

    def _build_runner(self, store: Store, told: Projections) -> Runner:
        runner = Runner(self._engine, store, clock=self._clock, execute=self._execute_commands,
                        projections=[told.note_facts, self._note_agents,
                                     log_phone_faults, log_ended_calls, self._tell_unreached,
                                     *([] if self._outbox is None else [self._outbox.note_facts]),
                                     *([] if self._history is None else [self._history.note_facts])],
                        measure=told.recorder.observe_decision, on_overflow=self._request_resync,
                        on_turn=self._manager.feed_watchdog, observe_turn=self._update_desks,
                        on_frozen=self._on_frozen)
        if self._manager.feed_every_s:
            runner.idle_s = self._manager.feed_every_s
        return runner

    async def _build_switch(self, store: Store, runner: Runner, numbers: NumberKeys, redirect: SipRedirect | None,
                            post_event: Callable[[Event], None]) -> AsteriskSession:
        def find_way_out(box: str) -> str:
            assert redirect is not None
            redirect.note_silence(self._switch.silent_dials)
            return redirect.dial_uri(lambda: self.to_call(numbers.decrypt_number(box)))

        return AsteriskSession(
            self._switch_settings(), post_event, self._live_calls, started=await store.read_value(ASTERISK_BEGAN),
            explained=float(await store.read_value(OUTAGES_READ) or self._clock()),
            remember=lambda *seen: self._note_start(runner, store, *seen), record=self._talks.file,
            way_out=None if redirect is None else find_way_out,
            clock=self._clock, agents=AgentSource(lambda: self._engine.centre, runner.agent_views),
            recorded=partial(find_recorded, store), may_act=store.may_act,
            watch=None if self._history is None else self._history.note_action)

    def _build_messages(self, store: Store, numbers: NumberKeys) -> None:
        """Build the outbox of short messages, and what tells callers of failed callbacks, if there is a gateway."""
        self._sms = sms_setup.build_outbox(self._config, self._secrets, store, numbers, Audit(self._state),
                                           self._clock)
        if self._sms is not None:
            self._unreached = UnreachedCallers(store, self._sms.request_message, numbers.decrypt_number,
                                               lambda: next(iter(self._config.settings.numbers)))

    async def _load_calendar(self, store: Store, runner: Runner) -> tuple[AnnouncementBoard, CentreCalendar]:
        """Load announcements, the surge switch and the hold of callbacks. Return the board, and the calendar that
        follows them."""
        board = AnnouncementBoard(store, self._state, lambda: self._config, time.time)
        await board.load_announcements()
        self._surge = SurgeSwitch(store, Audit(self._state), lambda: self._config, time.time)
        await self._surge.load_switch()
        self._hold = CallbackHold(store)
        await self._hold.load_hold()
        calendar = CentreCalendar(
            self._config, runner.post, closings=board.current_closings, away=self._remote_agents.numbers,
            surge=lambda: self._surge.profile, held=lambda: self._hold.on)
        board.changed = self._surge.changed = self._hold.changed = calendar.post_changes
        return board, calendar

    async def _load_desk(self, store: Store, runner: Runner, notices: NoticeBoard) -> Desk:
        """Load people, sessions and later notices. Return the desk, which shows the state of recordings."""
        pages = frozenset(self._config.settings.seats.page_names())
        desk = Desk(store, runner, Audit(self._state), self._clock, self._page_phones(), DeskSources(
            lambda seat: "page" if seat in pages else "own", self._switch.recordings.state_of),
            proxies=self._config.settings.desk.proxies, calls=CallSources(
                lambda: self._config.unrecorded, LiveAccounts(
                    self._engine, lambda: ZoneInfo(self._config.settings.centre.timezone)).explain_call),
            notices=notices)
        self._switch.recordings.on_change = desk.live.refresh_offer
        await desk.load()
        return desk

    def _open_recording_store(self, store: Store) -> RecordingStore:
        wanted = self._config.settings.recording
        return RecordingStore(self._state / "recordings", Path(self._config.settings.asterisk.spool),
                              self._secrets.folder / "recordings.json", store, keep_days=wanted.keep_days,
                              private=self._config.unrecorded)

    def _build_purge(self, store: Store, vault: RecordingStore, numbers: NumberKeys, runner: Runner) -> NightlyPurge:
        async def forget_caller(caller_hash: str) -> None:
            await runner.ask(CallerErased(caller_hash))

        data = CallerData(self._state, store, vault, numbers, self._state / self._config.settings.queue_log.path,
                          forget_caller, keys=self._secrets.folder / "recordings.json", notes=self._note_keys,
                          node=True, who=AUDIT_NAME)
        return NightlyPurge(store, data.purge_due, lambda: self._config.settings, time.time, runner.write_snapshot)

    def _build_schedule(self) -> ReportSchedule:
        command = mail_command(self._files.folder, self._files.overlay, self._state)
        return ReportSchedule(lambda: self._config.settings, command, time.time)

    async def _start_redirect(self, stack: AsyncExitStack) -> SipRedirect | None:
        """Start the server that tells Asterisk the number of a callback. Return None if there is no carrier."""
        ways, listen = self._config.settings.trunk.callback_ways, self._config.settings.listen.dial
        if not ways:
            return None
        redirect = SipRedirect(ways)
        try:
            await redirect.start_listening(*parse_address(listen))
        except OSError as error:
            raise AddressTaken(f"dial cannot listen on {listen}: {error.strerror}. End the other program, or set "
                               "another address at [listen] dial") from error
        stack.callback(redirect.stop_listening)
        return redirect

    def to_call(self, number: str) -> str:
        """Return the number of a caller who is dialled now, or raise NotDialable."""
        return recheck_dialable(number, self._config.settings.numbers)

    def _last_digits(self, numbers: NumberKeys, offer: OfferId) -> str | None:
        """Return the last two digits of the caller of an offer, or None if the centre shows none of them."""
        box = self._engine.encrypted_number(offer)
        if self._config.settings.desk.caller != "masked" or not box:
            return None
        try:
            return numbers.decrypt_number(box)[-2:]
        except KeyFileError:
            return None

    def _can_call(self, numbers: NumberKeys, offer: OfferId) -> bool:
        """Return whether the caller of an offer may be promised a callback.

        A caller without a number is permitted here, because the engine refuses it with its own reason.
        """
        box = self._engine.encrypted_number(offer)
        try:
            return not box or bool(self.to_call(numbers.decrypt_number(box)))
        except (NotDialable, KeyFileError):
            return False

    def _switch_settings(self) -> AsteriskSettings:
        settings, ami = self._config.settings, self._secrets.ami_secrets()
        host, port = parse_address(settings.asterisk.ami)
        return AsteriskSettings(
            NODE, Login(host, port, "santral-events", ami["events"], events="system,call"),
            Login(host, port, "santral-actions", ami["actions"]), next(iter(settings.numbers)),
            cel=Path(settings.asterisk.cel), seats=frozenset(settings.seats.all_names()),
            pages=frozenset(settings.seats.page_names()), remote_seats=frozenset(self._remote_agents.numbers),
            node_seats=frozenset(map(SeatId, settings.node_seats)),
            unknown_service=self._config.unknown_service, entry_services=self._config.entry_services,
            by_number=lambda number: self._config.by_number(number) or (None, None),
            line_classes=None if settings.lines is None else settings.lines.classes)

    def _build_dialogues(self, runner: Runner, sounds: Catalogue, numbers: NumberKeys, calendar: CentreCalendar,
                         board: AnnouncementBoard, archive: RecordingAccess, can_call: CanCall) -> Dialogues:
        config, surge = self._config, self._surge
        self._pins = self._secrets.agent_pins(config.agents)

        # PINs change with a reload, so read them at each check.
        async def check_pin(agent: AgentId, pin: str) -> bool:
            return compare_secret(pin, self._pins[agent])

        host, port = parse_address(config.settings.listen.agi)
        return Dialogues(
            runner, config.flow, sounds, config.ivr_settings(NODE), seal=numbers.encrypt_number, verify_pin=check_pin,
            agent_by_number=lambda number: self._config.sign_in.get(number), services=config.centre.services,
            host=host, port=port, limits=_agi_limits(config), key=self._secrets.agi_key(),
            clock=self._clock, spool=self._talks.vault.spool, keep=self._talks.vault.store_file,
            silence=archive.pause_by_keys,
            still=self._switch.orders.pause_recording,
            entry_now=lambda entry: surge.entry_in_force(entry, calendar.entry_in_force(entry)),
            announced=lambda: (*surge.current_announcements(), *board.current_announcements()),
            is_deflected=surge.is_deflected, surge=surge, require_on_duty=lambda agent: require_on_duty(
                self._config, agent, time.time(), surge.profile), is_open=calendar.is_open, opens_at=calendar.opens_at,
            keep_keyed=self._store_input, texts=None if self._sms is None else self._sms.request_message,
            texts_after_s=config.settings.sms.offer_after_s, wishes=self._wishes,
            by_number=lambda number: self._config.by_number(number), can_call=can_call,
            linked=lambda: self._switch.connected, is_shown=self._switch.expect_channel, watch_menu=self._watch_menu,
            callback_times=lambda service: find_windows(self._config, service, time.time(), board.current_closings()))

    async def _store_input(self, contact: ContactId, field: str, digest: str, box: str) -> None:
        """Store digits that a caller has keyed in.

        If the store fails, the digits are lost and an error is logged, because the caller must not wait.
        """
        try:
            await self._store.run_write(partial(
                caller_input.add_input, one=CallerInput(contact, field, digest, box, self._clock())))
        except StoreError as error:
            log.error("ivr.input_not_stored", contact=contact, field=field, why=str(error))

    def _page_phones(self) -> PagePhones:
        settings = self._config.settings
        turn = None if settings.turn.url is None else TurnRelay(settings.turn.url, self._secrets.turn_secret())
        return PagePhones(self._secrets.seat_secrets(settings.seats.web_names()),
                          self._secrets.seat_secrets(settings.seats.far_names()), settings.asterisk.http,
                          settings.desk.sip or "", turn)

    def _build_http_server(self, runner: Runner, told: Projections, agi: FastAgi,
                           house: RunningNodeOperations, tokens: Tokens, desk: Desk) -> HttpServer:
        # Gauges are set when they are read, so that no part has to report changes.
        recorder = told.recorder

        async def metrics_page() -> bytes:
            # A counter that grows while the past is read would look like a rush of calls.
            await told.up_to_date.wait()
            switch = self._switch
            recorder.set_asterisk(reconnects=switch.reconnects, mismatches=switch.mismatches, unseen=switch.unseen,
                                  events=switch.heard)
            recorder.set_lines(switch.lines, switch.line_refusals,
                               {} if (lines := self._config.settings.lines) is None else lines.limits())
            recorder.set_refused_calls(switch.refused_numbers, switch.line_refusals)
            recorder.set_seat_refusals(asterisk=switch.seat_refusals, page=desk.relay.calls_refused)
            recorder.set_files_good(files_good=house.last_known_good() is None and not house.unservable_needs())
            recorder.set_announcements(house.count_announcements())
            recorder.set_inbox(waiting=runner.waiting_count, dropped=runner.refused)
            recorder.set_agi_refusals(agi.counters.refusals())
            recorder.commands_refused(self._channels.refused)
            recorder.set_purged(self._night.purged_at)
            recorder.set_preferences(self._wishes.count_preferences())
            recorder.set_recordings(self._talks.done, possible=not self._talks.trouble)
            if (out := self._outbox) is not None:
                recorder.set_mqtt(connected=out.connected, behind=out.behind, signals=out.signals)
            if self._sms is not None:
                recorder.set_sms(self._sms.done, waiting=self._sms.waiting)
            return recorder.render_page(runner.status())

        def is_ready() -> tuple[bool, dict[str, bool]]:
            health = check_health(link_up=self._switch.connected, store_ok=runner.is_storing,
                                  agi_listening=not agi.stopping, closing=self._stop.is_set())
            return health.ok, health.parts

        return HttpServer(build_desk(runner, house, tokens, metrics_page, is_ready, version=VERSION, desk=desk,
                                       leads=self._store.may_act,
                                       answered=None if self._history is None else self._history.note_answer))

    async def _put_in_force(self, runner: Runner, calendar: CentreCalendar, dialogues: Dialogues, tokens: Tokens,
                            new: NewFiles) -> None:
        """Put new files of the centre in force, or raise an error and change nothing."""
        # 1. Steps that can fail. The engine is the last of them.
        config = new.config
        make_secrets(config, self._secrets)
        pins, known = self._secrets.agent_pins(config.agents), self._secrets.api_tokens(config.agents)
        await calendar.apply_config(config, runner.ask)
        # 2. Steps that cannot fail and do not wait, so no call sees half of the change.
        self._config, self._pins = config, pins
        dialogues.apply_centre(config.flow, config.centre.services, config.ivr_settings(NODE), new.sounds)
        self._watch_sentences(dialogues.server, new.sounds)
        tokens.replace_tokens(*known)
        vault = self._talks.vault
        self._talks.services, vault.private = config.recorded, config.unrecorded
        vault.keep_days = config.settings.recording.keep_days
        # The surge profile in force may have changed in the files too.
        calendar.post_changes()
        if self._outbox is not None:
            self._outbox.devices = mqtt_devices(config.centre, self._secrets)

    def _execute_commands(self, commands: Sequence[Command]) -> None:
        self._channels.execute(commands)

    def _note_agents(self, facts: Sequence[Fact]) -> None:
        """Have the members of the fallback queues compared, if an agent signed in or out, paused or came back."""
        if self._switch.fallback is not None and any(changes_members(fact) for fact in facts):
            self._switch.fallback.note_change()

    def _request_resync(self) -> None:
        self._switch.request_resync("the inbox was full")

    def _on_frozen(self) -> Sequence[Event]:
        """Have Asterisk's state read again. Meanwhile no ring counts as too long."""
        self._switch.request_resync("this process was frozen")
        return [LinkChanged(NODE, up=False)]

    def _live_calls(self) -> LiveCalls:
        return self._engine.live_contacts(), self._engine.live_offers()

    @staticmethod
    async def _note_start(runner: Runner, store: Store, started: str, explained: float) -> None:
        """Store the start time of Asterisk and the time of the last read of outage calls, after the events before.

        The runner handles events in order, so the answer to a later event proves that all earlier ones are stored. If
        this fails, it is done after the next connect.
        """
        with suppress(InboxClosed, TimeoutError, StoreError):
            await runner.ask(HoldTick(ContactId("")))
            await store.note_value(ASTERISK_BEGAN, started)
            await store.note_value(OUTAGES_READ, f"{explained:.3f}")

    # -- starting ------------------------------------------------------------------------------------------------------

    async def _watch_answering(self) -> None:
        assert self._answering is not None
        await asyncio.shield(self._answering)

    async def _run_agi(self, agi: FastAgi) -> None:
        try:
            await agi.run()
        except OSError as error:
            raise AddressTaken(f"agi cannot listen on {self._config.settings.listen.agi}: {error.strerror}. End the "
                               "other program, or set another address at [listen] agi") from error

    async def _wait_for_agi(self, agi: FastAgi, task: asyncio.Task[None]) -> None:
        listening = asyncio.create_task(agi.wait_listening(), name="agi.listening")
        await asyncio.wait({listening, task}, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            # AGI failed before it listened, so raise its error.
            listening.cancel()
            await task

    async def _wait_for_asterisk(self) -> None:
        """Wait for the first link to Asterisk. Later losses are handled by the session itself."""
        where = self._config.settings.asterisk.ami
        log.info("node.asterisk_awaited", ami=where)
        up = asyncio.create_task(self._up.wait(), name="asterisk up")
        stop = asyncio.create_task(self._stop.wait(), name="stop")
        done, waiting = await asyncio.wait({up, stop}, timeout=ASTERISK_S, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if not done:
            raise AsteriskFailure(f"Asterisk does not answer at {where} (AMI) within {ASTERISK_S:.0f} s. Does it run, "
                                  "is its manager.conf the rendered one, is [asterisk] ami right?")

    def _announce_ready(self, http: str, agi: FastAgi) -> None:
        where = {"http": http, "agi": f"{agi.address[0]}:{agi.address[1]}", "ami": self._config.settings.asterisk.ami}
        write_private(self._where, json.dumps(where))
        # The objects of a node live to its end. A full garbage collection went through all 175,000 of them, for 90 ms
        # of CPU without routing. A collection of newer objects takes 1 ms.
        gc.freeze()
        if self._history is not None:
            self._history.note_ready()
        log.info("node.ready", **where)
