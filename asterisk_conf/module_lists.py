"""List the modules of Asterisk that are loaded, and those that never are."""

from __future__ import annotations

from asterisk_conf.conf_plan import FAR_CODECS, AsteriskPlan

DENIED: dict[str, str] = {
    "bridge_native_rtp.so": "forwards an agent's RTP with its own numbering: half of the callers stayed silent",
    "res_pjsip_diversion.so": "would take a caller's redirecting number into the channel",
    "app_system.so": "runs shell commands",
    "func_shell.so": "runs shell commands",
    "app_externalivr.so": "starts programs",
    "func_curl.so": "reaches out over HTTP",
    "res_curl.so": "reaches out over HTTP",
    "func_env.so": "reads and writes files and the environment",
    "func_odbc.so": "reaches a database",
    "app_originate.so": "starts calls from a dialplan function",
    "app_minivm.so": "starts programs",
    "app_voicemail.so": "a machine that answers is not an answer",
    "app_voicemail_imap.so": "the same",
    "app_voicemail_odbc.so": "the same",
    "app_disa.so": "an outside line for callers",
    "app_chanspy.so": "listens in: comes with roles and an audit trail or not at all",
    "pbx_spool.so": "starts calls from files",
    "pbx_dundi.so": "dialplan from the network",
    "pbx_realtime.so": "dialplan from a database",
    "chan_iax2.so": "a second door for calls",
    "chan_unistim.so": "a second door for calls",
    "chan_skinny.so": "a second door for calls",
    "chan_mgcp.so": "a second door for calls",
    "chan_sip.so": "a second door for calls",
    "chan_motif.so": "a second door for calls",
    "res_pjsip_endpoint_identifier_anonymous.so": "lets strangers in",
    "res_pjsip_phoneprov_provider.so": "hands out phones' secrets",
    "res_phoneprov.so": "hands out phones' secrets",
    "res_pjsip_notify.so": "not used",
    "res_monitor.so": "old recording, follows the caller's variables",
    "res_ari.so": "not used, and a second way to command Asterisk",
}
"""Reason for each module that is never loaded. A module that an Asterisk does not have does no harm here."""

WEBSOCKET = "res_http_websocket.so"
PAGES: tuple[str, ...] = (WEBSOCKET, "res_pjsip_transport_websocket.so", "res_srtp.so", "app_echo.so")
"""Modules of seats whose phone is a page. The echo is for their sound check."""
WITHOUT_PAGES = {WEBSOCKET: "without pages Asterisk's web server is there for its metrics alone"}
"""Reason for each module that is loaded for pages only."""

NEEDED: tuple[str, ...] = (
    # the dialplan and its functions
    "pbx_config.so", "app_bridgeaddchan.so", "app_stack.so", "app_playback.so", "app_read.so", "app_queue.so",
    "app_celgenuserevent.so", "app_dial.so",
    "func_channel.so", "func_cut.so", "func_global.so", "func_logic.so", "func_strings.so",
    "func_lock.so", "func_timeout.so", "func_callerid.so", "func_dialplan.so", "func_hangupcause.so", "func_math.so",
    "func_pjsip_aor.so", "func_pjsip_contact.so", "func_pjsip_endpoint.so", "func_devstate.so", "func_groupcount.so",
    "func_volume.so",
    "app_mixmonitor.so", "app_senddtmf.so", "app_softhangup.so", "app_playtones.so", "app_verbose.so",
    # AGI, AMI, music, CEL recovery
    "res_agi.so", "res_speech.so", "res_musiconhold.so", "res_manager_devicestate.so", "res_cdrel_custom.so",
    "cel_custom.so",
    "res_security_log.so", "res_rtp_asterisk.so", "res_timing_timerfd.so",
    # media
    "bridge_simple.so", "bridge_softmix.so", "bridge_holding.so", "bridge_builtin_features.so",
    "bridge_builtin_interval_features.so",
    "codec_alaw.so", "codec_ulaw.so", "codec_a_mu.so", "codec_g722.so", "codec_resample.so", "codec_gsm.so",
    "format_pcm.so", "format_wav.so", "format_sln.so", "format_gsm.so",
    # SIP
    "res_sorcery_astdb.so", "res_sorcery_config.so", "res_sorcery_memory.so", "res_pjproject.so", "res_pjsip.so",
    "res_pjsip_session.so", "chan_pjsip.so", "res_pjsip_acl.so", "res_pjsip_authenticator_digest.so",
    "res_pjsip_caller_id.so", "res_pjsip_dtmf_info.so", "res_pjsip_empty_info.so",
    "res_pjsip_endpoint_identifier_ip.so", "res_pjsip_endpoint_identifier_user.so", "res_pjsip_header_funcs.so",
    "res_pjsip_logger.so", "res_pjsip_nat.so", "res_pjsip_outbound_authenticator_digest.so",
    "res_pjsip_outbound_registration.so", "res_pjsip_refer.so", "res_pjsip_registrar.so", "res_pjsip_rfc3326.so",
    "res_pjsip_sdp_rtp.so", "res_pjsip_pubsub.so",
)  # fmt: skip
"""Modules that the rendered files use, and the shared modules that these need."""

APPLICATIONS: dict[str, str] = {
    **dict.fromkeys(("Answer", "Bridge", "Goto", "GotoIf", "Hangup", "NoOp", "Set", "Wait"), ""),
    "AGI": "res_agi.so", "BridgeAdd": "app_bridgeaddchan.so", "CELGenUserEvent": "app_celgenuserevent.so",
    "Dial": "app_dial.so", "Echo": "app_echo.so", "Log": "app_verbose.so",
    "Gosub": "app_stack.so", "MixMonitor": "app_mixmonitor.so", "StopMixMonitor": "app_mixmonitor.so",
    "Playback": "app_playback.so", "Queue": "app_queue.so", "Read": "app_read.so", "Return": "app_stack.so",
    "SoftHangup": "app_softhangup.so",
    "StartMusicOnHold": "res_musiconhold.so", "StopMusicOnHold": "res_musiconhold.so",
}  # fmt: skip
"""Module of each application. Empty for an application of Asterisk itself.

A dialplan with another application ends the call there ("No application ... for extension" in the log), so the linter
refuses it.
"""

BY_CODEC: dict[str, tuple[str, ...]] = {
    "opus": ("codec_opus_open_source.so", "res_format_attr_opus.so"),
}
"""Further modules of each codec. Opus is a package of Debian. Other builds give it another name."""

METRICS = "res_prometheus.so"
"""Module of Asterisk's own metrics."""

BY_ENCRYPTION: dict[str, tuple[str, ...]] = {"no": (), "sdes": ("res_srtp.so",)}


def list_denied(pages: bool) -> dict[str, str]:
    """Return the modules that are never loaded, with their reasons. Pages need one that is denied otherwise."""
    return DENIED if pages else DENIED | WITHOUT_PAGES


def list_needed(plan: AsteriskPlan) -> list[str]:
    """Return the modules that Asterisk loads for a plan, in the order of loading."""
    codecs = [*plan.codecs, *(FAR_CODECS if plan.pages and plan.pages.far else ())]
    codecs += plan.trunk.codecs
    found = [*NEEDED, *(name for codec in codecs for name in BY_CODEC.get(codec, ())),
             *BY_ENCRYPTION["sdes" if plan.trunk.srtp else plan.media_encryption], *(PAGES if plan.pages else ()),
             *([METRICS] if plan.metrics else ())]
    return list(dict.fromkeys(found))
