"""Put the account of `santral why` into Turkish or English.

All reasons that come from agents' needs share one word, unless the reader may know them. The same holds for the end of
an offer, and for anything a decision compared besides level and idle time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from drawing.texts import Phrase, read_texts
from routing.core.explain import PRIVATE, Exclusion, ExclusionReason
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import ENGAGED_STATES, AgentState, Centre, Needs, Service
from routing.core.model.ids import ServiceId
from routing.core.model.reasons import NO_ANSWER, NOT_NOW, REACHED, REQUESTED, TIME_CHOSEN

NEAR_UNFIT = list(ExclusionReason).index(ExclusionReason.PAIR)
"""Rank of the common word among the reasons, from hard to soft. It comes after all reasons that anybody can see."""


def all_texts() -> dict[str, Phrase]:
    """Return every text of `santral why` by key."""
    return read_texts("planning", "why_texts.yaml")


class AccountWords:
    """A language, a clock, and whether needs may be named."""

    def __init__(self, zone: tzinfo, *, english: bool = False, needs: bool = False) -> None:
        self.zone, self.english, self.needs = zone, english, needs

    def translate_text(self, key: str, /, **values: object) -> str:
        """Return the text of this key in this language, with its placeholders filled in."""
        return all_texts()[key].text(english=self.english).format(**values)

    def say_if_known(self, section: str, key: str, otherwise: str) -> str:
        """Return the text of a key in a section, or `otherwise` if the section has no such key."""
        return self.translate_text(f"{section}.{key}") if f"{section}.{key}" in all_texts() else otherwise

    def format_date(self, at: float) -> str:
        """Return a date of the centre's clock."""
        return datetime.fromtimestamp(at, self.zone).strftime("%Y-%m-%d" if self.english else "%d.%m.%Y")

    def format_time(self, at: float, beside: float | None = None) -> str:
        """Return a time of day, with the date if `beside` is on another day."""
        time = datetime.fromtimestamp(at, self.zone).strftime("%H:%M:%S")
        return time if beside is None or self.format_date(at) == self.format_date(beside) \
            else f"{self.format_date(at)} {time}"

    def format_duration(self, seconds: float) -> str:
        """Return a duration in whole seconds, with its two largest units."""
        whole = round(max(0.0, seconds))
        hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
        names = ("h", "min", "s") if self.english else ("sa", "dk", "sn")
        parts = [f"{value} {name}" for value, name in zip((hours, minutes, rest), names, strict=True) if value]
        return " ".join(parts[:2]) or f"0 {names[2]}"

    def service_name(self, centre: Centre, service: ServiceId | str) -> str:
        """Return the name of a service, with its id if the two differ."""
        name = next((one.name for one in centre.services if one.id == service), "")
        return f"{name} ({service})" if name and name != service else str(service)

    def exclusion_reason(self, one: Exclusion, tier: int = 0) -> str:
        """Return why an agent did not get the contact, if the chosen agent took it in this tier.

        Reasons from needs share one word unless the reader may know them. The same word hides that an able agent was
        kept for later because of a load limit.
        """
        # 1. Hide reasons from needs, or show the reason that anybody could see.
        why, detail = one.reason, one.detail
        spared = one.ranking is not None and one.ranking.tier > tier
        if (why in PRIVATE or spared) and not self.needs:
            if one.visible_reason is None:
                return self.translate_text("unfit")
            why, detail = one.visible_reason
        elif spared:
            return self.translate_text("spared")
        # 2. An agent at work counts as busy, even if a break or a sign-out follows.
        if why is ExclusionReason.STATE:
            state = AgentState(detail)
            busy = state in ENGAGED_STATES
            return self.translate_text(f"reasons.{ExclusionReason.BUSY if busy else ExclusionReason.STATE}",
                                       detail=self.translate_text(f"states.{state}"))
        # 3. Agents with different levels below the same limit share one reason.
        if why is ExclusionReason.LEVEL:
            skill, _, least = detail.split(" ", 2)
            detail = f"{skill} {least}"
        return self.translate_text(f"reasons.{why}", detail=detail)

    def agent_name(self, one: Exclusion) -> str:
        """Return an agent in a list of the same reason, with the level if the level is the reason."""
        return f"{one.agent} ({one.detail.split(' ')[1]})" if one.reason is ExclusionReason.LEVEL else str(one.agent)

    def group_by_reason(self, agents: Sequence[Exclusion], tier: int = 0) -> list[tuple[str, list[str]]]:
        """Return the agents by reason, from the closest candidates to absent agents."""
        groups: dict[str, list[str]] = {}
        nearness: dict[str, int] = {}
        for one in agents:
            if one.reason is not ExclusionReason.CHOSEN:
                text = self.exclusion_reason(one, tier)
                groups.setdefault(text, []).append(self.agent_name(one))
                # The position of the common word must not reveal which need it was.
                near = NEAR_UNFIT if text == self.translate_text("unfit") \
                    else list(ExclusionReason).index((one.visible_reason or (one.reason, ""))[0])
                nearness[text] = max(near, nearness.get(text, 0))
        return sorted(groups.items(), key=lambda group: (-nearness[group[0]], group[0]))

    def requirement_text(self, service: Service | None, step: int, needs: Needs = ()) -> str:
        """Return the needs of a step as text."""
        if service is None or step >= len(service.steps):
            return ""
        # 1. Needs of the step, of every step, and of the caller.
        one = service.steps[step]
        asked = [f"{skill} ≥ {level}" for skill, level in one.needs]
        asked += [one.where] if one.where else []
        fixed = [f"{skill} ≥ {level}" for skill, level in service.floor]
        fixed += [service.floor_where] if service.floor_where else []
        own = [f"{skill} ≥ {level}" for skill, level in needs]
        # 2. Join the parts.
        parts = [", ".join(asked) or self.translate_text("lines.anybody")]
        if fixed:
            parts.append(self.translate_text("lines.every_step", needs=", ".join(fixed)))
        if own:
            parts.append(self.translate_text("lines.callers_own", needs=", ".join(own)))
        return "; ".join(parts)

    def step_text(self, service: Service | None, step: int, needs: Needs = ()) -> str:
        """Return a step with its needs. A single step without needs gives an empty text."""
        wanted = self.requirement_text(service, step, needs)
        several = service is not None and len(service.steps) > 1
        if not several or not wanted:
            return self.translate_text("lines.asked", wanted=wanted) if wanted else ""
        return self.translate_text("lines.step_asked", step=step + 1, wanted=wanted)

    def menu_text(self, fact: f.MenuEndedRecorded, centre: Centre) -> str:
        """Return the IVR path as text."""
        chosen = self.service_name(centre, fact.service) if fact.service else "–"
        outcome = self.translate_text(f"menu.{fact.outcome}", service=chosen)
        found = [self.translate_text("lines.menu", entry=fact.entry, nodes=" › ".join(fact.nodes),
                                     lasted=self.format_duration(fact.lasted_s), outcome=outcome)]
        if fact.timeouts:
            found.append(self.translate_text("lines.menu_timeouts", count=fact.timeouts))
        if fact.wrong:
            found.append(self.translate_text("lines.menu_wrong", count=fact.wrong))
        return ", ".join(found)

    def offer_end_text(self, fact: f.OfferClosed) -> str:
        """Return how an offer ended without a connection."""
        reason = fact.reason
        if reason.startswith("callback_"):
            return self.translate_text("lines.callback_missed", agent=fact.agent,
                                       why=self.callback_failure_text(reason[9:]))
        withdrawn = self.translate_text("withdrawn")
        secret = reason == NOT_NOW and not self.needs
        # The ringing time is a rule of the profile, so a ring-no-answer shows it only with needs.
        told = fact.rang_s and (self.needs or reason != NO_ANSWER)
        return self.translate_text(
            "lines.not_connected", agent=fact.agent,
            why=withdrawn if secret else self.say_if_known("ends", reason, withdrawn),
            rang=self.translate_text("lines.rang", time=self.format_duration(fact.rang_s)) if told else "")

    def callback_failure_text(self, reason: str) -> str:
        """Return why a callback try failed."""
        return self.say_if_known("tries", reason, reason)

    def outcome_text(self, fact: f.Ended) -> str:
        """Return the outcome of a contact as text."""
        outcome = self.translate_text(f"outcomes.{fact.outcome}")
        said = self.say_if_known("needless", fact.key, outcome)
        key = self.translate_text("lines.by_key", key=fact.key) if fact.key.isdigit() and said == outcome else ""
        where = self.translate_text("lines.at_place", place=fact.position) if fact.position else ""
        return f"{said}{key}; {self.translate_text('lines.waited', time=self.format_duration(fact.wait_s))}{where}"

    def talk_end_text(self, fact: tf.TalkEndedRecorded, centre: Centre) -> str:
        """Return the end of a talk as text."""
        sent_on = self.translate_text("lines.sent_on", service=self.service_name(centre, fact.to or fact.service))
        return self.translate_text(
            "lines.talk_ended", agent=fact.agent, talked=self.format_duration(fact.talk_s),
            held=self.translate_text("lines.on_hold", time=self.format_duration(fact.held_s)) if fact.held_s else "",
            by=self.say_if_known("by", fact.by, sent_on))

    def callback_text(self, fact: f.CallbackChanged, beside: float) -> str:
        """Return a change of a callback as text."""
        if fact.reason == REQUESTED:
            later = fact.not_before > fact.at + 1.0
            return self.translate_text("lines.callback_asked", later=self.translate_text(
                "lines.not_before", time=self.format_time(fact.not_before, beside)) if later else "")
        if fact.reason == TIME_CHOSEN:
            return self.translate_text("lines.callback_time_chosen", time=self.format_time(fact.not_before, beside))
        if fact.reason == REACHED:
            return self.translate_text("lines.callback_reached")
        return self.translate_text(
            "lines.callback_failed", tries=fact.tries, why=self.callback_failure_text(fact.reason),
            time=self.format_time(fact.not_before, beside))
