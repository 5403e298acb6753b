"""A house told event by event, and the account of a contact in it as a terminal shows it."""

from __future__ import annotations

import re
from datetime import UTC
from io import StringIO

from rich.console import Console

from planning.journal.recording_engine import RecordingEngine
from planning.why import contact_account
from planning.why.cli import print_account
from planning.why.contact_account import ContactAccount
from planning.why.view import AccountView
from planning.why.words import AccountWords
from routing.core import events as e
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, SkillId
from tests.fakes.archive import Archive

GENEL, DESTEK = ServiceId("genel"), ServiceId("destek")
SKILL, OTHER = SkillId("genel"), SkillId("destek")
NO_WRAP = Profile(wrapup_s=0.0)


def text(account: ContactAccount, *, english: bool = False, needs: bool = False, everybody: bool = False) -> str:
    """As a terminal shows it, white space as one blank."""
    out = StringIO()
    print_account(AccountView(account, AccountWords(UTC, english=english, needs=needs), everybody=everybody),
         Console(file=out, width=1_000, highlight=False))
    return re.sub(r"[ \n]+", " ", out.getvalue())


class House:
    """Told event by event. ali (50) does both services, ece (90) the first; the agent x sits at the seat sx."""

    def __init__(self, *services: Service, agents: tuple[Agent, ...] = ()) -> None:
        both = ((SKILL, 50), (OTHER, 50))
        self.heard = RecordingEngine()
        self.centre = Centre(services or (
            Service(GENEL, "Genel bilgi", (Step(((SKILL, 1),)),)),
            Service(DESTEK, "Destek", (Step(((OTHER, 1),)),)),
        ), agents or (Agent(AgentId("ali"), both, NO_WRAP), Agent(AgentId("ece"), ((SKILL, 90),), NO_WRAP)))
        self.at(0.0, e.Configured(self.centre))

    def at(self, at: float, *told: e.Event) -> None:
        """So much at this moment; what is due before is done."""
        while (due := self.heard.next_deadline()) is not None and due <= at:
            self.heard.tick(due)
        for event in told:
            self.heard.handle(event, at)
        self.heard.take_facts()

    def sits(self, at: float, *names: str) -> None:
        """They sign in."""
        for name in names:
            self.at(at, e.SeatChanged(SeatId(f"s{name}"), True, False),
                    e.AgentSignedIn(AgentId(name), SeatId(f"s{name}")))

    def calls(self, at: float, contact: str, service: ServiceId = GENEL, **more: object) -> None:
        """A caller."""
        self.at(at, e.ContactQueued(ContactId(contact), service, f"PJSIP/{contact}", **more))  # type: ignore[arg-type]

    def together(self, at: float, offer: int, contact: str) -> None:
        """They talk."""
        self.at(at, e.OfferConnected(OfferId(offer), ContactId(contact)))

    def tell(self, contact: str) -> ContactAccount:
        """The account."""
        account = contact_account.explain_contact(Archive.of(self.heard), contact)
        assert not account.untold
        return account
