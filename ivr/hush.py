"""An agent has the recording paused by keys in the talk, and go on by the same keys.

What is to be said to the agent comes back in `ACD_SAY`. When this does not answer, the dialplan ends the recording:
what shall not be kept is not kept, whoever is dead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from ivr import dialplan
from ivr.agi.session import Session
from ivr.sounds import Sounds, files

PAUSED, RESUMED, NONE = "kayit-durdu", "kayit-suruyor", "kayit-yok"
OWN_PROMPTS = (PAUSED, RESUMED, NONE)

Silence = Callable[[str, bool], Awaitable[bool]]
"""Channel id of the agent's leg, on or off -> whether there was a recording to silence. Raises TimeoutError: nobody
knows."""

log = structlog.get_logger(__name__)


async def no_recordings(leg: str, on: bool) -> bool:
    """The `Silence` of a node that records nothing."""
    return False


STILL = "still"
"""Instead of what it was: paused it was and is to be, nobody has asked for anything."""


class Hush:
    """Endpoint of `agi://node/hush,<1 while it is paused>`, and of `hush,still`."""

    def __init__(self, sounds: Sounds, silence: Silence, still: Silence) -> None:
        """`still` silences what an agent has paused before: the same as `silence`, and nothing new to note."""
        self.sounds, self.silence, self.still = sounds, silence, still

    async def hush(self, session: Session) -> None:
        """The other way round than it is. `ACD_NEXT` stays empty when Asterisk did not do it: the dialplan ends the
        recording then."""
        was = session.argument(1)
        pause = was != "1"
        spoken = NONE
        try:
            done = await (self.still if was == STILL else self.silence)(session.uniqueid, pause)
        except TimeoutError:
            log.warning("ivr.not_silenced", leg=session.uniqueid)
            return
        if done:
            spoken = PAUSED if pause else RESUMED
        await session.set_variable(dialplan.SAY, "&".join(files(self.sounds, (spoken,))))
        await session.set_variable(dialplan.NEXT, dialplan.HOLD)
