"""What `santral why` says, in Turkish and in English.

Reasons that come from what an agent needs have one word for all of them, unless who asks may know them. The same holds
for how an offer ended, and for what a decision weighed beside level and turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from drawing.texts import Said, read_texts
from routing.core import facts as f
from routing.core import talk_facts as tf
from routing.core.excluded import PRIVATE, Exclusion, Why
from routing.core.ids import ServiceId
from routing.core.model import AgentState, Centre, Needs, Service

PRIVATE_ENDS = frozenset({"taken_back"})
"""Ends of an offer that come from what an agent needs: "not now"."""

AT_WORK = frozenset({AgentState.RINGING, AgentState.TALKING, AgentState.WRAPUP})

NEAR_UNFIT = list(Why).index(Why.PAIR)
"""Among the reasons, from the hardest to the softest: after all that can be seen."""


def all_texts() -> dict[str, Said]:
    """Return every text of `santral why` by key."""
    return read_texts("planning", "why_texts.yaml")


class Words:
    """One language, one clock, and whether needs may be named."""

    def __init__(self, zone: tzinfo, *, english: bool = False, needs: bool = False) -> None:
        self.zone, self.english, self.needs = zone, english, needs

    def say(self, key: str, /, **values: object) -> str:
        """Return the text of this key in this language, with its placeholders filled in."""
        return all_texts()[key].text(english=self.english).format(**values)

    def say_if_known(self, section: str, key: str, otherwise: str) -> str:
        """Return the text of a key in a section, or `otherwise` if the section has no such key."""
        return self.say(f"{section}.{key}") if f"{section}.{key}" in all_texts() else otherwise

    def day(self, at: float) -> str:
        """A date of the centre's clock."""
        return datetime.fromtimestamp(at, self.zone).strftime("%Y-%m-%d" if self.english else "%d.%m.%Y")

    def clock(self, at: float, beside: float | None = None) -> str:
        """A time of day; with the date in front when `beside` is of another day."""
        time = datetime.fromtimestamp(at, self.zone).strftime("%H:%M:%S")
        return time if beside is None or self.day(at) == self.day(beside) else f"{self.day(at)} {time}"

    def lasts(self, seconds: float) -> str:
        """A length of time, whole seconds."""
        whole = round(max(0.0, seconds))
        hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
        names = ("h", "min", "s") if self.english else ("sa", "dk", "sn")
        parts = [f"{value} {name}" for value, name in zip((hours, minutes, rest), names, strict=True) if value]
        return " ".join(parts[:2]) or f"0 {names[2]}"

    def service(self, centre: Centre, service: ServiceId | str) -> str:
        """Its name, and its id where that says more."""
        name = next((one.name for one in centre.services if one.id == service), "")
        return f"{name} ({service})" if name and name != service else str(service)

    def reason(self, one: Exclusion, tier: int = 0) -> str:
        """Why an agent did not get the contact, where the chosen one took it in this tier. What comes of a need is one
        word, for who may not know it: and so is that somebody was spared who could have taken it."""
        why, detail = one.why, one.detail
        spared = one.merit is not None and one.merit.tier > tier
        if (why in PRIVATE or spared) and not self.needs:
            if one.seen is None:
                return self.say("unfit")
            why, detail = one.seen
        elif spared:
            return self.say("spared")
        if why is Why.STATE:
            state = AgentState(detail)
            busy = state in AT_WORK  # and on a break, or gone, after it
            return self.say(f"reasons.{Why.BUSY if busy else Why.STATE}", detail=self.say(f"states.{state}"))
        if why is Why.LEVEL:  # of many with many levels it is one reason
            skill, _, least = detail.split(" ", 2)
            detail = f"{skill} {least}"
        return self.say(f"reasons.{why}", detail=detail)

    def name(self, one: Exclusion) -> str:
        """An agent in a list of those with the same reason: with their own level, where that is the reason."""
        return f"{one.agent} ({one.detail.split(' ')[1]})" if one.why is Why.LEVEL else str(one.agent)

    def grouped(self, agents: Sequence[Exclusion], tier: int = 0) -> list[tuple[str, list[str]]]:
        """Who was not chosen, by reason: those who came nearest first, those who were not there last."""
        groups: dict[str, list[str]] = {}
        nearness: dict[str, int] = {}
        for one in agents:
            if one.why is not Why.CHOSEN:
                text = self.reason(one, tier)
                groups.setdefault(text, []).append(self.name(one))
                # Where the one word for needs stands must not tell which of them it was.
                near = NEAR_UNFIT if text == self.say("unfit") else list(Why).index((one.seen or (one.why, ""))[0])
                nearness[text] = max(near, nearness.get(text, 0))
        return sorted(groups.items(), key=lambda group: (-nearness[group[0]], group[0]))

    def wanted(self, service: Service | None, step: int, needs: Needs = ()) -> str:
        """What a step asks for."""
        if service is None or step >= len(service.steps):
            return ""
        one = service.steps[step]
        asked = [f"{skill} ≥ {level}" for skill, level in one.needs]
        asked += [one.where] if one.where else []
        fixed = [f"{skill} ≥ {level}" for skill, level in service.floor]
        fixed += [service.floor_where] if service.floor_where else []
        own = [f"{skill} ≥ {level}" for skill, level in needs]
        parts = [", ".join(asked) or self.say("lines.anybody")]
        if fixed:
            parts.append(self.say("lines.every_step", needs=", ".join(fixed)))
        if own:
            parts.append(self.say("lines.callers_own", needs=", ".join(own)))
        return "; ".join(parts)

    def step(self, service: Service | None, step: int, needs: Needs = ()) -> str:
        """A step and what it asks for; nothing where a service has only one that asks for nothing."""
        wanted = self.wanted(service, step, needs)
        several = service is not None and len(service.steps) > 1
        if not several or not wanted:
            return self.say("lines.asked", wanted=wanted) if wanted else ""
        return self.say("lines.step_asked", step=step + 1, wanted=wanted)

    def menu(self, fact: f.MenuPassed, centre: Centre) -> str:
        """The way through the menu."""
        chosen = self.service(centre, fact.service) if fact.service else "–"
        outcome = self.say(f"menu.{fact.outcome}", service=chosen)
        found = [self.say("lines.menu", entry=fact.entry, nodes=" › ".join(fact.nodes),
                          lasted=self.lasts(fact.lasted_s), outcome=outcome)]
        if fact.timeouts:
            found.append(self.say("lines.menu_timeouts", count=fact.timeouts))
        if fact.wrong:
            found.append(self.say("lines.menu_wrong", count=fact.wrong))
        return ", ".join(found)

    def closed(self, fact: f.OfferClosed) -> str:
        """How an offer ended without a connection."""
        reason = fact.reason
        if reason.startswith("callback_"):
            return self.say("lines.callback_missed", agent=fact.agent, why=self.tried(reason[9:]))
        withdrawn = self.say("withdrawn")
        secret = reason in PRIVATE_ENDS and not self.needs
        told = fact.rang_s and (self.needs or reason != "no_answer")  # how long it may ring is a rule of the profile
        return self.say("lines.not_connected", agent=fact.agent,
                        why=withdrawn if secret else self.say_if_known("ends", reason, withdrawn),
                        rang=self.say("lines.rang", time=self.lasts(fact.rang_s)) if told else "")

    def tried(self, reason: str) -> str:
        """Why a try to call back failed."""
        return self.say_if_known("tries", reason, reason)

    def ended(self, fact: f.Ended) -> str:
        """The one outcome."""
        outcome = self.say(f"outcomes.{fact.outcome}")
        said = self.say_if_known("needless", fact.key, outcome)
        key = self.say("lines.by_key", key=fact.key) if fact.key and said == outcome else ""
        where = self.say("lines.at_place", place=fact.position) if fact.position else ""
        return f"{said}{key}; {self.say('lines.waited', time=self.lasts(fact.wait_s))}{where}"

    def talked(self, fact: tf.TalkOver, centre: Centre) -> str:
        """The end of a talk."""
        sent_on = self.say("lines.sent_on", service=self.service(centre, fact.to or fact.service))
        return self.say("lines.talk_ended", agent=fact.agent, talked=self.lasts(fact.talk_s),
                        held=self.say("lines.on_hold", time=self.lasts(fact.held_s)) if fact.held_s else "",
                        by=self.say_if_known("by", fact.by, sent_on))

    def called_back(self, fact: f.CallbackChanged, beside: float) -> str:
        """What became of a callback."""
        if fact.reason == "asked":
            later = fact.not_before > fact.at + 1.0
            return self.say("lines.callback_asked", later=self.say(
                "lines.not_before", time=self.clock(fact.not_before, beside)) if later else "")
        if fact.reason == "reached":
            return self.say("lines.callback_reached")
        return self.say("lines.callback_failed", tries=fact.tries, why=self.tried(fact.reason),
                        time=self.clock(fact.not_before, beside))
