"""Which number of a caller counts: what carriers write into From, and what a caller can make of it."""

from __future__ import annotations

import re

import pytest

from lab import lifecycle
from lab.pbx.asterisk import PrivateAsterisk
from tests.fakes.sip_uac import Telephone
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

GIVEN: dict[bytes, str] = {
    b"<sip:05321234567@127.0.0.1>": "05321234567",
    b"<sips:+905321234567@127.0.0.1>": "+905321234567",
    b"sip:05321234567@127.0.0.1": "05321234567",
    b'"Ay\\"se" <sip:+905321234567@127.0.0.1:5070;user=phone>': "+905321234567",
    b"<sip:+905321234567;cpc=ordinary@127.0.0.1;user=phone>": "+905321234567",
    b"<sip:5321234567;phone-context=+90@127.0.0.1>": "5321234567",
    b"<sip:+90-532-123-45-67@127.0.0.1>": "+905321234567",
    b"<tel:+905321234567>": "+905321234567",
    b"tel:+905321234567": "+905321234567",
    b'"444" <tel:+90(532)123-45.67;cpc=payphone>': "+905321234567",
    b"<tel:05321234567;phone-context=+90>": "05321234567",
    b"<tel:5321234567;phone-context=carrier.example>": "5321234567",
    b"<SIP:05321234567@127.0.0.1>": "05321234567",
    b"<TEL:+905321234567>": "+905321234567",
    b"<sip:5321234567;Phone-Context=+90@127.0.0.1>": "5321234567",
}
"""From -> the number that the node is told: it knows how Turkish numbers are written."""

NONE = (
    b"<sip:anonymous@anonymous.invalid>", b"<sip:127.0.0.1>", b"<sip:ali@127.0.0.1>", b"<sip:12@127.0.0.1>",
    b"<sip:" + b"9" * 16 + b"@127.0.0.1>", b"<sip:0532x1234567@127.0.0.1>", b"<sip:x;y=05321234567@127.0.0.1>",
    b"<sip:%3c05321234567@127.0.0.1>", b"<sip:05321234567:secret@127.0.0.1>",
    b"<tel:30901820;phone-context=+49>", b"<tel:30901820;phone-context=+971>",
    b"<sip:30901820;Phone-Context=+49@127.0.0.1>", b"<TEL:30901820;PHONE-CONTEXT=+49>",
    b"<sip:05321112233):0@127.0.0.1>",
    # A name is the caller's own choice: what looks like an address in it is not theirs.
    b'"<sip:05001112233@x>" <sip:ali@127.0.0.1>', b'"x<sip:05001112233@" <sip:05321234567@127.0.0.1>',
    b'"x<sip:05001112233@):0" <sip:ali@127.0.0.1>',
    b'"05001112233" <sip:ali@127.0.0.1>', b'<sip:ali@127.0.0.1>;x="<sip:05001112233@y>"',
)
"""From of somebody whose number is not known."""

HIDES = (b"id", b"ID", b"Id;critical", b"USER", b"Header", b"session;iD", b"session ; Id ; critical")
SHOWS = (b"none", b"None", b"session", b"Session;Critical", b"history", b"idle", b"x-Id", b"Valid;user2", b"")
"""`Privacy` of who withholds the number, and of who does not (RFC 3323 4.2, RFC 3325 9.3: words, of any case)."""


@pytest.fixture
def lab_session(guarded_session: lifecycle.LabInfo) -> lifecycle.LabInfo:
    """A lab that an address besides the lab's own network may call."""
    return guarded_session


async def counts_as(carrier: Telephone, pbx: PrivateAsterisk, number: bytes, caller: bytes, more: bytes = b"") -> str:
    """The number that the node is told of a call with this From."""
    call = await carrier.call(number, caller=caller, more=more)
    assert call.status == 200, (caller, more, call.status)
    lines = pbx.run_console("core show channels concise").splitlines()
    channels = [line.partition("!")[0] for line in lines if "!" in line]
    assert len(channels) == 1, channels
    found = re.search(r"^SC_NUMBER=(.*)$", pbx.run_console(f"core show channel {channels[0]}"), re.MULTILINE)
    await call.bye()
    await until_async(lambda: "!" not in pbx.run_console("core show channels concise"), what="the call is over")
    return found[1].strip() if found else ""


async def test_a_number_counts_however_the_carrier_writes_it(
        stage: Stage, carrier: Telephone, pbx: PrivateAsterisk) -> None:
    number = stage.info.numbers[0].encode()
    told = {caller: await counts_as(carrier, pbx, number, caller) for caller in GIVEN}
    assert told == GIVEN


async def test_a_callers_number_may_be_that_of_a_phone_that_is_there(
        stage: Stage, carrier: Telephone, pbx: PrivateAsterisk) -> None:
    """The house's own exchange calls with four digits: had been asked for the phone's secret, and was lost."""
    seat = (await stage.agent(plain("uzaktan_egitim", 1)[0])).seat
    number = stage.info.numbers[0].encode()
    assert await counts_as(carrier, pbx, number, b"<sip:%b@127.0.0.1>" % seat.encode()) == seat


async def test_what_is_no_number_or_the_callers_own_word_is_anonymous(
        stage: Stage, carrier: Telephone, pbx: PrivateAsterisk) -> None:
    number = stage.info.numbers[0].encode()
    told = {caller: await counts_as(carrier, pbx, number, caller) for caller in NONE}
    assert told == dict.fromkeys(NONE, "anonymous")


async def test_a_number_is_withheld_in_letters_of_any_case(
        stage: Stage, carrier: Telephone, pbx: PrivateAsterisk) -> None:
    """Words of SIP are (RFC 3261 7.3.1); what is only a part of another word is none of them."""
    number, told = stage.info.numbers[0].encode(), {}
    for word in (*HIDES, *SHOWS):
        told[word] = await counts_as(carrier, pbx, number, b"<sip:05321234567@127.0.0.1>", b"Privacy: %b\r\n" % word)
    assert told == dict.fromkeys(HIDES, "anonymous") | dict.fromkeys(SHOWS, "05321234567")
