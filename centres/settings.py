"""Define the shape of `santral.toml`, with the overlay of the machine over it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator, model_validator

from centres.alerts import Alerts, Mail
from centres.base_shapes import (
    DAY_MIN,
    Channel,
    Day,
    Entry,
    File,
    HostPort,
    Label,
    Name,
    Number,
    ServiceId,
    Shape,
    Text,
    WallTime,
    Week,
    require_url,
    require_zone,
)
from centres.calendar_days import Calendar
from centres.callback import Callback
from centres.desk import Desk, Turn
from centres.lines import Lines
from centres.reports import Reports
from centres.seats import Seats
from centres.sms import Sms
from centres.surge import Surge
from centres.team import Needs
from centres.trunk import Asterisk, Trunk

LOOPBACK = ("127.0.0.1", "[::1]", "localhost")

Case = Literal["dative", "locative", "ablative", "genitive", "accusative", "instrumental"]
"""Cases in which prompts name the centre; a test compares them with those of the verbaliser."""


class Identity(Shape):
    """[centre]"""

    name: Text
    """Name of the centre. Prompts say it for `{centre}`, in a case for `{centre:dative}`."""
    spoken: Text | None = None
    """How the name is said, in Turkish letters: for foreign names and abbreviations."""
    english: Text | None = None
    """Name in English prompts. Left out: the Turkish one."""
    forms: dict[Case, Text] = {}
    """Cases of the name that Santral does not know, such as `{ dative = "Acme'ye" }`."""
    language: Literal["tr", "en"] = "tr"
    """Language of tables, status, explanations, reports, alerts and runbooks. Callers hear Turkish first."""
    timezone: Annotated[str, AfterValidator(require_zone)] = "Europe/Istanbul"
    """Clock of all times in these files."""


OTHERS = {
    "agi": "where this machine's Asterisk asks: at any other address a network could speak as Asterisk",
    "http": "with a proxy with TLS in front of it: at any other address tokens would pass in the clear",
    "dial": "where this machine's Asterisk asks: at any other address a network could ask for callers' numbers"}
"""Why a node listens on its own machine only, by key."""


class Listen(Shape):
    """[listen]: where this node listens. Port 0: any free one."""

    agi: HostPort = "127.0.0.1:4573"
    """Where the dialplan asks this node."""
    http: HostPort = "127.0.0.1:8063"
    """API, `/metrics` and `/health`; other machines need a proxy with TLS."""
    dial: HostPort = "127.0.0.1:0"
    """Where this machine's Asterisk asks for the number of a callback, by SIP over UDP."""

    @field_validator("agi", "http", "dial")
    @classmethod
    def _require_loopback(cls, at: str, field: ValidationInfo) -> str:
        name, host = str(field.field_name), at.rpartition(":")[0].strip("[]")
        try:
            # A name other than localhost is refused: it could resolve to another address tomorrow.
            found = ip_address("127.0.0.1" if host == "localhost" else host)
            # The small SIP server for callbacks speaks IPv4 only.
            here = found.is_loopback and (name != "dial" or found.version == 4)
        except ValueError:
            here = False
        if not here:
            raise ValueError(f"should be at 127.0.0.1, {OTHERS[name]}")
        return at


class Store(Shape):
    """[store]"""

    url: File = "sqlite:///santral.db"
    """SQLAlchemy URL; a relative SQLite path is inside the state folder."""
    patience_s: Annotated[float, Field(ge=0, le=600)] = 60.0
    """PostgreSQL: longest time without the database for which callers hear comfort. Then comes the fallback queue."""
    require_standby: bool = False
    """Lead only on a PostgreSQL with a synchronous standby; not with two servers, of which one may be away."""


