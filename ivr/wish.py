"""What callers wish for their later calls: slow speech (rule I8), a person at once (rule I20). Only for who asked for
it, and for nobody whose number is withheld, who is in distress or calls an anonymous service."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ivr import dialplan
from ivr.agi.session import Session
from ivr.config import USUAL
from ivr.contact import Contacts
from routing.core.ids import ContactId

OFFER, KEPT, NOT_KEPT = "yavas-hatirlansin-mi", "yavas-hatirlanacak", "yavas-hatirlanamadi"
OWN_PROMPTS = (OFFER, KEPT, NOT_KEPT)
YES_KEY = "1"


class Wish(NamedTuple):
    """Of one caller."""

    slow: bool = False
    human_first: bool = False


class Wishes(Protocol):
    """Callers by the keyed hashes of their numbers. All but `keep` and `keep_for` is a look into memory."""

    @property
    def kept(self) -> bool:
        """Whether the centre keeps wishes at all."""
        ...

    def of(self, caller_hash: str) -> Wish:
        """What this caller has asked for."""
        ...

    def called(self, caller_hash: str) -> None:
        """They have called: their wish is not forgotten for a while."""
        ...

    async def keep(self, caller_hash: str, *, slow: bool | None = None, human_first: bool | None = None) -> bool:
        """Keep a wish, or let go of it; None: as it was. False: it could not be."""
        ...

    async def keep_for(self, contact: ContactId, *, slow: bool | None = None, human_first: bool | None = None) -> bool:
        """The same for the caller of a contact. False too when nobody knows who that is."""
        ...


class NoWishes:
    """The `Wishes` of a centre that keeps none."""

    kept = False

    def of(self, caller_hash: str) -> Wish:
        """Nothing."""
        return Wish()

    def called(self, caller_hash: str) -> None:
        """Nobody is to be remembered."""

    async def keep(self, caller_hash: str, *, slow: bool | None = None, human_first: bool | None = None) -> bool:
        """Never."""
        return False

    async def keep_for(self, contact: ContactId, *, slow: bool | None = None, human_first: bool | None = None) -> bool:
        """Never."""
        return False


class Offers:
    """Who is to be asked whether slow speech is to be remembered, and what they answer. Once in a call."""

    def __init__(self, contacts: Contacts, wishes: Wishes) -> None:
        self.contacts, self.wishes = contacts, wishes

    async def due(self, session: Session, service: str) -> bool:
        """Whether this caller, who has slow speech, may be asked while waiting for `service` or after its talk."""
        if not self.wishes.kept or not self.contacts.settings.waits.get(service, USUAL).wishes:
            return False
        slow, asked = await session.get_variables(dialplan.SLOW, dialplan.WISH)
        if slow != "1" or asked:
            return False
        digest, _ = (await self.contacts.calling(session)).sealed
        return bool(digest) and not self.wishes.of(digest).slow

    async def accepted(self, session: Session) -> str:
        """The caller said yes: the prompt that tells what came of it."""
        digest, _ = (await self.contacts.calling(session)).sealed
        return KEPT if digest and await self.wishes.keep(digest, slow=True) else NOT_KEPT
