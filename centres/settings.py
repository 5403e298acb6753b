"""The shape of `santral.toml`, with the overlay of the machine laid over it."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from centres.days import Calendar
from centres.model import (
    DAY_MIN,
    Carrier,
    Channel,
    Day,
    Entry,
    File,
    HostPort,
    Label,
    Name,
    Network,
    Number,
    Port,
    ServiceId,
    Shape,
    SipUser,
    Text,
    WallTime,
    Week,
    zone,
)
from centres.team import Needs


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"should be a regular expression: {error}") from None
    return text


LOOPBACK = ("127.0.0.1", "[::1]", "localhost")

class Identity(Shape):
    """[centre]"""

    name: Text
    language: Literal["tr"] = "tr"
    """What callers hear. Prompts exist in Turkish."""
    timezone: Annotated[str, AfterValidator(zone)] = "Europe/Istanbul"


OTHERS = {
    "agi": "where this machine's Asterisk asks: at any other address a network could speak as Asterisk",
    "http": "with a proxy with TLS in front of it: at any other address tokens would pass in the clear",
    "dial": "where this machine's Asterisk asks: at any other address a network could ask for callers' numbers"}
"""Why a node listens to its own machine alone."""


class Listen(Shape):
    """[listen]: where this node listens. Port 0: any free one."""

    agi: HostPort = "127.0.0.1:4573"
    http: HostPort = "127.0.0.1:8063"
    dial: HostPort = "127.0.0.1:0"
    """SIP over UDP: here Asterisk asks for the number of a caller who is called back."""

    @field_validator("agi", "http", "dial")
    @classmethod
    def _stays_here(cls, at: str, field: ValidationInfo) -> str:
        name, host = str(field.field_name), at.rpartition(":")[0].strip("[]")
        try:
            found = ip_address("127.0.0.1" if host == "localhost" else host)
            here = found.is_loopback and (name != "dial" or found.version == 4)
        except ValueError:
            here = False
        if not here:
            raise ValueError(f"should be at 127.0.0.1, {OTHERS[name]}")
        return at


class Asterisk(Shape):
    """[asterisk]: the Asterisk this node works with, paths as Asterisk sees them."""

    ami: HostPort = "127.0.0.1:5038"
    metrics: HostPort | None = None
    """Where Asterisk tells its own metrics (`res_prometheus`), on this machine; left out: nowhere."""
    sip: HostPort = "127.0.0.1:5060"
    """Where Asterisk takes SIP."""
    rtp_start: Port = 10000
    rtp_end: Port = 20000
    sounds: File = "/var/lib/santral/sounds"
    """Root of the prompts: `<sounds>/tr/<key>.wav`."""
    music: File = "/var/lib/santral/sounds/moh"
    cel: File = "/var/log/asterisk/cel-custom/santral.csv"
    """The black box: ids, event and time of every channel, read after every gap."""
    spool: File = "/run/santral-spool"
    """Where talks and messages are plain until the node has sealed them: a folder in memory, for these two alone."""
    agi: Annotated[tuple[HostPort, ...], Field(min_length=1, max_length=2)] = ("127.0.0.1:4573",)
    """The nodes the dialplan asks, the second when the first does not answer."""

    @model_validator(mode="after")
    def _ports(self) -> Self:
        if self.rtp_end - self.rtp_start < 3:
            raise ValueError("rtp_end should be at least 3 above rtp_start: a call needs four ports")
        return self


class Registration(Shape):
    """[trunk.registration]: for carriers that want us to register. The password stands in the node's secrets."""

    server: Carrier
    user: SipUser


