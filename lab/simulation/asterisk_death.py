"""End the simulated Asterisk as a kill does, and start it again as a supervisor does."""

from __future__ import annotations

from lab.simulation.asterisk_model import Asterisk
from lab.simulation.channels import Caller
from lab.simulation.history import DIED


def end_asterisk(asterisk: Asterisk) -> None:
    """End the process. Its calls end without a word in the file of their events, and the kernel closes connections."""
    asterisk.life, asterisk.down = asterisk.life + 1, True
    asterisk.network.accept = lambda connection: None
    asterisk.history.note("asterisk is gone")
    for session in list(asterisk.managers):
        session.close()
    asterisk.queues.forget_everybody()
    for channel in asterisk.channels.values():
        channel.ended = True
        if isinstance(channel, Caller):
            if channel.question is not None:
                channel.question.vanish()
            asterisk.history.end_talk(channel.uniqueid, DIED)
            past = asterisk.history.callers[channel.uniqueid]
            past.ended, past.how = asterisk.world.now, DIED
            asterisk.history.note(f"{channel.uniqueid} is cut")
    asterisk.channels.clear()
    for phone in asterisk.phones.values():
        phone.legs.clear()


def start_asterisk(asterisk: Asterisk) -> None:
    """Start the process. Members of the fallback queues and registrations of the phones were stored."""
    asterisk.down, asterisk.first_node, asterisk.network.accept = False, 0, asterisk.accept_manager
    asterisk.started = f"00:00:{asterisk.life:02d}"
    asterisk.history.note("asterisk starts")
