"""Check that all prompts of a centre are built and that its services can be routed."""

from __future__ import annotations

from pathlib import Path

from centres.centre_reader import SERVICES
from centres.problem import Problem
from ivr.dialogues import require_prompts
from ivr.sounds import prompt_files
from prompts.catalogue import Catalogue
from prompts.errors import CatalogueError
from routing.core.matching import skill_requirement
from santral.centre.centre_words import centre_words
from santral.centre.config import NodeConfig


def check_playable(config: NodeConfig) -> tuple[Catalogue | None, tuple[Problem, ...]]:
    """Return the built prompts of a centre with valid files, or None and the problems."""
    root = Path(config.settings.asterisk.sounds)
    # 1. Check the services with the engine's own rules.
    try:
        skill_requirement.check_centre(config.centre)
    except skill_requirement.ServiceError as error:
        return None, (Problem(config.loaded.location_of(SERVICES, error.service, error.field), str(error),
                              "Correct it."),)
    # 2. Load the built prompts, and look for each that menu and pause reasons name.
    try:
        sounds = Catalogue.load_built(root, centre_words(config.loaded))
        require_prompts(config.flow, sounds)
        prompt_files(sounds, [reason.prompt for reason in config.centre.pause_reasons if reason.prompt])
    except CatalogueError as error:
        # The text of the error says how to fix it.
        return None, (Problem(str(root), "the prompts are not complete", str(error)),)
    except LookupError as error:
        return None, (Problem(str(root), f"the prompts are not complete: {error}",
                              f"Build them: santral prompts build --out {root}"),)
    return sounds, ()