class Hours(Week):
    """[hours]: `always = true`, or spans for each day; a day without spans is closed."""

    always: bool = False
    """Open day and night; excludes spans."""
    closed: Name | None = None
    """Entry for callers outside the spans or during a closure; no called number leads to it."""

    @model_validator(mode="after")
    def _require_either(self) -> Self:
        if self.always and self.has_spans():
            raise ValueError("says 'always' and gives spans too; keep one of them")
        if not self.always and not self.has_spans():
            raise ValueError("is never open; write 'always = true' or spans for the days")
        return self

    def spans_on(self, day: Day) -> tuple[tuple[int, int], ...]:
        """Return the spans of a day. A line that is always open has one span of the whole day."""
        return ((0, DAY_MIN),) if self.always else super().spans_on(day)


class Wait(Shape):
    """[wait]: the hold loop of the dialplan."""

    tick_s: Annotated[int, Field(ge=2, le=15, strict=True)] = 15
    """Interval at which a waiting caller asks the node."""
    step_s: Annotated[int, Field(ge=1, le=10, strict=True)] = 5
    """Limit of one question to the node."""
    max_fails: Annotated[int, Field(ge=1, le=20, strict=True)] = 4
    """Unanswered questions in a row before the fallback queue."""
    announce_s: Annotated[int, Field(ge=15, le=600, strict=True)] = 60
    """Shortest time between two comfort sentences."""


class Routing(Shape):
    """[routing]: settings of the whole centre. Its fields match those of the engine's `Centre`."""

    costs: dict[Channel, Annotated[int, Field(ge=1, le=100, strict=True)]] = {}
    """Capacity units that one contact takes; default: voice 100, chat and social 33, email and task 50."""
    interruptible: frozenset[Channel] = frozenset({"social", "email", "task"})
    """Channels that a call may interrupt; never voice."""
    load_half_life_s: Annotated[float, Field(ge=60, le=86_400)] = 5400.0
    """Half-life of the distress load."""
    occupied_half_life_s: Annotated[float, Field(ge=60, le=86_400)] = 3600.0
    """Half-life of the handled time of `least_occupied`."""
    decompression_s: Annotated[float, Field(ge=0, le=3600)] = 600.0
    """Rest after a contact of load 4 or more; the agent may end it."""
    heavy_declined_s: Annotated[float, Field(ge=60, le=7200)] = 900.0
    """Duration of "no heavy contacts now"."""
    abusive_days: Annotated[float, Field(gt=0, le=1826)] = 180.0
    """Duration of the flag "abusive caller"; at most `[privacy] numbers_days`."""
    micro_break_s: Annotated[float, Field(ge=60, le=1800)] = 300.0
    """Length of the short break that `max_continuous_s` starts."""
    phone_reacts_s: Annotated[float, Field(ge=1, le=10)] = 2.0
    """A phone that does not report ringing within this time is unreachable for a minute."""
    second_phone_s: Annotated[float, Field(ge=3, le=60)] = 7.0
    """In distress a second phone rings after this time, and a third after twice that, while the first one rings on."""

    @field_validator("interruptible")
    @classmethod
    def _reject_calls(cls, channels: frozenset[str]) -> frozenset[str]:
        if "voice" in channels:
            raise ValueError("may not hold voice: a call is never interrupted")
        return channels


class QueueLog(Shape):
    """[queue_log]"""

    path: File = "queue_log"
    """A relative path is inside the state folder."""
    callerid: Literal["none", "masked", "full"] = "none"
    """The caller's number in `ENTERQUEUE`; anonymous services never show it."""
    compat: Literal["none", "asternic"] = "none"
    """`asternic` also writes the old verb `TRANSFER`."""
    rotate: Literal["never", "daily"] = "never"
    """`daily`: a new file at the first line after midnight."""
    rotate_mb: Annotated[int | None, Field(ge=1, le=10_000, strict=True)] = None
    """A new file at this size in megabytes."""
    keep_days: Annotated[int | None, Field(ge=1, le=3_660, strict=True)] = None
    """Age at which rotated files are deleted; left out: never. Needs `rotate` or `rotate_mb`."""

    @model_validator(mode="after")
    def _require_rotation(self) -> Self:
        # Deleting files that another program rotates would be a surprise.
        if self.keep_days is not None and self.rotate == "never" and self.rotate_mb is None:
            raise ValueError('keep_days deletes files that Santral has rotated: it needs rotate = "daily" or rotate_mb')
        return self


