"""Declare the operations of the API that the engine does not do: the centre's files, recordings, announcements.

`santral` implements them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from desk.api import models, note_models, own_models, views
from routing.core.model.errors import Refused
from routing.core.model.ids import AgentId, ContactId, OfferId


class CannotAnnounce(Refused):
    """The announcement is not possible. The text says why, and how to fix it."""

    code = "cannot_announce"
    turkish = "Bu duyuru yapılamıyor."


class UnknownSurgeProfile(Refused):
    """The centre has no surge profile of this name."""

    code = "unknown_surge_profile"
    turkish = "Böyle bir yoğunluk düzeni yok."


class PreferenceNotStored(Refused):
    """The preference of the caller cannot be stored."""

    code = "preference_not_stored"
    turkish = "Bu arayan için istek kaydedilemiyor."


class UnknownPrompt(Refused):
    """The catalogue does not have this sentence."""

    code = "unknown_prompt"
    turkish = "Böyle bir cümle yok."


class UnknownCode(Refused):
    """The service has no such code."""

    code = "unknown_code"
    turkish = "Bu hizmetin böyle bir sonuç kodu yok."


class NodeOperations(Protocol):
    """The node around the engine. `by` names the asker, as the token states it."""

    async def reload_centre(self, wanted: models.Reload, by: str) -> models.Reloaded:
        """Read the centre's files again and put them in force. Change nothing if there is any problem."""
        ...

    def last_known_good(self) -> views.LastKnownGood | None:
        """Return the copy that is in force because the centre's files had problems at start. Return None otherwise."""
        ...

    def unservable_needs(self) -> list[str]:
        """Return the first requirements that no agent can serve today because of accommodations, with file and line."""
        ...

    def language(self) -> str:
        """Return the language of tables, `tr` or `en`."""
        ...

    def refused_calls(self) -> list[views.RefusedNumber]:
        """Return the calls to numbers that are not the centre's, since the node started."""
        ...

    async def find_recordings(self, wanted: models.RecordingSearch, by: str) -> models.Recordings:
        """Return the newest recordings that match. Audit the access."""
        ...

    def read_recording(self, recording: str, by: str) -> AsyncGenerator[bytes, None]:
        """Yield a recording as WAV, in pieces. Audit the access first. Raise UnknownRecording if there is none."""
        ...

    def can_call(self, offer: OfferId) -> bool:
        """Return whether the caller of an offer could be called back: the number may be dialled."""
        ...

    async def audit_act(self, who: str, what: str, **about: object) -> None:
        """Write a line of the audit log. Raise if that fails: nothing is done then."""
        ...

    async def has_prompt(self, key: str) -> bool:
        """Return whether the catalogue has this sentence."""
        ...

    def require_on_duty(self, agent: AgentId) -> None:
        """Raise OffDuty if the agent works at other hours now."""
        ...

    def own_needs(self, agent: AgentId) -> models.OwnNeeds:
        """Return the stored accommodations of the agent."""
        ...

    async def pause_recording(self, agent: AgentId, on: bool, by: str, contact: ContactId | None = None) -> None:
        """Pause or resume the recording of the agent's talk, or of that with one contact.

        Raise NotNow if nothing is recorded.
        """
        ...

    async def save_preference(self, contact: ContactId, wanted: models.CallerPreference) -> None:
        """Store the wishes of the caller of a contact. Raise PreferenceNotStored if they cannot be stored."""
        ...

    async def save_preferences(self, wanted: models.CallersPreferences) -> models.Changed:
        """Store the wishes of callers by their hashes. Raise PreferenceNotStored if they cannot be stored."""
        ...

    def count_preferences(self) -> models.PreferenceCounts:
        """Return the number of callers by preference."""
        ...

    async def erase_preferences(self, caller_hash: str) -> None:
        """Delete the preferences of this caller."""
        ...

    async def start_announcement(self, wanted: models.Announce, by: str) -> models.Announcement:
        """Start an announcement. Raise `CannotAnnounce` if it is not possible."""
        ...

    async def end_announcement(self, wanted: models.AnnouncementEnd, by: str) -> models.Announcements:
        """End an announcement. Raise `CannotAnnounce` if it is not on."""
        ...

    async def list_announcements(self) -> models.Announcements:
        """Return the last announcements."""
        ...

    async def switch_surge(self, wanted: models.SurgeWanted, by: str) -> models.Surge:
        """Put a surge profile in force, or none. Raise `UnknownSurgeProfile` if the centre does not have it."""
        ...

    def surge_state(self) -> models.Surge:
        """Return the surge profile in force, and those of the centre."""
        ...

    async def hang_up(self, agent: AgentId, contact: ContactId | None = None) -> None:
        """Hang up the leg of the agent, or that of one contact, or decline the offer that rings.

        Raise NotNow if there is none.
        """
        ...

    async def comfort(self, agent: AgentId) -> own_models.Comfort:
        """Return the comfort in force: the agent's wish, else the profile."""
        ...

    async def save_comfort(self, agent: AgentId, wish: own_models.ComfortWish) -> own_models.Comfort:
        """Store the wish of the agent, and return what is in force."""
        ...

    async def own_day(self, agent: AgentId) -> own_models.OwnDay:
        """Return the day of the agent since midnight."""
        ...

    async def access_log(self, agent: AgentId) -> own_models.AccessLog:
        """Return who was shown the agent's needs, and which rules of the agent were set aside."""
        ...

    def list_codes(self) -> note_models.AllCodes:
        """Return the codes of all services."""
        ...

    async def save_note(self, agent: AgentId, wanted: note_models.NoteWanted) -> note_models.Note:
        """Store the note of an agent. Raise NotNow if the agent did not talk with this caller, or UnknownCode."""
        ...

    async def own_contacts(self, agent: AgentId) -> note_models.OwnContacts:
        """Return the last talks of the agent with the own notes."""
        ...

    async def callers_at_hand(self, agent: AgentId) -> note_models.CallersAtHand:
        """Return the callers at hand with their earlier contacts."""
        ...

    def display_name(self, person: str) -> str:
        """Return the name of a person for pages, or the id."""
        ...

    def timezone(self) -> str:
        """Return the time zone of the centre."""
        ...

    def list_days(self) -> models.Days:
        """Return opening hours and rosters of the next days."""
        ...
