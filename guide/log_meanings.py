"""How serious each warning and error of the log is, and what an operator does about the event."""

from __future__ import annotations

ALARM, LOOK = "alarm", "look"
"""`alarm`: act at once. `look`: act within hours if the event repeats."""

MEANINGS: dict[str, tuple[str, str]] = {
    "accommodations.review_due": (LOOK, "An accommodation is past `review_at` or `valid_to` and stays in force. "
                                        "`santral check` names the line; ask the agent."),
    "agent.phone_dropped": (LOOK, "A phone answers and hangs up before each connection. It is out of service and "
                                  "gets one call after five minutes. Repair it."),
    "agi.protocol_violated": (LOOK, "The peer did not speak AGI."),
    "agi.dialogues_aborted": (LOOK, "Dialogues were running when the node stopped; the dialplan asks again."),
    "agi.dialogue_failed": (ALARM, "A fault of Santral in one dialogue; the dialplan asks again. Report it."),
    "agi.key_refused": (ALARM, "A question without this node's key, which did nothing. After new secrets render "
                               "Asterisk's files again (`santral asterisk-conf`); else a program on this machine tries "
                               "to be Asterisk."),
    "agi.reply_timed_out": (LOOK, "Asterisk did not answer a dialogue in time."),
    "agi.route_not_found": (LOOK, "Another program asks this port, or Asterisk's files are of another version."),
    "ami.stale_consult": (LOOK, "The link was lost at the start of a consult transfer; the caller is still with the "
                              "agent."),
    "ami.channel_never_shown": (ALARM, "A question named a call that Asterisk does not have; no phone rang for it. A "
                                       "program on this machine knows the key in extensions.conf: find it."),
    "ami.audit_failed": (LOOK, "This minute had no comparison with Asterisk."),
    "ami.command_failed": (LOOK, "Asterisk refused a command, or a remote agent has no number; the next agent is "
                                 "asked."),
    "node.part_failed": (LOOK, "One part of the node (`part`) failed and starts again; calls go on. Report it."),
    "ami.fallback_queues_missing": (LOOK, "Asterisk has older files without these queues, so they get no members. "
                                          "Render and copy the files."),
    "ami.link_lost": (ALARM, "The link to Asterisk is lost. Act if `ami.connected` does not follow in 10 s."),
    "ami.state_corrected": (LOOK, "The comparison with Asterisk found a difference and corrected the engine."),
    "ami.callers_misbridged": (LOOK, "A phone's transfer key joined two callers while the node did not listen; both "
                                     "wait again."),
    "ami.late_leg_ended": (LOOK, "A phone rang for an ended offer, by an action long under way; the leg was hung up."),
    "ami.leg_talks": (LOOK, "The phone of an ended offer was answered; the talk goes on."),
    "ami.stray_leg_ended": (LOOK, "A phone rang for an ended offer; the leg was hung up."),
    "ami.talk_found": (LOOK, "An agent answered while link or node stood still. The talk goes on."),
    "announcement.sounds_missing": (ALARM, "Sounds of an active announcement are missing; what it closes stays "
                                           "closed."),
    "announcement.sounds_not_removed": (LOOK, "Sounds of an ended announcement cannot be removed. Check owner and "
                                              "mode."),
    "cel.calls_left_out": (ALARM, "More calls ended in a gap than one read takes. The oldest `calls` have no record."),
    "cel.read_failed": (LOOK, "The CEL file (`[asterisk] cel`) cannot be read. Check owner, group and mode."),
    "calendar.coverage_lost": (ALARM, "Today's accommodations leave nobody for some contacts: "
                                    "[CentreFilesBad](runbooks.md#centrefilesbad)."),
    "centre.warned": (LOOK, "A warning of `santral check` at the start."),
    "centre.changed": (LOOK, "The files are good but differ from the last ones in force. `changes` names places; a "
                             "file may be cut off."),
    "centre.last_known_good_used": (ALARM, "The files have problems; the node uses the copy of `since`: "
                                "[CentreFilesBad](runbooks.md#centrefilesbad)."),
    "centre.copy_failed": (LOOK, "No copy of the files could be stored. `santral reload` tries again."),
    "redirect.carrier_silent": (LOOK, "A callback got no answer of the carrier; the next ones begin with `reserve`."),
    "seat.calls_refused": (LOOK, "A seat made more calls than a person can have, and they were refused (SeatFloods)."),
    "call.number_refused": (LOOK, "A call to a number that `[numbers]` does not name, by the form of the number."),
    "channel.command_refused": (LOOK, "No adapter of the channel takes a command: "
                                      "[CommandsRefused](runbooks.md#commandsrefused)."),
    "channel.contact_lost": (LOOK, "A channel's adapter no longer has a contact that was believed alive; the contact "
                                   "has ended."),
    "clock.drift_detected": (LOOK, "The machine's clock was set by `by_s`. Restart the node in a quiet minute."),
    "agent.sign_in_failed": (LOOK, "Wrong number or PIN; five in a minute lock the seat."),
    "disk.reserve_released": (ALARM, "The disk is full, and the node gave its reserve of `room_mb` away: the last room "
                                     "for calls and records. Find what fills the disk."),
    "engine.transition_rejected": (LOOK, "An event did not fit the state; nothing changed."),
    "engine.request_refused": (LOOK, "An event without a requester was refused. `AgentSignedIn` with `not_now`: sign "
                                     "the remote agent in again."),
    "http.request_failed": (ALARM, "A fault of Santral in one request. Report it."),
    "http.request_unreadable": (LOOK, "A client sends no HTTP, or an attack. At most once a minute."),
    "http.sound_aborted": (ALARM, "A recording is damaged on disk. Restore its file."),
    "inbox.overflowed": (ALARM, "20,000 events wait: CPU or disk is too slow. The node reads Asterisk's state again."),
    "ivr.callback_not_accepted": (LOOK, "The engine did not take an agreed callback or its time; the caller waits on."),
    "ivr.engine_timed_out": (LOOK, "The engine did not answer in time; the next tick asks again."),
    "ivr.message_lost": (ALARM, "A voice message cannot be read. Check owner, group and mode of the spool."),
    "ivr.leg_not_found": (ALARM, "A channel that is no agent's leg asked for a caller. Render Asterisk's files again."),
    "ivr.recording_not_paused": (LOOK, "Asterisk did not pause a recording in time, so the recording ended."),
    "ivr.orphaned_caller": (ALARM, "A caller in the hold loop has no live contact and went to the fallback queue. "
                                   "Check clock, store and freezes."),
    "ivr.event_refused": (ALARM, "The engine does not know the service of a menu key; the caller went to the fallback "
                                 "queue. Run `santral check`, restart."),
    "ivr.survey_refused": (ALARM, "The service of a talk left the centre's files; no survey."),
    "ivr.entry_not_found": (LOOK, "Asterisk's files name an unknown menu entry. Render them again."),
    "mqtt.disconnected": (LOOK, "The broker is down or refuses; `behind` facts wait in the store: "
                        "[MqttDown](runbooks.md#mqttdown)."),
    "ivr.input_not_stored": (ALARM, "Digits of a caller could not be stored; the call goes on."),
    "node.reload_refused": (ALARM, "A reload found problems or no engine; nothing changed."),
    "node.handed_over": (ALARM, "The node heard nothing of Asterisk for 3 s, and `to` leads, which reaches it. Look at "
                                "the AMI port and the network; the node stands by until a log-in succeeds."),
    "node.standby_barred": (LOOK, "A node that stands by cannot lead now; `why` says the reason."),
    "node.files_refused": (ALARM, "The centre's files or prompts are not good (`problems`). The node stands by and "
                                  "does not lead until they are."),
    "node.stood_down": (ALARM, "The node lost lease, database or Asterisk (`why`) and stands by. Look whether another "
                               "node leads: `node.ready` in its log. If none does, repair the database."),
    "node.suspended": (LOOK, "The database is away. Callers hear comfort and keep their places for `patience_s`: bring "
                             "a writable server up."),
    "node.suspension_expired": (ALARM, "The database stayed away (`after_s`). Callers go to the fallback queue: bring "
                                       "a writable server up."),
    "node.suspension_failed": (ALARM, "A suspended node cannot listen for AGI (`why`), so callers go to the fallback "
                                      "queue. End the other program at its address."),
    "queue_log.write_failed": (ALARM, "Disk full or wrong owner. Correct it before 1 MB of lines wait."),
    "queue_log.lines_added_late": (LOOK, "The file lacks lines before its last one. Let the file be "
                                   "[written again](../integrate/queue-log.md#recovery) to get them."),
    "queue_log.number_not_decrypted": (LOOK, "The key of `callerid` is gone. Restore `secrets/numbers.json`."),
    "queue_log.store_replaced": (LOOK, "The file belongs to another store; new lines are appended."),
    "queue_log.stopped": (ALARM, "The file was not corrected in time or not readable at the start. Correct it, "
                                 "restart; no line is lost."),
    "queue_log.lines_unexplained": (LOOK, "Another program writes into the file, or the file was restored."),
    "journal.snapshot_failed": (ALARM, "The nightly state was not written; the journal is kept longer."),
    "report.mail_failed": (ALARM, "The report of a day was not mailed; `santral report mail` sends it."),
    "privacy.purge_failed": (ALARM, "Old data was not destroyed; tried again the next night."),
    "privacy.newer_entries_kept": (LOOK, "A newer version wrote `entries` of the journal; a node of it destroys them."),
    "recording.purge_failed": (ALARM, "Old recordings could not be destroyed; tried again in an hour."),
    "recording.suspended": (ALARM, "No talk is recorded: [RecordingOff](runbooks.md#recordingoff)."),
    "redirect.number_unavailable": (ALARM, "A callback has no diallable number, or `numbers.json` does not open it."),
    "redirect.token_rejected": (LOOK, "A request for a number had an unknown or old token."),
    "sms.send_failed": (LOOK, "The gateway refused a message: [SmsFailing](runbooks.md#smsfailing)."),
    "sms.callback_not_told": (LOOK, "Very many callbacks ended at once; this caller gets no message."),
    "sms.store_failed": (ALARM, "The store did not take a message; the caller was told."),
    "store.repaired": (ALARM, "Records contradicted each other at the start. Callers wait again, agents are free. Only "
                              "the node may write to the store."),
    "store.commit_delayed": (LOOK, "A commit took `seconds`: another program locks the store, or its disk is slow. "
                                   "The node ends at ten."),
    "store.standby_missed": (LOOK, "PostgreSQL has no synchronous standby, so calls may be lost with the server. Start "
                                   "the standby, or name one (`synchronous_standby_names`)."),
    "store.fact_unreadable": (ALARM, "Facts of another version (`kind`) are missing in metrics and queue_log."),
    "recording.store_failed": (ALARM, "A recording could not be sealed; tried again every 2 s."),
    "recording.private_discarded": (LOOK, "A recording of a `private` or `anonymous` service was destroyed. "
                                           "Render Asterisk's files again."),
    "recording.unknown_file_found": (LOOK, "Another program writes into the spool; the file was removed."),
    "note.not_opened": (ALARM, "A note does not open with the keys of this state. Restore `secrets/notes.json` "
                              "from the backup of the secrets."),
    "phone.message_refused": (LOOK, "A page sent a message that may not pass (`reason`); its connection was closed. If "
                                    "it repeats, somebody tries to speak as another seat."),
    "phone.websocket_refused": (ALARM, "Asterisk's web server takes no page (`why`). Load the modules of the rendered "
                                       "`modules.conf`; no page rings until then."),
    "phone.page_too_slow": (LOOK, "A page took no message for ten seconds and was cut off; it connects again."),
    "preferences.store_failed": (ALARM, "Caller preferences could not be stored (`why`); the caller was told."),
    "preferences.expiry_failed": (LOOK, "Old preferences were not deleted; tried again in an hour."),
    "sign_in.failed": (LOOK, "The store did not answer, so somebody could not sign in (`why`)."),
    "sign_in.slowed": (LOOK, "Somebody tried many wrong passwords for one name; the answers come late. Many of these "
                             "lines are an attack."),
    "sessions.check_failed": (LOOK, "The store did not tell which sessions have ended; asked again in half a second."),
    "callbacks.held": (LOOK, "A restore holds all callbacks. Look at `santral callbacks`, then `santral "
                             "release-callbacks`."),
    "surge.in_force": (LOOK, "A surge profile was in force at the last stop and still is: `santral surge off`."),
    "surge.switched": (LOOK, "Somebody switched a surge profile; the audit log names the person."),
    "surge.switch_refused": (LOOK, "An agent outside `[surge] supervisors` tried `*50`."),
    "surge.profile_missing": (ALARM, "The profile in force is no longer in santral.toml, so nothing of it applies. "
                                     "Add it again, or `santral surge off`."),
}
