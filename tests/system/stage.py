"""The people of one system test: agents signed in at their seats, callers, and what each of them heard.

Prompts are found in the
recordings by cross-correlation with the built files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from lab.faults.pbx import AsteriskFault
from lab.lifecycle import CENTRE, SOUNDS
from lab.pbx.fetch import find_asterisk
from lab.people.agent import SimAgent
from lab.phones import audio
from lab.phones.audio import Match, Samples
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from tests.until import LIMIT_S, until_async

THROUGH = "{key}@600ms,{key}@1200ms,{key}@1900ms"
"""Keys of a caller in a hurry: the choice cuts the greeting, the notice, the acknowledgement. The same key each time:
one that is pressed before the dialogue has begun (a machine under load) is lost, and the next does its work."""
COUNSELS = "psikososyal"
"""Skill of counsellors."""
WAV_HEADER = 44
"""Bytes before the samples."""
BEGIN_S = 1.5
"""Of a prompt that begins: enough to tell it from all others."""
LOOK_S = 0.1
"""Between two looks at a recording that grows."""
HEARS_S = 60.0
"""Until something is heard or done: the longest menu takes half of it, the words before a talk a quarter."""


class Stage:
    """The lab of one test, with words for the actions of callers and agents."""

    def __init__(self, lab: LabSession, folder: Path) -> None:
        self.lab = lab
        self.info = lab.info
        self.network = lab.network
        self.folder = folder
        self._names = 0

    # -- people --------------------------------------------------------------------------------------------------------

    async def agents(self, names: Iterable[str], behaviour: PhoneBehaviour | None = None) -> list[SimAgent]:
        """These agents sit down at their own seats, in this order, and act as told when it rings."""
        seats = [self.info.seat_of(name) for name in names]
        await self.network.register_phones({seat.endpoint: seat.secret for seat in seats})
        people = [await self.lab.sign_in_agent(seat.id, behaviour) for seat in seats]
        for person in people:
            await self.reaches(person, "ready")
        return people

    async def sits(self, name: str) -> SimAgent:
        """An agent at their own seat whose phone is somebody else's business."""
        person = SimAgent(self.info, self.network, name)
        await person.ask_as_agent("login", {"seat": person.seat})
        self.lab.people.append(person)
        await self.reaches(person, "ready")
        return person

    async def agent(self, name: str, behaviour: PhoneBehaviour | None = None) -> SimAgent:
        """One of them."""
        return (await self.agents([name], behaviour))[0]

    async def caller(self, press: str = "", *, tone: int | None = None, stay: float | None = None,
                     number: str | None = None) -> Leg:
        """Somebody calls the centre; what they hear is recorded."""
        self._names += 1
        return await self.network.place_call(self.info.numbers[0], caller=number, press=press, tone=tone, stay=stay,
                                       record=self.folder / f"caller-{self._names}.wav")

    async def hurried(self, key: str, *, tone: int | None = None, number: str | None = None) -> Leg:
        """A caller who chooses `key` without listening."""
        return await self.caller(THROUGH.format(key=key), tone=tone, number=number)

    async def dials(self, seat: str, code: str, press: str = "") -> Leg:
        """Dial a code on the phone of a seat. Return when that call is over. The sound is recorded."""
        self._names += 1
        leg = await self.network.place_call(code, seat=seat, press=press,
            record=self.folder / f"code-{self._names}.wav")
        await leg.wait_answered()
        await leg.wait_ended()
        return leg

    async def waiting(self, key: str, service: str, tone: int | None = None) -> Leg:
        """A hurried caller; returns when they wait for the service, behind all who did before."""
        before = (await self.lab.fetch_queue(service))["waiting"]
        leg = await self.hurried(key, tone=tone)
        await self.counts(service, before + 1)
        return leg

    async def press_number(self, phone: Leg, key: str, number: str, after: float = 0.0) -> None:
        """Press `*1` or `*3` in the talk and then the number, over the sentence that asks for it or this many seconds
        later. Earlier keys belong to the talk."""
        pbx = AsteriskFault(self.lab.folder, find_asterisk())

        async def asked() -> bool:
            return any((one.context, one.application) == ("santral-keys", "Read")
                       and one.name.startswith(f"PJSIP/{phone.seat}-")
                       for one in await asyncio.to_thread(pbx.list_channels))

        await phone.press_keys(key)
        await until_async(asked, what=f"{phone} is asked for a number; {phone.describe_moments()}")
        await asyncio.sleep(after)
        await phone.press_keys(number)

    # -- what the node says --------------------------------------------------------------------------------------------

    async def reaches(self, person: SimAgent, state: str, limit: float = HEARS_S) -> dict[str, Any]:
        """Wait until the agent is in this state; the agent as the node sees them."""
        async def there() -> dict[str, Any]:
            view = await person.fetch_view()
            return view if view["state"] == state else {}

        return await until_async(there, limit, f"{person.id} {state}")

    async def counts(self, service: str, waiting: int, limit: float = HEARS_S) -> None:
        """Wait until this many callers wait for the service."""
        async def there() -> bool:
            return bool((await self.lab.fetch_queue(service))["waiting"] == waiting)

        await until_async(there, limit, f"{waiting} waiting in {service}")

    async def newest(self) -> str:
        """Return the contact that came last. The node's answer is one commit ahead of the rows."""
        def there() -> str:
            rows = self.lab.query_store("select contact from contacts where outcome is null "
                                 "order by queued_at desc limit 1")
            return str(rows[0]["contact"]) if rows else ""

        return await until_async(there, what="a contact in the store")

    async def talk(self, phone: Leg, seconds: float = 1.5) -> None:
        """Wait until the phone's call is answered and recorded for this long."""
        await phone.wait_answered()
        assert phone.recording is not None
        path, size = phone.recording, int(seconds * audio.RATE * 2)
        await until_async(lambda: path.exists() and path.stat().st_size > size, seconds + LIMIT_S,
                          f"{seconds} s recorded")

    def closed(self, agent: str) -> tuple[str, str]:
        """State and reason of the agent's last offer, as the store has it."""
        rows = self.lab.query_store("select state, reason from offers where agent = ? order by offer desc limit 1",
            agent)
        return (str(rows[0]["state"]), str(rows[0]["reason"])) if rows else ("", "")

    def outcome(self, contact: str) -> str:
        """How a contact ended, as the store has it; empty while it has not."""
        rows = self.lab.query_store("select outcome from contacts where contact = ?", contact)
        return str(rows[0]["outcome"] or "") if rows else ""

    async def ended(self, contact: str) -> str:
        """The outcome, waiting for it."""
        return await until_async(lambda: self.outcome(contact), HEARS_S, f"outcome of {contact}")

    # -- sounds --------------------------------------------------------------------------------------------------------

    def heard(self, leg: Leg, *keys: str) -> list[Match]:
        """Each of these prompts is in the recording; where. Says which one is not."""
        assert leg.recording is not None
        recording = growing(leg.recording)
        found = [audio.find_prompt(prompt(key), recording) for key in keys]
        missing = {key: match for key, match in zip(keys, found, strict=True) if not match.found}
        heard_s = len(recording) / audio.RATE
        assert not missing, f"{leg} did not hear {missing} in {heard_s:.1f} s; {leg.describe_moments()}"
        return found

    async def hears(self, leg: Leg, key: str, limit: float = HEARS_S) -> None:
        """Until the caller has heard this prompt to its end."""
        await self._until_heard(leg, lambda samples: audio.find_prompt(prompt(key), samples).found, limit, key)

    async def hears_begin(self, leg: Leg, key: str, after: int = 0, limit: float = HEARS_S) -> None:
        """Until the caller has heard how this prompt begins, after this many samples of the recording."""
        begin = prompt(key)[: int(BEGIN_S * audio.RATE)]
        await self._until_heard(leg, lambda samples: audio.find_prompt(begin, samples[after:]).found, limit, key)

    @staticmethod
    def heard_so_far(leg: Leg) -> int:
        """Samples of the recording by now."""
        assert leg.recording is not None
        return len(growing(leg.recording))

    async def hears_twice(self, leg: Leg, key: str, limit: float = HEARS_S) -> None:
        """Until the caller has heard this prompt two times."""
        await self._until_heard(leg, lambda samples: _both(key, samples)[1].found, limit, f"{key} twice")

    async def hears_tone(self, leg: Leg, hertz: int, seconds: float = 1.0, limit: float = HEARS_S) -> None:
        """Until a tone was heard for this long: the other end speaks."""
        await self._until_heard(leg, lambda samples: audio.tone_s(samples, hertz) >= seconds, limit, f"{hertz} Hz")

    async def hears_music(self, leg: Leg, limit: float = HEARS_S) -> None:
        """Until a second of the hold music was heard."""
        await self._until_heard(leg, lambda samples: _music_s(samples[-4 * audio.RATE:]) >= 1, limit, "music")

    async def _until_heard(self, leg: Leg, there: Callable[[Samples], bool], limit: float, what: str) -> None:
        """Looks at each half second that the recording grows, since a look costs tens of milliseconds, and at what the
        end of the call adds."""
        path, end, seen = leg.recording, asyncio.get_running_loop().time() + limit, 0
        assert path is not None
        while True:
            size = path.stat().st_size if path.exists() else 0
            if size >= seen + (1 if leg.ended.is_set() else audio.RATE):
                seen = size
                if there(growing(path)):
                    return
            assert asyncio.get_running_loop().time() < end, (
                f"{leg} did not hear {what} in {limit} s: {leg.describe_moments()}")
            await asyncio.sleep(LOOK_S)

    def not_heard(self, leg: Leg, *keys: str) -> None:
        """None of these prompts is in the recording."""
        assert leg.recording is not None
        recording = growing(leg.recording)
        wrong = {key: match for key in keys if (match := audio.find_prompt(prompt(key), recording)).found}
        assert not wrong, f"{leg} heard {wrong}"

    def in_order(self, leg: Leg, *keys: str) -> list[Match]:
        """All of these prompts, one after the other."""
        found = self.heard(leg, *keys)
        offsets = [match.offset_s for match in found]
        assert offsets == sorted(offsets), f"{dict(zip(keys, offsets, strict=True))}"
        return found

    def twice(self, leg: Leg, key: str) -> tuple[Match, Match]:
        """The prompt is there two times; where, in order."""
        assert leg.recording is not None
        first, second = _both(key, growing(leg.recording))
        assert first.found and second.found, f"{leg} heard {key} not twice: {first}, {second}; {leg.describe_moments()}"
        return (first, second) if first.offset_s < second.offset_s else (second, first)

    @staticmethod
    def tone_s(leg: Leg, hertz: int) -> float:
        """Seconds of a tone in the recording so far."""
        assert leg.recording is not None
        return audio.tone_s(growing(leg.recording), hertz)


