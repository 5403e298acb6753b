"""Whether everything that a centre says to callers has been built, and its services can be routed."""

from __future__ import annotations

from pathlib import Path

from centres.load import SERVICES
from centres.problem import Problem
from ivr.app import complete
from ivr.sounds import files
from prompts.catalogue import Catalogue
from prompts.errors import CatalogueTrouble
from routing.core import requirement
from santral.config import NodeConfig


def playable(config: NodeConfig) -> tuple[Catalogue | None, tuple[Problem, ...]]:
    """The built prompts of a centre whose files are sound; or None and what stands in its way."""
    root = Path(config.settings.asterisk.sounds)
    try:
        requirement.check(config.centre)
    except requirement.ServiceError as error:
        return None, (Problem(config.loaded.place(SERVICES, error.service, error.field), str(error), "Correct it."),)
    try:
        sounds = Catalogue.load(root)
        complete(config.flow, sounds)
        files(sounds, [reason.prompt for reason in config.centre.pause_reasons if reason.prompt])
    except CatalogueTrouble as error:
        return None, (Problem(str(root), "the prompts are not complete", str(error)),)  # it says how to mend it
    except LookupError as error:
        return None, (Problem(str(root), f"the prompts are not complete: {error}",
                              f"Build them: santral prompts build --out {root}"),)
    return sounds, ()
