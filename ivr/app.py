"""Puts the dialogues together: what the composition root calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ivr import after_talk, codes, dialplan, entry, waiting
from ivr.agi.server import FastAgi, Limits
from ivr.config import IvrSettings
from ivr.contact import Contacts, Seal
from ivr.flow import machine
from ivr.flow.model import Flow
from ivr.sounds import Sounds
from routing.core.inbox import Inbox
from routing.core.model import Service

OWN_PROMPTS = frozenset((*machine.OWN_PROMPTS, *waiting.OWN_PROMPTS, *codes.OWN_PROMPTS, entry.SORRY))
"""Prompt keys the dialogues need beside those of the menu; places in line come from the verbaliser."""


def build(inbox: Inbox, menu: Flow, sounds: Sounds, settings: IvrSettings, *, seal: Seal,
          verify_pin: codes.VerifyPin, agent_by_number: codes.AgentByNumber, services: Iterable[Service],
          host: str = "127.0.0.1", port: int = 4573, limits: Limits | None = None,
          clock: Callable[[], float] = time.time, entry_now: entry.EntryNow = entry.always_open) -> FastAgi:
    """The node's FastAGI server with all routes; start it with `await server.run()`. `entry_now` is asked once for each
    caller who comes in, so opening and closing never touch those who wait.

    LookupError now, not in a call, when a prompt is missing."""
    for key in (*OWN_PROMPTS, *menu.prompts()):
        sounds.file(key)
    server = FastAgi(host, port, limits)
    known = {str(service.id): service for service in services}
    human = menu.queue(menu.human).service
    routes(server, inbox, menu, sounds, Contacts(known, human, settings, seal),
           codes.Codes(inbox, sounds, verify_pin, agent_by_number), clock, entry_now)
    return server


def routes(server: FastAgi, inbox: Inbox, menu: Flow, sounds: Sounds, contacts: Contacts, by_phone: codes.Codes,
           clock: Callable[[], float] = time.time, entry_now: entry.EntryNow = entry.always_open) -> None:
    """Register the four dialogues."""
    hold = waiting.Waiting(inbox, sounds, contacts, clock)
    server.add_route(dialplan.MENU_ROUTE, entry.Entry(inbox, menu, sounds, contacts, clock, entry_now).menu)
    server.add_route(dialplan.TICK_ROUTE, hold.tick)
    server.add_route(dialplan.AFTER_TALK_ROUTE, after_talk.AfterTalk(inbox, hold).after_talk)
    server.add_route(dialplan.CODES_ROUTE, by_phone.codes)