class Trunk(Shape):
    """[trunk]: where callers come from, and where calls to remote counsellors go out."""

    match: tuple[Network, ...] = ()
    """Addresses of the carrier: nobody else may dial in."""
    registration: Registration | None = None
    outgoing: Carrier | None = None
    """Where calls to remote counsellors go out; left out: to the registration's server."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if not self.match and self.registration is None:
            raise ValueError("needs 'match' (addresses of the carrier) or [trunk.registration]")
        return self

    @property
    def way_out(self) -> str | None:
        """Where calls go out; None: nowhere."""
        return self.outgoing or (self.registration.server if self.registration else None)


class Seats(Shape):
    """[seats]: the agents' phones, `first`, `first` + 1, ... Each is an endpoint."""

    first: Annotated[int, Field(ge=10, le=999_999, strict=True)] = 2001
    count: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 1

    def names(self) -> tuple[str, ...]:
        """Endpoint names of all seats."""
        return tuple(str(number) for number in range(self.first, self.first + self.count))


class Store(Shape):
    """[store]"""

    url: File = "sqlite:///santral.db"
    """SQLAlchemy's form. A relative SQLite path is inside the node's state folder."""


class Hours(Week):
    """[hours]: `always = true`, or spans for each day; a day without spans is closed."""

    always: bool = False
    closed: Name | None = None
    """Entry of the menu for callers who come in outside the spans, or while the line is closed for once."""

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.always and self.some():
            raise ValueError("says 'always' and gives spans too; keep one of them")
        if not self.always and not self.some():
            raise ValueError("is never open; write 'always = true' or spans for the days")
        return self

    def spans(self, day: Day) -> tuple[tuple[int, int], ...]:
        """As of any week."""
        return ((0, DAY_MIN),) if self.always else super().spans(day)


class Wait(Shape):
    """[wait]: the hold loop of the dialplan."""

    tick_s: Annotated[int, Field(ge=2, le=15, strict=True)] = 15
    """A waiting caller asks the node this often; a caller must never be unknown for longer."""
    step_s: Annotated[int, Field(ge=1, le=10, strict=True)] = 5
    """Limit of one such question; a frozen node holds a caller no longer."""
    max_fails: Annotated[int, Field(ge=1, le=20, strict=True)] = 4
    """Unanswered questions in a row before the safety net."""
    announce_s: Annotated[int, Field(ge=15, le=600, strict=True)] = 60
    """Shortest time between two comfort sentences to the same caller."""


class Routing(Shape):
    """[routing]: what holds for the whole centre. Field by field the engine's `Centre`."""

    costs: dict[Channel, Annotated[int, Field(ge=1, le=100, strict=True)]] = {}
    """Units of an agent's capacity (100) that one contact takes, by channel; not named: as shipped."""
    interruptible: frozenset[Channel] = frozenset({"social", "email", "task"})
    """A call may come while contacts of these channels are under way: they are held meanwhile."""
    load_half_life_s: Annotated[float, Field(ge=60, le=86_400)] = 5400.0
    occupied_half_life_s: Annotated[float, Field(ge=60, le=86_400)] = 3600.0
    decompression_s: Annotated[float, Field(ge=0, le=3600)] = 600.0
    """Rest after a contact of load 4 or more; the agent may end it."""
    spared_s: Annotated[float, Field(ge=60, le=7200)] = 900.0
    """How long "not now" keeps heavy contacts away from an agent."""
    abusive_days: Annotated[float, Field(gt=0, le=1826)] = 180.0
    """An agent's word that a caller was abusive counts for so long, for who has `no_abusive_history`."""
    micro_break_s: Annotated[float, Field(ge=60, le=1800)] = 300.0
    reacts_s: Annotated[float, Field(ge=1, le=10)] = 2.0
    """A phone that was told to ring and did not say so within this time is gone."""

    @field_validator("interruptible")
    @classmethod
    def _not_calls(cls, channels: frozenset[str]) -> frozenset[str]:
        if "voice" in channels:
            raise ValueError("may not hold voice: a call is never interrupted")
        return channels


