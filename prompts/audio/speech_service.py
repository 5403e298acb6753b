"""Ask a speech service for the sound of a text: one in OpenAI's form, or the HTTP server of Piper.

A service fails in two ways. A sentence fails alone if the service does not manage this text. The service as a whole
stops if nothing else can succeed either: it is away, it refuses the key, or it answers in another format. Then no
further question is asked, so the build ends soon with one message.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from prompts.audio import sound_level
from prompts.audio.speech_answer import SoundLimits, WrongFormat, WrongSound, read_answer
from prompts.audio.speech_cache import FOLDER, SpeechCache
from prompts.errors import ServiceStopped, VoiceError
from prompts.verbalise.spoken_length import spoken_bounds

BACKOFF_S = (1.0, 2.0, 4.0, 8.0)
"""Pauses between the tries of one sentence. A service that restarts is back within these 15 s."""
LONGEST_PAUSE_S = 120.0
"""Longest pause that a service may ask for by Retry-After. A person waits for the build."""
LOST_MAX = 3
"""Sentences in a row that fail after all tries. Then the service is taken as stopped."""
REFUSAL_BYTES = 4096
TOLD_LETTERS = 200
"""Bytes of a refusal that are read, and letters of it in the message."""

BUSY = 429
REFUSES_KEY = (401, 403)
SERVER_ERROR = 500


class SpeechPlan(NamedTuple):
    """Settings of the service."""

    url: str
    form: str
    """`openai` or `piper`."""
    model: str | None
    voices: Mapping[str, str]
    """Name of the voice of each language that the service speaks."""
    key: str | None
    """Secret of the service. It is in no message."""
    ca: str | None
    timeout_s: float
    where: str
    """`file:line` of the address."""

    def __repr__(self) -> str:
        return f"SpeechPlan({self.url!r})"


class TryAgain(Exception):
    """One try failed, and another may succeed."""

    def __init__(self, why: str, pause_s: float | None = None, *, away: bool = False) -> None:
        super().__init__(why)
        self.pause_s = pause_s
        """Pause that the service asks for."""
        self.away = away
        """Whether the service took no question at all."""


class SpeechService:
    """Client of one service for all languages and threads of a build."""

    def __init__(self, plan: SpeechPlan, cache: SpeechCache | None = None,
                 backoff_s: Sequence[float] | None = None) -> None:
        self.plan, self._cache = plan, cache
        self._backoff_s = BACKOFF_S if backoff_s is None else backoff_s
        self._guard = threading.Lock()
        self._stopped = ""
        self._lost = 0
        self._not_before = 0.0
        self._context: ssl.SSLContext | None = None
        if cache is not None:
            cache.drop_oldest()

    def make_sound(self, text: str, language: str, pace: float) -> Any:
        """Return the sound of a text as a segment of pydub, from the cache or the service.

        Raise ServiceStopped if no text can be spoken, and VoiceError if this one cannot.
        """
        body = self._build_question(text, language, pace)
        name = hashlib.sha256(f"{self.plan.form} {self.plan.url} ".encode() + body).hexdigest()
        if self._cache is not None and (kept := self._cache.find_sound(name)) is not None:
            return kept
        shortest, longest = spoken_bounds(text, language)
        segment = self._try_often(body, SoundLimits(shortest, longest / min(pace, 1.0)))
        if self._cache is not None:
            self._cache.keep_sound(name, segment)
        return segment

    def _try_often(self, body: bytes, limits: SoundLimits) -> Any:
        """Ask until an answer is good, with pauses. Raise as `make_sound` does."""
        last = TryAgain("")
        for pause_s in (*self._backoff_s, None):
            self._wait_turn()
            try:
                segment = read_answer(asyncio.run(self._ask(body, limits.most_bytes)), limits)
            except WrongFormat as error:
                raise self._stop(str(error)) from error
            except WrongSound as error:
                last = TryAgain(str(error))
            except TryAgain as error:
                last = error
            else:
                with self._guard:
                    self._lost = 0
                return segment
            if pause_s is not None:
                self._ask_later(last, pause_s)
        # All tries failed. One sentence may be at fault, several in a row are not.
        with self._guard:
            self._lost += 1
            many = self._lost >= LOST_MAX
        why = f"{last} ({len(self._backoff_s) + 1} tries)"
        if last.away or many:
            raise self._stop(why)
        raise VoiceError(f"the speech service at {self._host}: {why}")

    def _wait_turn(self) -> None:
        """Wait until the service may be asked again. Raise ServiceStopped if it has stopped."""
        while True:
            with self._guard:
                if self._stopped:
                    raise ServiceStopped(self._stopped)
                left = self._not_before - time.monotonic()
            if left <= 0:
                return
            time.sleep(left)

    def _ask_later(self, failed: TryAgain, pause_s: float) -> None:
        """Pause before the next try. The pause that a service asks for holds for all threads."""
        if failed.pause_s is None:
            time.sleep(pause_s)
            return
        if failed.pause_s > LONGEST_PAUSE_S:
            raise self._stop(f"{failed}, and asks to wait {failed.pause_s:.0f} s")
        with self._guard:
            self._not_before = max(self._not_before, time.monotonic() + failed.pause_s)

    def _stop(self, why: str) -> ServiceStopped:
        """Return the error that this and all further sentences get, in the same words."""
        with self._guard:
            self._stopped = self._stopped or (
                f"{self.plan.where}: the speech service at {self._host} cannot be used: {why}. Finished sounds are "
                "kept; build again when it works")
            return ServiceStopped(self._stopped)

    @property
    def _host(self) -> str:
        return urlsplit(self.plan.url).netloc

    def _build_question(self, text: str, language: str, pace: float) -> bytes:
        voice = self.plan.voices[language]
        asked: dict[str, object] = (
            {"text": text, "voice": voice, "length_scale": round(1 / pace, 3)} if self.plan.form == "piper" else
            {"model": self.plan.model, "input": text, "voice": voice, "response_format": "wav", "speed": pace})
        return json.dumps(asked, ensure_ascii=False, sort_keys=True).encode()

    async def _ask(self, body: bytes, most_bytes: int) -> bytes:
        """Return the whole answer to one question. Raise TryAgain, or ServiceStopped if no try can succeed."""
        # Imported here, because it takes a third of a second, and most commands never ask.
        import aiohttp

        headers = {"Content-Type": "application/json", "Accept": "audio/wav"}
        if self.plan.key is not None:
            headers["Authorization"] = f"Bearer {self.plan.key}"
        timeout = aiohttp.ClientTimeout(total=self.plan.timeout_s)
        try:
            connector = aiohttp.TCPConnector(ssl=self._tls(), force_close=True)
            async with aiohttp.ClientSession(connector=connector, timeout=timeout,
                                             cookie_jar=aiohttp.DummyCookieJar(), headers=headers) as session, \
                    session.post(self.plan.url, data=body, allow_redirects=False) as response:
                if response.status != 200:
                    try:
                        words = await response.content.readexactly(REFUSAL_BYTES)
                    except asyncio.IncompleteReadError as error:
                        words = error.partial
                    raise self._explain_refusal(response.status, words, response.headers.get("Retry-After"))
                return await self._read_bounded(response, most_bytes)
        except aiohttp.ClientConnectorCertificateError as error:
            raise self._stop("its certificate is not trusted; name its authorities at [voice] ca") from error
        except aiohttp.ClientConnectorError as error:
            raise TryAgain(f"it does not answer ({error.strerror or 'no connection'})", away=True) from error
        except TimeoutError as error:
            raise TryAgain(f"it did not answer within {self.plan.timeout_s:.0f} s ([voice] timeout_s)") from error
        except aiohttp.ClientError as error:
            raise TryAgain(f"its answer is cut off ({type(error).__name__})") from error

    @staticmethod
    async def _read_bounded(response: Any, most_bytes: int) -> bytes:
        found = bytearray()
        async for piece in response.content.iter_any():
            found += piece
            if len(found) > most_bytes:
                raise TryAgain("it answers with more sound than this text takes")
        return bytes(found)

    def _explain_refusal(self, status: int, words: bytes, retry_after: str | None) -> Exception:
        """Return the error for an answer that is no sound."""
        if status == BUSY or status >= SERVER_ERROR:
            return TryAgain(f"it answers {status}", _read_pause(retry_after), away=status == BUSY)
        if status in REFUSES_KEY:
            # Such an answer may repeat the key, so its words are not shown.
            return self._stop(f"it answers {status}: it refuses the key at [voice] key_file")
        said = " ".join(words.decode("utf-8", "replace").split())
        if self.plan.key is not None:
            said = said.replace(self.plan.key, "…")
        said = "".join(filter(str.isprintable, said))[:TOLD_LETTERS]
        return self._stop(f"it answers {status}" + (f": {said}" if said else ""))

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            try:
                self._context = ssl.create_default_context(cafile=self.plan.ca)
            except OSError as error:
                raise self._stop(f"the authorities at [voice] ca cannot be used ({type(error).__name__})") from error
        return self._context


class ServiceVoice:
    """Voice of one language of a service."""

    backend = "service"
    speed: float = 1.0

    def __init__(self, service: SpeechService, language: str) -> None:
        plan = service.plan
        self._service, self._language = service, language
        self.name = " ".join(filter(None, (plan.form, plan.model, plan.voices[language])))
        self.identity = f"{self.name} {plan.url}"

    def speak_text(self, text: str, out: Path, pace: float) -> None:
        """Speak a text, see `Voice`."""
        sound_level.save_wav(self._service.make_sound(text, self._language, pace), out)


def service_voices(plan: SpeechPlan, sounds: Path | None = None) -> dict[str, ServiceVoice]:
    """Return the voices of a service by language. Their sounds are kept in the folder of sounds."""
    service = SpeechService(plan, SpeechCache(sounds / FOLDER) if sounds is not None else None)
    return {language: ServiceVoice(service, language) for language in plan.voices}


def _read_pause(text: str | None) -> float | None:
    """Return the seconds of a Retry-After, which is a number or a date."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
