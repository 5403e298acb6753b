"""Make the events that hand a caller to the engine, from the menu or from the channel's variables after a restart."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping

from ivr import dialplan
from ivr.agi.session import Session
from ivr.caller.identity import CallerIdentity, EncryptNumber
from ivr.flow.field_reader import MAX_PRIORITY
from ivr.flow.menu_model import Needs
from ivr.settings import IvrSettings
from prompts.verbalise.number_prompts import LANGUAGE, LANGUAGES
from routing.core.events import ContactQueued
from routing.core.model.centre_model import Service
from routing.core.model.ids import ContactId, ServiceId, SkillId

MAX_WAIT_S = 24 * 3600.0
"""Longest credible wait. An earlier start is ignored, because nobody waits a day."""
_NEEDS = re.compile(r"[A-Za-z0-9_./-]{1,40}:[0-9]{1,3}(,[A-Za-z0-9_./-]{1,40}:[0-9]{1,3}){0,7}\Z", re.ASCII)
_TOPICS = re.compile(r"[A-Za-z0-9_./-]{1,40}(,[A-Za-z0-9_./-]{1,40}){0,7}\Z", re.ASCII)
_UNIQUEID = re.compile(r"[A-Za-z0-9_.-]{1,80}\Z")

IsShown = Callable[[ContactId], bool]
"""Return whether Asterisk has shown the channel of a contact that is queued next."""


def contact_of(session: Session) -> ContactId:
    """Return the contact named by the caller's channel. Raise ValueError if Asterisk did not report the channel."""
    if _UNIQUEID.match(session.uniqueid) is None:
        raise ValueError("the AGI environment has no usable agi_uniqueid")
    return ContactId(session.uniqueid)


def always_shown(contact: ContactId) -> bool:
    """Return True, for dialogues without an Asterisk."""
    return True


class ContactEvents:
    """Maker of `ContactQueued` events. It encrypts the number, so that nothing behind it sees the number itself."""

    def __init__(self, services: Iterable[Service], human: str, settings: IvrSettings, seal: EncryptNumber,
                 is_shown: IsShown = always_shown) -> None:
        self.services: Mapping[str, Service] = {}
        self.human, self.settings, self.seal, self.is_shown = human, settings, seal, is_shown
        self.apply_centre(services, human, settings)

    def apply_centre(self, services: Iterable[Service], human: str, settings: IvrSettings) -> None:
        """Replace services and settings. Callers whose service has disappeared go to the service `human`."""
        self.services = {str(service.id): service for service in services}
        self.human, self.settings = human, settings

    def queued_event(self, session: Session, who: CallerIdentity, service: str, since: float, priority: int, slow: bool,
               needs: Needs = (), language: str = LANGUAGE, topics: Iterable[str] = (),
               words_s: float = 0.0) -> ContactQueued:
        """Return the event for a caller who begins to wait, and hears words for `words_s` first. The event of an
        anonymous service has no number.

        Hand it over at once: Asterisk may show the channel meanwhile.
        """
        contact = contact_of(session)
        digest, box = ("", "") if self.services[service].anonymous else who.hash_and_encrypted
        return ContactQueued(contact, ServiceId(service), leg=session.channel, since=since,
                             priority=priority, caller_hash=digest, number_encrypted=box, slow=slow,
                             node=self.settings.node,
                             needs=tuple((SkillId(skill), level) for skill, level in needs),
                             topics=frozenset(topics), language="" if language == LANGUAGE else language,
                             shown=self.is_shown(contact), words_s=words_s)

    def identify_number(self, number: str | None) -> CallerIdentity:
        """Return the identity of a caller with this number, as the channel reports it (`dialplan.NUMBER`)."""
        return CallerIdentity(number, self.settings.region, self.seal)

    async def identify_caller(self, session: Session) -> CallerIdentity:
        """Return the identity of the caller on this channel."""
        return self.identify_number(await session.get_variable(dialplan.NUMBER))

    async def requeued_event(self, session: Session, now: float) -> ContactQueued:
        """Return the event for a caller whom the engine does not know, or has forgotten.

        Variables of the channel are not trusted. A value that does not fit is replaced: the service by the human one,
        the start by now, the points by none.
        """
        service, began, ranked, slow, needs, language, topics, number = await session.get_variables(
            dialplan.SERVICE, dialplan.SINCE, dialplan.PRIORITY, dialplan.SLOW, dialplan.NEEDS, dialplan.LANGUAGE,
            dialplan.TOPICS, dialplan.NUMBER)
        since, points = _parse_number(began), _parse_number(ranked)
        # A service that a reload removed must not stop its callers from waiting.
        if service not in self.services:
            service = self.human
        if since is None or not now - MAX_WAIT_S <= since <= now:
            since = now
        priority = int(points) if points is not None and 0 <= points <= 2 * MAX_PRIORITY else 0
        return self.queued_event(session, self.identify_number(number), service, since, priority, slow == "1",
                                 parse_needs(needs), parse_language(language), parse_topics(topics))


def parse_language(text: str | None) -> str:
    """Return the language in a channel variable, or the first language if the variable names no spoken one."""
    return text if text in LANGUAGES else LANGUAGE


def format_needs(needs: Needs) -> str:
    """Return the needs as the text of a channel variable: `en:1,isaret:50`."""
    return ",".join(f"{skill}:{level}" for skill, level in needs)


def parse_needs(text: str | None) -> Needs:
    """Return the needs in a channel variable, or none if its text is not in the format of `format_needs`."""
    if not text or _NEEDS.match(text) is None:
        return ()
    return tuple((skill, int(level)) for skill, _, level in (one.partition(":") for one in text.split(",")))


def parse_topics(text: str | None) -> tuple[str, ...]:
    """Return the topics in a channel variable, or none if its text is not a list of topics."""
    return tuple(text.split(",")) if text and _TOPICS.match(text) is not None else ()


def _parse_number(text: str | None) -> float | None:
    if not text or len(text) > 20 or re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII) is None:
        return None
    value = float(text)
    return value if math.isfinite(value) else None
