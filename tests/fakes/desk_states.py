"""States of a desk as the node sends them, by name: every state that the page can be in."""

from __future__ import annotations

from desk.live.desk_state import DeskSources, DeskState, build_desk_state
from routing.core.inbox import ConsultView, DeskView, HeldContact
from routing.core.model.centre_model import AgentState, Channel, OfferState
from routing.core.model.ids import AgentId, ContactId, OfferId, ServiceId
from routing.core.model.state_tables import ConsultState
from tests.fakes.inbox import agent_view

AT = 1_772_449_500.0
"""Monday 2 March 2026, 14:05 in Istanbul."""
SERVICES = {"psikososyal": "Psikososyal destek", "uzaktan_egitim": "Uzaktan eğitim", "temsilci": "Temsilci"}
REASONS = {"tr": {"mola": "Mola", "yemek": "Yemek"}, "en": {"mola": "Break", "yemek": "Meal"}}
NAMES = {"a1": "a1", "a2": "Ayşe Şahin", "a3": "İlker Öğüt"}


def contact(state: OfferState = OfferState.ACCEPTED, **more: object) -> HeldContact:
    """A caller of psychosocial support who waited 12 s before 14:05."""
    one = HeldContact(OfferId(17), ContactId("c17"), Channel.VOICE, ServiceId("psikososyal"), "Psikososyal destek",
                      state, AT - 12.0, False, "", False, False, None, False, None, None, None, None, None, False, None,
                      False, False, None, False, True, True, True, False,
                      None)
    return one._replace(**more)  # type: ignore[arg-type]


def desk_state(state: AgentState, *contacts: HeldContact, phone: str = "page", recording: str = "none", at: float = AT,
               registered: bool = True, planned_at: float | None = None, until: float | None = None,
               wrapup_until: float | None = None, leaving: bool = False, **more: object) -> DeskState:
    """The state of agent a1, signed in at 14:05 unless `more` says otherwise."""
    seat = None if state is AgentState.SIGNED_OUT else "3001"
    view = agent_view("a1", seat, state)._replace(since=AT, until=wrapup_until)._replace(**more)  # type: ignore[arg-type]
    sources = DeskSources(lambda seat: phone, lambda offer: recording)  # type: ignore[arg-type, return-value]
    return build_desk_state(DeskView(
        at, view, registered, planned_at, until, contacts, leave_pending=leaving), sources, own=True)


RINGING = contact(OfferState.PENDING, rings_until=AT + 15.0)
TALK = contact(talking_since=AT)

STATES: dict[str, DeskState] = {
    "signed-out": desk_state(AgentState.SIGNED_OUT),
    "ready": desk_state(AgentState.READY, planned_at=AT + 5100.0),
    "ready-protected": desk_state(AgentState.READY, heavy_declined_until=AT + 900.0, resting_until=AT + 600.0,
                                  overrides=(("rest_gap", AT + 1200.0),), break_postponed=True),
    "offer": desk_state(AgentState.RINGING, RINGING),
    "offer-known": desk_state(AgentState.RINGING, RINGING._replace(
        callback=True, slow=True, returned=True, language="en", asked_by=AgentId("a2"))),
    "offer-own-phone": desk_state(AgentState.RINGING, RINGING, phone="own"),
    "offer-reading": desk_state(AgentState.RINGING, RINGING._replace(rings_until=None, answered_at=AT,
                                                                     time_to_read=True)),
    "offer-kept": desk_state(AgentState.RINGING, RINGING._replace(rings_until=None, told_until=AT + 9.0)),
    "offer-told": desk_state(AgentState.RINGING, RINGING._replace(rings_until=None, answered_at=AT,
                                                                  told_until=AT + 3.0)),
    "offer-answered": desk_state(AgentState.RINGING, RINGING._replace(rings_until=None, answered_at=AT)),
    "talk": desk_state(AgentState.TALKING, TALK, recording="on"),
    "talk-own-phone": desk_state(AgentState.TALKING, TALK._replace(wrapup_follows=False), phone="own"),
    "talk-leaving": desk_state(AgentState.TALKING, TALK._replace(wrapup_possible=False, wrapup_follows=False),
                               leaving=True),
    "talk-held": desk_state(AgentState.TALKING, TALK._replace(on_hold_since=AT + 20.0), at=AT + 65.0,
                            pause_pending="yemek"),
    "talk-recording-paused": desk_state(AgentState.TALKING, TALK._replace(abusive=True, follow_up=True, slow=True,
                                                                          wrapup_requested=True), recording="paused"),
    "talk-paired": desk_state(AgentState.TALKING, TALK._replace(partner=AgentId("a3"))),
    "talk-paired-second": desk_state(AgentState.TALKING, TALK._replace(partner=AgentId("a3"), leads_pair=False)),
    "talk-seeking": desk_state(AgentState.TALKING, TALK._replace(on_hold_since=AT + 30.0, consult=ConsultView(
        ConsultState.SEEKING, ServiceId("uzaktan_egitim"), None, AT + 30.0)), at=AT + 40.0),
    "talk-consulting": desk_state(AgentState.TALKING, TALK._replace(on_hold_since=AT + 30.0, consult=ConsultView(
        ConsultState.TALKING, ServiceId("temsilci"), AgentId("a2"), AT + 35.0)), at=AT + 40.0),
    "talk-consulted": desk_state(AgentState.TALKING, contact(OfferState.PENDING, answered_at=AT, talks_first=True,
                                                             asked_by=AgentId("a2"))),
    "wrapup": desk_state(AgentState.WRAPUP, contact(OfferState.WRAPPING, reported_load=3),
                         wrapup_until=AT + 30.0),
    "wrapup-open": desk_state(AgentState.WRAPUP, contact(OfferState.WRAPPING)),
    "paused": desk_state(AgentState.PAUSED, reason="yemek", pause_limit_at=AT + 3600.0, until=AT + 1800.0),
    "paused-over": desk_state(AgentState.PAUSED, reason="mola", pause_limit_at=AT, over_limit=True, at=AT + 4000.0),
    "not-responding": desk_state(AgentState.NOT_RESPONDING, reason="ring_no_answer"),
    "busy": desk_state(AgentState.BUSY, phone="own"),
    "unreachable": desk_state(AgentState.UNREACHABLE, registered=False),
    "unreachable-own-phone": desk_state(AgentState.UNREACHABLE, phone="own", registered=False),
}
