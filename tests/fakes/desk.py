"""A running API on loopback, with a fake inbox behind it and a client before it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from argon2 import PasswordHasher

from desk.api import models, note_models, own_models, views
from desk.api.node_operations import CannotAnnounce, PreferenceNotStored, UnknownCode, UnknownSurgeProfile
from desk.api.tokens import Role, Tokens
from desk.desk import Desk as NodeDesk
from desk.people import person_rows
from desk.people.passwords import Passwords
from desk.people.person_rows import Person
from desk.people.session_requests import COOKIE
from desk.phone.turn import TurnRelay
from desk.phone.web_seats import PagePhones
from desk.server import HttpServer, build_application
from metrics.prometheus.recorder import MetricsRecorder
from routing.core.events import Event
from routing.core.inbox import ContactAtHand, ContactView, QueueView, Status
from routing.core.model.centre_model import Channel, ContactState, Estimate, OfferState
from routing.core.model.errors import OffDuty, UnknownRecording
from routing.core.model.ids import AgentId, ContactId, OfferId, ServiceId
from routing.store.audit import Audit, AuditError
from routing.store.store import Store
from tests.fakes.inbox import Answer, FakeInbox, agent_view
from tests.fakes.team import named

SOUND = b"RIFF" + bytes(range(256)) * 1000
PEOPLE = {"a1": (Role.AGENT,), "a3": (Role.AGENT,), "a2": (Role.AGENT, Role.SUPERVISOR),
          "ayse": (Role.SUPERVISOR,), "omer": (Role.ADMIN,), "nil": (Role.NEEDS,), "ufuk": (Role.UNIT,)}
TOKENS = {Role.ADMIN: "adm-token", Role.SUPERVISOR: "sup-token", Role.AGENT: "own-token"}

PHONES = PagePhones({"3001": "secret-of-3001", "3002": "secret-of-3002"}, {}, "127.0.0.1:9",
                    turn=TurnRelay("turn:127.0.0.1:3478?transport=tcp", "shared"))
"""Page seats of the desk. Nothing listens at their Asterisk."""


AT_HAND = (ContactAtHand(ContactId("c1"), OfferId(7), Channel.VOICE, ServiceId("temsilci"), OfferState.ACCEPTED),
           ContactAtHand(ContactId("m2"), OfferId(8), Channel.CHAT, ServiceId("temsilci"), OfferState.ACCEPTED))
"""Contacts that the agent a1 has at hand: a call, and a message."""


class Desk:
    """A running API and a client."""

    def __init__(self, inbox: FakeInbox, house: House, base: str, http: aiohttp.ClientSession,
                 app: web.Application) -> None:
        self.inbox, self.house, self.base, self.http, self.app = inbox, house, base, http, app
        self.node: NodeDesk
        """Only with a folder: the real desk of a node, on a real store."""
        self.store: Store
        self.audit: Audit

    async def sign_in(self, person: str) -> dict[str, str]:
        """Return the headers that a browser of this person sends."""
        cookie = await self.node.sessions.open_session(person)
        assert cookie is not None
        return {"Cookie": f"{COOKIE}={cookie}", "Sec-Fetch-Site": "same-origin"}

    async def ask(self, method: str, path: str, role: Role | None = Role.SUPERVISOR, **how: Any) -> tuple[int, Any]:
        headers = {**how.pop("headers", {}), **({"Authorization": f"Bearer {TOKENS[role]}"} if role else {})}
        async with self.http.request(method, self.base + path, headers=headers, **how) as response:
            if response.content_type == "audio/wav":
                return response.status, await response.read()
            # A stream has no end: its first event is the answer.
            if response.content_type == "text/event-stream":
                return response.status, (await response.content.readuntil(b"\n\n")).decode()
            text = await response.text()
            return response.status, json.loads(text) if response.content_type == "application/json" else text


def answer(event: Event) -> Answer:
    return agent_view(getattr(event, "agent", ""), "2001")._replace(until=99.0, rna_count=3)


def announcement(id_: int, *, on: bool = True) -> models.Announcement:
    return models.Announcement(id=id_, service=None, prompt=None, text=f"Duyuru {id_}", recording=None, closes=False,
                               on=on, since=1000.0, until=None, by="supervisor ayse", ended_at=None if on else 2000.0,
                               ended_by="" if on else "admin")


class House:
    """Takes everything and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []
        self.callable = True
        self.instead: views.LastKnownGood | None = None
        self.left: list[str] = []
        self.refused: list[views.RefusedNumber] = []
        self.tables_in = "tr"
        self.given_up = 0
        self.off_duty: set[AgentId] = set()
        self.surge: str | None = None
        self.audit_fails = False
        self.wish: dict[str, Any] = {}
        self.acts: list[tuple[str, dict[str, object]]] = []
        """Acts of supervisors and admins, as the audit has them."""

    def last_known_good(self) -> views.LastKnownGood | None:
        return self.instead

    def language(self) -> str:
        return self.tables_in

    def refused_calls(self) -> list[views.RefusedNumber]:
        return self.refused

    def unservable_needs(self) -> list[str]:
        return self.left

    async def reload_centre(self, wanted: models.Reload, by: str) -> models.Reloaded:
        self.asked.append((by, wanted))
        if wanted.by == "kotu":
            return models.Reloaded(applied=False, changes=[], not_applied=[], problems=["menu.yaml:3: wrong. Fix it."],
                                   warnings=[])
        change = models.Change(part="services", item="temsilci", key="target_s", was="20.0", now="30.0")
        later = models.NotApplied(what="[seats]", how="restart the node")
        return models.Reloaded(applied=not wanted.dry_run, changes=[change], not_applied=[later], problems=[],
                               warnings=["team.yaml:1: hm. Look."])

    async def find_recordings(self, wanted: models.RecordingSearch, by: str) -> models.Recordings:
        self.asked.append((by, wanted))
        return models.Recordings(recordings=[models.Recording(
            id="20251125-0123456789abcdef", contact="1.7", kind="call", service="temsilci", agent="a1",
            at=1_764_000_000.0, seconds=65.0, keep_until=1_771_776_000.0)])

    async def read_recording(self, recording: str, by: str) -> AsyncGenerator[bytes, None]:
        self.asked.append((by, recording))
        if recording == "missing":
            raise UnknownRecording
        if recording == "endless":
            try:
                while True:
                    yield SOUND
            finally:
                self.given_up += 1
        yield SOUND[:10]
        if recording == "damaged":
            raise ValueError("damaged")
        yield SOUND[10:]

    def can_call(self, offer: OfferId) -> bool:
        return self.callable

    async def audit_act(self, who: str, what: str, **about: object) -> None:
        if self.audit_fails:
            raise AuditError("the audit log cannot be written")
        if what == "acted":
            self.acts.append((who, about))
            return
        self.asked.append((who, (what, about)))

    async def has_prompt(self, key: str) -> bool:
        return key == "bekleme-veda"

    def require_on_duty(self, agent: AgentId) -> None:
        if agent in self.off_duty:
            raise OffDuty

    def own_needs(self, agent: AgentId) -> models.OwnNeeds:
        own = models.Need(in_force=True, valid_from="2026-01-01", valid_to=None, review_at=None, approved_by="kurul",
                          needs={"ring_timeout_s": 30.0, "channels": ["chat", "email"]})
        return models.OwnNeeds(everybody={"wrapup_s": 20.0}, entries=[own] if agent == "a1" else [])

    async def pause_recording(self, agent: AgentId, on: bool, by: str, contact: ContactId | None = None) -> None:
        self.asked.append((by, (agent, on)))

    async def save_preference(self, contact: ContactId, wanted: models.CallerPreference) -> None:
        self.asked.append((contact, wanted))
        if contact == "anonim":
            raise PreferenceNotStored

    async def save_preferences(self, wanted: models.CallersPreferences) -> models.Changed:
        self.asked.append(("", wanted))
        return models.Changed(changed=len(wanted.hashes))

    def count_preferences(self) -> models.PreferenceCounts:
        return models.PreferenceCounts(slow=7, human_first=0, max_callers=200_000, expiry_days=365, enabled=True)

    async def erase_preferences(self, caller_hash: str) -> None:
        self.asked.append(("", caller_hash))

    async def start_announcement(self, wanted: models.Announce, by: str) -> models.Announcement:
        self.asked.append((by, wanted))
        if wanted.service == "yok":
            raise CannotAnnounce("no service 'yok'; there are temsilci")
        return announcement(7).model_copy(update={"until": wanted.until})

    async def end_announcement(self, wanted: models.AnnouncementEnd, by: str) -> models.Announcements:
        self.asked.append((by, wanted))
        return await self.list_announcements()

    async def list_announcements(self) -> models.Announcements:
        return models.Announcements(announcements=[announcement(7), announcement(6, on=False)], timezone="Asia/Tokyo")

    async def switch_surge(self, wanted: models.SurgeWanted, by: str) -> models.Surge:
        self.asked.append((by, wanted))
        if wanted.profile not in (None, "quake"):
            raise UnknownSurgeProfile(f"no surge profile '{wanted.profile}'; there are quake")
        self.surge = wanted.profile
        return self.surge_state()

    def surge_state(self) -> models.Surge:
        return models.Surge(profile=self.surge, since=1_795_569_100.0 if self.surge else None, by="supervisor ayse",
                            profiles=[models.SurgeProfile(id="quake", name="Deprem")])

    async def hang_up(self, agent: AgentId, contact: ContactId | None = None) -> None:
        self.asked.append(("", ("hangup", agent)))

    async def comfort(self, agent: AgentId) -> own_models.Comfort:
        values: dict[str, Any] = {"ear": "both", "gain_db": 0.0, "limiter": True, "verbosity": "normal",
                                  "ring": ["audio"]} | self.wish
        return own_models.Comfort(**values, chosen=sorted(self.wish))

    async def save_comfort(self, agent: AgentId, wish: own_models.ComfortWish) -> own_models.Comfort:
        self.wish = wish.model_dump(exclude_none=True)
        return await self.comfort(agent)

    async def own_day(self, agent: AgentId) -> own_models.OwnDay:
        return own_models.OwnDay(since=0.0, signed_in_s=3600.0, calls=3, talk_s=600.0, hold_s=10.0, wrapup_s=45.0,
                                 missed=1, breaks=[], breaks_kept=0, next_break_at=None)

    async def access_log(self, agent: AgentId) -> own_models.AccessLog:
        return own_models.AccessLog(shown=[], rules=[])

    def list_codes(self) -> note_models.AllCodes:
        return note_models.AllCodes(services=[note_models.ServiceCodes(service="temsilci", codes=[
            note_models.ServiceCode(id="bilgi", name="Bilgi verildi")])])

    async def save_note(self, agent: AgentId, wanted: note_models.NoteWanted) -> note_models.Note:
        self.asked.append((agent, wanted))
        if wanted.code == "yok":
            raise UnknownCode("service temsilci has no code 'yok'; it has bilgi")
        return note_models.Note(at=1000.0, code=wanted.code, text=wanted.text, mine=True)

    async def own_contacts(self, agent: AgentId) -> note_models.OwnContacts:
        return note_models.OwnContacts(contacts=[])

    async def callers_at_hand(self, agent: AgentId) -> note_models.CallersAtHand:
        return note_models.CallersAtHand(callers=[])

    def display_name(self, person: str) -> str:
        return f"{person.title()} Şahin"

    def timezone(self) -> str:
        return "Europe/Istanbul"

    def list_days(self) -> models.Days:
        return models.Days(days=[])