class QueueLog(Shape):
    """[queue_log]"""

    path: File = "queue_log"
    """Relative: inside the node's state folder."""
    callerid: Literal["none", "masked", "full"] = "none"
    compat: Literal["none", "asternic"] = "none"
    """`asternic`: the legacy TRANSFER stands beside BLINDTRANSFER and ATTENDEDTRANSFER: Asternic knows no other."""
    rotate: Literal["never", "daily"] = "never"
    """A new file for each day of the centre's clock. A reader that does not follow misses the end of the old one."""
    rotate_mb: Annotated[int | None, Field(ge=1, le=10_000, strict=True)] = None
    """And when the file is as long as this."""
    keep_days: Annotated[int | None, Field(ge=1, le=3_660, strict=True)] = None
    """Of rotated files; left out: none is deleted."""

    @model_validator(mode="after")
    def _something_to_delete(self) -> Self:
        if self.keep_days is not None and self.rotate == "never" and self.rotate_mb is None:
            raise ValueError('keep_days deletes files that Santral has rotated: it needs rotate = "daily" or rotate_mb')
        return self


class Mqtt(Shape):
    """[mqtt]: what happens goes to a broker too."""

    broker: HostPort | None = None
    """Left out: nothing is sent."""
    tls: bool = True
    """Off only for a broker on the same machine."""
    ca: File | None = None
    """Authorities that may have signed its certificate; left out: those of the system."""

    @model_validator(mode="after")
    def _plain_stays_here(self) -> Self:
        host = "" if self.broker is None else self.broker.rpartition(":")[0]
        if not self.tls and host not in LOOPBACK:
            raise ValueError("'tls' may be false only for a broker at 127.0.0.1, [::1] or localhost: elsewhere the "
                             "password would cross a network in the clear")
        return self


class Sms(Shape):
    """[sms]: the operator's own gateway for short messages, asked by HTTP POST. What is secret of it (headers, fields)
    stands in the node's secrets."""

    url: File | None = None
    """https, or http at this machine; left out: none is sent."""
    ca: File | None = None
    """Authorities that may have signed its certificate; left out: those of the system."""
    body: Literal["json", "form"] = "json"
    number_field: Name = "to"
    text_field: Name = "text"
    number_form: Literal["plus", "digits", "national"] = "plus"
    """+905321234567, 905321234567 or 5321234567."""
    sender_field: Name = "from"
    sender: Text | None = None
    """Title that callers see; left out: the field is not sent."""
    fields: Annotated[dict[Name, str | int | bool], Field(max_length=20)] = {}
    """Others, always the same."""
    accepted: Annotated[str, AfterValidator(_pattern)] | None = None
    """Regular expression that the answer begins with when the gateway has taken a message; left out: any answer 2xx."""
    timeout_s: Annotated[float, Field(ge=1, le=60)] = 10.0
    offer_after_s: Annotated[float, Field(ge=0, le=3600)] = 25.0
    """Who waits so long for a service hears the key; it works from the beginning."""
    per_minute: Annotated[int, Field(ge=1, le=6000, strict=True)] = 60
    """Messages of the centre in a minute; more are refused."""
    again_h: Annotated[float, Field(ge=1, le=720)] = 24.0
    """Within it no caller gets the same message twice."""
    expires_min: Annotated[float, Field(ge=1, le=720)] = 15.0
    """What the gateway has not taken by then is not sent: it would come when nobody thinks of it any more."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.url is None:
            return self
        where = urlsplit(self.url)
        try:
            host, _ = where.hostname, where.port
        except ValueError:
            host = None
        if where.scheme not in ("http", "https") or not host or where.username is not None or where.fragment:
            raise ValueError("'url' should be https://host/path; a password stands in the node's secrets")
        if where.scheme == "http" and host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("'url' may be http only at 127.0.0.1, [::1] or localhost: elsewhere numbers and password "
                             "would cross a network in the clear")
        named = [self.number_field, self.text_field, *([self.sender_field] if self.sender else []), *self.fields]
        if len(set(named)) != len(named):
            raise ValueError("names one field twice")
        return self


class Net(Shape):
    """[net]: the safety net, an app_queue with these phones that needs no node."""

    seats: Annotated[tuple[Name, ...], Field(min_length=1, max_length=200)]


class Callback(Shape):
    """[callback]: callers who are called back."""

    quiet_from: WallTime = "21:00"
    quiet_to: WallTime = "09:00"
    """Between these nobody is called but who wants it; the same twice: at any time."""


class Recording(Shape):
    """[recording]: what is kept of talks and spoken messages."""

    talks: bool = False
    """Talks are recorded, of callers who heard the notice and did not refuse."""
    services: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """Whose talks; left out: of all that are not private or anonymous."""
    keep_days: Annotated[float, Field(ge=1, le=3660)] = 90.0
    """Then a recording is destroyed."""


class Privacy(Shape):
    """[privacy]: how long what tells who somebody is is kept. `santral privacy purge` destroys the rest."""

    numbers_days: Annotated[float, Field(ge=1, le=3660)] = 180.0
    """Callers' numbers."""
    journal_days: Annotated[float, Field(ge=1, le=3660)] = 366.0
    """Journal and facts, up to a start of a node: a replay begins there."""