class Mqtt(Shape):
    """[mqtt]: events also go to an MQTT broker."""

    broker: HostPort | None = None
    """Left out: nothing is sent."""
    tls: bool = True
    """`false` only for a broker on this machine."""
    ca: File | None = None
    """Authorities for the broker's certificate; left out: the system's."""

    @model_validator(mode="after")
    def _require_tls(self) -> Self:
        # The password travels in the first packet, so only the loopback may go without TLS.
        host = "" if self.broker is None else self.broker.rpartition(":")[0]
        if not self.tls and host not in LOOPBACK:
            raise ValueError("'tls' may be false only for a broker at 127.0.0.1, [::1] or localhost: elsewhere the "
                             "password would cross a network in the clear")
        return self


class Voice(Shape):
    """[voice]: a speech service that says the prompts of a build. Nobody asks it during a call."""

    url: File | None = None
    """Address of the service: https, or http on this machine; left out: a voice of this machine speaks."""
    form: Literal["openai", "piper"] = "openai"
    """`openai`: `…/v1/audio/speech`; `piper`: the HTTP server of Piper."""
    model: Text | None = None
    """Model that an OpenAI form names."""
    voices: dict[Literal["tr", "en"], Text] = {}
    """Name of the service's voice by language; a language left out is spoken by this machine."""
    key_file: File | None = None
    """Absolute path of a file of mode 0600 with the service's key."""
    ca: File | None = None
    """Authorities for the service's certificate; left out: the system's."""
    timeout_s: Annotated[float, Field(ge=1, le=300)] = 60.0
    """Limit of one sentence."""

    @model_validator(mode="after")
    def _require_consistent(self) -> Self:
        if self.url is None:
            return self
        require_url(self.url, "the file at 'key_file'", "somebody could change what callers hear")
        if not self.voices:
            raise ValueError('\'url\' needs the voice of a language: voices = { tr = "..." }')
        if self.form == "openai" and self.model is None:
            raise ValueError("'model' is needed by the OpenAI form")
        if self.key_file is not None and not self.key_file.startswith("/"):
            raise ValueError("'key_file' should be an absolute path outside the centre's files")
        return self


class Fallback(Shape):
    """[fallback]: the fallback queues, which take the callers while no node answers."""

    unknown: Name | None = None
    """Service of callers who have not chosen one; left out: `human` of the menu."""


class Recording(Shape):
    """[recording]: which talks and spoken messages are kept."""

    talks: bool = False
    """Record talks of callers who heard the notice and did not refuse."""
    services: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """Services that are recorded; left out: all with `privacy` `normal`."""
    keep_days: Annotated[float, Field(ge=1, le=3660)] = 90.0
    """Age at which recordings are destroyed."""


NOTICE_PATTERN = r"^[a-z0-9-]+(\.[a-z0-9-]+)+(/[a-z0-9-]+)*$"
"""An address that a voice can dictate: small letters, digits, hyphens, full stops and slashes."""


class Privacy(Shape):
    """[privacy]: how long personal data is kept. The node destroys older data nightly."""

    notice: Annotated[str, StringConstraints(pattern=NOTICE_PATTERN, max_length=60)] = ""
    """Address of the full privacy notice, as `example.org/kvkk`; callers hear it. Left out: not said."""
    purge_at: WallTime = "03:30"
    """Quiet hour in which the node destroys older data."""
    numbers_days: Annotated[float, Field(ge=1, le=3660)] = 180.0
    """Retention of callers' numbers and digits."""
    journal_days: Annotated[float, Field(ge=1, le=3660)] = 30.0
    """Retention of the journal, from which `replay` and `why` decide again."""
    facts_days: Annotated[float, Field(ge=1, le=3660)] = 366.0
    """Retention of facts, from which reports are made."""