class Inbox(FakeInbox):
    """With a queue."""

    def status(self) -> Status:
        queue = QueueView("temsilci", "Temsilci", 2, 1, 3, 12.34, 6, 5,  # type: ignore[arg-type]
                          Estimate(20.0, 5.0, 41.23))
        return Status(1000.0, True, (queue,), self.agents, self.contacts[0])


QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Hashes that cost nothing, so that tests do not wait."""


async def add_people(store: Store) -> None:
    """Store `PEOPLE`."""
    for person, roles in PEOPLE.items():
        one = Person(person, f"{person.title()} Şahin", roles, disabled=False)
        await store.run_write(lambda connection, one=one: person_rows.put_person(connection, one, "", 0.0))  # type: ignore[misc]


@contextlib.asynccontextmanager
async def running(*answers: Any, ready: bool = True, folder: Path | None = None,
                  clock: Callable[[], float] = time.time, proxies: Iterable[str] = (),
                  phones: PagePhones = PHONES, hasher: PasswordHasher | None = None) -> AsyncIterator[Desk]:
    """Run the API. With a folder there are `PEOPLE` who can sign in."""
    inbox = Inbox(*(answers or (answer,)))
    inbox.contacts = [(ContactView("c1", "temsilci", Channel.VOICE, ContactState.ASSIGNED, 0, 0, 5.0, OfferId(7),  # type: ignore[arg-type]
                                   AgentId("a1"), False),
                       *(ContactView(name, "temsilci", Channel.VOICE, ContactState.PENDING, place, 2, waited, None,  # type: ignore[arg-type]
                                     None, False, True, tries=place - 1, not_before=1000.0 + 90.0 * (place - 1))
                         for name, place, waited in (("a2", 2, 60.0), ("a1", 1, 300.0))))]
    inbox.agents = (agent_view("a1", "2001")._replace(until=99.0, rna_count=3, offer=OfferId(7),
                                                           overrides=(("rest_gap", 2000.0),), offers=(OfferId(7),),
                                                           heavy_declined_until=150.0,
                                                           contact=ContactId("c1"), contacts=AT_HAND),
                    agent_view("a2", None))
    recorder = MetricsRecorder(named(["temsilci"], {"genel": 180}))
    tokens = Tokens("adm-token", "sup-token", {"a1": "own-token", "a2": "other-token"})
    house = House()
    async with contextlib.AsyncExitStack() as stack:
        node = None
        if folder is not None:
            store, audit = await Store.open_store(folder / "santral.db"), Audit(folder)
            stack.push_async_callback(store.close)
            await add_people(store)
            node = NodeDesk(store, inbox, audit, clock, phones, proxies=proxies, passwords=Passwords(hasher or QUICK))
            await node.load()
        app = build_application(
            inbox, house, tokens, lambda: recorder.render_page(inbox.status()), lambda: (ready, {"asterisk": ready}),
            desk=node)
        server = HttpServer(app)
        address = await server.start_listening("127.0.0.1:0")
        stack.push_async_callback(server.stop_listening)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        desk = Desk(inbox, house, f"http://{address}", http, app)
        if node is not None:
            desk.node, desk.store, desk.audit = node, store, audit
        yield desk
