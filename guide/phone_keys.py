"""Codes of agents' phones and exit codes, with their meanings. A test compares the codes with `ivr`."""

from __future__ import annotations

CODES: dict[str, str] = {
    "*40": "Sound check: hear yourself for 15 s. In a centre with `[seats.web]` or `[seats.far]`.",
    "*41": "Where am I: state, time left, who waits; then `1` for the codes.",
    "*42": "Flag the last caller as abusive.",
    "*43": "Decline heavy contacts for a while.",
    "*44": "Sign out.",
    "*45": "Sign in: number `#`, PIN `#`.",
    "*46": "Pause; a digit selects the reason. With the digit dialled (`*462`) nothing is asked.",
    "*47": "Ready.",
    "*48": "End wrap-up.",
    "*49": "Extend wrap-up, or start one within `wrapup_s` after the talk.",
    "*50": "Switch a surge profile: number `#`, PIN `#`, then 1 to 9, or 0 for off. For supervisors of `[surge]`.",
}
"""Codes that an agent dials outside a talk."""

EXIT_ADVICE: dict[int, tuple[str, str]] = {
    0: ("Ended by SIGTERM or Ctrl-C.", "Nothing."),
    1: ("A secret's file is damaged or readable by others; or a fault of Santral, with a traceback.",
        "Correct the file that the last line names. Report a traceback; it holds no personal data."),
    2: ("The centre's files have problems, without a last good copy; or a journal cannot be read.",
        "Correct each problem in the list. systemd does not try again."),
    3: ("An address of `[listen]` is in use.", "End the other program, or choose another address."),
    4: ("Store or state folder: no room, no rights, damaged, newer version, held by another node; or "
        "`secrets/numbers.json`.", "Make room, correct the owner, restore, or stop the other node. systemd tries each "
                                   "second."),
    5: ("Asterisk did not answer within 15 s, or refused the login.",
        "Start Asterisk. Render `manager.conf` again after a change of secrets. systemd tries each second."),
    6: ("The store needs a migration for which callers would wait.",
        "Run the command of the last line. systemd does not try again."),
}
"""Exit code of a node -> meaning and action."""
