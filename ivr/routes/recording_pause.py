"""Pause and resume the recording of a talk when its agent presses keys.

The dialplan plays the answer from `ACD_SAY`. If the node does not answer, the dialplan ends the recording. Sound that
must not be stored is then not stored, whichever part has failed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from ivr import dialplan
from ivr.agi.session import Session
from ivr.sounds import Sounds, prompt_files

RECORDING_PAUSED, RECORDING_RESUMED, NO_RECORDING = "kayit-durdu", "kayit-suruyor", "kayit-yok"
OWN_PROMPTS = (RECORDING_PAUSED, RECORDING_RESUMED, NO_RECORDING)

PauseRecording = Callable[[str, bool], Awaitable[bool]]
"""Pause or resume the recording of an agent's leg, by channel id. Return whether a recording exists.

Raise TimeoutError if the result is unknown.
"""

log = structlog.get_logger(__name__)


async def no_recordings(leg: str, on: bool) -> bool:
    """Return False. This is the `PauseRecording` of a node that records nothing."""
    return False


KEEP_PAUSED = "keep"
"""Argument of a recording that was paused and is to stay paused, without a request of the agent."""


class RecordingPause:
    """Endpoint of `agi://node/recording-pause,<1 while it is paused>,<leg>`, and on the leg itself of
    `recording-pause,keep`."""

    def __init__(self, sounds: Sounds, silence: PauseRecording, still: PauseRecording) -> None:
        """Set the function that pauses (`silence`), and the one that repeats a pause without a note (`still`)."""
        self.sounds, self.silence, self.still = sounds, silence, still

    async def toggle_pause(self, session: Session) -> None:
        """Switch between pause and recording. `ACD_NEXT` stays empty if Asterisk did not do it.

        The dialplan then ends the recording.
        """
        was, leg = session.argument_at(1), session.argument_at(2) or session.uniqueid
        pause = was != "1"
        spoken = NO_RECORDING
        try:
            done = await (self.still if was == KEEP_PAUSED else self.silence)(leg, pause)
        except TimeoutError:
            log.warning("ivr.recording_not_paused", leg=leg)
            return
        if done:
            spoken = RECORDING_PAUSED if pause else RECORDING_RESUMED
        await session.set_variable(dialplan.SAY, "&".join(prompt_files(self.sounds, (spoken,))))
        await session.set_variable(dialplan.NEXT, dialplan.HOLD)