def _both(key: str, recording: Samples) -> tuple[Match, Match]:
    """Where a prompt is best found, and where when that is taken out."""
    first = audio.find_prompt(prompt(key), recording)
    start = int(first.offset_s * audio.RATE)
    recording[start: start + len(prompt(key))] = 0.0
    return first, audio.find_prompt(prompt(key), recording)


def written(folder: Path, without: set[str]) -> dict[Path, bytes]:
    """Return every file below a folder, without those of some folders. A file that a node removes meanwhile is none:
    the callers' own network, for example, knows whom it plays."""
    found = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file() and not path.is_symlink() and not without & set(path.relative_to(folder).parts):
                found[path] = path.read_bytes()
    return found


def growing(path: Path) -> Samples:
    """A recording so far; silence, when it has not begun: a line is answered a moment before. Asterisk writes the
    header of a WAV when it closes the file (formats/format_wav.c)."""
    data = path.read_bytes()[WAV_HEADER:] if path.exists() else b""
    if len(data) < 2:
        return np.zeros(1)
    return np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.float64)


@lru_cache(maxsize=64)
def prompt(key: str) -> Samples:
    """A built prompt, as it is heard; `en/<key>` in English."""
    return audio.read_wav(SOUNDS / (f"{key}.wav" if key.startswith("en/") else f"tr/{key}.wav"))


