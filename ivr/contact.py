"""A caller handed to the engine: what the menu knows, or what the channel's variables still tell after a restart."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from ivr import dialplan
from ivr.agi.session import Session
from ivr.caller import Caller, Seal
from ivr.config import IvrSettings
from ivr.flow.fields import MAX_PRIORITY
from ivr.flow.model import Needs
from prompts.say import LANGUAGE, LANGUAGES
from routing.core.events import ContactQueued
from routing.core.ids import ContactId, ServiceId, SkillId
from routing.core.model import Service

MAX_WAIT_S = 24 * 3600.0
"""A start of the wait further back is no true one: nobody waits a day."""
_NEEDS = re.compile(r"[A-Za-z0-9_./-]{1,40}:[0-9]{1,3}(,[A-Za-z0-9_./-]{1,40}:[0-9]{1,3}){0,7}\Z", re.ASCII)
_TOPICS = re.compile(r"[A-Za-z0-9_./-]{1,40}(,[A-Za-z0-9_./-]{1,40}){0,7}\Z", re.ASCII)
_UNIQUEID = re.compile(r"[A-Za-z0-9_.-]{1,80}\Z")


def contact_of(session: Session) -> ContactId:
    """The caller's channel names the contact. ValueError when Asterisk did not tell it."""
    if _UNIQUEID.match(session.uniqueid) is None:
        raise ValueError("the AGI environment has no usable agi_uniqueid")
    return ContactId(session.uniqueid)


class Contacts:
    """Makes `ContactQueued`. The number is sealed here and goes no further."""

    def __init__(self, services: Iterable[Service], human: str, settings: IvrSettings, seal: Seal) -> None:
        self.services: Mapping[str, Service] = {}
        self.human, self.settings, self.seal = human, settings, seal
        self.change(services, human, settings)

    def change(self, services: Iterable[Service], human: str, settings: IvrSettings) -> None:
        """Other services and settings from now on; `human` is the service for those whose own is gone."""
        self.services = {str(service.id): service for service in services}
        self.human, self.settings = human, settings

    def queued(self, session: Session, who: Caller, service: str, since: float, priority: int, slow: bool,
               needs: Needs = (), language: str = LANGUAGE, topics: Iterable[str] = ()) -> ContactQueued:
        """The event for a caller who begins to wait; of an anonymous service without the number."""
        digest, box = ("", "") if self.services[service].anonymous else who.sealed
        return ContactQueued(contact_of(session), ServiceId(service), leg=session.channel, since=since,
                             priority=priority, caller_hash=digest, caller_box=box, slow=slow, node=self.settings.node,
                             needs=tuple((SkillId(skill), level) for skill, level in needs),
                             topics=frozenset(topics), language="" if language == LANGUAGE else language)

    def caller(self, number: str | None) -> Caller:
        """Who has this number, as the channel tells it (`dialplan.NUMBER`)."""
        return Caller(number, self.settings.region, self.seal)

    async def calling(self, session: Session) -> Caller:
        """Who is at the other end."""
        return self.caller(await session.get_variable(dialplan.NUMBER))

    async def again(self, session: Session, now: float) -> ContactQueued:
        """The event for a caller the engine does not know (any more). Variables of the channel are not trusted: what
        does not fit becomes the human service, now, no points."""
        service, began, ranked, slow, needs, language, topics, number = await session.get_variables(
            dialplan.SERVICE, dialplan.SINCE, dialplan.PRIORITY, dialplan.SLOW, dialplan.NEEDS, dialplan.LANGUAGE,
            dialplan.TOPICS, dialplan.NUMBER)
        since, points = _number(began), _number(ranked)
        if service not in self.services:
            service = self.human
        if since is None or not now - MAX_WAIT_S <= since <= now:
            since = now
        priority = int(points) if points is not None and 0 <= points <= 2 * MAX_PRIORITY else 0
        return self.queued(session, self.caller(number), service, since, priority, slow == "1", told_needs(needs),
                           told_language(language), told_topics(topics))


def told_language(text: str | None) -> str:
    """What a caller hears, by that variable of the channel; the first language when it says nothing, or nothing that is
    spoken."""
    return text if text in LANGUAGES else LANGUAGE


def spoken_needs(needs: Needs) -> str:
    """As a variable of the channel has them: `en:1,isaret:50`."""
    return ",".join(f"{skill}:{level}" for skill, level in needs)


def told_needs(text: str | None) -> Needs:
    """What such a variable says; nothing when it is not as we write it."""
    if not text or _NEEDS.match(text) is None:
        return ()
    return tuple((skill, int(level)) for skill, _, level in (one.partition(":") for one in text.split(",")))


def told_topics(text: str | None) -> tuple[str, ...]:
    """What such a variable says; nothing when it is not as we write it."""
    return tuple(text.split(",")) if text and _TOPICS.match(text) is not None else ()


def _number(text: str | None) -> float | None:
    if not text or len(text) > 20 or re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII) is None:
        return None
    value = float(text)
    return value if math.isfinite(value) else None
