"""Puts the dialogues together: what the composition root makes, runs and, when a centre's files change, changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ivr import (
    abuse,
    after_talk,
    announcement,
    callback,
    codes,
    dialplan,
    entry,
    hush,
    message,
    survey,
    transfer,
    waiting,
    wish,
)
from ivr import sms as sms_
from ivr.agi.server import FastAgi, Limits
from ivr.caller import Seal
from ivr.config import IvrSettings
from ivr.contact import Contacts
from ivr.flow import sms, steps
from ivr.flow.model import Flow
from ivr.sounds import Sounds, file
from routing.core.inbox import Inbox
from routing.core.model import Service

OWN_PROMPTS = frozenset((*steps.OWN_PROMPTS, *waiting.OWN_PROMPTS, *callback.OWN_PROMPTS, *codes.OWN_PROMPTS,
                         *survey.OWN_PROMPTS, *message.OWN_PROMPTS, *transfer.OWN_PROMPTS, *hush.OWN_PROMPTS,
                         *sms.OWN_PROMPTS, *wish.OWN_PROMPTS, entry.SORRY))
"""Prompt keys the dialogues need beside those of the menu; places in line come from the verbaliser."""


class Dialogues:
    """Everything a node says and hears by telephone. Start it with `await dialogues.server.run()`.

    `entry_now` is asked once for each caller who comes in, so opening and closing never touch those who wait.
    `spool` and `keep` are for spoken messages (`ivr.message`), `known` and `keep_keyed` for the menu (`ivr.entry`),
    `by_number` tells to whom an agent may send a caller on, `announced` what everybody is to hear at once, `is_open`
    which service takes callers now, `silence` pauses a recording and `still` keeps it paused (`ivr.hush`), `texts` has
    a short message sent, which is offered to who waits for `texts_after_s` (`ivr.sms`), `can_call` tells who can be
    called back.
    LookupError now, not in a call, when a prompt is missing."""

    def __init__(self, inbox: Inbox, menu: Flow, sounds: Sounds, settings: IvrSettings, *, seal: Seal,
                 verify_pin: codes.VerifyPin, agent_by_number: codes.AgentByNumber, services: Iterable[Service],
                 host: str = "127.0.0.1", port: int = 4573, limits: Limits | None = None,
                 clock: Callable[[], float] = time.time, entry_now: entry.EntryNow = entry.always_open,
                 spool: Path | None = None, keep: message.Keep | None = None,
                 keep_keyed: entry.KeepKeyed = entry.forget,
                 by_number: transfer.ByNumber = lambda number: None, announced: announcement.Now = announcement.none,
                 is_open: entry.IsOpen = entry.all_open, silence: hush.Silence = hush.no_recordings,
                 still: hush.Silence = hush.no_recordings,
                 texts: sms_.Send | None = None, texts_after_s: float = 0.0,
                 can_call: transfer.CanCall = lambda offer: True, wishes: wish.Wishes | None = None) -> None:
        complete(menu, sounds)
        self.server = FastAgi(host, port, limits)
        self.contacts = Contacts(services, menu.queue(menu.human).service, settings, seal)
        self.messages = message.Messages(sounds, self.contacts, spool, keep)
        self.texts = sms_.Texts(self.contacts, menu, texts, texts_after_s)
        self.waiting = waiting.Waiting(inbox, sounds, self.contacts, clock, announced=announced, texts=self.texts,
                                       wishes=wishes)
        self.entry = entry.Entry(inbox, menu, sounds, self.contacts, self.messages, self.waiting.begin, clock,
                                 entry_now, keep_keyed, announced, is_open, self.texts, wishes)
        self.survey = survey.Surveys(inbox, sounds, self.contacts, self.messages, wishes)
        self.after_talk = after_talk.AfterTalk(inbox, self.waiting, self.survey)
        abuses = abuse.Abuse(inbox)
        self.codes = codes.Codes(inbox, sounds, verify_pin, agent_by_number, abuses)
        self.callback = callback.Callback(inbox, sounds, self.contacts)
        self.transfers = transfer.Transfers(inbox, sounds, by_number, abuses, can_call, wishes)
        self.hush = hush.Hush(sounds, silence, still)
        self.server.add_route(dialplan.HUSH_ROUTE, self.hush.hush)
        self.server.add_route(dialplan.MENU_ROUTE, self.entry.menu)
        self.server.add_route(dialplan.TICK_ROUTE, self.waiting.tick)
        self.server.add_route(dialplan.AFTER_TALK_ROUTE, self.after_talk.after_talk)
        self.server.add_route(dialplan.SURVEY_ROUTE, self.survey.survey)
        self.server.add_route(dialplan.CODES_ROUTE, self.codes.codes)
        self.server.add_route(dialplan.CALLBACK_ROUTE, self.callback.callback)
        self.server.add_route(dialplan.DIAL_ROUTE, self.callback.dial)
        self.server.add_route(dialplan.TRANSFER_ROUTE, self.transfers.transfer)

    def change(self, menu: Flow, services: Iterable[Service], settings: IvrSettings, sounds: Sounds) -> None:
        """From the next call on. Who is in a menu finishes the old one with the old sentences; who waits keeps the
        place and hears the new ones from the next round on. LookupError, and nothing changed, when a prompt is
        missing."""
        complete(menu, sounds)
        self.contacts.change(services, menu.queue(menu.human).service, settings)
        self.entry.flow = menu
        self.texts.change(menu)
        for dialogue in (self.entry, self.waiting, self.callback, self.codes, self.survey, self.messages,
                         self.transfers, self.hush):
            dialogue.sounds = sounds


def complete(menu: Flow, sounds: Sounds) -> None:
    """LookupError for the first prompt, by name, of the dialogues that `sounds` lacks."""
    for key in sorted(OWN_PROMPTS | menu.prompts()):
        file(sounds, key)
