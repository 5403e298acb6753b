"""Draw a conclusion from the last time a contact looked for an agent: who could have helped, and where they were."""

from __future__ import annotations

from collections.abc import Sequence

from planning.staffing.coverage import services_by_agent
from planning.why.contact_account import ContactAccount, WaitExplanation
from planning.why.words import AccountWords
from routing.core.explain import Exclusion, ExclusionReason
from routing.core.model import facts as f
from routing.core.model.centre_model import Outcome
from routing.core.model.ids import ServiceId

LONG_WAIT_S = 60.0
"""Wait from which an answered contact has a conclusion too. Nobody asks why a shorter one waited."""


def draw_conclusion(account: ContactAccount, words: AccountWords) -> str | None:
    """Return one sentence, or None if the contact never waited or the replay cannot tell."""
    found = account.waiting or (account.waits[max(account.waits)] if account.waits else None)
    service = _last_service(account)
    if found is None or not service or not _waited_long(account):
        return None
    centre = account.centre_at(account.facts[-1])
    able = {agent for agent, services in services_by_agent(centre).items() if service in services}
    some = [one for one in found.agents if one.agent in able]
    name = words.service_name(centre, service)
    # 1. Nobody who may serve it was signed in.
    if all(one.reason is ExclusionReason.AWAY for one in some):
        return _explain_absence(found, some, name, words)
    # 2. Some were, and had a reason each. The common word hides reasons from needs.
    there = [one for one in some if one.reason is not ExclusionReason.AWAY]
    reasons = ", ".join(f"{len(agents)} {text}" for text, agents in words.group_by_reason(there))
    return words.translate_text("conclusion.busy", service=name, agents=len(there), reasons=reasons,
                                time=words.format_time(found.at))


def _explain_absence(found: WaitExplanation, some: Sequence[Exclusion], name: str, words: AccountWords) -> str:
    if not some:
        return words.translate_text("conclusion.no_team", service=name)
    since = [found.left[one.agent] for one in some if one.agent in found.left]
    if not since:
        return words.translate_text("conclusion.nobody", service=name, time=words.format_time(found.at))
    return words.translate_text("conclusion.left", service=name, time=words.format_time(max(since), found.at))


def _last_service(account: ContactAccount) -> ServiceId | None:
    """Return the service whose queue the contact entered last."""
    return next((fact.service for fact in reversed(account.facts) if isinstance(fact, f.Queued | f.Moved)), None)


def _waited_long(account: ContactAccount) -> bool:
    ended = next((fact for fact in account.facts if isinstance(fact, f.Ended)), None)
    if ended is None:
        return account.waiting is not None
    return ended.outcome is not Outcome.ANSWERED or ended.wait_s >= LONG_WAIT_S