def length(key: str) -> float:
    """Seconds of a built prompt: it depends on the voice."""
    return len(prompt(key)) / audio.RATE


@lru_cache(maxsize=1)
def music() -> Samples:
    """The hold music with its beginning once more: a piece over the seam is found too."""
    whole = audio.read_wav(SOUNDS / "moh" / "santral.wav")
    return np.concatenate((whole, whole[: 4 * audio.RATE]))


def _music_s(samples: Samples) -> int:
    """Seconds of hold music: each second is looked for in the music."""
    pieces = [samples[at: at + audio.RATE] for at in range(0, len(samples) - audio.RATE, audio.RATE)]
    return sum(audio.root_mean_square(piece) > audio.QUIET_LEVEL
        and audio.find_prompt(piece, music()).found for piece in pieces)


def plain(skill: str, count: int, level: int = 60, *, alone: bool = True) -> list[str]:
    """Agents with this skill (alone, or others too) at this level or above, who need nothing special. Counsellors are
    kept free for callers in distress, so they are not among those of another skill."""
    special = {entry["agent"] for entry in
               yaml.safe_load((CENTRE / "accommodations.yaml").read_text(encoding="utf-8"))["accommodations"]}
    team = yaml.safe_load((CENTRE / "team.yaml").read_text(encoding="utf-8"))["agents"]
    found = [agent["id"] for agent in team if agent["skills"].get(skill, 0) >= level and agent["id"] not in special
             and (not alone or set(agent["skills"]) == {skill})
             and (skill == COUNSELS or COUNSELS not in agent["skills"])]
    assert len(found) >= count, f"only {len(found)} agents have {skill}"
    return found[:count]
