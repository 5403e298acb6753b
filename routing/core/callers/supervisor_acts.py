"""Handle what a supervisor does with one waiting contact: move it, withdraw it, or take back the last act. `arrivals`
changes its points.

No act takes a contact out of a distress service, unless the act before has brought it there. The counsellor who has
spoken with the caller may transfer it.

A caller who is withdrawn with a sentence stays on the line until the hang-up, but is offered to nobody. The hold loop
says the sentence at its next question, which `RefreshHold` brings at once. If that command is lost, the question comes
within a round.
"""

from __future__ import annotations

from routing.core.callers import caller_events
from routing.core.calls import blind_transfer, callback_flow, offer_changes
from routing.core.domain import Domain
from routing.core.events import ActUndone, CallbackRequested, MoveRequested, WithdrawalRequested
from routing.core.model.centre_model import PHONE_CHANNELS, WAITING_STATES, Outcome
from routing.core.model.commands import RefreshHold
from routing.core.model.errors import (
    DistressUnconfirmed,
    InDistress,
    NoCallback,
    NothingToUndo,
    NotNow,
    NotOpen,
    UnknownContact,
)
from routing.core.model.ids import ContactId
from routing.core.model.reasons import SUPERVISOR, WITHDRAWN
from routing.core.queueing import callback_index, contact_queue
from routing.core.records import Contact, SupervisorAct

GOODBYE = "bekleme-veda"
"""Sentence of a withdrawal that names none."""
CALLBACK_AGREED = "geri-arama-tamam"
"""Sentence for a caller whom a supervisor has made a callback."""


def on_move_requested(d: Domain, event: MoveRequested) -> None:
    """Move a waiting contact to another service, or let it wait for one agent. Raise `Refused` if that is impossible.

    Nothing changes if the contact already waits there.
    """
    contact = _waiting_contact(d, event.contact)
    service, record = blind_transfer.find_target(d, contact, event.service, event.to)
    if contact.service.distress and not service.distress:
        raise InDistress(f"contact {contact.id} stays in a distress service")
    # An anonymous service forgets the number, so nobody could be called back.
    if contact.callback and service.anonymous:
        raise NotOpen(f"service {service.id} calls nobody back")
    # A slip would put an old caller before all others in distress.
    if service.distress and not contact.service.distress and not event.confirmed:
        raise DistressUnconfirmed(f"service {service.id} is for distress; confirm the move of contact {contact.id}")
    own, before = service.id == contact.service.id, contact.place
    if own and record is None:
        return
    offer_changes.rescind_contact(d, contact, SUPERVISOR)
    callback_index.forget_visited(d, contact)
    if own:
        assert record is not None
        contact_queue.restart_for_agent(d, contact, record, blind_transfer.PERSONAL_WAIT_S)
    else:
        contact_queue.move_contact(d, contact, service, SUPERVISOR, record, blind_transfer.PERSONAL_WAIT_S)
    contact.act = SupervisorAct(before, contact.place)
    # Calls for the new service hold a callback. Those for the earlier ones hold it no more.
    if contact.callback:
        callback_index.note_new(d)


def on_act_undone(d: Domain, event: ActUndone) -> None:
    """Take back the last act on a waiting contact, also out of distress. Raise NothingToUndo if there is none, if an
    agent was offered the contact since, or if something else has changed it.

    The service takes the contact back even if it has closed or is full by now.
    """
    contact = _waiting_contact(d, event.contact)
    act = contact.act
    service = None if act is None or act.after != contact.place else d.services.get(act.before[0])
    if act is None or service is None or (act.before == act.after and contact.preferred is None):
        raise NothingToUndo(f"no act on contact {contact.id} can be taken back")
    if act.before == act.after:
        contact_queue.end_preferred_wait(d, contact, d.now)
    elif service.id == contact.service.id:
        contact_queue.set_points(d, contact, act.before[1])
    else:
        callback_index.forget_visited(d, contact)
        contact_queue.move_contact(d, contact, service, SUPERVISOR)
        if contact.callback:
            callback_index.note_new(d)
    contact.act = None


def on_withdrawal_requested(d: Domain, event: WithdrawalRequested) -> None:
    """Withdraw a waiting contact: with a sentence, or into a callback. Raise `Refused` if that is impossible.

    A callback and a message end at once, because nobody hears a sentence.
    """
    contact = _waiting_contact(d, event.contact)
    if contact.service.distress:
        raise InDistress(f"contact {contact.id} stays in a distress service")
    # 1. Turn the call into a callback, which needs the number of the call.
    if event.callback:
        if contact.callback or contact.channel not in PHONE_CHANNELS or not contact.caller_hash:
            raise NoCallback(f"contact {contact.id} has no number to call back")
        callback_flow.make_callback(d, contact, CallbackRequested(contact.id, window=event.window))
        # A callback without a caller on the line hears no sentence, and no hang-up would end it.
        if not contact.leg:
            return
    # 2. End at once what has no caller on the line.
    elif contact.callback or contact.channel not in PHONE_CHANNELS:
        caller_events.end_wait(d, contact, "exited", Outcome.LEFT, d.now, WITHDRAWN)
        return
    # 3. Stop the search, and let the hold loop say the sentence.
    contact.farewell = CALLBACK_AGREED if event.callback else event.prompt or GOODBYE
    offer_changes.rescind_contact(d, contact, WITHDRAWN)
    if contact.group is not None:
        contact_queue.restart_search(d, contact)
    # The deadline of an overflow ends.
    d.newly_queued.append(contact)
    d.commands.append(RefreshHold(contact.id, contact.leg, contact.node, contact.channel))


def _waiting_contact(d: Domain, name: ContactId) -> Contact:
    """Return a contact on which a supervisor may act. Raise `Refused` if it does not wait, or belongs to an agent."""
    contact = d.contacts.get(name)
    if contact is None or contact.state not in WAITING_STATES:
        raise UnknownContact(f"no contact {name} waits")
    if contact.consulting_offer is not None or contact.farewell:
        raise NotNow(f"contact {name} belongs to an agent who consults, or is withdrawn already")
    return contact