class Wishes(Shape):
    """[wishes]: what callers asked to be remembered for their later calls: slow speech, a person at once."""

    kept: bool = False
    """Callers who used slow speech are asked once in a call, and what they, agents and operators say is kept."""
    forgotten_days: Annotated[int, Field(ge=30, le=3660, strict=True)] = 365
    """Without a call of theirs."""
    most: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = 200_000
    """Callers: all of them are in the node's memory, 150 bytes each."""


class PauseReason(Shape):
    """[pause_reasons]: one row, `id = {...}`. Field by field the engine's `PauseReason`."""

    tr: Text
    """What agents and supervisors read."""
    en: Text
    prompt: Name | None = None
    """The sentence that offers the reason on the phone, with its key."""
    digit: Annotated[int | None, Field(ge=0, le=9, strict=True)] = None
    """Key of the phone after the code for a pause."""
    work: bool = False
    """The time counts as work, not as a rest."""
    limit_min: Annotated[float | None, Field(gt=0, le=1440)] = None
    """After so many minutes the agent is shown as over the limit; left out: no limit."""
    default: bool = False
    """Breaks that the engine begins have this reason."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.digit is None) != (self.prompt is None):
            raise ValueError("needs 'digit' and 'prompt' together: the prompt says which key to press")
        if self.default and self.work:
            raise ValueError("is the default and counts as work: breaks that the engine begins are rests")
        return self


class Settings(Shape):
    """santral.toml, with the overlay of the machine laid over it."""

    centre: Identity
    numbers: Annotated[dict[Number, Entry], Field(min_length=1)]
    """Called number -> entry of the menu."""
    listen: Listen = Listen()
    asterisk: Asterisk = Asterisk()
    trunk: Trunk
    seats: Seats
    store: Store = Store()
    hours: Hours
    wait: Wait = Wait()
    queue_log: QueueLog = QueueLog()
    mqtt: Mqtt = Mqtt()
    sms: Sms = Sms()
    net: Net
    transfer: dict[Label, Number] = {}
    """Outside numbers that the menu may lead callers to, by their names. It reaches nothing else outside."""
    calendar: Calendar = Calendar()
    callback: Callback = Callback()
    recording: Recording = Recording()
    privacy: Privacy = Privacy()
    wishes: Wishes = Wishes()
    routing: Routing = Routing()
    pause_reasons: Annotated[dict[ServiceId, PauseReason], Field(min_length=1, max_length=40)] = {
        "mola": PauseReason(tr="Mola", en="Break", default=True)}
    """Id -> why agents pause."""
    profile: Needs = Needs()
    """[profile]: what holds for every agent; an accommodation is laid over it."""