class Preferences(Shape):
    """[preferences]: wishes of callers for later calls, such as slow speech or a person at once."""

    enabled: bool = False
    """Store and follow caller preferences."""
    expiry_days: Annotated[int, Field(ge=30, le=3660, strict=True)] = 365
    """Days without a call before preferences are deleted."""
    max_callers: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = 200_000
    """Limit of remembered callers; each takes 150 bytes of memory."""


class PauseReason(Shape):
    """[pause_reasons]: one row, `id = {...}`. Its fields match those of the engine's `PauseReason`."""

    tr: Text
    """Name that agents and supervisors read."""
    en: Text
    prompt: Name | None = None
    """Sentence that offers the reason on the phone, with its key."""
    digit: Annotated[int | None, Field(ge=0, le=9, strict=True)] = None
    """Key of the phone after the code for a pause."""
    work: bool = False
    """The time counts as work, not as a rest."""
    limit_min: Annotated[float | None, Field(gt=0, le=1440)] = None
    """Minutes after which the agent is shown as over the limit; left out: no limit."""
    default: bool = False
    """Reason of breaks that the engine begins."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.digit is None) != (self.prompt is None):
            raise ValueError("needs 'digit' and 'prompt' together: the prompt says which key to press")
        # A break of the engine protects the agent; counted as work it would not end the time without a break.
        if self.default and self.work:
            raise ValueError("is the default and counts as work: breaks that the engine begins are rests")
        return self


class Settings(Shape):
    """santral.toml, with the overlay of the machine laid over it."""

    centre: Identity
    numbers: Annotated[dict[Number, Entry], Field(min_length=1)]
    """Called number, in any of its notations (`0…`, `+90…`) = entry of the menu. Other numbers are refused."""
    listen: Listen = Listen()
    asterisk: Asterisk = Asterisk()
    trunk: Trunk
    lines: Lines | None = None
    surge: Surge = Surge()
    seats: Seats
    store: Store = Store()
    desk: Desk = Desk()
    turn: Turn = Turn()
    hours: Hours
    wait: Wait = Wait()
    queue_log: QueueLog = QueueLog()
    mqtt: Mqtt = Mqtt()
    sms: Sms = Sms()
    mail: Mail = Mail()
    alerts: Alerts = Alerts()
    fallback: Fallback = Fallback()
    transfer: dict[Label, Number] = {}
    """Label = external number that the menu may transfer to. Needs `outgoing`. A label is not `back` or one letter."""
    calendar: Calendar = Calendar()
    callback: Callback = Callback()
    voice: Voice = Voice()
    recording: Recording = Recording()
    privacy: Privacy = Privacy()
    reports: Reports = Reports()
    preferences: Preferences = Preferences()
    routing: Routing = Routing()
    pause_reasons: Annotated[dict[ServiceId, PauseReason], Field(min_length=1, max_length=40)] = {
        "mola": PauseReason(tr="Mola", en="Break", default=True)}
    """Id -> reason of a pause."""
    profile: Needs = Needs()
    """[profile]: defaults for every agent; an accommodation overrides them."""

    @model_validator(mode="after")
    def _require_mail_server(self) -> Self:
        named = [table for table, people in (("alerts", self.alerts.mail or self.alerts.manager_mail),
                                             ("reports", self.reports.to)) if people]
        if named and self.mail.server is None:
            raise ValueError(f"[{named[0]}] has mail addresses, but no server takes mail: add [mail] with 'server' and "
                             "'sender'")
        return self

    @property
    def ringing_seats(self) -> tuple[str, ...]:
        """Seats that ring without a node: phones, and pages that the TLS proxy leads past the node."""
        return self.seats.seat_names() if self.desk.sip is None else self.seats.all_names()

    @property
    def node_seats(self) -> tuple[str, ...]:
        """Seats that ring only while a node runs: pages that the node leads to Asterisk."""
        return self.seats.page_names() if self.desk.sip is None else ()
