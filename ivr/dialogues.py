"""Connect the dialogues of a node, and replace their menu, services and sounds when a centre's files change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ivr import dialplan, opening_words
from ivr.agi.server import FastAgi, Limits
from ivr.callback_windows import CallbackWindows, no_windows
from ivr.caller import announcements, preferences, voice_message
from ivr.caller import text_messages as sms_
from ivr.caller.contact_events import ContactEvents, IsShown, always_shown
from ivr.caller.identity import EncryptNumber
from ivr.caller.menu_path import WatchMenu, watch_nobody
from ivr.flow import dialogue_steps, sms_text
from ivr.flow.menu_model import MenuFlow
from ivr.routes import (
    abuse_flag,
    after_talk,
    callback_dialogue,
    deflection,
    feature_codes,
    hold_tick,
    in_call_keys,
    menu_dialogue,
    recording_pause,
    survey_dialogue,
    way_out,
)
from ivr.settings import IvrSettings
from ivr.sounds import Sounds, prompt_file
from routing.core.inbox import Inbox
from routing.core.model.centre_model import Service

OWN_PROMPTS = frozenset((
    *dialogue_steps.OWN_PROMPTS, *hold_tick.OWN_PROMPTS, *callback_dialogue.OWN_PROMPTS, *feature_codes.OWN_PROMPTS,
    *survey_dialogue.OWN_PROMPTS, *voice_message.OWN_PROMPTS, *in_call_keys.OWN_PROMPTS, *recording_pause.OWN_PROMPTS,
    *sms_text.OWN_PROMPTS, *preferences.OWN_PROMPTS, *deflection.OWN_PROMPTS, *way_out.OWN_PROMPTS,
    menu_dialogue.SORRY))
"""Prompt keys that the dialogues need besides those of the menu. Positions in the queue come from the verbaliser."""


class Dialogues:
    """Everything that a node says and hears by telephone. Start it with `await dialogues.server.run()`.

    * `key` is the first part of each path that Asterisk asks for (`ivr.agi.server`).
    * `entry_now` is asked once for each new caller, so opening and closing never affect waiting callers.
    * `spool` and `keep` are for spoken messages (`ivr.caller.voice_message`).
    * `keep_keyed` stores what callers key in (`ivr.routes.menu_dialogue`).
    * `by_number` names the service or agent behind a transfer number.
    * `announced` returns the announcements of this moment.
    * `is_open` tells which service accepts callers now.
    * `silence` pauses a recording, and `still` keeps it paused (`ivr.routes.recording_pause`).
    * `texts` sends a short message, offered after a wait of `texts_after_s` (`ivr.caller.text_messages`).
    * `can_call` tells whether a caller can be called back.
    * `is_deflected` tells whether a service takes no further callers, and `surge` switches such profiles by phone.
    * `linked` tells whether phones can be rung, and `is_shown` whether Asterisk has shown the channel of a contact.
    * `callback_times` returns the times that callers of a service may choose for a callback.
    * `watch_menu` learns of each node of the menu that a caller comes to.

    Raise LookupError if a prompt is missing: at the start and not in a call.
    """

    def __init__(self, inbox: Inbox, menu: MenuFlow, sounds: Sounds, settings: IvrSettings, *, seal: EncryptNumber,
                 verify_pin: feature_codes.VerifyPin, agent_by_number: feature_codes.AgentByNumber,
                 services: Iterable[Service],
                 host: str = "127.0.0.1", port: int = 4573, limits: Limits | None = None,
                 key: str | None = None,
                 clock: Callable[[], float] = time.time, entry_now: menu_dialogue.EntryNow = menu_dialogue.always_open,
                 spool: Path | None = None, keep: voice_message.StoreMessage | None = None,
                 keep_keyed: menu_dialogue.StoreInput = menu_dialogue.discard_input,
                 by_number: in_call_keys.ByNumber = lambda number: None,
                 announced: announcements.CurrentAnnouncements = announcements.no_announcements,
                 is_open: menu_dialogue.IsOpen = menu_dialogue.all_open,
                 silence: recording_pause.PauseRecording = recording_pause.no_recordings,
                 still: recording_pause.PauseRecording = recording_pause.no_recordings,
                 texts: sms_.SendSms | None = None, texts_after_s: float = 0.0,
                 can_call: in_call_keys.CanCall = lambda offer: True,
                 wishes: preferences.PreferenceStore | None = None,
                 is_deflected: deflection.IsDeflected = deflection.deflect_nobody,
                 surge: feature_codes.SurgeControl | None = None,
                 require_on_duty: feature_codes.RequireOnDuty = feature_codes.always_on_duty,
                 linked: hold_tick.Linked = hold_tick.always_linked,
                 is_shown: IsShown = always_shown,
                 opens_at: opening_words.OpensAt = opening_words.opens_never,
                 callback_times: CallbackWindows = no_windows, watch_menu: WatchMenu = watch_nobody) -> None:
        # 1. Fail now if a prompt is missing, not in a call.
        require_prompts(menu, sounds)
        # 2. The parts that several dialogues share.
        self.server = FastAgi(host, port, limits, key)
        self.contacts = ContactEvents(services, menu.queue_node(menu.human).service, settings, seal, is_shown)
        self.messages = voice_message.VoiceMessages(sounds, self.contacts, spool, keep)
        self.texts = sms_.TextMessages(self.contacts, menu, texts, texts_after_s)
        # 3. One dialogue for each route of the dialplan.
        self.waiting = hold_tick.HoldTicks(inbox, sounds, self.contacts, clock, announced=announced, texts=self.texts,
                                           wishes=wishes, remembered=settings.callers_most, linked=linked,
                                           opens_at=opens_at)
        self.entry = menu_dialogue.MenuDialogue(
            inbox, menu, sounds, self.contacts, self.messages, self.waiting.first_round,
            self.waiting.take_returned, clock, entry_now, keep_keyed,
            announced, is_open, self.texts, wishes, is_deflected, opens_at, watch_menu)
        self.survey = survey_dialogue.SurveyDialogue(inbox, sounds, self.contacts, self.messages, wishes)
        self.after_talk = after_talk.AfterTalk(inbox, self.waiting, self.survey)
        abuses = abuse_flag.AbuseFlags(inbox)
        self.codes = feature_codes.FeatureCodes(inbox, sounds, verify_pin, agent_by_number, abuses,
                                                surge=surge, require_on_duty=require_on_duty)
        self.callback = callback_dialogue.CallbackDialogue(inbox, sounds, self.contacts, windows=callback_times)
        self.ways_out = way_out.WayOutDialogue(self.callback, self.messages, opens_at)
        self.transfers = in_call_keys.InCallKeys(inbox, sounds, by_number, abuses, can_call, wishes)
        self.hush = recording_pause.RecordingPause(sounds, silence, still)
        # 4. The names under which the dialplan asks for them.
        self.server.add_route(dialplan.RECORDING_PAUSE_ROUTE, self.hush.toggle_pause, urgent=True)
        self.server.add_route(dialplan.MENU_ROUTE, self.entry.run_menu)
        self.server.add_route(dialplan.TICK_ROUTE, self.waiting.handle_tick, urgent=True)
        self.server.add_route(dialplan.AFTER_TALK_ROUTE, self.after_talk.after_talk, urgent=True)
        self.server.add_route(dialplan.SURVEY_ROUTE, self.survey.run_survey)
        self.server.add_route(dialplan.CODES_ROUTE, self.codes.run_code)
        self.server.add_route(dialplan.CALLBACK_ROUTE, self.ways_out.lead_out)
        self.server.add_route(dialplan.DIAL_ROUTE, self.callback.take_callback)
        self.server.add_route(dialplan.TRANSFER_ROUTE, self.transfers.handle_key)

    def apply_centre(self, menu: MenuFlow, services: Iterable[Service], settings: IvrSettings, sounds: Sounds) -> None:
        """Use another menu, other services, settings and sounds from the next call on.

        Callers in a menu finish the old one with the old sentences. Waiting callers keep their position and hear the
        new sentences from the next round on. Raise LookupError, with nothing changed, if a prompt is missing.
        """
        require_prompts(menu, sounds)
        self.contacts.apply_centre(services, menu.queue_node(menu.human).service, settings)
        # A running dialogue has its own references, so it finishes with the old menu and sounds.
        self.entry.flow = menu
        self.texts.apply_menu(menu)
        for dialogue in (self.entry, self.waiting, self.callback, self.codes, self.survey, self.messages,
                         self.transfers, self.hush):
            dialogue.sounds = sounds


def require_prompts(menu: MenuFlow, sounds: Sounds) -> None:
    """Raise LookupError for the first prompt, by name, that the dialogues need and `sounds` lacks."""
    for key in sorted(OWN_PROMPTS | menu.prompt_keys()):
        prompt_file(sounds, key)
