"""Define what the routes of notes and of a caller's history take and answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from desk.shape import Shape

NOTE_MAX = 2000
"""Characters of a note. It says what the next agent must know; a report belongs elsewhere."""
CODE = r"^[a-z][a-z0-9_]{0,39}$"
CONTACT = r"^[A-Za-z0-9_.~-]{1,90}$"


class NoteWanted(Shape):
    """Code and text that an agent writes of a contact. They replace those that the agent has written before."""

    contact: Annotated[str, StringConstraints(pattern=CONTACT)]
    code: Annotated[str, StringConstraints(pattern=CODE)] | None = Field(
        default=None, description="One of the service's codes; null: none.")
    text: Annotated[str, StringConstraints(max_length=NOTE_MAX, strip_whitespace=True)] = ""


class Note(Shape):
    """Code and text that an agent has written. Names of agents are not shown."""

    at: float
    code: str | None
    text: str
    mine: bool


class PassedNote(Note):
    """A note that another agent has written of the contact at hand."""

    service: str


class ServiceCode(Shape):
    """A code of a service."""

    id: str
    name: str


class ServiceCodes(Shape):
    """The codes of a service."""

    service: str
    codes: list[ServiceCode]


class AllCodes(Shape):
    """The codes of all services that have some."""

    services: list[ServiceCodes]


class OwnContact(Shape):
    """A talk of the agent."""

    contact: str
    service: str
    at: float
    talk_s: float | None = Field(description="Null: the talk goes on.")
    note: Note | None


class OwnContacts(Shape):
    """The last talks of the agent, newest first."""

    contacts: list[OwnContact]


class EarlierContact(Shape):
    """An earlier contact of the caller."""

    at: float
    service: str
    outcome: str | None
    notes: list[Note]


class CallerAtHand(Shape):
    """The caller of a contact that the agent has at hand. Never with the number."""

    contact: str
    last_digits: str | None = Field(description="The last two digits, if `[desk] caller` is `masked`.")
    times: int = Field(description="Earlier contacts in 90 days that the agent may know of.")
    earlier: list[EarlierContact] = Field(description="The newest 20 of them.")
    note: Note | None = Field(description="The agent's own note of this contact.")
    passed: list[PassedNote] | None = Field(
        description="Notes of the agents before, of this contact; null: no other agent has talked in it.")


class CallersAtHand(Shape):
    """The callers whom the agent has at hand: in talk or in wrap-up."""

    callers: list[CallerAtHand]
