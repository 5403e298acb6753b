"""Remember caller preferences for later calls: slow speech (rule I8) and a person at once (rule I20).

A preference is stored only for callers who asked for it. Callers in distress, of anonymous services or with a withheld
number have none.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ivr import dialplan
from ivr.agi.session import Session
from ivr.caller.contact_events import ContactEvents
from ivr.settings import DEFAULT_HOLD
from routing.core.model.ids import ContactId

REMEMBER_QUESTION, WILL_REMEMBER, NOT_REMEMBERED = "yavas-hatirlansin-mi", "yavas-hatirlanacak", "yavas-hatirlanamadi"
OWN_PROMPTS = (REMEMBER_QUESTION, WILL_REMEMBER, NOT_REMEMBERED)
YES_KEY = "1"


class CallerPreference(NamedTuple):
    """Preferences of one caller."""

    slow: bool = False
    human_first: bool = False


class PreferenceStore(Protocol):
    """Store of preferences, by the keyed hashes of numbers. Only the two save methods do more than read memory."""

    @property
    def is_enabled(self) -> bool:
        """Whether the centre stores preferences at all."""
        ...

    def preference_of(self, caller_hash: str) -> CallerPreference:
        """Return the preferences of this caller."""
        ...

    def note_call(self, caller_hash: str) -> None:
        """Note that the caller has called, which renews the time for which the preferences are stored."""
        ...

    async def save_preference(self, caller_hash: str, *, slow: bool | None = None,
            human_first: bool | None = None) -> bool:
        """Save or drop a preference. None leaves it unchanged. Return whether it could be saved."""
        ...

    async def save_for_contact(self, contact: ContactId, *, slow: bool | None = None,
            human_first: bool | None = None) -> bool:
        """Save a preference of a contact's caller. Return False also if nobody knows who the caller is."""
        ...


class NoPreferences:
    """The `PreferenceStore` of a centre that stores none."""

    is_enabled = False

    def preference_of(self, caller_hash: str) -> CallerPreference:
        """Return no preferences."""
        return CallerPreference()

    def note_call(self, caller_hash: str) -> None:
        """Do nothing, because nobody is remembered."""

    async def save_preference(self, caller_hash: str, *, slow: bool | None = None,
            human_first: bool | None = None) -> bool:
        """Return False."""
        return False

    async def save_for_contact(self, contact: ContactId, *, slow: bool | None = None,
            human_first: bool | None = None) -> bool:
        """Return False."""
        return False


class PreferenceQuestion:
    """Question whether slow speech is to be remembered. A caller hears it at most once in a call."""

    def __init__(self, contacts: ContactEvents, wishes: PreferenceStore) -> None:
        self.contacts, self.wishes = contacts, wishes

    async def is_due(self, session: Session, service: str) -> bool:
        """Return whether a caller with slow speech may be asked, while waiting for `service` or after its talk."""
        if not self.wishes.is_enabled or not self.contacts.settings.waits.get(service, DEFAULT_HOLD).preferences:
            return False
        slow, asked = await session.get_variables(dialplan.SLOW, dialplan.PREFERENCE_ASKED)
        if slow != "1" or asked:
            return False
        digest, _ = (await self.contacts.identify_caller(session)).hash_and_encrypted
        return bool(digest) and not self.wishes.preference_of(digest).slow

    async def on_accepted(self, session: Session) -> str:
        """Save the preference after the caller agreed. Return the prompt that reports the result."""
        digest, _ = (await self.contacts.identify_caller(session)).hash_and_encrypted
        return WILL_REMEMBER if digest and await self.wishes.save_preference(digest, slow=True) else NOT_REMEMBERED
